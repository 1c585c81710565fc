"""What a collector sends -> raw lines: text as it is, NDJSON by field names, OTLP/JSON with its nested records.

Notes:
- The line that the model was trained on is the message inside the record; record and header may both be gone by then, so
  a message that does not fit the log's format is judged as the message that it is.
- The line's own time is its time, as it was when the model was fitted; the record's is taken where the line has none:
  a collector often notes the moment at which it read the line.
- Where the OpenTelemetry Collector's drain processor has put `log.record.template`, that template is the message.
- A line that is no such record is text: nothing is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .. import LogLine, LogSystem, parse_lines
from .escapes import without_escapes

MESSAGE_FIELDS = ("message", "MESSAGE", "msg", "log", "body", "event.original")
TIME_FIELDS = ("timestamp", "@timestamp", "time", "ts", "date", "__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP")
TEMPLATE_ATTRIBUTE = "log.record.template"


@dataclass(frozen=True)
class Unwrapper:
    """How input lines become log lines.

    Args:
        kind: "auto", "text", "ndjson" or "otlp".
        message_fields: names under which the message stands, the first that is there; dots go into objects.
        time_fields: the same for the time.
    """

    kind: str = "auto"
    message_fields: tuple[str, ...] = MESSAGE_FIELDS
    time_fields: tuple[str, ...] = TIME_FIELDS

    def lines(self, raw: Sequence[str], number: int, system: LogSystem) -> Iterator[LogLine]:
        """The log lines of some input lines, numbered from `number` on."""
        if self.kind == "text" or system.reader == "json" or "{" not in {line[:1] for line in raw}:
            yield from parse_lines(raw, system, number)
            return
        found: list[tuple[str, float | None, str | None]] = []
        for line in map(without_escapes, raw):
            records = list(self.records(line)) if line.startswith("{") else []
            found += [(_one_line(text), time, template) for text, time, template in records] or [(line, None, None)]
        for parsed, (_, time, template) in zip(parse_lines([text for text, _, _ in found], system, number), found):
            if time is not None and parsed.timestamp is None:
                parsed.timestamp = time
            if template:
                parsed.content = template
            yield parsed

    def records(self, raw: str) -> Iterator[tuple[str, float | None, str | None]]:
        """(message as it stands in the record, time, template) of each record of a line; nothing where it is none."""
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            return
        if not isinstance(value, dict):
            return
        if isinstance(value.get("resourceLogs"), list) and self.kind != "ndjson":
            yield from _otlp(value)
            return
        text = _first(value, self.message_fields)
        if text is None or self.kind == "otlp":
            return
        attributes = value.get("attributes")
        template = value.get(TEMPLATE_ATTRIBUTE) or (
            attributes.get(TEMPLATE_ATTRIBUTE) if isinstance(attributes, dict) else None
        )
        yield (
            str(text),
            seconds(_first(value, self.time_fields)),
            template if isinstance(template, str) else None,
        )


def _otlp(value: dict[str, Any]) -> Iterator[tuple[str, float | None, str | None]]:
    for resource in _list(value, "resourceLogs"):
        for scope in _list(resource, "scopeLogs"):
            for record in _list(scope, "logRecords"):
                body = record.get("body") if isinstance(record, dict) else None
                text = body.get("stringValue") if isinstance(body, dict) else body
                if text is None:
                    continue
                if not isinstance(text, str):
                    text = json.dumps(text)
                nanos = record.get("timeUnixNano") or record.get("observedTimeUnixNano")
                template = None
                for attribute in _list(record, "attributes"):
                    if isinstance(attribute, dict) and attribute.get("key") == TEMPLATE_ATTRIBUTE:
                        held = attribute.get("value")
                        template = held.get("stringValue") if isinstance(held, dict) else None
                yield text, seconds(nanos), template


def seconds(value: Any) -> float | None:
    """Seconds since 1970 of a number (s, ms, us or ns by its size) or of an ISO time; None for anything else.

    >>> seconds("1700000000000000000") == seconds(1700000000) == seconds("2023-11-14T22:13:20Z")
    True
    """
    from ..systems.field_readers import EARLIEST, LATEST, timestamp_reader
    from ..systems.rules import TimestampRule

    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    except (TypeError, ValueError):
        return timestamp_reader(TimestampRule(("t",), "iso"))(value) if isinstance(value, str) else None
    for limit, unit in ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3)):
        if abs(number) >= limit:
            number /= unit
            break
    return number if EARLIEST <= number <= LATEST else None


def _one_line(text: str) -> str:
    return " ".join(text.splitlines()) if "\n" in text or "\r" in text else text


def _list(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _first(record: dict[str, Any], paths: tuple[str, ...]) -> Any:
    for path in paths:
        value: Any = record.get(path)
        if value is None:
            value = record
            for key in path.split("."):
                value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, list) and value and all(isinstance(one, int) and 0 <= one < 256 for one in value):
            value = bytes(value).decode("utf-8", "replace")  # journald writes bytes that are no text as numbers
        if value is not None and value != "":
            return value if isinstance(value, str | int | float) else json.dumps(value)
    return None
