"""Failures without a good run: the failed logs of the labelled pairs alone, and failed RPM builds.

    python -m benchmarks diff.alone [--seeds 0,1,2]

The pairs are cross-validated by project. The RPM builds (`logdetective`) are judged by a ranker trained on all pairs;
none of them took part in training, but their formats were looked at when the kinds of line were written. Counted are
builds with a line of the stated cause among the first ten findings.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.diff.pairs import describe, read_pairs, shared
from benchmarks.diff.run import RESULTS, cross_validated, measure, provenance, summary
from benchmarks.diff.train import SEEDS
from logllm.diff import ranker
from logllm.diff.compare import judge
from logllm.diff.features import says_failed
from logllm.diff.good import read_good
from logllm.diff.sources import line_chunks
from logllm.diff.table import make_table


def rpm_builds(folder: Path) -> list[dict[str, Any]]:
    """Of each file with something to show: the rank of the first finding that touches it, and how much is shown."""
    rows = []
    for build in json.loads((folder / "builds.json").read_text("utf-8")):
        for file in build["files"]:
            wanted = {number for low, high in file["show"] for number in range(low, high + 1)}
            table = make_table(line_chunks(str(folder / file["file"])), None)
            found = judge(table, read_good([]), file["file"]).findings
            hits = [rank for rank, one in enumerate(found, 1) if wanted & {line.number for line in one.lines}]
            shown = {line.number for one in found if one.is_anomalous for line in one.lines}
            rows.append({
                "build": build["id"], "file": file["file"], "lines": file["lines"], "wanted": len(wanted),
                "rank": hits[0] if hits else None, "findings": len(found), "lines_shown": len(shown),
                "recall": round(len(shown & wanted) / len(wanted), 4) if wanted else None,
            })  # fmt: skip
    return rows


def main() -> None:
    """Measure and write `results/diff_alone.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--out", type=Path, default=RESULTS / "diff_alone.json")
    arguments = parser.parse_args()
    seeds = tuple(int(one) for one in arguments.seeds.split(","))
    builds = rpm_builds(shared("logdetective"))
    for row in builds:
        sys.stdout.write(
            f"{row['file']:34} wanted {row['wanted']:4} rank {row['rank']} lines shown {row['lines_shown']} of {row['lines']}\n"
        )
    told = [row for row in builds if row["wanted"]]
    within = sum(row["rank"] is not None and row["rank"] <= 10 for row in told)
    sys.stdout.write(f"cause among the first ten findings in {within} of {len(told)} builds\n")
    pairs = read_pairs(shared("cidiff") / "pairs")
    items = [describe(pair, alone=True) for pair in pairs]
    rankers = cross_validated(items, seeds)
    rows = []
    for item in items:
        probability = np.zeros(len(item.pair.bad))
        probability[item.rows] = rankers[item.pair.project].probabilities(item.names, item.values)
        shown = np.flatnonzero(ranker.chosen(probability, says_failed(item.table), ranker.BETA_ALONE))
        rows.append(measure(item.pair, (shown[np.argsort(-probability[shown], kind="stable")] + 1).tolist()))
    figures = summary(rows, pairs)
    sys.stdout.write(
        f"failed logs alone: {json.dumps({key: value for key, value in figures.items() if key != 'f1_by_project'})}\n"
    )
    result = {**provenance(), "seeds": list(seeds), "split": "leave one project out", "beta": ranker.BETA_ALONE,
              "rpm_builds": {"within_ten": within, "builds": len(told), "rows": builds}, "failed_logs_alone": {**figures, "rows": rows}}  # fmt: skip
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
