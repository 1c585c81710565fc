"""One-class SVM on standardised count vectors of normal windows, scikit-learn's.

Filled in: nu .01, an RBF kernel of scikit-learn's scale; equal vectors are one vector with a weight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from .counts import CountVectors, Window


class OneClass:
    """Distance outside of the normal region."""

    def fit(self, windows: Sequence[Window], labels: Sequence[int] | None = None) -> OneClass:
        """Find the region."""
        self.vectors = CountVectors(windows)
        rows = self.vectors.rows(windows)
        self.scaler = StandardScaler().fit(rows)
        distinct, times = np.unique(rows, axis=0, return_counts=True)
        self.svm = OneClassSVM(nu=0.01).fit(self.scaler.transform(distinct), sample_weight=times)
        return self

    def score(self, windows: Sequence[Window]) -> list[float]:
        """Higher = further outside."""
        return (-self.svm.decision_function(self.scaler.transform(self.vectors.rows(windows)))).tolist()
