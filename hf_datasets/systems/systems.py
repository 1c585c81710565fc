"""Finds a row of the table: by name, or by a log's first lines."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ..errors import UnknownSystemError
from .formats import FORMATS, PLAIN
from .patterns import compiled
from .published import SYSTEMS
from .rules import LogSystem

# How much of a sample has to fit before a guess is made: logs hold stack traces and stray lines.
_ENOUGH = 0.6


def get_system(name: str) -> LogSystem:
    """The row of that name, a published system or a generic format. Raises `UnknownSystemError` with the nearest."""
    known = {**SYSTEMS, **{row.name: row for row in FORMATS}}
    row = known.get(name.lower())
    if row is not None:
        return row
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}."
    raise UnknownSystemError(
        f"A system must be one of the known names, found {name!r}: {hint} For a log of your own, "
        "pass a YAML file or leave the name out to have the format guessed"
    )


def guess_system(sample: Sequence[str]) -> LogSystem:
    """The system whose lines these look like: a published one first, then a generic header, else `plain`.

    `sample` is some raw lines (a few hundred do). Empty lines do not count. An empty sample gives `plain`.
    """
    lines = [stripped for line in sample if (stripped := line.strip())]
    if not lines:
        return PLAIN
    for row in (*SYSTEMS.values(), *FORMATS):
        pattern = compiled(row.signature or row.line_pattern)
        if sum(pattern.match(line) is not None for line in lines) >= _ENOUGH * len(lines):
            return row
    return PLAIN


def looks_like_another(sample: Sequence[str], system: LogSystem) -> LogSystem | None:
    """The published system that some raw lines clearly are of, where that is not `system`; else None.

    A format of blank-separated fields takes the lines of nearly any log. So the rows' stricter signatures are asked:
    fewer than half of the lines are as this system's, and most are as those of another.
    """
    lines = [stripped for line in sample if (stripped := line.strip())]
    if system.signature is None or not lines:
        return None
    pattern = compiled(system.signature)
    if sum(pattern.match(line) is not None for line in lines) >= 0.5 * len(lines):
        return None
    guessed = guess_system(lines)
    return guessed if guessed.name in SYSTEMS and guessed.name != system.name else None
