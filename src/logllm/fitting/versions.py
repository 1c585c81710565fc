"""Versions of a checkpoint that `logllm update` leaves beside it, to go back to."""

from __future__ import annotations

import shutil
from pathlib import Path

from logllm.errors import LogllmError

FORMER = "former"  # beside the checkpoint: NAME.former-1, -2, ...


def next_former(folder: Path) -> Path:
    """The folder that the version before is put into."""
    number = 1
    while (former := folder.with_name(f"{folder.name}.{FORMER}-{number}")).exists():
        number += 1
    return former


def go_back(folder: Path) -> Path:
    """Put the version before the last update back; returns where the undone one lies now.

    Raises:
        LogllmError: nothing was updated yet.
    """
    versions = sorted(
        folder.parent.glob(f"{folder.name}.{FORMER}-*"), key=lambda path: int(path.name.rpartition("-")[2])
    )
    if not versions:
        raise LogllmError(f"a version to go back to must exist, found none beside {folder}: nothing was updated yet")
    undone = folder.with_name(folder.name + ".undone")
    shutil.rmtree(undone, ignore_errors=True)
    folder.rename(undone)
    versions[-1].rename(folder)
    return undone
