"""The alert of a flagged window: plain JSON values, one schema, an id that does not change.

What is peculiar here: the id is made of the model's lineage, the window's name and its first line, so the same window has
the same id in every life of a watcher; and an alert is bounded, however long its window or its lines are.
"""

from __future__ import annotations

import hashlib
from typing import Any

from logllm.detector import LogAnomalyDetector
from logllm.drift import Drift
from logllm.suppress import key_of
from logllm.verdict import Evidence, Verdict

SHOWN_LINES = 200
SHOWN_CHARACTERS = 4096
ALERT_SCHEMA = "logllm.alert/1"


def stable_id(*parts: str) -> str:
    """Sixteen hex digits that are the same for the same parts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def alert_of(verdict: Verdict, detector: LogAnomalyDetector, lineage: str) -> dict[str, Any]:
    """The alert of a flagged window as plain JSON values."""
    guilty = [item for item in verdict.evidence if item.reason] or list(verdict.worst(1))
    guilty.sort(key=lambda item: -item.score)
    wanted = {item.line_number for item in guilty}
    evidence = {item.line_number: item for item in verdict.evidence}
    shown: list[dict[str, Any]] = []
    for i, (number, text) in enumerate(zip(verdict.line_numbers, verdict.lines)):
        if i < SHOWN_LINES or number in wanted:
            shown.append(_line_of(number, text, evidence.get(number), detector))
    first, last = verdict.line_numbers[0], verdict.line_numbers[-1]
    session = "" if verdict.window_id == f"{first}-{last}" else verdict.window_id
    return {
        "schema": ALERT_SCHEMA,
        "event": "anomaly",
        "id": stable_id(lineage, session, str(first), verdict.lines[0]),
        "window_id": verdict.window_id,
        "score": round(verdict.score, 4),
        "threshold": round(verdict.threshold, 4),
        "anomaly.score": round(verdict.score, 4),
        "anomaly.threshold": round(verdict.threshold, 4),
        "reason": guilty[0].reason if guilty and guilty[0].reason else "the window as a whole, no single line",
        "line": guilty[0].line_number if guilty else first,
        "template_key": key_of(guilty[0], detector.system) if guilty else "",
        "first_line_number": first,
        "last_line_number": last,
        "first_timestamp": verdict.first_timestamp,
        "last_timestamp": verdict.last_timestamp,
        "line_count": len(verdict.lines),
        "lines": shown,
    }


def _line_of(number: int, text: str, item: Evidence | None, detector: LogAnomalyDetector) -> dict[str, Any]:
    row: dict[str, Any] = {"number": number, "text": text[:SHOWN_CHARACTERS]}
    if item is not None:
        row["score"] = round(item.score, 3)
        if item.reason:
            row |= {
                "reason": item.reason[:2000],
                "template": item.template[:SHOWN_CHARACTERS],
                "template_key": key_of(item, detector.system),
                "expected": [text[:400] for text in item.expected],
                "seen_in_training": item.seen_in_training,
            }
    return row


def drift_alert(drift: Drift, lineage: str, number: int) -> dict[str, Any]:
    """The event that says that the log is no longer the one that was learnt, at line `number`."""
    return {
        "schema": ALERT_SCHEMA,
        "event": "drift",
        "id": stable_id(lineage, "drift", str(number)),
        "message": drift.in_words(),
        **drift.to_dict(),
    }
