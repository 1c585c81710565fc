"""Where a recipe's log and labels are: in a folder, in the archive as it was fetched, or in the cache; and whether it is
the published one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logllm.errors import LogllmError
from logllm.hf_datasets import LogSystem, download_log, get_system, system_from_yaml
from logllm.hf_datasets.columnar.session_labels import LABEL_FILE
from logllm.hf_datasets.reading.archives import holds
from logllm.hf_datasets.reading.download import cache_folder

# How far windows and anomalies may be from the paper's Table I before a log is called another one. The paper shuffles
# HDFS in its own way and drops some lines of BGL, so its counts of a part are not met to the last window.
SEQUENCES_WITHIN, ANOMALIES_WITHIN = 0.01, 0.05
_BLOCK = 1 << 20


@dataclass(frozen=True)
class FoundLog:
    """The files of a recipe's `data`: raw logs in order, and the label file (or the archive that holds it)."""

    system: LogSystem
    files: tuple[Path, ...]
    labels: Path | None

    def identity(self) -> list[list[Any]]:
        """Names and sizes, by which a work folder knows its log."""
        return [[file.name, file.stat().st_size] for file in self.files]


def find_log(data: Mapping[str, Any], folder: Path, download: bool = False, progress: bool = True) -> FoundLog:
    """Find the raw log and the labels of a recipe's `data`.

    Args:
        data: of the recipe.
        folder: where its `raw` and `labels` are looked for first; then the published archive there, then the cache.
        download: fetch the published archive where none of these is there.
        progress: show a bar while it is fetched.

    Raises:
        LogllmError: there is no log, no label file for a log that needs one, or the archive is another than published.
    """
    name = str(data["system"])
    row = system_from_yaml(folder / name) if name.endswith((".yaml", ".yml")) else get_system(name)
    patterns = [data["raw"]] if isinstance(data["raw"], str) else list(data["raw"])
    files = [file for pattern in patterns for file in sorted(folder.glob(pattern))]
    archives = [place / row.source.archive for place in (folder, cache_folder()) if row.source.archive]
    if not files:
        files = [file for file in archives if file.is_file()][:1]
    if not files and download:
        files = [download_log(row, progress=progress)]
    if not files:
        packed = f" and no {row.source.archive} there or in {cache_folder()}" if row.source.archive else ""
        fetch = ", or fetch it with --download" if row.source.url else ""
        raise LogllmError(
            f"the log must be in the folder of the data, found no {', '.join(patterns)} in {folder}{packed}: give --data DIR{fetch}"
        )
    if data.get("published"):
        check_archive(row, files[0])
    return FoundLog(row, tuple(files), _labels(data, row, folder, files))


def _labels(data: Mapping[str, Any], row: LogSystem, folder: Path, files: list[Path]) -> Path | None:
    """The label file: as the recipe names it, beside the log, or inside of the archive that holds the log."""
    named = data.get("labels")
    if named is None and row.label_rule != "session":
        return None
    beside = [folder / str(named)] if named is not None else []
    for file in (*beside, files[0].parent / LABEL_FILE):
        if file.is_file():
            return file
    if holds(files[0], LABEL_FILE):
        return files[0]
    raise LogllmError(
        f"the labels of {row.name} must be beside its log, found no {named or LABEL_FILE} in {folder} and none in {files[0].name}: "
        f"put {LABEL_FILE} there, or give the published archive {row.source.archive or ''}".rstrip()
    )


def check_archive(row: LogSystem, file: Path) -> None:
    """Refuse a published archive with another checksum than its publisher's.

    Raises:
        LogllmError: the checksum is another.
    """
    if row.source.md5 is None or file.name != row.source.archive:
        return
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() != row.source.md5:
        raise LogllmError(
            f"{file.name} must be the published archive with the MD5 {row.source.md5}, found {digest.hexdigest()} in {file}: "
            "fetch it again with --download, or take `published: true` out of the recipe's data to run on another log"
        )


def compare_with_paper(statistics: Mapping[str, Any], published: bool) -> list[str]:
    """Say in which counts the built windows differ from the paper's Table I.

    Raises:
        LogllmError: `published`, and the windows or the anomalies are so many more or fewer that it is another log.
    """
    paper = statistics.get("paper")
    if not published or not paper:
        return []
    ours, theirs = paper["ours"], paper["paper"]
    checks = (
        ("sequences", ours["sequences"], theirs["sequences"], SEQUENCES_WITHIN),
        (
            "anomalous sequences",
            ours["train_anomalies"] + ours["test_anomalies"],
            theirs["train_anomalies"] + theirs["test_anomalies"],
            ANOMALIES_WITHIN,
        ),
    )
    for what, mine, printed, within in checks:
        if abs(mine - printed) > within * printed:
            raise LogllmError(
                f"the log must be the published {statistics['name']} ({printed:,} {what} in the paper's Table I), found {mine:,} "
                f"{what}: give the published log and labels, or take `published: true` out of the recipe's data"
            )
    return [f"{name} {ours[name]:,}, the paper's {theirs[name]:,}" for name in paper["differs_in"]]
