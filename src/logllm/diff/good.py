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
_SLICE = 100_000  # lines that are rewritten at a time
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
        most, least: `(m,)` int64, how often it stands in the run that holds most and least of it (0 where one lacks it).
        other: `(m,)` int64, number of its first line in the last good run that holds it.
        mask, example: its masked and its readable text.
        names: names of the runs.
        values: numbers of repeated lines: for (key, slot) the smallest and the largest value and how many there were.
        lines: number of lines of each run.
    """

    key: NDArray[np.uint64]
    count: NDArray[np.int64]
    runs: NDArray[np.int32]
    first: NDArray[np.int64]
    run: NDArray[np.int32]
    most: NDArray[np.int64]
    least: NDArray[np.int64]
    other: NDArray[np.int64]
    mask: pl.Series
    example: pl.Series
    names: list[str]
    lines: list[int]
    values: pl.DataFrame
    _loose: NDArray[np.uint64] = field(init=False)
    _neighbours: Neighbours | None = field(init=False, default=None)
    _indexed: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        parts = [
            text.loosened(part).hash(HASH_SEED).to_numpy()
            for part in (self.mask.slice(at, _SLICE) for at in range(0, len(self.mask), _SLICE))
        ]
        self._loose = np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.uint64)
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


_NUMBER = r"(?i)\b\d+(?:\.\d+)? ?(?:ns|us|µs|ms|s|secs?|seconds?|m|min|minutes?|h|hours?|[kmgt]i?b|b|bytes)?\b"
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "m": 60, "min": 60, "minute": 60, "minutes": 60, "h": 3600,
          "hour": 3600, "hours": 3600, "kb": 1e3, "kib": 1024, "mb": 1e6, "mib": 1 << 20, "gb": 1e9, "gib": 1 << 30,
          "tb": 1e12, "tib": 1 << 40}  # fmt: skip
MOST_SLOTS = 6
MOST_NUMBERED = 200_000  # lines of a run whose numbers are looked at


def numbers(line: pl.Series, key: NDArray[np.uint64]) -> pl.DataFrame:
    """The numbers of bare lines: row of the line, key, slot from 0, value in the base unit (seconds, bytes or plain)."""
    found = pl.DataFrame(
        {"row": np.arange(len(line)), "key": key, "text": line.str.extract_all(_NUMBER).list.head(MOST_SLOTS)}
    )
    found = (
        found.with_columns(pl.int_ranges(pl.col("text").list.len()).alias("slot"))
        .explode("text", "slot")
        .drop_nulls("text")
    )
    unit = pl.col("text").str.extract(r"([A-Za-zµ]+)$", 1).str.to_lowercase()
    return found.select(
        "row", "key", "slot",
        (pl.col("text").str.extract(r"^([\d.]+)", 1).cast(pl.Float64, strict=False) * unit.replace_strict(_UNITS, default=1.0)).alias("value"),
    ).drop_nulls("value")  # fmt: skip


_VALUES = {"key": pl.UInt64, "slot": pl.Int64, "low": pl.Float64, "high": pl.Float64, "n": pl.UInt32}


def _merged(parts: list[pl.DataFrame]) -> pl.DataFrame:
    if not parts:
        return pl.DataFrame(schema=_VALUES)
    return pl.concat(parts).group_by("key", "slot").agg(pl.col("low").min(), pl.col("high").max(), pl.col("n").sum())


_EMPTY = {"mask": pl.String, "count": pl.Int64, "first": pl.Int64, "raw": pl.String, "runs": pl.Int32, "run": pl.Int32,
          "most": pl.Int64, "least": pl.Int64, "other": pl.Int64}  # fmt: skip


def read_good(runs: Iterable[tuple[str, Iterable[pl.Series]]]) -> GoodRuns:
    """What the good runs hold.

    Args:
        runs: of each run its name and its raw lines in order, in columns of any length.
    """
    names: list[str] = []
    sizes: list[int] = []
    values: list[pl.DataFrame] = []
    total = pl.DataFrame(schema=_EMPTY)
    for index, (name, chunks) in enumerate(runs):
        names.append(name)
        parts, start = [], 0
        for raw in chunks:
            line = text.bare(raw)
            mask = text.masked(line)
            if start < MOST_NUMBERED:
                found = numbers(line, mask.hash(HASH_SEED).to_numpy())
                values.append(found.group_by("key", "slot").agg(
                    pl.col("value").min().alias("low"), pl.col("value").max().alias("high"), pl.len().alias("n")
                ))  # fmt: skip
                if len(values) > 40:
                    values = [_merged(values)]
            shown = text.readable(raw.str.slice(0, text.LONGEST))
            frame = pl.DataFrame({"mask": mask, "first": np.arange(start + 1, start + len(raw) + 1), "raw": shown})
            parts.append(
                _distinct(frame.filter(pl.col("mask") != "").with_columns(pl.lit(1, pl.Int64).alias("count")))
            )
            if len(parts) > 40:
                parts = [_distinct(pl.concat(parts))]
            start += len(raw)
        sizes.append(start)
        if parts:
            total = _joined(total, _distinct(pl.concat(parts)), index)
    total = total.with_columns(
        pl.col("mask").hash(HASH_SEED).alias("key"),
        pl.when(pl.col("runs") < len(names)).then(0).otherwise(pl.col("least")).alias("least"),
    ).sort("key")
    columns = {
        name: total[name].to_numpy() for name in ("key", "count", "runs", "first", "run", "most", "least", "other")
    }
    example = total["raw"]
    return GoodRuns(**columns, mask=total["mask"], example=example, names=names, lines=sizes, values=_merged(values))


def _distinct(frame: pl.DataFrame) -> pl.DataFrame:
    """Each masked line once: how often, its first line, and that line's text."""
    return frame.group_by("mask").agg(
        pl.col("count").sum(), pl.col("first").min(), pl.col("raw").get(pl.col("first").arg_min())
    )


def _joined(total: pl.DataFrame, one: pl.DataFrame, index: int) -> pl.DataFrame:
    """The runs so far and one more."""
    one = one.with_columns(
        pl.lit(1, pl.Int32).alias("runs"), pl.lit(index, pl.Int32).alias("run"), pl.col("count").alias("most"),
        pl.col("count").alias("least"), pl.col("first").alias("other"),
    )  # fmt: skip
    if total.is_empty():
        return one
    return pl.concat([total.select(one.columns), one]).group_by("mask", maintain_order=True).agg(
        pl.col("count").sum(), pl.col("first").first(), pl.col("raw").first(), pl.col("runs").sum(), pl.col("run").first(),
        pl.col("most").max(), pl.col("least").min(), pl.col("other").last(),
    )  # fmt: skip
