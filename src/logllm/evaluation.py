"""How good a detector is on labelled windows, with the simple baselines of every table beside it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from datasets import Dataset

from logllm.decision.detector import Detector
from logllm.errors import LogllmError
from logllm.verdict import Verdict

BLOCK = 2048  # count vectors that are compared at once


def evaluate_rows(detector: Detector, rows: Dataset) -> dict[str, Any]:
    """Score the labelled windows of a split; the metrics of `detection_metrics` plus `windows` and `seconds`.

    LogLLM's have `log_odds_0` besides: the decision of the paper, the more probable answer, on the same scores.
    """
    known = [i for i, label in enumerate(rows["label"]) if label in (0, 1)]
    labels = [rows["label"][i] for i in known]
    started = time.perf_counter()
    scores = detector.scores(rows.select(known)["lines"])
    result = measure(scores, labels, detector.threshold, time.perf_counter() - started)
    return result | (by_the_answer(scores, labels) if detector.family == "logllm" else {})


def by_the_answer(scores: Sequence[float], labels: Sequence[int]) -> dict[str, dict[str, float | int]]:
    """What LogLLM's paper would decide, the more probable answer: figures at log-odds 0.

    >>> by_the_answer([-1.0, 2.0], [0, 1])["log_odds_0"]["f1"]
    1.0
    """
    from logllm.trainers.metrics import detection_metrics

    found = detection_metrics(scores, labels, 0.0)
    return {"log_odds_0": {name: found[name] for name in ("precision", "recall", "f1", "tp", "fp", "fn", "tn")}}


def evaluate_verdicts(verdicts: Iterable[Verdict], log_odds: bool = False) -> dict[str, Any]:
    """Measure verdicts that carry true labels; those without are left out and counted as `windows_without_label`.

    `log_odds`: the scores are LogLLM's; the decision of its paper is measured besides, as in `evaluate_rows`.
    """
    started = time.perf_counter()
    everything = list(verdicts)
    seconds = time.perf_counter() - started
    known = [verdict for verdict in everything if verdict.label is not None]
    threshold = everything[0].threshold if everything else 0.0
    scores, labels = [v.score for v in known], [v.label or 0 for v in known]
    result = measure(scores, labels, threshold, seconds) | (by_the_answer(scores, labels) if log_odds else {})
    return {**result, "windows_without_label": len(everything) - len(known)}


def measure(scores: Sequence[float], labels: Sequence[int], threshold: float, seconds: float) -> dict[str, Any]:
    """Return the metrics of `detection_metrics` plus `windows` and `seconds`."""
    from logllm.trainers.metrics import detection_metrics

    if not labels:
        raise LogllmError(
            "at least one window must have a label to be measured on, found none: give --labels, or a split with labels"
        )
    return {**detection_metrics(scores, labels, threshold), "windows": len(labels), "seconds": round(seconds, 3)}


BASELINES = ("flag everything", "new template", "a count vector never seen", "nearest labelled count vector")


def baseline_metrics(train: Dataset, test: Dataset) -> dict[str, dict[str, Any]]:
    """Measure the simple baselines on a split: three that see normal training windows only, and one that sees labels.

    Each has a threshold of its own, so that none needs validation windows.
    """
    labels, windows = test["label"][:], test["keys"][:]
    normal = [keys for keys, label in zip(train["keys"], train["label"]) if label != 1]
    anomalous = [keys for keys, label in zip(train["keys"], train["label"]) if label == 1]
    judges: dict[str, Callable[[], list[float]]] = {
        BASELINES[0]: lambda: [score - 0.5 for score in flag_everything(windows)],
        BASELINES[1]: lambda: [score - 0.5 for score in new_template(normal, windows)],
        BASELINES[2]: lambda: [distance - 0.5 for distance in count_distances(normal, windows)],
    }
    if anomalous:
        judges[BASELINES[3]] = lambda: nearest_label(normal, anomalous, windows)
    results = {}
    for name, judge in judges.items():
        started = time.perf_counter()
        scores = judge()
        results[name] = measure(scores, labels, 0.0, time.perf_counter() - started)
    return results


def nearest_label(
    normal: Sequence[Sequence[str]], anomalous: Sequence[Sequence[str]], windows: Sequence[Sequence[str]]
) -> list[float]:
    """Score a window by how much nearer its key counts are to an anomalous training window's than to a normal one's.

    >>> nearest_label([["a", "b"]], [["a", "a", "a"]], [["a", "a"], ["b"]])
    [0.41421353816986084, -2.1622776985168457]
    """
    near, far = count_distances(normal, windows), count_distances(anomalous, windows)
    return [one - other for one, other in zip(near, far)]


def count_distances(training: Sequence[Sequence[str]], windows: Sequence[Sequence[str]]) -> list[float]:
    """Euclidean distance of each window's key counts to the nearest of some training windows; equal counts are at 0.

    A rule without any model, which solves HDFS nearly. Distinct count vectors are compared, in blocks.

    >>> count_distances([["a", "b"]], [["b", "a"], ["a", "a"]])
    [0.0, 1.4142135381698608]
    """
    numbers = {key: i for i, key in enumerate(sorted({key for window in (*training, *windows) for key in window}))}
    if not len(training):
        return [float(len(window)) for window in windows]

    def vectors(some: Sequence[tuple[tuple[str, int], ...]]) -> np.ndarray:
        rows = np.zeros((len(some), len(numbers)), np.float32)
        for row, counts in zip(rows, some):
            for key, times in counts:
                row[numbers[key]] = times
        return rows

    def counted(window: Sequence[str]) -> tuple[tuple[str, int], ...]:
        return tuple(sorted(Counter(window).items()))

    known = list(dict.fromkeys(map(counted, training)))
    asked = list(dict.fromkeys(map(counted, windows)))
    nearest: dict[tuple[tuple[str, int], ...], float] = dict.fromkeys(set(known), 0.0)
    new = [counts for counts in asked if counts not in nearest]
    for start in range(0, len(new), BLOCK):
        some = vectors(new[start : start + BLOCK])  # (n, K)
        best = np.full(len(some), np.inf, np.float32)
        for begin in range(0, len(known), BLOCK):
            other = vectors(known[begin : begin + BLOCK])  # (m, K)
            squares = (some**2).sum(1)[:, None] + (other**2).sum(1) - 2 * some @ other.T
            best = np.minimum(best, squares.min(1))
        nearest.update(zip(new[start : start + BLOCK], np.sqrt(np.maximum(best, 0.0)).tolist()))
    return [nearest[counted(window)] for window in windows]


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
