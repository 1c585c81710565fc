"""Weights of the five questions and the threshold, frozen.

`python -m benchmarks scan.fit_weights` fitted them on made-up logs of the seeds 300 to 303 (results/scan_weights.json): a nat of
order is worth 0.84 nats of "new", a nat of a burst 0.19, of a silence 0.18, of a drop 0.87. They are rounded, bursts, silences and
values to one weight; a drop, of which that set holds few that are false, gets less than was fitted. The prior by severity
(`candidates.STATED`, fitted 0.25, because made-up faults are found by novelty alone) keeps one: its nats were chosen as log-odds.
The threshold that leaves one false finding in twenty logs is 0.75 there; 1.2 is on the safe side of it.
"""

from __future__ import annotations

WEIGHTS: dict[str, float] = {
    "new": 1.0, "grave": 1.0, "unexpected": 0.9, "missing": 0.9, "burst": 0.3, "drop": 0.5, "silence": 0.3, "value": 0.3, "prior": 1.0,
}  # fmt: skip
# What is taken off before: the cost of looking at so many stretches and slots, beyond what the nats count.
OFFSETS: dict[str, float] = {"burst": 0.6, "drop": 0.6, "silence": 1.2, "value": 1.0}
# Share of what further questions add to the strongest.
COMBINED = 0.3
# Log-odds from which a finding is flagged.
THRESHOLD = 1.2
