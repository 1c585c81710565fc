"""Findings: one thing to look at, made of candidates that are near each other, share a session, or are alike.

The score of a finding is a sum of log-odds: what each question found, in nats, times a weight that was fitted once (see
`weights`), plus the prior odds of its severity. It is flagged from `THRESHOLD` on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .candidates import FAR, Candidate
from .table import CLASS_NAMES, ERRONEOUS, EventTable
from .weights import COMBINED, OFFSETS, THRESHOLD, WEIGHTS

MOST_ROWS = 60  # rows that a finding names
# Questions that point at single events, not at stretches.
_PACED = ("burst", "drop")
_POINTED = ("new", "grave", "missing", "unexpected", "value")
MANY_SEQUENCES = 20
CHAIN = 200  # rows over which near candidates may form one finding


@dataclass(slots=True)
class Finding:
    """One thing to look at.

    Attributes:
        candidates: what it is made of, the strongest first.
        score: log-odds in nats.
        is_anomalous: whether the score reaches the threshold.
        rows: rows of the table that belong to it, the leading one among them, in order.
        count: how many events it stands for.
        others: findings like it elsewhere in the log, that are folded into it.
        is_fine: whether somebody called it fine; it is then not flagged, whatever its score.
    """

    candidates: list[Candidate]
    score: float
    is_anomalous: bool
    rows: list[int]
    count: int
    others: list[Candidate] = field(default_factory=list)
    is_fine: bool = False

    @property
    def lead(self) -> Candidate:
        """The strongest candidate."""
        return self.candidates[0]

    @property
    def kind(self) -> str:
        """new, unexpected, burst, drop, silence, value, grave or missing."""
        return self.lead.question

    @property
    def first(self) -> int:
        """First row of what it tells."""
        return min(one.first for one in self._told())

    @property
    def last(self) -> int:
        """Last row of what it tells."""
        return max(one.last for one in [*self._told(), *self.others])

    def _told(self) -> list[Candidate]:
        """The leading candidate and those that add to it; a weak one nearby moves no time."""
        return [
            one
            for one in self.candidates
            if one is self.lead or strength(one) > max(strength(self.lead), THRESHOLD) / 2
        ]

    def moved(self, rows: NDArray[np.int64], kinds: NDArray[np.int64]) -> Finding:
        """The finding in a larger table, of which its own table has the rows `rows` and the kinds `kinds`."""

        def move(one: Candidate) -> Candidate:
            kind = int(kinds[one.kind]) if one.kind >= 0 else -1
            lead, first, last = int(rows[one.lead]), int(rows[one.first]), int(rows[one.last])
            return replace(
                one, kind=kind, lead=lead, first=first, last=last, rows=[int(rows[row]) for row in one.rows]
            )

        return replace(
            self, candidates=[move(one) for one in self.candidates], others=[move(one) for one in self.others],
            rows=[int(rows[row]) for row in self.rows],
        )  # fmt: skip

    @property
    def reason(self) -> str:
        """Why, in one sentence."""
        told = {self.lead.question: self.lead.reason}
        for one in self.candidates[1:]:
            if one.lead == self.lead.lead:
                told.setdefault(one.question, one.reason)
        return "; ".join(told.values())


def strength(candidate: Candidate) -> float:
    """Log-odds of one candidate."""
    evidence = WEIGHTS[candidate.question] * candidate.nats - OFFSETS.get(candidate.question, 0.0)
    return max(evidence, 0.0) + WEIGHTS["prior"] * candidate.prior


def make_findings(
    table: EventTable, candidates: Sequence[Candidate], events_of_template: dict[int, str] | None = None
) -> list[Finding]:
    """Fold candidates into findings, in order of rank."""
    ordered = sorted(candidates, key=lambda one: (-strength(one), -one.severity, one.rarity, one.lead))
    found: list[Finding] = []
    spans: list[tuple[int, int]] = []
    by_kind: dict[tuple[str, int | str], int] = {}
    of_kind: dict[int, int] = {}  # severe kind that is new or grave -> its finding
    many = int(table.sequence.max(initial=-1)) + 1 >= MANY_SEQUENCES
    for one in sorted(
        ordered, key=lambda one: one.within >= 0 or (one.question in _PACED and one.severity >= ERRONEOUS)
    ):
        near = (
            of_kind.get(one.within) if one.within >= 0 else of_kind.get(one.kind) if one.question in _PACED else None
        )
        if near is None:
            near = next(
                (place for place, span in enumerate(spans[:400]) if _near(one, span, found[place], table, many)), None
            )
        if near is not None:
            found[near].candidates.append(one)
            if one.question in ("new", "grave") and one.severity >= ERRONEOUS and one.kind >= 0:
                of_kind.setdefault(one.kind, near)
            low, high = spans[near]
            if max(high, one.last) - min(low, one.first) <= max(CHAIN, high - low):
                spans[near] = min(low, one.first), max(high, one.last)
            continue
        name = (one.question, one.kind if one.kind >= 0 else one.item)
        alike = by_kind.get(name) if one.question in ("missing", "unexpected", "value", "burst") else None
        if alike is not None:
            found[alike].others.append(one)
            continue
        by_kind[name] = len(found)
        if one.question in ("missing", "unexpected"):
            spans.append((max(one.first, one.lead - FAR), min(one.last, one.lead + FAR)))
        elif one.question == "silence" or one.last - one.first <= 20 * CHAIN:
            spans.append((one.first, one.last))
        else:
            spans.append((one.first, one.first))
        if one.question in ("new", "grave") and one.severity >= ERRONEOUS and one.kind >= 0:
            of_kind.setdefault(one.kind, len(found))
        found.append(Finding([one], 0.0, False, [], 0))
    for finding in found:
        # Of a burst and a fault at one place the fault leads.
        finding.candidates.sort(key=lambda one: -strength(one) - 0.5 * one.severity * (strength(one) > 0))
        leading = finding.lead
        best: dict[str, float] = {}
        for one in finding.candidates:
            group = (
                "new"
                if one.question in ("new", "grave")
                else "order"
                if one.question in ("missing", "unexpected")
                else one.question
            )
            best[group] = max(best.get(group, 0.0), strength(one))
        top = max(best.values())
        finding.score = round(top + COMBINED * (sum(best.values()) - top), 6)
        finding.is_anomalous = bool(finding.score >= THRESHOLD)
        own = [
            one
            for one in finding.candidates
            if one is leading
            or (one.question in _POINTED and strength(one) > 0.2 * strength(leading))
            or (one.question == leading.question == "silence" and strength(one) > 0.3 * strength(leading))
        ]
        rows = sorted({row for one in own for row in one.rows})
        if len(rows) > MOST_ROWS:
            leads = [one.lead for one in own[: MOST_ROWS // 4]]
            rows = sorted({*leads, *leading.rows[: MOST_ROWS // 2], *rows[: MOST_ROWS // 4]})
        finding.rows = rows
        finding.count = leading.count + len(finding.others)
    return in_order_of_rank(found)


def in_order_of_rank(findings: Sequence[Finding]) -> list[Finding]:
    """Flagged ones first, by score; ties by severity, then rarity, then time."""
    return sorted(
        findings,
        key=lambda one: (not one.is_anomalous, -one.score, -one.lead.severity, one.lead.rarity, one.lead.lead),
    )


def _near(one: Candidate, span: tuple[int, int], finding: Finding, table: EventTable, many: bool) -> bool:
    low, high = span
    if one.question in ("new", "burst") and finding.lead.question in ("new", "burst"):
        # What one host, thread or session of many says within a stretch belongs together.
        sequence = table.sequence[finding.lead.lead]
        if many and sequence >= 0 and sequence == table.sequence[one.lead]:
            if low - CHAIN <= one.lead <= high + CHAIN:
                return True
    if one.question == "silence" and finding.lead.question == "silence":
        # Several kinds that stay away during one stretch are one silence.
        overlap = min(one.last, high) - max(one.first, low)
        return overlap > 0.5 * min(one.last - one.first, high - low)
    if one.question == "burst" and finding.lead.question == "silence":
        # While one kind is away the share of the others rises.
        return one.first >= low - FAR and one.last <= high + FAR
    if finding.lead.question == "silence" and high - low > CHAIN:
        return abs(one.lead - low) <= FAR or abs(one.lead - high) <= FAR
    return low - FAR <= one.lead <= high + FAR or (
        one.question == "burst" and one.first <= high + FAR and one.last >= low - FAR
    )


def key_of(table: EventTable, finding: Finding) -> str:
    """What a finding is called where it is to be suppressed: its question and the template of its leading event."""
    lead = finding.lead
    if lead.kind < 0:
        return f"{lead.question} {lead.item}".strip()
    level = CLASS_NAMES[int(table.kind_class[lead.kind])]
    return f"{level + ' ' if level else ''}{table.templates[int(table.kind_template[lead.kind])]}"
