"""Where recipes and results are, and where the raw logs are looked for."""

from __future__ import annotations

import os
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent
RECIPES, RESULTS = BENCHMARKS / "recipes", BENCHMARKS / "results"


def data_folder() -> Path:
    """The folder of the raw logs: LOGLLM_SHARED (that folder, or its `data`), or `shared` beside the checkout."""
    named = Path(os.environ.get("LOGLLM_SHARED", BENCHMARKS.parent.parent / "shared"))
    return named / "data" if (named / "data").is_dir() else named
