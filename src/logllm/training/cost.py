"""What a recipe costs before it is begun: windows, steps, and hours from a step that was measured here.

Steps follow from the labels of the training windows: they are counted exactly, by the same sampler that training uses.
Where the log is not at hand, the paper's Table I stands in for it.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from logllm.training.recipe import training_settings

PAPER_MINUTES, PAPER_TEST_MINUTES = 1065, 64.48  # the paper's means over its four logs, training and testing
MEASURED_STEPS, MEASURED_WINDOWS = 3, 64


@dataclass
class StageCost:
    """One stage: samples of an epoch, optimiser steps, and seconds where a step was measured."""

    stage: str
    samples: int
    steps: int
    seconds: float | None = None


@dataclass
class RowCost:
    """One row at one seed; `seconds` is None where no step could be measured, and `why` says why not."""

    row: str
    windows: int
    stages: list[StageCost] = field(default_factory=list)
    test_windows: int = 0
    seconds: float | None = None
    scoring_seconds: float | None = None
    why: str = ""

    @property
    def steps(self) -> int:
        """Optimiser steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def steps_of(row: Mapping[str, Any], labels: Sequence[int]) -> list[StageCost]:
    """Samples and steps of each stage of a LogLLM row for training windows with these labels.

    A row with `repeats` below 1 learns from fewer windows than there are: its steps are an upper bound.
    """
    from logllm.trainers import LogLLMRecipe
    from logllm.trainers.logllm_batches import MinorityOversampler

    recipe = LogLLMRecipe.of(training_settings(row))
    costs = []
    for stage in recipe.stage_rows():
        samples = len(MinorityOversampler(labels, recipe.minority_share, 0, stage.max_samples, stage.min_samples))
        costs.append(StageCost(stage.name, samples, math.ceil(math.ceil(samples / recipe.batch) * stage.epochs)))
    return costs


def measured(
    row: Mapping[str, Any], rows: Mapping[str, Any], templates: dict[str, Any], system: Any, folder: Path
) -> tuple[dict[str, float], float, str]:
    """Measure a few steps of each stage on this machine, and the scoring of some windows.

    All processes of a run must call it, as training does. The first step of a stage is left out: it allocates.

    Args:
        row: a row of a recipe.
        rows: windows as `sample_of` picks them.
        templates: the template table.
        system: how the log is read.
        folder: to train in; the caller removes it.

    Returns:
        Seconds a step of each stage, seconds a scored window, and why nothing could be measured ("" where it was).
    """
    if row.get("family", "logllm") == "logllama":
        return {}, 0.0, "LogLLaMA's steps depend on its distinct sequences and are not measured beforehand"
    from logllm.training.train import train_detector

    settings = training_settings(row)
    batch = int(settings.get("batch") or 16)
    short = {**settings, "max_samples": MEASURED_STEPS * batch, "last_epochs": 1, "patience": 0}
    try:
        detector = train_detector(
            "logllm", rows["train"], rows["train"].select([]), templates, system, None, folder, recipe=short,
            progress=False,
        )  # fmt: skip
    except (OSError, ImportError) as error:  # a base model or bitsandbytes that is not at hand
        return {}, 0.0, " ".join(str(error).split())
    windows = rows["test"]["lines"][:]
    started = time.perf_counter()
    detector.scores(windows)
    seconds = (time.perf_counter() - started) / max(len(windows), 1)
    stages = json.loads((folder / "training.json").read_text("utf-8"))["stages"]
    return {one["stage"]: float(one["seconds_per_step"]) for one in stages}, seconds, ""


def sample_of(splits: Mapping[str, Any]) -> dict[str, Any]:
    """Windows to measure on: training windows of both classes, and test windows, spread over their parts."""
    labels, test = splits["train"]["label"][:], splits["test"]
    train = []
    for kind in (0, 1):
        places = [i for i, label in enumerate(labels) if label == kind]
        train += places[:: max(len(places) // MEASURED_WINDOWS, 1)][:MEASURED_WINDOWS]
    every = max(len(test) // MEASURED_WINDOWS, 1)
    return {
        "train": splits["train"].select(sorted(train)),
        "test": test.select(range(0, len(test), every)[:MEASURED_WINDOWS]),
    }


def planned(name: str, row: Mapping[str, Any], labels: Sequence[int], test_windows: int) -> RowCost:
    """Windows and steps of a row, without seconds."""
    cost = RowCost(name, len(labels), test_windows=test_windows)
    if row.get("family", "logllm") == "logllm":
        cost.stages = steps_of(row, labels)
    return cost


def in_words(costs: Sequence[RowCost], seeds: int, processes: int) -> str:
    """A table of what rows cost, and the sum over the seeds."""
    lines = ["| row | training windows | steps | test windows | hours a seed |", "|---|---|---|---|---|"]
    for cost in costs:
        hours = "not measured" if cost.seconds is None else f"{cost.seconds / 3600:.2f}"
        steps = f"{cost.steps:,}" if cost.stages else "depends on distinct sequences"
        lines.append(f"| {cost.row} | {cost.windows:,} | {steps} | {cost.test_windows:,} | {hours} |")
    known = [cost.seconds for cost in costs if cost.seconds is not None]
    lines.append("")
    if known:
        every = statistics.mean(known) * len(costs) * seeds / 3600
        lines.append(
            f"{len(costs)} rows x {seeds} seeds: about {every:.1f} hours with {processes} process{'es' if processes > 1 else ''} "
            f"(a measured step times the steps; {len(known)} of {len(costs)} rows measured)."
        )
    for why in dict.fromkeys(cost.why for cost in costs if cost.why):
        lines.append(f"Not measured: {why}")
    if not known:
        runs = len(costs) * seeds
        lines.append(
            f"As a scale: the paper's mean is {PAPER_MINUTES:,} minutes of training and {PAPER_TEST_MINUTES} of testing a run, "
            f"{runs} run{'s' if runs > 1 else ''} would be {runs * (PAPER_MINUTES + PAPER_TEST_MINUTES) / 60:,.0f} hours."
        )
    return "\n".join(lines)
