"""Rows -> windows as integers: the same windows as `windows.make_windows`, for whole logs held as columns.

Odd here: a window is a run of `rows` between two `offsets`; no window holds a text. Sessions are numbered in order of
their first line, so that grouping is one stable sort.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .rules import WindowRule
from .windows import LOOSE_SIZE, line_spans


@dataclass(slots=True)
class Grouping:
    """Windows over rows: window w holds rows[offsets[w]:offsets[w + 1]]; `sessions[w]` is its session code or -1."""

    rows: np.ndarray
    offsets: np.ndarray
    sessions: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def reduced(self, values: np.ndarray) -> np.ndarray:
        """The largest value of a column in every window."""
        return np.maximum.reduceat(values[self.rows], self.offsets[:-1]) if len(self) else values[:0]

    def taken(self, order: np.ndarray) -> Grouping:
        """Some of the windows, in that order."""
        lengths = np.diff(self.offsets)[order]
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        if len(order) == len(self) and (np.diff(order) == 1).all():
            return Grouping(self.rows, offsets, self.sessions[order])
        inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        rows = self.rows[np.repeat(self.offsets[:-1][order], lengths) + inside]
        return Grouping(rows, offsets, self.sessions[order])


def group_spans(spans: Sequence[tuple[int, int]] | np.ndarray) -> Grouping:
    """Windows that are half-open ranges of rows."""
    bounds = np.array(spans, np.int64).reshape(-1, 2)
    lengths = bounds[:, 1] - bounds[:, 0]
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    rows = (np.repeat(bounds[:, 0], lengths) + inside).astype(np.int32)
    return Grouping(rows, offsets, np.full(len(bounds), -1, np.int32))


def group_lines(first: int, last: int, rule: WindowRule, times: np.ndarray | None) -> Grouping:
    """Windows of rows first..last under a rule that is not "session"."""
    if rule.kind == "time":
        times = np.full(last, np.nan) if times is None else times
        spans: np.ndarray | list[tuple[int, int]] = time_spans(times[first:last], rule.size, rule.stride)
    else:
        spans = count_spans(last - first, int(rule.size), int(rule.stride))
    return group_spans(np.array(spans, np.int64).reshape(-1, 2) + first)


def count_spans(count: int, size: int, stride: int) -> np.ndarray:
    """`windows.line_spans` as an array of (first, last)."""
    firsts = np.arange(0, count, stride)
    lasts = np.minimum(firsts + size, count)
    keep = int(np.searchsorted(lasts, count)) + 1  # the first that reaches the end is the last
    return np.stack((firsts, lasts), axis=1)[:keep]


def time_spans(times: np.ndarray, size: float, stride: float) -> list[tuple[int, int]]:
    """Half-open ranges of rows for time windows; NaN is no time (see `windows`)."""
    if not len(times):
        return []
    clock = np.maximum.accumulate(np.where(np.isnan(times), -np.inf, times))
    start = 0.0 if np.isnan(times[0]) else float(times[0])
    clock = np.maximum(clock, start)
    spans: list[tuple[int, int]] = []
    number = 0
    while True:
        begin = start + number * stride
        first, last = np.searchsorted(clock, (begin, begin + size)).tolist()
        if first == len(clock):
            return spans
        if first == last:  # silence: go on at the first window that reaches the next line
            number = max(number + 1, math.floor((clock[first] - start - size) / stride) + 1)
            continue
        if not spans or spans[-1] != (first, last):
            spans.append((first, last))
        number += 1


def group_sessions(count: int, pair_rows: np.ndarray, pair_sessions: np.ndarray, sessions: int) -> Grouping:
    """One window a session, and rows without a session by `LOOSE_SIZE`, in order of their first row."""
    order = np.argsort(pair_sessions, kind="stable")
    rows = pair_rows[order].astype(np.int32)
    lengths = np.bincount(pair_sessions, minlength=sessions)
    named = Grouping(rows, np.concatenate(([0], np.cumsum(lengths))), np.arange(sessions, dtype=np.int32))
    has_session = np.zeros(count, bool)
    has_session[pair_rows] = True
    loose = np.flatnonzero(~has_session)
    if not len(loose):
        return named
    others = group_spans(list(line_spans(len(loose), LOOSE_SIZE, LOOSE_SIZE)))
    offsets = np.concatenate((named.offsets, named.offsets[-1] + others.offsets[1:]))
    both = Grouping(
        np.concatenate((rows, loose.astype(np.int32))), offsets, np.concatenate((named.sessions, others.sessions))
    )
    return both.taken(np.argsort(both.rows[both.offsets[:-1]], kind="stable"))
