"""`logllm score` by one and by two workers: how much of the second worker arrives, and whether the scores are the same.

`python -m benchmarks performance.batch_scoring [--lines N] [--rounds N]` simulates an HDFS log, builds it, trains both families for seconds
(what the weights are does not change the time) and writes `results/cluster.json`. Rounds are interleaved. Efficiency is
the time of one worker over twice that of two, from the first shard's begin to the last one's end: the start of the workers
(Python, torch, the model) is told apart. On fewer free cores than workers it says nothing. `ceiling` is what two processes
that know nothing of each other lose to the memory and caches that they share: one alone over one of two at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from logllm.batch.shards import plan, read_rows
from logllm.detector import LogAnomalyDetector
from logllm.hf_datasets.simulation.simulate import simulate
from logllm.provenance import provenance
from logllm.training.building import build_dataset
from logllm.training.workflows import train_on

RESULT = Path(__file__).resolve().parents[1] / "results" / "cluster.json"
QUICK: dict[str, dict[str, Any]] = {
    "logllm": {"recipe": {"max_samples": 64, "last_epochs": 1}},
    "logllama": {"reinforce": False},
}
RUNS = (("local", 1), ("torchrun", 1), ("torchrun", 2), ("ray", 1), ("ray", 2))
SHARDS = 24  # many enough that the last one does not decide


def prepared(work: Path, lines: int) -> Path:
    """A built dataset and a checkpoint of each family."""
    simulate("hdfs", lines, 1, work)
    build_dataset("hdfs", [work / "hdfs.log"], work / "data", labels=work / "anomaly_label.csv", progress=False)
    simulate("hdfs", 20_000, 2, work / "small")
    labels = work / "small" / "anomaly_label.csv"
    build_dataset("hdfs", [work / "small" / "hdfs.log"], work / "small" / "data", labels=labels, progress=False)
    for family, settings in QUICK.items():
        train_on(family, work / "small" / "data", "hdfs", "tiny", work / family, progress=False, **settings)
    return work / "data"


def score(engine: str, workers: int, dataset: Path, model: Path, out: Path, rows: int) -> dict[str, Any]:
    """One run of the command; what it says of itself."""
    start = [sys.executable, "-m", "logllm"]
    if engine == "torchrun":
        start = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={workers}"]
        start += ["-m", "logllm"]
    command = [*start, "score", "--engine", engine, "--dataset", str(dataset), "--model", str(model)]
    command += ["--out", str(out), "--shard-rows", str(rows), "--quiet"]
    command += ["--workers", str(workers)] if engine == "ray" else []
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        sys.exit(f"{' '.join(command)} must succeed, found:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def ceiling(alone: float, dataset: Path, model: Path, out: Path, rows: int) -> float:
    """Seconds of one local run over the mean of two at a time."""
    with ThreadPoolExecutor(2) as both:
        pair = list(
            both.map(
                lambda number: score("local", 1, dataset, model, out.with_name(f"{out.name}-{number}"), rows), range(2)
            )
        )
    return round(2 * alone / sum(one["scoring_seconds"] for one in pair), 3)


def scores(out: Path) -> dict[str, float]:
    """Score by window."""
    tables = [pq.read_table(file).to_pydict() for file in sorted(out.glob("*.parquet"))]
    return {name: score for rows in tables for name, score in zip(rows["window_id"], rows["score"])}


def distinct_share(dataset: Path, model: Path, rows: int) -> float:
    """Windows that are scored, of all: those that differ within their shard after masking."""
    processor = LogAnomalyDetector.from_pretrained(model).processor
    normal = getattr(processor, "normalize", None) or processor.matcher.key
    known: dict[str, Any] = {}
    distinct = total = 0
    for shard in plan(dataset, rows=rows):
        seen = set()
        for part in read_rows(dataset, shard):
            for lines in part["lines"]:
                seen.add(tuple(known[m] if m in known else known.setdefault(m, normal(m)) for m in lines))
        distinct, total = distinct + len(seen), total + shard.rows
    return round(distinct / total, 4)


def run(work: Path, lines: int, rounds: int) -> dict[str, Any]:
    """Measure both families with every engine."""
    dataset = prepared(work, lines)
    windows = sum(shard.rows for shard in plan(dataset))
    rows = max(windows // SHARDS, 1)
    families: dict[str, Any] = {}
    for family in QUICK:
        told: dict[tuple[str, int], list[dict[str, Any]]] = {}
        equal = dict.fromkeys(("torchrun", "ray"), True)
        for number in range(rounds):
            for engine, workers in RUNS:
                out = work / f"scores-{family}-{engine}-{workers}-{number}"
                told.setdefault((engine, workers), []).append(
                    score(engine, workers, dataset, work / family, out, rows)
                )
                if engine in equal:
                    equal[engine] &= scores(out) == scores(work / f"scores-{family}-local-1-{number}")
        seconds = {key: [one["scoring_seconds"] for one in found] for key, found in told.items()}
        start = {key: [one["seconds"] - one["scoring_seconds"] for one in found] for key, found in told.items()}
        families[family] = {
            "windows": windows,
            "distinct_share": distinct_share(dataset, work / family, rows),
            "ceiling": ceiling(
                statistics.median(seconds["local", 1]), dataset, work / family, work / f"{family}-pair", rows
            ),
            "windows_per_core_second": round(windows / statistics.median(seconds["local", 1]), 1),
            "engines": {
                engine: {
                    "equal_to_local_bit_for_bit": equal[engine],
                    "efficiency": [round(a / (2 * b), 3) for a, b in zip(seconds[engine, 1], seconds[engine, 2])],
                    "efficiency_median": round(
                        statistics.median(a / (2 * b) for a, b in zip(seconds[engine, 1], seconds[engine, 2])), 3
                    ),
                    "seconds_to_start": round(statistics.median(start[engine, 2]), 1),
                }
                for engine in equal
            },
            "scoring_seconds": {f"{engine} {workers}": found for (engine, workers), found in seconds.items()},
        }
    return {"lines": lines, "rounds": rounds, "shards": len(plan(dataset, rows=rows)), "families": families}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--result", type=Path, default=RESULT)
    wanted = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as work:
        result = run(Path(work), wanted.lines, wanted.rounds)
    result["made"] = provenance() | {"load_before": round(load, 1)}
    wanted.result.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(json.dumps(result["families"], indent=1))


if __name__ == "__main__":
    main()
