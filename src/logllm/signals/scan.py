"""`scan_logs`: read logs, put the five questions, and give findings.

What a log must hold: nothing. Thirty lines get the gravest and rarest lines as an answer, a log of which nothing repeats
gets the sentence that no structure was found.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logllm.hf_datasets.drain import template_key
from logllm.hf_datasets.events import EventBatch, EventLog, FileReport, LogEvent
from logllm.hf_datasets.events.formats import CSV, JSON_ROWS
from logllm.hf_datasets.events.seek import TimeIndex
from logllm.hf_datasets.events.templates import OTHER

from . import tails
from .amounts import codes, field_values, not_numbers, values
from .candidates import (
    WORDED,
    Candidate,
    Kinds,
    Standing,
    bursts,
    drops,
    find_kinds,
    items_of,
    new_and_grave,
    silences,
    whole_log_drops,
)
from .durations import slow_steps
from .facets import MOST_EVENTS, find_facets, read_texts
from .families import find_families, known_but_for_a_name, rows_of
from .fields import odd_fields, say_what_is_shared, without_lists
from .findings import Finding, in_order_of_rank, key_of, make_findings, strength
from .order import cut_sequences, order_breaks
from .refine import merge_parameters, name_shapes, split_by_words
from .table import CLASS_NAMES, ERRONEOUS, EventTable, counts_of, read_table
from .weights import THRESHOLD
from .words import fault_class, fault_word

if TYPE_CHECKING:
    from logllm.report.scan import Scan

    from .model import ModelAnswer

FEW_EVENTS = 40
WORDED_CANDIDATES = 200  # candidates whose words are looked at in the raw text
SIGNALS = ("new", "unexpected", "burst", "drop", "silence", "value", "grave")


@dataclass
class ScanResult:
    """What was found.

    Attributes:
        log: the reader, for raw lines.
        table: the events in the order in which they were judged.
        findings: in order of rank, the flagged ones first.
        standing: what runs through the whole log.
        notes: sentences on what a reader of the result must know.
        order_by: n-gram, sessions, ... : how the order was judged.
        model: name of the model that was asked, None for none.
        windows: what that model said window by window.
        seconds: how long it took.
        complete: whether the whole log was read.
        files: how each file was read.
        left_out: files of a folder that are no logs.
    """

    log: EventLog
    table: EventTable
    findings: list[Finding]
    standing: list[Standing]
    notes: list[str] = field(default_factory=list)
    order_by: str = ""
    model: str | None = None
    windows: Scan | None = None
    seconds: float = 0.0
    complete: bool = True
    files: list[FileReport] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def flagged(self) -> list[Finding]:
        """The findings that reach the threshold."""
        return [finding for finding in self.findings if finding.is_anomalous]

    def file_of(self, row: int) -> str:
        """Name of the file of a row."""
        return self.log.paths[int(self.table.source[row])]

    def key(self, finding: Finding) -> str:
        """What `logllm ok` calls a finding: 12 hex digits."""
        return template_key(key_of(self.table, finding))

    def suppress(self, is_fine: Callable[[str, str, str], bool]) -> None:
        """Take the flag off what is fine by its key, its message and its first line; the order stays by flag and score."""
        flagged = self.flagged
        events = self.log.events([self.table.place(one.lead.lead) for one in flagged]) if flagged else []
        quiet = [
            finding
            for finding, event in zip(flagged, events)
            if is_fine(key_of(self.table, finding), event.message, event.lines[0])
        ]
        for finding in quiet:
            finding.is_anomalous, finding.is_fine = False, True
        if quiet:
            self.findings.sort(key=lambda finding: not finding.is_anomalous)
            self.notes.append(
                f"{len(quiet):,} finding{'s' if len(quiet) > 1 else ''} not flagged: suppressed by `logllm ok`"
            )


def scan_logs(
    paths: Sequence[str | Path],
    format: str | None = None,
    *,
    since: float | None = None,
    until: float | None = None,
    last: float | None = None,
    severity: bool = True,
    model: ModelAnswer | None = None,
    order: bool = True,
    seen: Callable[[EventBatch], bool] | None = None,
) -> ScanResult:
    """Judge some logs, each block by what the others teach.

    Args:
        paths: files, "-" for standard input; one log together.
        format: name of a format; None guesses for each file.
        since: earliest time, seconds since 1970.
        until: latest time.
        last: seconds before the end of the log.
        severity: whether levels and fault words count.
        model: what a fitted model said about the windows of the same files; it joins "unexpected here".
        order: whether n-grams judge the order of messages.
        seen: called with each batch that was read; reading stops where it returns False, and at Ctrl-C.
    """
    start = time.perf_counter()
    log = EventLog([str(path) for path in paths], format)
    notes: list[str] = []
    if since is None and until is None and last is None:
        table, complete = read_table(log, seen)
    else:
        table, complete, notes = _read_within(log, since, until, last, seen, seeks=model is None)
    result = judge_table(table, log, severity, model, order)
    if result.findings or result.standing:
        for source, lines in log.count_lines_before().items():
            result.table.number[result.table.source == source] += np.uint32(lines)
    result.notes[:0] = notes
    result.complete = complete
    result.seconds = time.perf_counter() - start
    return result


def judge_table(
    table: EventTable,
    log: EventLog,
    severity: bool = True,
    model: ModelAnswer | None = None,
    order: bool = True,
) -> ScanResult:
    """Put the five questions to a table: to each log by itself, where files are several logs and not one that was rotated."""
    notes: list[str] = []
    files = [replace(one) for one in log.files]  # what is read again for texts counts again
    findings: list[Finding] = []
    standing: list[Standing] = []
    orders: list[str] = []
    if not len(table):
        notes.append("the log holds no events")
    if len(table) > MOST_EVENTS:
        notes.append(
            f"fields of few values, words inside of templates and sessions that only the text names are looked for in up to "
            f"{MOST_EVENTS:,} events, and not here: --since and --last give a part"
        )
    table, texts = refined(table, log)
    logs = _logs(table, log.paths)
    for rows in logs:
        if rows is None:
            judged = _judge_log(table, texts, log, severity, model, order, None)
        else:
            part, kind_of = table.take(rows)
            seen = counts_of(table.kind, len(table.kind_template))[kind_of]
            own = None if texts is None else ([texts[0][row] for row in rows], [texts[1][row] for row in rows])
            judged = _judge_log(part, own, log, severity, model, order, seen)
            judged.findings = [finding.moved(rows, kind_of) for finding in judged.findings]
            judged.standing = [
                replace(one, kind=int(kind_of[one.kind]), first=int(rows[one.first]), last=int(rows[one.last]))
                for one in judged.standing
            ]
        findings += judged.findings
        standing += judged.standing
        orders += [judged.order_by] if judged.order_by not in orders else []
        notes += [note for note in judged.notes if note not in notes]
    if model is not None:
        notes += model.windows.notes
        orders.insert(0, model.name)
    return ScanResult(
        log, table, in_order_of_rank(findings), standing, notes, ", and ".join(orders), model.name if model else None,
        model.windows if model else None, files=files,
    )  # fmt: skip


def refined(table: EventTable, log: EventLog) -> tuple[EventTable, tuple[list[str], list[dict[str, str]]] | None]:
    """(the table with the templates by which findings are named, text and fields of each row where there are not too many)."""
    if not FEW_EVENTS <= len(table) <= MOST_EVENTS:
        return table, None
    texts = read_texts(table, (event for source in np.unique(table.source).tolist() for event in log.read(source)))
    table = split_by_words(merge_parameters(table), texts[0])
    return name_shapes(table, records_of(table, log), texts[1]), texts


def records_of(table: EventTable, log: EventLog) -> list[int]:
    """Rows that are structured records: JSON objects, or rows of a table whose columns have names."""
    names = {row.name for row in (*JSON_ROWS, CSV)}
    sources = [source for source, one in enumerate(log.files) if one.format in names]
    return np.flatnonzero(np.isin(table.source, sources)).tolist() if sources else []


def _logs(table: EventTable, paths: Sequence[str]) -> Sequence[NDArray[np.int64] | None]:
    """Rows of each log: rotated files (`app.log.1` and `app.log`) are one, other files are logs of their own; None for all."""
    if len(paths) == 1 or not len(table):
        return [None] if len(table) else []
    stems = [_ROTATED.sub("", str(path)) for path in paths]
    number = np.array([stems.index(one) for one in stems])
    # Files that differ by a number in their name only and follow each other in time are parts of one log.
    stem = number[table.source]
    firsts, lasts = _time_spans(table, number)
    parts: dict[str, list[int]] = {}
    for one in sorted(firsts, key=lambda one: firsts[one]):
        held = parts.setdefault(re.sub(r"\d+", "0", stems[one]), [])
        if held and firsts[one] >= lasts[held[-1]]:
            stem[stem == one] = held[0]
        held.append(one)
    logs = np.unique(stem)
    return [None] if len(logs) == 1 else [np.flatnonzero(stem == one) for one in logs]


def _time_spans(table: EventTable, number: NDArray[np.int64]) -> tuple[dict[int, float], dict[int, float]]:
    """First and last time of each log that has times."""
    firsts, lasts = {}, {}
    for one in np.unique(number).tolist():
        times = table.timestamp[np.isin(table.source, np.flatnonzero(number == one))]
        if len(times) and not np.isnan(times).any():
            firsts[one], lasts[one] = float(times.min()), float(times.max())
    return firsts, lasts


# What rotation appends: a number, a date, a suffix of packing.
_ROTATED = re.compile(r"(?:[.-](?:\d{1,3}|\d{4}-?\d\d-?\d\d(?:[T_-]?\d{2,6})?|gz|bz2|xz|zst|old))+$")


def _judge_log(
    table: EventTable,
    texts: tuple[list[str], list[dict[str, str]]] | None,
    log: EventLog,
    severity: bool,
    model: ModelAnswer | None,
    order: bool,
    seen: NDArray[np.int64] | None,
) -> ScanResult:
    """Judge one log; `texts` are text and fields of each row, `seen` says how often each kind occurs in all logs together."""
    n = len(table)
    kinds = find_kinds(table)
    if seen is not None:  # what other logs hold as well is not new
        kinds.runs[(kinds.runs == 1) & (seen > kinds.count)] = 2
    notes: list[str] = []
    families = find_families(table, kinds)
    found, standing = new_and_grave(table, kinds, known_but_for_a_name(table, kinds, families))
    order_by = "not judged"

    def message_of(row: int) -> str:
        return texts[0][row] if texts is not None else log.events([table.place(row)])[0].message

    faults: list[Candidate] = []  # that no word names
    formless = _formless(table, kinds)
    if texts is not None:
        if records := records_of(table, log):
            found += odd_fields(table, kinds, records, texts[1])
        found += field_values(table, kinds, [row for row, own in enumerate(texts[1]) if own], texts[1])
    if formless:
        found = [one for one in found if one.severity >= ERRONEOUS or one.kind < 0]
        notes.append(
            "hardly any message repeats: no structure was found, and only what states a grave level can be told"
        )
    elif n >= FEW_EVENTS:
        hidden = next(
            (kind for kind, at in enumerate(table.kind_template.tolist()) if table.templates[at] == OTHER), -1
        )
        items = items_of(kinds, find_facets(table, *texts) if texts is not None else [], hidden)
        many = bursts(table, kinds, items, {kind: rows_of(kinds, one.kinds) for one in families for kind in one.kinds})
        if texts is not None:
            say_what_is_shared(many, *texts)
            many = without_lists(many, texts[0])
        found += many + drops(table, items) + silences(table, kinds, items)
        found += whole_log_drops(table, kinds)
        found += values(table, kinds, families, message_of)
        faults = not_numbers(table, kinds)
        faults += codes(table, kinds, texts[0] if texts is not None else None, message_of)
        del items
        if n > MOST_EVENTS:
            kinds.forget_rows()
        if order:
            ways = cut_sequences(table, texts[0] if texts is not None else None, families)
            found += order_breaks(table, kinds, ways, families)
            found += slow_steps(table, kinds, ways)
            order_by = "n-gram over " + tails.joined([_WAYS[way.what] for way in ways])
    if n < FEW_EVENTS * 2:
        notes.append(f"{n} events are too few to know what is usual; the gravest and rarest come first")
    if table.numbers is None:
        notes.append("unusual values were not judged: the log holds too many numbers")
    if model is not None:
        found += model.candidates(table, kinds, [one.lines for one in log.files])
    found = look_at_words(found, table, kinds, log)
    found += faults
    if not severity:
        found = [replace(one, prior=0.0) for one in found if one.question != "grave"]
    if n < FEW_EVENTS and not found:
        found = list(_rarest(table, kinds))
    return ScanResult(log, table, make_findings(table, found), standing, notes, order_by)


def _formless(table: EventTable, kinds: Kinds) -> bool:
    """Whether most events have a template of their own, or one that has no word in common but parameters."""
    if len(table) < FEW_EVENTS:
        return False
    alone = (kinds.count == 1) | (kinds.words == 0)
    return float(kinds.count[alone].sum()) > 0.6 * len(table)


_WAYS = {"session": "sessions", "component": "components and threads", "log": "the whole log"}


def look_at_words(found: list[Candidate], table: EventTable, kinds: Kinds, log: EventLog) -> list[Candidate]:
    """Correct the class of candidates without a stated level by the raw text of their leading events.

    A template hides numbers, so "3 errors" and "0 errors" look alike; traces hide in the lines below.
    """
    unstated = [
        one for one in found if one.question in ("new", "grave") and one.lead >= 0 and table.severity[one.lead] == 0
    ]
    unstated = sorted(unstated, key=lambda one: -strength(one))[:WORDED_CANDIDATES]
    if not unstated:
        return found
    events = log.events([table.place(one.lead) for one in unstated])
    for one, event in zip(unstated, events):
        grade = max(fault_class("\n".join(event.lines[:40])[:4000]), fault_class(event.message))
        if grade == one.severity:
            continue
        one.prior += WORDED[grade] - WORDED[one.severity]
        if grade > one.severity:
            one.reason += f'; its words ("{fault_word(chr(10).join(event.lines))}") name a fault'
            near = float((kinds.classes >= grade).sum())
            one.nats = max(one.nats, tails.at_least_one(tails.expected_new(near, 0.0)))
        else:
            one.reason = one.reason.replace("; its words name a fault", "")
            one.nats = one.nats if one.question == "new" else 0.0
        one.severity = grade
    return found


def _rarest(table: EventTable, kinds: Kinds) -> Iterable[Candidate]:
    """The rarest events of a log in which nothing stands out."""
    for kind in np.lexsort((kinds.order[kinds.begin[:-1]], kinds.count))[:5]:
        row = int(kinds.rows(int(kind))[0])
        count = int(kinds.count[kind])
        reason = f"one of the rarest messages, {count} of {len(table)} events"
        yield Candidate(
            "new", 0.0, 0.0, row, [row], count, row, row, reason, int(kind), int(kinds.classes[kind]), count
        )


def _read_within(
    log: EventLog,
    since: float | None,
    until: float | None,
    last: float | None,
    seen: Callable[[EventBatch], bool] | None,
    seeks: bool,
) -> tuple[EventTable, bool, list[str]]:
    """(the rows of a span of time, whether it was read to its end, what to say): only that part of each file is read."""
    low, high = -np.inf if since is None else since, np.inf if until is None else until
    indexes: dict[int, TimeIndex] = {}
    notes: list[str] = []
    for source in range(len(log.paths)) if seeks else ():
        try:
            indexes[source] = TimeIndex(log.reader(source))
        except ValueError as error:
            notes.append(f"{log.paths[source]} was read whole: {error}")
    if last is not None and len(indexes) == len(log.paths):
        low = max(low, max(index.last for index in indexes.values()) - last)
    elif last is not None:  # where the log ends shows when all is read
        indexes.clear()
    for source, index in indexes.items():
        try:
            log.spans[source] = index.span(low, high)
        except ValueError as error:
            notes.append(f"{log.paths[source]} was read whole: {error}")
    table, complete = read_table(log, seen)
    slack = max((3 * index.disorder for index in indexes.values()), default=0.0)
    sought = table.timestamp[np.isin(table.source, list(log.spans))] if log.spans else np.zeros(0)
    if complete and ((sought < low - slack) | (sought > high + slack)).any():
        log.spans.clear()
        notes = ["the log was read whole: its lines are not in order of time"]
        table, complete = read_table(log, seen)
    if last is not None and not indexes and (~np.isnan(table.timestamp)).any():
        low = max(low, float(np.nanmax(table.timestamp)) - last)
    times = table.timestamp
    out, _ = table.take(np.flatnonzero((times >= low) & (times <= high)))
    sizes = [log.reader(source).source.size for source in log.spans]
    if log.spans:
        read = sum(span.end - span.begin for span in log.spans.values())
        notes.append(f"{read:,} of {sum(sizes):,} bytes were parsed: the span of time was found by bisection")
    if len(log.spans) < len(log.paths):
        unknown = int(np.isnan(times).sum())
        note = f"{len(out):,} of {len(table):,} events that were read are in the span of time asked for"
        notes.append(note + (f"; {unknown:,} have no time and are left out" if unknown else ""))
    return out, complete, notes


def describe(result: ScanResult, finding: Finding, events: dict[int, LogEvent]) -> dict[str, Any]:
    """One finding as plain values, without its rank; `events` holds the whole events of its rows."""
    table, lead = result.table, finding.lead
    lead_event = events[lead.lead]
    by_row: dict[int, tuple[float, str]] = {}
    for one in finding.candidates:
        for row in (
            [one.lead] if one.question not in ("missing", "unexpected", "silence") else [one.lead, *one.rows[:3]]
        ):
            if row not in by_row or strength(one) > by_row[row][0]:
                by_row[row] = round(strength(one), 4), one.reason
    lines = []
    for row in finding.rows:
        event = events[row]
        score, reason = by_row.get(row, (0.0, ""))
        other = {} if table.source[row] == table.source[lead.lead] else {"file": result.file_of(row)}
        for offset, text in enumerate(event.lines):
            lines.append(
                {
                    "number": event.number + offset,
                    "text": text,
                    "score": score if not offset else 0.0,
                    "reason": reason if not offset else "",
                    **other,
                }
            )
    times = [table.time(row) for row in (finding.first, finding.last)]
    return {
        "kind": finding.kind,
        "score": round(finding.score, 4),
        "file": result.file_of(lead.lead),
        "first_line": lead_event.number,
        "last_line": lead_event.number + len(lead_event.lines) - 1,
        "lines": lines,
        "reason": finding.reason,
        "count": finding.count,
        "first": iso(times[0]),
        "last": iso(times[1]),
        "is_anomalous": finding.is_anomalous,
        "key": result.key(finding),
        **({"suppressed": True} if finding.is_fine else {}),
        "severity": CLASS_NAMES[lead.severity],
    }


def iso(seconds: float | None) -> str | None:
    """A time as ISO 8601 in UTC; None where it is not known."""
    if seconds is None:
        return None
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def fetch(result: ScanResult, findings: Sequence[Finding]) -> dict[int, LogEvent]:
    """The whole events of some findings, by row; one pass over the files."""
    rows = sorted({row for finding in findings for row in [*finding.rows, finding.lead.lead]})
    return dict(zip(rows, result.log.events([result.table.place(row) for row in rows])))


def head(result: ScanResult, findings: int) -> dict[str, Any]:
    """The head of a result as plain values."""
    table = result.table
    files = [
        {"file": one.name, "format": one.format, "title": one.title, "lines": one.lines, "events": one.events,
         "parsed_share": round(one.parsed_share, 4), "first": iso(one.first), "last": iso(one.last), "encoding": one.encoding,
         "notes": list(one.notes)}
        for one in result.files
    ]  # fmt: skip
    span = (
        float(np.nanmax(table.timestamp) - np.nanmin(table.timestamp)) if (~np.isnan(table.timestamp)).any() else 0.0
    )
    standing = [
        {"key": table.templates[int(table.kind_template[one.kind])], "severity": CLASS_NAMES[one.severity], "count": one.count,
         "per_hour": round(one.count / span * 3600, 3) if span > 0 else None, "first": iso(table.time(one.first)), "last": iso(table.time(one.last)),
         "where": f"{result.file_of(one.first)}:{table.number[one.first]}"}
        for one in sorted(result.standing, key=lambda one: (-one.severity, -one.count))[:20]
    ]  # fmt: skip
    return {
        "files": files,
        "formats": sorted({one.format for one in result.files if one.format}),
        "lines": sum(one.lines for one in result.files),
        "events": sum(one.events for one in result.files),
        "judged_events": len(table),
        "signals": list(SIGNALS),
        "order": result.order_by,
        "model": result.model,
        "threshold": THRESHOLD,
        "findings": findings,
        "flagged": len(result.flagged),
        "standing": standing,
        "complete": result.complete,
        "left_out": result.left_out,
        "notes": result.notes,
        "seconds": round(result.seconds, 3),
    }
