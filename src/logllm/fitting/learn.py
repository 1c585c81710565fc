"""Learn what is normal from an unlabelled stream of lines: templates, a next-key model, a threshold by alarm budget.

Notes:
- No line's text is kept: a window is an array of codes of masked messages, so memory grows by four bytes a line (and by
  the distinct masked messages).
- The last part of the windows is held back: templates and model never see it, the threshold is set on it.
- A session that the log's end (or its beginning) has cut through is neither learnt nor calibrated on: what is watched
  later is whole, and the highest of the held-back scores would be those of the cut ones.
- The log may hold a few anomalies. Windows (where they are sessions) whose key counts are far from all but a hundredth
  of the others are left out of what counts as normal, at most a tenth of them: an incident is rarer than that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from logllm.decision.calibration import Calibration
from logllm.decision.threshold import Budget, budget_threshold
from logllm.errors import TooFewWindows
from logllm.fitting.encoded_log import LEAST_WINDOWS, EncodedLog, complete_windows, span_seconds
from logllm.fitting.outliers import without_outliers
from logllm.hf_datasets import LogSystem, TemplateMiner

HELD_SHARE = 0.25
FIT_STEPS = 1200


def fit_encoded(
    log: EncodedLog,
    system: LogSystem,
    *,
    alarms: float = 1.0,
    idle: float | None = None,
    severity_weight: float = 1.0,
    clean: bool = False,
    seed: int = 0,
    max_steps: int = FIT_STEPS,
    held_share: float = HELD_SHARE,
    least: int = LEAST_WINDOWS,
    timed: bool = True,
    out: Path | None = None,
    progress: bool = True,
) -> tuple[Any, Budget]:
    """Train on the first windows, set the threshold on the last; returns (detector with its calibration, budget)."""
    from datasets import Dataset

    from logllm.decision.window_scores import Scorer
    from logllm.training.train import train_detector

    windows = complete_windows(log.windows, system)
    if len(windows) < max(least, 2):
        raise TooFewWindows(
            f"a log must give at least {least} windows to learn from, found {len(windows)} "
            f"({log.lines:,} lines as {system.title}): give a longer log, or a trained checkpoint with --model"
        )
    held = max(int(held_share * len(windows)), 1)
    first, last = windows[:-held], windows[-held:]
    miner = TemplateMiner(system.drain)
    for window in first:
        for code in window.codes:
            miner.add_masked(log.texts[code])
    keys = [miner.match_masked(text) or "" for text in log.texts]
    rows = [[keys[code] for code in window.codes] for window in first]
    kept = without_outliers(rows) if system.window.kind == "session" and not clean else [True] * len(rows)
    normal = [row for row, keep in zip(rows, kept) if keep]
    held_rows = [[keys[code] for code in window.codes] for window in last]

    def dataset(rows: list[list[str]]) -> Dataset:
        return Dataset.from_dict({"keys": rows, "label": [-1] * len(rows)})

    detector = train_detector(
        "logllama",
        dataset(normal),
        dataset(held_rows),
        miner.table(),
        system,
        out=out,
        seed=seed,
        max_steps=max_steps,
        reinforce=False,
        progress=progress,
    )
    scorer = Scorer(detector.model, detector.processor, severity_weight)
    sequences = [tuple(detector.processor.ids_of_keys(row)) for row in held_rows]
    scores = [score for score, _ in scorer.score_ids(sequences, [window.severity for window in last])]
    # Windows a day are those of the whole log: the held-back part may be a quiet night.
    span = span_seconds(windows) if timed else None
    budget = budget_threshold(scores, alarms, span and span * held / len(windows), clean)
    if not timed:
        severity = [window.severity for window, keep in zip(first, kept) if keep]
        learnt = [tuple(detector.processor.ids_of_keys(row)) for row in normal]
        usual = [score for score, _ in scorer.score_ids(learnt, severity)]
        budget = replace(budget, threshold=min(budget.threshold, ceiling(usual, detector.model.config.unseen_score)))
    detector.threshold = budget.threshold
    table = json.dumps(miner.table(), sort_keys=True).encode("utf-8", "surrogatepass")
    detector.calibration = Calibration.of(
        budget,
        scores,
        lineage=hashlib.sha256(table).hexdigest()[:16],
        idle=idle,
        severity_weight=severity_weight,
        held_lines=sum(map(len, held_rows)),
        unseen_lines=sum(row.count("") for row in held_rows),
        lines=log.lines,
        unparsed=log.unparsed,
        trimmed=len(rows) - len(normal),
    )
    return detector, budget


def ceiling(learnt_scores: Sequence[float], unseen_score: float) -> float:
    """The highest threshold of a scan that has no model: the held-back tail may lie in the middle of an incident.

    It is the score of a message never seen, or what 99 % of the learnt windows stay below where that is higher.
    """
    return max(float(np.quantile(learnt_scores, 0.99)), unseen_score)
