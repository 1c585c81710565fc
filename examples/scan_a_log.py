"""Scan a log and print the findings: `python examples/scan_a_log.py app.log`."""

import sys

from logllm import scan_logs
from logllm.signals.command import rows_of

result = scan_logs(sys.argv[1:] or ["examples/logs/app.log"])
for finding in rows_of(result, result.flagged):
    print(f"{finding['file']}:{finding['first_line']}  {finding['kind']}  {finding['reason']}")
    for line in finding["lines"]:
        print("   ", line["number"], line["text"])
