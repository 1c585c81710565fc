"""Other ways to find the fault in the same cases, in one table: found first, false findings, seconds, memory.

    python -m benchmarks scan.compare CASES.json [--logsleuth PATH/TO/logsleuth] [--out benchmarks/results/scan_comparison.json]

Rows: `logllm scan`; a keyword search (each hit is a finding, in order of the log); the rarest templates of drain3 (up to
ten, rarest first); logsleuth with `--dry-run`, whose evidence for its language model is read line by line (the raw lines
that it quotes, in its order). A planted line that is named first counts as found first; other findings count as false:
for the keyword search every hit that is no planted line, for rarest templates those that occur once, for logsleuth the
other lines quoted. cordon 1.1 is not run: it asks for torch, sentence-transformers, litellm and a model from a hub.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from drain3 import TemplateMiner

from logllm.hf_datasets.events import EventLog
from logllm.provenance import provenance

from .field import unpacked

KEYWORDS = re.compile(r"error|fail|exception|fatal|panic|critical|traceback|severe", re.IGNORECASE)
Found = list[tuple[str, int]]  # (name of the file, line), in order of rank


def planted(case: dict[str, Any], name: str, number: int) -> bool:
    """Whether a line is planted."""
    if case.get("planted_file") and name != case["planted_file"]:
        return False
    return any(first <= number <= last for first, last in case["planted"])


def raw_lines(paths: list[str]) -> list[tuple[str, int, str]]:
    """(file, number, line) as the reader gives them."""
    log = EventLog(paths)
    rows = []
    for source in range(len(paths)):
        for event in log.read(source):
            rows += [(Path(paths[source]).name, event.number + k, text) for k, text in enumerate(event.lines)]
    return rows


def keyword(paths: list[str]) -> Found:
    """Every line with a keyword."""
    return [(name, number) for name, number, text in raw_lines(paths) if KEYWORDS.search(text)]


def rarest(paths: list[str]) -> Found:
    """The lines of the ten rarest templates of drain3 that occur once."""
    miner = TemplateMiner()
    rows = raw_lines(paths)
    clusters = [miner.add_log_message(text[:5000])["cluster_id"] for _, _, text in rows]
    sizes = {cluster.cluster_id: cluster.size for cluster in miner.drain.clusters}
    once = sorted((sizes[cluster], place) for place, cluster in enumerate(clusters) if sizes[cluster] == 1)
    return [rows[place][:2] for _, place in once[:10]]


def logsleuth(command: str, paths: list[str]) -> Found:
    """The raw lines that logsleuth's evidence quotes."""
    text = subprocess.run(
        [command, "--dry-run", "--plain", *paths], capture_output=True, text=True, timeout=120
    ).stdout
    where: dict[str, tuple[str, int]] = {}
    for name, number, line in raw_lines(paths):
        where.setdefault(line.strip()[-60:], (name, number))
    found = []
    for row in text.splitlines():
        for tail, place in where.items():
            if len(tail) > 20 and tail in row and place not in found:
                found.append(place)
    return found


def logllm(paths: list[str]) -> Found:
    """Flagged findings of `logllm scan`, their leading lines."""
    out = subprocess.run(
        [sys.executable, "-m", "logllm", "scan", *paths, "--json", "-q"], capture_output=True, text=True, timeout=120
    ).stdout
    rows = [json.loads(row) for row in out.splitlines()][1:]
    return [(Path(row["file"]).name, row["first_line"]) for row in rows if row["is_anomalous"]]


def measured(name: str, command: list[str], lines: int) -> dict[str, Any]:
    """Processor seconds and peak memory of a process."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    return {
        "way": name, "lines": lines, "exit": os.waitstatus_to_exitcode(status),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2), "peak_mb": used.ru_maxrss // 1024,
    }  # fmt: skip


def large(args: argparse.Namespace) -> list[dict[str, Any]]:
    """All ways that read a long log, one after the other."""
    log = str(args.large)
    with open(log, "rb") as stream:
        lines = sum(1 for _ in stream)
    rows = [measured("logllm scan", [sys.executable, "-m", "logllm", "scan", log, "--json", "-q"], lines)]
    if args.logsleuth:
        rows.append(measured("logsleuth 0.13.1", [args.logsleuth, "--dry-run", "--plain", log], lines))
    if args.cordon:
        with tempfile.TemporaryDirectory() as tmp, open(log, "rb") as stream:
            part = Path(tmp) / "part.log"
            part.write_bytes(b"".join(line for line, _ in zip(stream, range(args.cordon_lines))))
            command = [args.cordon, "--model-name", args.cordon_model, str(part)]
            rows.append(measured("cordon 1.1.0", command, args.cordon_lines))
            command = [sys.executable, "-m", "logllm", "scan", str(part), "--json", "-q"]
            rows.append(measured("logllm scan", command, args.cordon_lines))
    return rows


def main() -> None:
    """Run all on all cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path, nargs="?")
    parser.add_argument("--large", type=Path)
    parser.add_argument("--cordon", default="")
    parser.add_argument("--cordon-model", default="all-MiniLM-L6-v2")
    parser.add_argument("--cordon-lines", type=int, default=500)
    parser.add_argument("--logsleuth", default="")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if args.large:
        table = large(args)
        print(json.dumps(table, indent=1))
        if args.out:
            args.out.write_text(
                json.dumps({"provenance": provenance(), "rows": table}, indent=1) + "\n", encoding="utf-8"
            )
        return
    cases = json.loads(args.cases.read_text(encoding="utf-8"))
    ways: dict[str, Any] = {"logllm scan": logllm, "keyword search": keyword, "rarest drain3 templates": rarest}
    if args.logsleuth:
        ways["logsleuth 0.13.1 (evidence)"] = lambda paths: logsleuth(args.logsleuth, paths)
    table = []
    for name, way in ways.items():
        first = hit = others = clean = failed = 0
        start = time.perf_counter()
        for case in cases:
            with tempfile.TemporaryDirectory() as tmp:
                try:
                    found = way(unpacked(case, args.cases.parent, Path(tmp)))
                except (subprocess.TimeoutExpired, OSError, ValueError) as error:
                    failed += 1
                    print(name, case["name"], error)
                    continue
            good = [planted(case, *one) for one in found]
            others += len(good) - sum(good)
            if case["planted"]:
                first += bool(good) and good[0]
                hit += any(good)
            else:
                clean += not found
        table.append({
            "way": name, "planted": sum(bool(case["planted"]) for case in cases), "found_first": first, "found": hit, "false_findings": others,
            "clean_logs": sum(not case["planted"] for case in cases), "clean_and_silent": clean, "failed": failed,
            "seconds_a_case": round((time.perf_counter() - start) / len(cases), 2),
            "peak_mb_of_processes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        })  # fmt: skip
        print(json.dumps(table[-1]), flush=True)
    if args.out:
        args.out.write_text(
            json.dumps({"provenance": provenance(), "cases": args.cases.parent.name, "rows": table}, indent=1) + "\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
