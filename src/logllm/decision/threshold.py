"""From scores of held-back windows and an alarm budget to a threshold, and how sure that is: pure functions.

Notes:
- The budget is alarms per day; windows per day of the log turn it into a share of windows, and the split-conformal
  quantile turns that into a score. Windows of the same messages have the same score: of the two thresholds above and
  below such a tie the one is taken that comes closer to what was asked, and where neither does it is said.
- The held-back part of a real log may hold an incident. Scores that stand apart from all others, twice as far from the
  middle as the farthest of the rest, and that came at nearly one time, are put aside before the quantile is taken, at
  most one in twenty, and reported. Odd windows that come all the time count, be they rare and normal or not: without
  labels nothing tells, and a budget is what a person has time to look at.
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
APART = 2.0  # times as far from the median as the farthest of the others
SLICES, INCIDENT_SLICES, INCIDENT_SHARE = 10, 2, 0.8  # an incident: so much of it in so few slices of the time
LEAST_APART = 2.0  # nats between them: below that a likelihood ratio of seven tells nothing apart
TIED = 2.0  # times more or fewer than asked: what a tie may force without being mentioned
SECONDS_PER_DAY = 86400.0
TAIL_SHARE = 0.1  # of the scores: the tail that a rare rate is read from
TAIL_RATE = 3
UNSEEN_IN_NORMAL = 0.2  # above that share of the normal windows a message never seen says nothing
ENOUGH = 10.0  # normal windows expected above a threshold that is read off their order


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
    tied: int = (
        0  # held-back windows that share the score at the threshold, where that keeps the budget from being met
    )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def in_words(self) -> str:
        """One sentence for people."""
        aside = ""
        if self.put_aside:
            more = self.put_aside * self.windows_per_period / self.windows
            aside = (
                f"; {self.put_aside:,} of them scored far outside of the others and were put aside as probably anomalous: "
                f"while such windows go on, they raise about {figure(more)} alarms per {self.period} besides"
            )
        short = ""
        if self.tied:
            short = (
                f"; {self.tied:,} held-back windows share the score at the threshold, so {self.alarms:g} alarms cannot be "
                "met: with a lower threshold all windows like them would be alarms"
            )
        if self.windows * self.alarms < self.windows_per_period:
            wanted = math.ceil(self.windows_per_period / self.windows)
            short = (
                f"; the held-back part ({self.windows / self.windows_per_period:.2g} {self.period}s) is too short to show so few "
                f"alarms, so the threshold lies above all of its scores: use a longer log, or accept {wanted:,} alarms"
            )
        return (
            f"expect {figure(self.expected)} false alarms per {self.period} (95 % interval {figure(self.low)} to {figure(self.high)}), "
            f"from {self.windows:,} held-back windows at {self.windows_per_period:,.0f} per {self.period}{aside}{short}"
        )


def figure(value: float) -> str:
    """A number for people: two digits, without an exponent where it is large."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def budget_threshold(scores: Sequence[float], alarms: float, seconds: float | None, clean: bool = False) -> Budget:
    """Set the threshold that raises `alarms` false alarms per day.

    Args:
        scores: of held-back windows in the order of their time, higher = more anomalous.
        alarms: wanted alarms per day; per 1,000 windows where the log tells no time.
        seconds: time that the held-back windows span; None where the log tells no time.
        clean: the held-back part is known to be normal, so that nothing is put aside.

    Raises:
        ValueError: no scores, or a budget that is not a positive number.
    """
    if not alarms > 0 or math.isinf(alarms):
        raise ValueError(f"the alarm budget must be a positive number of alarms per day, found {alarms:g}")
    in_order = np.asarray(scores, dtype=float)
    s = np.sort(in_order)
    if not len(s):
        raise ValueError("a threshold must have held-back windows to be set on, found none: give a longer log")
    kept = s if clean else s[: len(s) - incident(in_order)]
    if seconds:
        windows_per_period, period = len(s) * SECONDS_PER_DAY / seconds, "day"
    else:
        windows_per_period, period = 1000.0, "1,000 windows"
    scale = windows_per_period / len(s)
    rate = min(alarms / (scale * len(kept)), 1.0)
    threshold = tail_quantile(kept, rate)
    over = int((kept > threshold).sum())
    ties = int((kept == threshold).sum())
    low, high = poisson_interval(over)
    return Budget(
        threshold=threshold,
        alarms=alarms,
        period=period,
        windows_per_period=windows_per_period,
        windows=len(s),
        put_aside=len(s) - len(kept),
        expected=max(over * scale, min(alarms, scale)) if over or ties < 2 else 0.0,
        low=low * scale,
        high=high * scale,
        tied=ties if (over + ties) * scale > TIED * alarms and over * scale < alarms / TIED and ties > 1 else 0,
    )


def normal_threshold(scores: Sequence[float], rate: float, reach: float = -math.inf, margin: float = 1.0) -> float:
    """The threshold that few new normal windows exceed, from scores of normal validation windows alone.

    With `ENOUGH` / rate windows or more it is the split-conformal quantile, the ceil((n + 1)(1 - rate))-th smallest of n
    scores. With fewer, of which one or none would lie above it, the scores' tail says where it would lie: scores are
    nats, and what exceeds their ninth decile falls off exponentially (the generalised Pareto law with shape 0). The tail is
    followed to the largest score, or to `reach` where that is higher, and no further. Its scale is a median: a few windows far
    above all others, odd ones or anomalies that nobody labelled, do not move it (`promised_rate` counts them).
    Chosen in `benchmarks/experiments/logllama_threshold.py`.

    Args:
        scores: of normal windows that training did not see, higher = more anomalous.
        rate: share of new normal windows that may exceed the threshold.
        reach: what a window with a message never seen in training scores: a threshold may lie there although no score does.
        margin: the tail is followed to so many times rarer a rate, because new windows are of more kinds than the few that
            it was read from.

    Raises:
        ValueError: no scores, or a rate that is not between 0 and 1.

    >>> normal_threshold([0.0] * 900 + [float(i % 10) for i in range(99)] + [90.0], 0.001) < 45
    True
    """
    if not 0 < rate < 1:
        raise ValueError(f"the false-alarm rate must lie between 0 and 1, found {rate:g}")
    s = np.sort(np.asarray(scores, dtype=float))
    if not len(s):
        raise ValueError("a threshold by false alarms must have normal windows to be set on, found none")
    if len(s) * rate >= ENOUGH:
        return _conformal(s, rate)
    return min(exponential_tail(s, rate / margin), max(float(s[-1]), reach))


def widest_gap(scores: Sequence[float], low: float, high: float) -> float:
    """The middle of the widest gap that scores leave between `low` and `high`; `low` where that is the higher.

    For a threshold that lies at `low` at least and must not exceed `high`: new normal windows, which drift, exceed the tail of
    the old ones, and where those leave a gap nothing known is lost by a higher one.

    >>> widest_gap([1.0, 2.0, 7.0, 30.0], 3.0, 20.0)
    13.5
    """
    if not low < high < math.inf:
        return low
    s = np.sort(np.asarray(scores, dtype=float))
    ends = np.concatenate([[low], s[(s > low) & (s < high)], [high]])
    at = int(np.diff(ends).argmax())
    return float((ends[at] + ends[at + 1]) / 2)


def exponential_tail(sorted_scores: np.ndarray, rate: float) -> float:
    """The score that is exceeded with probability `rate`, by an exponential tail above the ninth decile.

    Its scale is the median excess over log 2.

    >>> draws = np.sort(-np.log((np.arange(100000) + 0.5) / 100000))  # exponential, scale 1
    >>> round(exponential_tail(draws, 1e-4), 1), round(-math.log(1e-4), 1)
    (9.2, 9.2)
    """
    start = float(np.quantile(sorted_scores, 1 - TAIL_SHARE))
    excess = sorted_scores[sorted_scores > start] - start
    if not len(excess):
        return start
    scale = float(np.median(excess)) / math.log(2)
    return start + scale * max(math.log(len(excess) / len(sorted_scores) / rate), 0.0)


def promised_rate(scores: Sequence[float], threshold: float, rate: float) -> float:
    """The false-alarm rate that can be promised of a threshold: as aimed at, or as the validation windows show.

    Of n of them k lie above the threshold, so a new one does with probability (k + 1) / (n + 1).

    >>> promised_rate([1.0] * 98 + [9.0], 5.0, 0.001)
    0.02
    """
    above = int((np.asarray(scores, dtype=float) > threshold).sum())
    return max(rate, (above + 1) / (len(scores) + 1))


def bounded_threshold(scores: Sequence[float], rate: float, unseen_score: float) -> float:
    """The threshold of a score that ends at `unseen_score`, what a message never seen in training scores.

    It is read from the normal windows without such a message, midway between their conformal quantile (with few of them the
    largest score, which one odd window moves) and their exponential tail at `TAIL_RATE` times the rate (which a log that drifts
    exceeds), and never so high that a message never seen would be no alarm; `promised_rate` counts the windows that have one.
    Where surely more than `UNSEEN_IN_NORMAL` of the normal windows have one (the lower end of the 95 % interval of their number;
    of a few windows one more or less says nothing) it is the quantile of all.

    >>> bounded_threshold([1.0] * 99 + [10.0], 0.001, unseen_score=10.0)
    1.0
    >>> bounded_threshold([1.0] * 60 + [10.0] * 40, 0.001, unseen_score=10.0)
    10.0
    >>> bounded_threshold([1.0] * 6 + [10.0] * 4, 0.001, unseen_score=10.0)
    1.0
    """
    s = np.sort(np.asarray(scores, dtype=float))
    ceiling = unseen_score - math.log(2)  # a key seen once scores no more than that (window_scores.py)
    seen = s[s < unseen_score - 1e-4]
    if poisson_interval(len(s) - len(seen))[0] > UNSEEN_IN_NORMAL * len(s):
        return _conformal(s, rate)
    tail = exponential_tail(seen, min(TAIL_RATE * rate, 0.5))
    return min((_conformal(seen, rate) + tail) / 2, ceiling)


def _conformal(sorted_scores: np.ndarray, rate: float) -> float:
    place = math.ceil((len(sorted_scores) + 1) * (1 - rate))
    return float(sorted_scores[min(place, len(sorted_scores)) - 1])


def tail_quantile(sorted_scores: np.ndarray, rate: float) -> float:
    """The score that a new one exceeds with probability `rate`: conformal inside the sample.

    Beyond it the scores' unit is used: a surprise of x more nats is e^x times rarer if the model is right.

    >>> tail_quantile(np.arange(1.0, 100.0), 0.1)
    90.0
    >>> tail_quantile(np.array([1.0] * 90 + [2.0] * 10), 0.08)  # ten alarms are closer to eight than none
    1.5
    """
    n = len(sorted_scores)
    place = math.ceil((n + 1) * (1 - rate))
    if place > n:
        return float(sorted_scores[-1] + math.log(1 / ((n + 1) * rate)))
    score = float(sorted_scores[max(place, 1) - 1])
    first = int(np.searchsorted(sorted_scores, score, "left"))  # of those that share the score
    above = n - int(np.searchsorted(sorted_scores, score, "right"))
    wanted = rate * n
    closer = (n - first) * max(above, 0.5) < wanted**2  # in proportion
    if 0 < first < n - above - 1 and closer and n - first <= TIED * wanted:
        return (score + float(sorted_scores[first - 1])) / 2
    return score


def incident(scores: np.ndarray) -> int:
    """How many windows stand apart from all others and came at nearly one time.

    >>> calm, odd = np.array([1.0] * 97), np.array([9.0] * 3)
    >>> incident(np.concatenate([calm, odd])), incident(np.insert(calm, [20, 50, 80], 9.0))
    (3, 0)
    """
    count = far_out(np.sort(scores))
    if not count:
        return 0
    places = np.argsort(scores, kind="stable")[-count:] * SLICES // len(scores)
    fullest = np.sort(np.bincount(places, minlength=SLICES))[-INCIDENT_SLICES:].sum()
    return count if fullest >= INCIDENT_SHARE * count else 0


def far_out(sorted_scores: np.ndarray) -> int:
    """How many of the highest scores stand apart from all others; 0 where those are more than one in twenty.

    >>> far_out(np.array([1.0] * 50 + [2.0] * 48 + [9.0] * 2))
    2
    """
    n = len(sorted_scores)
    most = int(MOST_PUT_ASIDE * n)
    middle = float(np.median(sorted_scores))
    for count in range(most, 0, -1):
        rest, apart = sorted_scores[n - count - 1] - middle, sorted_scores[n - count] - middle
        if apart >= APART * rest and apart - rest >= LEAST_APART:
            return count
    return 0


def poisson_interval(count: int, sure: float = 0.95) -> tuple[float, float]:
    """Bounds of the mean of which `count` events were seen (Byar's approximation of the exact Poisson interval).

    >>> [round(bound, 2) for bound in poisson_interval(10)]
    [4.79, 18.39]
    """
    z = {0.9: 1.6449, 0.95: 1.96, 0.99: 2.5758}[sure]
    low = count * (1 - 1 / (9 * count) - z / (3 * math.sqrt(count))) ** 3 if count else 0.0
    more = count + 1
    return low, more * (1 - 1 / (9 * more) + z / (3 * math.sqrt(more))) ** 3
