"""Findings of events as text for a terminal and as Markdown for a ticket; both are made from what `--json` prints.

Log text is hostile: control characters, terminal escapes among them, are drawn as signs and never passed on. Raw lines
are wrapped, not cut; only lines of more than `MOST_CHARACTERS` are, and the text says by how much.
"""

from __future__ import annotations

import shutil
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import Any

BOLD, RED, YELLOW, DIM, PLAIN = "\033[1m", "\033[31m", "\033[33m", "\033[2m", "\033[0m"
MOST_CHARACTERS = 2000
MOST_LINES = 14  # raw lines of a finding that are shown
KIND_WORDS = {
    "new": "new", "unexpected": "unexpected", "burst": "burst", "drop": "fewer", "silence": "silence", "value": "unusual value",
    "grave": "severe", "missing": "step missing", "gone": "gone", "more": "more", "less": "fewer", "order": "out of order",
}  # fmt: skip


def visible(text: str, most: int = MOST_CHARACTERS) -> str:
    r"""Log text with signs in place of control characters.

    >>> visible("a\x1b[31mb\tc")
    'a^[[31mb    c'
    """
    kept = "".join(_sign(character) for character in text[:most])
    return kept if len(text) <= most else f"{kept} ({len(text) - most:,} more characters)"


def _sign(character: str) -> str:
    code = ord(character)
    if character == "\t":
        return "    "
    if code < 0x20:
        return "^" + chr(code + 0x40)
    if code < 0x7F:
        return character
    return f"<U+{code:04X}>" if code == 0x7F or unicodedata.category(character) in {"Cc", "Cf", "Cs"} else character


def terminal_width(most: int = 160) -> int:
    """Columns of the terminal."""
    return max(min(shutil.get_terminal_size((100, 24)).columns, most), 40)


def as_text(head: dict[str, Any], findings: Sequence[dict[str, Any]], *, width: int = 100, color: bool = False) -> str:
    """A scan for a terminal.

    Args:
        head: the head object of `--json`.
        findings: the finding objects; one may hold `context`, lines before it as (number, text).
        width: columns.
        color: whether to use colours.
    """
    paint = (lambda code, text: f"{code}{text}{PLAIN}") if color else (lambda code, text: text)
    rows = _head_rows(head, width)
    flagged = [finding for finding in findings if finding["is_anomalous"]]
    calm = [finding for finding in findings if not finding["is_anomalous"]]
    total = head["flagged"]
    seconds = f"{head['seconds']:.1f} s"
    if total:
        more = f", the first {len(flagged)} are shown" if total > len(flagged) else ""
        rows.append(
            paint(BOLD, f"{total:,} finding{'s' if total != 1 else ''} in {head['judged_events']:,} events{more}")
            + f" ({seconds})"
        )
    else:
        rows.append(paint(BOLD, f"Nothing stands out in {head['judged_events']:,} events") + f" ({seconds})")
    many = len(head["files"]) > 1
    for finding in flagged:
        rows += ["", *_finding_rows(finding, width, paint, many)]
    if head["standing"]:
        rows += ["", paint(BOLD, "Runs through the whole log") + " (not flagged):"]
        for one in head["standing"][:5]:
            often = f", {one['per_hour']:,.3g} an hour" if one.get("per_hour") else ""
            rows += _wrapped(
                f"{one['severity']:5} {one['count']:,} times{often}, since {one['where']}: {visible(one['key'], 200)}",
                width,
                "  ",
                "        ",
            )
    if calm:
        rows += ["", paint(DIM, "Below the threshold:")]
        for finding in calm[: 3 if flagged else 5]:
            leading = [line for line in finding["lines"] if line["number"] == finding["first_line"]] or finding[
                "lines"
            ]
            text = visible(leading[0]["text"], 400) if leading else ""
            rows += _wrapped(f"{finding['rank']:>2}. {_place(finding, many)}  {text}", width, " ", "     ")
            rows += [paint(DIM, row) for row in _wrapped(finding["reason"], width, "     ", "     ")]
    return "\n".join(rows)


def _head_rows(head: dict[str, Any], width: int) -> list[str]:
    rows: list[str] = []
    for one in head["files"][:6]:
        words = f"{one['file']}: {one['lines']:,} lines, {one['title'] or one['format'] or 'plain text'}"
        if one["first"] and one["last"]:
            words += f", {_short_time(one['first'])} to {_short_time(one['last'])}"
        if one["events"] and one["parsed_share"] < 0.995:
            words += f", {1 - one['parsed_share']:.0%} of the events did not fit the format"
        rows += _wrapped(words, width)
    if len(head["files"]) > 6:
        rows.append(f"and {len(head['files']) - 6} more files")
    for note in [*head["notes"], *(note for one in head["files"] for note in one["notes"][:2])][:6]:
        rows += _wrapped(f"note: {note}", width)
    if head["left_out"]:
        rows += _wrapped(
            f"left out: {', '.join(head['left_out'][:8])}" + (" ..." if len(head["left_out"]) > 8 else ""), width
        )
    if not head["complete"]:
        rows += _wrapped("note: interrupted; this is what was read until then", width)
    return rows


def _finding_rows(finding: dict[str, Any], width: int, paint: Any, many: bool) -> list[str]:
    level = finding.get("severity", "")
    mark = paint(
        RED if level in ("ERROR", "FATAL") else YELLOW,
        " ".join(part for part in (level, KIND_WORDS.get(finding["kind"], finding["kind"])) if part),
    )
    when = f"  {_short_time(finding['first'])}" if finding["first"] else ""
    if finding["last"] and finding["last"] != finding["first"]:
        when += f" to {_short_time(finding['last'], finding['first'])}"
    often = f"  {finding['count']:,} times" if finding["count"] > 1 else ""
    rows = [f"{finding['rank']:>2}. {mark}  {_place(finding, many)}{when}{often}"]
    rows += _wrapped(f"{finding['reason']}.", width, "    ", "    ")
    for number, text in finding.get("context", []):
        rows += [paint(DIM, row) for row in _wrapped(visible(text), width, f"{number:>8}   ", " " * 11)]
    shown = finding["lines"][:MOST_LINES]
    for line in shown:
        sign = ">" if line["reason"] else "|"
        colored = _wrapped(visible(line["text"]), width, f"{line['number']:>8} {sign} ", " " * 11)
        rows += [paint(BOLD, row) for row in colored] if line["reason"] else colored
    if len(finding["lines"]) > len(shown):
        rows.append(f"{'':>11}({len(finding['lines']) - len(shown):,} more lines)")
    return rows


def _place(finding: dict[str, Any], many: bool) -> str:
    name = finding["file"].replace("\\", "/").rsplit("/", 1)[-1] if not many else finding["file"]
    return f"{'standard input' if name == '-' else name}:{finding['first_line']}"


def _short_time(stamp: str, other: str | None = None) -> str:
    """A time without its fraction and zone, without its day where that of `other` is the same."""
    text = stamp[:19].replace("T", " ")
    return text[11:] if other and other[:10] == stamp[:10] else text


def _wrapped(text: str, width: int, first: str = "", rest: str = "  ") -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, drop_whitespace=True
    ) or [first]


def as_markdown(
    head: dict[str, Any],
    findings: Sequence[dict[str, Any]],
    *,
    most_lines: int | None = None,
    most_tokens: int | None = None,
) -> str:
    """A scan as Markdown for a ticket or a pull request.

    Args:
        head: the head object of `--json`.
        findings: the finding objects.
        most_lines: lines of the whole text.
        most_tokens: tokens of the whole text, at four characters a token.
    """
    names = ", ".join(f"`{one['file'].rsplit('/', 1)[-1]}`" for one in head["files"][:4])
    flagged = [finding for finding in findings if finding["is_anomalous"]]
    rows = [
        f"**{head['flagged']:,} finding{'s' if head['flagged'] != 1 else ''}** in {names}: {head['judged_events']:,} events",
        "",
    ]
    rows += [f"> {visible(note)}" for note in head["notes"][:3]]
    many = len(head["files"]) > 1
    budget = most_tokens * 4 if most_tokens else None
    for left, finding in enumerate(flagged):
        level = f"{finding['severity']} " if finding.get("severity") else ""
        when = f", {_short_time(finding['first'])}" if finding["first"] else ""
        often = f", {finding['count']:,} times" if finding["count"] > 1 else ""
        block = [
            f"{finding['rank']}. **{level}{KIND_WORDS.get(finding['kind'], finding['kind'])}** at `{_place(finding, many)}`{when}{often}: {_escaped(finding['reason'])}",
            "",
            "   ```",
        ]
        block += [
            f"   {line['number']}: {visible(line['text'], 500).replace('```', '` ` `')}"
            for line in finding["lines"][:MOST_LINES]
        ]
        block += ["   ```", ""]
        size = sum(map(len, rows)) + sum(map(len, block))
        if (most_lines is not None and len(rows) + len(block) + 1 > most_lines) or (
            budget is not None and size > budget
        ):
            rows.append(f"{len(flagged) - left} more findings are left out.")
            break
        rows += block
    text = "\n".join(rows).rstrip() + "\n"
    return text if budget is None else text[:budget]


def _escaped(text: str) -> str:
    """Text in which Markdown finds nothing to act on."""
    return "".join(f"\\{character}" if character in r"\`*_[]<>|" else character for character in visible(text, 400))
