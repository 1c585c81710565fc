"""How a simulated log is told from a real one: by a hidden file beside it, which the simulator writes."""

from __future__ import annotations

import json
from pathlib import Path


def simulation_marker(log: Path) -> Path:
    """Return where the marker of a log is or would be."""
    # No name that a folder of logs would be searched for.
    return log.with_name(f".{log.stem}.simulated")


def is_simulated(log: Path) -> bool:
    """Whether the simulator wrote this log: its marker is there, and the log has the size that the marker names."""
    marker = simulation_marker(log)
    try:
        return bool(json.loads(marker.read_text("utf-8"))["bytes"] == log.stat().st_size)
    except (OSError, ValueError, KeyError, TypeError):
        return False
