"""What an event has besides its template: fields of few values, such as a status, a component, or a service.

Facets are found in the fields that the format separates, in `name=value` of the text, and in three-digit numbers that
always stand at the same place of a template and look like a status. They are looked for in logs of moderate length
only, because the text of every event is needed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from logllm.hf_datasets.events import LogEvent

from .quantities import LEAST_DIFFERENT
from .table import EventTable

MOST_EVENTS = 100_000  # beyond, a scan says that it has not looked
MOST_VALUES = 40
LEAST_COVERED = 0.15
NEAR = 0.4  # share of the mean difference of all values from which on the next one is near
_PAIR = re.compile(r'\b([A-Za-z_][\w.-]{0,40})[=:]("[^"]{0,60}"|[\w./-]{1,60})')
_DATED = re.compile(
    r"\d{4}|\d\d:\d\d"
)  # times, ports, numbers of a day: they change with time, not with the sort of event
STATUS = re.compile(r"(?<![\w.:/-])[1-6]\d\d(?![\w.:/-])")
USUAL_STATUS = frozenset(
    "200 201 202 204 206 301 302 303 304 307 308 400 401 403 404 409 422 429 500 502 503 504".split()
)
STATUS_NAMES = ("status", "http_status", "status_code", "code")
# Fields that say when, where in the code, or which one, but not of what sort an event is; and labels of published logs.
NO_FACET = frozenset("time timestamp date pid tid line id number seq level severity priority label letter".split())


@dataclass(slots=True)
class Facet:
    """A field of few values.

    Attributes:
        name: of the field.
        values: its values.
        of_row: `(n,)` int32, position in `values`, -1 where the event has none.
    """

    name: str
    values: list[str]
    of_row: NDArray[np.int32]


def _drifts(values: Sequence[str]) -> bool:
    """Whether values are the states of a gauge: numbers each of which is near the one before, as neighbours are not otherwise.

    >>> _drifts("8 8 9 9 10 11 12 13 14 14 14 13 12 11 10 9 8 8".split()), _drifts("0 7 3 9 1 4 8 2 6 5 0 7 3 9".split())
    (True, False)
    """
    try:
        numbers = np.array([float(value) for value in values])
    except ValueError:
        return False
    usual = np.abs(numbers[:, None] - numbers[None, :: max(len(numbers) // 100, 1)]).mean()
    return bool(np.abs(np.diff(numbers)).mean() < NEAR * usual)


def _alike(one: NDArray[np.int32], other: NDArray[np.int32]) -> bool:
    """Whether two facets cut the log in the same way."""
    pairs = np.unique((one.astype(np.int64) + 1) * (int(other.max()) + 2) + other + 1)
    return len(pairs) == len(np.unique(one)) == len(np.unique(other))


def changes_for_good(rows: Iterable[Sequence[int] | NDArray[np.int64]]) -> bool:
    """Whether values, whose rows are given in order, take each other's place for good: as versions do with deployments.

    >>> changes_for_good([[0, 1, 4], [5, 9]]), changes_for_good([[0, 1, 9], [5, 6]]), changes_for_good([[0, 3]])
    (True, False, False)
    """
    spans = sorted((int(one[0]), int(one[-1])) for one in rows if len(one))
    return len(spans) > 1 and all(last < first for (_, last), (first, _) in pairwise(spans))


def read_texts(table: EventTable, events: Iterable[LogEvent]) -> tuple[list[str], list[dict[str, str]]]:
    """(text, fields) of each row of a log whose events are read once more."""
    messages = [""] * len(table)
    fields: list[dict[str, str]] = [{}] * len(table)
    # Both come file by file in the order of their lines; a table of all places would take more memory than the texts.
    places = np.lexsort((table.number, table.source)).tolist()
    at = 0
    for event in events:
        here = event.source, event.number
        while at < len(places) and (int(table.source[places[at]]), int(table.number[places[at]])) < here:
            at += 1
        if at < len(places) and (int(table.source[places[at]]), int(table.number[places[at]])) == here:
            messages[places[at]], fields[places[at]] = event.message, event.attributes
            at += 1
    return messages, fields


LEADING = 4  # words at the beginning of a template among which one may name a component
MOST_COMPONENTS = 12
_SPLIT = re.compile(r"[\s;|,]+")


def leading_words(table: EventTable) -> list[Facet]:
    """Components that a format does not separate: words at one place early in the templates, each with several messages."""
    split = [_SPLIT.split(text, LEADING + 1)[:LEADING] for text in table.templates]
    used = np.bincount(table.template, minlength=len(split)) > 0
    facets = []
    for place in range(LEADING):
        names = [words[place] if len(words) > place and words[place] != "<*>" else "" for words in split]
        held = Counter(name for name, use in zip(names, used.tolist()) if use and name)
        several = [name for name, count in held.items() if count >= 2]
        if not 2 <= len(held) <= MOST_COMPONENTS or sum(held[name] for name in several) < 0.9 * used.sum():
            continue
        values = sorted(several)
        of_template = np.array([values.index(name) if name in several else -1 for name in names], np.int32)
        facets.append(Facet("", values, of_template[table.template]))
    return facets


def find_facets(table: EventTable, messages: Sequence[str], attributes: Sequence[dict[str, str]]) -> list[Facet]:
    """Facets of a log, by the text and the fields of each row."""
    n = len(table)
    template = table.template
    fields: dict[str, dict[int, str]] = {}
    slots: dict[tuple[int, int], dict[int, str]] = {}
    for row, (text, own) in enumerate(zip(messages, attributes)):
        for name, value in own.items():
            if name.lower() not in NO_FACET and len(value) <= 60:
                fields.setdefault(name, {})[row] = value
        short = text[:400]
        for name, value in _PAIR.findall(short):
            if name not in own and name.lower() not in NO_FACET:
                fields.setdefault(name, {})[row] = value
        for place, value in enumerate(STATUS.findall(short)):
            slots.setdefault((int(template[row]), place), {})[row] = value
    counts = np.bincount(template)
    status: dict[int, str] = {}
    for (one, _), held in slots.items():
        values = Counter(held.values())
        usual = sum(count for value, count in values.items() if value in USUAL_STATUS)
        usual_ones = usual > 0.9 * len(held) and len(values) <= max(3, len(held) // 4)
        # Other programs have codes of their own: a handful of three-digit numbers, few of which make up nearly all.
        few_codes = (
            len(held) >= 60 and len(values) <= 8 and sum(count for _, count in values.most_common(3)) > 0.8 * len(held)
        )
        if len(held) == counts[one] and (usual_ones or few_codes):
            status.update((row, value) for row, value in held.items() if row not in status)
    if status and "status" not in fields:
        fields["status"] = status
    facets: list[Facet] = leading_words(table)
    for name, held in fields.items():
        values = Counter(held.values())
        if any(_DATED.search(value) for value in islice(values, 20)):
            continue
        if len(held) < LEAST_COVERED * n or not 2 <= len(values) <= min(MOST_VALUES, n // 20):
            continue
        if len(values) >= LEAST_DIFFERENT and _drifts([held[row] for row in sorted(held)]):
            continue
        names = sorted(values)
        positions = {value: at for at, value in enumerate(names)}
        of_row = np.full(n, -1, np.int32)
        of_row[list(held)] = [positions[value] for value in held.values()]
        if not any(_alike(of_row, other.of_row) for other in facets):
            facets.append(Facet(name, names, of_row))
    return facets
