"""A log that no shipped model knows is judged by a small LogLLaMA that learns from the log itself, in less than a second.

Notes:
- Nothing is held back: a visitor pastes twenty lines and wants to know about all of them. So that the odd line does not
  make itself normal, a template that occurs once counts as never seen: it was learnt from no *other* line.
- Training is a few steps: enough for what is usual, not enough to learn by heart.
- The threshold is that of a message never seen, or what nine lines in ten stay below where that is higher. It is a place
  to start reading at, with no promise about false alarms.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from logllm.decision.calibration import Calibration
from logllm.decision.severity import severities
from logllm.detector import LogAnomalyDetector
from logllm.fitting.update import train_more
from logllm.hf_datasets import LogSystem, TemplateMiner, make_windows, parse_lines

STEPS = 25
USUAL_SHARE = 0.9
LEAST_LINES = 10
THRESHOLD_WINDOWS = 500  # evenly drawn from a long log
SEVERITY_WEIGHT = 1.0
_DRAWING = threading.Lock()  # random weights come from the process's one generator


def learn_itself(lines: Sequence[str], system: LogSystem, steps: int = STEPS) -> tuple[LogAnomalyDetector, list[str]]:
    """Learn what is usual in a log and set a threshold on it; returns (detector, notes for the reader)."""
    parsed = list(parse_lines(lines, system))
    table, notes = mine_repeated([line.content for line in parsed], system)
    detector = _untrained(table, system, len(parsed))
    raw = [line.raw for line in parsed]
    windows = list(make_windows(parsed, system.window))
    sequences = [tuple(detector.processor.token_ids(window.lines)) for window in windows]
    train_more(detector, sequences, seed=0, max_steps=steps)
    detector.calibration = Calibration(
        lineage="",
        idle_seconds=None,
        severity_weight=SEVERITY_WEIGHT,
        budget={},
        scores=[],
        held_windows=0,
        held_lines=0,
        unseen_lines=0,
        lines=len(parsed),
        unparsed=sum(not line.parsed for line in parsed),
        trimmed=0,
    )
    severity = [severities([raw[number - 1] for number in w.line_numbers], w.lines, system) for w in windows]
    detector.threshold = usual_score(detector, sequences, severity)
    if len(parsed) < LEAST_LINES:
        notes.append("So few lines say little about what is usual: paste some dozens, the odd one among them.")
    return detector, notes


def mine_repeated(contents: Sequence[str], system: LogSystem) -> tuple[dict[str, Any], list[str]]:
    """The templates that more than one line has, and a note where there are none (then each line is its own)."""
    miner = TemplateMiner(system.drain)
    for content in contents:
        miner.add(content)
    table = miner.table()
    lines = Counter(miner.match(content) for content in contents)
    repeated = [row for row in table["templates"] if lines[row["key"]] > 1]
    if repeated:
        return {**table, "templates": repeated}, []
    return table, ["No two of these lines are alike, so only how severe a line calls itself tells them apart."]


def _untrained(table: dict[str, Any], system: LogSystem, lines: int) -> LogAnomalyDetector:
    from logllm.trainers import assemble_logllama

    with _DRAWING:
        model, processor = assemble_logllama(
            "tiny",
            table,
            predict_end=False,
            seed=0,
            score_by="likelihood",
            unseen_score=math.log(lines + 1),  # the add-one estimate, as in training
            log_system=system.to_dict(),
        )
    return LogAnomalyDetector(model, processor, system)


def usual_score(
    detector: LogAnomalyDetector, sequences: Sequence[tuple[int, ...]], severity: Sequence[Sequence[float]]
) -> float:
    """The threshold: the score of a message never seen, or what nine lines in ten stay below."""
    unseen = detector.model.config.unseen_score
    scores: list[float] = []
    step = -(-len(sequences) // THRESHOLD_WINDOWS)
    sequences, severity = sequences[::step], severity[::step]
    for judged, sequence, nats in zip(detector.model.judge(sequences), sequences, severity):
        lines = zip(detector.scorer.bounded(judged.nll.tolist(), sequence), nats)
        scores += [value + SEVERITY_WEIGHT * extra for value, extra in lines]
    usual = float(np.quantile(scores, USUAL_SHARE, method="lower"))
    return max(usual, unseen - 0.01)  # a message never seen lies above it
