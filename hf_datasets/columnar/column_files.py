"""Columns that are longer than memory: files that chunks are appended to, and that are mapped when they are whole.

Notes: A mapped column is an array like any other, but the pages that were read of it count as memory of the process
until they are let go. So whole columns are gone through in blocks, and `let_go` is called behind each. Without a folder
everything is kept in memory: a short log is faster so, and has nothing to remove.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

BLOCK = 1 << 20  # rows that are gone through at a time


class Spool:
    """Named columns in a folder (made here, removed by its owner), or in memory."""

    def __init__(self, folder: Path | None = None):
        self.folder = folder
        self._parts: dict[str, list[np.ndarray]] = {}
        self._files: dict[str, IO[bytes]] = {}
        self._count = 0
        if folder is not None:
            folder.mkdir()

    def add(self, name: str, values: np.ndarray, kind: Any) -> None:
        """Append values, as that type, to a column."""
        values = np.ascontiguousarray(values, kind)
        if self.folder is None:
            self._parts.setdefault(name, []).append(values)
            return
        if name not in self._files:
            self._files[name] = (self.folder / name).open("wb")
        self._files[name].write(values.data if len(values) else b"")

    def column(self, name: str, kind: Any) -> np.ndarray:
        """The whole of a column; nothing more can be added to it."""
        if self.folder is None:
            parts = self._parts.pop(name, [])
            return np.concatenate(parts) if parts else np.zeros(0, kind)
        if name not in self._files:
            return np.zeros(0, kind)
        with self._files.pop(name) as stream:
            size = stream.tell()
        return np.asarray(np.memmap(self.folder / name, kind, "r")) if size else np.zeros(0, kind)

    def empty(self, size: int, kind: Any = np.int32) -> np.ndarray:
        """A column of that size to be filled in any order."""
        if self.folder is None or not size:
            return np.empty(size, kind)
        self._count += 1
        file = self.folder / f"filled-{self._count}"
        with file.open("wb") as stream:
            # A page of a mapped file that finds no space on the disk is a bus error, which nothing catches: take it now.
            space = size * np.dtype(kind).itemsize
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(stream.fileno(), 0, space)
            else:
                stream.truncate(space)
        return np.asarray(np.memmap(file, kind, "r+", shape=(size,)))

    def mapped(self, name: str, table: np.ndarray, to: str) -> None:
        """Finish an int32 column, and append what a table says of each of its values to another one."""
        column = self.column(name, np.int32)
        for first, last in blocks(len(column)):
            self.add(to, table[column[first:last]], np.int32)
            let_go(column)

    def moved(self, name: str, by: int, to: str, kind: Any) -> None:
        """Finish a column, and append its values, each larger by `by`, to another one."""
        column = self.column(name, kind)
        for first, last in blocks(len(column)):
            self.add(to, column[first:last] + kind(by) if by else column[first:last], kind)
            let_go(column)


def blocks(count: int, size: int | None = None) -> Iterator[tuple[int, int]]:
    """Half-open ranges that cover 0..count.

    >>> list(blocks(5, 2))
    [(0, 2), (2, 4), (4, 5)]
    """
    size = size or BLOCK
    for first in range(0, count, size):
        yield first, min(first + size, count)


def let_go(*arrays: np.ndarray | None) -> None:
    """Give back the pages of mapped arrays; what was written to them stays. Others are left alone."""
    for array in arrays:
        base: Any = array
        while base is not None and not isinstance(base, mmap.mmap):
            base = getattr(base, "base", None)
        if base is not None:
            base.madvise(mmap.MADV_DONTNEED)
