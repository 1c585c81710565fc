"""The command for more windows than one process scores: `logllm score`. `add_to` hangs it into the `logllm` command."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer


class Engine(StrEnum):
    """Who scores the shards."""

    local = "local"
    torchrun = "torchrun"
    ray = "ray"


def score(
    dataset: Annotated[
        str, typer.Option(help="Folder that `logllm build` wrote, OWNER/NAME, or an address: hf://, s3://.")
    ],
    model: Annotated[str, typer.Option(help="Checkpoint folder or Hub id.")],
    out: Annotated[str, typer.Option(help="Folder or address; what is there already is gone on with.")],
    engine: Annotated[Engine, typer.Option(help="This process, torchrun's, or a Ray cluster.")] = Engine.local,
    config: Annotated[str | None, typer.Option(help="Configuration, where the dataset has several.")] = None,
    split: Annotated[str | None, typer.Option(help="train, validation or test; by default all.")] = None,
    workers: Annotated[int | None, typer.Option(help="Ray: actors; by default one a graphics card or core.")] = None,
    threads: Annotated[int, typer.Option(help="Threads of a worker; more than one may change last bits.")] = 1,
    shard_rows: Annotated[int, typer.Option(help="Windows of a shard at most.")] = 20_000,
    address: Annotated[str | None, typer.Option(help="Of a running Ray cluster.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Score the windows of a dataset into Parquet, shard by shard, on one process or many."""
    from logllm.cluster import score as run

    found = run(
        dataset,
        model,
        out,
        engine=engine.value,
        config=config,
        split=split,
        workers=workers,
        threads=threads,
        shard_rows=shard_rows,
        address=address,
        progress=not quiet,
    )
    if found:  # under torchrun the first process speaks
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stderr.write(f"scores in {out}\n")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(score)
