"""REINFORCE on two parents: `transformers.Trainer`, as it was, and TRL's `GRPOTrainer`, as it is.

    python benchmarks/experiments/reinforce_on_trl.py --parent GRPOTrainer

Run it in a checkout of each; a row is one parent and one seed, and rows of other parents in the result file stay. The log
is simulated, the preset is `tiny`; thresholds are set on normal validation windows, figures are of the test split.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import torch

LINES, SIMULATION_SEED, SHARE = 30_000, 11, 0.08
RESULT = Path(__file__).resolve().parent.parent / "results" / "reinforce_on_trl.json"


def measure(folder: Path, seed: int, parent: str) -> dict[str, object]:
    """Train with one seed and measure: what the stage did to validation and test keys, and the detector's F1."""
    from logllm.evaluation import evaluate_rows
    from logllm.hf_datasets import LogSystem, load_statistics, load_templates, load_windows
    from logllm.trainers.logllama_trainer import key_figures
    from logllm.training.train import train_detector

    rows, statistics = load_windows(folder, "hdfs"), load_statistics(folder, "hdfs")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        detector = train_detector(
            "logllama", rows["train"], rows["validation"], load_templates(folder, "hdfs"),
            LogSystem.from_dict(statistics["system"]), "tiny", Path(out) / "model", seed=seed, progress=False,
        )  # fmt: skip
        stages = json.loads((Path(out) / "model" / "training.json").read_text("utf-8"))["stages"]
    seconds = time.perf_counter() - started
    normal = [lines for lines, label in zip(rows["test"]["lines"], rows["test"]["label"]) if label == 0]
    figures = key_figures(detector.model, [detector.processor.token_ids(w) for w in normal], [1.0] * len(normal))
    found = evaluate_rows(detector, rows["test"])
    likelihood, reinforce = stages
    return {
        "parent": parent,
        "seed": seed,
        "validation_loss_before": likelihood.get("validation_loss"),
        "validation_loss_after": reinforce.get("validation_loss"),
        "reinforce_steps": reinforce["steps"],
        "test_key_loss": round(figures["loss"], 5),
        "test_hit_rate": round(figures["hit_rate"], 5),
        "f1": found["f1"],
        "auroc": found["auroc"],
        "pr_auc": found["pr_auc"],
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Measure the seeds and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parent", required=True)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--result", type=Path, default=RESULT)
    args = parser.parse_args()
    from logllm.hf_datasets.simulation.simulate import simulate
    from logllm.training.building import build_dataset

    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as work:
        out = Path(work)
        simulate("hdfs", LINES, SIMULATION_SEED, out, anomaly_share=SHARE)
        labels = out / "anomaly_label.csv"
        build_dataset("hdfs", [out / "hdfs.log"], out / "built", labels=labels, validation_share=0.2, progress=False)
        for seed in map(int, args.seeds.split(",")):
            rows.append(measure(out / "built", seed, args.parent))
            print(json.dumps(rows[-1]), flush=True)
    before = json.loads(args.result.read_text("utf-8"))["rows"] if args.result.is_file() else []
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    for row in rows:
        row["commit"] = commit
    told = {
        "log": f"simulated hdfs, {LINES} lines, seed {SIMULATION_SEED}, {SHARE:.0%} anomalous sessions",
        "preset": "tiny",
        "cores": 1,
        "cpu": next((x.split(":")[1].strip() for x in open("/proc/cpuinfo") if x.startswith("model name")), ""),
        "rows": sorted(
            [row for row in before if row["parent"] != args.parent] + rows,
            key=lambda row: (row["parent"], row["seed"]),
        ),
    }
    args.result.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
