"""New template: how many lines of a window have a key that no normal training window had.

Notes: Over masked messages in place of keys the same rule reads "new masked line", without a parser.
"""

from __future__ import annotations

from collections.abc import Sequence

from logllm.evaluation import new_template


class NewTemplate:
    """The number of lines never seen."""

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int] | None = None) -> NewTemplate:
        """Remember the keys of normal windows."""
        self.known = [sorted({key for window in windows for key in window})]
        return self

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """Lines never seen, by window."""
        return new_template(self.known, windows)

    def line_scores(self, windows: Sequence[Sequence[str]]) -> list[list[float]]:
        """1 for a line never seen."""
        known = set(self.known[0]) - {""}
        return [[float(key not in known) for key in window] for window in windows]
