"""TF-IDF of masked text and logistic regression: no parser, no model of order, words as they stand.

Notes: Reads masked messages. Filled in: words and pairs of words, sublinear counts, C 10, classes weighted alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def joined(windows: Sequence[Sequence[str]]) -> list[str]:
    """Each window as one text."""
    return ["\n".join(window) for window in windows]


class TextLogistic:
    """Probability of "anomalous" from words."""

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int]) -> TextLogistic:
        """Fit vocabulary and weights."""
        words = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True)
        self.model = make_pipeline(words, LogisticRegression(C=10, class_weight="balanced", max_iter=2000))
        self.model.fit(joined(windows), labels)
        return self

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """Between 0 and 1."""
        return self.model.predict_proba(joined(windows))[:, 1].tolist()

    def line_scores(self, windows: Sequence[Sequence[str]]) -> list[list[float]]:
        """The log-odds of each line taken alone."""
        distinct = sorted({line for window in windows for line in window})
        known = dict(zip(distinct, self.model.decision_function(distinct).tolist()))
        return [[known[line] for line in window] for window in windows]
