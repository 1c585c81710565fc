"""What a user names as logs and as times, turned into files and seconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from logllm.errors import LogllmError

MOST_FILES = 400
_LOG_NAME = re.compile(
    r"(?i)(?:\.(?:log|txt|out|err|jsonl?|ndjson|csv|evtx?\.xml|journal\.txt|gz|bz2|xz|zst|lz4|zip)|\.log[.-][\w.-]+|\.\d+|log|messages|syslog|dmesg|auth)$"
)
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


def log_files(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """(files to read, what was left out and why) for files, folders and "-".

    Raises:
        LogllmError: a name that is no file and no folder, or a folder without a log.
    """
    files: list[str] = []
    left_out: list[str] = []
    for name in names:
        path = Path(name)
        if len(names) > 1 and path.is_file() and not path.stat().st_size:  # as a log that was just rotated
            left_out.append(f"{name} (empty)")
        elif name == "-" or path.is_file() or (path.exists() and not path.is_dir()):
            files.append(name)
        elif path.is_dir():
            found = 0
            for one in sorted(path.rglob("*")):
                if not one.is_file() or any(part.startswith(".") for part in one.relative_to(path).parts):
                    continue
                why = _no_log(one) or ("too many files" if len(files) >= MOST_FILES else "")
                if why:
                    left_out.append(f"{one.relative_to(path)} ({why})")
                else:
                    files.append(str(one))
                    found += 1
            if not found:
                raise LogllmError(f"a folder must hold a log, found none in {name}: name the files")
        else:
            raise LogllmError(f"a log must be a file, a folder or -, found nothing at {name}: check the path")
    if not files:
        raise LogllmError(f"a log must hold at least one line, found only empty files: {', '.join(names[:3])}")
    return files, left_out


def _no_log(path: Path) -> str:
    """Why a file of a folder is not read; "" for a log."""
    if not _LOG_NAME.search(path.name):
        return "name of no log"
    try:
        with path.open("rb") as stream:
            begin = stream.read(4096)
    except OSError as error:
        return error.strerror or "cannot be read"
    if not begin:
        return "empty"
    if b"\0" in begin and begin[:2] not in (b"\xff\xfe", b"\xfe\xff") and not begin.startswith(_PACKED):
        return "binary"
    return ""


def seconds_of(text: str) -> float:
    """Seconds of a span such as `90`, `30m`, `2h` or `1d12h`.

    >>> seconds_of("30m"), seconds_of("1d12h")
    (1800.0, 129600.0)
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(min|[smhdw])?", text.strip())
    if not parts or re.sub(r"(\d+(?:\.\d+)?)\s*(min|[smhdw])?\s*", "", text.strip()):
        raise LogllmError(f"a span of time must be like 90s, 30m, 2h or 1d, found {text!r}: give one of these")
    return float(sum(float(number) * _UNITS[unit or "s"] for number, unit in parts))


def moment_of(text: str) -> float:
    """Seconds since 1970 of a time such as `2024-05-01 09:07`, taken as UTC where it names no zone.

    >>> moment_of("2024-05-01T09:00:00Z") == moment_of("2024-05-01 09:00")
    True
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise LogllmError(
            f"a time must be like 2024-05-01 or 2024-05-01 09:07:41, found {text!r}: give one of these"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
