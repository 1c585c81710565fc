"""Logs as events: `EventLog` for whole files, `read_events` for one pass."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import LogInputError
from ..systems.rules import LogSystem
from .event import EventBatch, LogEvent
from .formats import ALL_ROWS, row_named
from .guess import FilePlan, guess_plan, sample_of
from .inputs import Block, Encoding, LogInput, cleaned
from .names import MOST_NAMES, NameTable
from .reader import FileReader, Part
from .row import EventFormat
from .seek import Span
from .templates import TemplateKeys
from .times import Clock
from .user_formats import row_from_file, row_from_system

_ORDER_LINES = 400
_PATHS = (".yaml", ".yml", ".json")


@dataclass(slots=True)
class FileReport:
    """How one file was read.

    Attributes:
        name: the path as given.
        format: name of the format that explains most; title: in words.
        lines: raw lines.
        events: events.
        parsed: events that a format fitted.
        severities: OpenTelemetry's SeverityNumber -> events.
        first: earliest time, seconds since 1970 in UTC; last: latest.
        joined_events: events of more than one line.
        encoding: as read.
        notes: sentences on what a reader should know.
    """

    name: str
    format: str = ""
    title: str = ""
    lines: int = 0
    events: int = 0
    parsed: int = 0
    severities: Counter[int] = field(default_factory=Counter)
    first: float | None = None
    last: float | None = None
    joined_events: int = 0
    encoding: str = "utf-8"
    notes: list[str] = field(default_factory=list)

    @property
    def parsed_share(self) -> float:
        """Share of the events that a format fitted."""
        return self.parsed / self.events if self.events else 0.0

    def count(self, batch: EventBatch) -> None:
        """Add the events of a batch."""
        self.events += len(batch)
        self.parsed += int(batch.parsed.sum())
        self.joined_events += int((batch.line_count > 1).sum())
        for number, count in enumerate(np.bincount(batch.severity, minlength=1).tolist()):
            if number and count:
                self.severities[number] += count
        times = batch.timestamp[~np.isnan(batch.timestamp)]
        if len(times):
            low, high = float(times.min()), float(times.max())
            self.first = low if self.first is None else min(self.first, low)
            self.last = high if self.last is None else max(self.last, high)


@dataclass(slots=True)
class _Place:
    """A block that was read: where it begins, how many lines and bytes it used, and the clock at its beginning."""

    number: int
    lines: int
    offset: int | None
    size: int
    left: int
    last: bool
    clock: Clock


class EventLog:
    """Some log files as events, in the order of time of the files.

    Args:
        paths: the files; "-" is standard input. Positions in this list are the `source` of events.
        format: name of a format row, or path of a file with one (YAML, or lnav's JSON); None guesses for each file.
        numbers: whether batches carry the numbers that the masks took out.
        system: a log system whose lines they are, in place of `format`.
        keys: templates of an earlier reading, whose positions go on.

    Attributes:
        files: one `FileReport` a file, by position in `paths`; filled while reading.
        templates: template texts by position; grows while reading, texts are final once all is read.
        sequences: names of sequences (session, thread, component, step) by position; grows while reading.
        keys: the `TemplateKeys` behind `templates`.
        spans: parts of files, by position in `paths`, as `TimeIndex.span` gives them: nothing else is read of these files,
            and their lines are counted from the beginning of the part until `count_lines_before` is called.

    Raises:
        LogInputError: where a file is missing or no text, or the format is not known.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        format: str | None = None,
        numbers: bool = True,
        system: LogSystem | None = None,
        keys: TemplateKeys | None = None,
    ):
        self.paths = [str(path) for path in paths]
        self.files = [FileReport(path) for path in self.paths]
        self.keys = keys or TemplateKeys()
        self._row = fixed_row(format, system)
        self._numbers = numbers
        self._names = NameTable()
        self._inputs = [LogInput(path) for path in self.paths]
        self._samples: dict[int, list[list[str]]] = {}
        self._readers: dict[int, FileReader] = {}
        self._places: dict[int, list[_Place]] = {}
        self._order: list[int] | None = None
        self.spans: dict[int, Span] = {}

    @property
    def templates(self) -> list[str]:
        """Template texts by position."""
        return self.keys.texts()

    @property
    def sequences(self) -> list[str]:
        """Names of sequences by position."""
        return list(self._names)

    def plan(self, source: int) -> FilePlan:
        """How a file is read."""
        return self.reader(source).plan

    def reader(self, source: int) -> FileReader:
        """The reader of a file; its format is guessed now if it was not before."""
        found = self._readers.get(source)
        if found is None:
            one = self._inputs[source]
            pieces = self._samples[source] = sample_of(one)
            if not any(line.strip() for piece in pieces for line in piece):
                raise LogInputError(
                    f"The log must hold at least one line, found none in {self.paths[source]}: name a log with"
                    " lines in it"
                )
            plan = guess_plan(pieces, one.written, self._row)
            found = self._readers[source] = FileReader(one, plan, source, self.keys, self._names, self._numbers)
            report = self.files[source]
            report.format, report.title = plan.row.name, plan.row.title
        return found

    def order(self) -> list[int]:
        """Positions of the files in order of time: by first time, rotated siblings by their number where there is none."""
        if self._order is None:
            if len(self.paths) == 1:
                self._order = [0]
                return self._order
            firsts = [self._first_time(source) for source in range(len(self.paths))]
            self._order = sorted(
                range(len(self.paths)), key=lambda source: (firsts[source], -_rotation(self.paths[source]), source)
            )
        return self._order

    def _first_time(self, source: int) -> float:
        reader = self.reader(source)
        head = "\n".join(self._samples[source][0][:_ORDER_LINES]).encode("utf-8", "replace")
        part, _, _ = reader.part(Block(head, None, True), 1, reader.new_clock())
        times = part.pieces.seconds[part.starts]
        known = times[~np.isnan(times)]
        # A log in another order than that of time still begins with its earliest lines, as far as files go.
        return float(known.min()) if len(known) else math.inf

    def _parts(self, source: int, counted: bool = False) -> Iterator[Part]:
        """The parts of a file from its beginning; where each block stands is kept for `events`.

        With `counted` the report of the file begins anew; a further reading leaves it as it is.
        """
        reader = self.reader(source)
        clock = reader.new_clock()
        places: list[_Place] = []
        self._places[source] = places
        report = FileReport(self.paths[source], reader.plan.row.name, reader.plan.row.title)
        if counted or not self.files[source].events:
            self.files[source] = report
        reader.source.encoding = Encoding()
        reader.long_lines = 0
        span = self.spans.get(source)
        blocks = reader.source.blocks() if span is None else reader.source.blocks(begin=span.begin, end=span.end)
        number = 1 + (span.lines_before or 0 if span is not None else 0)
        block = next(blocks, None)
        while block is not None:
            before = replace(clock)
            part, used, left = reader.part(block, number, clock)
            places.append(_Place(number, used, block.offset, len(block.raw), left, block.last, before))
            report.lines += used
            yield part
            number += used
            if block.last:
                break
            try:
                block = blocks.send(left)
            except StopIteration:
                break
        self._conclude(source, report, reader)

    def _conclude(self, source: int, report: FileReport, reader: FileReader) -> None:
        encoding = reader.source.encoding
        report.encoding = encoding.name
        report.notes = list(reader.plan.notes)
        if encoding.odd_lines:
            report.notes.append(f"{encoding.odd_lines:,} lines are not valid UTF-8 and were read as Latin-1.")
        if reader.long_lines:
            report.notes.append(f"{reader.long_lines:,} lines of more than 8,192 bytes were analysed only so far.")
        if len(self._names) >= MOST_NAMES:
            report.notes.append(f"There are more than {MOST_NAMES:,} sessions: the last ones are not told apart.")
        if self.keys.full:
            report.notes.append(
                "The messages are of too many kinds: the templates of the last ones are not told apart."
            )

    def count_lines_before(self) -> dict[int, int]:
        """Count the lines before the part of each file in `spans`, without looking at them: source -> lines before it."""
        counted = {}
        for source, span in self.spans.items():
            if span.lines_before is None:
                with self._inputs[source].open_at(0) as stream:
                    pieces = range(0, span.begin, 1 << 20)
                    counted[source] = sum(stream.read(min(1 << 20, span.begin - at)).count(b"\n") for at in pieces)
                span.lines_before = counted[source]
                for place in self._places.get(source, ()):
                    place.number += counted[source]
        return counted

    def batches(self) -> Iterator[EventBatch]:
        """All events as columns, file after file in order of time; each batch holds events of one file."""
        for source in self.order():
            reader = self.reader(source)
            for part in self._parts(source, counted=True):
                if len(part.starts):
                    batch = reader.batch(part)
                    self.files[source].count(batch)
                    yield batch

    def read(self, source: int) -> Iterator[LogEvent]:
        """The events of one file, whole."""
        reader = self.reader(source)
        for part in self._parts(source):
            yield from reader.events(part)

    def events(self, places: Iterable[tuple[int, int]]) -> list[LogEvent]:
        """Whole events again, by (source, number of the first line), in the order asked for.

        Raises:
            LogInputError: where no event begins at a place (any more).
        """
        places = list(places)
        wanted: dict[int, set[int]] = {}
        for source, number in places:
            wanted.setdefault(source, set()).add(int(number))
        found: dict[tuple[int, int], LogEvent] = {}
        for source, numbers in wanted.items():
            reader = self.reader(source)
            for part in self._parts_with(source, numbers):
                for event in reader.events(part, numbers.__contains__):
                    found.setdefault((source, event.number), event)
        gone = next(((source, number) for source, number in places if (source, int(number)) not in found), None)
        if gone is not None:
            raise LogInputError(
                f"The log must stay as it is while it is read; line {gone[1]} of {self.paths[gone[0]]} is not there any more: "
                "read it again, or a copy of it."
            )
        return [found[source, int(number)] for source, number in places]

    def context(self, source: int, number: int, before: int = 3, after: int = 0) -> list[tuple[int, str]]:
        """Lines around the event that begins at line `number`, without its own: (number, line), in order.

        `after` counts from the end of the event.
        """
        event = self.events([(source, number)])[0]
        end = number + len(event.lines) - 1
        wanted = {*range(max(1, number - before), number), *range(end + 1, end + 1 + after)}
        lines: dict[int, str] = {}
        for first, block_lines in self._lines_with(source, wanted):
            for at, line in enumerate(block_lines, first):
                if at in wanted:
                    lines[at] = line.decode("utf-8", "replace")
        return sorted(lines.items())

    def _blocks_with(self, source: int, numbers: set[int]) -> Iterator[tuple[_Place, Block]]:
        """The blocks that hold some lines, read again."""
        read = self._places.get(source)
        if not read or (not read[-1].last and max(numbers, default=0) >= read[-1].number + read[-1].lines):
            for _ in self._parts(source):
                pass
        reader = self.reader(source)
        places = self._places[source]
        chosen = [one for one in places if any(one.number <= number < one.number + one.lines for number in numbers)]
        if not chosen:
            return
        if all(one.offset is not None for one in chosen):
            for one in chosen:
                assert one.offset is not None
                with reader.source.open_at(one.offset) as stream:
                    yield one, Block(stream.read(one.size), one.offset, one.last)
            return
        blocks = reader.source.blocks()
        block = next(blocks, None)
        keep = {id(one) for one in chosen}
        for one in places:
            if block is None:
                return
            if id(one) in keep:
                yield one, block
            if one is chosen[-1] or block.last:
                return
            try:
                block = blocks.send(one.left)
            except StopIteration:
                return

    def _parts_with(self, source: int, numbers: set[int]) -> Iterator[Part]:
        reader = self.reader(source)
        for place, block in self._blocks_with(source, numbers):
            part, _, _ = reader.part(block, place.number, replace(place.clock))
            yield part

    def _lines_with(self, source: int, numbers: set[int]) -> Iterator[tuple[int, list[bytes]]]:
        for place, block in self._blocks_with(source, numbers):
            yield place.number, cleaned(block.raw).split(b"\n")[: place.lines]


def _rotation(path: str) -> int:
    """The number of a rotated file, 0 for the newest."""
    found = re.search(r"\.(\d{1,3})(?:\.(?:gz|bz2|xz|zst|zip))?$", path)
    return int(found[1]) if found else 0


def fixed_row(format: str | None, system: LogSystem | None = None) -> EventFormat | None:
    """The row that a user asked for: by name, by a file, or as a log system; None for none."""
    if system is not None:
        return row_from_system(system)
    if format is None:
        return None
    if format.lower().endswith(_PATHS) or "/" in format:
        return row_from_file(format)
    return row_named(format, ALL_ROWS)


def read_events(
    paths: Sequence[str | Path], system: LogSystem | str | None = None, format: str | None = None
) -> Iterator[LogEvent]:
    """The events of some files, in order of time of the files; `source` is the position in `paths`.

    Args:
        paths: the files; "-" is standard input.
        system: a published log system, by name or as a row, where the lines are of one.
        format: a format row, by name or file; None guesses for each file.
    """
    if isinstance(system, str):
        from ..systems.systems import get_system

        system = get_system(system)
    log = EventLog(paths, format=format, system=system, numbers=False)
    for source in log.order():
        yield from log.read(source)


__all__ = ["EventLog", "FileReport", "read_events"]
