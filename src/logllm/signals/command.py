"""`logllm scan`: arguments in, findings out.

    python -m logllm.signals.command LOG... --json
"""

from __future__ import annotations

import argparse
import json
import sys

from .scan import describe, fetch, head, scan_logs


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="+")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--top", type=int, default=10)
    args = parser.parse_args(arguments)
    result = scan_logs(args.logs)
    shown = result.findings[: args.top]
    events = fetch(result, shown)
    sys.stdout.write(json.dumps({"head": head(result, len(shown))}) + "\n")
    for rank, finding in enumerate(shown, 1):
        sys.stdout.write(json.dumps({"rank": rank, **describe(result, finding, events)}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
