"""What all commands share: options, and how results and remarks are written."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from logllm.redaction import without_secrets

Seed = Annotated[int, typer.Option(help="Seed of the random numbers; the same seed gives the same result.")]

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress bars.")]

Json = Annotated[bool, typer.Option("--json", help="Write JSON to standard output, for programs.")]


def say(text: str = "") -> None:
    """Write a line of result."""
    sys.stdout.write(text + "\n")


def remark(text: str) -> None:
    """Write a line beside the result, without secrets."""
    sys.stderr.write(without_secrets(text) + "\n")


def check_logs(paths: Iterable[Path]) -> None:
    """Refuse logs that are missing, folders or empty, before a command loads torch.

    Raises:
        LogInputError: one of them is.
    """
    from logllm.hf_datasets.reading.lines import check_file

    for path in paths:
        check_file(path)
