"""One line -> where its time, level, message and fields stand, once for all lines that differ in digits only."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .event import ERROR, INFO
from .formats import GENERIC, LOGFMT, PLAIN, TextRow, level_of
from .generic import first_of, level_in_message, logfmt_spans, read_generic, time_of_pairs
from .levels import SYSLOG, status_level
from .masks import MessageShape, shape_of
from .row import EventFormat
from .times import TimeLayout, layout_of
from .traces import BLANK, OTHER, shape_of_line

Span = tuple[int, int]

NO_HEAD, HEAD, PREFIX = 0, 1, 2  # PREFIX: a container's prefix before a line that has no header of its own
_INNER_ONLY = frozenset(
    (
        "docker-compose",
        "github-actions",
        "gitlab-job",
        "docker-timestamps",
        "kubectl-prefix",
        "cri",
        "jenkins-timestamper",
    )
)
# Wrappers whose lines are the output of a program, so that lines without a header of their own may belong together.
CONTAINERS = _INNER_ONLY | {"docker-json", "papertrail"}
_FINDS_LEVEL_IN_WORDS = {"level"}


@dataclass(slots=True)
class Message:
    """What the masks find in messages that differ in digits only; spans count bytes of UTF-8.

    Attributes:
        shape: pieces, digits that stay, and numbers.
        marked: the marked text where no digits stay in it, else None.
    """

    shape: MessageShape
    marked: str | None


@dataclass(slots=True)
class Entry:
    """What was found in lines that differ in digits only; spans count bytes of UTF-8 from the start of the line.

    Attributes:
        row: the format that fitted; `PLAIN` where none did.
        head: NO_HEAD, HEAD or PREFIX.
        shape: shape of the text behind the header, for joining (`traces.py`).
        time, layout: the time and its layout; outer_time, outer_layout: those of a wrapper around it.
        severity: SeverityNumber, 0 for none, where digits do not decide about it.
        raw_level: (start, stop, kind) of a level, status or priority that must be read from the digits themselves.
        inner_severity: with a priority: what the wrapped line states.
        message: the message.
        fields: (name, start, stop) of the attributes.
        stream: spans that name the stream; sequence: the span that names the sequence.
        codes: spans of values that belong to the template.
        partial: whether the line goes on in the next one of its stream.
        json: whether the message is a JSON object, to be read for itself.
        text: start of the text behind the prefix of a wrapper.
        known: the message's masks, once they are needed.
    """

    row: EventFormat
    head: int
    shape: int
    time: Span | None = None
    layout: TimeLayout | None = None
    outer_time: Span | None = None
    outer_layout: TimeLayout | None = None
    severity: int = 0
    raw_level: tuple[int, int, str] | None = None
    inner_severity: int = 0
    message: Span = (0, 0)
    fields: tuple[tuple[str, int, int], ...] = ()
    stream: tuple[Span, ...] = ()
    sequence: Span | None = None
    codes: tuple[Span, ...] = ()
    partial: bool = False
    json: bool = False
    text: int = 0
    known: Message | None = None
    levels: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class LinePlan:
    """The rows by which the lines of a file are read, in order, and what was found out about the file.

    Attributes:
        rows: rows of lines; inner: rows of what wrappers hold.
        generic: whether lines that no row fits are read by `generic.py`.
        order: of dates such as 01/02/2003.
        sequences: fields that name sequences; None for all.
        session: pattern of a session id in messages.
        logfmt: whether lines of key=value pairs occur.
        level_alone: whether a level without a time begins an event.
    """

    rows: tuple[TextRow, ...] = ()
    inner: tuple[TextRow, ...] = ()
    generic: bool = True
    order: str = "dmy"
    sequences: frozenset[str] | None = None
    session: Any = None
    logfmt: bool = True
    level_alone: bool = True


def to_bytes(text: str) -> Callable[[int], int]:
    """A function from places in a text to places in its UTF-8."""
    if text.isascii():
        return lambda at: at
    places = [0]
    for sign in text:
        places.append(places[-1] + len(sign.encode("utf-8", "surrogatepass")))
    return lambda at: places[min(at, len(places) - 1)]


class LineAnalyser:
    """Makes the `Entry` of a line by a plan."""

    def __init__(self, plan: LinePlan):
        self.plan = plan

    def entry(self, raw: bytes, folded: bytes) -> Entry:
        """The entry of a line, given as it is and with every digit written as 0."""
        text = raw.decode("utf-8", "replace")
        entry = self.read(text, folded.decode("utf-8", "replace"))
        if not raw.isascii():
            self._count_bytes(entry, to_bytes(text))
        return entry

    def read(self, text: str, folded: str) -> Entry:
        """As `entry`, for texts; spans count characters."""
        for row in self.plan.rows:
            found = row.match(folded, text)
            if found is not None:
                entry = self._by_row(row, found, text, folded)
                if entry is not None:
                    return self._wrapped(entry, row, text, folded) if row.row.wraps else entry
        return self._otherwise(text, folded, 0, self.plan.generic)

    def _by_row(self, row: TextRow, found: Any, text: str, folded: str) -> Entry | None:
        whole = row.span(found, "message")
        if whole is None:
            return None
        message = whole
        while message[0] < message[1] and folded[message[0]] in " \t":
            message = (message[0] + 1, message[1])
        entry = Entry(row.row, HEAD, 0, message=message, levels=row.levels)
        time = row.span(found, "time")
        if time is not None and folded[time[0] : time[1]] not in ("-", ""):
            if row.row.layout is None:
                entry.layout = layout_of(folded[time[0] : time[1]], row.row.order or self.plan.order)
                if entry.layout is None and not text[time[0] : time[1]].startswith("@4"):
                    return None
            entry.time = time
        self._levels(entry, row, found, text, folded)
        if not entry.severity and entry.raw_level is None and row.row.rank and not row.row.wraps and row.row.trusted:
            word = level_in_message(folded[message[0] : message[1]], row.row.rank > 1)
            if word is not None:
                entry.severity = level_of(text[message[0] + word[0] : message[0] + word[1]], {}) or 0
        fields = []
        for name, groups in row.attributes:
            for group in groups:
                start, stop = found.span(group)
                if start >= 0:
                    if stop > start:
                        fields.append((name, start, stop))
                    break
        entry.fields = tuple(fields)
        spans = {name: (start, stop) for name, start, stop in fields}
        entry.stream = tuple(spans[name] for name in row.row.stream if name in spans)
        entry.codes = tuple(spans[name] for name in row.row.code if name in spans)
        wanted = self.plan.sequences
        entry.sequence = next(
            (
                spans[name]
                for name in row.row.sequence
                if name in spans
                and (wanted is None or name in wanted)
                and folded[slice(*spans[name])] not in ("-", "")
            ),
            None,
        )
        session = self.plan.session or row.row.session
        if session is not None:
            hit = _session(session).search(folded if row.row.trusted else text, message[0])
            if hit is not None:
                entry.sequence = hit.span()
        if row.row.partial is not None:
            partial = row.span(found, row.row.partial[0])
            entry.partial = partial is not None and text[slice(*partial)] == row.row.partial[1]
        entry.shape = shape_of_line(folded[whole[0] : whole[1]])
        entry.text = whole[0]
        return entry

    def _levels(self, entry: Entry, row: TextRow, found: Any, text: str, folded: str) -> None:
        level, status, priority = row.span(found, "level"), row.span(found, "status"), row.span(found, "pri")
        other = row.row.severity or 0
        if level is not None and level[1] > level[0]:
            word = text[level[0] : level[1]]
            if "0" in folded[level[0] : level[1]]:
                entry.raw_level = (*level, "level")
            else:
                entry.severity = level_of(word, row.levels) or row.levels.get("*", 0)
            if status is None:
                return
        if status is not None and status[1] > status[0]:
            word = text[status[0] : status[1]]
            if "0" in folded[status[0] : status[1]]:
                entry.inner_severity = entry.severity
                entry.raw_level = (*status, "status")
            elif word == "-" and row.row.name in ("elb", "alb"):
                entry.severity = ERROR  # nobody answered
            return
        if priority is not None:
            entry.raw_level = (*priority, "pri")
            return
        entry.severity = entry.severity or other

    def _wrapped(self, entry: Entry, row: TextRow, text: str, folded: str) -> Entry:
        """The line inside a wrapper's message."""
        start = entry.text
        inner_text, inner_folded = text[start : entry.message[1]], folded[start : entry.message[1]]
        container = row.row.name in CONTAINERS
        stripped = inner_text.lstrip()
        if stripped.startswith("@cee:"):
            entry.text = start + inner_text.index("@cee:") + 5
            stripped = stripped[5:].lstrip()
        if stripped.startswith("{") and stripped.rstrip().endswith("}") and len(stripped) > 2 and '"' in stripped:
            entry.json = True
        inner = None
        for one in self.plan.inner:
            found = one.match(inner_folded, inner_text)
            if found is not None:
                inner = self._by_row(one, found, inner_text, inner_folded)
                if inner is not None:
                    break
        if inner is None:
            inner = self._otherwise(inner_text, inner_folded, 0, True)
            # Ten digits where the line has a time already are a number, such as a queue id, unless a level stands beside it.
            untimed = inner.time is None or (
                entry.time is not None and inner.layout is not None and inner.layout.kind == "epoch"
            )
            if inner.head == HEAD and untimed and not container and not inner.severity:
                inner.head = NO_HEAD
        if inner.head == NO_HEAD:
            entry.head = PREFIX if container else HEAD
            if entry.raw_level is None:
                entry.severity = entry.severity or inner.severity
            entry.shape = inner.shape
            return entry
        outer = (entry.time, entry.layout)

        def moved(span: Span | None) -> Span | None:
            return None if span is None else (span[0] + start, span[1] + start)

        merged = Entry(
            row=entry.row,
            head=HEAD,
            shape=inner.shape,
            severity=inner.severity,
            message=(inner.message[0] + start, inner.message[1] + start),
            fields=(*entry.fields, *((name, a + start, b + start) for name, a, b in inner.fields)),
            stream=entry.stream or tuple((a + start, b + start) for a, b in inner.stream),
            sequence=moved(inner.sequence) or entry.sequence,
            codes=(*entry.codes, *((a + start, b + start) for a, b in inner.codes)),
            partial=entry.partial,
            json=entry.json,
            text=start,
            levels=inner.levels or entry.levels,
        )
        if inner.time is not None and inner.layout is not None:
            merged.time, merged.layout = moved(inner.time), inner.layout
            merged.outer_time, merged.outer_layout = outer
        else:
            merged.time, merged.layout = outer
        if inner.raw_level is not None:
            merged.raw_level = (inner.raw_level[0] + start, inner.raw_level[1] + start, inner.raw_level[2])
            merged.inner_severity = inner.inner_severity
        elif entry.raw_level is not None and entry.raw_level[2] == "pri":
            merged.raw_level, merged.inner_severity = entry.raw_level, inner.severity
        elif not inner.severity:
            merged.severity = entry.severity
        return merged

    def _otherwise(self, text: str, folded: str, depth: int, generic: bool) -> Entry:
        """A line that no row fits: key=value pairs, a time or a level in a usual place, or neither."""
        if self.plan.logfmt and "=" in folded and (spans := logfmt_spans(folded)) is not None:
            return self._logfmt(spans, text, folded)
        if generic:
            found = read_generic(folded)
            if found is not None and (found.time is not None or self.plan.level_alone):
                entry = Entry(GENERIC, HEAD, 0, time=found.time, message=found.message)
                if found.time is not None:
                    entry.layout = layout_of(folded[found.time[0] : found.time[1]], self.plan.order)
                    if found.message[0] >= found.message[1]:
                        entry.message = (0, found.time[0])
                if found.level is not None:
                    entry.severity = level_of(text[found.level[0] : found.level[1]], {}) or 0
                named = (("thread", found.thread), ("component", found.component))
                entry.fields = tuple((name, *span) for name, span in named if span is not None)
                wanted = self.plan.sequences
                for name, span in named:
                    if span is not None and (wanted is None or name in wanted):
                        entry.sequence = span
                        break
                if found.thread is not None:
                    entry.stream = (found.thread,)
                # "panic: ..." begins with a level, and so does the first line of its trace.
                entry.text = entry.message[0] if found.time is not None else 0
                brace = text.find('{"') if found.time is not None and text.endswith("}") else -1
                if found.time is not None and brace >= 0 and not text[found.time[1] : brace].strip(" \t:|-]"):
                    entry.json, entry.text, entry.message, entry.severity = True, brace, (brace, len(text)), 0
                entry.shape = shape_of_line(folded[entry.text : entry.message[1]])
                if found.time is None and entry.shape not in (OTHER, BLANK):
                    entry.head = NO_HEAD  # "Error: ..." above the frames of a trace is no header
                session = self.plan.session
                if session is not None and (hit := _session(session).search(folded, entry.message[0])) is not None:
                    entry.sequence = hit.span()
                return entry
        return Entry(PLAIN, NO_HEAD, shape_of_line(folded), message=(0, len(text)))

    def _logfmt(self, spans: dict[str, Span], text: str, folded: str) -> Entry:
        level, message = first_of(spans, "level"), first_of(spans, "message")
        entry = Entry(LOGFMT, HEAD, 0, message=message or (0, len(text)))
        times: set[Span] = set()
        if (found := time_of_pairs(spans, folded, self.plan.order)) is not None:
            entry.time, entry.layout, times = found
        if level is not None and "0" in folded[slice(*level)]:
            entry.raw_level = (*level, "level")
        elif level is not None:
            entry.severity = level_of(text[level[0] : level[1]], {}) or 0
        status = spans.get("status") or spans.get("status_code")
        if status is not None and status[1] - status[0] == 3 and folded[slice(*status)] == "000":
            entry.raw_level, entry.inner_severity = (*status, "status"), entry.severity
        skipped = {*times, level, message}
        entry.fields = tuple(
            (key, *span) for key, span in list(spans.items())[:40] if span not in skipped and span[1] > span[0]
        )
        wanted = self.plan.sequences
        for name in (
            "request_id",
            "requestID",
            "req_id",
            "trace_id",
            "traceID",
            "traceId",
            "session",
            "logger",
            "component",
            "caller",
        ):
            if name in spans and (wanted is None or name in wanted):
                entry.sequence = spans[name]
                break
        entry.shape = 0
        entry.text = entry.message[0]
        return entry

    @staticmethod
    def _count_bytes(entry: Entry, place: Callable[[int], int]) -> None:
        """Turn spans of characters into spans of bytes."""

        def span(one: Span | None) -> Span | None:
            return None if one is None else (place(one[0]), place(one[1]))

        entry.message = (place(entry.message[0]), place(entry.message[1]))
        entry.time, entry.outer_time, entry.sequence = span(entry.time), span(entry.outer_time), span(entry.sequence)
        if entry.raw_level is not None:
            entry.raw_level = (place(entry.raw_level[0]), place(entry.raw_level[1]), entry.raw_level[2])
        entry.fields = tuple((name, place(a), place(b)) for name, a, b in entry.fields)
        entry.stream = tuple((place(a), place(b)) for a, b in entry.stream)
        entry.codes = tuple((place(a), place(b)) for a, b in entry.codes)
        entry.text = place(entry.text)


def _session(pattern: Any) -> Any:
    if isinstance(pattern, str):
        return re.compile(pattern)
    return pattern


def severity_from(kind: str, text: str, levels: dict[str, int], inner: int) -> int:
    """The SeverityNumber of a level, status or priority whose digits matter; `inner` is what the wrapped line states."""
    if kind == "pri":
        stated = SYSLOG[int(text) % 8] if text.isdigit() else 0
        # Programs that know nothing of priorities are given "info" or "notice": then their own word counts.
        return inner if inner and stated == INFO else stated or inner
    if kind == "status":
        found = levels.get(text)
        stated = found if found is not None else (status_level(int(text)) or 0) if text.isdigit() else 0
        return max(stated, inner)
    return level_of(text, levels) or levels.get("*", 0) or inner


_HASHES = re.compile(
    rb"(?<![0-9A-Za-z_\-])(?:[0a-f]{8}-(?:[0a-f]{4}-){3}[0a-f]{12}|0x[0a-f]{2,}|(?=[a-f]*0)(?=0*[a-f])[0a-f]{7,})(?![0-9A-Za-z_\-])"
)
_HASH_LIKE = re.compile(rb"[0a-f]{7}|0x0")


def without_hashes(folded: bytes) -> bytes:
    """A line with every digit written as 0 and every hash and UUID by one of its length; itself where it has none.

    No pattern tells one hash from another, so what is found in the one line holds for the other.
    """
    return _HASHES.sub(_stand_in, folded) if _HASH_LIKE.search(folded) else folded


def _stand_in(found: re.Match[bytes]) -> bytes:
    text = found[0]
    if text[1:2] == b"x":
        return b"0x" + b"0" * (len(text) - 2)
    if len(text) == 36 and text[8:9] == b"-":
        return b"0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a"
    return (b"0a" * (len(text) // 2 + 1))[: len(text)]


def message_of(folded: bytes) -> Message:
    """The masks of a message, given with every digit written as 0; spans count bytes."""
    text = folded.decode("utf-8", "replace")
    shape = shape_of(text)
    if not folded.isascii():
        place = to_bytes(text)
        shape = MessageShape(
            shape.pieces,
            tuple((place(a), place(b)) for a, b in shape.kept),
            tuple(tuple((place(a), place(b), worth) for a, b, worth in parts) for parts in shape.parts),
            {at: (place(a), place(b), factor) for at, (a, b, factor) in shape.slow.items()},
        )
    return Message(shape, None if shape.kept else shape.pieces[0])
