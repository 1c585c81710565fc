"""LogLLM from windows to a calibrated model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset

from logllm.hf_datasets import LogSystem

# Fewer anomalous validation windows than this say little about a threshold.
LEAST_ANOMALIES = 3
MOST_KNOWN_MESSAGES = 2_000  # of the training windows, kept in the configuration
FEW_ANOMALIES = 10  # below it the threshold is doubtful
PRIOR_MOVED = 4.0  # times: odds of "anomalous" in validation against training


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
    if row.lora and row.encoder_kind == "embedding":
        model.merge()  # no base to name for such an encoder: the checkpoint is saved whole
    if row.nearest_wording:
        _remember_messages(model, processor, rows["lines"], row.nearest_wording)
        if len(copies) == 1:  # validation windows hold messages that training did not: judged as later ones will be
            copies = [model.score(every_nth(held_back)["lines"][:], processor)]
    calibration, curve = "none: no validation windows; the more probable answer decides (log-odds above 0)", []
    undecided = prior_shift(stages[-1]["anomalous_share"], rows["label"])
    doubts = threshold_doubts(rows["label"], held_back["label"] if len(held_back) else [])
    if copies:
        labels = every_nth(held_back)["label"][:]
        curve = reliability_curve(copies[0], labels)
        scores = [score for copy in copies for score in copy]
        how = _calibrate_logllm(
            model,
            scores,
            labels * len(copies),
            undecided,
            recipe.false_alarm_rate,
            normal_weight(rows["label"], labels),
        )
        calibration = how + (f", in {len(copies)} wordings" if len(copies) > 1 else "")
    record = {
        "settings": ", ".join(f"{key}: {value}" for key, value in recipe.to_dict().items()),
        "preset": recipe.preset,
        "calibration": calibration,
        "undecided": undecided,
        "doubts": doubts,
        "reliability": curve,
        "base_models": [name for name in (row.encoder, row.decoder) if name],
        "filled_in": _filled_in(recipe, bool(copies)),
    }
    return model, processor, stages, record


def _remember_messages(model: Any, processor: Any, windows: Sequence[Sequence[str]], floor: float) -> None:
    """Give the model the masked messages of training, of very many the most frequent."""
    counts: Counter[str] = Counter()
    for message, count in Counter(message for window in windows for message in window).items():
        counts[processor.normalize(message)] += count
    model.config.known_messages = [text for text, _ in counts.most_common(MOST_KNOWN_MESSAGES)]
    model.config.nearest_wording = floor


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


def _odds(labels: Sequence[int]) -> float:
    """Odds of "anomalous" among labels, with half a window of each class added."""
    anomalous = sum(label == 1 for label in labels)
    return (anomalous + 0.5) / (len(labels) - anomalous + 0.5)


def normal_weight(training: Sequence[int], validation: Sequence[int]) -> float:
    """How much a normal validation window weighs when the threshold is set.

    Where anomalies are `PRIOR_MOVED` times as frequent in the validation windows as in the training windows (in odds), the
    later windows may be like either: the threshold is set for the rarer of the two shares. Else a window weighs 1.

    >>> normal_weight([1] * 10 + [0] * 90, [1] * 10 + [0] * 90)
    1.0
    >>> round(normal_weight([1] * 5 + [0] * 95, [1] * 50 + [0] * 50), 1)
    17.4
    """
    ratio = _odds(validation) / _odds(training)
    return ratio if ratio >= PRIOR_MOVED else 1.0


def threshold_doubts(training: Sequence[int], validation: Sequence[int]) -> list[str]:
    """What a reader should know of a threshold: few anomalies behind it, or a share of anomalies that moves.

    >>> threshold_doubts([1] * 10 + [0] * 90, [1] * 20 + [0] * 180)
    []
    """
    doubts, anomalous = [], sum(label == 1 for label in validation)
    if len(validation) and anomalous < FEW_ANOMALIES:
        doubts.append(f"only {anomalous} of {len(validation):,} validation windows are anomalous")
    moved = _odds(validation) / _odds(training) if len(validation) else 1.0
    if not 1 / PRIOR_MOVED < moved < PRIOR_MOVED:
        shares = [sum(label == 1 for label in part) / len(part) for part in (training, validation)]
        doubts.append(
            f"{shares[0]:.1%} of the training windows are anomalous and {shares[1]:.1%} of the validation windows, so the share "
            "in later windows is not known"
        )
    return doubts


def _calibrate_logllm(
    model: Any,
    scores: Sequence[float],
    labels: Sequence[int],
    undecided: float,
    rate: float | None,
    weight: float = 1.0,
) -> str:
    """Set the threshold on validation windows; returns how."""
    from logllm.trainers import best_f1_threshold, false_alarm_threshold

    of = f"{len(labels)} validation windows, {sum(labels)} of them anomalous"
    normal = [score for score, label in zip(scores, labels) if label == 0]
    if rate is not None and normal:
        model.config.threshold = false_alarm_threshold(normal, rate)
        return f"false-alarm rate {rate} on the normal ones of {of}"
    if sum(labels) < LEAST_ANOMALIES:
        model.config.threshold = undecided
        return "where the model is undecided: too few anomalous validation windows to set one on"
    model.config.threshold = best_f1_threshold(scores, labels, prefer=undecided, normal_weight=weight)
    rarer = f", a normal one weighing {weight:.1f} as anomalies are rarer in training" if weight != 1 else ""
    return f"best F1 on {of}{rarer}"


def _filled_in(recipe: Any, held_back: bool) -> list[str]:
    """Where a run departs from the paper or settles what it leaves open, for the card; `held_back`: validation windows."""
    row, told = recipe.row(), []
    if held_back:
        told.append(
            "The last stage goes back to its best validation checkpoint (F1, then loss); the paper trains to the end."
        )
    if held_back and row.patience:
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
    if row.nearest_wording:
        told.append(
            f"A message that training never held is read as the nearest one that it held, where their cosine is at least "
            f"{row.nearest_wording:g}; the paper encodes it as it is."
        )
    if row.reorder:
        told.append(f"In training, messages change places by up to {row.reorder:g}; the paper keeps their order.")
    return told


def _labelled(rows: Dataset) -> Dataset:
    known = [i for i, label in enumerate(rows["label"]) if label in (0, 1)]
    return rows.select(known) if len(known) < len(rows) else rows
