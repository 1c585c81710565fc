r"""Regular expressions that somebody else wrote, under a time limit: those of a YAML file, and those inside a checkpoint.

Notes: The patterns of this package's own rows run on Python's `re`; a test shows that none of them backtracks without
bound. Any other runs on the `regex` module, which speaks the same dialect and can be stopped in the middle of a match.
A pattern that is stopped is refused in one sentence: a line that it cannot decide about is the pattern's fault. The one
difference that was found: `\s` of `regex` leaves out the four ASCII separators, 1C to 1F.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import regex

from ..errors import LogInputError
from .formats import FORMATS, PLAIN
from .published import SYSTEMS
from .rules import DEFAULT_MASKS

MOST_CHARACTERS = 10_000  # of a pattern
SECONDS = 1.0  # for one text ...
SECONDS_A_CHARACTER = 1e-6  # ... and for a long one, per character: a fair pattern needs a hundredth of it


class LimitedPattern:
    """A compiled pattern whose every use on one text ends within `SECONDS`, or in a `LogInputError`."""

    def __init__(self, pattern: str):
        if len(pattern) > MOST_CHARACTERS:
            raise LogInputError(
                f"A pattern must be at most {MOST_CHARACTERS:,} characters long, found {len(pattern):,}: shorten it"
            )
        try:
            self._compiled = regex.compile(pattern)
        except (regex.error, OverflowError, RecursionError, MemoryError) as error:
            raise LogInputError(
                f"A pattern must be a regular expression, found {pattern[:80]!r} ({error}): correct it"
            ) from error
        self.pattern = pattern
        self.groups: int = self._compiled.groups

    @property
    def groupindex(self) -> dict[str, int]:
        """The numbers of the named groups."""
        return dict(self._compiled.groupindex)

    def match(self, text: str) -> Any:
        """As `re.Pattern.match`."""
        try:
            return self._compiled.match(text, timeout=_limit(text))
        except TimeoutError:
            raise self._stopped(text) from None

    def search(self, text: str) -> Any:
        """As `re.Pattern.search`."""
        try:
            return self._compiled.search(text, timeout=_limit(text))
        except TimeoutError:
            raise self._stopped(text) from None

    def finditer(self, text: str) -> Iterator[Any]:
        """As `re.Pattern.finditer`."""
        try:
            yield from self._compiled.finditer(text, timeout=_limit(text))
        except TimeoutError:
            raise self._stopped(text) from None

    def findall(self, text: str) -> list[Any]:
        """As `re.Pattern.findall`."""
        try:
            return self._compiled.findall(text, timeout=_limit(text))
        except TimeoutError:
            raise self._stopped(text) from None

    def sub(self, replacement: str, text: str) -> str:
        """As `re.Pattern.sub`. Raises `LogInputError` too where the replacement names a group that is not there."""
        try:
            return self._compiled.sub(replacement, text, timeout=_limit(text))
        except TimeoutError:
            raise self._stopped(text) from None
        except (regex.error, IndexError) as error:
            raise LogInputError(
                f"A replacement must name groups of its pattern, found {replacement[:80]!r} ({error}): correct it"
            ) from error

    def _stopped(self, text: str) -> LogInputError:
        return LogInputError(
            f"A pattern must decide about a text within {_limit(text):.1f} s, found that {self.pattern[:120]!r} did not on "
            f"one of {len(text):,} characters: write it without a repeat inside a repeat, and with \\S+ where it has .*?"
        )


def _limit(text: str) -> float:
    return SECONDS + SECONDS_A_CHARACTER * len(text)


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str] | LimitedPattern:
    """The pattern, compiled; one that is not of this package's rows has a time limit. Raises `LogInputError`."""
    return re.compile(pattern) if pattern in _ours() else LimitedPattern(pattern)


@lru_cache(maxsize=1)
def _ours() -> frozenset[str]:
    found = {mask for mask, _ in DEFAULT_MASKS}
    for row in (*SYSTEMS.values(), *FORMATS, PLAIN):
        found |= {row.line_pattern, row.session_pattern or "", row.signature or ""}
        found |= {mask for mask, _ in row.drain.masks}
    return frozenset(found)
