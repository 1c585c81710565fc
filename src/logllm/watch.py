"""`logllm watch`: a log that is being written, judged window by window, each alert delivered at least once.

What is peculiar here:
- One thread and one order: read a block, cut windows, score, save the step, only then send its alerts. Whatever is slow
  (a webhook, a disk) slows the reading; nothing queues without bound.
- An alert's id is made of the model's lineage, the window's name and its first line, so the same window has the same
  id in every life of the watcher.
- Windows close by the log's own clock. When the log falls silent the wall clock closes them, and the journal says so.
"""

from __future__ import annotations

import hashlib
import os
import select
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from logllm.detector import LogAnomalyDetector
from logllm.drift import compare
from logllm.follow import BLOCK, Lines, Position
from logllm.hf_datasets import LogLine
from logllm.live import IDLE_SECONDS, LiveWindows, OpenWindow, as_window, without_escapes
from logllm.severity import severities
from logllm.sinks import Sink
from logllm.suppress import Suppressions, key_of
from logllm.unwrap import Unwrapper
from logllm.verdict import Evidence, Verdict
from logllm.watch_metrics import Metrics
from logllm.watch_state import StateFile

MOST_PENDING = 1000  # alerts not delivered: beyond it nothing more is read
POLL_SECONDS = 0.05
SYNC_SECONDS = 1.0
RECENT_WINDOWS = 2000
DRIFT_EVERY = 500
SHOWN_LINES = 200
SHOWN_CHARACTERS = 4096
ALERT_SCHEMA = "logllm.alert/1"


class StandardInput:
    """Lines of standard input, with the interface of `FileFollower`; it has no position to go back to."""

    def __init__(self, encoding: str, stream: Any = None):
        self._descriptor = (stream or sys.stdin.buffer).fileno()
        self._lines = Lines(encoding)
        self.ended = False
        self.position = Position()
        self.remarks: list[str] = []

    @property
    def cut_lines(self) -> int:
        """Lines that were shortened."""
        return self._lines.cut

    def lag_bytes(self) -> int:
        """Unknown of a pipe: 0."""
        return 0

    def read(self) -> list[str]:
        """What has arrived; waits for a moment at most."""
        if self.ended or not select.select([self._descriptor], [], [], POLL_SECONDS)[0]:
            return []
        block = os.read(self._descriptor, BLOCK)
        if block:
            return self._lines.feed(block)
        self.ended = True
        return self._lines.finish()

    def close(self) -> None:
        """Nothing to let go."""


@dataclass
class Watcher:
    """Everything that watches one log. `run` until told to stop.

    Args:
        detector: a fitted detector.
        source: `FileFollower` or `StandardInput`, as `begin` was given it, at the position that `resume` returned.
        sink: where alerts go.
        state: where the position and open windows are kept; None keeps nothing.
        suppressions: templates that raise no alarm.
        metrics: figures to keep up to date.
        unwrap: how input lines become log lines.
        silence: seconds without a line after which open windows are closed.
        say: takes remarks for people.
    """

    detector: LogAnomalyDetector
    source: Any
    sink: Sink
    state: StateFile | None = None
    suppressions: Suppressions | None = None
    metrics: Metrics | None = None
    unwrap: Unwrapper = field(default_factory=Unwrapper)
    silence: float = IDLE_SECONDS
    say: Callable[[str], None] = lambda text: None

    def __post_init__(self) -> None:
        calibration = self.detector.calibration
        idle = calibration.idle_seconds if calibration else IDLE_SECONDS
        self.windows = LiveWindows(self.detector.system.window, idle)
        self.number = 0
        self.outbox: list[dict[str, Any]] = []
        self.recent: deque[tuple[float, int, int]] = deque(maxlen=RECENT_WINDOWS)
        self.drifted = False
        self.stopping = False
        self._sent: list[str] = []  # delivered, and not yet noted in the journal
        self._problem = ""
        self._arrived = time.monotonic()
        self._quiet = True
        self._synced = 0.0
        self._judged = 0
        self._waiting: dict[str, float] = {}  # alert id -> when its window's last line was read
        self._cut = 0
        if self.metrics:
            self.metrics.threshold.set(self.detector.threshold)

    def resume(self) -> Position | None:
        """Take up the state; returns where reading goes on. Alerts that were not noted as sent wait to be sent again."""
        if self.state is None:
            return None
        snapshot, steps = self.state.load()
        position = None
        if snapshot is not None:
            self.number = snapshot["number"]
            self.drifted = snapshot.get("drifted", False)
            self.windows.resume(self._reopened(snapshot["open"]), snapshot["clock"])
            self.outbox = snapshot["outbox"]
            position = snapshot["position"]
            for step in steps:
                if step.get("silent"):
                    self.windows.close_idle()
                for line in self._parsed(step["lines"], count=False):
                    self.windows.push(line)
                sent = set(step["sent"])
                self.outbox = [alert for alert in self.outbox if alert["id"] not in sent] + step["alerts"]
                position = step["position"]
        for alert in self.outbox:
            alert["redelivered"] = True
        return Position(**position) if position else None

    def begin(self, source: Any) -> None:
        """Read from here. The state says so at once: from now on nothing is missed, whatever happens."""
        self.source = source
        if self.state is not None:
            self._save_snapshot(source.position)

    def run(self, until_end: bool = False) -> int:
        """Watch until `stopping` is set, or (`until_end`, standard input) to the end; returns alerts not delivered."""
        while not self.stopping:
            if len(self.outbox) < MOST_PENDING:
                block = self.source.read()
                if block:
                    self._take(block)
                elif getattr(self.source, "ended", False) or (until_end and not self.source.lag_bytes()):
                    break
                else:
                    self._wait()
            else:
                time.sleep(POLL_SECONDS)
            self._deliver()
        if not self.stopping:
            self._silent()
            for _ in range(20):  # a last chance for an address that comes back within seconds
                self._deliver()
                if not self.outbox:
                    break
                time.sleep(0.25)
        self.close()
        return len(self.outbox)

    def close(self) -> None:
        """Save and let everything go; open windows stay open in the state."""
        if self.state is not None:
            self._save_snapshot(self.source.position)
            self.state.close()
        self.source.close()

    def healthy(self) -> tuple[bool, str]:
        """For `/healthz`."""
        problem = self._problem or self.sink.problem
        if len(self.outbox) >= MOST_PENDING:
            return False, f"not reading: {len(self.outbox)} alerts wait; {problem}\n"
        return True, f"ok{': ' + problem if problem else ''}\n"

    def _wait(self) -> None:
        if not self._quiet and time.monotonic() - self._arrived > self.silence:
            self._silent()
        if not isinstance(self.source, StandardInput):
            time.sleep(POLL_SECONDS)
        if self.metrics:
            self.metrics.lag_bytes.set(self.source.lag_bytes())

    def _silent(self) -> None:
        """Close all windows: nothing has come for long, or nothing will."""
        self._quiet = True
        closed = self.windows.close_idle()
        if closed:
            self._finish(closed, [], silent=True)

    def _take(self, block: list[str]) -> None:
        self._arrived, self._quiet = time.monotonic(), False
        closed: list[OpenWindow] = []
        last = None
        for line in self._parsed(block):
            last = line
            closed += self.windows.push(line)
        self._finish(closed, block)
        if self.metrics:
            self.metrics.lag_bytes.set(self.source.lag_bytes())
            self.metrics.open_windows.set(len(self.windows.open))
            self.metrics.cut.inc(self.source.cut_lines - self._cut)
            if last is not None and last.timestamp is not None:
                self.metrics.lag_seconds.set(time.time() - last.timestamp)
        self._cut = self.source.cut_lines
        while self.source.remarks:
            self.say(self.source.remarks.pop(0))

    def _parsed(self, block: list[str], count: bool = True) -> Iterator[LogLine]:
        unparsed, first = 0, self.number
        for line in self.unwrap.lines([without_escapes(raw) for raw in block], first + 1, self.detector.system):
            self.number += 1
            unparsed += not line.parsed
            yield line
        if self.metrics and count:
            self.metrics.lines.inc(self.number - first)
            self.metrics.unparsed.inc(unparsed)

    def _finish(self, closed: list[OpenWindow], block: list[str], silent: bool = False) -> None:
        """Judge what closed, note the step, and only then let its alerts go."""
        alerts = self._judge(closed) if closed else []
        self._note(
            {
                "position": self.source.position.to_dict(),
                "lines": block,
                "silent": silent,
                "alerts": alerts,
                "sent": self._sent,
            }
        )
        self.outbox += alerts

    def _judge(self, closed: list[OpenWindow]) -> list[dict[str, Any]]:
        detector = self.detector
        windows = [as_window(one) for one in closed]
        if detector.family == "logllama":
            scorer = detector.scorer
            sequences = [scorer.ids(window.lines) for window in windows]
            raw = [[line.raw for line in one.members] for one in closed]
            grave = [severities(lines, w.lines, detector.system) for lines, w in zip(raw, windows)]
            scores = [score for score, _ in scorer.score_ids(sequences, grave)]
            unseen = [sequence.count(scorer.unseen) for sequence in sequences]
        else:
            raw = [[line.raw for line in one.members] for one in closed]
            scores, unseen = detector.scores([window.lines for window in windows]), [0] * len(windows)
        alerts = []
        for window, lines, score, new in zip(windows, raw, scores, unseen):
            self.recent.append((score, new, len(lines)))
            if score > detector.threshold:
                verdict = Verdict(
                    window.window_id,
                    score,
                    detector.threshold,
                    True,
                    tuple(lines),
                    tuple(window.line_numbers),
                    detector.evidence(window, lines, score),
                    first_timestamp=window.first_timestamp,
                    last_timestamp=window.last_timestamp,
                )
                if self.suppressions is not None and self.suppressions.covers(verdict):
                    if self.metrics:
                        self.metrics.suppressed.inc()
                    continue
                alerts.append(alert_of(verdict, detector, self._lineage))
                self._waiting[alerts[-1]["id"]] = self._arrived
            if self.metrics:
                self.metrics.score.observe(score)
        self._judged += len(windows)
        if self.metrics:
            self.metrics.windows.inc(len(windows))
            self.metrics.anomalies.inc(len(alerts))
            self.metrics.unseen.set(sum(row[1] for row in self.recent) / max(sum(row[2] for row in self.recent), 1))
        if self._judged >= DRIFT_EVERY:
            self._judged = 0
            alerts += self._look_for_drift()
        return alerts

    @property
    def _lineage(self) -> str:
        return self.detector.calibration.lineage if self.detector.calibration else ""

    def _look_for_drift(self) -> list[dict[str, Any]]:
        calibration = self.detector.calibration
        if calibration is None or len(self.recent) < DRIFT_EVERY:
            return []
        drift = compare(
            calibration.scores,
            [row[0] for row in self.recent],
            calibration.held_windows,
            (calibration.unseen_lines, calibration.held_lines),
            (sum(row[1] for row in self.recent), sum(row[2] for row in self.recent)),
        )
        if self.metrics:
            self.metrics.drift.set(drift.drifted)
            self.metrics.drift_gap.set(drift.gap)
        news = drift.drifted and not self.drifted
        self.drifted = drift.drifted
        if not news:
            return []
        self.say(drift.in_words())
        event = {"schema": ALERT_SCHEMA, "event": "drift", "id": stable_id(self._lineage, "drift", str(self.number))}
        return [{**event, "message": drift.in_words(), **drift.to_dict()}]

    def _note(self, step: dict[str, Any]) -> None:
        if self.state is None:
            return
        if self._problem:  # a step is missing in the journal: only a whole snapshot can follow it
            self._save_snapshot(self.source.position, step["alerts"])
            return
        try:
            self.state.step(step)
            self._sent = []
            if self.state.is_long:
                # The alerts of this step are not in the outbox yet.
                self._save_snapshot(self.source.position, step["alerts"])
            elif time.monotonic() - self._synced > SYNC_SECONDS:
                self.state.sync()
                self._synced = time.monotonic()
        except OSError as error:
            self._complain(error)

    def _save_snapshot(self, position: Position, more: list[dict[str, Any]] | None = None) -> None:
        assert self.state is not None
        sent = set(self._sent)
        try:
            self.state.snapshot(
                {
                    "position": position.to_dict(),
                    "number": self.number,
                    "clock": self.windows.clock,
                    "drifted": self.drifted,
                    "open": [
                        [
                            one.name,
                            None if one.last == float("-inf") else one.last,
                            [_kept(line) for line in one.members],
                        ]
                        for one in self.windows.open.values()
                    ],
                    "outbox": [alert for alert in [*self.outbox, *(more or [])] if alert["id"] not in sent],
                }
            )
            self._sent, self._problem = [], ""
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        problem = f"the state cannot be saved ({error.strerror or error}); the one before is kept"
        if problem != self._problem:
            self.say(problem)
        self._problem = problem
        if self.metrics:
            self.metrics.failures.inc()

    def _reopened(self, rows: list[Any]) -> Iterator[OpenWindow]:
        for name, last, lines in rows:
            members = [LogLine(n, raw, content, parsed, None, time, ()) for n, raw, content, parsed, time in lines]
            yield OpenWindow(name, float("-inf") if last is None else last, members)

    def _deliver(self) -> None:
        if self.outbox:
            had_problem = bool(self.sink.problem)
            done = self.sink.deliver(self.outbox)
            now = time.monotonic()
            for alert in self.outbox[:done]:
                self._sent.append(alert["id"])
                since = self._waiting.pop(alert["id"], None)
                if self.metrics and since is not None:
                    self.metrics.latency.observe(now - since)
            self.outbox = self.outbox[done:]
            if self.metrics and done:
                self.metrics.sent.inc(done)
            if self.sink.problem and not had_problem:
                self.say(self.sink.problem)
        if self.metrics:
            self.metrics.pending.set(len(self.outbox))


class _Nowhere:
    """No source and no sink: for lines that a caller brings."""

    position = Position()
    remarks: list[str] = []
    cut_lines = 0
    problem = ""

    def lag_bytes(self) -> int:
        """Nothing waits."""
        return 0

    def deliver(self, alerts: Any) -> int:
        """Nothing is delivered."""
        return 0


def watch_lines(detector: LogAnomalyDetector, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Alerts of lines as they come, each as soon as its window closes; at the end of what is open."""
    nowhere = _Nowhere()
    watcher = Watcher(detector, nowhere, nowhere)
    for line in lines:
        watcher._take([line.rstrip("\r\n")])
        yield from watcher.outbox
        watcher.outbox = []
    watcher._silent()
    yield from watcher.outbox


def _kept(line: LogLine) -> list[Any]:
    return [line.number, line.raw, line.content, line.parsed, line.timestamp]


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
