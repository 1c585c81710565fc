"""A whole log as columns without its text: what `build` needs to decide windows, splits, labels and templates.

Notes: Contents are not kept (the log may be larger than memory); `contents_again` reads them a second time, chunk by
chunk, when it is known where each belongs. Columns go to files as they come, where the caller has a place for them (see
`spool`), and so do lines that do not fit the format. With `workers`
the log is cut into ranges that are read side by side; their codes and sessions are made the same at the end, in order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from tqdm.auto import tqdm

from ..errors import LogInputError
from ..reading.archives import looks_like_log
from ..reading.chunks import cut_at_lines, read_chunks, read_range
from ..reading.lines import is_packed
from ..systems.rules import LogSystem
from .byte_slices import encoded
from .column_files import Spool
from .column_reader import ColumnReader
from .columns import Columns
from .message_codes import Channel
from .workers import Workers

# Below so many bytes a process, starting it costs more than it saves (two broke even at 770 MB on two busy cores).
LEAST_BYTES = 384 << 20


@dataclass(slots=True)
class Log:
    """The lines that fit the format, as columns (see `columns.Columns`), and what was read to get them."""

    numbers: np.ndarray
    labels: np.ndarray
    times: np.ndarray | None
    codes: tuple[np.ndarray, ...]
    pair_rows: np.ndarray
    pair_sessions: np.ndarray
    session_names: pa.Array  # large strings
    lines: int
    unparsed: int
    span: tuple[int, int] | None
    spool: Spool = field(default_factory=Spool)  # where further columns of this length may be laid

    def __len__(self) -> int:
        return len(self.numbers)


def log_files(raw: str | Path | Sequence[str | Path], system: LogSystem) -> list[Path]:
    """The raw logs, in order: those named, or a folder's published file, else all its files that look like logs."""
    named = [Path(raw)] if isinstance(raw, str | Path) else [Path(one) for one in raw]
    if not named:
        raise LogInputError("At least one raw log must be given, found none: name it")
    files: list[Path] = []
    for path in named:
        if not path.is_dir():
            files.append(path)
            continue
        published = [path / name for name in (system.source.member, system.source.archive) if name]
        found = [one for one in published if one.is_file()][:1] or sorted(
            one for one in path.iterdir() if one.is_file() and looks_like_log(one.name) and ".log" in one.name.lower()
        )
        if not found:
            raise LogInputError(
                f"The folder must hold logs, found no file named like one (*.log) in {path}: name the file"
            )
        files += found
    return files


def line_span(
    files: Sequence[Path], system: LogSystem, lines: tuple[int, int] | None
) -> tuple[tuple[int, int] | None, str]:
    """(the half-open range of lines to read, why).

    The caller's `lines` win. The system's own slice holds for a log that reaches it; a shorter one is taken for a
    piece that was cut already and is read whole.
    """
    if lines is not None:
        if not 0 <= lines[0] < lines[1]:
            raise LogInputError(f"lines must be a range (first, last) counted from 0, found {lines}: give one")
        return lines, "as asked"
    if system.slice is None:
        return None, "the whole log"
    # A line has a header of some 20 characters at least: most short logs need no count.
    if sum(file.stat().st_size for file in files) >= 2 * system.slice[0]:
        count = 0
        for file in files:
            for chunk in read_chunks(file, "latin-1"):
                count += chunk.count(b"\n")
                if count > system.slice[0]:
                    return system.slice, "the paper's lines"
    return None, f"the whole log: it ends before line {system.slice[0]:,}, where the paper's lines begin"


def log_chunks(files: Sequence[Path], encoding: str, span: tuple[int, int] | None, progress: bool) -> Iterator[bytes]:
    """The chunks of several files that follow each other, cut to a range of lines."""
    seen = 0
    shown = tqdm(desc="reading", unit="B", unit_scale=True, disable=not progress)
    with shown:
        for file in files:
            for chunk in read_chunks(file, encoding):
                shown.update(len(chunk))
                if not chunk.endswith(b"\n"):
                    chunk += b"\n"
                if span is None:
                    yield chunk
                    continue
                count = chunk.count(b"\n")
                first, last = max(span[0] - seen, 0), min(span[1] - seen, count)
                seen += count
                if first < last:
                    if (first, last) != (0, count):
                        chunk = b"\n".join(chunk.split(b"\n")[first:last]) + b"\n"
                    yield chunk
                if seen >= span[1]:
                    return


def useful_processes(files: Sequence[Path], processes: int) -> int:
    """How many of the wanted processes are worth their start: one for a packed or a short log."""
    if processes < 1:
        raise LogInputError(f"processes must be 1 or more, found {processes}: give another number")
    if processes == 1 or any(is_packed(file) for file in files):
        return 1
    return max(1, min(processes, sum(file.stat().st_size for file in files) // LEAST_BYTES))


def read_log(
    files: Sequence[Path],
    system: LogSystem,
    channels: Sequence[Channel],
    span: tuple[int, int] | None,
    unparsed_file: Path | None,
    progress: bool,
    times: bool = True,
    workers: Workers | None = None,
    spool: Spool | None = None,
) -> Log:
    """All columns of a log. Raises `LogInputError` where nothing fits the format, or the range is beyond the log.

    `workers` share the reading of whole logs that are not packed; a range of lines is read by this process alone.
    `spool` is where the columns lie; by default in memory.
    """
    spool = spool or Spool()
    stream = unparsed_file.open("w", encoding="utf-8") if unparsed_file else None
    try:
        if workers is not None and span is None and not any(is_packed(file) for file in files):
            log = _read_side_by_side(files, system, channels, stream, progress, times, workers, spool)
        else:
            log = _read_alone(files, system, channels, span, stream, progress, times, spool)
    finally:
        if stream:
            stream.close()
    if span and log.lines < span[1] - span[0]:
        raise LogInputError(
            f"The lines asked for must be in the log, found {span[0]:,} to {span[1]:,} asked for and its end at "
            f"line {span[0] + log.lines:,}: give a range inside it"
            if log.lines
            else f"The lines asked for must be in the log, found its end before line {span[0]:,}: give a range inside it"
        )
    if not len(log):
        raise LogInputError(
            f"Some lines must fit the format of {system.name}, found that of {log.unparsed:,} lines in"
            f" {files[0]} none did: check the system name, or leave it out to have the format guessed"
        )
    if unparsed_file and not log.unparsed:
        unparsed_file.unlink()
    return log


def _read_alone(
    files: Sequence[Path],
    system: LogSystem,
    channels: Sequence[Channel],
    span: tuple[int, int] | None,
    stream: IO[str] | None,
    progress: bool,
    times: bool,
    spool: Spool,
) -> Log:
    reader = ColumnReader(system, channels, times, lines=span[0] if span else 0)
    rows = unparsed = 0
    for chunk in log_chunks(files, system.encoding, span, progress):
        part = reader.columns(chunk)
        part.pair_rows = part.pair_rows + rows
        rows += len(part.numbers)
        unparsed += len(part.unparsed)
        _note(stream, part.unparsed, 0)
        _keep(spool, "", part)
    settled, names = reader.sessions.settled()
    spool.mapped("pair_sessions", settled, "sessions")
    lines = reader.lines - (span[0] if span else 0)
    return _log(spool, len(channels), reader.times, names, lines, unparsed, span)


def _read_side_by_side(
    files: Sequence[Path],
    system: LogSystem,
    channels: Sequence[Channel],
    stream: IO[str] | None,
    progress: bool,
    times: bool,
    workers: Workers,
    spool: Spool,
) -> Log:
    shares = _shares(files, workers.count)
    recipes = [channel.recipe for channel in channels]
    workers.start(_read_share, [(share, system, recipes, times) for share in shares])
    rows_of = [0] * len(shares)
    odd: list[list[tuple[int, str]]] = [[] for _ in shares]
    ends: list[Any] = [None] * len(shares)
    total = sum(end - begin for share in shares for _, begin, end in share)
    with tqdm(desc="reading", total=total, unit="B", unit_scale=True, disable=not progress) as shown:
        for number, last, piece in workers.gather(len(shares)):
            if last:
                ends[number] = piece
                continue
            part, count = piece
            odd[number] += part.unparsed
            rows_of[number] += len(part.numbers)
            _keep(spool, f"{number}-", part)
            shown.update(count)
    rows = lines = 0
    for number, (count, _, _, _) in enumerate(ends):
        _note(stream, odd[number], lines)
        spool.moved(f"{number}-numbers", lines, "numbers", np.int64)
        spool.moved(f"{number}-pair_rows", rows, "pair_rows", np.int32)
        for name, kind in (("labels", np.int8), ("times", np.float64)):
            spool.moved(f"{number}-{name}", 0, name, kind)
        rows += rows_of[number]
        lines += count
    settled, names = encoded(pa.concat_arrays([one for _, _, one, _ in ends]))
    first = 0
    for number, (_, local, own, _) in enumerate(ends):
        to_all = settled[first : first + len(own)]
        spool.mapped(f"{number}-pair_sessions", to_all[local] if len(local) else local, "sessions")
        first += len(own)
    for at, channel in enumerate(channels):
        tables = channel.joined([one[at] for _, _, _, one in ends], rows)
        for number, table in enumerate(tables):
            spool.mapped(f"{number}-codes{at}", table, f"codes{at}")
    has_times = times and system.timestamp is not None
    return _log(spool, len(channels), has_times, names, lines, sum(map(len, odd)), None)


Share = list[tuple[Path, int, int]]


def _shares(files: Sequence[Path], count: int) -> list[Share]:
    """The bytes of all files, in order, as at most `count` runs of (file, first, last) that begin with a line."""
    total = sum(file.stat().st_size for file in files)
    shares: list[Share] = [[]]
    size = 0
    for file in files:
        # Small pieces, of which each share takes a run: files differ in size.
        for begin, end in cut_at_lines(file, 4 * count):
            if size >= total * len(shares) / count and len(shares) < count:
                shares.append([])
            if shares[-1] and shares[-1][-1][0] == file:
                begin = shares[-1].pop()[1]
            shares[-1].append((file, begin, end))
            size += end - begin
    return shares


def _read_share(
    send: Callable[[Any], None], share: Share, system: LogSystem, recipes: Sequence[tuple[Any, ...]], times: bool
) -> tuple[int, np.ndarray, pa.Array, list[pa.Array]]:
    """A worker's share, chunk by chunk; then (lines, final session codes, session ids, messages of every channel)."""
    reader = ColumnReader(system, [Channel(*recipe) for recipe in recipes], times)
    rows = 0
    for file, begin, end in share:
        for chunk in read_range(file, system.encoding, begin, end):
            size = len(chunk)
            part = reader.columns(chunk)
            part.pair_rows = part.pair_rows + rows
            rows += len(part.numbers)
            part.text, part.starts, part.stops = b"", part.starts[:0], part.stops[:0]
            send((part, size))
    settled, names = reader.sessions.settled()
    return reader.lines, settled, names, [channel.table() for channel in reader.channels]


def _note(stream: IO[str] | None, unparsed: list[tuple[int, str]], lines: int) -> None:
    for number, text in unparsed if stream else ():
        stream.write(json.dumps({"number": number + lines, "text": text}) + "\n")  # type: ignore[union-attr]


KINDS = {"numbers": np.int64, "labels": np.int8, "pair_rows": np.int32, "pair_sessions": np.int32}


def _keep(spool: Spool, prefix: str, part: Columns) -> None:
    """Append a chunk's columns."""
    for name, kind in KINDS.items():
        spool.add(prefix + name, getattr(part, name), kind)
    if part.times is not None:
        spool.add(f"{prefix}times", part.times, np.float64)
    for at, codes in enumerate(part.codes):
        spool.add(f"{prefix}codes{at}", codes, np.int32)


def _log(
    spool: Spool,
    channels: int,
    times: bool,
    names: pa.Array,
    lines: int,
    unparsed: int,
    span: tuple[int, int] | None,
) -> Log:
    return Log(
        numbers=spool.column("numbers", np.int64),
        labels=spool.column("labels", np.int8),
        times=spool.column("times", np.float64) if times else None,
        codes=tuple(spool.column(f"codes{at}", np.int32) for at in range(channels)),
        pair_rows=spool.column("pair_rows", np.int32),
        pair_sessions=spool.column("sessions", np.int32),
        session_names=names,
        lines=lines,
        unparsed=unparsed,
        span=span,
        spool=spool,
    )


def contents_again(
    files: Sequence[Path], system: LogSystem, span: tuple[int, int] | None, progress: bool
) -> Iterator[pa.Array]:
    """The contents of the lines that fit, chunk by chunk, in the order of `Log`'s rows."""
    reader = ColumnReader(system, times=False, sessions=False, lines=span[0] if span else 0)
    for chunk in log_chunks(files, system.encoding, span, progress):
        yield reader.columns(chunk).contents()
