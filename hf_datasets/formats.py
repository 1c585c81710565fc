"""Generic log formats as rows, for a user's own log of which nothing is known but its first lines.

Odd here: the order of `FORMATS` is the order of preference, strict formats first, `plain` (every line is its own
message) last. None of them has labels or sessions: those are facts about a system, not about a header.
"""

from __future__ import annotations

from .rules import LogSystem, TimestampRule

_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|SEVERE|CRIT(?:ICAL)?|FATAL|ALERT|EMERG(?:ENCY)?|PANIC)"
_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_ISO_TIME = TimestampRule(("timestamp",), "iso")
_SYSLOG_TIME = TimestampRule(("timestamp",), "%b %d %H:%M:%S")

PLAIN = LogSystem(name="plain", title="Plain text, every line its own message")

FORMATS: tuple[LogSystem, ...] = (
    LogSystem(
        name="python-logging",
        title="Python logging: time - name - LEVEL - message, or LEVEL:name:message",
        line_pattern=(
            rf"^(?:(?P<timestamp>{_ISO}) ?- ?(?P<component>[\w.\-]+) ?- ?(?P<level>{_LEVEL}) ?- ?"
            rf"|(?P<level2>{_LEVEL}):(?P<component2>[\w.\-]+):)(?P<content>.*)$"
        ),
        timestamp=_ISO_TIME,
    ),
    LogSystem(
        name="log4j",
        title="log4j or logback: time LEVEL [thread] class: message, thread and level in either order",
        line_pattern=(
            rf"^(?P<timestamp>(?:\d{{4}}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d[.,]\d{{3}})\s+"
            rf"(?:(?P<level>{_LEVEL})\s+\[(?P<thread>[^\]]*)\]|\[(?P<thread2>[^\]]*)\]\s+(?P<level2>{_LEVEL}))\s+"
            r"(?P<component>[\w.$\-\[\]/]+)\s*(?:: |- )(?P<content>.*)$"
        ),
        timestamp=_ISO_TIME,
    ),
    LogSystem(
        name="iso-level",
        title="ISO time, level, message",
        line_pattern=rf"^\[?(?P<timestamp>{_ISO})\]?\s+[\[(<]?(?P<level>{_LEVEL}|{_LEVEL.lower()})[\])>]?:?\s+(?:- )?(?P<content>.*)$",
        timestamp=_ISO_TIME,
    ),
    LogSystem(
        name="syslog-rfc3164",
        title="syslog (RFC 3164): Mon dd hh:mm:ss host tag[pid]: message",
        line_pattern=(
            rf"^(?:<\d{{1,3}}>)?(?P<timestamp>{_MONTH}\s+\d{{1,2}} \d\d:\d\d:\d\d)\s+(?P<host>\S+)\s+"
            r"(?P<component>[^\s:\[]+(?:\([^\s)]*\))?(?:\[\d+\])?):?\s+(?P<content>.*)$"
        ),
        timestamp=_SYSLOG_TIME,
    ),
    LogSystem(
        name="iso",
        title="ISO time, message",
        line_pattern=rf"^\[?(?P<timestamp>{_ISO})\]?:?\s+(?P<content>.*)$",
        timestamp=_ISO_TIME,
    ),
    PLAIN,
)
