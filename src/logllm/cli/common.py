"""What all commands share: options, and how results and remarks are written."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

Seed = Annotated[int, typer.Option(help="Seed; the same seed gives the same result.")]

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")]

Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]


def say(text: str = "") -> None:
    """Write a line of result."""
    sys.stdout.write(text + "\n")


def remark(text: str) -> None:
    """Write a line beside the result."""
    sys.stderr.write(text + "\n")
