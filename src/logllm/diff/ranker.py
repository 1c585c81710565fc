"""The learnt ranker: how likely people would mark a line, by trees of depth two over the features in words.

The weights are plain JSON, made by `benchmarks/diff/train.py`; numpy alone evaluates them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logllm.errors import LogllmError

FORMAT = 1
AGAINST_GOOD, ALONE = "against_good", "alone"  # with good runs beside the log, and without
# A missed line costs the reader more than a line too many: recall counts this many times as much as precision.
BETA = 2.25
BETA_ALONE = 1.0  # without good runs many lines look a little like failures: precision counts as much
# Where nothing says that the run failed, nothing is marked unless one line is as likely as this.
LEAST_PEAK = 0.5
LEAST = 0.05


@dataclass(frozen=True, slots=True)
class Ranker:
    """An ensemble of trees of depth two; each tree asks its root, then the left or the right child.

    Attributes:
        features: names, in the order of the columns that it is given.
        base: log-odds before any tree.
        column: `(T, 3)` int, the feature asked at the root, the left and the right child.
        threshold: `(T, 3)`, values up to it go left.
        leaf: `(T, 4)`, what the four leaves add to the log-odds.
    """

    features: tuple[str, ...]
    base: float
    column: NDArray[np.int64]
    threshold: NDArray[np.float64]
    leaf: NDArray[np.float64]

    def probabilities(self, names: tuple[str, ...], values: NDArray[np.float32]) -> NDArray[np.float64]:
        """`(n,)` from features `(n, F)`. Raises `LogllmError` for other features than it was trained with."""
        if names != self.features:
            odd = sorted(set(names) ^ set(self.features))[:3] or ["their order"]
            raise LogllmError(
                f"The ranker's features must be those it was trained with, found a difference in {', '.join(odd)}: "
                "run benchmarks/diff/train.py again."
            )
        total = np.full(len(values), self.base)
        columns = np.ascontiguousarray(values.T)  # (F, n)
        for column, threshold, leaf in zip(self.column, self.threshold, self.leaf):
            right = columns[column[0]] > threshold[0]
            low = np.where(columns[column[1]] > threshold[1], leaf[1], leaf[0])
            high = np.where(columns[column[2]] > threshold[2], leaf[3], leaf[2])
            total += np.where(right, high, low)
        probability: NDArray[np.float64] = 1 / (1 + np.exp(-total))
        return probability

    def to_json(self) -> dict[str, Any]:
        """A plain object, numbers to six digits."""

        def short(values: NDArray[np.float64]) -> list[list[float]]:
            return [[float(f"{v:.6g}") for v in row] for row in values]

        return {"format": FORMAT, "features": list(self.features), "base": float(f"{self.base:.6g}"),
                "column": self.column.tolist(), "threshold": short(self.threshold), "leaf": short(self.leaf)}  # fmt: skip

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Ranker:
        """What `to_json` made."""
        if data.get("format") != FORMAT:
            raise LogllmError(
                f"A ranker must have format {FORMAT}, found {data.get('format')!r}: install the version that wrote it."
            )
        return cls(
            tuple(data["features"]),
            data["base"],
            np.array(data["column"]),
            np.array(data["threshold"]),
            np.array(data["leaf"]),
        )


@cache
def shipped(name: str) -> Ranker:
    """The ranker that comes with the package: `AGAINST_GOOD` or `ALONE`."""
    with (Path(__file__).parent / f"ranker_{name}.json").open(encoding="utf-8") as file:
        return Ranker.from_json(json.load(file))


def chosen(probability: NDArray[np.float64], failed: bool, beta: float = BETA) -> NDArray[np.bool_]:
    """`(n,)`: the lines to show, the set whose expected F-beta is largest.

    With lines in falling order of probability, the expected F-beta of the first k is about
    (1 + b^2) * sum of the first k / (k + b^2 * sum of all) (Jansche 2007, the plug-in estimate).

    Args:
        probability: `(n,)`.
        failed: whether a line that the good runs lack says that the run failed.
        beta: how many times as much recall counts as precision.
    """
    shown = np.zeros(len(probability), bool)
    peak = float(probability.max()) if len(probability) else 0.0
    if peak <= 0 or (not failed and peak < LEAST_PEAK):
        return shown
    order = np.argsort(-probability, kind="stable")
    gained = np.cumsum(probability[order])
    value = gained / (np.arange(1, len(order) + 1) + beta**2 * gained[-1])
    shown[order[: int(value.argmax()) + 1]] = True
    return shown & (probability >= min(LEAST, peak))
