"""Unexpected here: which message follows which, within a session, a component, or the whole log.

The model is a back-off n-gram cut down to what can be told in words: contexts of one message (or two, within sessions)
that are nearly always followed by the same message. Where such a context is followed by another one, a step is missing,
out of order, or too much.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import tails
from .candidates import Candidate, Kinds
from .table import EventTable

LEAST_CONTEXTS = 20  # how often a context must occur before its successor is held to be fixed
FIXED_SHARE = 0.9
MOST_SESSION_EVENTS = 400
_NAME = re.compile(r"[\w-]*\d[\w-]*(?:[.:/][\w-]+)*")
_UNIT = re.compile(r"^\d+(?:[.,]\d+)?[a-zA-Zµ%]{0,3}$")


@dataclass(slots=True)
class Sequences:
    """Rows cut into sequences.

    Attributes:
        of_row: `(n,)` int64, sequence of each row, -1 for none.
        what: session, component, or log, for the words of a reason.
        whole: whether a sequence has a beginning and an end that mean something.
    """

    of_row: NDArray[np.int64]
    what: str
    whole: bool


def cut_sequences(table: EventTable, messages: Sequence[str] | None) -> list[Sequences]:
    """The ways in which a log is cut into sequences: what the reader found, sessions found in the text, the whole log.

    Args:
        table: the events.
        messages: text of each event, for finding sessions; None where there are too many.
    """
    n = len(table)
    ways = []
    named = table.sequence >= 0
    sessions = False
    if named.mean() > 0.3 if n else False:
        sizes = np.bincount(table.sequence[named])
        sizes = sizes[sizes > 0]
        sessions = len(sizes) >= max(10, n // MOST_SESSION_EVENTS) and float(np.median(sizes)) <= MOST_SESSION_EVENTS
        if len(sizes) > 1:
            ways.append(Sequences(table.sequence.astype(np.int64), "session" if sessions else "component", sessions))
    if not sessions and messages is not None:
        of_row = sessions_in_text(messages, table.template)
        if of_row is not None:
            ways.append(Sequences(of_row, "session", True))
    ways.append(Sequences(np.zeros(n, np.int64), "log", False))
    return ways


def sessions_in_text(messages: Sequence[str], templates: NDArray[np.int32]) -> NDArray[np.int64] | None:
    """Sessions by names that some messages of several templates share: `(n,)` session of each row, -1 for none.

    A name is a word with a digit that occurs a few times, in two templates or more, near each other. None where too few
    such names are found for sessions.
    """
    n = len(messages)
    rows_of: dict[str, list[int]] = {}
    for row, message in enumerate(messages):
        for name in set(_NAME.findall(message[:1000])):
            if len(name) >= 3 and not (_UNIT.match(name) and not name.isdigit()):
                rows_of.setdefault(name, []).append(row)
    weight: dict[str, int] = {}
    for name, rows in rows_of.items():
        if 2 <= len(rows) <= MOST_SESSION_EVENTS and rows[-1] - rows[0] <= max(n // 4, 60):
            kinds = len({int(templates[row]) for row in rows})
            if kinds >= 2:
                weight[name] = kinds
    if len(weight) < 10:
        return None
    of_row = np.full(n, -1, np.int64)
    best = np.zeros(n, np.int64)
    numbers: dict[str, int] = {}
    for name, kinds in weight.items():
        for row in rows_of[name]:
            if kinds > best[row]:
                best[row] = kinds
                of_row[row] = numbers.setdefault(name, len(numbers))
    held = of_row >= 0
    if held.mean() < 0.25 or float(np.mean(list(weight.values()))) < 2.5:
        return None
    return of_row


def order_breaks(table: EventTable, kinds: Kinds, ways: Sequence[Sequences]) -> list[Candidate]:
    """Places where a fixed order is broken, for each way of cutting the log into sequences; the first that has any counts."""
    found: list[Candidate] = []
    for way in ways:
        found += _breaks(table, kinds, way)
    return found


def _breaks(table: EventTable, kinds: Kinds, way: Sequences) -> list[Candidate]:
    # Messages that stand in one place only are judged as new; what surrounds them is judged as if they were not there.
    usual = (kinds.runs[table.kind] > 1) & (way.of_row >= 0)
    rows = np.flatnonzero(usual)
    if len(rows) < 2 * LEAST_CONTEXTS:
        return []
    rows = rows[np.argsort(way.of_row[rows], kind="stable")]
    owner, kind = way.of_row[rows], table.template[rows].astype(np.int64)
    k = int(kind.max()) + 1
    begins, ends = k, k + 1
    inside = owner[1:] == owner[:-1]
    before, after, at = kind[:-1][inside], kind[1:][inside], np.flatnonzero(inside)
    first_of, last_of = np.flatnonzero(np.append(True, ~inside)), np.flatnonzero(np.append(~inside, True))
    context = before
    where = rows[at + 1]  # the row that breaks the order
    previous = rows[at]
    if way.whole and len(first_of) >= LEAST_CONTEXTS:
        span = int(np.quantile(rows[last_of] - rows[first_of], 0.98)) + 1
        whole_first = first_of[rows[first_of] > span]
        whole_last = last_of[rows[last_of] < len(table) - 2 * span]
        context = np.concatenate([context, np.full(len(whole_first), begins), kind[whole_last]])
        after = np.concatenate([after, kind[whole_first], np.full(len(whole_last), ends)])
        where = np.concatenate([where, rows[whole_first], rows[whole_last]])
        previous = np.concatenate([previous, rows[whole_first], rows[whole_last]])
    pairs, inverse, counts = np.unique(context * (k + 2) + after, return_inverse=True, return_counts=True)
    left = pairs // (k + 2)
    total = np.bincount(left, weights=counts, minlength=k + 2)
    top_count = np.zeros(k + 2)
    np.maximum.at(top_count, left, counts)
    top = np.full(k + 2, -1)
    is_top = counts == top_count[left]
    top[left[is_top]] = (pairs % (k + 2))[is_top]
    fixed = (total >= LEAST_CONTEXTS) & (top_count >= np.maximum(FIXED_SHARE * total, total - 12))
    broken = np.flatnonzero(fixed[context] & (top[context] != after))
    if not len(broken):
        return []
    owners = way.of_row[where[broken]]
    groups: dict[int, list[int]] = {}
    for place, one in zip(broken, owners):
        groups.setdefault(int(one) if way.what == "session" else int(where[place]) // 8, []).append(int(place))
    clean = int(fixed.sum())
    found = []
    for places in groups.values():
        places.sort(key=lambda one: int(where[one]))
        lead = max(places, key=lambda one: (_explains(one, context, after, top), total[context[one]]))
        a, b, wanted = int(context[lead]), int(after[lead]), int(top[context[lead]])
        nats = tails.at_least_one(tails.expected_new(len(groups) - 1, 0))
        nats += 0.3 * math.log(total[a] / LEAST_CONTEXTS) + 0.5 * (len(places) > 1)
        skipped = wanted < k and top[wanted] == b
        reason = _order_reason(table, way, a, b, wanted, k, int(top_count[a]), int(total[a]), bool(skipped))
        shown = sorted({int(row) for one in places for row in (previous[one], where[one])})
        row = int(where[lead]) if b != ends else int(previous[lead])
        found.append(
            Candidate(
                "missing" if skipped or b == ends else "unexpected", nats, 0.0, row, shown[:30], 1, shown[0], shown[-1], reason,
                int(table.kind[row]), int(kinds.classes[table.kind[row]]), int(kinds.count[table.kind[row]]),
            )
        )  # fmt: skip
    del clean
    return found


def _explains(one: int, context: NDArray, after: NDArray, top: NDArray) -> bool:
    """Whether leaving out one step explains the break."""
    wanted = int(top[context[one]])
    return wanted < len(top) - 2 and top[wanted] == after[one]


def _order_reason(table: EventTable, way: Sequences, a: int, b: int, wanted: int, k: int, top: int, total: int, skipped: bool) -> str:
    def name(kind: int) -> str:
        return f'"{_short(table.templates[kind])}"' if kind < k else "the beginning" if kind == k else "the end"

    in_what = f" of the {way.what}" if way.what != "log" else ""
    if a == k:
        return f"the {way.what} begins with {name(b)}, where {top:,} of {total:,} begin with {name(wanted)}"
    if b == k + 1:
        return f"the {way.what} ends after {name(a)}: {name(wanted)} is missing, which follows in {top:,} of {total:,} cases"
    text = f"{name(wanted)} follows {name(a)}{in_what} in {top:,} of {total:,} cases"
    return f"{name(wanted)} is missing: {text}, here comes {name(b)}" if skipped else f"{text}, here comes {name(b)}"


def _short(text: str, most: int = 80) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
