"""`logllm scan`: judge logs with a checkpoint, or learn what is normal from their first part and judge the rest.

What is peculiar here:
- Without a checkpoint nothing is known, so the first part of the windows is taken as normal; whatever is odd in it
  is learnt as normal too. The verdicts are of the rest only, and the result says so.
- The threshold comes from the tail of that first part. It may hold anomalies, so it is set robustly: by a quantile of
  what is left when the windows far outside of the others have been put aside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from logllm.detector import Counts, LogAnomalyDetector
from logllm.errors import LogllmError
from logllm.hf_datasets import (
    LogSystem,
    TemplateMiner,
    Window,
    get_system,
    guess_system,
    make_windows,
    parse_lines,
    read_lines,
)
from logllm.verdict import Verdict

LEARN_SHARE = 0.6
CALIBRATION_SHARE = 0.2  # of the part that is learnt from
LEARN_STEPS = 1200
LEAST_WINDOWS = 10
SAMPLE_LINES = 1000


@dataclass
class Scan:
    """What was found: verdicts in window order, and what was gone through."""

    system: LogSystem
    threshold: float
    verdicts: list[Verdict]
    counts: Counts
    detector: LogAnomalyDetector
    learnt_from: int = 0  # windows
    notes: list[str] = field(default_factory=list)

    def worst(self, n: int) -> list[Verdict]:
        """The n windows with the highest scores, with evidence."""
        ranked = sorted(self.verdicts, key=lambda verdict: -verdict.score)[:n]
        return [self.detector.explain(verdict) for verdict in ranked]


def read_logs(paths: Sequence[Path], system: LogSystem | None) -> tuple[LogSystem, Iterator[str]]:
    """Open logs as one stream of lines, in the order given; the format is guessed where none is given."""
    first = read_lines(paths[0], "utf-8")
    if system is None:
        system = guess_system(list(islice(first, SAMPLE_LINES)))
    return system, chain.from_iterable(read_lines(path, system.encoding) for path in paths)


def scan_with(
    detector: LogAnomalyDetector, paths: Sequence[Path], session_labels: dict[str, int] | None = None
) -> Scan:
    """Judge logs with a trained detector; flagged windows come with evidence."""
    _, lines = read_logs(paths, detector.system)
    verdicts = list(detector.scan(lines, session_labels=session_labels))
    notes = []
    if detector.counts.unparsed > detector.counts.lines / 2:
        notes.append(
            f"{detector.counts.unparsed:,} of {detector.counts.lines:,} lines do not fit the format "
            f"{detector.system.name} that the checkpoint was trained on"
        )
    return Scan(detector.system, detector.threshold, verdicts, detector.counts, detector, notes=notes)


def scan_unknown(
    paths: Sequence[Path],
    system: LogSystem | str | None = None,
    session_labels: dict[str, int] | None = None,
    *,
    seed: int = 0,
    progress: bool = True,
) -> Scan:
    """Learn from the first part of the logs and judge the rest; labels are for the verdicts only, never learnt from."""
    from logllm.training import rows_of, train_detector

    row, lines = read_logs(paths, get_system(system) if isinstance(system, str) else system)
    counts = Counts()
    raw: dict[int, str] = {}

    def remembered():
        for line in parse_lines(lines, row):
            raw[line.number] = line.raw
            counts.lines += 1
            counts.unparsed += not line.parsed
            yield line

    windows = list(make_windows(remembered(), row.window, session_labels))
    if session_labels:
        _check_labels(windows, session_labels)
    if len(windows) < LEAST_WINDOWS:
        raise LogllmError(
            f"a log must give at least {LEAST_WINDOWS} windows to learn from its first part, found {len(windows)} "
            f"({counts.lines:,} lines as {row.title}): give a longer log, or a trained checkpoint with --model"
        )
    cut = int(LEARN_SHARE * len(windows))
    held = max(int(CALIBRATION_SHARE * cut), 1)
    learn, calibrate, judge = windows[: cut - held], windows[cut - held : cut], windows[cut:]
    miner = TemplateMiner(row.drain)
    for window in learn:
        for content in window.lines:
            miner.add(content)
    keys = [[[miner.match(content) or "" for content in w.lines] for w in part] for part in (learn, calibrate)]
    # The labels stay out: this is what a user without labels gets.
    unlabelled = [rows_of([_unlabelled(w) for w in part], k) for part, k in zip((learn, calibrate), keys)]
    detector = train_detector(
        "logllama",
        *unlabelled,
        miner.table(),
        row,
        seed=seed,
        max_steps=LEARN_STEPS,
        reinforce=False,
        progress=progress,
    )
    detector.threshold = robust_threshold(detector.scores([w.lines for w in calibrate]))
    verdicts = list(detector.judge(judge, raw, explain="flagged"))
    counts.windows, counts.flagged = len(verdicts), sum(v.is_anomalous for v in verdicts)
    return Scan(row, detector.threshold, verdicts, counts, detector, learnt_from=cut)


def robust_threshold(scores: Sequence[float], rate: float = 0.01) -> float:
    """Set a threshold on scores that may hold a few anomalies.

    Scores above the third quartile plus three times the interquartile range (Tukey's far outliers, at least one nat
    away) are put aside, as long as that is no more than one in twenty; of the rest, the conformal quantile at `rate`.
    """
    from logllm.trainers.metrics import false_alarm_threshold

    s = np.asarray(scores, dtype=float)
    low, high = np.quantile(s, [0.25, 0.75])
    kept = s[s <= high + 3 * max(high - low, 1 / 3)]
    return false_alarm_threshold((kept if len(kept) >= 0.95 * len(s) else s).tolist(), rate)


def _unlabelled(window: Window) -> Window:
    return Window(window.window_id, window.lines, window.line_numbers, None, None, None, None)


def _check_labels(windows: Sequence[Window], labels: Mapping[str, int]) -> None:
    if not any(window.window_id in labels for window in windows):
        example: Any = next(iter(labels))
        raise LogllmError(
            f"the label file must belong to the log, found none of its {len(labels):,} sessions (such as {example}) "
            "in the log: give the label file of this log, or none"
        )


def write_scan_report(found: Scan, path: Path, title: str) -> None:
    """Write a scan as one self-contained HTML file; every flagged window and the ten worst are in it."""
    from logllm.report import write_report

    wanted = {verdict.window_id for verdict in found.worst(10)}
    verdicts = [found.detector.explain(v) if v.window_id in wanted else v for v in found.verdicts]
    write_report(
        path,
        verdicts,
        title=title,
        threshold=found.threshold,
        system=found.system.title,
        counts={"lines": found.counts.lines, "unparsed": found.counts.unparsed},
    )
