"""Unusual values: numbers far outside what their place in a message held, and codes that are not zero for once.

A value is judged by the spread of its own place. Three tests, because a narrow gauge, a long-tailed duration and a count that
falls to zero are unusual in different ways: on a linear scale where the values have no long tail, on a logarithmic scale upwards
with a tail fitted to the largest ones, and on a logarithmic scale downwards for whole numbers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from logllm.hf_datasets.events.masks import PARAMETER

from . import tails
from .candidates import MOST_NATS, WORDED, Candidate, Kinds, Rows
from .courses import course_reason, courses
from .families import Family, rows_of
from .fields import records_by_message
from .quantities import (
    CODE,
    FAR_DOWN,
    FAR_OUT,
    LEAST_DIFFERENT,
    LEAST_FALL,
    LEAST_VALUES,
    LEAST_ZEROS,
    MOST_NOT_ZERO,
    NOT_A_NUMBER,
    Quantity,
    counts_up,
    far_above,
    gauge_margin,
    is_not_zero,
    names_things,
    quantity_named,
    quantity_of,
    value_reason,
)
from .table import ERRONEOUS, EventTable

MOST_SLOTS = 8
MOST_PARTS = 12  # values of a field by each of which the numbers of the others are looked at
MOST_TOGETHER = 5  # values next to each other that may be unusual at once

Values = NDArray[np.float64]


def values(
    table: EventTable, kinds: Kinds, families: Sequence[Family], message_of: Callable[[int], str]
) -> list[Candidate]:
    """Numbers far outside what their slot of the template held otherwise, and stretches in which they behave otherwise.

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
            own = rows[known]
            values = held[known]

            def quantity_at(at: int, own: Rows = own, values: Values = values, slot: int = slot) -> Quantity:
                return quantity_of(message_of(int(own[at])), slot, float(values[at]))

            found += _of_slot(table, kinds, own, values, quantity_at)
    return among_tests(found, slots)


def among_tests(found: Sequence[Candidate], tests: int) -> list[Candidate]:
    """Candidates with the nats taken off that so many tests cost, and as many findings elsewhere."""
    elsewhere = len({one.lead for one in found}) - 1
    out = [
        replace(one, nats=one.nats - math.log(max(tests, 1)) - 2 * tails.usual_discount(elsewhere)) for one in found
    ]
    return [one for one in out if one.nats > 0]


def _of_slot(
    table: EventTable,
    kinds: Kinds,
    rows: Rows,
    held: Values,
    quantity_at: Callable[[int], Quantity],
    item: str = "",
    single: bool = True,
) -> list[Candidate]:
    """What is unusual about the values of one number: one of them, or a stretch.

    Args:
        table: the events.
        kinds: where the kinds stand.
        rows: `(n,)` the rows that hold the number, in order.
        held: `(n,)` its values.
        quantity_at: what it measures, from one of the positions.
        item: its name, where it is a field of records.
        single: whether single values are looked at, and not only stretches.
    """
    found: list[Candidate] = []

    def add(nats: float, lead: int, own: Rows, reason: str) -> None:
        kind = -1 if item else int(table.kind[lead])
        grade, count = int(kinds.classes[table.kind[lead]]), int(kinds.count[table.kind[lead]])
        found.append(
            Candidate("value", min(nats, MOST_NATS), 0.0, lead, own[:50].tolist(), len(own), int(own[0]), int(own[-1]), reason, kind, grade, count, item)
        )  # fmt: skip

    one = outlier(rows, held, kinds.gap) if single else None
    if one is not None:
        nats, at, others = one
        value, up = float(held[at]), float(held[at]) > float(others.max())
        end = float(others.max() if up else others.min())
        reason = value_reason(quantity_at(at), value, float(np.median(others)), end, up)
        if reason:
            add(nats, int(rows[at]), rows[at : at + 1], reason)
            return found
    for course in courses(held):
        reason = course_reason(course, held, quantity_at(0))
        if reason:
            add(course.nats, int(rows[course.first]), rows[course.first : course.last + 1], reason)
    return found


def field_values(
    table: EventTable, kinds: Kinds, records: Sequence[int], fields: Sequence[dict[str, str]]
) -> list[Candidate]:
    """Numbers in fields of structured records, of all records of a message and of those with one value of another field.

    Args:
        table: the events.
        kinds: where the kinds stand.
        records: the rows that are structured records, in order.
        fields: `(n,)` fields of each row of the table.
    """
    found: list[Candidate] = []
    tests = 0
    for members in records_by_message(table, records, fields):
        if len(members) < LEAST_VALUES:
            continue
        rows = np.asarray(members, np.int64)
        names = Counter(name for row in members for name in fields[row])
        columns = {
            name: [fields[row].get(name, "") for row in members]
            for name, count in names.items()
            if count > 0.9 * len(members)
        }
        numbers = {name: held for name, texts in columns.items() if (held := _numbers(texts)) is not None}
        parts: list[tuple[str, NDArray[np.bool_]]] = [("", np.ones(len(rows), bool))]
        for name, texts in columns.items():
            values = Counter(texts)
            # Numbers may be of things as well, such as partitions, where one follows another.
            if 2 <= len(values) <= MOST_PARTS and (name not in numbers or _take_turns(numbers[name])):
                parts += [
                    (f" of {value}", np.array([text == value for text in texts]))
                    for value, count in values.items()
                    if count >= LEAST_VALUES
                ]
        for name, held in numbers.items():
            quantity = quantity_named(name)
            for part, inside in parts:
                own = inside & np.isfinite(held)
                if own.sum() < LEAST_VALUES:
                    continue
                tests += 1
                here = replace(quantity, name=name + part)
                some = _of_slot(
                    table, kinds, rows[own], held[own], partial(_always, here), name, not part and not quantity.thing
                )
                found += some
                if some and not part:
                    break
    return among_tests(found, tests)


def _take_turns(held: Values) -> bool:
    """Whether whole numbers change with nearly every message."""
    return bool((held == np.floor(held)).all()) and float((np.diff(held) != 0).mean()) > 0.6


def _always(quantity: Quantity, at: int) -> Quantity:
    return quantity


def _numbers(texts: Sequence[str]) -> Values | None:
    """Texts as numbers, not-a-number where one is none; None where more than a few are none, or where they are codes."""
    held = np.full(len(texts), np.nan)
    for at, text in enumerate(texts):
        try:
            held[at] = float(text)
        except ValueError:
            if at < LEAST_VALUES and at >= 0.2 * LEAST_VALUES:
                return None
    return held if np.isfinite(held).mean() > 0.9 else None


def outlier(rows: Rows, held: Values, gap: int, amounts: bool = False) -> tuple[float, int, Values] | None:
    """(nats, position, the other values) of what stands far outside; None where nothing does.

    Args:
        rows: `(n,)` the rows that hold the values, in order.
        held: `(n,)` the values.
        gap: rows within which unusual values are of one time.
        amounts: whether they are amounts for sure, and not numbers of things.
    """
    order = np.argsort(held, kind="stable")
    if counts_up(held):
        found = _far_up(held, order)
        return None if found is None or names_things(found[2]) else found
    whole = bool((held == np.floor(held)).all())
    for test in (_far_up, _far_from_gauge, _far_down if whole else None):
        found = test(held, order) if test is not None else None
        if found is not None and (amounts or test is _far_down or not names_things(found[2])):
            nats, at, others = found
            unusual = rows[(held > others.max()) | (held < others.min())]
            if int(unusual[-1]) - int(unusual[0]) <= gap:  # what happens again and again is usual
                return nats, at, others
    return None


def _far_up(held: Values, order: NDArray[np.int64]) -> tuple[float, int, Values] | None:
    """Five times the next largest and twenty times the usual, beyond the tail of the largest on a logarithmic scale."""
    at, others = int(order[-1]), held[order[:-1]]
    middle, top, value = float(np.median(others)), float(others[-1]), float(held[at])
    if not far_above(value, middle, top) or value <= 0 or middle < 2e-9:
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
            if high == low or edge < FAR_OUT * (high - low):
                continue
            quarter, three = np.quantile(others, (0.25, 0.75)).tolist()
            if edge < gauge_margin(low, high, quarter, three, len(others), high if up else low):
                continue
            if len(np.unique(others)) < LEAST_DIFFERENT:
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
    if scaled[0] - value < max(FAR_DOWN * width, LEAST_FALL):
        return None
    return tails.beyond(-value, -scaled, max(0.1 * width, 0.15)), at, others


# --- Codes ----------------------------------------------------------------------------------------------------------

MOST_CHARACTERS = 1000


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
        match = CODE.search(text)
        if match is not None:
            bare = text[: match.start(3)] + PARAMETER + text[match.end(3) :]
        elif messages is not None and PARAMETER in text:
            bare, match = text, CODE.search(messages[int(rows[0])][:MOST_CHARACTERS])
        if match is None:
            continue
        name = match[1].lower()
        unusual = rows if is_not_zero(match[3]) else rows[:0]
        if match.string is not text and messages is not None:  # the template hides the code
            found_codes = (CODE.search(messages[row][:MOST_CHARACTERS]) for row in rows.tolist())
            unusual = rows[[one is not None and is_not_zero(one[3]) for one in found_codes]]
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
        match = CODE.search(message_of(first))
        if match is None or not is_not_zero(match[3]):
            continue
        nats = tails.at_least_one(tails.expected_new(others - count, 0.0) * tails.harmonic(places))
        reason = f"{match[1]} {match[3]}, where {zeros:,} of {zeros + others:,} are 0"
        kind = int(table.kind[first])
        grade = max(int(kinds.classes[kind]), ERRONEOUS)
        found.append(
            Candidate("new", nats, WORDED[ERRONEOUS], first, found_rows[:50].tolist(), count, first, last, reason, kind, grade, count)
        )  # fmt: skip
    return found


def not_numbers(table: EventTable, kinds: Kinds) -> list[Candidate]:
    """Messages that say nan or infinity where others of their kind have a number."""
    grades = table.kind_class.tolist()
    texts = [table.templates[at] for at in table.kind_template.tolist()]
    found: list[Candidate] = []
    for kind, text in enumerate(texts):
        match = NOT_A_NUMBER.search(text)
        if match is None:
            continue
        bare = NOT_A_NUMBER.sub(PARAMETER, text).split()
        alike = [one for one, other in enumerate(texts) if grades[one] == grades[kind] and _fits(bare, other.split())]
        usual = max(alike, key=lambda one: int(kinds.count[one]), default=kind)
        if kinds.count[usual] < LEAST_ZEROS or usual == kind:
            continue
        rows, numbers = kinds.rows(kind), kinds.rows(usual)
        between = int(np.searchsorted(numbers, rows[-1]) - np.searchsorted(numbers, rows[0]))
        if len(rows) > 3 and between > 0.1 * len(rows):  # now and then, as the scaling of losses has it
            continue
        nats = tails.at_least_one(tails.expected_new(0.0, 0.0))
        words = text[: match.start()].replace("=", " ").replace(":", " ").split()
        name = words[-1] if words and PARAMETER not in words[-1] else "a number"
        reason = f"{name} is {match[0]}, where {int(kinds.count[usual]):,} such messages have a number"
        found.append(
            Candidate("new", nats, WORDED[ERRONEOUS], int(rows[0]), rows[:50].tolist(), len(rows), int(rows[0]), int(rows[-1]), reason, kind, max(grades[kind], ERRONEOUS), len(rows))
        )  # fmt: skip
    return found


def _fits(tokens: Sequence[str], template: Sequence[str]) -> bool:
    """Whether a template has these tokens, or a parameter in their place."""
    return len(tokens) == len(template) and all(one in (token, PARAMETER) for token, one in zip(tokens, template))
