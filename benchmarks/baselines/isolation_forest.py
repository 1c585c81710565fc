"""Isolation forest on count vectors of normal windows (Liu et al., ICDM 2008), scikit-learn's. Filled in: 100 trees."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.ensemble import IsolationForest

from .counts import CountVectors, Window


class IsolatedCounts:
    """How easily a count vector is isolated."""

    def __init__(self, seed: int = 0):
        self.forest = IsolationForest(random_state=seed)

    def fit(self, windows: Sequence[Window], labels: Sequence[int] | None = None) -> IsolatedCounts:
        """Grow the trees."""
        self.vectors = CountVectors(windows)
        self.forest.fit(self.vectors.rows(windows))
        return self

    def score(self, windows: Sequence[Window]) -> list[float]:
        """Between 0 and 1, higher = isolated sooner."""
        return (-self.forest.score_samples(self.vectors.rows(windows))).tolist()
