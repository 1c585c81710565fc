"""N-grams of keys never seen: a window is flagged where it has one that no normal training window has.

Notes: Begin and end of the window count as keys, so that a session that breaks off is seen. Says yes or no.
"""

from __future__ import annotations

from collections.abc import Sequence

Window = Sequence[str]


def grams(window: Window, n: int) -> set[tuple[str, ...]]:
    """All n-grams of keys, begin and end included."""
    closed = ("<s>", *window, "</s>")
    return {tuple(closed[i : i + n]) for i in range(len(closed) - n + 1)}


class UnseenGrams:
    """1 where a window has an n-gram of keys that no normal training window has."""

    def __init__(self, n: int = 3):
        self.n = n

    def fit(self, windows: Sequence[Window], labels: Sequence[int] | None = None) -> UnseenGrams:
        """Remember the n-grams."""
        self.known = {gram for window in {tuple(window) for window in windows} for gram in grams(window, self.n)}
        return self

    def score(self, windows: Sequence[Window]) -> list[float]:
        """1 unseen, 0 seen."""
        return [float(not grams(window, self.n) <= self.known) for window in windows]

    def line_scores(self, windows: Sequence[Window]) -> list[list[float]]:
        """How many unseen n-grams a line is in."""
        found = []
        for window in windows:
            closed = ("<s>", *window, "</s>")
            marks = [0.0] * len(closed)
            for i in range(len(closed) - self.n + 1):
                if tuple(closed[i : i + self.n]) not in self.known:
                    for j in range(i, i + self.n):
                        marks[j] += 1
            found.append(marks[1:-1])
        return found
