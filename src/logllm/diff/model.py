"""What good runs hold, kept in a folder: `logllm diff --save MODEL GOOD...`, then `--model MODEL BAD`.

Two Parquet files and a small JSON; nothing in them is executed. A model holds one example of every distinct line of the
good logs, so it is as secret as they are.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from logllm.diff.good import HASH_SEED, GoodRuns
from logllm.errors import LogllmError

FORMAT = 1
_INFO, _LINES, _VALUES = "good_runs.json", "lines.parquet", "values.parquet"
_COLUMNS = ("count", "runs", "first", "run", "most", "least", "other", "mask", "example")


def save_good(good: GoodRuns, folder: Path) -> None:
    """Write to a folder, which is made. Raises `LogllmError` where no good log holds text."""
    if not len(good.key):
        raise LogllmError("A good log must hold text, found none: nothing was saved.")
    if folder.exists() and not folder.is_dir():
        raise LogllmError(f"--save must name a folder, found the file {folder}: name another.")
    folder.mkdir(parents=True, exist_ok=True)
    lines = pl.DataFrame({name: getattr(good, name) for name in _COLUMNS})
    lines.write_parquet(folder / _LINES)
    # Keys are hashes that another version of polars may compute differently: values are kept by the masked line.
    by_key = pl.DataFrame({"key": good.key, "mask": good.mask})
    good.values.join(by_key, on="key").drop("key").write_parquet(folder / _VALUES)
    info = {"format": FORMAT, "names": good.names, "lines": good.lines}
    (folder / _INFO).write_text(json.dumps(info, indent=1) + "\n", "utf-8")


def load_good(folder: Path) -> GoodRuns:
    """What `save_good` wrote. Raises `LogllmError` where the folder is none of its."""
    try:
        info = json.loads((folder / _INFO).read_text("utf-8"))
        lines = pl.read_parquet(folder / _LINES)
        values = pl.read_parquet(folder / _VALUES)
        if info["format"] != FORMAT:
            raise LogllmError(
                f"--model must have format {FORMAT}, found {info['format']!r} in {folder}: save it again."
            )
        lines = lines.with_columns(pl.col("mask").hash(HASH_SEED).alias("key")).sort("key")
        columns = {name: lines[name].to_numpy() for name in ("key", *_COLUMNS[:-2])}
        values = values.with_columns(pl.col("mask").hash(HASH_SEED).alias("key")).select(
            "key", "slot", "low", "high", "n"
        )
        return GoodRuns(
            **columns,
            mask=lines["mask"],
            example=lines["example"],
            names=list(info["names"]),
            lines=list(info["lines"]),
            values=values,
        )
    except LogllmError:
        raise
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise LogllmError(
            f"--model must be a folder that `logllm diff --save` wrote, found something else at {folder} ({error}): save it again."
        ) from error
