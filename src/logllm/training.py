"""From windows to a calibrated checkpoint: assemble, train the stages, set the threshold, write folder and card.

What is peculiar here:
- The threshold is set on validation windows only: LogLLM's by F1 where they hold anomalies (where the model is undecided
  about a window of the natural log, if that is among the best), LogLLaMA's by the false-alarm rate of normal ones.
- LogLLaMA takes no label into training: windows labelled anomalous are left out, unlabelled ones are taken as normal.
- Everything that a stranger needs to read the result stands in `training.json` beside the weights.
"""

from __future__ import annotations

import json
import math
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

from logllm.detector import LogAnomalyDetector
from logllm.errors import LogllmError
from logllm.hf_datasets import LogSystem
from logllm.training_logllama import keep_curves, train_logllama_on

FALSE_ALARM_RATE = 0.01
# Fewer anomalous validation windows than this say little about a threshold.
LEAST_ANOMALIES = 3


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
    provenance: dict[str, Any] | None = None,
    progress: bool = True,
) -> LogAnomalyDetector:
    """Train a detector of one family on windows and, with `out`, write its checkpoint.

    Args:
        family: "logllm" (labels needed) or "logllama" (normal windows, or unlabelled ones taken as normal).
        train: rows with `lines`, `keys` and `label`.
        validation: the same; sets the threshold and nothing else.
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
    learn: Any = _train_logllm if family == "logllm" else train_logllama_on
    if family == "logllama":  # LogLLM's may come from its recipe
        preset = preset or "tiny"
    settings = {
        "max_steps": max_steps,
        "reinforce": reinforce,
        "reinforce_settings": reinforce_settings,
        "false_alarm_rate": false_alarm_rate,
        "resume": resume,
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
    detector = LogAnomalyDetector(model, processor, system)
    if out is not None and first:
        detector.save_pretrained(out)
        if keep_curves(work, Path(out)):
            record["curves"] = "curves.png"
        (Path(out) / "training.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
        write_model_card(out)
    if first:
        shutil.rmtree(work, ignore_errors=True)
    return detector


def write_model_card(folder: str | Path) -> None:
    """Render a checkpoint's card from its config, its training record and, where measured, its metrics."""
    from logllm.model_cards import render_model_card, write_card

    parts = {}
    for name in ("config", "metrics", "training"):
        file = Path(folder) / f"{name}.json"
        parts[name] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    write_card(render_model_card(**parts), folder)


def _train_logllm(train, validation, table, system, preset, work, seed, progress, settings):
    from logllm.trainers import LogLLMRecipe, assemble_logllm, reliability_curve, train_logllm
    from logllm.trainers.logllm_recipe import merged_recipe
    from logllm.trainers.run import every_nth

    recipe = settings["recipe"]
    if isinstance(recipe, (str, Path)):
        recipe = LogLLMRecipe.from_yaml(recipe)
    elif recipe is not None:
        recipe = LogLLMRecipe.of(recipe)
    recipe = merged_recipe(recipe, {"preset": preset})
    row, rows, held_back = recipe.row(), _labelled(train), _labelled(validation)
    model, processor = assemble_logllm(row, (line for lines in rows["lines"] for line in lines), seed)
    model.config.log_system = system.to_dict()
    facts = {key: settings["facts"].get(key) for key in ("dataset_config", "split_checksum")}
    stages, copies = train_logllm(
        model,
        processor,
        rows,
        recipe,
        work,
        validation=held_back,
        seed=seed,
        resume=settings["resume"],
        facts=facts,
        tensorboard_dir=settings["out"] / "runs" if settings["out"] is not None else None,
        progress=progress,
    )
    calibration, curve = "where the model is undecided: too few anomalous validation windows to set one on", []
    if copies:
        labels = every_nth(held_back)["label"][:]
        curve = reliability_curve(copies[0], labels)
        undecided = prior_shift(stages[-1]["anomalous_share"], rows["label"])
        scores = [score for copy in copies for score in copy]
        how = _calibrate_logllm(model, scores, labels * len(copies), undecided, recipe.false_alarm_rate)
        calibration = (how or calibration) + (f", in {len(copies)} wordings" if len(copies) > 1 else "")
    record = {
        "settings": ", ".join(f"{key}: {value}" for key, value in recipe.to_dict().items()),
        "preset": recipe.preset,
        "calibration": calibration,
        "reliability": curve,
        "base_models": [name for name in (row.encoder, row.decoder) if name],
        "filled_in": _filled_in(recipe),
    }
    return model, processor, stages, record


def prior_shift(trained_share: float, labels: Sequence[int]) -> float:
    """The score at which a window of the natural log is as likely normal as anomalous.

    The model was trained on samples of which `trained_share` were anomalous, and its log-odds are theirs. Where the share
    is another, log-odds move by the difference of the two prior log-odds (Bayes).

    >>> round(prior_shift(0.3, [1] * 3 + [0] * 97), 2)
    2.63
    """
    natural = sum(label == 1 for label in labels) / max(len(labels), 1)
    if not (0 < trained_share < 1 and 0 < natural < 1):
        return 0.0
    return math.log(trained_share / (1 - trained_share)) - math.log(natural / (1 - natural))


def _calibrate_logllm(
    model: Any, scores: Sequence[float], labels: Sequence[int], undecided: float, rate: float | None
) -> str | None:
    """Set the threshold on validation windows; returns how, None where there are too few to set one on."""
    from logllm.trainers import best_f1_threshold, false_alarm_threshold

    of = f"{len(labels)} validation windows, {sum(labels)} of them anomalous"
    normal = [score for score, label in zip(scores, labels) if label == 0]
    if rate is not None and normal:
        model.config.threshold = false_alarm_threshold(normal, rate)
        return f"false-alarm rate {rate} on the normal ones of {of}"
    if sum(labels) < LEAST_ANOMALIES:
        model.config.threshold = undecided
        return None
    model.config.threshold = best_f1_threshold(scores, labels, prefer=undecided)
    return f"best F1 on {of}"


def _filled_in(recipe: Any) -> list[str]:
    """Where a run departs from the paper or settles what it leaves open, for the card."""
    row = recipe.row()
    told = ["The last stage goes back to its best validation checkpoint (F1, then loss); the paper trains to the end."]
    if row.patience:
        told.append(f"It stops after {row.patience} evaluations without gain; the paper does not say.")
    if row.stages == "frozen_encoder":
        told.append("The encoder stands still in every stage; the paper trains it in stages 2 and 3.")
    if row.stages == "scratch":
        told.append(
            "Encoder and decoder start from random weights, at higher rates; the paper starts from pretrained ones."
        )
    if row.repeats < 1:
        told.append(
            f"A window that occurs n times is learnt from n^{row.repeats:g} times an epoch; in the paper as often as it occurs."
        )
    if row.pooling == "mean":
        told.append("A message's vector is the mean over its word pieces; the paper takes BERT's pooled [CLS].")
    if row.noise or row.mix or row.word_dropout:
        told.append(
            f"In training, a share of each window's messages drawn anew is varied (words changed {row.word_dropout}, noise "
            f"{row.noise} of a vector's length, up to {row.mix} of the way to another message); the paper does not vary them."
        )
    if row.reorder:
        told.append(f"In training, messages change places by up to {row.reorder:g}; the paper keeps their order.")
    return told


def _labelled(rows: Dataset) -> Dataset:
    known = [i for i, label in enumerate(rows["label"]) if label in (0, 1)]
    return rows.select(known) if len(known) < len(rows) else rows


def rows_of(windows: Sequence[Any], keys: Sequence[Sequence[str]]) -> Dataset:
    """Make a dataset of windows in memory: `lines`, `keys`, `label` (-1 where unknown)."""
    return Dataset.from_dict(
        {
            "lines": [window.lines for window in windows],
            "keys": [list(row) for row in keys],
            "label": [-1 if window.label is None else window.label for window in windows],
        }
    )
