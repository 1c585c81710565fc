"""Runs LogLLaMA through its two stages: distinct sequences, validation, early stopping, resume, curves.

Notes:
- Distinct sequences are trained on once an epoch, weighted by how often they occur. A small log has few of them, so an
  epoch may be a handful of steps: epochs are added until the stage has LEAST_STEPS steps (or as many as an epoch count
  over all sequences would have had).
- A stage that is done leaves its weights in the work folder, so that a run that was killed goes on with the stage, and
  within it with the step, that it was in.
- Under torchrun every process trains on its share; the first one writes.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from safetensors.torch import load_model, save_model
from transformers import EarlyStoppingCallback, Trainer

from logllm.modeling_logllm import LogLLaMAForNextKey, LogLLaMAProcessor

from .assemble import preset_named
from .logllama_config import PRESETS, LogLLaMAPreset, NextKeyConfig, ReinforceConfig
from .logllama_trainer import NextKeyTrainer, ReinforceTrainer, unwrapped
from .qlora import merged, with_adapters
from .stage_checkpoint import last_sealed, write_json
from .stage_runner import batch_settings, common_settings, run
from .tracking import chosen_trackers, track, tracking_arguments

LEAST_STEPS = 400
REINFORCE_BATCH = 64
VALIDATION_LIMIT = 1000  # distinct validation sequences that a stage is stopped by


def train_logllama(
    model: LogLLaMAForNextKey,
    processor: LogLLaMAProcessor,
    sequences: Sequence[Sequence[int]],
    preset: str,
    work_dir: Path,
    *,
    validation: Sequence[Sequence[int]] = (),
    labels: Sequence[int] | None = None,
    seed: int = 0,
    max_steps: int = -1,
    reinforce: bool = True,
    reinforce_settings: dict[str, Any] | None = None,
    resume: bool = False,
    report_to: str | Sequence[str] | None = None,
    tracking_dir: Path | None = None,
    progress: bool = True,
) -> list[dict[str, Any]]:
    """Train LogLLaMA on normal sequences of key ids: likelihood, then REINFORCE; returns one row a stage.

    Args:
        model: the model, changed in place.
        processor: its processor.
        sequences: normal sequences, each beginning with the begin key.
        preset: row of the preset table.
        work_dir: for the trainers' files; holds `curves.json` at the end.
        validation: normal sequences that neither stage learns from; a stage stops when it does no better on them and
            goes back to where it was best. Without them both stages run to their ends.
        labels: of `sequences`; anomalous ones serve `use_labels` of the REINFORCE stage and nothing else.
        seed: of the order of samples and of the rollouts.
        max_steps: of the likelihood stage; -1 leaves it to the preset's epochs.
        reinforce: whether to run the second stage.
        reinforce_settings: fields of `ReinforceConfig` in place of the preset's.
        resume: go on from what an earlier run left in `work_dir`.
        report_to: trackers of the curves (`tracking.chosen_trackers`).
        tracking_dir: for TensorBoard's files, a folder a stage.
        progress: show bars.
    """
    trackers = chosen_trackers(report_to)
    row: LogLLaMAPreset = preset_named(PRESETS, preset)
    # A step sees as many sequences with many processes as with one.
    share, reinforce_share = batch_settings(row.batch, row.batch), batch_settings(REINFORCE_BATCH, REINFORCE_BATCH)
    name_of_run = (tracking_dir or work_dir).parent.name
    truth = labels if labels is not None else [0] * len(sequences)
    normal = [sequence for sequence, label in zip(sequences, truth) if label != 1]
    # A window longer than the context is learnt in pieces of it.
    rows = weighted_rows(normal, model.config.context_keys)
    if not len(rows):
        raise ValueError("LogLLaMA must have normal windows to learn from, found none in the training split")
    held_back = weighted_rows(validation, model.config.context_keys)
    held_back = held_back.select(range(min(len(held_back), VALIDATION_LIMIT)))
    model.learn_keys(key for sequence in rows["input_ids"] for key in sequence)
    history: dict[str, Any] = {}
    trained, adapted = model, row.decoder is not None
    if adapted:
        trained = with_adapters(model, row.lora_rank)
    epochs, steps = length_of_stage(len(rows), sum(rows["weight"]), row.batch, row.epochs, max_steps)
    args = NextKeyConfig(
        learning_rate=row.learning_rate,
        num_train_epochs=epochs,
        max_steps=steps,
        lr_scheduler_type=row.schedule,
        warmup_steps=20,
        **share,
        **common_settings(work_dir / "likelihood", seed, 20)
        | tracking_arguments(trackers, f"{name_of_run}-likelihood")
        | _validated(held_back, max(round(total_steps(len(rows), row.batch, epochs, steps) / row.epochs), 1)),
    )
    trainer: Trainer = NextKeyTrainer(trained, args, rows, processor, eval_dataset=held_back)
    track(trainer, trackers, None if tracking_dir is None else tracking_dir / "likelihood")
    done = [
        {"stage": "likelihood", "distinct": len(rows), **run_stage(trainer, row.patience, resume, progress, history)}
    ]
    if reinforce:
        chosen = draw(sequences, truth, row.reinforce_sequences, model.config.context_keys, seed, reinforce_settings)
        a_pass = math.ceil(len(chosen) / REINFORCE_BATCH)
        settings = {
            "learning_rate": row.reinforce_learning_rate,
            "num_train_epochs": row.reinforce_epochs,
            "max_steps": max_steps // 10 if 0 < max_steps < a_pass * row.reinforce_epochs else -1,
            **reinforce_share,
            **common_settings(work_dir / "reinforce", seed, max(round(a_pass * row.reinforce_epochs / 50), 1))
            | tracking_arguments(trackers, f"{name_of_run}-reinforce")
            | _validated(held_back, max(a_pass // 4, 1))
            | (reinforce_settings or {}),
        }
        trainer = ReinforceTrainer(trained, ReinforceConfig(**settings), chosen, processor, eval_dataset=held_back)
        track(trainer, trackers, None if tracking_dir is None else tracking_dir / "reinforce")
        done.append(
            {
                "stage": "reinforce",
                "objective": trainer.args.objective,
                **run_stage(trainer, row.patience, resume, progress, history),
            }
        )
    if adapted:
        merged(trained)
    model.eval()
    if trainer.is_world_process_zero():
        work_dir.mkdir(parents=True, exist_ok=True)
        (work_dir / "curves.json").write_text(json.dumps(history) + "\n", "utf-8")
    return done


def weighted_rows(sequences: Sequence[Sequence[int]], context: int) -> Dataset:
    """Distinct pieces of at most `context` keys with how often each occurs: `input_ids`, `weight`; most frequent first."""
    pieces: Counter[tuple[int, ...]] = Counter()
    for sequence in sequences:
        for start in range(0, max(len(sequence) - 1, 1), context):
            piece = tuple(sequence[start : start + context])
            if len(piece) > 1:
                pieces[piece] += 1
    rows = pieces.most_common()
    return Dataset.from_dict({"input_ids": [list(ids) for ids, _ in rows], "weight": [float(w) for _, w in rows]})


def length_of_stage(rows: int, sequences: float, batch: int, epochs: float, max_steps: int) -> tuple[float, int]:
    """Return epochs and max_steps (-1 = none) of the likelihood stage.

    >>> length_of_stage(rows=64, sequences=6400, batch=32, epochs=10, max_steps=-1)
    (200.0, -1)
    >>> length_of_stage(rows=6400, sequences=6400, batch=32, epochs=10, max_steps=100)
    (10, 100)
    """
    a_pass = math.ceil(rows / batch)
    wanted = min(LEAST_STEPS, math.ceil(sequences / batch) * epochs)
    epochs = max(epochs, math.ceil(wanted / a_pass) * 1.0) if a_pass * epochs < wanted else epochs
    return epochs, max_steps if 0 < max_steps < a_pass * epochs else -1


def total_steps(rows: int, batch: int, epochs: float, max_steps: int) -> int:
    """Return how many optimiser steps a stage takes."""
    return max_steps if max_steps > 0 else math.ceil(math.ceil(rows / batch) * epochs)


def draw(
    sequences: Sequence[Sequence[int]],
    labels: Sequence[int],
    limit: int,
    context: int,
    seed: int,
    settings: dict[str, Any] | None,
) -> Dataset:
    """Draw the sequences that the policy starts from: at random among all, the frequent ones often."""
    wanted = [
        (list(sequence[:context]), int(label == 1))
        for sequence, label in zip(sequences, labels)
        if len(sequence) > 2 and (label != 1 or (settings or {}).get("use_labels"))
    ]
    order = random.Random(seed).sample(wanted, min(limit, len(wanted)))
    return Dataset.from_dict({"input_ids": [ids for ids, _ in order], "label": [label for _, label in order]})


def _validated(held_back: Dataset, every: int) -> dict[str, Any]:
    if not len(held_back):
        return {"save_strategy": "steps", "save_steps": every, "save_total_limit": 1}
    return {
        "eval_strategy": "steps",
        "eval_steps": every,
        "save_strategy": "steps",
        "save_steps": every,
        "save_total_limit": 1,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
    }


def run_stage(
    trainer: Trainer, patience: int, resume: bool, progress: bool, history: dict[str, Any]
) -> dict[str, Any]:
    """Train one stage, or take it from where an earlier run left it; `history` gets its log."""
    assert trainer.args.output_dir is not None
    folder = Path(trainer.args.output_dir)
    name, finished = folder.name, folder / "done.json"
    if resume and finished.is_file():
        record = json.loads(finished.read_text("utf-8"))
        load_model(trainer.accelerator.unwrap_model(trainer.model), str(folder / "done.safetensors"), strict=False)
        history[name] = record["log"]
        return record["row"]
    if trainer.args.load_best_model_at_end:
        trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=patience))
    first = trainer.is_world_process_zero()
    checkpoint = last_sealed(folder, remove=first) if resume and folder.is_dir() else None
    row = run(trainer, name, progress, resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    history[name] = trainer.state.log_history
    best = [log for log in history[name] if "eval_loss" in log]
    if best:
        row["validation_loss"] = min(log["eval_loss"] for log in best)
    if trainer.is_world_process_zero():
        save_model(trainer.accelerator.unwrap_model(trainer.model), str(folder / "done.safetensors"))
        write_json(finished, {"row": row, "log": history[name]})
    unwrapped(trainer).eval()
    return row
