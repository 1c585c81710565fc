"""An adapter-only checkpoint: `python -m benchmarks performance.adapter CHECKPOINT --data DIR` writes results/adapter.json.

Its size; whether it loads without a network in a process that has not imported logllm, with the same scores; how far merging
moves the scores; how far bfloat16 does; and how long loading and scoring take. Scores are log-odds in nats on HDFS test
windows (the paper's split, every n-th).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
DATA = {
    "system": "hdfs", "raw": "hdfs/HDFS_2pct.log", "labels": "hdfs/anomaly_label.csv", "split": "paper",
    "train_share": 0.8, "validation_share": 0.1,
}  # fmt: skip
PLAIN = """
import json, sys
sys.modules["logllm"] = None  # the import would fail
from transformers import AutoModel, AutoProcessor
folder, windows, threads = sys.argv[1], json.loads(open(sys.argv[2]).read()), int(sys.argv[3])
import torch
torch.set_num_threads(threads)
model = AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
print(json.dumps(model.score(windows, processor)))
"""


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="for the windows")
    parser.add_argument("--result", type=Path, default=HERE / "results" / "adapter.json")
    parser.add_argument("--windows", type=int, default=100)
    args = parser.parse_args()
    import torch
    from transformers import AutoModel, AutoProcessor

    import logllm.modeling_logllm  # noqa: F401  registers the classes
    from logllm.provenance import provenance
    from logllm.training.reproduce import windows_of

    _, rows, _ = windows_of(DATA, args.data, args.work / "hdfs-paper")
    tests = rows["test"]
    every = max(len(tests) // args.windows, 1)
    windows, labels = tests["lines"][::every], tests["label"][::every]
    folder = args.checkpoint
    files = [file for file in folder.rglob("*") if file.is_file() and ".stages" not in file.parts]
    started = time.perf_counter()
    model = AutoModel.from_pretrained(folder).eval()
    loaded = time.perf_counter() - started
    processor = AutoProcessor.from_pretrained(folder)
    started = time.perf_counter()
    scores = model.score(windows, processor)
    scored = time.perf_counter() - started
    asked = args.work / "windows.json"
    asked.write_text(json.dumps(windows), "utf-8")
    plain = subprocess.run(
        [sys.executable, "-c", PLAIN, str(folder), str(asked), str(torch.get_num_threads())],
        capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}, cwd=args.work,
    )  # fmt: skip
    if plain.returncode:
        raise SystemExit(f"loading without logllm failed: {plain.stderr[-1500:]}")
    half = AutoModel.from_pretrained(folder, dtype=torch.bfloat16).eval().score(windows, processor)
    threshold = model.config.threshold
    merged = model.merge().score(windows, processor)
    kept = {"windows": len(windows), "anomalous": sum(labels), "every": every}
    result: dict[str, Any] = {
        "checkpoint": {
            "base_encoder": model.config.base_encoder,
            "base_decoder": model.config.base_decoder,
            "base_decoder_revision": model.config.base_decoder_revision,
            "base_decoder_layers": model.config.base_decoder_layers,
        },
        "megabytes": round(sum(file.stat().st_size for file in files) / 1e6, 2),
        "adapter_megabytes": round(
            sum(file.stat().st_size for file in files if file.suffix == ".safetensors") / 1e6, 2
        ),
        "windows": kept,
        "load_seconds": round(loaded, 2),
        "score_seconds": round(scored, 2),
        "without_logllm": difference(scores, json.loads(plain.stdout.strip().splitlines()[-1]), threshold),
        "merged": difference(scores, merged, threshold),
        "bfloat16": difference(scores, half, threshold),
        "made": provenance(),
    }
    args.result.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(json.dumps(result, indent=1))


def difference(one: list[float], other: list[float], threshold: float) -> dict[str, float]:
    """How far two lists of log-odds are apart, and how many verdicts change."""
    gaps = sorted(abs(a - b) for a, b in zip(one, other, strict=True))
    return {
        "largest": gaps[-1],
        "median": gaps[len(gaps) // 2],
        "verdicts": sum((a > threshold) != (b > threshold) for a, b in zip(one, other)),
    }


if __name__ == "__main__":
    main()
