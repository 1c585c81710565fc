"""Raw lines -> `LogLine`s, and the label file of a session system.

Notes: Nothing is dropped. A line that does not fit the format comes out with `parsed=False` and itself as content,
so that who scans sees it and who builds can count it. A line is stripped before the match, as published.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..columnar.session_labels import read_session_labels
from ..errors import LogInputError
from ..systems.field_readers import session_finder, timestamp_reader
from ..systems.patterns import compiled
from ..systems.rules import LogSystem
from .escapes import without_escapes
from .lines import read_lines
from .log_line import LogLine

__all__ = ["LogInputError", "LogLine", "parse_lines", "read_lines", "read_session_labels"]


def parse_lines(lines: Iterable[str], system: LogSystem, start: int = 1) -> Iterator[LogLine]:
    """One `LogLine` for every line, in order, numbered from `start`, without terminal escapes; an unmatched one has `parsed=False`."""
    if system.reader == "json":
        from .json_records import json_lines  # it gives LogLines too

        yield from json_lines(lines, system, start)
        return
    match = compiled(system.line_pattern).match
    session_ids = session_finder(system)
    timestamp = timestamp_reader(system.timestamp)
    groups = system.timestamp.groups if system.timestamp else ()
    has_label = system.label_rule == "line"
    named = ("content", "label" if has_label else "content", *groups)
    for number, raw in enumerate(lines, start):
        if "\x1b" in raw:
            raw = without_escapes(raw)
        found = match(raw.strip())
        content, label, *times = found.group(*named) if found is not None else (None, None)
        if content is None:  # a pattern may match and leave its content out
            yield LogLine(number, raw, raw, False, None, None, ())
            continue
        time = timestamp(" ".join([text or "" for text in times])) if groups else None
        yield LogLine(number, raw, content, True, label if has_label else None, time, session_ids(content))
