"""Nearest known template by sentence embedding, then a judge of counts: what a reworded log costs without training.

Notes: Reads masked messages. Those of training are the templates; a message that is none of them becomes the one
whose MiniLM vector is nearest, however far that is. The judge behind it is any baseline of counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .vectors import sentence_vectors


class NearestTemplate:
    """A count baseline over nearest templates."""

    def __init__(self, judge: Any):
        self.judge = judge

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int] | None = None) -> NearestTemplate:
        """Remember the templates, fit the judge."""
        self.templates = sorted({line for window in windows for line in window})
        self.known = {line: line for line in self.templates}
        self.table = sentence_vectors(self.templates)
        self.judge.fit(windows, labels)
        return self

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """The judge's score of the windows in known templates."""
        new = sorted({line for window in windows for line in window} - set(self.known))
        if new:
            nearest = np.argmax(sentence_vectors(new) @ self.table.T, axis=1)
            self.known |= {line: self.templates[i] for line, i in zip(new, nearest)}
        return self.judge.score([[self.known[line] for line in window] for window in windows])
