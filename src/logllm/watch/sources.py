"""Follow a log by its name through rotation, truncation and re-creation, from a position that outlives a kill.

Notes:
- A position is (device, inode, first bytes, offset). After a restart, and whenever the name points to another file, the
  file with that inode or those first bytes is looked for among its siblings (`app.log.1`, `app.log-20260101.gz`, ...): its
  rest is read, then every sibling that is younger, then the new file. So two rotations between two looks lose nothing.
- A line counts when its line feed is there; what a file ends with when it is rotated away counts as a line.
- Of a line longer than `MAX_LINE_BYTES` the beginning is kept and the rest passed over, in bounded memory.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import select
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

BLOCK = 256 * 1024
HEAD_BYTES = 256
MAX_LINE_BYTES = 64 * 1024


@dataclass
class Position:
    """Where reading goes on: in which file (told by inode and first bytes) and at which byte."""

    device: int = 0
    inode: int = 0
    head: str = ""  # hash of the first `head_bytes` bytes
    head_bytes: int = 0
    offset: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


class Lines:
    """Cuts bytes into lines; keeps the unfinished one, of a very long one only the beginning."""

    def __init__(self, encoding: str):
        self.encoding = encoding
        self.rest = b""
        self.pending = 0  # bytes since the last line feed, kept or not
        self.cut = 0  # lines that were shortened

    def feed(self, block: bytes) -> list[str]:
        """The lines that the block completes."""
        *whole, rest = block.split(b"\n")
        lines = [self._finish(whole[0])] if whole else []
        if max(map(len, whole), default=0) <= MAX_LINE_BYTES:
            lines += [piece.removesuffix(b"\r").decode(self.encoding, "replace") for piece in whole[1:]]
        else:
            lines += [self._finish(piece) for piece in whole[1:]]
        self.pending += len(rest)
        if len(self.rest) <= MAX_LINE_BYTES:
            self.rest = (self.rest + rest)[: MAX_LINE_BYTES + 1]
        return lines

    def finish(self) -> list[str]:
        """The line that has no line feed because its file has ended."""
        return [self._finish(b"")] if self.rest else []

    def _finish(self, piece: bytes) -> str:
        line = self.rest + piece if self.rest else piece
        self.rest, self.pending = b"", 0
        if len(line) > MAX_LINE_BYTES:
            self.cut += 1
            line = line[:MAX_LINE_BYTES]
        return line.removesuffix(b"\r").decode(self.encoding, "replace")


class FileFollower:
    """Lines of a file as they are written. `read()` never waits: no lines means that there are none yet.

    Args:
        path: the name to follow; it may not exist yet.
        encoding: of the text.
        position: where to go on; None starts at the file's beginning.
    """

    def __init__(self, path: Path, encoding: str = "utf-8", position: Position | None = None):
        self.path = path
        self._lines = Lines(encoding)
        self._stream: IO[bytes] | None = None
        self._at = Position()
        self._queue: list[_Opened] = []  # files still to be read, oldest first, open already: names move on
        self._named = True  # whether the open file is the one that the name pointed to
        self.remarks: list[str] = []
        if position is not None and (position.inode or position.head):
            self._resume(position)
        else:
            self._open_next()

    @property
    def position(self) -> Position:
        """Just after the last whole line that `read` gave out."""
        return Position(
            self._at.device, self._at.inode, self._at.head, self._at.head_bytes, self._at.offset - self._lines.pending
        )

    @property
    def cut_lines(self) -> int:
        """Lines that were shortened to `MAX_LINE_BYTES`."""
        return self._lines.cut

    def lag_bytes(self) -> int:
        """Bytes of the followed file that are not read yet; at least 1 while a rotated file before it is read."""
        try:
            return max(self.path.stat().st_size - self._at.offset, 0) if self._named and not self._queue else 1
        except OSError:
            return 0

    def read(self) -> list[str]:
        """The lines that have been written since, one block at most."""
        if self._stream is None and not self._open_next():
            return []
        assert self._stream is not None
        if self._named and not self._same_head():
            return self._truncated()
        block = self._stream.read(BLOCK)
        if block:
            self._at.offset += len(block)
            self._learn_head()
            return self._lines.feed(block)
        return self._at_end()

    def close(self) -> None:
        """Let the file go."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _at_end(self) -> list[str]:
        """At the end of the open file: is it still the one that the name points to?"""
        assert self._stream is not None
        if not self._named:
            return self._leave()
        try:
            status = self.path.stat()
        except OSError:
            return []  # moved away, its successor is not there yet; the writer may still write to the old one
        if (status.st_dev, status.st_ino) != (self._at.device, self._at.inode):
            block = self._stream.read(BLOCK)  # what was written between the last read and the rotation
            if block:
                self._at.offset += len(block)
                return self._lines.feed(block)
            self._gather(self._at, with_start=False)
            return self._leave()
        return self._truncated() if status.st_size < self._at.offset else []

    def _truncated(self) -> list[str]:
        self.remarks.append(f"{self.path} was truncated: reading from its beginning")
        # If it was copied before (copytruncate), the copy has what we have not read, the unfinished line included.
        if self._gather(self.position, with_start=True):
            self._lines.rest, self._lines.pending = b"", 0
        return self._leave()

    def _leave(self) -> list[str]:
        last = self._lines.finish()
        self.close()
        self._at = Position()
        self._open_next()
        return last

    def _open_next(self) -> bool:
        if not self._queue:
            try:
                self._queue = [_Opened.at(self.path, None, named=True)]
            except OSError:
                return False
        opened = self._queue.pop(0)
        self._stream, self._at, self._named = opened.stream, opened.position, opened.named
        return True

    def _gather(self, start: Position, with_start: bool) -> bool:
        """Open the file of a position (or not), every younger one, and the one of the name; whether it was found.

        Names move while we look: it is done again until nothing has moved meanwhile.
        """
        for _ in range(10):
            before = _inodes(self.path)
            rows = siblings(self.path)
            known = find_sibling(self.path, start)
            opened: list[_Opened] = []
            try:
                if known is not None:
                    if with_start:
                        opened.append(_Opened.at(known, start, named=False))
                    opened += [_Opened.at(other, None, named=False) for other in rows[rows.index(known) + 1 :]]
                if self.path.exists():
                    opened.append(_Opened.at(self.path, None, named=True))
            except (OSError, EOFError, ValueError):
                before = []
            if before and before == _inodes(self.path):
                break
            for one in opened:
                one.stream.close()
            opened = []
        self._queue = opened
        return known is not None

    def _resume(self, position: Position) -> None:
        try:
            status = self.path.stat()
            same = (status.st_dev, status.st_ino) == (position.device, position.inode)
            same = same and status.st_size >= position.offset
            same = same and (not position.head_bytes or head_of(self.path, position.head_bytes) == position.head)
            if same:
                self._queue = [_Opened.at(self.path, position, named=True)]
                self._open_next()
                return
        except OSError:
            pass
        if not self._gather(position, with_start=True) and position.offset:
            self.remarks.append(
                f"the file that was being read is gone, and with it its lines after byte {position.offset:,}"
            )
        self._open_next()

    def _learn_head(self) -> None:
        at = self._at
        if at.head_bytes >= HEAD_BYTES or (not self._named and at.head):
            return
        size = min(at.offset, HEAD_BYTES)
        if size > at.head_bytes and self._stream is not None:
            if isinstance(self._stream, gzip.GzipFile):
                return
            at.head = hashlib.sha256(os.pread(self._stream.fileno(), size, 0)).hexdigest()[:16]
            at.head_bytes = size

    def _same_head(self) -> bool:
        assert self._stream is not None
        if not self._at.head_bytes or isinstance(self._stream, gzip.GzipFile):
            return True
        head = os.pread(self._stream.fileno(), self._at.head_bytes, 0)
        return hashlib.sha256(head).hexdigest()[:16] == self._at.head


def head_of(path: Path, size: int) -> str:
    """Hash of the first `size` bytes of a file, unpacked; empty where it has fewer."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if packed else path.open("rb") as stream:
        head = stream.read(size)
    return hashlib.sha256(head).hexdigest()[:16] if len(head) == size and size else ""


def siblings(path: Path) -> list[Path]:
    """Rotated files of a log, oldest first: by number where they are numbered, else by the time they were changed."""
    pattern = re.compile(re.escape(path.name) + r"[.\-_].+|" + re.escape(path.stem) + r"[.\-_]\d.*")
    found = []
    try:
        for other in path.parent.iterdir():
            if other.name != path.name and pattern.fullmatch(other.name) and other.is_file():
                number = re.fullmatch(re.escape(path.name) + r"\.(\d{1,4})(?:\.gz)?", other.name)
                found.append((-int(number[1]) if number else 0, other.stat().st_mtime_ns, other.name, other))
    except OSError:
        return []
    numbered = all(row[0] for row in found)
    return [row[3] for row in sorted(found, key=lambda row: row[:3] if numbered else row[1:3])]


def find_sibling(path: Path, position: Position) -> Path | None:
    """The rotated file that a position is in: same inode and first bytes, else (packed or copied) same first bytes."""
    alike = []
    for other in reversed(siblings(path)):
        try:
            if position.head_bytes and head_of(other, position.head_bytes) != position.head:
                continue
            status = other.stat()
            if (status.st_dev, status.st_ino) == (position.device, position.inode):
                return other
            if position.head_bytes:
                alike.append(other)
        except (OSError, EOFError):
            continue
    return alike[0] if alike else None


@dataclass
class _Opened:
    """A file that is open, and where in it reading begins."""

    stream: IO[bytes]
    position: Position
    named: bool

    @classmethod
    def at(cls, path: Path, position: Position | None, named: bool) -> _Opened:
        stream: IO[bytes] = path.open("rb")
        status = os.fstat(stream.fileno())
        if os.pread(stream.fileno(), 2, 0) == b"\x1f\x8b":
            stream = gzip.GzipFile(fileobj=stream)  # type: ignore[assignment]
        offset = position.offset if position else 0
        stream.seek(offset)
        head, size = (position.head, position.head_bytes) if position else ("", 0)
        return cls(stream, Position(status.st_dev, status.st_ino, head, size, offset), named)


def _inodes(path: Path) -> list[tuple[str, int]]:
    """Names and inodes of a log and its rotated files."""
    found = []
    for one in [*siblings(path), path]:
        try:
            found.append((one.name, one.stat().st_ino))
        except OSError:
            found.append((one.name, 0))
    return found


POLL_SECONDS = 0.05


class StandardInput:
    """Lines of standard input, with the interface of `FileFollower`; it has no position to go back to."""

    waits = True  # `read` does, so that nobody else has to

    def __init__(self, encoding: str, stream: Any = None):
        self._descriptor = (stream or sys.stdin.buffer).fileno()
        self._lines = Lines(encoding)
        self.ended = False
        self.position = Position()
        self.remarks: list[str] = []

    @property
    def cut_lines(self) -> int:
        """Lines that were shortened."""
        return self._lines.cut

    def lag_bytes(self) -> int:
        """Unknown of a pipe: 0."""
        return 0

    def read(self) -> list[str]:
        """What has arrived; waits for a moment at most."""
        if self.ended or not select.select([self._descriptor], [], [], POLL_SECONDS)[0]:
            return []
        block = os.read(self._descriptor, BLOCK)
        if block:
            return self._lines.feed(block)
        self.ended = True
        return self._lines.finish()

    def close(self) -> None:
        """Nothing to let go."""
