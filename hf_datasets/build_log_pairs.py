"""Pairs of a passed and a failed build log with labelled lines (CiDiff's data folder) as a dataset of lines.

`logllm build cidiff --raw DIR --out OUT`. A row is a line of one of the two runs; a failed run's lines carry the label of
each annotator. Splits are by project, so that no project is in two of them.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from .errors import LogInputError

NAME = "cidiff"
SPLITS = ("train", "validation", "test")
LABELS = ("none", "context", "error")  # not marked; acceptable context (C); must be shown (E)
STATISTICS = "statistics.json"
# Workflows of one repository are one project for the split.
PROJECTS = {"quickchecks": "terraform", "buildterraform": "terraform", "build-terraform": "terraform"}
STEP = (
    r"^##\[group\]|^::group|^##\[section\]Starting|^Step \d+/\d+|^section_start|^travis_fold:start|^\[Pipeline\] (?:stage|\{ \()"
    r"|^> Task |^> \S+@\S+ |--- \S+:\S+:\S+|^\W*(?:INFO\W+)?Building \S.*\[\d+/\d+\]|^={2,}>? |^#\d+ \[|^make(?:\[\d+\])?: Entering"
    r"|^Executing\(%|^--- (?:Running|Step)"
)
_PREFIX = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|^\d{4}-\d\d-\d\dT[\d:.]+Z ?")
_STEP = re.compile(STEP)
_RANGE = re.compile(r"\s*([EC])\s+(\d+)(?:-(\d+))?\s*$")


_TASKS = f"""name: Pairs of build logs
description: Which lines of the failed log must be shown? The value of the task is the mean F1 over the pairs, where recall
  counts the lines labelled error that hold text, and precision counts error and context as right.
tasks:
- id: {NAME}
  config: {NAME}
  split: test
"""


def build_pairs(raw: Path, out: Path) -> dict[str, Any]:
    """Read every pair below `raw` and write one Parquet file a split, statistics, licence and notice.

    Args:
        raw: the folder that holds a folder a pair (pass.log, fail.log or .gz, groundtruth, groundtruth2), or its parent.
        out: folder of the dataset; what an earlier build left there is replaced.

    Raises:
        LogInputError: no pair was found, a pair lacks a file, or a label names a line that the log does not have.
    """
    folder = raw / "pairs" if (raw / "pairs").is_dir() else raw
    names = (
        sorted(path.name for path in folder.iterdir() if (path / "groundtruth").is_file()) if folder.is_dir() else []
    )
    if not names:
        raise LogInputError(
            "The raw data must be a folder with a folder a pair (pass.log, fail.log, groundtruth), "
            f"found none in {raw}: name the data folder of CiDiff"
        )
    target = out / NAME
    if target.exists() and not (target / STATISTICS).exists():
        raise LogInputError(
            f"{target} must be absent or an earlier build, found something else: choose another folder"
        )
    frames: dict[str, list[pl.DataFrame]] = {split: [] for split in SPLITS}
    splits = split_of({project_of(name) for name in names})
    pairs = []
    for name in names:
        frame, told = _pair(folder / name)
        split = splits[project_of(name)]
        frames[split].append(frame)
        pairs.append({**told, "split": split})
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    statistics: dict[str, Any] = {"name": NAME, "pairs": pairs, "splits": {}, "files": {}}
    for split, parts in frames.items():
        if not parts:
            continue
        table = pl.concat(parts)
        path = target / f"{split}-00000-of-00001.parquet"
        table.write_parquet(path)
        label = table["label"]
        statistics["splits"][split] = {
            "pairs": len(parts),
            "projects": sorted({project_of(one["pair"]) for one in pairs if one["split"] == split}),
            "lines": len(table),
            "error": int((label == "error").sum()),
            "context": int((label == "context").sum()),
            "checksum": rows_checksum(table),
        }
        statistics["files"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    agreement = [one.pop("agreement") for one in pairs if one.get("agreement") is not None]
    statistics["agreement"] = round(sum(agreement) / len(agreement), 4) if agreement else None
    (out / "eval.yaml").write_text(_TASKS, "utf-8")
    for licence in ("LICENSE", "NOTICE"):
        for place in (folder / licence, folder.parent / licence):
            if place.is_file():
                shutil.copyfile(place, out / licence)
                break
    (target / STATISTICS).write_text(json.dumps(statistics, indent=1) + "\n", "utf-8")
    return statistics


def project_of(pair: str) -> str:
    """The project of a pair, from the name of its folder."""
    name = pair.split("_", 1)[0].lower()
    return PROJECTS.get(name, name)


def split_of(projects: set[str]) -> dict[str, str]:
    """Project -> split: by the hash of its name, so that more data does not move a project; terraform is for training."""
    found = {}
    for project in sorted(projects):
        place = int(hashlib.sha256(project.encode()).hexdigest()[:8], 16) % 10
        found[project] = "train" if project == "terraform" or place < 3 else "validation" if place < 6 else "test"
    return found


def rows_checksum(table: pl.DataFrame) -> str:
    """SHA-256 of the rows, whatever file they are stored in."""
    digest = hashlib.sha256()
    for row in table.iter_rows():
        digest.update(json.dumps(row, ensure_ascii=False).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def read_build_lines(path: Path) -> list[str]:
    """The lines of a log as the labels count them: CR, LF and CR LF each end one.

    Raises:
        LogInputError: neither the file nor its .gz is there.
    """
    packed = path.with_name(path.name + ".gz")
    if path.is_file():
        data = path.read_bytes()
    elif packed.is_file():
        data = gzip.decompress(packed.read_bytes())
    else:
        raise LogInputError(
            f"A pair must hold {path.name} or {packed.name}, found neither in {path.parent}: copy the folder whole"
        )
    return re.split("\r\n|\n|\r", data.decode("utf-8", "replace"))


def read_labels(path: Path, lines: int) -> list[str]:
    """The label of every line, one of `LABELS`.

    Raises:
        LogInputError: a range that names a line the log does not have.
    """
    labels = ["none"] * lines
    for row in path.read_text("utf-8").splitlines():
        found = _RANGE.match(row)
        if found is None:
            continue  # the first line names a parser of the CiDiff program
        first, last = int(found[2]), int(found[3] or found[2])
        if not 1 <= first <= last <= lines:
            raise LogInputError(
                f"A label must name lines 1 to {lines}, found {row.strip()!r} in {path}: check the pair"
            )
        for number in range(first, last + 1):
            if found[1] == "E" or labels[number - 1] == "none":
                labels[number - 1] = "error" if found[1] == "E" else "context"
    return labels


def steps_of(lines: Sequence[str]) -> list[str]:
    """The step of the build that every line belongs to, "" before the first one."""
    steps, current = [], ""
    for line in lines:
        bare = _PREFIX.sub("", line)
        if _STEP.search(bare):
            current = bare.strip()[:200]
        steps.append(current)
    return steps


def _pair(folder: Path) -> tuple[pl.DataFrame, dict[str, Any]]:
    parts = []
    told: dict[str, Any] = {"pair": folder.name, "project": project_of(folder.name)}
    for run in ("pass", "fail"):
        lines = read_build_lines(folder / f"{run}.log")
        labels: list[list[str | None]] = [[None] * len(lines), [None] * len(lines)]
        if run == "fail":
            labels[0] = list(read_labels(folder / "groundtruth", len(lines)))
            second = folder / "groundtruth2"
            if second.is_file():
                labels[1] = list(read_labels(second, len(lines)))
                one, two = ({at for at, label in enumerate(side) if label == "error"} for side in labels)
                told["agreement"] = len(one & two) / len(one | two) if one | two else None
            told |= {"annotators": 1 + second.is_file(), "error": labels[0].count("error")}
        told[f"{run}_lines"] = len(lines)
        parts.append(pl.DataFrame(
            {
                "pair": [folder.name] * len(lines), "project": [told["project"]] * len(lines), "run": [run] * len(lines),
                "step": steps_of(lines), "line": range(1, len(lines) + 1), "text": lines, "label": labels[0], "label_second": labels[1],
            },
            schema={"pair": pl.String, "project": pl.String, "run": pl.String, "step": pl.String, "line": pl.Int32,
                    "text": pl.String, "label": pl.String, "label_second": pl.String},
        ))  # fmt: skip
    return pl.concat(parts), told
