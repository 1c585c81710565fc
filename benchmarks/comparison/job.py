"""One job of the bench: fit a method on a split, set its threshold on the training side, measure it on the test part.

Notes: The threshold never sees the test part. Methods that learn labels take the best F1 on validation windows (or
their undecided score where fewer than three of those are anomalous), rules that have one keep theirs, our own
detectors the threshold that their training sets, all others the score that one
in a thousand normal validation windows may exceed, which with fewer windows than that is the highest of their scores;
the F1 that one in a hundred would give stands beside it, and `best_f1`, which nobody could have known.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from benchmarks.comparison.methods import Method
from benchmarks.comparison.systems import Part, Split
from benchmarks.metrics.log_anomaly.measures import anomaly_metrics, cells

RATE = 0.001  # as LogLLaMA's default (src/logllm/training/train.py)
OTHER_RATE = 0.01
LEAST_ANOMALIES = 3
CURVE_POINTS = 60


def threshold_of(method: Method, model: Any, validation: Part, rate: float = RATE) -> tuple[float, str]:
    """The threshold of a fitted method, and where it comes from."""
    from logllm.trainers.metrics import best_f1_threshold, false_alarm_threshold

    if method.fixed is not None:
        return method.fixed, "the rule's own"
    if hasattr(model, "calibrated"):
        return model.calibrated
    if method.learns == "labels":
        if sum(validation.labels) < LEAST_ANOMALIES:
            return method.undecided, "undecided: too few anomalous validation windows"
        scores = model.score(getattr(validation, method.reads))
        return best_f1_threshold(scores, validation.labels, prefer=method.undecided), "best F1 on validation windows"
    normal = validation.normal()
    if not len(normal):
        return math.nan, "no normal validation windows"
    scores = model.score(getattr(normal, method.reads))
    return false_alarm_threshold(scores, rate), f"{rate:g} of {len(normal)} normal validation windows"


def fit(method: Method, model: Any, split: Split) -> Any:
    """Fit a method: it sees what its row says, and no more."""
    part = split.train if method.learns in ("labels", "some") else split.train.normal()
    windows = getattr(part, method.reads)
    if method.learns == "labels":
        model.fit(windows, part.labels)
    elif method.learns == "some":
        model.fit(windows, [0 if label == 0 else -1 for label in part.labels])
    else:
        model.fit(windows)
    return model


def judge(method: Method, split: Split, seed: int, test: Part | None = None) -> dict[str, Any]:
    """Fit, calibrate, measure; `test` in place of the split's own test part."""
    test = split.test if test is None else test
    model = method.make(split, seed)
    started = time.perf_counter(), time.process_time()
    fit(method, model, split)
    threshold, reason = threshold_of(method, model, split.validation)
    fitted = time.perf_counter(), time.process_time()
    windows = getattr(test, method.reads)
    scores = model.score(windows)
    done = time.perf_counter(), time.process_time()
    lines = sum(map(len, test.lines))
    line_scores = None
    if test.line_labels is not None and hasattr(model, "line_scores"):
        line_scores = model.line_scores(windows)
    found = measure(split, test, scores, threshold, line_scores)
    if method.fixed is None and method.learns != "labels" and not hasattr(model, "calibrated"):
        other, _ = threshold_of(method, model, split.validation, OTHER_RATE)
        if not math.isnan(other):
            found["f1_at_other_rate"] = anomaly_metrics(scores, test.labels, other, draws=0)["f1"]
    if hasattr(model, "own_threshold"):  # the paper's decision rule
        theirs = model.own_scores(windows) if hasattr(model, "own_scores") else scores
        own = anomaly_metrics(theirs, test.labels, model.own_threshold, draws=0)
        found["own_rule"] = {name: own[name] for name in ("precision", "recall", "f1", "tp", "fp", "fn")}
    if hasattr(model, "others"):  # the same model by other rules
        names = ("precision", "recall", "f1", "auroc", "pr_auc", "tp", "fp", "fn")
        found["others"] = {}
        for name, (theirs, limit) in model.others(windows).items():
            judged = anomaly_metrics(theirs, test.labels, limit, draws=0)
            found["others"][name] = {key: judged[key] for key in names}
    found["false_negatives"] = [i for i, (s, y) in enumerate(zip(scores, test.labels)) if y == 1 and s <= threshold][
        :20
    ]
    return {
        "metrics": found,
        "threshold_from": reason,
        "curve": curve(scores, test.labels) if seed == 0 else None,
        "fit_seconds": round(fitted[0] - started[0], 3),
        "fit_cpu_seconds": round(fitted[1] - started[1], 3),
        "score_seconds": round(done[0] - fitted[0], 4),
        "score_cpu_seconds": round(done[1] - fitted[1], 4),
        "lines_per_cpu_second": round(lines / max(done[1] - fitted[1], 1e-6)),
        "parameters": getattr(model, "parameters", None),
        **({"card": model.card} if seed == 0 and hasattr(model, "card") else {}),
    }


def measure(split: Split, test: Part, scores: Any, threshold: float, line_scores: Any = None) -> dict[str, Any]:
    """The metric with all that the split knows; false alarms per day at the log's own pace."""
    per_day = split.facts.get("windows_per_day")
    return anomaly_metrics(
        scores, test.labels, threshold,
        sequences=[tuple(window) for window in test.masked],
        training_sequences=[tuple(window) for window in split.train.masked],
        lines=sum(map(len, test.lines)),
        seconds=len(test) / per_day * 86400 if per_day else None,
        line_scores=line_scores, line_labels=test.line_labels,
    )  # fmt: skip


def curve(scores: Any, labels: list[int]) -> list[list[float]]:
    """(recall, precision) at no more than some sixty thresholds, for the plots."""
    _, positive, negative = cells(np.asarray(scores, dtype=float), np.asarray(labels))
    tp, fp = positive.cumsum(), negative.cumsum()
    rows = np.stack((tp / max(tp[-1], 1), tp / (tp + fp)), 1)
    kept = np.unique(np.linspace(0, len(rows) - 1, CURVE_POINTS).astype(int))
    return [[round(float(x), 4) for x in rows[i]] for i in kept]
