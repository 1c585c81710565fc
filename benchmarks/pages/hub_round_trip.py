"""The table of what was published to a loopback Hub and came back: results/hub_round_trip.json.

    python benchmarks/pages/hub_round_trip.py

Each kind is loaded by its id in a process that has no `logllm` (the Space: its own copy), and its scores are compared.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "hub_round_trip.json"


def main() -> None:
    """Make the trip and write the table."""
    sys.path.insert(0, str(ROOT / "tests"))
    from round_trip import round_trip

    with tempfile.TemporaryDirectory() as folder:
        rows = round_trip(Path(folder))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    RESULT.write_text(json.dumps({"commit": commit, "rows": rows}, indent=1) + "\n", "utf-8")
    print(RESULT.read_text("utf-8"))


if __name__ == "__main__":
    main()
