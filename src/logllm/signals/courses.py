"""How a number goes on from message to message: it climbs and stays there, stands still, or goes back and repeats.

Each test looks for one stretch in which a number behaves as it does nowhere else in the log.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .quantities import Quantity, number_of

SHORTEST, LONGEST = 16, 3  # messages of a stretch: at least so many, at most one third of all
TIMES = 3.0  # the usual value, from which on a duration has climbed
SMOOTH = 5  # messages of which most must lie above the usual values for a stretch to go on
LEAST_STILL = 20  # messages with one value where it changes otherwise
LEAST_CHANGES = 0.98  # share of the other messages that change it
LEAST_RISES = 200
LEAST_REPEATED = 5

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Course:
    """A stretch of a number's values.

    Attributes:
        what: climbs, still or repeats.
        first: position of its first value.
        last: position of its last one.
        nats: evidence, as in `tails`.
    """

    what: str
    first: int
    last: int
    nats: float


def courses(held: Values) -> list[Course]:
    """What is unusual about the course of `(n,)` values in the order of the log."""
    steps = np.diff(held)
    rises, falls = int((steps > 0).sum()), int((steps < 0).sum())
    counts_up = rises > 9 * falls
    found = [_still(held, steps)]
    if counts_up:
        found.append(_repeats(held, steps, rises, falls))
    else:
        found.append(_climbs(held))
    return [one for one in found if one is not None]


def course_reason(course: Course, held: Values, quantity: Quantity) -> str:
    """What is unusual about a stretch, in words; "" where it is usual for what the number measures."""
    part = held[course.first : course.last + 1]
    others = np.delete(held, np.s_[course.first : course.last + 1])
    first, count = number_of(quantity, float(part[0])), len(part)
    if course.what == "climbs":
        if not quantity.takes:  # sizes, loads and counts are large for a while in any log
            return ""
        middle, usual, most = (
            number_of(quantity, value)
            for value in (float(np.median(part)), float(np.median(others)), float(np.quantile(others, 0.99)))
        )
        return f"{quantity.name} about {middle} in {count:,} such messages, usual {usual}, 99 % of the others at most {most}"
    if course.what == "still":
        if part[0] == 0 or ((quantity.thing or not quantity.named) and not _only_rises(others)):
            return ""
        return (
            f"{quantity.name} stays at {first} in {count:,} such messages, where each of the others has another value"
        )
    again = f"{part[0]:.0f}" if count == 1 else f"{part[0]:.0f} to {part[-1]:.0f}"
    return f"{quantity.name} {again} once more, where each number is larger than the one before in {len(held) - 1:,} messages"


def _only_rises(held: Values) -> bool:
    return bool((np.diff(held) >= 0).all())


def _climbs(held: Values) -> Course | None:
    """The stretch whose values lie above nearly all others, by windows of doubling length."""
    n = len(held)
    if n < LONGEST * SHORTEST or held.min() < 0:
        return None
    best: tuple[float, int, int] | None = None
    width = SHORTEST
    while width <= n // LONGEST:
        for begin in range(0, n - width + 1, max(width // 2, 1)):
            middle = float(np.median(held[begin : begin + width]))
            if best is None or middle * math.sqrt(width) > best[0]:
                best = middle * math.sqrt(width), begin, begin + width
        width *= 2
    if best is None:
        return None
    _, begin, end = best
    width = end - begin
    # What climbs to it and falls from it is neither part of the stretch nor of what is usual.
    others = np.concatenate([held[: max(begin - width, 0)], held[end + width :]])
    if len(others) < LONGEST * SHORTEST:
        return None
    usual, most = np.quantile(others, (0.5, 0.99)).tolist()
    if float(np.quantile(held[begin:end], 0.25)) <= max(most, TIMES * usual):
        return None
    above = np.convolve(held > max(most, TIMES * usual), np.ones(SMOOTH), "same") >= SMOOTH / 2
    first, last = (begin + end) // 2, (begin + end) // 2
    while first > 0 and above[first - 1]:
        first -= 1
    while last < n - 1 and above[last + 1]:
        last += 1
    if last - first + 1 < SHORTEST or last - first + 1 > n // 2:
        return None
    # Each value has the chance of one in a hundred to lie so far up.
    return Course("climbs", first, last, (last - first + 1) * math.log(75) / 2 - math.log(n))


def _still(held: Values, steps: Values) -> Course | None:
    """A run of one value where all others differ from the one before."""
    changes = np.flatnonzero(np.concatenate([[True], steps != 0, [True]]))
    runs = np.diff(changes)
    at = int(runs.argmax())
    longest, equal = int(runs[at]), int((steps == 0).sum())
    others = len(steps) - (longest - 1)
    if longest < LEAST_STILL or others < 3 * LEAST_STILL or others - (equal - (longest - 1)) < LEAST_CHANGES * others:
        return None
    chance = (equal - (longest - 1) + 0.5) / (others + 1)
    first = int(changes[at])
    return Course("still", first, first + longest - 1, -(longest - 1) * math.log(chance) / 2)


def _repeats(held: Values, steps: Values, rises: int, falls: int) -> Course | None:
    """Numbers that rise, and once go back to some that were there before."""
    if falls != 1 or rises < LEAST_RISES or rises + falls < 0.98 * len(steps):
        return None
    first = int(np.flatnonzero(steps < 0)[0]) + 1
    if held[first] <= held[0] + 0.05 * (held[first - 1] - held[0]):
        return None  # it begins anew
    last = first + int(np.searchsorted(held[first:], held[first - 1], side="right")) - 1
    again = int(np.isin(held[first : last + 1], held[:first]).sum())
    if again < max(LEAST_REPEATED, 0.8 * (last - first + 1)):
        return None
    return Course("repeats", first, last, math.log(rises) + again)
