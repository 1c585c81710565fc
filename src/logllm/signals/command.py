"""The body of `logllm scan`: names and options in, text or JSON out.

`--json` prints one object a line. The first is `{"head": {...}}`: files (file, format, title, lines, events, parsed_share,
first, last, encoding, notes), formats, lines, events, judged_events, signals, order (how the order was judged), model,
threshold, findings, flagged, standing (key, severity, count, per_hour, first, last, where), complete, left_out, notes,
seconds. Then one object a finding, in order of rank: rank, kind (new, unexpected, burst, drop, silence, value, grave,
missing), score (log-odds in nats), file, first_line and last_line (of the leading event), lines (number, text, score,
reason; `file` where it is another one), reason, count, first, last (ISO 8601, UTC, or null), is_anomalous, key (what
`logllm ok` takes), severity. Findings below the threshold come after the flagged ones.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logllm.errors import LogllmError
from logllm.hf_datasets.events import EventBatch
from logllm.report.finding_text import as_markdown, as_text, terminal_width

from .baseline import Baseline
from .builds import lead_with_failures
from .findings import Finding
from .inputs import log_files, moment_of, seconds_of
from .scan import ScanResult, describe, fetch, head, scan_logs

CONTEXT_LINES = 2
QUIET_SECONDS = 2.0


@dataclass
class ScanOptions:
    """Options of `logllm scan`, as the command line names them."""

    system: str | None = None
    top: int = 10
    since: str | None = None
    until: str | None = None
    last: str | None = None
    timeline: bool = False
    as_json: bool = False
    markdown: bool = False
    max_lines: int | None = None
    max_tokens: int | None = None
    severity: bool = True
    quiet: bool = False
    model: Path | None = None
    labels: Path | None = None
    suppressions: Path | None = None


class Progress:
    """Tells on standard error how far reading is, from two seconds on, where somebody watches."""

    def __init__(self, quiet: bool):
        self._start = self._told = time.monotonic()
        self._events = 0
        self._on = not quiet and sys.stderr.isatty()
        self._shown = False

    def seen(self, batch: EventBatch) -> bool:
        """Count a batch."""
        self._events += len(batch)
        now = time.monotonic()
        if self._on and now - self._start > QUIET_SECONDS and now - self._told > 0.5:
            self._told, self._shown = now, True
            sys.stderr.write(
                f"\rreading: {self._events:,} events, {self._events / (now - self._start):,.0f} a second "
            )
            sys.stderr.flush()
        return True

    def done(self) -> None:
        """Clear the line."""
        if self._shown:
            sys.stderr.write("\r" + " " * 60 + "\r")
            sys.stderr.flush()


def run_scan(logs: Sequence[str], options: ScanOptions) -> tuple[ScanResult, str]:
    """Scan logs; returns the result and what is to be printed."""
    files, left_out = log_files(logs)
    progress = Progress(options.quiet)
    if options.model is not None and not (options.model / "config.json").is_file():
        baseline = Baseline.load(options.model)
        if baseline is not None:
            result = _by_baseline(files, options, baseline, progress)
            progress.done()
            result.left_out = left_out
            _suppress(result, options)
            return result, render(result, options)
    answer = None
    if options.model is not None:
        from .model import ask_model

        if "-" in files:
            raise LogllmError(
                "a log that is judged by a model must be a file, found standard input: write it to a file"
            )
        answer = ask_model(options.model, files, options.system, _labels(options.labels))
    elif options.labels is not None:
        raise LogllmError(
            "--labels must come with --model, found no model: labels are of sessions, which a model judges"
        )
    result = scan_logs(
        files,
        options.system,
        since=None if options.since is None else moment_of(options.since),
        until=None if options.until is None else moment_of(options.until),
        last=None if options.last is None else seconds_of(options.last),
        severity=options.severity,
        model=answer,
        seen=progress.seen,
    )
    progress.done()
    if options.since is None and options.until is None and options.last is None:
        lead_with_failures(result)
    result.left_out = left_out
    _suppress(result, options)
    return result, render(result, options)


def _by_baseline(files: Sequence[str], options: ScanOptions, baseline: Baseline, progress: Progress) -> ScanResult:
    if options.since or options.until or options.last or options.labels:
        raise LogllmError(
            f"--since, --until, --last and --labels must come without a baseline of events, found one in {options.model}: "
            "leave them out"
        )
    from .by_baseline import scan_by_baseline

    return scan_by_baseline(files, baseline, f"events of good runs in {options.model}", options.system, progress.seen)


def _labels(path: Path | None) -> dict[str, int] | None:
    if path is None:
        return None
    from logllm.hf_datasets import read_session_labels

    return read_session_labels(path)


def _suppress(result: ScanResult, options: ScanOptions) -> None:
    """Take the flag off what `logllm ok` has named."""
    from logllm.suppressions import Suppressions, lists

    found = Suppressions(lists(options.suppressions, options.model))
    if found:
        result.suppress(found.is_fine)


def render(result: ScanResult, options: ScanOptions) -> str:
    """The result as the options ask for it."""
    shown = result.findings[: options.top]
    rows = rows_of(result, shown, context=not (options.as_json or options.markdown))
    if options.timeline:
        rows.sort(key=lambda row: (row["first"] is None, row["first"] or "", row["rank"]))
    top = head(result, len(shown))
    if options.as_json:
        return "\n".join(json.dumps(row, ensure_ascii=True) for row in ({"head": top}, *rows))
    if options.markdown:
        return as_markdown(top, rows, most_lines=options.max_lines, most_tokens=options.max_tokens).rstrip("\n")
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return as_text(top, rows, width=terminal_width(), color=color)


def rows_of(result: ScanResult, findings: Sequence[Finding], context: bool = False) -> list[dict[str, Any]]:
    """Findings as plain values, with their rank and, where asked for, the lines before them."""
    events = fetch(result, findings)
    before = _events_before(result, findings) if context else {}
    rows = []
    for rank, finding in enumerate(findings, 1):
        row: dict[str, Any] = {"rank": rank, **describe(result, finding, events)}
        if finding.is_anomalous and before.get(rank):
            row["context"] = before[rank]
        rows.append(row)
    return rows


def _events_before(result: ScanResult, findings: Sequence[Finding]) -> dict[int, list[tuple[int, str]]]:
    """Rank of a flagged finding -> the last lines before it in its file, as (number, text); one pass over the files."""
    table = result.table
    rows_of = {}
    for rank, finding in enumerate(findings, 1):
        first = min(finding.rows)
        near = [row for row in range(max(first - CONTEXT_LINES, 0), first) if table.source[row] == table.source[first]]
        if finding.is_anomalous and near:
            rows_of[rank] = near
    wanted = sorted({row for near in rows_of.values() for row in near})
    events = dict(zip(wanted, result.log.events([table.place(row) for row in wanted]))) if wanted else {}
    return {
        rank: [(events[row].number + at, text) for row in near for at, text in enumerate(events[row].lines)][
            -CONTEXT_LINES:
        ]
        for rank, near in rows_of.items()
    }
