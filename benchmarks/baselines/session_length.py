"""Session length: how far a window's number of lines is from that of any normal training window, as a share of it.

Notes: Windows of a fixed number of lines all have one length; there it says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class SessionLength:
    """Distance to the nearest normal length."""

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int] | None = None) -> SessionLength:
        """Remember the lengths."""
        self.lengths = np.unique([len(window) for window in windows])
        return self

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """Relative distances; 0 for a length seen."""
        return [float(np.abs(self.lengths - len(window)).min() / max(len(window), 1)) for window in windows]
