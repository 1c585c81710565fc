"""One kind of message in a stream: what goes on with it, and the limits beyond which it stands out.

The limits are worked out once from a `Baseline`, so that judging an event is comparing.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np

from logllm.hf_datasets.events.masks import PARAMETER

from . import tails
from .baseline import SCALES, ZERO_BIN, Baseline, Kind, Slot
from .candidates import STATED, WORDED
from .quantities import (
    CODE,
    FAR_DOWN,
    LEAST_DIFFERENT,
    LEAST_FALL,
    LEAST_VALUES,
    LEAST_ZEROS,
    MOST_NOT_ZERO,
    Quantity,
    far_above,
    gauge_margin,
    is_not_zero,
    names_things,
    value_reason,
)
from .table import CLASS_NAMES, ERRONEOUS, QUIET
from .weights import THRESHOLD, WEIGHTS

LEAST_BURST = 10
LEAST_WINDOWS = 8  # windows of a scale that a rate must rest on
LEAST_PAUSES = 15
NEVER = math.inf
EVERYTHING = (-NEVER, NEVER)


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
        slots: for each of its numbers the range outside which it stands out.
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
    slots: tuple[tuple[float, float], ...] = ()

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
    """The ranges outside which the numbers of a message stand out."""
    kind = live.kind
    assert kind is not None
    limits = [_range_of(slot) for slot in kind.slots]
    live.slots = tuple(limits) if any(limit != EVERYTHING for limit in limits) else ()


def _range_of(slot: Slot) -> tuple[float, float]:
    """The range of a number's usual values; `amounts` has the same tests, with all values at hand."""
    top, quantity, sample = slot.values.largest, slot.quantity, np.array(slot.sample)
    if quantity is not None and quantity.code and _mostly_zero(slot):
        return 0.0, 0.0
    if slot.values.count < LEAST_VALUES or slot.counts_up or not top:
        return EVERYTHING
    low, high = -NEVER, NEVER
    if top[-1] > 0:
        high = max(5 * top[-1], 20 * slot.values.quantile(0.5))
    if quantity is None or quantity.thing or not slot.smallest:
        return low, high
    values = {*slot.sample, *slot.smallest, *top}
    least, most = slot.smallest[0], top[-1]
    if len(values) < LEAST_DIFFERENT or least == most:
        return low, high
    if least >= 0 and all(value == math.floor(value) for value in values):
        width = math.log1p(most) - math.log1p(least)
        low = math.expm1(math.log1p(least) - max(FAR_DOWN * width, LEAST_FALL))
    if not names_things(sample):
        quarter, three = np.quantile(sample, (0.25, 0.75)).tolist()
        low = max(low, least - gauge_margin(least, most, quarter, three, slot.values.count, least))
        if not quantity.takes:
            high = min(high, most + gauge_margin(least, most, quarter, three, slot.values.count, most))
    return low, high


def _mostly_zero(slot: Slot) -> bool:
    zeros = slot.values.bins.get(ZERO_BIN, 0)
    others = slot.values.count - zeros
    return zeros >= LEAST_ZEROS and others <= MOST_NOT_ZERO * zeros and not (slot.smallest and slot.smallest[0] < 0)


def unusual_value(live: Live, place: int, value: float, cost: float) -> Signal | None:
    """A number outside its range; `cost`: nats for looking at so many kinds."""
    kind = live.kind
    if kind is None or not math.isfinite(value):
        return None
    slot = kind.slots[place]
    quantity = slot.quantity or Quantity()
    if live.slots[place] == (0.0, 0.0):
        zeros = slot.values.bins[ZERO_BIN]
        nats = tails.at_least_one(tails.expected_new(slot.values.count - zeros, 0.0))
        reason = f"{quantity.name} {value:.0f}, where {zeros:,} of {slot.values.count:,} are 0"
        return Signal("new", nats, WORDED[ERRONEOUS], reason, live.code)
    least, most = slot.smallest[0] if slot.smallest else -NEVER, slot.values.largest[-1]
    up, usual = value > most, slot.values.quantile(0.5) if not slot.sample else float(np.median(slot.sample))
    nats = 0.0
    if up and value > 0 and far_above(value, usual, most):
        nats = tails.beyond(math.log(value), [math.log(max(one, 1e-9)) for one in slot.values.largest], 0.15)
    elif up:
        nats = tails.beyond(value, slot.values.largest, 0.1 * (most - least))
    elif value < least:
        smallest, scale = [-one for one in slot.smallest], 0.1 * (most - least)
        nats = tails.beyond(-value, smallest, scale)
        if value >= 0:
            width = math.log1p(most) - math.log1p(least)
            scaled = [-math.log1p(one) for one in slot.smallest]
            nats = max(nats, tails.beyond(-math.log1p(value), scaled, max(0.1 * width, 0.15)))
    reason = value_reason(quantity, value, usual, most if up else least, up)
    nats -= cost
    return Signal("value", min(nats, 30.0), 0.0, reason, live.code) if nats > 0 and reason else None


class ReturnCodes:
    """Exit and return codes that stand in the templates of a baseline: which messages nearly always have 0.

    Args:
        baseline: what is usual.
    """

    def __init__(self, baseline: Baseline):
        self._counts: dict[str, list[int]] = {}
        for kind in baseline.kinds.values():
            text = baseline.keys.text(kind.template)
            match = CODE.search(text)
            if match is not None and match[3] != PARAMETER:
                self._counts.setdefault(_without(text, match), [0, 0])[is_not_zero(match[3])] += kind.count

    def unusual(self, text: str) -> str:
        """Why the code of a message's text is unusual; "" where it is not."""
        match = CODE.search(text) if self._counts else None
        if match is None or not is_not_zero(match[3]):
            return ""
        zeros, others = self._counts.get(_without(text, match), (0, 0))
        if zeros < LEAST_ZEROS or others > MOST_NOT_ZERO * zeros:
            return ""
        return f"{match[1]} {match[3]}, where {zeros:,} of {zeros + others:,} were 0"


def _without(text: str, match: re.Match[str]) -> str:
    return text[: match.start(3)] + PARAMETER + text[match.end(3) :]


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
