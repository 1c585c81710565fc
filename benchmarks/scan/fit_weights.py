"""Fit what one nat of each question is worth, and check the threshold, on made-up logs of the seeds for settings.

    python -m benchmarks scan.fit_weights [--seeds 300:306] [--out benchmarks/results/scan_weights.json]

Every candidate of a log is one row: the nats of its question, the prior by its severity, and whether it touches the
planted lines. A logistic regression without negative weights (projected gradient, L2) gives log-odds a nat; they are
scaled so that one nat of "new" is one. `src/logllm/signals/weights.py` holds what was frozen. The threshold is the
lowest at which the clean logs of these seeds give fewer than one false finding in twenty logs.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from logllm.provenance import provenance
from logllm.signals.scan import scan_logs
from logllm.signals.weights import OFFSETS, THRESHOLD, WEIGHTS

from . import further
from .cases import make_case
from .generate import KINDS, write_case

GROUPS = {"new": 0, "grave": 0, "missing": 1, "unexpected": 1, "burst": 2, "silence": 3, "value": 4, "drop": 5}
NAMES = ("new", "order", "burst", "silence", "value", "drop", "prior")


def rows_of_case(kind: str, seed: int, folder: Path) -> tuple[list[list[float]], list[int], list[float]]:
    """(features, whether planted, scores of findings that are not planted) of one case."""
    case = make_case(kind, seed)
    row = write_case(case, folder)
    paths = [folder / name for name in case.files]
    result = scan_logs(paths)
    wanted = case.planted_file
    features, planted, false = [], [], []

    def touches(place: int) -> bool:
        source, number = result.table.place(place)
        return (not wanted or paths[source].name == wanted) and any(a <= number <= b for a, b in case.planted)

    for finding in result.findings:
        hit = any(touches(place) for place in finding.rows)
        if not hit:
            false.append(float(finding.score))
        for one in finding.candidates[:3]:
            values = [0.0] * len(NAMES)
            values[GROUPS[one.question]] = float(one.nats)
            values[-1] = float(one.prior)
            features.append(values)
            planted.append(int(any(touches(place) for place in one.rows)))
    del row
    return features, planted, false


def fit(
    features: np.ndarray, planted: np.ndarray, steps: int = 20_000, penalty: float = 1e-3
) -> tuple[np.ndarray, float]:
    """(weights >= 0, constant) of a logistic regression; both classes count alike."""
    weights, constant = np.full(features.shape[1], 0.1), 0.0
    share = planted.mean()
    balance = np.where(planted == 1, 0.5 / share, 0.5 / (1 - share))
    for _ in range(steps):
        error = balance * (1 / (1 + np.exp(-(features @ weights + constant))) - planted)
        weights = np.maximum(weights - 0.02 * (features.T @ error / len(planted) + penalty * weights), 0)
        constant -= 0.02 * float(error.mean())
    return weights, constant


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="300:306")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    first, last = (int(part) for part in args.seeds.split(":"))
    features: list[list[float]] = []
    planted: list[int] = []
    false: list[float] = []
    logs = 0
    with tempfile.TemporaryDirectory() as tmp:
        for kind in (*KINDS, *further.KINDS, "further_clean"):
            for seed in range(first, last):
                folder = Path(tmp) / f"{kind}{seed}"
                folder.mkdir()
                one, hits, scores = rows_of_case(kind, seed, folder)
                features += one
                planted += hits
                false += scores
                logs += 1
    weights, constant = fit(np.array(features), np.array(planted))
    scaled = dict(zip(NAMES, (weights / weights[0]).round(3).tolist()))
    false.sort(reverse=True)
    found: dict[str, Any] = {
        "seeds": args.seeds, "logs": logs, "candidates": len(planted), "planted": sum(planted),
        "weights_a_nat_of_new": scaled, "constant": round(constant / float(weights[0]), 3),
        "threshold_at_one_false_in_twenty_logs": round(false[min(logs // 20, len(false) - 1)], 3) if false else None,
        "false_findings_at_the_frozen_threshold": sum(score >= THRESHOLD for score in false),
        "frozen": {"weights": WEIGHTS, "offsets": OFFSETS, "threshold": THRESHOLD},
    }  # fmt: skip
    print(json.dumps(found, indent=1))
    if args.out:
        args.out.write_text(json.dumps({"provenance": provenance(), **found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
