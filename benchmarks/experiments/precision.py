"""Scores in half precision, 8 and 4 bit beside float32, on the demo's held-out windows: results/precision.json.

    logllm demo --out demo_output
    python -m benchmarks experiments.precision --demo demo_output

The threshold is the checkpoint's, set in float32. Differences of scores are log-odds (LogLLM) and nats (LogLLaMA). Half
precision is measured in three ways: as the models score on a CPU (weights in it, everything else in float32), as they score
elsewhere (products in it, the sums between them in float32), and with everything in it.
"""

import argparse
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from logllm.modeling_logllm.batching import half_precision

RESULT = Path(__file__).resolve().parent.parent / "results" / "precision.json"
BITS = {
    "8 bit": {"load_in_8bit": True},
    "4 bit (fp4, defaults)": {"load_in_4bit": True},
    "4 bit (nf4, double)": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True},
}


THROUGHOUT, PRODUCTS = "bfloat16 throughout", "bfloat16 products"


@contextmanager
def computed(way: str) -> Iterator[None]:
    """Score in another way than models in half precision do here."""
    from logllm.modeling_logllm import modeling_logllama, modeling_logllm, scoring_logllm

    modules, kept = (modeling_logllama, modeling_logllm, scoring_logllm), scoring_logllm.careful_products
    for module in modules:
        if way == THROUGHOUT:
            module.half_precision = lambda *models: None
        elif way == PRODUCTS:
            module.careful_products = lambda device, half: torch.autocast(device.type, half, enabled=half is not None)
    try:
        yield
    finally:
        for module in modules:
            module.half_precision, module.careful_products = half_precision, kept


def main() -> None:
    """Measure both families of a demo and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    from logllm import LogAnomalyDetector
    from logllm.hf_datasets import load_windows
    from logllm.trainers import detection_metrics

    rows = load_windows(args.demo / "dataset", "hdfs")["test"]
    windows, labels = rows["lines"][:], rows["label"][:]
    told = []
    for family in ("logllm", "logllama"):
        ways: dict[str, dict[str, Any]] = {name: {"dtype": name} for name in ("float32", "bfloat16", "float16")}
        ways |= {name: {"dtype": "bfloat16"} for name in (PRODUCTS, THROUGHOUT)}
        if family == "logllm":
            ways |= {name: {"quantization_config": bits, "dtype": "float32"} for name, bits in BITS.items()}
        exact = None
        for name, loading in ways.items():
            detector = LogAnomalyDetector.from_pretrained(args.demo / "models" / family, **loading)
            started = time.process_time()
            with computed(name):
                scores = detector.scores(windows)
            seconds = time.process_time() - started
            exact = exact or scores
            found = detection_metrics(scores, labels, detector.threshold)
            apart = sorted(abs(a - b) for a, b in zip(scores, exact))
            told.append(
                {
                    "family": family,
                    "precision": name,
                    "f1": round(found["f1"], 4),
                    "auroc": round(found["auroc"], 4),
                    "mean_difference": round(sum(apart) / len(apart), 5),
                    "median_difference": round(apart[len(apart) // 2], 5),
                    "difference_of_95_percent": round(apart[int(len(apart) * 0.95)], 5),
                    "largest_difference": round(apart[-1], 5),
                    "other_verdicts": sum((a > detector.threshold) != (b > detector.threshold) for a, b in zip(scores, exact)),
                    "processor_seconds": round(seconds, 2),
                }
            )  # fmt: skip
            print(json.dumps(told[-1]), flush=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    record = {"commit": commit, "cores": os.cpu_count(), "cpu": cpu, "windows": len(windows), "seed": 7, "rows": told}
    RESULT.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
