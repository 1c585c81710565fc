"""The recipe: raw log -> windows -> train, validation and test as Parquet, with templates and statistics beside them.

Odd here: windows of a build hold only lines that fit the format, as the published preparation has it; the others go
to `unparsed.jsonl` with their numbers, and are counted. Line numbers run on over several raw files. Templates are
mined from the train split alone: not from validation, not from test, whose unseen templates are then counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from tqdm.auto import tqdm

from .drain import TemplateMiner
from .errors import LogInputError
from .parsing import LogLine, parse_lines, read_lines, read_session_labels
from .rules import LogSystem, WindowRule
from .splitting import after_gap, check_shares, hold_out, shuffled, split_positions
from .storing import STATISTICS, TEMPLATES, UNPARSED, configuration_folder, write_readme, write_windows
from .systems import get_system
from .windows import Window, make_windows

Split = Literal["paper", "chronological"]


def build(
    system: str | LogSystem,
    raw: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    labels: str | Path | None = None,
    split: Split = "paper",
    window: WindowRule | None = None,
    train_share: float = 0.8,
    validation_share: float = 0.1,
    seed: int = 42,
    progress: bool = True,
) -> dict[str, Any]:
    """Build the windows of a raw log into OUT/NAME and return the statistics.

    `raw` is one log or several that follow each other. `labels` is the session label file; without it a session
    system is built unlabelled. `split="paper"` shuffles the sessions of a system that the paper shuffles, with
    `seed`; everything else is cut in time: the first `train_share` of the parsed lines (or of the sessions, by their
    first line), and no window crosses the cut. `validation_share` is the tail of the training windows. Where windows
    overlap, one window is left out at each cut.

    Raises `LogInputError` where the input or a setting cannot be used.
    """
    row = get_system(system) if isinstance(system, str) else system
    row = row if window is None else row.with_window(window)
    check_shares(train_share, validation_share)
    if split not in ("paper", "chronological"):
        raise LogInputError(f"split must be 'paper' or 'chronological'; found {split!r}.")
    files = [Path(raw)] if isinstance(raw, str | Path) else [Path(one) for one in raw]
    if not files:
        raise LogInputError("At least one raw log must be given; found none.")
    session_labels = read_session_labels(labels) if labels is not None else None
    lines, unparsed = _read(files, row, progress)
    if not lines:
        raise LogInputError(
            f"Some lines must fit the format of {row.name}; of {len(unparsed):,} lines in {files[0]} none did. "
            "Check the system name, or leave it out to have the format guessed."
        )
    parts = _split(lines, row, session_labels, split, train_share, validation_share, seed)
    label_counts = _check_labels(parts, session_labels, labels)
    with configuration_folder(Path(out), row.name) as folder:
        statistics = _write(folder, parts, lines, row, progress)
        statistics = {
            "name": row.name,
            "title": row.title,
            "system": row.to_dict(),
            "split": split,
            "seed": seed,
            "train_share": train_share,
            "validation_share": validation_share,
            "sources": [{"file": file.name, "bytes": file.stat().st_size} for file in files],
            "lines": {"read": len(lines) + len(unparsed), "parsed": len(lines), "unparsed": len(unparsed)},
            "labels": label_counts,
            **statistics,
        }
        if unparsed:
            with (folder / UNPARSED).open("w", encoding="utf-8") as stream:
                for line in unparsed:
                    stream.write(json.dumps({"number": line.number, "text": line.raw}) + "\n")
        (folder / STATISTICS).write_text(json.dumps(statistics, indent=1, ensure_ascii=False) + "\n", "utf-8")
    write_readme(Path(out))
    return statistics


def _read(files: Sequence[Path], system: LogSystem, progress: bool) -> tuple[list[LogLine], list[LogLine]]:
    """(lines that fit the format, lines that do not)."""
    lines: list[LogLine] = []
    unparsed: list[LogLine] = []
    raw = (line for file in files for line in read_lines(file, system.encoding))
    counted = tqdm(raw, desc="reading", unit=" lines", unit_scale=True, disable=not progress)
    for line in parse_lines(counted, system):
        (lines if line.parsed else unparsed).append(line)
    return lines, unparsed


def _split(
    lines: list[LogLine],
    system: LogSystem,
    session_labels: dict[str, int] | None,
    split: Split,
    train_share: float,
    validation_share: float,
    seed: int,
) -> dict[str, list[Window]]:
    rule = system.window
    if rule.kind == "session":
        windows = list(make_windows(lines, rule, session_labels, keep_unparsed=False))
        order = list(range(len(windows)))
        if split == "paper" and system.paper_split == "sessions":
            order = shuffled([one.window_id for one in windows], seed)
        positions = split_positions(order, train_share, validation_share)
        return {name: [windows[at] for at in part] for name, part in positions.items()}
    cut = int(len(lines) * train_share)
    before, after = (
        list(make_windows(part, rule, session_labels, keep_unparsed=False)) for part in (lines[:cut], lines[cut:])
    )
    train, validation = hold_out(before, validation_share, rule)
    if rule.overlaps and before and after:
        after = after_gap(after, before[-1], rule)
    return {"train": train, "validation": validation, "test": after}


def _check_labels(
    parts: dict[str, list[Window]], session_labels: dict[str, int] | None, labels: str | Path | None
) -> dict[str, int] | None:
    """How far the label file and the log agree; `LogInputError` where they share nothing."""
    if session_labels is None:
        return None
    unlabelled = sum(window.label is None for windows in parts.values() for window in windows)
    named = {window.window_id for windows in parts.values() for window in windows} & session_labels.keys()
    if not named and not any(window.label is not None for windows in parts.values() for window in windows):
        raise LogInputError(
            f"The label file must belong to the log; none of its {len(session_labels):,} sessions occurs there "
            f"({labels}). Give the label file of this log, or none."
        )
    return {
        "given": len(session_labels),
        "used": len(named),
        "labels_without_session": len(session_labels) - len(named),
        "windows_without_label": unlabelled,
    }


def _write(
    folder: Path, parts: dict[str, list[Window]], lines: list[LogLine], system: LogSystem, progress: bool
) -> dict[str, Any]:
    """Mine the templates, write the splits and the template table; returns the statistics of both."""
    miner = TemplateMiner(system.drain)
    training = {number for window in parts["train"] for number in window.line_numbers}
    learnt = tqdm(lines, desc="mining templates", unit=" lines", unit_scale=True, disable=not progress)
    for line in learnt:
        if line.number in training:
            miner.add(line.content)
    table = miner.table()
    (folder / TEMPLATES).write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", "utf-8")
    splits = {}
    for name, windows in parts.items():
        unseen = 0

        def keys(windows: Iterable[Window] = windows) -> Iterator[list[str]]:
            nonlocal unseen
            for window in windows:
                found = [miner.match(content) or "" for content in window.lines]
                unseen += found.count("")
                yield found

        shown = tqdm(windows, desc=f"writing {name}", unit=" windows", unit_scale=True, disable=not progress)
        path = folder / f"{name}-00000-of-00001.parquet"
        checksum = write_windows(path, windows, keys(shown), system.label_rule == "line")
        if not windows:
            path.unlink()
        splits[name] = {**_count(windows), "lines_without_template": unseen, "sha256": checksum}
    count = len(table["templates"])
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.glob("*.parquet"))}
    checksum = hashlib.sha256("".join(f"{name} {digest}\n" for name, digest in files.items()).encode()).hexdigest()
    statistics = {"checksum": checksum, "files": files, "splits": splits}
    return {**statistics, "templates": {"count": count, "mined_on": "train", "messages": len(training)}}


def _count(windows: Sequence[Window]) -> dict[str, Any]:
    anomalous = sum(window.label == 1 for window in windows)
    normal = sum(window.label == 0 for window in windows)
    return {
        "windows": len(windows),
        "messages": sum(len(window.lines) for window in windows),
        "anomalous": anomalous,
        "normal": normal,
        "unlabelled": len(windows) - anomalous - normal,
        "anomalous_share": anomalous / len(windows) if windows else 0.0,
    }
