"""Lines that somebody brings to a watcher: standard input, and the lines of a Python caller.

What is peculiar here: neither has a position to go back to, so what was in a pipe when the watcher died is the sender's to
send again. A caller's alerts are handed back as they arise; nothing is saved.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from logllm.detector import LogAnomalyDetector
from logllm.follow import BLOCK, Lines, Position
from logllm.watch import POLL_SECONDS, Watcher


class StandardInput:
    """Lines of standard input, with the interface of `FileFollower`; it has no position to go back to."""

    waits = True  # `read` does, so that nobody else has to

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
