"""Lines of a log as it grows -> events -> findings -> alerts, one a finding.

An alert of a finding is sent when it begins, again with its new count at most once in a cooldown while it goes on, and
when a silence ends. All of them have the same `finding`; each has an `id` of its own, which is the same after a restart.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from logllm.hf_datasets.events import EventStream, LogEvent
from logllm.signals.baseline import Baseline
from logllm.signals.stream import COOLDOWN, StreamFinding, StreamJudge
from logllm.signals.table import CLASS_NAMES
from logllm.suppressions import Suppressions
from logllm.watch.alerts import ALERT_SCHEMA, SHOWN_CHARACTERS, SHOWN_LINES, stable_id
from logllm.watch.collected import Collected, Collector
from logllm.watch.metrics import Metrics

CONTEXT_LINES = 3
JOIN_SECONDS = 2.0  # without a further line an event is whole


class EventJudge:
    """What lines go through on their way to alerts.

    Args:
        baseline: what is usual.
        collector: takes lines out of their records.
        suppressions: what was called fine.
        metrics: figures to keep up to date.
        order: whether the order of messages is judged here; windows of a model do it better.
        cooldown: seconds between two alerts of one finding.
    """

    def __init__(
        self,
        baseline: Baseline,
        collector: Collector,
        suppressions: Suppressions | None = None,
        metrics: Metrics | None = None,
        *,
        order: bool = True,
        cooldown: float = COOLDOWN,
    ):
        fine: Callable[[str, str], bool] | None = suppressions.is_fine if suppressions is not None else None
        self.judge = StreamJudge(baseline, order=order, cooldown=cooldown, is_fine=fine)
        self.collector, self.metrics, self.lineage = collector, metrics, baseline.lineage
        self.timed = baseline.timed
        self.number = 0  # lines that were taken out of their records
        self._stream = EventStream(None, JOIN_SECONDS)
        self._offset = 0  # lines before the stream's first one
        self._done = 0  # number of the last line that is in a whole event
        self._waiting: deque[str] = deque()  # the lines behind it
        self._records: dict[int, Collected] = {}  # by number, where the record says more than the line
        self._context: deque[tuple[int, str]] = deque(maxlen=CONTEXT_LINES)
        self._arrived = 0.0
        self._suppressed = 0

    def take(self, block: Sequence[str], now: float) -> list[dict[str, Any]]:
        """The alerts that some input lines give, read at the moment `now` (seconds since 1970)."""
        self._arrived = self.judge.wall = now
        alerts: list[dict[str, Any]] = []
        feed, lines_of, waiting = self._stream.feed, self.collector.lines, self._waiting
        for raw in block:
            for line in lines_of(raw):
                self.number += 1
                waiting.append(line.text)
                if line.time is not None or line.template:
                    self._records[self.number] = line
                for event in feed(line.text, now):
                    self._judge(event, alerts)
        for event in self._stream.flush(now):
            self._judge(event, alerts)
        return alerts

    def pass_time(self, now: float, end: bool = False) -> list[dict[str, Any]]:
        """The alerts that come of no line having come up to `now`; at the `end` of a log all that is open is told."""
        alerts: list[dict[str, Any]] = []
        self.judge.wall = now
        for event in self._stream.flush(math.inf if end else now):
            self._judge(event, alerts)
        if not end and now > self._arrived and self._arrived:
            self._tell(self.judge.pass_time(self.judge.clock_at(now - self._arrived)), None, alerts)
        if end:
            self._tell(self.judge.finish(), None, alerts)
        return alerts

    @property
    def last_time(self) -> float | None:
        """Time of the last event, seconds since 1970; None where there is none."""
        return self.judge.clock if self.timed and self.judge.clock > -math.inf else None

    def is_due(self, now: float) -> bool:
        """Whether `pass_time` would do anything."""
        if self._waiting and now - self._arrived > JOIN_SECONDS:
            return True
        return bool(self._arrived) and self.judge.is_due(self.judge.clock_at(now - self._arrived))

    def _judge(self, event: LogEvent, alerts: list[dict[str, Any]]) -> None:
        event.number += self._offset
        last = event.number + len(event.lines) - 1
        waiting = self._waiting
        while self._done < last and waiting:
            waiting.popleft()
            self._done += 1
        if self._records:
            record = self._records.pop(event.number, None)
            if record is not None:
                for number in range(event.number + 1, last + 1):
                    self._records.pop(number, None)
                if event.timestamp is None:
                    event.timestamp = record.time
                if record.template:
                    event.message = record.template
        told = self.judge.event(event)
        if told:
            self._tell(told, event, alerts)
        self._context.append((event.number, event.lines[0]))

    def _tell(self, told: list[StreamFinding], event: LogEvent | None, alerts: list[dict[str, Any]]) -> None:
        for finding in told:
            alerts.append(self._alert(finding))
            if self.metrics and finding.status == "open":
                self.metrics.findings.labels(finding.kind).inc()
        if self.metrics and self.judge.suppressed > self._suppressed:
            self.metrics.suppressed.inc(self.judge.suppressed - self._suppressed)
            self._suppressed = self.judge.suppressed

    def _alert(self, finding: StreamFinding) -> dict[str, Any]:
        """A finding as plain JSON values."""
        name = stable_id(self.lineage, finding.key, str(finding.begun))
        shown: list[dict[str, Any]] = []
        first = finding.number or (self._context[-1][0] if self._context else 0)
        if finding.status == "open":
            shown += [{"number": n, "text": text[:SHOWN_CHARACTERS]} for n, text in self._context if n != first]
        lines = finding.lines or [text for n, text in self._context if n == first]
        for offset, text in enumerate(lines[:SHOWN_LINES]):
            row: dict[str, Any] = {"number": first + offset, "text": text[:SHOWN_CHARACTERS]}
            if not offset:
                row |= {"score": round(finding.score, 3), "reason": finding.reason[:2000]}
            shown.append(row)
        shown.sort(key=lambda row: row["number"])
        return {
            "schema": ALERT_SCHEMA,
            "event": "finding",
            "id": stable_id(name, str(finding.update)),
            "finding": name,
            "status": finding.status,
            "update": finding.update,
            "kind": finding.kind,
            "score": round(finding.score, 4),
            "threshold": round(self.judge.threshold, 4),
            "anomaly.score": round(finding.score, 4),
            "anomaly.threshold": round(self.judge.threshold, 4),
            "severity": CLASS_NAMES[finding.severity],
            "reason": finding.reason[:2000],
            "also": [text[:2000] for text in finding.also],
            "count": finding.count,
            "line": first,
            "key": finding.key[:SHOWN_CHARACTERS],
            "template_key": Suppressions.key_of_finding(finding.key),
            "first_line_number": first,
            "last_line_number": first + max(len(lines), 1) - 1,
            "line_count": max(len(lines), 1),
            "first_timestamp": finding.first if self.timed else None,
            "last_timestamp": finding.last if self.timed else None,
            "lines": shown,
        }

    def state(self) -> dict[str, Any]:
        """Everything that goes on, as plain JSON values."""
        return {
            "judge": self.judge.state(),
            "number": self.number,
            "done": self._done,
            "waiting": list(self._waiting),
            "records": [[n, one.text, one.time, one.template] for n, one in self._records.items()],
            "context": list(self._context),
            "pieces": self.collector.state(),
            "arrived": self._arrived,
        }

    def resume(self, values: dict[str, Any]) -> None:
        """Go on where `state` was taken; lines that waited for their event wait again."""
        self.judge.resume(values["judge"])
        self.number, self._done = values["number"], values["done"]
        self._offset = self._done
        self._records = {n: Collected(text, time, template) for n, text, time, template in values["records"]}
        self._context.extend((number, text) for number, text in values["context"])
        self.collector.resume(values["pieces"])
        self._arrived = values["arrived"]
        self._waiting.extend(values["waiting"])
        for text in values["waiting"]:
            self._stream.feed(text, self._arrived)  # the first lines of an event, and nothing more: none is whole
