"""From windows to a calibrated checkpoint: assemble, train the stages, set the threshold, write folder and card.

Notes:
- The threshold is set on validation windows only: LogLLM's by F1 where they hold anomalies (where the model is undecided
  about a window of the natural log, if that is among the best), LogLLaMA's by the false-alarm rate of normal ones.
- LogLLaMA takes no label into training: windows labelled anomalous are left out, unlabelled ones are taken as normal.
- Everything that a stranger needs to read the result stands in `training.json` beside the weights.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datasets import Dataset

from logllm.decision.detector import Detector
from logllm.errors import LogllmError
from logllm.hf_datasets import LogSystem
from logllm.training.logllama import keep_curves, train_logllama_on
from logllm.training.logllm import train_logllm_on
from logllm.training.result_file import write_whole

# Of LogLLaMA's default threshold, in every table and command: benchmarks/results/logllama_threshold.json.
FALSE_ALARM_RATE = 0.001


def train_detector(
    family: str,
    train: Dataset,
    validation: Dataset,
    template_table: dict[str, Any],
    system: LogSystem,
    preset: str | None = None,
    out: str | Path | None = None,
    *,
    seed: int = 0,
    recipe: Mapping[str, Any] | str | Path | None = None,
    max_steps: int = -1,
    reinforce: bool = True,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    reinforce_settings: dict[str, Any] | None = None,
    resume: bool = False,
    report_to: str | Sequence[str] | None = None,
    provenance: dict[str, Any] | None = None,
    progress: bool = True,
) -> Detector:
    """Train a detector of one family on windows and, with `out`, write its checkpoint.

    Args:
        family: "logllm" (labels needed) or "logllama" (normal windows, or unlabelled ones taken as normal).
        train: rows with `lines`, `keys` and `label`.
        validation: the same; sets the threshold and when a stage stops. LogLLaMA remembers the counts of its normal sessions.
        template_table: Drain templates of the training split.
        system: how the log is read; stored in the checkpoint.
        preset: size and stages; by default the recipe's, else "tiny".
        out: checkpoint folder.
        seed: of weights, order and dropout.
        recipe: LogLLM: settings in place of the preset's (`LogLLMRecipe`), as values or as a YAML file.
        max_steps: LogLLaMA: optimiser steps of the likelihood stage at most; -1 for the preset's epochs.
        reinforce: LogLLaMA: run the REINFORCE stage.
        false_alarm_rate: LogLLaMA: share of normal windows that may be flagged.
        reinforce_settings: LogLLaMA: fields of `ReinforceConfig` in place of the preset's.
        resume: go on from what a run that was stopped left in `out`; under torchrun a restart after a lost worker does
            so by itself.
        report_to: where the curves go: "tensorboard", "trackio" or another tracker that is installed, several with commas,
            none by default; TensorBoard writes into `out`/runs.
        provenance: further facts for the card (dataset, split, checksum, recipe).
        progress: show bars.
    """
    started = time.perf_counter()
    if recipe is not None and family != "logllm":
        raise LogllmError("a recipe is of LogLLM's training, found one beside logllama: leave it out, or train logllm")
    work = Path(out) / ".stages" if out is not None else Path(tempfile.mkdtemp(prefix="logllm-stages-"))
    first = int(os.environ.get("RANK", "0")) == 0  # under torchrun the first process writes
    # A worker was lost and torchrun has started all anew: go on, or every restart would begin at the beginning.
    resume = resume or int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    if not resume and first:
        shutil.rmtree(work, ignore_errors=True)
    learn: Any = train_logllm_on if family == "logllm" else train_logllama_on
    if family == "logllama":  # LogLLM's may come from its recipe
        preset = preset or "tiny"
    settings = {
        "max_steps": max_steps,
        "reinforce": reinforce,
        "reinforce_settings": reinforce_settings,
        "false_alarm_rate": false_alarm_rate,
        "resume": resume,
        "report_to": report_to,
        "recipe": recipe,
        "facts": provenance or {},
        "out": Path(out) if out is not None else None,
    }
    model, processor, stages, facts = learn(
        train,
        validation,
        template_table,
        system,
        preset,
        work,
        seed,
        progress,
        settings,
    )
    record = {
        **(provenance or {}),
        "preset": preset,
        "seed": seed,
        "stages": stages,
        **facts,  # LogLLM's preset may come from its recipe
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "training_windows": len(train),
        "validation_windows": len(validation),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "seconds": round(time.perf_counter() - started, 1),
        "versions": {name: version(name) for name in ("logllm", "torch", "transformers", "trl", "datasets")},
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
    }
    detector = Detector(model, processor, system)
    if out is not None and first:
        detector.save_pretrained(out)
        if keep_curves(work, Path(out)):
            record["curves"] = "curves.png"
        write_model_card(out, record)
        # Last, and whole: a folder that has it holds a finished training.
        write_whole(Path(out) / "training.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    if first:
        shutil.rmtree(work, ignore_errors=True)
    return detector


def write_model_card(folder: str | Path, record: dict[str, Any] | None = None) -> None:
    """Render a checkpoint's card from its config, its training record and, where measured, its metrics.

    Beside it, where it was measured on a dataset of the Hub: the results as the Hub collects them (`.eval_results/`).
    `record` stands in for a training record that is not in the folder yet.
    """
    from logllm.model_cards import render_eval_results, render_model_card, write_card

    parts = {}
    for name in ("config", "metrics", "training"):
        file = Path(folder) / f"{name}.json"
        parts[name] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    parts |= {"training": record} if record is not None else {}
    write_card(render_model_card(**parts), folder)
    date = parts["metrics"].get("measured_on")
    for name, text in render_eval_results(parts["metrics"], parts["training"], date).items():
        file = Path(folder) / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")


def rows_of(windows: Sequence[Any], keys: Sequence[Sequence[str]]) -> Dataset:
    """Make a dataset of windows in memory: `lines`, `keys`, `label` (-1 where unknown)."""
    return Dataset.from_dict(
        {
            "lines": [window.lines for window in windows],
            "keys": [list(row) for row in keys],
            "label": [-1 if window.label is None else window.label for window in windows],
        }
    )
