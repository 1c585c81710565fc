"""`logllm demo`: a scan, a diff, and both detectors, on logs that it makes itself and with nothing downloaded.

A second run with the same seed gives the same numbers, but for the time that was taken.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from logllm.detector import LogAnomalyDetector
from logllm.diff.command import DiffOptions, run_diff
from logllm.evaluation import baseline_metrics, evaluate_verdicts
from logllm.hf_datasets import Window, load_windows
from logllm.hf_datasets.simulation.builds import write_builds
from logllm.hf_datasets.simulation.simulate import iter_lines, simulate
from logllm.report.html import write_report
from logllm.report.terminal import window_lines
from logllm.signals.command import ScanOptions, run_scan
from logllm.training.building import build_dataset
from logllm.training.workflows import train_on

APP_LINES, APP_SEED, APP_FAULT = 2000, 11, 0.003  # an application log with one fault of six lines
LINES = 80_000
ANOMALY_SHARE = 0.08  # more faults than a real log has, so that a minute of training sees enough of each kind
# Simulated faults are mostly frequent windows with a step missing or out of place: how frequent a window is must be learnt.
RECIPE = {"preset": "tiny", "repeats": 1.0, "last_epochs": 4}
COLUMNS = ("precision", "recall", "f1", "auroc", "windows/s")


def first_look(out: Path, seed: int = 7) -> str:
    """Scan an application log with a planted fault and compare a failed build with one that passed."""
    out.mkdir(parents=True, exist_ok=True)
    app = out / "app.log"
    lines = [line for line, _ in iter_lines("app", APP_LINES, APP_SEED, APP_FAULT)]
    app.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    builds = write_builds(out, seed)
    _, scanned = run_scan([str(app)], ScanOptions(quiet=True))
    _, compared = run_diff([builds["good"], builds["bad"]], DiffOptions(html=out / "diff.html"))
    return "\n".join(
        [f"$ logllm scan {app}", scanned, "", f"$ logllm diff {builds['good']} {builds['bad']}", compared, ""]
    )


def run_demo(out: Path, seed: int = 7, lines: int = LINES, progress: bool = True) -> str:
    """Simulate, build, train, judge; return what is to be read and write everything to `out`."""
    import torch

    torch.set_num_threads(1)  # models of this size gain little from more, and lose much beside other programs
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
            rows += window_lines(place, verdict, lambda code, text: text)
    rows += [
        "",
        f"Everything is in {out}/: app.log, good.log, bad.log, diff.html, hdfs.log, dataset/, models/",
        f"Reports to open in a browser: {(out / 'report-logllm.html').resolve().as_uri()}",
        f"                              {(out / 'report-logllama.html').resolve().as_uri()}",
    ]
    return "\n".join(rows)
