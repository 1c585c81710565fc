"""A whole log as columns without its text: what `build` needs to decide windows, splits, labels and templates.

Odd here: contents are not kept (the log may be larger than memory); `contents_again` reads them a second time, chunk by
chunk, when it is known where each belongs. Lines that do not fit the format go to a file as they come.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from tqdm.auto import tqdm

from .archives import looks_like_log
from .channel import Channel
from .chunks import read_chunks
from .column_reader import ColumnReader
from .columns import Columns
from .errors import LogInputError
from .rules import LogSystem


@dataclass(slots=True)
class Log:
    """The lines that fit the format, as columns (see `columns.Columns`), and what was read to get them."""

    numbers: np.ndarray
    labels: np.ndarray
    times: np.ndarray | None
    codes: tuple[np.ndarray, ...]
    pair_rows: np.ndarray
    pair_sessions: np.ndarray
    session_names: list[str]
    lines: int
    unparsed: int
    span: tuple[int, int] | None

    def __len__(self) -> int:
        return len(self.numbers)


def log_files(raw: str | Path | Sequence[str | Path], system: LogSystem) -> list[Path]:
    """The raw logs, in order: those named, or a folder's published file, else all its files that look like logs."""
    named = [Path(raw)] if isinstance(raw, str | Path) else [Path(one) for one in raw]
    if not named:
        raise LogInputError("At least one raw log must be given; found none.")
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
                f"The folder must hold logs; {path} holds no file named like one (*.log). Name the file."
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
            raise LogInputError(f"lines must be a range (first, last) counted from 0; found {lines}.")
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


def read_log(
    files: Sequence[Path],
    system: LogSystem,
    channels: Sequence[Channel],
    span: tuple[int, int] | None,
    unparsed_file: Path | None,
    progress: bool,
    times: bool = True,
) -> Log:
    """All columns of a log. Raises `LogInputError` where nothing fits the format, or the range is beyond the log."""
    reader = ColumnReader(system, channels, times, lines=span[0] if span else 0)
    parts: list[Columns] = []
    rows = unparsed = 0
    stream = unparsed_file.open("w", encoding="utf-8") if unparsed_file else None
    try:
        for chunk in log_chunks(files, system.encoding, span, progress):
            part = reader.columns(chunk)
            part.pair_rows = part.pair_rows + rows
            rows += len(part.numbers)
            unparsed += len(part.unparsed)
            for number, text in part.unparsed if stream else ():
                stream.write(json.dumps({"number": number, "text": text}) + "\n")  # type: ignore[union-attr]
            parts.append(_small(part))
    finally:
        if stream:
            stream.close()
    lines = reader.lines - (span[0] if span else 0)
    if span and lines < span[1] - span[0]:
        raise LogInputError(
            f"The lines asked for must be in the log; lines {span[0]:,} to {span[1]:,} were asked for, and the log ends "
            f"at line {span[0] + lines:,}. Give a range inside it."
            if lines
            else f"The lines asked for must be in the log; it ends before line {span[0]:,}. Give a range inside it."
        )
    if not rows:
        raise LogInputError(
            f"Some lines must fit the format of {system.name}; of {unparsed:,} lines in {files[0]} none did. "
            "Check the system name, or leave it out to have the format guessed."
        )
    if unparsed_file and not unparsed:
        unparsed_file.unlink()
    settled, names = reader.sessions.settled()
    pairs = _joined([part.pair_sessions for part in parts])
    return Log(
        numbers=_joined([part.numbers for part in parts]),
        labels=_joined([part.labels for part in parts]),
        times=_joined([part.times for part in parts if part.times is not None]) if reader.times else None,
        codes=tuple(_joined([part.codes[at] for part in parts]) for at in range(len(reader.channels))),
        pair_rows=_joined([part.pair_rows for part in parts]),
        pair_sessions=settled[pairs] if len(pairs) else pairs.astype(np.int32),
        session_names=names,
        lines=lines,
        unparsed=unparsed,
        span=span,
    )


def contents_again(
    files: Sequence[Path], system: LogSystem, span: tuple[int, int] | None, progress: bool
) -> Iterator[pa.Array]:
    """The contents of the lines that fit, chunk by chunk, in the order of `Log`'s rows."""
    reader = ColumnReader(system, times=False, sessions=False, lines=span[0] if span else 0)
    for chunk in log_chunks(files, system.encoding, span, progress):
        yield reader.columns(chunk).contents()


def _small(part: Columns) -> Columns:
    """The part without its text and in the smallest types."""
    part.text, part.starts, part.stops, part.unparsed = b"", part.starts[:0], part.stops[:0], []
    if not len(part.numbers) or part.numbers[-1] < 2**31:
        part.numbers = part.numbers.astype(np.int32)
    part.pair_rows, part.pair_sessions = part.pair_rows.astype(np.int32), part.pair_sessions.astype(np.int32)
    return part


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """One array of the parts, which are let go one by one."""
    if not parts:
        return np.zeros(0)
    return np.concatenate(parts)
