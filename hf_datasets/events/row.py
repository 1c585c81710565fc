"""What a format of logs is, as a row of data: a pattern or the keys of a record, and rules for severity and joining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reader = Literal["text", "json", "block", "table"]


@dataclass(frozen=True, slots=True)
class Example:
    """A line of a format and what must be read from it; it is the row's test.

    Attributes:
        line: the line, or the lines of a record of several with line feeds between them.
        time: what `datetime.isoformat` gives for the time in UTC, "" where none is read; a year that the line leaves
            out is written as "0000", a date as "0000-00-00".
        severity: OpenTelemetry's SeverityNumber, None where the line states none.
        message: the message.
    """

    line: str
    time: str
    severity: int | None
    message: str


@dataclass(frozen=True, slots=True)
class EventFormat:
    r"""One format of logs.

    A pattern's groups are named `time`, `level`, `status` (of HTTP), `pri` (syslog's `<PRI>`), `message`; any other
    group is an attribute. A digit behind a name is dropped, so that alternatives can name the same field. Patterns
    are matched at the start of the line with every digit written as 0, so they must not tell digits apart; `%ISO%` and
    its like stand for the patterns of `MACROS`.

    Attributes:
        name: short name, unique.
        title: the format in words.
        pattern: regular expression of a line ("text"), or of the first line of a record ("block").
        reader: how it is read: lines by a pattern, JSON objects by keys, records of several lines by a function, rows of a
            table by the line that names its columns.
        levels: levels of this format alone, lower case, with their SeverityNumber; "*" stands for any other.
        starts: first characters of its lines, 0 for a digit, a for a letter; empty for any.
        contains: of these pieces a line has one, as a quick test before the pattern.
        wraps: the message is a line of another format (syslog, a container's output).
        partial: the group and the value that say that a line goes on in the next one of its stream.
        stream: groups that tell the streams of one file apart, for joining.
        sequence: groups that name what an event follows on from, best first.
        code: groups whose value belongs to the template, such as an event id.
        severity: of every event that states none.
        order: order of a date such as 01/02/2003 where the format fixes it.
        rank: 0 specific, 1 a usual layout of several programs, 2 generic; decides between rows that fit as much.
        requires: "json": keys that a record has, dots go into objects.
        messages, times, statuses: "json": keys in order of preference.
        severities: "json": keys of the level.
        examples: lines that are the row's test.
        below: what stands below its lines belongs to them, whatever it looks like.
        mark: pattern that some line of a log has where it is of this program; without one its shape has another row.
        trusted: whether the pattern is one of this package; any other runs under a time limit.
        layout: a `strptime` layout, or "epoch", "epoch_ms" and so on, where the user gives one; else it is found.
        session: pattern of a session id in the message.
    """

    name: str
    title: str
    pattern: str = ""
    reader: Reader = "text"
    levels: tuple[tuple[str, int], ...] = ()
    starts: str = ""
    contains: tuple[str, ...] = ()
    wraps: bool = False
    partial: tuple[str, str] | None = None
    stream: tuple[str, ...] = ()
    sequence: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    severity: int | None = None
    order: str | None = None
    rank: int = 0
    requires: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    trusted: bool = True
    layout: str | None = None
    session: str | None = None
    below: bool = False
    mark: str = ""


_MON = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK = r"\d{1,2}:\d\d:\d\d"
MACROS: dict[str, str] = {
    "%CLOCK%": _CLOCK,
    "%FRAC%": r"(?:[.,:]\d{1,9})",
    "%ZONE%": r"(?:\s?(?:Z|[A-Z]{3,4}|[+-]\d\d(?::?\d\d)?))",
    "%ISO%": r"\d{4}-\d\d-\d\d[T ]\s?\d{1,2}:\d\d:\d\d(?:[.,:]\d{1,9})?(?:\s?(?:Z|UTC|GMT|C?E[SD]?T|[PM][SD]T|[+-]\d\d(?::?\d\d)?(?!\d)))?",
    "%SLASHED%": rf"\d{{4}}/\d\d/\d\d {_CLOCK}(?:[.,]\d{{1,9}})?",
    "%SYSLOG%": rf"{_MON} {{1,2}}\d{{1,2}}(?: \d{{4}})? {_CLOCK}(?:\.\d{{1,9}})?",
    "%CTIME%": rf"{_DAY} {_MON} {{1,2}}\d{{1,2}} {_CLOCK}(?:[.:]\d{{1,9}})?(?: [A-Z]{{3,4}})?(?: \d{{4}})?",
    "%CLF%": rf"\d\d?/{_MON}/\d{{4}}[: ]{_CLOCK}(?:\.\d+)?(?: [+-]\d{{4}})?",
    "%MON%": _MON,
    "%DAY%": _DAY,
    "%LEVEL%": (
        r"(?:[Tt]race|TRACE|[Dd]ebug\d?|DEBUG\d?|[Ii]nfo|INFO|[Ii]nformation|INFORMATION|[Nn]otice|NOTICE|[Ww]arn|WARN|[Ww]arning|WARNING"
        r"|[Ee]rror|ERROR|[Ee]rr|ERR|[Cc]ritical|CRITICAL|[Cc]rit|CRIT|[Aa]lert|ALERT|[Ff]atal|FATAL|[Ee]merg(?:ency)?"
        r"|EMERG(?:ENCY)?|[Pp]anic|PANIC|[Dd]panic|DPANIC|SEVERE|CONFIG|FINE(?:R|ST)?|[Vv]erbose|VERBOSE|ALL|OFF|SUCCESS)"
    ),
    "%IP%": r"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]+)",
}


def expanded(pattern: str) -> str:
    """The pattern with the `MACROS` written out."""
    for name, text in MACROS.items():
        pattern = pattern.replace(name, text)
    return pattern
