"""Weights of the five questions and the threshold, frozen.

`python -m benchmarks scan.fit_weights` fitted them on made-up logs of the seeds 300 to 304 (results/scan_weights.json): a nat of
order is worth 0.91 nats of "new", a nat of a burst 0.31, of a silence 0.24. They are rounded. Two weights are not the
fitted ones: that set holds few unusual values (fitted 0.03), whose weight is set to that of bursts; and the prior by
severity (`candidates.STATED`, fitted 0.56) keeps one, because its nats were chosen as log-odds. The threshold that leaves
one false finding in twenty logs is 0.75 there; 1.2 is on the safe side of it (2 false findings in 95 logs).
"""

from __future__ import annotations

WEIGHTS: dict[str, float] = {
    "new": 1.0, "grave": 1.0, "unexpected": 0.9, "missing": 0.9, "burst": 0.3, "drop": 0.3, "silence": 0.3, "value": 0.3, "prior": 1.0,
}  # fmt: skip
# What is taken off before: the cost of looking at so many stretches and slots, beyond what the nats count.
OFFSETS: dict[str, float] = {"burst": 0.6, "drop": 0.6, "silence": 1.2, "value": 1.0}
# Share of what further questions add to the strongest.
COMBINED = 0.3
# Log-odds from which a finding is flagged.
THRESHOLD = 1.2
