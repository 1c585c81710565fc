"""The lines of a chunk as columns, and the parsing of one line into byte spans.

Notes: `LineParser` finds what `parsing.parse_lines` finds, with the same patterns, but keeps *where* it stands in
place of the text, so that one parsed line can speak for all lines that differ from it in digits only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..reading.log_line import NORMAL_LABEL
from ..systems.patterns import compiled
from ..systems.regex_properties import digit_blind
from ..systems.rules import LogSystem
from .byte_slices import slices
from .message_codes import UNKNOWN, Channel


@dataclass(slots=True)
class Columns:
    """The lines of a chunk that fit the format, as columns; row i is the i-th of them.

    `starts`, `stops`: bytes of the content in `text`. `numbers`: line number in the source. `labels`: 1, 0 or -1
    (unknown). `times`: seconds, NaN where there is none. `codes`: one array of message codes a channel.
    `pair_rows`, `pair_sessions`: a row names a session (code), in order, each session once a row.
    """

    text: bytes
    starts: np.ndarray
    stops: np.ndarray
    numbers: np.ndarray
    labels: np.ndarray
    times: np.ndarray | None
    codes: tuple[np.ndarray, ...]
    pair_rows: np.ndarray
    pair_sessions: np.ndarray
    unparsed: list[tuple[int, str]]

    def contents(self) -> pa.Array:
        """The contents as Arrow large strings."""
        return slices(self.text, self.starts, self.stops)


@dataclass(slots=True)
class Entry:
    """What is known of a distinct line; spans are byte offsets from the line's start."""

    parsed: bool
    start: int = 0
    stop: int = 0
    label: int = -1
    time: tuple[int, int] = (0, 0)  # an empty span: no time
    odd_time: bool = False  # the time's parts are not next to each other: each line is read on its own
    sessions: tuple[tuple[int, int], ...] = ()
    codes: tuple[int, ...] = ()


class LineParser:
    """Parses one line into an `Entry`, as `parsing.parse_lines` does, keeping spans in place of texts."""

    def __init__(self, system: LogSystem, times: bool = True, sessions: bool = True):
        self.system = system
        self.labelled = system.label_rule == "line"
        self.match = compiled(system.line_pattern).match
        self.sessions = compiled(system.session_pattern).finditer if system.session_pattern and sessions else None
        self.groups = system.timestamp.groups if system.timestamp and times else ()
        patterns = [system.line_pattern, *([system.session_pattern] if system.session_pattern else [])]
        self.folds = all(digit_blind(pattern) for pattern in patterns)

    def entry(self, line: bytes) -> tuple[Entry, str]:
        """(the entry, the content) of a line; the line may carry its line feed."""
        text = line.decode("utf-8")
        stripped = text.strip()
        found = self.match(stripped)
        if found is None or found["content"] is None:  # a pattern may match and leave its content out
            return Entry(False), ""
        shift = 0 if stripped and text[0] == stripped[0] else len(text) - len(text.lstrip())
        start, stop = found.span("content")
        entry = Entry(True, start + shift, stop + shift)
        content = found["content"]
        if self.labelled and found["label"] is not None:
            entry.label = int(found["label"] != NORMAL_LABEL)
        if self.groups:
            wanted = " ".join([found[group] or "" for group in self.groups])
            first, last = found.start(self.groups[0]), found.end(self.groups[-1])
            if wanted.strip():
                entry.odd_time = not 0 <= first <= last or " ".join(found.string[first:last].split()) != wanted
                entry.time = (0, 0) if entry.odd_time else (first + shift, last + shift)
        if self.sessions is not None:
            spans = (one.span() for one in self.sessions(content))
            entry.sessions = tuple((entry.start + one, entry.start + two) for one, two in spans)
        if not text.isascii():  # characters to bytes

            def at(place: int) -> int:
                return len(text[:place].encode("utf-8"))

            entry.sessions = tuple((at(one), at(two)) for one, two in entry.sessions)
            entry.start, entry.stop = at(entry.start), at(entry.stop)
            entry.time = (at(entry.time[0]), at(entry.time[1]))
        return entry, content

    def time_text(self, line: bytes) -> str:
        """The time of a line as `parsing` reads it."""
        found = self.match(line.decode("utf-8").strip())
        return " ".join([found[group] or "" for group in self.groups]) if found else ""


def line_text(line: bytes) -> str:
    """A line without its end, as `read_lines` gives it."""
    return line.rstrip(b"\n").removesuffix(b"\r").decode("utf-8")


def resolved(channel: Channel, codes: np.ndarray, text: bytes, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Codes with every `UNKNOWN` replaced by the code of the raw message."""
    unknown = codes == UNKNOWN
    if unknown.any():
        codes[unknown] = channel.codes_of(slices(text, starts[unknown], stops[unknown]))
    return codes


def each_once(rows: np.ndarray, sessions: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs (row, session) without the repeats inside a row; `counts` is the number of pairs a row."""
    if len(rows) == 0 or counts.max() < 2:
        return rows, sessions
    if counts.max() == 2:
        repeated = np.zeros(len(rows), bool)
        repeated[1:] = (rows[1:] == rows[:-1]) & (sessions[1:] == sessions[:-1])
    else:
        repeated = np.ones(len(rows), bool)
        repeated[np.unique(rows * (int(sessions.max()) + 1) + sessions, return_index=True)[1]] = False
    return rows[~repeated], sessions[~repeated]
