"""What the commands `build`, `train` and `evaluate` do: rooms joined by folders on disk."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from datasets import Dataset

from logllm.detector import LogAnomalyDetector
from logllm.errors import LogllmError
from logllm.hf_datasets import (
    LogSystem,
    build,
    configurations,
    download_log,
    get_system,
    guess_system,
    load_statistics,
    load_templates,
    load_windows,
    read_lines,
    read_session_labels,
    system_from_yaml,
)
from logllm.hf_datasets.storing import write_readme

SAMPLE_LINES = 1000


def resolve(
    system: str, raw: Sequence[Path] | None, *, download: bool = False, progress: bool = True
) -> tuple[LogSystem, list[Path]]:
    """Find the row that `system` means (a name, a YAML file, or "guess") and the files to read."""
    if bool(raw) == download:
        raise LogllmError("either --raw LOG or --download must be given, found both or neither: choose one")
    if system == "guess" and raw:
        row = guess_system(list(islice(read_lines(raw[0]), SAMPLE_LINES)))
    elif system.endswith((".yaml", ".yml")):
        row = system_from_yaml(system)
    else:
        row = get_system(system)
    return row, [download_log(row, progress=progress)] if download else list(raw or ())


def build_dataset(
    system: str | LogSystem, raw: Sequence[Path], out: Path, *, masked: bool = False, **settings: Any
) -> dict[str, Any]:
    """Build a configuration and write the dataset's card over all configurations in the folder."""
    from logllm.model_cards import render_dataset_card, write_card

    if masked:
        from logllm.modeling_logllm.masking import ELLIPSIS, MASK, PATTERN, mask_message

        settings |= {"mask": mask_message, "mask_rules": ((ELLIPSIS, ".. "), (PATTERN, MASK))}
    files: Any = raw[0] if len(raw) == 1 else list(raw)
    statistics = build(system, files, out, **settings)
    write_card(render_dataset_card([load_statistics(out, name) for name in configurations(out)]), out)
    write_readme(out)  # puts back the mark of the content, without which `datasets` would serve an earlier build
    return statistics


def train_on(
    family: str,
    dataset: Path,
    config: str,
    preset: str | None,
    out: Path,
    *,
    seed: int = 0,
    progress: bool = True,
    **settings: Any,
) -> dict[str, Any]:
    """Train a detector on a built configuration, measure it on the test split, write checkpoint and card.

    Under torchrun every process trains; the first one measures and writes. `settings` go to `train_detector`.
    """
    from logllm.training.train import train_detector, write_model_card

    rows, statistics = load_windows(dataset, config), load_statistics(dataset, config)
    for split in ("train", "validation"):
        if split not in rows or not len(rows[split]):
            raise LogllmError(
                f"the dataset must have a {split} split, found {'it empty' if split in rows else 'none'} in {dataset}: "
                "build a longer log, or with a larger --validation-share"
            )
    train_detector(
        family,
        rows["train"],
        rows["validation"],
        load_templates(dataset, config),
        LogSystem.from_dict(statistics["system"]),
        preset,
        out,
        seed=seed,
        provenance={
            "dataset": str(dataset.name),
            "dataset_config": config,
            "split": statistics["split"],
            "split_checksum": statistics["checksum"],
        },
        progress=progress,
        **settings,
    )
    if int(os.environ.get("RANK", "0")):
        return {}
    known = [label for label in rows["test"]["label"][:] if label in (0, 1)] if len(rows["test"]) else []
    if known:
        from logllm.evaluation import baseline_metrics

        metrics = {"test": evaluate_on_split(out, dataset, config, "test")}
        metrics["test"]["baselines"] = {}
        if "keys" in rows["test"].column_names and len(known) == len(rows["test"]):
            metrics["test"]["baselines"] = baseline_metrics(rows["train"], rows["test"])
        if family == "logllama":
            metrics["test"]["baselines"] |= side_by_side(out, rows["test"])
        (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", "utf-8")
        write_model_card(out)
    return json.loads((out / "training.json").read_text("utf-8"))


def side_by_side(model: Path, rows: Dataset) -> dict[str, dict[str, Any]]:
    """Measure LogLLaMA's other detectors on labelled rows, each at the threshold of the training record."""
    from logllm.evaluation import measure

    detector = LogAnomalyDetector.from_pretrained(model)
    thresholds = json.loads((model / "training.json").read_text("utf-8"))["thresholds"]
    known = [i for i, label in enumerate(rows["label"]) if label in (0, 1)]
    labels = [rows["label"][i] for i in known]
    started = time.perf_counter()
    scores = detector.model.detectors([detector.processor.token_ids(rows["lines"][i]) for i in known])
    seconds = time.perf_counter() - started
    names = {"rank": "this model, top K (paper)", "likelihood": "this model, likelihood alone"}
    return {
        title: measure(scores[name], labels, thresholds[name], seconds)
        for name, title in names.items()
        if name != detector.model.config.score_by
    }


def evaluate_on_split(model: Path, dataset: Path, config: str | None, split: str) -> dict[str, Any]:
    """Measure a checkpoint on a split of a built configuration."""
    from logllm.evaluation import evaluate_rows

    if config is None:
        raise LogllmError("a dataset must be given with its configuration, found none: add --config, such as hdfs")
    rows = load_windows(dataset, config)
    if split not in rows:
        raise LogllmError(f"the split must be one of {', '.join(rows)}, found {split!r}")
    return evaluate_rows(LogAnomalyDetector.from_pretrained(model), rows[split])


def evaluate_on_raw(model: Path, raw: Path | None, system: str | None, labels: Path | None) -> dict[str, Any]:
    """Measure a checkpoint on a raw log, read as `system` (else as the checkpoint says)."""
    from logllm.evaluation import evaluate_verdicts

    assert raw is not None
    row = get_system(system) if system is not None else None
    detector = LogAnomalyDetector.from_pretrained(model, system=row)
    truth = read_session_labels(labels) if labels is not None else None
    lines = read_lines(raw, detector.system.encoding)
    return evaluate_verdicts(detector.scan(lines, explain="none", session_labels=truth))
