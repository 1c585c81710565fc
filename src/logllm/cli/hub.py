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
    repo_id: Annotated[str, typer.Argument(help="Repository OWNER/NAME.")],
    private: Annotated[bool, typer.Option(help="Make the repository private.")] = False,
) -> None:
    """Publish a checkpoint: weights or adapter, processor, pipeline, code and card together.

    Example: logllm push model model OWNER/NAME
    """
    from logllm.hub.push import push_model as upload

    say(upload(folder, repo_id, private=private))


@push.command("dataset")
def push_dataset(
    folder: Annotated[Path, typer.Argument(help="Folder that `logllm build` wrote.")],
    repo_id: Annotated[str, typer.Argument(help="Repository OWNER/NAME.")],
    private: Annotated[bool, typer.Option(help="Make the repository private.")] = False,
) -> None:
    """Publish a dataset: every configuration, its templates, statistics and the card.

    Example: logllm push dataset data OWNER/NAME --private
    """
    from logllm.hf_datasets import push_dataset as upload

    say(upload(folder, repo_id, private=private))


@push.command("metric")
def push_metric(
    repo_id: Annotated[str, typer.Argument(help="Repository OWNER/NAME, as `evaluate.load` takes it.")],
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder of the metric; by default benchmarks/metrics/log_anomaly of the checkout."),
    ] = None,
    private: Annotated[bool, typer.Option(help="Make the repository private.")] = False,
) -> None:
    """Publish the metric of the benchmarks as a module for `evaluate`.

    Example: logllm push metric OWNER/NAME
    """
    from logllm.hub.push import push_metric as upload

    say(upload(repo_id, folder=folder, private=private))


@push.command("space")
def push_space(
    repo_id: Annotated[str, typer.Argument(help="Repository OWNER/NAME.")],
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the Space; by default spaces_demo/ of the checkout.")
    ] = None,
    private: Annotated[bool, typer.Option(help="Make the repository private.")] = False,
) -> None:
    """Publish the Space: page, package, checkpoints, examples and results.

    Example: logllm push space OWNER/NAME
    """
    from logllm.hub.push import push_space as upload

    say(upload(repo_id, folder=folder, private=private))


def space(
    out: Annotated[
        Path | None,
        typer.Option(help="First write the Space to this folder, as it would be published, and run it from there."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the Space; by default spaces_demo/ of the checkout.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on this machine to serve at.")] = 7860,
    run: Annotated[bool, typer.Option(help="Serve the page; with --no-run only --out is written.")] = True,
) -> None:
    """Serve the Space, a web page that scans logs, on this machine (extra `space`, from a checkout).

    Example: logllm space --port 7860
    """
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
