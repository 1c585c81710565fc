"""`logllm watch`: a log that is being written, judged event by event and window by window, each alert delivered at least once.

- One thread and one order: read a block, cut windows, score, save the step, only then send its alerts. Whatever is slow
  (a webhook, a disk) slows the reading; nothing queues without bound.
- Events are judged in `events`, by a baseline; windows in `alerts`, by a model. A checkpoint may have either or both.
- Windows close, and rates are told, by the log's own clock. While the log is silent the wall clock moves it on, and the
  journal says so: a heartbeat that stops is an alert although no line comes.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from logllm.hf_datasets import LogLine
from logllm.hf_datasets.live_windows import IDLE_SECONDS, LiveWindows, OpenWindow
from logllm.hf_datasets.reading.collectors import Unwrapper
from logllm.suppressions import Suppressions
from logllm.watch.alerts import Judge
from logllm.watch.events import EventJudge
from logllm.watch.metrics import Metrics
from logllm.watch.sinks import Sink
from logllm.watch.sources import POLL_SECONDS, Position
from logllm.watch.state import StateFile

if TYPE_CHECKING:
    from logllm.decision.detector import Detector

MOST_PENDING = 1000  # alerts not delivered: beyond it nothing more is read
SYNC_SECONDS = 1.0
COLLECTOR = 200_000, 20, 100  # thresholds of the collector of cycles while watching


@dataclass
class Watcher:
    """Everything that watches one log. `run` until told to stop.

    Args:
        detector: a fitted detector, whose windows are judged; None judges none.
        source: `FileFollower` or `StandardInput`, as `begin` was given it, at the position that `resume` returned.
        sink: where alerts go.
        state: where the position and open windows are kept; None keeps nothing.
        suppressions: templates that raise no alarm.
        metrics: figures to keep up to date.
        unwrap: how input lines become log lines.
        silence: seconds without a line after which open windows are closed.
        say: takes remarks for people.
        events: judges events by a baseline; None judges none.
    """

    detector: Detector | None
    source: Any
    sink: Sink
    state: StateFile | None = None
    suppressions: Suppressions | None = None
    metrics: Metrics | None = None
    unwrap: Unwrapper = field(default_factory=Unwrapper)
    silence: float = IDLE_SECONDS
    say: Callable[[str], None] = lambda text: None
    events: EventJudge | None = None

    def __post_init__(self) -> None:
        self.windows: LiveWindows | None = None
        self.judge: Judge | None = None
        if self.detector is not None:
            calibration = self.detector.calibration
            idle = calibration.idle_seconds if calibration else IDLE_SECONDS
            self.windows = LiveWindows(self.detector.system.window, idle)
            self.judge = Judge(self.detector, self.suppressions, self.metrics, self.say)
        self.number = 0
        self.outbox: list[dict[str, Any]] = []
        self.stopping = False
        self._sent: list[str] = []  # delivered, and not yet noted in the journal
        self._problem = ""
        self._arrived = time.monotonic()
        self._quiet = True
        self._synced = 0.0
        self._waiting: dict[str, float] = {}  # alert id -> when its window's last line was read
        self._cut = 0
        if self.metrics:
            if self.detector is not None:
                self.metrics.threshold.set(self.detector.threshold)
            elif self.events is not None:
                self.metrics.threshold.set(self.events.judge.threshold)

    def resume(self) -> Position | None:
        """Take up the state; returns where reading goes on. Alerts that were not noted as sent wait to be sent again."""
        if self.state is None:
            return None
        snapshot, steps = self.state.load()
        position = None
        if snapshot is not None:
            self.number = snapshot["number"]
            if self.judge is not None and self.windows is not None:
                self.judge.drifted = snapshot.get("drifted", False)
                self.windows.resume(self._reopened(snapshot["open"]), snapshot["clock"])
            if self.events is not None and snapshot.get("events"):
                self.events.resume(snapshot["events"])
            self.outbox = snapshot["outbox"]
            position = snapshot["position"]
            for step in steps:
                if step.get("silent") and self.windows is not None:
                    self.windows.close_idle()
                self._push(step["lines"], count=False)
                if self.events is not None and "now" in step:
                    if step["lines"]:
                        self.events.take(step["lines"], step["now"])
                    else:
                        self.events.pass_time(step["now"])
                if self.windows is None and self.events is not None:
                    self.number = self.events.number
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
        # What a watcher keeps holds no cycles; the collector of cycles would go through all of its lines again and again.
        usual = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(*COLLECTOR)
        try:
            return self._run(until_end)
        finally:
            gc.set_threshold(*usual)
            gc.unfreeze()

    def _run(self, until_end: bool) -> int:
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
            self._silent(end=True)
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
        if self.events is not None and self.events.is_due(now := time.time()):
            self._finish([], [], now=now)
        if not self._quiet and time.monotonic() - self._arrived > self.silence:
            self._silent()
        if not getattr(self.source, "waits", False):
            time.sleep(POLL_SECONDS)
        if self.metrics:
            self.metrics.lag_bytes.set(self.source.lag_bytes())

    def _silent(self, end: bool = False) -> None:
        """Close all windows: nothing has come for long, or (at the `end`) nothing will."""
        self._quiet = True
        closed = self.windows.close_idle() if self.windows is not None else []
        if closed or (end and self.events is not None):
            self._finish(closed, [], silent=True, now=time.time(), end=end)

    def _take(self, block: list[str]) -> None:
        self._arrived, self._quiet = time.monotonic(), False
        closed, last = self._push(block)
        self._finish(closed, block, now=time.time())
        if self.metrics:
            self.metrics.lag_bytes.set(self.source.lag_bytes())
            self.metrics.open_windows.set(len(self.windows.open) if self.windows is not None else 0)
            self.metrics.cut.inc(self.source.cut_lines - self._cut)
            if last is None and self.events is not None:
                last = self.events.last_time
            if last is not None:
                self.metrics.lag_seconds.set(time.time() - last)
        self._cut = self.source.cut_lines
        while self.source.remarks:
            self.say(self.source.remarks.pop(0))

    def _push(self, block: list[str], count: bool = True) -> tuple[list[OpenWindow], float | None]:
        """Put lines into windows; (the windows that close, the time of the last line)."""
        closed: list[OpenWindow] = []
        last = None
        if self.windows is None or self.detector is None:
            return closed, last
        unparsed, first = 0, self.number
        for line in self.unwrap.lines(block, first + 1, self.detector.system):
            self.number += 1
            unparsed += not line.parsed
            last = line.timestamp
            if over := self.windows.push(line):
                closed += over
        if self.metrics and count:
            self.metrics.lines.inc(self.number - first)
            self.metrics.unparsed.inc(unparsed)
        return closed, last

    def _finish(
        self, closed: list[OpenWindow], block: list[str], silent: bool = False, now: float = 0.0, end: bool = False
    ) -> None:
        """Judge what came or closed, note the step, and only then let its alerts go."""
        alerts = self.judge(closed, self.number) if closed and self.judge is not None else []
        if self.events is not None:
            before = self.events.number
            alerts += self.events.take(block, now) if block else self.events.pass_time(now, end)
            if self.windows is None:
                self.number = self.events.number
                if self.metrics:
                    self.metrics.lines.inc(self.number - before)
        for alert in alerts:
            self._waiting[alert["id"]] = self._arrived
        self._note(
            {
                "position": self.source.position.to_dict(),
                "lines": block,
                "silent": silent,
                "now": now,
                "alerts": alerts,
                "sent": self._sent,
            }
        )
        self.outbox += alerts

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
                    "clock": self.windows.clock if self.windows is not None else None,
                    "drifted": self.judge.drifted if self.judge is not None else False,
                    "events": self.events.state() if self.events is not None else None,
                    "open": [
                        [
                            one.name,
                            None if one.last == float("-inf") else one.last,
                            [_kept(line) for line in one.members],
                        ]
                        for one in (self.windows.open.values() if self.windows is not None else ())
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


def _kept(line: LogLine) -> list[Any]:
    return [line.number, line.raw, line.content, line.parsed, line.timestamp]
