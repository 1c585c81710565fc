"""What a log taught: counts, rates, heartbeats, order and values of its messages, as plain numbers.

A `Baseline` is learnt event by event, in one pass and bounded memory. It is written as JSON, goes on where it stopped,
and two of them merge (`merge`) where they were learnt with the same table of templates and the same tick.

Times are the log's own. A log without times has a clock that counts its events: a tick is then a number of events, and
pauses are told in lines.
"""

from __future__ import annotations

import bisect
import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from logllm.errors import LogllmError
from logllm.hf_datasets.events import TemplateKeys

from .quantities import Quantity
from .table import CLASSES, EventTable, severity_class

FILE_NAME = "signals.json"
VERSION = 1
SCALES = (1, 8, 64)  # ticks over which events are counted
EVENTS_A_TICK = 32  # what a tick holds on average ...
SHORTEST_TICK, LONGEST_TICK = 1.0, 300.0  # ... in seconds of these bounds
FAR = 20  # events between two of a kind that stand in two places
MOST_TOP = 32  # longest pauses and largest values that are kept of each kind
MOST_LEAST = 12  # smallest values that are kept of each number
MOST_SAMPLE = 64  # values spread over the log that are kept of each number
MOST_COUNTS = 8  # largest counts that are kept of each kind and scale
MOST_SLOTS = 8  # numbers of a message that are looked at
MOST_KINDS = 20_000
MOST_PAIRS = 200_000
MOST_OPEN_SEQUENCES = 65_536
FAR_BACK, JUMBLED = 60.0, 0.05  # seconds that a line lies before the one above, and the share of such lines
DAY, HOUR = 86_400.0, 3600.0
ZERO_BIN = -999
NO_TEMPLATE = -1  # what the first event of a sequence follows on from


@dataclass(slots=True)
class Top:
    """How values are spread: a histogram in half octaves, and the largest ones as they are.

    Attributes:
        count: values.
        bins: floor(2 log2(value)) -> values; those of zero and less are under `ZERO_BIN`.
        largest: the largest values, smallest first.
    """

    count: int = 0
    bins: dict[int, int] = field(default_factory=dict)
    largest: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        """Count one value."""
        self.count += 1
        place = math.floor(2 * math.log2(value)) if value > 0 else ZERO_BIN
        self.bins[place] = self.bins.get(place, 0) + 1
        largest = self.largest
        if len(largest) < MOST_TOP:
            bisect.insort(largest, value)
        elif value > largest[0]:
            bisect.insort(largest, value)
            del largest[0]

    def merge(self, other: Top) -> None:
        """Take in the values of another."""
        self.count += other.count
        for place, count in other.bins.items():
            self.bins[place] = self.bins.get(place, 0) + count
        self.largest = sorted([*self.largest, *other.largest])[-MOST_TOP:]

    def quantile(self, share: float) -> float:
        """The value below which this share lies, to about a fifth of itself.

        >>> top = Top()
        >>> for value in range(1, 101): top.add(float(value))
        >>> 40 < top.quantile(0.5) < 60
        True
        """
        wanted, seen = share * self.count, 0
        for place in sorted(self.bins):
            seen += self.bins[place]
            if seen >= wanted:
                return 0.0 if place == ZERO_BIN else 2.0 ** ((place + 0.5) / 2)
        return 0.0

    def to_json(self) -> list[Any]:
        """Plain values."""
        return [self.count, sorted(self.bins.items()), [_short(value) for value in self.largest]]

    @classmethod
    def from_json(cls, row: Sequence[Any]) -> Top:
        """Back from `to_json`."""
        return cls(
            int(row[0]), {int(place): int(count) for place, count in row[1]}, [float(value) for value in row[2]]
        )


@dataclass(slots=True)
class Slot:
    """A number that stands at one place of a template.

    Attributes:
        values: how they are spread.
        rises: times that it was larger than the one before.
        falls: times that it was smaller.
        last: the last value.
        smallest: the smallest values, smallest first.
        sample: every so many values, from first to last.
        stride: of which so many were passed over each time.
        quantity: what it measures; None where nobody looked.
    """

    values: Top = field(default_factory=Top)
    rises: int = 0
    falls: int = 0
    last: float = math.nan
    smallest: list[float] = field(default_factory=list)
    sample: list[float] = field(default_factory=list)
    stride: int = 1
    quantity: Quantity | None = None

    def add(self, value: float) -> None:
        """Count one value."""
        if self.values.count % self.stride == 0:
            self._keep(value)
        self.values.add(value)
        if value > self.last:
            self.rises += 1
        elif value < self.last:
            self.falls += 1
        self.last = value
        smallest = self.smallest
        if len(smallest) < MOST_LEAST or value < smallest[-1]:
            bisect.insort(smallest, value)
            del smallest[MOST_LEAST:]

    def _keep(self, value: float) -> None:
        self.sample.append(value)
        if len(self.sample) > MOST_SAMPLE:
            self.sample = self.sample[::2]
            self.stride *= 2

    def merge(self, other: Slot) -> None:
        """Take in the values of another one of later events."""
        self.values.merge(other.values)
        self.rises, self.falls, self.last = self.rises + other.rises, self.falls + other.falls, other.last
        self.smallest = sorted([*self.smallest, *other.smallest])[:MOST_LEAST]
        for value in other.sample[:: max(self.stride // other.stride, 1)]:
            self._keep(value)
        self.quantity = self.quantity or other.quantity

    def to_json(self) -> list[Any]:
        """Plain values."""
        quantity = (
            None
            if self.quantity is None
            else [_finite(part) if isinstance(part, float) else part for part in astuple(self.quantity)]
        )
        return [
            self.values.to_json(), self.rises, self.falls, _finite(self.last), [_short(value) for value in self.smallest],
            [_short(value) for value in self.sample], self.stride, quantity,
        ]  # fmt: skip

    @classmethod
    def from_json(cls, row: Sequence[Any]) -> Slot:
        """Back from `to_json`; what an earlier version wrote ends behind the last value."""
        values, rises, falls, last, *more = row
        slot = cls(Top.from_json(values), int(rises), int(falls), _nan(last))
        if more:
            smallest, sample, stride, quantity = more
            slot.smallest, slot.sample = [float(one) for one in smallest], [float(one) for one in sample]
            slot.stride = int(stride)
            if quantity is not None:
                name, unit, worth, *is_ = quantity
                slot.quantity = Quantity(str(name), str(unit), _nan(worth), *map(bool, is_))
        return slot

    @property
    def counts_up(self) -> bool:
        """Whether it is a counter, an offset or a time, whose next value is beyond all others."""
        return self.rises > 9 * self.falls


@dataclass(slots=True)
class Kind:
    """A template at one class of severity.

    Attributes:
        template: position of the template; -1 stands for the log as a whole.
        grade: class of severity that the log states, QUIET where it states none.
        count: events.
        places: stretches of the log that hold it; more than 20 events lie between two of them.
        pauses: times between two events of it, on the log's clock.
        rows: events of the log between two of it.
        squares: sum of the squares of its counts, for each of `SCALES`.
        counts: its largest counts, for each of `SCALES`.
        hours: its events by hour of the day in UTC; empty for a clock without time.
        slots: its numbers.
        first: clock at its first event.
        last: clock at its last event.
        first_row: number of its first event in the log.
        last_row: number of its last event in the log.
    """

    template: int
    grade: int
    count: int = 0
    places: int = 0
    pauses: Top = field(default_factory=Top)
    rows: Top = field(default_factory=Top)
    squares: list[float] = field(default_factory=lambda: [0.0] * len(SCALES))
    counts: list[list[int]] = field(default_factory=lambda: [[] for _ in SCALES])
    hours: list[int] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    first: float = math.nan
    last: float = math.nan
    first_row: int = 0
    last_row: int = -(10**9)
    others: int = 0  # events with another number of numbers than `slots`
    open: list[list[int]] = field(
        default_factory=lambda: [[0, 0] for _ in SCALES]
    )  # (bucket, events in it) that go on

    def see(self, clock: float, row: int) -> None:
        """Count one event."""
        self.count += 1
        if row - self.last_row > FAR:
            self.places += 1
        if self.count > 1:
            self.pauses.add(clock - self.last)
            self.rows.add(float(row - self.last_row))
        else:
            self.first, self.first_row = clock, row
        self.last, self.last_row = clock, row

    def is_local(self, events: int) -> bool:
        """Whether all its events stand near each other in a log of so many."""
        span = self.last_row - self.first_row
        return self.places <= 1 and span <= max(2 * FAR, events // 32) and self.count <= max(events // 3, 1)

    def tick(self, tick: int, count: int) -> None:
        """Count the events of one tick that is over."""
        for scale, width in enumerate(SCALES):
            at, held = self.open[scale]
            if at == tick // width:
                self.open[scale][1] = held + count
            else:
                self._close(scale)
                self.open[scale] = [tick // width, count]

    def _close(self, scale: int) -> None:
        held = self.open[scale][1]
        if held:
            self.squares[scale] += held * held
            counts = self.counts[scale]
            bisect.insort(counts, held)
            if len(counts) > MOST_COUNTS:
                del counts[0]

    def close(self) -> None:
        """Count what goes on as if it were over."""
        for scale in range(len(SCALES)):
            self._close(scale)
            self.open[scale] = [0, 0]

    def numbers(self, values: Sequence[float]) -> None:
        """Count the numbers of one event; those of events with another number of numbers than most are left out."""
        slots = self.slots
        if len(values) != len(slots):
            self.others += 1
            if 2 * self.others <= self.count:
                return
            slots[:] = [Slot() for _ in values]
            self.others = 0
        for slot, value in zip(slots[:MOST_SLOTS], values):
            if not math.isfinite(value):
                continue
            slot.add(value)

    def merge(self, other: Kind, rows: int) -> None:
        """Take in another one of later events; `rows` is how many events came before those."""
        self.count += other.count
        self.places += other.places
        self.pauses.merge(other.pauses)
        self.rows.merge(other.rows)
        self.squares = [a + b for a, b in zip(self.squares, other.squares)]
        self.counts = [sorted([*a, *b])[-MOST_COUNTS:] for a, b in zip(self.counts, other.counts)]
        if self.hours and other.hours:
            self.hours = [a + b for a, b in zip(self.hours, other.hours)]
        for mine, its in zip(self.slots, other.slots if len(other.slots) == len(self.slots) else ()):
            mine.merge(its)
        if not self.first <= other.first:
            self.first, self.first_row = other.first, other.first_row + rows
        self.last, self.last_row = other.last, other.last_row + rows

    def to_json(self) -> list[Any]:
        """Plain values; pauses of a kind that hardly occurs say nothing and are left out."""
        often = self.count > 8
        return [
            self.template, self.grade, self.count, self.places, self.pauses.to_json() if often else None,
            self.rows.to_json() if often else None, self.squares, self.counts, self.hours,
            [slot.to_json() for slot in self.slots] if often else [],
            _finite(self.first), _finite(self.last), self.first_row, self.last_row,
        ]  # fmt: skip

    @classmethod
    def from_json(cls, row: Sequence[Any]) -> Kind:
        """Back from `to_json`."""
        (
            template,
            grade,
            count,
            places,
            pauses,
            rows,
            squares,
            counts,
            hours,
            slots,
            first,
            last,
            first_row,
            last_row,
        ) = row
        return cls(
            int(template), int(grade), int(count), int(places), Top.from_json(pauses) if pauses else Top(),
            Top.from_json(rows) if rows else Top(), [float(value) for value in squares],
            [[int(value) for value in scale] for scale in counts], [int(value) for value in hours],
            [Slot.from_json(one) for one in slots],
            _nan(first), _nan(last), int(first_row), int(last_row),
        )  # fmt: skip


@dataclass
class Baseline:
    """What a log taught.

    Args:
        keys: the table of templates; it may go on growing.
        timed: whether the log has times; otherwise its clock counts events.
        tick: length of a tick on that clock.

    Attributes:
        formats: names of the formats of its files.
        files: names of its files.
        events: events learnt from.
        lines: raw lines.
        ticks: ticks that were gone through.
        span: seconds in which something was logged, long pauses left out.
        kinds: template * CLASSES + class of severity -> `Kind`.
        whole: the log as a whole.
        follows: for each way (sequence, log): template -> template that comes next -> events.
        sequences: share of the events that belong to a session, thread or component.
        threshold: log-odds from which a finding is an alarm; None where none was set.
        budget: what the threshold promises, as `decision.threshold.Budget` tells it; empty where none was set.
        json_log: whether its lines are JSON records.
        lineage: the same in all versions that `update` makes.
        version: counted up by each update.
    """

    keys: TemplateKeys
    timed: bool = True
    tick: float = 1.0
    formats: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    events: int = 0
    lines: int = 0
    ticks: int = 0
    span: float = 0.0
    kinds: dict[int, Kind] = field(default_factory=dict)
    whole: Kind = field(default_factory=lambda: Kind(NO_TEMPLATE, 0))
    follows: dict[str, dict[int, dict[int, int]]] = field(default_factory=lambda: {"sequence": {}, "log": {}})
    sequences: float = 0.0
    threshold: float | None = None
    budget: dict[str, Any] = field(default_factory=dict)
    lineage: str = ""
    version: int = 1
    json_log: bool = False

    def __post_init__(self) -> None:
        self._now = -(1 << 62)  # the tick that goes on
        self._in_tick: dict[int, int] = {}
        self._previous: dict[int | str, int] = {}
        self._before = NO_TEMPLATE
        self._pairs = sum(len(next_) for way in self.follows.values() for next_ in way.values())

    def learn(
        self, template: int, grade: int, moment: float, sequence: int | str | None, numbers: Sequence[float] = ()
    ) -> None:
        """Count one event.

        Args:
            template: position of its template in `keys`.
            grade: class of severity that the log states.
            moment: seconds since 1970; not looked at where the log has no times.
            sequence: its session, thread or component; None for none.
            numbers: the numbers of its message.
        """
        row = self.events = self.events + 1
        whole = self.whole
        clock = moment if self.timed else float(row)
        if not clock >= whole.last and whole.count:  # late, or of unknown time
            clock = whole.last
        elif clock != clock:
            return
        tick = int(clock / self.tick)
        if tick != self._now:
            self._turn(tick, clock)
        code = template * CLASSES + grade
        kind = self.kinds.get(code)
        if kind is None:
            if len(self.kinds) >= MOST_KINDS:
                return
            kind = self.kinds[code] = Kind(template, grade, hours=[0] * 24 if self.timed else [])
        kind.see(clock, row)
        whole.see(clock, row)
        if numbers:
            kind.numbers(numbers)
        if self.timed:
            hour = int(clock % DAY // HOUR)
            kind.hours[hour] += 1
            whole.hours[hour] += 1
        self._in_tick[code] = self._in_tick.get(code, 0) + 1
        self._follow("log", self._before, template)
        self._before = template
        if sequence is not None:
            self.sequences += 1
            previous = self._previous
            self._follow("sequence", previous.get(sequence, NO_TEMPLATE), template)
            previous[sequence] = template
            if len(previous) > MOST_OPEN_SEQUENCES:
                for name in list(previous)[: MOST_OPEN_SEQUENCES // 2]:
                    del previous[name]

    def _follow(self, way: str, before: int, template: int) -> None:
        table = self.follows[way]
        row = table.get(before)
        if row is None:
            row = table[before] = {}
        if template in row:
            row[template] += 1
        elif self._pairs < MOST_PAIRS:
            row[template] = 1
            self._pairs += 1

    def _turn(self, tick: int, clock: float) -> None:
        """A new tick begins."""
        if not self.whole.hours and self.timed:
            self.whole.hours = [0] * 24
        if self._in_tick:
            for code, count in self._in_tick.items():
                self.kinds[code].tick(self._now, count)
            self.whole.tick(self._now, sum(self._in_tick.values()))
            self._in_tick.clear()
            passed = tick - self._now
            self.ticks += min(passed, SCALES[-1])  # a pause of days is no time in which anything could be counted
            self.span += min(passed, SCALES[-1]) * self.tick
        self._now = tick

    def finish(self) -> Baseline:
        """Count the ticks that go on; returns itself."""
        if self._in_tick:
            self._turn(self._now + 1, self.whole.last)
        for kind in (*self.kinds.values(), self.whole):
            kind.close()
        return self

    def merge(self, other: Baseline) -> None:
        """Take in what later events taught.

        Raises:
            LogllmError: another tick, or another table of templates.
        """
        if other.tick != self.tick or other.timed != self.timed or other.keys is not self.keys:
            raise LogllmError(
                "baselines to merge must share their templates and their tick, found others: learn both with the same keys"
            )
        for code, kind in other.kinds.items():
            if code in self.kinds:
                self.kinds[code].merge(kind, self.events)
            elif len(self.kinds) < MOST_KINDS:
                self.kinds[code] = Kind.from_json(kind.to_json())
                self.kinds[code].first_row += self.events
                self.kinds[code].last_row += self.events
        self.whole.merge(other.whole, self.events)
        for way, table in other.follows.items():
            for before, row in table.items():
                mine = self.follows[way].setdefault(before, {})
                for template, count in row.items():
                    mine[template] = mine.get(template, 0) + count
        self.events += other.events
        self.lines += other.lines
        self.ticks += other.ticks
        self.span += other.span
        self.sequences += other.sequences
        self.files += [name for name in other.files if name not in self.files]
        self.formats = sorted({*self.formats, *other.formats})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "version": VERSION,
            "keys": self.keys.to_json(),
            "timed": self.timed,
            "tick": self.tick,
            "formats": self.formats,
            "files": self.files,
            "events": self.events,
            "lines": self.lines,
            "ticks": self.ticks,
            "span": self.span,
            "kinds": [kind.to_json() for kind in self.kinds.values()],
            "whole": self.whole.to_json(),
            "follows": {
                way: [[before, sorted(row.items())] for before, row in table.items()]
                for way, table in self.follows.items()
            },
            "sequences": self.sequences,
            "threshold": self.threshold,
            "budget": self.budget,
            "lineage": self.lineage,
            "fits": self.version,
            "json_log": self.json_log,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Baseline:
        """Back from `to_json`.

        Raises:
            LogllmError: values that `to_json` did not write.
        """
        try:
            if values["version"] != VERSION:
                raise LogllmError(
                    f"a baseline must be of version {VERSION}, found version {values['version']!r}: fit again"
                )
            kinds = [Kind.from_json(row) for row in values["kinds"]]
            return cls(
                TemplateKeys.from_json(values["keys"]),
                bool(values["timed"]),
                float(values["tick"]),
                [str(name) for name in values["formats"]],
                [str(name) for name in values["files"]],
                int(values["events"]),
                int(values["lines"]),
                int(values["ticks"]),
                float(values["span"]),
                {kind.template * CLASSES + kind.grade: kind for kind in kinds},
                Kind.from_json(values["whole"]),
                {
                    way: {int(before): {int(a): int(b) for a, b in row} for before, row in table}
                    for way, table in values["follows"].items()
                },
                float(values["sequences"]),
                None if values["threshold"] is None else float(values["threshold"]),
                dict(values["budget"]),
                str(values["lineage"]),
                int(values["fits"]),
                bool(values["json_log"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, LogllmError):
                raise
            raise LogllmError(f"a baseline must be what `logllm fit` wrote, found {error!r}: fit again") from error

    def save(self, folder: str | Path) -> Path:
        """Write `signals.json` into a folder, whole or not at all, with the mode that the umask gives."""
        path = Path(folder) / FILE_NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.to_json(), separators=(",", ":")) + "\n"
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as stream:
            stream.write(text)
        os.chmod(stream.name, 0o666 & ~_umask())
        os.replace(stream.name, path)
        return path

    @classmethod
    def load(cls, folder: str | Path) -> Baseline | None:
        """Read `signals.json`; None where the folder has none.

        Raises:
            LogllmError: a file that cannot be read, or that `save` did not write.
        """
        path = Path(folder) / FILE_NAME
        try:
            text = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError as error:
            raise LogllmError(
                f"{path} must be readable for the user that runs this (uid {os.getuid()}), found no permission: give it with "
                f"`chmod -R a+rX {path.parent}`, or change its owner"
            ) from error
        try:
            values = json.loads(text)
        except ValueError as error:
            raise LogllmError(f"{path} must be what `logllm fit` wrote, found {error}: fit again") from error
        return cls.from_json(values)


def tick_of(table: EventTable) -> tuple[bool, float]:
    """(whether a log is judged by its times, length of a tick) of a log."""
    times = table.timestamp[~np.isnan(table.timestamp)]
    if len(times) < 0.5 * len(table) or len(times) < 2 or _is_jumbled(table):
        return False, float(EVENTS_A_TICK)
    steps = np.diff(times)
    pause = float(np.quantile(steps, 0.99)) * 10 + 1  # long pauses are no pace
    seconds = float(np.clip(steps, 0, pause).sum())
    return True, min(max(EVENTS_A_TICK * seconds / len(times), SHORTEST_TICK), LONGEST_TICK)


def _is_jumbled(table: EventTable) -> bool:
    """Whether the lines of the files are not in order of time: a clock that jumps tells neither rates nor silences."""
    order = np.lexsort((table.number, table.source))
    back = np.diff(table.timestamp[order]) < -FAR_BACK
    return float((back & (np.diff(table.source[order]) == 0)).mean()) > JUMBLED


def rows_of(
    table: EventTable, first: int = 0, last: int | None = None
) -> Iterator[tuple[int, int, float, int | None, list[float]]]:
    """(template, class of severity, time, sequence, numbers) of the events of a table."""
    part = slice(first, last)
    grades = severity_class(table.severity[part]).tolist()
    sequences = table.sequence[part].tolist()
    times = table.timestamp[part].tolist()
    numbers, starts, counts = table.numbers, table.numbers_start[part].tolist(), table.numbers_count[part].tolist()
    templates = table.kind_template[table.kind[part]].tolist()
    for at, (template, grade) in enumerate(zip(templates, grades)):
        held: list[float] = []
        if numbers is not None and counts[at]:
            held = numbers[starts[at] : starts[at] + counts[at]].tolist()
        yield template, grade, times[at], sequences[at] if sequences[at] >= 0 else None, held


def learn_rows(baseline: Baseline, rows: Iterable[tuple[int, int, float, int | None, Sequence[float]]]) -> None:
    """Learn from rows as `rows_of` gives them."""
    for template, grade, moment, sequence, numbers in rows:
        baseline.learn(template, grade, moment, sequence, numbers)


def _umask() -> int:
    held = os.umask(0o022)
    os.umask(held)
    return held


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _nan(value: Any) -> float:
    return math.nan if value is None else float(value)
