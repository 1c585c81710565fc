"""Logistic regression on standardised counts, scikit-learn's. Filled in: C 1, classes by their share."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .counts import CountVectors, Window


class LogisticOnCounts:
    """Probability of "anomalous"."""

    def fit(self, windows: Sequence[Window], labels: Sequence[int]) -> LogisticOnCounts:
        """Fit the weights."""
        self.vectors = CountVectors(windows)
        self.model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        self.model.fit(self.vectors.rows(windows), labels)
        return self

    def score(self, windows: Sequence[Window]) -> list[float]:
        """Between 0 and 1."""
        return self.model.predict_proba(self.vectors.rows(windows))[:, 1].tolist()
