"""What a number in a message measures: its name and unit there, and whether it is an amount, a duration, a code or a mere number of a thing."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logllm.hf_datasets.events.masks import numbers_of, shape_of_message

from . import tails

LEAST_VALUES = 60  # values of a place in a message from which on a further one can be unusual
LEAST_ZEROS = 10  # codes that are zero from which on another one is unusual ...
MOST_NOT_ZERO = 0.05  # ... and the share of others among them

LEAST_DIFFERENT = 6  # values from which on a number is a gauge, and no choice among a few
FAR_OUT, FAR_DOWN = 3.0, 2.0  # ranges of all other values between them and an unusual one, on either scale
LEAST_CHANGE = 0.2  # share of the nearest other value by which an unusual one differs from it
LEAST_FALL = math.log(20)  # of a whole number near zero where larger ones are usual, on a logarithmic scale

NOT_A_NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:nan|inf(?:inity)?)(?![\w.])(?: (?:[nµu]?s|ms|%|[kKMG]i?B)\b)?", re.IGNORECASE
)
CODE = re.compile(
    r"\b((?:exit|return|result)[ _-]?(?:code|status|value)|exit(?:ed)?(?: with)?|exitcode|rc|retval|returncode|errno|rcode)"
    r"(\"?(?:\s*[=:]\s*|\s+)\"?)(-?\d+|0x[0-9a-f]+|<\*>)(?!\w|[.-]\d)",
    re.IGNORECASE,
)
_KEY = re.compile(r"([^\W\d_][\w.-]*)[\"']?\s*[=:]\s*[\"']?[-+(]?$")
_WORD = re.compile(r"([^\W\d_][\w-]*)\s+[-+(]?$")
_UNIT = re.compile(r"\s?(°?[^\W\d_]{1,12}\b(?!-)(?:/[^\W\d_]+)?|[%‰])")
_GLUED_UNIT = re.compile(r"(?: ?[°%‰]|[^\W\d_])[^\W\d_]*|\s(?:[nuµm]?s|[kKMGT]?i?B|bytes|rows|bar|min)\b")
# How long something took has a long tail, however narrow it looked so far.
_TIME = re.compile(r"\s?(?:[nuµm]?s|msecs?|millis\w*|sec(?:ond)?s?|min(?:ute)?s?)", re.IGNORECASE)
_TAKES = re.compile(
    r"took|dur(?:ation)?|elapsed|latency|\b(?:u?rt|rtt|ttfb|ping|delay)\b|response|taken|seconds|millis|\btime\b|[_-]time$|(?-i:[a-z]Time)$|_ms$|(?-i:[a-z]Ms)$|_us$|_secs?$|_s$",
    re.IGNORECASE,
)
# The five timers of a proxy, in milliseconds: 10/0/30/69/109.
_TIMERS = re.compile(r"(?<![\w/.])(?:-?\d+/){4}\+?\d+(?![\w/.])")
_NO_NAME = frozenset("in of to for at after with from by on is was".split())
# Numbers that say which one, not how much.
_OF_A_THING = re.compile(r"(?:^|[._-]|\B(?=[A-Z]))(?:[pt]?id|port|line|seq|sequence|version|offset|date|time|timestamp|ts)$", re.IGNORECASE)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quantity:
    """What one number of a message measures.

    Attributes:
        name: as the message names it.
        unit: as it stands behind the number.
        worth: what one such unit is worth, in seconds, bytes or ones; not a number for a time of several units.
        thing: whether it says which one and not how much.
        takes: whether it says how long something took: that has a long tail, however narrow it looked so far.
        code: whether it is an exit or return code.
    """

    name: str = "the value"
    unit: str = ""
    worth: float = 1.0
    thing: bool = False
    takes: bool = False
    code: bool = False

    @property
    def named(self) -> bool:
        """Whether the message names it."""
        return self.name != Quantity.__dataclass_fields__["name"].default


def quantity_of(message: str, slot: int, value: float) -> Quantity:
    """What a number of a message measures.

    >>> quantity_of("oven 3 at temp=215.5 °C", 1, 215.5)
    Quantity(name='temp', unit=' °C', worth=1.0, thing=False, takes=False, code=False)

    Args:
        message: the message.
        slot: which of its numbers it is.
        value: the number, as `numbers_of` gives it.
    """
    shape = shape_of_message(message)
    numbers = numbers_of(message, shape)
    spans = shape.parts[slot] if slot < len(numbers) and abs(numbers[slot] - value) <= 1e-6 * abs(value) else ()
    if not spans:
        return Quantity()
    first, behind = spans[0][0], spans[-1][1]
    before = message[max(first - 60, 0) : first]
    key = _KEY.search(before) or _WORD.search(before)
    thing = key is not None and _is_thing(key[1])
    name = key[1] if key is not None and key[1].lower() not in _NO_NAME else "the value"
    timers = _TIMERS.search(message)
    if timers is not None and timers.start() <= first < timers.end():
        return Quantity("timer", " ms", takes=True)
    code = CODE.search(message[max(first - 60, 0) : behind + 1])
    is_code = code is not None and max(first - 60, 0) + code.end(3) == behind
    text = message[first:behind]
    # Several runs of digits with units of their own, such as 1m30s, are not one number, as 184,220.5 is.
    one = re.fullmatch(r"[\d.,_]+", text) is not None
    written = float(re.sub(r"[^\d.]", "", text) or "nan") if one else math.nan
    if not math.isfinite(written) or (written == 0) != (value == 0):
        return Quantity(name, "", math.nan, thing, code=is_code)
    unit = (_GLUED_UNIT if "=" in before[-2:] else _UNIT).match(message[behind : behind + 20])
    shown = unit[0] if unit is not None else ""
    takes = _TIME.fullmatch(shown) is not None or _TAKES.search(name) is not None
    return Quantity(name, shown, abs(value / written) if written else spans[-1][2], thing, takes, is_code)


def _is_thing(name: str) -> bool:
    return _OF_A_THING.search(name) is not None and _TAKES.search(name) is None


def quantity_named(name: str) -> Quantity:
    """What a field of a record measures, by its name.

    >>> quantity_named("duration_ms").takes, quantity_named("user_id").thing
    (True, True)
    """
    return Quantity(name, thing=_is_thing(name), takes=_TAKES.search(name) is not None)


def far_above(value: float, usual: float, most: float) -> bool:
    """Whether a value is so much larger than the usual and the next largest one that no ordinary tail reaches it."""
    return value >= 5 * max(most, 0.0) and value >= 20 * max(usual, 0.0)


def counts_up(held: NDArray[np.float64]) -> bool:
    """Whether a slot holds a counter, an offset or a time, whose next value is beyond all others."""
    steps = np.diff(held)
    return int((steps > 0).sum()) > 9 * int((steps < 0).sum())


def names_things(held: NDArray[np.float64]) -> bool:
    """Whether a slot holds numbers of things, not amounts: whole, nearly all different, spread evenly up to a largest."""
    middle = float(np.median(held))
    whole = bool((held == np.floor(held)).all()) and len(np.unique(held)) > 0.8 * len(held)
    return whole and middle > 500 and float(held.max()) < 2.6 * middle


def gauge_margin(low: float, high: float, quarter: float, three: float, count: int, end: float) -> float:
    """How far outside the range of so many values a further one is unusual, on a linear scale; infinite without a spread.

    Args:
        low: the smallest value.
        high: the largest one.
        quarter: the value below which a quarter of them lies.
        three: the value below which three quarters lie.
        count: how many they are.
        end: the one of them that is nearest to the further one.
    """
    if three <= quarter:  # mostly one value
        return math.inf
    # The range of 60 normal values is about 3.5 interquartile ranges, that of 5,000 about 5.5; beyond that it is a long tail.
    tail = min((high - low) / ((2 + 1.1 * math.log10(count)) * (three - quarter)), 1e6)
    return max(FAR_OUT * (high - low) * max(tail, 1.0) ** 2, LEAST_CHANGE * abs(end))


def value_reason(quantity: Quantity, value: float, usual: float, end: float, up: bool) -> str:
    """What is unusual about a number, in words; "" where it is not unusual after all.

    >>> value_reason(Quantity("temp", " °C"), 480.0, 215.0, 220.5, True)
    'temp 480 °C, usual 215 °C, the most otherwise 220.5 °C'

    Args:
        quantity: what it measures.
        value: the number.
        usual: the median of the others.
        end: the one of the others that is nearest to it.
        up: whether it is larger than these.
    """
    if quantity.thing and value == math.floor(value):
        return ""
    if quantity.takes and up and not far_above(value, usual, end):
        return ""
    most = "the most" if up else "the least"
    found, median, edge = (number_of(quantity, one) for one in (value, usual, end))
    return f"{quantity.name} {found}, usual {median}, {most} otherwise {edge}"


def number_of(quantity: Quantity, value: float) -> str:
    """A value as the message writes it, with its unit."""
    return tails.duration(value) if math.isnan(quantity.worth) else _number(value / quantity.worth) + quantity.unit


def _number(value: float) -> str:
    """A number with four digits or all before the point.

    >>> _number(184220.0), _number(0.0128295)
    ('184,220', '0.01283')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def is_not_zero(code: str) -> bool:
    """Whether a code is not zero, as `CODE` finds it.

    >>> is_not_zero("0x00"), is_not_zero("-1")
    (False, True)
    """
    return bool(code.strip("-0x"))
