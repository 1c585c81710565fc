"""Weights of the five questions and the threshold, as fitted once by `benchmarks/scan/fit_weights.py`."""

from __future__ import annotations

WEIGHTS: dict[str, float] = {
    "new": 1.0, "grave": 1.0, "unexpected": 0.9, "missing": 1.0, "burst": 0.35, "drop": 0.35, "silence": 0.35, "value": 0.3, "prior": 1.0,
}  # fmt: skip
# What is taken off before: the cost of looking at so many stretches and slots, beyond what the nats count.
OFFSETS: dict[str, float] = {"burst": 1.2, "drop": 1.2, "silence": 1.8, "value": 1.0}
# Share of what further questions add to the strongest.
COMBINED = 0.3
# Log-odds from which a finding is flagged.
THRESHOLD = 1.2
