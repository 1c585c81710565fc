"""Speed and memory of preprocessing against the naive way, with identical output checked in the same run.

Notes: Rounds are interleaved (naive, fast, naive, fast, ...) and medians are reported, because a shared machine
drifts; a ratio from one run can be compared, seconds from two runs cannot. Memory is that of a process of its own.
The logs are simulated (seeded); the drain part also takes the real samples where they are.

    python -m benchmarks performance.preprocessing --lines 1000000 --rounds 3 --out benchmarks/results/preprocessing.json
    python -m benchmarks performance.preprocessing --rows "bgl all distinct" "bgl, 2 processes"   # these rows of that file anew
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.baselines import naive_preprocessing as naive
from logllm.hf_datasets import LogSystem, TemplateMiner, build, get_system, read_session_labels
from logllm.hf_datasets.columnar.message_codes import Channel
from logllm.hf_datasets.columnar.read_log import Log, read_log
from logllm.hf_datasets.columnar.window_index import Grouping, group_lines, group_sessions
from logllm.hf_datasets.columnar.workers import Workers
from logllm.hf_datasets.drain import MAX_CHARACTERS
from logllm.hf_datasets.simulation.simulate import simulate
from logllm.provenance import provenance

masking = naive.masking
RULES = ((masking.ELLIPSIS, ".. "), (masking.PATTERN, masking.MASK))
Windows = tuple[Log, Grouping, np.ndarray, Channel]


def mask(message: str) -> str:
    """LogLLM's masking without its memory, so that every round begins cold."""
    return _mask(masking.MASK, _ellipsis(".. ", message))


_mask, _ellipsis = (importlib.import_module("re").compile(one).sub for one in (masking.PATTERN, masking.ELLIPSIS))


def fast_windows(path: Path, system: LogSystem, labels: dict[str, int] | None = None, processes: int = 1) -> Windows:
    """The same windows as integers: the log's columns, its windows, their labels, and the table of messages.

    With several processes their start is part of it.
    """
    channel = Channel(mask, RULES)
    with Workers(processes) if processes > 1 else nullcontext() as workers:
        log = read_log([path], system, [channel], None, None, False, times=False, workers=workers)
    if system.session_pattern:
        windows = group_sessions(len(log), log.pair_rows, log.pair_sessions, len(log.session_names))
        of_session = [(labels or {}).get(name, -1) for name in log.session_names.to_pylist()]
        return log, windows, np.array(of_session)[windows.sessions], channel
    windows = group_lines(0, len(log), system.window, log.times)
    return log, windows, windows.reduced(log.labels), channel


def naive_digest(made: list[tuple[str, int, list[str]]], sessions: bool) -> str:
    """SHA-256 over ids (of sessions), labels and masked messages."""
    digest = hashlib.sha256()
    for name, label, messages in made:
        digest.update(f"{name if sessions else ''}\t{label}\t{chr(31).join(messages)}\n".encode())
    return digest.hexdigest()


def fast_digest(made: Windows) -> str:
    """The same digest of the integer form."""
    log, windows, labels, channel = made
    texts = channel.texts
    digest = hashlib.sha256()
    codes = log.codes[0][windows.rows].tolist()
    bounds = windows.offsets.tolist()
    for at, label in enumerate(labels.tolist()):
        name = log.session_names[int(windows.sessions[at])].as_py() if windows.sessions[at] >= 0 else ""
        messages = chr(31).join([texts[code] for code in codes[bounds[at] : bounds[at + 1]]])
        digest.update(f"{name}\t{label}\t{messages}\n".encode())
    return digest.hexdigest()


def fast_templates(path: Path, system: LogSystem) -> list[tuple[str, int]]:
    """(template, size) of every cluster, by the version-checked memory before Drain."""
    miner = TemplateMiner(system.drain)
    channel = Channel(miner.mask, system.drain.masks, MAX_CHARACTERS)
    log = read_log([path], system, [channel], None, None, False, times=False)
    miner.add_codes(log.codes[0], channel.texts)
    return [(one["text"], one["count"]) for one in miner.table()["templates"]]


def timed(call: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """((seconds on the clock, seconds of processor time), result)."""
    clock, processor = time.perf_counter(), time.process_time()
    result = call()
    return (time.perf_counter() - clock, time.process_time() - processor), result


def compare(
    slow: Callable[[Path], Any],
    fast: Callable[[Path], Any],
    same: Callable[[Any, Any], bool],
    path: Path,
    rounds: int,
    naive_lines: int,
) -> dict[str, Any]:
    """Rates of interleaved rounds. The naive way, whose time grows with the lines, may get only the log's first part.

    The outputs for the part that both get are compared once. Processor time says what an idle machine would take.
    """
    part = prefix(path, naive_lines)
    lines, part_lines = count_lines(path), count_lines(part)
    rates: dict[str, list[tuple[float, float]]] = {"naive": [], "fast": []}
    identical = None
    for _ in range(rounds):
        (clock, processor), theirs = timed(lambda: slow(part))
        rates["naive"].append((part_lines / clock, part_lines / processor))
        (clock, processor), ours = timed(lambda: fast(path))
        rates["fast"].append((lines / clock, lines / processor))
        if identical is None:
            identical = same(theirs, ours if part == path else fast(part))
        del theirs, ours
    result: dict[str, Any] = {"lines": lines, "naive_lines": part_lines, "identical": identical}
    for at, kind in enumerate(("clock", "processor")):
        medians = {name: statistics.median(pair[at] for pair in pairs) for name, pairs in rates.items()}
        ratios = [two[at] / one[at] for one, two in zip(rates["naive"], rates["fast"])]
        result[kind] = {
            "naive_lines_per_second": round(medians["naive"]),
            "fast_lines_per_second": round(medians["fast"]),
            "ratios": [round(one, 1) for one in ratios],
            "ratio_of_medians": round(medians["fast"] / medians["naive"], 1),
        }
    return result


def prefix(path: Path, lines: int) -> Path:
    """A file of the first lines of a log, or the log itself where it has no more."""
    if count_lines(path) <= lines:
        return path
    part = Path(tempfile.gettempdir()) / f"{path.name}.{os.getpid()}.first"
    with path.open("rb") as stream, part.open("wb") as out:
        out.writelines(line for line, _ in zip(stream, range(lines)))
    return part


def count_lines(path: Path) -> int:
    """How many lines a log has."""
    with path.open("rb") as stream:
        return sum(1 for _ in stream)


def all_distinct(source: Path, target: Path, seed: int) -> None:
    """A copy whose every message gets two words of random letters: no two lines alike, whatever their digits."""
    draw = random.Random(seed)
    letters = "ghijklmnopqrstuvwxyz"
    with source.open(encoding="latin-1") as lines, target.open("w", encoding="latin-1") as out:
        for line in lines:
            words = "".join(draw.choices(letters, k=12))
            out.write(f"{line.rstrip()} {words[:6]} of {words[6:]}\n")


def peak_memory(what: str, path: Path, system: str, labels: Path | None) -> dict[str, float]:
    """Peak resident memory (MB) and seconds of one call in a process of its own."""
    words = [
        sys.executable,
        "-m",
        "benchmarks.performance.preprocessing",
        "--child",
        what,
        str(path),
        system,
        str(labels or ""),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def child(what: str, path: str, system: str, labels: str) -> None:
    """Run one call and print its memory."""
    start = time.perf_counter()
    if what == "windows":
        kept = fast_windows(Path(path), get_system(system), read_session_labels(labels) if labels else None)
    elif what == "build":
        with tempfile.TemporaryDirectory(dir=Path(path).parent) as out:
            kept = build(system, path, out, labels=labels or None, progress=False)
    else:
        kept = None
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text()  # ru_maxrss would begin with the parent's peak
    peak = int(status.partition("VmHWM:")[2].split()[0]) >> 10
    print(json.dumps({"peak_mb": peak, "seconds": round(seconds, 2)}))
    del kept


PACKAGES = ("numpy", "pyarrow", "polars", "drain3", "datasets")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """All measurements."""
    lines, rounds, seed = arguments.lines, arguments.rounds, arguments.seed
    naive_lines = arguments.naive_lines or lines
    results: dict[str, Any] = {
        "machine": provenance(PACKAGES),
        "seed": seed,
        "rounds": rounds,
        "windows": {},
        "drain": {},
    }
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        folder = Path(scratch)
        logs: dict[str, Path] = {}
        for name in ("hdfs", "bgl"):
            simulate(name, lines, seed, folder / name)
            logs[name] = folder / name / f"{name}.log"
        labels = folder / "hdfs" / "anomaly_label.csv"
        session_labels = read_session_labels(labels)
        logs["bgl all distinct"] = folder / "distinct.log"
        all_distinct(logs["bgl"], logs["bgl all distinct"], seed)
        logs["hdfs all distinct"] = folder / "distinct_hdfs.log"
        all_distinct(logs["hdfs"], logs["hdfs all distinct"], seed)
        for name, path, processes in wanted_rows(logs, arguments.rows):
            system = get_system(name.replace(",", " ").split()[0])
            known = session_labels if system.session_pattern else None
            results["windows"][name] = compare(
                lambda log: naive.windows(log, system, known),  # noqa: B023
                lambda log: fast_windows(log, system, known, processes),  # noqa: B023
                lambda one, two: naive_digest(one, bool(system.session_pattern)) == fast_digest(two),  # noqa: B023
                path,
                rounds,
                naive_lines,
            )
            if processes > 1:
                del results["windows"][name]["processor"]  # this process's alone: the others' are not counted
            say(name, results["windows"][name])
        if arguments.rows:
            return results
        for name, path in {**{name: logs[name] for name in ("hdfs", "bgl")}, **real_logs()}.items():
            system = get_system(name.split()[0])
            results["drain"][name] = compare(
                lambda log: naive.templates(log, system),  # noqa: B023
                lambda log: fast_templates(log, system),  # noqa: B023
                lambda one, two: one == two,
                path,
                rounds,
                naive_lines,
            )
            say(f"drain, {name}", results["drain"][name])
        results["memory"] = {
            "interpreter and imports": peak_memory("nothing", logs["hdfs"], "hdfs", None),
            "windows, hdfs": peak_memory("windows", logs["hdfs"], "hdfs", labels),
            "windows, bgl": peak_memory("windows", logs["bgl"], "bgl", None),
            "build to Parquet, hdfs": peak_memory("build", logs["hdfs"], "hdfs", labels),
            "build to Parquet, bgl": peak_memory("build", logs["bgl"], "bgl", None),
        }
        say("memory", results["memory"])
        if arguments.large:
            simulate("hdfs", arguments.large, seed, folder / "large")
            path, labels = folder / "large" / "hdfs.log", folder / "large" / "anomaly_label.csv"
            results["memory"][f"build to Parquet, hdfs, {arguments.large:,} lines"] = peak_memory(
                "build", path, "hdfs", labels
            )
            say("memory", results["memory"])
    return results


def wanted_rows(logs: dict[str, Path], names: Sequence[str] | None) -> Iterator[tuple[str, Path, int]]:
    """(row, log, processes): every log with one process and with two, or those that are named."""
    for processes in (1, 2):
        for name, path in logs.items():
            row = name if processes == 1 else f"{name}, {processes} processes"
            if not names or row in names:
                yield row, path, processes


def real_logs() -> dict[str, Path]:
    """The real samples, where they are."""
    root = Path(os.environ.get("LOGLLM_SHARED") or Path(__file__).resolve().parents[3] / "shared") / "data"
    named = {"hdfs real": root / "hdfs/HDFS_2pct.log", "bgl real": root / "bgl/BGL_thinned.log"}
    named["thunderbird real"] = root / "thunderbird/TB_head.log"
    return {name: path for name, path in named.items() if path.exists()}


def say(name: str, result: dict[str, Any]) -> None:
    """One line of progress on stderr."""
    print(name, json.dumps(result), file=sys.stderr, flush=True)


def main() -> None:
    """Parse the arguments, measure, write the result file."""
    if sys.argv[1:2] == ["--child"]:
        return child(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--large", type=int, default=0, help="also build an HDFS log of so many lines (11200000)")
    parser.add_argument(
        "--naive-lines", type=int, default=0, help="how many of them the naive way gets (default: all)"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=None, help="where the simulated logs are written")
    parser.add_argument("--rows", nargs="*", help="measure only these rows of `windows`, and keep the file's others")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).resolve().parents[1] / "results" / "preprocessing.json"
    )
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    results = run(arguments)
    if arguments.rows:
        birth = {
            "commit": results["machine"]["commit"],
            "load_average": [round(load, 1), round(os.getloadavg()[0], 1)],
        }
        rows = {name: {**row, **birth} for name, row in results["windows"].items()}
        results = json.loads(arguments.out.read_text("utf-8"))
        results["windows"] |= rows
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
