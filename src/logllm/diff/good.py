"""What good runs say: which lines they hold, how often, and which of them is nearest to a given line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from logllm.diff import text

HASH_SEED = 19
_TOKEN = re.compile(r"[A-Za-z]+|0|[^\sA-Za-z0]")
_RAREST = 4  # a line's rarest tokens, by which its neighbours are looked up
_MOST_CANDIDATES = 100
_MOST_HOLDERS = 1000
MOST_INDEXED = 20_000  # good lines among which the nearest is looked for


@dataclass(slots=True)
class Neighbours:
    """Good lines by their tokens: the nearest one to a masked line, by the share of tokens that both have.

    Attributes:
        lines: distinct masked good lines.
    """

    lines: Sequence[str]
    _tokens: list[frozenset[str]] = field(init=False)
    _holders: dict[str, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self._tokens = [frozenset(_TOKEN.findall(line)) for line in self.lines]
        self._holders = {}
        for position, tokens in enumerate(self._tokens):
            for token in tokens:
                self._holders.setdefault(token, []).append(position)

    def nearest(self, line: str) -> tuple[float, int]:
        """The Jaccard index of the tokens with those of the nearest good line, and its position; (0, -1) for none."""
        tokens = frozenset(_TOKEN.findall(line))
        known = sorted((t for t in tokens if t in self._holders), key=lambda t: (len(self._holders[t]), t))
        seen: Counter[int] = Counter()
        for token in known[:_RAREST]:
            seen.update(self._holders[token][:_MOST_HOLDERS])
        best, where = 0.0, -1
        for position, _ in seen.most_common(_MOST_CANDIDATES):
            other = self._tokens[position]
            same = len(tokens & other) / len(tokens | other)
            if same > best:
                best, where = same, position
        return best, where


@dataclass(slots=True)
class GoodRuns:
    """The distinct lines of one or more good runs, ordered by key.

    Attributes:
        key: `(m,)` uint64, the masked line.
        count: `(m,)` int64, how often the line stands in all good runs together.
        runs: `(m,)` int32, in how many good runs it stands.
        first: `(m,)` int64, number of its first line, from 1, in the first good run that holds it.
        run: `(m,)` int32, that run.
        mask, example: its masked and its readable text.
        names: names of the runs.
        lines: number of lines of each run.
    """

    key: NDArray[np.uint64]
    count: NDArray[np.int64]
    runs: NDArray[np.int32]
    first: NDArray[np.int64]
    run: NDArray[np.int32]
    mask: pl.Series
    example: pl.Series
    names: list[str]
    lines: list[int]
    _loose: NDArray[np.uint64] = field(init=False)
    _neighbours: Neighbours | None = field(init=False, default=None)
    _indexed: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self._loose = np.unique(text.loosened(self.mask).hash(HASH_SEED).to_numpy())
        self._indexed = np.arange(len(self.key))
        if len(self.key) > MOST_INDEXED:
            self._indexed = np.linspace(0, len(self.key) - 1, MOST_INDEXED).astype(np.int64)

    def holds(self, key: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """`(n,)`: whether a good run holds the line."""
        return self.position(key) >= 0

    def holds_loosely(self, loosened: pl.Series) -> NDArray[np.bool_]:
        """`(n,)`: whether a good run holds the line but for its numbers, versions and addresses."""
        return np.isin(loosened.hash(HASH_SEED).to_numpy(), self._loose)

    def position(self, key: NDArray[np.uint64]) -> NDArray[np.int64]:
        """`(n,)`: where in these columns the line stands, -1 for nowhere."""
        if not len(self.key):
            return np.full(len(key), -1)
        place = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        return np.where(self.key[place] == key, place, -1)

    def nearest(self, mask: str) -> tuple[float, int]:
        """How near the nearest good line is (0 to 1), and its position in these columns; (0, -1) for none."""
        if self._neighbours is None:
            self._neighbours = Neighbours(self.mask.gather(self._indexed).to_list())
        near, where = self._neighbours.nearest(mask)
        return near, int(self._indexed[where]) if where >= 0 else -1


def read_good(runs: Iterable[tuple[str, Iterable[pl.Series]]]) -> GoodRuns:
    """What the good runs hold.

    Args:
        runs: of each run its name and its raw lines in order, in columns of any length.
    """
    names: list[str] = []
    sizes: list[int] = []
    total: pl.DataFrame | None = None
    for index, (name, chunks) in enumerate(runs):
        names.append(name)
        parts, start = [], 0
        for raw in chunks:
            mask = text.masked(text.bare(raw))
            frame = pl.DataFrame({"mask": mask, "first": np.arange(start + 1, start + len(raw) + 1), "raw": raw})
            frame = frame.filter(pl.col("mask") != "").group_by("mask").agg(
                pl.len().cast(pl.Int64).alias("count"), pl.col("first").min(), pl.col("raw").get(pl.col("first").arg_min())
            )
            parts.append(frame)
            start += len(raw)
        sizes.append(start)
        if not parts:
            continue
        one = (
            pl.concat(parts)
            .group_by("mask")
            .agg(pl.col("count").sum(), pl.col("first").min(), pl.col("raw").get(pl.col("first").arg_min()))
            .with_columns(pl.lit(1, pl.Int32).alias("runs"), pl.lit(index, pl.Int32).alias("run"))
        )
        del parts
        total = one if total is None else (
            pl.concat([total, one])
            .group_by("mask", maintain_order=True)
            .agg(pl.col("count").sum(), pl.col("first").first(), pl.col("raw").first(), pl.col("runs").sum(), pl.col("run").first())
            .select(one.columns)
        )
    if total is None:
        total = pl.DataFrame(schema={"mask": pl.String, "count": pl.Int64, "first": pl.Int64, "raw": pl.String, "runs": pl.Int32, "run": pl.Int32})
    total = total.with_columns(pl.col("mask").hash(HASH_SEED).alias("key")).sort("key")
    return GoodRuns(
        key=total["key"].to_numpy(), count=total["count"].to_numpy(), runs=total["runs"].to_numpy(),
        first=total["first"].to_numpy(), run=total["run"].to_numpy(), mask=total["mask"],
        example=text.readable(total["raw"].str.slice(0, text.LONGEST)), names=names, lines=sizes,
    )  # fmt: skip
