"""K-nearest neighbours on counts, scikit-learn's. Filled in: 5 neighbours, nearer ones weigh more."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.neighbors import KNeighborsClassifier

from .counts import CountVectors, Window


class NeighboursOnCounts:
    """Weighted share of anomalous neighbours."""

    def fit(self, windows: Sequence[Window], labels: Sequence[int]) -> NeighboursOnCounts:
        """Keep the training windows."""
        self.vectors = CountVectors(windows)
        self.model = KNeighborsClassifier(min(5, len(windows)), weights="distance")
        self.model.fit(self.vectors.rows(windows), labels)
        return self

    def score(self, windows: Sequence[Window]) -> list[float]:
        """Between 0 and 1."""
        return self.model.predict_proba(self.vectors.rows(windows))[:, 1].tolist()
