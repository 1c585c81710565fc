"""Where alerts go: standard output, a file, or an HTTP address. At least once, in order.

Notes: `deliver` never waits for a better time. What it could not deliver stays with the watcher, which
reads no further when too much waits; an HTTP address is tried again after a pause that doubles up to a minute. Messages
show an address without its password and path, which are secrets.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from logllm.errors import LogllmError
from logllm.redaction import shown_address, split_credentials

TIMEOUT = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0


class Sink(Protocol):
    """Takes alerts; returns how many of them, from the first on, it took."""

    problem: str

    def deliver(self, alerts: Sequence[dict[str, Any]]) -> int:
        """Deliver what can be delivered now."""
        ...


def as_line(alert: dict[str, Any]) -> str:
    """One line of ASCII JSON: no escape sequence of a hostile log reaches a terminal."""
    return json.dumps(alert, ensure_ascii=True, allow_nan=False) + "\n"


class StreamSink:
    """Standard output."""

    problem = ""

    def deliver(self, alerts: Sequence[dict[str, Any]]) -> int:
        """Write all of them."""
        sys.stdout.write("".join(map(as_line, alerts)))
        sys.stdout.flush()
        return len(alerts)


class FileSink:
    """Appends to a file, opened by name each time so that it may be rotated; a torn line is ended first."""

    def __init__(self, path: Path):
        self.path, self.problem = path, ""
        path.parent.mkdir(parents=True, exist_ok=True)

    def deliver(self, alerts: Sequence[dict[str, Any]]) -> int:
        """Append them with one write."""
        try:
            with self.path.open("ab+") as stream:
                size = stream.seek(0, os.SEEK_END)
                torn = size > 0 and stream.seek(size - 1) >= 0 and stream.read(1) != b"\n"
                try:
                    stream.write((("\n" if torn else "") + "".join(map(as_line, alerts))).encode())
                    stream.flush()
                except OSError:
                    os.truncate(self.path, size)
                    raise
        except OSError as error:
            self.problem = f"alerts cannot be written to {self.path} ({error})"
            return 0
        self.problem = ""
        return len(alerts)


class HttpSink:
    """POSTs each alert as JSON; any answer but 2xx is tried again, later each time."""

    def __init__(self, address: str):
        self.address, self._authorization = split_credentials(address)
        self.problem, self._shown = "", shown_address(address)
        self._pause, self._not_before = FIRST_PAUSE, 0.0

    def deliver(self, alerts: Sequence[dict[str, Any]]) -> int:
        """POST them one by one until one fails."""
        if time.monotonic() < self._not_before:
            return 0
        for done, alert in enumerate(alerts):
            request = urllib.request.Request(
                self.address,
                data=as_line(alert).encode(),
                headers={"Content-Type": "application/json", "Idempotency-Key": str(alert.get("id", ""))},
            )
            if self._authorization:
                request.add_unredirected_header("Authorization", self._authorization)
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT):
                    pass
            except (OSError, http.client.HTTPException, ValueError) as error:
                why = _why(error).replace(self.address, self._shown)
                self.problem = f"alerts cannot be sent to {self._shown} ({why}), next try in {self._pause:g} s"
                self._not_before = time.monotonic() + self._pause
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
                return done
        self._pause, self.problem = FIRST_PAUSE, ""
        return len(alerts)


def _why(error: Exception) -> str:
    """What went wrong, without the address: its path may be a secret."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, OSError):
        return str(getattr(error, "reason", None) or error.strerror or type(error).__name__)
    return f"{type(error).__name__}: the address cannot be used"


def open_sink(target: str | None) -> Sink:
    """`-` or None is standard output, `http(s)://...` an address, anything else a file."""
    if target is None or target == "-":
        return StreamSink()
    if target.startswith(("http://", "https://")):
        return HttpSink(target)
    if "://" in target:
        raise LogllmError(
            f"alerts must go to a file, http:// or https://, found {shown_address(target)}: give one of these"
        )
    return FileSink(Path(target))
