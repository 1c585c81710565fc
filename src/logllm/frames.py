"""Log lines out of and back into data frames, pandas or polars, whichever the caller has; neither is imported here.

Notes: What comes out has a row for each line that went in, in the same order, so that it can be joined.
A line of several windows (a session log) is told by the one with the highest score.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from logllm.errors import LogllmError
from logllm.verdict import Verdict

LINE_COLUMNS = ("line", "raw", "message", "content", "text", "log")
ADDED = ("window_id", "window_score", "is_anomalous", "line_score", "reason", "template")


def is_frame(data: Any) -> bool:
    """Whether it has columns."""
    return hasattr(data, "columns") and hasattr(data, "__getitem__")


def lines_of(data: Any, column: str | None = None) -> list[str]:
    """The lines of a frame's column, of a series, or of any iterable of text."""
    if isinstance(data, (str, bytes)):
        raise LogllmError(
            f"lines must be an iterable of lines, found one string {data[:60]!r}: use text.splitlines(), or an open file"
        )
    if is_frame(data):
        names = [str(name) for name in data.columns]
        found = column if column is not None else next((name for name in LINE_COLUMNS if name in names), None)
        if found is None or found not in names:
            raise LogllmError(
                f"the frame must have a column of raw lines, found {', '.join(names[:10])}: name it with column="
            )
        data = data[found]
    values: Iterable[Any] = data.to_list() if hasattr(data, "to_list") else data
    return [
        value if isinstance(value, str) else "" if value is None or value != value else str(value) for value in values
    ]


def with_verdicts(frame: Any, verdicts: Sequence[Verdict], count: int) -> Any:
    """The frame with the columns `ADDED` behind its own."""
    columns: dict[str, list[Any]] = {
        "window_id": [None] * count,
        "window_score": [None] * count,
        "is_anomalous": [False] * count,
        "line_score": [None] * count,
        "reason": [""] * count,
        "template": [""] * count,
    }
    for verdict in sorted(verdicts, key=lambda one: one.score):
        evidence = {item.line_number: item for item in verdict.evidence}
        for number in verdict.line_numbers:
            at = number - 1
            item = evidence.get(number)
            columns["window_id"][at] = verdict.window_id
            columns["window_score"][at] = verdict.score
            columns["is_anomalous"][at] = verdict.is_anomalous
            columns["line_score"][at] = item.score if item else None
            columns["reason"][at] = item.reason if item else ""
            columns["template"][at] = item.template if item else ""
    if hasattr(frame, "with_columns"):  # polars
        series = type(frame.get_column(frame.columns[0]))
        return frame.with_columns([series(name, values, strict=False) for name, values in columns.items()])
    return frame.assign(**columns)
