"""Tail probabilities behind the five questions, as functions of plain numbers.

All results are nats: minus the natural logarithm of how many such findings a log like this one would give if nothing
were wrong. 0 nats is "one is to be expected", 3 nats "one in twenty such logs has one". Multiple tests are counted in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Share of the templates of a log-series (Fisher, Corbet and Williams 1943) that are seen twice to ten times, for one
# that is seen once: the sum of 1/r for r = 2..10.
RARE_SHARE = sum(1 / r for r in range(2, 11))
# What is added to the number of rare templates: half a thing in five logs.
PSEUDO_COUNT = 0.1


def expected_new(other_new: float, rare: float) -> float:
    """How many templates seen only once (or in one place only) are to be expected in a log.

    Good-Turing with the log-series: the templates that are seen in two to ten places say how many are seen in one.

    >>> round(expected_new(0, 0), 3), round(expected_new(1, 0), 3), round(expected_new(3, 6), 2)
    (0.034, 0.376, 3.11)

    Args:
        other_new: templates that stand in one place only, without the one in question.
        rare: templates that stand in two to ten places.
    """
    return (other_new + rare + PSEUDO_COUNT) / (1 + RARE_SHARE)


def at_least_one(expected: float) -> float:
    """Nats of one or more events where so many are expected (Poisson).

    >>> round(at_least_one(0.034), 2), round(at_least_one(3.0), 2)
    (3.4, 0.05)
    """
    return -math.log(max(-math.expm1(-expected), 1e-300))


def too_many(found: NDArray[np.float64] | float, expected: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Nats of `found` or more events where `expected` are usual (Poisson, Chernoff's bound).

    >>> too_many(np.array([10.0, 2.0]), np.array([1.0, 2.0])).round(1).tolist()
    [14.0, 0.0]
    """
    found, expected = np.asarray(found, np.float64), np.maximum(np.asarray(expected, np.float64), 1e-12)
    return np.where(found > expected, found * np.log(found / expected) - found + expected, 0.0)


def beyond(value: float, others: NDArray[np.float64] | Sequence[float], least_scale: float) -> float:
    """Nats of a largest value so far beyond the others: exponential excesses over the 3rd, 10th and 30th largest.

    The most cautious of the three estimates is taken, so that heavy tails and a few equal outliers count.

    >>> beyond(100.0, np.ones(50), 5.0) > 5, beyond(100.0, np.arange(90.0), 1.0) < 1
    (True, True)

    Args:
        value: the value in question.
        others: `(m,)` the other values of its kind.
        least_scale: smallest scale of an excess that is believed, in the unit of the values.
    """
    others = np.asarray(others, np.float64)
    m = len(others)
    if m < 8:
        return 0.0
    top = np.sort(np.partition(others, m - min(m, 31))[-31:])[::-1] if m > 31 else np.sort(others)[::-1]
    nats = math.inf
    for j in (3, 10, 30):
        if j < len(top):
            limit = float(top[j])
            scale = max(float(top[:j].mean()) - limit, least_scale)
            nats = min(nats, (value - limit) / scale - math.log(j))
    return max(nats, 0.0)


def far_enough(nats: float, largest: Sequence[float], least_scale: float) -> float:
    """The smallest value of which `beyond` gives so many nats, from the largest others, smallest first; infinite for too few.

    >>> round(beyond(far_enough(7.0, [1.0, 2.0, 2.0, 4.0] * 8, 0.5), [1.0, 2.0, 2.0, 4.0] * 8, 0.5), 6)
    7.0
    """
    top = sorted(largest, reverse=True)
    value = -math.inf
    for j in (3, 10, 30):
        if j < len(top):
            value = max(value, top[j] + max(sum(top[:j]) / j - top[j], least_scale) * (nats + math.log(j)))
    return math.inf if value == -math.inf else value


def usual_discount(others: float) -> float:
    """Nats to take off where a log has so many other findings of one kind: what is usual is no news.

    >>> usual_discount(0), round(usual_discount(4), 2)
    (0.0, 1.61)
    """
    return math.log1p(others)


def harmonic(n: int) -> float:
    """1 + 1/2 + ... + 1/n."""
    return sum(1 / r for r in range(1, n + 1)) if n < 50 else math.log(n) + 0.5772


def duration(seconds: float) -> str:
    """A time span in words.

    >>> duration(18003), duration(61), duration(0.25)
    ('5 h', '61 s', '250 ms')
    """
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def joined(words: Sequence[str]) -> str:
    """Words with commas and "and"."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
