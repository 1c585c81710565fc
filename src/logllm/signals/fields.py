"""Keys and values of structured records: a key that the records of a message never had, a value that a key never took.

A message whose words are always the same may say what matters in a field: `"mfa": false` where it is otherwise true. The
records of each message are looked at by themselves, and only what is stable in them can be departed from: keys that
have one value or a few common ones, and messages whose records have the same keys. How likely a departure is says
Good-Turing, as for templates, from the values (keys) of the log that stand in one place and in a few.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from . import tails
from .candidates import FAR, Candidate, Kinds
from .facets import NO_FACET, STATUS, STATUS_NAMES, USUAL_STATUS
from .refine import LEAST_RECORDS, rows_by_keys
from .table import QUIET, EventTable

MANY_RECORDS = 400  # from so many on a count is believed in full
MOST_CHOICES = 8  # values that a key has by choice
LEAST_CHOSEN = 20
MOST_DISTINCT = 40  # rare values of one key, beyond which it holds anything
MOST_CHARACTERS = 40
SAMPLE = 200
MOST_PLACES, FEW_PLACES = 2, 10

Fields = dict[str, str]


@dataclass(slots=True)
class _Rare:
    """What few records of a message have: a value of a key, or a key (then `value` is "")."""

    key: str
    value: str
    rows: list[int]
    places: int
    records: int
    reason: str
    judged: bool  # whether it may be told


def odd_fields(table: EventTable, kinds: Kinds, rows: Sequence[int], fields: Sequence[Fields]) -> list[Candidate]:
    """Records with a key or a value that no other record of their message has, or those of one other place only.

    Args:
        table: the events.
        kinds: where their kinds stand.
        rows: the rows that are structured records, in order.
        fields: `(n,)` fields of each row of the table.
    """
    constant: list[_Rare] = []
    chosen: list[_Rare] = []
    keys: list[_Rare] = []
    everywhere = Counter(chain.from_iterable(fields[row] for row in rows))
    for members in records_by_message(table, rows, fields):
        total = len(members)
        if total < LEAST_RECORDS:
            continue
        for key, count in Counter(chain.from_iterable(fields[row] for row in members)).items():
            if count <= _few(total):
                if everywhere[key] == count:
                    keys.append(_rare(kinds, members, [row for row in members if key in fields[row]], key, ""))
            elif count >= LEAST_RECORDS:
                held = members if count == total else [row for row in members if key in fields[row]]
                one_value, values = _rare_values(kinds, held, fields, key)
                (constant if one_value else chosen).extend(values)
    return [
        *_candidates(constant, "unexpected", kinds), *_candidates(chosen, "unexpected", kinds), *_candidates(_together(keys), "new", kinds),
    ]  # fmt: skip


def _few(total: int) -> int:
    return max(3, total // 50)


def records_by_message(table: EventTable, rows: Sequence[int], fields: Sequence[Fields]) -> list[list[int]]:
    """The rows of each message; of records without one, those of a set of keys, and of a rare set that extends it."""
    by_template: dict[int, list[int]] = {}
    for row, template in zip(rows, table.template[np.asarray(rows, np.int64)].tolist()):
        by_template.setdefault(template, []).append(row)
    named = [members for one, members in by_template.items() if not table.templates[one].startswith("{")]
    nameless = [row for one, members in by_template.items() if table.templates[one].startswith("{") for row in members]
    return named + [members for _, members in rows_by_keys(sorted(nameless), fields)]


def _rare(kinds: Kinds, members: Sequence[int], rows: list[int], key: str, value: str, reason: str = "") -> _Rare:
    places = 1 + int((np.diff(rows) > kinds.gap).sum())
    # What is so from some record on, or up to it, has changed for good, as by a deployment.
    for_good = (len(rows) > 1 and members[-len(rows) :] == rows) or members[: len(rows)] == rows
    judged = places <= MOST_PLACES and not for_good and not kinds.is_start(rows[0])
    if not value:
        others = len(members) - len(rows)
        reason = f"in none of {others:,} other records of this message"
        if len(rows) > 1:
            reason = f"in {len(rows):,} records of this message and " + reason.removesuffix(" of this message")
    return _Rare(key, value, rows, places, len(members), reason, judged)


def _rare_values(kinds: Kinds, rows: Sequence[int], fields: Sequence[Fields], key: str) -> tuple[bool, list[_Rare]]:
    """(whether a key has one value otherwise, its rare values); no rare values where it is not one of few."""
    if len({fields[row][key] for row in rows[:SAMPLE]}) > MOST_DISTINCT // 2:
        return False, []
    counts = Counter(fields[row][key] for row in rows)
    few = _few(len(rows))
    common = [(value, count) for value, count in counts.most_common() if count > few]
    odd = [value for value, count in counts.items() if count <= few]
    if not odd or not 1 <= len(common) <= MOST_CHOICES or len(odd) > MOST_DISTINCT:
        return False, []
    if any(_is_number(value) for value in counts):
        return False, []
    # Where some values are much rarer than others, one more of them is no news.
    if common[-1][1] < max(LEAST_CHOSEN, len(rows) / (2 * len(common))):
        return False, []
    found = []
    for value in odd:
        own = [row for row in rows if fields[row][key] == value]
        others = f"{common[0][1]:,} of {len(rows):,} records {common[0][0]}"
        if len(common) > 1:
            held = sum(count for _, count in common)
            others = f"{held:,} of {len(rows):,} records one of " + ", ".join(name for name, _ in common)
        one = _rare(kinds, rows, own, key, value, f"field {key} is {value}, in {others}")
        one.judged &= len(value) <= MOST_CHARACTERS and not (len(common) > 1 and any(map(str.isdigit, value)))
        found.append(one)
    return len(common) == 1, found


def _is_number(value: str) -> bool:
    return not any(map(str.isalpha, value))


def _together(keys: Sequence[_Rare]) -> list[_Rare]:
    """Keys that come with each other are one."""
    by_rows: dict[tuple[int, ...], list[_Rare]] = {}
    for one in keys:
        by_rows.setdefault(tuple(one.rows), []).append(one)
    out = []
    for held in by_rows.values():
        first = held[0]
        first.key = tails.joined([one.key for one in held[:4]])
        first.reason = f"key{'s' if len(held) > 1 else ''} {first.key}, {first.reason}"
        out.append(first)
    return out


def _candidates(rare: Sequence[_Rare], question: str, kinds: Kinds) -> list[Candidate]:
    found = []
    several = sum(2 <= one.places <= FEW_PLACES for one in rare)
    # The first rows of what stands in one place; those near each other are one.
    single = sorted(one.rows[0] for one in rare if one.places == 1)
    for one in rare:
        if not one.judged:
            continue
        elsewhere = [row for row in single if abs(row - one.rows[0]) > FAR]
        near = sum(row - before > FAR for before, row in zip([-FAR - 1, *elsewhere], elsewhere))
        expected = tails.expected_new(near, several - (one.places > 1)) * tails.harmonic(one.places)
        nats = tails.at_least_one(expected) - math.log(one.places)
        nats -= 2.8 * max(MANY_RECORDS - one.records, 0) / MANY_RECORDS
        if nats > 0:
            lead = one.rows[0]
            found.append(
                Candidate(question, nats, 0.0, lead, one.rows[:50], len(one.rows), lead, one.rows[-1], one.reason,
                          rarity=len(one.rows), item=f"{one.key} {one.value}".strip())
            )  # fmt: skip
    return found


MOST_TOLD = 10  # bursts of which it is told what their events share
MOST_SHARED, LEAST_SHARED = 3, 10
NEARLY_ALL, SELDOM = 0.9, 0.2
# What names a client or a place: an address, or a word with a digit and a sign in it.
_ADDRESS = re.compile(r"(?<![\w.:/-])(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[\w-]*\d)[a-zA-Z]\w*-[\w-]+)(?![\w:/-])")


def say_what_is_shared(bursts: Sequence[Candidate], messages: Sequence[str], fields: Sequence[Fields]) -> None:
    """Add what nearly all events of a burst have and few others have (a status, a client) to its reason."""
    n = len(messages)
    for one in sorted(bursts, key=lambda one: -one.nats)[:MOST_TOLD]:
        if one.item or len(one.rows) < LEAST_SHARED:
            continue
        held = Counter(pair for row in one.rows for pair in _names(messages[row], fields[row]))
        shared = []
        for (name, value), count in held.items():
            if count < NEARLY_ALL * len(one.rows):
                continue
            if name:
                everywhere = sum(own.get(name) == value for own in fields)
            else:
                everywhere = sum(value in text for text in messages)
            if everywhere - one.count <= SELDOM * (n - one.count):
                name = name or ("status" if value in USUAL_STATUS else "")
                shared.append((name not in STATUS_NAMES, everywhere, f"{name} {value}".strip()))
        if shared:
            one.reason += ", with " + tails.joined([text for *_, text in sorted(shared)[:MOST_SHARED]])


OF_A_LIST = 0.15  # what the nats of a burst are worth that goes through a list of names
_DIGITS = re.compile(r"\d+")


def without_lists(found: Sequence[Candidate], messages: Sequence[str]) -> list[Candidate]:
    """Bursts, those of quiet messages with less weight of which each is about another name: a job that goes through a list."""

    def names(one: Candidate) -> int:
        return len({_DIGITS.sub("0", messages[row]) for row in one.rows})

    return [
        replace(one, nats=OF_A_LIST * one.nats)
        if one.severity == QUIET and names(one) > NEARLY_ALL * len(one.rows)
        else one
        for one in found
    ]


def _names(message: str, fields: Fields) -> set[tuple[str, str]]:
    """(name of the field or "", value) of what an event may share with others; numbers only where they are a status."""
    found = {
        (name, value)
        for name, value in fields.items()
        if len(value) <= MOST_CHARACTERS
        and name.lower() not in NO_FACET
        and (not _is_number(value) or name in STATUS_NAMES or _ADDRESS.fullmatch(value))
    }
    values = {value for _, value in found}
    short = message[:400]
    return found | {("", value) for value in (*STATUS.findall(short), *_ADDRESS.findall(short)) if value not in values}
