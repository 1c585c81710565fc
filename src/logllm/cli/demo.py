"""`logllm demo`: both detectors from a raw log to a named line, on a simulated log, with nothing downloaded.

Notes: Two systems, because each detector has its own ground. The HDFS-format log is judged by both; a
second run with the same seed gives the same numbers (but for the time that was taken).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from logllm.detector import LogAnomalyDetector
from logllm.evaluation import baseline_metrics, evaluate_verdicts
from logllm.hf_datasets import Window, load_windows
from logllm.hf_datasets.simulation.simulate import simulate
from logllm.report.html import write_report
from logllm.report.terminal import _window
from logllm.training.building import build_dataset
from logllm.training.workflows import train_on

LINES = 100_000
ANOMALY_SHARE = 0.08  # more faults than a real log has, so that a minute of training sees enough of each kind
# Simulated faults are mostly frequent windows with a step missing or out of place: how frequent a window is must be learnt.
RECIPE = {"preset": "tiny", "repeats": 1.0, "last_epochs": 6}
COLUMNS = ("precision", "recall", "f1", "auroc", "windows/s")


def run_demo(out: Path, seed: int = 7, lines: int = LINES, progress: bool = True) -> str:
    """Simulate, build, train, judge; return what is to be read and write everything to `out`."""
    log = out / "hdfs.log"
    simulate("hdfs", lines, seed, out, anomaly_share=ANOMALY_SHARE, progress=progress)
    statistics = build_dataset(
        "hdfs", [log], out / "dataset", labels=out / "anomaly_label.csv", train_share=0.6, validation_share=0.2,
        split="chronological", progress=progress,
    )  # fmt: skip
    rows = load_windows(out / "dataset", "hdfs")
    table: dict[str, dict[str, Any]] = baseline_metrics(rows["train"], rows["test"])
    worst = []
    test = [Window(r["window_id"], r["lines"], r["line_numbers"], r["label"], None, None, None) for r in rows["test"]]
    raw = dict(enumerate(log.read_text("utf-8").splitlines(), 1))
    for family, name in (("logllama", "LogLLaMA (no labels)"), ("logllm", "LogLLM (labels)")):
        folder = out / "models" / family
        recipe = RECIPE if family == "logllm" else None
        train_on(family, out / "dataset", "hdfs", "tiny", folder, seed=seed, recipe=recipe, progress=progress)
        detector = LogAnomalyDetector.from_pretrained(folder)
        started = time.perf_counter()
        verdicts = list(detector.judge(test, raw, explain="none"))
        seconds = time.perf_counter() - started
        table[name] = {**evaluate_verdicts(verdicts), "seconds": seconds}
        worst += [(name, detector.explain(v)) for v in sorted(verdicts, key=lambda v: -v.score)[:3]]
        shown = [detector.explain(v) if v.is_anomalous else v for v in verdicts]
        counts = {"lines": sum(len(v.lines) for v in verdicts), "unparsed": 0}
        write_report(
            out / f"report-{family}.html", shown, title=f"Demo: {name}", threshold=detector.threshold,
            system=detector.system.title, counts=counts,
        )  # fmt: skip
    return _text(out, statistics, table, worst)


def _text(out: Path, statistics: dict[str, Any], table: dict[str, dict[str, Any]], worst: list[Any]) -> str:
    test = statistics["splits"]["test"]
    rows = ["", f"Held-out windows: {test['windows']:,}, of which {test['anomalous']:,} anomalous", ""]
    rows.append(f"{'':24}" + "".join(f"{column:>11}" for column in COLUMNS))
    for name, metrics in table.items():
        speed = metrics["windows"] / metrics["seconds"] if name.startswith("LogLL") else None
        cells = [f"{metrics[column]:.3f}" for column in COLUMNS[:-1]] + [f"{speed:,.0f}" if speed else "-"]
        rows.append(f"{name:24}" + "".join(f"{cell:>11}" for cell in cells))
    for family in dict.fromkeys(name for name, _ in worst):
        rows += ["", f"The three worst windows by {family}:"]
        for place, verdict in enumerate((v for name, v in worst if name == family), 1):
            rows += _window(place, verdict, lambda code, text: text)
    rows += ["", f"Everything is in {out}/: hdfs.log, dataset/, models/, report-logllama.html, report-logllm.html"]
    return "\n".join(rows)
