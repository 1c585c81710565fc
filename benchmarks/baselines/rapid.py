"""RAPID: retrieval from normal windows with a pretrained encoder, no training (No, Lee, Kang, Expert Syst. Appl. 2024).

Left out: BERT base (the encoder is MiniLM). Kept: a core set of the nearest normal windows by their mean vector; inside it
tokens are compared with tokens: for each token of the window the most similar token of the normal window, the mean of
what is missing to a similarity of 1, and of the normal windows the one that is nearest. Filled in: a core set of 30; a token
is a word piece of a masked message, read in its message alone; a message that comes up n times counts n times.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .vectors import token_vectors

CORE = 30


class RAPID:
    """1 - mean token similarity to the nearest normal window."""

    def __init__(self) -> None:
        self.parameters = 0
        self._near: dict[tuple[str, str], np.ndarray] = {}

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int] | None = None) -> RAPID:
        """Remember the distinct normal windows."""
        self.normal = list(dict.fromkeys(tuple(window) for window in windows))
        self.means = np.stack([self._mean(window) for window in self.normal])
        return self

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """Distances, 0 for a window whose tokens are all in one normal window."""
        return [max(0.0, score) for score, _ in self._all(windows)]

    def line_scores(self, windows: Sequence[Sequence[str]]) -> list[list[float]]:
        """How far each message's tokens are from those of the nearest normal window."""
        return [[row[line] for line in window] for (_, row), window in zip(self._all(windows), windows)]

    def _mean(self, window: Sequence[str]) -> np.ndarray:
        found = np.stack([vectors.mean(0) for vectors in token_vectors(window)]).mean(0)
        return found / max(float(np.linalg.norm(found)), 1e-9)

    def _all(self, windows: Sequence[Sequence[str]]) -> list[tuple[float, dict[str, float]]]:
        known: dict[tuple[str, ...], tuple[float, dict[str, float]]] = {}
        for window in dict.fromkeys(tuple(window) for window in windows):
            core = np.argsort(-(self.means @ self._mean(window)), kind="stable")[:CORE]
            known[window] = min((self._compare(window, self.normal[i]) for i in core), key=lambda found: found[0])
        return [known[tuple(window)] for window in windows]

    def _compare(self, window: tuple[str, ...], other: tuple[str, ...]) -> tuple[float, dict[str, float]]:
        theirs = set(other)
        apart = {line: 1 - np.max([self._pair(line, one) for one in theirs], 0) for line in set(window)}
        tokens = np.concatenate([apart[line] for line in window])
        return float(tokens.mean()), {line: float(values.mean()) for line, values in apart.items()}

    def _pair(self, line: str, other: str) -> np.ndarray:
        """For each token of a message the similarity of the most similar token of another one."""
        if (line, other) not in self._near:
            mine, theirs = token_vectors([line, other])
            self._near[line, other] = (mine @ theirs.T).max(1)
        return self._near[line, other]
