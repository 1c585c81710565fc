"""The windows of logs judged by a checkpoint: what a fitted model adds to `logllm scan --model`.

What is shown are findings: windows with one reason are one entry, with the worst of them as the example.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from logllm.decision.detector import Counts, Detector
from logllm.decision.drift import Drift, measure_drift
from logllm.hf_datasets import (
    LogSystem,
    guess_system,
    read_lines,
)
from logllm.report.findings import Finding, group_findings, without
from logllm.suppressions import Suppressions
from logllm.verdict import Verdict

SAMPLE_LINES = 1000


@dataclass
class Scan:
    """What was found: verdicts in window order, and what was gone through."""

    system: LogSystem
    threshold: float
    verdicts: list[Verdict]
    counts: Counts
    detector: Detector
    learnt_from: int = 0  # windows
    notes: list[str] = field(default_factory=list)
    drift: Drift | None = None
    _findings: list[Finding] | None = None

    def worst(self, n: int) -> list[Verdict]:
        """The n windows with the highest scores, with evidence."""
        ranked = sorted(self.verdicts, key=lambda verdict: -verdict.score)[:n]
        return [self.detector.explain(verdict) for verdict in ranked]

    def findings(self, n: int) -> list[Finding]:
        """The n findings to look at first: of flagged windows, then of the highest scores below the threshold."""
        if self._findings is None:
            flagged = [verdict for verdict in self.verdicts if verdict.is_anomalous]
            self._findings = group_findings(flagged, self.detector.explain, self.system)
        if len(self._findings) >= n:
            return self._findings[:n]
        calm = sorted((v for v in self.verdicts if not v.is_anomalous), key=lambda v: -v.score)[: 10 * n]
        known = {finding.key for finding in self._findings}
        more = group_findings(calm, self.detector.explain, self.system)
        return [*self._findings, *(one for one in more if one.key not in known)][:n]

    def suppress(self, suppressions: Suppressions) -> None:
        """Take the flag off windows whose marked lines are suppressed."""
        before = self.counts.flagged
        self.verdicts = without(self.verdicts, suppressions, self.detector.explain)
        self.counts.flagged = sum(verdict.is_anomalous for verdict in self.verdicts)
        self._findings = None
        if before > self.counts.flagged:
            self.notes.append(f"{before - self.counts.flagged:,} windows not flagged: their templates are suppressed")


def read_logs(paths: Sequence[Path], system: LogSystem | None) -> tuple[LogSystem, Iterator[str]]:
    """Open logs as one stream of lines, in the order given; the format is guessed where none is given."""
    first = read_lines(paths[0], "utf-8")
    if system is None:
        system = guess_system(list(islice(first, SAMPLE_LINES)))
    return system, chain.from_iterable(read_lines(path, system.encoding) for path in paths)


def scan_with(detector: Detector, paths: Sequence[Path], session_labels: dict[str, int] | None = None) -> Scan:
    """Judge logs with a trained detector; flagged windows come with evidence."""
    _, lines = read_logs(paths, detector.system)
    verdicts = list(detector.scan(lines, session_labels=session_labels))
    notes = []
    drift = measure_drift(detector, verdicts)
    if drift is not None and drift.drifted:
        notes.append(drift.in_words())
    if detector.counts.unparsed > detector.counts.lines / 2:
        notes.append(
            f"{detector.counts.unparsed:,} of {detector.counts.lines:,} lines do not fit the format "
            f"{detector.system.name} that the checkpoint was trained on"
        )
    return Scan(detector.system, detector.threshold, verdicts, detector.counts, detector, notes=notes, drift=drift)


def write_scan_report(found: Scan, path: Path, title: str) -> None:
    """Write a scan as one self-contained HTML file: findings, templates, and the windows themselves."""
    from logllm.report.html import write_report
    from logllm.report.template_table import template_rows

    findings = found.findings(10)
    # A session that was idle and goes on is two windows of one id: their lines tell them apart.
    explained = {verdict.line_numbers: verdict for verdict in found.worst(10)}
    explained |= {finding.verdict.line_numbers: finding.verdict for finding in findings}
    write_report(
        path,
        [
            explained.get(verdict.line_numbers, verdict) if not verdict.evidence else verdict
            for verdict in found.verdicts
        ],
        title=title,
        threshold=found.threshold,
        system=found.system.title,
        counts={
            "lines": found.counts.lines,
            "unparsed": found.counts.unparsed,
            **({"windows_learnt_from": found.learnt_from} if found.learnt_from else {}),
            "windows_judged": found.counts.windows,
        },
        findings=findings,
        templates=template_rows(found.verdicts, found.detector),
        notes=found.notes,
    )
