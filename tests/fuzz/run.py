"""Somebody means harm: a million fuzz cases over everything that reads a log, and two hundred corrupted files.

    POLARS_MAX_THREADS=1 python -m tests.fuzz.run fuzz --cases 1000000   # seeded; 13 targets (`fuzz_targets.py`)
    python -m tests.fuzz.run corrupt --files 200   # checkpoints, datasets, states (`corrupt_files.py`)

Notes: A case that crashes or takes over a second is written to `tests/corpus/`, where the tests run it for ever
after. Cheap targets get more of the cases than dear ones, all of them some. Results go to `results/fuzzing.json`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from logllm.provenance import provenance

from .cases import CORPUS, cases
from .targets import TARGETS, run_case

RESULT = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "fuzzing.json"
HANG_SECONDS = 1.0  # of the process's own time: a busy machine is no hang
GIVE_UP_SECONDS = 60
# Cases that a target gets for each that another gets.
WEIGHTS = {
    "guess": 2, "unwrap": 2, "times": 2, "labels": 2, "otlp": 0.5, "systems": 0.5, "templates": 0.5, "masking": 0.4,
    "columns": 0.25, "processors": 0.2,
}  # fmt: skip


class Hang(BaseException):
    """A case was stopped; no `except Exception` of the code under fire takes it."""


def _stop(*_: Any) -> None:
    raise Hang(f"over {GIVE_UP_SECONDS} s")


def fuzz(count: int, seed: int, keep: bool = True, only: str | None = None) -> dict[str, Any]:
    """Run the cases; returns the figures of each target and what was found."""
    signal.signal(signal.SIGALRM, _stop)
    names = [only] if only else list(TARGETS)
    share = count / sum(WEIGHTS.get(name, 1) for name in names)
    rows: dict[str, Any] = {}
    findings: list[Any] = []
    known: set[tuple[str, str]] = set()
    for name in names:
        row = {"cases": 0, "refused": 0, "crashes": 0, "hangs": 0, "slowest_seconds": 0.0}
        begun = time.process_time()
        with suppress(Exception):
            run_case(name, next(cases(name, 1, seed)))  # what is loaded once is nobody's hang
        for data in cases(name, max(round(share * WEIGHTS.get(name, 1)), 1), seed):
            row["cases"] += 1
            started = time.process_time()
            what = ""
            signal.alarm(GIVE_UP_SECONDS)
            try:
                row["refused"] += run_case(name, data)
            except KeyboardInterrupt:
                raise
            except Hang as error:
                what = str(error)
            except BaseException as error:
                what = f"{type(error).__name__}: {error}"[:300]
                row["crashes"] += 1
                sys.stderr.write("".join(traceback.format_exception(error)[-3:]))
            finally:
                signal.alarm(0)
            took = time.process_time() - started
            row["slowest_seconds"] = round(max(row["slowest_seconds"], took), 3)
            if took > HANG_SECONDS:
                row["hangs"] += 1
                what = what or f"took {took:.2f} s"
            alike = (name, what.partition(" at ")[0])  # one file of a kind is enough for the corpus
            if what and alike not in known and len(findings) < 200:
                known.add(alike)
                findings.append(
                    {"target": name, "what": what, "bytes": len(data), "file": _keep(name, data) if keep else ""}
                )
        row["seconds"] = round(time.process_time() - begun, 1)
        rows[name] = row
        sys.stderr.write(f"{name}: {json.dumps(row)}\n")
    total = {key: sum(row[key] for row in rows.values()) for key in ("cases", "refused", "crashes", "hangs")}
    total["slowest_seconds"] = max(row["slowest_seconds"] for row in rows.values())
    return {"seed": seed, **total, "targets": rows, "findings": findings}


def _keep(name: str, data: bytes) -> str:
    CORPUS.mkdir(exist_ok=True)
    file = CORPUS / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
    file.write_bytes(data)
    return file.name


def main() -> int:
    """Run one kind of test and write its figures; exit code 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fuzz", "corrupt"))
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    if args.what == "fuzz":
        found = fuzz(args.cases, args.seed, only=args.target)
        bad = found["crashes"] + found["hangs"]
    else:
        from .corrupt_files import corrupt

        found = corrupt(args.files, args.seed)
        bad = found["loaded"] + found["no_sentence"]
    results = json.loads(args.out.read_text("utf-8")) if args.out.is_file() else {}
    results[args.what] = {**found, "made": provenance(("logllm", "polars", "pyarrow"))}
    args.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    sys.stdout.write(
        json.dumps({key: value for key, value in found.items() if not isinstance(value, dict | list)}) + "\n"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
