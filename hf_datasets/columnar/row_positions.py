"""Where each row of a log goes in the output, asked for range after range while the log is read again.

Notes: Windows of lines keep the order of the log, and a search in it tells the places. The lines of sessions lie far
apart: their places are dealt out to files, one for every block of rows, and each file is put in order when its block is
read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .column_files import BLOCK, blocks, let_go

Place = Callable[[int, int], tuple[np.ndarray, np.ndarray]]
_PLACED = np.dtype([("row", np.int32), ("position", np.int64)])


def places(rows: np.ndarray, folder: Path) -> Place:
    """A function from a range of rows to (positions in the output, the row at each); ranges come in order."""
    last_row = -1
    for first, last in blocks(len(rows)):
        block = rows[first:last]
        if block[0] < last_row or (np.diff(block) < 0).any():
            return places_apart(rows, folder)
        last_row = block[-1]
        let_go(rows)

    def place(first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        low, high = np.searchsorted(rows, (first, last)).tolist()
        return np.arange(low, high), rows[low:high].astype(np.int64)

    return place


def places_apart(rows: np.ndarray, folder: Path) -> Place:
    """As `places`, for rows in any order: every block of rows has a file with its places."""
    folder.mkdir()
    for first, last in blocks(len(rows)):
        placed = np.empty(last - first, _PLACED)
        placed["row"], placed["position"] = rows[first:last], np.arange(first, last)
        let_go(rows)
        number = placed["row"] // BLOCK
        for one in np.unique(number).tolist():
            with (folder / str(one)).open("ab") as stream:
                stream.write(placed[number == one].tobytes())
    known: dict[int, np.ndarray] = {}

    def ordered(one: int) -> np.ndarray:
        if one not in known:
            for former in [number for number in known if number < one - 1]:
                del known[former]
            path = folder / str(one)
            placed = np.fromfile(path, _PLACED) if path.exists() else np.empty(0, _PLACED)
            known[one] = placed[np.argsort(placed["row"], kind="stable")]
        return known[one]

    def place(first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        parts = []
        for one in range(first // BLOCK, max(last - 1, first) // BLOCK + 1):
            placed = ordered(one)
            low, high = np.searchsorted(placed["row"], (first, last)).tolist()
            parts.append(placed[low:high])
        found = np.concatenate(parts)
        return found["position"].copy(), found["row"].astype(np.int64)

    return place
