"""Records with named fields (JSON objects, journald's export, Windows XML) -> message, time, severity and the rest.

Which row a record belongs to is told by its keys, once for every set of keys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from .event import ERROR
from .formats import JSON_ROWS, level_of
from .levels import number_level, status_level
from .row import EventFormat

_TRACE_KEYS = (
    "stack_trace", "stacktrace", "stack", "exc_info", "exception", "traceback", "error.stack_trace", "err.stack", "error.stack",
    "exception.stacktrace", "thrown.extendedStackTrace", "@x", "backtrace", "Exception",
)  # fmt: skip
_MOST_ATTRIBUTES = 60
# Keys by which any record may say its message, time and level, where its row's own keys say none.
_VAGUE = frozenset("t s l type name error err detail date start_time created epoch".split())


def _usual(own: tuple[str, ...], keys: tuple[str, ...]) -> tuple[str, ...]:
    return own + tuple(key for key in keys if key not in own and key not in _VAGUE)


@dataclass(slots=True)
class Record:
    """What was read from one record.

    Attributes:
        row: the format.
        message: the message, line feeds and all.
        time: the time as text, or as a number of seconds or of their thousandths and so on; "" for none.
        severity: SeverityNumber, None where it states none.
        trace: the text of a stack trace in a field of its own.
        sequence, stream: values of the row's fields, "" for none.
        codes: values that belong to the template.
        fields: the record itself.
        partial: whether the message goes on in the next record of its stream.
    """

    row: EventFormat
    message: str
    time: str | float
    severity: int | None
    trace: str = ""
    sequence: str = ""
    stream: str = ""
    codes: tuple[str, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    partial: bool = False


def value_at(record: dict[str, Any], path: str) -> Any:
    """The value under a key, or under a path with dots into objects; None where there is none."""
    value: Any = record.get(path)
    if value is None and "." in path:
        value = record
        for key in path.split("."):
            if not isinstance(value, dict):
                return None
            value = value.get(key)
    return value


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(one, int) and 0 <= one < 256 for one in value):
        return bytes(value).decode("utf-8", "replace")  # journald writes bytes that are no text as numbers
    if (
        isinstance(value, dict)
        and len(value) == 1
        and isinstance(inner := next(iter(value.values())), (str, int, float))
    ):
        return str(inner)  # OTLP's {"stringValue": ...}, MongoDB's {"$numberLong": ...}
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    return orjson.dumps(value).decode("utf-8", "replace")


class RecordReader:
    """Reads records by the rows of JSON formats, the fitting one for each set of keys."""

    def __init__(self, rows: Iterable[EventFormat] = JSON_ROWS, sequences: frozenset[str] | None = None):
        self.rows = tuple(rows)
        self.sequences = sequences  # fields that name sequences in this file; None for all
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._last_keys: tuple[str, ...] | None = None
        self._last_plan: _Plan

    def row_of(self, record: dict[str, Any]) -> EventFormat:
        """The first row whose required keys the record has."""
        for row in self.rows:
            if all(value_at(record, key) is not None for key in row.requires):
                return row
        return self.rows[-1]

    def read(self, record: dict[str, Any]) -> Record | None:
        """One record; None where it has no message that any row knows."""
        keys = tuple(record)
        if keys == self._last_keys:
            return self._last_plan.read(record) or self._last_resort(self._last_plan, record)
        plan = self._plans.get(keys)
        if plan is None:
            if len(self._plans) > 20_000:
                self._plans.clear()
            plan = self._plans[keys] = _Plan(self.row_of(record), record, self.sequences)
        self._last_keys, self._last_plan = keys, plan
        return plan.read(record) or self._last_resort(plan, record)

    def _last_resort(self, plan: _Plan, record: dict[str, Any]) -> Record | None:
        """Read by the most general row what its own row finds no message in."""
        if plan.row is self.rows[-1]:
            return None
        return _Plan(self.rows[-1], record, self.sequences).read(record)


class _Plan:
    """Where records of one set of keys keep what is wanted: (key, path into objects or "") pairs."""

    def __init__(self, row: EventFormat, record: dict[str, Any], sequences: frozenset[str] | None):
        self.row = row
        self.levels = dict(row.levels)
        nested = {key for key, value in record.items() if isinstance(value, dict)}

        def present(paths: Iterable[str]) -> tuple[tuple[str, bool], ...]:
            return tuple((one, one in record) for one in paths if one in record or one.partition(".")[0] in nested)

        messages, times, severities = row.messages, row.times, row.severities
        if row.reader == "json":
            usual = JSON_ROWS[-1]
            messages, times = _usual(messages, usual.messages), _usual(times, usual.times)
            # Where a row knows what a record without a level is, another key is a field like any other.
            severities = _usual(severities, usual.severities) if row.severity is None else severities
        self.messages, self.times, self.severities = present(messages), present(times), present(severities)
        self.statuses = present(row.statuses)
        self.codes = present(row.code)
        self.traces = present(_TRACE_KEYS)
        self.streams = present(row.stream)
        self.sequences = present(one for one in row.sequence if sequences is None or one in sequences)
        self.docker = row.name == "docker-json"
        self._known: dict[Any, int | None] = {}  # level as it stands in a record -> SeverityNumber

    def read(self, record: dict[str, Any]) -> Record | None:
        """The record's message, time and severity; None where it has no message."""
        get = record.get
        message: Any = None
        for path, direct in self.messages:
            message = get(path) if direct else None
            if message is None:
                message = value_at(record, path)
            if message is not None and message != "":
                break
        if type(message) is not str:
            if message is None and not self.times and not self.severities:
                return None
            message = "" if message is None else _flat(message)
        time: Any = ""
        for path, direct in self.times:
            value = get(path) if direct else None
            if value is None:
                value = value_at(record, path)
            if value is not None:
                time = value if type(value) is str and len(value) < 40 else _time_text(value)
                if time != "":
                    break
        severity = None
        for path, direct in self.severities:
            value = get(path) if direct else None
            if value is None:
                value = value_at(record, path)
            if value is not None:
                severity = self._severity(value)
                if severity is not None:
                    break
        if self.statuses and (severity is None or severity < ERROR):
            severity = self._status(record, severity)
        if severity is None:
            severity = self.row.severity
        trace = self._trace(record) if self.traces else ""
        sequence = ""
        for path, _ in self.sequences:
            value = value_at(record, path)
            if value not in (None, "", "-", "--"):
                sequence = value if type(value) is str else _flat(value)
                break
        stream, partial = "", False
        codes: tuple[str, ...] = ()
        if self.streams:
            stream = "\x1f".join([_flat(value_at(record, path)) for path, _ in self.streams])
        if self.codes:
            codes = tuple([_flat(value_at(record, path)) for path, _ in self.codes])
        if self.docker:
            partial = not message.endswith("\n")
            message = message.rstrip("\n").removesuffix("\r")
        return Record(self.row, message, time, severity, trace, sequence, stream, codes, record, partial)

    def _status(self, record: dict[str, Any], severity: int | None) -> int | None:
        for path, _ in self.statuses:
            value = value_at(record, path)
            text = _flat(value) if value is not None else ""
            if len(text) == 3 and text.isdigit():
                return max(status_level(int(text)) or 0, severity or 0) or None
        return severity

    def _trace(self, record: dict[str, Any]) -> str:
        for path, _ in self.traces:
            value = value_at(record, path)
            if isinstance(value, list) and value and isinstance(value[0], str):
                value = "\n".join(map(str, value))
            if isinstance(value, str) and "\n" in value:
                return value
        return ""

    def _severity(self, value: Any) -> int | None:
        kind = type(value)
        if kind is not str and kind is not int and kind is not float:
            return None
        try:
            return self._known[value]
        except KeyError:
            if len(self._known) > 1000:
                self._known.clear()
            found = self._known[value] = self._level(value)
            return found

    def _level(self, value: Any) -> int | None:
        if isinstance(value, (int, float)):
            found = self.levels.get(str(int(value))) if math.isfinite(value) else None
            return number_level(value) if found is None else found
        if value.isdigit() and self.levels.get(value) is None:
            return number_level(int(value)) if len(value) < 3 else None
        return level_of(value, self.levels)


def _time_text(value: Any) -> str | float:
    """A time as text in a layout that `times.py` knows or as a number, "" for none."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("/Date(") and text.endswith(")/"):
            return text[6:-2]
        return text if len(text) < 80 else ""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, dict) and len(value) == 1:
        return _time_text(next(iter(value.values())))
    if isinstance(value, list) and 6 <= len(value) <= 7 and all(isinstance(one, int) for one in value):
        year, month, day, hour, minute, second = value[:6]
        return f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
    return ""


def parse_json(line: bytes | str) -> Any:
    """The object of a line, or None where it is none; orjson, else Python's more lenient reader."""
    try:
        value = orjson.loads(line)
    except ValueError:
        import json

        bare = line.rstrip()
        comma = b"," if isinstance(bare, bytes) else ","
        try:  # an element of an array, one a line, ends in a comma
            value = json.loads(bare.removesuffix(comma), strict=False)  # type: ignore[arg-type]
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def unpacked_records(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The records of one line: several of OTLP's nested ones, else the object itself."""
    resources = value.get("resourceLogs")
    if not isinstance(resources, list):
        yield value
        return
    for resource in resources:
        named = _otlp_attributes(value_at(resource, "resource.attributes") if isinstance(resource, dict) else None)
        for scope in _list(resource, "scopeLogs") or _list(resource, "instrumentationLibraryLogs"):
            for record in _list(scope, "logRecords"):
                if isinstance(record, dict):
                    attributes = _otlp_attributes(record.get("attributes"))
                    yield {"resourceLogs": True, **named, **attributes, **record}


def _otlp_attributes(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict) and isinstance(one.get("key"), str):
            found[one["key"]] = _flat(one.get("value"))
    return found


def _list(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def attributes_of(record: Record) -> dict[str, str]:
    """The fields of a record that a reader would ask for: all but message, time and severity, one level deep."""
    used = {*record.row.messages[:1], *record.row.times, *record.row.severities}
    found: dict[str, str] = {}
    for key, value in record.fields.items():
        if key in used or value in (None, "", [], {}) or key == "resourceLogs" or len(found) >= _MOST_ATTRIBUTES:
            continue
        if isinstance(value, dict):
            for inner, one in list(value.items())[:20]:
                if not isinstance(one, (dict, list)):
                    found[f"{key}.{inner}"] = _flat(one)[:500]
            continue
        if key == "attributes":
            continue
        found[key] = _flat(value)[:500]
    return found


_XML_FIELD = re.compile(
    r"<(?P<tag>EventID|Level|Channel|Computer|Message|message|level|logger|thread|date|millis|log4j:message)(?:\s[^>]*)?>(?P<text>(?:<!\[CDATA\[.*?\]\]>|[^<])*)</",
    re.DOTALL,
)
_XML_ATTRIBUTE = re.compile(r"(?:<Provider[^>]*?\sName|<TimeCreated[^>]*?\sSystemTime|<log4j:event[^>]*?)", re.DOTALL)
_XML_DATA = re.compile(r"<Data(?:\sName=(?P<q>['\"])(?P<name>.*?)(?P=q))?[^>]*>(?P<text>[^<]*)</Data>")
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}


def _unescaped(text: str) -> str:
    text = re.sub(r"<!\[CDATA\[(.*?)\]\]>", r"\1", text, flags=re.DOTALL)

    def one(found: re.Match[str]) -> str:
        name = found[1]
        if name.startswith("#"):
            try:
                return chr(int(name[2:], 16) if name[1:2] in "xX" else int(name[1:]))
            except (ValueError, OverflowError):
                return found[0]
        return _ENTITIES.get(name, found[0])

    return re.sub(r"&(#?\w{1,8});", one, text)


def block_fields(row: EventFormat, text: str) -> dict[str, Any]:
    """The fields of a record of several lines. XML is read by patterns: no entity is expanded but the five of XML."""
    if row.name == "journald-export" or row.name == "apt-history":
        sign = "=" if row.name == "journald-export" else ": "
        fields: dict[str, Any] = {}
        for line in text.split("\n"):
            key, met, value = line.partition(sign)
            if met and key and not key[0].isspace():
                fields[key] = value
        return fields
    if row.name == "windows-event-viewer":
        header, _, description = text.partition("\nDescription:")
        pairs = [line.partition(":") for line in header.split("\n")]
        return {key.strip(): value.strip() for key, met, value in pairs if met} | {"Description": description.strip()}
    if row.name == "json-pretty":
        return parse_json(text) or {}
    text = text[: 1 << 20]
    fields = {}
    for found in _XML_FIELD.finditer(text):
        fields.setdefault(found["tag"], _unescaped(found["text"]).strip())
    for name, pattern in (
        ("Provider", r"<Provider[^>]*?\sName=['\"]([^'\"]*)"),
        ("SystemTime", r"<TimeCreated[^>]*?\sSystemTime=['\"]([^'\"]*)"),
        ("timestamp", r"<log4j:event[^>]*?\stimestamp=['\"]([^'\"]*)"),
        ("level", r"<log4j:event[^>]*?\slevel=['\"]([^'\"]*)"),
        ("thread", r"<log4j:event[^>]*?\sthread=['\"]([^'\"]*)"),
        ("logger", r"<log4j:event[^>]*?\slogger=['\"]([^'\"]*)"),
    ):
        hit = re.search(pattern, text)
        if hit and name not in fields:
            fields[name] = _unescaped(hit[1])
    data = [(hit["name"], _unescaped(hit["text"]).strip()) for hit in _XML_DATA.finditer(text)]
    for name, value in data:
        if name:
            fields.setdefault(name, value)
    if data and "Message" not in fields:
        fields["Data"] = "; ".join(f"{name}: {value}" if name else value for name, value in data)
    return fields


def block_ends(row: EventFormat, line: str, depth: int) -> tuple[bool, int]:
    """(whether a record ends with this line, the depth of brackets after it)."""
    if row.name == "journald-export":
        return not line.strip(), 0
    if row.name == "apt-history":
        return line.startswith("End-Date:") or not line.strip(), 0
    if row.name == "windows-event-viewer":
        return False, 0  # the next one begins
    if row.name == "json-pretty":
        return line.rstrip() in ("}", "},"), 0
    return "</Event>" in line or "</log4j:event>" in line or "</record>" in line, 0
