"""Seconds and memory of `logllm diff`, whole process: 20,000 lines against 20,000, and a million against a million.

    python -m benchmarks.diff.speed

The logs are made here from a seed: a build of which a part fails, and a service in which one line in a million is new.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.diff.run import RESULTS, provenance

WORDS = [
    f"{first}{last}"
    for first in ("ca", "de", "li", "mo", "nu", "re", "sto", "tra")
    for last in ("ber", "che", "ndle", "quest", "ry", "tch")
]


def build_log(lines: int, failed: bool, seed: int) -> list[str]:
    """A build: half of its lines have words that no other run has; a failed one ends in 500 lines of errors."""
    draw = random.Random(seed)
    made = []
    for at in range(lines):
        stamp = f"2026-01-01T00:{at // 60 % 60:02d}:{at % 60:02d}.{draw.randint(0, 9999999):07d}Z"
        if at % 500 == 0:
            made.append(f"{stamp} ##[group]Run step {at // 500}")
        elif failed and at > lines - 500:
            made.append(
                f"{stamp} src/{draw.choice(WORDS)}.c:{at}:5: error: '{draw.choice(WORDS)}_{draw.choice(WORDS)}' undeclared"
            )
        else:
            extra = f" {draw.choice(WORDS)}.{draw.choice(WORDS)}.{draw.choice(WORDS)}" if at % 2 else ""
            made.append(
                f"{stamp} compiling {draw.choice(WORDS)}/{draw.choice(WORDS)} in {draw.randint(1, 900)} ms{extra}"
            )
    return made


def service_log(lines: int, failed: bool, seed: int) -> list[str]:
    """A service of 40 kinds of message with ids, addresses and durations."""
    draw = random.Random(seed)
    same = random.Random(0)  # the messages are those of the program, not of the run
    kinds = [f"INFO dfs.{same.choice(WORDS)}: {' '.join(same.choice(WORDS) for _ in range(5))}" for _ in range(40)]
    made = [
        f"2026-01-01 {at // 3600 % 24:02d}:{at // 60 % 60:02d}:{at % 60:02d} {kinds[draw.randrange(40)]} blk_{draw.randint(0, 10**15)} "
        f"src 10.0.{at % 250}.{at % 199} in {draw.randint(1, 99)} ms"
        for at in range(lines)
    ]
    if failed:
        made[lines // 2] = "2026-01-01 12:00:00 ERROR dfs.disk: java.io.IOException: no space left on device"
    return made


def measured(good: Path, bad: Path) -> dict[str, Any]:
    """Processor seconds, wall clock and peak memory of one run of the command."""
    start = time.perf_counter()
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "logllm", "diff", str(good), str(bad), "--json"],
        dict(os.environ),
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(child, 0)
    return {
        "exit": os.waitstatus_to_exitcode(status),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "wall_seconds": round(time.perf_counter() - start, 2),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


def main() -> None:
    """Measure and write `results/diff_speed.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS / "diff_speed.json")
    arguments = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for title, make, lines in (
            ("20,000 lines of a build", build_log, 20_000),
            ("1,000,000 lines of a service", service_log, 1_000_000),
        ):
            good, bad = Path(folder) / "good.log", Path(folder) / "bad.log"
            good.write_text("\n".join(make(lines, False, 1)) + "\n", "utf-8")
            bad.write_text("\n".join(make(lines, True, 2)) + "\n", "utf-8")
            rows[title] = measured(good, bad)
            sys.stdout.write(f"{title}: {rows[title]}\n")
    arguments.out.write_text(json.dumps({**provenance(), "seeds": [1, 2], "rows": rows}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
