"""What transformers' own tests say of both families: results/transformers_suites.json.

    python benchmarks/pages/transformers_suites.py

Counts of passed and skipped tests, and every reason for a skip with how many tests it concerns: those of this project
(tests/test_transformers_suites.py, `SKIPPED`) and transformers' own (no graphics card, no image processor, ...).
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import transformers

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "transformers_suites.json"


def main() -> None:
    """Run the suites and write the summary."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "tests/test_transformers_suites.py", "-q", f"--junitxml={report}"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        before = os.times()
        subprocess.run(command, cwd=ROOT, env=environment, capture_output=True)
        seconds = sum(os.times()[2:4]) - sum(before[2:4])
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    rows: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    failed = []
    for case in cases:
        suite, skip = case.get("classname", "").rpartition(".")[2], case.find("skipped")
        outcome = "skipped" if skip is not None else "passed"
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = "failed"
            failed.append(f"{suite}::{case.get('name')}")
        rows.setdefault(suite, Counter())[outcome] += 1
        if skip is not None:
            told = re.sub(r"<class '([\w.]*\.)?(\w+)'>", r"\2", skip.get("message", "").removeprefix("Skipped: "))
            reasons.setdefault(suite, Counter())[told] += 1
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT
    ).stdout.strip()
    record = {
        "commit": commit,
        "transformers": transformers.__version__,
        "core_seconds": round(seconds, 1),
        "suites": {suite: dict(sorted(counts.items())) for suite, counts in rows.items()},
        "failed": failed,
        "reasons": {suite: dict(counts.most_common()) for suite, counts in reasons.items()},
    }
    RESULT.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(json.dumps({key: record[key] for key in ("core_seconds", "suites", "failed")}, indent=1))


if __name__ == "__main__":
    main()
