"""PCA on idf-weighted count vectors (Xu et al., SOSP 2009): the squared length outside of the normal subspace.

Left out: the paper's Q-statistic threshold; ours is set like every other method's. Filled in: the subspace keeps 95 % of
the variance; it is learnt from normal windows, the paper's from all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.decomposition import PCA

from .counts import CountVectors, Window, idf


class OutsideSubspace:
    """Squared residual of the projection."""

    def fit(self, windows: Sequence[Window], labels: Sequence[int] | None = None) -> OutsideSubspace:
        """Find the subspace."""
        self.vectors = CountVectors(windows)
        rows = self.vectors.rows(windows)
        self.weights = idf(rows)
        self.pca = PCA(0.95, svd_solver="full").fit(rows * self.weights)
        return self

    def score(self, windows: Sequence[Window]) -> list[float]:
        """Squared distances."""
        rows = self.vectors.rows(windows) * self.weights
        inside = self.pca.inverse_transform(self.pca.transform(rows))
        return np.square(rows - inside).sum(1).tolist()
