"""Scan and diff of a visitor's events: lines in, what `scan --json` and `diff --json` print out; no model is asked.

Notes: Both read files, and read them twice. A paste lies in a temporary folder while it is judged, in memory where the
system has such a folder, and is gone afterwards.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import scan_log as space

from logllm.diff.command import DiffOptions, run_diff
from logllm.errors import LogllmError
from logllm.signals.command import ScanOptions, run_scan

MOST_FINDINGS = 20
MEMORY = "/dev/shm"


@dataclass
class Found:
    """A head and findings, as plain values; `question` is "scan" or "diff"."""

    question: str
    head: dict[str, Any]
    rows: list[dict[str, Any]]

    def to_json(self) -> str:
        """What the download holds: the same lines as `--json`."""
        return "\n".join(json.dumps(row, ensure_ascii=False) for row in ({"head": self.head}, *self.rows)) + "\n"


def scan_events(lines: Sequence[str], top: int = MOST_FINDINGS) -> Found:
    """What stands out in a log.

    Raises:
        LogllmError: the log cannot be judged.
    """
    with _files({"log": lines}) as (folder, (log,)):
        return _found("scan", folder, run_scan([log], ScanOptions(top=top, as_json=True, quiet=True))[1])


def diff_events(good: Sequence[str], bad: Sequence[str], top: int = MOST_FINDINGS) -> Found:
    """What is different in a bad run from a good one.

    Raises:
        LogllmError: one of them cannot be judged.
    """
    with _files({"good": good, "bad": bad}) as (folder, names):
        return _found("diff", folder, run_diff(names, DiffOptions(top=top, as_json=True))[1])


@contextmanager
def _files(logs: dict[str, Sequence[str]]) -> Iterator[tuple[str, list[str]]]:
    with TemporaryDirectory(prefix="logllm-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        names = [str(Path(folder) / f"{name}.log") for name in logs]
        for name, lines in zip(names, logs.values()):
            Path(name).write_text("\n".join(lines) + "\n", "utf-8", errors="replace")
        try:
            yield f"{folder}/", names
        except (ValueError, OSError) as error:
            raise LogllmError(str(error).replace(f"{folder}/", "")) from error


def _found(question: str, folder: str, told: str) -> Found:
    first, *rows = (json.loads(line) for line in told.replace(folder, "").splitlines())
    return Found(question, first["head"], rows)


def lines_of(text: Any, file: str | None, box: str = "") -> list[str]:
    """The lines of an upload or else of a paste; bad input is refused with a sentence that names the box."""
    try:
        return space.lines_of_file(file) if file else space.lines_of_text(text)
    except LogllmError as error:
        raise LogllmError(f"{box}{error}") from error
