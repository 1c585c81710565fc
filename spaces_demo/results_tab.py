"""Benchmark result files as tables: whatever files are there, of whatever shape, read the same way.

Notes: No file is known by name. A table row is any place in a file that holds an `f1` (a measured
detector) or a `ratio` (a speed against something); its name is the way there, seeds are averaged. So a new result file
shows up without a line of code, and a missing one is no error.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

METRICS = ("f1", "precision", "recall", "auroc", "pr_auc")  # F1 first: on a phone the others are a swipe away
# Places that lead to settings and to points of curves, not to results.
SKIPPED = {"recipe", "made", "versions", "stages", "sweep", "splits", "split", "split_checksums", "curves", "machine"}
# Containers whose names say nothing to a reader.
SILENT = {
    "runs", "rows", "parts", "metrics", "detectors", "detection on test", "against_plain", "results", "variants", "main",
    "figures", "settings",
}  # fmt: skip
NAMING = ("part", "family", "system", "config", "model", "detector", "method", "row", "name", "objective")
VARIED = ("share", "window", "window_size", "contamination", "k")  # numbers that make another row, unlike a seed
TITLES = {"logllm": "LogLLM", "logllama": "LogLLaMA", "baselines": "baseline"}
MOST_ROWS = 40


@dataclass(frozen=True)
class Row:
    """One row: mean and standard deviation over the runs, by column."""

    name: str
    values: dict[str, tuple[float, float]]
    runs: int


@dataclass(frozen=True)
class Table:
    """One result file; `kind` is "f1" or "ratio"."""

    title: str
    kind: str
    rows: list[Row]
    source: str
    made: str
    notes: list[str] = field(default_factory=list)


def load_results(folder: str | Path) -> list[Table]:
    """Tables of all result files in a folder, detectors first; a file that cannot be read becomes a note, not an error."""
    tables = []
    for file in sorted(Path(folder).glob("*.json")):
        try:
            data = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            tables.append(Table(file.stem, "f1", [], file.name, "", [f"This file could not be read: {error}"]))
            continue
        if not isinstance(data, dict):
            continue
        for kind, columns in (("f1", METRICS), ("ratio", ("ratio",))):
            rows = _rows(data, kind, columns)
            if rows:
                more = [f"{len(rows) - MOST_ROWS} more rows are in the file."] if len(rows) > MOST_ROWS else []
                tables.append(Table(_title(data, file.stem), kind, rows[:MOST_ROWS], file.name, _made(data), more))
    return sorted(tables, key=lambda table: (not table.rows, table.kind != "f1"))


def _rows(data: dict[str, Any], kind: str, columns: tuple[str, ...]) -> list[Row]:
    found: dict[str, list[dict[str, Any]]] = {}
    for path, values in _places(data, kind, ()):
        found.setdefault(" · ".join(dict.fromkeys(path)) or "result", []).append(values)
    rows = []
    for name, runs in found.items():
        numbers = {column: [run[column] for run in runs if _is_number(run.get(column))] for column in columns}
        means = {
            column: (statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0)
            for column, values in numbers.items()
            if values
        }
        rows.append(Row(name, means, len(runs)))
    return rows


def _places(value: Any, kind: str, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every dictionary that holds a number under `kind`, with the names on the way to it."""
    if isinstance(value, dict):
        own = tuple(_called(value[k]) for k in NAMING if isinstance(value.get(k), str) and value[k] not in SILENT)
        own += tuple(f"{_called(k)} {value[k]:g}" for k in VARIED if _is_number(value.get(k)))
        if _is_number(value.get(kind)):
            yield (*path, *own), value
            return
        for key, item in value.items():
            if key not in SKIPPED and isinstance(item, dict | list):
                yield from _places(item, kind, (*path, *own, *(() if key in SILENT else (_called(key),))))
    elif isinstance(value, list):
        for item in value:
            yield from _places(item, kind, path)


def _called(name: str) -> str:
    return TITLES.get(name, name.replace("_", " "))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _title(data: dict[str, Any], stem: str) -> str:
    recipe = data.get("recipe")
    title = data.get("title") or (recipe.get("title") if isinstance(recipe, dict) else None)
    return str(title) if title else stem.replace("_", " ").replace("logllama", "LogLLaMA").replace("logllm", "LogLLM")


def _made(data: dict[str, Any]) -> str:
    """Where the figures come from, as far as the file says."""
    made = next((data[key] for key in ("made", "provenance") if isinstance(data.get(key), dict)), None)
    if made is None:
        made = next((row["made"] for row in data.get("rows", []) if isinstance(row, dict) and "made" in row), data)
    recipe = data.get("recipe") if isinstance(data.get("recipe"), dict) else {}
    facts = []
    if isinstance(made.get("commit"), str):
        facts.append(f"commit {made['commit'].rstrip('+')[:10]}" + ("+" if made["commit"].endswith("+") else ""))
    if isinstance(made.get("machine"), str):
        facts.append(made["machine"])
    if recipe and recipe.get("seeds"):
        facts.append(f"seeds {', '.join(map(str, recipe['seeds']))}")
    return "; ".join(facts)
