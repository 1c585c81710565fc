"""What a fitted checkpoint knows of the log that it was fitted on."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from logllm.decision.threshold import Budget
from logllm.errors import LogllmError

SKETCH = 512  # quantiles of the held-back scores that a checkpoint keeps for drift

CALIBRATION_FILE = "calibration.json"


@dataclass
class Calibration:
    """What a fitted checkpoint knows of the log that it was fitted on; `calibration.json` beside the weights."""

    lineage: str  # the same in all versions that `update` makes of a checkpoint
    idle_seconds: float | None
    severity_weight: float
    budget: dict[str, Any]
    scores: list[float]  # quantiles of the held-back windows' scores, lowest first
    held_windows: int
    held_lines: int
    unseen_lines: int  # of the held-back lines, those without a template
    lines: int
    unparsed: int
    trimmed: int
    version: int = 1
    fitted: float = field(default_factory=time.time)

    @classmethod
    def of(
        cls,
        budget: Budget,
        scores: Sequence[float],
        *,
        lineage: str,
        idle: float | None,
        severity_weight: float = 0.0,
        held_lines: int,
        unseen_lines: int = 0,
        lines: int,
        unparsed: int,
        trimmed: int = 0,
        version: int = 1,
    ) -> Calibration:
        """The calibration of a threshold that was set by `budget` on the `scores` of the held-back windows.

        Args:
            budget: the threshold, and what it promises.
            scores: of all held-back windows; their quantiles are kept.
            lineage: names the checkpoint through all its updates.
            idle: seconds without a line that end a session.
            severity_weight: what the severities of lines are multiplied with.
            held_lines: lines of the held-back windows.
            unseen_lines: of these, lines without a template.
            lines: lines that were read.
            unparsed: of these, lines that do not fit the format.
            trimmed: windows that were left out of what counts as normal.
            version: 1 for a fit, one more for each update.
        """
        return cls(
            lineage=lineage,
            idle_seconds=idle,
            severity_weight=severity_weight,
            budget=budget.to_dict(),
            scores=[float(value) for value in np.quantile(scores, np.linspace(0, 1, SKETCH))],
            held_windows=len(scores),
            held_lines=held_lines,
            unseen_lines=unseen_lines,
            lines=lines,
            unparsed=unparsed,
            trimmed=trimmed,
            version=version,
        )

    @property
    def unseen_rate(self) -> float:
        """Share of the held-back lines that no template matches."""
        return self.unseen_lines / max(self.held_lines, 1)

    def save(self, folder: str | Path) -> None:
        """Write `calibration.json`."""
        (Path(folder) / CALIBRATION_FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Calibration | None:
        """Read `calibration.json`, None where there is none."""
        file = Path(folder) / CALIBRATION_FILE
        if not file.is_file():
            return None
        try:
            return cls(**json.loads(file.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise LogllmError(f"{file} must be what `logllm fit` wrote, found {error}: fit again") from error
