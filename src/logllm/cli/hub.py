"""The commands that publish: `push model`, `dataset`, `space` and `metric`; and `space`, which serves it here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from logllm.cli.common import remark, say

push = typer.Typer(help="Publish a checkpoint, a dataset or the Space on the Hub.", no_args_is_help=True)


@push.command("model")
def push_model(
    folder: Annotated[Path, typer.Argument(help="Checkpoint folder.")],
    repo_id: Annotated[str, typer.Argument(help="OWNER/NAME.")],
    private: Annotated[bool, typer.Option(help="Make a private repository.")] = False,
) -> None:
    """Upload weights or adapter, processor, pipeline, code and card together."""
    from logllm.hub.push import push_model as upload

    say(upload(folder, repo_id, private=private))


@push.command("dataset")
def push_dataset(
    folder: Annotated[Path, typer.Argument(help="Folder that `logllm build` wrote.")],
    repo_id: Annotated[str, typer.Argument(help="OWNER/NAME.")],
    private: Annotated[bool, typer.Option(help="Make a private repository.")] = False,
) -> None:
    """Upload every configuration, its templates, statistics and the card."""
    from logllm.hf_datasets import push_dataset as upload

    say(upload(folder, repo_id, private=private))


@push.command("metric")
def push_metric(
    repo_id: Annotated[str, typer.Argument(help="OWNER/NAME; `evaluate.load` takes the same.")],
    folder: Annotated[
        Path | None, typer.Option(help="In place of the checkout's benchmarks/metrics/log_anomaly.")
    ] = None,
    private: Annotated[bool, typer.Option(help="Make a private repository.")] = False,
) -> None:
    """Upload the metric of the benchmarks as a module for `evaluate`."""
    from logllm.hub.push import push_metric as upload

    say(upload(repo_id, folder=folder, private=private))


@push.command("space")
def push_space(
    repo_id: Annotated[str, typer.Argument(help="OWNER/NAME.")],
    folder: Annotated[Path | None, typer.Option(help="In place of the checkout's spaces_demo/.")] = None,
    private: Annotated[bool, typer.Option(help="Make a private repository.")] = False,
) -> None:
    """Put the Space together and upload it: page, package, checkpoints, examples, results."""
    from logllm.hub.push import push_space as upload

    say(upload(repo_id, folder=folder, private=private))


def space(
    out: Annotated[
        Path | None, typer.Option(help="Put it together here, as it is published, and run it there.")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="In place of the checkout's spaces_demo/.")] = None,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 7860,
    run: Annotated[bool, typer.Option(help="Serve the page.")] = True,
) -> None:
    """Serve the Space on this machine."""
    from logllm.hub.space import assemble, run_space, source_folder

    served = folder or source_folder()
    if out is not None:
        remark(f"{len(assemble(out, served)):,} files in {out}")
        served = out
    if run:
        run_space(served, port)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(space)
    app.add_typer(push, name="push")
