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

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logllm.hf_datasets.events import LogEvent, TemplateKeys

from . import tails
from .baseline import DAY, FAR, HOUR, SCALES, Baseline
from .live import (
    LEAST_WINDOWS,
    NEVER,
    Live,
    ReturnCodes,
    Signal,
    is_frequent,
    level_words,
    limit_pause,
    limit_rate,
    limit_values,
    limit_whole_pause,
    prior_of,
    silence,
    unusual_value,
)
from .live_order import StreamOrder
from .table import CLASS_NAMES, CLASSES, ERRONEOUS, QUIET, WARNING
from .weights import COMBINED, THRESHOLD, WEIGHTS
from .words import fault_class

MOST_COOLDOWNS = 144.0
COOLDOWN = 600.0  # seconds between two messages about one finding
MOST_CHAIN = 200  # events over which near signals are one finding
MOST_OPEN = 1000  # findings that are open at once
MOST_REASONS = 5
MOST_TOLD = 10_000
STEP = 1.5  # nats by which an open finding must grow to be told again before its cooldown is over
JUMP = 6 * HOUR  # forwards, or an hour backwards: believed when several events in a row say so
BACKWARDS, BELIEVED = HOUR, 5


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

    def holds_every(self, live: Live) -> bool:
        """Whether each event of a kind belongs to it, and not only those with an unusual value or at an unusual place."""
        return live.kind is None or live.rare is not None or self.kind in ("burst", "drop", "silence")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


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
        self.cooldown = cooldown
        self.is_fine = is_fine or (lambda key, message, line: False)
        self.suppressed = 0
        self.row, self.clock, self.wall = 0, -math.inf, 0.0
        self.new_events = 0
        self.open: dict[str, StreamFinding] = {}
        self.told: dict[str, float] = {}  # key -> findings of late: what comes again and again is less news each time
        self._tick = -1
        self._touched: list[Live] = []
        self._event_of: Callable[[int], LogEvent] | None = None
        self._number = 0
        self._deadlines: list[tuple[float, int]] = []
        self._strange: list[float] = []  # times of events far from the clock
        self._incident: StreamFinding | None = None
        self._of_code: dict[int, StreamFinding] = {}
        # Templates of one text are one: the table may hold it twice.
        self._by_text: dict[str, int] = {}
        self._same: list[int] = []
        self.canonical(len(self.keys) - 1)
        self._met = [0.0] * CLASSES
        self.order = StreamOrder(baseline, self.threshold, self._short) if order else None
        self._codes = ReturnCodes(baseline)
        self._prepare()

    # --- What is usual -----------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Limits of every kind, so that judging an event is comparing."""
        baseline = self.baseline
        kinds = baseline.kinds
        self._first = dict.fromkeys(range(CLASSES), 0)
        self._rare = dict.fromkeys(range(CLASSES), 0)
        self.lives: dict[int, Live] = {}
        stated = {code // CLASSES for code in kinds if code % CLASSES != QUIET}
        self._words = {word for text in self.keys.texts() for word in text.split() if word != "<*>"}
        frequent = [kind for kind in kinds.values() if is_frequent(kind, baseline)]
        self._frequent_cost = math.log(max(len(frequent), 1))
        self._kinds_cost = math.log(max(len(kinds), 1))
        for code, kind in kinds.items():
            worded = kind.grade == QUIET and kind.template not in stated
            grade = fault_class(self.keys.text(kind.template)) if worded else kind.grade
            live = self.lives[code] = Live(code, kind, grade, worded and grade > QUIET)
            if kind.is_local(baseline.events):
                self._first[grade] += 1
            elif 1 < kind.places <= 10:
                self._rare[grade] += 1
            limit_rate(live, baseline)
            if is_frequent(kind, baseline):
                limit_pause(live, baseline, self.threshold, self._frequent_cost)
            limit_values(live)
        for live in self.lives.values():
            live.rare = self._rare_grave(live)
        self.whole = Live(-1, baseline.whole)
        limit_rate(self.whole, baseline)
        limit_whole_pause(self.whole, baseline, self.threshold)
        self.frequent = [
            live for live in self.lives.values() if live.kind is not None and live.expected(baseline, 2) >= 20
        ]

    def _rare_grave(self, live: Live) -> Signal | None:
        """What an event of a grave kind says that the baseline holds in a few places only."""
        kind, grade = live.kind, live.grade
        if kind is None or grade < ERRONEOUS or kind.places >= 4:
            return None
        near = self._first[grade] - (kind.places <= 1)
        rare = self._rare[grade] - (kind.places > 1)
        nats = tails.at_least_one(tails.expected_new(near, rare) * tails.harmonic(kind.places + 1))
        prior = prior_of(grade, live.worded, near)
        times = "once" if kind.count == 1 else f"{kind.count:,} times"
        reason = f"{level_words(grade, live.worded)}that was seen {times} among {self.baseline.events:,} events"
        return Signal("grave", max(nats - math.log(kind.places + 1), 0.0), prior, reason, live.code)

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
        if known is not None and known.holds_every(live):
            known.count += 1
            known.last = clock
            known.row = row
        elif known is None and live.rare is not None and signals is None:
            signals = [live.rare]
        if self.order is not None:
            in_order = self.order.observe(template, sequence, code)
            if in_order:
                signals = in_order if signals is None else signals + in_order
        if live.slots and len(numbers) == len(live.slots):
            for place, (value, (low, high)) in enumerate(zip(numbers, live.slots)):
                if not low <= value <= high:
                    signals = self._add(signals, unusual_value(live, place, value, self._kinds_cost))
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
        if self.order is not None:
            self.order.forget_sequences()

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

    def _meet(self, code: int, template: int, grade: int) -> tuple[Live, Signal | None]:
        """A kind that the baseline does not hold."""
        baseline = self.baseline
        own, by_words = grade, False
        if grade == QUIET:
            event = self._whole_event()
            if event is None or not event.severity:
                text = self.keys.text(template) if event is None else "\n".join(event.lines[:40])
                own = fault_class(text)
                by_words = own > QUIET
        failed = self._codes.unusual(self.keys.text(template))
        if failed and own < ERRONEOUS:
            own, by_words = ERRONEOUS, True
        live = self.lives[code] = Live(code, None, own, by_words, last=self.clock, row=self.row)
        near = self._first[own] + self._met[own]
        self._met[own] += 1
        nats = tails.at_least_one(tails.expected_new(near, self._rare[own]))
        prior = prior_of(own, by_words, near)
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
                "grave", max(again, 0.0), prior, f"{level_words(own, by_words)}that the baseline does not hold", code
            )
        known = any(template * CLASSES + other in baseline.kinds for other in range(CLASSES) if other != grade)
        what = (
            "at a level that this message never had"
            if known
            else f"that was never seen among {baseline.events:,} events"
        )
        return live, Signal("new", max(nats, 0.0), prior, failed or f"{level_words(own, by_words)}{what}", code)

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
        return WEIGHTS["new"] * nats + WEIGHTS["prior"] * prior_of(grade, False, near)

    def _burst(self, live: Live) -> Signal | None:
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
            usual = live.expected(baseline, scale) * self._hour(live)
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

    def _hour(self, live: Live) -> float:
        """How much more than on average of the day comes at this hour; 1 where the baseline spans less than two days."""
        kind = live.kind
        whole = self.baseline.whole
        if kind is None or not kind.hours or whole.last - whole.first < 2 * DAY or kind.count < 200:
            return 1.0
        share = kind.hours[int(self.clock % DAY // HOUR)] * 24 / kind.count
        return max(share, 0.25)

    def _drops(self, passed: int) -> list[tuple[Signal, Live]]:
        """Kinds that came far less often than usual in the longest window that is just over."""
        found: list[tuple[Signal, Live]] = []
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
            usual = min(live.expected(baseline, 2) * self._hour(live), kind.count / baseline.events * everything)
            if count >= 0.5 * usual or usual < 20 or live.away:
                continue
            mean = live.expected(baseline, 2)
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

    def _fold(self, live: Live, ended: int) -> None:
        for scale, width in enumerate(SCALES):
            bucket = live.buckets[scale]
            if bucket[0] == ended // width:
                bucket[1] += live.now
            else:
                bucket[0], bucket[1] = ended // width, live.now

    def _exceeds(self, live: Live) -> bool:
        for width, (bucket, held), limit in zip(SCALES, live.buckets, live.limits):
            if held >= limit and bucket == self._tick // width:
                return True
        return False

    def _expire(self, clock: float) -> Told:
        """Look at the kinds whose deadline has passed."""
        silent: list[tuple[float, Signal, Live]] = []
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
                silent.append((due, silence(live, clock, self.baseline, self.threshold, self._frequent_cost), live))
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

    def _near_silence(self, live: Live) -> StreamFinding | None:
        """The open silence that another one is part of: the whole log is away, or both went away at one time."""
        for finding in self.open.values():
            if finding.kind == "silence":
                if live is self.whole or -1 in finding.codes or abs(live.last - finding.first) <= live.pause:
                    return finding
        return None

    def _back(self, live: Live, clock: float) -> Told:
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

    def _found(self, signals: list[Signal], live: Live, now_there: bool) -> Told:
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
        live: Live,
        event: LogEvent | None,
        now: float,
    ) -> Told:
        known.last, known.row = self.clock, self.row
        if not known.holds_every(live):
            known.count += 1
            if reason not in (known.reason, *known.also) and len(known.also) < MOST_REASONS:
                known.also.append(reason)
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
            **(self.order.state() if self.order is not None else {}),
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
            self.lives[code] = Live(code, None, grade, worded, rare=Signal(*rare) if rare else None)
        for code, now, limit, buckets, last, row, number, away, waits in values["lives"]:
            live = self.whole if code == -1 else self.lives.get(code)
            if live is not None:
                live.now, live.limit, live.buckets = now, NEVER if limit is None else limit, buckets
                live.last, live.row, live.number, live.away, live.waits = last, row, number, away, waits
        self.row, self.wall, self._tick = values["row"], values["wall"], values["tick"]
        self.clock = -math.inf if values["clock"] is None else values["clock"]
        if self.order is not None and "before" in values:
            self.order.resume(values)
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
