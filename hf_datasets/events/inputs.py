"""The bytes of a log, however it is packed and encoded, as blocks of whole lines in valid UTF-8.

Everything that is no text of the log is taken out here and nowhere else: byte order marks, carriage returns at line
ends, NUL bytes, colours and other terminal escapes. Lines stay lines: their number is that of the file. Bytes that are
not valid UTF-8 are read as Latin-1, line by line, and counted.
"""

from __future__ import annotations

import bz2
import codecs
import contextlib
import io
import lzma
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import LogInputError
from ..reading.archives import DAMAGE, Bounded, most_bytes, unpacked

BLOCK_BYTES = 2 << 20
MOST_LINE_BYTES = 1 << 20  # of a line that is parsed; what is longer is kept, but read only so far
_SPOOL_BYTES = 32 << 20
_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[PX^_][^\x1b\n]*(?:\x1b\\)?|[ -/]*[0-~])"
)
_BACKSPACES = re.compile(rb"[^\n\x08]\x08")
_ODD_CONTROLS = bytes(set(range(1, 32)) - set(b"\t\n\x0b\x0c\r\x08\x1b\x07\x1e\x1f"))
_BINARY = {
    b"\x7fELF": "an ELF program", b"%PDF": "PDF", b"\x89PNG": "a PNG picture", b"PAR1": "Parquet", b"\xff\xd8\xff": "a JPEG picture",
    b"SQLite format 3": "an SQLite database", b"ElfFile\x00": "a Windows event log (.evtx)", b"LPKSHHRH": "a systemd journal file",
    b"Rar!": "a RAR archive", b"7z\xbc\xaf": "a 7-zip archive",
}  # fmt: skip
_TODO = {
    b"ElfFile\x00": "Export it as XML or CSV (`wevtutil qe FILE /lf:true /f:RenderedXml`)",
    b"LPKSHHRH": "Export it (`journalctl --file FILE -o json`)",
}


@dataclass(slots=True)
class Block:
    """Whole lines of a log.

    Attributes:
        raw: the bytes as read (unpacked, UTF-8 where the file is UTF-16), with line feeds.
        offset: where `raw` begins in the file, None where that is no place to return to.
        last: whether nothing follows.
    """

    raw: bytes
    offset: int | None
    last: bool


@dataclass(slots=True)
class Encoding:
    """What was seen of a file's encoding: its name, and lines that were read as Latin-1."""

    name: str = "utf-8"
    odd_lines: int = 0
    seekable: bool = True


class LogInput:
    """One file, or standard input, that can be read more than once.

    Args:
        path: the file; "-" is standard input, which is copied to a temporary file while it is read.

    Raises:
        LogInputError: where the file is missing, a folder, empty, or no text.
    """

    def __init__(self, path: str):
        self.path = path
        self.encoding = Encoding()
        self._spool: IO[bytes] | None = None
        if path != "-":
            self._check(Path(path))

    @staticmethod
    def _check(path: Path) -> None:
        if not path.exists():
            raise LogInputError(f"The log must be a file that exists; found nothing at {path}: check the path.")
        if path.is_dir():
            raise LogInputError(f"The log must be a file; {path} is a folder: name the log file inside it.")

    @property
    def written(self) -> float:
        """When the file was last written, seconds since 1970; the present moment for standard input."""
        import time

        if self.path == "-":
            return time.time()
        try:
            moment = Path(self.path).stat().st_mtime
            with open(self.path, "rb") as raw:
                head = raw.read(8)
            if head[:2] == b"\x1f\x8b" and (stored := int.from_bytes(head[4:8], "little")):
                return float(stored)  # gzip notes when the log itself was written
            return moment
        except OSError:
            return time.time()

    @property
    def size(self) -> int:
        """Bytes of the file as it lies there."""
        return 0 if self.path == "-" else Path(self.path).stat().st_size

    def open(self) -> IO[bytes]:
        """The log's bytes from the beginning, unpacked, in UTF-8 where it is UTF-16."""
        stream = self._standard_input() if self.path == "-" else self._file(Path(self.path))
        head = _peek(stream, self.path)
        return self._decoded(stream, head)

    def open_at(self, offset: int) -> IO[bytes]:
        """The bytes of a plain file from a place on that a `Block` named."""
        stream: IO[bytes] = self._standard_input() if self.path == "-" else open(self.path, "rb")
        stream.seek(offset)
        return stream

    def _standard_input(self) -> IO[bytes]:
        if self._spool is None:
            self._spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)
            shutil.copyfileobj(sys.stdin.buffer, self._spool)
        self._spool.seek(0)
        return _Kept(self._spool)  # type: ignore[return-value]

    def _file(self, path: Path) -> IO[bytes]:
        raw = path.open("rb")
        try:
            head = raw.read(512)
            raw.seek(0)
            with _whole(path):
                inner: IO[bytes]
                if head.startswith(b"BZh"):
                    inner = bz2.BZ2File(raw)
                elif head.startswith(b"\xfd7zXZ"):
                    inner = lzma.LZMAFile(raw)
                else:
                    inner = unpacked(raw, path)
            self.encoding.seekable = inner is raw
            limit = None if inner is raw else most_bytes(path)
            return io.BufferedReader(Bounded(inner, path, limit), 1 << 20)
        except BaseException:
            raw.close()
            raise

    def _decoded(self, stream: IO[bytes], head: bytes) -> IO[bytes]:
        name = ""
        if head.startswith(codecs.BOM_UTF32_LE) and len(head) > 7 and head[5:8] != b"\0\0\0":
            pass
        elif head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) and b"\0\0" in head[4:8]:
            name = "utf-32"
        if not name and head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            name = "utf-16"
        if not name and len(head) > 8 and not head.startswith(b"\0\0"):
            even, odd = head[0:200:2], head[1:200:2]
            if odd.count(0) > 0.7 * len(odd) and even.count(0) < 0.1 * len(even) and b"\n\0" in head:
                name = "utf-16-le"
            elif even.count(0) > 0.7 * len(even) and odd.count(0) < 0.1 * len(odd) and b"\0\n" in head:
                name = "utf-16-be"
        if name:
            self.encoding.name, self.encoding.seekable = name.upper(), False
            return io.BufferedReader(_Recoded(stream, name), 1 << 20)
        _refuse_binary(head, self.path)
        if head.startswith(codecs.BOM_UTF8):
            self.encoding.name = "utf-8 with byte order mark"
        return stream

    def blocks(
        self, size: int = BLOCK_BYTES, *, begin: int = 0, end: int | None = None
    ) -> Generator[Block, int, None]:
        """The log in blocks of about `size` bytes of whole lines; the receiver may send back what it has not used.

        `generator.send(n)` says that the last `n` bytes of the block belong to the next one. `begin` and `end` name a part
        of a plain file, from the beginning of a line to the end of one.
        """
        if end is not None:
            with self.open_at(begin) as stream:
                yield from _blocks(_Part(stream, end - begin), self.path, size, begin)  # type: ignore[arg-type]
            return
        with self.open() as stream:
            yield from _blocks(stream, self.path, size, 0 if self.encoding.seekable else None)


def _blocks(stream: IO[bytes], path: str, size: int, offset: int | None) -> Generator[Block, int, None]:
    held = b""
    at = offset
    with _whole(path):
        while True:
            parts = [held]
            short = True
            block = b""
            while block := stream.read(size):
                end = block.rfind(b"\n") + 1
                if end:
                    short = False
                    break
                parts.append(block)
            if short:
                rest = b"".join(parts)
                if rest:
                    unused = yield Block(rest, at, True)
                    if unused:
                        raise LogInputError(f"The last block must be used whole; {unused} bytes were not.")
                return
            parts.append(block[:end])
            raw = b"".join(parts)
            unused = (yield Block(raw, at, False)) or 0
            if at is not None:
                at += len(raw) - unused
            held = (raw[len(raw) - unused :] if unused else b"") + block[end:]


class _Part:
    """The next `left` bytes of a stream."""

    def __init__(self, stream: IO[bytes], left: int):
        self._stream, self._left = stream, left

    def read(self, size: int) -> bytes:
        """The next bytes."""
        found = self._stream.read(min(size, self._left))
        self._left -= len(found)
        return found


class _Kept(io.RawIOBase):
    """A stream over a spooled file that stays open when the stream is closed."""

    def __init__(self, spool: IO[bytes]):
        self._spool = spool

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._spool.seek(offset, whence)

    def tell(self) -> int:
        return self._spool.tell()

    def read(self, size: int = -1) -> bytes:
        return self._spool.read(size)

    def peek(self, size: int = 0) -> bytes:
        """The next bytes, which stay to be read."""
        at = self._spool.tell()
        found = self._spool.read(size)
        self._spool.seek(at)
        return found


class _Recoded(io.RawIOBase):
    """A stream of UTF-16 or UTF-32 as one of UTF-8."""

    def __init__(self, stream: IO[bytes], name: str):
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(name)("replace")
        self._held = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        while not self._held:
            block = self._stream.read(1 << 20)
            text = self._decoder.decode(block, final=not block)
            self._held = text.encode("utf-8", "replace")
            if not block:
                break
        piece = self._held[: len(buffer)]
        buffer[: len(piece)] = piece
        self._held = self._held[len(piece) :]
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def cleaned(raw: bytes, odd_lines: list[int] | None = None) -> bytes:
    """The text of some whole lines: valid UTF-8, as many line feeds as before, no escapes, marks or NUL bytes.

    The positions of lines that were read as Latin-1 are added to `odd_lines`.
    """
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").removesuffix(b"\r")
    if b"\x1b" in raw:
        raw = _ESCAPES.sub(b"", raw)
    if b"\0" in raw:
        raw = raw.replace(b"\0", b"")
    if b"\x08" in raw:
        raw = _BACKSPACES.sub(b"", raw)
    if b"\xef\xbb\xbf" in raw:
        raw = re.sub(rb"(?m)^\xef\xbb\xbf", b"", raw)
    if raw.isascii() or _valid(raw):
        return raw
    lines = raw.split(b"\n")
    for at, line in enumerate(lines):
        if not line.isascii() and not _valid(line):
            lines[at] = line.decode("latin-1").encode("utf-8")
            if odd_lines is not None:
                odd_lines.append(at)
    return b"\n".join(lines)


def _valid(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _peek(stream: IO[bytes], path: str) -> bytes:
    with _whole(path):
        head: bytes = stream.peek(65_536)[:65_536]  # type: ignore[attr-defined]
        return head


@contextlib.contextmanager
def _whole(path: str | Path) -> Iterator[None]:
    """What a damaged archive raises becomes a `LogInputError`; an error of the disk stays itself."""
    try:
        yield
    except (*DAMAGE, OSError, lzma.LZMAError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise LogInputError(
            f"The archive must be whole; {path} ends early or is damaged ({error}): fetch or pack it again."
        ) from error


def _refuse_binary(head: bytes, path: str) -> None:
    for magic, kind in _BINARY.items():
        if head.startswith(magic):
            todo = _TODO.get(magic, "Convert it to text first")
            raise LogInputError(f"The log must be text; {path} looks like {kind}: {todo[0].lower()}{todo[1:]}.")
    text = head.replace(b"\0", b"")
    runs = len(re.findall(rb"\0+", head))
    controls = len(text) - len(text.translate(None, _ODD_CONTROLS))
    if head and (runs > 8 + 0.02 * len(head) or controls > 0.05 * len(text)):
        raise LogInputError(
            f"The log must be text; {path} looks binary ({runs} runs of NUL bytes and {controls} control characters in its "
            f"first {len(head):,} bytes): name a text log, or unpack it first."
        )
