"""The result file of an experiment: one JSON file, locked while it changes, written whole, with what made each run."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from logllm.provenance import provenance
from logllm.training.recipe import training_settings


def run_provenance() -> dict[str, Any]:
    """What made a run: `provenance`, and besides the graphics cards and the number of processes."""
    import torch

    cards = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        **provenance(),
        **({"cards": cards} if cards else {}),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
    }


@contextmanager
def locked_result(file: Path, made_of: Mapping[str, Any], adds: bool = False) -> Iterator[dict[str, Any]]:
    """The result on disk, locked; what the block changed is written back whole.

    Args:
        file: the result.
        made_of: recipe and split checksums; a result of others is begun anew. A change of title, note, the paper's figures,
            seeds or other rows is none: runs of a row stay as long as its settings are the same.
        adds: whether the block adds a run: what made it is written beside it.
    """
    made_of = json.loads(json.dumps(made_of))
    file.parent.mkdir(parents=True, exist_ok=True)
    with (file.parent / f".{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = file.read_text("utf-8") if file.exists() else "{}"
        result = json.loads(before)
        if any(_decisive(result.get(key)) != _decisive(value) for key, value in made_of.items()):
            result = {**made_of, "runs": []}
        result["runs"] = [run for run in result["runs"] if _same_row(run, result.get("recipe"), made_of.get("recipe"))]
        result |= made_of
        yield result
        if adds:
            for run in result["runs"]:  # of a file that kept it once for all its runs: of the last one
                run.setdefault("made", {**result.get("made", {}), "of": "the file"})
            result["made"] = run_provenance()
        after = json.dumps(result, indent=1, sort_keys=True) + "\n"
        if after != before:
            write_whole(file, after)


def _decisive(value: Any) -> Any:
    """What of a recipe all its runs depend on: not the title, not the paper's figures, not which rows and seeds there are."""
    if isinstance(value, dict) and "rows" in value:
        return {key: one for key, one in value.items() if key not in ("title", "note", "paper", "seeds", "rows")}
    return value


def _same_row(run: Mapping[str, Any], before: Any, now: Any) -> bool:
    """Whether a run's row has the settings now that it was made with; true for results that know no rows."""
    if not isinstance(before, dict) or not isinstance(now, dict) or "rows" not in now:
        return True
    row = now["rows"].get(run.get("row"))
    return row == before.get("rows", {}).get(run.get("row")) and _reads(run, row or {})


def _reads(run: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether the run's messages were read by what reads them now: template IDs were text before runs recorded their time."""
    now = training_settings(row).get("encoder_kind", "text")
    return bool(run.get("encoder_kind", now if "time" in run.get("made", {}) else "text") == now)


def as_in(result: Mapping[str, Any], recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A result under a recipe's title, note and paper's figures, with those runs that were made by its settings.

    The rows of which runs do not count are named in `left_out`.
    """
    same = _decisive(result["recipe"]) == _decisive(recipe)
    runs = [run for run in result["runs"] if same and _same_row(run, result["recipe"], recipe)]
    left = dict.fromkeys(run["row"] for run in result["runs"] if run not in runs)
    return {**result, "recipe": dict(recipe), "runs": runs, "left_out": list(left)}


def write_whole(file: Path, text: str) -> None:
    """Write a file through one beside it, so that it is whole or as it was."""
    beside = file.with_name(f"{file.name}.part")
    beside.write_text(text, "utf-8")
    os.replace(beside, file)
