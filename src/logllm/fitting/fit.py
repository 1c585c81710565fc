"""`logllm fit` and `logllm update`: a detector from somebody's own log, without labels, and how it keeps up with the log.

Notes:
- Several files are read in the order of their first time stamp, so `app.log*` with its rotated, packed parts is one log.
- `update` moves no old key: new templates are added behind the old ones, the model is trained a little on the new log, and
  the threshold is set anew. The version before is kept beside it, to go back to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from logllm.decision.detector import Detector
from logllm.decision.threshold import Budget
from logllm.errors import LogllmError
from logllm.fitting.encoded_log import EncodedLog, encode_windows
from logllm.fitting.learn import FIT_STEPS, fit_encoded
from logllm.hf_datasets import LogSystem, get_system, guess_system, parse_lines, read_lines
from logllm.hf_datasets.live_windows import IDLE_SECONDS, usual_idle

SAMPLE_LINES = 1000
IDLE_LINES = 200_000


@dataclass
class Fitted:
    """A fitted detector and what is to be said about it."""

    detector: Detector
    budget: Budget
    system: LogSystem
    guessed: bool
    files: list[Path]
    lines: int
    unparsed: int
    trimmed: int

    def in_words(self) -> str:
        """The result for people."""
        how = "guessed; --format overrules it" if self.guessed else "as asked"
        rows = [
            f"{self.lines:,} lines from {len(self.files)} file{'s' if len(self.files) > 1 else ''}, "
            f"read as {self.system.name}: {self.system.title} ({how})"
        ]
        if self.unparsed:
            rows.append(f"{self.unparsed:,} lines do not fit the format and were learnt as they are")
        if self.trimmed:
            rows.append(f"{self.trimmed:,} windows were too unlike the others to be learnt as normal")
        calibration = self.detector.calibration
        if self.system.window.kind == "session" and calibration and calibration.idle_seconds:
            rows.append(f"a session is over after {calibration.idle_seconds:.0f} s without a line")
        rows.append(f"threshold {self.budget.threshold:.2f}: {self.budget.in_words()}")
        return "\n".join(rows)


def in_time_order(paths: Sequence[Path], system: LogSystem) -> list[Path]:
    """Logs sorted by their first time stamp; in the order given where one of them has none."""
    firsts = []
    for path in paths:
        lines = islice(parse_lines(read_lines(path, system.encoding), system), SAMPLE_LINES)
        first = next((line.timestamp for line in lines if line.timestamp is not None), None)
        if first is None:
            return list(paths)
        firsts.append(first)
    return [path for _, _, path in sorted(zip(firsts, range(len(paths)), paths))]


def open_logs(
    paths: Sequence[Path], system: LogSystem | str | None
) -> tuple[LogSystem, bool, list[Path], Iterator[str]]:
    """(how they are read, whether that was guessed, the files in order, their lines)."""
    if not paths:
        raise LogllmError("at least one log must be given, found none: name a file")
    if system is None:
        row = guess_system(list(islice(read_lines(paths[0], "utf-8"), SAMPLE_LINES)))
    else:
        row = get_system(system) if isinstance(system, str) else system
    files = in_time_order(paths, row) if len(paths) > 1 else list(paths)
    lines = chain.from_iterable(read_lines(path, row.encoding) for path in files)
    return row, system is None, files, lines


def fit(
    log: Sequence[Path] | Sequence[str],
    out: Path | None = None,
    *,
    system: LogSystem | str | None = None,
    alarms_per_day: float = 1.0,
    idle: float | None = None,
    severity_weight: float = 1.0,
    clean: bool = False,
    seed: int = 0,
    max_steps: int = FIT_STEPS,
    progress: bool = False,
) -> Fitted:
    """Learn what is normal from an unlabelled log.

    Args:
        log: its files (`Path`), or its lines (`str`).
        out: checkpoint folder to write.
        system: how the log is read; guessed where it is not given.
        alarms_per_day: false alarms that the threshold allows.
        idle: seconds without a line that end a session; found in the log where not given.
        severity_weight: what the severities of lines are multiplied with; 0 leaves them out.
        clean: the log is known to be normal: no window is left out.
        seed: of weights, order and dropout.
        max_steps: optimiser steps at most.
        progress: show bars.

    Raises:
        LogllmError: the log is too short, or there is none.
    """
    if log and all(isinstance(one, Path) for one in log):
        row, guessed, files, _ = open_logs([Path(one) for one in log], system)
    elif system is None:
        row, guessed, files = guess_system([str(line) for line in log[:SAMPLE_LINES]]), True, []
    else:
        row, guessed, files = get_system(system) if isinstance(system, str) else system, False, []

    def lines() -> Iterator[str]:
        return chain.from_iterable(read_lines(path, row.encoding) for path in files) if files else map(str, log)

    idle = idle_of(lines(), row) if idle is None else idle
    encoded = encode_lines(lines(), row, idle, progress)
    detector, budget = fit_encoded(
        encoded,
        row,
        alarms=alarms_per_day,
        idle=idle,
        severity_weight=severity_weight,
        clean=clean,
        seed=seed,
        max_steps=max_steps,
        out=out,
        progress=progress,
    )
    if out is not None:
        detector.save_pretrained(out)
    trimmed = detector.calibration.trimmed if detector.calibration else 0
    return Fitted(detector, budget, row, guessed, files, encoded.lines, encoded.unparsed, trimmed)


def idle_of(lines: Iterable[str], system: LogSystem) -> float:
    """The idle time of a log's sessions, from its beginning."""
    if system.window.kind != "session":
        return IDLE_SECONDS
    return usual_idle(parse_lines(islice(lines, IDLE_LINES), system))


def encode_lines(lines: Any, system: LogSystem, idle: float | None, progress: bool) -> EncodedLog:
    """Read raw lines into windows of codes, with a bar."""
    with tqdm(desc="reading", unit=" lines", unit_scale=True, disable=not progress) as bar:
        return encode_windows(parse_lines(lines, system), system, idle, bar.update)
