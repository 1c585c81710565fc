"""A log as columns: what the comparison and the ranker need of each line, made in one pass in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from logllm.diff import text
from logllm.diff.good import HASH_SEED, GoodRuns

# Texts are kept of lines that may be shown; beyond this many only the columns are kept, and the result says so.
MOST_TEXTS = 200_000
_USUAL = ("transfer", "progress", "source_control", "cache", "setting", "passed", "rule")
BESIDE = 6  # known lines kept before and after a new one

_BITS = np.uint64(1) << np.arange(len(text.KINDS), dtype=np.uint64)


def keys_of(masked: pl.Series) -> NDArray[np.uint64]:
    """`(n,)`: one number for each masked line, the same for the same text; 0 for a line without text."""
    keys = masked.hash(HASH_SEED).to_numpy().copy()
    keys[(masked == "").to_numpy()] = 0
    return keys


@dataclass(slots=True)
class LineTable:
    """The lines of one log as columns of length `n`.

    Attributes:
        key: uint64, the masked line; 0 where the line holds no text.
        kinds: uint64, one bit for each of `text.KINDS`.
        indent, length, words: leading blanks, characters and words of the bare line.
        letters, capitals, masked: shares of letters, of capitals, and of what the masks took out.
        new: no good run holds the masked line.
        loosely_new: nor with each word that holds a number masked whole.
        texts: the readable text of the lines that may be shown, by position from 0.
        masks: the masked text of new lines, by key.
        complete: whether every text that may be shown was kept.
    """

    key: NDArray[np.uint64]
    kinds: NDArray[np.uint64]
    indent: NDArray[np.int16]
    length: NDArray[np.int16]
    words: NDArray[np.int16]
    letters: NDArray[np.float32]
    capitals: NDArray[np.float32]
    masked: NDArray[np.float32]
    new: NDArray[np.bool_]
    loosely_new: NDArray[np.bool_]
    texts: dict[int, str]
    masks: dict[int, str]
    complete: bool

    def __len__(self) -> int:
        return len(self.key)

    def kind(self, *names: str) -> NDArray[np.bool_]:
        """`(n,)`: whether a line is of any of these kinds."""
        bits = np.uint64(0)
        for name in names:
            bits |= _BITS[text.KIND_NAMES.index(name)]
        return (self.kinds & bits) != 0


def beside(flag: NDArray[np.bool_], before: int, after: int) -> NDArray[np.bool_]:
    """`(n,)`: whether a flagged position lies at most `after` places before or `before` places behind each."""
    total = np.concatenate([[0], np.cumsum(flag)])
    place = np.arange(len(flag))
    return total[np.minimum(len(flag), place + before + 1)] > total[np.maximum(0, place - after)]


def make_table(chunks: Iterable[pl.Series], good: GoodRuns | None) -> LineTable:
    """The columns of a log.

    Args:
        chunks: its raw lines in order, in columns of any length.
        good: what the good runs hold; None when there are none, and then every line counts as new but those of kinds that
            belong to any run: transfers, progress, settings, what passed.
    """
    parts: dict[str, list[NDArray[Any]]] = {
        name: [] for name in LineTable.__slots__ if name not in ("texts", "masks", "complete")
    }
    texts: dict[int, str] = {}
    masks: dict[int, str] = {}
    start, complete = 0, True
    for raw in chunks:
        line = text.bare(raw)
        mask = text.masked(line)
        key = keys_of(mask)
        length = line.str.len_chars().to_numpy().astype(np.int64)
        some = np.maximum(length, 1)
        new = key != 0
        kinds = text.kinds(line, raw)
        if good is None:
            usual = text.of_kind(kinds, *_USUAL) | (text.of_kind(kinds, "info_tag") & ~text.of_kind(kinds, "word"))
            new &= ~usual | text.of_kind(kinds, "test_failed", "tool_failed")
        loosely = new.copy()
        if good is not None:
            new &= ~good.holds(key)
            loosely = new.copy()
            if new.any():
                loosely[new] = ~good.holds_loosely(text.loosened(mask.filter(pl.Series(new))))
        parts["key"].append(key)
        parts["kinds"].append(kinds @ _BITS)
        parts["indent"].append(text.indents(line).astype(np.int16))
        parts["length"].append(np.minimum(length, 32000).astype(np.int16))
        parts["words"].append(np.minimum(line.str.count_matches(r"\S+").to_numpy(), 32000).astype(np.int16))
        parts["letters"].append((line.str.count_matches("[A-Za-z]").to_numpy() / some).astype(np.float32))
        parts["capitals"].append((line.str.count_matches("[A-Z]").to_numpy() / some).astype(np.float32))
        parts["masked"].append((1 - mask.str.len_chars().to_numpy() / some).astype(np.float32))
        parts["new"].append(new)
        parts["loosely_new"].append(loosely)
        shown = np.flatnonzero(beside(new, BESIDE, BESIDE) | text.of_kind(kinds, "group"))
        if len(texts) + len(shown) > MOST_TEXTS:
            complete = False
            shown = shown[: max(0, MOST_TEXTS - len(texts))]
        if len(shown):
            texts.update(zip((shown + start).tolist(), text.readable(raw.gather(shown)).to_list()))
            fresh = shown[new[shown]]
            masks.update(zip(key[fresh].tolist(), mask.gather(fresh).to_list()))
        start += len(raw)
    empty: dict[str, type] = {"key": np.uint64, "kinds": np.uint64, "new": bool, "loosely_new": bool}
    columns = {n: np.concatenate(p) if p else np.zeros(0, empty.get(n, np.float32)) for n, p in parts.items()}
    return LineTable(**columns, texts=texts, masks=masks, complete=complete)


def chunked(lines: list[str], size: int = 100_000) -> Iterator[pl.Series]:
    """Lines in memory as the columns that `make_table` reads."""
    for start in range(0, len(lines), size):
        yield pl.Series(lines[start : start + size], dtype=pl.String)
