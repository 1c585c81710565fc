"""What made a result: the commit of this code, the machine, the versions of what it ran on."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

NOT_RECORDED = "not recorded"
PACKAGES = ("logllm", "torch", "transformers", "trl", "datasets", "drain3")
# A result, or the page that shows it, is not part of what made it.
_RESULTS = (":!/README.md", ":!/docs", ":!/benchmarks/results")


def commit() -> str:
    """The commit of the checkout, with "+" where tracked files differ from it; `NOT_RECORDED` outside of a checkout."""
    name = _git("rev-parse", "HEAD")
    edited = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", *_RESULTS)
    return name + ("+" if edited else "") if name else NOT_RECORDED


def machine() -> str:
    """Architecture, cores and operating system, such as `x86_64, 2 cores, Linux`."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"


def processor() -> str:
    """The processor's name; `NOT_RECORDED` where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or NOT_RECORDED


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """The installed versions; a package that is not installed is left out."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def provenance(packages: Sequence[str] = PACKAGES) -> dict[str, Any]:
    """Commit, machine, processor, load before (one minute's average), Python, versions and time (UTC), as plain JSON values."""
    return {
        "commit": commit(),
        "machine": machine(),
        "processor": processor(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": versions(packages),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _git(*arguments: str) -> str:
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
