"""A scan as one HTML file that can be mailed: timeline, ranked windows, the marked lines and why.

Notes:
* A log is hostile text. Everything goes through Jinja's autoescape; control characters (terminal escapes, NUL,
  right-to-left overrides) are drawn as signs; and a content security policy names the hash of our own script, so that
  even markup that slipped through could neither run nor fetch.
* Self-contained: style, script and drawing stand in the file; opening it asks nobody for anything.
* Every flagged window (of more than 500 the worst, and it says so) is in the file with all its lines; quiet stretches
  are folded, not dropped.
* `render_window` and `window_style` give one window alone, for pages that have a frame of their own (the Space).
"""

from __future__ import annotations

import base64
import hashlib
import math
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from logllm.verdict import Evidence, Verdict

MAX_SHOWN_CHARACTERS = 4096  # of one line; a longer one is cut and says so
CONTEXT_LINES = 2  # quiet lines kept open on both sides of a marked one
SHORTEST_FOLD = 4  # fewer quiet lines than this are not worth a click
LEAST_WINDOWS = 10  # the highest scores shown where fewer windows were flagged
MOST_WINDOWS = 500  # in one file: beyond it a browser is slow; the findings stand for the rest
MOST_TEMPLATES = 300
TIMELINE_COLUMNS = 400  # more windows than this share columns; a column shows its highest score


def render_report(
    verdicts: Sequence[Verdict],
    *,
    title: str,
    threshold: float,
    system: str,
    counts: Mapping[str, Any],
    findings: Sequence[Any] = (),
    templates: Sequence[Any] = (),
    notes: Sequence[str] = (),
) -> str:
    """Draw the verdicts of one scan as a self-contained HTML page.

    Args:
        verdicts: One a window, in the order of the log; flagged ones preferably with evidence.
        title: Heading, usually the name of the log.
        threshold: The score above which a window was flagged, in the unit of the scores.
        system: Name of the log system that the lines were read as.
        counts: What was counted during the scan, shown in this order under the names given
            (`lines_read`, `unparsed lines`, ...).
        findings: `findings.Finding`s, worst first: windows of one reason, listed before the windows.
        templates: `template_table.TemplateRow`s, shown as a table.
        notes: sentences for the reader, such as one about drift.

    Returns:
        The page. It shows every flagged window, and the highest scores beside them where fewer than ten were flagged.
    """
    ranked = sorted(verdicts, key=lambda verdict: (not verdict.is_anomalous, -_finite(verdict.score)))
    flagged = sum(verdict.is_anomalous for verdict in verdicts)
    shown = ranked[: min(max(flagged, LEAST_WINDOWS), MOST_WINDOWS)]
    examples = {finding.verdict.line_numbers for finding in findings}  # an id may come twice: a session that went on
    shown += [verdict for verdict in ranked[len(shown) :] if verdict.line_numbers in examples]
    places = {id(verdict): place for place, verdict in enumerate(shown, start=1)}
    env = environment()
    script = env.get_template("report_script.html").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return env.get_template("report.html").render(
        title=printable(title),
        system=printable(system),
        threshold=threshold,
        counts={printable(str(name)).replace("_", " "): _count(value) for name, value in counts.items()},
        total=len(verdicts),
        flagged=flagged,
        windows=[_window(verdict) for verdict in shown],
        timeline=_timeline(verdicts, threshold, places),
        findings=[_finding(one, {v.line_numbers: places[id(v)] for v in shown}) for one in findings],
        templates=[_template(row) for row in templates[:MOST_TEMPLATES]],
        more_templates=max(len(templates) - MOST_TEMPLATES, 0),
        notes=[printable(note) for note in notes],
        left_out=max(flagged - len(shown), 0),
        script=script,
        script_hash=f"sha256-{digest}",
    )


def write_report(
    path: str | Path,
    verdicts: Sequence[Verdict],
    *,
    title: str,
    threshold: float,
    system: str,
    counts: Mapping[str, Any],
    **more: Any,
) -> Path:
    """Write `render_report` to a file; folders on the way are made.

    Args:
        path: Where to; an existing file is replaced.
        verdicts: As for `render_report`.
        title: As for `render_report`.
        threshold: As for `render_report`.
        system: As for `render_report`.
        counts: As for `render_report`.
        more: `findings`, `templates` and `notes` of `render_report`.

    Returns:
        The path.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    page = render_report(verdicts, title=title, threshold=threshold, system=system, counts=counts, **more)
    target.write_text(page, encoding="utf-8")
    return target


def render_window(verdict: Verdict, place: int = 1) -> str:
    """One window as an HTML fragment: score, lines with their heat, reasons. Needs `window_style` on the page.

    Args:
        verdict: The window.
        place: Its rank, shown before its name.
    """
    macros: Any = environment().get_template("window.html").module
    return str(macros.window(_window(verdict), place))


def window_style() -> str:
    """The style sheet (CSS, without tags) of `render_window`; all its rules begin with `.logllm`."""
    return environment().get_template("window_style.html").render()


def printable(text: str, limit: int = MAX_SHOWN_CHARACTERS) -> str:
    r"""Log text for people's eyes: signs in place of control characters, and not endlessly long.

    Example:
        >>> printable("a\x1b[31mb\x00")
        'a^[[31mb^@'

    Args:
        text: Any text, also with lone surrogates.
        limit: Characters kept; a cut text ends in a note of how many are missing.
    """
    kept = "".join(_sign(character) for character in text[:limit])
    return kept if len(text) <= limit else f"{kept} … ({len(text) - limit:,} more characters)"


def _sign(character: str) -> str:
    code = ord(character)
    if code < 0x20 and character != "\t":
        return "^" + chr(code + 0x40)  # caret notation, as `cat -v` writes it
    if code == 0x7F:
        return "^?"
    # Cc: C1 controls; Cf: invisible format characters, among them the overrides of direction; Cs: lone surrogates.
    return f"⟨U+{code:04X}⟩" if unicodedata.category(character) in {"Cc", "Cf", "Cs"} and code >= 0x7F else character


def environment() -> Environment:
    """The templates of this folder, with autoescape."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["score"] = _score
    return found


def _window(verdict: Verdict) -> dict[str, Any]:
    """A verdict as the template reads it: texts made printable, lines in open and folded stretches."""
    by_number: dict[int, list[Evidence]] = {}
    for item in verdict.evidence:
        by_number.setdefault(item.line_number, []).append(item)
    hottest = max((_finite(item.score) for item in verdict.evidence), default=0.0)
    if not verdict.is_anomalous:  # its hottest line is not hot: measure it on what it takes to be flagged
        hottest = max(hottest, _finite(verdict.threshold), 1.0)
    rows = []
    for number, text in zip(verdict.line_numbers, verdict.lines, strict=True):
        found = by_number.get(number, [])
        score = max((_finite(item.score) for item in found), default=None)
        rows.append(
            {
                "number": number,
                "text": printable(text),
                "score": score,
                "heat": round(max(score or 0.0, 0.0) / hottest, 3) if hottest > 0 else 0.0,
                # A window that was not flagged has warm lines, but no marked ones.
                "notes": [_note(item) for item in found if item.reason] if verdict.is_anomalous else [],
            }
        )
    return {
        "id": printable(verdict.window_id),
        "score": verdict.score,
        "threshold": verdict.threshold,
        "is_anomalous": verdict.is_anomalous,
        "quiet": "called fine" if verdict.score > verdict.threshold else "not flagged",
        "label": None if verdict.label is None else "labelled anomalous" if verdict.label else "labelled normal",
        "time": _period(verdict.first_timestamp, verdict.last_timestamp),
        "remark": _remark(verdict, rows),
        "stretches": _stretches(rows),
        "size": len(rows),
    }


def _finding(finding: Any, places: Mapping[tuple[int, ...], int]) -> dict[str, Any]:
    """A finding as the template reads it: one line of a list."""
    worst = next(iter(finding.verdict.worst(1)), None)
    return {
        "place": places.get(finding.verdict.line_numbers),
        "text": printable(worst.text if worst else finding.verdict.window_id, 300),
        "reason": printable(worst.reason if worst else "", 400),
        "line": worst.line_number if worst else None,
        "windows": finding.windows,
        "score": finding.score,
        "time": _period(finding.first_timestamp, finding.last_timestamp),
        "key": finding.key,
        "is_anomalous": finding.verdict.is_anomalous,
    }


def _template(row: Any) -> dict[str, Any]:
    """A row of the template table; its trend as the points of a line on a 100 x 20 canvas."""
    top = max(row.buckets) or 1
    step = 100 / max(len(row.buckets) - 1, 1)
    return {
        "text": printable(row.text, 400),
        "key": row.key,
        "count": row.count,
        "seen": row.seen_in_training,
        "first": _clock(row.first) or f"line {row.first_line}",
        "last": _clock(row.last),
        "trend": row.trend,
        "points": " ".join(f"{i * step:.1f},{19 - 18 * count / top:.1f}" for i, count in enumerate(row.buckets)),
    }


def _remark(verdict: Verdict, rows: list[dict[str, Any]]) -> str:
    """Why a flagged window has no marked line, where it has none."""
    if not verdict.is_anomalous or any(row["notes"] for row in rows):
        return ""
    if verdict.evidence:
        return "No single line carries this score; the one that stands out most is shown."
    return "The lines of this window were not examined."


def _note(item: Evidence) -> dict[str, Any]:
    facts = []
    # The detector's sentence may hold these figures already; a figure is told once.
    if item.seen_in_training is not None and "training" not in item.reason:
        times = "once" if item.seen_in_training == 1 else f"{item.seen_in_training:,} times"
        facts.append(f"seen {times} in training" if item.seen_in_training else "never seen in training")
    if item.rank is not None and "rank" not in item.reason:
        facts.append(f"rank {item.rank:,}")
    if item.probability and "probability" not in item.reason:  # that of a message never seen is zero by definition
        facts.append(f"probability {item.probability:.2g}")
    return {
        "reason": printable(item.reason),
        "facts": ", ".join(facts),
        "template": printable(item.template, 400),
        # A line that was itself the most likely one is marked of something else: nothing was expected in its place.
        "expected": [printable(template, 400) for template in item.expected] if item.rank != 1 else [],
    }


def _stretches(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cut the rows of a window into stretches; quiet ones far from every marked line are folded.

    Without a marked line the warmest one takes its place, without any heat the first.
    """
    anchors = [place for place, row in enumerate(rows) if row["notes"]]
    if not anchors and rows:
        anchors = [max(range(len(rows)), key=lambda place: rows[place]["heat"])]
    near = {place for anchor in anchors for place in range(anchor - CONTEXT_LINES, anchor + CONTEXT_LINES + 1)}
    stretches: list[dict[str, Any]] = []
    for place, row in enumerate(rows):
        folded = place not in near
        if not stretches or stretches[-1]["folded"] != folded:
            stretches.append({"folded": folded, "rows": []})
        stretches[-1]["rows"].append(row)
    for stretch in stretches:
        stretch["folded"] = stretch["folded"] and len(stretch["rows"]) >= SHORTEST_FOLD
    return stretches


def _timeline(verdicts: Sequence[Verdict], threshold: float, places: Mapping[int, int]) -> dict[str, Any] | None:
    """Stems of the drawing on a 1000 x 100 canvas: by time where every window has one, else by order."""
    if not verdicts:
        return None
    starts = [verdict.first_timestamp for verdict in verdicts]
    times = [start for start in starts if start is not None and math.isfinite(start)]
    by_time = len(times) == len(verdicts) and max(times) > min(times)
    positions = times if by_time else [float(place) for place in range(len(verdicts))]
    first, span = min(positions), (max(positions) - min(positions)) or 1.0
    columns: dict[int, Verdict] = {}
    for verdict, position in zip(verdicts, positions, strict=True):
        column = round((position - first) / span * (TIMELINE_COLUMNS - 1))
        if column not in columns or _finite(verdict.score) > _finite(columns[column].score):
            columns[column] = verdict
    scores = [_finite(verdict.score) for verdict in columns.values()]
    heights = [score for score in [*scores, threshold] if math.isfinite(score)]
    low, high = min(heights), max(heights)
    reach = (high - low) or 1.0

    def height(score: float) -> float:
        # The lowest score still gets a stub of a stem, the highest some air above it.
        return round(96 - 90 * (_finite(score) - low) / reach, 2)

    single = len(columns) == 1
    return {
        "stems": [
            {
                "x": 500.0 if single else round(5 + column / (TIMELINE_COLUMNS - 1) * 990, 2),
                "y": height(verdict.score),
                "is_anomalous": verdict.is_anomalous,
                "place": places.get(id(verdict)),
                "title": f"{printable(verdict.window_id, 200)}: {_score(verdict.score)}",
            }
            for column, verdict in sorted(columns.items())
        ],
        "threshold_y": height(threshold) if math.isfinite(threshold) else None,
        "high": _score(high),
        "low": _score(low),
        "from": _clock(min(times)) if by_time else "first window",
        "to": _clock(max(times)) if by_time else "last window",
    }


def _finite(score: float) -> float:
    """A score that can be drawn and sorted: infinities become very large, not-a-number becomes zero."""
    return 0.0 if math.isnan(score) else max(-1e9, min(1e9, score))


def _score(score: float | None) -> str:
    if score is None:
        return ""
    return f"{score:.2f}" if math.isfinite(score) else str(score)


def _count(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return printable(str(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _clock(timestamp: float | None) -> str:
    """Seconds since the epoch as the log's own clock showed them; empty where there is none."""
    if timestamp is None or not math.isfinite(timestamp):
        return ""
    try:
        return datetime.fromtimestamp(timestamp, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return ""


def _period(first: float | None, last: float | None) -> str:
    """`DAY TIME to TIME`, the day of the end only where it is another one."""
    start, end = _clock(first), _clock(last)
    if not start or not end or start == end:
        return start or end
    return f"{start} to {end.removeprefix(start[:11])}"
