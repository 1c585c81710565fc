"""The fuzz targets under atheris, which looks at what code a case reaches and builds on it.

    pip install atheris   # not a dependency: it needs a compiler or a wheel for this Python
    python -m tests.fuzz.atheris_run --seconds 3600
    python -m tests.fuzz.atheris_run --seconds 300 --target files   # again, when its finding is mended

Notes: LibFuzzer ends its process at the first finding and never comes back, so each target runs in a process of
its own, in turn; a finding goes to `tests/corpus/`, where the tests run it for ever after. Figures go to `results/fuzzing.json`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from logllm.provenance import commit, provenance

ROOT = Path(__file__).resolve().parents[2]
PARSERS = (
    "lines",
    "guess",
    "windows",
    "templates",
    "unwrap",
    "otlp",
    "times",
    "systems",
    "files",
    "labels",
    "masking",
    "columns",
)


def under_atheris(name: str, arguments: list[str]) -> None:
    """Fuzz one target in this process until libFuzzer has had enough."""
    import atheris

    with atheris.instrument_imports(include=["logllm"]):
        from . import targets as fuzz_targets

    atheris.Setup([sys.argv[0], *arguments], lambda data: fuzz_targets.run_case(name, bytes(data)) and None)
    atheris.Fuzz()


def in_turn(names: list[str], seconds: float) -> dict[str, Any]:
    """Every target for its share of the time; returns runs, features reached, findings and commit of each."""
    from .cases import CORPUS, seeds

    CORPUS.mkdir(exist_ok=True)
    rows = {}
    for name in names:
        made_by = commit()
        with tempfile.TemporaryDirectory() as folder:
            for at, data in enumerate(seeds(name)):
                (Path(folder) / f"seed-{at}").write_bytes(data)
            share = max(int(seconds / len(names)), 1)
            limits = [
                f"-max_total_time={share}",
                "-timeout=10",
                "-max_len=8000",
                "-rss_limit_mb=4096",
                "-print_final_stats=1",
            ]
            started = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-m", "tests.fuzz.atheris_run", "--under", name, *limits, f"-artifact_prefix={CORPUS}/{name}-", folder],
                capture_output=True, text=True, errors="replace", cwd=ROOT,
            )  # fmt: skip
        runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        reached = re.findall(r"\bft: (\d+)", done.stderr)
        found = re.findall(r"Test unit written to \S*/(\S+)", done.stderr)
        rows[name] = {
            "seconds": round(time.monotonic() - started, 1),
            "runs": int(runs[1]) if runs else 0,
            "features": int(reached[-1]) if reached else 0,
            "findings": found,
            "commit": made_by,
        }
        sys.stderr.write(f"{name}: {json.dumps(rows[name])}\n")
        if done.returncode and not found:
            sys.stderr.write(done.stderr[-1500:] + "\n")
    return rows


def with_former(rows: dict[str, Any], former: dict[str, Any] | None) -> dict[str, Any]:
    """Totals over the targets; one that ran alone takes its former row's place, whose findings stay told as mended."""
    before = (former or {}).get("targets", {})
    every = {**before, **rows}
    mended = list((former or {}).get("mended", []))
    for name in rows.keys() & before.keys():
        mended += before[name]["findings"]
    return {
        "seconds": round(sum(row["seconds"] for row in every.values()), 1),
        "runs": sum(row["runs"] for row in every.values()),
        "findings": sum(len(row["findings"]) for row in every.values()),
        "mended": mended,
        "targets": every,
    }


def main() -> int:
    """Fuzz, and write the figures; exit code 1 where something was found."""
    if sys.argv[1:2] == ["--under"]:
        under_atheris(sys.argv[2], sys.argv[3:])
        return 0
    from .run import RESULT

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--target", choices=PARSERS)
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    results = json.loads(args.out.read_text("utf-8")) if args.out.is_file() else {}
    rows = in_turn([args.target] if args.target else list(PARSERS), args.seconds)
    found = with_former(rows, results.get("atheris") if args.target else None)
    results["atheris"] = {**found, "made": provenance(("logllm", "atheris"))}
    args.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    return 1 if found["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
