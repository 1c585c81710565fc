"""Unusual values: numbers far outside what their place in a message held, and codes that are not zero for once.

A value is judged by the spread of its own place. Three tests, because a narrow gauge, a long-tailed duration and a count that
falls to zero are unusual in different ways: on a linear scale where the values have no long tail, on a logarithmic scale upwards
with a tail fitted to the largest ones, and on a logarithmic scale downwards for whole numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from logllm.hf_datasets.events.masks import PARAMETER, numbers_of, shape_of_message

from . import tails
from .candidates import MOST_NATS, WORDED, Candidate, Kinds, Rows
from .families import Family, rows_of
from .table import ERRONEOUS, EventTable

MOST_SLOTS = 8
LEAST_VALUES = 60
LEAST_DIFFERENT = 6  # values from which on a place is a gauge, and no choice among a few
MOST_TOGETHER = 5  # values next to each other that may be unusual at once
FAR_OUT, FAR_DOWN = 3.0, 2.0  # ranges of all other values between them and an unusual one, on either scale
LEAST_CHANGE = 0.2  # share of the nearest other value by which an unusual one differs from it

Values = NDArray[np.float64]


def values(
    table: EventTable, kinds: Kinds, families: Sequence[Family], message_of: Callable[[int], str]
) -> list[Candidate]:
    """Numbers far outside what their slot of the template held otherwise.

    Args:
        table: the events.
        kinds: where the kinds stand.
        families: templates of few events are judged together with those that differ in one word.
        message_of: text of a row, for the name and the unit of a number.
    """
    if table.numbers is None or not len(table.numbers):
        return []
    groups: list[Rows] = [kinds.rows(int(kind)) for kind in np.flatnonzero(kinds.count >= LEAST_VALUES)]
    taken: set[int] = set()
    for family in sorted(families, key=lambda one: -int(kinds.count[one.kinds].sum())):
        few = [kind for kind in family.kinds if kinds.count[kind] < LEAST_VALUES and kind not in taken]
        if len(few) > 1 and kinds.count[few].sum() >= LEAST_VALUES:
            groups.append(rows_of(kinds, few))
            taken.update(few)
    found: list[Candidate] = []
    slots = 0
    for rows in groups:
        width = table.numbers_count[rows]
        usual = int(np.median(width))
        rows = rows[width == usual]
        if len(rows) < LEAST_VALUES:
            continue
        for slot in range(min(usual, MOST_SLOTS)):
            slots += 1
            held = table.numbers[table.numbers_start[rows] + slot]
            known = np.isfinite(held)
            if known.sum() < LEAST_VALUES:
                continue
            one = _outlier(rows[known], held[known], kinds.gap)
            if one is not None:
                nats, at, others = one
                row = int(rows[known][at])
                reason = _reason(message_of(row), slot, float(held[known][at]), others)
                if reason:
                    kind = int(table.kind[row])
                    found.append(
                        Candidate("value", min(nats, MOST_NATS), 0.0, row, [row], 1, row, row, reason, kind, int(kinds.classes[kind]), int(kinds.count[kind]))
                    )  # fmt: skip
    for found_one in found:
        found_one.nats -= math.log(max(slots, 1)) + 2 * tails.usual_discount(len(found) - 1)
    return [one for one in found if one.nats > 0]


def _outlier(rows: Rows, held: Values, gap: int) -> tuple[float, int, Values] | None:
    """(nats, position, the other values) of what stands far outside; None where nothing does."""
    order = np.argsort(held, kind="stable")
    if _counts_up(held):
        return _far_up(held, order)
    whole = bool((held == np.floor(held)).all())
    for test in (_far_up, _far_from_gauge, _far_down if whole else None):
        found = test(held, order) if test is not None else None
        if found is not None:
            nats, at, others = found
            unusual = rows[(held > others.max()) | (held < others.min())]
            if int(unusual[-1]) - int(unusual[0]) <= gap:  # what happens again and again is usual
                return nats, at, others
    return None


def _counts_up(held: Values) -> bool:
    """Whether a slot holds a counter, an offset or a time, whose next value is beyond all others."""
    steps = np.diff(held)
    return int((steps > 0).sum()) > 9 * int((steps < 0).sum())


def _names_things(held: Values) -> bool:
    """Whether a slot holds numbers of things, not amounts: whole, nearly all different, spread evenly up to a largest."""
    middle = float(np.median(held))
    whole = bool((held == np.floor(held)).all()) and len(np.unique(held)) > 0.8 * len(held)
    return whole and middle > 500 and float(held.max()) < 2.6 * middle


def _far_above(value: float, middle: float, top: float) -> bool:
    """Whether a value is so much larger than the usual and the next largest one that no ordinary tail reaches it."""
    return value >= 5 * max(top, 0.0) and value >= 20 * max(middle, 0.0)


def _far_up(held: Values, order: NDArray[np.int64]) -> tuple[float, int, Values] | None:
    """Five times the next largest and twenty times the usual, beyond the tail of the largest on a logarithmic scale."""
    at, others = int(order[-1]), held[order[:-1]]
    middle, top, value = float(np.median(others)), float(others[-1]), float(held[at])
    if not _far_above(value, middle, top) or value <= 0 or middle < 2e-9:
        return None
    if _names_things(others):
        return None
    nats = tails.beyond(math.log(value), np.log(np.maximum(others, 1e-9)), 0.15)
    return nats, at, others


def _far_from_gauge(held: Values, order: NDArray[np.int64]) -> tuple[float, int, Values] | None:
    """Far outside the range of the others on a linear scale; farther where these have a longer tail than normal values."""
    for few in range(min(MOST_TOGETHER, 1 + len(held) // 100)):
        for up in (True, False):
            others = held[order[: len(order) - few - 1] if up else order[few + 1 :]]
            low, high = float(others[0]), float(others[-1])
            at = int(order[-1] if up else order[0])
            edge = float(held[order[len(order) - few - 1]] - high) if up else low - float(held[order[few]])
            if edge < max(FAR_OUT * (high - low), LEAST_CHANGE * abs(high if up else low)) or high == low:
                continue
            quarter, three = np.quantile(others, (0.25, 0.75)).tolist()
            # The range of 60 normal values is about 3.5 interquartile ranges, that of 5,000 about 5.5.
            if three == quarter:  # mostly one value: there is no spread to judge by
                continue
            tail = min((high - low) / ((2 + 1.1 * math.log10(len(others))) * (three - quarter)), 1e6)
            if edge < FAR_OUT * (high - low) * tail**2:
                continue
            if len(np.unique(others)) < LEAST_DIFFERENT or _names_things(others):
                continue
            signed = others if up else -others
            value = float(held[at]) if up else -float(held[at])
            return tails.beyond(value, signed, 0.1 * (high - low)), at, others
    return None


def _far_down(held: Values, order: NDArray[np.int64]) -> tuple[float, int, Values] | None:
    """A whole number near zero where much larger ones are usual, beyond their range on a logarithmic scale."""
    at, others = int(order[0]), held[order[1:]]
    if held[at] < 0 or len(np.unique(others)) < LEAST_DIFFERENT:
        return None
    scaled = np.log1p(others)
    value, width = math.log1p(float(held[at])), float(scaled[-1] - scaled[0])
    if scaled[0] - value < max(FAR_DOWN * width, math.log(20)):
        return None
    return tails.beyond(-value, -scaled, max(0.1 * width, 0.15)), at, others


# --- In words -------------------------------------------------------------------------------------------------------

_KEY = re.compile(r"([^\W\d_][\w.-]*)[\"']?\s*[=:]\s*[\"']?[-+(]?$")
_WORD = re.compile(r"([^\W\d_][\w-]*)\s+[-+(]?$")
_UNIT = re.compile(r"\s?(°?[^\W\d_]{1,12}\b(?!-)(?:/[^\W\d_]+)?|[%‰])")
_GLUED_UNIT = re.compile(r"(?: ?[°%‰]|[^\W\d_])[^\W\d_]*|\s(?:[nuµm]?s|[kKMGT]?i?B|bytes|rows|bar|min)\b")
# How long something took has a long tail, however narrow it looked so far.
_TIME = re.compile(r"\s?(?:[nuµm]?s|msecs?|millis\w*|sec(?:ond)?s?|min(?:ute)?s?)", re.IGNORECASE)
_TAKES = re.compile(r"took|dur(?:ation)?|elapsed|latency|\btime\b|_time$|_ms$|_us$|_s$", re.IGNORECASE)
_NO_NAME = frozenset("in of to for at after with from by on is was".split())
# Numbers that say which one, not how much.
_OF_A_THING = re.compile(r"(?:^|[._-]|\B(?=[A-Z]))(?:[pt]?id|port|line|seq|sequence|version|offset|date|time|timestamp|ts)$", re.IGNORECASE)  # fmt: skip


def _reason(message: str, slot: int, value: float, others: Values) -> str:
    """What is unusual about a number, with its name and unit as the message has them; "" for a number that is not unusual after all."""
    usual, up = float(np.median(others)), value > float(others.max())
    end = float(others.max() if up else others.min())
    most = "the most" if up else "the least"
    shape = shape_of_message(message)
    numbers = numbers_of(message, shape)
    spans = shape.parts[slot] if slot < len(numbers) and abs(numbers[slot] - value) <= 1e-6 * abs(value) else ()
    if not spans:
        return f"the value {_number(value)}, usual {_number(usual)}, {most} otherwise {_number(end)}"
    before, behind = message[max(spans[0][0] - 60, 0) : spans[0][0]], message[spans[-1][1] :][:20]
    key = _KEY.search(before) or _WORD.search(before)
    if key is not None and _OF_A_THING.search(key[1]) and (value == math.floor(value)):
        return ""
    name = key[1] if key is not None and key[1].lower() not in _NO_NAME else "the value"
    written = (
        float(re.sub(r"[^\d.]", "", message[spans[0][0] : spans[-1][1]]) or "nan")
        if _one_number(message, spans)
        else math.nan
    )
    if not math.isfinite(written) or (written == 0) != (value == 0):
        return f"{name} {tails.duration(value)}, usual {tails.duration(usual)}, {most} otherwise {tails.duration(end)}"
    unit = (_GLUED_UNIT if "=" in before[-2:] else _UNIT).match(behind)
    shown = unit[0] if unit is not None else ""
    if up and (_TIME.fullmatch(shown) or _TAKES.search(name)) and not _far_above(value, usual, end):
        return ""
    worth = abs(value / written) if written else spans[-1][2]
    found, median, edge = (_number(one / worth) + shown for one in (value, usual, end))
    return f"{name} {found}, usual {median}, {most} otherwise {edge}"


def _number(value: float) -> str:
    """A number with four digits or all before the point.

    >>> _number(184220.0), _number(0.0128295)
    ('184,220', '0.01283')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _one_number(message: str, spans: Sequence[tuple[int, int, float]]) -> bool:
    """Whether the runs of digits are one number, such as 184,220.5, and not several with units of their own."""
    return re.fullmatch(r"[\d.,_]+", message[spans[0][0] : spans[-1][1]]) is not None


# --- Codes ----------------------------------------------------------------------------------------------------------

_CODE = re.compile(
    r"\b((?:exit|return|result)[ _-]?(?:code|status|value)|exit(?:ed)?(?: with)?|exitcode|rc|retval|returncode|errno|rcode)"
    r"(\"?(?:\s*[=:]\s*|\s+)\"?)(-?\d+|0x[0-9a-f]+|<\*>)(?!\w|[.-]\d)",
    re.IGNORECASE,
)
LEAST_ZEROS = 10
MOST_CHARACTERS = 1000
MOST_NOT_ZERO = 0.05


def codes(
    table: EventTable, kinds: Kinds, messages: Sequence[str] | None, message_of: Callable[[int], str]
) -> list[Candidate]:
    """Exit and return codes that are not zero where they nearly always are.

    What is usual say the events of the same template; where there are few of them, all with a code of this name.
    """
    groups: dict[str, list[int]] = {}
    not_zero: list[tuple[Rows, str, str]] = []  # rows, their template without the code, name of the code
    for kind, template in enumerate(table.kind_template.tolist()):
        text, rows = table.templates[template], kinds.rows(kind)
        match = _CODE.search(text)
        if match is not None:
            bare = text[: match.start(3)] + PARAMETER + text[match.end(3) :]
        elif messages is not None and PARAMETER in text:
            bare, match = text, _CODE.search(messages[int(rows[0])][:MOST_CHARACTERS])
        if match is None:
            continue
        name = match[1].lower()
        unusual = rows if _is_not_zero(match[3]) else rows[:0]
        if match.string is not text and messages is not None:  # the template hides the code
            found_codes = (_CODE.search(messages[row][:MOST_CHARACTERS]) for row in rows.tolist())
            unusual = rows[[one is not None and _is_not_zero(one[3]) for one in found_codes]]
        for key in (bare, name):
            held = groups.setdefault(key, [0, 0])
            held[0] += len(rows) - len(unusual)
            held[1] += len(unusual)
        if len(unusual):
            not_zero.append((unusual, bare, name))
    found: list[Candidate] = []
    for found_rows, bare, name in not_zero:
        zeros, others = groups[bare] if sum(groups[bare]) > LEAST_ZEROS else groups[name]
        places = len(np.unique(found_rows // kinds.gap))
        first, last, count = int(found_rows[0]), int(found_rows[-1]), len(found_rows)
        if zeros < LEAST_ZEROS or others > MOST_NOT_ZERO * zeros or places > 3:
            continue
        match = _CODE.search(message_of(first))
        if match is None or not _is_not_zero(match[3]):
            continue
        nats = tails.at_least_one(tails.expected_new(others - count, 0.0) * tails.harmonic(places))
        reason = f"{match[1]} {match[3]}, where {zeros:,} of {zeros + others:,} are 0"
        kind = int(table.kind[first])
        grade = max(int(kinds.classes[kind]), ERRONEOUS)
        found.append(
            Candidate("new", nats, WORDED[ERRONEOUS], first, found_rows[:50].tolist(), count, first, last, reason, kind, grade, count)
        )  # fmt: skip
    return found


def _is_not_zero(code: str) -> bool:
    return bool(code.strip("-0x"))
