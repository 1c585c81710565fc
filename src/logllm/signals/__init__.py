"""Events judged without a model: new, unexpected here, too many or too few, an unusual value, grave.

    result = scan_logs(paths)                    findings of a whole log, each block judged by the rest of it
    rows = rows_of(result, result.findings[:10]) as `logllm scan --json` prints them; head(result) is its first object
    table, whole = read_table(EventLog(paths))   all events as columns, in the order in which they are judged
    reference = Reference.of(table)              what is usual, as sums: add, subtract, to_json, observe (a stream)
    reference.new(template, grade)               an `Answer`: nats, reason, prior; so unexpected, too_many, too_few,
                                                 unusual_value, grave
    judge_by(table, reference)                   candidates of a table by a reference (a good run, a fitted model)
    make_findings(table, candidates)             candidates folded into ranked findings

No torch is imported; `scan_logs(model=...)` takes what `signals.model.ask_model` gives.
"""

from .candidates import Candidate
from .findings import Finding, make_findings
from .reference import Answer, Reference, judge_by, kind_key
from .scan import ScanResult, describe, fetch, head, judge_table, scan_logs
from .table import EventTable, read_table

__all__ = [
    "Answer",
    "Candidate",
    "EventTable",
    "Finding",
    "Reference",
    "ScanResult",
    "describe",
    "fetch",
    "head",
    "judge_by",
    "judge_table",
    "kind_key",
    "make_findings",
    "read_table",
    "scan_logs",
]
