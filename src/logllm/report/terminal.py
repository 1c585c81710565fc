"""A scan as text for a terminal: ranked windows, guilty lines marked, reasons in words.

Log text is hostile: control characters, terminal escapes among them, are drawn as signs and never passed on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from logllm.report.findings import Finding
from logllm.report.html import printable
from logllm.report.scan import Scan
from logllm.verdict import Evidence, Verdict

Paint = Callable[[str, str], str]  # a code, a text -> the text in that colour, or as it is

SHOWN_LINES = 3
SHOWN_CHARACTERS = 160
BOLD, RED, DIM, PLAIN = "\033[1m", "\033[31m", "\033[2m", "\033[0m"


def scan_as_text(found: Scan, top: int, color: bool = False) -> str:
    """Write a summary and the `top` most suspicious windows."""
    paint: Paint = (lambda code, text: f"{code}{text}{PLAIN}") if color else (lambda code, text: text)
    counts = found.counts
    rows = [
        f"{counts.lines:,} lines read as {found.system.title}"
        + (
            f", {counts.unparsed:,} of them did not fit the format and were judged as they are"
            if counts.unparsed
            else ""
        )
    ]
    if found.learnt_from:
        rows.append(f"learnt from the first {found.learnt_from:,} windows, judged the {counts.windows:,} after them")
    rows += [f"note: {note}" for note in found.notes]
    share = f" ({counts.flagged / counts.windows:.1%})" if counts.windows else ""
    rows.append(f"{counts.flagged:,} of {counts.windows:,} windows flagged{share}, threshold {found.threshold:.2f}")
    for place, finding in enumerate(found.findings(top), 1):
        rows += ["", *_window(place, finding.verdict, paint), *_others(finding, paint)]
    return "\n".join(rows)


def scan_as_json(found: Scan, top: int) -> list[dict[str, Any]]:
    """The findings as plain JSON values: a verdict each, and what the finding adds."""
    rows = []
    for place, finding in enumerate(found.findings(top), 1):
        more = {
            "place": place,
            "template_key": finding.key,
            "windows": finding.windows,
            "finding_first_timestamp": finding.first_timestamp,
            "finding_last_timestamp": finding.last_timestamp,
        }
        rows.append({**finding.verdict.to_dict(), **more})
    return rows


def _others(finding: Finding, paint: Paint) -> list[str]:
    rows = []
    if finding.windows > 1:
        rows.append(f"      the same in {finding.windows - 1:,} more window{'s' if finding.windows > 2 else ''}")
    if finding.verdict.is_anomalous and finding.key:
        rows.append(paint(DIM, f"      not worth an alarm? logllm ok {finding.key}"))
    return rows


def _window(place: int, verdict: Verdict, paint: Paint) -> list[str]:
    quiet = "called fine" if verdict.score > verdict.threshold else "below the threshold"
    mark = paint(RED, "anomalous") if verdict.is_anomalous else quiet
    truth = "" if verdict.label is None else f"  (label: {'anomalous' if verdict.label else 'normal'})"
    name = printable(verdict.window_id, SHOWN_CHARACTERS)
    rows = [f"{place:>2}. {paint(BOLD, name)}  score {verdict.score:.2f}  {mark}, {len(verdict.lines)} lines{truth}"]
    for evidence in sorted(verdict.worst(SHOWN_LINES), key=lambda item: item.line_number):
        rows += _line(evidence, paint)
    if verdict.evidence and not any(evidence.reason for evidence in verdict.evidence):
        rows.append("      no single line carries this score: it is the window as a whole")
    return rows


def _line(evidence: Evidence, paint: Paint) -> list[str]:
    sign = ">" if evidence.reason else " "
    text = printable(evidence.text, SHOWN_CHARACTERS)
    rows = [f"  {paint(RED, sign) if evidence.reason else sign} line {evidence.line_number}: {text}"]
    if evidence.reason:
        rows.append(paint(DIM, f"      {printable(evidence.reason, 400)}"))
        if evidence.expected and evidence.rank != 1:
            wanted = " | ".join(printable(text, 60) for text in evidence.expected)
            rows.append(paint(DIM, f"      expected instead: {wanted}"))
    return rows
