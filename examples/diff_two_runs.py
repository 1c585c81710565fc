"""Print what a bad run has that a good one has not: `python examples/diff_two_runs.py good.log bad.log`."""

import sys

from logllm import compare

*good, bad = sys.argv[1:] or ["examples/logs/good.log", "examples/logs/bad.log"]
for finding in compare(good, bad).flagged:
    print(f"{finding.kind}: {finding.reason}")
    for line in finding.lines:
        print("   ", line.number, line.text)
