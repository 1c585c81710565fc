"""How logs are read: what `logllm inspect` and `logllm formats` print.

`inspect` is what a user runs first when a result looks odd. Without content it tells nothing that stands in the log but
counts, times and the names of formats, so that it can go into a bug report.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from logllm.hf_datasets.events import EventLog, LogEvent
from logllm.report.finding_text import visible

TEMPLATES, JOINED, UNFIT = 10, 3, 5
SEVERITIES = {1: "TRACE", 5: "DEBUG", 9: "INFO", 13: "WARN", 17: "ERROR", 21: "FATAL"}
_SHOWN_LINES = 8  # of one event


@dataclass
class Inspection:
    """How one file was read, and some of what was found in it.

    Attributes:
        source: position of the file; log: all files.
        templates: (how many, text) of the most frequent templates.
        joined: some events of several lines; unfit: some events that no format fitted.
        first: the first events.
    """

    source: int
    log: EventLog
    templates: list[tuple[int, str]] = field(default_factory=list)
    joined: list[LogEvent] = field(default_factory=list)
    unfit: list[LogEvent] = field(default_factory=list)
    first: list[LogEvent] = field(default_factory=list)

    def head(self) -> dict[str, Any]:
        """The JSON object of the file."""
        report = self.log.files[self.source]
        return {
            "file": report.name,
            "format": report.format,
            "title": report.title,
            "lines": report.lines,
            "events": report.events,
            "parsed_share": round(report.parsed_share, 6),
            "severities": {str(number): report.severities[number] for number in sorted(report.severities)},
            "first": iso(report.first),
            "last": iso(report.last),
            "joined_events": report.joined_events,
            "encoding": report.encoding,
            "notes": report.notes,
        }


def iso(seconds: float | None) -> str | None:
    """A time in ISO 8601, None for none.

    >>> iso(0.25)
    '1970-01-01T00:00:00.250000+00:00'
    """
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def event_object(event: LogEvent, content: bool = True) -> dict[str, Any]:
    """The JSON object of an event; without content its message and attributes are left out."""
    return {
        "number": event.number,
        "lines": len(event.lines),
        "timestamp": iso(event.timestamp),
        "severity": event.severity,
        "message": event.message if content else "",
        "attributes": event.attributes if content else {},
    }


def inspect_logs(
    paths: Sequence[str | Path], format: str | None = None, events: int = 0, content: bool = True
) -> list[Inspection]:
    """Read some logs and note how; one `Inspection` a file, in the order given.

    Args:
        paths: the files; "-" is standard input.
        format: name or file of a format; None guesses for each file.
        events: how many of the first events of each file are kept.
        content: whether templates and events are kept.
    """
    log = EventLog(paths, format=format, numbers=False)
    found = [Inspection(source, log) for source in range(len(paths))]
    counts = [np.zeros(0, np.int64) for _ in paths]
    wanted: dict[str, list[list[int]]] = {name: [[] for _ in paths] for name in ("joined", "unfit", "first")}
    for batch in log.batches():
        if content:
            tally = np.bincount(batch.template)
            held = counts[batch.source]
            size = max(len(held), len(tally))
            counts[batch.source] = np.pad(held, (0, size - len(held))) + np.pad(tally, (0, size - len(tally)))
            for name, mask, most in (("joined", batch.line_count > 1, JOINED), ("unfit", ~batch.parsed, UNFIT)):
                places = wanted[name][batch.source]
                if len(places) < most:
                    places += batch.number[mask][: most - len(places)].tolist()
        first = wanted["first"][batch.source]
        if len(first) < events:
            first += batch.number[: events - len(first)].tolist()
    texts = log.templates if content else []
    for one in found:
        order = np.argsort(-counts[one.source], kind="stable")[:TEMPLATES]
        one.templates = [(int(counts[one.source][at]), texts[at]) for at in order if counts[one.source][at]]
        for name in wanted:
            places = wanted[name][one.source]
            if places:
                setattr(one, name, _fetched(log, one.source, places, len(places)))
    return found


def _fetched(log: EventLog, source: int, numbers: list[int], most: int) -> list[LogEvent]:
    """Whole events; several events of one line (OTLP) are told apart by their order."""
    if len(set(numbers)) == len(numbers):
        return log.events([(source, number) for number in numbers])
    found = []
    for event in log.read(source):
        found.append(event)
        if len(found) >= most:
            break
    return found


def as_json(inspections: Sequence[Inspection], content: bool = True) -> str:
    """One object a file, each followed by one object for each of its first events, a line each."""
    lines = []
    for one in inspections:
        lines.append(json.dumps(one.head(), ensure_ascii=False))
        lines += [json.dumps(event_object(event, content), ensure_ascii=False) for event in one.first]
    return "\n".join(lines)


def as_text(inspections: Sequence[Inspection], content: bool = True) -> str:
    """The inspection for a terminal."""
    return "\n\n".join(_text(one, content) for one in inspections)


def _text(one: Inspection, content: bool) -> str:
    report = one.log.files[one.source]
    rows = [
        visible(report.name),
        f"  format      {report.format}: {report.title}",
        f"  read        {report.lines:,} lines, {report.events:,} events, {report.joined_events:,} of several lines; "
        f"{report.parsed_share:.1%} fit the format",
        f"  time        {_moment(report.first)} to {_moment(report.last)}"
        if report.first
        else "  time        none was found",
        "  severity    " + (_severities(report.severities) or "none is stated"),
        f"  encoding    {report.encoding}",
        *[f"  note        {note}" for note in report.notes],
    ]
    if not content:
        return "\n".join(rows)
    if one.templates:
        rows.append("  most frequent templates")
        rows += [f"    {count:>9,}  {visible(text, 160)}" for count, text in one.templates]
    for title, events in (
        ("events of several lines", one.joined),
        ("what did not fit", one.unfit),
        ("first events", one.first),
    ):
        if events:
            rows.append(f"  {title}")
            for event in events:
                rows += _event(event)
    return "\n".join(rows)


def _event(event: LogEvent) -> list[str]:
    level = SEVERITIES.get(event.severity or 0, "-")
    rows = [f"    line {event.number}, {_moment(event.timestamp)}, {level}: {visible(event.message, 160)}"]
    if len(event.lines) > 1:
        rows += [f"        {visible(line, 160)}" for line in event.lines[:_SHOWN_LINES]]
        if len(event.lines) > _SHOWN_LINES:
            rows.append(f"        ({len(event.lines) - _SHOWN_LINES} more lines)")
    if event.attributes:
        shown = ", ".join(f"{name}={visible(value, 60)}" for name, value in list(event.attributes.items())[:8])
        rows.append(f"        {shown}")
    return rows


def _moment(seconds: float | None) -> str:
    return "no time" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(" ", "milliseconds")


def _severities(counts: dict[int, int]) -> str:
    return ", ".join(f"{SEVERITIES.get(number, number)} {counts[number]:,}" for number in sorted(counts, reverse=True))


def format_objects() -> list[dict[str, Any]]:
    """All format rows: name, title and an example line each."""
    from logllm.hf_datasets.events.formats import ALL_ROWS

    return [
        {"name": row.name, "title": row.title, "example": row.examples[0].line if row.examples else ""}
        for row in ALL_ROWS
    ]


def formats_as_text(width: int = 150) -> str:
    """All format rows for a terminal."""
    rows = []
    for one in format_objects():
        rows.append(f"{one['name']}: {one['title']}")
        rows += [f"    {visible(line, width - 4)}" for line in one["example"].split("\n")[:3]]
    return "\n".join(rows)
