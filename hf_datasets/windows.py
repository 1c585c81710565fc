"""Lines -> windows: by session, by a fixed number of lines, sliding, or by time.

Notes: Lines that name no session are windowed too (by 100), a line that names several sessions belongs to each
once, and a last short window is kept: no line is lost. Only session windows hold the whole log in memory; the others
stream. Time windows follow a clock that never goes back: a line with an earlier time, or none, counts as of the
latest time seen before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from .reading.log_line import LogLine
from .systems.rules import WindowRule

__all__ = ["Window", "WindowRule", "line_spans", "make_windows"]

# Lines of a session system that name no session are grouped by this many.
LOOSE_SIZE = 100


@dataclass(slots=True)
class Window:
    """Some lines that are judged together. `label` is 1 (anomalous), 0 (normal) or None (unknown).

    `line_labels` hold 1, 0 or -1 (unknown) a line, or are None where the system has no line labels.
    """

    window_id: str
    lines: list[str]
    line_numbers: list[int]
    label: int | None
    line_labels: list[int] | None
    first_timestamp: float | None
    last_timestamp: float | None


def make_windows(
    lines: Iterable[LogLine],
    rule: WindowRule,
    session_labels: Mapping[str, int] | None = None,
    *,
    keep_unparsed: bool = True,
) -> Iterator[Window]:
    """Windows of the lines, in the order of their first line.

    `keep_unparsed=False` leaves out lines that did not match the format, as the published preparation does. A
    window's id is its session id, else "FIRST-LAST" line numbers. It is anomalous when one of its lines is, or (with
    `session_labels`) when its session, or a session that one of its lines names, is.
    """
    kept = lines if keep_unparsed else (line for line in lines if line.parsed)
    if rule.kind == "session":
        yield from _by_session(kept, session_labels or {})
    elif rule.kind == "time":
        for group in _by_time(kept, rule.size, rule.stride):
            yield _window(group, session_labels)
    else:
        for group in _by_count(kept, int(rule.size), int(rule.stride)):
            yield _window(group, session_labels)


def line_spans(count: int, size: int, stride: int) -> Iterator[tuple[int, int]]:
    """Half-open ranges over `count` lines; the first that reaches the end is the last.

    >>> list(line_spans(5, 2, 2))
    [(0, 2), (2, 4), (4, 5)]
    """
    for first in range(0, count, stride):
        last = min(first + size, count)
        yield first, last
        if last == count:
            return


def _by_count(lines: Iterable[LogLine], size: int, stride: int) -> Iterator[list[LogLine]]:
    source = iter(lines)
    group = list(islice(source, size))
    while group:
        yield group
        if stride > size:  # lines between two windows are passed over
            group = list(islice(source, stride - size, stride))
            continue
        fresh = list(islice(source, stride))
        if not fresh:
            return
        group = group[stride:] + fresh


def _by_time(lines: Iterable[LogLine], size: float, stride: float) -> Iterator[list[LogLine]]:
    waiting: list[tuple[float, LogLine]] = []
    origin: float | None = None
    number = 0  # of the first window that is not yet given out; it begins at origin + number * stride
    now = 0.0
    before: tuple[int, int] | None = None

    def closed() -> Iterator[list[LogLine]]:
        """The window that ends now, unless it holds the same lines as the one before."""
        nonlocal before, number, waiting
        assert origin is not None
        end = origin + number * stride + size
        group = [held for time, held in waiting if time < end]
        number += 1
        begin = origin + number * stride
        waiting = [(time, held) for time, held in waiting if time >= begin]
        if group and (span := (group[0].number, group[-1].number)) != before:
            before = span
            yield group

    for line in lines:
        if origin is None:
            origin = now = line.timestamp or 0.0
        now = max(now, line.timestamp if line.timestamp is not None else now)
        while waiting and origin + number * stride + size <= now:
            yield from closed()
        if not waiting and origin + number * stride + size <= now:  # silence: go on at the first window to hold `now`
            number = max(number + 1, math.floor((now - origin - size) / stride) + 1)
        if now >= origin + number * stride:  # False only between windows, where the stride is longer than the window
            waiting.append((now, line))
    while waiting:
        yield from closed()


@dataclass(slots=True)
class _Open:
    """A session, or a bundle of loose lines, that is still growing."""

    session: str | None
    members: list[LogLine] = field(default_factory=list)


def _by_session(lines: Iterable[LogLine], labels: Mapping[str, int]) -> Iterator[Window]:
    sessions: dict[str, _Open] = {}
    order: list[_Open] = []
    loose: _Open | None = None
    for line in lines:
        for session in line.session_ids:
            entry = sessions.get(session)
            if entry is None:
                entry = sessions[session] = _Open(session)
                order.append(entry)
            entry.members.append(line)
        if not line.session_ids:
            if loose is None or len(loose.members) == LOOSE_SIZE:
                loose = _Open(None)
                order.append(loose)
            loose.members.append(line)
    for entry in order:
        window = _window(entry.members, None)
        if entry.session is not None:
            window.window_id = entry.session
            if entry.session in labels:
                window.label = labels[entry.session]
        yield window


def _window(members: Sequence[LogLine], session_labels: Mapping[str, int] | None) -> Window:
    labelled = any(line.label is not None for line in members)
    line_labels = [line.anomalous for line in members] if labelled else None
    label = max(line_labels) if line_labels else None
    if session_labels:
        known = [session_labels[one] for line in members for one in line.session_ids if one in session_labels]
        label = max(known, default=label)
    times = [line.timestamp for line in members if line.timestamp is not None]
    return Window(
        window_id=f"{members[0].number}-{members[-1].number}",
        lines=[line.content for line in members],
        line_numbers=[line.number for line in members],
        label=label,
        line_labels=line_labels,
        first_timestamp=times[0] if times else None,
        last_timestamp=times[-1] if times else None,
    )
