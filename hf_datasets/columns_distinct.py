"""Columns of a chunk whose lines are nearly all distinct: the same columns as `columns.py`, line by line.

Odd here: lines of printable ASCII are split, searched and masked by polars' Rust engine, with patterns that
`regex_facts.to_rust` vouches for; any other line, and any pattern it does not vouch for, goes through Python's `re`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from .channel import Channel
from .chunks import encoded, fold_digits, slices
from .columns import Columns, Entry, each_once, line_text, resolved
from .parsing import NORMAL_LABEL
from .regex_facts import to_rust

if TYPE_CHECKING:
    from .column_reader import ColumnReader

_CLEAN_LINE = r"^[\t -~]*\r?\n?$"
_BLANKS = " \t\r\n"


def distinct_columns(reader: ColumnReader, chunk: bytes, offsets: np.ndarray) -> Columns:
    """The columns of a chunk, from the offsets of its lines."""
    count = len(offsets) - 1
    first = reader.lines + 1
    reader.lines += count
    raw = pa.Array.from_buffers(pa.large_string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(chunk)])
    found = _split(reader, pl.Series(raw), offsets)
    for row in np.flatnonzero(~found.sure).tolist():
        entry, _ = reader.parser.entry(chunk[offsets[row] : offsets[row + 1]])
        found.take(row, entry, int(offsets[row]))
    unparsed = [
        (first + at, line_text(chunk[offsets[at] : offsets[at + 1]])) for at in np.flatnonzero(~found.parsed).tolist()
    ]
    kept = found.parsed
    starts, stops = found.starts[kept], found.stops[kept]
    columns = Columns(
        text=chunk,
        starts=starts,
        stops=stops,
        numbers=np.arange(first, first + count)[kept],
        labels=found.labels[kept],
        times=_times(reader, chunk, offsets, found, kept) if reader.times else None,
        codes=tuple(_codes(channel, reader, chunk, starts, stops) for channel in reader.channels),
        pair_rows=np.zeros(0, np.int64),
        pair_sessions=np.zeros(0, np.int64),
        unparsed=unparsed,
    )
    if reader.pairs:
        _pair(reader, columns)
    return columns


class _Found:
    """Per line: whether it was decided here (`sure`), whether it fits, and its spans in the chunk."""

    def __init__(self, count: int):
        self.sure = np.zeros(count, bool)
        self.parsed = np.zeros(count, bool)
        self.starts = np.zeros(count, np.int64)
        self.stops = np.zeros(count, np.int64)
        self.labels = np.full(count, -1, np.int8)
        self.times: pl.Series | None = None

    def take(self, row: int, entry: Entry, begin: int) -> None:
        self.parsed[row] = entry.parsed
        self.starts[row], self.stops[row] = begin + entry.start, begin + entry.stop
        self.labels[row] = entry.label


def _split(reader: ColumnReader, lines: pl.Series, offsets: np.ndarray) -> _Found:
    found = _Found(len(lines))
    system = reader.system
    pattern = to_rust(system.line_pattern)
    if pattern is None or not _content_is_last(system.line_pattern):
        return found
    groups = re.compile(system.line_pattern).groupindex
    frame = pl.DataFrame({"line": lines}).lazy()
    stripped = pl.col("line").str.strip_chars(_BLANKS)
    wanted = {"content": stripped.str.extract(pattern, groups["content"])}
    if system.label_rule == "line":
        wanted["label"] = stripped.str.extract(pattern, groups["label"]) != NORMAL_LABEL
    if reader.times:
        parts = [stripped.str.extract(pattern, groups[group]).fill_null("") for group in reader.parser.groups]
        wanted["time"] = pl.concat_str(parts, separator=" ")
    cut = frame.select(
        clean=pl.col("line").str.contains(_CLEAN_LINE),
        stop=pl.col("line").str.strip_chars_end(_BLANKS).str.len_bytes(),
        **wanted,
    ).collect()
    content = cut["content"]
    found.sure = cut["clean"].to_numpy().copy()
    found.parsed = content.is_not_null().to_numpy() & found.sure
    found.stops = offsets[:-1] + cut["stop"].to_numpy().astype(np.int64)
    found.starts = found.stops - content.str.len_bytes().fill_null(0).to_numpy().astype(np.int64)
    if "label" in cut.columns:
        found.labels = cut["label"].fill_null(False).to_numpy().astype(np.int8)
    if "time" in cut.columns:
        found.times = cut["time"]
    return found


def _content_is_last(pattern: str) -> bool:
    """Whether the content runs to the end of the stripped line."""
    return pattern.endswith(("(?P<content>.*)$", "(?P<content>.+)$"))


def _times(reader: ColumnReader, chunk: bytes, offsets: np.ndarray, found: _Found, kept: np.ndarray) -> np.ndarray:
    times = np.full(len(kept), np.nan)
    if found.times is not None:
        times = reader.times_of(found.times.to_arrow().cast(pa.large_string()))
    for row in np.flatnonzero(~found.sure & kept).tolist():
        time = reader.read_time(reader.parser.time_text(chunk[offsets[row] : offsets[row + 1]]))
        times[row] = np.nan if time is None else time
    return times[kept]


def _codes(channel: Channel, reader: ColumnReader, chunk: bytes, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Message codes. Folded contents may repeat although lines do not (a node name in the header): look first."""
    if channel.folds:
        at, distinct = encoded(slices(fold_digits(chunk), starts, stops))
        if len(distinct) < 0.5 * len(starts):
            table = np.array([channel.code_of_folded(one) for one in distinct.to_pylist()], np.int32)
            return resolved(channel, table[at], chunk, starts, stops)
    return channel.codes_of_many(slices(chunk, starts, stops))


def _pair(reader: ColumnReader, columns: Columns) -> None:
    pattern = to_rust(reader.system.session_pattern or "")
    contents = pl.Series(columns.contents())
    clean = contents.str.contains(r"^[\t -~]*$")
    if pattern is None or not clean.all():
        assert reader.parser.sessions is not None
        ids = [[one[0] for one in reader.parser.sessions(text)] for text in contents.to_list()]
        lists = pl.Series(ids, dtype=pl.List(pl.String))
    else:
        lists = contents.str.extract_all(pattern)
    counts = lists.list.len().to_numpy().astype(np.int64)
    rows = np.repeat(np.arange(len(counts)), counts)
    flat = lists.explode().drop_nulls().to_arrow().cast(pa.large_string())
    columns.pair_rows, columns.pair_sessions = each_once(rows, reader.sessions.of(flat), counts)
