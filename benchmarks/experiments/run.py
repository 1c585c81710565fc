"""Runs a recipe that names families: both detectors by the commands, a seed after the other.

A seed that is in the result already, made by the same recipe on the same split, is not run again: a run that was stopped
goes on where it was.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.places import RESULTS, data_folder
from logllm.training.result_file import run_provenance


def run(recipe: dict[str, Any]) -> None:
    """Run what a recipe still lacks; the result file is rewritten after each seed."""
    from logllm.detector import LogAnomalyDetector
    from logllm.evaluation import baseline_metrics
    from logllm.hf_datasets import load_windows
    from logllm.training.building import build_dataset
    from logllm.training.reproduce import measured_rows
    from logllm.training.workflows import train_on

    data, file = data_folder(), RESULTS / f"{recipe['name']}.json"
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
                     "made": run_provenance()}
                )  # fmt: skip
                result["made"] = result["runs"][-1]["made"]
                file.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", "utf-8")
                print(f"{recipe['name']} {family} seed {seed}: F1 {measures['metrics']['f1']:.4f}")
