"""Decision tree on counts (scikit-learn's, grown until pure): what solves HDFS, and what labels alone buy."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.tree import DecisionTreeClassifier

from .counts import CountVectors, Window


class TreeOnCounts:
    """Share of anomalous training windows in the leaf."""

    def __init__(self, seed: int = 0):
        self.tree = DecisionTreeClassifier(random_state=seed)

    def fit(self, windows: Sequence[Window], labels: Sequence[int]) -> TreeOnCounts:
        """Grow the tree."""
        self.vectors = CountVectors(windows)
        self.tree.fit(self.vectors.rows(windows), labels)
        return self

    def score(self, windows: Sequence[Window]) -> list[float]:
        """Between 0 and 1."""
        found = self.tree.predict_proba(self.vectors.rows(windows))
        return found[:, list(self.tree.classes_).index(1)].tolist()
