"""`logllm fit --with logllm` and `--with both`: a labelled log, with its threshold by alarm budget like any other fit.

Notes:
- The log becomes a dataset beside the checkpoint (`OUT.dataset`), split by time, and LogLLM is trained on its first part
  as `logllm train` does it.
- The budget is set on windows as a watcher cuts them, those of the log's last part that the labels call normal; training
  saw none of them. Labels are the truth here, so nothing is put aside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from logllm.decision.calibration import Calibration
from logllm.decision.detector import Detector
from logllm.decision.threshold import budget_threshold
from logllm.errors import LogllmError
from logllm.fitting.encoded_log import complete_windows, span_seconds
from logllm.fitting.fit import Fitted, encode_lines, idle_of, open_logs
from logllm.fitting.learn import HELD_SHARE
from logllm.hf_datasets import LogSystem, Window, load_windows, parse_lines, read_lines, read_session_labels
from logllm.hf_datasets.live_windows import as_window, live_windows

CHUNK = 256  # windows judged at once
MOST_HELD = 4000  # labelled windows that thresholds are set on, the last ones


def fit_labelled(
    paths: Sequence[Path],
    labels: Path | None,
    out: Path,
    *,
    system: str | None = None,
    preset: str | None = "tiny",
    alarms_per_day: float = 1.0,
    idle: float | None = None,
    seed: int = 0,
    novelty: bool = False,
    severity_weight: float = 1.0,
    progress: bool = True,
    **settings: Any,
) -> Fitted:
    """Train LogLLM on a labelled log and write its checkpoint, calibrated; `settings` go to `train_on`.

    With `novelty` a LogLLaMA of the log's normal windows judges beside it, its lines weighed by `severity_weight` times
    their severity.
    """
    from logllm.fitting.novelty import learn_novelty, set_thresholds
    from logllm.training.building import build_dataset
    from logllm.training.workflows import train_on

    row, guessed, files, _ = open_logs(paths, system)
    if row.label_rule != "line" and labels is None:
        raise LogllmError(
            f"LogLLM must have labels, found none for {row.name}: give --labels, or fit without --with logllm"
        )
    truth = read_session_labels(labels) if labels is not None else {}
    dataset = out.with_name(out.name + ".dataset")
    build_dataset(row, files, dataset, labels=labels, split="chronological", seed=seed, progress=progress)
    train_on("logllm", dataset, row.name, preset, out, seed=seed, progress=progress, **settings)
    detector = Detector.from_pretrained(out)

    def lines() -> Iterator[str]:
        return chain.from_iterable(read_lines(path, row.encoding) for path in files)

    idle = idle_of(lines(), row) if idle is None else idle
    log = encode_lines(lines(), row, idle, progress)
    windows = complete_windows(log.windows, row)
    held = max(int(HELD_SHARE * len(windows)), 1)
    first = windows[-held].first_number
    if novelty:
        rows = load_windows(dataset, row.name)
        joined = learn_novelty(
            rows["train"], rows["validation"], row, severity_weight=severity_weight, seed=seed, progress=progress
        )
        held_back = [(w, text) for w, text in _held_windows(lines, row, first, idle, truth) if w.label is not None]
        held_back = held_back[-MOST_HELD:]
        set_thresholds(
            joined, [w.lines for w, _ in held_back], [text for _, text in held_back], [w.label or 0 for w, _ in held_back],
            detector.scores, row, detector.threshold,
        )  # fmt: skip
        detector.novelty = joined
    scores, counted = _scores_of_normal(detector, lines, first, idle, truth)
    if not scores:
        raise LogllmError(
            "the last quarter of a labelled log must hold normal windows to set the threshold on, found none: give a log "
            "that goes on beyond its anomalies"
        )
    span = span_seconds(windows)
    budget = budget_threshold(scores, alarms_per_day, span and span * len(scores) / len(windows), clean=True)
    detector.threshold = budget.threshold
    detector.calibration = Calibration.of(
        budget,
        scores,
        lineage=hashlib.sha256((out / "training.json").read_bytes()).hexdigest()[:16],
        idle=idle,
        severity_weight=detector.novelty.settings.severity_weight if detector.novelty else 0.0,
        held_lines=counted,
        lines=log.lines,
        unparsed=log.unparsed,
    )
    detector.save_pretrained(out)
    return Fitted(detector, budget, row, guessed, files, log.lines, log.unparsed, trimmed=0)


def _held_windows(
    lines: Callable[[], Iterator[str]], system: LogSystem, first: int, idle: float, truth: dict[str, int]
) -> Iterator[tuple[Window, list[str]]]:
    """Windows that begin at line `first` or later and are over, as a watcher cuts them, with their raw lines."""
    for opened in live_windows(parse_lines(lines(), system), system, idle):
        if opened.over and opened.members[0].number >= first:
            yield as_window(opened, truth), [line.raw for line in opened.members]


def _scores_of_normal(
    detector: Detector, lines: Callable[[], Iterator[str]], first: int, idle: float, truth: dict[str, int]
) -> tuple[list[float], int]:
    """(scores of the normal ones among the held windows, their lines)."""
    scores: list[float] = []
    counted = 0
    held: list[Window] = []
    raw: dict[int, str] = {}
    for window, text in chain(_held_windows(lines, detector.system, first, idle, truth), [(None, [])]):
        if window is not None:
            if window.label != 1:
                held.append(window)
                raw.update(zip(window.line_numbers, text))
                counted += len(window.lines)
            if len(held) < CHUNK:
                continue
        scores += [verdict.score for verdict in detector.judge(held, raw)]
        held, raw = [], {}
    return scores, counted
