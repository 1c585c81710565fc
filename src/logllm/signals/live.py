"""One kind of message in a stream: what goes on with it, and the limits beyond which it stands out.

The limits are worked out once from a `Baseline`, so that judging an event is comparing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from . import tails
from .baseline import SCALES, Baseline, Kind
from .candidates import STATED, WORDED
from .table import CLASS_NAMES, ERRONEOUS, QUIET
from .weights import THRESHOLD, WEIGHTS

LEAST_BURST = 10
LEAST_WINDOWS = 8  # windows of a scale that a rate must rest on
LEAST_PAUSES = 15
LEAST_VALUES = 60
NEVER = math.inf


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


@dataclass(slots=True)
class Live:
    """What goes on with one kind, and its limits.

    Attributes:
        code: template * CLASSES + class of severity that the log states; -1 for the log as a whole.
        kind: what the baseline holds of it; None where it was not there.
        grade: class of severity, stated or by its words.
        worded: whether the words say so.
        now: events in the tick that goes on ...
        limit: ... of which so many stand out.
        limits: counts that stand out, for each of `SCALES`.
        buckets: for each of `SCALES` (window, events in it).
        last: clock at its last event.
        row: number of that event in the stream.
        number: number of its first line.
        pause: a longer pause stands out, on the clock ...
        rows: ... and in events.
        regular: whether it comes at even intervals.
        away: whether such a pause goes on.
        waits: whether a deadline for it is in the heap.
        rare: what each event of it says.
        slots: values beyond which a number stands out.
    """

    code: int
    kind: Kind | None
    grade: int = QUIET
    worded: bool = False
    now: int = 0
    limit: float = NEVER
    limits: list[float] = field(default_factory=list)
    buckets: list[list[int]] = field(default_factory=lambda: [[-1, 0] for _ in SCALES])
    last: float = 0.0
    row: int = 0
    number: int = 0
    pause: float = NEVER
    rows: float = 0.0
    regular: bool = False
    away: bool = False
    waits: bool = False
    rare: Signal | None = None
    slots: tuple[float, ...] = ()

    def expected(self, baseline: Baseline, scale: int) -> float:
        """Events that are usual in a window of a scale."""
        return 0.0 if self.kind is None else self.kind.count * SCALES[scale] / max(baseline.ticks, 1)


def is_frequent(kind: Kind, baseline: Baseline) -> bool:
    """Whether a kind comes often enough, over enough of the log, that its absence would be noticed."""
    whole = baseline.whole
    return kind.pauses.count >= LEAST_PAUSES and kind.last - kind.first >= 0.25 * (whole.last - whole.first)


def limit_rate(live: Live, baseline: Baseline) -> None:
    """How many events within a window stand out."""
    kind = live.kind
    assert kind is not None
    live.limits = []
    for scale, width in enumerate(SCALES):
        most = kind.counts[scale][-1] if kind.counts[scale] else 0
        enough = baseline.ticks / width >= LEAST_WINDOWS
        live.limits.append(max(LEAST_BURST, 2 * most + 1, 4 * live.expected(baseline, scale)) if enough else NEVER)
    live.limit = live.limits[0]


def _need(threshold: float) -> float:
    """Nats that a silence needs to be told."""
    return max(threshold, THRESHOLD) / WEIGHTS["silence"]


def limit_pause(live: Live, baseline: Baseline, threshold: float, cost: float) -> None:
    """The pause of a kind that comes often, beyond which it is away; `cost`: nats for looking at so many kinds."""
    kind = live.kind
    assert kind is not None
    need = _need(threshold) + cost
    middle = kind.pauses.quantile(0.5)
    spread = kind.pauses.quantile(0.9) - kind.pauses.quantile(0.1)
    live.regular = middle > 0 and spread <= 0.6 * middle and baseline.timed
    mean = (kind.last - kind.first) / max(kind.pauses.count, 1)
    longest = kind.pauses.largest
    if live.regular:
        live.pause = max(tails.far_enough(need, longest, 0.1 * middle), 2.5 * middle)
        return
    live.pause = max(tails.far_enough(need, longest, mean), 2 * longest[-1])
    rows = kind.rows.largest
    usual = baseline.events / max(kind.count, 1)
    least = max(usual, 0.1 * sum(rows) / len(rows))
    live.rows = max(tails.far_enough(need, rows, least), 2 * rows[-1], 30)


def limit_whole_pause(whole: Live, baseline: Baseline, threshold: float) -> None:
    """The pause of the log as a whole."""
    kind = baseline.whole
    top = kind.pauses.largest
    if not baseline.timed or kind.pauses.count < 30 or len(top) < 4:
        return
    middle = max(kind.pauses.quantile(0.5), 1e-3)
    far = tails.far_enough(_need(threshold), top, max(0.1 * middle, 0.25 * top[-4]))
    whole.pause = max(far, 3 * top[-4], 1.5 * top[-1], 10 * middle, 1.0)


def silence(live: Live, clock: float, baseline: Baseline, threshold: float, cost: float) -> Signal:
    """A pause that was longer than its limit."""
    kind = live.kind
    assert kind is not None
    pause, whole = clock - live.last, live.code == -1
    mean = (kind.last - kind.first) / max(kind.pauses.count, 1)
    usual = mean if live.regular else kind.pauses.quantile(0.5)
    least = 0.1 * usual if live.regular else mean
    if whole:
        least = max(0.1 * usual, 0.25 * kind.pauses.largest[-4])
    nats = tails.beyond(pause, kind.pauses.largest, least) - (0.0 if whole else cost)
    # The limit was set for the threshold; a pause that is told at its limit reaches it.
    nats = max(nats, _need(threshold) + 1e-6)
    longest = kind.pauses.largest[-1]
    if baseline.timed:
        each, gap, most = tails.duration(usual), tails.duration(pause), tails.duration(longest)
    else:
        each, gap, most = f"{usual:,.0f} lines", f"{pause:,.0f} lines", f"{longest:,.0f} lines"
    what = "no line" if whole else "stays away"
    reason = f"{what} for {gap}, where one comes every {each} and {most} was the longest pause"
    return Signal("silence", min(nats, 40.0), 0.0, reason, live.code)


def limit_values(live: Live) -> None:
    """Values beyond which the numbers of a message stand out."""
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


def unusual_value(live: Live, place: int, value: float, cost: float) -> Signal | None:
    """A number beyond its limit."""
    kind = live.kind
    assert kind is not None
    top = kind.slots[place].values
    scaled = [math.log(max(one, 1e-9)) for one in top.largest]
    nats = tails.beyond(math.log(value), scaled, 0.15) - cost
    usual = top.quantile(0.5)
    reason = f"the value {value:,.6g} where about {usual:,.3g} is usual and {top.largest[-1]:,.6g} the most so far"
    return Signal("value", min(nats, 30.0), 0.0, reason, live.code) if nats > 0 else None


def level_words(grade: int, worded: bool) -> str:
    """How a sentence about a message of a class of severity begins."""
    if grade == QUIET:
        return "a message "
    if worded:
        return "a message whose words name a fault, "
    return f"a message of level {CLASS_NAMES[grade]} "


def prior_of(grade: int, worded: bool, near: float) -> float:
    """Prior odds of a class of severity, less where the log has many messages of it."""
    usual = 0.7 * tails.usual_discount(near) if grade >= ERRONEOUS else 0.0
    return (WORDED if worded else STATED)[grade] - usual
