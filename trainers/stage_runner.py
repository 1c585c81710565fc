"""What the stages of both families have in common: processes, the work folder, settings, and one run of a trainer."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from transformers import PrinterCallback, Trainer

from .callbacks import StageBar, StepClock
from .stage_checkpoint import write_json


def process_state() -> PartialState:
    """Return this process among those of torchrun; asked without `cpu` on a machine without a card it sees only itself."""
    return PartialState(cpu=not torch.cuda.is_available())


def begin(work_dir: Path, facts: dict[str, Any], resume: bool) -> None:
    """Write what a run is into its work folder, or see that the folder is of the same run.

    Raises:
        ValueError: `resume`, and the folder is of another run; the differences are named.
    """
    file = work_dir / "run.json"
    facts = json.loads(json.dumps(facts))
    there = resume and file.is_file()
    process_state().wait_for_everyone()  # all have looked before the first one writes
    if there:
        before = json.loads(file.read_text("utf-8"))
        differing = [
            f"{key}: {before.get(key)!r} then, {facts.get(key)!r} now"
            for key in sorted({*before, *facts})
            if before.get(key) != facts.get(key)
        ]
        if differing:
            raise ValueError(
                f"a run can be resumed with the data and the settings that it began with, found others ({'; '.join(differing)})"
                ": take those back, or start again without --resume"
            )
        return
    if process_state().is_main_process:
        shutil.rmtree(work_dir, ignore_errors=True)
        work_dir.mkdir(parents=True)
        write_json(file, facts)
    process_state().wait_for_everyone()


def batch_settings(micro_batch: int, batch: int) -> dict[str, int]:
    """Cut the batch of a step into what one process takes at a time."""
    processes = process_state().num_processes
    if batch % processes:
        raise ValueError(
            f"the batch must be a multiple of the processes, found batch {batch} and {processes} processes: start a number of "
            "processes that divides it, or set batch in the recipe"
        )
    share = batch // processes
    micro = next(n for n in range(min(micro_batch, share), 0, -1) if share % n == 0)
    return {"per_device_train_batch_size": micro, "gradient_accumulation_steps": share // micro}


def common_settings(folder: Path, seed: int, logging_steps: int) -> dict[str, Any]:
    """Return the arguments that every stage of both families has."""
    return {
        "output_dir": str(folder),
        "seed": seed,
        "logging_steps": logging_steps,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
        "use_cpu": not (torch.cuda.is_available() or torch.backends.mps.is_available()),
    }


def run(
    trainer: Trainer,
    name: str,
    progress: bool,
    resume_from_checkpoint: str | None = None,
    answer_tokens: int = 1,
) -> dict[str, Any]:
    """Train, with a bar where `progress`, and return the row of the stage: settings, steps, seconds, last loss."""
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(StageBar(name, progress, answer_tokens))
    clock = StepClock()
    trainer.add_callback(clock)
    trainer.train(resume_from_checkpoint=resume_from_checkpoint)
    logs = [log for log in trainer.state.log_history if "loss" in log]
    args = trainer.args
    schedule = getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type)
    row: dict[str, Any] = {
        "learning_rate": args.learning_rate,
        "schedule": "published" if getattr(args, "published_schedule", False) else str(schedule),
        "epochs": round(trainer.state.epoch or 0, 4),
        "batch": args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size,
        "steps": trainer.state.global_step,
        **clock.figures(),
    }
    if logs:
        row["last_loss"] = float(logs[-1]["loss"])
    return row
