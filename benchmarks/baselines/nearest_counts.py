"""Distance to the nearest normal count vector: sum of absolute differences over the window's length.

Notes: With `weighted` a key counts by its inverse document frequency, so that a rare key that is missing or too many
weighs more than a frequent one; the length is weighted likewise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .counts import CountVectors, Window, counts, idf


class NearestCounts:
    """Distance to the nearest normal count vector."""

    def __init__(self, weighted: bool = False):
        self.weighted = weighted

    def fit(self, windows: Sequence[Window], labels: Sequence[int] | None = None) -> NearestCounts:
        """Remember the distinct count vectors."""
        self.vectors = CountVectors(windows)
        self.weights = idf(self.vectors.rows(windows)) if self.weighted else np.ones(len(self.vectors.columns) + 1)
        self.normal = self.vectors.rows(list({counts(window): window for window in windows}.values())) * self.weights
        return self

    def score(self, windows: Sequence[Window]) -> list[float]:
        """Distances, no unit."""
        known: dict[tuple[tuple[str, int], ...], float] = {}
        scores = []
        for window in windows:
            vector = counts(window)
            if vector not in known:
                row = self.vectors.row(window) * self.weights
                known[vector] = float(np.abs(self.normal - row).sum(1).min() / max(row.sum(), 1))
            scores.append(known[vector])
        return scores
