"""Simple rules that learn from normal windows only, given as sequences of log keys: what a next-key model has to beat.

Peculiar: each rule is a pair of plain functions' worth of state (`fit` on normal windows, `score` others, higher = more
anomalous) and nothing is tuned; the rules that say yes or no score 1 and 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

Window = Sequence[str]


def counts(window: Window) -> tuple[tuple[str, int], ...]:
    """The window's count vector, hashable."""
    return tuple(sorted(Counter(window).items()))


def grams(window: Window, n: int) -> set[tuple[str, ...]]:
    """All n-grams of keys, begin and end included."""
    closed = ("<s>", *window, "</s>")
    return {tuple(closed[i : i + n]) for i in range(len(closed) - n + 1)}


class UnseenCounts:
    """1 where no normal training window has the same count of every key."""

    def fit(self, windows: Sequence[Window]) -> UnseenCounts:
        """Remember the count vectors."""
        self.known = {counts(window) for window in windows}
        return self

    def score(self, windows: Sequence[Window]) -> list[float]:
        """1 unseen, 0 seen."""
        return [float(counts(window) not in self.known) for window in windows]


class NearestCounts:
    """Distance to the nearest normal count vector: sum of absolute differences over the window's length."""

    def fit(self, windows: Sequence[Window]) -> NearestCounts:
        """Remember the distinct count vectors."""
        self.keys = {key: i for i, key in enumerate(sorted({key for window in windows for key in window}))}
        self.normal = np.array([self._vector(v) for v in {counts(window) for window in windows}])
        return self

    def _vector(self, vector: tuple[tuple[str, int], ...]) -> np.ndarray:
        row = np.zeros(len(self.keys) + 1)
        for key, times in vector:
            row[self.keys.get(key, len(self.keys))] += times
        return row

    def score(self, windows: Sequence[Window]) -> list[float]:
        """Distances, no unit."""
        known: dict[tuple[tuple[str, int], ...], float] = {}
        scores = []
        for window in windows:
            vector = counts(window)
            if vector not in known:
                difference = np.abs(self.normal - self._vector(vector)).sum(1).min()
                known[vector] = float(difference / max(len(window), 1))
            scores.append(known[vector])
        return scores


class UnseenGrams:
    """1 where a window has an n-gram of keys that no normal training window has."""

    def __init__(self, n: int = 3):
        self.n = n

    def fit(self, windows: Sequence[Window]) -> UnseenGrams:
        """Remember the n-grams."""
        self.known = {gram for window in {tuple(window) for window in windows} for gram in grams(window, self.n)}
        return self

    def score(self, windows: Sequence[Window]) -> list[float]:
        """1 unseen, 0 seen."""
        return [float(not grams(window, self.n) <= self.known) for window in windows]


class FlagEverything:
    """1 for every window: the floor."""

    def fit(self, windows: Sequence[Window]) -> FlagEverything:
        """Learn nothing."""
        return self

    def score(self, windows: Sequence[Window]) -> list[float]:
        """All 1."""
        return [1.0] * len(windows)


RULES = {
    "flag everything": FlagEverything(),
    "3-gram of keys never seen": UnseenGrams(3),
    "a count vector never seen": UnseenCounts(),
    "nearest normal count vector": NearestCounts(),
}
