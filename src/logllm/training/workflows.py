"""What the commands `build`, `train` and `evaluate` do: packages joined by folders on disk."""

from __future__ import annotations

import json
import os
import time
from datetime import date
from pathlib import Path
from typing import Any

from datasets import Dataset

from logllm.decision.detector import Detector
from logllm.errors import LogllmError
from logllm.hf_datasets import (
    LogSystem,
    configurations,
    get_system,
    load_statistics,
    load_templates,
    load_windows,
    read_lines,
    read_session_labels,
)
from logllm.hub.download import local_folder, repository_of
from logllm.hub.push import make_repository, push_model

NEEDED_COLUMNS = {"logllm": ("lines", "label"), "logllama": ("lines", "keys")}


def train_on(
    family: str,
    dataset: str | Path,
    config: str,
    preset: str | None,
    out: Path,
    *,
    seed: int = 0,
    push_to_hub: str | None = None,
    private: bool = False,
    progress: bool = True,
    **settings: Any,
) -> dict[str, Any]:
    """Train a detector on a built configuration, measure it on the test split, write checkpoint and card.

    `dataset` is a folder that `build` wrote or the repository that it was published to (OWNER/NAME or
    OWNER/NAME@REVISION). Under torchrun every process trains; the first one measures and writes. With `push_to_hub`, a
    repository id, the checkpoint is published at the end; the repository is made at the start, so that a missing right is
    known before the training. `settings` go to `train_detector`.

    Raises:
        LogllmError: the dataset is not there, lacks the configuration, a split or a column, or the training cannot be done.
    """
    from logllm.training.train import train_detector, write_model_card

    first = not int(os.environ.get("RANK", "0"))
    folder = built_dataset(dataset, config)
    if push_to_hub is not None and first:
        make_repository(push_to_hub, private=private)
    rows, statistics = load_windows(folder, config), load_statistics(folder, config)
    for split, table in rows.items():
        lacking = [name for name in NEEDED_COLUMNS[family] if name not in table.column_names]
        if lacking:
            raise LogllmError(
                f"the dataset must have the columns {', '.join(NEEDED_COLUMNS[family])} to train {family}, found the split "
                f"{split} of {dataset} without {', '.join(lacking)}: build it with `logllm build`"
                + (", with --labels where the log has none in its lines" if "label" in lacking else "")
            )
    for split in ("train", "validation") if family == "logllama" else ("train",):
        if split not in rows or not len(rows[split]):
            raise LogllmError(
                f"the dataset must have a {split} split, found {'it empty' if split in rows else 'none'} in {dataset}: "
                "build a longer log, or with a larger --validation-share"
            )
    train_detector(
        family,
        rows["train"],
        rows["validation"],
        load_templates(folder, config),
        LogSystem.from_dict(statistics["system"]),
        preset,
        out,
        seed=seed,
        provenance={
            "dataset": named(dataset),
            **revision_of(folder, dataset),
            "dataset_config": config,
            "split": statistics["split"],
            "split_checksum": statistics["checksum"],
        },
        progress=progress,
        **settings,
    )
    if not first:
        return {}
    known = [label for label in rows["test"]["label"][:] if label in (0, 1)] if len(rows["test"]) else []
    if known:
        from logllm.evaluation import baseline_metrics

        metrics: dict[str, Any] = {"measured_on": date.today().isoformat()}
        metrics |= {"test": evaluate_on_split(out, folder, config, "test")}
        metrics["test"]["baselines"] = {}
        if "keys" in rows["test"].column_names and len(known) == len(rows["test"]):
            metrics["test"]["baselines"] = baseline_metrics(rows["train"], rows["test"])
        if family == "logllama":
            metrics["test"]["baselines"] |= side_by_side(out, rows["test"])
        (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", "utf-8")
        write_model_card(out)
    record = json.loads((out / "training.json").read_text("utf-8"))
    if push_to_hub is not None:
        record["published"] = push_model(out, push_to_hub, private=private)
    return record


def built_dataset(dataset: str | Path, config: str | None) -> Path:
    """Return the folder of a dataset that `logllm build` wrote: the one that is given, or the copy of its repository.

    Raises:
        LogllmError: there is none, or it does not hold the configuration.
    """
    folder = local_folder(dataset, "dataset")
    names = configurations(folder)
    if repository_of(dataset) is not None and not names:
        raise LogllmError(
            f"the dataset must be one that `logllm build` wrote (statistics, templates and windows of each configuration), "
            f"found none of that in the repository {dataset}: build one and publish it with `logllm push dataset`"
        )
    if config is None:
        raise LogllmError(
            f"a dataset must be given with its configuration, found none: add --config, one of {', '.join(names) or 'none'}"
        )
    return folder


def named(dataset: str | Path) -> str:
    """Name a dataset for a card: its repository id, or of a folder of this machine the last part."""
    repository = repository_of(dataset)
    return Path(dataset).resolve().name if repository is None else repository[0]


def revision_of(folder: Path, dataset: str | Path) -> dict[str, str]:
    """The commit of a dataset that came from the Hub, whose cache names its folder by it; empty for a folder."""
    return {} if repository_of(dataset) is None else {"dataset_revision": folder.name}


def side_by_side(model: Path, rows: Dataset) -> dict[str, dict[str, Any]]:
    """Measure LogLLaMA's other detectors on labelled rows, each at the threshold of the training record."""
    from logllm.evaluation import measure

    detector = Detector.from_pretrained(model)
    thresholds = json.loads((model / "training.json").read_text("utf-8"))["thresholds"]
    known = [i for i, label in enumerate(rows["label"]) if label in (0, 1)]
    labels = [rows["label"][i] for i in known]
    started = time.perf_counter()
    scores = detector.model.detectors([detector.processor.token_ids(rows["lines"][i]) for i in known])
    seconds = time.perf_counter() - started
    names = {
        "rank": "this model, top K (paper)",
        "likelihood": "this model, likelihood alone",
        "counts": "this model's counts alone, without a language model",
    }
    return {
        title: measure(scores[name], labels, thresholds[name], seconds)
        for name, title in names.items()
        if name != detector.model.config.score_by and name in scores
    }


def evaluate_on_split(model: str | Path, dataset: str | Path, config: str | None, split: str) -> dict[str, Any]:
    """Measure a checkpoint on a split of a built configuration; both are folders or repository ids."""
    from logllm.evaluation import evaluate_rows

    folder = built_dataset(dataset, config)
    assert config is not None
    rows = load_windows(folder, config)
    if split not in rows:
        raise LogllmError(f"the split must be one of {', '.join(rows)}, found {split!r}")
    return evaluate_rows(Detector.from_pretrained(model), rows[split])


def evaluate_on_raw(model: str | Path, raw: Path | None, system: str | None, labels: Path | None) -> dict[str, Any]:
    """Measure a checkpoint on a raw log, read as `system` (else as the checkpoint says)."""
    from logllm.evaluation import evaluate_verdicts

    assert raw is not None
    row = get_system(system) if system is not None else None
    detector = Detector.from_pretrained(model, system=row)
    truth = read_session_labels(labels) if labels is not None else None
    lines = read_lines(raw, detector.system.encoding)
    verdicts = detector.scan(lines, explain="none", session_labels=truth)
    return evaluate_verdicts(verdicts, log_odds=detector.family == "logllm")
