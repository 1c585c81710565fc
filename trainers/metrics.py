"""How well scores tell anomalous windows from normal ones: pure functions of plain values.

Tied scores are handled as one step in both curves, so a detector that says the same of everything gets AUROC 0.5 and
its prevalence as PR-AUC, whatever the order of the rows.
"""

from collections.abc import Sequence

import numpy as np


def detection_metrics(scores: Sequence[float], labels: Sequence[int], threshold: float) -> dict[str, float | int]:
    """Measure a detector.

    Args:
        scores: one a window, higher = more anomalous.
        labels: 1 anomalous, 0 normal.
        threshold: a window is called anomalous when its score is above it.

    Returns:
        `precision recall f1` (0 where undefined), raw `tp fp fn tn`, `auroc` and `pr_auc` (average precision; NaN where
        the labels hold one class only), `threshold`.

    >>> detection_metrics([0.1, 0.9, 0.8], [0, 1, 0], 0.5)["precision"]
    0.5
    """
    s, y = np.asarray(scores, dtype=float), np.asarray(labels, dtype=int)
    if s.shape != y.shape:
        raise ValueError(f"scores and labels must have one length, found {s.shape} and {y.shape}")
    if np.isnan(s).any():
        raise ValueError(
            f"scores must be numbers, found {int(np.isnan(s).sum())} NaN, the first at {np.isnan(s).argmax()}"
        )
    flagged = s > threshold
    tp, fp = int((flagged & (y == 1)).sum()), int((flagged & (y == 0)).sum())
    fn, tn = int((~flagged & (y == 1)).sum()), int((~flagged & (y == 0)).sum())
    precision = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn) if tp + fn else 0.0
    f1 = 2 * tp / (2 * tp + fp + fn) if tp else 0.0
    auroc, pr_auc = _areas(s, y)
    return {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "tn": tn,
        "auroc": auroc,
        "pr_auc": pr_auc,
        "threshold": float(threshold),
    }


def best_f1_threshold(
    scores: Sequence[float], labels: Sequence[int], prefer: float | None = None, normal_weight: float = 1.0
) -> float:
    """Return the threshold of the best F1 on these windows.

    Every threshold between two neighbouring scores gives the same F1. Of the best such range `prefer` is taken where it
    lies inside (0 is where a model that was trained on both classes is undecided), else the range's middle. Among
    ranges of equal F1 the highest is taken: fewer alarms. A normal window counts `normal_weight` times.
    """
    s, y = np.asarray(scores, dtype=float), np.asarray(labels, dtype=int)
    if not len(s) or y.sum() == 0:
        raise ValueError(
            f"a threshold by F1 must have anomalous windows to be set on, found {int(y.sum())} of {len(y)}"
        )
    order = np.argsort(-s, kind="stable")
    s, y = s[order], y[order]
    last = np.flatnonzero(np.append(s[1:] != s[:-1], True))  # a run of equal scores is flagged as a whole
    tp = np.cumsum(y)[last]
    flagged = tp + normal_weight * (last + 1 - tp)
    best = last[int(np.argmax(2 * tp / (flagged + y.sum())))]
    high = s[best]
    low = s[best + 1] if best + 1 < len(s) else high - 1.0
    if prefer is not None and low <= prefer < high:
        return prefer
    return float((high + low) / 2)


def validation_metrics(scores: Sequence[float], labels: Sequence[int]) -> dict[str, float]:
    """Measure a model in training on validation windows, by log-odds and without a threshold of its own.

    Returns:
        `f1` at the best threshold, `pr_auc`, `loss` (cross-entropy in nats of the right answer; both classes weigh the
        same) and `merit`, by which the best checkpoint is chosen: F1 decides, and among equal F1 the lower loss.
        On windows of one class f1 and pr_auc are 0 and the loss decides.

    >>> figures = validation_metrics([-2.0, 3.0], [0, 1])
    >>> figures["f1"], round(figures["loss"], 3)
    (1.0, 0.088)
    """
    s, y = np.asarray(scores, dtype=float), np.asarray(labels, dtype=int)
    f1 = pr_auc = 0.0
    if 0 < y.sum() < len(y):
        found = detection_metrics(s, y, best_f1_threshold(s, y))
        f1, pr_auc = float(found["f1"]), float(found["pr_auc"])
    losses = np.logaddexp(0, np.where(y == 1, -s, s))
    loss = float(np.mean([losses[y == kind].mean() for kind in (0, 1) if (y == kind).any()]))
    return {"f1": f1, "pr_auc": pr_auc, "loss": loss, "merit": f1 - min(loss, 10.0) / 1000}


def reliability_curve(scores: Sequence[float], labels: Sequence[int], bins: int = 10) -> list[dict[str, float]]:
    """Compare what the log-odds promise with what came true, in bins of equal width of the promised probability.

    Returns:
        A row for each bin that has windows: `promised` (their mean probability of being anomalous, the logistic
        function of the score), `observed` (share of them that are) and `windows`.

    >>> reliability_curve([-9.0, -9.0, 9.0], [0, 0, 1], bins=2)[1]["observed"]
    1.0
    """
    s, y = np.asarray(scores, dtype=float), np.asarray(labels, dtype=int)
    probability = np.exp(-np.logaddexp(0, -s))
    place = np.minimum((probability * bins).astype(int), bins - 1)
    return [
        {
            "promised": round(float(probability[place == i].mean()), 6),
            "observed": round(float(y[place == i].mean()), 6),
            "windows": int((place == i).sum()),
        }
        for i in range(bins)
        if (place == i).any()
    ]


def false_alarm_threshold(scores: Sequence[float], rate: float) -> float:
    """Return the threshold that a new normal window exceeds with probability `rate` at the most.

    The split-conformal quantile: the ceil((n + 1)(1 - rate))-th smallest of n normal scores; with fewer than
    1 / rate - 1 scores that is more than they can promise, and the largest is taken.
    """
    s = np.sort(np.asarray(scores, dtype=float))
    if not len(s):
        raise ValueError("a threshold by false alarms must have normal windows to be set on, found none")
    return float(s[min(int(np.ceil((len(s) + 1) * (1 - rate))), len(s)) - 1])


def _areas(s: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    positives, negatives = int(y.sum()), int((1 - y).sum())
    if not positives or not negatives:
        return float("nan"), float("nan")
    order = np.argsort(-s, kind="stable")
    s, y = s[order], y[order]
    last = np.flatnonzero(np.append(s[1:] != s[:-1], True))
    tp, fp = np.cumsum(y)[last], np.cumsum(1 - y)[last]
    tpr, fpr = np.append(0, tp / positives), np.append(0, fp / negatives)
    auroc = float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2))
    precision = tp / (tp + fp)
    pr_auc = float(np.sum(np.diff(np.append(0, tp / positives)) * precision))
    return auroc, pr_auc
