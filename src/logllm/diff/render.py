"""A comparison as text for a terminal, as Markdown for a pull request, and as an HTML page with both runs side by side.

Log text is hostile: it is drawn with signs for control characters, fenced in Markdown and escaped in HTML.
"""

from __future__ import annotations

import html
import itertools
import textwrap
from collections.abc import Iterable, Sequence

from logllm.diff.compare import Comparison, Finding
from logllm.diff.sources import line_chunks
from logllm.diff.text import readable
from logllm.errors import LogllmError
from logllm.report.finding_text import BOLD, DIM, KIND_WORDS, PLAIN, RED, YELLOW, visible

MOST_SHOWN = 14  # lines of a finding in a terminal
BELOW = 5  # findings below the threshold that are named
CHARACTERS_A_TOKEN = 4
_BESIDE = 6  # good lines before and after the place that corresponds to a finding


def limited(findings: Sequence[Finding], most_lines: int | None, most_tokens: int | None) -> list[Finding]:
    """The findings with at most so many lines of the bad log, and so many tokens of text; whole ones first."""
    if most_lines is None and most_tokens is None:
        return list(findings)
    lines = most_lines if most_lines is not None else 1 << 30
    characters = most_tokens * CHARACTERS_A_TOKEN if most_tokens is not None else 1 << 40
    kept = []
    for finding in findings:
        taken = []
        for line in finding.lines:
            size = len(line.text) + 8
            if (finding.side == "bad" and lines < 1) or size > characters:
                break
            taken.append(line)
            lines -= finding.side == "bad"
            characters -= size
        if taken:
            finding.lines = taken
            kept.append(finding)
    return kept


def in_order_of_lines(findings: Iterable[Finding]) -> list[Finding]:
    """What happened first: by line of the bad log; what is gone stands where it would have been."""
    return sorted(findings, key=lambda one: (not one.is_anomalous, one.side == "good", one.lines[0].number))


def as_text(result: Comparison, findings: Sequence[Finding], *, width: int = 100, color: bool = False) -> str:
    """For a terminal."""

    def paint(code: str, words: str) -> str:
        return f"{code}{words}{PLAIN}" if color else words

    runs = result.good[0] if len(result.good) == 1 else f"{len(result.good)} good runs"
    rows = _wrapped(
        f"{visible(result.bad)}: {result.bad_lines:,} lines, {result.new_lines:,} of them not in {visible(runs)} ({sum(result.good_lines):,} lines)",
        width,
    )
    for note in result.notes:
        rows += _wrapped(f"note: {visible(note)}", width)
    flagged = [one for one in findings if one.is_anomalous]
    below = [one for one in findings if not one.is_anomalous]
    total = len(result.flagged)
    seconds = f" ({result.seconds:.1f} s)"
    if total:
        more = f", the first {len(flagged)} are shown" if total > len(flagged) else ""
        rows.append(paint(BOLD, f"{total:,} difference{'s' if total != 1 else ''}{more}") + seconds)
    else:
        rows.append(paint(BOLD, "No difference that matters") + seconds)
    for rank, finding in enumerate(flagged, 1):
        mark = paint(YELLOW if finding.side == "good" else RED, KIND_WORDS[finding.kind])
        place = f"line {finding.lines[0].number:,}" + (" of the good run" if finding.side == "good" else "")
        step = f', in "{visible(finding.step, 80)}"' if finding.step else ""
        rows += ["", *_wrapped(f"{rank:>2}. {mark}  {place}{step}: {visible(finding.reason)}", width, "", "    ")]
        rows += [paint(DIM, f"{number:>8}   {visible(words, width - 12)}") for number, words in finding.context]
        for line in finding.lines[:MOST_SHOWN]:
            shown = _wrapped(
                visible(line.text), width, f"{line.number:>8} {'-' if finding.side == 'good' else '+'} ", " " * 11
            )
            rows += [paint(BOLD, row) for row in shown] if line.score >= 0.5 else shown
        if len(finding.lines) > MOST_SHOWN:
            rows.append(
                f"{'':>11}({len(finding.lines) - MOST_SHOWN:,} more lines, to line {finding.lines[-1].number:,})"
            )
        if finding.nearest is not None:
            near = finding.nearest
            rows += [
                paint(DIM, row)
                for row in _wrapped(
                    f"nearest good line ({near.nearness:.0%}, line {near.good_line:,}): {visible(near.text, 300)}",
                    width,
                    "    ",
                    "    ",
                )
            ]
    if below:
        rows += ["", paint(DIM, "Less likely to matter:")]
        for finding in below[:BELOW]:
            rows += _wrapped(
                f"{KIND_WORDS[finding.kind]}: {visible(finding.lines[0].text, 120)} ({visible(finding.reason)})",
                width,
                "  ",
                "    ",
            )
        if len(below) > BELOW:
            rows.append(f"  and {len(below) - BELOW} more")
    return "\n".join(rows)


def _wrapped(words: str, width: int, first: str = "", rest: str = "  ") -> list[str]:
    return textwrap.wrap(
        words, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, drop_whitespace=False
    ) or [first]


def as_markdown(
    result: Comparison, findings: Sequence[Finding], most_lines: int | None = None, most_tokens: int | None = None
) -> str:
    """For a ticket or a pull request; the limits count lines and tokens of the whole text, at four characters a token."""
    flagged = [one for one in findings if one.is_anomalous]
    total = len(result.flagged)
    name = visible(result.bad.rsplit("/", 1)[-1]).replace("`", "'")
    rows = [
        f"**{total} difference{'s' if total != 1 else ''} from the good run{'s' if len(result.good) > 1 else ''}** in `{name}` ({result.bad_lines:,} lines, {result.new_lines:,} new)",
        "",
    ]
    rows += [f"> {_escaped(note)}" for note in result.notes]
    if result.notes:
        rows.append("")
    budget = most_tokens * CHARACTERS_A_TOKEN if most_tokens is not None else 1 << 40
    for rank, finding in enumerate(flagged, 1):
        place = f"line {finding.lines[0].number}" + (" of the good run" if finding.side == "good" else "")
        step = f", step {_escaped(finding.step)}" if finding.step else ""
        fence = _fence([line.text for line in finding.lines])
        block = [
            f"{rank}. **{KIND_WORDS[finding.kind]}** at {place}{step}: {_escaped(finding.reason)}",
            "",
            f"   {fence}diff",
        ]
        sign = "-" if finding.side == "good" else "+"
        block += [f"   {sign} {line.number}: {visible(line.text, 500)}" for line in finding.lines[: 2 * MOST_SHOWN]]
        if finding.nearest is not None:
            block.append(f"   # nearest good line: {visible(finding.nearest.text, 300)}")
        block += [f"   {fence}", ""]
        left = f"{len(flagged) - rank + 1} more not shown."
        size = sum(len(row) + 1 for row in [*rows, *block, left])
        if (most_lines is not None and len(rows) + len(block) + 1 > most_lines) or size > budget:
            rows.append(left)
            break
        rows += block
    return "\n".join(rows).rstrip() + "\n"


def _fence(texts: Iterable[str]) -> str:
    """More backticks than any line has in a row."""
    longest = max(
        (len(list(run)) for words in texts for sign, run in itertools.groupby(words) if sign == "`"), default=0
    )
    return "`" * max(3, longest + 1)


def _escaped(words: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in visible(words, 400))


def good_lines(result: Comparison, findings: Sequence[Finding]) -> dict[tuple[str, int], str]:
    """The good lines beside the findings, by log and number; what cannot be read again is left out."""
    wanted: dict[str, set[int]] = {}
    for finding in findings:
        places = [finding.anchor] if finding.anchor else []
        if finding.nearest is not None:
            places.append((finding.nearest.file, finding.nearest.good_line))
        if finding.side == "good":
            places += [(finding.file, line.number) for line in finding.lines[:MOST_SHOWN]]
        for name, number in places:
            wanted.setdefault(name, set()).update(range(max(1, number - _BESIDE), number + _BESIDE + 1))
    found: dict[tuple[str, int], str] = {}
    for name, numbers in wanted.items():
        start = 0
        try:
            for chunk in line_chunks(name):
                for number in numbers:
                    if start < number <= start + len(chunk):
                        found[name, number] = readable(chunk.slice(number - start - 1, 1))[0]
                start += len(chunk)
        except (LogllmError, ValueError, OSError):
            continue
    return found


def as_html(result: Comparison, findings: Sequence[Finding]) -> str:
    """One page without scripts: each finding with the good run on the left and the bad run on the right."""
    beside = good_lines(result, findings)
    flagged = [one for one in findings if one.is_anomalous]
    below = [one for one in findings if not one.is_anomalous]
    parts = [f"<h1>What is different in {_text(result.bad.rsplit('/', 1)[-1])}</h1>",
             f"<p>{result.bad_lines:,} lines, {result.new_lines:,} of them not in {_text(', '.join(result.good[:3]))}"
             f"{' and others' if len(result.good) > 3 else ''} ({sum(result.good_lines):,} lines). {result.seconds:.1f} s.</p>"]  # fmt: skip
    parts += [f'<p class="note">{_text(note)}</p>' for note in result.notes]
    if not flagged:
        parts.append("<p><strong>No difference that matters.</strong></p>")
    for rank, finding in enumerate(flagged, 1):
        parts.append(_section(rank, finding, beside))
    if below:
        parts.append("<h2>Less likely to matter</h2><ul>")
        parts += [
            f"<li><b>{KIND_WORDS[one.kind]}</b>: <code>{_text(one.lines[0].text, 200)}</code> {_text(one.reason)}</li>"
            for one in below[:40]
        ]
        parts.append("</ul>")
    title = _text(f"{result.bad} against {len(result.good)} good run{'s' if len(result.good) > 1 else ''}")
    return _PAGE.replace("@TITLE@", title).replace("@BODY@", "\n".join(parts))


def _section(rank: int, finding: Finding, beside: dict[tuple[str, int], str]) -> str:
    step = f" <span class='step'>{_text(finding.step, 120)}</span>" if finding.step else ""
    head = f"<h2><span class='rank'>{rank}</span> <span class='kind {finding.kind}'>{KIND_WORDS[finding.kind]}</span>{step}</h2><p>{_text(finding.reason)}.</p>"
    mark = {line.number for line in finding.lines} if finding.side == "good" else set()
    place = None
    if finding.side == "good":
        place = (finding.file, finding.lines[0].number)
    elif finding.nearest is not None and finding.nearest.nearness >= 0.6:
        place = (finding.nearest.file, finding.nearest.good_line)
        mark = {finding.nearest.good_line}
    elif finding.anchor is not None:
        place = finding.anchor
    left = []
    if place is not None:
        name, middle = place
        left = [(number, beside[name, number], "gone" if number in mark and finding.side == "good" else "near" if number in mark else "")
                for number in range(middle - _BESIDE, middle + _BESIDE + 1) if (name, number) in beside]  # fmt: skip
        if not left and finding.nearest is not None:
            left = [(finding.nearest.good_line, finding.nearest.text, "near")]
    right = [(number, words, "") for number, words in finding.context]
    if finding.side == "bad":
        right += [(line.number, line.text, "sure" if line.score >= 0.5 else "new") for line in finding.lines[:200]]
    more = f"<p>{len(finding.lines) - 200:,} more lines.</p>" if len(finding.lines) > 200 else ""
    return (
        f"<section>{head}<div class='runs'><div><h3>good run</h3>{_listing(left)}</div>"
        f"<div><h3>bad run</h3>{_listing(right)}{more}</div></div></section>"
    )


def _listing(rows: Sequence[tuple[int, str, str]]) -> str:
    if not rows:
        return "<p class='none'>nothing corresponds</p>"
    cells = "".join(
        f"<tr class='{kind}'><td>{number}</td><td>{_text(words)}</td></tr>" for number, words, kind in rows
    )
    return f"<table>{cells}</table>"


def _text(words: str, most: int = 2000) -> str:
    return html.escape(visible(words, most))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>@TITLE@</title>
<style>
:root { color-scheme: light dark; --edge: #8884; --sure: #d3302f2e; --new: #e8a20022; --gone: #d3302f22; --near: #2f7fd322; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 110rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 0 0 .3rem; } h3 { font-size: .8rem; margin: .4rem 0; opacity: .7; }
section { border: 1px solid var(--edge); border-radius: 8px; padding: .8rem 1rem; margin: 1rem 0; }
.note { border-left: 4px solid #e8a200; padding-left: .6rem; }
.rank { opacity: .6; } .kind { border-radius: 4px; padding: 0 .4rem; background: var(--sure); } .kind.gone, .kind.less { background: var(--near); }
.step { font-weight: normal; opacity: .7; font-size: .9rem; }
.runs { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1rem; }
table { border-collapse: collapse; width: 100%; font: 12.5px/1.45 ui-monospace, monospace; table-layout: fixed; }
td { padding: 0 .4rem; vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere; }
td:first-child { width: 3.6rem; text-align: right; opacity: .55; user-select: none; }
tr.sure { background: var(--sure); } tr.new { background: var(--new); } tr.gone { background: var(--gone); } tr.near { background: var(--near); }
.none { opacity: .6; } code { overflow-wrap: anywhere; }
@media (max-width: 50rem) { .runs { grid-template-columns: minmax(0, 1fr); } }
</style></head><body>
@BODY@
</body></html>
"""
