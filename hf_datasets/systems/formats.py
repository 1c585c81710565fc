"""Generic log formats as rows, for a user's own log of which nothing is known but its first lines.

Notes: The order of `FORMATS` is the order of preference, strict formats first, `plain` (every line is its own
message) last. None of them has labels or sessions: those are facts about a system, not about a header. Every pattern
is blind to digits (see `regex_facts.py`), so that every format takes the fast path.
"""

from __future__ import annotations

from .rules import LogSystem, TimestampRule

_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|SEVERE|CRIT(?:ICAL)?|FATAL|ALERT|EMERG(?:ENCY)?|PANIC)"
_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_ISO_TIME = TimestampRule(("timestamp",), "iso")
_ACCESS_START = r"^(?P<client>\S+) (?P<identity>\S+) (?P<user>\S+) \[(?P<timestamp>[^\]]+)\] "

# Where a JSON record keeps its message and its time, most telling first.
_MESSAGE_KEYS = ("message", "msg", "MESSAGE", "log", "body.stringValue", "body", "event", "text", "short_message")
_TIME_KEYS = ("timestamp", "@timestamp", "time", "ts", "datetime", "asctime", "date")

PLAIN = LogSystem(name="plain", title="Plain text, every line its own message")

FORMATS: tuple[LogSystem, ...] = (
    LogSystem(
        name="otlp-json",
        title="OpenTelemetry, OTLP/JSON lines (resourceLogs)",
        reader="json",
        signature=r'^\s*\{\s*"resourceLogs"',
        content_keys=("body.stringValue", "body"),
        timestamp=TimestampRule(("timeUnixNano", "observedTimeUnixNano"), "epoch_ns"),
    ),
    LogSystem(
        name="journald-json",
        title="systemd journal, journalctl -o json",
        reader="json",
        signature=r'^\s*\{.*"__(?:REALTIME_TIMESTAMP|CURSOR)"',
        content_keys=("MESSAGE",),
        timestamp=TimestampRule(("_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"), "epoch_us"),
    ),
    LogSystem(
        name="ndjson",
        title="One JSON object a line",
        reader="json",
        signature=r"^\s*\{.*\}\s*$",
        content_keys=_MESSAGE_KEYS,
        timestamp=TimestampRule(_TIME_KEYS, "iso"),
    ),
    LogSystem(
        name="cri",
        title="Kubernetes container log (CRI): time stream tag message",
        line_pattern=rf"^(?P<timestamp>{_ISO}) (?P<stream>stdout|stderr) (?P<tag>[FP]) ?(?P<content>.*)$",
        signature=rf"^{_ISO} (?:stdout|stderr) [FP](?: |$)",
        timestamp=_ISO_TIME,
    ),
    LogSystem(
        name="access-log",
        title="nginx or Apache access log, common or combined",
        line_pattern=_ACCESS_START + r"(?P<content>.*)$",
        signature=_ACCESS_START + r'"[^"]*" \d{3} (?:\d+|-)',
        timestamp=TimestampRule(("timestamp",), "%d/%b/%Y:%H:%M:%S %z"),
    ),
    LogSystem(
        name="nginx-error",
        title="nginx error log",
        line_pattern=(
            r"^(?P<timestamp>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?P<level>[a-z]+)\] (?P<pid>\d+)#(?P<tid>\d+): "
            r"(?P<content>.*)$"
        ),
        timestamp=TimestampRule(("timestamp",), "%Y/%m/%d %H:%M:%S"),
    ),
    LogSystem(
        name="apache-error",
        title="Apache error log",
        line_pattern=(
            rf"^\[(?P<timestamp>{_WEEKDAY} {_MONTH} +\d{{1,2}} \d\d:\d\d:\d\d(?:\.\d+)? \d{{4}})\] "
            r"\[(?P<level>[\w:\-]+)\] (?:\[pid \d+(?::tid \d+)?\] )?(?P<content>.*)$"
        ),
        timestamp=TimestampRule(("timestamp",), "apache"),
    ),
    LogSystem(
        name="windows-cbs",
        title="Windows component servicing (CBS)",
        line_pattern=(
            r"^(?P<timestamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d), (?P<level>[A-Z][a-z]+)\s+(?P<component>[A-Z]+)\s+"
            r"(?P<content>.*)$"
        ),
        timestamp=_ISO_TIME,
    ),
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
        line_pattern=(
            rf"^\[?(?P<timestamp>{_ISO})\]?\s+[\[(<]?(?P<level>{_LEVEL}|{_LEVEL.lower()})[\])>]?:?\s+(?:- )?"
            r"(?P<content>.*)$"
        ),
        timestamp=_ISO_TIME,
    ),
    LogSystem(
        name="syslog-rfc5424",
        title="syslog (RFC 5424): <priority>version time host app process id data message",
        line_pattern=(
            rf"^<\d{{1,3}}>\d{{1,2}} (?P<timestamp>{_ISO}|-) (?P<host>\S+) (?P<component>\S+) (?P<pid>\S+) (?P<id>\S+) "
            r"(?P<data>-|(?:\[(?:[^\]\\]|\\.)*\])+)(?P<mark>\s*\ufeff?\s*)(?P<content>.*)$"
        ),
        timestamp=_ISO_TIME,
    ),
    LogSystem(
        name="syslog-rfc3164",
        title="syslog (RFC 3164): Mon dd hh:mm:ss host tag[pid]: message",
        line_pattern=(
            rf"^(?:<\d{{1,3}}>)?(?P<timestamp>{_MONTH}\s+\d{{1,2}} \d\d:\d\d:\d\d)\s+(?P<host>\S+)\s+"
            r"(?P<component>[^\s:\[]+(?:\([^\s)]*\))?(?:\[\d+\])?):?\s+(?P<content>.*)$"
        ),
        timestamp=TimestampRule(("timestamp",), "%b %d %H:%M:%S"),
    ),
    LogSystem(
        name="iso",
        title="ISO time, message",
        line_pattern=rf"^\[?(?P<timestamp>{_ISO})\]?:?\s+(?P<content>.*)$",
        timestamp=_ISO_TIME,
    ),
    PLAIN,
)
