"""The table of format rows, and rows as they are used: compiled, with their groups by field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ..errors import LogInputError
from ..systems.patterns import LimitedPattern
from . import rows_infrastructure, rows_programs, rows_records, rows_services
from .levels import LETTERS, LEVEL_WORDS
from .row import EventFormat, Example, expanded

GENERIC = EventFormat(
    name="generic",
    title="lines with a time or a level in a usual place",
    rank=2,
    examples=(
        Example("2024-05-01 09:07:41 [ERROR] posting stopped", "2024-05-01T09:07:41+00:00", 17, "posting stopped"),
        Example(
            "01.05.2024 09:07:41 [FEHLER] Buchung gescheitert", "2024-05-01T09:07:41+00:00", 17, "Buchung gescheitert"
        ),
    ),
)
LOGFMT = EventFormat(
    name="logfmt",
    title="logfmt: key=value",
    rank=1,
    examples=(
        Example(
            'ts=2024-05-01T09:07:41Z caller=a.go:11 level=error msg="posting stopped"',
            "2024-05-01T09:07:41+00:00",
            17,
            "posting stopped",
        ),
    ),
)
CSV = EventFormat(
    name="csv",
    title="CSV or TSV whose first line names the columns",
    reader="table",
    rank=1,
    examples=(
        Example(
            'time,host,cpu_pct,errors\n2024-05-01 09:07:41,db1,26.4,"3"',
            "2024-05-01T09:07:41+00:00",
            None,
            "host=db1 cpu_pct=26.4 errors=3",
        ),
        Example(
            'Date;Time;Level;Message\n01.05.2024;09:07:41;ERROR;"posting; stopped"',
            "2024-05-01T09:07:41+00:00",
            17,
            "posting; stopped",
        ),
    ),
)
PLAIN = EventFormat(
    name="plain",
    title="plain text, every line its own event",
    rank=2,
    examples=(Example("Checking dependencies", "", None, "Checking dependencies"),),
)

_PROGRAMS: tuple[EventFormat, ...] = (
    *rows_infrastructure.WRAPPERS,
    *rows_infrastructure.OPERATING_SYSTEMS,
    *rows_infrastructure.VIRTUAL_MACHINES,
    *rows_services.WEB,
    *rows_services.DATABASES,
    *rows_programs.SYSTEMS,
    *rows_programs.JAVA,
    *rows_programs.LIBRARIES,
)


def _shape(name: str, title: str, of: str, *examples: Example) -> EventFormat:
    """The row of lines that look like those of a program and have no mark of it."""
    row = next(one for one in _PROGRAMS if one.name == of)
    return replace(row, name=name, title=title, mark="", rank=1, examples=examples)


_SHAPES = (
    _shape(
        "bracketed-seconds",
        "[seconds since the start] message",
        "xorg",
        Example("[     2.300] net: Odin joined from 10.0.0.7", "", None, "net: Odin joined from 10.0.0.7"),
        Example("[   412.345] ERROR: no free slot", "", 17, "ERROR: no free slot"),
    ),
    _shape(
        "level-process",
        "time LEVEL process[pid] message",
        "vmware",
        Example(
            "2024-05-01T09:07:41+02:00 INFO recorder[812] disk /rec 63 % used",
            "2024-05-01T07:07:41+00:00",
            9,
            "disk /rec 63 % used",
        ),
    ),
    _shape(
        "bracketed-header",
        "[time thread LEVEL class] message",
        "vmware-vc",
        Example(
            "[2024-05-01 09:07:41,123 main ERROR shop.Orders] posting stopped",
            "2024-05-01T09:07:41.123000+00:00",
            17,
            "posting stopped",
        ),
    ),
    _shape(
        "bracketed",
        "[time][name or thread][LEVEL] message (spdlog, Hydra)",
        "envoy-application",
        Example(
            "[2024-05-01 09:07:41,123][train.py][INFO] - seed set to 42",
            "2024-05-01T09:07:41.123000+00:00",
            9,
            "- seed set to 42",
        ),
    ),
    _shape(
        "level-component",
        "time [LEVEL] component: message",
        "hashicorp",
        Example(
            "2024-05-01 09:07:41.123 [ERROR] shop: posting stopped",
            "2024-05-01T09:07:41.123000+00:00",
            17,
            "posting stopped",
        ),
    ),
    _shape(
        "bracketed-level",
        "[LEVEL] message",
        "maven",
        Example("[ERROR] posting stopped", "", 17, "posting stopped"),
    ),
)
TEXT_ROWS: tuple[EventFormat, ...] = (*_PROGRAMS, *_SHAPES)
JSON_ROWS: tuple[EventFormat, ...] = rows_records.JSON
BLOCK_ROWS: tuple[EventFormat, ...] = rows_records.BLOCKS
ALL_ROWS: tuple[EventFormat, ...] = (*TEXT_ROWS, LOGFMT, CSV, *JSON_ROWS, *BLOCK_ROWS, GENERIC, PLAIN)

_FIELDS = ("time", "level", "status", "pri", "message", "partial")


class TextRow:
    """A row of lines, compiled: `match(folded, raw)` gives the match or None."""

    def __init__(self, row: EventFormat):
        self.row = row
        pattern = expanded(row.pattern)
        self.pattern: Any = re.compile(pattern) if row.trusted else LimitedPattern(pattern)
        names = self.pattern.groupindex
        self.fields: dict[str, tuple[str, ...]] = {}
        for name in names:
            self.fields.setdefault(name.rstrip("0123456789"), ())
            self.fields[name.rstrip("0123456789")] += (name,)
        self.levels = dict(row.levels)
        self.attributes = tuple((field, groups) for field, groups in self.fields.items() if field not in _FIELDS)
        digits = "0" in row.starts
        letters = "a" in row.starts
        others = set(row.starts) - {"0", "a"}
        self._starts: Callable[[str], bool] | None = None
        if row.starts:
            self._starts = lambda sign: (digits and sign == "0") or (letters and sign.isalpha()) or sign in others

    def match(self, folded: str, raw: str) -> re.Match[str] | None:
        """The row's match at the start of a line, given with every digit written as 0 and as it is."""
        if self._starts is not None and not self._starts(folded[:1]):
            return None
        contains = self.row.contains
        if contains and not any(piece in raw for piece in contains):
            return None
        found: re.Match[str] | None = self.pattern.match(folded if self.row.trusted else raw)
        return found

    def span(self, found: re.Match[str], field: str) -> tuple[int, int] | None:
        """Where a field stands, by the first of its groups that took part."""
        for group in self.fields.get(field, ()):
            start, stop = found.span(group)
            if start >= 0:
                return start, stop
        return None


@lru_cache(maxsize=512)
def text_row(row: EventFormat) -> TextRow:
    """The compiled row."""
    return TextRow(row)


def level_of(text: str, levels: dict[str, int]) -> int | None:
    """The SeverityNumber of a level as written, by the row's own levels, then by those of all programs."""
    word = text.strip(" \t[]()<>:|\"'").lower()
    found = levels.get(word)
    if found is None:
        found = LEVEL_WORDS.get(word)
    if found is None and len(word) == 1:
        found = LETTERS.get(word.upper())
    if found is None and word.isdigit() and len(word) < 3:
        from_number = int(word)
        if from_number <= 7:
            found = LEVEL_WORDS[("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")[from_number]]
    return found


def row_named(name: str, rows: Iterable[EventFormat] = ALL_ROWS) -> EventFormat:
    """The row of that name. Raises `LogInputError` where there is none."""
    for row in rows:
        if row.name == name.lower():
            return row
    import difflib

    near = difflib.get_close_matches(name.lower(), [row.name for row in rows], n=3, cutoff=0.4)
    raise LogInputError(
        f"A format must be one of the known names or a file, found {name!r}: "
        + (f"did you mean {' or '.join(near)}?" if near else "`logllm formats` lists them")
    )
