"""Terminal escapes (colours, titles, cursor moves) out of lines, so that a coloured line has the template of a plain one."""

from __future__ import annotations

import re

_PATTERN = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\-_])"
_TEXT, _BYTES = re.compile(_PATTERN), re.compile(_PATTERN.encode())


def without_escapes(line: str) -> str:
    r"""The line without them.

    >>> without_escapes("a \x1b[31mred\x1b[0m word")
    'a red word'
    """
    return _TEXT.sub("", line) if "\x1b" in line else line


def bytes_without_escapes(chunk: bytes) -> bytes:
    """The lines of a chunk without them; no line feed is taken out."""
    return _BYTES.sub(b"", chunk) if b"\x1b" in chunk else chunk
