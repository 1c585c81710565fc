"""One file as columns of events, block by block.

A block of lines is looked at with every digit written as 0: lines that are then the same are analysed once. What
depends on the digits (times, numbers, status codes, ids) is then taken from the bytes of each line, as columns where
there are many. JSON objects are read one by one, and their messages go the same way as lines.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from .analysis import (
    CONTAINERS,
    HEAD,
    NO_HEAD,
    PREFIX,
    Entry,
    LineAnalyser,
    LinePlan,
    Message,
    message_of,
    severity_from,
    without_hashes,
)
from .columns import Columns
from .event import ERROR, EventBatch, LogEvent
from .formats import JSON_ROWS, PLAIN, level_of
from .generic import read_generic
from .guess import FilePlan
from .inputs import Block, LogInput, cleaned
from .masks import CODE_MARK, MAX_CHARACTERS, value_of
from .names import NameTable
from .records import Record, RecordReader, attributes_of, block_ends, block_fields, parse_json, unpacked_records
from .row import EventFormat
from .templates import TemplateKeys
from .times import FULL, NO_DATE, NO_YEAR, Clock, Moments, read_column, read_texts
from .traces import BLANK, MOST_BYTES, MOST_LINES, OTHER, Joiner, ends_process, trace_key

_FOLD = bytes.maketrans(b"123456789", b"000000000")
_FOLD_TEXT = str.maketrans("123456789", "0" * 9)
_MOST_ENTRIES, _MOST_MESSAGES = 60_000, 60_000
_LONG_LINE = 8_192  # bytes; of a longer line only so much is analysed
_MOST_BLOCK_LINES = 5_000  # of one record of several lines
_MOST_TRACE_LINES = 400


@dataclass(slots=True)
class Pieces:
    """What was read from the lines of a block, one row a line.

    Attributes:
        lines: the cleaned lines.
        heads, shapes: per line, as `Entry`.
        rows: the format of each line, as a position in `formats`.
        seconds: times, NaN for none.
        severity: SeverityNumber, 0 for none.
        parsed: whether a format fitted.
        entries: per line, its entry, or the record that was read from it.
        records: line -> record, for lines that are JSON objects or records of several lines.
        extra: line -> further records of the same line (OTLP).
    """

    lines: list[bytes]
    heads: NDArray[np.int8]
    shapes: NDArray[np.int8]
    seconds: NDArray[np.float64]
    severity: NDArray[np.int8]
    rows: NDArray[np.int16]
    entries: list[Entry]
    at: NDArray[np.int32]
    records: dict[int, Record]
    inner: dict[int, Entry]
    text: bytes = b""
    offsets: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))


@dataclass(slots=True)
class Part:
    """Consecutive events of a file with what is needed to make them whole again.

    Attributes:
        first: number of the block's first line, from 1.
        pieces: its lines.
        starts: line (from 0) at which each event begins; counts: lines of each; members: line -> lines of its event,
            where it has several; traces: line -> key of the event's stack trace.
        numbers: for lines of several records, that were made one line each: the line (from 0) of each.
    """

    first: int
    pieces: Pieces
    starts: NDArray[np.int64]
    counts: NDArray[np.int32]
    members: dict[int, list[int]]
    traces: dict[int, tuple[str, str]]
    numbers: NDArray[np.int64] | None = None

    def number(self, line: int) -> int:
        """The number in the file of a line of the block."""
        return self.first + (line if self.numbers is None else int(self.numbers[line]))


class FileReader:
    """Reads one file by a plan.

    Args:
        source: the input.
        plan: how to read it.
        position: of the file in the list of inputs.
        keys: the templates of all files.
        sequences: names of sequences and their positions, of all files.
        numbers: whether batches carry numbers.
    """

    def __init__(
        self,
        source: LogInput,
        plan: FilePlan,
        position: int,
        keys: TemplateKeys,
        sequences: NameTable,
        numbers: bool = True,
    ):
        self.source, self.plan, self.position, self.keys = source, plan, position, keys
        self.sequences, self.numbers = sequences, numbers
        self.analyser = LineAnalyser(plan.lines)
        self.inner = LineAnalyser(replace(plan.lines, rows=plan.lines.inner, inner=(), generic=True))
        self.records = RecordReader(plan.records.rows, plan.lines.sequences if not plan.json else None)
        self.entries: dict[bytes, Entry] = {}
        self.inner_entries: dict[bytes, Entry] = {}
        self.messages: dict[bytes, Message] = {}
        self._alike: dict[bytes, Entry] = {}
        self._sequence_bytes: dict[bytes, int] = {}
        self._named = 0
        self.formats: list[EventFormat] = []
        self._format_at: dict[str, int] = {}
        self.long_lines = 0
        self.clock = self.new_clock()

    def new_clock(self) -> Clock:
        """A clock at the beginning of the file."""
        return Clock(self.source.written, years_before=max(0, self.plan.years), final=self.plan.final)

    # Blocks

    def parts(self, clock: Clock | None = None) -> Iterator[tuple[Part, Block, Clock]]:
        """The file's events in parts; each with its block and the clock as it was at its beginning."""
        clock = clock or self.clock
        blocks = self.source.blocks()
        number = 1
        try:
            block = next(blocks)
        except StopIteration:
            return
        while True:
            before = replace(clock)
            part, used, text_bytes = self.part(block, number, clock)
            yield part, block, before
            if block.last:
                return
            number += used
            try:
                block = blocks.send(text_bytes)
            except StopIteration:
                return

    def part(self, block: Block, number: int, clock: Clock) -> tuple[Part, int, int]:
        """(the events of a block, lines that they take, bytes that are left for the next block)."""
        odd_lines: list[int] = []
        text = cleaned(block.raw, odd_lines)
        lines = text.split(b"\n")
        if lines and not lines[-1]:
            lines.pop()
        if self.plan.block is not None:
            return self._records_part(block, text, lines, number, clock)
        if self.plan.columns is not None:
            return self._table_part(self.plan.columns, block, text, lines, number, clock)
        numbers = None
        if self.plan.json and b'"resourceLogs"' in text:
            lines, numbers = _one_record_a_line(lines)
            text = b"\n".join(lines)
        pieces = self._pieces(text, lines)
        parents, members, hold = self._join(pieces, block.last or numbers is not None)
        count = len(lines)
        if hold is not None and hold < count and not block.last:
            left = sum(len(one) + 1 for one in block.raw.split(b"\n")[hold:]) - 1
            used = hold
        else:
            left, used = 0, count
        self.source.encoding.odd_lines += sum(at < used for at in odd_lines)
        self._finish_times(pieces, used, clock)
        starts = np.flatnonzero(parents[:used] == np.arange(used))
        counts = (
            np.bincount(parents[:used], minlength=used)[starts].astype(np.int32) if used else np.zeros(0, np.int32)
        )
        members = {start: group for start, group in members.items() if start < used}
        for start, group in members.items():
            entry = pieces.entries[pieces.at[start]]
            if not pieces.severity[start] and entry.head == HEAD and entry.message[0] >= entry.message[1]:
                pieces.severity[start] = self._below(pieces, group[1])[1]
        traces = {start: key for start, group in members.items() if (key := self._trace(pieces, group)) != ("", "")}
        if numbers is not None:
            used = int(numbers[-1]) + 1 if len(numbers) else 0
        return Part(number, pieces, starts, counts, members, traces, numbers), used, left

    # Lines

    def _entry(self, raw: bytes, folded: bytes) -> Entry:
        if len(raw) > _LONG_LINE:
            self.long_lines += 1
            raw, folded = raw[:_LONG_LINE], folded[:_LONG_LINE]
            raw = raw.decode("utf-8", "ignore").encode("utf-8")
            return self.analyser.entry(raw, raw.translate(_FOLD))
        entry = self.entries.get(folded)
        if entry is None:
            if len(self.entries) > _MOST_ENTRIES:
                self.entries.clear()
                self._alike.clear()
            alike = without_hashes(folded)
            if alike is not folded:
                entry = self._alike.get(alike)
                if entry is None:
                    entry = self._alike[alike] = self.analyser.entry(raw, folded)
            else:
                entry = self.analyser.entry(raw, folded)
            self.entries[folded] = entry
        return entry

    def _inner_entry(self, raw: bytes) -> Entry:
        """The entry of the text inside a record."""
        raw = raw[:_LONG_LINE]
        folded = raw.translate(_FOLD)
        entry = self.inner_entries.get(folded)
        if entry is None:
            if len(self.inner_entries) > _MOST_ENTRIES:
                self.inner_entries.clear()
            entry = self.inner_entries[folded] = self.inner.entry(raw, folded)
        return entry

    def _row(self, row: EventFormat) -> int:
        at = self._format_at.get(row.name)
        if at is None:
            at = self._format_at[row.name] = len(self.formats)
            self.formats.append(row)
        return at

    def _pieces(self, text: bytes, lines: list[bytes]) -> Pieces:
        """Everything that is told from each line by itself; times are finished by the clock later."""
        count = len(lines)
        folded = text.translate(_FOLD).split(b"\n")
        local: dict[bytes, int] = {}
        json_lines = [at for at, line in enumerate(lines) if line[:1] == b"{"] if self.plan.json else []
        add = local.setdefault
        ids = [add(line, len(local)) for line in folded[:count]] if len(json_lines) < count else []
        at = np.array(ids, np.int32) if ids else np.zeros(count, np.int32)
        first_of: dict[int, int] = {}
        if ids:
            if len(local) == count:
                first_of = dict(zip(range(count), range(count)))
            else:
                first_of = dict(zip(reversed(ids), range(count - 1, -1, -1)))
        skip = set(json_lines)
        entries: list[Entry] = []
        nothing = Entry(PLAIN, NO_HEAD, BLANK)
        seen: dict[int, int] = {}
        same = np.zeros(len(local), np.int32)  # lines that differ in hashes only have one entry
        for one, key in enumerate(local):
            where = first_of[one]
            entry = nothing if where in skip else self._entry(lines[where], key)
            place = seen.get(id(entry))
            if place is None:
                place = seen[id(entry)] = len(entries)
                entries.append(entry)
            same[one] = place
        if len(local):
            at = same[at]
        if not entries:
            entries = [nothing]
        pieces = Pieces(
            lines,
            np.array([one.head for one in entries], np.int8)[at],
            np.array([one.shape for one in entries], np.int8)[at],
            np.full(count, np.nan),
            np.array([one.severity for one in entries], np.int8)[at],
            np.array([self._row(one.row) for one in entries], np.int16)[at],
            entries,
            at,
            {},
            {},
            text,
        )
        buffer = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(buffer == 10)
        offsets = np.empty(count + 1, np.int64)
        offsets[0] = 0
        inside = ends[:count] + 1
        offsets[1 : len(inside) + 1] = inside
        offsets[len(inside) + 1 :] = len(text) + 1
        pieces.offsets = offsets
        odd = [one for one, entry in enumerate(entries) if entry.raw_level is not None or entry.json]
        if odd:
            wanted = np.isin(at, np.array(odd, np.int32))
            wanted[json_lines] = False
            self._levels_from_digits(pieces, np.flatnonzero(wanted).tolist())
        if json_lines:
            self._read_objects(pieces, json_lines)
        return pieces

    def _levels_from_digits(self, pieces: Pieces, lines: list[int]) -> None:
        known: dict[tuple[int, bytes], int] = {}
        for line in lines:
            entry = pieces.entries[pieces.at[line]]
            if entry.raw_level is not None:
                start, stop, kind = entry.raw_level
                text = pieces.lines[line][start:stop]
                key = (int(pieces.at[line]), text)
                found = known.get(key)
                if found is None:
                    found = known[key] = severity_from(
                        kind, text.decode("utf-8", "replace"), entry.levels, entry.inner_severity
                    )
                pieces.severity[line] = found
            if entry.json:
                self._read_inner_object(pieces, line, entry)

    def _read_inner_object(self, pieces: Pieces, line: int, entry: Entry) -> None:
        """A JSON object behind a prefix."""
        value = parse_json(pieces.lines[line][entry.text : MAX_CHARACTERS * 64])
        record = self.records.read(value) if value is not None else None
        if record is None:
            return
        pieces.records[line] = record
        if record.severity is not None:
            pieces.severity[line] = record.severity
        pieces.heads[line] = HEAD
        pieces.shapes[line] = OTHER

    def _read_objects(self, pieces: Pieces, lines: list[int]) -> None:
        """Lines that are JSON objects."""
        read = self.records.read
        for line in lines:
            value = parse_json(pieces.lines[line])
            record = None
            if value is not None:
                record = read(value)
            if record is None:
                folded = pieces.lines[line].translate(_FOLD)
                entry = self._entry(pieces.lines[line], folded)
                pieces.at[line] = len(pieces.entries)
                pieces.entries.append(entry)
                pieces.heads[line], pieces.shapes[line] = entry.head or HEAD, entry.shape
                pieces.severity[line] = entry.severity
                pieces.rows[line] = self._row(PLAIN if entry.row is PLAIN else entry.row)
                continue
            self._take_record(pieces, line, record)

    def _take_record(self, pieces: Pieces, line: int, record: Record) -> None:
        pieces.records[line] = record
        pieces.heads[line], pieces.shapes[line] = HEAD, OTHER
        pieces.severity[line] = record.severity or 0
        pieces.rows[line] = self._row(record.row)
        if not record.row.wraps:
            return
        first = record.message.partition("\n")[0].encode("utf-8", "replace")
        entry = self._inner_entry(first)
        pieces.inner[line] = entry
        pieces.shapes[line] = entry.shape
        if record.row.name in CONTAINERS and entry.head == NO_HEAD:
            pieces.heads[line] = PREFIX
        severity = entry.severity
        if entry.raw_level is not None:
            start, stop, kind = entry.raw_level
            severity = severity_from(
                kind, first[start:stop].decode("utf-8", "replace"), entry.levels, entry.inner_severity
            )
        stripped = first.lstrip()
        if stripped[:1] == b"{" and (value := parse_json(stripped)) is not None:
            inner = self.records.read(value)
            if inner is not None:
                inner.stream = record.stream
                inner.time = inner.time or record.time
                pieces.records[line] = inner
                pieces.heads[line] = HEAD
                severity = inner.severity or 0
                del pieces.inner[line]
        if severity and (not pieces.severity[line] or pieces.severity[line] == 9):
            pieces.severity[line] = severity

    # Times

    def _finish_times(self, pieces: Pieces, used: int, clock: Clock) -> None:
        """Read the times of the first `used` lines, in their order, and move the clock."""
        if not used:
            return
        moments = Moments(np.full(used, np.nan), np.zeros(used, np.int8), np.zeros(used, np.bool_))
        outer: Moments | None = None
        buffer = np.frombuffer(pieces.text, np.uint8)
        at = pieces.at[:used]
        plain = np.ones(used, np.bool_)
        if pieces.records:
            rows = [line for line in pieces.records if line < used]
            plain[rows] = False
        self._columns_of(pieces, buffer, at, plain, moments, False)
        if any(entry.outer_time is not None for entry in pieces.entries):
            outer = Moments(np.full(used, np.nan), np.zeros(used, np.int8), np.zeros(used, np.bool_))
            self._columns_of(pieces, buffer, at, plain, outer, True)
        if pieces.records:
            order = self.plan.lines.order
            texts: list[str | float] = []
            inner_texts: list[str | float] = []
            for line in rows:
                record, entry = pieces.records[line], pieces.inner.get(line)
                outside: str | float = ""
                text = record.time
                if (
                    text == ""
                    and line < len(pieces.at)
                    and (prefix := pieces.entries[pieces.at[line]]).time is not None
                ):
                    text = pieces.lines[line][slice(*prefix.time)].decode("utf-8", "replace")
                if entry is not None and entry.time is not None and entry.layout is not None:
                    first = record.message.partition("\n")[0].encode("utf-8", "replace")
                    outside, text = text, first[slice(*entry.time)].decode("utf-8", "replace")
                texts.append(text)
                inner_texts.append(outside)
            found = read_texts(texts, order)
            index = np.array(rows, np.int64)
            moments.seconds[index], moments.kind[index], moments.zone[index] = found.seconds, found.kind, found.zone
            if any(one != "" for one in inner_texts):
                if outer is None:
                    outer = Moments(np.full(used, np.nan), np.zeros(used, np.int8), np.zeros(used, np.bool_))
                found = read_texts(inner_texts, order)
                outer.seconds[index], outer.kind[index], outer.zone[index] = found.seconds, found.kind, found.zone
        if outer is not None:
            _settle(moments, outer)
        pieces.seconds[:used] = clock.finish(moments)

    def _columns_of(
        self,
        pieces: Pieces,
        buffer: NDArray[np.uint8],
        at: NDArray[np.int32],
        plain: NDArray[np.bool_],
        moments: Moments,
        outer: bool,
    ) -> None:
        used = len(at)
        layouts: dict[Any, list[int]] = {}
        starts = np.zeros(len(pieces.entries), np.int64)
        slow: list[int] = []
        for one, entry in enumerate(pieces.entries):
            span, layout = (entry.outer_time, entry.outer_layout) if outer else (entry.time, entry.layout)
            if span is None:
                continue
            starts[one] = span[0]
            if layout is None or not layout.ascii or entry.row.layout is not None:
                slow.append(one)
            else:
                layouts.setdefault(layout, []).append(one)
        code = np.full(len(pieces.entries), -1, np.int32)
        for number, members in enumerate(layouts.values()):
            code[members] = number
        codes = code[at]
        codes[~plain] = -1
        for number, layout in enumerate(layouts):
            index = (
                np.flatnonzero(codes == number)
                if len(layouts) > 1 or not plain.all() or -1 in code
                else np.arange(used)
            )
            if len(index):
                found = read_column(buffer, pieces.offsets[index] + starts[at[index]], layout)
                moments.seconds[index], moments.kind[index], moments.zone[index] = (
                    found.seconds,
                    found.kind,
                    found.zone,
                )
        if slow:
            wanted = np.flatnonzero(np.isin(at, np.array(slow, np.int32)) & plain)
            texts = []
            for line in wanted.tolist():
                entry = pieces.entries[at[line]]
                span = entry.outer_time if outer else entry.time
                assert span is not None
                texts.append(pieces.lines[line][slice(*span)].decode("utf-8", "replace"))
            if len(wanted):
                found = self._slow_times(texts, [pieces.entries[at[line]] for line in wanted.tolist()])
                moments.seconds[wanted], moments.kind[wanted], moments.zone[wanted] = (
                    found.seconds,
                    found.kind,
                    found.zone,
                )

    def _slow_times(self, texts: list[str], entries: list[Entry]) -> Moments:
        found = read_texts(texts, self.plan.lines.order)
        for at, entry in enumerate(entries):
            if entry.row.layout is not None:
                moment = _user_time(entry.row.layout)(texts[at])
                if moment is not None:
                    found.seconds[at], found.kind[at], found.zone[at] = moment, FULL, True
        return found

    # Joining

    def _join(self, pieces: Pieces, last: bool) -> tuple[NDArray[np.int64], dict[int, list[int]], int | None]:
        """(first line of each line's event, events of several lines, the line from which on lines wait for more)."""
        count = len(pieces.lines)
        parents = np.arange(count)
        heads, shapes = pieces.heads, pieces.shapes
        odd = (heads != HEAD) | (shapes != OTHER)
        partial = self._partials(pieces)
        joiner = Joiner()
        headered = self.plan.headered
        if not odd.any() and not partial:
            return parents, {}, count - 1 if headered and count > 1 else None
        streamed = bool(self.plan.streams) or any(entry.stream for entry in pieces.entries) or bool(pieces.records)
        where = range(count) if streamed or partial else np.flatnonzero(odd).tolist()
        before = -1
        waiting: dict[str, int] = {}
        lines = pieces.lines
        for at in where:
            head, shape = int(heads[at]), int(shapes[at])
            if not streamed and at != before + 1 and at:
                joiner.ordinary(at - 1)
            before = at
            size = len(lines[at])
            if head == NO_HEAD and headered:
                above = joiner.parents.get(at - 1, at - 1)
                if ends_process(lines[at]) and above >= 0 and pieces.severity[above] < ERROR:
                    joiner.ordinary(at)  # below an error it tells what the error was
                else:
                    joiner.below(at, size)
                if partial:
                    waiting.clear()
                continue
            stream = self._stream(pieces, at) if streamed and head != NO_HEAD else None
            if partial:
                if head == NO_HEAD:
                    waiting.clear()
                name = stream or ""
                if name in waiting:
                    first = waiting[name]
                    joiner.parents[at] = first
                    if at not in partial:
                        del waiting[name]
                    continue
                if at in partial:
                    waiting[name] = at
            if head == PREFIX and self.plan.streams.get(stream or "", False):
                joiner.below(at, size, stream)
                continue
            if head == HEAD and shape == OTHER and not streamed:
                joiner.ordinary(at)
                continue
            text = self._text(pieces, at)
            joiner.line(at, head != NO_HEAD, shape, text, size, stream)
        if not streamed and before < count - 1:
            joiner.ordinary(count - 1)  # what follows the last line that was looked at ends what it began
        members: dict[int, list[int]] = {}
        for line, parent in joiner.parents.items():
            if parent != line:
                parents[line] = parent
        for line in np.flatnonzero(parents != np.arange(count)).tolist():
            parent = int(parents[line])
            while parents[parent] != parent:
                parent = int(parents[parent])
            parents[line] = parent
            members.setdefault(parent, [parent]).append(line)
        hold = None
        if not last:
            open_lines = [joiner.undecided(), *waiting.values()]
            if headered and count:
                open_lines.append(int(parents[count - 1]))
            elif self.plan.streams:
                open_lines.append(max(0, count - 1))
            known = [one for one in open_lines if one is not None]
            hold = min(known, default=None)
            if hold is not None:
                hold = int(parents[hold])
                if hold < count // 2 and (count > 4 * MOST_LINES or len(pieces.text) > 8 * MOST_BYTES):
                    hold = None  # whatever is still open has had time enough
        return parents, members, hold

    def _partials(self, pieces: Pieces) -> set[int]:
        found = {line for line, record in pieces.records.items() if record.partial}
        marked = [one for one, entry in enumerate(pieces.entries) if entry.partial]
        if marked:
            found |= set(np.flatnonzero(np.isin(pieces.at, np.array(marked, np.int32))).tolist())
        return found

    def _stream(self, pieces: Pieces, at: int) -> str:
        record = pieces.records.get(at)
        if record is not None and (record.stream or not pieces.entries[pieces.at[at]].stream):
            return record.stream
        entry, line = pieces.entries[pieces.at[at]], pieces.lines[at]
        return b"\x1f".join([line[start:stop] for start, stop in entry.stream]).decode("utf-8", "replace")

    def _text(self, pieces: Pieces, at: int) -> str:
        """The text of a line behind its header and prefix."""
        record = pieces.records.get(at)
        if record is not None:
            return record.message.partition("\n")[0]
        entry, line = pieces.entries[pieces.at[at]], pieces.lines[at]
        return line[entry.text : entry.text + 2000].decode("utf-8", "replace")

    def _trace(self, pieces: Pieces, group: Sequence[int]) -> tuple[str, str]:
        """The key of the trace in an event of several lines."""
        if not any(pieces.shapes[one] not in (OTHER, BLANK) for one in group[:_MOST_TRACE_LINES]):
            return "", ""
        texts = [self._text(pieces, one) for one in group[:_MOST_TRACE_LINES]]
        exception, frame = trace_key(texts)
        return (exception, frame) if frame or (exception and len(group) > 2) else ("", "")

    # Records of several lines

    def _records_part(
        self, block: Block, text: bytes, lines: list[bytes], number: int, clock: Clock
    ) -> tuple[Part, int, int]:
        row = self.plan.block
        assert row is not None
        import re

        begins = re.compile(row.pattern)
        reader = RecordReader((row, JSON_ROWS[-1]))
        count = len(lines)
        pieces = self._bare_pieces(text, lines)
        parents = np.arange(count)
        members: dict[int, list[int]] = {}
        first = -1
        closed = True
        for at, raw in enumerate(lines):
            line = raw[:_LONG_LINE].decode("utf-8", "replace")
            if begins.match(line) and (closed or row.name != "json-pretty"):
                first, closed = at, False
            elif first < 0 or closed or at - first >= _MOST_BLOCK_LINES:
                if closed and first >= 0 and not raw.strip():  # an empty line after a record belongs to it
                    parents[at] = first
                    members.setdefault(first, [first]).append(at)
                first = first if closed else -1
                closed = True
                continue
            if at != first:
                parents[at] = first
                members.setdefault(first, [first]).append(at)
            ends, _ = block_ends(row, line, 0)
            closed = closed or ends
            if ends and row.name == "journald-export":
                closed = True
        used = count
        left = 0
        if not block.last and not closed and 0 < first and first > count // 2:
            used = first
            left = sum(len(one) + 1 for one in block.raw.split(b"\n")[first:]) - 1
        for start in np.flatnonzero(parents[:used] == np.arange(used)).tolist():
            group = members.get(start, [start])
            whole = b"\n".join([lines[one] for one in group])
            if not begins.match(lines[start][:_LONG_LINE].decode("utf-8", "replace")):
                pieces.entries.append(Entry(PLAIN, NO_HEAD, OTHER, message=(0, len(lines[start]))))
                pieces.at[start] = len(pieces.entries) - 1
                continue
            fields = block_fields(row, whole.decode("utf-8", "replace"))
            record = reader.read(fields)
            if record is None:
                record = Record(
                    row, whole.decode("utf-8", "replace").partition("\n")[0][:500], "", None, fields=fields
                )
            record.row = row
            self._take_record(pieces, start, record)
            pieces.heads[start] = HEAD
        return self._part_of_records(pieces, parents, members, used, number, clock), used, left

    def _table_part(
        self, columns: Columns, block: Block, text: bytes, lines: list[bytes], number: int, clock: Clock
    ) -> tuple[Part, int, int]:
        """As `part`, for rows of a table; a row may have several lines, and the line that names the columns is no event."""
        reader = RecordReader((columns.row,))
        pieces = self._bare_pieces(text, lines)
        parents = np.arange(len(lines))
        members: dict[int, list[int]] = {}
        used, above = 0, -1
        for at, count, cells in columns.rows(text.decode("utf-8", "replace").split("\n")[: len(lines)], block.last):
            used = at + max(count, 1)
            record = None if cells is None else columns.record(cells, reader)
            if not count:
                # What stands above the names of the columns, a comment or an empty line, is no row either.
                parents[0 if above < 0 else at : at + 1] = -1
            elif record is not None:
                above = at
                self._take_record(pieces, at, record)
                if count > 1:
                    members[at] = list(range(at, at + count))
                    parents[at : at + count] = at
            elif above >= 0 and not lines[at].strip():
                members.setdefault(above, list(range(above, at))).append(at)
                parents[at] = above
            else:
                pieces.entries.append(Entry(PLAIN, NO_HEAD, OTHER, message=(0, len(lines[at]))))
                pieces.at[at] = len(pieces.entries) - 1
        left = sum(len(one) + 1 for one in block.raw.split(b"\n")[used:]) - 1 if used < len(lines) else 0
        return self._part_of_records(pieces, parents, members, used, number, clock), used, left

    def _bare_pieces(self, text: bytes, lines: list[bytes]) -> Pieces:
        """Lines of which nothing is known."""
        count = len(lines)
        pieces = Pieces(
            lines,
            np.full(count, NO_HEAD, np.int8),
            np.zeros(count, np.int8),
            np.full(count, np.nan),
            np.zeros(count, np.int8),
            np.full(count, self._row(PLAIN), np.int16),
            [Entry(PLAIN, NO_HEAD, OTHER)],
            np.zeros(count, np.int32),
            {},
            {},
            text,
        )
        pieces.offsets = np.zeros(count + 1, np.int64)
        np.cumsum([len(one) + 1 for one in lines], out=pieces.offsets[1:])
        return pieces

    def _part_of_records(
        self,
        pieces: Pieces,
        parents: NDArray[np.int64],
        members: dict[int, list[int]],
        used: int,
        number: int,
        clock: Clock,
    ) -> Part:
        self._finish_times(pieces, used, clock)
        starts = np.flatnonzero(parents[:used] == np.arange(used))
        own = parents[:used][parents[:used] >= 0]
        counts = np.bincount(own, minlength=used)[starts].astype(np.int32) if used else np.zeros(0, np.int32)
        return Part(number, pieces, starts, counts, {a: b for a, b in members.items() if a < used}, {})

    # Columns of events

    def batch(self, part: Part) -> EventBatch:
        """The events of a part as columns."""
        starts = part.starts
        count = len(starts)
        messages = self._messages(part)
        template = self._templates(part, messages) if count else np.zeros(0, np.int32)
        if self.numbers:
            values, where = messages.numbers()
        else:
            values, where = np.zeros(0), np.zeros(count + 1, np.int64)
        return EventBatch(
            source=self.position,
            number=(starts if part.numbers is None else part.numbers[starts]).astype(np.int64) + part.first,
            line_count=part.counts,
            timestamp=part.pieces.seconds[starts],
            severity=part.pieces.severity[starts],
            template=template,
            sequence=self._sequences(part),
            parsed=self._parsed(part.pieces, starts),
            numbers=values,
            numbers_start=where,
        )

    def _messages(self, part: Part) -> _Messages:
        """The messages of a part's events: pieces of their first lines, or texts of their own."""
        pieces, starts = part.pieces, part.starts
        count = len(starts)
        out = _Messages(pieces.text, count)
        whole = {start: text for start in part.members if (text := self._whole_message(part, start)) is not None}
        own = sorted(set(pieces.records) | set(whole))
        rows = np.flatnonzero(np.isin(starts, np.array(own, np.int64))) if own else np.zeros(0, np.int64)
        plain = np.ones(count, np.bool_)
        plain[rows] = False
        at = pieces.at[starts]
        used, first = np.unique(at[plain], return_index=True) if plain.any() else (np.zeros(0, np.int32), rows)
        places = np.flatnonzero(plain)[first] if len(used) else rows
        kinds = np.full(len(pieces.entries), -1, np.int32)
        begins = np.zeros(len(pieces.entries), np.int64)
        for one, row in zip(used.tolist(), places.tolist()):
            entry = pieces.entries[one]
            if entry.known is None:
                start, stop = entry.message
                entry.known = self._message(pieces.lines[starts[row]][start:stop])
            kinds[one] = out.kind(entry.known)
            begins[one] = entry.message[0]
        out.which[plain] = kinds[at[plain]]
        out.base[plain] = pieces.offsets[starts[plain]] + begins[at[plain]]
        if len(rows):
            texts = []
            for line in starts[rows].tolist():
                text = whole.get(line)
                texts.append(
                    self._record_message(pieces, line, pieces.records[line])
                    if text is None
                    else text.encode("utf-8", "replace").replace(b"\n", b" ")
                )
            joined = b"\n".join(texts)
            distinct: dict[bytes, int] = {}
            add = distinct.setdefault
            ids = [add(one, len(distinct)) for one in joined.translate(_FOLD).split(b"\n")]
            table = np.array([out.kind(self._folded_message(one)) for one in distinct], np.int32)
            out.which[rows] = table[ids]
            lengths = np.array([len(one) + 1 for one in texts], np.int64)
            out.base[rows] = len(pieces.text) + np.cumsum(lengths) - lengths
            out.text = pieces.text + joined
        return out

    def _templates(self, part: Part, messages: _Messages) -> NDArray[np.int32]:
        """The position of each event's template."""
        pieces, starts = part.pieces, part.starts
        marked: list[str] = []
        traces: list[str] = []
        known: dict[tuple[str, str], int] = {}

        def code_of(text: str, trace: str) -> int:
            key = (text, trace)
            found = known.get(key)
            if found is None:
                found = known[key] = len(marked)
                marked.append(text)
                traces.append(trace)
            return found

        table = np.array([-1 if one.marked is None else code_of(one.marked, "") for one in messages.kinds], np.int32)
        codes = table[messages.which]
        entries = pieces.entries
        coded = [one for one, entry in enumerate(entries) if entry.codes]
        if coded:
            codes[np.isin(pieces.at[starts], np.array(coded, np.int32))] = -1
        special = [
            line for line, record in pieces.records.items() if record.codes or record.trace or "\n" in record.message
        ]
        special += list(part.traces)
        if special:
            codes[np.isin(starts, np.array(special, np.int64))] = -1
        text = messages.text
        for row in np.flatnonzero(codes < 0).tolist():
            line = int(starts[row])
            kind = messages.kinds[messages.which[row]]
            base = int(messages.base[row])
            filled = kind.marked if kind.marked is not None else _filled(text, base, kind)
            record = pieces.records.get(line)
            extra = ""
            if record is not None:
                extra = " ".join(record.codes)
                self._trace_in_record(part, line, record)
            elif entries[pieces.at[line]].codes:
                raw = pieces.lines[line]
                for start, stop in entries[pieces.at[line]].codes:
                    filled += f" {CODE_MARK}{raw[start:stop].decode('utf-8', 'replace')}"
            named = " at ".join(one for one in part.traces.get(line, ()) if one)
            codes[row] = code_of(filled, " ".join(one for one in (extra, named) if one))
        return self.keys.add_marked(codes, marked, traces)

    @staticmethod
    def _trace_in_record(part: Part, line: int, record: Record) -> None:
        text = record.trace or (record.message if "\n" in record.message else "")
        if text and line not in part.traces:
            key = trace_key(text.split("\n"))
            if key != ("", ""):
                part.traces[line] = key

    def _parsed(self, pieces: Pieces, starts: NDArray[np.int64]) -> NDArray[np.bool_]:
        plain = self._format_at.get("plain", -1)
        if self.plan.row is PLAIN:
            return np.ones(len(starts), np.bool_)
        return (pieces.rows[starts] != plain) | (pieces.heads[starts] == PREFIX)

    def _message(self, raw: bytes) -> Message:
        return self._folded_message(raw.translate(_FOLD))

    def _folded_message(self, folded: bytes) -> Message:
        folded = folded[:MAX_CHARACTERS]
        found = self.messages.get(folded)
        if found is None:
            if len(self.messages) > _MOST_MESSAGES:
                self.messages.clear()
            alike = without_hashes(folded)
            found = self.messages.get(alike)
            if found is None:
                found = self.messages[alike] = message_of(alike)
            if len(folded) < _LONG_LINE:
                self.messages[folded] = found
        return found

    def _whole_message(self, part: Part, start: int) -> str | None:
        """The message of an event that is put together from several lines; None for one that is its first line's."""
        group = part.members.get(start)
        if group is None:
            return None
        pieces = part.pieces
        record = pieces.records.get(start)
        if record is not None:
            if not record.partial:
                return None
            return "".join(pieces.records[one].message for one in group if one in pieces.records)
        entry = pieces.entries[pieces.at[start]]
        if entry.partial:
            return "".join(self._text(pieces, one) for one in group)
        if entry.head == HEAD and entry.message[0] >= entry.message[1]:  # a header alone: the next line is the message
            return next((text for one in group[1:4] if (text := self._below(pieces, one)[0])), "")
        return None

    @staticmethod
    def _below(pieces: Pieces, at: int) -> tuple[str, int]:
        """(the text, the SeverityNumber or 0) of a line below a header that has no message of its own."""
        text = pieces.lines[at].decode("utf-8", "replace").strip()[:2000]
        found = read_generic(text.translate(_FOLD_TEXT))
        if found is None or found.time is not None or found.level is None:
            return text, 0
        return text[found.message[0] :], level_of(text[slice(*found.level)], {}) or 0

    def _record_message(self, pieces: Pieces, line: int, record: Record) -> bytes:
        first = record.message.partition("\n")[0].strip() or record.message.strip().partition("\n")[0]
        message = first.encode("utf-8", "replace")
        entry = pieces.inner.get(line)
        if entry is not None and entry.head == HEAD:
            raw = record.message.partition("\n")[0].encode("utf-8", "replace")
            return raw[slice(*entry.message)]
        return message

    def _sequences(self, part: Part) -> NDArray[np.int32]:
        pieces, starts = part.pieces, part.starts
        out = np.full(len(starts), -1, np.int32)
        named = np.array([entry.sequence is not None for entry in pieces.entries])
        table = self.sequences
        local = self._sequence_bytes
        if len(table) < self._named:  # somebody began the names anew
            local.clear()
        if named.any():
            at = pieces.at[starts]
            rows = np.flatnonzero(named[at])
            entries, lines = pieces.entries, pieces.lines
            names = [
                lines[line][span[0] : span[1]]
                for line, span in zip(starts[rows].tolist(), [entries[one].sequence for one in at[rows].tolist()])
                if span is not None
            ]
            for name in set(names).difference(local):
                local[name] = table.place(name)
            out[rows] = [local[name] for name in names]
            if len(local) > _MOST_ENTRIES:
                local.clear()
        if pieces.records:
            for row, line in enumerate(starts.tolist()):
                record = pieces.records.get(line)
                if record is not None and record.sequence:
                    out[row] = table.place(record.sequence.encode("utf-8", "replace"))
        self._named = len(table)
        return out

    # Whole events

    def events(self, part: Part, wanted: Callable[[int], bool] | None = None) -> Iterator[LogEvent]:
        """The events of a part with lines and attributes; `wanted` is asked with the number of the first line."""
        pieces = part.pieces
        parsed = self._parsed(pieces, part.starts)
        lines_of = (part.starts if part.numbers is None else part.numbers[part.starts]) + part.first
        numbers = lines_of.tolist()
        starts = part.starts.tolist()
        for row in range(len(numbers)) if wanted is None else [at for at, one in enumerate(numbers) if wanted(one)]:
            line, number = starts[row], numbers[row]
            group = part.members.get(line, [line])
            lines = tuple(pieces.lines[one].decode("utf-8", "replace") for one in group)
            record = pieces.records.get(line)
            message = self._event_message(part, line)
            attributes = self._attributes(part, line, record)
            seconds = float(pieces.seconds[line])
            yield LogEvent(
                number,
                lines,
                self.position,
                None if math.isnan(seconds) else seconds,
                int(pieces.severity[line]) or None,
                message,
                attributes,
                bool(parsed[row]),
            )

    def _event_message(self, part: Part, line: int) -> str:
        pieces = part.pieces
        whole = self._whole_message(part, line)
        if whole is not None:
            return whole
        record = pieces.records.get(line)
        if record is not None:
            entry = pieces.inner.get(line)
            if entry is not None and entry.head == HEAD:
                return self._record_message(pieces, line, record).decode("utf-8", "replace")
            return record.message.strip("\n")
        entry = pieces.entries[pieces.at[line]]
        if entry.row is PLAIN or len(pieces.lines[line]) > _LONG_LINE:
            return pieces.lines[line][entry.message[0] :].decode("utf-8", "replace")
        return pieces.lines[line][slice(*entry.message)].decode("utf-8", "replace")

    def _attributes(self, part: Part, line: int, record: Record | None) -> dict[str, str]:
        pieces = part.pieces
        raw = pieces.lines[line]
        found: dict[str, str] = {}
        entry = pieces.entries[pieces.at[line]] if line < len(pieces.at) else None
        if entry is not None:
            for name, start, stop in entry.fields:
                found[name] = raw[start:stop].decode("utf-8", "replace")
            if entry.raw_level is not None and entry.raw_level[2] == "status":
                found["status"] = raw[entry.raw_level[0] : entry.raw_level[1]].decode("utf-8", "replace")
        if record is not None:
            found.update(attributes_of(record))
            inner = pieces.inner.get(line)
            if inner is not None and inner.head == HEAD:
                text = record.message.partition("\n")[0].encode("utf-8", "replace")
                for name, start, stop in inner.fields:
                    found[name] = text[start:stop].decode("utf-8", "replace")
            if line not in part.traces:
                text_of_trace = record.trace or (record.message if "\n" in record.message else "")
                if text_of_trace:
                    part.traces[line] = trace_key(text_of_trace.split("\n"))
        exception, frame = part.traces.get(line, ("", ""))
        if exception:
            found["exception"] = exception
        if frame:
            found["frame"] = frame
        return found


def _one_record_a_line(lines: list[bytes]) -> tuple[list[bytes], NDArray[np.int64]]:
    """Lines of OTLP, which hold several records each, as one record a line, and the line that each is of."""
    out: list[bytes] = []
    numbers: list[int] = []
    for at, line in enumerate(lines):
        value = parse_json(line) if b'"resourceLogs"' in line else None
        records = [orjson.dumps(one) for one in unpacked_records(value)] if value is not None else [line]
        out += records or [line]
        numbers += [at] * max(1, len(records))
    return out, np.array(numbers, np.int64)


def _settle(moments: Moments, outer: Moments) -> None:
    """Give times inside a wrapper the date and the zone of the wrapper's own time, where they state none."""
    known = (outer.kind == FULL) & (moments.kind > 0)
    missing = (outer.kind == FULL) & (moments.kind == 0)
    moments.seconds[missing], moments.kind[missing] = outer.seconds[missing], FULL
    moments.zone[missing] = outer.zone[missing]
    yearless = np.flatnonzero((moments.kind == 0) & (outer.kind > 0))
    moments.seconds[yearless], moments.kind[yearless] = outer.seconds[yearless], outer.kind[yearless]
    short = known & ((moments.kind == NO_DATE) | (moments.kind == NO_YEAR))
    if short.any():  # zones are whole quarters of an hour, and so are days and years
        apart = moments.seconds[short] - outer.seconds[short]
        moments.seconds[short] = outer.seconds[short] + apart - np.round(apart / 900.0) * 900.0
        moments.kind[short], moments.zone[short] = FULL, True
    naive = known & ~moments.zone & outer.zone
    if naive.any():
        apart = moments.seconds[naive] - outer.seconds[naive]
        shift = np.round(apart / 900.0) * 900.0
        moments.seconds[naive] -= np.where(np.abs(shift) <= 50_400.0, shift, 0.0)
        moments.zone[naive] = True


class _Messages:
    """The messages of some events in one text, with their masks.

    Attributes:
        text: what the messages are pieces of.
        base: where each event's message begins in it.
        which: each event's position in `kinds`.
    """

    def __init__(self, text: bytes, count: int):
        self.text = text
        self.base = np.zeros(count, np.int64)
        self.which = np.zeros(count, np.int32)
        self.kinds: list[Message] = []
        self._at: dict[int, int] = {}

    def kind(self, message: Message) -> int:
        """The position of some masks in `kinds`."""
        found = self._at.get(id(message))
        if found is None:
            found = self._at[id(message)] = len(self.kinds)
            self.kinds.append(message)
        return found

    def numbers(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """(the values of all numbers, where those of each event begin): all runs of digits are read at once."""
        how_many = np.array([len(one.shape.parts) for one in self.kinds] or [0], np.int64)
        where = np.zeros(len(self.base) + 1, np.int64)
        np.cumsum(how_many[self.which], out=where[1:])
        values = np.zeros(int(where[-1]))
        if not len(values):
            return values, where
        # The runs of digits of all kinds, one after the other; then, for each event, those of its kind.
        runs: list[tuple[int, int, float, int]] = []
        firsts = np.zeros(len(self.kinds) + 1, np.int64)
        for at, one in enumerate(self.kinds):
            for nth, parts in enumerate(one.shape.parts):
                runs.extend((start, stop - start, worth, nth) for start, stop, worth in parts)
            firsts[at + 1] = len(runs)
        if runs:
            columns = list(zip(*runs))
            begin, length = np.array(columns[0], np.int64), np.array(columns[1], np.int64)
            worth, nth_of = np.array(columns[2], np.float64), np.array(columns[3], np.int64)
            each = (firsts[1:] - firsts[:-1])[self.which]
            event = np.repeat(np.arange(len(self.base)), each)
            ends = np.cumsum(each)
            run = np.arange(int(ends[-1])) - np.repeat(ends - each, each) + np.repeat(firsts[self.which], each)
            digits = _digits(np.frombuffer(self.text, np.uint8), self.base[event] + begin[run], length[run])
            values += np.bincount(where[event] + nth_of[run], digits * worth[run], len(values))
        slow = [at for at, one in enumerate(self.kinds) if one.shape.slow]
        if slow:
            for row in np.flatnonzero(np.isin(self.which, np.array(slow, np.int32))).tolist():
                base = int(self.base[row])
                for nth, (start, stop, factor) in self.kinds[self.which[row]].shape.slow.items():
                    values[where[row] + nth] = value_of(self.text[base + start : base + stop], factor)
        return values, where


def _digits(buffer: NDArray[np.uint8], begin: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.float64]:
    """The whole numbers that runs of digits stand for."""
    whole = np.zeros(len(begin))
    order = np.argsort(-length, kind="stable")  # the longest first, so that those with a further digit stand together
    begin, counts = begin[order], np.bincount(length)
    alive = len(begin) - np.cumsum(counts)
    part = np.zeros(len(begin))
    for at in range(len(counts) - 1):
        n = int(alive[at])
        if not n:
            break
        part[:n] = part[:n] * 10.0 + (buffer[begin[:n] + at] - 48.0)
    whole[order] = part
    return whole


def _filled(text: bytes, base: int, message: Message) -> str:
    """The marked text of a message in which digits stay."""
    shape = message.shape
    parts = [shape.pieces[0]]
    for (start, stop), piece in zip(shape.kept, shape.pieces[1:]):
        parts.append(text[base + start : base + stop].decode("ascii", "replace"))
        parts.append(piece)
    return "".join(parts)


def _user_time(layout: str) -> Callable[[str], float | None]:
    from ..systems.field_readers import timestamp_reader
    from ..systems.rules import TimestampRule

    return timestamp_reader(TimestampRule(("time",), layout))


__all__ = ["FileReader", "LinePlan", "Part", "Pieces"]
