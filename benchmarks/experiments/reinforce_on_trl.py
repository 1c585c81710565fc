"""REINFORCE on three trainers, at a learning rate that moves the policy: results/reinforce_on_trl.json.

    python -m benchmarks experiments.reinforce_on_trl prepare WORK
    python -m benchmarks experiments.reinforce_on_trl train WORK --parent GRPOTrainer
    python -m benchmarks experiments.reinforce_on_trl train WORK --parent RLOOTrainer
    python benchmarks/experiments/reinforce_on_trl.py train WORK --parent Trainer    # in a checkout of commit b1d8975
    python -m benchmarks experiments.reinforce_on_trl measure WORK

`prepare` simulates a log and trains the likelihood model of each seed, from which every trainer starts. `train` runs each
learning rate to its end, without early stopping: by the validation loss the stage would go back to where it began.
`measure` measures every model on both splits, and names the rate of each trainer with the highest mean average precision on
validation windows; the trainers are compared at each rate.
Trainers: `Trainer` (the stage as it was), `GRPOTrainer` (as it is), `RLOOTrainer` (TRL's own, one key a completion, rewarded
for a hit, with the same number of steps).
"""

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

LINES, SIMULATION_SEED, SHARE = 30_000, 11, 0.08
SEEDS = (0, 1, 2)
RATES = (1e-5, 1e-4, 5e-4, 2e-3)
STEPS, BATCH = 32, 64
RESULT = Path(__file__).resolve().parent.parent / "results" / "reinforce_on_trl.json"
SPLITS = ("train", "validation", "test")


def prepare(work: Path) -> None:
    """Write `sequences.json` (ids and labels of the splits) and, for each seed, the likelihood model `before-SEED`."""
    from logllm.hf_datasets import LogSystem, load_statistics, load_templates, load_windows
    from logllm.hf_datasets.simulation.simulate import simulate
    from logllm.training.building import build_dataset
    from logllm.training.train import train_detector

    simulate("hdfs", LINES, SIMULATION_SEED, work, anomaly_share=SHARE)
    labels = work / "anomaly_label.csv"
    build_dataset("hdfs", [work / "hdfs.log"], work / "built", labels=labels, validation_share=0.2, progress=False)
    rows, statistics_of_log = load_windows(work / "built", "hdfs"), load_statistics(work / "built", "hdfs")
    for seed in SEEDS:
        detector = train_detector(
            "logllama", rows["train"], rows["validation"], load_templates(work / "built", "hdfs"),
            LogSystem.from_dict(statistics_of_log["system"]), "tiny", work / f"before-{seed}", seed=seed, reinforce=False,
            progress=False,
        )  # fmt: skip
    ids = detector.processor.ids_of_keys
    told = {
        split: {"ids": [ids(keys) for keys in rows[split]["keys"]], "labels": rows[split]["label"][:]}
        for split in SPLITS
    }
    (work / "sequences.json").write_text(json.dumps(told) + "\n", "utf-8")


def train(work: Path, parent: str) -> None:
    """Run the stage of one trainer at every rate, from the likelihood model of every seed: `PARENT-RATE-SEED`."""
    from datasets import Dataset
    from transformers import AutoModel, AutoProcessor, set_seed

    import logllm.modeling_logllm  # noqa: F401 - registers the classes
    from logllm.trainers.logllama_config import ReinforceConfig
    from logllm.trainers.logllama_trainer import ReinforceTrainer

    rows = json.loads((work / "sequences.json").read_text("utf-8"))["train"]
    normal = [ids for ids, label in zip(rows["ids"], rows["labels"]) if label != 1 and len(ids) > 2]
    for seed in SEEDS:
        for rate in RATES:
            out = work / f"{parent}-{rate:g}-{seed}"
            model = AutoModel.from_pretrained(work / f"before-{seed}", dtype=torch.float32)
            processor = AutoProcessor.from_pretrained(work / f"before-{seed}")
            set_seed(seed)
            started = time.process_time()
            if parent == "RLOOTrainer":
                from logllm.trainers.logllama_rloo import train_rloo

                train_rloo(model, processor, normal, out, seed=seed, max_steps=STEPS, learning_rate=rate, batch=BATCH)
            else:
                settings: dict[str, Any] = {
                    "output_dir": str(out),
                    "learning_rate": rate,
                    "max_steps": STEPS,
                    "seed": seed,
                }
                args = ReinforceConfig(
                    **settings, per_device_train_batch_size=BATCH, save_strategy="no", report_to="none",
                    disable_tqdm=True, use_cpu=True, logging_steps=8,
                )  # fmt: skip
                more = {"processing_class": processor} if parent == "GRPOTrainer" else {}
                found = ReinforceTrainer(model, args, Dataset.from_dict({"input_ids": normal}), **more)
                parents = [one.__name__ for one in type(found).__mro__]
                assert parent in parents and ("GRPOTrainer" in parents) == (parent == "GRPOTrainer"), parents
                found.train()
            seconds = time.process_time() - started
            model.eval().save_pretrained(out)
            (out / "run.json").write_text(
                json.dumps({"seconds": round(seconds, 1), "commit": commit()}) + "\n", "utf-8"
            )
            print(out.name, round(seconds, 1), flush=True)


def measure(work: Path, result: Path) -> None:
    """Measure every model on the validation split, the chosen ones on the test split, and write the result file."""
    from transformers import AutoModel

    import logllm.modeling_logllm  # noqa: F401 - registers the classes

    splits = json.loads((work / "sequences.json").read_text("utf-8"))
    rows: list[dict[str, Any]] = []
    for seed in SEEDS:
        before = AutoModel.from_pretrained(work / f"before-{seed}")
        rows.append({"trainer": "before", "seed": seed, **figures(before, before, splits)})
        for folder in sorted(work.glob(f"*Trainer-*-{seed}")):
            parent, rate, _ = folder.name.replace("e-", "e~").split("-")
            model = AutoModel.from_pretrained(folder)
            run = json.loads((folder / "run.json").read_text("utf-8"))
            rows.append(
                {
                    "trainer": parent,
                    "learning_rate": float(rate.replace("~", "-")),
                    "seed": seed,
                    **run,
                    **figures(model, before, splits),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    chosen = {}
    for parent in {row["trainer"] for row in rows} - {"before"}:
        by_rate = {rate: mean_of(rows, parent, rate, "validation_pr_auc") for rate in RATES}
        chosen[parent] = max(by_rate, key=lambda rate: by_rate[rate])
    told = {
        "commit": commit(),
        "log": f"simulated hdfs, {LINES} lines, seed {SIMULATION_SEED}, {SHARE:.0%} anomalous sessions",
        "preset": "tiny",
        "steps": STEPS,
        "batch": BATCH,
        "cores": 1,
        "cpu": next((x.split(":")[1].strip() for x in open("/proc/cpuinfo") if x.startswith("model name")), ""),
        "chosen_by": "mean average precision on the validation windows",
        "chosen": dict(sorted(chosen.items())),
        "rows": rows,
    }
    result.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    for parent in ("before", *sorted(chosen)):
        mine = [row for row in rows if row["trainer"] == parent and row.get("learning_rate") == chosen.get(parent)]
        shown = {
            name: (round(statistics.mean(values), 4), round(statistics.stdev(values), 4))
            for name in mine[0]
            if isinstance(mine[0][name], float)
            for values in [[row[name] for row in mine]]
        }
        print(parent, json.dumps(shown))


def figures(model: Any, before: Any, splits: dict[str, dict[str, list[Any]]]) -> dict[str, float]:
    """Of validation and test: the true keys of normal windows, and how well the windows are told apart."""
    from logllm.evaluation import measure as told_apart
    from logllm.trainers.logllama_trainer import key_figures
    from logllm.training.logllama import calibrate_all

    found: dict[str, float] = {}
    name = model.config.score_by
    for split in ("validation", "test"):
        ids, labels = splits[split]["ids"], splits[split]["labels"]
        normal = [row for row, label in zip(ids, labels) if label != 1]
        if split == "validation":
            threshold = calibrate_all(model, normal, 0.001)[name]
            found["kl_from_before"] = round(divergence(model, before, normal), 5)
        keys = key_figures(model, normal, [1.0] * len(normal))
        apart = told_apart(model.detectors(ids)[name], labels, threshold, 1.0)
        found |= {
            f"{split}_key_loss": round(keys["loss"], 5),
            f"{split}_hit_rate": round(keys["hit_rate"], 5),
            f"{split}_f1": apart["f1"],
            f"{split}_auroc": apart["auroc"],
            f"{split}_pr_auc": apart["pr_auc"],
        }
    return found


def divergence(model: Any, before: Any, sequences: list[list[int]]) -> float:
    """Mean KL of the policy from the likelihood model over the positions of normal windows, nats."""
    total = count = 0.0
    for ids in {tuple(row) for row in sequences}:
        with torch.no_grad():
            p, q = (one(input_ids=torch.tensor([ids[:-1]])).logits.log_softmax(-1) for one in (model, before))
        total += float((p.exp() * (p - q)).sum())
        count += len(ids) - 1
    return total / count


def mean_of(rows: list[dict[str, Any]], parent: str, rate: float, name: str) -> float:
    """The mean over the seeds."""
    return statistics.mean(row[name] for row in rows if row["trainer"] == parent and row["learning_rate"] == rate)


def commit() -> str:
    """The commit of this checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Prepare, train or measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("prepare", "train", "measure"))
    parser.add_argument("work", type=Path)
    parser.add_argument("--parent", choices=("Trainer", "GRPOTrainer", "RLOOTrainer"))
    parser.add_argument("--result", type=Path, default=RESULT)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    if args.step == "prepare":
        prepare(args.work)
    elif args.step == "train":
        train(args.work, args.parent)
    else:
        measure(args.work, args.result)


if __name__ == "__main__":
    main()
