"""A count vector never seen: no normal training window has the same count of every key. It says yes or no."""

from __future__ import annotations

from collections.abc import Sequence

from .counts import Window, counts


class UnseenCounts:
    """1 where no normal training window has the same count of every key."""

    def fit(self, windows: Sequence[Window], labels: Sequence[int] | None = None) -> UnseenCounts:
        """Remember the count vectors."""
        self.known = {counts(window) for window in windows}
        return self

    def score(self, windows: Sequence[Window]) -> list[float]:
        """1 unseen, 0 seen."""
        return [float(counts(window) not in self.known) for window in windows]
