"""Flag everything: the floor of precision. It learns nothing."""

from __future__ import annotations

from collections.abc import Sequence

from logllm.evaluation import flag_everything


class FlagEverything:
    """1 for every window."""

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int] | None = None) -> FlagEverything:
        """Learn nothing."""
        return self

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """All 1."""
        return flag_everything(windows)
