"""A log out of its archive, streamed: gzip, Zstandard, zip and tar.gz are told by their content, not by their name.

Notes: An archive that holds several files gives the one that is asked for, else its only log, else its largest
file; Zstandard needs no package of its own, pyarrow reads it. Nothing is unpacked to disk, so a member's name (`../x`,
an absolute path) and a link in an archive lead nowhere. What comes out is counted: an archive that grows beyond all
measure, and a line without an end, are refused while they are read, in bounded memory.
"""

from __future__ import annotations

import errno
import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from ..errors import LogInputError

# What a damaged archive raises while it is read.
DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, tarfile.TarError)
_TAR_MARK = slice(257, 262)
# A packed log comes out at 10 to 30 times its size, at most some 300 where nearly all lines are the same.
MOST_TIMES = 500
FREE_BYTES = 1 << 30  # so much may come out of any archive
MOST_LINE_BYTES = 1 << 28


class Bounded(io.RawIOBase):
    """A stream that refuses to give more than `most` bytes (None: no limit), or a line of over `MOST_LINE_BYTES`."""

    def __init__(self, stream: IO[bytes], path: Path, most: int | None):
        self._stream, self._path, self._most = stream, path, most
        self._given = self._line = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer. Raises `LogInputError` at the limit."""
        block = self._stream.read(len(buffer))
        buffer[: len(block)] = block
        self._given += len(block)
        end = block.rfind(b"\n")
        self._line = self._line + len(block) if end < 0 else len(block) - end - 1
        if self._most is not None and self._given > self._most:
            raise LogInputError(
                f"An archive must unpack to at most {MOST_TIMES} times its size, found more than "
                f"{self._given >> 20:,} MiB in {self._path}: if it is no zip bomb, unpack it by hand and "
                "name the log"
            )
        if self._line > MOST_LINE_BYTES:
            raise LogInputError(
                f"A line must be at most {MOST_LINE_BYTES >> 20} MiB long, found one in {self._path} that "
                "does not end there: name a log that has line feeds"
            )
        return len(block)

    def close(self) -> None:
        """Close what is read from too."""
        if not self.closed:
            self._stream.close()
        super().close()


def most_bytes(path: Path) -> int:
    """How many bytes may come out of an archive."""
    return max(FREE_BYTES, MOST_TIMES * path.stat().st_size)


def unpacked(raw: IO[bytes], path: Path, member: str | None = None) -> IO[bytes]:
    """The log's bytes, from a file that may be an archive; `raw` stands at its start."""
    head = raw.read(512)
    raw.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return _from_zip(raw, path, member)
    if head.startswith(b"\x1f\x8b"):
        return _maybe_tar(_gzip, raw, path, member)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return _maybe_tar(_zstandard, raw, path, member)
    if head[_TAR_MARK] == b"ustar":
        return _from_tar(raw, path, member)
    return raw


class _Zstandard(io.RawIOBase):
    """A Zstandard file, unpacked by pyarrow, which takes a tenth of a second to load and is loaded only for this."""

    def __init__(self, name: str):
        import pyarrow as pa

        self._damage = pa.ArrowException
        self._stream = pa.CompressedInputStream(pa.OSFile(name), "zstd")  # a stream over a Python file would close it

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer. Raises EOFError where the file is damaged."""
        try:
            block = self._stream.read(len(buffer))
        except self._damage as error:
            raise EOFError(str(error)) from error
        buffer[: len(block)] = block
        return len(block)


def _zstandard(raw: IO[bytes]) -> IO[bytes]:
    return io.BufferedReader(_Zstandard(raw.name))


def _maybe_tar(
    open_stream: Callable[[IO[bytes]], IO[bytes]], raw: IO[bytes], path: Path, member: str | None
) -> IO[bytes]:
    """A compressed stream, or the member of the tar inside it."""
    start = open_stream(raw).read(512)
    raw.seek(0)
    stream = open_stream(raw)
    return _from_tar(stream, path, member) if start[_TAR_MARK] == b"ustar" else stream


def _gzip(raw: IO[bytes]) -> IO[bytes]:
    return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]


def _from_zip(raw: IO[bytes], path: Path, member: str | None) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(raw)
        # Not `is_dir`: it fails where a member has no name.
        sizes = {one.filename: one.file_size for one in archive.infolist() if not one.filename.endswith("/")}
        return archive.open(_chosen(sizes, path, member))
    except LogInputError:
        raise
    except (ValueError, OverflowError, OSError, struct.error) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # of the disk; a place before the file's beginning is the archive's
        raise zipfile.BadZipFile(str(error)) from error
    except (RuntimeError, NotImplementedError) as error:  # a password, a method that Python does not know
        raise LogInputError(
            f"A zip must open without a password, found that {path} does not ({error}): unpack it by hand"
        ) from error


def _from_tar(stream: IO[bytes], path: Path, member: str | None) -> IO[bytes]:
    """The wanted member of a tar. A stream cannot go back, so without a name its first log is it."""
    # Its headers may be bombs too: they are read whole.
    whole: Any = io.BufferedReader(Bounded(stream, path, most_bytes(path)))
    archive = tarfile.open(fileobj=whole, mode="r|")
    seen = []
    for one in archive:
        if not one.isfile():
            continue
        name = one.name.rpartition("/")[2]
        seen.append(one.name)
        if (member and member in (one.name, name)) or (not member and looks_like_log(name)):
            found = archive.extractfile(one)
            assert found is not None
            return found
    raise LogInputError(_no_member(path, member, seen))


def _chosen(sizes: dict[str, int], path: Path, member: str | None) -> str:
    if member:
        for name in sizes:
            if member in (name, name.rpartition("/")[2]):
                return name
    logs = [name for name in sizes if looks_like_log(name.rpartition("/")[2])] or list(sizes)
    if member or not logs:
        raise LogInputError(_no_member(path, member, list(sizes)))
    return max(logs, key=sizes.__getitem__)


def holds(file: Path, member: str) -> bool:
    """Whether a file is a zip archive with a member of that name, in whatever folder of it."""
    if not zipfile.is_zipfile(file):
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return any(name.rpartition("/")[2] == member for name in archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError):
        return False  # whoever reads the log out of it says what is wrong with it


def looks_like_log(name: str) -> bool:
    """Whether a file name is not that of a label file, a licence, a table or a text about the log."""
    lower = name.lower()
    return not lower.startswith(("readme", "licen", "anomaly_label", ".")) and not lower.endswith(
        (".csv", ".md", ".pdf")
    )


def _no_member(path: Path, member: str | None, seen: list[str]) -> str:
    held = ", ".join(seen[:5]) or "nothing"
    wanted = f"the file {member!r}" if member else "a log"
    return f"The archive must hold {wanted}, found {held} in {path}: unpack it and name the log"
