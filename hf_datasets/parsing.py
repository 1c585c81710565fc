"""Raw lines -> `LogLine`s, and the label file of a session system.

Odd here: nothing is dropped. A line that does not fit the format comes out with `parsed=False` and itself as content,
so that who scans sees it and who builds can count it. A line is stripped before the match, as published.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from .errors import LogInputError
from .patterns import compiled
from .reading import open_log, read_lines
from .rules import LogSystem, TimestampRule

__all__ = ["LogInputError", "LogLine", "parse_lines", "read_lines", "read_session_labels"]

NORMAL_LABEL = "-"
LABEL_FILE = "anomaly_label.csv"
# The years 1 to 9999, as of every other layout: among numbers without bound a window of some seconds has no length.
EARLIEST, LATEST = -62_135_596_800.0, 253_402_300_799.0


@dataclass(slots=True)
class LogLine:
    """One line of a log.

    `number` counts from 1 in the source file; `content` is the message without its header; `label` is the line's
    own label where the system has line labels ("-" is normal); `timestamp` is in seconds since 1970 UTC.
    """

    number: int
    raw: str
    content: str
    parsed: bool
    label: str | None
    timestamp: float | None
    session_ids: tuple[str, ...]

    @property
    def anomalous(self) -> int:
        """1 for an alert, 0 for normal, -1 where the line has no label."""
        return -1 if self.label is None else int(self.label != NORMAL_LABEL)


def parse_lines(lines: Iterable[str], system: LogSystem, start: int = 1) -> Iterator[LogLine]:
    """One `LogLine` for every line, in order, numbered from `start`; an unmatched one has `parsed=False`."""
    if system.reader == "json":
        from .json_records import json_lines  # it gives LogLines too

        yield from json_lines(lines, system, start)
        return
    match = compiled(system.line_pattern).match
    session_ids = session_finder(system)
    timestamp = timestamp_reader(system.timestamp)
    groups = system.timestamp.groups if system.timestamp else ()
    has_label = system.label_rule == "line"
    for number, raw in enumerate(lines, start):
        found = match(raw.strip())
        if found is None or found["content"] is None:  # a pattern may match and leave its content out
            yield LogLine(number, raw, raw, False, None, None, ())
            continue
        content = found["content"]
        label = found["label"] if has_label else None
        time = timestamp(" ".join([found[group] or "" for group in groups])) if groups else None
        yield LogLine(number, raw, content, True, label, time, session_ids(content))


def session_finder(system: LogSystem) -> Callable[[str], tuple[str, ...]]:
    """A function from a content to the session ids it names, each once, in order of appearance."""
    if system.session_pattern is None:
        return lambda content: ()
    finditer = compiled(system.session_pattern).finditer
    return lambda content: tuple(dict.fromkeys(found[0] for found in finditer(content)))


def timestamp_reader(rule: TimestampRule | None) -> Callable[[str], float | None]:
    """A function from a time text to seconds since 1970 UTC; None for a text that does not fit, or of no year 1 to 9999."""
    if rule is None:
        return lambda text: None
    layout = rule.layout
    _check_layout(layout)
    units = {"epoch": 1.0, "epoch_ms": 1e3, "epoch_us": 1e6, "epoch_ns": 1e9}

    @lru_cache(maxsize=4096)
    def read(text: str) -> float | None:
        if not text:
            return None
        try:
            if layout in units:
                moments = float(text) / units[layout]
                return moments if EARLIEST <= moments <= LATEST else None
            if layout == "iso":
                moment = _iso(text)
            elif layout == "apache":  # strptime cannot make the fraction optional
                moment = datetime.strptime(re.sub(r"\.\d+", "", text), "%a %b %d %H:%M:%S %Y")
            elif "%Y" in layout or "%y" in layout:
                moment = datetime.strptime(text, layout)
            else:  # without a year, 29 February would not be read in 1900, strptime's default
                moment = datetime.strptime("1972 " + text, "%Y " + layout).replace(year=1972)
        except (ValueError, OverflowError, OSError):
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    return read


def _check_layout(layout: str) -> None:
    try:
        datetime.strptime("", layout)
    except ValueError:
        pass  # an empty text is no time
    except (re.error, IndexError) as error:  # such as a directive twice
        raise LogInputError(
            f"A layout must be one of strptime's; {layout[:80]!r} is none ({error}). Correct it."
        ) from error


def _iso(text: str) -> datetime:
    if re.fullmatch(r"\d+(?:\.\d+)?", text):  # JSON writers also give seconds, or thousandths of them, as a number
        seconds = float(text)
        return datetime.fromtimestamp(seconds / (1e3 if seconds > 1e11 else 1), UTC)
    text = text.replace(",", ".")
    if text[4:5] != "-":  # a time of day alone
        text = "1970-01-01 " + text
    whole, dot, rest = text.partition(".")
    if dot:  # fromisoformat takes any number of fraction digits only up to six
        digits = re.match(r"\d*", rest)[0]  # type: ignore[index]
        text = f"{whole}.{digits[:6].ljust(6, '0')}{rest[len(digits) :]}"
    return datetime.fromisoformat(text)


def read_session_labels(path: str | Path) -> dict[str, int]:
    """Session id -> 0 (Normal) or 1 (Anomaly), from a CSV with the header `BlockId,Label`, or an archive that holds it.

    Raises `LogInputError` where the file cannot be read, has another header, or holds another label.
    """
    return dict(session_label_rows(path))


def session_label_rows(path: str | Path) -> Iterator[tuple[str, int]]:
    """The rows that `read_session_labels` reads, one after the other; of two rows for a session the last one holds."""
    found = False
    with open_log(path, LABEL_FILE) as stream, _table_of(path):
        rows = csv.reader(line.decode("utf-8", "replace") for line in stream)
        header = next(rows, [])
        if len(header) != 2 or header[1].strip().lower() != "label":
            raise LogInputError(
                f"A label file must begin with the header 'BlockId,Label'; found {','.join(header)[:80]!r} in {path}. "
                "Give the anomaly_label.csv that belongs to the log."
            )
        words = {"normal": 0, "0": 0, "anomaly": 1, "anomalous": 1, "1": 1}
        for row in rows:
            if not row:
                continue
            word = row[1].strip().lower() if len(row) == 2 else ""
            if word not in words:
                raise LogInputError(
                    f"A label must be Normal or Anomaly; found {','.join(row)[:80]!r} in line {rows.line_num} of "
                    f"{path}. Correct that line."
                )
            found = True
            yield row[0].strip(), words[word]
    if not found:
        raise LogInputError(f"A label file must hold at least one session; {path} has only its header.")


@contextmanager
def _table_of(path: str | Path) -> Iterator[None]:
    """What the CSV reader does not take (a carriage return inside a field, an endless field) is a `LogInputError`."""
    try:
        yield
    except csv.Error as error:
        raise LogInputError(
            f"A label file must be a CSV table of two columns; {path} is none ({error}). Give the anomaly_label.csv that "
            "belongs to the log."
        ) from error
