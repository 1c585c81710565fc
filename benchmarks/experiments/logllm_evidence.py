"""Does LogLLM's evidence name the guilty line? Hit@1 and hit@3 on labelled BGL windows, with a tiny model.

Notes:
- A hit is a line whose own label is an alert among the k lines of the highest evidence; only anomalous test windows that
  the model flags are asked about, as a user would ask (the share of them is given), and all anomalous ones beside.
- Of the windows, those whose alert (masked) was an alert in training too are told apart: of a kind of alert that it never
  saw, a supervised model cannot know that it is one.
- `chance` is what naming lines at random would reach: the mean over windows of the share of alert lines.

    python -m benchmarks experiments.logllm_evidence --data DATA --out benchmarks/results/logllm_evidence.json

DATA holds `bgl/BGL_thinned.log` (Loghub, thinned) or any BGL file named with --log.
"""

import argparse
import json
import os
import platform
import random
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from logllm.decision.detector import Detector
from logllm.detector import LogAnomalyDetector
from logllm.evaluation import measure
from logllm.hf_datasets import get_system, make_windows, parse_lines, read_lines
from logllm.modeling_logllm import mask_message
from logllm.provenance import commit
from logllm.training.result_file import run_provenance
from logllm.training.train import rows_of, train_detector

METHODS = ("leave_one_out", "gradient")


def hits(values: list[float], guilty: list[int], k: int) -> bool:
    """Whether one of the k lines of the highest evidence is guilty.

    >>> hits([0.1, 3.0, 0.2], [0, 0, 1], 1), hits([0.1, 3.0, 0.2], [0, 0, 1], 2)
    (False, True)
    """
    order = sorted(range(len(values)), key=lambda i: -values[i])
    return any(guilty[i] for i in order[:k])


def main() -> None:
    """Train, ask, write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--log", default="bgl/BGL_thinned.log")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--window", type=int, default=0, help="lines a window; 0 = the system's own (100)")
    parser.add_argument("--split", default="chronological", choices=["chronological", "random"])
    parser.add_argument("--keep", type=Path, help="write the detectors to this folder, or take those that are there")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    system = get_system("bgl")
    lines = parse_lines(read_lines(args.data / args.log, system.encoding), system)
    rule = system.window
    if args.window:
        from logllm.hf_datasets import WindowRule

        rule = WindowRule("fixed", size=args.window)
    windows = [w for w in make_windows(lines, rule) if w.label is not None]
    if args.split == "random":
        random.Random(0).shuffle(windows)
    cut = int(len(windows) * 0.8)
    held_back = int(cut * 0.9)
    train, validation, test = windows[:held_back], windows[held_back:cut], windows[cut:]
    known = {mask_message(m) for w in train for m, bad in zip(w.lines, w.line_labels) if bad}
    runs = []
    for seed in args.seeds:
        started = time.perf_counter()
        place = args.keep / f"{args.split}-{seed}" if args.keep else None
        if place is not None and (place / "config.json").is_file():
            detector: Detector = LogAnomalyDetector.from_pretrained(place)
        else:
            detector = train_detector(
                "logllm",
                rows_of(train, [[]] * len(train)),
                rows_of(validation, [[]] * len(validation)),
                {},
                system,
                args.preset,
                seed=seed,
                progress=False,
            )
            if place is not None:
                detector.save_pretrained(place)
        seconds = time.perf_counter() - started
        model, processor = detector.model, detector.processor
        table = model.message_table(processor)
        scores = model.score([w.lines for w in test], processor, table=table)
        threshold = model.config.threshold
        metrics = measure(scores, [w.label for w in test], threshold, 0.0)
        anomalous = [(w, s) for w, s in zip(test, scores) if w.label]
        run = {"seed": seed, "training seconds": round(seconds, 1), "detection on test": metrics, "methods": {}}
        run["made"] = run_provenance()
        for method in METHODS:
            started = time.perf_counter()
            values = [model.explain(w.lines, processor, table=table, method=method) for w, _ in anomalous]
            taken = time.perf_counter() - started
            row: dict[str, Any] = {"windows per second": round(len(anomalous) / taken, 2)}
            seen = [
                any(bad and mask_message(m) in known for m, bad in zip(w.lines, w.line_labels)) for w, _ in anomalous
            ]
            for name, chosen in (
                ("flagged", [s > threshold for _, s in anomalous]),
                ("all", [True] * len(anomalous)),
                ("alert known from training", seen),
                ("alert never seen in training", [not one for one in seen]),
            ):
                asked = [(v, w.line_labels) for v, (w, _), c in zip(values, anomalous, chosen) if c]
                row[name] = {
                    "windows": len(asked),
                    **{
                        f"hit@{k}": round(statistics.mean(hits(v, g, k) for v, g in asked), 4) for k in (1, 3) if asked
                    },
                }
            run["methods"][method] = row
        run["chance"] = round(statistics.mean(sum(w.line_labels) / len(w.line_labels) for w, _ in anomalous), 4)
        runs.append(run)
        sys.stderr.write(json.dumps(run, indent=1) + "\n")
    result = {
        "benchmark": "logllm_evidence",
        "log": args.log,
        "preset": args.preset,
        "split": f"{args.split}, 80 : 20, the last tenth of the training windows for the threshold",
        "windows": {"train": len(train), "validation": len(validation), "test": len(test)},
        "anomalous": {n: sum(w.label for w in part) for n, part in (("train", train), ("test", test))},
        "runs": runs,
        "median over seeds": {
            method: {
                f"{name} hit@{k}": statistics.median(r["methods"][method][name].get(f"hit@{k}", 0.0) for r in runs)
                for name in ("flagged", "all", "alert known from training")
                for k in (1, 3)
            }
            for method in METHODS
        },
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "threads": torch.get_num_threads()},
        "versions": {"python": platform.python_version(), **{n: version(n) for n in ("torch", "transformers", "trl")}},
        "commit": commit(),
    }
    text = json.dumps(result, indent=1) + "\n"
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text, "utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
