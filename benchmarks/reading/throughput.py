"""How fast logs are read as events, next to `logllm build` of the same log in the same run; and with how much memory.

    python -m benchmarks.reading.throughput --work DIR [--lines 1000000] [--rounds 3] [--large] [--out RESULT.json]

Reading goes from bytes to columns with template keys, numbers included, in a process of its own; a build makes the dataset
of the same log in another. Both are told in processor seconds with their imports, rounds interleaved, the median counts.
`--large` reads a log of 10,000,000 lines besides and tells the peak of memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.reading import made_up
from benchmarks.reading.tables import provenance

RESULT = Path(__file__).resolve().parents[1] / "results" / "reading_throughput.json"
SYSTEMS = ("hdfs", "bgl")


def read(path: str) -> dict[str, Any]:
    """Read one log in this process."""
    started = time.process_time()
    from logllm.hf_datasets.events import EventLog

    log = EventLog([path])
    events = sum(len(batch) for batch in log.batches())
    return {
        "seconds": round(time.process_time() - started, 2),
        "events": events,
        "lines": log.files[0].lines,
        "format": log.files[0].format,
        "templates": len(log.templates),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def read_apart(path: Path) -> dict[str, Any]:
    """Read one log in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.reading.throughput", "--read", str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


def build_apart(system: str, log: Path, out: Path) -> float:
    """Processor seconds of a build."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "logllm", "build", system, "--raw", str(log), "--out", str(out), "--quiet"]
    if system == "hdfs":
        command += ["--labels", str(log.parent / "anomaly_label.csv")]
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2)


def logs(work: Path, lines: int) -> dict[str, Path]:
    """The logs to read, made where they are not there yet."""
    work.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, write in (("iso", made_up.write_iso), ("json", made_up.write_json)):
        found[name] = work / f"{name}_{lines}.log"
        if not found[name].exists():
            write(found[name], lines)
    for system in SYSTEMS:
        folder = work / f"{system}_{lines}"
        found[system] = folder / f"{system}.log"
        if not found[system].exists():
            command = [
                sys.executable,
                "-m",
                "logllm",
                "simulate",
                system,
                "--lines",
                str(lines),
                "--out",
                str(folder),
                "--quiet",
            ]
            subprocess.run(command, check=True, capture_output=True)
    return found


def measured(work: Path, lines: int, rounds: int) -> dict[str, Any]:
    """Medians over interleaved rounds."""
    paths = logs(work, lines)
    reads: dict[str, list[dict[str, Any]]] = {name: [] for name in paths}
    builds: dict[str, list[float]] = {name: [] for name in SYSTEMS}
    for _ in range(rounds):
        for name, path in paths.items():
            reads[name].append(read_apart(path))
            if name in SYSTEMS:
                builds[name].append(build_apart(name, path, work / f"built_{name}"))
    rows = {}
    for name, held in reads.items():
        seconds = statistics.median(one["seconds"] for one in held)
        rows[name] = {**held[0], "seconds": seconds, "lines_per_second": round(held[0]["lines"] / seconds)}
        if builds.get(name):
            built = statistics.median(builds[name])
            rows[name] |= {"build_seconds": built, "build_lines_per_second": round(held[0]["lines"] / built)}
        rows[name]["peak_mb"] = max(one["peak_mb"] for one in held)
    return rows


def large(work: Path, path: Path, lines: int) -> dict[str, Any]:
    """A log of ten million lines: one of a million, ten times."""
    target = work / "large.log"
    with target.open("wb") as out:
        for _ in range(10_000_000 // lines):
            out.write(path.read_bytes())
    found = read_apart(target)
    target.unlink()
    return found


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--read")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.read:
        print(json.dumps(read(arguments.read)))
        return
    result: dict[str, Any] = {
        **provenance(),
        "lines": arguments.lines,
        "rounds": arguments.rounds,
        "unit": "processor seconds of one process, imports included",
        "logs": measured(arguments.work, arguments.lines, arguments.rounds),
    }
    if arguments.large:
        result["ten million lines"] = large(
            arguments.work, logs(arguments.work, arguments.lines)["iso"], arguments.lines
        )
    print(json.dumps(result, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
