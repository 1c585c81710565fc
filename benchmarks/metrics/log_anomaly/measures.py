"""Everything that a table of detectors asks of scores and labels: one pure function over `trainers.metrics`.

Notes:
- Tied scores are one step, in the curves, in the intervals and in the choice of a line: no figure depends on row order.
- Intervals are bootstrap percentiles over windows. Drawing n windows with replacement is drawing how often each kind of
  window comes up, so a draw is one multinomial over (score, label) cells instead of n indices.
- What was not given is not in the answer: no lines, no hit@1; no duration, no alarms per day. Undefined is NaN.
- "De-duplicated" keeps one window of each (sequence, label): a sequence that carries both labels stands twice.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from logllm.trainers.metrics import best_f1_threshold, detection_metrics

DRAWS = 1000
COVER = (0.025, 0.975)
SECONDS_PER_DAY = 86400.0
SHORT = ("precision", "recall", "f1", "tp", "fp", "fn", "tn", "auroc", "pr_auc", "mcc")


def anomaly_metrics(
    scores: Sequence[float],
    labels: Sequence[int],
    threshold: float,
    *,
    sequences: Sequence[Hashable] | None = None,
    training_sequences: Sequence[Hashable] | None = None,
    lines: int | None = None,
    seconds: float | None = None,
    line_scores: Sequence[Sequence[float]] | None = None,
    line_labels: Sequence[Sequence[int]] | None = None,
    prevalence: float | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure a detector on labelled windows.

    Args:
        scores: one a window, higher = more anomalous.
        labels: 1 anomalous, 0 normal.
        threshold: a window is flagged when its score is above it.
        sequences: what makes two windows the same (a tuple of keys, say): adds `deduplicated`.
        training_sequences: those that training held: adds `never_in_training`, each sequence once.
        lines: number of lines in all windows: adds `false_alarms_per_million_lines`.
        seconds: time that the windows span: adds `false_alarms_per_day`.
        line_scores: one list a window: with `line_labels` adds `hit_at_1`, `hit_at_3` and `hit_at_1_by_chance`.
        line_labels: 1, 0 or -1 (unknown) a line, in the order of the log: adds the detection `delay`.
        prevalence: a share of anomalous windows to which precision, F1 and PR-AUC are reweighted as `at_prevalence`.
        draws: of the bootstrap; 0 leaves the intervals out.
        seed: of the bootstrap.

    Raises:
        ValueError: lengths differ, a score is NaN, a label is neither 0 nor 1, or the prevalence is no share.

    >>> anomaly_metrics([0.1, 0.9, 0.8], [0, 1, 0], 0.5, draws=0)["mcc"]
    0.5
    """
    s, y = checked(scores, labels, sequences=sequences, line_scores=line_scores, line_labels=line_labels)
    found = short_metrics(s, y, threshold)
    found["threshold"], found["windows"] = float(threshold), len(y)
    found["best_f1"] = detection_metrics(s, y, best_f1_threshold(s, y))["f1"] if y.any() else math.nan
    if draws:
        found["intervals"] = intervals(s, y, threshold, draws, seed)
    if lines:
        found["false_alarms_per_million_lines"] = found["fp"] / lines * 1e6
    if seconds:
        found["false_alarms_per_day"] = found["fp"] / seconds * SECONDS_PER_DAY
    if sequences is not None:
        first = first_of_each(sequences, y)
        found["deduplicated"] = short_metrics(s[first], y[first], threshold)
        if training_sequences is not None:
            held = set(training_sequences)
            new = [i for i in first if sequences[i] not in held]
            found["never_in_training"] = short_metrics(s[new], y[new], threshold) if new else {}
    if line_labels is not None:
        found["delay"] = detection_delay(s > threshold, line_labels)
        if line_scores is not None:
            found |= hits(line_scores, line_labels)
    if prevalence is not None:
        found["at_prevalence"] = at_prevalence(s, y, threshold, prevalence)
    return found


def checked(scores: Sequence[float], labels: Sequence[int], **per_window: Any) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels as arrays, or what is wrong with them."""
    s, y = np.asarray(scores, dtype=float), np.asarray(labels)
    if s.ndim != 1 or s.shape != y.shape:
        raise ValueError(f"scores and labels must have one length, found {s.shape} and {y.shape}")
    if not len(s):
        raise ValueError("at least one window must be given to be measured, found none")
    wrong = [label for label in y.tolist() if label not in (0, 1)]
    if wrong:
        raise ValueError(f"labels must be 0 or 1, found {len(wrong)} others, the first {wrong[0]!r}: leave those out")
    for name, values in per_window.items():
        if values is not None and len(values) != len(s):
            raise ValueError(f"{name} must have one entry a window, found {len(values)} for {len(s)} windows")
    return s, y.astype(int)


def short_metrics(s: np.ndarray, y: np.ndarray, threshold: float) -> dict[str, Any]:
    """`detection_metrics` and Matthews' correlation (0 where undefined)."""
    found: dict[str, Any] = detection_metrics(s.tolist(), y.tolist(), threshold)
    tp, fp, fn, tn = (found[name] for name in ("tp", "fp", "fn", "tn"))
    found["mcc"] = float(matthews(tp, fp, fn, tn))
    return {name: found[name] for name in SHORT}


def matthews(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    """Matthews' correlation of counts (numbers or arrays); 0 where a margin is empty."""
    tp, fp, fn, tn = (np.asarray(count, dtype=float) for count in (tp, fp, fn, tn))
    below = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return np.where(below > 0, (tp * tn - fp * fn) / np.where(below > 0, below, 1), 0.0)


def cells(s: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(distinct scores falling, anomalous windows at each, normal windows at each)."""
    values, inverse = np.unique(-s, return_inverse=True)
    positive = np.bincount(inverse, weights=y, minlength=len(values))
    return -values, positive, np.bincount(inverse, minlength=len(values)) - positive


def areas(positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(AUROC, PR-AUC) of weights at falling distinct scores, along the last axis; NaN where one class has no weight."""
    tp, fp = positive.cumsum(-1), negative.cumsum(-1)
    p, n = tp[..., -1], fp[..., -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        auroc = (negative * (tp - positive / 2)).sum(-1) / (p * n)
        precision = np.where(tp + fp > 0, tp / (tp + fp), 0.0)
        pr_auc = (positive * precision).sum(-1) / p
    both = (p > 0) & (n > 0)
    return np.where(both, auroc, np.nan), np.where(both, pr_auc, np.nan)


def intervals(s: np.ndarray, y: np.ndarray, threshold: float, draws: int, seed: int) -> dict[str, list[float]]:
    """95 % bootstrap intervals of precision, recall, F1, MCC, AUROC and PR-AUC; draws of one class have no areas."""
    values, positive, negative = cells(s, y)
    rng = np.random.default_rng(seed)
    weight = np.concatenate((positive, negative)) / len(s)
    drawn = rng.multinomial(len(s), weight, size=draws)
    pos, neg = drawn[:, : len(values)], drawn[:, len(values) :]
    above = values > threshold
    tp, fp = pos[:, above].sum(1), neg[:, above].sum(1)
    fn, tn = pos.sum(1) - tp, neg.sum(1) - fp
    auroc, pr_auc = areas(pos.astype(float), neg.astype(float))
    found = {
        "precision": tp / np.maximum(tp + fp, 1),
        "recall": tp / np.maximum(tp + fn, 1),
        "f1": 2 * tp / np.maximum(2 * tp + fp + fn, 1),
        "mcc": matthews(tp, fp, fn, tn),
        "auroc": auroc,
        "pr_auc": pr_auc,
    }
    return {
        name: [float(q) for q in np.quantile(kept, COVER)] if len(kept := one[~np.isnan(one)]) else [math.nan] * 2
        for name, one in found.items()
    }


def first_of_each(sequences: Sequence[Hashable], labels: np.ndarray) -> list[int]:
    """The first window of each (sequence, label)."""
    seen: dict[tuple[Hashable, int], int] = {}
    for i, key in enumerate(zip(sequences, labels.tolist())):
        seen.setdefault(key, i)
    return list(seen.values())


def hits(line_scores: Sequence[Sequence[float]], line_labels: Sequence[Sequence[int]]) -> dict[str, Any]:
    """How often an anomalous line is among the k highest of its window, over the windows that have one.

    Lines of equal score are taken in any order: the probability of a hit counts. `hit_at_1_by_chance` is what naming
    lines at random would reach.
    """
    top: dict[int, list[float]] = {1: [], 3: []}
    chance = []
    for i, (given, truth) in enumerate(zip(line_scores, line_labels)):
        if len(given) != len(truth):
            raise ValueError(
                f"line_scores and line_labels must agree, found {len(given)} and {len(truth)} in window {i}"
            )
        bad = np.asarray(truth) == 1
        if not bad.any():
            continue
        chance.append(float(bad.mean()))
        for k, found in top.items():
            found.append(hit_probability(np.asarray(given, dtype=float), bad, k))
    if not chance:
        return {"hit_at_1": math.nan, "hit_at_3": math.nan, "hit_at_1_by_chance": math.nan, "hit_windows": 0}
    return {
        "hit_at_1": float(np.mean(top[1])),
        "hit_at_3": float(np.mean(top[3])),
        "hit_at_1_by_chance": float(np.mean(chance)),
        "hit_windows": len(chance),
    }


def hit_probability(given: np.ndarray, bad: np.ndarray, k: int) -> float:
    """Probability that the k highest lines hold a bad one, ties in random order.

    >>> round(hit_probability(np.array([1.0, 1.0, 0.0]), np.array([True, False, False]), 1), 2)
    0.5
    """
    if k >= len(given):
        return 1.0
    edge = np.sort(given)[-k]
    if (bad & (given > edge)).any():
        return 1.0
    tied, places = given == edge, k - int((given > edge).sum())
    size, guilty = int(tied.sum()), int((tied & bad).sum())
    return 1.0 - math.comb(size - guilty, places) / math.comb(size, places)


def detection_delay(flagged: np.ndarray, line_labels: Sequence[Sequence[int]]) -> dict[str, Any]:
    """How many lines go by from an episode's first anomalous line to the end of the first window that is flagged.

    An episode is a run of neighbouring windows that each hold an anomalous line; a window is judged when it is full.
    """
    delays: list[int] = []
    episodes, open_for = 0, None  # lines since the first anomalous one of an episode not yet found
    inside = False
    for is_flagged, truth in zip(flagged.tolist(), line_labels):
        bad = [i for i, label in enumerate(truth) if label == 1]
        if not bad:
            inside, open_for = False, None
            continue
        if not inside:
            episodes, inside, open_for = episodes + 1, True, 0
            lines = len(truth) - bad[0]
        else:
            lines = len(truth)
        if open_for is not None:
            open_for += lines
            if is_flagged:
                delays.append(open_for)
                open_for = None
    return {
        "episodes": episodes,
        "missed": episodes - len(delays),
        "median_lines": float(np.median(delays)) if delays else math.nan,
        "mean_lines": float(np.mean(delays)) if delays else math.nan,
    }


def at_prevalence(s: np.ndarray, y: np.ndarray, threshold: float, prevalence: float) -> dict[str, float]:
    """Precision, F1 and PR-AUC as if that share of the windows were anomalous; recall and AUROC do not change."""
    if not 0 < prevalence < 1:
        raise ValueError(f"prevalence must be a share above 0 and below 1, found {prevalence}")
    values, positive, negative = cells(s, y)
    p, n = positive.sum(), negative.sum()
    if not p or not n:
        return {"prevalence": prevalence, "precision": math.nan, "f1": math.nan, "pr_auc": math.nan}
    pos, neg = positive / p * prevalence, negative / n * (1 - prevalence)
    above = values > threshold
    tp, fp = pos[above].sum(), neg[above].sum()
    return {
        "prevalence": prevalence,
        "precision": float(tp / (tp + fp)) if tp + fp else 0.0,
        "f1": float(2 * tp / (tp + fp + prevalence)) if tp else 0.0,
        "pr_auc": float(areas(pos, neg)[1]),
    }
