"""From windows to a calibrated checkpoint: assemble, train the stages, set the threshold, write folder and card.

What is peculiar here:
- The threshold is set on validation windows only: LogLLM's by F1 where they hold anomalies (0, where the model is
  undecided, if that is among the best), LogLLaMA's by the false-alarm rate of normal ones.
- LogLLaMA takes no label into training: windows labelled anomalous are left out, unlabelled ones are taken as normal.
- Everything that a stranger needs to read the result stands in `training.json` beside the weights.
"""

from __future__ import annotations

import json
import math
import platform
import shutil
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datasets import Dataset

from logllm.detector import LogAnomalyDetector
from logllm.hf_datasets import LogSystem

FALSE_ALARM_RATE = 0.01
# Fewer anomalous validation windows than this say little about a threshold.
LEAST_ANOMALIES = 3


def train_detector(
    family: str,
    train: Dataset,
    validation: Dataset,
    template_table: dict[str, Any],
    system: LogSystem,
    preset: str = "tiny",
    out: str | Path | None = None,
    *,
    seed: int = 0,
    max_steps: int = -1,
    reinforce: bool = True,
    false_alarm_rate: float = FALSE_ALARM_RATE,
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
        preset: size and stages.
        out: checkpoint folder.
        seed: of weights, order and dropout.
        max_steps: LogLLaMA: optimiser steps of the likelihood stage at most; -1 for the preset's epochs.
        reinforce: LogLLaMA: run the REINFORCE stage.
        false_alarm_rate: LogLLaMA: share of normal windows that may be flagged.
        provenance: further facts for the card (dataset, split, checksum, recipe).
        progress: show bars.
    """
    started = time.perf_counter()
    work = Path(out) / ".stages" if out is not None else Path("stages")
    learn = _train_logllm if family == "logllm" else _train_logllama
    settings = {"max_steps": max_steps, "reinforce": reinforce, "false_alarm_rate": false_alarm_rate}
    model, processor, stages, facts = learn(
        train, validation, template_table, system, preset, work, seed, progress, settings
    )
    record = {
        **(provenance or {}),
        "preset": preset,
        "seed": seed,
        "stages": stages,
        **facts,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "training_windows": len(train),
        "validation_windows": len(validation),
        "seconds": round(time.perf_counter() - started, 1),
        "versions": {name: version(name) for name in ("logllm", "torch", "transformers", "trl", "datasets")},
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
    }
    detector = LogAnomalyDetector(model, processor, system)
    shutil.rmtree(work, ignore_errors=True)
    if out is not None:
        detector.save_pretrained(out)
        (Path(out) / "training.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
        write_model_card(out)
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
    from logllm.trainers import assemble_logllm, best_f1_threshold, train_logllm
    from logllm.trainers.logllm_config import PRESETS

    rows = _labelled(train)
    model, processor = assemble_logllm(preset, (line for lines in rows["lines"] for line in lines), seed)
    model.config.log_system = system.to_dict()
    stages = train_logllm(model, processor, rows, preset, work, seed=seed, progress=progress)
    held_back = _labelled(validation)
    labels = held_back["label"][:] if len(held_back) else []
    calibration = "undecided score 0: too few anomalous validation windows to set a threshold on"
    if sum(labels) >= LEAST_ANOMALIES:
        scores = model.score(held_back["lines"], processor)
        model.config.threshold = best_f1_threshold(scores, labels, prefer=0.0)
        calibration = f"best F1 on {len(labels)} validation windows, {sum(labels)} of them anomalous"
    bases = [name for name in (PRESETS[preset].encoder, PRESETS[preset].decoder) if name]
    return model, processor, stages, {"calibration": calibration, "base_models": bases}


def _train_logllama(train, validation, table, system, preset, work, seed, progress, settings):
    from logllm.trainers import assemble_logllama, false_alarm_threshold, train_logllama

    whole = system.window.kind == "session"  # where a window is cut by a count, its end and its counts mean nothing
    normal = [keys for keys, label in zip(train["keys"], train["label"]) if label != 1]
    messages = sum(map(len, normal))
    model, processor = assemble_logllama(
        preset,
        table,
        predict_end=whole,
        seed=seed,
        score_by="likelihood+counts" if whole else "likelihood",
        # The add-one estimate of an event never seen among this many.
        unseen_score=math.log(messages + 1) if messages else 1.0,
        log_system=system.to_dict(),
    )
    sequences = [processor.ids_of_keys(keys) for keys in normal]
    stages = train_logllama(
        model,
        processor,
        sequences,
        preset,
        work,
        seed=seed,
        max_steps=settings["max_steps"],
        reinforce=settings["reinforce"],
        progress=progress,
    )
    if whole:
        model.remember_counts(sequences)
    held_back = [keys for keys, label in zip(validation["keys"], validation["label"]) if label != 1]
    if not held_back:
        raise ValueError("the validation split must hold normal windows to set the threshold on, found none")
    scores = model.score_ids([processor.ids_of_keys(keys) for keys in held_back])
    rate = settings["false_alarm_rate"]
    model.config.threshold = false_alarm_threshold(scores, rate)
    calibration = f"false-alarm rate {rate:g} on {len(held_back)} validation windows taken as normal"
    filled_in = [
        "begin and end of a session are predicted like keys" if whole else "the end of a window is not predicted",
        "score: worst negative log-likelihood, plus count distance where windows are sessions; top-K on request",
        "REINFORCE: sampled continuations, return-to-go, moving-average baseline, entropy bonus",
    ]
    return model, processor, stages, {"calibration": calibration, "filled_in": filled_in}


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
