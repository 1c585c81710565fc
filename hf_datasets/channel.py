"""Masked messages as integer codes: one channel for every masking that a build needs (Drain's, and a model's).

Odd here: a message is masked in its folded form (every digit as 0) once for all messages that differ from it in
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

from .chunks import encoded
from .errors import LogInputError
from .regex_facts import all_digit_blind, to_rust

_DIGIT = re.compile(r"[0-9]")
_CLEAN = r"^[\t -~]*$"
UNKNOWN = -1


class Channel:
    """One masking: `texts[code]` is a masked message, and codes count up from 0 in order of first appearance.

    `rules` are the (pattern, replacement) pairs that `mask` applies in order; `limit` is the number of characters it
    cuts a message to first. They are only given so that more can be known of `mask`, and are checked against it.
    """

    def __init__(
        self,
        mask: Callable[[str], str],
        rules: Sequence[tuple[str, str]] | None = None,
        limit: int | None = None,
    ):
        self.mask = mask
        self.limit = limit
        self.texts: list[str] = []
        self._codes: dict[str, int] = {}
        self.folds = rules is not None and all_digit_blind(pattern for pattern, _ in rules)
        self._rust: list[tuple[str, str]] | None = None
        if rules is not None:
            found = [(to_rust(pattern), replacement) for pattern, replacement in rules]
            plain = all(
                pattern is not None and re.compile(rule).search("") is None and "\\" not in replacement
                for (pattern, replacement), (rule, _) in zip(found, rules)
            )
            self._rust = [(str(pattern), new.replace("$", "$$")) for pattern, new in found] if plain else None
        self._checks = [(re.compile(pattern).sub, new) for pattern, new in rules or ()]
        self._left_to_check = 200 if rules is not None else 0

    def code(self, masked: str) -> int:
        """The code of a masked message."""
        codes = self._codes
        found = codes.setdefault(masked, len(codes))
        if found == len(self.texts):
            self.texts.append(masked)
        return found

    def code_of_folded(self, folded: str) -> int:
        """The code of all messages that fold to this one, or `UNKNOWN` where their digits make a difference."""
        if not self.folds:
            return UNKNOWN
        masked = self.mask(folded)
        if self._left_to_check:
            self._check(folded, masked)
        return UNKNOWN if _DIGIT.search(masked) else self.code(masked)

    def _check(self, message: str, masked: str) -> None:
        self._left_to_check -= 1
        again = message[: self.limit]
        for substitute, replacement in self._checks:
            again = substitute(replacement, again)
        if again != masked:
            raise LogInputError(
                f"The mask rules must say what the mask does; for {message[:80]!r} the mask gives {masked[:80]!r} and "
                f"its rules {again[:80]!r}. Give the rules of this mask, or none."
            )

    def codes_of(self, messages: pa.Array) -> np.ndarray:
        """The codes of raw messages (int32), each distinct one masked once, by Python."""
        at, distinct = encoded(messages)
        table = np.array([self.code(self.mask(message)) for message in distinct.to_pylist()], np.int32)
        return table[at] if len(table) else np.zeros(0, np.int32)

    def codes_of_many(self, messages: pa.Array) -> np.ndarray:
        """As `codes_of`, for messages that are nearly all distinct: by the Rust engine where it says the same."""
        if self._rust is None:
            return self.codes_of(messages)
        column = pl.Series(messages)
        clean = column.str.contains(_CLEAN)
        masked = column if self.limit is None else column.str.head(self.limit)
        for pattern, replacement in self._rust:
            masked = masked.str.replace_all(pattern, replacement)
        if self._left_to_check and not self._rust_agrees(column, masked, clean):
            self._rust = None  # never seen; cheaper to look than to trust
            return self.codes_of(messages)
        codes = np.empty(len(column), np.int32)
        at, distinct = encoded(masked.filter(clean).to_arrow().cast(pa.large_string()))
        table = np.array([self.code(text) for text in distinct.to_pylist()], np.int32)
        sure = clean.to_numpy()
        codes[sure] = table[at] if len(table) else 0
        if not sure.all():
            codes[~sure] = self.codes_of(messages.filter(pa.array(~sure)))
        return codes

    def _rust_agrees(self, column: pl.Series, masked: pl.Series, clean: pl.Series) -> bool:
        rows = pl.DataFrame({"message": column, "masked": masked}).filter(clean).head(self._left_to_check)
        for message, found in rows.iter_rows():
            self._check(message, self.mask(message))
            if self.mask(message) != found:
                return False
        return True
