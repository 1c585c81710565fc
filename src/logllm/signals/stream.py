"""Events judged one by one, as they come, against what a `Baseline` holds: the five questions of a scan, by a clock.

Departures from a scan, which sees the whole log at once:
- Rates and silences are told by the clock. `pass_time` moves it on where no line comes, so that a heartbeat that stops
  is a finding although nothing arrives.
- A finding is open for as long as its signals go on. It is told once when it begins, again at most once in a cooldown
  with the new count, and, for a silence, when it ends.
- What an event costs does not depend on the size of the baseline: a few dictionary look-ups. All that is slow happens
  where something stands out, or once a tick.
"""

from __future__ import annotations

import bisect
import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logllm.hf_datasets.events import LogEvent, TemplateKeys

from . import tails
from .baseline import DAY, FAR, HOUR, MOST_OPEN_SEQUENCES, NO_TEMPLATE, SCALES, Baseline, Kind
from .candidates import STATED, WORDED
from .table import CLASS_NAMES, CLASSES, ERRONEOUS, QUIET, WARNING
from .weights import COMBINED, THRESHOLD, WEIGHTS
from .words import fault_class

MOST_COOLDOWNS = 144.0
COOLDOWN = 600.0  # seconds between two messages about one finding
MOST_CHAIN = 200  # events over which near signals are one finding
MOST_OPEN = 1000  # findings that are open at once
MOST_REASONS = 5
MOST_TOLD = 10_000
LEAST_BURST = 10
LEAST_WINDOWS = 8  # windows of a scale that a rate must rest on
LEAST_PAUSES = 15
LEAST_VALUES = 60
STEP = 1.5  # nats by which an open finding must grow to be told again before its cooldown is over
JUMP = 6 * HOUR  # forwards, or an hour backwards: believed when several events in a row say so
BACKWARDS, BELIEVED = HOUR, 5
UNSEEN = 0.3  # added to how often the baseline saw what is as surprising
NEVER = math.inf
_PAIR = 1 << 24


@dataclass(slots=True)
class Signal:
    """One question's answer about one event or pause.

    Attributes:
        question: new, grave, unexpected, missing, burst, drop, silence or value.
        nats: evidence, as in `tails`.
        prior: prior odds by severity, in nats.
        reason: why, in one sentence.
        code: which kind it is about, -1 for the log as a whole.
    """

    question: str
    nats: float
    prior: float
    reason: str
    code: int

    @property
    def strength(self) -> float:
        """Log-odds."""
        return WEIGHTS[self.question] * self.nats + WEIGHTS["prior"] * self.prior


@dataclass
class StreamFinding:
    """One thing to look at, while it lasts.

    Attributes:
        key: what `logllm ok` calls it.
        kind: question of its strongest signal.
        score: log-odds.
        severity: class of severity of the leading event.
        reason: why, in one sentence.
        number: number of the first line of the leading event; of a silence, of the last event before it.
        lines: raw lines of the leading event.
        message: its message.
        count: how many events it stands for.
        first: clock at the first one.
        last: clock at the last one.
        status: open, update or ended, as it was told last.
        update: how often it was told, from 0.
        also: other reasons near it.
        row: number of its last event in the stream.
        begun: number of its first event in the stream.
        codes: the kinds that belong to it.
    """

    key: str
    kind: str
    score: float
    severity: int
    reason: str
    number: int
    lines: list[str]
    message: str
    count: int
    first: float
    last: float
    row: int
    begun: int
    codes: list[int]
    status: str = "open"
    update: int = 0
    also: list[str] = field(default_factory=list)
    told_at: float = 0.0
    told_count: int = 0
    told_score: float = 0.0
    early: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(slots=True)
class _Live:
    """What goes on with one kind, and the limits beyond which it stands out."""

    code: int
    kind: Kind | None
    grade: int = QUIET
    worded: bool = False
    now: int = 0  # events in this tick
    limit: float = NEVER  # ... of which so many stand out
    limits: list[float] = field(default_factory=list)  # by scale
    buckets: list[list[int]] = field(default_factory=lambda: [[-1, 0] for _ in SCALES])
    last: float = 0.0
    row: int = 0
    number: int = 0  # of the first line of its last event
    pause: float = NEVER  # longest usual one, on the clock
    rows: float = 0.0  # ... and in events
    regular: bool = False
    away: bool = False
    waits: bool = False  # for a deadline in the heap
    rare: Signal | None = None  # what each event of it says
    slots: tuple[float, ...] = ()  # values beyond which a number stands out


Told = list[StreamFinding]
_NOTHING: Told = []


class StreamJudge:
    """Judges a stream of events.

    Args:
        baseline: what is usual.
        threshold: log-odds from which a finding is told; the baseline's where it is not given.
        order: whether the order of messages is judged; a model may do that better.
        cooldown: seconds between two messages about one finding.
        is_fine: whether somebody has called a finding fine, by its key, its leading message and its first line.
    """

    def __init__(
        self,
        baseline: Baseline,
        threshold: float | None = None,
        *,
        order: bool = True,
        cooldown: float = COOLDOWN,
        is_fine: Callable[[str, str, str], bool] | None = None,
    ):
        self.baseline, self.keys = baseline, baseline.keys
        own = baseline.threshold if baseline.threshold is not None else THRESHOLD
        self.threshold = own if threshold is None else threshold
        self.order, self.cooldown = order, cooldown
        self.is_fine = is_fine or (lambda key, message, line: False)
        self.suppressed = 0
        self.row, self.clock, self.wall = 0, -math.inf, 0.0
        self.new_events = 0
        self.open: dict[str, StreamFinding] = {}
        self.told: dict[str, float] = {}  # key -> findings of late: what comes again and again is less news each time
        self._tick = -1
        self._touched: list[_Live] = []
        self._before = NO_TEMPLATE
        self._event_of: Callable[[int], LogEvent] | None = None
        self._number = 0
        self._previous: dict[int | str, int] = {}
        self._deadlines: list[tuple[float, int]] = []
        self._strange: list[float] = []  # times of events far from the clock
        self._incident: StreamFinding | None = None
        self._of_code: dict[int, StreamFinding] = {}
        self._known = len(self.keys)
        # Templates of one text are one: the table may hold it twice.
        self._by_text: dict[str, int] = {}
        self._same: list[int] = []
        self.canonical(len(self.keys) - 1)
        self._met = [0.0] * CLASSES
        self._prepare()

    # --- What is usual -----------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Limits of every kind, so that judging an event is comparing."""
        baseline = self.baseline
        kinds = baseline.kinds
        self._first = dict.fromkeys(range(CLASSES), 0)
        self._rare = dict.fromkeys(range(CLASSES), 0)
        self.lives: dict[int, _Live] = {}
        stated = {code // CLASSES for code in kinds if code % CLASSES != QUIET}
        self._words = {word for text in self.keys.texts() for word in text.split() if word != "<*>"}
        frequent = [kind for kind in kinds.values() if self._is_frequent(kind)]
        self._frequent_cost = math.log(max(len(frequent), 1))
        self._kinds_cost = math.log(max(len(kinds), 1))
        for code, kind in kinds.items():
            worded = kind.grade == QUIET and kind.template not in stated
            grade = fault_class(self.keys.text(kind.template)) if worded else kind.grade
            live = self.lives[code] = _Live(code, kind, grade, worded and grade > QUIET)
            if kind.is_local(baseline.events):
                self._first[grade] += 1
            elif 1 < kind.places <= 10:
                self._rare[grade] += 1
            self._limit_rate(live)
            if self._is_frequent(kind):
                self._limit_pause(live)
            self._limit_values(live)
        for live in self.lives.values():
            live.rare = self._rare_grave(live)
        self.whole = _Live(-1, baseline.whole)
        self._limit_rate(self.whole)
        self._limit_whole_pause()
        self.frequent = [
            live for live in self.lives.values() if live.kind is not None and self._expected(live, 2) >= 20
        ]
        self._prepare_order()

    def _is_frequent(self, kind: Kind) -> bool:
        whole = self.baseline.whole
        return kind.pauses.count >= LEAST_PAUSES and kind.last - kind.first >= 0.25 * (whole.last - whole.first)

    def _expected(self, live: _Live, scale: int) -> float:
        """Events that are usual in a window of a scale."""
        kind = live.kind
        return 0.0 if kind is None else kind.count * SCALES[scale] / max(self.baseline.ticks, 1)

    def _limit_rate(self, live: _Live) -> None:
        kind = live.kind
        assert kind is not None
        live.limits = []
        for scale, width in enumerate(SCALES):
            windows = self.baseline.ticks / width
            most = kind.counts[scale][-1] if kind.counts[scale] else 0
            enough = windows >= LEAST_WINDOWS
            live.limits.append(max(LEAST_BURST, 2 * most + 1, 4 * self._expected(live, scale)) if enough else NEVER)
        live.limit = live.limits[0]

    def _limit_pause(self, live: _Live) -> None:
        """The pause of a kind that comes often, beyond which it is away: `tails.beyond`, solved for the value."""
        kind = live.kind
        assert kind is not None
        need = max(self.threshold, THRESHOLD) / WEIGHTS["silence"] + self._frequent_cost
        middle = kind.pauses.quantile(0.5)
        spread = kind.pauses.quantile(0.9) - kind.pauses.quantile(0.1)
        live.regular = middle > 0 and spread <= 0.6 * middle and self.baseline.timed
        mean = (kind.last - kind.first) / max(kind.pauses.count, 1)
        if live.regular:
            live.pause = max(_solved(kind.pauses.largest, need, 0.1 * middle), 2.5 * middle)
            return
        live.pause = max(_solved(kind.pauses.largest, need, mean), 2 * kind.pauses.largest[-1])
        rows = sum(kind.rows.largest) / len(kind.rows.largest)
        usual = self.baseline.events / max(kind.count, 1)
        live.rows = max(_solved(kind.rows.largest, need, max(usual, 0.1 * rows)), 2 * kind.rows.largest[-1], 30)

    def _limit_whole_pause(self) -> None:
        whole = self.baseline.whole
        top = whole.pauses.largest
        if not self.baseline.timed or whole.pauses.count < 30 or len(top) < 4:
            return
        middle = max(whole.pauses.quantile(0.5), 1e-3)
        need = max(self.threshold, THRESHOLD) / WEIGHTS["silence"]
        scale = max(0.1 * middle, 0.25 * top[-4])
        self.whole.pause = max(_solved(top, need, scale), 3 * top[-4], 1.5 * top[-1], 10 * middle, 1.0)

    def _limit_values(self, live: _Live) -> None:
        kind = live.kind
        assert kind is not None
        limits: list[float] = []
        for slot in kind.slots:
            top = slot.values.largest
            if slot.values.count < LEAST_VALUES or slot.counts_up or not top or top[-1] <= 0:
                limits.append(NEVER)
            else:
                limits.append(max(5 * top[-1], 20 * slot.values.quantile(0.5)))
        live.slots = tuple(limits) if any(limit < NEVER for limit in limits) else ()

    def _rare_grave(self, live: _Live) -> Signal | None:
        """What an event of a grave kind says that the baseline holds in a few places only."""
        kind, grade = live.kind, live.grade
        if kind is None or grade < ERRONEOUS or kind.places >= 4:
            return None
        near = self._first[grade] - (kind.places <= 1)
        rare = self._rare[grade] - (kind.places > 1)
        nats = tails.at_least_one(tails.expected_new(near, rare) * tails.harmonic(kind.places + 1))
        prior = _prior(grade, live.worded, near)
        times = "once" if kind.count == 1 else f"{kind.count:,} times"
        reason = f"{_level(grade, live.worded)}that was seen {times} among {self.baseline.events:,} events"
        return Signal("grave", max(nats - math.log(kind.places + 1), 0.0), prior, reason, live.code)

    def _prepare_order(self) -> None:
        """How surprising each known pair is, and which surprises are usual."""
        baseline = self.baseline
        self._way = "sequence" if baseline.sequences > 0.3 * max(baseline.events, 1) else "log"
        self._usual_pairs: set[int] = set()
        self._tail_surprise: list[float] = []
        self._tail_count: list[int] = []
        self._fixed: dict[str, dict[int, int]] = {}
        self._breaks = dict.fromkeys(baseline.follows, 0)
        if not self.order:
            return
        counts: dict[int, int] = {}
        for kind in baseline.kinds.values():
            counts[kind.template] = counts.get(kind.template, 0) + kind.count
        self._unigram = counts
        for way, table in baseline.follows.items():
            fixed = self._fixed[way] = {}
            for before, row in table.items():
                total = sum(row.values())
                top = max(row, key=lambda template: row[template])
                if before != NO_TEMPLATE and total >= 20 and row[top] >= max(0.9 * total, total - 12):
                    fixed[before] = top
                    self._breaks[way] += total - row[top]
        seen: dict[float, int] = {}
        table = baseline.follows[self._way]
        pairs: list[tuple[int, float]] = []
        for before, row in table.items():
            total = sum(row.values())
            for template, count in row.items():
                # Each event's surprise if the baseline had not held it: what an event of the same log to come would have.
                without = self._surprise_of(row, total, template, count - 1)
                seen[without] = seen.get(without, 0) + count
                pairs.append((before * _PAIR + template, self._surprise_of(row, total, template, count)))
        events = 0
        for surprise in sorted(seen, reverse=True):
            events += seen[surprise]
            self._tail_surprise.append(-surprise)
            self._tail_count.append(events)
        need = self.threshold / WEIGHTS["unexpected"]
        self._usual_pairs = {pair for pair, surprise in pairs if self._order_nats(surprise) < need}

    def _surprise_of(self, row: dict[int, int], total: int, template: int, count: int) -> float:
        """Minus the log of the probability of what comes next: absolute discounting, backing off to how often it comes."""
        left = 0.75 * len(row) / total
        alone = (self._unigram.get(template, 0) + 0.5) / (self.baseline.events + 0.5 * len(self._unigram) + 1)
        return -math.log(max(count - 0.75, 0.0) / total + left * alone)

    def _order_nats(self, surprise: float) -> float:
        """Minus the log of how many events as surprising the baseline would give."""
        at = bisect.bisect_right(self._tail_surprise, -surprise)
        if at:
            return -math.log(self._tail_count[at - 1] + UNSEEN)
        most = -self._tail_surprise[0] if self._tail_surprise else 0.0
        return -math.log(UNSEEN) + min(surprise - most, 5.0)

    # --- An event ----------------------------------------------------------------------------------------------------

    def observe(
        self,
        template: int,
        grade: int,
        moment: float | None,
        sequence: int | str | None = None,
        numbers: Sequence[float] = (),
    ) -> Told:
        """Judge one event; the findings that begin with it or are to be told again.

        Args:
            template: position of its template in the baseline's keys.
            grade: class of severity that the log states.
            moment: seconds since 1970; None where it is not known.
            sequence: its session, thread or component.
            numbers: the numbers of its message.
        """
        row = self.row = self.row + 1
        clock = (moment if moment is not None else math.nan) if self.baseline.timed else float(row)
        if not self.clock <= clock <= self.clock + JUMP:
            clock = self._strange_time(clock)
        told: Told = _NOTHING
        if self._deadlines and self._deadlines[0][0] < clock:
            told = self._expire(clock)
        tick = int(clock / self.baseline.tick)
        if tick != self._tick:
            told = told + self._turn(tick, clock)
        self.clock = clock
        code = template * CLASSES + grade
        live = self.lives.get(code)
        signals: list[Signal] | None = None
        if live is None:
            live, met = self._meet(code, template, grade)
            signals = [met] if met is not None else None
        live.now += 1
        if live.now == 1:
            self._touched.append(live)
        if live.now >= live.limit:
            signals = self._add(signals, self._burst(live))
            live.limit = 2 * live.now  # look again when it has doubled
        if live.away or self.whole.away:
            told = told + self._back(live, clock)
        live.last, live.row, live.number = clock, row, self._number
        self.whole.last, self.whole.number = clock, self._number
        if not live.waits and live.pause < NEVER:
            live.waits = True
            heapq.heappush(self._deadlines, (clock + live.pause, code))
        known = self._of_code.get(code)
        if known is not None:
            known.count += 1
            known.last = clock
            known.row = row
        elif live.rare is not None and signals is None:
            signals = [live.rare]
        if self.order:
            signals = self._in_order(template, sequence, code, signals)
        if live.slots and len(numbers) == len(live.slots):
            for place, (value, limit) in enumerate(zip(numbers, live.slots)):
                if value > limit:
                    signals = self._add(signals, self._value(live, place, value))
        if signals:
            told = told + self._found(signals, live, True)
        return told

    def observe_all(
        self,
        numbers: Sequence[int],
        templates: Sequence[int],
        grades: Sequence[int],
        times: Sequence[float | None],
        sequences: Sequence[int],
        values: NDArray[np.float64],
        starts: Sequence[int],
        event_of: Callable[[int], LogEvent],
    ) -> Told:
        """Judge events given as columns; `event_of` gives the whole event that begins at a line number."""
        told: Told = []
        observe, same, lives = self.observe, self._same, self.lives
        self._event_of = event_of
        for at, template in enumerate(templates):
            if template >= len(same):
                self.canonical(template)
            template = same[template]
            sequence = sequences[at]
            held: Sequence[float] = ()
            live = lives.get(template * CLASSES + grades[at])
            if live is not None and live.slots:
                held = values[starts[at] : starts[at + 1]].tolist()[: len(live.slots) + 1]
            self._number = numbers[at]
            found = observe(template, grades[at], times[at], sequence if sequence >= 0 else None, held)
            if found:
                told += found
        self._event_of = None
        return told

    def forget_sequences(self) -> None:
        """The positions of sequences mean others from now on."""
        self._previous.clear()

    def grown_keys(self, keys: TemplateKeys) -> TemplateKeys:
        """Take a table that has grown since the baseline was written, in place of the baseline's."""
        self.keys = self.baseline.keys = keys
        self.canonical(len(keys) - 1)
        return keys

    def canonical(self, position: int) -> int:
        """The position of the first template with the text of this one; a table may hold a text twice."""
        same = self._same
        while len(same) <= position:
            same.append(self._by_text.setdefault(self.keys.text(len(same)), len(same)))
        return same[position]

    @staticmethod
    def _add(signals: list[Signal] | None, one: Signal | None) -> list[Signal] | None:
        if one is None:
            return signals
        return [one] if signals is None else [*signals, one]

    def _strange_time(self, clock: float) -> float:
        """The clock for an event whose time is before it, far ahead or unknown; several in a row are believed."""
        if clock != clock:
            return self.clock if self.clock > -math.inf else 0.0
        if self.clock <= 0.0:
            self._start(clock)
            return clock
        if self.clock - BACKWARDS <= clock <= self.clock:
            self._strange.clear()
            return self.clock
        self._strange.append(clock)
        if len(self._strange) < BELIEVED:
            return self.clock
        self._strange.clear()
        if clock < self.clock:  # the log begins anew: what is waited for is waited for from now on
            self._start(clock)
        return clock

    def _start(self, clock: float) -> None:
        """Wait for everything that comes regularly, from this moment on."""
        self.clock, self._tick = clock, int(clock / self.baseline.tick)
        self._touched.clear()
        self._deadlines.clear()
        for live in (*self.lives.values(), self.whole):
            live.last, live.row, live.now, live.waits = clock, self.row, 0, False
            if live.pause < NEVER and (live.regular or live is self.whole):
                live.waits = True
                self._deadlines.append((clock + live.pause, live.code))
        heapq.heapify(self._deadlines)

    # --- The questions -----------------------------------------------------------------------------------------------

    def _meet(self, code: int, template: int, grade: int) -> tuple[_Live, Signal | None]:
        """A kind that the baseline does not hold."""
        baseline = self.baseline
        own, by_words = grade, False
        if grade == QUIET:
            event = self._whole_event()
            if event is None or not event.severity:
                text = self.keys.text(template) if event is None else "\n".join(event.lines[:40])
                own = fault_class(text)
                by_words = own > QUIET
        live = self.lives[code] = _Live(code, None, own, by_words, last=self.clock, row=self.row)
        near = self._first[own] + self._met[own]
        self._met[own] += 1
        nats = tails.at_least_one(tails.expected_new(near, self._rare[own]))
        prior = _prior(own, by_words, near)
        if own <= WARNING:
            words = {word for word in self.keys.text(template).split() if word != "<*>"}
            unseen = len(words - self._words)
            nats *= 0.2 if not unseen else min(0.25 + 0.2 * unseen, 1.0)
            nats += 0.08 * min(unseen, 8)
            if baseline.events < 200:
                nats -= 2.0 * (200 - baseline.events) / 160
        if own >= ERRONEOUS:
            # Each further one says less; what was told is not told anew at every event.
            again = tails.at_least_one(tails.expected_new(near + 1, self._rare[own]) * tails.harmonic(2)) - math.log(2)
            live.rare = Signal(
                "grave", max(again, 0.0), prior, f"{_level(own, by_words)}that the baseline does not hold", code
            )
        known = any(template * CLASSES + other in baseline.kinds for other in range(CLASSES) if other != grade)
        what = (
            "at a level that this message never had"
            if known
            else f"that was never seen among {baseline.events:,} events"
        )
        return live, Signal("new", max(nats, 0.0), prior, f"{_level(own, by_words)}{what}", code)

    def grade_of(self, template: int, grade: int) -> tuple[int, bool]:
        """(class of severity of a kind that was met, whether the baseline does not hold it)."""
        live = self.lives[template * CLASSES + grade]
        return live.grade, live.kind is None

    def is_open(self, template: int, grade: int, threshold: float) -> bool:
        """Whether a kind states a fault and belongs to an open finding that reaches a threshold."""
        code = template * CLASSES + grade
        finding = self._of_code.get(code)
        return finding is not None and self.lives[code].grade >= ERRONEOUS and finding.score > threshold

    def strength_of_new(self, grade: int) -> float:
        """Log-odds of a message of a stated class of severity that was never seen."""
        near = self._first[grade] + self._met[grade]
        nats = tails.at_least_one(tails.expected_new(near, self._rare[grade]))
        return WEIGHTS["new"] * nats + WEIGHTS["prior"] * _prior(grade, False, near)

    def _burst(self, live: _Live) -> Signal | None:
        """Whether a kind comes far more often than ever, by time and by its share of the log."""
        kind = live.kind
        if kind is None:
            return None
        baseline = self.baseline
        best, words = 0.0, ""
        for scale, width in enumerate(SCALES):
            bucket, held = live.buckets[scale]
            found = live.now + (held if bucket == self._tick // width else 0)
            if found < live.limits[scale]:
                continue
            windows = baseline.ticks / width
            usual = self._expected(live, scale) * self._hour(live)
            spread = max(1.0, (kind.squares[scale] / windows - usual * usual) / max(usual, 1e-9) if usual else 1.0)
            nats = float(tails.too_many(found / spread, usual / spread))
            if live is not self.whole:
                bucket, held = self.whole.buckets[scale]
                all_events = self.whole.now + (held if bucket == self._tick // width else 0) + live.now
                by_share = kind.count / max(baseline.events, 1) * all_events
                nats = min(nats, float(tails.too_many(found / spread, by_share / spread)))
            nats -= math.log(windows) + self._kinds_cost
            if nats > best:
                span = (
                    tails.duration(width * baseline.tick) if baseline.timed else f"{width * baseline.tick:,.0f} lines"
                )
                each = f"{usual:.2g}" if usual < 10 else f"{usual:,.0f}"
                most = kind.counts[scale][-1] if kind.counts[scale] else 0
                best = nats
                words = f"{found:,} times within {span}, where {each} are usual and {most:,} the most so far"
        return Signal("burst", min(best, 60.0), 0.0, words, live.code) if best > 0 else None

    def _hour(self, live: _Live) -> float:
        """How much more than on average of the day comes at this hour; 1 where the baseline spans less than two days."""
        kind = live.kind
        whole = self.baseline.whole
        if kind is None or not kind.hours or whole.last - whole.first < 2 * DAY or kind.count < 200:
            return 1.0
        share = kind.hours[int(self.clock % DAY // HOUR)] * 24 / kind.count
        return max(share, 0.25)

    def _drops(self, passed: int) -> list[tuple[Signal, _Live]]:
        """Kinds that came far less often than usual in the longest window that is just over."""
        found: list[tuple[Signal, _Live]] = []
        baseline = self.baseline
        windows = baseline.ticks / SCALES[2]
        if windows < LEAST_WINDOWS or not self.frequent:
            return found
        bucket, everything = self.whole.buckets[2]
        if bucket != passed:
            return found  # nothing at all came: a silence of the whole log
        for live in self.frequent:
            kind = live.kind
            assert kind is not None
            at, count = live.buckets[2]
            count = count if at == passed else 0
            usual = min(self._expected(live, 2) * self._hour(live), kind.count / baseline.events * everything)
            if count >= 0.5 * usual or usual < 20 or live.away:
                continue
            mean = self._expected(live, 2)
            spread = max(1.0, (kind.squares[2] / windows - mean * mean) / mean)
            nats = (usual - count + (count * math.log(count / usual) if count else 0.0)) / spread
            nats -= math.log(windows) + self._frequent_cost
            if nats > 0:
                span = (
                    tails.duration(SCALES[2] * baseline.tick)
                    if baseline.timed
                    else f"{SCALES[2] * baseline.tick:,.0f} lines"
                )
                reason = f"{count:,} times within {span}, where {usual:,.0f} are usual"
                found.append((Signal("drop", min(nats, 40.0), 0.0, reason, live.code), live))
        return found

    def _in_order(
        self, template: int, sequence: int | str | None, code: int, signals: list[Signal] | None
    ) -> list[Signal] | None:
        before, self._before = self._before, template
        fixed = self._fixed["log"].get(before, template)
        if fixed != template:
            signals = self._add(signals, self._broken("log", before, template, fixed, code))
        if self._way == "sequence":
            if sequence is None:
                return signals
            previous = self._previous
            before = previous.get(sequence, NO_TEMPLATE)
            previous[sequence] = template
            if len(previous) > MOST_OPEN_SEQUENCES:
                for name in list(previous)[: MOST_OPEN_SEQUENCES // 2]:
                    del previous[name]
            fixed = self._fixed["sequence"].get(before, template)
            if fixed != template:
                signals = self._add(signals, self._broken("sequence", before, template, fixed, code))
        if before * _PAIR + template in self._usual_pairs or template >= self._known:
            return signals
        row = self.baseline.follows[self._way].get(before)
        if not row:
            return signals
        surprise = self._surprise_of(row, sum(row.values()), template, row.get(template, 0))
        nats = self._order_nats(surprise)
        if WEIGHTS["unexpected"] * nats < self.threshold:
            return signals
        total, count = sum(row.values()), row.get(template, 0)
        top = max(row, key=lambda one: row[one])
        what = "the sequence begins with" if before == NO_TEMPLATE else f'"{self._short(before)}" is followed by'
        often = "never" if not count else f"{count:,} of {total:,} times"
        reason = f'{what} this message {often}; mostly (in {row[top]:,} of {total:,}) comes "{self._short(top)}"'
        return self._add(signals, Signal("unexpected", nats, 0.0, reason, code))

    def _broken(self, way: str, before: int, template: int, fixed: int, code: int) -> Signal | None:
        """A fixed order that is broken."""
        if template >= self._known:
            return None  # a new message says more than that it stands between two others
        row = self.baseline.follows[way][before]
        total = sum(row.values())
        if template in row and row[template] > 2:
            return None
        nats = tails.at_least_one(tails.expected_new(self._breaks[way], 0)) + 0.3 * math.log(total / 20)
        missing = self._fixed[way].get(fixed) == template
        text = f'"{self._short(fixed)}" follows "{self._short(before)}" in {row[fixed]:,} of {total:,} cases'
        reason = f'"{self._short(fixed)}" is missing: {text}' if missing else f"{text}, here comes another message"
        return Signal("missing" if missing else "unexpected", nats, 0.0, reason, code)

    def _value(self, live: _Live, place: int, value: float) -> Signal | None:
        kind = live.kind
        assert kind is not None
        top = kind.slots[place].values
        scaled = [math.log(max(one, 1e-9)) for one in top.largest]
        nats = _beyond(math.log(value), scaled, 0.15) - self._kinds_cost
        usual = top.quantile(0.5)
        reason = f"the value {value:,.6g} where about {usual:,.3g} is usual and {top.largest[-1]:,.6g} the most so far"
        return Signal("value", min(nats, 30.0), 0.0, reason, live.code) if nats > 0 else None

    # --- The clock ---------------------------------------------------------------------------------------------------

    def pass_time(self, clock: float) -> Told:
        """Move the clock on without an event; the silences that begin, and what is to be told again."""
        if not self.baseline.timed or clock <= self.clock or self.clock == -math.inf:
            return _NOTHING
        told: Told = []
        if self._deadlines and self._deadlines[0][0] < clock:
            told = self._expire(clock)
        tick = int(clock / self.baseline.tick)
        if tick != self._tick:
            told = told + self._turn(tick, clock)
        self.clock = clock
        return told

    def clock_at(self, seconds: float) -> float:
        """The log's clock so many seconds after its last event came."""
        return max(self.whole.last + seconds, self.clock) if self.clock > -math.inf else self.clock

    def is_due(self, clock: float) -> bool:
        """Whether `pass_time` would tell anything."""
        if not self.baseline.timed or self.clock == -math.inf:
            return False
        if self._deadlines and self._deadlines[0][0] < clock:
            return True
        tick = int(clock / self.baseline.tick)
        return tick != self._tick and bool(self.open or self._touched)

    def _turn(self, tick: int, clock: float) -> Told:
        """A new tick begins: counts go into the longer windows."""
        told: Told = []
        ended = self._tick
        for live in self._touched:
            self._fold(live, ended)
        events = sum(live.now for live in self._touched)
        if events:
            self.whole.now = events
            self._fold(self.whole, ended)
            # A burst of one kind makes one of the whole log: that one is told only where no kind explains it.
            suspects = [live for live in self._touched if self._exceeds(live)]
            if not suspects and self._exceeds(self.whole) and not any(map(self._exceeds, self.lives.values())):
                suspects = [self.whole]
            for live in suspects:
                live_now, live.now = live.now, 0
                whole_now, self.whole.now = self.whole.now, 0
                signal = self._burst(live)
                live.now, self.whole.now = live_now, whole_now
                if signal is not None:
                    told += self._found([signal], live, False)
        for live in self._touched:
            live.now = 0
            if live.limits:
                live.limit = live.limits[0]
        self.whole.now = 0
        self._touched.clear()
        if ended >= 0 and tick // SCALES[2] != ended // SCALES[2]:
            for signal, live in self._drops(ended // SCALES[2]):
                told += self._found([signal], live, False)
            fade = 0.5 ** (SCALES[2] / max(self.baseline.ticks, SCALES[2]))
            self._met = [fade * count for count in self._met]
            self.told = {key: fade * count for key, count in self.told.items() if fade * count > 0.05}
        self._tick = tick
        return told + self._remind(clock)

    def _fold(self, live: _Live, ended: int) -> None:
        for scale, width in enumerate(SCALES):
            bucket = live.buckets[scale]
            if bucket[0] == ended // width:
                bucket[1] += live.now
            else:
                bucket[0], bucket[1] = ended // width, live.now

    def _exceeds(self, live: _Live) -> bool:
        for width, (bucket, held), limit in zip(SCALES, live.buckets, live.limits):
            if held >= limit and bucket == self._tick // width:
                return True
        return False

    def _expire(self, clock: float) -> Told:
        """Look at the kinds whose deadline has passed."""
        silent: list[tuple[float, Signal, _Live]] = []
        waiting: list[tuple[float, int]] = []
        while self._deadlines and self._deadlines[0][0] < clock:
            _, code = heapq.heappop(self._deadlines)
            live = self.whole if code == -1 else self.lives.get(code)
            if live is None:
                continue
            due = live.last + live.pause
            if due >= clock:
                waiting.append((due, code))
            elif not live.regular and live is not self.whole and self.row - live.row < live.rows:
                waiting.append((clock + live.pause / 4, code))  # the rest of the log is as quiet
            else:
                live.waits, live.away = False, True
                silent.append((due, self._silence(live, clock), live))
        for one in waiting:
            heapq.heappush(self._deadlines, one)
        if not silent:
            return _NOTHING
        silent.sort(key=lambda one: one[0])
        told: Told = []
        for _, signal, live in silent:
            near = self._near_silence(live)
            if near is None:
                told += self._found([signal], live, False)
                continue
            near.codes.append(live.code)
            self._of_code[live.code] = near
            if len(near.also) < MOST_REASONS:
                near.also.append(
                    signal.reason if live is self.whole else f'"{self._short(live.code // CLASSES)}" {signal.reason}'
                )
        return told

    def _near_silence(self, live: _Live) -> StreamFinding | None:
        """The open silence that another one is part of: the whole log is away, or both went away at one time."""
        for finding in self.open.values():
            if finding.kind == "silence":
                if live is self.whole or -1 in finding.codes or abs(live.last - finding.first) <= live.pause:
                    return finding
        return None

    def _silence(self, live: _Live, clock: float) -> Signal:
        kind = live.kind
        assert kind is not None
        pause = clock - live.last
        mean = (kind.last - kind.first) / max(kind.pauses.count, 1)
        usual = mean if live.regular else kind.pauses.quantile(0.5)
        least = 0.1 * usual if live.regular else mean
        if live is self.whole:
            least = max(0.1 * usual, 0.25 * kind.pauses.largest[-4])
        nats = _beyond(pause, kind.pauses.largest, least) - (0.0 if live is self.whole else self._frequent_cost)
        # The deadline was set for the threshold; a pause that is told at its deadline reaches it.
        nats = max(nats, max(self.threshold, THRESHOLD) / WEIGHTS["silence"] + 1e-6)
        longest = kind.pauses.largest[-1]
        if self.baseline.timed:
            each, gap, most = tails.duration(usual), tails.duration(pause), tails.duration(longest)
        else:
            each, gap, most = f"{usual:,.0f} lines", f"{pause:,.0f} lines", f"{longest:,.0f} lines"
        what = "no line" if live is self.whole else "stays away"
        reason = f"{what} for {gap}, where one comes every {each} and {most} was the longest pause"
        return Signal("silence", min(nats, 40.0), 0.0, reason, live.code)

    def _back(self, live: _Live, clock: float) -> Told:
        """A kind that was away comes again: its silence ends."""
        live.away = self.whole.away = False
        if self.whole.pause < NEVER and not self.whole.waits:
            self.whole.waits = True
            heapq.heappush(self._deadlines, (clock + self.whole.pause, -1))
        finding = self._of_code.get(live.code)
        if finding is None or finding.kind != "silence":
            finding = self._of_code.get(-1)
        if finding is None or finding.kind != "silence":
            return _NOTHING
        still = [code for code in finding.codes if code not in (live.code, -1)]
        if still:
            for code in set(finding.codes) - set(still):
                self._of_code.pop(code, None)
            finding.codes = still
            return _NOTHING
        finding.last = clock
        self._close(finding)
        return [self._tell(finding, "ended", clock)]

    # --- Findings ----------------------------------------------------------------------------------------------------

    def _whole_event(self) -> LogEvent | None:
        """The event that is being judged, where it can be had."""
        return self._event_of(self._number) if self._event_of is not None else None

    def _found(self, signals: list[Signal], live: _Live, now_there: bool) -> Told:
        """Signals of one moment -> a finding that begins, grows, or is none; `now_there`: by the event that is judged."""
        best: dict[str, Signal] = {}
        for one in signals:
            group = _GROUPS.get(one.question, one.question)
            if group not in best or one.strength > best[group].strength:
                best[group] = one
        ordered = sorted(best.values(), key=lambda one: -one.strength)
        score = ordered[0].strength + COMBINED * sum(max(one.strength, 0.0) for one in ordered[1:])
        lead = ordered[0]
        key = self.key(live.code, lead.question)
        if lead.question != "silence":
            score -= tails.usual_discount(self.told.get(key, 0.0))
        if score < self.threshold:
            return _NOTHING
        event = self._whole_event() if now_there else None
        message = event.message if event is not None else ""
        if self.is_fine(key, message, event.lines[0] if event is not None and event.lines else ""):
            self.suppressed += 1
            return _NOTHING
        reason = "; ".join(one.reason for one in ordered)
        now = self._now()
        known = self._of_code.get(live.code)
        if known is None and self._incident is not None and lead.question != "silence":
            near = self._incident
            if near.key in self.open and self.row - near.row <= FAR and self.row - near.begun <= MOST_CHAIN:
                known = self._of_code[live.code] = near
                near.codes.append(live.code)
                near.count += 1
                if len(near.also) < MOST_REASONS:
                    near.also.append(reason)
        if known is not None:
            return self._grown(known, lead, score, reason, live, event, now)
        if len(self.open) >= MOST_OPEN:
            self._close(min(self.open.values(), key=lambda one: one.last))
        finding = StreamFinding(
            key,
            lead.question,
            round(score, 4),
            live.grade,
            reason,
            event.number if event is not None else live.number,
            list(event.lines) if event is not None else [],
            message,
            1 if lead.question not in ("burst", "drop") else max(live.now, live.buckets[0][1]),
            live.last if lead.question == "silence" else self.clock,
            self.clock,
            self.row,
            self.row,
            [live.code],
        )
        self._of_code[live.code] = self.open[key] = finding
        if len(self.told) < MOST_TOLD:
            self.told[key] = self.told.get(key, 0.0) + 1.0
        if lead.question != "silence":
            self._incident = finding
        return [self._tell(finding, "open", now)]

    def _grown(
        self,
        known: StreamFinding,
        lead: Signal,
        score: float,
        reason: str,
        live: _Live,
        event: LogEvent | None,
        now: float,
    ) -> Told:
        known.last, known.row = self.clock, self.row
        if score > known.score:
            known.score, known.kind, known.reason, known.severity = round(score, 4), lead.question, reason, live.grade
            if event is not None:
                known.number, known.lines, known.message = event.number, list(event.lines), event.message
        if known.score > known.told_score + STEP and known.early < 3:
            known.early += 1
            return [self._tell(known, "update", now)]
        return _NOTHING

    def _remind(self, clock: float) -> Told:
        """Tell again what went on for a cooldown, and close what has not."""
        told: Told = []
        if not self.open:
            return told
        now = self._now(clock)
        for finding in list(self.open.values()):
            # What goes on and on is told ever more rarely.
            if now - finding.told_at < self.cooldown * min(2.0**finding.update, MOST_COOLDOWNS):
                continue
            if finding.count > finding.told_count:
                told.append(self._tell(finding, "update", now))
            elif finding.kind != "silence":
                self._close(finding)
        return told

    def _close(self, finding: StreamFinding) -> None:
        if self.open.get(finding.key) is finding:
            del self.open[finding.key]
        for code in finding.codes:
            if self._of_code.get(code) is finding:
                del self._of_code[code]

    def finish(self) -> Told:
        """Tell the last count of what is open: the log has ended."""
        now = self._now()
        return [self._tell(one, "update", now) for one in self.open.values() if one.count > one.told_count]

    # --- State -------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything that goes on, as plain JSON values; `resume` of a judge of the same baseline takes it up."""
        return {
            "row": self.row,
            "clock": None if self.clock == -math.inf else self.clock,
            "wall": self.wall,
            "tick": self._tick,
            "before": self._before,
            "previous": list(self._previous.items()),
            "met": self._met,
            "told": self.told,
            "strange": self._strange,
            "deadlines": self._deadlines,
            "touched": [live.code for live in self._touched],
            "lives": [
                [
                    live.code,
                    live.now,
                    _json(live.limit),
                    live.buckets,
                    live.last,
                    live.row,
                    live.number,
                    live.away,
                    live.waits,
                ]
                for live in (*self.lives.values(), self.whole)
            ],
            "unknown": [
                [live.code, live.grade, live.worded, live.rare and [getattr(live.rare, name) for name in _SIGNAL]]
                for live in self.lives.values()
                if live.kind is None
            ],
            "open": [finding.to_json() for finding in self.open.values()],
            "incident": self._incident.key if self._incident is not None else "",
        }

    def resume(self, values: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        for code, grade, worded, rare in values["unknown"]:
            self.lives[code] = _Live(code, None, grade, worded, rare=Signal(*rare) if rare else None)
        for code, now, limit, buckets, last, row, number, away, waits in values["lives"]:
            live = self.whole if code == -1 else self.lives.get(code)
            if live is not None:
                live.now, live.limit, live.buckets = now, NEVER if limit is None else limit, buckets
                live.last, live.row, live.number, live.away, live.waits = last, row, number, away, waits
        self.row, self.wall, self._tick, self._before = values["row"], values["wall"], values["tick"], values["before"]
        self.clock = -math.inf if values["clock"] is None else values["clock"]
        self._previous = dict(values["previous"])
        self._met, self._strange = list(values["met"]), list(values["strange"])
        self.told = dict(values.get("told", {}))  # a state of an earlier version has none
        self._deadlines = [(due, code) for due, code in values["deadlines"]]
        self._touched = [self.lives[code] for code in values["touched"] if code in self.lives]
        self.open = {one["key"]: StreamFinding(**one) for one in values["open"]}
        self._of_code = {code: finding for finding in self.open.values() for code in finding.codes}
        self._incident = self.open.get(values["incident"])

    def _tell(self, finding: StreamFinding, status: str, now: float) -> StreamFinding:
        if status != "open":
            finding.update += 1
        finding.status, finding.told_at, finding.told_count, finding.told_score = (
            status,
            now,
            finding.count,
            finding.score,
        )
        # A copy: the finding goes on while this is on its way.
        return replace(finding, lines=list(finding.lines), codes=list(finding.codes), also=list(finding.also))

    def _now(self, clock: float | None = None) -> float:
        return (self.clock if clock is None else clock) if self.baseline.timed else self.wall

    def key(self, code: int, question: str = "silence") -> str:
        """What `logllm ok` calls a kind: its stated level and its template; the question, for the whole log."""
        if code < 0:
            return question
        level = CLASS_NAMES[code % CLASSES]
        return f"{level + ' ' if level else ''}{self.keys.text(code // CLASSES)}"

    def _short(self, template: int) -> str:
        text = self.keys.text(template) if template >= 0 else "the beginning"
        return text if len(text) <= 80 else text[:79] + "…"


_SIGNAL = ("question", "nats", "prior", "reason", "code")
_GROUPS = {"new": "new", "grave": "new", "missing": "order", "unexpected": "order"}


def _json(value: float) -> float | None:
    return None if value == NEVER else value


def _level(grade: int, worded: bool) -> str:
    if grade == QUIET:
        return "a message "
    if worded:
        return "a message whose words name a fault, "
    return f"a message of level {CLASS_NAMES[grade]} "


def _prior(grade: int, worded: bool, near: float) -> float:
    """Prior odds of a class of severity, less where the log has many messages of it."""
    usual = 0.7 * tails.usual_discount(near) if grade >= ERRONEOUS else 0.0
    return (WORDED if worded else STATED)[grade] - usual


def _solved(largest: Sequence[float], need: float, least_scale: float) -> float:
    """The smallest value for which `_beyond` gives `need` nats."""
    top = largest[::-1]
    value = 0.0
    for j in (3, 10, 30):
        if j < len(top):
            scale = max(sum(top[:j]) / j - top[j], least_scale)
            value = max(value, top[j] + scale * (need + math.log(j)))
    return value or NEVER


def _beyond(value: float, largest: Sequence[float], least_scale: float) -> float:
    """`tails.beyond` of a value, from the largest others, smallest first."""
    top = largest[::-1]
    nats = math.inf
    for j in (3, 10, 30):
        if j < len(top):
            scale = max(sum(top[:j]) / j - top[j], least_scale)
            nats = min(nats, (value - top[j]) / scale - math.log(j))
    return 0.0 if nats == math.inf else max(nats, 0.0)
