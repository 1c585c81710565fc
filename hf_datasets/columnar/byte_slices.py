"""Pieces of a byte chunk as Arrow arrays: where lines begin, slices, codes of distinct values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def line_offsets(chunk: bytes) -> np.ndarray:
    """Where the lines of a chunk begin, and the end of the last: int32, one more than there are lines."""
    ends = np.flatnonzero(np.frombuffer(chunk, np.uint8) == 10)
    whole = chunk.endswith(b"\n")
    offsets = np.empty(len(ends) + (1 if whole else 2), np.int64)
    offsets[0] = 0
    offsets[1 : len(ends) + 1] = ends + 1
    if not whole:
        offsets[-1] = len(chunk)
    return offsets


def slices(text: bytes, starts: np.ndarray, stops: np.ndarray, kind: pa.DataType | None = None) -> pa.Array:
    """The pieces text[start:stop] as one Arrow array; the pieces must be in order and must not overlap."""
    kind = kind or pa.large_string()
    count = len(starts)
    if not count:
        return pa.array([], kind)
    bounds = np.empty(2 * count, np.int64)
    bounds[0::2] = starts
    bounds[1::2] = stops
    # Piece, gap, piece, gap, ...: one array over the shared bytes, of which every other value is wanted.
    both = pa.Array.from_buffers(kind, 2 * count - 1, [None, pa.py_buffer(bounds), pa.py_buffer(text)])
    return both.take(pa.array(np.arange(0, 2 * count - 1, 2)))


def encoded(values: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """(code of every value, distinct values in order of first appearance)."""
    found = values.dictionary_encode()
    codes = np.frombuffer(found.indices.buffers()[1], np.int32, len(values), found.indices.offset * 4)
    return codes, found.dictionary
