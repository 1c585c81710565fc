"""LogLLM from windows to a calibrated model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset

from logllm.hf_datasets import LogSystem

# Fewer anomalous validation windows than this say little about a threshold.
LEAST_ANOMALIES = 3


def train_logllm_on(
    train: Dataset,
    validation: Dataset,
    table: dict[str, Any],
    system: LogSystem,
    preset: str | None,
    work: Path,
    seed: int,
    progress: bool,
    settings: dict[str, Any],
) -> tuple[Any, Any, list[dict[str, Any]], dict[str, Any]]:
    """LogLLM's part of `train_detector`: (model, processor, a record a stage, further facts)."""
    from logllm.trainers import LogLLMRecipe, assemble_logllm, reliability_curve, train_logllm
    from logllm.trainers.logllm_recipe import merged_recipe
    from logllm.trainers.logllm_stages import every_nth

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
        report_to=settings["report_to"],
        tracking_dir=settings["out"] / "runs" if settings["out"] is not None else None,
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
