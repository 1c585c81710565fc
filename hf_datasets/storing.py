"""Windows <-> Parquet: the columns, the writer, the folder of a configuration, and the way back.

Notes: A configuration is written into a hidden sibling folder and renamed into place when it is whole, so a build
that is killed leaves either the old configuration or the new one, never half of one. The README names every whole
configuration found in the folder, which is all that `datasets.load_dataset` needs. `datasets` is imported where
it is used: that is half of the package's import time, and worker processes do without it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from .croissant import croissant
from .errors import LogInputError
from .splitting import SPLITS

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, Features

LABELS = ("normal", "anomalous")
STATISTICS = "statistics.json"
TEMPLATES = "templates.json"
TEMPLATE_TABLE = "templates.parquet"
UNPARSED = "unparsed.jsonl"
CHECKSUMS = "checksums.json"
TASKS = "eval.yaml"
CROISSANT = "croissant.json"


def window_schema(line_labels: bool, masked: bool = False) -> pa.Schema:
    """The columns of a configuration; `line_labels` only where the system labels lines, `masked` only if asked for."""
    return _schema(
        {
            "window_id": _value("string"),
            "lines": _list(_value("large_string")),
            "line_numbers": _list(_value("int64")),
            "keys": _list(_value("string")),
            **({"masked": _list(_value("string"))} if masked else {}),
            **({"line_labels": _list(_CLASSES)} if line_labels else {}),
            "first_timestamp": _value("float64"),
            "last_timestamp": _value("float64"),
            "label": _CLASSES,
        }
    )


def write_template_table(folder: Path, table: dict[str, Any]) -> None:
    """The templates as a Parquet table beside the windows: key, text, count in train."""
    schema = _schema({"key": _value("string"), "text": _value("large_string"), "count": _value("int64")})
    rows = table["templates"]
    columns = {name: [row[name] for row in rows] for name in schema.names}
    pq.write_table(pa.table(columns, schema=schema), folder / TEMPLATE_TABLE, compression="zstd")


def _value(dtype: str) -> dict[str, Any]:
    return {"dtype": dtype, "_type": "Value"}


def _list(feature: dict[str, Any]) -> dict[str, Any]:
    return {"feature": feature, "_type": "List"}


_CLASSES = {"names": list(LABELS), "_type": "ClassLabel"}
_TYPES = {"string": pa.string(), "large_string": pa.large_string(), "int64": pa.int64(), "float64": pa.float64()}


def _schema(features: dict[str, dict[str, Any]]) -> pa.Schema:
    """The Arrow schema of `datasets.Features`, with the same metadata; a test compares the two.

    Importing `datasets` to make it would cost a build 0.8 s and 100 MB.
    """

    def type_of(feature: dict[str, Any]) -> pa.DataType:
        if feature["_type"] == "List":
            return pa.list_(type_of(feature["feature"]))
        return pa.int64() if feature["_type"] == "ClassLabel" else _TYPES[feature["dtype"]]

    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([(name, type_of(feature)) for name, feature in features.items()], metadata=metadata)


@contextmanager
def configuration_folder(out: Path, name: str) -> Iterator[Path]:
    """A hidden folder to fill; on success it takes the place of OUT/NAME in one rename, on failure it is removed."""
    if out.exists() and not out.is_dir():
        raise LogInputError(f"The output must be a folder, found the file {out}: name another place")
    final = out / name
    if final.exists() and not (final / STATISTICS).exists():
        raise LogInputError(
            f"{final} must be absent or an earlier build, found something else (no {STATISTICS}): "
            "choose another output folder, or move that one away"
        )
    ours = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    for stale in out.glob(f".{name}.building-*"):
        if not _alive(stale.name.rpartition("-")[2]):
            shutil.rmtree(stale, ignore_errors=True)
    building = out / f".{name}.building-{os.getpid()}"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    try:
        yield building
        _write_checksums(building)
        old = out / f".{name}.building-old-{os.getpid()}"
        if final.exists():
            final.rename(old)
        building.rename(final)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        if ours and not any(out.iterdir()):
            out.rmdir()
        raise


def _alive(pid: str) -> bool:
    """Whether a process of that number runs, so that its half-built folder is left to it."""
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return int(pid) != os.getpid()


def configurations(out: Path) -> list[str]:
    """The whole configurations in a folder, by name."""
    return sorted(found.parent.name for found in out.glob(f"*/{STATISTICS}") if not found.parent.name.startswith("."))


def write_readme(out: Path) -> None:
    """README.md whose front matter names the Parquet files of every configuration, for `load_dataset(out, name)`.

    The first configuration of windows is the default one, so that `load_dataset(out)` loads it. `dataset_info` holds
    columns and sizes, as the Hub shows them. Beside it `eval.yaml` names the test splits as tasks, by which the Hub
    collects the results that models report (`.eval_results/` in their repositories), and `croissant.json` describes the
    tables for other tools.

    The text below the front matter is kept where there is one already (the dataset card's renderer writes it).
    """
    configs: list[dict[str, Any]] = []
    infos, tasks = [], []
    tables: dict[str, list[Path]] = {}
    digests: dict[str, str] = {}
    for name in configurations(out):
        splits = [split for split in SPLITS if any((out / name).glob(f"{split}-*.parquet"))]
        files = [{"split": split, "path": f"{name}/{split}-*.parquet"} for split in splits]
        # `datasets` caches a local folder by its name and this front matter alone: without a mark of the content it
        # would hand out the rows of an earlier build for ever.
        mark = load_statistics(out, name)["checksum"]
        row = {"config_name": name, "description": f"sha256 of the files: {mark}", "data_files": files}
        configs.append(row if configs else {**row, "default": True})
        infos.append(_dataset_info(out / name, name, splits))
        tables |= {f"{name}-{split}": sorted((out / name).glob(f"{split}-*.parquet")) for split in splits}
        known = load_statistics(out, name).get("files", {})
        digests |= {f"{name}/{Path(file).name}": digest for file, digest in known.items()}
        if load_statistics(out, name).get("splits", {}).get("test", {}).get("anomalous"):  # else no F1
            tasks.append({"id": name, "config": name, "split": "test"})
        if (out / name / TEMPLATE_TABLE).exists() and pq.read_metadata(out / name / TEMPLATE_TABLE).num_rows:
            files = [{"split": "train", "path": f"{name}/{TEMPLATE_TABLE}"}]
            mark = f"templates of {name}, mined from its train split: {mark}"
            configs.append({"config_name": f"{name}-templates", "description": mark, "data_files": files})
            infos.append(_dataset_info(out / name, f"{name}-templates", ["train"], (TEMPLATE_TABLE,)))
    front: dict[str, Any] = {}
    body = "\n# Windows of system logs\n\nBuilt by `logllm build`; the figures of each configuration stand in its `statistics.json`.\n"
    readme = out / "README.md"
    if readme.exists():
        parts = readme.read_text("utf-8").split("---\n", 2)
        if len(parts) == 3 and not parts[0].strip():
            front, body = yaml.safe_load(parts[1]) or {}, parts[2]
    front |= {"configs": configs, "dataset_info": infos}
    if tasks:
        description = (
            "Windows of system logs: is each one normal or anomalous? The value of a task is the F1 of anomalous."
        )
        told = {"name": front.get("pretty_name", "Windows of system logs"), "description": description, "tasks": tasks}
        (out / TASKS).write_text(yaml.safe_dump(told, sort_keys=False), "utf-8")
    if tables:
        title, licence = (
            front.get("pretty_name", "Windows of system logs"),
            front.get("license_link") or front.get("license"),
        )
        told = croissant(out, tables, digests, title, "System logs, cut into windows.", licence or "unknown")
        (out / CROISSANT).write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    fresh = readme.with_name(".README.md.new")
    fresh.write_text(f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n{body}", "utf-8")
    fresh.replace(readme)


def _dataset_info(folder: Path, name: str, splits: Sequence[str], patterns: Sequence[str] = ()) -> dict[str, Any]:
    """Columns, rows and bytes of a configuration, as the front matter of a dataset's README holds them."""
    told: list[dict[str, Any]] = []
    features: list[dict[str, Any]] = []
    download = 0
    for i, split in enumerate(splits):
        files = sorted(folder.glob(patterns[i] if patterns else f"{split}-*.parquet"))
        tables = [pq.read_metadata(file) for file in files]
        features = features or yaml_features(pq.read_schema(files[0]))
        size = sum(table.row_group(k).total_byte_size for table in tables for k in range(table.num_row_groups))
        told.append({"name": split, "num_bytes": size, "num_examples": sum(table.num_rows for table in tables)})
        download += sum(file.stat().st_size for file in files)
    return {
        "config_name": name,
        "features": features,
        "splits": told,
        "download_size": download,
        "dataset_size": sum(one["num_bytes"] for one in told),
    }


def yaml_features(schema: pa.Schema) -> list[dict[str, Any]]:
    """The columns as the `dataset_info` of a README lists them: as `datasets.Features` would, without importing it."""

    def type_of(feature: dict[str, Any]) -> Any:
        if feature["_type"] == "ClassLabel":
            return {"class_label": {"names": {str(i): name for i, name in enumerate(feature["names"])}}}
        return feature["dtype"]

    columns = []
    for name, feature in json.loads(schema.metadata[b"huggingface"])["info"]["features"].items():
        inner = feature["feature"] if feature["_type"] == "List" else feature
        columns.append({"name": name, "list" if feature["_type"] == "List" else "dtype": type_of(inner)})
    return columns


def load_windows(out: str | Path, config: str) -> DatasetDict:
    """All splits of a built configuration, as `datasets.load_dataset(out, config)` gives them, and the empty ones.

    `datasets` cannot load a split without rows, so an empty split has no file and no line in the README.
    """
    from datasets import DatasetDict, load_dataset

    check_files(_configuration(out, config))
    loaded = load_dataset(str(out), config)
    features = next(iter(loaded.values())).features
    return DatasetDict({name: loaded[name] if name in loaded else _empty(features) for name in SPLITS})


def _empty(features: Features) -> Dataset:
    from datasets import Dataset

    return Dataset.from_dict({name: [] for name in features}, features=features)


def load_templates(out: str | Path, config: str) -> dict[str, Any]:
    """The template table of a built configuration."""
    return _read_json(_configuration(out, config) / TEMPLATES)


def load_statistics(out: str | Path, config: str) -> dict[str, Any]:
    """The statistics of a built configuration."""
    return _read_json(_configuration(out, config) / STATISTICS)


def _write_checksums(folder: Path) -> None:
    """SHA-256 of every file but the windows, whose digests stand in the statistics already."""
    known = _json_of(folder / STATISTICS).get("files", {})
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name not in known)
    text = json.dumps({file.name: _digest(file) for file in files}, indent=1)
    (folder / CHECKSUMS).write_text(text + "\n", "utf-8")


def check_files(folder: Path) -> None:
    """See that a configuration's files are as they were built; one of an earlier version has its windows checked.

    Raises `LogInputError` where a file is missing or another.
    """
    listed = _read_json(folder / CHECKSUMS) if (folder / CHECKSUMS).exists() else {}
    listed = {**listed, **_read_json(folder / STATISTICS).get("files", {})}
    changed = [name for name, digest in listed.items() if not _is_as_built(folder / Path(name).name, digest)]
    if changed:
        raise _damaged(folder, ", ".join(changed[:3]) + " changed or missing")


def _is_as_built(file: Path, digest: str) -> bool:
    try:
        status = file.stat()
        return _digest_once(file, status.st_size, status.st_mtime_ns, status.st_ino) == digest
    except OSError:
        return False


@lru_cache(maxsize=4096)
def _digest_once(file: Path, size: int, changed: int, inode: int) -> str:
    return _digest(file)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _json_of(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text("utf-8")) if file.exists() else {}


def _read_json(file: Path) -> dict[str, Any]:
    """A JSON file of a configuration, which is as it was built."""
    try:
        if file.name != CHECKSUMS and (file.parent / CHECKSUMS).exists():
            digest = _read_json(file.parent / CHECKSUMS).get(file.name)
            if digest is not None and not _is_as_built(file, digest):
                raise _damaged(file.parent, f"{file.name} changed")
        values = json.loads(file.read_text("utf-8"))
        if not isinstance(values, dict):
            raise ValueError("no object")
    except LogInputError:
        raise
    except (OSError, ValueError) as error:
        raise _damaged(file.parent, f"{file.name} unreadable: {type(error).__name__}") from error
    return values


def _damaged(folder: Path, what: str) -> LogInputError:
    return LogInputError(
        f"A built configuration must be as it was built, found {what} in {folder}: copy it again or build it anew; what was "
        f"changed on purpose is taken when {CHECKSUMS} and the file's line in {STATISTICS} are gone"
    )


def _configuration(out: str | Path, config: str) -> Path:
    folder = Path(out) / config
    if not (folder / STATISTICS).exists():
        found = ", ".join(configurations(Path(out))) if Path(out).is_dir() else ""
        raise LogInputError(
            f"The dataset folder must hold the configuration {config!r}, found {found or 'none'} in "
            f"{out}: build it first (`logllm build {config} --raw LOG --out {out}`)"
        )
    return folder
