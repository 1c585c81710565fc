"""Lines of a log as it grows -> events -> findings -> alerts, one a finding.

An alert of a finding is sent when it begins, again with its new count at most once in a cooldown while it goes on, and
when a silence ends. All of them have the same `finding`; each has an `id` of its own, which is the same after a restart.
"""

from __future__ import annotations

import bisect
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from logllm.hf_datasets.events import LogEvent, TemplateKeys
from logllm.hf_datasets.events.live import LiveBatch, LiveEvents
from logllm.signals.baseline import Baseline
from logllm.signals.stream import COOLDOWN, StreamFinding, StreamJudge
from logllm.signals.table import CLASS_NAMES, severity_class
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
        fine: Callable[[str, str, str], bool] | None = suppressions.is_fine if suppressions is not None else None
        self.judge = StreamJudge(baseline, order=order, cooldown=cooldown, is_fine=fine)
        self.collector, self.metrics, self.lineage = collector, metrics, baseline.lineage
        self.timed = baseline.timed
        self.number = 0  # lines that were taken out of their records
        self._live = LiveEvents(baseline.keys, None, JOIN_SECONDS)
        self._learnt = len(baseline.keys)
        self._records: dict[int, Collected] = {}  # by number, where the record says more than the line
        self._context: deque[tuple[int, str]] = deque(maxlen=CONTEXT_LINES)
        self._before: dict[int, list[tuple[int, str]]] = {}  # lines before the events that are told now
        self._arrived = 0.0
        self._forgets = self._suppressed = 0

    def take(self, block: Sequence[str], now: float) -> list[dict[str, Any]]:
        """The alerts that some input lines give, read at the moment `now` (seconds since 1970)."""
        self._arrived = self.judge.wall = now
        alerts: list[dict[str, Any]] = []
        texts = self.collector.plain(block)
        if texts is None:
            texts = []
            for raw in block:
                for line in self.collector.lines(raw):
                    texts.append(line.text)
                    if line.time is not None or line.template:
                        self._records[self.number + len(texts)] = line
        self.number += len(texts)
        for batch in self._live.feed(texts, now):
            self._judge(batch, alerts)
        for batch in self._live.flush(now):
            self._judge(batch, alerts)
        return alerts

    def pass_time(self, now: float, end: bool = False) -> list[dict[str, Any]]:
        """The alerts that come of no line having come up to `now`; at the `end` of a log all that is open is told."""
        alerts: list[dict[str, Any]] = []
        self.judge.wall = now
        for batch in self._live.flush(math.inf if end else now):
            self._judge(batch, alerts)
        if not end and now > self._arrived and self._arrived:
            self._tell(self.judge.pass_time(self.judge.clock_at(now - self._arrived)), alerts)
        if end:
            self._tell(self.judge.finish(), alerts)
        return alerts

    @property
    def last_time(self) -> float | None:
        """Time of the last event, seconds since 1970; None where there is none."""
        return self.judge.clock if self.timed and self.judge.clock > -math.inf else None

    def is_due(self, now: float) -> bool:
        """Whether `pass_time` would do anything."""
        if self._live.is_due(now):
            return True
        return bool(self._arrived) and self.judge.is_due(self.judge.clock_at(now - self._arrived))

    def _judge(self, batch: LiveBatch, alerts: list[dict[str, Any]]) -> None:
        columns = batch.columns
        if self._forgets != self._live.forgets:
            self._forgets = self._live.forgets
            self.judge.forget_sequences()
        numbers = columns.number.tolist()
        templates = columns.template.tolist()
        times: list[float | None] = columns.timestamp.tolist()
        if self._records:
            self._apply_records(numbers, templates, times)
        if self.metrics:
            self.metrics.unparsed.inc(int((~columns.parsed).sum()))
        events: dict[int, LogEvent] = {}

        def event_of(number: int) -> LogEvent:
            if number not in events:
                events.update(batch.events([number]))
            return events[number]

        told = self.judge.observe_all(
            numbers, templates, severity_class(columns.severity).tolist(), times, columns.sequence.tolist(),
            columns.numbers, columns.numbers_start.tolist(), event_of,
        )  # fmt: skip
        for finding in told:
            if finding.status == "open" and finding.number:
                at = bisect.bisect_left(numbers, finding.number)
                near = batch.events(numbers[max(at - CONTEXT_LINES, 0) : at])
                before = [*self._context, *((number, event.lines[0]) for number, event in sorted(near.items()))]
                self._before[finding.number] = before[-CONTEXT_LINES:]
        self._tell(told, alerts)
        self._before.clear()
        last = numbers[-CONTEXT_LINES:]
        self._context.extend((number, event.lines[0]) for number, event in sorted(batch.events(last).items()))

    def _apply_records(self, numbers: list[int], templates: list[int], times: list[float | None]) -> None:
        """Times and templates that the records around the lines state."""
        records = self._records
        for at, number in enumerate(numbers):
            record = records.get(number)
            if record is None:
                continue
            time = times[at]
            if time is None or time != time:
                times[at] = record.time
            if record.template:
                templates[at] = self.judge.keys.add(record.template)
        for number in [number for number in records if number <= numbers[-1]]:
            del records[number]

    def _tell(self, told: Sequence[StreamFinding], alerts: list[dict[str, Any]]) -> None:
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
        first = finding.number
        if finding.status == "open":
            before = self._before.get(first, list(self._context))
            shown += [{"number": n, "text": text[:SHOWN_CHARACTERS]} for n, text in before if n != first]
        lines = finding.lines or [text for n, text in self._context if n == first]  # of a silence, the line before it
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
        keys = self.judge.keys
        return {
            "judge": self.judge.state(),
            "keys": keys.to_json() if len(keys) > self._learnt else None,
            "live": self._live.state(),
            "number": self.number,
            "records": [[n, one.text, one.time, one.template] for n, one in self._records.items()],
            "context": list(self._context),
            "pieces": self.collector.state(),
            "arrived": self._arrived,
        }

    def resume(self, values: dict[str, Any]) -> None:
        """Go on where `state` was taken; lines that waited for the end of their event wait again."""
        if values["keys"] is not None:
            self._live.keys = self.judge.grown_keys(TemplateKeys.from_json(values["keys"]))
        self.judge.resume(values["judge"])
        self._live.resume(values["live"])
        self.number = values["number"]
        self._records = {n: Collected(text, time, template) for n, text, time, template in values["records"]}
        self._context.extend((number, text) for number, text in values["context"])
        self.collector.resume(values["pieces"])
        self._arrived = values["arrived"]
