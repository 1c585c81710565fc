"""Findings of events as one HTML file that can be mailed: what stands out and why, over time, standing conditions, files.

It has the looks and the safety of `html`: hostile text is escaped and drawn as signs, a content security policy names the
hash of our own script, and nothing is fetched. It is made of plain values, the head and the rows of `scan --json`, so that
scan and diff can use it alike.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logllm.report.finding_text import KIND_WORDS
from logllm.report.html import CONTEXT_LINES, SHORTEST_FOLD, environment, printable

COLUMNS = 200
MOST_FINDINGS = 500
MOST_FILES = 50


def render_event_report(
    head: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    *,
    title: str,
    times: NDArray[np.float64] | None = None,
    severe: NDArray[np.bool_] | None = None,
) -> str:
    """Draw findings as a self-contained HTML page.

    Args:
        head: the head object of a result, as `scan --json` prints it first.
        rows: its findings in order of rank; each may have `context`, (number, line) pairs before its first line.
        title: heading, usually the name of the log.
        times: `(n,)` seconds since 1970 of all events in order, for the drawing; NaN or None where the log has no times.
        severe: `(n,)` whether each is of level ERROR or FATAL.

    Returns:
        The page.
    """
    env = environment()
    script = env.get_template("report_script.html").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    shown = [_finding(row) for row in rows[:MOST_FINDINGS]]
    files = list(head.get("files", ()))
    notes = [str(note) for note in head.get("notes", ())]
    if not head.get("complete", True):
        notes.insert(0, "The log was not read to its end: what follows is of its beginning.")
    if len(rows) > MOST_FINDINGS:
        notes.append(f"{len(rows) - MOST_FINDINGS:,} further findings are not in this file.")
    counts = {
        "lines": f"{int(head.get('lines', 0)):,}",
        "order judged by": str(head.get("order") or "not judged"),
        "seconds": f"{float(head.get('seconds', 0.0)):.2f}",
    }
    if head.get("model"):
        counts["model"] = str(head["model"])
    return env.get_template("events.html").render(
        title=printable(title),
        formats=printable(
            ", ".join(sorted({str(one.get("title") or one.get("format")) for one in files})) or "unknown"
        ),
        events=int(head.get("judged_events", head.get("events", 0))),
        flagged=int(head.get("flagged", sum(bool(row.get("is_anomalous")) for row in rows))),
        threshold=float(head.get("threshold", 0.0)),
        counts={name: printable(value) for name, value in counts.items()},
        notes=[printable(note) for note in notes],
        timeline=None if times is None or not len(times) else _timeline(times, severe, rows[:MOST_FINDINGS]),
        findings=shown,
        standing=[_standing(one) for one in head.get("standing", ())],
        files=[_file(one) for one in files[:MOST_FILES]],
        more_files=max(len(files) - MOST_FILES, 0),
        script=script,
        script_hash=f"sha256-{digest}",
    )


def write_event_report(
    path: str | Path, head: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], **more: Any
) -> Path:
    """Write `render_event_report` to a file; folders on the way are made, an existing file is replaced."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(render_event_report(head, rows, **more), encoding="utf-8")
    return target


def render_finding(row: Mapping[str, Any]) -> str:
    """One finding of a scan or a diff, as `--json` prints it, as an HTML fragment. Needs `finding_style` on the page."""
    macros: Any = environment().get_template("finding.html").module
    return str(macros.finding(_finding(row)))


def finding_style() -> str:
    """The style sheet (CSS, without tags) that `render_finding` needs besides `html.window_style`."""
    return environment().get_template("finding_style.html").render()


def _finding(row: Mapping[str, Any]) -> dict[str, Any]:
    """A finding as the template reads it: texts made printable, lines in open and folded stretches."""
    lines = [dict(line) for line in row.get("lines", ())]
    own = {(line.get("file"), line["number"]) for line in lines}
    before = [
        {"number": number, "text": text, "score": 0.0, "reason": ""}
        for number, text in row.get("context", ())
        if (None, number) not in own
    ]
    hottest = max((_finite(line.get("score")) for line in lines), default=0.0)
    shown = [
        {
            "number": line["number"],
            "text": printable(str(line["text"])),
            "file": printable(str(line["file"])) if line.get("file") else "",
            "score": _finite(line.get("score")),
            "reason": printable(str(line.get("reason") or "")),
            "heat": round(_finite(line.get("score")) / hottest, 3) if hottest > 0 else 0.0,
        }
        for line in [*before, *lines]
    ]
    above = ""
    for (
        line
    ) in shown:  # a reason that stands above, in the sentence of the finding or at the line before, is not said again
        reason = line["reason"]
        line["is_marked"] = bool(reason)
        if reason in printable(str(row["reason"])) or reason == above:
            line["reason"] = ""
        above = reason
    kind, near = str(row.get("kind")), row.get("nearest")
    return {
        "rank": int(row["rank"]),
        "file": printable(Path(str(row.get("file", ""))).name),
        "first_line": row.get("first_line"),
        "kind_words": KIND_WORDS.get(kind, kind),
        "severity": row.get("severity") or "",
        "count": int(row.get("count", 1)),
        "score": _finite(row.get("score")),
        "is_anomalous": bool(row.get("is_anomalous")),
        "why_quiet": "called fine" if row.get("suppressed") else "not flagged",
        "reason": printable(str(row.get("reason", ""))),
        "time": _period(row.get("first"), row.get("last")),
        "key": printable(str(row.get("key") or "")),
        "near": {"good_line": int(near["good_line"]), "text": printable(str(near["text"]))} if near else None,
        "stretches": _stretches(shown),
    }


def _stretches(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cut lines into stretches; those far from every line with a reason, and lines of a long trace, are folded."""
    anchors = [place for place, row in enumerate(rows) if row["is_marked"]] or [0]
    near = {place for anchor in anchors for place in range(anchor - CONTEXT_LINES, anchor + 2 * CONTEXT_LINES + 1)}
    stretches: list[dict[str, Any]] = []
    for place, row in enumerate(rows):
        folded = place not in near
        if not stretches or stretches[-1]["folded"] != folded:
            stretches.append({"folded": folded, "rows": []})
        stretches[-1]["rows"].append(row)
    for stretch in stretches:
        stretch["folded"] = stretch["folded"] and len(stretch["rows"]) >= SHORTEST_FOLD
    return stretches


def _timeline(
    times: NDArray[np.float64], severe: NDArray[np.bool_] | None, rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Columns of events, and where the findings are, on a 1000 x 100 canvas: by time where the log has times."""
    known = times[np.isfinite(times)]
    by_time = len(known) > 0.5 * len(times) and float(known.max()) > float(known.min())
    at = times if by_time else np.arange(len(times), dtype=np.float64)
    keep = np.isfinite(at)
    first, span = float(at[keep].min()), float(at[keep].max() - at[keep].min()) or 1.0
    column = np.minimum((at[keep] - first) / span * COLUMNS, COLUMNS - 1).astype(int)
    count = np.bincount(column, minlength=COLUMNS)
    grave = np.zeros(COLUMNS, int) if severe is None else np.bincount(column[severe[keep]], minlength=COLUMNS)
    most, width = max(int(count.max()), 1), 1000 / COLUMNS
    bars = []
    for place in np.flatnonzero(count).tolist():
        height = max(82 * int(count[place]) / most, 1.0)
        # A single severe event among thousands is seen as well.
        red = max(82 * int(grave[place]) / most, 3.0) if grave[place] else 0.0
        bars.append(
            {"x": round(place * width, 2), "width": round(0.85 * width, 2), "y": round(100 - height, 2), "height": round(height, 2),
             "severe_y": round(100 - red, 2), "severe_height": round(red, 2)}
        )  # fmt: skip
    marks = []
    for row in rows:
        moment = _seconds(row.get("first"))
        if row.get("is_anomalous") and by_time and moment is not None:
            share = min(max((moment - first) / span, 0.0), 1.0)
            marks.append(
                {"x": round(2 + 996 * share, 2), "rank": int(row["rank"]), "title": printable(str(row["reason"]), 200)}
            )
    return {
        "bars": bars,
        "marks": marks,
        "most": most,
        "by_time": by_time,
        "severe": bool(grave.any()),
        "from": _clock(first) if by_time else "first event",
        "to": _clock(first + span) if by_time else "last event",
    }


def _standing(one: Mapping[str, Any]) -> dict[str, Any]:
    rate = one.get("per_hour")
    return {
        "key": printable(str(one.get("key", "")), 400),
        "severity": one.get("severity") or "",
        "count": int(one.get("count", 0)),
        "per_hour": "" if rate is None else f"{rate:,.3g}",
        "first": _moment(one.get("first")),
        "where": printable(str(one.get("where", ""))),
    }


def _file(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "file": printable(str(one.get("file", ""))),
        "title": printable(str(one.get("title") or one.get("format") or "")),
        "lines": int(one.get("lines", 0)),
        "events": int(one.get("events", 0)),
        "share": f"{float(one.get('parsed_share', 0.0)):.0%}",
        "first": _moment(one.get("first")),
        "last": _moment(one.get("last")),
        "notes": [printable(str(note)) for note in one.get("notes", ())],
    }


def _finite(value: Any) -> float:
    found = float(value or 0.0)
    return found if math.isfinite(found) else 0.0


def _seconds(text: Any) -> float | None:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp() if text else None
    except ValueError:
        return None


def _moment(text: Any) -> str:
    return str(text).replace("T", " ").removesuffix("Z") if text else ""


def _clock(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return ""


def _period(first: Any, last: Any) -> str:
    start, end = _moment(first), _moment(last)
    if not start or not end or start == end:
        return start or end
    return f"{start} to {end.removeprefix(start[:11])}"
