"""Windows of keys as count vectors: what half of the baselines look at.

Notes: Keys that training never had share one last column, so that a window of them is far from everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

Window = Sequence[str]


def counts(window: Window) -> tuple[tuple[str, int], ...]:
    """The window's count vector, hashable."""
    return tuple(sorted(Counter(window).items()))


class CountVectors:
    """The columns of training keys, and windows as rows over them."""

    def __init__(self, windows: Sequence[Window]):
        self.columns = {key: i for i, key in enumerate(sorted({key for window in windows for key in window} - {""}))}

    def row(self, window: Window) -> np.ndarray:
        """One window's counts; unknown keys in the last column."""
        found = np.zeros(len(self.columns) + 1)
        for key in window:
            found[self.columns.get(key, len(self.columns))] += 1
        return found

    def rows(self, windows: Sequence[Window]) -> np.ndarray:
        """One row a window."""
        return np.array([self.row(window) for window in windows]).reshape(len(windows), len(self.columns) + 1)


def idf(rows: np.ndarray) -> np.ndarray:
    """Weight of each column: 1 where every row has it, more the fewer do (scikit-learn's smoothed form)."""
    return np.log((1 + len(rows)) / (1 + (rows > 0).sum(0))) + 1
