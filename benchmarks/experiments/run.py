"""Runs recipes and renders their results: `python -m benchmarks.experiments.run [RECIPE ...]`, all of them by default.

A recipe is one YAML file in `recipes/`, a result one JSON file in `results/`. A seed that is in the result already, made
by the same recipe on the same split, is not run again: a run that was stopped goes on where it was. The data is looked
for in `../shared/data` or the folder that LOGLLM_SHARED names. At the end the README is rendered (`readme.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from logllm.errors import LogllmError
from logllm.training.reproduce import reproduce
from logllm.training.result_file import birth_certificate

HERE = Path(__file__).resolve().parents[1]


def data_folder() -> Path:
    """Find the folder of the raw logs."""
    named = Path(os.environ.get("LOGLLM_SHARED", HERE.parent.parent / "shared"))
    return named / "data" if (named / "data").is_dir() else named


def run(recipe: dict[str, Any], again: Sequence[str] = ()) -> None:
    """Run what a recipe still lacks; the result file is rewritten after each seed. Runs of families in `again` are forgotten."""
    from logllm.detector import LogAnomalyDetector
    from logllm.evaluation import baseline_metrics
    from logllm.hf_datasets import load_windows
    from logllm.training.building import build_dataset
    from logllm.training.reproduce import measured_rows
    from logllm.training.workflows import train_on

    data, file = data_folder(), HERE / "results" / f"{recipe['name']}.json"
    if not (data / recipe["raw"]).exists():
        print(f"{recipe['name']}: skipped, no {recipe['raw']} in {data} (set LOGLLM_SHARED)")
        return
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        built = build_dataset(
            recipe["system"], [data / recipe["raw"]], work / "data",
            labels=data / recipe["labels"] if recipe.get("labels") else None, split=recipe["split"],
            train_share=recipe["train_share"], validation_share=recipe["validation_share"], progress=False,
        )  # fmt: skip
        result = json.loads(file.read_text("utf-8")) if file.exists() else {}
        checksums = {name: split["sha256"] for name, split in built["splits"].items()}
        if result.get("recipe") != recipe or result.get("split_checksums") != checksums:
            result = {"recipe": recipe, "split_checksums": checksums, "splits": built["splits"], "runs": []}
        result["runs"] = [one for one in result["runs"] if one["family"] not in again]
        for one in result["runs"]:  # of a file that kept it once for all its runs: of the last one
            one.setdefault("made", {**result.get("made", {}), "of": "the file"})
        rows = load_windows(work / "data", built["name"])
        result["baselines"] = baseline_metrics(rows["train"], rows["test"])
        for family in recipe["families"]:
            for seed in recipe["seeds"]:
                if any(one["family"] == family and one["seed"] == seed for one in result["runs"]):
                    continue
                started = time.perf_counter()
                record = train_on(family, work / "data", built["name"], recipe["preset"], work / "model", seed=seed)
                detector = LogAnomalyDetector.from_pretrained(work / "model")
                measures = measured_rows(detector, rows["test"], record, work / "scores.parquet")
                result["runs"].append(
                    {"family": family, "seed": seed, **measures, "parameters": record["parameters"],
                     "calibration": record["calibration"], "seconds": round(time.perf_counter() - started, 1),
                     "made": birth_certificate()}
                )  # fmt: skip
                result["made"] = result["runs"][-1]["made"]
                file.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", "utf-8")
                print(f"{recipe['name']} {family} seed {seed}: F1 {measures['metrics']['f1']:.4f}")


def main(words: list[str]) -> None:
    """Run the named recipes, all of them by default, then render the README. `--again FAMILY` forgets a family's runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="recipes; all by default")
    parser.add_argument("--again", nargs="+", default=(), metavar="FAMILY", help="families to measure anew")
    arguments = parser.parse_args(words)
    names = arguments.names
    files = [HERE / "recipes" / f"{name}.yaml" for name in names] or sorted((HERE / "recipes").glob("*.yaml"))
    for file in files:
        recipe = yaml.safe_load(file.read_text("utf-8"))
        if "families" in recipe and "raw" in recipe:
            run(recipe, arguments.again)
        elif "rows" in recipe:
            try:
                kept = HERE.parent / ".bench" / "reproduced" / recipe["name"]
                reproduce(file, data_folder(), HERE / "results" / f"{recipe['name']}.json", work=kept, resume=True)
            except LogllmError as error:  # whole logs are seldom at hand
                print(f"{recipe['name']}: skipped, {error}")
    subprocess.run([sys.executable, "-m", "benchmarks.pages.readme"], cwd=HERE.parent, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
