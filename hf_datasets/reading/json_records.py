"""One JSON object a line -> `LogLine`s: NDJSON, journald's export, Docker, and OTLP with its nested records.

Notes: A line of OTLP holds a batch, so it gives several `LogLine`s of the same number; their order is that of the
batch. A field is named by a dotted path; a value that is no text is written as JSON. A line that is no object, or has
none of the message fields, is unparsed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..systems.field_readers import session_finder, timestamp_reader
from ..systems.rules import LogSystem
from .escapes import without_escapes
from .log_line import LogLine


def json_lines(lines: Iterable[str], system: LogSystem, start: int = 1) -> Iterator[LogLine]:
    """As `parsing.parse_lines`, for a system whose reader is "json"."""
    session_ids = session_finder(system)
    read_time = timestamp_reader(system.timestamp)
    time_keys = system.timestamp.groups if system.timestamp else ()
    for number, raw in enumerate(lines, start):
        found = False
        for record in _records(raw):
            content = _first(record, system.content_keys)
            if content is None:
                continue
            found, content = True, without_escapes(content)
            time = _first(record, time_keys)
            yield LogLine(number, raw, content, True, None, read_time(time or ""), session_ids(content))
        if not found:
            yield LogLine(number, raw, raw, False, None, None, ())


def _records(raw: str) -> Iterator[dict[str, Any]]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return
    if not isinstance(value, dict):
        return
    if not isinstance(value.get("resourceLogs"), list):
        yield value
        return
    for resource in value["resourceLogs"]:
        for scope in _list(resource, "scopeLogs"):
            for record in _list(scope, "logRecords"):
                if isinstance(record, dict):
                    yield record


def _list(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _first(record: dict[str, Any], paths: Iterable[str]) -> str | None:
    """The value under the first path that is there, as text; line feeds in it become blanks."""
    for path in paths:
        value: Any = record.get(path)
        if value is None:
            value = record
            for key in path.split("."):
                value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, list) and value and all(isinstance(one, int) and 0 <= one < 256 for one in value):
            value = bytes(value).decode("utf-8", "replace")  # journald writes bytes that are no text as numbers
        if value is None or value == "":
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        text = text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates cannot be stored
        return " ".join(text.splitlines()).strip()
    return None
