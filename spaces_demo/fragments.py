"""The Space's pictures as HTML fragments: a scan, a line's walk through a model, the result tables.

Notes:
- Log lines are hostile text: everything goes through Jinja's autoescape and `report.printable`, as in the report.
- A fragment is markup without script; what can be clicked carries its place in `data-window` and is a real button for
  the keyboard. The page decides what a click does.
- Colours are those of the report and come by `light-dark()`, so a fragment follows the page it stands in.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from event_findings import Found
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from results_tab import METRICS, Table
from scan_log import Judged
from walk import Walk

from logllm.report.event_html import finding_style, render_finding
from logllm.report.html import printable, render_window, window_style

COLUMNS = 160  # of the drawing; more windows than this share columns, a column shows its highest score
KEYBOARD_COLUMNS = 30  # columns reached by Tab, the highest; a visitor should not tab through all of them
COLUMN_TITLES = {"precision": "Precision", "recall": "Recall", "f1": "F1", "auroc": "AUROC", "pr_auc": "PR-AUC"}


def space_style() -> str:
    """The style sheet of all fragments; all its rules begin with `.logllm`."""
    return window_style() + finding_style() + _environment().get_template("space_style.html").render()


def render_summary(judged: Judged) -> str:
    """What was found in one sentence, and how: format, judge, notes."""
    ranking = judged.ranking()
    worst = judged.explain(ranking[0]).worst(1) if ranking and judged.flagged else ()
    return _render(
        "summary",
        judged=judged,
        total=len(judged.verdicts),
        shown=len(ranking),
        worst=worst[0] if worst else None,
        system=printable(judged.system.title),
    )


def render_timeline(judged: Judged, chosen: int | None = None) -> str:
    """The windows' scores in the order of the log, with the threshold; each column is a button for its highest window."""
    columns = _columns(judged)
    scores = [score for score, _ in columns.values()] + [judged.threshold]
    low, high = min(scores), max(scores)
    reach = (high - low) or 1.0
    spans = sorted(columns.items())
    width = 1000 / max(len(spans), 1)
    reached = {place for _, place in sorted(columns.values(), reverse=True)[:KEYBOARD_COLUMNS]}
    return _render(
        "timeline",
        bars=[
            {
                "x": round(i * width + 0.12 * min(width, 40), 2),
                "width": round(max(width - 0.24 * min(width, 40), 1), 2),
                "y": round(104 - 98 * (score - low) / reach, 1),
                "place": place,
                "flagged": judged.verdicts[place].is_anomalous,
                "chosen": place == chosen,
                "reached": place in reached,
                "title": f"{printable(judged.verdicts[place].window_id, 60)}, score {score:.2f}",
            }
            for i, (_, (score, place)) in enumerate(spans)
        ],
        threshold_y=round(104 - 98 * (judged.threshold - low) / reach, 1),
        threshold=judged.threshold,
        low=low,
        high=high,
        first=f"line 1{_clock(min((v.first_timestamp for v in judged.verdicts if v.first_timestamp), default=None))}",
        last=f"line {judged.lines:,}{_clock(max((v.last_timestamp for v in judged.verdicts if v.last_timestamp), default=None))}",
        shared=len(columns) < len(judged.verdicts),
    )


def _clock(timestamp: float | None) -> str:
    """The time of day as the log's own clock showed it, behind a comma; empty where it tells none."""
    if timestamp is None or not 0 < timestamp < 1e11:
        return ""
    return f", {datetime.fromtimestamp(timestamp, tz=UTC):%H:%M:%S}"


def _columns(judged: Judged) -> dict[int, tuple[float, int]]:
    """Column -> (its highest score, the place of that window)."""
    total = len(judged.verdicts)
    found: dict[int, tuple[float, int]] = {}
    for place, verdict in enumerate(judged.verdicts):
        column = place if total <= COLUMNS else place * COLUMNS // total
        score = verdict.score if math.isfinite(verdict.score) else 0.0
        if column not in found or score > found[column][0]:
            found[column] = (score, place)
    return found


def render_windows(judged: Judged) -> str:
    """The windows worth showing, each line with its heat and, where it stands out, the reason."""
    return _framed("".join(render_window(verdict, rank) for rank, verdict in enumerate(judged.shown(), start=1)))


def render_chosen(judged: Judged, place: int) -> str:
    """The window that a visitor clicked on."""
    return _framed(f'<p class="over">The window you chose</p>{render_window(judged.explain(place), place + 1)}')


def render_walk(walk: Walk) -> str:
    """A line's stations as a drawing."""
    return _render(f"walk_{walk.family}", walk=walk, soft_colours=_soft_colours(walk.values.get("soft", ())))


def _soft_colours(soft: Sequence[float]) -> list[dict[str, Any]]:
    """Each value of the soft token with its share of the largest: below zero one colour, above another."""
    most = max((abs(value) for value in soft), default=1.0) or 1.0
    return [{"value": value, "share": round(abs(value) / most, 3), "negative": value < 0} for value in soft]


def render_results(tables: Sequence[Table], pictures: Sequence[str | Path] = ()) -> str:
    """Result tables with bars, one fold a file; the pictures go into the page itself, so that nothing else is asked for."""
    images = [
        {"name": Path(file).stem.replace("_", " "), "data": base64.b64encode(Path(file).read_bytes()).decode("ascii")}
        for file in pictures
    ]
    return _render("results", tables=tables, metrics=METRICS, titles=COLUMN_TITLES, images=images)


def render_findings(found: Found) -> str:
    """The findings of a scan or a diff of events: one sentence, those that are flagged, the others folded."""
    # There is one log, and nobody to call a finding fine.
    rows = [{**row, "key": None, "file": row["file"] if found.question == "diff" else ""} for row in found.rows]
    flagged, below = ([row for row in rows if bool(row["is_anomalous"]) == wanted] for wanted in (True, False))
    files = found.head["files"]
    return _render(
        "found",
        question=found.question,
        head=found.head,
        formats=printable(", ".join(sorted({str(one["title"]) for one in files if one.get("title")}))),
        good_lines=sum(one["lines"] for one in files if one.get("side") == "good"),
        notes=[printable(str(note), 400) for note in found.head["notes"]],
        shown=len(flagged),
        flagged=Markup("".join(map(render_finding, flagged))),
        below=Markup("".join(map(render_finding, below))),
        below_count=len(below),
    )


def render_message(text: str, kind: str = "empty") -> str:
    """A sentence in place of a result: `kind` is "empty" or "error"."""
    return _render("message", text=printable(text, 1000), kind=kind)


def _framed(markup: str) -> str:
    """Markup that is safe already, in the frame that its style asks for."""
    return f'<div class="logllm">{markup}</div>'


def _render(name: str, **values: Any) -> str:
    template: Any = _environment().get_template("space.html").module
    return _framed(str(getattr(template, name)(values)))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = printable
    environment.filters["share"] = lambda value: f"{value:.1%}" if value >= 0.001 or value == 0 else f"{value:.1e}"
    environment.tests["number"] = lambda value: isinstance(value, int | float)
    return environment
