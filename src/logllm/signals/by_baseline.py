"""`logllm scan --model` with a baseline of good runs: events judged as `watch` judges them, and shown as a scan shows them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from logllm.hf_datasets.events import EventBatch, EventLog

from .baseline import Baseline, rows_of
from .candidates import Candidate, find_kinds
from .findings import in_order_of_rank, make_findings
from .scan import ScanResult
from .stream import StreamFinding, StreamJudge
from .table import EventTable, read_table
from .weights import THRESHOLD

MOST_ROWS = 50


def scan_by_baseline(
    paths: Sequence[str | Path],
    baseline: Baseline,
    name: str,
    format: str | None = None,
    seen: Callable[[EventBatch], bool] | None = None,
) -> ScanResult:
    """Judge logs by what good runs taught; the scores are moved so that the baseline's threshold is that of a scan.

    Args:
        paths: the logs, together one.
        baseline: what is usual.
        name: what the head of the result calls it.
        format: name of a format; None guesses for each file.
        seen: called with each batch that was read; reading stops where it returns False.
    """
    start = time.perf_counter()
    log = EventLog([str(path) for path in paths], format, keys=baseline.keys)
    judge = StreamJudge(baseline, cooldown=math.inf)  # before the table of templates grows
    table, complete = read_table(log, seen)
    candidates = _candidates(table, judge) if len(table) else []
    notes = [f"judged by {baseline.events:,} events of good runs"] if len(table) else ["the log holds no events"]
    result = ScanResult(
        log,
        table,
        in_order_of_rank(make_findings(table, candidates)),
        [],
        notes,
        "n-gram of the good runs",
        name,
        None,
    )
    result.complete = complete
    result.seconds = time.perf_counter() - start
    return result


def _candidates(table: EventTable, judge: StreamJudge) -> list[Candidate]:
    kinds = find_kinds(table)
    latest: dict[tuple[str, int], StreamFinding] = {}
    for row in rows_of(table):
        for finding in judge.observe(*row):
            latest[finding.key, finding.begun] = finding
    for finding in judge.finish():
        latest[finding.key, finding.begun] = finding
    found = []
    for finding in latest.values():
        lead = max(finding.begun - 1 - (finding.kind == "silence"), 0)
        kind = int(table.kind[lead]) if finding.kind != "silence" else -1
        rows = [lead]
        if finding.count > 1 and kind >= 0 and finding.holds_every(judge.lives[finding.codes[0]]):
            own = kinds.rows(kind)
            rows = own[np.searchsorted(own, lead) :][: min(finding.count, MOST_ROWS)].tolist() or [lead]
        score = finding.score - judge.threshold + THRESHOLD
        reason = "; ".join([finding.reason, *finding.also])
        rarity = int(kinds.count[kind]) if kind >= 0 else 0
        found.append(
            Candidate(finding.kind, 0.0, score, lead, rows, finding.count, rows[0], rows[-1], reason, kind, finding.severity, rarity)
        )  # fmt: skip
    return found
