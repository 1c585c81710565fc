"""Finds the part of a log that lies in a span of time, by bisection over the bytes of a plain file.

What is read is some pieces of 64 KiB. A file qualifies whose pieces have times, with a date, in order; lines that stand a
little out of order widen the part. Everything else (archives, standard input, records of several lines, times of day
without a date, a New Year that no line states) is left to be read whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .inputs import Block
from .reader import FileReader

PIECE_BYTES = 64 << 10
MOST_PIECE_BYTES = 4 << 20  # a piece grows so far until it holds a time
PROBES = 16  # pieces by which the order of a file is tried
MOST_DISORDER = 600.0  # seconds that a line may stand before an earlier one
LEAST_TIMED = 0.5  # share of the events of a piece that have a time


@dataclass(slots=True)
class Span:
    """A part of a file.

    Attributes:
        begin: byte of its first line.
        end: byte behind its last line.
        lines_before: lines before it; None where nobody has counted them.
    """

    begin: int
    end: int
    lines_before: int | None = None


class _Unordered(Exception):
    """The times of a file do not show where something is."""


class TimeIndex:
    """Where in a file which time is.

    Args:
        reader: the reader of the file.

    Attributes:
        last: latest time of the last piece.
        disorder: by how many seconds lines stand before earlier ones.

    Raises:
        ValueError: a file in which a time cannot be looked for.
    """

    def __init__(self, reader: FileReader):
        self._reader, self._size = reader, reader.source.size
        plan, source = reader.plan, reader.source
        self.disorder = 0.0
        if source.path == "-" or not source.encoding.seekable or plan.block is not None or plan.years:
            raise ValueError("it cannot be read from the middle")
        self._known: dict[int, tuple[int, float, float]] = {}
        try:
            step = max(self._size // PROBES, PIECE_BYTES)  # in a small file the pieces are all of it
            self.last = -math.inf
            for begin in range(0, self._size, step):
                try:
                    _, first, last = self._piece(begin, begin + step)
                except _Unordered:
                    continue
                self._disorder_of(self.last - first)
                self.last = max(self.last, last)
            self.last = max(self.last, self._tail())
        except _Unordered as error:
            raise ValueError(str(error)) from error

    def span(self, low: float, high: float) -> Span:
        """The part of the file that holds all events from `low` to `high`, seconds since 1970.

        Raises:
            ValueError: times that are out of order.
        """
        try:
            slack = 2 * self.disorder
            begin = self._first_at(low - slack, 0, strict=False)
            return Span(begin, self._first_at(high + slack, begin, strict=True))
        except _Unordered as error:
            raise ValueError(str(error)) from error

    def _first_at(self, moment: float, low: int, strict: bool) -> int:
        """The byte of the first event at or, with `strict`, after a moment; the size of the file where there is none."""
        if math.isinf(moment):
            return low if moment < 0 else self._size
        high = self._size
        while high - low > PIECE_BYTES:
            middle = (low + high) // 2
            try:
                where, first, _ = self._piece(middle, high)
            except _Unordered:  # nothing with a time between here and the end of the part
                high = middle
                continue
            if first > moment or (not strict and first == moment):
                high = middle
            else:
                low = where
        return self._exact(moment, low, strict)

    def _exact(self, moment: float, low: int, strict: bool) -> int:
        """As `_first_at`, by reading on from a line."""
        size = 2 * PIECE_BYTES
        while low < self._size:
            offsets, times = self._times(low, size)
            late = np.flatnonzero((times > moment) | ((times == moment) & (not strict)))
            if len(late):
                return int(offsets[late[0]])
            if low + size >= self._size:
                break
            if len(offsets):
                low = int(offsets[-1])
            size *= 2
        return self._size

    def _piece(self, begin: int, end: int | None = None) -> tuple[int, float, float]:
        """(byte, time) of the first event behind a byte that has a time, and the latest time of its piece."""
        found = self._known.get(begin)
        if found is not None:
            return found
        size = min(PIECE_BYTES, (end or self._size) - begin)
        while True:
            offsets, times = self._times(begin, size)
            known = np.flatnonzero(~np.isnan(times))
            if len(known):
                if len(known) < LEAST_TIMED * len(times):
                    raise ValueError("most of its lines have no time")
                held = times[known]
                self._disorder_of(float((np.maximum.accumulate(held) - held).max()))
                found = self._known[begin] = int(offsets[known[0]]), float(held[0]), float(held.max())
                return found
            if begin + size >= (end or self._size):
                raise _Unordered("a part of it has no time")
            if size >= MOST_PIECE_BYTES:
                raise ValueError("a long part of it has no time")
            size *= 4

    def _tail(self) -> float:
        size = PIECE_BYTES
        while True:
            _, times = self._times(max(self._size - size, 0), size)
            if len(times) and not np.isnan(times).all():
                return float(np.nanmax(times))
            if size >= min(MOST_PIECE_BYTES, self._size):
                raise ValueError("its end has no time")
            size *= 4

    def _times(self, begin: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """(byte, time or NaN) of the events that begin in some bytes; the line that is cut at either end is left out."""
        with self._reader.source.open_at(max(begin - 1, 0)) as stream:
            raw = stream.read(size + 1)
        start = 0 if not begin else raw.find(b"\n") + 1  # at a byte where a line begins the one before is a line feed
        whole = begin + size >= self._size
        stop = len(raw) if whole else raw.rfind(b"\n") + 1
        if (begin and not start) or stop <= start:
            return np.zeros(0, np.int64), np.zeros(0)
        raw = raw[start:stop]
        clock = self._reader.new_clock()
        part, _, _ = self._reader.part(Block(raw, None, True), 1, clock)
        if clock.is_of_day:
            raise ValueError("its times have no date")
        ends = np.flatnonzero(np.frombuffer(raw, np.uint8) == 10) + 1
        offsets = np.concatenate([[0], ends]) + max(begin - 1, 0) + start
        return offsets[[part.number(int(line)) - 1 for line in part.starts]], part.pieces.seconds[part.starts]

    def _disorder_of(self, seconds: float) -> None:
        self.disorder = max(self.disorder, seconds)
        if self.disorder > MOST_DISORDER:
            raise ValueError("its lines are not in order of time")
