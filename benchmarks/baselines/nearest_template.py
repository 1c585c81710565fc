"""Nearest known template by sentence embedding, then any judge: what a reworded log costs without training.

Notes: Those of training are the templates; a message whose masked text is none of them becomes the one whose MiniLM vector
is nearest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .vectors import sentence_vectors


class KnownWordings:
    """Messages with the wordings of training in place of unknown ones.

    Args:
        messages: those of training; of messages with one masked text the first stands for all.
        masked: text of a message -> its masked text.
        floor: least cosine of the two vectors; a message that is like none stays as it is.
    """

    def __init__(self, messages: Iterable[str], masked: Callable[[str], str] = str, floor: float = -1.0):
        self.masked, self.floor = masked, floor
        self.examples: dict[str, str] = {}
        for message in messages:
            self.examples.setdefault(masked(message), message)
        self.texts = sorted(self.examples)
        self.table = sentence_vectors(self.texts)
        self.nearest: dict[str, tuple[str, float]] = {}  # masked text -> message, cosine

    def read(self, windows: Sequence[Sequence[str]]) -> list[list[str]]:
        """The windows in known wordings."""
        texts = {message: self.masked(message) for window in windows for message in window}
        new = sorted(set(texts.values()) - set(self.examples) - set(self.nearest))
        if new:
            cosines = sentence_vectors(new) @ self.table.T
            for text, row in zip(new, cosines):
                self.nearest[text] = (self.examples[self.texts[int(row.argmax())]], float(row.max()))

        def known(message: str) -> str:
            other, cosine = self.nearest.get(texts[message], (message, 1.0))
            return other if cosine >= self.floor else message

        return [[known(message) for message in window] for window in windows]


class NearestTemplate:
    """A count baseline over nearest templates, of masked messages."""

    def __init__(self, judge: Any):
        self.judge = judge

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int] | None = None) -> NearestTemplate:
        """Remember the templates, fit the judge."""
        self.wordings = KnownWordings(line for window in windows for line in window)
        self.judge.fit(windows, labels)
        return self

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """The judge's score of the windows in known templates."""
        return self.judge.score(self.wordings.read(windows))
