"""What a user names as logs, and their lines as columns of text."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from logllm.errors import LogllmError
from logllm.hf_datasets.events.inputs import BLOCK_BYTES, LogInput
from logllm.signals.inputs import log_files


def good_files(names: Sequence[str]) -> list[str]:
    """The files behind names of files, folders and patterns such as `runs/*.log`."""
    found: list[str] = []
    for name in names:
        if any(sign in name for sign in "*?[") and not Path(name).exists():
            matches = sorted(glob.glob(name, recursive=True))
            if not matches:
                raise LogllmError(
                    f"A pattern must name a log, found no file for {name!r}: check it, or name the files."
                )
            found += log_files(matches)[0]
        else:
            found += log_files([name])[0]
    return list(dict.fromkeys(found))


def newest_good(folder: Path, bad: str, most: int = 5) -> list[str]:
    """The newest logs of a folder that are named like the bad one (its name but for digits and endings), without it.

    Where none is named alike, the newest logs of the folder.
    """
    if not folder.is_dir():
        raise LogllmError(
            f"--good-from must be a folder with logs of good runs, found none at {folder}: check the path."
        )
    here = Path(bad).resolve() if bad != "-" else None
    files = [Path(name) for name in log_files([str(folder)])[0]]
    files = [path for path in files if path.resolve() != here]
    alike = [path for path in files if _stem(path.name) == _stem(Path(bad).name)]
    chosen = sorted(alike or files, key=lambda path: (-path.stat().st_mtime, path.name))[:most]
    if not chosen:
        raise LogllmError(
            f"--good-from must hold a log beside the bad one, found none in {folder}: name the good logs."
        )
    return [str(path) for path in chosen]


def _stem(name: str) -> str:
    """A file name without digits, packing and separators: what runs of the same job have in common."""
    for ending in (".gz", ".bz2", ".xz", ".zst", ".zip"):
        name = name.removesuffix(ending)
    return "".join(sign for sign in name.lower() if sign.isalpha())


def line_chunks(name: str, size: int = 4 * BLOCK_BYTES, carriage_returns: bool = True) -> Iterator[pl.Series]:
    """The lines of a log in order, in columns of any length; CR, LF and CR LF each end a line, as labels and editors count.

    Args:
        name: the log.
        size: bytes that are read at a time.
        carriage_returns: whether a lone CR ends a line; the readers of events count by LF alone.

    Raises:
        LogInputError: where the file is missing, a folder, damaged, or no text.
    """
    log = LogInput(name)
    for block in log.blocks(size):
        raw = block.raw
        if b"\r" in raw:
            raw = raw.replace(b"\r\n", b"\n")
            if carriage_returns:
                raw = raw.replace(b"\r", b"\n")
        if b"\0" in raw:
            raw = raw.replace(b"\0", b"")
        lines = _decoded(raw.removesuffix(b"\n"))
        yield pl.Series(lines.split("\n"), dtype=pl.String)


def _decoded(raw: bytes) -> str:
    """UTF-8, and lines that are no UTF-8 as Latin-1, as the reader of events has it."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return "\n".join(_line(line) for line in raw.split(b"\n"))


def _line(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
