"""Runs a model through its stages: one trainer a row of the table, with a progress bar for people.

What is peculiar here: transformers prints its logs to standard output, which belongs to results; the bar here goes to
standard error and carries the stage's name and the last loss.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from tqdm.auto import tqdm
from transformers import PrinterCallback, Trainer, TrainerCallback

from logllm.modeling_logllm import (
    LogLLaMAForNextKey,
    LogLLaMAProcessor,
    LogLLMForSequenceAnomaly,
    LogLLMProcessor,
)

from .assemble import preset_named
from .logllama_config import PRESETS as LOGLLAMA_PRESETS
from .logllama_config import LogLLaMAPreset, NextKeyConfig, ReinforceConfig
from .logllama_trainer import NextKeyTrainer, ReinforceTrainer
from .logllm_config import PRESETS as LOGLLM_PRESETS
from .logllm_config import STAGE_TABLES, LogLLMPreset, LogLLMTrainingConfig, Stage
from .logllm_trainer import LogLLMTrainer

BATCH = 16  # the paper's mini-batch


class StageBar(TrainerCallback):
    """A progress bar for one stage, on standard error."""

    def __init__(self, name: str, shown: bool):
        self.name, self.shown, self.bar = name, shown, None

    def on_train_begin(self, args, state, control, **kwargs):
        """Open the bar."""
        self.bar = tqdm(total=state.max_steps, desc=self.name, unit="step", disable=not self.shown, leave=True)

    def on_step_end(self, args, state, control, **kwargs):
        """Move it on."""
        self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args, state, control, logs=None, **kwargs):
        """Show the last loss."""
        if logs and "loss" in logs:
            self.bar.set_postfix(loss=f"{float(logs['loss']):.4f}", refresh=False)

    def on_train_end(self, args, state, control, **kwargs):
        """Close it."""
        self.bar.close()


def train_logllm(
    model: LogLLMForSequenceAnomaly,
    processor: LogLLMProcessor,
    dataset: Dataset,
    preset: str,
    work_dir: Path,
    *,
    seed: int = 0,
    minority_share: float = 0.3,
    stages: Sequence[Stage] | None = None,
    progress: bool = True,
) -> list[dict[str, Any]]:
    """Train LogLLM through the stages of its preset; returns one row a stage (name, settings, steps, last loss).

    Args:
        model: the model, changed in place.
        processor: its processor.
        dataset: rows with `lines` and `label`.
        preset: row of the preset table; gives the stages and the micro-batch.
        work_dir: for the trainers' files.
        seed: of the order of samples and of dropout.
        minority_share: beta of the paper's equation (1).
        stages: rows to run in place of the preset's.
        progress: show bars.
    """
    row: LogLLMPreset = preset_named(LOGLLM_PRESETS, preset)
    done = []
    for stage in stages if stages is not None else STAGE_TABLES[row.stages]:
        args = LogLLMTrainingConfig(
            trainable=list(stage.trainable),
            learning_rate=stage.learning_rate,
            num_train_epochs=stage.epochs,
            lr_scheduler_type=stage.schedule,
            per_device_train_batch_size=row.micro_batch,
            gradient_accumulation_steps=max(BATCH // row.micro_batch, 1),
            minority_share=minority_share,
            **_common(work_dir / stage.name.replace(" ", "-"), seed, 20),
        )
        trainer = LogLLMTrainer(model, args, dataset, processor, max_samples=stage.max_samples)
        done.append(
            {"stage": stage.name, "trainable": ", ".join(stage.trainable), **_run(trainer, stage.name, progress)}
        )
    model.eval()
    return done


def train_logllama(
    model: LogLLaMAForNextKey,
    processor: LogLLaMAProcessor,
    sequences: Sequence[Sequence[int]],
    preset: str,
    work_dir: Path,
    *,
    seed: int = 0,
    max_steps: int = -1,
    reinforce: bool = True,
    progress: bool = True,
) -> list[dict[str, Any]]:
    """Train LogLLaMA on normal sequences of key ids: likelihood, then REINFORCE; returns one row a stage.

    Args:
        model: the model, changed in place.
        processor: its processor.
        sequences: normal sequences, each beginning with the begin key.
        preset: row of the preset table.
        work_dir: for the trainers' files.
        seed: of the order of samples and of the rollouts.
        max_steps: of the likelihood stage; -1 leaves it to the preset's epochs.
        reinforce: whether to run the second stage.
        progress: show bars.
    """
    row: LogLLaMAPreset = preset_named(LOGLLAMA_PRESETS, preset)
    # A window longer than the context is learnt in pieces of it.
    size = model.config.context_keys
    pieces = [s[i : i + size] for s in sequences for i in range(0, max(len(s) - 1, 1), size)]
    dataset = Dataset.from_dict({"input_ids": [list(piece) for piece in pieces if len(piece) > 1]})
    if not len(dataset):
        raise ValueError("LogLLaMA must have normal windows to learn from, found none in the training split")
    steps = -(-len(dataset) // row.batch) * row.epochs
    args = NextKeyConfig(
        learning_rate=row.learning_rate,
        num_train_epochs=row.epochs,
        max_steps=max_steps if 0 < max_steps < steps else -1,
        lr_scheduler_type=row.schedule,
        per_device_train_batch_size=row.batch,
        **_common(work_dir / "likelihood", seed, 20),
    )
    done = [{"stage": "likelihood", **_run(NextKeyTrainer(model, args, dataset, processor), "likelihood", progress)}]
    if reinforce:
        reinforce_args = ReinforceConfig(
            learning_rate=row.reinforce_learning_rate,
            num_train_epochs=row.reinforce_epochs,
            max_steps=max_steps // 10 if 0 < max_steps < steps else -1,
            per_device_train_batch_size=64,
            **_common(work_dir / "reinforce", seed, 5),
        )
        done.append(
            {"stage": "reinforce", **_run(ReinforceTrainer(model, reinforce_args, dataset), "reinforce", progress)}
        )
    model.eval()
    return done


def _common(folder: Path, seed: int, logging_steps: int) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "seed": seed,
        "logging_steps": logging_steps,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
    }


def _run(trainer: Trainer, name: str, progress: bool) -> dict[str, Any]:
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(StageBar(name, progress))
    trainer.train()
    logs = [log for log in trainer.state.log_history if "loss" in log]
    args = trainer.args
    row: dict[str, Any] = {
        "learning_rate": args.learning_rate,
        "schedule": str(getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type)),
        "epochs": round(trainer.state.epoch or 0, 4),
        "batch": args.per_device_train_batch_size * args.gradient_accumulation_steps,
        "steps": trainer.state.global_step,
    }
    if logs:
        row["last_loss"] = float(logs[-1]["loss"])
    return row
