"""Text lines out of a file, whatever it is packed in, or one clear sentence why not.

Notes: Only a line feed ends a line (a carriage return before it is dropped, one in the middle stays), so that line
numbers are those of `sed -n`; a file is taken for binary by its first 64 KiB, where NUL bytes in long runs are
forgiven (a log that was cut while its writer kept its place begins with them). Packing is told by content, not name.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..errors import LogInputError
from .archives import DAMAGE, Bounded, most_bytes, unpacked

_SAMPLE = 64 * 1024
_BLOCK = 1 << 20
# Control characters that real logs hold: tab, line feed, vertical tab, form feed, carriage return, backspace, escape.
_ODD_CONTROLS = bytes(set(range(1, 32)) - set(b"\t\n\x0b\x0c\r\x08\x1b\x07"))
_MAGIC = {
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x7fELF": "an ELF program",
    b"%PDF": "PDF",
    b"\x89PNG": "a PNG picture",
    b"PAR1": "Parquet",
    b"SQLite format 3": "an SQLite database",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


def check_file(path: str | Path) -> Path:
    """See that a log is there before anything else is loaded or done.

    Raises:
        LogInputError: it is missing, a folder, or empty.
    """
    path = Path(path)
    if not path.exists():
        raise LogInputError(f"The log must be a file that exists, found nothing at {path}: check the path")
    if path.is_dir():
        raise LogInputError(f"The log must be a file, found the folder {path}: name the log file inside it")
    if path.stat().st_size == 0:
        raise LogInputError(
            f"The log must hold at least one line, found the empty file {path}: name a log with lines in it"
        )
    return path


def open_log(path: str | Path, member: str | None = None) -> IO[bytes]:
    """The log's bytes, unpacked (`member` names the file in an archive of several). Errors as `check_file`, and where it is not text."""
    path = check_file(path)
    raw = path.open("rb")
    try:
        inner = _unpacked(raw, path, member)
        bounded = Bounded(inner, path, None if inner is raw else most_bytes(path))
        stream: IO[bytes] = io.BufferedReader(bounded, _BLOCK)
        _refuse_binary(_peek(stream, path), path)
    except BaseException:
        raw.close()
        raise
    return stream


def is_packed(path: Path) -> bool:
    """Whether the file is an archive, so that its lines have no place in it. Errors as `open_log`."""
    open_log(path).close()
    with path.open("rb") as raw:
        return unpacked(raw, path) is not raw


def read_lines(path: str | Path, encoding: str = "utf-8") -> Iterator[str]:
    """The lines of a log, without their ends, streamed.

    gzip, Zstandard, zip and tar.gz are read as they are. Bytes that are not valid in `encoding` become U+FFFD. Raises `LogInputError` for a
    missing, empty or binary file, a folder, or a broken archive.
    """
    stream = open_log(path)
    return _decoded(stream, path, encoding)


def _decoded(stream: IO[bytes], path: str | Path, encoding: str) -> Iterator[str]:
    with stream:
        for line in _guarded(stream, path):
            yield line.rstrip(b"\n").removesuffix(b"\r").decode(encoding, "replace")


def guarded_blocks(stream: IO[bytes], path: str | Path, size: int) -> Iterator[bytes]:
    """The stream in blocks of about `size` bytes; a damaged archive becomes a `LogInputError`."""
    with _whole(path):
        while block := stream.read(size):
            yield block


def _guarded(stream: IO[bytes], path: str | Path) -> Iterator[bytes]:
    """The stream's lines; a damaged archive becomes a `LogInputError`."""
    with _whole(path):
        yield from stream


@contextmanager
def _whole(path: str | Path) -> Iterator[None]:
    """What a damaged archive raises becomes a `LogInputError`; an error of the disk (it has a number) stays itself."""
    try:
        yield
    except (*DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise LogInputError(
            f"The archive must be whole, found that {path} ends early or is damaged ({error}): fetch or pack it again"
        ) from error


def _unpacked(raw: IO[bytes], path: Path, member: str | None) -> IO[bytes]:
    with _whole(path):
        return unpacked(raw, path, member)


def _peek(stream: IO[bytes], path: Path) -> bytes:
    with _whole(path):
        return stream.peek(_SAMPLE)[:_SAMPLE]  # type: ignore[attr-defined]


def _refuse_binary(sample: bytes, path: Path) -> None:
    if not sample:
        raise LogInputError(f"The log must hold at least one line, found none in {path}: name a log with lines in it")
    for magic, kind in _MAGIC.items():
        if sample.startswith(magic):
            todo = "Convert it to UTF-8" if "UTF-16" in kind else "Unpack or convert it to text"
            raise LogInputError(f"The log must be text, found {kind} in {path}: {todo[0].lower()}{todo[1:]} first")
    text = sample.replace(b"\0", b"")
    runs = len(re.findall(rb"\0+", sample))
    controls = len(text) - len(text.translate(None, _ODD_CONTROLS))
    if runs > 8 + 0.02 * len(sample) or controls > 0.05 * len(text):
        raise LogInputError(
            f"The log must be text, found a binary file at {path} ({runs} runs of NUL bytes and "
            f"{controls} control characters in its first {len(sample):,} bytes): name a text log, or "
            "unpack it first"
        )
    if codecs.BOM_UTF32_LE == sample[:4]:
        raise LogInputError(f"The log must be text, found UTF-32 text in {path}: convert it to UTF-8 first")
