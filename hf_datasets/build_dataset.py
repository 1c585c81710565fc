"""The recipe: raw log -> windows -> train, validation and test as Parquet, with templates and statistics beside them.

Notes: Windows of a build hold only lines that fit the format, as the published preparation has it; the others go
to `unparsed.jsonl` with their numbers, and are counted. Line numbers run on over several raw files. Templates are
mined from the train split alone: not from validation, not from test, whose unseen templates are then counted. All
decisions are made on integer columns (`ingest.Log`); texts are read again when they are written.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from .columnar.column_files import BLOCK, Spool, blocks, let_go
from .columnar.message_codes import Channel
from .columnar.parquet_shards import Output, plan_shards, write_shards, write_shards_side_by_side
from .columnar.read_log import Log, contents_again, line_span, log_files, read_log, useful_processes
from .columnar.session_labels import LABEL_FILE, SessionLabels
from .columnar.window_index import Grouping
from .columnar.workers import Workers
from .drain import MAX_CHARACTERS, TemplateMiner
from .errors import LogInputError
from .reading.archives import holds
from .reading.lines import read_lines
from .simulation.marker import is_simulated
from .splitting import SPLITS, check_shares, split_windows, window_names
from .statistics import label_counts, paper_difference, split_counts
from .storing import (
    STATISTICS,
    TEMPLATES,
    UNPARSED,
    configuration_folder,
    window_schema,
    write_readme,
    write_template_table,
)
from .systems.rules import LogSystem, WindowRule
from .systems.systems import get_system, looks_like_another

Split = Literal["paper", "chronological"]

# A mini configuration keeps evenly spaced windows up to about this many messages: a few MB.
MINI_MESSAGES = 40_000
_SAMPLE_LINES = 1000


def build(
    system: str | LogSystem,
    raw: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    labels: str | Path | None = None,
    split: Split = "paper",
    window: WindowRule | None = None,
    lines: tuple[int, int] | None = None,
    train_share: float = 0.8,
    validation_share: float = 0.1,
    seed: int = 42,
    mask: Callable[[str], str] | None = None,
    mask_rules: Sequence[tuple[str, str]] | None = None,
    mini: bool = False,
    processes: int = 1,
    progress: bool = True,
) -> dict[str, Any]:
    """Build the windows of a raw log into OUT/NAME and return the statistics.

    `raw` is one log or several that follow each other, packed or not, or a folder that holds them. `labels` is the
    session label file (or an archive with it); without it, and without one in that folder or in that (zip)
    archive, a session system is built unlabelled. `split="paper"` shuffles the sessions of a system that the paper shuffles,
    with `seed`; everything else is cut in time: the first `train_share` of the parsed lines (or of the sessions, by
    their first line), and no window crosses the cut. `validation_share` is the tail of the training windows. Where
    windows overlap, one window is left out at each cut. `lines` is the half-open range of lines to read, counted from
    0; by default the paper's slice where the log reaches it. `mask` adds a column `masked`; `mask_rules`, its
    (pattern, replacement) pairs in order, let it be applied to distinct lines only. `mini` keeps a few MB of evenly
    spaced windows, as a configuration NAME-mini. `processes` share the work, to the same bytes; a packed or a short log
    gets one. They are started afresh, so a script that asks for several calls from under
    `if __name__ == "__main__":`, and its `mask` must be a function of a module.

    Raises `LogInputError` where the input or a setting cannot be used, and where the log is clearly that of another
    published system.
    """
    row = get_system(system) if isinstance(system, str) else system
    row = row if window is None else row.with_window(window)
    check_shares(train_share, validation_share)
    if split not in ("paper", "chronological"):
        raise LogInputError(f"split must be 'paper' or 'chronological', found {split!r}: name one of them")
    files = log_files(raw, row)
    _refuse_another(files[0], row)
    count = useful_processes(files, processes)
    beside = files[0].parent / LABEL_FILE
    if labels is None and row.label_rule == "session" and Path(str(raw)).is_dir() and beside.exists():
        labels = beside
    if labels is None and row.label_rule == "session" and holds(files[0], LABEL_FILE):
        labels = files[0]  # the published archive of HDFS carries them
    session_labels = SessionLabels(labels) if labels is not None else None
    name = f"{row.name}-mini" if mini else row.name
    try:
        with (
            configuration_folder(Path(out), name) as folder,
            Workers(count) if count > 1 else nullcontext() as workers,
        ):
            span, span_reason = line_span(files, row, lines)
            channels = [Channel(TemplateMiner(row.drain).mask, row.drain.masks, MAX_CHARACTERS)]
            if mask is not None:
                channels.append(Channel(mask, mask_rules))
            spool = Spool(folder / ".columns")
            log = read_log(files, row, channels, span, folder / UNPARSED, progress, workers=workers, spool=spool)
            shuffle = split == "paper" and row.paper_split == "sessions"
            windows, splits = split_windows(log, row.window, train_share, validation_share, seed if shuffle else None)
            if mini:
                windows, splits = _thinned(windows, splits)
            of_session = session_labels.of(log.session_names) if session_labels is not None else None
            known = label_counts(windows, of_session, len(session_labels or ()), labels)
            del session_labels
            window_labels = _window_labels(log, windows, of_session)
            miner = _mine(log, windows, splits["train"], channels[0], row)
            output = _output(log, windows, window_labels, miner, channels, row)
            shards = plan_shards(splits, windows)
            if workers is None:
                checksums = write_shards(folder, output, shards, contents_again(files, row, span, progress))
            else:
                again = partial(contents_again, files, row, span, False)
                checksums = write_shards_side_by_side(folder, output, shards, again, workers)
            table = miner.table()
            (folder / TEMPLATES).write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", "utf-8")
            write_template_table(folder, table)
            counted = split_counts(windows, splits, window_labels, output, log)
            shutil.rmtree(folder / ".columns")
            for part, counts in counted.items():
                counts["sha256"] = checksums.get(part, hashlib.sha256().hexdigest())
            statistics = {
                "name": name,
                "title": row.title,
                "system": row.to_dict(),
                "split": split,
                "seed": seed,
                "train_share": train_share,
                "validation_share": validation_share,
                "sources": [
                    {"file": file.name, "bytes": file.stat().st_size}
                    | ({"simulated": True} if is_simulated(file) else {})
                    for file in files
                ],
                "slice": {"lines": list(span) if span else None, "why": span_reason},
                "lines": {"read": log.lines, "parsed": len(log), "unparsed": log.unparsed},
                "labels": known,
                **_file_checksums(folder),
                "splits": counted,
                "templates": {
                    "count": len(table["templates"]),
                    "mined_on": "train",
                    "messages": sum(one["count"] for one in table["templates"]),
                },
                "paper": paper_difference(row, counted, window is None and lines is None and not mini),
            }
            text = json.dumps(statistics, indent=1, ensure_ascii=False) + "\n"
            (folder / STATISTICS).write_text(text, "utf-8")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise LogInputError(
            f"The output must fit on its disk, found that the disk of {out} is full. Nothing was "
            "changed there: free some space, or name a folder on another disk"
        ) from error
    write_readme(Path(out))
    return json.loads(text)


def _refuse_another(file: Path, system: LogSystem) -> None:
    other = looks_like_another(list(islice(read_lines(file, system.encoding), _SAMPLE_LINES)), system)
    if other is not None:
        raise LogInputError(
            f"The log must be one of {system.name}, found first lines of {file} that look like "
            f"{other.name} ({other.title}): build it as {other.name}, or name the log of {system.name}"
        )


def _thinned(windows: Grouping, splits: dict[str, range]) -> tuple[Grouping, dict[str, range]]:
    """Every k-th window of every split, k so that `MINI_MESSAGES` messages are left."""
    every = max(1, -(-int(windows.offsets[-1]) // MINI_MESSAGES))
    kept = {name: list(part)[::every] for name, part in splits.items()}
    fresh, at = {}, 0
    for name, part in kept.items():
        fresh[name] = range(at, at + len(part))
        at += len(part)
    return windows.taken(np.array([one for part in kept.values() for one in part], np.int64)), fresh


def _window_labels(log: Log, windows: Grouping, of_session: np.ndarray | None) -> np.ndarray:
    """1, 0 or -1 (unknown) a window, as `windows.make_windows` decides."""
    labels = windows.reduced(log.labels)
    if of_session is None or not len(windows):
        return labels
    named = windows.sessions >= 0
    if named.any():  # session windows; loose lines name no session
        found = of_session[windows.sessions[named]]
        labels[named] = np.where(found >= 0, found, labels[named])
        return labels
    of_row = np.full(len(log), -1, np.int8)
    np.maximum.at(of_row, log.pair_rows, of_session[log.pair_sessions])
    found = windows.reduced(of_row)
    return np.where(found >= 0, found, labels)


def _mine(log: Log, windows: Grouping, train: range, channel: Channel, system: LogSystem) -> TemplateMiner:
    """Drain, taught every line of the train windows once, in the order of the log."""
    miner = TemplateMiner(system.drain)
    training = np.zeros(len(log), bool)
    begin, end = windows.offsets[[train.start, train.stop]] if len(train) else (0, 0)
    for first, last in blocks(int(end - begin)):
        training[windows.rows[begin + first : begin + last]] = True
        let_go(windows.rows)
    texts = channel.texts
    for first, last in blocks(len(log), 8 * BLOCK):
        miner.add_codes(log.codes[0][first:last][training[first:last]], texts)
        let_go(log.codes[0])
    return miner


def _output(
    log: Log,
    windows: Grouping,
    labels: np.ndarray,
    miner: TemplateMiner,
    channels: Sequence[Channel],
    system: LogSystem,
) -> Output:
    key_of = [miner.match_masked(text) or "" for text in channels[0].texts]
    distinct = {key: at for at, key in enumerate(dict.fromkeys(["", *key_of]))}
    masked = channels[1] if len(channels) > 1 else None
    return Output(
        log=log,
        windows=windows,
        window_ids=window_names(log, windows),
        labels=labels,
        keys=pa.array(list(distinct), pa.string()),
        key_of=np.array([distinct[key] for key in key_of], np.int32),
        masked=masked.table() if masked else None,
        masked_codes=log.codes[1] if masked else None,
        schema=window_schema(system.label_rule == "line", masked is not None),
    )


def _file_checksums(folder: Path) -> dict[str, Any]:
    """SHA-256 of every window file, and one over them all."""
    found = [path for split in SPLITS for path in sorted(folder.glob(f"{split}-*.parquet"))]
    files = {}
    for path in found:
        with path.open("rb") as stream:
            files[path.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    text = "".join(f"{name} {digest}\n" for name, digest in files.items())
    return {"checksum": hashlib.sha256(text.encode()).hexdigest(), "files": files}
