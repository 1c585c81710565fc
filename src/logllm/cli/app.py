"""The `logllm` command: each command is a short function that imports what it needs when it runs, so that `--help` is instant.

Results go to standard output, progress and remarks to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from logllm import __version__
from logllm.cli import comparing, hub, monitoring, reading
from logllm.cli.common import Json, Quiet, Seed, check_logs, remark, say

app = typer.Typer(
    name="logllm",
    help="Log anomaly detection that gives a score and names the line.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"logllm {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Log anomaly detection that gives a score and names the line."""


class Family(StrEnum):
    """The two detectors."""

    logllm = "logllm"
    logllama = "logllama"


class Split(StrEnum):
    """How windows are divided."""

    paper = "paper"
    chronological = "chronological"


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for log, dataset, checkpoints and report.")] = Path("demo_output"),
    seed: Seed = 7,
    quiet: Quiet = False,
) -> None:
    """Scan a log, compare two builds, then train both detectors and show what they find; all on simulated logs."""
    from logllm.cli.demo import first_look, run_demo

    say(first_look(out, seed))
    remark("Now both detectors are trained on a simulated HDFS log: about two minutes.")
    say(run_demo(out, seed=seed, progress=not quiet))


@app.command()
def simulate(
    system: Annotated[str, typer.Argument(help="hdfs, bgl, syslog, nginx, app, or builds (a good and a bad run).")],
    out: Annotated[Path, typer.Option(help="Folder to write SYSTEM.log into; of builds good.log and bad.log.")],
    lines: Annotated[int, typer.Option(help="Number of lines; builds have their own.")] = 10_000,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Write a raw log with injected faults and true labels."""
    from logllm.hf_datasets.simulation.builds import write_builds
    from logllm.hf_datasets.simulation.simulate import simulate as write

    if system == "builds":
        say(json.dumps(write_builds(out, seed)))
        return
    say(json.dumps(write(system, lines, seed, out, progress=not quiet), default=str))


@app.command()
def build(
    system: Annotated[
        str,
        typer.Argument(
            help="hdfs, bgl, thunderbird, ...; a YAML file of your own; guess; cidiff (pairs of build logs)."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the dataset.")],
    raw: Annotated[
        list[Path] | None, typer.Option(help="Raw log, packed or not, or its folder; several follow.")
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch the published log in place of --raw.")] = False,
    labels: Annotated[Path | None, typer.Option(help="Session labels (BlockId,Label).")] = None,
    split: Annotated[Split, typer.Option(help="The paper's split, or by time.")] = Split.paper,
    lines: Annotated[
        str | None, typer.Option(help="FIRST:LAST, counted from 0; by default the paper's slice.")
    ] = None,
    mini: Annotated[bool, typer.Option("--mini", help="A few MB only, as a configuration NAME-mini.")] = False,
    masked: Annotated[bool, typer.Option("--masked", help="Add a column with LogLLM's masked messages.")] = False,
    train_share: Annotated[float, typer.Option(help="Share of lines or sessions for training and validation.")] = 0.8,
    validation_share: Annotated[float, typer.Option(help="Share of the training windows, its tail.")] = 0.1,
    processes: Annotated[int, typer.Option(help="Processes for a large log; a small one takes one anyway.")] = 1,
    seed: Seed = 42,
    quiet: Quiet = False,
) -> None:
    """Turn a raw log into train, validation and test windows that `load_dataset` reads."""
    if system == comparing.PAIRS:
        comparing.build_pairs(raw, out)
        return
    from logllm.training.building import build_dataset, resolve

    row, files = resolve(system, raw, download=download, progress=not quiet)
    if system == "guess":
        remark(f"read as {row.title} ({row.name})")
    statistics = build_dataset(
        row,
        files,
        out,
        masked=masked,
        labels=labels,
        split=split.value,
        lines=_line_range(lines),
        mini=mini,
        train_share=train_share,
        validation_share=validation_share,
        processes=processes,
        seed=seed,
        progress=not quiet,
    )
    say(json.dumps({key: statistics[key] for key in ("name", "lines", "labels", "splits", "templates")}, indent=1))
    remark(f"dataset in {out}: load_dataset({str(out)!r}, {statistics['name']!r})")


def _line_range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, colon, last = text.replace("_", "").partition(":")
    if not (colon and first.isdigit() and last.isdigit()):
        raise ValueError(f"--lines must be FIRST:LAST, two whole numbers, found {text!r}: such as 0:100000")
    return int(first), int(last)


@app.command()
def train(
    family: Annotated[Family, typer.Argument(help="logllm (labels) or logllama (normal windows only).")],
    dataset: Annotated[str, typer.Option(help="Folder that `logllm build` wrote, or OWNER/NAME on the Hub.")],
    config: Annotated[str, typer.Option(help="Configuration in it, such as hdfs.")],
    out: Annotated[Path, typer.Option(help="Checkpoint folder.")],
    preset: Annotated[
        str | None, typer.Option(help="tiny (default), laptop, small or paper; LogLLaMA: tiny, paper, lora.")
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(help="LogLLM: YAML of settings in place of the preset's (trainers/logllm_recipe.py)."),
    ] = None,
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a stopped run was.")] = False,
    reinforce: Annotated[bool, typer.Option(help="LogLLaMA: run the REINFORCE stage.")] = True,
    objective: Annotated[str | None, typer.Option(help="LogLLaMA: reinforce, hit, signed, clipped or loggpt.")] = None,
    report_to: Annotated[
        str | None,
        typer.Option(
            help="Curves: tensorboard (into OUT/runs), trackio, or another tracker that is installed; none by default."
        ),
    ] = None,
    push_to_hub: Annotated[str | None, typer.Option(help="Publish the checkpoint as OWNER/NAME at the end.")] = None,
    private: Annotated[bool, typer.Option(help="Make that repository private.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a detector and write its checkpoint, threshold and card."""
    from logllm.training.workflows import train_on

    wanted: dict[str, Any] = {
        "resume": resume,
        "recipe": recipe,
        "reinforce": reinforce,
        "reinforce_settings": {"objective": objective} if objective else None,
        "report_to": report_to,
        "push_to_hub": push_to_hub,
        "private": private,
    }
    with redirect_stdout(sys.stderr):  # trackers print
        record = train_on(family.value, dataset, config, preset, out, seed=seed, progress=not quiet, **wanted)
    if record:  # under torchrun the first process speaks
        say(json.dumps(record))
        remark(f"checkpoint in {out}")


@app.command()
def reproduce(
    recipe: Annotated[Path, typer.Argument(help="YAML (data, rows, seeds, the paper's figures), or a recipe's name.")],
    data: Annotated[
        Path, typer.Option(envvar="LOGLLM_DATA", help="Folder that the recipe's log and labels are relative to.")
    ] = Path("."),
    result: Annotated[
        Path | None, typer.Option(help="JSON file, read and extended; by default NAME.json in the work folder.")
    ] = None,
    rows: Annotated[
        list[str] | None, typer.Option(help="Only rows whose names hold this word; may be given again.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Of the recipe's seeds, such as 0,1; by default all.")] = None,
    work: Annotated[
        Path | None, typer.Option(help="Folder of dataset, checkpoints and scores; by default reproduced/NAME.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with trainings that were stopped.")] = False,
    download: Annotated[bool, typer.Option("--download", help="Fetch the published log where it is missing.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say windows, steps, hours and what is missing, and stop.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Run a published experiment and print the result beside the paper's row, with an interval."""
    from logllm.training import reproduce as experiment
    from logllm.training.recipe import read_recipe
    from logllm.training.result_table import report

    chosen = _whole_numbers(seeds) if seeds else None
    if dry_run:
        say(experiment.dry_run(recipe, data, rows=rows, seeds=chosen, work=work))
        return
    known = read_recipe(recipe)
    target = result or (work or experiment.work_folder(known)) / f"{known['name']}.json"
    found = experiment.reproduce(
        recipe,
        data,
        target,
        rows=rows,
        seeds=chosen,
        work=work,
        resume=resume,
        download=download,
        estimate=not quiet,
        progress=not quiet,
    )
    if int(os.environ.get("RANK", "0")) == 0:  # under torchrun the first process speaks
        say(report(found))
        remark(f"result in {target}")


def _whole_numbers(text: str) -> list[int]:
    try:
        return [int(one) for one in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"seeds must be whole numbers with commas, found {text!r}: such as 0,1") from error


@app.command("import-official")
def import_official(
    folder: Annotated[Path, typer.Argument(help="Folder with Bert_ft/, Llama_ft/ and projector.pt.")],
    out: Annotated[Path, typer.Option(help="Checkpoint folder to write.")],
    encoder: Annotated[
        str, typer.Option(help="The encoder it was trained on: repository id or folder.")
    ] = "google-bert/bert-base-uncased",
    decoder: Annotated[str, typer.Option(help="The decoder it was trained on.")] = "meta-llama/Meta-Llama-3-8B",
    revision: Annotated[str | None, typer.Option(help="Revision of the decoder.")] = None,
) -> None:
    """Turn a published LogLLM checkpoint into an adapter-only checkpoint of this package."""
    from logllm.hub.official import import_official as turn

    remark(f"checkpoint in {turn(folder, out, encoder, decoder, revision)}")


@app.command("export-official")
def export_official(
    folder: Annotated[Path, typer.Argument(help="Adapter-only checkpoint folder.")],
    out: Annotated[Path, typer.Option(help="Folder to write Bert_ft/, Llama_ft/ and projector.pt into.")],
) -> None:
    """Turn an adapter-only checkpoint into the published layout."""
    from logllm.hub.official import export_official as turn

    remark(f"published layout in {turn(folder, out)}")


@app.command()
def evaluate(
    model: Annotated[str, typer.Option(help="Checkpoint folder, or OWNER/NAME on the Hub.")],
    dataset: Annotated[
        str | None, typer.Option(help="Folder that `logllm build` wrote, or OWNER/NAME on the Hub.")
    ] = None,
    config: Annotated[str | None, typer.Option(help="Configuration in it.")] = None,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    system: Annotated[str | None, typer.Option(help="With --raw: how the log is read.")] = None,
    raw: Annotated[Path | None, typer.Option(help="A raw log in place of a dataset.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Session labels of the raw log.")] = None,
    official: Annotated[
        bool, typer.Option("--official", help="The model is a published folder: Bert_ft/, Llama_ft/, projector.pt.")
    ] = False,
    encoder: Annotated[str | None, typer.Option(help="With --official: its encoder.")] = None,
    decoder: Annotated[str | None, typer.Option(help="With --official: its decoder.")] = None,
    as_json: Json = False,
) -> None:
    """Measure a checkpoint on labelled windows."""
    if (dataset is None) == (raw is None):
        raise typer.BadParameter("give either --dataset and --config, or --raw")
    if raw is not None:
        check_logs([raw])
    from logllm.training.workflows import evaluate_on_raw, evaluate_on_split

    with _checkpoint_of(model, official, encoder, decoder) as folder:
        if dataset is not None:
            result = evaluate_on_split(folder, dataset, config, split)
        else:
            result = evaluate_on_raw(folder, raw, system, labels)
    say(json.dumps(result) if as_json else "\n".join(f"{key:>20} {value}" for key, value in result.items()))


def _checkpoint_of(
    model: Any, official: bool, encoder: str | None, decoder: str | None
) -> AbstractContextManager[Any]:
    """The checkpoint as it is, or a published one turned into one of this package for as long as it is used."""
    if not official:
        if encoder or decoder:
            raise typer.BadParameter("--encoder and --decoder belong to --official")
        return nullcontext(model)
    from logllm.hub.official import DECODER, ENCODER, official_checkpoint

    return official_checkpoint(model, encoder or ENCODER, decoder or DECODER)


class Engine(StrEnum):
    """Who scores the shards."""

    local = "local"
    torchrun = "torchrun"
    ray = "ray"


@app.command()
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
    quiet: Quiet = False,
) -> None:
    """Score the windows of a dataset into Parquet, shard by shard, on one process or many."""
    from logllm.batch.score import score as run

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
        say(json.dumps(found))
        remark(f"scores in {out}")


hub.add_to(app)
monitoring.add_to(app)
reading.add_to(app)
comparing.add_to(app)
