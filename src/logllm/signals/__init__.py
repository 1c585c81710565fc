"""Events judged without a model: new, unexpected here, too many or too few, an unusual value, grave.

    result = scan_logs(paths)                    findings of a whole log, each block judged by the rest of it
    rows = rows_of(result, result.findings[:10]) as `logllm scan --json` prints them; head(result) is its first object
    table, whole = read_table(EventLog(paths))   all events as columns, in the order in which they are judged
    baseline.Baseline, stream.StreamJudge        what a log taught, as JSON; events judged one by one by it (watch)
    make_findings(table, candidates)             candidates folded into ranked findings

No torch is imported; `scan_logs(model=...)` takes what `signals.model.ask_model` gives.
"""

from .candidates import Candidate
from .findings import Finding, make_findings
from .scan import ScanResult, describe, fetch, head, judge_table, scan_logs
from .table import EventTable, read_table

__all__ = [
    "Candidate",
    "EventTable",
    "Finding",
    "ScanResult",
    "describe",
    "fetch",
    "head",
    "judge_table",
    "make_findings",
    "read_table",
    "scan_logs",
]
