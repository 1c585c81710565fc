"""Columns of a chunk whose lines are nearly all distinct: the same columns as `columns.py`, by the Rust engine.

Notes: Lines may all differ, but their headers, digits folded, seldom do. So polars cuts the header off (the line
pattern up to its content group, deleted), and Python parses each distinct header once, in front of a stand-in message.
Messages are masked by polars too. Only lines of printable ASCII go this way, and only with patterns that
`regex_facts.to_rust` vouches for; any other line is parsed by Python on its own.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pyarrow as pa

from ..systems.regex_properties import to_rust
from .byte_slices import encoded, slices
from .columns import Columns, Entry, each_once, line_text, resolved
from .log_fields import LogFields
from .message_codes import SAMPLE, Channel, is_clean, mostly_distinct

_CLEAN_LINE = r"^[\t -~]*\r?\n?$"
_BLANKS = " \t\r\n"
_CONTENT = "(?P<content>"
_STAND_IN = b"x"
_MOST_HEADERS = 20_000


class _Found:
    """Per line: whether it was decided by polars (`sure`), whether it fits, and where things stand in the chunk."""

    def __init__(self, count: int):
        self.sure = np.zeros(count, bool)
        self.parsed = np.zeros(count, bool)
        self.starts = np.zeros(count, np.int64)
        self.stops = np.zeros(count, np.int64)
        self.labels = np.full(count, -1, np.int8)
        self.time0 = np.zeros(count, np.int64)
        self.time1 = np.zeros(count, np.int64)
        self.odd_time = np.zeros(count, bool)

    def take(self, row: int, entry: Entry, begin: int) -> None:
        self.parsed[row] = entry.parsed
        self.starts[row], self.stops[row] = begin + entry.start, begin + entry.stop
        self.time0[row], self.time1[row] = begin + entry.time[0], begin + entry.time[1]
        self.labels[row], self.odd_time[row] = entry.label, entry.odd_time


def distinct_columns(fields: LogFields, chunk: bytes, offsets: np.ndarray, folded: bytes) -> Columns:
    """The columns of a chunk, from the offsets of its lines; `folded` is the chunk as the dictionary would see it."""
    count = len(offsets) - 1
    first = fields.lines + 1
    fields.lines += count
    found = _Found(count)
    header, clean = header_pattern(fields.system.line_pattern), is_clean(chunk)
    if header is not None:
        _split(fields, header, chunk, folded, offsets, found, clean)
    for row in np.flatnonzero(~found.sure).tolist():
        entry, _ = fields.parser.entry(chunk[offsets[row] : offsets[row + 1]])
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
        times=_times(fields, chunk, offsets, found) if fields.times else None,
        codes=tuple(_codes(channel, chunk, folded, starts, stops, clean) for channel in fields.channels),
        pair_rows=np.zeros(0, np.int64),
        pair_sessions=np.zeros(0, np.int64),
        unparsed=unparsed,
    )
    if fields.pairs:
        _pair(fields, columns, clean)
    return columns


def header_pattern(pattern: str) -> str | None:
    r"""What stands before a content that runs to the end of the line, in Rust's dialect; "" where nothing does.

    >>> header_pattern(r"^(?P<level>[A-Z]+): (?P<content>.*)$")
    '^([A-Z]+):\\ '
    """
    header, content, rest = pattern.partition(_CONTENT)
    if not content or rest not in (".*)$", ".+)$") or not header.startswith("^") or to_rust(pattern) is None:
        return None
    if header == "^":
        return "" if rest == ".*)$" else None
    try:
        known = re.compile(header)
    except re.error:  # the content stands inside another group
        return None
    return None if known.match("") else to_rust(header)


def _split(
    fields: LogFields, header: str, chunk: bytes, folded: bytes, offsets: np.ndarray, found: _Found, all_clean: bool
) -> None:
    count = len(offsets) - 1
    lines = pl.Series(
        pa.Array.from_buffers(pa.large_string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(chunk)])
    )
    stripped = lines.str.strip_chars(_BLANKS)
    length = stripped.str.len_bytes().to_numpy().astype(np.int64)
    stops = offsets[:-1] + lines.str.strip_chars_end(_BLANKS).str.len_bytes().to_numpy()
    begins = stops - length
    if header:
        content = stripped.str.replace(header, "", n=1).str.len_bytes().to_numpy().astype(np.int64)
        parsed = content < length
    else:
        content, parsed = length, np.ones(count, bool)
    clean = np.ones(count, bool) if all_clean else lines.str.contains(_CLEAN_LINE).to_numpy()
    starts = stops - content
    found.sure, found.parsed = clean.copy(), parsed & clean
    found.starts, found.stops = starts, stops
    rows = np.flatnonzero(found.parsed)
    begins, starts = begins[rows], starts[rows]
    at, headers = encoded(slices(folded, begins, starts, pa.large_binary()))
    entries = _header_entries(fields, headers.to_pylist())
    table = [one or Entry(False) for one in entries]
    # Such a line is parsed on its own.
    lost = np.array([one is None for one in entries], bool)[at]
    found.sure[rows[lost]] = False
    found.labels[rows] = np.array([one.label for one in table], np.int8)[at]
    found.time0[rows] = begins + np.array([one.time[0] for one in table], np.int64)[at]
    found.time1[rows] = begins + np.array([one.time[1] for one in table], np.int64)[at]
    found.odd_time[rows] = np.array([one.odd_time for one in table], bool)[at]


def _header_entries(fields: LogFields, headers: list[bytes]) -> list[Entry | None]:
    """What Python finds in every header; None where it finds another place for the content than polars did."""
    known = fields.headers
    if len(known) > _MOST_HEADERS:
        known.clear()
    for text in headers:
        if text not in known:
            entry, _ = fields.parser.entry(text + _STAND_IN)
            known[text] = entry if entry.parsed and entry.start == len(text) else None
    return [known[text] for text in headers]


def _times(fields: LogFields, chunk: bytes, offsets: np.ndarray, found: _Found) -> np.ndarray:
    kept = found.parsed
    times = fields.times_of(slices(chunk, found.time0[kept], found.time1[kept]))
    for at, row in enumerate(np.flatnonzero(kept).tolist()) if found.odd_time[kept].any() else ():
        if found.odd_time[row]:
            time = fields.read_time(fields.parser.time_text(chunk[offsets[row] : offsets[row + 1]]))
            times[at] = np.nan if time is None else time
    return times


def _codes(
    channel: Channel, chunk: bytes, folded: bytes, starts: np.ndarray, stops: np.ndarray, clean: bool
) -> np.ndarray:
    """Message codes. Folded contents may repeat although lines do not (a node name in the header): look first."""
    if channel.folds:
        if not mostly_distinct(pl.Series(slices(folded, starts[:SAMPLE], stops[:SAMPLE]))):
            at, distinct = encoded(slices(folded, starts, stops))
            table = np.array([channel.code_of_folded(one) for one in distinct.to_pylist()], np.int32)
            return resolved(channel, table[at], chunk, starts, stops)
    return channel.codes_of_many(slices(chunk, starts, stops), clean)


def _pair(fields: LogFields, columns: Columns, clean: bool) -> None:
    pattern = to_rust(fields.system.session_pattern or "")
    contents = pl.Series(columns.contents())
    if pattern is None or not clean:
        assert fields.parser.sessions is not None
        ids = [[one[0] for one in fields.parser.sessions(text)] for text in contents.to_list()]
        lists = pl.Series(ids, dtype=pl.List(pl.String))
    else:
        lists = contents.str.extract_all(pattern)
    counts = lists.list.len().to_numpy().astype(np.int64)
    rows = np.repeat(np.arange(len(counts)), counts)
    flat = lists.explode().drop_nulls().to_arrow().cast(pa.large_string())
    columns.pair_rows, columns.pair_sessions = each_once(rows, fields.sessions.of(flat), counts)
