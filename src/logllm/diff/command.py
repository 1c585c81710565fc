"""The body of `logllm diff`: names and options in, text or JSON out. `python -m logllm.diff.command GOOD... BAD --json`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from logllm.diff.compare import Comparison, Finding, as_head, as_row, compare
from logllm.diff.good import GoodRuns, read_good
from logllm.diff.model import load_good, save_good
from logllm.diff.render import as_html, as_markdown, as_text, in_order_of_lines, limited
from logllm.diff.sources import good_files, line_chunks, newest_good
from logllm.errors import LogllmError
from logllm.report.finding_text import terminal_width

TOP = 20  # findings in a terminal


@dataclass
class DiffOptions:
    """Options of `logllm diff`, as the command line names them."""

    good_from: Path | None = None
    save: Path | None = None
    model: Path | None = None
    as_json: bool = False
    markdown: bool = False
    html: Path | None = None
    max_lines: int | None = None
    max_tokens: int | None = None
    timeline: bool = False
    top: int | None = None
    suppressions: Path | None = None


def run_diff(logs: Sequence[str], options: DiffOptions) -> tuple[Comparison | None, str]:
    """Compare; returns the result (None where only `--save` was asked for) and what is to be printed."""
    if options.save is not None:
        if options.model is not None or options.good_from is not None:
            raise LogllmError(
                "--save must stand with the good logs alone, found --model or --good-from: name the good logs."
            )
        good = read_good((name, line_chunks(name)) for name in good_files(logs))
        save_good(good, options.save)
        return None, f"{len(good.key):,} distinct lines of {len(good.names)} good runs in {options.save}"
    good_names, bad = _sides(logs, options)
    result = compare(load_good(options.model) if options.model is not None else good_names, bad)
    _suppress(result, options)
    return result, render(result, options)


def _sides(logs: Sequence[str], options: DiffOptions) -> tuple[list[str], str]:
    """The good logs and the bad one: the last name is the bad log."""
    if not logs:
        raise LogllmError("A comparison must name a bad log, found none: `logllm diff GOOD... BAD`.")
    *good, bad = logs
    if options.model is not None:
        if good:
            raise LogllmError(
                f"--model must stand with the bad log alone, found {len(logs)} logs: leave the good ones out."
            )
        return [], bad
    names = good_files(good)
    if options.good_from is not None:
        names += [name for name in newest_good(options.good_from, bad) if name not in names]
    if not names:
        raise LogllmError(
            "A comparison must name a good log and a bad one, found one log: `logllm diff GOOD... BAD`, or --good-from DIR."
        )
    if Path(bad).is_dir():
        raise LogllmError(f"The bad log must be one file, found the folder {bad}: name the log in it.")
    return names, bad


def _suppress(result: Comparison, options: DiffOptions) -> None:
    """Take the flag off what `logllm ok` has named, by the key of a comparison or by that of an event."""
    from logllm.suppressions import Suppressions, lists

    found = Suppressions(lists(options.suppressions, options.model))
    if not found or not result.flagged:
        return
    logs = {finding.file or result.bad for finding in result.flagged}
    named = {
        name: event_names(name, [one for one in result.flagged if (one.file or result.bad) == name]) for name in logs
    }
    quiet = []
    for finding in result.flagged:
        key, message = named[finding.file or result.bad].get(_lead(finding), (finding.key, ""))
        if found.is_fine(finding.key, message) or found.is_fine(key):
            quiet.append(finding)
    for finding in quiet:
        finding.is_anomalous = False
    if quiet:
        result.findings.sort(key=lambda finding: not finding.is_anomalous)
        result.notes.append(
            f"{len(quiet):,} finding{'s' if len(quiet) > 1 else ''} not flagged: suppressed by `logllm ok`"
        )


def _lead(finding: Finding) -> int:
    """Number of the line that a finding is named by."""
    return max(finding.lines, key=lambda line: line.score).number


def event_names(path: str, findings: Sequence[Finding]) -> dict[int, tuple[str, str]]:
    """Number of a finding's leading line -> (key, message) of the event that holds it, as `logllm scan` names it."""
    import numpy as np

    from logllm.hf_datasets.events import EventLog
    from logllm.signals.scan import refined
    from logllm.signals.table import CLASS_NAMES, read_table

    try:
        log = EventLog([path])
        table, _ = refined(read_table(log)[0], log)
    except ValueError:  # no log of events: nothing but a comparison has names for its lines
        return {}
    order = np.argsort(table.number, kind="stable")
    numbers = [_lead(finding) for finding in findings]
    rows = order[np.maximum(np.searchsorted(table.number[order], numbers, side="right") - 1, 0)].tolist()
    events = log.events([table.place(row) for row in rows])
    names = {}
    for number, row, event in zip(numbers, rows, events):
        level = CLASS_NAMES[int(table.kind_class[table.kind[row]])]
        names[number] = f"{level} {table.templates[int(table.template[row])]}".strip(), event.message
    return names


def render(result: Comparison, options: DiffOptions) -> str:
    """The result as the options ask for it; an HTML page is written beside."""
    findings = result.findings if options.top is None else result.findings[: options.top]
    if options.html is not None:
        options.html.write_text(as_html(result, findings), "utf-8")
    if options.markdown:
        shown = in_order_of_lines(findings) if options.timeline else findings
        return as_markdown(result, shown, options.max_lines, options.max_tokens).rstrip("\n")
    findings = limited(findings, options.max_lines, options.max_tokens)
    if options.as_json:
        return as_json(result, findings, options.timeline)
    if options.timeline:
        findings = in_order_of_lines(findings)
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return as_text(result, _first(findings), width=terminal_width(), color=color)


def as_json(result: Comparison, findings: Sequence[Finding], timeline: bool = False) -> str:
    """The head, then one object a finding; the rank stays that of the evidence where the order is that of the lines."""
    rows = [(rank, finding) for rank, finding in enumerate(findings, 1)]
    if timeline:
        place = {id(finding): at for at, finding in enumerate(in_order_of_lines(findings))}
        rows.sort(key=lambda row: place[id(row[1])])
    objects = [{"head": as_head(result, len(findings))}, *(as_row(rank, finding) for rank, finding in rows)]
    return "\n".join(json.dumps(one, ensure_ascii=True) for one in objects)


def _first(findings: Sequence[Finding]) -> list[Finding]:
    flagged = [finding for finding in findings if finding.is_anomalous]
    return flagged[:TOP] + [finding for finding in findings if not finding.is_anomalous]


def learn(names: Sequence[str]) -> GoodRuns:
    """What good logs hold, for callers that compare several bad logs with them."""
    return read_good((name, line_chunks(name)) for name in good_files(names))


def main() -> None:
    """`python -m logllm.diff.command`, without the rest of the command line."""
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="+")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        _, shown = run_diff(arguments.logs, DiffOptions(as_json=arguments.json))
    except ValueError as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(shown + "\n")


if __name__ == "__main__":
    main()
