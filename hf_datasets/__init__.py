"""From raw logs to events and to `datasets.Dataset`: formats, systems, parsing, windows, templates, builds.

The names below are loaded when they are first used, so that reading a log does not import what a build needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .build_dataset import build
    from .columnar.session_labels import read_session_labels
    from .drain import TemplateMiner, mine_templates, template_key
    from .errors import LogInputError, UnknownSystemError
    from .events.event import LogEvent
    from .events.log import read_events
    from .push import push_dataset
    from .reading.download import DownloadError, download_log
    from .reading.lines import read_lines
    from .reading.log_line import LogLine
    from .reading.parsing import parse_lines
    from .storing import configurations, load_statistics, load_templates, load_windows
    from .systems.published import SYSTEMS
    from .systems.rules import DrainSettings, LogSystem, TimestampRule, WindowRule
    from .systems.systems import get_system, guess_system
    from .systems.user_systems import system_from_yaml
    from .windows import Window, make_windows

__all__ = [
    "SYSTEMS",
    "DownloadError",
    "DrainSettings",
    "LogEvent",
    "LogInputError",
    "LogLine",
    "LogSystem",
    "TemplateMiner",
    "TimestampRule",
    "UnknownSystemError",
    "Window",
    "WindowRule",
    "build",
    "configurations",
    "download_log",
    "get_system",
    "guess_system",
    "load_statistics",
    "load_templates",
    "load_windows",
    "make_windows",
    "mine_templates",
    "parse_lines",
    "push_dataset",
    "read_events",
    "read_lines",
    "read_session_labels",
    "system_from_yaml",
    "template_key",
]

_HOMES = {
    "SYSTEMS": "systems.published",
    "DownloadError": "reading.download",
    "DrainSettings": "systems.rules",
    "LogEvent": "events.event",
    "LogInputError": "errors",
    "LogLine": "reading.log_line",
    "LogSystem": "systems.rules",
    "TemplateMiner": "drain",
    "TimestampRule": "systems.rules",
    "UnknownSystemError": "errors",
    "Window": "windows",
    "WindowRule": "systems.rules",
    "build": "build_dataset",
    "configurations": "storing",
    "download_log": "reading.download",
    "get_system": "systems.systems",
    "guess_system": "systems.systems",
    "load_statistics": "storing",
    "load_templates": "storing",
    "load_windows": "storing",
    "make_windows": "windows",
    "mine_templates": "drain",
    "parse_lines": "reading.parsing",
    "push_dataset": "push",
    "read_events": "events.log",
    "read_lines": "reading.lines",
    "read_session_labels": "columnar.session_labels",
    "system_from_yaml": "systems.user_systems",
    "template_key": "drain",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
