"""Findings: one thing to look at, made of candidates that are near each other, share a session, or are alike.

The score of a finding is a sum of log-odds: what each question found, in nats, times a weight that was fitted once (see
`weights`), plus the prior odds of its severity. It is flagged from `THRESHOLD` on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .candidates import FAR, Candidate
from .table import CLASS_NAMES, EventTable
from .weights import COMBINED, THRESHOLD, WEIGHTS

MOST_ROWS = 60  # rows that a finding names
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
    """

    candidates: list[Candidate]
    score: float
    is_anomalous: bool
    rows: list[int]
    count: int
    others: list[Candidate] = field(default_factory=list)

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
        """First row."""
        return min(one.first for one in self.candidates)

    @property
    def last(self) -> int:
        """Last row."""
        return max(one.last for one in [*self.candidates, *self.others])

    @property
    def reason(self) -> str:
        """Why, in one sentence."""
        words = self.lead.reason
        for one in self.candidates[1:]:
            if one.question != self.lead.question and one.lead == self.lead.lead:
                words += f"; {one.reason}"
        return words


def strength(candidate: Candidate) -> float:
    """Log-odds of one candidate."""
    return WEIGHTS[candidate.question] * candidate.nats + WEIGHTS["prior"] * candidate.prior


def make_findings(table: EventTable, candidates: Sequence[Candidate], events_of_template: dict[int, str] | None = None) -> list[Finding]:
    """Fold candidates into findings, in order of rank."""
    ordered = sorted(candidates, key=lambda one: (-strength(one), -one.severity, one.rarity, one.lead))
    found: list[Finding] = []
    spans: list[tuple[int, int]] = []
    by_kind: dict[tuple[str, int | str], int] = {}
    for one in ordered:
        near = next((place for place, span in enumerate(spans[:400]) if _near(one, span, found[place])), None)
        if near is not None:
            found[near].candidates.append(one)
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
        spans.append((one.first, one.last) if one.last - one.first <= 20 * CHAIN or one.question == "silence" else (one.first, one.first))
        found.append(Finding([one], 0.0, False, [], 0))
    for finding in found:
        best: dict[str, float] = {}
        for one in finding.candidates:
            group = "new" if one.question in ("new", "grave") else "order" if one.question in ("missing", "unexpected") else one.question
            best[group] = max(best.get(group, 0.0), strength(one))
        top = max(best.values())
        finding.score = round(top + COMBINED * (sum(best.values()) - top), 6)
        finding.is_anomalous = finding.score >= THRESHOLD
        leading = finding.lead
        rows = sorted({row for one in finding.candidates for row in one.rows})
        if len(rows) > MOST_ROWS:
            rows = sorted({leading.lead, *leading.rows[: MOST_ROWS // 2], *rows[: MOST_ROWS // 2 - 1]})
        finding.rows = rows
        finding.count = max(leading.count, len({one.kind for one in finding.candidates}) and leading.count) + len(finding.others)
    found.sort(key=lambda one: (not one.is_anomalous, -one.score, -one.lead.severity, one.lead.rarity, one.lead.lead))
    return found


def _near(one: Candidate, span: tuple[int, int], finding: Finding) -> bool:
    low, high = span
    if one.question == "silence" and finding.lead.question == "silence":
        # Several kinds that stay away during one stretch are one silence.
        overlap = min(one.last, high) - max(one.first, low)
        return overlap > 0.5 * min(one.last - one.first, high - low)
    if one.question == "burst" and finding.lead.question == "silence":
        # While one kind is away the share of the others rises.
        return one.first >= low - FAR and one.last <= high + FAR
    if finding.lead.question == "silence" and high - low > CHAIN:
        return abs(one.lead - low) <= FAR or abs(one.lead - high) <= FAR
    return low - FAR <= one.lead <= high + FAR or (one.question == "burst" and one.first <= high + FAR and one.last >= low - FAR)


def key_of(table: EventTable, finding: Finding) -> str:
    """What a finding is called where it is to be suppressed: its question and the template of its leading event."""
    lead = finding.lead
    if lead.kind < 0:
        return f"{lead.question} {lead.item}".strip()
    level = CLASS_NAMES[int(table.kind_class[lead.kind])]
    return f"{level + ' ' if level else ''}{table.templates[int(table.kind_template[lead.kind])]}"
