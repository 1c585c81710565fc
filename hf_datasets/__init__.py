"""From raw logs to `datasets.Dataset`: systems, parsing, windows, templates, builds."""

from .build import build
from .columnar.session_labels import read_session_labels
from .drain import TemplateMiner, mine_templates, template_key
from .errors import LogInputError, UnknownSystemError
from .push import push_dataset
from .reading.download import DownloadError, download_log
from .reading.lines import read_lines
from .reading.log_line import LogLine
from .reading.parsing import parse_lines
from .storing import configurations, load_statistics, load_templates, load_windows
from .systems.rules import DrainSettings, LogSystem, TimestampRule, WindowRule
from .systems.systems import SYSTEMS, get_system, guess_system
from .systems.user_systems import system_from_yaml
from .windows import Window, make_windows

__all__ = [
    "SYSTEMS",
    "DownloadError",
    "DrainSettings",
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
    "read_lines",
    "read_session_labels",
    "system_from_yaml",
    "template_key",
]
