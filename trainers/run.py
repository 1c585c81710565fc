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

from logllm.modeling_logllm import LogLLMForSequenceAnomaly, LogLLMProcessor

from .assemble import preset_named
from .logllm_config import PRESETS as LOGLLM_PRESETS
from .logllm_config import STAGE_TABLES, LogLLMPreset, LogLLMTrainingConfig, Stage
from .logllm_trainer import LogLLMTrainer

BATCH = 16  # the paper's mini-batch


class StageBar(TrainerCallback):
    """A progress bar for one stage, on standard error."""

    def __init__(self, name: str, shown: bool):
        self.name, self.shown = name, shown
        self.bar: Any = None

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


def _run(trainer: Trainer, name: str, progress: bool, resume_from_checkpoint: str | None = None) -> dict[str, Any]:
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(StageBar(name, progress))
    trainer.train(resume_from_checkpoint=resume_from_checkpoint)
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
