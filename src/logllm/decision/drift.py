"""Is the log still the one that was learnt? Unseen templates and scores of today against those held back at the fit.

Notes: Two plain tests. The share of lines without a template is compared as two proportions; the scores
of windows by the largest gap between the two distributions (Kolmogorov and Smirnov). With thousands of windows every
difference is significant, so a drift must also be large enough to matter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

SIGNIFICANT = 1e-3
LEAST_GAP = 0.2  # between the score distributions
LEAST_UNSEEN = 0.01  # share of lines without a template above the one at the fit
LEAST_WINDOWS = 50


@dataclass(frozen=True)
class Drift:
    """Unseen rate and score distribution, then and now."""

    unseen_then: float
    unseen_now: float
    unseen_p: float
    gap: float
    gap_p: float
    windows: int
    drifted: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def in_words(self) -> str:
        """One sentence for people."""
        if not self.drifted:
            return f"no drift: {self.unseen_now:.2%} of the lines have no known template ({self.unseen_then:.2%} when fitted)"
        return (
            f"the log has drifted from the one that was learnt: {self.unseen_now:.2%} of the lines have no known template "
            f"({self.unseen_then:.2%} when fitted, p {self.unseen_p:.1g}), the window scores differ by up to {self.gap:.0%} "
            f"(p {self.gap_p:.1g}); if this is the new normal, run `logllm update`"
        )


def compare(
    then_scores: Sequence[float],
    now_scores: Sequence[float],
    then_windows: int,
    then_unseen: tuple[int, int],
    now_unseen: tuple[int, int],
) -> Drift:
    """Compare now with then.

    Args:
        then_scores: quantiles of the scores at the fit.
        now_scores: scores of recent windows.
        then_windows: how many windows the quantiles stand for.
        then_unseen: (lines without a template, lines) at the fit.
        now_unseen: the same now.
    """
    gap, gap_p = kolmogorov_smirnov(then_scores, now_scores, then_windows)
    unseen_p = proportions(*then_unseen, *now_unseen)
    then_rate, now_rate = then_unseen[0] / max(then_unseen[1], 1), now_unseen[0] / max(now_unseen[1], 1)
    enough = len(now_scores) >= LEAST_WINDOWS
    drifted = enough and (
        (gap_p < SIGNIFICANT and gap > LEAST_GAP) or (unseen_p < SIGNIFICANT and now_rate > then_rate + LEAST_UNSEEN)
    )
    return Drift(then_rate, now_rate, unseen_p, gap, gap_p, len(now_scores), drifted)


def kolmogorov_smirnov(
    then: Sequence[float], now: Sequence[float], then_count: int | None = None
) -> tuple[float, float]:
    """Largest gap between two distributions, and the chance of one as large if they were the same (asymptotic).

    >>> kolmogorov_smirnov([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])[0]
    0.0
    """
    a, b = np.sort(np.asarray(then, float)), np.sort(np.asarray(now, float))
    if not len(a) or not len(b):
        return 0.0, 1.0
    points = np.concatenate((a, b))
    gap = float(
        np.abs(np.searchsorted(a, points, "right") / len(a) - np.searchsorted(b, points, "right") / len(b)).max()
    )
    n = then_count or len(a)
    size = math.sqrt(n * len(b) / (n + len(b)))
    x = (size + 0.12 + 0.11 / size) * gap
    if x < 0.3:
        return gap, 1.0
    return gap, float(
        min(max(2 * sum((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 101)), 0.0), 1.0)
    )


def proportions(then_hits: int, then_of: int, now_hits: int, now_of: int) -> float:
    """Chance of so much higher a share now if both were the same (one-sided, normal approximation)."""
    if not then_of or not now_of:
        return 1.0
    pooled = (then_hits + now_hits + 1) / (then_of + now_of + 2)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / then_of + 1 / now_of))
    z = (now_hits / now_of - then_hits / then_of) / spread
    return 0.5 * math.erfc(z / math.sqrt(2))


def measure_drift(detector: Any, verdicts: Sequence[Any]) -> Drift | None:
    """Drift of a scan's verdicts against the detector's calibration; None where it has none."""
    calibration = detector.calibration
    if calibration is None or not verdicts:
        return None
    return compare(
        calibration.scores,
        [verdict.score for verdict in verdicts],
        calibration.held_windows,
        (calibration.unseen_lines, calibration.held_lines),
        (detector.counts.unseen, detector.counts.windowed_lines),
    )
