"""The order of messages in a stream, against the pairs that a `Baseline` holds."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from typing import Any

from . import tails
from .baseline import MOST_OPEN_SEQUENCES, NO_TEMPLATE, Baseline
from .live import Signal
from .weights import WEIGHTS

UNSEEN = 0.3  # added to how often the baseline saw what is as surprising
_PAIR = 1 << 24


class StreamOrder:
    """Judges which message follows which, in the log and in its sessions, threads or components.

    Args:
        baseline: what is usual.
        threshold: log-odds from which a finding is told.
        text_of: the text of a template; -1 stands for the beginning of a sequence.
    """

    def __init__(self, baseline: Baseline, threshold: float, text_of: Callable[[int], str]):
        self.baseline, self.threshold, self.text_of = baseline, threshold, text_of
        self._known = len(baseline.keys)
        self._way = "sequence" if baseline.sequences > 0.3 * max(baseline.events, 1) else "log"
        self._before = NO_TEMPLATE
        self._previous: dict[int | str, int] = {}
        self._unigram: dict[int, int] = {}
        for kind in baseline.kinds.values():
            self._unigram[kind.template] = self._unigram.get(kind.template, 0) + kind.count
        self._find_fixed()
        self._find_usual()

    def _find_fixed(self) -> None:
        """For each way the templates that nearly always have one and the same follower."""
        self._fixed: dict[str, dict[int, int]] = {}
        self._breaks = dict.fromkeys(self.baseline.follows, 0)
        for way, table in self.baseline.follows.items():
            fixed = self._fixed[way] = {}
            for before, row in table.items():
                total = sum(row.values())
                top = max(row, key=lambda template: row[template])
                if before != NO_TEMPLATE and total >= 20 and row[top] >= max(0.9 * total, total - 12):
                    fixed[before] = top
                    self._breaks[way] += total - row[top]

    def _find_usual(self) -> None:
        """How surprising each known pair is, and which surprises are usual."""
        seen: dict[float, int] = {}
        pairs: list[tuple[int, float]] = []
        for before, row in self.baseline.follows[self._way].items():
            total = sum(row.values())
            for template, count in row.items():
                # Each event's surprise if the baseline had not held it: what an event of the same log to come would have.
                without = self._surprise_of(row, total, template, count - 1)
                seen[without] = seen.get(without, 0) + count
                pairs.append((before * _PAIR + template, self._surprise_of(row, total, template, count)))
        self._tail_surprise: list[float] = []
        self._tail_count: list[int] = []
        events = 0
        for surprise in sorted(seen, reverse=True):
            events += seen[surprise]
            self._tail_surprise.append(-surprise)
            self._tail_count.append(events)
        need = self.threshold / WEIGHTS["unexpected"]
        self._usual_pairs = {pair for pair, surprise in pairs if self._nats_of(surprise) < need}

    def _surprise_of(self, row: dict[int, int], total: int, template: int, count: int) -> float:
        """Minus the log of the probability of what comes next: absolute discounting, backing off to how often it comes."""
        left = 0.75 * len(row) / total
        alone = (self._unigram.get(template, 0) + 0.5) / (self.baseline.events + 0.5 * len(self._unigram) + 1)
        return -math.log(max(count - 0.75, 0.0) / total + left * alone)

    def _nats_of(self, surprise: float) -> float:
        """Minus the log of how many events as surprising the baseline would give."""
        at = bisect.bisect_right(self._tail_surprise, -surprise)
        if at:
            return -math.log(self._tail_count[at - 1] + UNSEEN)
        most = -self._tail_surprise[0] if self._tail_surprise else 0.0
        return -math.log(UNSEEN) + min(surprise - most, 5.0)

    def observe(self, template: int, sequence: int | str | None, code: int) -> list[Signal]:
        """What the place of one event in the log and in its sequence says; `code`: its kind."""
        found: list[Signal] = []
        before, self._before = self._before, template
        if self._fixed["log"].get(before, template) != template:
            found += self._broken("log", before, template, code)
        if self._way == "sequence":
            if sequence is None:
                return found
            previous = self._previous
            before = previous.get(sequence, NO_TEMPLATE)
            previous[sequence] = template
            if len(previous) > MOST_OPEN_SEQUENCES:
                for name in list(previous)[: MOST_OPEN_SEQUENCES // 2]:
                    del previous[name]
            if self._fixed["sequence"].get(before, template) != template:
                found += self._broken("sequence", before, template, code)
        if before * _PAIR + template in self._usual_pairs or template >= self._known:
            return found
        row = self.baseline.follows[self._way].get(before)
        if not row:
            return found
        total, count = sum(row.values()), row.get(template, 0)
        nats = self._nats_of(self._surprise_of(row, total, template, count))
        if WEIGHTS["unexpected"] * nats < self.threshold:
            return found
        top = max(row, key=lambda one: row[one])
        what = "the sequence begins with" if before == NO_TEMPLATE else f'"{self.text_of(before)}" is followed by'
        often = "never" if not count else f"{count:,} of {total:,} times"
        reason = f'{what} this message {often}; mostly (in {row[top]:,} of {total:,}) comes "{self.text_of(top)}"'
        return [*found, Signal("unexpected", nats, 0.0, reason, code)]

    def _broken(self, way: str, before: int, template: int, code: int) -> list[Signal]:
        """A fixed order that is broken."""
        if template >= self._known:
            return []  # a new message says more than that it stands between two others
        row, fixed = self.baseline.follows[way][before], self._fixed[way]
        total, usual = sum(row.values()), fixed[before]
        if row.get(template, 0) > 2:
            return []
        nats = tails.at_least_one(tails.expected_new(self._breaks[way], 0)) + 0.3 * math.log(total / 20)
        missing = fixed.get(usual) == template
        text = f'"{self.text_of(usual)}" follows "{self.text_of(before)}" in {row[usual]:,} of {total:,} cases'
        reason = f'"{self.text_of(usual)}" is missing: {text}' if missing else f"{text}, here comes another message"
        return [Signal("missing" if missing else "unexpected", nats, 0.0, reason, code)]

    def forget_sequences(self) -> None:
        """The positions of sequences mean others from now on."""
        self._previous.clear()

    def state(self) -> dict[str, Any]:
        """What goes on, as plain JSON values."""
        return {"before": self._before, "previous": list(self._previous.items())}

    def resume(self, values: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._before, self._previous = values["before"], dict(values["previous"])
