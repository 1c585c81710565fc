"""What every way from a chunk to columns shares: the row of the system, message codes, session codes, times, lines seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from ..systems.field_readers import timestamp_reader
from ..systems.rules import LogSystem
from .byte_slices import encoded
from .columns import Entry, LineParser
from .message_codes import Channel

_WHOLE_SECONDS = "^[0-9]{1,11}$"  # more digits are not seconds of a year that there is


class SessionCodes:
    """Session ids as codes; the codes of different chunks for one session are made the same at the end."""

    def __init__(self) -> None:
        self._parts: list[pa.Array] = []
        self._size = 0

    def of(self, ids: pa.Array) -> np.ndarray:
        """Provisional codes (int64) of some ids: equal inside this call exactly where the ids are."""
        at, distinct = encoded(ids)
        self._parts.append(distinct)
        self._size += len(distinct)
        return at + np.int64(self._size - len(distinct))

    def settled(self) -> tuple[np.ndarray, pa.Array]:
        """(the final code of every provisional one, the ids by final code, in order of first appearance)."""
        return encoded(pa.concat_arrays(self._parts) if self._parts else pa.array([], pa.large_string()))


class LogFields:
    """The state of reading one log into columns.

    Args:
        system: how its lines are read.
        channels: codes of its messages, one column each.
        times: whether the column of times is wanted.
        sessions: whether the pairs of rows and sessions are wanted.
        lines: lines that were passed over before.
    """

    def __init__(
        self, system: LogSystem, channels: Sequence[Channel], times: bool = True, sessions: bool = True, lines: int = 0
    ):
        self.system = system
        self.channels = tuple(channels)
        self.parser = LineParser(system, times, sessions)
        self.sessions = SessionCodes()
        self.read_time = timestamp_reader(system.timestamp)
        self.times = times and system.timestamp is not None
        self.pairs = sessions and self.parser.sessions is not None
        self.lines = lines  # lines seen so far
        self.headers: dict[bytes, Entry | None] = {}  # what `distinct_lines` knows of distinct headers

    def times_of(self, texts: pa.Array) -> np.ndarray:
        """Seconds for time texts, NaN where a text is none; runs of blanks between its parts count as one."""
        if self.system.timestamp and self.system.timestamp.layout == "epoch":
            column = pl.Series(texts)
            if column.str.contains(_WHOLE_SECONDS).all():
                return column.cast(pl.Float64).to_numpy()
        at, distinct = encoded(texts)
        table = np.array([seconds_or_nan(self.read_time(" ".join(text.split()))) for text in distinct.to_pylist()])
        return table[at] if len(table) else np.zeros(0)


def seconds_or_nan(time: float | None) -> float:
    """The time, NaN where there is none."""
    return np.nan if time is None else time
