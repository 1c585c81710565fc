"""Datasets and checkpoints that many tests read: made once a run, whichever worker of pytest-xdist needs them first."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def folder_of(run: str | int) -> Path:
    """Where the files of one run lie."""
    return Path(tempfile.gettempdir()) / f"logllm-tests-{run}"


ROOT = folder_of(os.environ.get("PYTEST_XDIST_TESTRUNUID") or os.getpid())


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """The folder NAME, filled by the first caller; the others wait for it. Nobody may write into it later."""
    folder, done = ROOT / name, ROOT / f"{name}.done"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not done.exists():
        with FileLock(ROOT / f"{name}.lock"):
            if not done.exists():
                folder.mkdir(exist_ok=True)
                make(folder)
                done.touch()
    return folder
