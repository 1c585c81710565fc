"""The figures of a build as they are published, and where they differ from the paper's Table I.

Notes: Nothing is rounded or guessed; a window without a label is counted as such and is in no ratio of anomalies
to labelled windows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .columnar.column_files import blocks, let_go
from .columnar.parquet_shards import Output
from .columnar.read_log import Log
from .columnar.window_index import Grouping
from .errors import LogInputError
from .systems.rules import LogSystem


def split_counts(
    windows: Grouping, splits: dict[str, range], labels: np.ndarray, output: Output, log: Log
) -> dict[str, dict[str, Any]]:
    """For every split: windows, messages, labels, lines that fit no template, and the lines it spans."""
    unseen = output.key_of == 0
    found = {}
    for name, part in splits.items():
        begin, end = int(windows.offsets[part.start]), int(windows.offsets[part.stop])
        rows, own = windows.rows[begin:end], labels[part.start : part.stop]
        anomalous, normal = int((own == 1).sum()), int((own == 0).sum())
        lengths = np.diff(windows.offsets[part.start : part.stop + 1])
        found[name] = {
            "windows": len(part),
            "messages": end - begin,
            "anomalous": anomalous,
            "normal": normal,
            "unlabelled": len(part) - anomalous - normal,
            "anomalous_share": anomalous / (anomalous + normal) if anomalous + normal else 0.0,
            "longest_window": int(lengths.max()) if len(part) else 0,
            "mean_window": float(lengths.mean()) if len(part) else 0.0,
            **_lines(log, rows, unseen),
        }
    return found


def _lines(log: Log, rows: np.ndarray, unseen: np.ndarray) -> dict[str, int | None]:
    first, last, without = len(log), -1, 0
    for begin, end in blocks(len(rows)):
        own = rows[begin:end]
        first, last = min(first, int(own.min())), max(last, int(own.max()))
        without += int(unseen[log.codes[0][own]].sum())
        let_go(log.codes[0], rows)
    ends = [int(log.numbers[row]) for row in (first, last)] if len(rows) else [None, None]  # they rise with the rows
    return {"first_line": ends[0], "last_line": ends[1], "lines_without_template": without}


def label_counts(
    windows: Grouping, of_session: np.ndarray | None, given: int, source: str | Path | None
) -> dict[str, int] | None:
    """How far the label file and the log agree; `LogInputError` where they share no session.

    `of_session`: 1, 0 or -1 (unknown) for each session of the log; `given`: sessions of the label file.
    """
    if of_session is None:
        return None
    used = int((of_session >= 0).sum())
    if not used:
        raise LogInputError(
            f"The label file must belong to the log, found that none of its {given:,} sessions occurs "
            f"there ({source}): give the label file of this log, or none"
        )
    named = windows.sessions >= 0
    unknown = of_session < 0
    return {
        "given": given,
        "used": used,
        "labels_without_session": given - used,
        "sessions_without_label": int(unknown.sum()),
        "windows_without_label": int(unknown[windows.sessions[named]].sum()) + int((~named).sum()),
    }


def paper_difference(system: LogSystem, splits: dict[str, dict[str, Any]], comparable: bool) -> dict[str, Any] | None:
    """The paper's figures beside ours (its train is our train and validation), or None where it has none."""
    if system.paper is None:
        return None
    both = [splits["train"], splits["validation"]]
    ours = {
        "sequences": sum(one["windows"] for one in splits.values()),
        "train_sequences": sum(one["windows"] for one in both),
        "train_anomalies": sum(one["anomalous"] for one in both),
        "test_sequences": splits["test"]["windows"],
        "test_anomalies": splits["test"]["anomalous"],
    }
    theirs = {name: getattr(system.paper, name) for name in ours}
    different = [name for name in ours if ours[name] != theirs[name]]
    why = "the paper's log, slice and windows" if comparable else "another slice or window rule than the paper's"
    return {"table": "LogLLM (arXiv 2411.08561v4), Table I", "setting": why, "ours": ours, "paper": theirs,
            "differs_in": different}  # fmt: skip
