"""Weights of the five questions and the threshold, as fitted once by `benchmarks/scan/fit_weights.py`."""

from __future__ import annotations

WEIGHTS: dict[str, float] = {
    "new": 1.0, "grave": 1.0, "unexpected": 0.9, "missing": 1.0, "burst": 0.3, "drop": 0.3, "silence": 0.3, "value": 0.3, "prior": 1.0,
}  # fmt: skip
# Share of what further questions add to the strongest.
COMBINED = 0.3
# Log-odds from which a finding is flagged.
THRESHOLD = 0.95
