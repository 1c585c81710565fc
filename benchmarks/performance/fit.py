"""What the person on call gets: time and memory of `fit`, and whether the alarm budget is kept.

    python -m benchmarks performance.fit fit --lines 1000000
    python -m benchmarks performance.fit budget --data SHARED_DATA_FOLDER

What `scan` shows first is measured by `python -m benchmarks scan.labelled`.
"""

import argparse
import os
import re
import resource
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.performance import written
from logllm.fitting.fit import encode_lines, fit, idle_of
from logllm.fitting.learn import FIT_STEPS
from logllm.hf_datasets import get_system, guess_system, parse_lines, read_lines, read_session_labels
from logllm.hf_datasets.live_windows import as_window, live_windows
from logllm.hf_datasets.simulation.simulate import simulate


def main() -> None:
    """Run one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fit", "budget"))
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", default="", help="budget: how the log's name begins")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    with tempfile.TemporaryDirectory() as folder:
        result = {"fit": time_and_memory, "budget": budget}[args.what](args, Path(folder))
    written(args, result, threads=torch.get_num_threads())


def time_and_memory(args, work: Path) -> dict:
    """Wall and CPU time and peak memory of a fit."""
    simulate("hdfs", args.lines, args.seed, work, progress=False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started, cpu = time.perf_counter(), time.process_time()
    found = fit([work / "hdfs.log"], work / "model", progress=False)
    return {
        "lines": found.lines,
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_mb_before": round(before),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "log_mb": round((work / "hdfs.log").stat().st_size / 2**20),
        "words": found.in_words(),
    }


BUDGETS = (  # what, lines (0: all of a real log), share of the windows asked as alarms
    ("hdfs", 80_000, 0.05),
    ("bgl", 120_000, 0.1),
    ("app", 120_000, 0.1),
    ("real hdfs, normal blocks", 0, 0.02),
    ("real hdfs, with its anomalies", 0, 0.02),
)
FIT_SHARE = 0.6  # of the lines
SHORT_STEPS = 300  # of training on a simulated log: the budget must be kept by a weak model too


def budget(args, work: Path) -> dict:
    """Fit on the first part of a normal log, count the alarms on the rest against the number asked; five seeds each."""
    result = {}
    for name, lines, share in BUDGETS:
        if (args.only and not name.startswith(args.only)) or (not lines and args.data is None):
            continue
        rows = []
        for seed in range(args.seed, args.seed + 5):
            rows.append(budget_of(name, lines, share, seed, args.data))
            sys.stderr.write(f"{name}: {rows[-1]}\n")
        ratios = [row["ratio"] for row in rows]
        result[name] = {
            "runs": rows,
            "ratios": ratios,
            "within_a_factor_of_two": sum(0.5 <= ratio <= 2 for ratio in ratios),
            "ratio_over_all": round(sum(row["alarms"] for row in rows) / sum(row["asked"] for row in rows), 3),
        }
    return result


def budget_of(name: str, lines: int, share: float, seed: int, data: Path | None) -> dict:
    """One fit, with a budget of that share of the windows, and the alarms after it.

    A seed simulates another log; of the real one it takes another stretch, and trains anew. Windows count that begin
    after the cut and so early that they are over at the end of the log: what a watcher that goes on would see.
    """
    labels: dict[str, int] = {}
    if lines:
        row = get_system(name) if name in ("hdfs", "bgl") else None
        with tempfile.TemporaryDirectory() as folder:
            simulate(name, lines * 3 // 2, seed, folder, anomaly_share=0.0, progress=False)
            raw = next(Path(folder).glob("*.log")).read_text("latin-1").splitlines()[:lines]  # it fades out at its end
    else:
        row = get_system("hdfs")
        assert data is not None  # a log that is not simulated
        labels = read_session_labels(data / "hdfs/anomaly_label.csv")
        raw = list(read_lines(data / "hdfs/HDFS_2pct.log", row.encoding))
        if "normal" in name:
            raw = [line for line in raw if not any(labels.get(b) for b in re.findall(r"blk_-?\d+", line))]
        raw = raw[int(0.05 * seed * len(raw)) : int((0.8 + 0.05 * seed) * len(raw))]
    cut = int(FIT_SHARE * len(raw))
    row = row or guess_system(raw[:1000])
    idle = idle_of(raw[:cut], row)
    begins = sorted(w.first for w in encode_lines(raw[:cut], row, idle, False).windows if w.first is not None)
    per_day = share * len(begins) / (begins[-1] - begins[0]) * 86400
    steps = SHORT_STEPS if lines else FIT_STEPS
    found = fit(raw[:cut], system=row, alarms_per_day=per_day, seed=seed, max_steps=steps)
    assert found.detector.calibration is not None  # `fit` makes one
    pause = found.detector.calibration.idle_seconds
    opened = list(live_windows(parse_lines(raw, found.system), found.system, pause))
    times = [line.timestamp for window in opened for line in window.members if line.timestamp is not None]
    begin = next(line.timestamp for line in parse_lines(raw[cut:], found.system) if line.timestamp is not None)
    end = max(times) - (2 * idle if row.window.kind == "session" else 0)
    later = [w for w in opened if w.members[0].number > cut and w.over and (w.members[0].timestamp or begin) <= end]
    text = {line.number: line.raw for window in later for line in window.members}
    verdicts = list(found.detector.judge([as_window(window) for window in later], text))
    normal = [verdict for verdict in verdicts if not labels.get(verdict.window_id)]
    alarms, asked = sum(verdict.is_anomalous for verdict in normal), per_day * (end - begin) / 86400
    told = found.budget
    return {
        "seed": seed,
        "asked": round(asked, 1),
        "alarms": alarms,
        "ratio": round(alarms / asked, 3),
        "windows": len(normal),
        "calibration_windows": told.windows,
        "put_aside": told.put_aside,
        "told_per_day": [round(told.low, 1), round(told.expected, 1), round(told.high, 1)],
        "asked_per_day": round(per_day, 1),
        "idle_seconds": round(idle, 1),
    } | ({"alarms_of_anomalous_sessions": sum(v.is_anomalous for v in verdicts) - alarms} if labels else {})


if __name__ == "__main__":
    main()
