"""Failed builds: the lines that people mark in other failed builds come before what the five questions find.

A build log tells everything once, so nearly all of it is new; what failures look like is known from labelled builds
(`logllm.diff`).
"""

from __future__ import annotations

import numpy as np

from logllm.diff.failures import failure_findings

from .candidates import Candidate
from .findings import MOST_ROWS, Finding
from .scan import ScanResult
from .table import ERRONEOUS
from .weights import THRESHOLD

MOST_FINDINGS = 10
MOST_LINES = 100_000  # a longer log is seldom that of a build, and reading it twice would double the time


def lead_with_failures(result: ScanResult) -> None:
    """Put the failures of a failed build first, and take the flag off everything else; other logs stay as they are."""
    paths, table = result.log.paths, result.table
    if len(paths) != 1 or paths[0] == "-" or not 0 < len(table) <= MOST_LINES or result.model is not None:
        return
    found = failure_findings(paths[0])[:MOST_FINDINGS]
    if not found:
        return
    order = np.argsort(table.number, kind="stable")
    numbers = table.number[order]
    leading: list[Finding] = []
    for rank, one in enumerate(found):
        places = np.searchsorted(numbers, [line.number for line in one.lines], side="right") - 1
        rows = list(dict.fromkeys(int(order[place]) for place in places if place >= 0))
        if not rows:
            continue
        best = max(range(len(one.lines)), key=lambda at: one.lines[at].score)
        lead = int(order[max(0, int(places[best]))])
        lead = lead if lead in rows[:MOST_ROWS] else rows[0]
        # Above the threshold in the order of the ranker; its probability decides which ones are here at all.
        score = THRESHOLD + 1.0 + (len(found) - rank) / 10
        candidate = Candidate(
            "grave", score, 0.0, lead, rows[:MOST_ROWS], len(rows), min(rows), max(rows), one.reason,
            int(table.kind[lead]), ERRONEOUS, 1,
        )  # fmt: skip
        leading.append(Finding([candidate], round(score, 6), True, rows[:MOST_ROWS], len(rows)))
    for other in result.findings:
        other.is_anomalous = False
    result.findings[:0] = leading
    result.notes.append("read as the log of a failed build: what failures look like in other builds comes first")
