"""Functions that read a time stamp and session ids out of a line, made from a row of the table."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from ..errors import LogInputError
from .patterns import compiled
from .rules import LogSystem, TimestampRule

# The years 1 to 9999, as of every other layout: among numbers without bound a window of some seconds has no length.
EARLIEST, LATEST = -62_135_596_800.0, 253_402_300_799.0


def session_finder(system: LogSystem) -> Callable[[str], tuple[str, ...]]:
    """A function from a content to the session ids it names, each once, in order of appearance."""
    if system.session_pattern is None:
        return lambda content: ()
    pattern = compiled(system.session_pattern)
    if pattern.groups:
        return lambda content: tuple(dict.fromkeys(found[0] for found in pattern.finditer(content)))
    findall = pattern.findall

    def sessions(content: str) -> tuple[str, ...]:
        found = findall(content)
        return tuple(found) if len(found) < 2 else tuple(dict.fromkeys(found))

    return sessions


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
            f"A layout must be one of strptime's, found {layout[:80]!r} ({error}): correct it"
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
