"""The tables of the scan's measurements: `benchmarks/results/scan.md`, from the JSON files beside it.

python -m benchmarks scan.render [--check]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.places import RESULTS

PAGE = RESULTS / "scan.md"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; None is a dash."""
    told = [
        ["-" if cell is None else f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in [list(head), ["---"] * len(head), *told])


def page() -> str:
    """The page as it is to be."""
    found = {name: json.loads((RESULTS / f"scan_{name}.json").read_text("utf-8")) for name in
             ("labelled", "logllama_value", "further", "further_clean", "made_up", "comparison")}  # fmt: skip
    labelled = [
        [row["log"], row["events"], row["flagged"], f"{row['top_ten_holding']} of {row['shown_top_ten']}", row["hit_at_1"],
         row["flagged_precision"], row["processor_seconds"]]
        for row in found["labelled"]["rows"]
    ]  # fmt: skip
    value = [
        [row["log"], row["way"], row["flagged"], row["false_findings"], row["faults_in_flagged"], row["top_ten_holding"],
         row["faults_in_top_hundred"], row["seconds_to_learn"], row["seconds_to_scan"]]
        for row in found["logllama_value"]["rows"] if row["log"] != "field"
    ]  # fmt: skip
    field = [
        [row["way"], f"{row['found']} of {row['planted']}", f"{row['found_first']} of {row['planted']}", row["false_findings"], row["seconds"]]
        for row in found["logllama_value"]["rows"] if row["log"] == "field"
    ]  # fmt: skip
    kinds = [
        [kind, passed]
        for name in ("made_up", "further", "further_clean")
        for kind, passed in found[name]["by_kind"].items()
    ]
    ways = [
        [row["way"], f"{row['found_first']} of {row['planted']}", f"{row['found']} of {row['planted']}", row["false_findings"],
         f"{row['clean_and_silent']} of {row['clean_logs']}", row["seconds_a_case"]]
        for row in found["comparison"]["rows"]
    ]  # fmt: skip
    seeds = ", ".join(f"{name} {found[name]['seeds']}" for name in ("made_up", "further", "further_clean"))
    return "\n\n".join([
        "# Scan\n\nWritten by `python -m benchmarks scan.render`.",
        "## On labelled logs\n\nThe labels are read after the scan. Kinds of wrong findings were looked for in BGL, mostly in its first half, and in "
        "Thunderbird; weights were fitted on made-up logs only. `python -m benchmarks scan.labelled`",
        table(["log", "events", "flagged", "of the ten highest hold an anomaly", "hit@1", "precision of flagged", "processor s"], labelled),
        "## What LogLLaMA adds\n\nThe first 40 % of each log are learnt from, the rest is scanned. A fault is an anomalous block (HDFS) or a kind "
        "of alert. `python -m benchmarks scan.logllama_value`",
        table(["log", "order judged by", "flagged", "false", "faults in flagged", "of the ten highest", "faults in the hundred highest",
               "s to learn", "s to scan"], value),
        f"Field cases ({len(next(row for row in found['logllama_value']['rows'] if row['log'] == 'field')['cases'])} logs, the model trained in the scan):",
        table(["order judged by", "found", "found first", "false", "processor s"], field),
        f"## Made-up cases\n\nSeeds that no setting was chosen on ({seeds}). `python -m benchmarks scan.field`",
        table(["kind", "passed"], kinds),
        "## Beside others, on the shared field cases\n\n`python -m benchmarks scan.compare`",
        table(["way", "found first", "found", "false findings", "clean logs without a finding", "s a case"], ways),
    ]) + "\n"  # fmt: skip


def main() -> int:
    """Write the page, or say with `--check` whether it is as it would be written."""
    text = page()
    if "--check" in sys.argv:
        return int(not PAGE.is_file() or PAGE.read_text("utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
