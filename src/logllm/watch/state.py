"""What a watcher knows, on disk: a snapshot, and a journal of steps behind it, so that a kill -9 loses nothing.

- Order is everything. A step (lines read, position after them, alerts found) is appended before any of its alerts goes
  out; what went out is noted with the next step. After a kill the journal is replayed: an alert that was not noted as
  sent is sent again, under the same id.
- A step is one line of JSON; a torn last line is a step that never happened, and none of its alerts was sent.
- Behind every row stands its CRC-32: a flipped bit is refused. (A row without one is of version 1.)
- The journal is folded into a new snapshot now and then: written beside it, synced, renamed over it.
- A disk that is full leaves the old state as it was; the watcher says so and goes on.
"""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from logllm.errors import LogllmError

VERSION = 3  # 3: the state of events
JOURNAL_BYTES = 32 << 20


class StateFile:
    """The state of one watcher. `load` first, then `step` and `snapshot`.

    Args:
        path: the file; `PATH.lock` beside it keeps a second watcher out.
        lineage: of the model; a state of another model is refused.
    """

    def __init__(self, path: Path, lineage: str):
        self.path, self.lineage = path, lineage
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock: IO[str] = Path(f"{path}.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise LogllmError(
                f"a state file must belong to one watcher, found another one at work on {path}: stop it, or give --state"
            ) from None
        self._stream: IO[bytes] | None = None
        self._size = 0

    def load(self) -> tuple[dict[str, Any] | None, Iterator[dict[str, Any]]]:
        """The snapshot (None for a new file) and the steps after it."""
        try:
            rows = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return None, iter(())
        try:
            snapshot = _read(rows[0])
            if snapshot["version"] not in (1, 2, VERSION):
                raise ValueError(f"version {snapshot['version']}")
        except (ValueError, KeyError, TypeError) as error:
            raise LogllmError(
                f"a state file must be what `logllm watch` wrote, found {error} in {self.path}: move it away to start anew"
            ) from error
        if snapshot["lineage"] != self.lineage:
            raise LogllmError(
                f"a state file must be of the model that is watching, found one of another model in {self.path}: "
                "give another --state, or move it away to start anew"
            )
        return snapshot, self._steps(rows[1:])

    def _steps(self, rows: list[bytes]) -> Iterator[dict[str, Any]]:
        for number, row in enumerate(rows[:-1], 2):  # what stands behind the last line feed was torn
            try:
                yield _read(row)
            except ValueError as error:
                raise LogllmError(
                    f"a state file must be what `logllm watch` wrote, found {error} in row {number} of {self.path}: move it "
                    "away to start anew"
                ) from error

    def step(self, values: dict[str, Any]) -> None:
        """Append a step. Raises OSError where the disk does not take it; the file is then as before."""
        if self._stream is None:
            raise OSError("the journal is not open")
        row = _row(values)
        try:
            self._stream.write(row)
            self._stream.flush()
        except OSError:
            self._reopen(self._size)
            raise
        self._size += len(row)

    @property
    def is_long(self) -> bool:
        """Whether the journal is worth folding."""
        return self._size > JOURNAL_BYTES

    def snapshot(self, values: dict[str, Any]) -> None:
        """Replace snapshot and journal. Raises OSError where the disk does not take it; the old ones then stand."""
        fresh = Path(f"{self.path}.new")
        row = _row({"version": VERSION, "lineage": self.lineage, **values})
        try:
            with fresh.open("wb") as stream:
                stream.write(row)
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(self.path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        self._reopen(len(row))

    def _reopen(self, size: int) -> None:
        if self._stream is not None:
            try:
                self._stream.close()
            except OSError:
                pass  # what it still held did not fit on the disk
        os.truncate(self.path, size)
        self._stream = self.path.open("ab")
        self._size = size

    def sync(self) -> None:
        """Ask the disk to keep what was written, against a power cut."""
        if self._stream is not None:
            os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Let the file and its lock go."""
        if self._stream is not None:
            self._stream.close()
        self._lock.close()


def _row(values: dict[str, Any]) -> bytes:
    text = json.dumps(values, separators=(",", ":")).encode()
    return text + b"\t%08x\n" % zlib.crc32(text)


def _read(row: bytes) -> dict[str, Any]:
    text, tab, checksum = row.rpartition(b"\t")  # JSON has no tab of its own
    if tab and checksum != b"%08x" % zlib.crc32(text):
        raise ValueError("a wrong checksum")
    values = json.loads(text if tab else row)
    if not isinstance(values, dict):
        raise ValueError("no object")
    return values
