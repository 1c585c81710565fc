"""Windows of a log that is still being written: sessions close when they have been idle, counts when they are full.

Notes:
- Everything is decided by the lines alone (their order and their own clock), so the same lines give the same windows
  whenever they arrive; only `close_idle`, for a log that fell silent, is asked from outside, and the caller notes it.
- The clock is the latest time of any line. A clock that runs backwards for many lines in a row is believed, so that a
  single line from the year 2099 does not stop sessions from closing for ever.
- Memory is bounded: a window holds at most `max_window_lines`, all open windows together at most `max_open_lines` and
  `max_open_characters`; the one that was idle for longest is closed first. A session that goes on after that begins a new window of the same name.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from . import LogLine, LogSystem, Window, WindowRule
from .reading.log_line import NORMAL_LABEL
from .windows import LOOSE_SIZE

IDLE_SECONDS = 60.0
MAX_WINDOW_LINES = 2000
MAX_OPEN_LINES = 200_000
MAX_OPEN_CHARACTERS = 100_000_000
SPAN_SHARE = 0.1
BACKWARDS_SECONDS = 3600.0  # a line this far behind the clock is from another time ...
BACKWARDS_LINES = 100  # ... and so many in a row are the new time
LOOSE, COUNTED = "", "\0"  # names, besides sessions, of what is open
NEVER = float("-inf")


@dataclass(slots=True)
class OpenWindow:
    """Lines of a window that may still grow; `last` is the clock at its last line.

    `over` is False where the log ended before the window's rule closed it: more of it may have been to come. `characters`
    are those of its raw lines.
    """

    name: str
    last: float
    members: list[LogLine] = field(default_factory=list)
    over: bool = True
    characters: int = 0


class LiveWindows:
    """Cuts a stream of `LogLine`s into windows.

    Args:
        rule: of the log system.
        idle: seconds of the log's clock after which a window without a new line is closed; None keeps it open.
        max_window_lines: a longer session is closed and goes on as a new window.
        max_open_lines: of all open windows together.
        max_open_characters: of their raw lines.
    """

    def __init__(
        self,
        rule: WindowRule,
        idle: float | None = IDLE_SECONDS,
        max_window_lines: int = MAX_WINDOW_LINES,
        max_open_lines: int = MAX_OPEN_LINES,
        max_open_characters: int = MAX_OPEN_CHARACTERS,
    ):
        self.rule, self.idle = rule, idle
        self.max_open_characters = max_open_characters
        self.max_window_lines, self.max_open_lines = max_window_lines, max_open_lines
        self.open: OrderedDict[str, OpenWindow] = OrderedDict()  # idle for longest first
        self.open_lines = self.open_characters = 0
        self.clock: float | None = None
        self._behind = 0
        self._looked: float | None = None  # the clock when idle windows were last looked for

    def push(self, line: LogLine) -> list[OpenWindow]:
        """Take a line; returns the windows that it closes."""
        if line.timestamp != self.clock:
            self._tell_time(line)
        else:
            self._behind = 0
        closed = self._idle_ones() if self.clock != self._looked else []
        if self.rule.kind == "session":
            for session in line.session_ids:
                if self._add(session, line) >= self.max_window_lines:
                    closed.append(self._close(session))
            if not line.session_ids and self._add(LOOSE, line) >= LOOSE_SIZE:
                closed.append(self._close(LOOSE))
        elif self.rule.kind == "time":
            closed += self._by_time(line)
        else:
            closed += self._by_count(line)
        while self.open and (self.open_lines > self.max_open_lines or self.open_characters > self.max_open_characters):
            closed.append(self._close(next(iter(self.open))))
        return closed

    def close_idle(self) -> list[OpenWindow]:
        """Close every open window: the log has been silent for longer than `idle`."""
        return [self._close(name) for name in list(self.open)]

    def resume(self, windows: Iterable[OpenWindow], clock: float | None) -> None:
        """Go on with windows that were open before."""
        for window in windows:
            self._take_up(window)
        self.clock = clock

    def _tell_time(self, line: LogLine) -> None:
        time = line.timestamp
        if time is None:
            return
        if self.clock is None or time >= self.clock:
            self.clock, self._behind = time, 0
        elif time < self.clock - BACKWARDS_SECONDS:
            self._behind += 1
            if self._behind >= BACKWARDS_LINES:
                self.clock, self._behind = time, 0
                for window in self.open.values():
                    window.last = min(window.last, time)
        else:
            self._behind = 0

    def _idle_ones(self) -> list[OpenWindow]:
        closed: list[OpenWindow] = []
        if self.clock == self._looked or self.idle is None or self.clock is None or self.rule.kind != "session":
            return closed
        self._looked = self.clock
        while self.open:
            name, window = next(iter(self.open.items()))
            if window.last + self.idle >= self.clock:
                break
            closed.append(self._close(name))
        return closed

    def _add(self, name: str, line: LogLine) -> int:
        """Put a line into a window; how many lines that has."""
        window = self.open.get(name)
        if window is None:
            window = self.open[name] = OpenWindow(name, NEVER)
        else:
            self.open.move_to_end(name)
        members, size = window.members, len(line.raw)
        members.append(line)
        window.last = self.clock if self.clock is not None else NEVER
        window.characters += size
        self.open_lines += 1
        self.open_characters += size
        return len(members)

    def _by_count(self, line: LogLine) -> list[OpenWindow]:
        size, stride = int(self.rule.size), int(self.rule.stride)
        full = [self._close(COUNTED)] if self._add(COUNTED, line) >= size else []
        if full and stride < size:  # sliding: the next window begins inside this one
            self._take_up(OpenWindow(COUNTED, full[0].last, full[0].members[stride:]))
        return full

    def _by_time(self, line: LogLine) -> list[OpenWindow]:
        window = self.open.get(COUNTED)
        closed = []
        if window is not None and self.clock is not None and window.members:
            begin = next((held.timestamp for held in window.members if held.timestamp is not None), None)
            if begin is not None and self.clock >= begin + self.rule.size:
                closed.append(self._close(COUNTED))
        if self._add(COUNTED, line) >= self.max_window_lines:
            closed.append(self._close(COUNTED))
        return closed

    def _close(self, name: str) -> OpenWindow:
        window = self.open.pop(name)
        self.open_lines -= len(window.members)
        self.open_characters -= window.characters
        return window

    def _take_up(self, window: OpenWindow) -> None:
        self.open[window.name] = window
        window.characters = sum(len(line.raw) for line in window.members)
        self.open_lines += len(window.members)
        self.open_characters += window.characters


def as_window(opened: OpenWindow, session_labels: dict[str, int] | None = None) -> Window:
    """The closed window in the shape that models read; its name is the session's, else "FIRST-LAST" line numbers."""
    members = opened.members
    labels = [int(line.label != NORMAL_LABEL) for line in members] if members[0].label is not None else None
    session = opened.name not in (LOOSE, COUNTED)
    label = max(labels) if labels else None
    if session_labels:
        label = session_labels.get(opened.name, label)
    times = [line.timestamp for line in members if line.timestamp is not None]
    return Window(
        window_id=opened.name if session else f"{members[0].number}-{members[-1].number}",
        lines=[line.content for line in members],
        line_numbers=[line.number for line in members],
        label=label,
        line_labels=labels,
        first_timestamp=times[0] if times else None,
        last_timestamp=times[-1] if times else None,
    )


def live_windows(lines: Iterable[LogLine], system: LogSystem, idle: float | None) -> Iterator[OpenWindow]:
    """All windows of a log that has ended, in the order in which they close; those still open at its end are last."""
    windows = LiveWindows(system.window, idle)
    for line in lines:
        yield from windows.push(line)
    for window in windows.close_idle():
        window.over = False
        yield window


def usual_idle(lines: Iterable[LogLine], least: float = 10.0, most: float = 600.0) -> float:
    """Seconds after which a session of these lines is mostly over: 95 % of the sessions have no longer pause.

    Bounded on both sides: an alarm cannot wait for hours, and a pause of a few seconds is no end. A tenth of what the
    lines span is a bound too: else a short log would not show the end of most of its sessions.
    """
    last: dict[str, float] = {}
    longest: dict[str, float] = {}
    lowest, highest = float("inf"), float("-inf")
    for line in lines:
        if line.timestamp is not None:
            lowest, highest = min(lowest, line.timestamp), max(highest, line.timestamp)
            for session in line.session_ids:
                pause = line.timestamp - last.get(session, line.timestamp)
                longest[session] = max(longest.get(session, 0.0), pause)
                last[session] = line.timestamp
    pauses = sorted(longest.values())
    if not pauses:
        return IDLE_SECONDS
    most = min(most, (highest - lowest) * SPAN_SHARE)
    return max(min(1.2 * pauses[min(int(0.95 * len(pauses)), len(pauses) - 1)], most), least)
