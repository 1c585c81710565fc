"""What watching events without a model costs and keeps: alarm budget, lines a second, kills.

    python -m benchmarks.performance.events budget --data SHARED_DATA_FOLDER --out benchmarks/results/event_budget.json
    python -m benchmarks.performance.events throughput --lines 1000000 --out benchmarks/results/event_throughput.json
    python -m benchmarks.performance.events kills --kills 30 --out benchmarks/results/event_kills.json

Alarms come by chance: `within_by_chance` is the share of such runs that would lie within a factor of two if the rate were
known exactly (Poisson), and if it were read from as many alarms as a fit on 60 % of the log sees (negative binomial).

The budget is measured as that of windows (`benchmarks.performance.fit`): fitted on the first 60 % of a log without
anomalies, the alarms on the rest counted against the number asked. An alarm is a finding that begins.
"""

import argparse
import json
import math
import multiprocessing
import random
import re
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.performance import written
from logllm.fitting.baseline import fit_baseline
from logllm.hf_datasets import read_lines, read_session_labels
from logllm.hf_datasets.events import EventLog
from logllm.hf_datasets.simulation.simulate import simulate
from logllm.signals.baseline import rows_of
from logllm.signals.stream import StreamJudge
from logllm.signals.table import read_table
from logllm.watch.start import start_watcher

BUDGETS = (  # what, lines (0: of a real log), alarms asked in the rest of the log
    ("hdfs", 80_000, 10),
    ("bgl", 120_000, 20),
    ("app", 120_000, 3),
    ("real hdfs, normal blocks", 0, 10),
    ("real hdfs, with its anomalies", 0, 10),
)
FIT_SHARE = 0.6  # of the lines
TRAIN_LINES = 60_000


def main() -> None:
    """Run one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("budget", "throughput", "kills"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = {"budget": budget, "throughput": throughput, "kills": kills}[args.what](args, Path(folder))
    written(args, result)


def budget(args: argparse.Namespace, work: Path) -> dict:
    """Alarms on the rest of a log against the number asked; the seeds take other logs, or other stretches of a real one."""
    result = {}
    for name, lines, asked in BUDGETS:
        if not lines and args.data is None:
            continue
        runs = []
        for seed in range(args.seeds):
            runs.append(budget_of(name, lines, asked, seed, args.data, work))
            sys.stderr.write(f"{name}: {runs[-1]}\n")
        ratios = [run["ratio"] for run in runs]
        result[name] = {
            "runs": runs,
            "ratios": ratios,
            "within_a_factor_of_two": sum(0.5 <= ratio <= 2 for ratio in ratios),
            "more_than_twice": sum(ratio > 2 for ratio in ratios),
            "within_by_chance": [round(one, 3) for one in within_by_chance(asked)],
            "ratio_over_all": round(sum(run["alarms"] for run in runs) / sum(run["asked"] for run in runs), 3),
        }
    return result


def within_by_chance(asked: float) -> tuple[float, float]:
    """Probability that a Poisson count of mean `asked` lies within a factor of two of it: (rate known, rate estimated).

    Estimated from a Poisson count of mean r = asked * FIT_SHARE / (1 - FIT_SHARE), the count is negative binomial with
    mean `asked` and shape r.

    >>> [round(one, 2) for one in within_by_chance(10)]
    [0.97, 0.92]
    """
    r = asked * FIT_SHARE / (1 - FIT_SHARE)
    counts = range(math.ceil(asked / 2), math.floor(2 * asked) + 1)
    known = sum(math.exp(k * math.log(asked) - asked - math.lgamma(k + 1)) for k in counts)
    estimated = sum(
        math.exp(
            math.lgamma(k + r) - math.lgamma(r) - math.lgamma(k + 1)
            + r * math.log(r / (r + asked)) + k * math.log(asked / (r + asked))
        )
        for k in counts
    )  # fmt: skip
    return known, estimated


def budget_of(name: str, lines: int, asked: float, seed: int, data: Path | None, work: Path) -> dict:
    """One fit and the alarms after it."""
    if lines:
        folder = work / f"{name}-{seed}"
        simulate(name, lines * 3 // 2, seed, folder, anomaly_share=0.0, progress=False)
        raw = next(folder.glob("*.log")).read_text("latin-1").splitlines()[:lines]  # it fades out at its end
    else:
        assert data is not None
        raw = list(read_lines(data / "hdfs/HDFS_2pct.log", "latin-1"))
        if "normal" in name:
            odd = {block for block, label in read_session_labels(data / "hdfs/anomaly_label.csv").items() if label}
            raw = [line for line in raw if not odd.intersection(re.findall(r"blk_-?\d+", line))]
        raw = raw[int(0.05 * seed * len(raw)) : int((0.8 + 0.05 * seed) * len(raw))]
    cut = int(FIT_SHARE * len(raw))
    parts = work / "first.log", work / "rest.log"
    for path, rows in zip(parts, (raw[:cut], raw[cut:])):
        path.write_text("\n".join(rows) + "\n", "latin-1")
    rest, _ = read_table(EventLog([parts[1]]))
    seconds = float(np.nanmax(rest.timestamp) - np.nanmin(rest.timestamp))
    started = time.process_time()
    found = fit_baseline(EventLog([parts[0]]), asked * 86_400 / seconds)
    fitted = time.process_time() - started
    rest, _ = read_table(EventLog([parts[1]], keys=found.keys))
    judge = StreamJudge(found)
    kinds: dict[str, int] = {}
    for row in rows_of(rest):
        for finding in judge.observe(*row):
            if finding.status == "open":
                kinds[finding.kind] = kinds.get(finding.kind, 0) + 1
    alarms = sum(kinds.values())
    return {
        "seed": seed,
        "asked": asked,
        "alarms": alarms,
        "ratio": round(alarms / asked, 3),
        "by_question": kinds,
        "threshold": round(float(found.threshold or 0.0), 3),
        "findings_held_back": found.budget.get("windows"),
        "events": found.events,
        "fit_cpu_seconds": round(fitted, 2),
    }


def model_in(work: Path) -> Path:
    """A baseline of a simulated log."""
    simulate("hdfs", TRAIN_LINES, 100, work / "train", progress=False)
    fit_baseline(EventLog([work / "train" / "hdfs.log"]), 100.0).save(work / "model")
    return work / "model"


def throughput(args: argparse.Namespace, work: Path) -> dict:
    """Lines per second from the first read to the last alert, with state and metrics on, and the memory that it took."""
    model = model_in(work)
    simulate("hdfs", min(args.lines, 200_000), args.seed, work / "part", progress=False)
    text = (work / "part" / "hdfs.log").read_text("latin-1")
    log = work / "long.log"
    with log.open("w", encoding="latin-1") as stream:
        for number in range(max(args.lines // 200_000, 1)):
            day = time.strftime("%y%m%d", time.gmtime(1226188800 + 86400 * number))
            stream.write(re.sub(r"(?m)^\d{6} ", f"{day} ", text))
    watcher = start_watcher(str(log), model, state=work / "state", alerts=str(work / "alerts"), metrics_port=0)
    started, cpu = time.perf_counter(), time.process_time()
    left = watcher.run(until_end=True)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    alerts = work / "alerts"
    return {
        "lines": watcher.number,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "lines_per_second": round(watcher.number / seconds),
        "lines_per_cpu_second": round(watcher.number / cpu),
        "alerts": sum(1 for _ in alerts.open()) if alerts.exists() else 0,
        "undelivered": left,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def kills(args: argparse.Namespace, work: Path) -> dict:
    """SIGKILL at random moments while the log grows and rotates, against an undisturbed run over the same lines."""
    rng = random.Random(args.seed)
    model = model_in(work)
    simulate("hdfs", 60_000, args.seed, work / "source", progress=False)
    source = (work / "source" / "hdfs.log").read_text("latin-1").splitlines(keepends=True)
    for at in range(500, len(source), 1500):  # something to tell
        source[at] = re.sub(r" INFO .*", f" FATAL dfs.DataNode: volume {at} is gone", source[at])
    whole = work / "whole.log"
    whole.write_text("".join(source), "latin-1")
    folder = work / "live"
    folder.mkdir()
    log, state, alerts = folder / "app.log", work / "state", work / "alerts"
    log.touch()
    position = rotations = 0
    for life in range(args.kills):
        child = multiprocessing.get_context("fork").Process(target=_life, args=(str(log), model, state, str(alerts)))
        before = state.stat().st_ino if state.exists() else 0
        child.start()
        while not state.exists() or state.stat().st_ino == before:
            time.sleep(0.02)
        end, last = time.perf_counter() + rng.uniform(0.1, 1.0), len(source) * (life + 1) // (args.kills + 1)
        while time.perf_counter() < end:
            rows = source[position : min(position + rng.randrange(1, 200), last)]
            position += len(rows)
            with log.open("a", encoding="latin-1") as stream:
                stream.write("".join(rows))
            if rng.random() < 0.05:
                rotations += 1
                log.rename(folder / f"app.log.{time.time_ns()}")
                log.touch()
            time.sleep(0.01)
        child.kill()
        child.join()
    with log.open("a", encoding="latin-1") as stream:
        stream.write("".join(source[position:]))
    watcher = start_watcher(str(log), model, state=state, alerts=str(alerts))
    watcher.run(until_end=True)
    start_watcher(str(whole), model, alerts=str(work / "alerts_whole")).run(until_end=True)
    disturbed, undisturbed = _alerts(alerts), _alerts(work / "alerts_whole")
    return {
        "kills": args.kills,
        "rotations": rotations,
        "lines_written": len(source),
        "lines_lost": len(source) - watcher.number,
        "findings_undisturbed": len(undisturbed),
        "findings_lost": len(set(undisturbed) - set(disturbed)),
        "findings_extra": len(set(disturbed) - set(undisturbed)),
        "deliveries": sum(disturbed.values()),
    }


def _life(log: str, model: Path, state: Path, alerts: str) -> None:
    start_watcher(log, model, state=state, alerts=alerts).run()


def _alerts(path: Path) -> dict[str, int]:
    """Findings that began -> how often that was delivered; a torn line is one that was sent again."""
    found: dict[str, int] = {}
    for row in path.read_text().splitlines():
        try:
            alert = json.loads(row)
        except ValueError:
            continue
        if alert.get("status") == "open":
            found[alert["finding"]] = found.get(alert["finding"], 0) + 1
    return found


if __name__ == "__main__":
    main()
