"""Time and memory of building, fitting, watching, scoring, and of the Space."""

import argparse
import json
import re
import sys

from logllm.provenance import provenance


def written(args: argparse.Namespace, result: dict, **more: object) -> None:
    """Print a measurement with its provenance, and write it to `args.out` where that is given."""
    whole = {
        "measurement": args.what,
        **result,
        "seed": args.seed,
        **more,
        **provenance(),
        "command": re.sub(r"(?<= )/\S+", "PLACE", " ".join(["python", *sys.argv])),
    }
    text = json.dumps(whole, indent=1) + "\n"
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text, "utf-8")
    sys.stdout.write(text)
