"""A log as it grows, as columns of events, at the pace of `EventLog`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .event import EventBatch, LogEvent
from .guess import guess_plan
from .inputs import Block, LogInput
from .log import fixed_row
from .names import NameTable
from .reader import FileReader, Part
from .templates import TemplateKeys
from .times import Clock

FIRST_LINES, AGAIN_LINES = 25, 400  # from which the format is guessed, and guessed again
MOST_SEQUENCES = 200_000


@dataclass(slots=True)
class LiveBatch:
    """Events that became whole at once.

    Attributes:
        columns: the events; `number` counts all lines since the stream began.
    """

    columns: EventBatch
    _reader: FileReader
    _part: Part

    def events(self, numbers: Iterable[int]) -> dict[int, LogEvent]:
        """Whole events, by the numbers of their first lines."""
        wanted = set(numbers)
        return {event.number: event for event in self._reader.events(self._part, wanted.__contains__)}


class LiveEvents:
    """Lines go in, some at a time; events come out as columns when they are whole.

    Args:
        keys: table of templates, which goes on growing.
        format: name or file of a format row; None guesses from the first lines.
        seconds: an event that gets no further line for so long is whole.

    Attributes:
        waiting: lines that are in no whole event yet.
        number: number of the first of them, from 1.
        forgets: how often the names of sequences began anew, because there were too many.
    """

    def __init__(self, keys: TemplateKeys, format: str | None = None, seconds: float = 2.0):
        self.keys, self.seconds = keys, seconds
        self._row = fixed_row(format)
        self._reader: FileReader | None = None
        self._clock: Clock | None = None
        self._history: list[str] = []
        self._settled = False
        self._since = -math.inf
        self.waiting: list[str] = []
        self.number = 1
        self.forgets = 0

    def feed(self, lines: Sequence[str], now: float) -> Iterator[LiveBatch]:
        """Take in lines, without their ends, at the moment `now` (seconds); the events that are whole by it."""
        if not lines:
            return
        self.waiting += lines
        self._since = now
        if len(self._history) < AGAIN_LINES:
            self._history += lines[: AGAIN_LINES - len(self._history)]
        if self._reader is None and len(self._history) < FIRST_LINES:
            return
        yield from self._work(False, now)

    def flush(self, now: float) -> Iterator[LiveBatch]:
        """The events that have waited long enough at the moment `now`; all with `now=math.inf`."""
        if self.is_due(now):
            yield from self._work(True, now)

    def is_due(self, now: float) -> bool:
        """Whether `flush` would give anything."""
        return bool(self.waiting) and now - self._since >= self.seconds

    def _work(self, last: bool, now: float) -> Iterator[LiveBatch]:
        written = now if math.isfinite(now) and now > 1e8 else LogInput("-").written
        if self._reader is None or (not self._settled and len(self._history) >= AGAIN_LINES):
            self._settled = len(self._history) >= AGAIN_LINES
            plan = guess_plan([self._history], written, self._row)
            sequences = self._reader.sequences if self._reader is not None else NameTable()
            self._reader = FileReader(LogInput("-"), plan, 0, self.keys, sequences, True)
            self._clock = self._clock or Clock(written)
        reader, clock = self._reader, self._clock
        assert reader is not None and clock is not None
        clock.written = max(clock.written, written)
        if len(reader.sequences) > MOST_SEQUENCES:
            reader.sequences.clear()
            self.forgets += 1
        raw = "\n".join(self.waiting).encode("utf-8", "replace") + b"\n"
        part, used, _ = reader.part(Block(raw, None, last), self.number, clock)
        self.number += used
        del self.waiting[:used]
        if len(part.starts):
            yield LiveBatch(reader.batch(part), reader, part)

    def state(self) -> dict[str, Any]:
        """What `resume` takes, as plain JSON values; the table of templates is not in it."""
        return {
            "history": self._history, "settled": self._settled, "waiting": self.waiting, "number": self.number,
            "since": self._since if math.isfinite(self._since) else None,
        }  # fmt: skip

    def resume(self, values: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._history, self.waiting = list(values["history"]), list(values["waiting"])
        self.number = int(values["number"])
        self._since = -math.inf if values["since"] is None else float(values["since"])
