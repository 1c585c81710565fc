"""A fitted LogLLaMA or LogLLM as one more answer to "unexpected here": its windows become candidates.

The model reads windows (sessions, or lines in a row) of all files in the order given; its line numbers count over all of
them. Nothing here is imported by a scan without a model, because it needs torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .candidates import Candidate, Kinds
from .table import EventTable

if TYPE_CHECKING:
    from logllm.report.scan import Scan

MOST_WINDOWS = 60
MOST_NATS = 8.0
CALM_NATS = 0.5  # of a window at the threshold; less below it


@dataclass
class ModelAnswer:
    """What a model said about the windows of some logs.

    Attributes:
        windows: the scan by windows, for measuring against labels and for its notes.
        name: what the head of a result calls the model.
    """

    windows: Scan
    name: str

    def candidates(self, table: EventTable, kinds: Kinds, lines: Sequence[int]) -> list[Candidate]:
        """The flagged windows as candidates, then the highest of the others, which no threshold reaches.

        `lines` holds the number of raw lines of each file, in the order given.
        """
        starts = np.cumsum([0, *lines])
        rows_of: dict[int, tuple[Any, Any]] = {}
        found = []
        for finding in self.windows.findings(MOST_WINDOWS):
            verdict = finding.verdict
            marked = verdict.marked()
            rows = [
                row
                for item in marked
                for row in [_row_of(table, item.line_number, starts, rows_of)]
                if row is not None
            ]
            if not rows:
                continue
            worst = max(marked, key=lambda item: item.score)
            lead = _row_of(table, worst.line_number, starts, rows_of)
            lead = rows[0] if lead is None else lead
            excess = verdict.score - verdict.threshold
            nats = 1.0 + min(excess, MOST_NATS) if verdict.is_anomalous else CALM_NATS * math.exp(min(excess, 0.0))
            reason = worst.reason or "the window as a whole is unlike those that the model learnt"
            if finding.windows > 1:
                reason += f"; the same in {finding.windows - 1:,} more windows"
            kind = int(table.kind[lead])
            rows = sorted(set(rows))
            found.append(
                Candidate("unexpected", nats, 0.0, lead, rows[:30], finding.windows, rows[0], rows[-1], reason, kind, int(kinds.classes[kind]), int(kinds.count[kind]))
            )  # fmt: skip
        return found


def ask_model(
    folder: Path, files: Sequence[str], system: str | None, labels: dict[str, int] | None = None
) -> ModelAnswer:
    """Judge the windows of some files by a checkpoint."""
    from logllm.decision.detector import Detector
    from logllm.hf_datasets import get_system
    from logllm.report.scan import scan_with

    detector = Detector.from_pretrained(folder, system=None if system is None else get_system(system))
    answer = scan_with(detector, [Path(file) for file in files], labels)
    return ModelAnswer(answer, f"{type(detector.model).__name__} in {folder}")


def _row_of(table: EventTable, line: int, starts: Any, rows_of: dict[int, tuple[Any, Any]]) -> int | None:
    """Row of the event that holds a line, counted over all files; None where no event does."""
    source = int(np.searchsorted(starts, line - 1, side="right")) - 1
    if source >= len(starts) - 1:
        return None
    if source not in rows_of:
        rows = np.flatnonzero(table.source == source)
        rows = rows[np.argsort(table.number[rows], kind="stable")]
        rows_of[source] = rows, table.number[rows].astype(np.int64)
    rows, numbers = rows_of[source]
    at = int(np.searchsorted(numbers, line - int(starts[source]), side="right")) - 1
    return int(rows[at]) if at >= 0 else None
