"""Closed windows -> alerts: scored together, held against the threshold and the suppressions, counted, watched for drift.

The scores of the last windows are kept (and nothing else of them), so that drift is told from what is going on now; it is
told once, when it begins.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from logllm.decision.drift import Drift, compare
from logllm.hf_datasets import Window
from logllm.hf_datasets.live_windows import OpenWindow, as_window
from logllm.suppressions import Suppressions, key_of
from logllm.verdict import Evidence, Verdict
from logllm.watch.metrics import Metrics

if TYPE_CHECKING:  # to watch without a model loads no model library
    from logllm.decision.detector import Detector

RECENT_WINDOWS = 2000
DRIFT_EVERY = 500


class Judge:
    """What closed windows go through.

    Args:
        detector: a fitted detector.
        suppressions: templates that raise no alarm.
        metrics: figures to keep up to date.
        say: takes remarks for people.
    """

    def __init__(
        self,
        detector: Detector,
        suppressions: Suppressions | None,
        metrics: Metrics | None,
        say: Callable[[str], None],
    ):
        self.detector, self.suppressions, self.metrics, self.say = detector, suppressions, metrics, say
        self.lineage = detector.calibration.lineage if detector.calibration else ""
        self.recent: deque[tuple[float, int, int]] = deque(maxlen=RECENT_WINDOWS)  # score, unseen lines, lines
        self.drifted = False
        self._since = self._unseen = self._lines = 0

    def __call__(self, closed: list[OpenWindow], number: int) -> list[dict[str, Any]]:
        """The alerts of windows that closed with line `number`."""
        windows = [as_window(one) for one in closed]
        raw = [[line.raw for line in one.members] for one in closed]
        found = self.detector.scored([window.lines for window in windows], raw)
        alerts = []
        for window, lines, (score, unseen) in zip(windows, raw, found):
            if len(self.recent) == RECENT_WINDOWS:
                self._unseen -= self.recent[0][1]
                self._lines -= self.recent[0][2]
            self.recent.append((score, unseen, len(lines)))
            self._unseen += unseen
            self._lines += len(lines)
            if self.metrics:
                self.metrics.score.observe(score)
            alert = self._alert(window, lines, score) if score > self.detector.threshold else None
            if alert is not None:
                alerts.append(alert)
        if self.metrics:
            self.metrics.windows.inc(len(windows))
            self.metrics.anomalies.inc(len(alerts))
            self.metrics.unseen.set(self._unseen / max(self._lines, 1))
        self._since += len(windows)
        if self._since >= DRIFT_EVERY:
            self._since = 0
            alerts += self._look_for_drift(number)
        return alerts

    def _alert(self, window: Window, lines: list[str], score: float) -> dict[str, Any] | None:
        """The alert of a flagged window; None where all that it was flagged for is suppressed."""
        verdict = Verdict(
            window.window_id,
            score,
            self.detector.threshold,
            True,
            tuple(lines),
            tuple(window.line_numbers),
            self.detector.evidence(window, lines, score),
            first_timestamp=window.first_timestamp,
            last_timestamp=window.last_timestamp,
        )
        if self.suppressions is not None and self.suppressions.covers(verdict):
            if self.metrics:
                self.metrics.suppressed.inc()
            return None
        return alert_of(verdict, self.detector, self.lineage)

    def _look_for_drift(self, number: int) -> list[dict[str, Any]]:
        calibration = self.detector.calibration
        if calibration is None or len(self.recent) < DRIFT_EVERY:
            return []
        drift = compare(
            calibration.scores,
            [row[0] for row in self.recent],
            calibration.held_windows,
            (calibration.unseen_lines, calibration.held_lines),
            (self._unseen, self._lines),
        )
        if self.metrics:
            self.metrics.drift.set(drift.drifted)
            self.metrics.drift_gap.set(drift.gap)
        news = drift.drifted and not self.drifted
        self.drifted = drift.drifted
        if not news:
            return []
        self.say(drift.in_words())
        return [drift_alert(drift, self.lineage, number)]


SHOWN_LINES = 200
SHOWN_CHARACTERS = 4096
ALERT_SCHEMA = "logllm.alert/2"  # 2: events "finding"; every alert says to which `finding` it belongs


def stable_id(*parts: str) -> str:
    """Sixteen hex digits that are the same for the same parts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def alert_of(verdict: Verdict, detector: Detector, lineage: str) -> dict[str, Any]:
    """The alert of a flagged window as plain JSON values."""
    marked = sorted(verdict.marked(), key=lambda item: -item.score)
    wanted = {item.line_number for item in marked}
    evidence = {item.line_number: item for item in verdict.evidence}
    shown: list[dict[str, Any]] = []
    for i, (number, text) in enumerate(zip(verdict.line_numbers, verdict.lines)):
        if i < SHOWN_LINES or number in wanted:
            shown.append(_line_of(number, text, evidence.get(number), detector))
    first, last = verdict.line_numbers[0], verdict.line_numbers[-1]
    session = "" if verdict.window_id == f"{first}-{last}" else verdict.window_id
    name = stable_id(lineage, session, str(first), verdict.lines[0])
    return {
        "schema": ALERT_SCHEMA,
        "event": "anomaly",
        "id": name,
        "finding": name,
        "window_id": verdict.window_id,
        "score": round(verdict.score, 4),
        "threshold": round(verdict.threshold, 4),
        "anomaly.score": round(verdict.score, 4),
        "anomaly.threshold": round(verdict.threshold, 4),
        "reason": marked[0].reason if marked and marked[0].reason else "the window as a whole, no single line",
        "line": marked[0].line_number if marked else first,
        "template_key": key_of(marked[0], detector.system) if marked else "",
        "first_line_number": first,
        "last_line_number": last,
        "first_timestamp": verdict.first_timestamp,
        "last_timestamp": verdict.last_timestamp,
        "line_count": len(verdict.lines),
        "lines": shown,
    }


def _line_of(number: int, text: str, item: Evidence | None, detector: Detector) -> dict[str, Any]:
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
