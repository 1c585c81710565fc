"""Columns of a chunk of JSON lines: the records' messages, one row a record.

Notes: A message is not a piece of its line (it is escaped there), so the columns get a text of their own that holds
the messages one after the other. A line may hold several records (OTLP), which then share its number.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ..reading.json_records import json_lines
from .byte_slices import slices
from .columns import Columns, each_once, line_text
from .log_fields import LogFields


def json_columns(fields: LogFields, chunk: bytes) -> Columns:
    """The columns of a chunk of whole lines."""
    raw = [line_text(line) for line in chunk.split(b"\n")]
    if chunk.endswith(b"\n"):
        raw.pop()
    records = list(json_lines(raw, fields.system, fields.lines + 1))
    fields.lines += len(raw)
    parsed = [record for record in records if record.parsed]
    contents = [record.content.encode("utf-8", "replace") for record in parsed]
    bounds = np.cumsum([0, *map(len, contents)])
    text, starts, stops = b"".join(contents), bounds[:-1], bounds[1:]
    columns = Columns(
        text=text,
        starts=starts,
        stops=stops,
        numbers=np.array([record.number for record in parsed], np.int64),
        labels=np.full(len(parsed), -1, np.int8),
        times=np.array([np.nan if one.timestamp is None else one.timestamp for one in parsed])
        if fields.times
        else None,
        codes=tuple(channel.codes_of(slices(text, starts, stops)) for channel in fields.channels),
        pair_rows=np.zeros(0, np.int64),
        pair_sessions=np.zeros(0, np.int64),
        unparsed=[(record.number, record.raw) for record in records if not record.parsed],
    )
    if fields.pairs:
        counts = np.array([len(record.session_ids) for record in parsed], np.int64)
        rows = np.repeat(np.arange(len(parsed)), counts)
        ids = [one for record in parsed for one in record.session_ids]
        columns.pair_rows, columns.pair_sessions = each_once(rows, fields.sessions.of(_strings(ids)), counts)
    return columns


def _strings(values: list[str]) -> pa.Array:

    return pa.array(values, pa.large_string())
