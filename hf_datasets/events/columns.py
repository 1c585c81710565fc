"""Tables whose first line names the columns (CSV, TSV): which column is the time, the level and the message.

Rows are read as records of named fields, as JSON objects are. Where no column is a message, the message is the other
cells as `name=value`, in the order of the columns.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from .formats import CSV, JSON_ROWS, level_of
from .generic import level_in_message
from .records import Record, RecordReader
from .row import EventFormat
from .times import TimeLayout, best_order, fold, layout_of, read_texts

_SEPARATORS = ",;\t|"
_LEAST_COLUMNS, _MOST_COLUMNS = 3, 400
_LEAST_SHARE = 0.9  # of the sampled rows, that have as many cells as the header
_MOST_ROWS = 400  # sampled
_MOST_LINES = 500  # of one row with line breaks in a cell
_NAME = re.compile(
    r"(?:[^\W\d]|[@%])[\w .:/@#%°$&*?\-]{0,47}(?:[(\[][^()\[\]]{0,20}[)\]])?|\d[\d.]*(?:%|[a-z]\w*)"
    r"|\(PDH-CSV [^\"]{3,80}|\\\\[^\\]+\\.{1,160}"  # counters of Windows
)
_TIME_NAMES = (
    "time timestamp ts t datetime dateandtime eventtime logtime timegenerated eventtimestamp timeutc utctime created"
    " createdat loggedat receivedat date epoch"
).split()  # fmt: skip
_MESSAGE_NAMES = (
    "message msg logmessage textpayload text content event description log raw body details meldung nachricht"
    " beschreibung mensaje messaggio mensagem"
).split()  # fmt: skip
_LEVEL_NAMES = (
    "level loglevel lvl severity sev levelname severitylevel severitytext leveldisplayname entrytype priority prio"
    " stufe niveau nivel livello"
).split()  # fmt: skip
_STATE_NAMES = "status state result outcome type category".split()
_STATUS_NAMES = "status statuscode httpstatus httpstatuscode scstatus responsecode responsestatus httpcode".split()


@dataclass(slots=True)
class Columns:
    """What the header of a table says.

    Attributes:
        row: the format, with the names of the columns that are time, level and message.
        separator: between cells; spaced: whether spaces follow it.
        header: the line that names the columns.
        names: of the columns, without spaces.
        clock: positions of the date and of the time of day where they are two columns.
        daily: whether the time is a date alone.
        told: positions of the columns that are told as `name=value`.
        order: of dates such as 01/02/2003.
    """

    row: EventFormat
    separator: str
    spaced: bool
    header: str
    names: tuple[str, ...]
    clock: tuple[int, int] | None = None
    daily: bool = False
    told: tuple[tuple[int, str], ...] = ()
    order: str = "dmy"

    def rows(self, lines: Sequence[str], last: bool) -> Iterator[tuple[int, int, list[str] | None]]:
        """(line, how many lines, its cells) of each row; None for what is no row, 0 lines for the header.

        Args:
            lines: whole lines.
            last: whether none follow; else a row that they do not end is left out.
        """
        at = 0
        while at < len(lines):
            line = lines[at]
            if line == self.header:
                yield at, 0, None
                at += 1
                continue
            count = 1
            if '"' not in line:
                cells = self._whole([one.strip() for one in line.split(self.separator)] if self.spaced else line.split(self.separator))  # fmt: skip
            else:
                held = lines[at : at + _MOST_LINES]
                parts, count = _quoted(held, self.separator, self.spaced)
                if count > len(held) and not last and len(held) < _MOST_LINES:
                    return
                cells = self._whole(parts)
                if cells is None or count > len(held):
                    count = 1
            yield at, count, cells
            at += count

    def _whole(self, cells: list[str]) -> list[str] | None:
        """The cells of a row; a message in the last column may hold separators without quotes."""
        count = len(self.names)
        if len(cells) > count and self.row.messages and self.row.messages[0] == self.names[-1]:
            cells[count - 1 :] = [self.separator.join(cells[count - 1 :])]
        return cells if len(cells) == count else None

    def record(self, cells: list[str], reader: RecordReader) -> Record | None:
        """A row as a record."""
        fields = dict(zip(self.names, cells))
        if self.clock is not None:
            date, time = (self.names[at] for at in self.clock)
            fields[date] += " " + fields.pop(time)
        elif self.daily:
            fields[self.row.times[0]] += " 00:00:00"
        record = reader.read(fields)
        if record is None:
            return None
        if not record.message.strip():
            record.message = " ".join(
                [
                    name + cell if " " not in cell and "\n" not in cell else f'{name}"{cell}"'
                    for at, name in self.told
                    if (cell := cells[at])
                ]
            ).replace("\n", " ")
            if record.row.wraps:
                record.row = replace(record.row, wraps=False)
        elif record.severity is None and not record.row.severities:
            word = level_in_message(fold(record.message[:80]))
            if word is not None:
                record.severity = level_of(record.message[slice(*word)], {})
        return record


def _quoted(lines: Sequence[str], separator: str, spaced: bool) -> tuple[list[str], int]:
    """(the cells of the row at the beginning of some lines, how many lines it has: one too many for one without end)."""
    reader = csv.reader(chain((one + "\n" for one in lines), ('"\n',)), delimiter=separator, skipinitialspace=spaced)
    try:
        cells = next(reader)
    except csv.Error:  # a cell of more than 128 KiB
        return [], 1
    return [one.strip() for one in cells] if spaced else cells, reader.line_num


def columns_of(pieces: Sequence[Sequence[str]], written: float) -> Columns | None:
    """The columns of a file of which some pieces are known; None where its first line names none.

    Args:
        pieces: runs of consecutive lines, the first one from the beginning of the file.
        written: when the file was last written, seconds since 1970.
    """
    lines = (line for line in pieces[0] if line.strip() and line[0] != "#" and not line.lower().startswith("sep="))
    first = next(lines, None)
    if first is None:
        return None
    above = [line for line in pieces[0][: pieces[0].index(first)] if line[:1] == "#"]
    return _columns_of(pieces, first, first, written) or (
        _columns_of(pieces, above[-1], above[-1].lstrip("# "), written) if above else None
    )


def _columns_of(pieces: Sequence[Sequence[str]], header: str, text: str, written: float) -> Columns | None:
    if not any(one in text for one in _SEPARATORS) or text[0] in "{[<":
        return None
    for separator in sorted(_SEPARATORS, key=text.count, reverse=True):
        spaced = separator + " " in text
        names, _ = _quoted([text], separator, spaced)
        if not 2 <= len(names) <= _MOST_COLUMNS or not all(map(_is_name, names)):
            continue
        if len({one.strip().lower() for one in names}) < len(names):
            continue
        found = _told_columns(pieces, header, names, separator, spaced, written)
        if found is not None:
            return found
    return None


def _is_name(text: str) -> bool:
    text = text.strip()
    return _NAME.fullmatch(text) is not None and text.count(" ") < 8 and layout_of(text) is None


def _bare(name: str) -> str:
    return re.sub(r"[\[(].*?[\])]|[^a-z]", "", name.lower().rpartition(".")[2])


def _told_columns(
    pieces: Sequence[Sequence[str]], header: str, names: list[str], separator: str, spaced: bool, written: float
) -> Columns | None:
    bare = [_bare(one) for one in names]
    clean: list[str] = []
    for at, one in enumerate(names):
        name = re.sub(r"(?:[^\w.@-]|_)+", "_", one.strip()).strip("_") or f"column_{at + 1}"
        name = "p" + name if name[0].isdigit() else name  # of 50 % and its like
        clean.append(name if name not in clean else f"{name}_{at + 1}")
    columns = Columns(CSV, separator, spaced, header, tuple(clean))
    # A message at the end may hold separators.
    columns.row = replace(CSV, messages=(clean[-1],) if bare[-1] in _MESSAGE_NAMES else ())
    sample: list[list[str]] = []
    told = 0
    for nth, piece in enumerate(pieces):
        start = piece.index(header) if not nth else 0
        for _, count, cells in columns.rows(piece[start : start + _MOST_ROWS], True):
            told += count > 0
            if cells is not None:
                sample.append(cells)
    if not sample or len(sample) < _LEAST_SHARE * told:
        return None
    step = max(1, len(sample) // _MOST_ROWS)
    cells_of = [list(one) for one in zip(*sample[::step])]
    time, clock, daily = _time_columns(bare, cells_of)
    message = next((at for name in _MESSAGE_NAMES for at, one in enumerate(bare) if one == name and _is_text(cells_of[at])), None)  # fmt: skip
    level = next((at for name in _LEVEL_NAMES for at, one in enumerate(bare) if one == name and _is_level(cells_of[at], name, 0.8)), None)  # fmt: skip
    state = None
    if level is None:
        state = next((at for name in _STATE_NAMES for at, one in enumerate(bare) if one == name and _is_level(cells_of[at], name, 1.0)), None)  # fmt: skip
    if len(names) < _LEAST_COLUMNS and (time is None or message is None):
        return None
    if time is None and level is None and message is None:
        return None
    status = next((at for at, one in enumerate(bare) if one in _STATUS_NAMES and _is_status(cells_of[at])), None)
    own = {time, level, message, *(clock or ())}
    columns.told = tuple((at, name + "=") for at, name in enumerate(clean) if at not in own)
    columns.clock, columns.daily = clock, daily
    if time is not None:
        columns.order = best_order(
            [f"{one.strip()} 00:00" if daily or clock else one for one in cells_of[time]], written
        )
    if names[0].startswith("(PDH-CSV"):
        columns.order = "mdy"
    lower = {one.lower() for one in JSON_ROWS[-1].sequence}
    columns.row = replace(
        CSV,
        messages=() if message is None else (clean[message],),
        times=() if time is None else (clean[time],),
        severities=tuple(clean[at] for at in (level, state) if at is not None),
        statuses=() if status is None else (clean[status],),
        sequence=tuple(
            name for at, name in enumerate(clean) if name.lower() in lower and 1 < len(set(cells_of[at])) <= len(sample) / 3
        ),
    )  # fmt: skip
    if message is not None and level is None and state is None:
        timed = sum(layout_of(one[: len(first)]) is not None for one in cells_of[message][:200] if (first := _first_time(one)))  # fmt: skip
        if timed >= _LEAST_SHARE * len(cells_of[message][:200]):
            columns.row = replace(columns.row, wraps=True)
    return columns


def _first_time(text: str) -> str:
    """The time with which a line begins, "" for none."""
    from .generic import read_generic

    found = read_generic(fold(text[:200].partition("\n")[0]))
    return (
        text[: found.time[1]].lstrip("[(<")
        if found is not None and found.time is not None and found.time[0] < 2
        else ""
    )


def _time_columns(bare: list[str], cells_of: list[list[str]]) -> tuple[int | None, tuple[int, int] | None, bool]:
    """(the column of the time or of the date, those of date and time of day where they are two, whether a date is all)."""
    if "date" in bare and "time" in bare:
        date, time = bare.index("date"), bare.index("time")
        pairs = [f"{one.strip()} {two.strip()}" for one, two in zip(cells_of[date], cells_of[time])]
        if _share(pairs, "whole") > 0.5 and _share(cells_of[time], "whole") <= 0.5:
            return date, (date, time), False
    found: dict[str, list[int]] = {"whole": [], "date": [], "clock": []}
    for at, cells in enumerate(cells_of):
        named = bare[at] in _TIME_NAMES or re.search(r"time|date|epoch|stamp|ts$", bare[at]) is not None
        if not named and sum(one.strip().replace(".", "", 1).isdigit() for one in cells) > len(cells) / 2:
            continue  # digits under any other name are a number
        for kind in found:
            if _share(cells, kind) > 0.5:
                found[kind].append(at)
                break

    def best(columns: list[int]) -> int:
        return min(columns, key=lambda at: (_TIME_NAMES.index(bare[at]) if bare[at] in _TIME_NAMES else 99, at))

    if found["whole"]:
        return best(found["whole"]), None, False
    if found["date"] and found["clock"]:
        date = best(found["date"])
        return date, (date, min(found["clock"], key=lambda at: (abs(at - date), at < date))), False
    if found["clock"]:
        return best(found["clock"]), None, False
    return (best(found["date"]), None, True) if found["date"] else (None, None, False)


def _share(cells: Sequence[str], kind: str) -> float:
    """The share of cells that are a time with a date ("whole"), a date or a time of day ("clock")."""
    before, behind = {"whole": ("", ""), "date": ("", " 00:00:00"), "clock": ("2000-01-01 ", "")}[kind]
    texts = [before + one.strip() + behind if one.strip() and (kind != "clock" or ":" in one) else "" for one in cells]
    if kind == "whole":
        layouts = {one: layout_of(one) for one in set(map(fold, texts)) if one}
        texts = [one if one and _has_both(layouts[fold(one)]) else "" for one in texts]
    return float((read_texts(texts, best_order(texts, math.inf)).kind > 0).sum()) / max(len(texts), 1)


def _has_both(layout: TimeLayout | None) -> bool:
    return layout is not None and (layout.epoch is not None or (layout.day is not None and layout.hour is not None))


def _is_text(cells: list[str]) -> bool:
    """Whether cells are texts: not mostly empty, and not mostly without a letter."""
    return sum(any(map(str.isalpha, one)) for one in cells) > len(cells) / 2


def _is_level(cells: list[str], name: str, least: float) -> bool:
    filled = [one.strip() for one in cells if one.strip(" -")]
    if len(filled) < len(cells) / 2:
        return False
    numbers = {one for one in filled if one.replace(".", "").isdigit()}
    if numbers:  # a level may be a filling level; a priority and a state may be anything
        return name in _LEVEL_NAMES and name not in ("priority", "prio") and len(numbers) == len(set(filled)) and numbers <= {"10", "20", "30", "40", "50", "60"}  # fmt: skip
    return sum(level_of(one, {}) is not None for one in filled) >= least * len(filled)


def _is_status(cells: list[str]) -> bool:
    return sum(len(one) == 3 and one.isdigit() and "100" <= one < "600" for one in cells) >= 0.8 * len(cells)
