"""Rows -> windows as integers: the same windows as `windows.make_windows`, for whole logs held as columns.

Notes: A window is a run of `rows` between two `offsets`; no window holds a text. Sessions are numbered in order of
their first line, so that grouping is one stable sort, done by counting, block after block: `rows` may lie in a file
(see `spool`), and a log of any length is grouped in the memory of its windows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..systems.rules import WindowRule
from ..windows import LOOSE_SIZE, line_spans
from .column_files import BLOCK, Spool, blocks, let_go


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
        found = np.empty(len(self), values.dtype)
        for first, last in self.blocks():
            begin, end = self.offsets[first], self.offsets[last]
            found[first:last] = np.maximum.reduceat(values[self.rows[begin:end]], self.offsets[first:last] - begin)
            let_go(self.rows, values)
        return found

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Half-open ranges of windows that hold about `spool.BLOCK` rows each, one window at least."""
        first = 0
        while first < len(self):
            last = int(np.searchsorted(self.offsets, self.offsets[first] + BLOCK, "right")) - 1
            last = min(max(last, first + 1), len(self))
            yield first, last
            first = last

    def taken(self, order: np.ndarray, spool: Spool | None = None) -> Grouping:
        """Some of the windows, in that order."""
        lengths = np.diff(self.offsets)[order]
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        if len(order) == len(self) and (np.diff(order) == 1).all():
            return Grouping(self.rows, offsets, self.sessions[order])
        rows = (spool or Spool()).empty(int(offsets[-1]))
        found = Grouping(rows, offsets, self.sessions[order])
        for first, last in found.blocks():
            begin, end = offsets[first], offsets[last]
            shift = self.offsets[:-1][order[first:last]] - offsets[first:last]
            rows[begin:end] = self.rows[np.repeat(shift, lengths[first:last]) + np.arange(begin, end)]
            let_go(self.rows, rows)
        return found


def group_spans(spans: Sequence[tuple[int, int]] | np.ndarray, spool: Spool | None = None) -> Grouping:
    """Windows that are half-open ranges of rows."""
    bounds = np.array(spans, np.int64).reshape(-1, 2)
    lengths = bounds[:, 1] - bounds[:, 0]
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    rows = (spool or Spool()).empty(int(offsets[-1]))
    found = Grouping(rows, offsets, np.full(len(bounds), -1, np.int32))
    for first, last in found.blocks():
        begin, end = offsets[first], offsets[last]
        rows[begin:end] = np.repeat(bounds[first:last, 0] - offsets[first:last], lengths[first:last]) + np.arange(
            begin, end
        )
        let_go(rows)
    return found


def group_lines(first: int, last: int, rule: WindowRule, times: np.ndarray | None) -> Grouping:
    """Windows of rows first..last under a rule that is not "session"."""
    return group_spans(line_bounds(first, last, rule, times))


def line_bounds(
    first: int, last: int, rule: WindowRule, times: np.ndarray | None, spool: Spool | None = None
) -> np.ndarray:
    """The windows of `group_lines` as half-open ranges of rows (W, 2)."""
    if rule.kind == "time":
        times = np.full(last, np.nan) if times is None else times
        spans: np.ndarray | list[tuple[int, int]] = time_spans(times[first:last], rule.size, rule.stride, spool)
    else:
        spans = count_spans(last - first, int(rule.size), int(rule.stride))
    return np.array(spans, np.int64).reshape(-1, 2) + first


def count_spans(count: int, size: int, stride: int) -> np.ndarray:
    """`windows.line_spans` as an array of (first, last)."""
    firsts = np.arange(0, count, stride)
    lasts = np.minimum(firsts + size, count)
    keep = int(np.searchsorted(lasts, count)) + 1  # the first that reaches the end is the last
    return np.stack((firsts, lasts), axis=1)[:keep]


def time_spans(times: np.ndarray, size: float, stride: float, spool: Spool | None = None) -> list[tuple[int, int]]:
    """Half-open ranges of rows for time windows; NaN is no time (see `windows`)."""
    if not len(times):
        return []
    start = 0.0 if np.isnan(times[0]) else float(times[0])
    latest = start  # of all times so far
    clock = (spool or Spool()).empty(len(times), np.float64)
    for low, high in blocks(len(times)):
        highest = np.maximum(np.fmax.accumulate(times[low:high]), latest)  # fmax passes over NaN, but not a first one
        clock[low:high] = np.where(np.isnan(highest), latest, highest)
        latest = float(clock[high - 1])
        let_go(times, clock)
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


def group_sessions(
    count: int, pair_rows: np.ndarray, pair_sessions: np.ndarray, sessions: int, spool: Spool | None = None
) -> Grouping:
    """One window a session, and rows without a session by `LOOSE_SIZE`, in order of their first row."""
    spool = spool or Spool()
    lengths, has_session = np.zeros(sessions, np.int64), np.zeros(count, bool)
    for first, last in blocks(len(pair_rows)):
        np.add.at(lengths, pair_sessions[first:last], 1)
        has_session[pair_rows[first:last]] = True
        let_go(pair_rows, pair_sessions)
    loose = np.flatnonzero(~has_session).astype(np.int32)
    del has_session
    rows = spool.empty(len(pair_rows) + len(loose))
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    free = offsets[:-1].copy()  # where the next row of every session goes
    for first, last in blocks(len(pair_rows)):
        own = pair_sessions[first:last]
        order = np.argsort(own, kind="stable")
        own = own[order]
        begins = np.flatnonzero(np.concatenate(([True], own[1:] != own[:-1])))
        runs = np.diff(np.append(begins, len(own)))
        nth = np.arange(len(own)) - np.repeat(begins, runs)
        rows[free[own] + nth] = pair_rows[first:last][order]
        free[own[begins]] += runs
        let_go(pair_rows, pair_sessions, rows)
    names = np.arange(sessions, dtype=np.int32)
    if not len(loose):
        return Grouping(rows, offsets, names)
    others = group_spans(list(line_spans(len(loose), LOOSE_SIZE, LOOSE_SIZE)))
    rows[offsets[-1] :] = loose
    offsets = np.concatenate((offsets, offsets[-1] + others.offsets[1:]))
    both = Grouping(rows, offsets, np.concatenate((names, others.sessions)))
    return both.taken(np.argsort(rows[offsets[:-1]], kind="stable"), spool)
