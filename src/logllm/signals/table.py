"""All events of some logs as columns, in the order in which they are judged.

The order is that of time where the log has times: files that are newest first are turned round, files whose lines are
not in order are sorted, several files are merged. Files without times stand behind the others, each in its own order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from logllm.hf_datasets.events import ERROR, FATAL, WARN, EventBatch

# Classes of severity, for which novelty and recurrence are told apart: what is not stated counts as quiet.
QUIET, WARNING, ERRONEOUS, FATALITY = 0, 1, 2, 3
CLASSES = 4
CLASS_NAMES = ("", "WARN", "ERROR", "FATAL")

SORTED = 1 << 20  # rows that are sorted at a time
# Numbers of slots are kept up to so many (64 MB); beyond, values are not judged and the result says so.
MOST_NUMBERS = 8_000_000


class Batches(Protocol):
    """What a table is made of: an `EventLog` or something like it."""

    @property
    def templates(self) -> list[str]:
        """Template texts by position."""

    def batches(self) -> Iterable[EventBatch]:
        """All events as columns."""


@dataclass(slots=True)
class EventTable:
    """Columns of `n` events in the order in which they are judged.

    Attributes:
        source: `(n,)` int16, position of the file in the list of inputs.
        number: `(n,)` uint32, number of the first line of each event in its file.
        timestamp: `(n,)` float64, seconds since 1970 in UTC; without gaps for files that have times, NaN for the others.
        severity: `(n,)` int8, OpenTelemetry's SeverityNumber, 0 where none is stated.
        sequence: `(n,)` int32, which session, thread or component; -1 for none.
        kind: `(n,)` int32, template x class of severity, dense from 0.
        kind_template: `(k,)` int32, template of each kind.
        kind_class: `(k,)` int8, class of severity of each kind.
        templates: template texts.
        numbers: `(m,)` float64 numbers of the messages, None where there are too many to keep.
        numbers_start: `(n,)` uint32, where the numbers of an event begin.
        numbers_count: `(n,)` int16, how many an event has.
        reordered: whether the lines of a file had to be put in order.
    """

    source: NDArray[np.int16]
    number: NDArray[np.uint32]
    timestamp: NDArray[np.float64]
    severity: NDArray[np.int8]
    sequence: NDArray[np.int32]
    kind: NDArray[np.int32]
    kind_template: NDArray[np.int32]
    kind_class: NDArray[np.int8]
    templates: list[str]
    numbers: NDArray[np.float64] | None
    numbers_start: NDArray[np.uint32]
    numbers_count: NDArray[np.int16]
    reordered: bool = False

    def __len__(self) -> int:
        return len(self.number)

    @property
    def template(self) -> NDArray[np.int32]:
        """`(n,)` int32, position of the template of each row in `templates`; equal texts have equal positions."""
        return self.kind_template[self.kind]

    def take(self, rows: NDArray[np.int64]) -> tuple[EventTable, NDArray[np.int64]]:
        """(the table of some rows, in their order; the kind in this table of each of its kinds)."""
        used = np.flatnonzero(counts_of(self.kind[rows], len(self.kind_template)))
        dense = np.zeros(len(self.kind_template), np.int32)
        dense[used] = np.arange(len(used), dtype=np.int32)
        kept = self.numbers is not None
        return EventTable(
            self.source[rows], self.number[rows], self.timestamp[rows], self.severity[rows], self.sequence[rows], dense[self.kind[rows]],
            self.kind_template[used], self.kind_class[used], self.templates, self.numbers,
            self.numbers_start[rows] if kept else self.numbers_start, self.numbers_count[rows] if kept else self.numbers_count,
            self.reordered,
        ), used  # fmt: skip

    def with_templates(self, template: NDArray[np.int32], templates: list[str]) -> EventTable:
        """The same events with other templates: `(n,)` position of each row's in `templates`."""
        code = template * np.int32(CLASSES) + self.kind_class[self.kind]
        used, kind = np.unique(code, return_inverse=True)
        return replace(
            self, kind=kind.astype(np.int32), kind_template=(used // CLASSES).astype(np.int32),
            kind_class=(used % CLASSES).astype(np.int8), templates=templates,
        )  # fmt: skip

    def place(self, row: int) -> tuple[int, int]:
        """(source, number of the first line) of a row."""
        return int(self.source[row]), int(self.number[row])

    def time(self, row: int) -> float | None:
        """Seconds since 1970 of a row; None where it is not known."""
        value = float(self.timestamp[row])
        return None if np.isnan(value) else value


def counts_of(code: NDArray[Any], values: int) -> NDArray[np.int64]:
    """`(values,)` how often each whole number from 0 to `values - 1` occurs; `np.bincount` copies all of its input."""
    out = np.zeros(values, np.int64)
    for begin in range(0, len(code), SORTED):
        out += np.bincount(code[begin : begin + SORTED], minlength=values)
    return out


def sorted_rows(code: NDArray[Any], values: int) -> NDArray[np.int32]:
    """`(n,)` int32: rows in order of their code, those of one code in their own order; a counting sort in bounded memory.

    Args:
        code: `(n,)` whole numbers from 0 to `values - 1`.
        values: how many codes there are.

    >>> sorted_rows(np.array([2, 0, 2, 1]), 3).tolist()
    [1, 3, 0, 2]
    """
    out = np.empty(len(code), np.int32)
    place = counts_of(code, values)
    place = np.cumsum(place) - place  # where the next row of each code goes
    for begin in range(0, len(code), SORTED):
        part = code[begin : begin + SORTED]
        rows = np.argsort(part, kind="stable")
        held = np.bincount(part, minlength=values)
        out[np.repeat(place - np.cumsum(held) + held, held) + np.arange(len(part))] = rows + begin
        place += held
    return out


def severity_class(severity: NDArray[np.int8]) -> NDArray[np.int8]:
    """Class of severity for each SeverityNumber.

    >>> severity_class(np.array([0, 9, 13, 17, 21], np.int8)).tolist()
    [0, 0, 1, 2, 3]
    """
    return ((severity >= WARN).astype(np.int8) + (severity >= ERROR) + (severity >= FATAL)).astype(np.int8)


class _Growing:
    """One column that grows by batches; its memory is enlarged in place, so that there is never a second copy of it."""

    def __init__(self, kind: type[np.generic]):
        self._values: NDArray[Any] = np.empty(1 << 16, kind)
        self._used = 0

    def add(self, values: NDArray[Any]) -> None:
        """Append values."""
        end = self._used + len(values)
        if end > len(self._values):
            self._values.resize(max(end, len(self._values) * 5 // 4), refcheck=False)
        self._values[self._used : end] = values
        self._used = end

    def taken(self) -> NDArray[Any]:
        """The column."""
        self._values.resize(self._used, refcheck=False)
        return self._values


_COLUMNS: dict[str, type[np.generic]] = {
    "number": np.uint32, "severity": np.int8, "template": np.int32, "sequence": np.int32, "timestamp": np.float64,
}  # fmt: skip


def read_table(log: Batches, seen: Callable[[EventBatch], bool] | None = None) -> tuple[EventTable, bool]:
    """(all batches of a log as one table, whether the log was read to its end).

    Args:
        log: an `EventLog`.
        seen: called with each batch; reading stops where it returns False. Ctrl-C stops reading as well.
    """
    columns = {name: _Growing(kind) for name, kind in _COLUMNS.items()}
    numbers, start, count = _Growing(np.float64), _Growing(np.uint32), _Growing(np.int16)
    sources: list[tuple[int, int]] = []  # source and size of each batch
    kept, complete = 0, True
    try:
        for batch in log.batches():
            for name, column in columns.items():
                column.add(getattr(batch, name))
            sources.append((batch.source, len(batch)))
            if kept <= MOST_NUMBERS:
                start.add(batch.numbers_start[:-1] + kept)
                count.add(np.diff(batch.numbers_start))
                numbers.add(batch.numbers)
                kept += len(batch.numbers)
                if kept > MOST_NUMBERS:
                    numbers, start, count = _Growing(np.float64), _Growing(np.uint32), _Growing(np.int16)
            if seen is not None and not seen(batch):
                complete = False
                break
    except KeyboardInterrupt:
        complete = False
    flat = numbers.taken() if kept <= MOST_NUMBERS else None
    taken = {name: column.taken() for name, column in columns.items()}
    return _table(taken, sources, flat, start.taken(), count.taken(), list(log.templates)), complete


def _table(
    columns: dict[str, NDArray[Any]],
    sources: list[tuple[int, int]],
    flat: NDArray[np.float64] | None,
    start: NDArray[np.uint32],
    count: NDArray[np.int16],
    templates: list[str],
) -> EventTable:
    template, timestamp = columns["template"], columns["timestamp"]
    if len({one for one, _ in sources}) == 1:  # a column of one value takes no memory
        source = np.broadcast_to(np.int16(sources[0][0]), (len(timestamp),))
    else:
        source = np.repeat(np.array([one for one, _ in sources], np.int16), [size for _, size in sources])
    first: dict[str, int] = {}
    same = np.array([first.setdefault(text, place) for place, text in enumerate(templates)] or [0], np.int32)
    if len(first) < len(templates):
        template = same[template]
    columns |= {"source": source, "template": template, "timestamp": _filled(source, timestamp)}
    if flat is not None:
        columns |= {"start": start, "count": count}
    del source, template, timestamp, start, count
    order = _order(columns["source"], columns["timestamp"])
    if order is not None:
        for name in columns:  # one by one, so that there is never a second copy of more than one column
            columns[name] = columns[name][order]
    severity, template = columns["severity"], columns["template"]
    template *= CLASSES
    template += severity_class(severity)
    used = np.flatnonzero(counts_of(template, int(template.max(initial=0)) + 1))
    dense = np.zeros(int(used[-1]) + 1 if len(used) else 1, np.int32)
    dense[used] = np.arange(len(used), dtype=np.int32)
    for begin in range(0, len(template), 1 << 20):
        template[begin : begin + (1 << 20)] = dense[template[begin : begin + (1 << 20)]]
    none: NDArray[Any] = np.zeros(0, np.uint32)
    return EventTable(
        columns["source"], columns["number"], columns["timestamp"], severity, columns["sequence"], template,
        (used // CLASSES).astype(np.int32), (used % CLASSES).astype(np.int8), templates, flat,
        columns.get("start", none), columns.get("count", none.astype(np.int16)), order is not None,
    )  # fmt: skip


def _filled(source: NDArray[np.int16], timestamp: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unknown times of a file that mostly has times become those of the event before; other files have none."""
    unknown = np.isnan(timestamp)
    if not unknown.any():
        return timestamp
    out = timestamp.copy()
    for one in np.unique(source):
        rows = np.flatnonzero(source == one)
        gone = unknown[rows]
        if gone.mean() > 0.5:
            out[rows] = np.nan
            continue
        known = np.where(gone, -1, np.arange(len(rows)))
        np.maximum.accumulate(known, out=known)
        known[known < 0] = int(np.argmin(gone))
        out[rows] = timestamp[rows[known]]
    return out


def _order(source: NDArray[np.int16], timestamp: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """The order in which rows are judged; None where they stand in it already."""
    if bool((timestamp[1:] >= timestamp[:-1]).all()):  # no time is unknown
        return None
    timed = ~np.isnan(timestamp)
    if not timed.any():
        return None
    changes = np.flatnonzero(np.diff(source)) + 1
    place = np.arange(len(source), dtype=np.int32)
    # A file that is newest first is turned round, so that lines of one second keep the order in which they happened.
    for begin, end in zip([0, *changes], [*changes, len(source)]):
        steps = np.diff(timestamp[begin:end])
        if (steps < 0).sum() > 4 * (steps > 0).sum() and (steps < 0).sum() > 2:
            place[begin:end] = place[begin:end][::-1]
    key = np.where(timed, timestamp, np.inf)
    order = np.lexsort((place, key))
    return None if bool((order == np.arange(len(order))).all()) else order
