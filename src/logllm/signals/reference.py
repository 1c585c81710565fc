"""What is usual: sums over events that were held to be normal, and the five questions put to them.

A `Reference` is what `fit` keeps, `watch` and `scan --model` judge by, and `diff` makes of a good run. It holds sums only:
references of several logs add up, and one block of a log can be taken out of the whole (`whole - block`), which is how a
log is judged by its own rest. The largest pauses and minutes are the exception: they can be joined but not taken out, so
a difference judges pauses and rates a little too mildly.

    reference = Reference.of(table)             # from columns
    reference.observe(key, time, previous)      # or event by event, as a stream
    answer = reference.new(key)                 # nats, and the reason in words
    Reference.from_json(reference.to_json())

A kind is named by its key: the class of severity and the text of the template (`kind_key`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import tails
from .candidates import STATED, WORDED, Candidate, find_kinds
from .order import FIXED_SHARE, LEAST_CONTEXTS
from .table import CLASS_NAMES, CLASSES, ERRONEOUS, QUIET, WARNING, EventTable
from .words import fault_class

VERSION = 1
BINS_PER_OCTAVE = 2
LEAST_VALUES = 30
MOST_SLOTS = 8
LARGEST = 4  # pauses that are kept of each kind
BEGIN = "^"  # what stands before the first event of a sequence


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question about one event.

    Attributes:
        nats: minus the logarithm of how likely such an event is where nothing is wrong.
        reason: in words, with its numbers; "" where there is nothing to say.
        prior: prior odds by severity, in nats.
    """

    nats: float
    reason: str = ""
    prior: float = 0.0

    @property
    def probability(self) -> float:
        """The tail probability."""
        return math.exp(-self.nats)


@dataclass(slots=True)
class KindSums:
    """Sums over the events of one kind.

    Attributes:
        count: events.
        places: stretches of a log (or minutes of a stream) that held it.
        pauses: how many pauses between two events were counted.
        pause_sum: their sum in seconds.
        pause_square: the sum of their squares.
        largest: the largest of them, at most `LARGEST`, in falling order.
        minute_square: sum over minutes of the squared number of events.
        minute_most: most events in a minute.
        values: slot -> Counter of bins of its numbers on a logarithmic scale.
    """

    count: int = 0
    places: int = 0
    pauses: int = 0
    pause_sum: float = 0.0
    pause_square: float = 0.0
    largest: list[float] = field(default_factory=list)
    minute_square: float = 0.0
    minute_most: int = 0
    values: dict[int, Counter[int]] = field(default_factory=dict)


@dataclass
class Reference:
    """Sums over events that were held to be normal.

    Attributes:
        kinds: key of a kind -> its sums.
        steps: template before -> Counter of the templates that followed in the same sequence.
        events: how many events.
        seconds: how long they lasted.
        minutes: how many minutes they lasted.
    """

    kinds: dict[str, KindSums] = field(default_factory=dict)
    steps: dict[str, Counter[str]] = field(default_factory=dict)
    events: int = 0
    seconds: float = 0.0
    minutes: int = 0

    @classmethod
    def of(cls, table: EventTable) -> Reference:
        """The sums of all events of a table."""
        out = cls()
        if not len(table):
            return out
        kinds = find_kinds(table)
        timed = not bool(np.isnan(table.timestamp).any())
        out.events = len(table)
        if timed:
            out.seconds = float(table.timestamp[-1] - table.timestamp[0])
            out.minutes = int(out.seconds // 60) + 1
        for kind in range(len(kinds.count)):
            rows = kinds.rows(kind)
            sums = KindSums(len(rows), int(kinds.runs[kind]))
            if timed:
                pauses = np.diff(table.timestamp[rows])
                sums.pauses, sums.pause_sum, sums.pause_square = (
                    len(pauses),
                    float(pauses.sum()),
                    float((pauses**2).sum()),
                )
                sums.largest = np.sort(pauses)[::-1][:LARGEST].tolist()
                _, in_minute = np.unique((table.timestamp[rows] // 60).astype(np.int64), return_counts=True)
                sums.minute_square, sums.minute_most = (
                    float((in_minute.astype(float) ** 2).sum()),
                    int(in_minute.max()),
                )
            sums.values = _slot_bins(table, rows)
            out.kinds[kind_key(table.templates[table.kind_template[kind]], int(table.kind_class[kind]))] = sums
        out.steps = _step_counts(table)
        return out

    def observe(
        self,
        template: str,
        grade: int,
        time: float | None,
        previous: str | None,
        last: float | None = None,
        numbers: Sequence[float] = (),
    ) -> None:
        """Take in one event of a stream.

        Args:
            template: text of its template.
            grade: class of severity.
            time: seconds since 1970.
            previous: template of the event before it in its sequence; None for the first.
            last: time of the event of the same kind before it.
            numbers: numbers of its slots.
        """
        sums = self.kinds.setdefault(kind_key(template, grade), KindSums())
        sums.count += 1
        self.events += 1
        self.steps.setdefault(BEGIN if previous is None else previous, Counter())[template] += 1
        if time is not None and last is not None and time >= last:
            pause = time - last
            sums.pauses, sums.pause_sum, sums.pause_square = (
                sums.pauses + 1,
                sums.pause_sum + pause,
                sums.pause_square + pause**2,
            )
            sums.largest = sorted([*sums.largest, pause], reverse=True)[:LARGEST]
        if time is None or last is None or time // 60 != last // 60:
            sums.places += 1
        for slot, number in enumerate(numbers[:MOST_SLOTS]):
            if number > 0:
                sums.values.setdefault(slot, Counter())[_bin(number)] += 1

    def __add__(self, other: Reference) -> Reference:
        return _combined(self, other, 1)

    def __sub__(self, other: Reference) -> Reference:
        return _combined(self, other, -1)

    # --- The five questions ---------------------------------------------------------------------------------------

    def new(self, template: str, grade: int = QUIET) -> Answer:
        """Was this template seen before, at this level?

        >>> reference = Reference({"a": KindSums(500, 50)}, {}, 500)
        >>> round(reference.new("b").nats, 1), reference.new("a").nats
        (3.4, 0.0)
        """
        known = self.kinds.get(kind_key(template, grade))
        worded = grade == QUIET and fault_class(template) > QUIET
        level = fault_class(template) if worded else grade
        prior = (WORDED if worded else STATED)[level]
        if known is not None and known.places > 0:
            expected = tails.expected_new(*self._rare(grade, known)) * tails.harmonic(known.places) + known.places
            return Answer(
                tails.at_least_one(expected) if known.places < 3 else 0.0, "", prior - math.log1p(known.count)
            )
        seen = self.events
        nats = tails.at_least_one(tails.expected_new(*self._rare(grade, None)))
        name = CLASS_NAMES[grade]
        return Answer(
            nats, f"a message{f' of level {name}' if name else ''} that {seen:,} usual events do not hold", prior
        )

    def _rare(self, grade: int, without: KindSums | None) -> tuple[float, float]:
        """(kinds of a class that stand in one place, kinds that stand in two to ten)."""
        mark = f"{CLASS_NAMES[grade]} " if grade else None
        places = [
            one.places
            for key, one in self.kinds.items()
            if one is not without and (key.startswith(mark) if mark else not key.startswith(_LEVELS))
        ]
        return float(sum(place == 1 for place in places)), float(sum(2 <= place <= 10 for place in places))

    def unexpected(self, previous: str | None, template: str) -> Answer:
        """Does this template follow that one? Backs off to how often it occurs at all.

        >>> reference = Reference({"a": KindSums(99, 9), "b": KindSums(99, 9)}, {"a": Counter(b=99)}, 198)
        >>> reference.unexpected("a", "a").reason
        '"b" follows "a" in 99 of 99 cases'
        """
        context = self.steps.get(BEGIN if previous is None else previous)
        count = self.count_of(template)
        general = (count + 0.5) / (self.events + 1)
        if not context:
            return Answer(0.0)
        total, kinds = context.total(), len(context)
        # Witten and Bell: the context counts as much as it has successors, the rest goes to the general rate.
        probability = (context[template] + kinds * general) / (total + kinds)
        wanted, times = context.most_common(1)[0]
        if context[template] or total < LEAST_CONTEXTS or times < FIXED_SHARE * total:
            return Answer(
                max(-math.log(probability) - 3, 0.0) if not context[template] and total >= LEAST_CONTEXTS else 0.0
            )
        before = "the beginning" if previous is None else f'"{previous}"'
        return Answer(-math.log(probability), f'"{wanted}" follows {before} in {times:,} of {total:,} cases')

    def too_many(self, template: str, grade: int, count: int, seconds: float) -> Answer:
        """Are so many events of a kind in so many seconds more than usual? Over-dispersion counts."""
        known = self.kinds.get(kind_key(template, grade))
        if known is None or self.minutes < 2:
            return Answer(0.0)
        minutes = max(seconds / 60, 1e-3)
        mean = known.count / self.minutes
        variance = max(known.minute_square / self.minutes - mean**2, mean)
        expected = max(mean * minutes, 0.1)
        # A negative binomial has variance = mean * spread; its tail is close to a Poisson tail of what is left.
        nats = float(tails.too_many(float(count), expected)) / (variance / mean if mean else 1.0)
        if count <= known.minute_most * max(minutes, 1.0) or count < 4 * expected:
            return Answer(0.0)
        return Answer(
            nats,
            f"{count:,} times in {tails.duration(seconds)}, where {expected:.3g} are usual and {known.minute_most:,} a minute the most",
        )

    def too_few(self, template: str, grade: int, seconds: float) -> Answer:
        """Has a kind stayed away for longer than ever?"""
        known = self.kinds.get(kind_key(template, grade))
        if known is None or known.pauses < 15:
            return Answer(0.0)
        mean = known.pause_sum / known.pauses
        deviation = math.sqrt(max(known.pause_square / known.pauses - mean**2, 0.0))
        longest = known.largest[0] if known.largest else mean
        if seconds < 1.8 * longest:
            return Answer(0.0)
        nats = (seconds - longest) / max(deviation, 0.1 * mean, 1e-3)
        return Answer(
            nats,
            f"has not come for {tails.duration(seconds)}, where it comes every {tails.duration(mean)} and the longest pause was {tails.duration(longest)}",
        )

    def unusual_value(self, template: str, grade: int, slot: int, value: float) -> Answer:
        """Is a number far beyond what its slot held?"""
        known = self.kinds.get(kind_key(template, grade))
        bins = known.values.get(slot) if known is not None else None
        if not bins or bins.total() < LEAST_VALUES or value <= 0:
            return Answer(0.0)
        total, top = bins.total(), max(bins)
        at = _bin(value)
        if at <= top + 2 * BINS_PER_OCTAVE:
            return Answer(0.0)
        # Exponential excess on the logarithmic scale, over the bin above which a thirtieth of the values lie.
        left, limit = total / 30, top
        for one in sorted(bins, reverse=True):
            left -= bins[one]
            limit = one
            if left <= 0:
                break
        above = sum(max(one - limit, 0) * count for one, count in bins.items())
        scale = max(above / max(sum(count for one, count in bins.items() if one > limit), 1), 0.5 * BINS_PER_OCTAVE)
        middle = _median_bin(bins)
        return Answer(
            (at - limit) / scale,
            f"the value {value:,.6g} where about {2 ** (middle / BINS_PER_OCTAVE):,.3g} is usual and {2 ** ((top + 1) / BINS_PER_OCTAVE):,.3g} the most",
        )

    def grave(self, template: str, grade: int) -> Answer:
        """How likely is it that an event of this level is what somebody looks for?"""
        if grade < ERRONEOUS:
            return Answer(0.0, "", STATED[grade])
        usual = sum(one.count for key, one in self.kinds.items() if key.startswith(f"{CLASS_NAMES[grade]} "))
        return Answer(
            -math.log((usual + 0.5) / (self.events + 1)),
            f"level {CLASS_NAMES[grade]}, which {usual:,} of {self.events:,} usual events have", STATED[grade],
        )  # fmt: skip

    def count_of(self, template: str) -> int:
        """Events of a template, of all levels."""
        return sum(
            self.kinds[key].count
            for key in (kind_key(template, grade) for grade in range(CLASSES))
            if key in self.kinds
        )

    # --- Keeping ----------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "version": VERSION, "events": self.events, "seconds": self.seconds, "minutes": self.minutes,
            "kinds": {
                key: [one.count, one.places, one.pauses, one.pause_sum, one.pause_square, one.largest, one.minute_square, one.minute_most,
                      {str(slot): {str(at): n for at, n in bins.items()} for slot, bins in one.values.items()}]
                for key, one in self.kinds.items()
            },
            "steps": {before: dict(after) for before, after in self.steps.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Reference:
        """From plain values.

        Raises:
            ValueError: another version.
        """
        if values.get("version") != VERSION:
            raise ValueError(f"a reference must be of version {VERSION}, found {values.get('version')}: learn it anew")
        kinds = {}
        for key, row in values["kinds"].items():
            bins = {int(slot): Counter({int(at): n for at, n in held.items()}) for slot, held in row[8].items()}
            kinds[key] = KindSums(*row[:8], bins)
        steps = {before: Counter(after) for before, after in values["steps"].items()}
        return cls(kinds, steps, values["events"], values["seconds"], values["minutes"])


_LEVELS = tuple(f"{name} " for name in CLASS_NAMES if name)


def kind_key(template: str, grade: int) -> str:
    """The name of a kind.

    >>> kind_key("disk <*> full", 2)
    'ERROR disk <*> full'
    """
    return f"{CLASS_NAMES[grade]} {template}" if grade else template


def _bin(value: float) -> int:
    return math.floor(BINS_PER_OCTAVE * math.log2(max(value, 1e-12)))


def _median_bin(bins: Counter[int]) -> int:
    left = bins.total() / 2
    for at in sorted(bins):
        left -= bins[at]
        if left <= 0:
            return at
    return 0


def _slot_bins(table: EventTable, rows: NDArray[np.int32]) -> dict[int, Counter[int]]:
    if table.numbers is None or not len(table.numbers):
        return {}
    out = {}
    width = table.numbers_count[rows]
    for slot in range(min(int(width.max(initial=0)), MOST_SLOTS)):
        held = table.numbers[table.numbers_start[rows[width > slot]] + slot]
        held = held[held > 0]
        if len(held):
            bins, counts = np.unique(
                np.floor(BINS_PER_OCTAVE * np.log2(np.maximum(held, 1e-12))).astype(int), return_counts=True
            )
            out[slot] = Counter(dict(zip(bins.tolist(), counts.tolist())))
    return out


def _step_counts(table: EventTable) -> dict[str, Counter[str]]:
    owner = table.sequence if (table.sequence >= 0).any() else np.zeros(len(table), np.int32)
    rows = np.flatnonzero(owner >= 0)
    rows = rows[np.argsort(owner[rows], kind="stable")]
    template, owner = table.template[rows].astype(np.int64), owner[rows]
    inside = owner[1:] == owner[:-1]
    wide = len(table.templates)
    pairs, counts = np.unique(template[:-1][inside] * wide + template[1:][inside], return_counts=True)
    out: dict[str, Counter[str]] = {}
    for pair, count in zip(pairs.tolist(), counts.tolist()):
        out.setdefault(table.templates[pair // wide], Counter())[table.templates[pair % wide]] = count
    begins, counts = np.unique(template[np.flatnonzero(np.append(True, ~inside))], return_counts=True)
    out[BEGIN] = Counter({table.templates[one]: count for one, count in zip(begins.tolist(), counts.tolist())})
    return out


def _combined(one: Reference, other: Reference, sign: int) -> Reference:
    out = Reference(
        events=one.events + sign * other.events,
        seconds=one.seconds + sign * other.seconds,
        minutes=max(one.minutes + sign * other.minutes, 0),
    )
    for key in [*one.kinds, *(key for key in other.kinds if key not in one.kinds)]:
        a, b = one.kinds.get(key, KindSums()), other.kinds.get(key, KindSums())
        values = {slot: Counter(a.values.get(slot, Counter())) for slot in {*a.values, *b.values}}
        for slot, bins in b.values.items():
            for at, n in bins.items():
                values[slot][at] += sign * n
        count = a.count + sign * b.count
        if count <= 0:
            continue
        out.kinds[key] = KindSums(
            count, max(a.places + sign * b.places, 1), max(a.pauses + sign * b.pauses, 0), a.pause_sum + sign * b.pause_sum,
            a.pause_square + sign * b.pause_square, sorted([*a.largest, *(b.largest if sign > 0 else [])], reverse=True)[:LARGEST],
            a.minute_square + sign * b.minute_square, max(a.minute_most, b.minute_most if sign > 0 else 0),
            {slot: +bins for slot, bins in values.items() if +bins},
        )  # fmt: skip
    for before in {*one.steps, *other.steps}:
        after = Counter(one.steps.get(before, Counter()))
        for template, n in other.steps.get(before, Counter()).items():
            after[template] += sign * n
        if +after:
            out.steps[before] = +after
    return out


def judge_by(table: EventTable, reference: Reference) -> list[Candidate]:
    """Put the five questions to each event of a table, with a reference in place of the log's own rest.

    What is gone is asked of whole kinds: those that the reference holds often and the table never.
    """
    found: list[Candidate] = []
    kinds = find_kinds(table)
    fixed: dict[tuple[str | None, str], Answer] = {}
    for kind in range(len(kinds.count)):
        rows, grade = kinds.rows(kind), int(table.kind_class[kind])
        template = table.templates[table.kind_template[kind]]
        first, last = int(rows[0]), int(rows[-1])
        common = {"kind": kind, "severity": int(kinds.classes[kind]), "rarity": len(rows)}
        answer = reference.new(template, grade)
        if answer.reason and (grade >= WARNING or answer.nats > 0):
            found.append(
                Candidate(
                    "new",
                    answer.nats,
                    answer.prior,
                    first,
                    rows[:50].tolist(),
                    len(rows),
                    first,
                    last,
                    answer.reason,
                    **common,
                )
            )
            continue
        if first != last and not np.isnan(table.timestamp[first]):
            minute, where, counts = np.unique(table.timestamp[rows] // 60, return_index=True, return_counts=True)
            at = int(np.argmax(counts))
            answer = reference.too_many(template, grade, int(counts[at]), 60.0)
            if answer.nats > 0:
                inside = rows[where[at] : where[at] + counts[at]]
                found.append(
                    Candidate(
                        "burst",
                        answer.nats,
                        0.0,
                        int(inside[0]),
                        inside[:50].tolist(),
                        len(inside),
                        int(inside[0]),
                        int(inside[-1]),
                        answer.reason,
                        **common,
                    )
                )
            del minute
        if table.numbers is not None and len(table.numbers):
            for slot in range(min(int(table.numbers_count[rows].max(initial=0)), MOST_SLOTS)):
                held = rows[table.numbers_count[rows] > slot]
                numbers = table.numbers[table.numbers_start[held] + slot]
                row = int(held[np.argmax(numbers)])
                answer = reference.unusual_value(template, grade, slot, float(numbers.max()))
                if answer.nats > 0:
                    found.append(
                        Candidate("value", answer.nats, 0.0, row, [row], 1, row, row, answer.reason, **common)
                    )
    owner = table.sequence if (table.sequence >= 0).any() else np.zeros(len(table), np.int32)
    rows = np.argsort(owner, kind="stable")
    rows = rows[owner[rows] >= 0]
    names = [table.templates[one] for one in table.template[rows]] if len(rows) <= 2_000_000 else []
    for place in range(1, len(names)):
        if owner[rows[place]] != owner[rows[place - 1]]:
            continue
        pair = names[place - 1], names[place]
        if pair not in fixed:
            fixed[pair] = reference.unexpected(*pair)
        answer = fixed[pair]
        if answer.reason and answer.nats > 0:
            row = int(rows[place])
            kind = int(table.kind[row])
            found.append(
                Candidate(
                    "unexpected",
                    answer.nats,
                    0.0,
                    row,
                    [int(rows[place - 1]), row],
                    1,
                    int(rows[place - 1]),
                    row,
                    answer.reason,
                    kind,
                    int(kinds.classes[kind]),
                    int(kinds.count[kind]),
                )
            )
    return found
