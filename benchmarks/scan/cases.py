"""Write made-up cases of every kind: `python -m benchmarks scan.cases --seeds 0:4 --out DIR`, files and cases.json."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from . import further, generate
from .generate import KINDS, Case, write_case


def make_case(kind: str, seed: int) -> Case:
    """One case of a kind, of `generate` or of `further`."""
    if kind in further.KINDS or kind == "further_clean":
        return further.make_further(kind, seed)
    return generate.make_case(kind, seed)


def main() -> None:
    """Write one case of each kind and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0:4", help="first and last + 1, as 0:4")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    first, last = (int(part) for part in args.seeds.split(":"))
    rows = []
    for kind in further.KINDS if args.kinds == "further" else args.kinds.split(","):
        for seed in range(first, last):
            case = make_case(kind, seed)
            folder = args.out / case.name
            folder.mkdir(parents=True, exist_ok=True)
            row = write_case(case, folder)
            row["files"] = [f"{case.name}/{name}" for name in case.files]
            rows.append(row)
    (args.out / "cases.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(f"{len(rows)} cases in {args.out}")


if __name__ == "__main__":
    main()
