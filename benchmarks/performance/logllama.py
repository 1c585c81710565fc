"""LogLLaMA's speed against a plain implementation, in one run: `python -m benchmarks performance.logllama`.

Notes: The two sides take turns in short rounds, so that a busy machine slows both; the ratio quoted is the median of
the rounds' ratios. The scored sessions are real HDFS sessions, a stretch of them as they come (duplicates included); the
model is a 4-layer, 128-wide Llama trained for a minute, the same object on both sides, and the verdicts must be equal.
Lines a second, latency of one window and peak memory come from a fresh process for each method (`--one METHOD`).
"""

from __future__ import annotations

import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "2")

import torch

from benchmarks.baselines.naive_logllama import reinforce_one_by_one, verdicts_one_by_one
from benchmarks.places import data_folder
from logllm.provenance import provenance

HERE = Path(__file__).resolve().parents[1]
ROUNDS = 5
SCORED, STEPPED = 1500, 64
METHODS = ("LogLLaMA, tiny", "LogLLM, tiny", "3-gram rule")


def sessions(label: str, count: int) -> list[list[str]]:
    """The first sessions of a kind, as numbers of templates."""
    with (data_folder() / "hdfs/sessions_keys.tsv").open(encoding="utf-8") as file:
        rows = [row["keys"].split() for row in csv.DictReader(file, delimiter="\t") if row["label"] == label]
    return rows[:: max(len(rows) // count, 1)][:count]


def key_model() -> tuple[Any, Any, Any]:
    """A 4 x 128 model over the template texts of HDFS, trained for a minute on normal sessions."""
    from logllm.hf_datasets import get_system, mine_templates, template_key
    from logllm.trainers import assemble_logllama, train_logllama
    from logllm.trainers.logllama_config import PRESETS, LogLLaMAPreset

    with (data_folder() / "hdfs/templates.csv").open(encoding="utf-8") as file:
        texts = {row["key"]: f"event{row['key']} " + row["text"] for row in csv.DictReader(file)}
    PRESETS["speed"] = LogLLaMAPreset(128, 4, 4, 344, learning_rate=1e-3, epochs=1, batch=32)
    table = mine_templates([], get_system("hdfs").drain)
    table["templates"] = [
        {"key": template_key(text), "text": text, "path": [str(len(text.split()))], "count": 1}
        for text in texts.values()
    ]
    model, processor = assemble_logllama("speed", table, predict_end=True)
    normal = [ids_of(processor, texts, keys) for keys in sessions("0", 3000)]
    with tempfile.TemporaryDirectory() as folder:
        train_logllama(model, processor, normal, "speed", Path(folder), reinforce=False, progress=False)
    model.__dict__.pop("forward", None)
    return model, processor, lambda keys: ids_of(processor, texts, keys)


def ids_of(processor: Any, texts: dict[str, str], keys: list[str]) -> list[int]:
    """Numbers of templates to ids."""
    from logllm.hf_datasets import template_key

    return processor.ids_of_keys([template_key(texts[key]) for key in keys])


def seconds(work: Any) -> float:
    """How long a piece of work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def interleaved(plain: Any, ours: Any, share: float = 1.0) -> dict[str, Any]:
    """Take turns; `share` is how much of our work the plain side does in a round."""
    rounds = [(seconds(plain) / share, seconds(ours)) for _ in range(ROUNDS)]
    ratios = [a / b for a, b in rounds]
    return {"ratio": round(statistics.median(ratios), 1), "ratios": [round(r, 1) for r in ratios],
            "plain_seconds": [round(a, 3) for a, _ in rounds], "our_seconds": [round(b, 3) for _, b in rounds]}  # fmt: skip


def against_plain() -> dict[str, Any]:
    """Scoring and the RL step, ours and plain."""
    from logllm.trainers import ReinforceConfig, ReinforceTrainer
    from logllm.trainers.logllama_stages import draw

    model, processor, encode = key_model()
    k = model.config.candidates
    model.config.score_by = "rank"
    result: dict[str, Any] = {"parameters": sum(p.numel() for p in model.parameters()), "k": k}
    for name, label in (("normal", "0"), ("anomalous", "1")):
        rows = [encode(keys) for keys in sessions(label, SCORED)]
        ours = [score >= k for score in model.score_ids(rows)]
        plain = verdicts_one_by_one(model, rows, k)
        few = rows[:: SCORED // 300]
        result[f"scoring {name}"] = {
            **interleaved(
                lambda rows=few: verdicts_one_by_one(model, rows, k), lambda rows=rows: model.score_ids(rows), len(few) / len(rows)
            ),
            "sessions": len(rows), "distinct": len(set(map(tuple, rows))), "different_verdicts": sum(a != b for a, b in zip(ours, plain)),
        }  # fmt: skip
        print(name, result[f"scoring {name}"], flush=True)
    rows = [encode(keys) for keys in sessions("0", STEPPED)]
    with tempfile.TemporaryDirectory() as folder:
        args = ReinforceConfig(output_dir=folder, report_to="none", per_device_train_batch_size=STEPPED, use_cpu=True)
        trainer = ReinforceTrainer(model, args, draw(rows, [0] * len(rows), len(rows), 512, 0, None), processor)
    batch = [{**trainer.train_dataset[i], "input_ids": row} for i, row in enumerate(rows)]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-6)

    def step() -> None:
        optimizer.zero_grad()
        trainer.compute_loss(model, trainer._generate_and_score_completions(batch)).backward()
        optimizer.step()

    for beams, few in ((20, rows[:4]), (1, rows[:8])):
        name = f"RL step, plain side with {beams} beam{'s' * (beams > 1)}"
        result[name] = interleaved(
            lambda beams=beams, few=few: reinforce_one_by_one(model, optimizer, few, k, beams),
            step,
            len(few) / len(rows),
        ) | {"batch": len(rows)}
        print(name, result[name], flush=True)
    return result


def one(method: str) -> dict[str, Any]:
    """Lines a second, latency of one window and peak memory of a method, in this process."""
    from benchmarks.experiments.logllama import RULES
    from benchmarks.experiments.logllama_data import windows_of  # isort: skip
    from logllm.hf_datasets import get_system, mine_templates
    from logllm.trainers import assemble_logllama, assemble_logllm

    system = get_system("hdfs")
    windows, _ = windows_of(data_folder(), ["hdfs/HDFS_2pct.log"], system, "hdfs/anomaly_label.csv")
    lines = [window.lines for window in windows]
    lines = lines[:1000] if method.startswith("LogLLM") else lines
    table = mine_templates((line for window in lines for line in window), system.drain)
    if method == "3-gram rule":
        from logllm.modeling_logllm import TemplateMatcher

        matcher, rule = TemplateMatcher(table), RULES["3-gram of keys never seen"]
        rule.fit([[matcher.key(line) or "" for line in window] for window in lines[:500]])
        parameters = 0

        def score(some: list[list[str]]) -> list[float]:
            return rule.score([[matcher.key(line) or "" for line in window] for window in some])
    else:
        if method.startswith("LogLLM"):
            model, processor = assemble_logllm("tiny", (line for window in lines for line in window), 0)
        else:
            model, processor = assemble_logllama("tiny", table, predict_end=True)
        model.eval()
        parameters = sum(p.numel() for p in model.parameters())

        def score(some: list[list[str]]) -> list[float]:
            return model.score(some, processor)

    score(lines[:64])
    taken = statistics.median(seconds(lambda: score(lines)) for _ in range(3))
    latency = sorted(seconds(lambda window=window: score([window])) for window in lines[:300])
    return {
        "lines_per_second": round(sum(map(len, lines)) / taken),
        "windows_per_second": round(len(lines) / taken),
        "windows": len(lines),
        "latency_p50_ms": round(1000 * latency[len(latency) // 2], 2),
        "latency_p99_ms": round(1000 * latency[int(0.99 * len(latency))], 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "parameters": parameters,
    }


def main(arguments: list[str]) -> None:
    """Measure, and write `results/logllama_speed.json`."""
    if arguments[:1] == ["--one"]:
        print("RESULT " + json.dumps(one(arguments[1])))
        return
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    result: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "rounds": ROUNDS,
        "load": os.getloadavg()[0],
        "methods": {},
    }
    for method in METHODS:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.performance.logllama", "--one", method],
            cwd=HERE.parent,
            capture_output=True,
            text=True,
        )
        said = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        result["methods"][method] = json.loads(said[0][7:]) if said else {"failed": done.stderr[-300:]}
        print(method, result["methods"][method], flush=True)
    result["against_plain"] = against_plain()
    result["made"] = provenance()
    (HERE / "results" / "logllama_speed.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
