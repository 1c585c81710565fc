"""`logllm scan`: judge logs with a checkpoint, or learn what is normal from their first part and judge the rest.

Notes:
- Without a checkpoint nothing is known, so the first part of the windows is taken as normal but for its oddest few
  (see `learning`); whatever else is odd in it is learnt as normal too. The verdicts are of the rest only, and the result
  says so.
- What is shown are findings: windows with one reason are one entry, with the worst of them as the example.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from logllm.decision.detector import Counts, Detector
from logllm.decision.drift import Drift, measure_drift
from logllm.decision.severity import severities
from logllm.errors import LogllmError
from logllm.fitting.encoded_log import LEAST_WINDOWS, EncodedLog, EncodedWindow
from logllm.fitting.learn import fit_encoded
from logllm.hf_datasets import (
    LogLine,
    LogSystem,
    TemplateMiner,
    Window,
    get_system,
    guess_system,
    make_windows,
    parse_lines,
    read_lines,
)
from logllm.report.findings import Finding, group_findings, without
from logllm.suppressions import Suppressions
from logllm.verdict import Verdict

LEARN_SHARE = 0.6
CALIBRATION_SHARE = 0.2  # of the part that is learnt from
ALARMS_PER_THOUSAND = 10.0  # of windows: what may be flagged of a normal log when nobody asked for a budget
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
        """Take the flag off windows whose guilty lines are suppressed."""
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


def scan_unknown(
    paths: Sequence[Path],
    system: LogSystem | str | None = None,
    session_labels: dict[str, int] | None = None,
    *,
    seed: int = 0,
    severity_weight: float = 1.0,
    progress: bool = True,
) -> Scan:
    """Learn from the first part of the logs and judge the rest; labels are for the verdicts only, never learnt from."""
    row, lines = read_logs(paths, get_system(system) if isinstance(system, str) else system)
    counts = Counts()
    raw: dict[int, str] = {}

    def remembered() -> Iterator[LogLine]:
        for line in parse_lines(lines, row):
            raw[line.number] = line.raw
            counts.lines += 1
            counts.unparsed += not line.parsed
            yield line

    windows = list(make_windows(remembered(), row.window, session_labels))
    if session_labels:
        _check_labels(windows, session_labels)
    if len(windows) < LEAST_WINDOWS:
        raise LogllmError(
            f"a log must give at least {LEAST_WINDOWS} windows to learn from its first part, found {len(windows)} "
            f"({counts.lines:,} lines as {row.title}): give a longer log, or a trained checkpoint with --model"
        )
    cut = max(int(LEARN_SHARE * len(windows)), LEAST_WINDOWS)
    cut = min(cut, len(windows) - 1)
    detector, _ = fit_encoded(
        _coded(windows[:cut], raw, row),
        row,
        alarms=ALARMS_PER_THOUSAND,
        timed=False,
        severity_weight=severity_weight,
        seed=seed,
        held_share=CALIBRATION_SHARE,
        least=1,
        progress=progress,
    )
    verdicts = list(detector.judge(windows[cut:], raw, explain="flagged"))
    counts.windows, counts.flagged = len(verdicts), sum(v.is_anomalous for v in verdicts)
    return Scan(row, detector.threshold, verdicts, counts, detector, learnt_from=cut)


def _coded(windows: Sequence[Window], raw: Mapping[int, str], system: LogSystem) -> EncodedLog:
    """Windows without text or labels: what a user without labels gets is learnt from this alone."""
    mask = TemplateMiner(system.drain).mask
    codes: dict[str, int] = {}
    found = []
    for window in windows:
        coded = array("i", (codes.setdefault(mask(content), len(codes)) for content in window.lines))
        severity = severities([raw[number] for number in window.line_numbers], window.lines, system)
        found.append(EncodedWindow(coded, tuple(severity), window.first_timestamp, window.line_numbers[0]))
    return EncodedLog(found, list(codes), sum(len(window.codes) for window in found), 0)


def _check_labels(windows: Sequence[Window], labels: Mapping[str, int]) -> None:
    if not any(window.window_id in labels for window in windows):
        example: Any = next(iter(labels))
        raise LogllmError(
            f"the label file must belong to the log, found none of its {len(labels):,} sessions (such as {example}) "
            "in the log: give the label file of this log, or none"
        )


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
