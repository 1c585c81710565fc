"""Which rule sets LogLLaMA's default threshold: `python -m benchmarks.experiments.logllama_threshold [--only PART]`.

Every rule sees the scores of normal validation windows and nothing else. It is chosen on the logs of the part `choice`
(simulated logs, Thunderbird, BGL, and blocks of the first 60 % of HDFS_2pct in shuffled order); the part `report` trains
on those 60 % and tests on the other 40 %, which the choice never sees. Scores are kept in `--work`, so that the rules can
be compared again without training; the result is `results/logllama_threshold.json`.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.comparison.systems import data_folder

HERE = Path(__file__).resolve().parents[1]
RESULT = HERE / "results" / "logllama_threshold.json"
# part, name, system, where it comes from, window, seeds
CASES: tuple[dict[str, Any], ...] = (
    {"part": "choice", "name": "hdfs first 60 %", "system": "hdfs", "raw": "hdfs/HDFS_2pct.log", "seeds": (0, 1, 2)},
    {"part": "choice", "name": "hdfs simulated", "system": "hdfs", "lines": 40_000, "seeds": (0, 1, 2)},
    {"part": "choice", "name": "hdfs simulated, small", "system": "hdfs", "lines": 8_000, "seeds": (3, 4)},
    {"part": "choice", "name": "bgl simulated", "system": "bgl", "lines": 60_000, "window": 20, "seeds": (0, 1)},
    {"part": "choice", "name": "bgl", "system": "bgl", "raw": "bgl/BGL_thinned.log", "window": 100, "seeds": (0,)},
    {
        "part": "choice", "name": "thunderbird", "system": "thunderbird", "raw": "thunderbird/TB_20051115_block*.log",
        "window": 20, "seeds": (0,),
    },
    {"part": "report", "name": "hdfs other 40 %", "system": "hdfs", "raw": "hdfs/HDFS_2pct.log", "seeds": (0, 1, 2)},
)  # fmt: skip
TRAIN_SHARE = 0.6  # of HDFS's blocks; the rest is for the report alone


def build_case(case: dict[str, Any], seed: int, folder: Path) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Build the windows of a case: statistics, splits, template table."""
    from logllm.hf_datasets import WindowRule, configurations, load_statistics, load_templates, load_windows
    from logllm.hf_datasets.simulation.simulate import simulate
    from logllm.training.workflows import build_dataset

    settings: dict[str, Any] = {"validation_share": 0.1, "train_share": 0.8, "progress": False}
    if "raw" in case:
        files = sorted(data_folder().glob(case["raw"]))
        labels = data_folder() / "hdfs" / "anomaly_label.csv"
    else:
        simulate(case["system"], case["lines"], 100 + seed, folder)
        files, labels = [folder / f"{case['system']}.log"], folder / "anomaly_label.csv"
    if case["system"] == "hdfs":
        settings |= {"labels": labels}
        if "raw" in case:
            settings |= {"train_share": TRAIN_SHARE}
    if "window" in case:
        settings |= {"window": WindowRule("fixed", case["window"])}
    build_dataset(case["system"], files, folder / "built", **settings)
    name = configurations(folder / "built")[0]
    where = folder / "built"
    return load_statistics(where, name), load_windows(where, name), load_templates(where, name)


def scores_of(case: dict[str, Any], seed: int) -> dict[str, Any]:
    """Train LogLLaMA's preset tiny; the scores of normal validation windows and of test windows with their labels."""
    from datasets import concatenate_datasets

    from logllm.hf_datasets import LogSystem
    from logllm.training.train import train_detector

    with tempfile.TemporaryDirectory() as temporary:
        statistics, rows, table = build_case(case, seed, Path(temporary))
        train, validation, test = (rows[name] for name in ("train", "validation", "test"))
        if case["part"] == "choice" and case["system"] == "hdfs" and "raw" in case:
            # The blocks of the report are left alone: the first 60 % are divided anew for each seed.
            known = concatenate_datasets([train, validation])
            order = list(range(len(known)))
            random.Random(seed).shuffle(order)
            cuts = [int(0.7 * len(order)), int(0.78 * len(order))]
            train, validation, test = (
                known.select(order[a:b]) for a, b in ((0, cuts[0]), (cuts[0], cuts[1]), (cuts[1], len(order)))
            )
        detector = train_detector(
            "logllama", train, validation, table, LogSystem.from_dict(statistics["system"]), "tiny", None,
            seed=seed, progress=False,
        )  # fmt: skip
    model, processor = detector.model, detector.processor
    normal = [keys for keys, label in zip(validation["keys"], validation["label"]) if label != 1]

    def judged(windows: Any) -> dict[str, list[float]]:
        return model.detectors([processor.ids_of_keys(keys) for keys in windows])

    return {
        "score_by": model.config.score_by,
        "unseen_score": model.config.unseen_score,
        "count_weight": model.config.count_weight,
        "candidates": model.config.candidates,
        "validation": judged(normal),
        "test": judged(test["keys"]),
        "labels": test["label"][:],
        "train_windows": len(train),
    }


def kept(work: Path, only: str | None) -> Iterator[tuple[dict[str, Any], int, dict[str, Any]]]:
    """Every case and seed with its scores, measured where they are not in the work folder yet."""
    for case in CASES:
        if only and case["part"] != only:
            continue
        for seed in case["seeds"]:
            file = work / f"{case['name'].replace(' ', '-')}-{seed}.json"
            if not file.is_file():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(scores_of(case, seed)), "utf-8")
            yield case, seed, json.loads(file.read_text("utf-8"))


def main() -> None:
    """Measure what is missing, then compare the rules."""
    parser = argparse.ArgumentParser(description="Compare the rules for LogLLaMA's default threshold.")
    parser.add_argument("--only", choices=("choice", "report"))
    parser.add_argument("--work", type=Path, default=HERE.parent / ".bench" / "thresholds")
    arguments = parser.parse_args()
    for case, seed, found in kept(arguments.work, arguments.only):
        print(case["name"], seed, len(found["validation"]["likelihood"]), sum(found["labels"]), flush=True)


if __name__ == "__main__":
    main()
