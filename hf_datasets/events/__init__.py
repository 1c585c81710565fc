"""From the bytes of any log to events: formats, times, severities, joining, templates.

    read_events(paths, system=None)      every event whole, one after the other: small logs, tests
    log = EventLog(paths, format=None, numbers=True)
        for batch in log.batches(): ...  all events as columns (`EventBatch`), files in order of time, bounded memory
        log.files                        one report a file: name, format, title, lines, events, parsed_share,
                                         severities, first, last, joined_events, encoding, notes
        log.templates, log.sequences     texts by the positions that the batches name; final once all is read
        log.keys                         the `TemplateKeys` behind them
        log.events([(source, number)])   whole events again, with raw lines and attributes
        log.context(source, number, before=3, after=0)   [(number, raw line)] around an event
    live = LiveEvents(keys, format=None) a log as it grows: feed(lines, now) and flush(now) give batches of whole events
    keys = TemplateKeys()                add(message) -> position, match(message) -> position or None,
                                         text(position), to_json(), from_json(): positions keep their meaning

`source` is always the position of the file in the list that the caller gave.
"""

from .event import DEBUG, ERROR, FATAL, INFO, TRACE, WARN, EventBatch, LogEvent
from .live import LiveEvents
from .log import EventLog, FileReport, read_events
from .templates import TemplateKeys

__all__ = [
    "DEBUG",
    "ERROR",
    "FATAL",
    "INFO",
    "TRACE",
    "WARN",
    "EventBatch",
    "EventLog",
    "FileReport",
    "LiveEvents",
    "LogEvent",
    "TemplateKeys",
    "read_events",
]
