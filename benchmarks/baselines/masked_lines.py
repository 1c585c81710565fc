"""A table of masked lines: of the training windows that hold a line, how many were anomalous; the worst line speaks.

Notes: Reads masked messages; one line that was only ever in anomalous windows is enough. A line never seen says what
share of the training windows was anomalous, a line seen little is drawn towards that (one window's worth).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


class MaskedLines:
    """The highest share of anomalous windows among a window's lines."""

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int]) -> MaskedLines:
        """Fill the table."""
        held: Counter[str] = Counter()
        bad: Counter[str] = Counter()
        for window, label in zip(windows, labels):
            for line in set(window):
                held[line] += 1
                bad[line] += label
        self.usual = sum(labels) / max(len(labels), 1)
        self.table = {line: (bad[line] + self.usual) / (times + 1) for line, times in held.items()}
        return self

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """Between 0 and 1."""
        return [max(row, default=self.usual) for row in self.line_scores(windows)]

    def line_scores(self, windows: Sequence[Sequence[str]]) -> list[list[float]]:
        """Each line's share."""
        return [[self.table.get(line, self.usual) for line in window] for window in windows]
