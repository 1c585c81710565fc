"""A log as chunks of whole lines in valid UTF-8, for code that works on bytes of many lines at once.

Notes: Whatever the log's encoding, a chunk is UTF-8 (an ASCII chunk is handed on untouched), with the same lines
as `reading.read_lines` gives one by one. Offsets in a chunk are therefore byte offsets that slice to valid text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from .escapes import bytes_without_escapes
from .lines import guarded_blocks, open_log

# Large enough to spread the cost of a step over many lines, small enough to stay in the processor's cache.
CHUNK_BYTES = 4 << 20


def read_chunks(path: str | Path, encoding: str = "utf-8", size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The log as chunks of whole lines (only the last may lack its line feed). Errors as `read_lines`."""
    with open_log(path) as stream:
        held: list[bytes] = []
        for block in guarded_blocks(stream, path, size):
            end = block.rfind(b"\n") + 1
            if not end:  # one line that is longer than a block
                held.append(block)
                continue
            yield _utf8(b"".join([*held, block[:end]]), encoding)
            held = [block[end:]] if end < len(block) else []
        if held:
            yield _utf8(b"".join(held), encoding)


def read_range(path: Path, encoding: str, begin: int, end: int, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """As `read_chunks`, for the bytes begin..end of a log that is not packed; both stand at the start of a line."""
    with path.open("rb") as stream:
        stream.seek(begin)
        while begin < end:
            block = stream.read(min(size, end - begin))
            if begin + len(block) < end and not block.endswith(b"\n"):
                block += stream.readline(end - begin - len(block))
            if not block:
                return
            begin += len(block)
            yield _utf8(block, encoding)


def cut_at_lines(path: Path, count: int) -> list[tuple[int, int]]:
    """A file as at most `count` ranges of bytes of about one size, each beginning with a line."""
    size = path.stat().st_size
    cuts = [0]
    with path.open("rb") as stream:
        for number in range(1, count):
            stream.seek(max(size * number // count - 1, cuts[-1]))
            stream.readline()
            cuts.append(min(stream.tell(), size))
    bounds = sorted({*cuts, size})
    return list(pairwise(bounds))


def _utf8(chunk: bytes, encoding: str) -> bytes:
    chunk = bytes_without_escapes(chunk)
    if chunk.isascii():
        return chunk
    text = chunk.decode(encoding, "replace")
    return text.encode("utf-8")
