"""Count vectors clustered, idf-weighted, after LogCluster (Lin et al., ICSE-C 2016): distance to the nearest cluster.

Left out: the knowledge base of clusters that people have judged. Filled in: the distance is 1 - sum of minima / sum of
maxima of the weighted counts, which (unlike the paper's cosine) sees a session that is all there but too short; average
linkage, cut at .1; a cluster is its mean vector; of more than 3,000 distinct vectors an even sample is clustered.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.cluster import AgglomerativeClustering

from .counts import CountVectors, Window, counts, idf

CUT = 0.1
MOST = 3000


def distances(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """1 - sum of minima / sum of maxima, each of one against each of the others."""
    return np.stack([1 - np.minimum(row, others).sum(1) / np.maximum(row, others).sum(1).clip(1e-9) for row in some])


class CountClusters:
    """Distance to the nearest cluster of normal count vectors."""

    def fit(self, windows: Sequence[Window], labels: Sequence[int] | None = None) -> CountClusters:
        """Cluster the distinct count vectors of normal windows."""
        self.vectors = CountVectors(windows)
        self.weights = idf(self.vectors.rows(windows))
        distinct = list({counts(window): window for window in windows}.values())
        rows = self.vectors.rows(distinct[:: -(-len(distinct) // MOST)]) * self.weights
        groups = np.zeros(len(rows), int)
        if len(rows) > 1:
            clustering = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=CUT)
            groups = clustering.fit_predict(distances(rows, rows))
        self.centres = np.stack([rows[groups == group].mean(0) for group in np.unique(groups)])
        return self

    def score(self, windows: Sequence[Window]) -> list[float]:
        """Distances between 0 and 1."""
        return distances(self.vectors.rows(windows) * self.weights, self.centres).min(1).tolist()
