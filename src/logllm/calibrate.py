"""From scores of held-back windows and an alarm budget to a threshold, and how sure that is: pure functions.

What is peculiar here:
- The budget is alarms per day; windows per day of the held-back part turn it into a share of windows, and the
  split-conformal quantile turns that into a score.
- The held-back part of a real log holds a few anomalies. Scores far outside of the others (Tukey's far-out fence) are
  put aside before the quantile is taken, at most one in twenty, and reported: they are what to look at first.
- A budget that is rarer than the held-back part can show (less than one expected alarm in it) gives a score
  beyond the largest kept one, by the nats that the budget is rarer; the interval says how little is known then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

MOST_PUT_ASIDE = 0.05
FENCE = 3.0  # interquartile ranges above the third quartile: Tukey's far-out values
LEAST_RANGE = 1 / 3  # nats: below that an interquartile range says nothing about outliers
SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True)
class Budget:
    """A threshold, and what it promises: `expected`, `low` and `high` are alarms per `period` ("day" or "1,000 windows")."""

    threshold: float
    alarms: float
    period: str
    windows_per_period: float
    windows: int
    put_aside: int
    expected: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def in_words(self) -> str:
        """One sentence for people."""
        aside = (
            f"; {self.put_aside:,} of them scored far outside of the others and were put aside as probably anomalous"
            if self.put_aside
            else ""
        )
        short = ""
        if self.windows * self.alarms < self.windows_per_period:
            wanted = math.ceil(self.windows_per_period / self.windows)
            short = (
                f"; so few cannot be seen in a held-back part of {self.windows / self.windows_per_period:.2g} "
                f"{self.period}s, the threshold lies beyond all of it: a longer log, or {wanted:,} alarms, makes it surer"
            )
        return (
            f"expect {self.expected:.2g} false alarms per {self.period} (95 % interval {self.low:.2g} to {self.high:.2g}), "
            f"from {self.windows:,} held-back windows at {self.windows_per_period:,.0f} per {self.period}{aside}{short}"
        )


def budget_threshold(scores: Sequence[float], alarms: float, seconds: float | None, clean: bool = False) -> Budget:
    """Set the threshold that raises `alarms` false alarms per day.

    Args:
        scores: of held-back windows, higher = more anomalous.
        alarms: wanted alarms per day; per 1,000 windows where the log tells no time.
        seconds: time that the held-back windows span; None where the log tells no time.
        clean: the held-back part is known to be normal, so that nothing is put aside.

    Raises:
        ValueError: no scores, or a budget that is not a positive number.
    """
    if not alarms > 0 or math.isinf(alarms):
        raise ValueError(f"the alarm budget must be a positive number of alarms per day, found {alarms:g}")
    s = np.sort(np.asarray(scores, dtype=float))
    if not len(s):
        raise ValueError("a threshold must have held-back windows to be set on, found none: give a longer log")
    kept = s if clean else s[: len(s) - far_out(s)]
    if seconds:
        windows_per_period, period = len(s) * SECONDS_PER_DAY / seconds, "day"
    else:
        windows_per_period, period = 1000.0, "1,000 windows"
    rate = min(alarms / windows_per_period, 1.0)
    threshold = tail_quantile(kept, rate)
    over = int((kept > threshold).sum())
    low, high = poisson_interval(over)
    scale = windows_per_period / len(kept)
    return Budget(
        threshold=threshold,
        alarms=alarms,
        period=period,
        windows_per_period=windows_per_period,
        windows=len(s),
        put_aside=len(s) - len(kept),
        expected=max(over * scale, min(rate * windows_per_period, scale)),
        low=low * scale,
        high=high * scale,
    )


def tail_quantile(sorted_scores: np.ndarray, rate: float) -> float:
    """The score that a new one exceeds with probability `rate`: conformal inside the sample.

    Beyond it the scores' unit is used: a surprise of x more nats is e^x times rarer if the model is right.

    >>> tail_quantile(np.arange(1.0, 100.0), 0.1)
    90.0
    """
    n = len(sorted_scores)
    place = math.ceil((n + 1) * (1 - rate))
    if place <= n:
        return float(sorted_scores[max(place, 1) - 1])
    return float(sorted_scores[-1] + math.log(1 / ((n + 1) * rate)))


def far_out(sorted_scores: np.ndarray) -> int:
    """How many of the highest scores lie far outside of the others; 0 where they are more than one in twenty."""
    low, high = np.quantile(sorted_scores, [0.25, 0.75])
    count = int((sorted_scores > high + FENCE * max(high - low, LEAST_RANGE)).sum())
    return count if count <= MOST_PUT_ASIDE * len(sorted_scores) else 0


def poisson_interval(count: int, sure: float = 0.95) -> tuple[float, float]:
    """Bounds of the mean of which `count` events were seen (Byar's approximation of the exact Poisson interval).

    >>> [round(bound, 2) for bound in poisson_interval(10)]
    [4.79, 18.39]
    """
    z = {0.9: 1.6449, 0.95: 1.96, 0.99: 2.5758}[sure]
    low = count * (1 - 1 / (9 * count) - z / (3 * math.sqrt(count))) ** 3 if count else 0.0
    more = count + 1
    return low, more * (1 - 1 / (9 * more) + z / (3 * math.sqrt(more))) ** 3
