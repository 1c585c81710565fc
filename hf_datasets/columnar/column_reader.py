"""Chunks of a log -> columns: parse each distinct line once, everything else on integers.

Notes: Most lines of a log differ from another line in digits only. So the digits of a chunk are folded to 0, its
lines are dictionary-encoded, and only a line never seen before is parsed and masked, by the same Python `re` as in
`parsing`; what was found (byte spans, label, codes) then holds for all its likes. This is exact for patterns that are
blind to digits (`regex_facts.digit_blind`); for others lines are not folded. A chunk whose lines are nearly all
distinct gains nothing by that and goes to `columns_distinct.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ..digit_folding import fold_bytes
from ..systems.rules import LogSystem
from .byte_slices import encoded, line_offsets, slices
from .columns import Columns, Entry, each_once, line_text, resolved
from .distinct_lines import distinct_columns
from .json_lines import json_columns
from .log_fields import LogFields, seconds_or_nan
from .message_codes import SAMPLE, Channel

# A chunk with a larger share of distinct lines is not worth a dictionary.
DISTINCT_SHARE = 0.2
FEW_DISTINCT = 500  # nor is a small one worth anything else
# The dictionary is begun anew beyond this many distinct lines, so that memory stays bounded.
MOST_ENTRIES = 200_000

_NONE = np.zeros(0, np.int64)


class ColumnReader(LogFields):
    """Turns chunk after chunk of one log into `Columns`; arguments as of `LogFields`."""

    def __init__(
        self,
        system: LogSystem,
        channels: Sequence[Channel] = (),
        times: bool = True,
        sessions: bool = True,
        lines: int = 0,
    ):
        super().__init__(system, channels, times, sessions, lines)
        self.distinct_share, self.few = DISTINCT_SHARE, FEW_DISTINCT
        self._last_distinct = True  # so a sample of the first chunk too is looked at before a dictionary is made
        self._forget()

    def _forget(self) -> None:
        self._known: dict[bytes, int] = {}
        self._contents: dict[str, tuple[int, ...]] = {}
        self._tables: dict[str, np.ndarray] = {}

    def columns(self, chunk: bytes) -> Columns:
        """The columns of the next chunk of whole lines."""
        if self.system.reader == "json":
            return json_columns(self, chunk)
        offsets = line_offsets(chunk)
        folded = fold_bytes(chunk) if self.parser.folds else chunk
        kind = pa.large_binary()
        count = len(offsets) - 1
        lines = pa.Array.from_buffers(kind, count, [None, pa.py_buffer(offsets), pa.py_buffer(folded)])
        sample = lines.slice(0, SAMPLE)
        if self._last_distinct and count > self.few and len(encoded(sample)[1]) > 0.5 * len(sample):
            return distinct_columns(self, chunk, offsets, folded)
        at, distinct = encoded(lines)
        self._last_distinct = False
        if len(distinct) > max(self.distinct_share * count, self.few):
            self._last_distinct = True
            return distinct_columns(self, chunk, offsets, folded)
        if len(self._known) > MOST_ENTRIES:
            self._forget()
        return self._gather(chunk, offsets, self._lookup(distinct)[at])

    def _lookup(self, distinct: pa.Array) -> np.ndarray:
        known = self._known
        lines = distinct.to_pylist()
        codes = [known.get(line) for line in lines]
        if None in codes:
            fresh = []
            for at, code in enumerate(codes):
                if code is None:
                    codes[at] = known[lines[at]] = len(known)
                    fresh.append(self._parsed(lines[at]))
            table = _tables(fresh, len(self.channels))
            self._tables = _joined(self._tables, table) if self._tables else table
        return np.array(codes, np.int32)

    def _parsed(self, line: bytes) -> Entry:
        """The entry of a line, with its message codes; a content seen before is not masked again."""
        entry, content = self.parser.entry(line)
        if entry.parsed and self.channels:
            codes = self._contents.get(content)
            if codes is None:
                codes = self._contents[content] = tuple(self._message(one, content) for one in self.channels)
            entry.codes = codes
        return entry

    def _message(self, channel: Channel, content: str) -> int:
        if self.parser.folds:
            return channel.code_of_folded(content)
        return channel.code(channel.mask(content))

    def _gather(self, chunk: bytes, offsets: np.ndarray, codes: np.ndarray) -> Columns:
        """Columns of a chunk whose lines are known by entry code."""
        table = self._tables
        numbers = np.arange(self.lines + 1, self.lines + len(codes) + 1)
        begins = offsets[:-1]
        self.lines += len(codes)
        unparsed: list[tuple[int, str]] = []
        if not table["parsed"].all():
            parsed = table["parsed"][codes]
            for at in np.flatnonzero(~parsed).tolist():
                unparsed.append((int(numbers[at]), line_text(chunk[offsets[at] : offsets[at + 1]])))
            codes, begins, numbers = codes[parsed], begins[parsed], numbers[parsed]
        starts, stops = begins + table["start"][codes], begins + table["stop"][codes]
        columns = Columns(
            text=chunk,
            starts=starts,
            stops=stops,
            numbers=numbers,
            labels=table["label"][codes],
            times=self._times(chunk, begins, codes) if self.times else None,
            codes=tuple(
                resolved(channel, table[f"code{at}"][codes], chunk, starts, stops)
                for at, channel in enumerate(self.channels)
            ),
            pair_rows=_NONE,
            pair_sessions=_NONE,
            unparsed=unparsed,
        )
        if self.pairs:
            self._pair(columns, begins, codes)
        return columns

    def _times(self, chunk: bytes, begins: np.ndarray, codes: np.ndarray) -> np.ndarray:
        table = self._tables
        texts = slices(chunk, begins + table["time0"][codes], begins + table["time1"][codes])
        times = self.times_of(texts)
        if table["odd_time"].any():
            for row in np.flatnonzero(table["odd_time"][codes]).tolist():
                stop = chunk.find(b"\n", begins[row])
                line = chunk[begins[row] : stop if stop >= 0 else len(chunk)]
                times[row] = seconds_or_nan(self.read_time(self.parser.time_text(line)))
        return times

    def _pair(self, columns: Columns, begins: np.ndarray, codes: np.ndarray) -> None:
        table = self._tables
        counts = table["sessions"][codes]
        rows = np.repeat(np.arange(len(codes)), counts)
        # The position of every pair among the spans of its entry: 0, 1, ... anew for each row.
        nth = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        spans = table["span_at"][codes][rows] + nth
        begins = begins[rows]
        ids = slices(columns.text, begins + table["span0"][spans], begins + table["span1"][spans])
        columns.pair_rows, columns.pair_sessions = each_once(rows, self.sessions.of(ids), counts)


_FIELDS = ("parsed", "start", "stop", "label", "time0", "time1", "odd_time", "sessions")
_KINDS = {"parsed": bool, "label": np.int8, "odd_time": bool}


def _tables(entries: list[Entry], channels: int) -> dict[str, np.ndarray]:
    """The entries as one array a field, to be indexed by entry code."""
    none = (0,) * channels
    rows = [
        (one.parsed, one.start, one.stop, one.label, *one.time, one.odd_time, len(one.sessions), *(one.codes or none))
        for one in entries
    ]
    columns = np.array(rows, np.int64).T
    table = {name: column.astype(_KINDS.get(name, np.int64)) for name, column in zip(_FIELDS, columns)}
    for at in range(channels):
        table[f"code{at}"] = columns[len(_FIELDS) + at].astype(np.int32)
    spans = np.array([span for one in entries for span in one.sessions], np.int64).reshape(-1, 2)
    table["span_at"] = np.cumsum(table["sessions"]) - table["sessions"]
    table["span0"], table["span1"] = spans[:, 0].copy(), spans[:, 1].copy()
    return table


def _joined(tables: dict[str, np.ndarray], fresh: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tables with those of further entries behind them."""
    fresh["span_at"] = fresh["span_at"] + len(tables["span0"])
    return {name: np.concatenate((column, fresh[name])) for name, column in tables.items()}
