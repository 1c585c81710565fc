"""Scan cases with planted faults, in this process, and say which are solved.

    python -m benchmarks scan.field CASES.json                    # a folder with cases.json, as generate.py writes it
    python -m benchmarks scan.field --seeds 100:104               # made-up cases of these seeds
    python -m benchmarks scan.field ... --out results/NAME.json

A case passes when a finding that touches the planted lines is among the first `top`, is flagged, and at most
`max_flagged` others are flagged; without planted lines at most `max_flagged` findings may be flagged.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from logllm.signals.scan import describe, fetch, scan_logs


def unpacked(case: dict[str, Any], folder: Path, tmp: Path) -> list[str]:
    """Paths of the files of a case; packed ones are unpacked."""
    paths = []
    for name in case["files"]:
        source = folder / name
        if not source.exists():
            target = tmp / Path(name).name
            target.write_bytes(gzip.decompress((folder / f"{name}.gz").read_bytes()))
            source = target
        paths.append(str(source))
    return paths


def touches(finding: dict[str, Any], case: dict[str, Any]) -> bool:
    """Whether a finding names a planted line."""
    for line in finding["lines"]:
        name = os.path.basename(line.get("file", finding["file"]))
        if case.get("planted_file") and name != case["planted_file"]:
            continue
        if any(first <= line["number"] <= last for first, last in case["planted"]):
            return True
    return False


def judge(case: dict[str, Any], folder: Path, top: int = 10) -> dict[str, Any]:
    """Scan a case."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as tmp:
        result = scan_logs(unpacked(case, folder, Path(tmp)))
        shown = result.findings[:top]
        events = fetch(result, shown)
        findings = [describe(result, finding, events) for finding in shown]
    hits = [rank for rank, finding in enumerate(findings, 1) if touches(finding, case)]
    flagged = [finding for finding in findings if finding["is_anomalous"]]
    others = sum(not touches(finding, case) for finding in flagged) + max(len(result.flagged) - len(shown), 0)
    why = []
    if case["planted"]:
        if not hits:
            why.append("planted lines not among the findings")
        elif hits[0] > case["top"]:
            why.append(f"rank {hits[0]} > {case['top']}")
        elif not findings[hits[0] - 1]["is_anomalous"]:
            why.append("found, not flagged")
    if others > case["max_flagged"]:
        why.append(f"{others} others flagged > {case['max_flagged']}")
    return {
        "case": case["name"], "kind": case["kind"], "rank": hits[0] if hits else None, "flagged": len(result.flagged), "others": others,
        "seconds": round(time.perf_counter() - start, 2), "pass": not why, "why": "; ".join(why),
        "found": [(one["kind"], one["score"], one["first_line"], one["reason"][:150], one["lines"][0]["text"][:90]) for one in findings[:3]],
    }  # fmt: skip


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Passed cases by kind, planted faults found first, clean logs without a finding."""
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        kinds[row["kind"]].append(row)
    return {
        "passed": sum(row["pass"] for row in rows),
        "cases": len(rows),
        "seconds": round(sum(row["seconds"] for row in rows), 1),
        "by_kind": {kind: f"{sum(row['pass'] for row in part)}/{len(part)}" for kind, part in sorted(kinds.items())},
    }


def main() -> None:
    """Run the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="?", type=Path)
    parser.add_argument("--seeds", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--kinds", default="")
    parser.add_argument("--show", action="store_true", help="findings of each failed case")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        if args.seeds:
            from . import cases as made_up

            sys.argv = [
                "cases.py",
                "--seeds",
                args.seeds,
                "--out",
                made,
                *(["--kinds", args.kinds] if args.kinds else []),
            ]
            made_up.main()
            args.cases = Path(made) / "cases.json"
        cases = json.loads(args.cases.read_text(encoding="utf-8"))
        rows = []
        for case in cases:
            if args.only and not any(part in case["name"] for part in args.only.split(",")):
                continue
            if args.kinds not in ("", "further") and case["kind"] not in args.kinds.split(","):
                continue
            try:
                row = judge(case, args.cases.parent)
            except Exception as error:  # a case that fails is a result of the benchmark
                row = {"case": case["name"], "kind": case["kind"], "rank": None, "flagged": 0, "others": 0, "seconds": 0.0, "pass": False,
                       "why": f"{type(error).__name__}: {error}", "found": []}  # fmt: skip
            rows.append(row)
            if not row["pass"] or args.only:
                print(
                    f"{row['case']:40} {row['rank'] or '-':>4} {row['flagged']:4} {row['seconds']:6.2f} {row['why'] or 'pass'}  planted {case['planted'][:3]}",
                    flush=True,
                )
                if args.show or args.only:
                    for one in row["found"]:
                        print("      ", *one)
    print(json.dumps(summary(rows), indent=1))
    if args.out:
        from logllm.provenance import provenance

        args.out.write_text(
            json.dumps({"provenance": provenance(), "seeds": args.seeds, **summary(rows), "rows": rows}, indent=1)
            + "\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
