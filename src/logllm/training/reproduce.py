"""`logllm reproduce RECIPE`: build the split, train every row at every seed, and put the result beside the paper's.

Notes:
- A recipe is one YAML file: where the log is and how it is divided, rows of settings, seeds, and what the paper prints.
- The result is one JSON file that is rewritten after each run. A run that stands in it, made by the same recipe on the
  same split, is not made again: what was stopped goes on. Several processes may write one file, each its own seeds.
- The interval of an F1 comes from its counts alone: drawing windows again is drawing (TP, FP, FN, TN) from a multinomial;
  seeds are mixed in equal parts.
"""

from __future__ import annotations

import fcntl
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from logllm.errors import LogllmError
from logllm.provenance import provenance

KEYS = {
    "name": "of the result file",
    "title": "one line",
    "data": "raw, labels and the arguments of `logllm build`",
    "seeds": "list of numbers",
    "rows": "name -> settings of training",
    "paper": "row -> what the paper prints (precision, recall, f1)",
    "note": "why the two may differ",
}
OF_A_ROW = ("family", "preprocessing")  # the other settings of a row are a `LogLLMRecipe`'s
PREPROCESSING = ("regular expressions", "raw", "template", "template id")
DRAWS = 4000


def read_recipe(file: str | Path) -> dict[str, Any]:
    """Read and check a recipe.

    Raises:
        LogllmError: no mapping, a key that there is not, one that is missing, or settings of a row that training refuses.
    """
    from logllm.trainers import LogLLMRecipe

    path = Path(file)
    if not path.is_file():
        raise LogllmError(f"a recipe must be a YAML file, found none at {path}: see benchmarks/recipes/")
    recipe = yaml.safe_load(path.read_text("utf-8"))
    if not isinstance(recipe, dict):
        raise LogllmError(f"a recipe must be one mapping, found {type(recipe).__name__} in {path}")
    for key in recipe:
        if key not in KEYS:
            near = get_close_matches(str(key), KEYS, n=2, cutoff=0.4) or sorted(KEYS)
            raise LogllmError(
                f"a recipe's key must be one of its parts, found {key!r}: did you mean {' or '.join(near)}?"
            )
    missing = [key for key in ("name", "title", "data", "seeds", "rows") if key not in recipe]
    if missing:
        raise LogllmError(f"a recipe must have {', '.join(missing)}, found none in {path}")
    for name, row in recipe["rows"].items():
        if row.get("preprocessing", PREPROCESSING[0]) not in PREPROCESSING:
            raise LogllmError(
                f"preprocessing must be one of {', '.join(PREPROCESSING)}, found {row['preprocessing']!r} in row {name!r}"
            )
        if row.get("family", "logllm") == "logllm":
            try:
                LogLLMRecipe.of(_training(row))
            except ValueError as error:
                raise LogllmError(f"row {name!r} of {path.name}: {error}") from error
    return recipe


def reproduce(
    file: str | Path,
    data: str | Path,
    result_file: str | Path,
    *,
    seeds: Sequence[int] | None = None,
    work: str | Path | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Run what a recipe still lacks; returns the result, which also stands in `result_file`.

    Args:
        file: the recipe.
        data: folder that its `raw` and `labels` are relative to.
        result_file: JSON, read and extended.
        seeds: of the recipe's seeds those to run; by default all.
        work: folder for the built dataset and for training; a run that was stopped there goes on where it was. By default
            a temporary one.
        progress: show bars.
    """
    recipe, target = read_recipe(file), Path(result_file)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(work) if work is not None else Path(temporary)
        built, rows, templates = windows_of(recipe["data"], Path(data), place)
        made_of = {
            "recipe": recipe,
            "split_checksums": {name: split["sha256"] for name, split in built["splits"].items()},
        }
        with locked_result(target, made_of) as result:
            if "baselines" not in result:
                from logllm.evaluation import baseline_metrics

                result |= {"splits": built["splits"], "baselines": baseline_metrics(rows["train"], rows["test"])}
        for seed in recipe["seeds"] if seeds is None else [s for s in recipe["seeds"] if s in seeds]:
            for name, row in recipe["rows"].items():
                with locked_result(target, made_of) as result:
                    if _has(result, name, seed):
                        continue
                run = {"row": name, "seed": seed, **_run(row, rows, templates, built, seed, place / "model", progress)}
                with locked_result(target, made_of, adds=True) as result:
                    if not _has(result, name, seed):  # another process may have been quicker
                        result["runs"].append(run)
        with locked_result(target, made_of) as result:
            return result


def report(result: Mapping[str, Any], rows: Sequence[str] | None = None, title: str | None = None) -> str:
    """A result beside the paper's row, as a Markdown table with 95 % intervals and why the two may differ.

    `rows` shows some of the rows, without the baselines, under a title of their own.
    """
    recipe = result["recipe"]
    paper = recipe.get("paper") or {}
    lines = [
        f"**{title or recipe['title']}**",
        "",
        "| | P | R | F1 | 95 % interval | AUROC | PR-AUC | TP/FP/FN | paper F1 |",
    ]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for name, metrics in result.get("baselines", {}).items() if rows is None else ():
        lines.append(_row(name, [metrics], None))
    for name in rows if rows is not None else recipe["rows"]:
        metrics = [run["metrics"] for run in result["runs"] if run["row"] == name]
        if metrics:
            lines.append(_row(name, metrics, paper.get(name)))
    if rows is not None:
        return "\n".join(lines)
    seeds = sorted({run["seed"] for run in result["runs"]})
    test = result["splits"]["test"]
    made = result.get("made", {})
    lines += [
        "",
        f"Test: {test['windows']:,} windows, {test.get('anomalous', 0):,} anomalous. Seeds {', '.join(map(str, seeds))}: mean "
        "± standard deviation; thresholds from validation windows of the training part. In brackets behind the paper's F1: "
        "whether it lies in the interval.",
        f"Machine: {made.get('machine', 'not recorded')}, commit {made.get('commit', 'not recorded')[:12]}.",
    ]
    if recipe.get("note"):
        lines.append(f"Why the two may differ: {' '.join(recipe['note'].split())}")
    return "\n".join(lines)


def f1_interval(counts: Sequence[Mapping[str, int]], draws: int = DRAWS, level: float = 0.95) -> tuple[float, float]:
    """The interval of an F1 over windows and seeds, from the counts `tp fp fn tn` of each seed.

    >>> low, high = f1_interval([{"tp": 50, "fp": 0, "fn": 0, "tn": 50}])
    >>> low, high
    (1.0, 1.0)
    """
    rng = np.random.default_rng(0)
    values = []
    for one in counts:
        cells = np.array([one["tp"], one["fp"], one["fn"], one["tn"]], dtype=float)
        tp, fp, fn, _ = rng.multinomial(int(cells.sum()), cells / cells.sum(), size=max(draws // len(counts), 1)).T
        values.append(2 * tp / np.maximum(2 * tp + fp + fn, 1))
    low, high = np.quantile(np.concatenate(values), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def preprocessed(rows: Any, how: str, templates: Mapping[str, Any]) -> Any:
    """Put another text in the place of each message: its Drain template, or that template's number (the paper's ablation).

    Templates are those of the training part; a message that none fits stays as it is, or is number 0.
    """
    if how not in ("template", "template id"):
        return rows
    texts = {row["key"]: (row["text"], f"event {i}") for i, row in enumerate(templates["templates"], 1)}
    which = int(how == "template id")

    def change(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return {
            "lines": [
                [
                    texts[key][which] if key in texts else (message, "event 0")[which]
                    for key, message in zip(keys, lines)
                ]
                for keys, lines in zip(batch["keys"], batch["lines"])
            ]
        }

    return rows.map(change, batched=True, batch_size=500)


def _has(result: Mapping[str, Any], row: str, seed: int) -> bool:
    return any(run["row"] == row and run["seed"] == seed for run in result["runs"])


def windows_of(data: Mapping[str, Any], folder: Path, place: Path) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Build the windows of a recipe's `data` in `place`; returns statistics, splits and template table."""
    from logllm.hf_datasets import load_statistics, load_templates, load_windows
    from logllm.training.building import build_dataset

    settings = dict(data)
    system, raw = settings.pop("system"), settings.pop("raw")
    files = [file for one in ([raw] if isinstance(raw, str) else raw) for file in sorted(folder.glob(one))]
    if not files:
        raise LogllmError(f"the log must be in the folder of the data, found no {raw} in {folder}: give --data DIR")
    if settings.get("labels"):
        settings["labels"] = folder / settings["labels"]
    if not (place / "data" / "README.md").is_file():
        build_dataset(system, files, place / "data", progress=False, **settings)
    from logllm.hf_datasets import configurations

    name = configurations(place / "data")[0]
    return (
        load_statistics(place / "data", name),
        load_windows(place / "data", name),
        load_templates(place / "data", name),
    )


def _run(
    row: Mapping[str, Any],
    rows: Any,
    templates: dict[str, Any],
    built: Mapping[str, Any],
    seed: int,
    out: Path,
    progress: bool,
) -> dict[str, Any]:
    from logllm.evaluation import evaluate_rows
    from logllm.hf_datasets import LogSystem
    from logllm.training.train import train_detector

    family, how = row.get("family", "logllm"), row.get("preprocessing", PREPROCESSING[0])
    rows = {name: preprocessed(split, how, templates) for name, split in rows.items()}
    out = out.parent / f"{out.name}-{os.getpid()}"
    started = time.perf_counter()
    settings: dict[str, Any] = (
        {"recipe": _training(row)} if family == "logllm" else {"preset": row.get("preset", "tiny")}
    )
    detector = train_detector(
        family, rows["train"], rows["validation"], templates, LogSystem.from_dict(built["system"]), None, out,
        seed=seed, progress=progress, provenance={"split_checksum": built["checksum"]}, **settings,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    record = json.loads((out / "training.json").read_text("utf-8"))
    return {
        "metrics": evaluate_rows(detector, rows["test"]),
        "validation": {
            k: record["stages"][-1].get(k) for k in ("validation_f1", "validation_loss", "best_step", "steps")
        },
        "calibration": record["calibration"],
        "parameters": record["parameters"],
        "seconds": round(seconds, 1),
        "processor_seconds": round(time.process_time(), 1),
    }


def _training(row: Mapping[str, Any]) -> dict[str, Any]:
    settings = {key: value for key, value in row.items() if key not in OF_A_ROW}
    if row.get("preprocessing", PREPROCESSING[0]) != PREPROCESSING[0]:
        settings["mask"] = False
    return settings


def _row(name: str, metrics: Sequence[Mapping[str, Any]], paper: Mapping[str, float] | None) -> str:
    def mean(key: str) -> str:
        values = [one[key] for one in metrics]
        return f"{statistics.mean(values):.3f}" + (f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else "")

    low, high = f1_interval(metrics)
    counts = "; ".join(dict.fromkeys(f"{one['tp']}/{one['fp']}/{one['fn']}" for one in metrics))
    printed = ""
    if paper and "f1" in paper:
        printed = f"{paper['f1']:.3f} ({'inside' if low <= paper['f1'] <= high else 'outside'})"
    cells = [mean("precision"), mean("recall"), mean("f1"), f"{low:.3f} to {high:.3f}", mean("auroc"), mean("pr_auc")]
    return f"| {name} | {' | '.join(cells)} | {counts} | {printed} |"


@contextmanager
def locked_result(file: Path, made_of: Mapping[str, Any], adds: bool = False) -> Iterator[dict[str, Any]]:
    """The result on disk, locked; what the block changed is written back whole.

    Args:
        file: the result.
        made_of: recipe and split checksums; a result of others is begun anew.
        adds: whether the block adds a run: what made it is written beside it.
    """
    made_of = json.loads(json.dumps(made_of))
    file.parent.mkdir(parents=True, exist_ok=True)
    with (file.parent / f".{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = file.read_text("utf-8") if file.exists() else "{}"
        result = json.loads(before)
        if any(result.get(key) != value for key, value in made_of.items()):
            result = {**made_of, "runs": []}
        yield result
        if adds:
            result["made"] = provenance()
        after = json.dumps(result, indent=1, sort_keys=True) + "\n"
        if after != before:
            beside = file.with_suffix(".part")
            beside.write_text(after, "utf-8")
            os.replace(beside, file)
