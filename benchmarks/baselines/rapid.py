"""RAPID: retrieval from normal windows with a pretrained encoder, no training (No, Lee, Kang, Expert Syst. Appl. 2024).

Left out: tokens (what is compared one by one inside two windows is messages, each a sentence vector), BERT (MiniLM). Kept:
the core set of the nearest normal windows by their mean vector, then, inside it, for every message of the window the most
similar one of the normal window; the score is how far the best normal window is from that. Filled in: a core set of 30;
a message too many or missing is compared both ways; reads masked messages.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .vectors import sentence_vectors

CORE = 30


class RAPID:
    """1 - similarity to the nearest normal window."""

    def __init__(self) -> None:
        self.parameters = 0

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int] | None = None) -> RAPID:
        """Remember the distinct normal windows."""
        self.normal = list(dict.fromkeys(tuple(window) for window in windows))
        self.lines = sorted({line for window in self.normal for line in window})
        self._prepare(self.lines)
        self.means = np.stack([self._mean(window) for window in self.normal])
        return self

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """Distances, 0 for a window that is there."""
        return [max(0.0, score) for score, _ in self._all(windows)]

    def line_scores(self, windows: Sequence[Sequence[str]]) -> list[list[float]]:
        """How far each message is from the nearest of the best normal window."""
        return [[row[line] for line in window] for (_, row), window in zip(self._all(windows), windows)]

    def _prepare(self, lines: Sequence[str]) -> None:
        self.number = {line: i for i, line in enumerate(lines)}
        self.vectors = sentence_vectors(lines)
        self.near = self.vectors @ self.vectors.T  # message against message

    def _mean(self, window: Sequence[str]) -> np.ndarray:
        found = self.vectors[[self.number[line] for line in window]].mean(0)
        return found / max(float(np.linalg.norm(found)), 1e-9)

    def _all(self, windows: Sequence[Sequence[str]]) -> list[tuple[float, dict[str, float]]]:
        new = sorted({line for window in windows for line in window} - set(self.number))
        if new:
            self._prepare([*self.number, *new])
        known: dict[tuple[str, ...], tuple[float, dict[str, float]]] = {}
        for window in dict.fromkeys(tuple(window) for window in windows):
            core = np.argsort(-(self.means @ self._mean(window)), kind="stable")[:CORE]
            known[window] = min((self._compare(window, self.normal[i]) for i in core), key=lambda found: found[0])
        return [known[tuple(window)] for window in windows]

    def _compare(self, window: tuple[str, ...], other: tuple[str, ...]) -> tuple[float, dict[str, float]]:
        mine, times = np.unique([self.number[line] for line in window], return_counts=True)
        theirs, often = np.unique([self.number[line] for line in other], return_counts=True)
        near = self.near[np.ix_(mine, theirs)]
        ahead, back = 1 - near.max(1), 1 - near.max(0)
        # A message that comes up another number of times is as far off as the share of it that has no partner.
        partner = near.argmax(1)
        unpaired = np.abs(times - often[partner]) / np.maximum(times, often[partner]) * (ahead < 1e-6)
        score = (ahead * times).sum() / times.sum() + (back * often).sum() / often.sum()
        score += 0.1 * (unpaired * times).sum() / times.sum()
        names = list(self.number)
        return float(score), {names[i]: float(value) for i, value in zip(mine, ahead)}
