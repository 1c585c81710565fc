"""A judged window as text for a terminal: lines with a reason are marked.

Log text is hostile: control characters, terminal escapes among them, are drawn as signs and never passed on.
"""

from __future__ import annotations

from collections.abc import Callable

from logllm.report.html import printable
from logllm.verdict import Evidence, Verdict

Paint = Callable[[str, str], str]  # a code, a text -> the text in that colour, or as it is

SHOWN_LINES = 3
SHOWN_CHARACTERS = 160
BOLD, RED, DIM, PLAIN = "\033[1m", "\033[31m", "\033[2m", "\033[0m"


def window_lines(place: int, verdict: Verdict, paint: Paint) -> list[str]:
    """Write a window: its score, its verdict, and its most suspicious lines."""
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
