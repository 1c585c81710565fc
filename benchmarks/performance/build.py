"""`logllm build` on simulated logs of 1 to 50 million lines: time and peak memory, which must stay flat.

`python -m benchmarks performance.build --work DIR [--systems hdfs,bgl] [--lines 1000000,...]` simulates the logs in DIR (22 GB
for all), builds each in a process of its own, and writes `results/build_scale.json`; what stands there is not run again.
Peak memory is the largest resident set, pages of mapped files included; `anonymous` leaves those out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from logllm.provenance import provenance

RESULT = Path(__file__).resolve().parents[1] / "results" / "build_scale.json"
LINES = (1_000_000, 5_000_000, 20_000_000, 50_000_000)
LABELS = {"hdfs": "anomaly_label.csv"}


def simulated(system: str, lines: int, folder: Path) -> Path:
    """A simulated log of so many lines; one that is there already is taken."""
    log = folder / f"{system}.log"
    if not log.is_file():
        command = [sys.executable, "-m", "logllm", "simulate", system, "--lines", str(lines), "--seed", "1", "--quiet"]
        subprocess.run([*command, "--out", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return log


def measured(command: list[str]) -> dict[str, Any]:
    """Run a command; wall and processor seconds, and the peak of its memory in MB."""
    started, anonymous = time.perf_counter(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        anonymous = max(anonymous, _anonymous(process.pid))
        time.sleep(0.1)
    if status:
        sys.exit(f"{' '.join(command)} must succeed, found status {status}")
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1024),
        "anonymous_mb": round(anonymous / 1024),
    }


def _anonymous(pid: int) -> int:
    """Resident anonymous memory of a process in kB, by Linux."""
    try:
        rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(row.split()[1]) for row in rows if row.startswith("RssAnon")), 0)


def run(system: str, lines: int, work: Path) -> dict[str, Any]:
    """Build a simulated log and measure it."""
    folder = work / f"{system}-{lines}"
    log, out = simulated(system, lines, folder), folder / "built"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "logllm", "build", system, "--raw", str(log), "--out", str(out), "--quiet"]
    if system in LABELS:
        command += ["--labels", str(folder / LABELS[system])]
    figures = measured(command)
    statistics = json.loads((out / system / "statistics.json").read_text("utf-8"))
    row = {
        "system": system,
        "lines": lines,
        "bytes": log.stat().st_size,
        **figures,
        "lines_per_processor_second": round(lines / figures["processor_seconds"]),
        "windows": sum(part["windows"] for part in statistics["splits"].values()),
        "parquet_bytes": sum(file.stat().st_size for file in (out / system).glob("*.parquet")),
        "checksum": statistics["checksum"],
        "made": provenance(),
    }
    shutil.rmtree(out)
    return row


def main() -> None:
    """Measure what the result file lacks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--systems", default="hdfs,bgl")
    parser.add_argument("--lines", default=",".join(map(str, LINES)))
    parser.add_argument("--result", type=Path, default=RESULT)
    wanted = parser.parse_args()
    wanted.work.mkdir(parents=True, exist_ok=True)
    sizes = sorted(map(int, wanted.lines.split(",")))
    for system in wanted.systems.split(","):
        for lines in sizes:
            rows = json.loads(wanted.result.read_text("utf-8"))["runs"] if wanted.result.is_file() else []
            if any((row["system"], row["lines"]) == (system, lines) for row in rows):
                continue
            row = run(system, lines, wanted.work)
            print(json.dumps({name: value for name, value in row.items() if name != "made"}), flush=True)
            rows = sorted([*rows, row], key=lambda one: (one["system"], one["lines"]))
            wanted.result.write_text(json.dumps({"runs": rows}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
