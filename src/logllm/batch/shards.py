"""What `logllm score` has to do: windows in Parquet files, cut into shards, each scored alone and written once.

Notes:
- A shard is a run of row groups of one input file. It is the unit of everything: of work, of retry, of resuming, and of
  the batches, so that a window's score does not depend on who scored it.
- Every place is an fsspec path: a folder, `hf://datasets/OWNER/NAME`, `s3://BUCKET/PREFIX`. A shard is one object that is
  there whole or not at all, and says in its own footer what it was made of.
- The manifest says what a result is of. Another model or dataset in the same place is refused, with the difference.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from logllm.checkpoint import digests
from logllm.errors import LogllmError

MANIFEST = "_manifest.json"  # readers of Parquet folders pass over names that begin so
TEMPLATES = "templates.parquet"
ROWS = 20_000  # windows of a shard at most, where row groups allow: a minute or so of a processor
LOOKERS = 8  # threads that read footers
READ_ROWS = 2048
RESULT = pa.schema(
    [("window_id", pa.string()), ("label", pa.int64()), ("score", pa.float64()), ("is_anomalous", pa.bool_())]
)


@dataclass(frozen=True, slots=True)
class Shard:
    """Row groups first..last of an input file, what they are by their footer, and the name of what is written of them."""

    file: str
    first: int
    last: int
    rows: int
    size: int
    mark: str
    name: str


def place(path: str | Path) -> tuple[Any, str]:
    """(file system, path in it) of a folder or an address.

    Raises:
        LogllmError: the address needs a package that is not installed.
    """
    text = str(path)
    try:
        system, inside = fsspec.core.url_to_fs(text)
    except ImportError as error:
        raise LogllmError(f"the address must be of a file system that is installed, found {text}: {error}") from error
    except ValueError as error:
        raise LogllmError(f"the address must be a folder or PROTOCOL://PATH, found {text}: {error}") from error
    return system, inside.rstrip("/")


def dataset_address(text: str | Path) -> str:
    """The address of a dataset: OWNER/NAME that is no folder here is one of the Hub.

    >>> dataset_address("OWNER/NAME"), dataset_address("s3://bucket/logs")
    ('hf://datasets/OWNER/NAME', 's3://bucket/logs')
    """
    named = str(text)
    if "://" in named or named.count("/") != 1 or named[0] in "./~" or Path(named.partition("/")[0]).exists():
        return named
    return f"hf://datasets/{named}"


def window_files(dataset: str | Path, config: str | None = None, split: str | None = None) -> list[str]:
    """The Parquet files with windows below a dataset, in order.

    Raises:
        LogllmError: there are none, or they are of several configurations and none was named.
    """
    system, root = place(dataset)
    root = f"{root}/{config}" if config else root
    found = [str(one) for one in sorted(system.find(root)) if str(one).endswith(".parquet")] if root else []
    inside = {one: one[len(root) :].lstrip("/") for one in found}
    found = [
        one
        for one in found
        if not one.endswith("/" + TEMPLATES) and not any(part[0] in "._" for part in inside[one].split("/") if part)
    ]
    if split is not None:
        found = [one for one in found if one.rpartition("/")[2].startswith(f"{split}-")]
    if not found:
        raise LogllmError(
            f"the dataset must hold Parquet files{f' of the split {split}' if split else ''}, found none in "
            f"{dataset}{f'/{config}' if config else ''}: give the folder that `logllm build` wrote, with --config"
        )
    folders = sorted({one.rpartition("/")[0] for one in found})
    if len(folders) > 1:
        names = ", ".join(one[len(root) :].lstrip("/") or "." for one in folders[:5])
        raise LogllmError(f"one configuration must be named, found {names} in {dataset}: add --config")
    return found


def plan(dataset: str | Path, config: str | None = None, split: str | None = None, rows: int = ROWS) -> list[Shard]:
    """Cut the windows of a dataset into shards, in order; reads every file's footer and no row.

    Raises:
        LogllmError: a file is no Parquet, or has no column `window_id` or `lines`.
    """
    system, _ = place(dataset)
    files = window_files(dataset, config, split)

    def cut(file: str) -> list[Shard]:
        try:
            with system.open(file, "rb") as stream:
                footer = pq.ParquetFile(stream).metadata
        except (pa.ArrowException, OSError) as error:
            raise LogllmError(
                f"a file with windows must be whole Parquet, found {file} unreadable ({error}): build or copy it again"
            ) from error
        names = footer.schema.to_arrow_schema().names
        missing = [name for name in ("window_id", "lines") if name not in names]
        if missing:
            raise LogllmError(f"a file with windows must have {missing[0]}, found {', '.join(names[:8])} in {file}")
        return list(_cut(file, footer, rows))

    with ThreadPoolExecutor(LOOKERS) as threads:
        return [shard for part in threads.map(cut, files) for shard in part]


def _cut(file: str, footer: Any, limit: int) -> Iterator[Shard]:
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    bounds, count = [0], 0
    for i, group in enumerate(groups):
        if count and count + group.num_rows > limit:
            bounds.append(i)
            count = 0
        count += group.num_rows
    bounds.append(len(groups))
    stem = file.rpartition("/")[2].removesuffix(".parquet")
    runs = [(first, last) for first, last in pairwise(bounds) if first < last]
    for number, (first, last) in enumerate(runs):
        name = f"{stem}.parquet" if len(runs) == 1 else f"{stem}-part-{number:05d}-of-{len(runs):05d}.parquet"
        of = groups[first:last]
        # Sizes and extremes of every column: another content has another footer.
        mark = hashlib.sha256(json.dumps([g.to_dict() for g in of], default=str).encode()).hexdigest()[:16]
        yield Shard(file, first, last, sum(g.num_rows for g in of), sum(g.total_byte_size for g in of), mark, name)


def read_rows(dataset: str | Path, shard: Shard) -> Iterator[dict[str, list[Any]]]:
    """The windows of a shard, some thousands at a time: `window_id`, `lines` and, where there is one, `label`."""
    system, _ = place(dataset)
    with system.open(shard.file, "rb") as stream:
        file = pq.ParquetFile(stream)
        wanted = [name for name in ("window_id", "lines", "label") if name in file.schema_arrow.names]
        groups = list(range(shard.first, shard.last))
        for batch in file.iter_batches(READ_ROWS, row_groups=groups, columns=wanted):
            rows = batch.to_pydict()
            rows.setdefault("label", [None] * len(rows["window_id"]))
            yield rows


def write_result(out: str | Path, shard: Shard, columns: dict[str, list[Any]]) -> dict[str, Any]:
    """Write a scored shard so that it is there whole or not at all; returns what its footer says of it."""
    facts = {**asdict(shard), "windows": len(columns["score"]), "anomalous": sum(columns["is_anomalous"])}
    table = pa.table(columns, schema=RESULT.with_metadata({"logllm": json.dumps(facts)}))
    whole = BytesIO()
    pq.write_table(table, whole, compression="zstd")
    write_whole(out, shard.name, whole.getvalue())
    return facts


def write_whole(out: str | Path, name: str, content: bytes) -> None:
    """Write a file that takes its name only when it is whole. Stores of objects do so by themselves."""
    system, root = place(out)
    if "file" not in system.protocol:
        system.pipe_file(f"{root}/{name}", content)
        return
    folder = Path(root)
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{name}.{uuid.uuid4().hex[:8]}.part"
    try:
        with beside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, folder / name)
    finally:
        beside.unlink(missing_ok=True)


def finished(out: str | Path, shards: Sequence[Shard]) -> dict[str, dict[str, Any]]:
    """What is written already, by name: shards whose file is readable and says that it is of the same rows."""
    system, root = place(out)
    there = {str(one).rpartition("/")[2] for one in system.find(root)} if system.exists(root) else set()

    def facts(shard: Shard) -> dict[str, Any] | None:
        if shard.name not in there:
            return None
        try:
            with system.open(f"{root}/{shard.name}", "rb") as stream:
                footer = pq.ParquetFile(stream)
                said = json.loads((footer.schema_arrow.metadata or {})[b"logllm"])
        except (pa.ArrowException, OSError, KeyError, ValueError):
            return None  # scored again
        of = {name: value for name, value in asdict(shard).items() if name != "file"}  # wherever it lay then
        return said if said == said | of and footer.metadata.num_rows == shard.rows else None

    with ThreadPoolExecutor(LOOKERS) as threads:
        return {one.name: said for one, said in zip(shards, threads.map(facts, shards)) if said is not None}


def fingerprint(model: str | Path) -> str:
    """What a checkpoint is: SHA-256 over its settings and weights, or the commit of one on the Hub."""
    folder = Path(model)
    if not folder.is_dir():
        from transformers import AutoConfig

        return str(getattr(AutoConfig.from_pretrained(str(model)), "_commit_hash", None) or model)
    return hashlib.sha256(json.dumps(digests(folder)).encode()).hexdigest()


def describe(shards: Sequence[Shard], dataset: str | Path, model: str | Path, threshold: float) -> dict[str, Any]:
    """The manifest: whatever a result depends on. Where dataset and model lie is told and not compared."""
    text = json.dumps([[s.name, s.first, s.last, s.rows, s.size, s.mark] for s in shards])
    return {
        "dataset": {
            "path": str(dataset),
            "shards": len(shards),
            "windows": sum(shard.rows for shard in shards),
            "digest": hashlib.sha256(text.encode()).hexdigest(),
        },
        "model": {"path": str(model), "digest": fingerprint(model), "threshold": threshold},
    }


def claim(out: str | Path, manifest: dict[str, Any]) -> None:
    """Write the manifest into a fresh place, or see that the place is of the same model and dataset.

    Raises:
        LogllmError: it is of others (the differences are named), or holds Parquet files and no manifest.
    """
    system, root = place(out)
    file = f"{root}/{MANIFEST}"
    if not system.exists(file):
        if system.exists(root) and any(str(one).endswith(".parquet") for one in system.find(root)):
            raise LogllmError(f"the output must be empty or of an earlier run, found other Parquet files in {out}")
        write_whole(out, MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
        return
    before = json.loads(system.cat_file(file))
    differing = [
        f"{part} {key}: {before.get(part, {}).get(key)!r} there, {value!r} now"
        for part, facts in manifest.items()
        for key, value in facts.items()
        if key != "path" and before.get(part, {}).get(key) != value
    ]
    if differing:
        raise LogllmError(
            f"the output must be of the same model and dataset, found another in {out} ({'; '.join(differing)}): "
            "name another --out, or delete that one"
        )
