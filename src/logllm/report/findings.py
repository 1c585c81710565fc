"""Many windows with one reason are one finding: what a person reads first is ten different things, not one ten times.

Notes:
- Windows belong together when their guiltiest line has the same template; lines that no template matches are grouped by
  templates mined from the flagged lines themselves. A window without a marked line (its counts are odd) is grouped by
  which keys are odd.
- Findings are in the order of the score that is printed, that of their worst window; of equal ones the one with more
  windows comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from logllm.hf_datasets import LogSystem, TemplateMiner
from logllm.suppressions import content_of, key_of
from logllm.verdict import Verdict, without_counts


@dataclass
class Finding:
    """Windows that were flagged (or stand out) for the same reason; `verdict` is the worst of them, with evidence."""

    verdict: Verdict
    key: str  # of the marked line's template: what `logllm ok` takes
    template: str
    windows: int = 1
    lines: int = 0
    first_timestamp: float | None = None
    last_timestamp: float | None = None
    score: float = 0.0

    @property
    def rank(self) -> tuple[float, int]:
        """What findings are sorted by, highest first: the printed score, and among equals the number of windows."""
        return self.score, self.windows


def _group(verdict: Verdict, system: LogSystem, novel: TemplateMiner) -> str:
    """What a verdict has in common with others of its finding."""
    worst = verdict.worst(1)
    if not worst:
        return verdict.window_id
    item = worst[0]
    if "occurs" in item.reason or "missing" in item.reason:  # marked by count, not by itself
        return item.template + without_counts(item.reason)
    return item.template or f"novel {novel.add(content_of(item.text, system))}"


def group_findings(
    verdicts: Iterable[Verdict], explain: Callable[[Verdict], Verdict], system: LogSystem, most: int = 5000
) -> list[Finding]:
    """Group verdicts into findings, worst first.

    Args:
        verdicts: flagged ones, or any that are to be ranked.
        explain: gives a verdict its evidence.
        system: how the lines are read.
        most: verdicts that are explained and grouped, those with the highest scores.
    """
    novel = TemplateMiner(system.drain)
    ranked = sorted(verdicts, key=lambda verdict: -verdict.score)[:most]
    found: dict[str, Finding] = {}
    for verdict in ranked:
        explained = explain(verdict)
        group = _group(explained, system, novel)
        finding = found.get(group)
        if finding is None:
            item = next(iter(explained.worst(1)), None)
            finding = found[group] = Finding(
                explained,
                key_of(item, system) if item else "",
                (item.template or content_of(item.text, system)) if item else "",
                windows=0,
                score=verdict.score,
            )
        finding.windows += 1
        finding.lines += sum(bool(item.reason) for item in explained.evidence)
        times = [t for t in (verdict.first_timestamp, finding.first_timestamp) if t is not None]
        finding.first_timestamp = min(times, default=None)
        times = [t for t in (verdict.last_timestamp, finding.last_timestamp) if t is not None]
        finding.last_timestamp = max(times, default=None)
    return sorted(found.values(), key=lambda finding: finding.rank, reverse=True)


def without(verdicts: Sequence[Verdict], suppressed: Any, explain: Callable[[Verdict], Verdict]) -> list[Verdict]:
    """Verdicts with those un-flagged whose marked lines are all suppressed (see `suppress.Suppressions`)."""
    kept = []
    for verdict in verdicts:
        if verdict.is_anomalous and suppressed.covers(explain(verdict)):
            verdict = replace(verdict, is_anomalous=False)
        kept.append(verdict)
    return kept
