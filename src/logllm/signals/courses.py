"""How a number goes on from message to message: it moves and stays there, stands still, or goes back and repeats.

Each test looks for one stretch in which a number behaves as it does nowhere else in the log.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .quantities import LEAST_DIFFERENT, Quantity, counts_up, gauge_margin, names_things, number_of

SHORTEST, LONGEST = 8, 3  # messages of a stretch: at least so many, at most one third of all
LEAST_OTHERS = 48  # messages outside of it
TIMES = 3.0  # the usual value, from which on a duration has climbed, and a gauge has moved
MOST_LOOKED_AT = 8192
SMOOTH = 5  # messages of which most must lie above the usual values for a stretch to go on
LEAST_STILL = 20  # messages with one value where it changes otherwise
TIMES_STILL = 6  # times the longest other run of one value
LEAST_RISES = 200
LEAST_REPEATED = 5

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Course:
    """A stretch of a number's values.

    Attributes:
        what: climbs, elsewhere, still or repeats.
        first: position of its first value.
        last: position of its last one.
        nats: evidence, as in `tails`.
    """

    what: str
    first: int
    last: int
    nats: float


def courses(held: Values) -> list[Course]:
    """What is unusual about the course of `(n,)` values in the order of the log, whatever they measure."""
    steps = np.diff(held)
    rises, falls = int((steps > 0).sum()), int((steps < 0).sum())
    found = [_still(held, steps)]
    if counts_up(held):
        found.append(_repeats(held, steps, rises, falls))
    elif len(held) >= LEAST_OTHERS:
        found += [_climbs(held), _elsewhere(held, 1), _elsewhere(held, -1)]
    return [one for one in found if one is not None]


def course_reason(course: Course, held: Values, quantity: Quantity) -> str:
    """What is unusual about a stretch, in words; "" where it is usual for what the number measures."""
    part = held[course.first : course.last + 1]
    others = np.delete(held, np.s_[course.first : course.last + 1])
    count = len(part)

    def number(value: float) -> str:
        return number_of(quantity, value)

    middle, usual = number(float(np.median(part))), number(float(np.median(others)))
    if course.what == "climbs":
        if not quantity.takes:  # sizes, loads and counts are large for a while in any log
            return ""
        most = number(float(np.quantile(others, 0.99)))
        return f"{quantity.name} about {middle} in {count:,} such messages, usual {usual}, 99 % of the others at most {most}"
    if course.what == "elsewhere":
        if quantity.takes or quantity.thing or names_things(held):
            return ""
        low, high = number(float(np.quantile(others, 0.01))), number(float(np.quantile(others, 0.99)))
        return f"{quantity.name} about {middle} in {count:,} such messages, usual {usual}, 98 % of the others {low} to {high}"
    if course.what == "still":
        if part[0] == 0 or ((quantity.thing or not (quantity.named or quantity.unit)) and not _only_rises(others)):
            return ""
        return f"{quantity.name} stays at {number(float(part[0]))} in {count:,} such messages, where it changes from one to the next"
    again = f"{part[0]:.0f}" if count == 1 else f"{part[0]:.0f} to {part[-1]:.0f}"
    return f"{quantity.name} {again} once more, where each number is larger than the one before in {len(held) - 1:,} messages"


def _only_rises(held: Values) -> bool:
    return bool((np.diff(held) >= 0).all())


def _windows(held: Values) -> Iterator[tuple[int, int]]:
    """Of each length, doubling, the stretch of the highest values: first position and the one behind the last."""
    n, width = len(held), SHORTEST
    while width <= n // LONGEST:
        begins = np.arange(0, n - width + 1, max(width // 2, 1))
        quarters = np.quantile(sliding_window_view(held, width)[begins], 0.25, axis=1)
        begin = int(begins[quarters.argmax()])
        yield begin, begin + width
        width *= 2


def _grown(above: NDArray[np.bool_], begin: int, end: int) -> tuple[int, int]:
    """The stretch around the middle of another one in which most values lie above a limit."""
    most = np.convolve(above, np.ones(SMOOTH), "same") >= SMOOTH / 2
    first = last = (begin + end) // 2
    while first > 0 and most[first - 1]:
        first -= 1
    while last < len(above) - 1 and most[last + 1]:
        last += 1
    while first < last and not above[first]:
        first += 1
    while last > first and not above[last]:
        last -= 1
    return first, last


def _apart(held: Values, begin: int, end: int) -> Values:
    """The values outside a stretch and what lies within its length before and behind it: what climbs to it and falls from it."""
    width = end - begin
    return np.concatenate([held[: max(begin - width, 0)], held[end + width :]])


def _climbs(held: Values) -> Course | None:
    """A duration: the stretch whose values lie above nearly all others."""

    def limit(others: Values) -> float:
        usual, most = np.quantile(others, (0.5, 0.99)).tolist()
        return max(most, TIMES * usual)

    # Too few are far above the usual one, whatever the largest of the others is.
    few = held.min() < 0 or (held > TIMES * np.median(held)).sum() < SHORTEST
    return None if few else _longest("climbs", held, limit)


def _elsewhere(held: Values, way: int) -> Course | None:
    """A gauge: the stretch whose values lie far above (`way` 1) or below (-1) the range of all others, on either scale."""

    def limit(least: float) -> Callable[[Values], float]:
        def of(others: Values) -> float:
            if len(np.unique(others)) < LEAST_DIFFERENT:
                return math.inf
            low, quarter, three, high = np.quantile(others, (0, 0.25, 0.75, 1)).tolist()
            return high + max(gauge_margin(low, high, quarter, three, len(others), high), least)

        return of

    found = _longest("elsewhere", way * held, limit(0.0))
    if found is None and held.min() > 0:
        found = _longest("elsewhere", way * np.log(held), limit(math.log(TIMES)))
    return found


def _longest(what: str, held: Values, limit: Callable[[Values], float]) -> Course | None:
    """The longest stretch of values above the limit that the others set."""
    best: Course | None = None
    every = max(len(held) // MOST_LOOKED_AT, 1)
    some = held[::every]  # enough of them to find a stretch
    if (some > 4 * np.quantile(some, 0.6) - 3 * np.quantile(some, 0.05)).sum() < SHORTEST and what == "elsewhere":
        return None  # too few lie far out, whatever the range of the others is
    for begin, end in _windows(some):
        others = _apart(some, begin, end)
        if len(others) < LEAST_OTHERS:
            continue
        most = limit(others)
        if not float(np.quantile(some[begin:end], 0.25)) > most:
            continue
        above = held > most
        first, last = _grown(above, begin * every, end * every)
        if what == "elsewhere" and above.sum() > above[first : last + 1].sum():  # what happens again is usual
            continue
        one = _stretch(what, held, first, last)
        if one is not None and (best is None or one.nats > best.nats):
            best = one
    return best


def _stretch(what: str, held: Values, first: int, last: int) -> Course | None:
    length, n = last - first + 1, len(held)
    if length < SHORTEST or length > n // 2:
        return None
    # Each value has the chance of one in a hundred to lie so far up; half of them may be so for one cause.
    return Course(what, first, last, length * math.log(100) / 2 - math.log(n))


def _still(held: Values, steps: Values) -> Course | None:
    """A run of one value, far longer than any other."""
    changes = np.flatnonzero(np.concatenate([[True], steps != 0, [True]]))
    runs = np.diff(changes)
    at = int(runs.argmax())
    longest = int(runs[at])
    second = int(np.delete(runs, at).max(initial=0))
    if longest < max(LEAST_STILL, TIMES_STILL * second) or len(runs) < 3 * LEAST_STILL:
        return None
    others = len(held) - longest
    chance = (others - len(runs) + 1.5) / (others + 1)  # that a value stays as it was
    first = int(changes[at])
    return Course("still", first, first + longest - 1, -(longest - second) * math.log(chance) / 2)


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
