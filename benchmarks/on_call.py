"""What the person on call gets: time and memory of `fit`, whether the alarm budget is kept, what `scan` shows first.

    python benchmarks/on_call.py fit --lines 1000000
    python benchmarks/on_call.py budget
    python benchmarks/on_call.py scan --data SHARED_DATA_FOLDER

What is odd: `scan` takes no labels; they are only used here, to count how many of the ten findings it shows first are of a
window with an alert, and whether the first line that it names is the alert (hit@1).
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from logllm.fitting import fit_logs
from logllm.hf_datasets import get_system, parse_lines, read_lines, read_session_labels
from logllm.hf_datasets.simulate import simulate
from logllm.scanning import scan_unknown


def main() -> None:
    """Run one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fit", "budget", "scan"))
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", default="", help="scan: one of hdfs, bgl, thunderbird")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    with tempfile.TemporaryDirectory() as folder:
        result = {"fit": fit, "budget": budget, "scan": scan}[args.what](args, Path(folder))
    result = {
        "measurement": args.what,
        **result,
        "seed": args.seed,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg(),
        "commit": subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip(),
        "command": " ".join(["python", *sys.argv]),
    }
    text = json.dumps(result, indent=1)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text + "\n", "utf-8")
    sys.stdout.write(text + "\n")


def fit(args, work: Path) -> dict:
    """Wall and CPU time and peak memory of a fit."""
    simulate("hdfs", args.lines, args.seed, work, progress=False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started, cpu = time.perf_counter(), time.process_time()
    found = fit_logs([work / "hdfs.log"], work / "model", progress=False)
    return {
        "lines": found.lines,
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_mb_before": round(before),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "log_mb": round((work / "hdfs.log").stat().st_size / 2**20),
        "words": found.in_words(),
    }


def budget(args, work: Path) -> dict:
    """Fit on a normal log with a budget of one window in fifty; count the alarms on the half that follows; five seeds."""
    rows = []
    for seed in range(args.seed, args.seed + 5):
        folder = work / str(seed)
        simulate("hdfs", 60_000, seed, folder, anomaly_share=0.0, progress=False)
        lines = (folder / "hdfs.log").read_text("latin-1").splitlines(keepends=True)
        (folder / "first.log").write_text("".join(lines[:40_000]), "latin-1")
        wanted = 4000.0
        found = fit_logs([folder / "first.log"], None, alarms_per_day=wanted, clean=True, progress=False)
        verdicts = list(found.detector.scan(lines[40_000:], explain="none"))
        times = [line.timestamp for line in parse_lines(lines[40_000:], get_system("hdfs")) if line.timestamp]
        days = (max(times) - min(times)) / 86400
        # A session that the cut went through has only its end here, which no log that is watched has.
        begun = {v.window_id for v in found.detector.scan(lines[:40_000], explain="none")}
        flagged = sum(v.is_anomalous for v in verdicts if v.window_id not in begun)
        rows.append({"seed": seed, "asked": round(wanted * days, 1), "alarms": flagged, "windows": len(verdicts)})
    return {"runs": rows, "ratios": [round(row["alarms"] / row["asked"], 2) for row in rows]}


def scan(args, work: Path) -> dict:
    """The ten findings that `scan` without a model shows first on each of the real samples."""
    data = args.data
    logs = {
        "hdfs": ([data / "hdfs/HDFS_2pct.log"], read_session_labels(data / "hdfs/anomaly_label.csv")),
        "bgl": ([data / "bgl/BGL_thinned.log"], None),
        "thunderbird": (sorted((data / "thunderbird").glob("TB_20051115_block*.log")), None),
    }
    result = {}
    for name, (files, labels) in logs.items():
        if args.only and name != args.only:
            continue
        row = get_system(name)
        started, cpu = time.perf_counter(), time.process_time()
        found = scan_unknown(files, row, labels, seed=args.seed, progress=False)
        findings = found.findings(10)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
        marks = [finding.verdict.label for finding in findings]
        top = found.worst(10)
        alerts = alert_lines(files, row) if row.label_rule == "line" else set()
        result[name] = {
            "windows": len(found.verdicts),
            "anomalous": sum(v.label == 1 for v in found.verdicts),
            "flagged": found.counts.flagged,
            "seconds": round(seconds, 1),
            "cpu_seconds": round(cpu_seconds, 1),
            "findings_shown": len(findings),
            "findings_of_anomalous_windows": sum(mark == 1 for mark in marks),
            "anomalous_windows_in_findings_shown": sum(f.windows for f in findings if f.verdict.label == 1),
            "ten_highest_windows_anomalous": sum(v.label == 1 for v in top),
            **measures(found),
        }
        if alerts:
            hits = [f.verdict.worst(1)[0].line_number in alerts for f in findings if f.verdict.label == 1]
            every = [found.detector.explain(v) for v in found.verdicts if v.label == 1]
            result[name] |= {
                "hit1_findings": round(sum(hits) / max(len(hits), 1), 3),
                "hit1_all_anomalous_windows": round(
                    sum(v.worst(1)[0].line_number in alerts for v in every) / max(len(every), 1), 3
                ),
                "hit3_all_anomalous_windows": round(
                    sum(any(e.line_number in alerts for e in v.worst(3)) for v in every) / max(len(every), 1), 3
                ),
            }
    return result


def measures(found) -> dict:
    """Precision, recall, F1 and AUROC of the flags against the labels."""
    from logllm.evaluation import evaluate_verdicts

    metrics = evaluate_verdicts(found.verdicts)
    return {key: round(metrics[key], 4) for key in ("precision", "recall", "f1", "auroc", "pr_auc")}


def alert_lines(files: list[Path], row) -> set[int]:
    """Numbers of the lines that are labelled, counted over all files."""
    lines = (line for file in files for line in read_lines(file, row.encoding))
    return {line.number for line in parse_lines(lines, row) if line.anomalous == 1}


if __name__ == "__main__":
    main()
