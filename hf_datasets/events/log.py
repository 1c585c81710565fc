"""Logs as events: `EventLog` for whole files, `EventStream` for a log as it grows, `read_events` for one pass.

A first version: lines with an ISO time, JSON objects and plain text; the format rows come next.
"""

from __future__ import annotations

import gzip
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson

from .event import EventBatch, LogEvent
from .levels import LEVEL_PATTERN, level_number
from .templates import TemplateKeys

BATCH_EVENTS = 65_536
MOST_LINES = 1000  # of one event
_HEADER = re.compile(
    r"^\[?(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)\]?"
    rf"(?:[\s\-|\[]*(?P<level>{LEVEL_PATTERN})\b[\]\s:|\-]*)?\s*(?P<message>.*)$",
    re.IGNORECASE,
)
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


@dataclass
class FileReport:
    """How one file was read.

    Attributes:
        name: the path as given.
        format: name of the format row.
        title: the format in words.
        lines: raw lines.
        events: events.
        parsed: events that the format fitted.
        severities: OpenTelemetry's SeverityNumber -> events.
        first: earliest time, seconds since 1970 in UTC.
        last: latest time.
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
        """Share of the events that the format fitted."""
        return self.parsed / self.events if self.events else 0.0


def parse_line(line: str) -> tuple[bool, float | None, int | None, str, dict[str, str]]:
    """(begins an event, time, severity, message, attributes) of one line."""
    if line.startswith("{"):
        try:
            record = orjson.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict):
            message = next((str(record[key]) for key in ("message", "msg", "log", "MESSAGE", "body") if key in record), line)
            level = next((record[key] for key in ("level", "severity", "lvl", "PRIORITY") if key in record), None)
            time = next((record[key] for key in ("timestamp", "@timestamp", "time", "ts") if key in record), None)
            attributes = {key: value for key, value in record.items() if isinstance(value, str) and value != message}
            return True, _seconds(time), None if level is None else level_number(str(level)), message.strip(), attributes
    found = _HEADER.match(line)
    if found is None:
        return False, None, None, line, {}
    level = found["level"]
    return True, _seconds(found["time"]), level_number(level) if level else None, found["message"], {}


def _seconds(value: Any) -> float | None:
    if isinstance(value, (int, float)):
        return float(value) / (1000.0 if value > 1e11 else 1.0)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.replace(",", "."))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class EventLog:
    """Some log files as events, in the order of time of the files.

    Args:
        paths: the files; "-" is standard input. Positions in this list are the `source` of events.
        format: name of a format row or path of a format file; None guesses for each file by itself.
        numbers: whether batches carry the numbers that the masks took out.

    Attributes:
        files: one `FileReport` a file, by position in `paths`; filled while reading.
        templates: template texts by position; grows while reading, texts are final once all is read.
        sequences: names of sequences (session, thread, component, step) by position; grows while reading.
    """

    def __init__(self, paths: Sequence[str | Path], format: str | None = None, numbers: bool = True):
        self.paths = [str(path) for path in paths]
        self.files = [FileReport(path) for path in self.paths]
        self.sequences: list[str] = []
        self.keys = TemplateKeys()
        self._spooled: dict[int, IO[bytes]] = {}
        self._order: list[int] | None = None

    @property
    def templates(self) -> list[str]:
        """Template texts by position."""
        return self.keys.texts()

    def order(self) -> list[int]:
        """Positions of the files in order of time."""
        if self._order is None:
            firsts = []
            for source in range(len(self.paths)):
                times = (time for _, _, time in self._heads(source))
                firsts.append(next((time for time in times if time is not None), float("inf")))
            self._order = sorted(range(len(self.paths)), key=lambda source: firsts[source])
        return self._order

    def _heads(self, source: int) -> Iterator[tuple[int, str, float | None]]:
        for number, line in self._lines(source):
            if number > 200:
                return
            yield number, line, parse_line(line)[1]

    def _lines(self, source: int) -> Iterator[tuple[int, str]]:
        path = self.paths[source]
        if path == "-":
            if source not in self._spooled:
                spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=32 << 20)
                spool.writelines(sys.stdin.buffer)
                self._spooled[source] = spool
            stream = self._spooled[source]
            stream.seek(0)
        else:
            stream = open(path, "rb")
            if stream.read(2) == b"\x1f\x8b":
                stream = gzip.open(path)  # type: ignore[assignment]
            stream.seek(0)
        for number, raw in enumerate(stream, 1):
            yield number, _ESCAPES.sub("", raw.decode("utf-8", "replace").lstrip("\ufeff").rstrip("\r\n"))

    def read(self, source: int) -> Iterator[LogEvent]:
        """The events of one file, whole."""
        held: LogEvent | None = None
        headed = False
        for number, line in self._lines(source):
            begins, time, severity, message, attributes = parse_line(line)
            headed |= begins
            if not begins and held is not None and headed and len(held.lines) < MOST_LINES:
                held.lines += (line,)
                continue
            if held is not None:
                yield held
            held = LogEvent(number, (line,), source, time, severity, message, attributes, begins or not headed)
        if held is not None:
            yield held

    def batches(self) -> Iterator[EventBatch]:
        """All events as columns, file after file in order of time; each batch holds events of one file."""
        for source in self.order():
            report = self.files[source] = FileReport(self.paths[source], "generic", "Lines with a time")
            held: list[LogEvent] = []
            for event in self.read(source):
                report.lines += len(event.lines)
                report.events += 1
                report.parsed += event.parsed
                report.joined_events += len(event.lines) > 1
                if event.severity is not None:
                    report.severities[event.severity] += 1
                if event.timestamp is not None:
                    report.first = min(report.first or event.timestamp, event.timestamp)
                    report.last = max(report.last or event.timestamp, event.timestamp)
                held.append(event)
                if len(held) >= BATCH_EVENTS:
                    yield self._batch(source, held)
                    held = []
            if held:
                yield self._batch(source, held)

    def _batch(self, source: int, events: list[LogEvent]) -> EventBatch:
        count = len(events)
        return EventBatch(
            source=source,
            number=np.array([event.number for event in events], np.int64),
            line_count=np.array([len(event.lines) for event in events], np.int32),
            timestamp=np.array([np.nan if event.timestamp is None else event.timestamp for event in events], np.float64),
            severity=np.array([event.severity or 0 for event in events], np.int8),
            template=np.array([self.keys.add(event.message) for event in events], np.int32),
            sequence=np.full(count, -1, np.int32),
            parsed=np.array([event.parsed for event in events], np.bool_),
            numbers=np.zeros(0, np.float64),
            numbers_start=np.zeros(count + 1, np.int64),
        )

    def events(self, places: Iterable[tuple[int, int]]) -> list[LogEvent]:
        """Whole events again, by (source, number of the first line), in the order asked for.

        Raises:
            KeyError: where no event begins at a place.
        """
        places = list(places)
        wanted: dict[int, set[int]] = {}
        for source, number in places:
            wanted.setdefault(source, set()).add(number)
        found: dict[tuple[int, int], LogEvent] = {}
        for source, numbers in wanted.items():
            for event in self.read(source):
                if event.number in numbers:
                    found[source, event.number] = event
        return [found[place] for place in places]

    def context(self, source: int, number: int, before: int = 3, after: int = 0) -> list[tuple[int, str]]:
        """Raw lines around line `number` of a file, without it: (number, line), in order.

        `after` counts from the end of the event that begins at `number`.
        """
        event = self.events([(source, number)])[0]
        end = number + len(event.lines) - 1
        lines = []
        for at, line in self._lines(source):
            if at > end + after:
                break
            if number - before <= at < number or at > end:
                lines.append((at, line))
        return lines


class EventStream:
    """Events of a log as it grows: lines go in one by one, events come out when they are whole.

    Args:
        format: name of a format row; None guesses from the first lines.
        seconds: an event that gets no further line for so long is whole.
    """

    def __init__(self, format: str | None = None, seconds: float = 2.0):
        self.seconds = seconds
        self._number = 0
        self._held: LogEvent | None = None
        self._since = 0.0
        self._headed = False

    def feed(self, line: str, now: float) -> list[LogEvent]:
        """Take in one line, without its end, at the moment `now` (seconds); the events that are whole by it."""
        self._number += 1
        line = _ESCAPES.sub("", line)
        begins, time, severity, message, attributes = parse_line(line)
        self._headed |= begins
        if not begins and self._held is not None and self._headed and len(self._held.lines) < MOST_LINES:
            self._held.lines += (line,)
            self._since = now
            return []
        done = [] if self._held is None else [self._held]
        self._held = LogEvent(
            self._number, (line,), 0, time, severity, message, attributes, begins or not self._headed
        )
        self._since = now
        return done

    def flush(self, now: float) -> list[LogEvent]:
        """The events that have waited long enough at the moment `now`; all of them with `now=inf`."""
        if self._held is None or now - self._since < self.seconds:
            return []
        done, self._held = [self._held], None
        return done


def read_events(paths: Sequence[str | Path], system: Any = None) -> Iterator[LogEvent]:
    """The events of some files, in order of time of the files; `source` is the position in `paths`."""
    log = EventLog(paths)
    for source in log.order():
        yield from log.read(source)
