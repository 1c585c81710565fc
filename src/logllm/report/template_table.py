"""Every template of a scan with its count, first and last time, and trend: what the log is made of, and what is new in it.

Notes: Templates that no training line had are mined from the scanned lines themselves, so that a new
message has a row too; a line that belongs to several windows counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from logllm.hf_datasets import TemplateMiner, parse_lines
from logllm.suppressions import novel_key
from logllm.verdict import Verdict

BUCKETS = 24
MOST_LINES = 2_000_000


@dataclass
class TemplateRow:
    """One template of the scanned lines."""

    key: str
    text: str
    count: int = 0
    seen_in_training: int | None = None
    first: float | None = None  # seconds since 1970
    last: float | None = None
    first_line: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    @property
    def trend(self) -> str:
        """In a word: "new" (never in training), "rising", "falling" or "steady", by the outer thirds of the scan."""
        if self.seen_in_training == 0:
            return "new"
        third = BUCKETS // 3
        before, after = sum(self.buckets[:third]), sum(self.buckets[-third:])
        if self.count >= 10 and after > 2 * before:
            return "rising"
        return "falling" if self.count >= 10 and before > 2 * after else "steady"


def template_rows(verdicts: Sequence[Verdict], detector: Any) -> list[TemplateRow]:
    """Rows for all templates, new ones first, then by count."""
    if detector.family != "logllama":
        return []
    raw: dict[int, str] = {}
    for verdict in verdicts:
        if len(raw) < MOST_LINES:
            raw.update(zip(verdict.line_numbers, verdict.lines))
    if not raw:
        return []
    numbers = sorted(raw)
    low, span = numbers[0], max(numbers[-1] - numbers[0], 1)
    novel = TemplateMiner(detector.system.drain)
    rows: dict[str, TemplateRow] = {}
    new: dict[int, TemplateRow] = {}
    for number, line in zip(numbers, parse_lines((raw[n] for n in numbers), detector.system)):
        key = detector.scorer.key(line.content)
        if key is None:
            cluster = novel.add(line.content)
            row = new.setdefault(
                cluster, TemplateRow(novel_key(line.content), "", seen_in_training=0, first_line=number)
            )
        else:
            known = rows.get(key)
            if known is None:
                template = detector.processor.template(key) or {"text": key, "count": None}
                known = TemplateRow(key, template["text"], seen_in_training=template["count"], first_line=number)
                rows[key] = known
            row = known
        row.count += 1
        row.buckets[min(int((number - low) / span * BUCKETS), BUCKETS - 1)] += 1
        if line.timestamp is not None:
            row.first = line.timestamp if row.first is None else min(row.first, line.timestamp)
            row.last = line.timestamp if row.last is None else max(row.last, line.timestamp)
    table = novel.table()["templates"]
    for cluster, row in new.items():
        row.text = table[cluster - 1]["text"]
    return sorted([*rows.values(), *new.values()], key=lambda row: (row.seen_in_training != 0, -row.count))
