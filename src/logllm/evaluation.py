"""How good a detector is on labelled windows, with the two baselines of every table beside it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from datasets import Dataset

from logllm.decision.detector import Detector
from logllm.errors import LogllmError
from logllm.verdict import Verdict


def evaluate_rows(detector: Detector, rows: Dataset) -> dict[str, Any]:
    """Score the labelled windows of a split; the metrics of `detection_metrics` plus `windows` and `seconds`."""
    known = [i for i, label in enumerate(rows["label"]) if label in (0, 1)]
    started = time.perf_counter()
    scores = detector.scores(rows.select(known)["lines"])
    return measure(scores, [rows["label"][i] for i in known], detector.threshold, time.perf_counter() - started)


def evaluate_verdicts(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Measure verdicts that carry true labels; those without are left out and counted as `windows_without_label`."""
    started = time.perf_counter()
    everything = list(verdicts)
    seconds = time.perf_counter() - started
    known = [verdict for verdict in everything if verdict.label is not None]
    threshold = everything[0].threshold if everything else 0.0
    result = measure([v.score for v in known], [v.label or 0 for v in known], threshold, seconds)
    return {**result, "windows_without_label": len(everything) - len(known)}


def measure(scores: Sequence[float], labels: Sequence[int], threshold: float, seconds: float) -> dict[str, Any]:
    """Return the metrics of `detection_metrics` plus `windows` and `seconds`."""
    from logllm.trainers.metrics import detection_metrics

    if not labels:
        raise LogllmError(
            "at least one window must have a label to be measured on, found none: give --labels, or a split with labels"
        )
    return {**detection_metrics(scores, labels, threshold), "windows": len(labels), "seconds": round(seconds, 3)}


def baseline_metrics(train: Dataset, test: Dataset) -> dict[str, dict[str, Any]]:
    """Measure the two simple baselines on a split: they see normal training windows only."""
    labels = test["label"][:]
    normal = [keys for keys, label in zip(train["keys"], train["label"]) if label != 1]
    results = {}
    for name, judge in (("flag everything", flag_everything), ("new template", lambda w: new_template(normal, w))):
        started = time.perf_counter()
        scores = judge(test["keys"][:])
        results[name] = measure(scores, labels, 0.5, time.perf_counter() - started)
    return results


def flag_everything(windows: Sequence[Sequence[str]]) -> list[float]:
    """Score every window 1: the floor below which a detector is worth nothing.

    >>> flag_everything([["a"], ["b"]])
    [1.0, 1.0]
    """
    return [1.0] * len(windows)


def new_template(training: Iterable[Sequence[str]], windows: Sequence[Sequence[str]]) -> list[float]:
    """Score a window by how many of its lines have a template that normal training windows never had ("" = none).

    >>> new_template([["a", "b"]], [["a"], ["a", "c", ""]])
    [0.0, 2.0]
    """
    known = {key for window in training for key in window} - {""}
    return [float(sum(key not in known for key in window)) for window in windows]
