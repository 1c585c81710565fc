"""PLELog: probabilistic labels by clustering, then an attentive GRU (Yang et al., ICSE 2021).

Learns "some": which windows of a half of the normal ones are normal; of the others nothing is known. Left out: GloVe
(vectors are TF-IDF-weighted word vectors of a pretrained encoder), Drain (templates are masked messages). Kept: windows as
sums of their messages' vectors, reduced and clustered by HDBSCAN; a cluster that holds a known normal window is normal, all
else probably anomalous, the less sure the less clearly it is clustered; the network learns these probabilities. Filled in:
100 components (PCA, the paper's FastICA), clusters of at least 10 windows, distinct windows are clustered, width 64, 600
steps of 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from sklearn.cluster import HDBSCAN
from sklearn.decomposition import PCA

from .logrobust import AttentiveLSTM
from .sequences import SequenceClassifier
from .vectors import WordVectors

KNOWN = 0.5
COMPONENTS = 100
LEAST = 10


class PLELog(SequenceClassifier):
    """Probability of "anomalous"; reads masked messages."""

    def __init__(self, seed: int = 0):
        super().__init__(partial(AttentiveLSTM, gru=True), WordVectors, seed)

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int]) -> PLELog:  # type: ignore[override]
        """`labels`: 0 normal, anything else unknown; half of the normal ones are taken as unknown too."""
        rng = np.random.default_rng(self.seed)
        known = [label == 0 and rng.random() < KNOWN for label in labels]
        super().fit(windows, self.estimated(windows, known))
        return self

    def estimated(self, windows: Sequence[Sequence[str]], known: Sequence[bool]) -> list[float]:
        """The probability of "anomalous" of each window."""
        keys = [tuple(window) for window in windows]
        different = list(dict.fromkeys(keys))
        embed = WordVectors(sorted({line for window in different for line in window}))
        vector_of = {line: embed([line])[0] for line in sorted({line for window in different for line in window})}
        sums = np.stack([np.sum([vector_of[line] for line in window], 0) for window in different])
        reduced = PCA(min(COMPONENTS, *sums.shape), svd_solver="full").fit_transform(sums)
        clusters = HDBSCAN(min_cluster_size=min(LEAST, len(different)), copy=True).fit(reduced)
        held = {key for key, sure in zip(keys, known) if sure}
        normal = {group for key, group in zip(different, clusters.labels_) if key in held} - {-1}
        estimate = {}
        for key, group, strength in zip(different, clusters.labels_, clusters.probabilities_):
            doubt = (1 - float(strength)) / 2
            estimate[key] = doubt if group in normal else 1 - doubt
            if key in held:
                estimate[key] = 0.0
        return [round(estimate[key], 3) for key in keys]
