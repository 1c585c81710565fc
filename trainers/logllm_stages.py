"""Runs LogLLM through its stages: one trainer a row of the table, resumable, with a progress bar for people.

Notes:
- transformers prints its logs to standard output, which belongs to results; the bar here goes to standard error and says
  stage, step, loss, accuracy of the answer's word, validation F1 and the time left.
- A work folder holds `run.json` (what the run is: data, recipe, seed), a folder a stage with its checkpoints, and of a
  finished stage `done.safetensors` and `done.json`. `resume` takes finished stages as they are and goes on within the one
  that was broken off, at its last whole checkpoint: the weights come out as those of an unbroken run. Of another run's
  folder it tells the difference and refuses.
- Ctrl-C (or SIGTERM) lets the step end, saves, and stops; a second one stops at once.
"""

import json
import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import EarlyStoppingCallback

from logllm.modeling_logllm import LogLLMForSequenceAnomaly, LogLLMProcessor

from .assemble import has_fast_bf16
from .callbacks import StopOnSignal
from .logllm_batches import MinorityOversampler, check_labels
from .logllm_config import LogLLMTrainingConfig, Stage
from .logllm_recipe import LogLLMRecipe
from .logllm_trainer import LogLLMTrainer, TrainingStopped
from .message_store import MessageStore
from .qlora import DeadGradientGuard, memory_line
from .stage_checkpoint import last_sealed, load_trainable, save_trainable, write_json
from .stage_runner import batch_settings, begin, common_settings, process_state, run
from .tracking import chosen_trackers, track, tracking_arguments

VALIDATION_LIMIT = 4000  # windows by which a stage is judged while it trains


def train_logllm(
    model: LogLLMForSequenceAnomaly,
    processor: LogLLMProcessor,
    dataset: Dataset,
    recipe: LogLLMRecipe | str,
    work_dir: Path,
    *,
    validation: Dataset | None = None,
    seed: int = 0,
    resume: bool = False,
    facts: Mapping[str, Any] | None = None,
    report_to: str | Sequence[str] | None = None,
    tracking_dir: Path | None = None,
    progress: bool = True,
) -> tuple[list[dict[str, Any]], list[list[float]]]:
    """Train LogLLM through the stages of a recipe.

    Returns:
        One row a stage (name, settings, steps, last figures), and the scores of the validation windows: as they are and,
        where messages are varied in training, of their varied copies (`LogLLMTrainer.validation_scores`). Of very many
        validation windows every n-th is taken.

    Args:
        model: the model, changed in place.
        processor: its processor.
        dataset: rows with `lines` and `label`.
        recipe: settings, or the name of a preset.
        work_dir: for checkpoints; under torchrun all processes see the same.
        validation: rows with `lines` and `label` that no stage learns from. The last stage goes back to where it was best
            on them, and stops early where it does no better for `patience` evaluations.
        seed: of the order of samples, of dropout and of variants.
        resume: go on from what an earlier run left in `work_dir`.
        facts: what else the run must have in common with the one that it resumes (such as the dataset's checksum).
        report_to: trackers of the curves (`tracking.chosen_trackers`).
        tracking_dir: for TensorBoard's files, a folder a stage.
        progress: show bars.

    Raises:
        TrainingStopped: a signal, a loss that is no number, or a full disk; what was saved is whole.
        ValueError: the data has one class only; `resume` of another run's folder.
    """
    trackers = chosen_trackers(report_to)
    recipe = LogLLMRecipe(preset=recipe) if isinstance(recipe, str) else recipe
    row, stages = recipe.row(), recipe.stage_rows()
    store = MessageStore(processor, row.variants, row.word_dropout, seed)
    check_labels(dataset)
    rows = store.dataset(dataset)
    if row.repeats < 1:
        rows = store.repeated(rows, row.repeats)
    held_back = _validation_rows(validation, store)
    begin(work_dir, {"recipe": recipe.to_dict(), "seed": seed, "windows": len(dataset), **(facts or {})}, resume)
    names = [_label(i, len(stages), stage) for i, stage in enumerate(stages)]
    done, history = [], {}
    for i, stage in enumerate(stages):
        last, epoch = i == len(stages) - 1, _epoch_steps(rows, recipe, stage)
        args = LogLLMTrainingConfig(
            trainable=list(stage.trainable),
            num_train_epochs=stage.epochs,
            learning_rate=stage.learning_rate,
            minority_share=recipe.minority_share,
            noise=row.noise,
            mix=row.mix,
            word_dropout=row.word_dropout,
            variants=row.variants,
            reorder=row.reorder,
            gradient_checkpointing=row.gradient_checkpointing,
            bf16=row.bf16 and has_fast_bf16(),
            weight_decay=row.weight_decay,
            max_grad_norm=row.clipping,
            **_schedule(stage),
            **batch_settings(row.micro_batch, recipe.batch),
            **common_settings(work_dir / f"{i + 1}-{stage.name.replace(' ', '-')}", seed, min(max(epoch // 4, 1), 20))
            | tracking_arguments(trackers, f"{(tracking_dir or work_dir).parent.name}-{stage.name}")
            | _validated(held_back is not None, max(epoch // row.validations, 1), last),
        )
        trainer = LogLLMTrainer(
            model,
            args,
            rows,
            processor,
            eval_dataset=held_back,
            store=store,
            max_samples=stage.max_samples,
            min_samples=stage.min_samples,
        )
        if last and held_back is not None and row.patience:
            trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=row.patience))
        trainer.add_callback(DeadGradientGuard())
        track(trainer, trackers, None if tracking_dir is None else tracking_dir / Path(str(args.output_dir)).name)
        facts_of_stage, log = _run_stage(trainer, names[i], len(processor.answer_ids[0]), resume, progress)
        share = anomalous_share(rows, recipe, stage)
        parts = ", ".join(stage.trainable)
        done.append(
            {"stage": stage.name, "windows": len(rows), "anomalous_share": share, "trainable": parts, **facts_of_stage}
        )
        history[stage.name] = log
    model.eval()
    if process_state().is_main_process:
        (work_dir / "history.json").write_text(json.dumps(history) + "\n", "utf-8")
    return done, trainer.validation_scores() if held_back is not None else []


def _run_stage(
    trainer: LogLLMTrainer, name: str, answer_tokens: int, resume: bool, progress: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    folder = Path(str(trainer.args.output_dir))
    finished, weights = folder / "done.json", folder / "done.safetensors"
    if resume and finished.is_file():
        load_trainable(trainer.accelerator.unwrap_model(trainer.model), weights)
        record = json.loads(finished.read_text("utf-8"))
        return record["row"], record["log"]
    first = trainer.is_world_process_zero()
    checkpoint = last_sealed(folder, remove=first) if resume and folder.is_dir() else None
    with StopOnSignal() as stopper:
        trainer.add_callback(stopper)
        row = run(trainer, name, progress and first, str(checkpoint) if checkpoint else None, answer_tokens)
    if stopper.caught:
        raise TrainingStopped(
            f"stopped by {stopper.caught} in stage {name!r} at step {trainer.state.global_step}, which is saved: go on "
            "with --resume"
        )
    log = trainer.state.log_history
    judged = [one for one in log if "eval_merit" in one]
    if judged:
        best = max(judged, key=lambda one: one["eval_merit"]) if trainer.args.load_best_model_at_end else judged[-1]
        row |= {"validation_f1": best["eval_f1"], "validation_loss": best["eval_loss"]}
    if trainer.args.load_best_model_at_end and trainer.state.best_global_step:
        row["best_step"] = trainer.state.best_global_step
    state = trainer.accelerator.get_state_dict(trainer.model) if trainer.is_fsdp_enabled else None
    # Every process has read its best checkpoint before the first one removes them.
    trainer.accelerator.wait_for_everyone()
    if first:
        save_trainable(trainer.accelerator.unwrap_model(trainer.model), weights, state)
        write_json(finished, {"row": row, "log": log})
        for place in folder.glob("checkpoint-*"):
            shutil.rmtree(place, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    if progress and first and torch.cuda.is_available():  # what matters is whether a larger batch would fit
        sys.stderr.write(f"{name}: {memory_line()}\n")
    return row, log


def _label(i: int, stages: int, stage: Stage) -> str:
    return f"stage {i + 1}/{stages} {stage.name}"


def _schedule(stage: Stage) -> dict[str, Any]:
    if stage.schedule == "published":
        return {"lr_scheduler_type": "constant", "published_schedule": True}
    return {"lr_scheduler_type": stage.schedule}


def anomalous_share(rows: Dataset, recipe: LogLLMRecipe, stage: Stage) -> float:
    """Share of anomalous windows among the samples that a stage draws in an epoch, oversampling included."""
    labels = rows["label"][:]
    sampler = MinorityOversampler(labels, recipe.minority_share, 0, stage.max_samples, stage.min_samples)
    rare = sampler.draws / max(sampler.draws + len(sampler.majority), 1)
    return round(rare if labels[sampler.minority[0]] == 1 else 1 - rare, 6)


def _epoch_steps(rows: Dataset, recipe: LogLLMRecipe, stage: Stage) -> int:
    share, labels = recipe.minority_share, rows["label"][:]
    samples = len(MinorityOversampler(labels, share, 0, stage.max_samples, stage.min_samples))
    return math.ceil(samples / recipe.batch)


def _validated(there: bool, every: int, last: bool) -> dict[str, Any]:
    """When to evaluate and to save; the last stage keeps its best."""
    settings: dict[str, Any] = {
        "save_strategy": "steps",
        "save_steps": every,
        "save_total_limit": 2,
        # The count of evaluations without gain is part of where a run was.
        "restore_callback_states_from_checkpoint": True,
    }
    if there:
        settings |= {"eval_strategy": "steps", "eval_steps": every, "load_best_model_at_end": last}
        settings |= {"metric_for_best_model": "eval_merit", "greater_is_better": True}
    return settings


def _validation_rows(validation: Dataset | None, store: MessageStore) -> Dataset | None:
    if validation is None or not len(validation):
        return None
    return store.dataset(every_nth(validation))


def every_nth(validation: Dataset) -> Dataset:
    """The validation windows that training is judged by: all, or of very many every n-th."""
    step = max(len(validation) // VALIDATION_LIMIT, 1)
    return validation.select(range(0, len(validation), step)) if step > 1 else validation
