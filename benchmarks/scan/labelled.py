"""Scan logs whose lines or sessions are labelled, and say how many of the ten highest findings hold an anomaly.

    python -m benchmarks scan.labelled [--out benchmarks/results/scan_labelled.json]

The labels are read here, after the scan: the judgement never sees them (the first column of BGL and Thunderbird is
left out by the format, and is no field by which anything is counted). Kinds of wrong findings were looked for in BGL, mostly in its
first half, and in Thunderbird; weights are fitted on made-up logs only. hit@1 of lines: of the findings that hold an anomaly, the share whose leading line is one.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from logllm.provenance import provenance
from logllm.signals.scan import ScanResult, fetch, scan_logs

SHARED = Path(os.environ.get("LOGLLM_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"
_BLOCK = re.compile(r"blk_-?\d+")


def hdfs_labels() -> set[str]:
    """The anomalous blocks."""
    with (SHARED / "hdfs/anomaly_label.csv").open() as stream:
        return {row["BlockId"] for row in csv.DictReader(stream) if row["Label"] == "Anomaly"}


def measure(name: str, paths: list[Path], shown: int = 100) -> dict[str, Any]:
    """Scan and compare with the labels."""
    blocks = hdfs_labels() if name == "hdfs" else set()

    def anomalous(text: str) -> bool:
        return any(block in blocks for block in _BLOCK.findall(text)) if blocks else not text.startswith("- ")

    start = time.process_time()
    result: ScanResult = scan_logs(paths)
    seconds = time.process_time() - start
    findings = result.findings[:shown]
    events = fetch(result, findings)
    holds, leads, kinds = [], [], []
    for finding in findings:
        lines = [text for row in finding.rows for text in events[row].lines]
        holds.append(any(map(anomalous, lines)))
        leads.append(anomalous(events[finding.lead.lead].lines[0]))
        kinds.append(
            (
                finding.kind,
                round(finding.score, 2),
                finding.is_anomalous,
                holds[-1],
                leads[-1],
                events[finding.lead.lead].lines[0][:140],
                finding.reason[:120],
            )
        )
    flagged = [place for place, finding in enumerate(findings) if finding.is_anomalous]
    held = [place for place in range(len(findings)) if holds[place]]
    return {
        "log": name, "events": len(result.table), "processor_seconds": round(seconds, 2), "flagged": len(result.flagged),
        "top_ten_holding": sum(holds[:10]), "shown_top_ten": min(10, len(findings)),
        "hit_at_1": round(sum(leads[place] for place in held) / len(held), 3) if held else None,
        "flagged_precision": round(sum(holds[place] for place in flagged) / len(flagged), 3) if flagged else None,
        "findings": kinds[:12],
    }  # fmt: skip


def _later_half(path: Path, folder: Path) -> Path:
    """The second half of a log: settings were chosen on the first one."""
    lines = path.read_bytes().splitlines(keepends=True)
    out = folder / path.name
    out.write_bytes(b"".join(lines[len(lines) // 2 :]))
    return out


def main() -> None:
    """Measure the three logs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    blocks = sorted((SHARED / "thunderbird").glob("TB_*block*.log"))
    later = _later_half(SHARED / "bgl/BGL_thinned.log", Path(tempfile.mkdtemp()))
    logs = {
        "bgl second half": [later],
        "hdfs": [SHARED / "hdfs/HDFS_2pct.log"], "bgl": [SHARED / "bgl/BGL_thinned.log"], "thunderbird": blocks,
        "bgl_head (no alert)": [SHARED / "bgl/BGL_head10k.log"], "thunderbird_head (no alert)": [SHARED / "thunderbird/TB_head.log"],
    }  # fmt: skip
    rows = []
    for name, paths in logs.items():
        if args.only and not name.startswith(args.only):
            continue
        rows.append(measure(name, paths))
        print(json.dumps({key: value for key, value in rows[-1].items() if key != "findings"}))
        for finding in rows[-1]["findings"]:
            print("    ", *finding)
    if args.out:
        for row in rows:  # lines of the logs are shown, not kept: their licence is for research only
            row["findings"] = [finding[:5] for finding in row["findings"]]
        args.out.write_text(json.dumps({"provenance": provenance(), "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
