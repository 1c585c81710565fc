"""How a file is to be read: the formats in it, told from lines all over it.

A row's weight is the share of the sampled lines that it fits with a time that can be read, a little less for usual
layouts than for those of one program, and less still for generic ones. Lines that the best row leaves are given to
further rows, so that two formats by turns are both read. Whether lines without a header belong to the line above is
decided by how many there are that do not look like part of a trace, a list or a bracketed text.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from .analysis import CONTAINERS, HEAD, NO_HEAD, PREFIX, Entry, LineAnalyser, LinePlan
from .columns import Columns, columns_of
from .formats import BLOCK_ROWS, GENERIC, JSON_ROWS, LOGFMT, PLAIN, TEXT_ROWS, TextRow, text_row
from .inputs import LogInput, cleaned
from .records import RecordReader, parse_json, unpacked_records
from .row import EventFormat
from .times import best_order, fold, inside_year, layout_of
from .traces import BLANK, BRACKET, FUNCTION, INDENT, OTHER, shape_of_line

HEAD_BYTES = 192 << 10
PIECES, PIECE_BYTES = 8, 24 << 10
_MOST_DISTINCT = 240
_RANK = {0: 1.0, 1: 0.97, 2: 0.85}
_JOIN_SHARE = 0.67
_LOG_KEY = re.compile(r'\s+"@?(?:time|timestamp|ts|level|severity|msg|message|log|date|lvl)"\s*:')
_MOST_LINE = 4_000  # characters of a line that the guess looks at


@dataclass(slots=True)
class FilePlan:
    """How a file is read.

    Attributes:
        row: the format that explains most; title: in words, with the others.
        lines: the plan for its lines; block: the row of records of several lines, where it is one.
        columns: of a table whose first line names them.
        json: whether it holds JSON objects.
        headered: whether a line without header belongs to the one above.
        streams: of a container's output, the streams whose lines have headers of their own.
        notes: sentences on what was chosen.
        years, final: how often the file passes New Year, and where in the year its last sampled line is.
        shares: format name -> share of the sampled lines.
    """

    row: EventFormat = PLAIN
    lines: LinePlan = field(default_factory=LinePlan)
    block: EventFormat | None = None
    columns: Columns | None = None
    json: bool = False
    headered: bool = False
    streams: dict[str, bool] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    years: int = 0
    final: float | None = None
    shares: dict[str, float] = field(default_factory=dict)
    records: RecordReader = field(default_factory=RecordReader)
    first_time: float | None = None


def sample_of(source: LogInput) -> list[list[str]]:
    """Pieces of whole lines from all over a file: its beginning, and where it can be sought in, places behind it."""
    with source.open() as stream:
        head = stream.read(HEAD_BYTES)
    if len(head) == HEAD_BYTES:
        head = head[: head.rfind(b"\n") + 1] or head
    pieces = [_lines(head)]
    size = source.size
    if source.path != "-" and source.encoding.seekable and size > 2 * HEAD_BYTES:
        with open(source.path, "rb") as raw:
            for at in range(1, PIECES + 1):
                raw.seek(max(HEAD_BYTES, min(size - PIECE_BYTES, size * at // PIECES)))
                piece = raw.read(PIECE_BYTES)
                first = piece.find(b"\n") + 1
                last = piece.rfind(b"\n") + 1
                if last > first > 0:
                    pieces.append(_lines(piece[first:last]))
    return pieces


def _lines(raw: bytes) -> list[str]:
    lines = cleaned(raw).decode("utf-8", "replace").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line[:_MOST_LINE] for line in lines]


def guess_plan(pieces: list[list[str]], written: float, row: EventFormat | None = None) -> FilePlan:
    """The plan for a file of which some pieces are known; `row` fixes the format.

    Args:
        pieces: runs of consecutive lines.
        written: when the file was last written, seconds since 1970.
        row: the only row to be used, besides lines that it does not fit.
    """
    lines = [line for piece in pieces for line in piece]
    filled = [line for line in lines if line.strip()]
    plan = FilePlan()
    if not filled:
        return plan
    if row is not None and row.reader == "block":
        plan.block = plan.row = row
    elif row is None:
        plan.block = _block_row(filled)
    if plan.block is not None:
        plan.row = plan.block
        plan.shares = {plan.block.name: 1.0}
        plan.lines.inner = _inner_rows(_block_messages(filled, plan.block))
        named_times = re.compile(rf"(?:{'|'.join(map(re.escape, plan.block.times))})\s*[:=]\s*(.+)")
        times = [found[1] for line in filled if (found := named_times.match(line))]
        plan.lines.order = best_order(times[:400], written)
        return plan
    if row is None or row.reader == "table":
        columns = columns_of(pieces, written)
        if columns is not None and (row is not None or not _is_of_a_program(filled)):
            _plan_table(plan, columns, filled)
            return plan
    objects = [line for line in filled if line.lstrip()[:1] == "{" and line.rstrip(" ,\t")[-1:] == "}"]
    plan.json = row.reader == "json" if row is not None else bool(objects)
    counts: Counter[str] = Counter()
    named: dict[str, EventFormat] = {}
    inner_texts: list[str] = []
    text_lines = filled
    if plan.json:
        if row is not None:
            plan.records = RecordReader((row, JSON_ROWS[-1]))
        text_lines = [line for line in filled if line.lstrip()[:1] != "{"]
        step = max(1, len(objects) // 300)
        for line in objects[::step]:
            value = parse_json(line)
            for record in unpacked_records(value) if value is not None else ():
                read = plan.records.read(record)
                if read is not None:
                    counts[read.row.name] += step
                    named[read.row.name] = read.row
                    if read.row.wraps:
                        inner_texts.append(read.message.split("\n")[0])
                break
        if not counts and row is None:
            plan.json, text_lines = False, filled
    table = TEXT_ROWS if row is None else ()
    named_fields = next((line for line in filled if line.startswith("#Fields:")), None)
    if named_fields is not None and row is None:
        table = (w3c_row(named_fields), *TEXT_ROWS)
    if row is not None and row.reader == "text":
        rows = [text_row(row)]
    elif row is not None:
        rows = []
    else:
        rows = _text_rows(text_lines, table)
    wrappers = [one for one in rows if one.row.wraps]
    for one in wrappers:
        for line in text_lines[:: max(1, len(text_lines) // 400)]:
            hit = one.match(fold(line), line)
            if hit is not None and (span := one.span(hit, "message")) is not None:
                inner_texts.append(line[span[0] :])
    plan.lines.rows = tuple(rows)
    if inner_texts:
        plan.lines.inner = _inner_rows(inner_texts)
    plan.lines.generic = row is None or row is GENERIC
    plan.lines.logfmt = (row is None or row is LOGFMT) and any("=" in line for line in filled)
    plan.lines.order = best_order(_times(filled[:400], plan.lines), written)
    _decide(plan, pieces, counts, named, row)
    return plan


def _plan_table(plan: FilePlan, columns: Columns, lines: list[str]) -> None:
    plan.columns, plan.row, plan.shares = columns, columns.row, {columns.row.name: 1.0}
    plan.lines.order = columns.order
    if columns.row.wraps:
        reader = RecordReader((columns.row,))
        rows = [columns.record(cells, reader) for _, _, cells in columns.rows(lines[:300], True) if cells is not None]
        plan.lines.inner = _inner_rows([row.message.split("\n")[0] for row in rows if row is not None])


def _is_of_a_program(lines: list[str]) -> bool:
    """Whether the rows of a table are those of a program that is known by its lines."""
    few = lines[1:200]
    folded = [fold(line) for line in few]
    return any(
        not one.row.rank and sum(_fits(one, *pair) for pair in zip(few, folded)) > len(few) / 2
        for one in _text_rows(few, TEXT_ROWS)
    )


def w3c_row(line: str) -> EventFormat:
    """The row of a W3C extended log (IIS, CloudFront, proxies) by its line `#Fields: ...`."""
    names = line.partition(":")[2].split()[:80]
    value = r'(?:"[^"]*"|\S+)'
    at = next((at for at, (one, two) in enumerate(pairwise(names)) if (one, two) == ("date", "time")), None)
    parts: list[str] = []
    seen: set[str] = set()
    for place, name in enumerate(names):
        group = re.sub(r"\W", "_", name).strip("_").rstrip("0123456789") or "field"
        group = {"sc_status": "status", "time": "time", "cs_level": "level"}.get(group, group)
        if at is not None and place in (at, at + 1):
            parts.append(r"(?P<time>\d{4}-\d\d-\d\d\s" if place == at else r"\d\d:\d\d:\d\d(?:\.\d+)?)")
            continue
        taken = group in seen or group in ("message", "partial", "pri") or (group == "time" and at is not None)
        seen.add(group)
        parts.append(value if taken else f"(?P<{group}>{value})")
    text = ""
    for place, part in enumerate(parts):
        text += part if not place or (at is not None and place == at + 1) else r"[ \t]" + part
    if at == 0:  # the message is all behind the time
        cut = text.index(parts[1]) + len(parts[1])
        text = text[:cut] + "(?P<message>" + text[cut:] + ")"
    else:
        text = f"(?P<message>{text})"
    return EventFormat(
        name="w3c-fields", title="W3C extended log, fields as the file names them", pattern=f"^{text}$", rank=0
    )


def _block_row(lines: list[str]) -> EventFormat | None:
    for row in BLOCK_ROWS:
        pattern = re.compile(row.pattern)
        if any(pattern.match(line) for line in lines[: 1 if row.name == "json-pretty" else 3]):
            if row.name == "json-pretty" and not any(_LOG_KEY.match(line) for line in lines[1:40]):
                continue
            return row
    return None


def _block_messages(lines: list[str], row: EventFormat) -> list[str]:
    if not row.wraps:
        return []
    return [line.partition("=")[2] for line in lines if line.startswith("MESSAGE=")][:300]


def _distinct(lines: list[str], most: int) -> list[tuple[str, str, int]]:
    """(line, folded line, how many) of lines that differ in more than digits, spread over the sample."""
    seen: dict[str, list[object]] = {}
    for line in lines:
        folded = fold(line)
        held = seen.get(folded)
        if held is None:
            seen[folded] = [line, 1]
        else:
            held[1] += 1  # type: ignore[operator]
    items = [(str(line), folded, int(count)) for folded, (line, count) in seen.items()]  # type: ignore[call-overload]
    if len(items) <= most:
        return items
    step = len(items) / most
    return [items[int(at * step)] for at in range(most)]


def _fits(row: TextRow, line: str, folded: str) -> bool:
    found = row.match(folded, line)
    if found is None or row.span(found, "message") is None:
        return False
    time = row.span(found, "time")
    if time is None or row.row.layout is not None or time[0] == time[1] or folded[time[0] : time[1]] == "-":
        return True
    return layout_of(folded[time[0] : time[1]]) is not None or line[time[0] : time[0] + 2] == "@4"


def _text_rows(lines: list[str], table: tuple[EventFormat, ...], inner: bool = False) -> list[TextRow]:
    """The rows that lines of a sample are of: the best one, then those that explain what it leaves."""
    distinct = _distinct(lines, _MOST_DISTINCT)
    if not distinct:
        return []
    few = distinct[:: max(1, len(distinct) // 60)]
    total = sum(count for *_, count in distinct)
    found: list[tuple[float, int, TextRow, set[int]]] = []
    for at, row in enumerate(table):
        if inner and row.name in CONTAINERS:
            continue
        if not _may_start(row, few):
            continue
        compiled = text_row(row)
        if not any(_fits(compiled, line, folded) for line, folded, _ in few) and len(distinct) > 60:
            continue
        hits = {n for n, (line, folded, _) in enumerate(distinct) if _fits(compiled, line, folded)}
        if not hits:
            continue
        if row.mark and not any(re.search(row.mark, distinct[n][0]) for n in hits):
            continue
        share = sum(distinct[n][2] for n in hits) / total
        if row.name == "docker-compose" and (share < 0.8 or not _few_services(compiled, distinct, hits)):
            continue
        if row.name in ("docker-build", "npm-debug", "cups-page", "virtualbox", "mysql-slow", "bind") and share < 0.3:
            continue
        if row.rank and not row.wraps and share < 0.005:
            continue
        found.append((share * _RANK[row.rank], -at, compiled, hits))
    chosen: list[TextRow] = []
    left = set(range(len(distinct)))
    while found and left:
        best = max(
            found,
            key=lambda one: (
                round(sum(distinct[n][2] for n in one[3] & left) / total * _RANK[one[2].row.rank], 9),
                one[1],
            ),
        )
        gain = best[3] & left
        if not gain:
            break
        chosen.append(best[2])
        left -= gain
        found.remove(best)
        if len(chosen) >= 12:
            break
    return chosen


def _may_start(row: EventFormat, few: list[tuple[str, str, int]]) -> bool:
    """A test by first characters and pieces, so that most rows need not be compiled."""
    if not row.starts and not row.contains:
        return True
    for line, folded, _ in few:
        sign = folded[:1]
        good = not row.starts or ("0" in row.starts and sign == "0") or ("a" in row.starts and sign.isalpha())
        good = good or sign in row.starts.replace("0", "").replace("a", "")
        if good and (not row.contains or any(piece in line for piece in row.contains)):
            return True
    return False


def _few_services(row: TextRow, distinct: list[tuple[str, str, int]], hits: set[int]) -> bool:
    names = Counter()  # type: Counter[str]
    for n in hits:
        hit = row.match(distinct[n][1], distinct[n][0])
        span = row.span(hit, "service") if hit is not None else None
        if span is not None:
            names[distinct[n][0][slice(*span)]] += distinct[n][2]
    return len(names) <= max(1, sum(names.values()) // 3)


def _inner_rows(texts: list[str]) -> tuple[TextRow, ...]:
    return tuple(_text_rows([text for text in texts if text.strip()], TEXT_ROWS, inner=True))


def _times(lines: list[str], plan: LinePlan) -> list[str]:
    """The texts of the times of some lines."""
    analyser = LineAnalyser(plan)
    texts = []
    for line in lines[:: max(1, len(lines) // 100)]:
        entry = analyser.read(line, fold(line))
        if entry.time is not None:
            texts.append(line[slice(*entry.time)])
    return texts


def _decide(
    plan: FilePlan,
    pieces: list[list[str]],
    counts: Counter[str],
    named: dict[str, EventFormat],
    fixed: EventFormat | None,
) -> None:
    """Fill in what needs a reading of the sample: shares, joining, sequences, New Years."""
    analyser = LineAnalyser(plan.lines)
    inner = LineAnalyser(LinePlan(plan.lines.inner, (), True, plan.lines.order, None, None, plan.lines.logfmt))
    has_containers = any(one.wraps for one in named.values())
    cache: dict[str, Entry] = {}
    heads = plain = objects = 0
    first: Entry | None = None
    below = plain_first = False
    per_stream: dict[str, list[int]] = {}
    values: dict[str, list[str]] = {}
    yearless: list[float] = []
    for piece in pieces:
        step_lines = piece if len(piece) <= 1500 else piece[:1500]
        for line in step_lines:
            if not line.strip():
                continue
            if plan.json and line.lstrip()[:1] == "{":
                objects += 1
                value = parse_json(line) if has_containers else None
                record = plan.records.read(value) if value is not None else None
                if record is not None and record.row.wraps:
                    text = record.message.split("\n")[0]
                    within = inner.read(text, fold(text))
                    tally = per_stream.setdefault(record.stream, [0, 0])
                    tally[0] += within.head == HEAD and within.time is not None
                    tally[1] += within.head == NO_HEAD and within.shape == OTHER
                continue
            folded = fold(line)
            entry = cache.get(folded)
            if entry is None:
                entry = cache[folded] = analyser.read(line, folded)
            if entry.head == NO_HEAD and line[:1] == "#":  # a comment, such as the names of the fields
                continue
            name = entry.row.name
            counts[name] += 1
            named[name] = entry.row
            if entry.head == HEAD:
                # Text without times is joined only where it has the shape of a trace; a level alone is no header.
                timed = entry.time is not None or any(name == "uptime" for name, *_ in entry.fields)
                heads += timed
                plain += not timed
                below = below or entry.row.below
                if first is None and timed:
                    first = entry
                for field_name, start, stop in entry.fields:
                    if len(values.setdefault(field_name, [])) < 4000:
                        values[field_name].append(line[start:stop])
                if entry.layout is not None and entry.layout.kind == "no_year" and entry.time is not None:
                    inside = inside_year(line[slice(*entry.time)], plan.lines.order)
                    if inside is not None:
                        yearless.append(inside)
            elif entry.head == PREFIX:
                pass
            elif entry.shape == OTHER:
                plain += 1
                plain_first = plain_first or first is None
            if entry.row.wraps and entry.row.name in CONTAINERS:
                stream = "\x1f".join(line[start:stop] for start, stop in entry.stream)
                tally = per_stream.setdefault(stream, [0, 0])
                if (entry.head == HEAD and entry.outer_time is not None) or (
                    entry.head == HEAD and entry.row.name == "docker-compose" and entry.time is not None
                ):
                    tally[0] += 1
                elif entry.shape == OTHER:
                    tally[1] += 1
    total = sum(counts.values()) or 1
    plan.shares = {name: count / total for name, count in counts.most_common()}
    share = heads / (heads + plain) if heads else 0.0
    told = first is not None and first.time is not None and first.row.rank < 2 and not plain_first
    plan.headered = objects <= heads and (share >= _JOIN_SHARE or (told and share >= 0.3) or below)
    if below:
        plan.lines.level_alone = any(one.row.below and one.row.name == "dotnet-console" for one in plan.lines.rows)
    plan.streams = {
        name: with_head >= 1 and with_head / (with_head + without) >= _JOIN_SHARE
        for name, (with_head, without) in per_stream.items()
    }
    best = next((name for name, _ in counts.most_common() if name != "plain"), "plain")
    if counts.get("plain", 0) > 0 and not plan.headered and counts[best] < counts["plain"]:
        best = "plain"
    plan.row = fixed or named.get(best, PLAIN)
    plan.lines.sequences = _recurring(values)
    half = 182 * 86_400.0
    steps = [two - one for one, two in pairwise(yearless)]
    plan.years = sum(one < -half for one in steps) - sum(one > half for one in steps)
    plan.final = yearless[-1] if yearless else None
    others = [
        f"{name} ({share:.0%})"
        for name, share in plan.shares.items()
        if name not in (plan.row.name, "plain") and share >= 0.01
    ]
    if others:
        plan.notes.append("Lines of other formats are read as such: " + ", ".join(others[:6]) + ".")


def _recurring(values: dict[str, list[str]]) -> frozenset[str]:
    """Fields whose values come again and again but are not all the same: names of sequences."""
    found = set()
    longest = max((len(one) for one in values.values()), default=0)
    for name, texts in values.items():
        distinct = len(set(texts))
        if len(texts) < 0.3 * longest or distinct < 2:
            continue
        if len(texts) / distinct >= 3 or (len(texts) < 60 and len(texts) / distinct >= 2):
            found.add(name)
    return frozenset(found)


def first_moment(moments: list[float]) -> float:
    """The earliest of some times; infinity where there is none."""
    return min((one for one in moments if not math.isnan(one)), default=math.inf)


__all__ = [
    "BLANK",
    "BRACKET",
    "FUNCTION",
    "INDENT",
    "NO_HEAD",
    "FilePlan",
    "first_moment",
    "guess_plan",
    "sample_of",
    "shape_of_line",
]
