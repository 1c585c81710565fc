"""The shared systems of the bench as rows, and one built split as plain columns that every method reads.

Notes: Windows come from `hf_datasets.build_dataset`, as the published datasets do, so that a checksum says whether two results
were measured on the same windows; the built split is kept as one JSON file in the work folder (no Arrow in the process
that forks the jobs). The splits are those of LogLLM's paper where the log allows it; the Thunderbird pieces are windowed
by 20 lines because every window of 100 at their end holds an alert.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.places import data_folder

PARTS = ("train", "validation", "test")
ROBUSTNESS = "bench_robustness.json"
DATASETS = "bench_datasets.json"


@dataclass(frozen=True)
class Recipe:
    """One row: which log, cut how. `raw` are glob patterns in the data folder, several files follow each other."""

    name: str
    title: str
    system: str
    raw: tuple[str, ...]
    labels: str | None = None
    split: str = "chronological"
    window: tuple[str, float] | None = None  # kind and size, where not the system's own
    train_share: float = 0.8
    validation_share: float = 0.1

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return json.loads(json.dumps(asdict(self)))


HDFS: dict[str, Any] = {"system": "hdfs", "raw": ("hdfs/HDFS_2pct.log",), "labels": "hdfs/anomaly_label.csv"}
RECIPES = {
    row.name: row
    for row in (
        Recipe("hdfs_random", "HDFS, a sample of 6,893 blocks, divided at random as in the paper", split="paper", **HDFS),
        Recipe("hdfs_chronological", "HDFS, blocks divided by time", **HDFS),
        Recipe("bgl", "BGL (thinned), divided by time, windows of 100 lines", "bgl", ("bgl/BGL_thinned.log",)),
        Recipe(
            "thunderbird", "Thunderbird (pieces), divided by time, windows of 20 lines", "thunderbird",
            ("thunderbird/TB_20051115_block*.log",), window=("fixed", 20),
        ),
    )
}  # fmt: skip
# The baselines of LogLLM's Table II on the whole logs, in LOGLLM_DATA: run by name only. A split of ten million messages is
# held in memory: 64 GB.
PUBLISHED = {
    row.name: row
    for row in (
        Recipe(
            "hdfs_published", "HDFS, all blocks divided at random", "hdfs", ("HDFS.log",), "anomaly_label.csv", "paper"
        ),
        Recipe("bgl_published", "BGL, whole log by time, windows of 100 lines", "bgl", ("BGL.log",), split="paper"),
        Recipe(
            "liberty_published", "Liberty, the paper's lines by time, windows of 100 lines", "liberty", ("liberty2",),
            split="paper",
        ),
        Recipe(
            "thunderbird_published", "Thunderbird, the paper's lines by time, windows of 100 lines", "thunderbird",
            ("Thunderbird.log",), split="paper",
        ),
    )
}  # fmt: skip


@dataclass
class Part:
    """The windows of one part, column by column."""

    lines: list[list[str]]  # message contents
    keys: list[list[str]]  # log keys, "" where no template fits
    masked: list[list[str]]  # LogLLM's masked messages
    labels: list[int]
    line_labels: list[list[int]] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def taken(self, wanted: list[int]) -> Part:
        """Some of the windows."""
        columns = {name: [values[i] for i in wanted] for name, values in asdict(self).items() if values is not None}
        return Part(**columns)

    def normal(self) -> Part:
        """The windows that no label calls anomalous."""
        return self.taken([i for i, label in enumerate(self.labels) if label != 1])


@dataclass
class Split:
    """A built recipe: its parts, the template table, and what the result file says of it."""

    recipe: dict[str, Any]
    system: dict[str, Any]
    table: dict[str, Any]
    checksums: dict[str, str]
    facts: dict[str, Any]
    parts: dict[str, Part] = field(default_factory=dict)
    statistics: dict[str, Any] = field(default_factory=dict)  # what `build` wrote: the dataset card is made of it

    @property
    def train(self) -> Part:
        """Windows to learn from."""
        return self.parts["train"]

    @property
    def validation(self) -> Part:
        """Windows of the training side that set the threshold."""
        return self.parts["validation"]

    @property
    def test(self) -> Part:
        """Windows to be judged."""
        return self.parts["test"]


def data_of(recipe: Recipe) -> Path:
    """The folder of a recipe's logs: LOGLLM_DATA for the published ones."""
    named = os.environ.get("LOGLLM_DATA")
    return Path(named) if recipe.name in PUBLISHED and named else data_folder()


def published_files(recipe: Recipe, data: Path) -> tuple[list[Path], Path | None]:
    """The published log and its labels, unpacked or in their archive, as `logllm reproduce` finds them.

    Raises:
        LogllmError: they are not there, or the archive has another checksum.
    """
    from logllm.training.published_log import find_log

    wanted = {"system": recipe.system, "raw": list(recipe.raw), "labels": recipe.labels, "published": True}
    found = find_log(wanted, data)
    return list(found.files), found.labels


def raw_files(recipe: Recipe, data: Path) -> list[Path]:
    """The raw files of a recipe in order; empty where one is missing."""
    if recipe.name in PUBLISHED:
        return published_files(recipe, data)[0]
    found = [sorted(data.glob(pattern)) for pattern in recipe.raw]
    return [file for files in found for file in files] if all(found) else []


def load_split(file: Path) -> Split:
    """A built split from the work folder."""
    values = json.loads(file.read_text("utf-8"))
    parts = {name: Part(**columns) for name, columns in values.pop("parts").items()}
    return Split(**values, parts=parts)


def split_file(recipe: Recipe, data: Path, work: Path) -> Path:
    """Where a built split is kept; another recipe or another raw log is another file."""
    stamp = [
        [str(file.relative_to(data) if file.is_relative_to(data) else file), file.stat().st_size, file.stat().st_mtime]
        for file in raw_files(recipe, data)
    ]
    mark = hashlib.sha256(json.dumps([recipe.to_dict(), stamp]).encode()).hexdigest()[:12]
    return work / f"{recipe.name}-{mark}.json"


def build_split(recipe: Recipe, data: Path, file: Path) -> None:
    """Build the windows of a recipe and write them as one JSON file."""
    import tempfile

    from logllm.hf_datasets import WindowRule, build, load_templates, load_windows
    from logllm.modeling_logllm.masking import mask_message

    files, labels = raw_files(recipe, data), data / recipe.labels if recipe.labels else None
    if recipe.name in PUBLISHED:
        files, labels = published_files(recipe, data)
    with tempfile.TemporaryDirectory() as folder:
        made = build(
            recipe.system, files, Path(folder), split=recipe.split, progress=False,
            labels=labels, train_share=recipe.train_share,
            validation_share=recipe.validation_share, window=WindowRule(*recipe.window) if recipe.window else None,
        )  # fmt: skip
        rows = load_windows(folder, made["name"])
        table = load_templates(folder, made["name"])
        parts, spans = {}, []
        for name in PARTS:
            columns = rows[name].to_dict()
            labelled = [i for i, label in enumerate(columns["label"]) if label in (0, 1)]
            part = Part(
                columns["lines"], columns["keys"], [[mask_message(line) for line in lines] for lines in columns["lines"]],
                columns["label"], columns.get("line_labels"),
            )  # fmt: skip
            parts[name] = asdict(part.taken(labelled))
            spans += [t for key in ("first_timestamp", "last_timestamp") for t in columns[key] if t is not None]
    count = sum(len(part["labels"]) for part in parts.values())
    facts = {
        "splits": {name: {key: made["splits"][name][key] for key in KEPT} for name in PARTS},
        "templates": made["templates"]["count"],
        # HDFS is a sample of blocks and BGL of lines: per day means per day of what is left.
        "windows_per_day": count / ((max(spans) - min(spans)) / 86400) if spans and max(spans) > min(spans) else None,
        "title": recipe.title,
    }
    checksums = {name: made["splits"][name]["sha256"] for name in PARTS}
    values = {
        "recipe": recipe.to_dict(), "system": made["system"], "table": table, "checksums": checksums, "facts": facts,
        "parts": parts, "statistics": {**made, "name": recipe.name},
    }  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_suffix(".half")
    half.write_text(json.dumps(values), "utf-8")
    half.replace(file)


KEPT = ("windows", "anomalous", "normal", "messages", "lines_without_template", "sha256")
