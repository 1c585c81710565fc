"""The type of a parsed log line."""

from __future__ import annotations

from dataclasses import dataclass

NORMAL_LABEL = "-"


@dataclass(slots=True)
class LogLine:
    """One line of a log.

    `number` counts from 1 in the source file; `content` is the message without its header; `label` is the line's
    own label where the system has line labels ("-" is normal); `timestamp` is in seconds since 1970 UTC.
    """

    number: int
    raw: str
    content: str
    parsed: bool
    label: str | None
    timestamp: float | None
    session_ids: tuple[str, ...]

    @property
    def anomalous(self) -> int:
        """1 for an alert, 0 for normal, -1 where the line has no label."""
        return -1 if self.label is None else int(self.label != NORMAL_LABEL)
