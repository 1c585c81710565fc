"""Masked messages as integer codes: one channel for every masking that a build needs (Drain's, and a model's).

Notes: A message is masked in its folded form (every digit as 0) once for all messages that differ from it in
digits only. That is exact when the mask's patterns are blind to digits and no digit is left in the result; where one
is left, the raw message is masked instead. Without the patterns nothing is known, and every distinct raw message is
masked on its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from ..errors import LogInputError
from ..systems.regex_properties import all_digit_blind, to_rust
from .byte_slices import encoded

_DIGIT = re.compile(r"[0-9]")
_CLEAN = r"^[\t -~]*$"
_CLEAN_BYTES = bytes([9, 10, *range(32, 127)])
UNKNOWN = -1
SAMPLE = 2000


def is_clean(text: bytes) -> bool:
    """Whether a text is all printable ASCII, tabs and line feeds: there Rust's patterns mean what Python's do."""
    return not text.translate(None, _CLEAN_BYTES)


def mostly_distinct(texts: pl.Series) -> bool:
    """Whether most of the texts occur once, by a sample of them."""
    sample = texts.head(SAMPLE)
    return sample.n_unique() > 0.7 * len(sample)


class Channel:
    """One masking: `texts[code]` is a masked message, and codes count up from 0.

    `rules` are the (pattern, replacement) pairs that `mask` applies in order; `limit` is the number of characters it
    cuts a message to first. They are only given so that more can be known of `mask`, and are checked against it.
    """

    def __init__(
        self,
        mask: Callable[[str], str],
        rules: Sequence[tuple[str, str]] | None = None,
        limit: int | None = None,
    ):
        engine = getattr(mask, "engine", re.compile)  # a mask made of somebody's rules has one with a time limit
        self.recipe = (mask, rules, limit)  # what another process needs to make the same channel
        self.mask = mask
        self.limit = limit
        self._size = 0
        self._parts: list[list[str] | pa.Array] = []  # the masked messages, in the order of their codes
        self._codes: dict[str, int] = {}
        self.folds = rules is not None and all_digit_blind(pattern for pattern, _ in rules)
        self._rust: list[tuple[str, str]] | None = None
        if rules is not None:
            found = [(to_rust(pattern), replacement) for pattern, replacement in rules]
            plain = all(
                pattern is not None and engine(rule).search("") is None and "\\" not in replacement
                for (pattern, replacement), (rule, _) in zip(found, rules)
            )
            self._rust = [(str(pattern), new.replace("$", "$$")) for pattern, new in found] if plain else None
        self._checks = [(engine(pattern).sub, new) for pattern, new in rules or ()]
        self._left_to_check = 200 if rules is not None else 0

    @property
    def texts(self) -> list[str]:
        """All masked messages; a code is a place in this list. Two codes may stand for one text."""
        return [text for part in self._parts for text in (part if isinstance(part, list) else part.to_pylist())]

    def table(self) -> pa.Array:
        """`texts` as an Arrow array."""
        return pa.concat_arrays([pa.array(part, pa.large_string()) for part in self._parts or [[]]])

    def code(self, masked: str) -> int:
        """The code of a masked message."""
        code = self._codes.get(masked)
        if code is None:
            if not self._parts or not isinstance(self._parts[-1], list):
                self._parts.append([])
            self._parts[-1].append(masked)  # type: ignore[union-attr]
            code = self._codes[masked] = self._size
            self._size += 1
        return code

    def _fresh_codes(self, distinct: pa.Array) -> np.ndarray:
        """New codes for texts of which hardly one will be seen again: no dictionary is kept of them."""
        self._parts.append(distinct)
        self._size += len(distinct)
        return np.arange(self._size - len(distinct), self._size, dtype=np.int32)

    def code_of_folded(self, folded: str) -> int:
        """The code of all messages that fold to this one, or `UNKNOWN` where their digits make a difference."""
        if not self.folds:
            return UNKNOWN
        masked = self.mask(folded)
        if self._left_to_check:
            self._check(folded, masked)
        return UNKNOWN if _DIGIT.search(masked) else self.code(masked)

    def joined(self, tables: Sequence[pa.Array], rows: int) -> list[np.ndarray]:
        """For several channels' tables over `rows` messages in all: every code of theirs as a code of this channel.

        A message that stands in several tables gets one code, unless nearly every row has a message of its own.
        """
        both = pa.concat_arrays(tables)
        if len(both) > 0.5 * rows:
            codes = self._fresh_codes(both)
        else:
            at, distinct = encoded(both)
            codes = np.array([self.code(text) for text in distinct.to_pylist()], np.int32)[at]
        return np.split(codes, np.cumsum([len(table) for table in tables])[:-1])

    def _check(self, message: str, masked: str) -> None:
        self._left_to_check -= 1
        again = message[: self.limit]
        for substitute, replacement in self._checks:
            again = substitute(replacement, again)
        if again != masked:
            raise LogInputError(
                f"The mask rules must say what the mask does, found that of {message[:80]!r} the mask "
                f"makes {masked[:80]!r} and its rules {again[:80]!r}: give the rules of this mask, or none"
            )

    def codes_of(self, messages: pa.Array) -> np.ndarray:
        """The codes of raw messages (int32), each distinct one masked once, by Python."""
        at, distinct = encoded(messages)
        table = np.array([self.code(self.mask(message)) for message in distinct.to_pylist()], np.int32)
        return table[at] if len(table) else np.zeros(0, np.int32)

    def codes_of_many(self, messages: pa.Array, all_clean: bool = False) -> np.ndarray:
        """As `codes_of`, for messages that are nearly all distinct: by the Rust engine where it says the same.

        `all_clean`: the messages are known to be printable ASCII and tabs.
        """
        if self._rust is None:
            return self.codes_of(messages)
        column = pl.Series(messages)
        masked = self._by_rust(column)
        clean = None if all_clean else column.str.contains(_CLEAN)
        if self._left_to_check and not self._rust_agrees(column, masked, clean):
            self._rust = None  # never seen; cheaper to look than to trust
            return self.codes_of(messages)
        if clean is None or clean.all():
            return self._codes_of_masked(masked)
        codes = np.empty(len(column), np.int32)
        sure = clean.to_numpy()
        codes[sure] = self._codes_of_masked(masked.filter(clean))
        codes[~sure] = self.codes_of(messages.filter(pa.array(~sure)))
        return codes

    def _by_rust(self, column: pl.Series) -> pl.Series:
        """The column masked; halves side by side, because polars masks one column on one core."""
        message = pl.col("message")
        if self.limit is not None and (column.str.len_bytes() > self.limit).any():
            message = message.str.head(self.limit)
        for pattern, replacement in self._rust or ():
            message = message.str.replace_all(pattern, replacement)
        half = len(column) // 2
        parts = [pl.LazyFrame({"message": part}).select(message) for part in (column[:half], column[half:])]
        return pl.concat(pl.collect_all(parts), rechunk=True)["message"]

    def _codes_of_masked(self, masked: pl.Series) -> np.ndarray:
        if mostly_distinct(masked):
            return self._fresh_codes(masked.to_arrow().cast(pa.large_string()))
        at, distinct = encoded(masked.to_arrow().cast(pa.large_string()))
        table = np.array([self.code(text) for text in distinct.to_pylist()], np.int32)
        return table[at] if len(table) else np.zeros(0, np.int32)

    def _rust_agrees(self, column: pl.Series, masked: pl.Series, clean: pl.Series | None) -> bool:
        rows = pl.DataFrame({"message": column, "masked": masked})
        rows = (rows if clean is None else rows.filter(clean)).head(self._left_to_check)
        for message, found in rows.iter_rows():
            expected = self.mask(message)
            self._check(message, expected)
            if expected != found:
                return False
        return True
