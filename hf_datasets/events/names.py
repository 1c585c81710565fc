"""Names of sequences (sessions, threads, components) and their positions, in a quarter of the memory of a dictionary."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MOST_NAMES = 600_000  # further ones are not told apart
_RECENT = 1 << 16


class NameTable:
    """Names -> positions, in the order in which they came.

    Notes: The last names are a dictionary. Earlier ones are known by the 64 bits of their hash, sorted: among 600,000 names
    two share one with a probability of one in a hundred million, and would then be one sequence.
    """

    def __init__(self) -> None:
        self.clear()

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[str]:
        begin = 0
        for end in self._ends:
            yield self._text[begin:end].decode("utf-8", "replace")
            begin = end

    def clear(self) -> None:
        """Forget all names."""
        self._recent: dict[bytes, int] = {}
        self._text, self._ends = bytearray(), array("I")
        self._hashes: NDArray[np.int64] = np.zeros(0, np.int64)
        self._places: NDArray[np.int32] = np.zeros(0, np.int32)

    def place(self, name: bytes) -> int:
        """The position of a name, which it gets when it is new; -1 for a new one where there are too many."""
        found = self._recent.get(name)
        if found is not None:
            return found
        own = hash(name)
        at = int(np.searchsorted(self._hashes, own)) if len(self._hashes) else 0
        if at < len(self._hashes) and self._hashes[at] == own:
            return int(self._places[at])
        if len(self) >= MOST_NAMES:
            return -1
        found = self._recent[name] = len(self)
        self._text += name
        self._ends.append(len(self._text))
        if len(self._recent) >= _RECENT:
            hashes = np.concatenate([self._hashes, np.fromiter(map(hash, self._recent), np.int64, len(self._recent))])
            places = np.concatenate([self._places, np.fromiter(self._recent.values(), np.int32, len(self._recent))])
            order = np.argsort(hashes)
            self._hashes, self._places = hashes[order], places[order]
            self._recent.clear()
        return found
