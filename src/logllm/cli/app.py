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
    out: Annotated[
        Path, typer.Option(help="Folder for the logs, the dataset, the checkpoints and the reports.")
    ] = Path("demo_output"),
    seed: Seed = 7,
    quiet: Quiet = False,
) -> None:
    """Scan a log, compare two builds, then train both detectors and show what they find; all on simulated logs.

    Example: logllm demo --out demo_output
    """
    from logllm.cli.demo import first_look, run_demo

    say(first_look(out, seed))
    remark("Now both detectors are trained on a simulated HDFS log: about two minutes.")
    say(run_demo(out, seed=seed, progress=not quiet))


@app.command()
def simulate(
    system: Annotated[
        str, typer.Argument(help="What to imitate: hdfs, bgl, syslog, nginx, app, or builds (a good and a bad run).")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write SYSTEM.log into; for builds, good.log and bad.log.")],
    lines: Annotated[int, typer.Option(help="Number of lines; has no effect on builds.")] = 10_000,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Write a raw log with injected faults and true labels.

    Example: logllm simulate hdfs --lines 20000 --out sim
    """
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
            help="How the log is read: hdfs, bgl, thunderbird, liberty, spirit; a YAML file of your own; guess (from the first lines); or cidiff (pairs of build logs)."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write the dataset into.")],
    raw: Annotated[
        list[Path] | None, typer.Option(help="Raw log, packed or not, or a folder of logs; give it again for more.")
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Download the published log instead of reading --raw.")
    ] = False,
    labels: Annotated[Path | None, typer.Option(help="CSV file of session labels (BlockId,Label).")] = None,
    split: Annotated[Split, typer.Option(help="How windows are divided: as in the paper, or by time.")] = Split.paper,
    lines: Annotated[
        str | None,
        typer.Option(help="Use only the lines FIRST:LAST, counted from 0; by default the part that the paper uses."),
    ] = None,
    mini: Annotated[
        bool, typer.Option("--mini", help="Use a few MB only and name the configuration NAME-mini.")
    ] = False,
    masked: Annotated[
        bool, typer.Option("--masked", help="Add a column with the messages as LogLLM masks them.")
    ] = False,
    train_share: Annotated[
        float, typer.Option(help="Share of the lines or sessions that is for training and validation.")
    ] = 0.8,
    validation_share: Annotated[
        float,
        typer.Option(help="Share of the training windows that is held back for validation: the last ones in time."),
    ] = 0.1,
    processes: Annotated[int, typer.Option(help="Number of processes; a small log is read by one.")] = 1,
    seed: Seed = 42,
    quiet: Quiet = False,
) -> None:
    """Turn a raw log into train, validation and test windows that `load_dataset` reads.

    Example: logllm build hdfs --raw HDFS.log --labels anomaly_label.csv --out data
    """
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
    family: Annotated[
        Family,
        typer.Argument(help="Which detector: logllm (learns from labels) or logllama (from normal windows only)."),
    ],
    dataset: Annotated[str, typer.Option(help="Folder that `logllm build` wrote, or OWNER/NAME on the Hub.")],
    config: Annotated[str, typer.Option(help="Configuration of the dataset, such as hdfs.")],
    out: Annotated[Path, typer.Option(help="Folder to write the checkpoint into.")],
    preset: Annotated[
        str | None,
        typer.Option(
            help="Size of the model: tiny (default), laptop, small or paper; for LogLLaMA tiny, paper or lora."
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(help="LogLLM only: YAML file whose settings replace those of the preset."),
    ] = None,
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")] = False,
    reinforce: Annotated[
        bool, typer.Option(help="LogLLaMA only: run the paper's REINFORCE stage after next-key training.")
    ] = True,
    objective: Annotated[
        str | None,
        typer.Option(
            help="LogLLaMA only: how that stage learns: reinforce (the paper's), hit (reward 1 for the right key), signed (plus or minus 1 for the true key), clipped (as signed, never below 0) or loggpt (LogGPT's)."
        ),
    ] = None,
    report_to: Annotated[
        str | None,
        typer.Option(
            help="Write training curves: tensorboard (into OUT/runs), trackio, or another tracker that is installed."
        ),
    ] = None,
    push_to_hub: Annotated[str | None, typer.Option(help="Publish the checkpoint as OWNER/NAME at the end.")] = None,
    private: Annotated[bool, typer.Option(help="Make that repository private.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a detector and write its checkpoint, threshold and card.

    Example: logllm train logllm --dataset data --config hdfs --out model
    """
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
        say(json.dumps(record) if as_json else _trained(record, out))
        remark(f"checkpoint in {out}")


def _trained(record: dict[str, Any], out: Path) -> str:
    """What a training came to, for people."""
    from logllm.evaluation import BASELINES

    rows = []
    for one in record["stages"]:
        loss = one.get("last_loss")  # not there where a stage was too short to log one
        ended = "" if loss is None else f", loss at the end {loss:.3f}"
        rows.append(f"{one['stage']}: {one['steps']:,} steps{ended}")
    rows.append(f"learnt from {record['training_windows']:,} windows; threshold: {record['calibration']}")
    rows += [f"note: {doubt}" for doubt in record.get("doubts", ())]
    measured = out / "metrics.json"
    if measured.is_file():
        test = json.loads(measured.read_text("utf-8"))["test"]
        told = ", ".join(
            f"{name} {test[key]:.3f}" for name, key in (("precision", "precision"), ("recall", "recall"), ("F1", "f1"))
        )
        rows.append(f"on {test['windows']:,} test windows: {told}")
        if rules := {name: test["baselines"][name]["f1"] for name in BASELINES if name in test["baselines"]}:
            best = max(rules, key=lambda name: rules[name])
            rows.append(f"the best simple rule beside it, {best}: F1 {rules[best]:.3f}")
    if "published" in record:
        rows.append(f"published as {record['published']}")
    return "\n".join(rows)


@app.command()
def reproduce(
    recipe: Annotated[
        Path, typer.Argument(help="Name of a recipe that comes with the package, or a YAML file of your own.")
    ],
    data: Annotated[
        Path,
        typer.Option(envvar="LOGLLM_DATA", help="Folder that holds the log and the labels that the recipe names."),
    ] = Path("."),
    result: Annotated[
        Path | None,
        typer.Option(
            help="JSON file of the result; one that exists is extended. By default NAME.json in the work folder."
        ),
    ] = None,
    rows: Annotated[
        list[str] | None, typer.Option(help="Run only rows whose names contain this word; give it again for more.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Run only these seeds of the recipe, such as 0,1; by default all.")
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(help="Folder for the dataset, the checkpoints and the scores; by default reproduced/NAME."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue trainings that were stopped.")] = False,
    download: Annotated[
        bool, typer.Option("--download", help="Download the published log where it is missing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print the windows, steps and hours, and what is missing.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Run a published experiment and print the result beside the paper's row, with an interval.

    Example: logllm reproduce logllm_hdfs_random --data logs --dry-run
    """
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
    folder: Annotated[Path, typer.Argument(help="Published folder, with Bert_ft/, Llama_ft/ and projector.pt.")],
    out: Annotated[Path, typer.Option(help="Checkpoint folder to write.")],
    encoder: Annotated[
        str, typer.Option(help="Encoder that it was trained on: OWNER/NAME on the Hub, or a folder.")
    ] = "google-bert/bert-base-uncased",
    decoder: Annotated[
        str, typer.Option(help="Decoder that it was trained on: OWNER/NAME on the Hub, or a folder.")
    ] = "meta-llama/Meta-Llama-3-8B",
    revision: Annotated[str | None, typer.Option(help="Revision of the decoder on the Hub.")] = None,
) -> None:
    """Turn a checkpoint that LogLLM's authors published into one of this package, which holds the adapters only.

    Example: logllm import-official ft_model_BGL --out model
    """
    from logllm.hub.official import import_official as turn

    remark(f"checkpoint in {turn(folder, out, encoder, decoder, revision)}")


@app.command("export-official")
def export_official(
    folder: Annotated[Path, typer.Argument(help="Checkpoint of this package that holds the adapters only.")],
    out: Annotated[Path, typer.Option(help="Folder to write Bert_ft/, Llama_ft/ and projector.pt into.")],
) -> None:
    """Turn a checkpoint that holds the adapters only into the layout that LogLLM's authors use.

    Example: logllm export-official model --out ft_model
    """
    from logllm.hub.official import export_official as turn

    remark(f"published layout in {turn(folder, out)}")


@app.command()
def evaluate(
    model: Annotated[str, typer.Option(help="Checkpoint folder, or OWNER/NAME on the Hub.")],
    dataset: Annotated[
        str | None, typer.Option(help="Folder that `logllm build` wrote, or OWNER/NAME on the Hub.")
    ] = None,
    config: Annotated[str | None, typer.Option(help="Configuration of the dataset, such as hdfs.")] = None,
    split: Annotated[str, typer.Option(help="Part to measure on: train, validation or test.")] = "test",
    system: Annotated[str | None, typer.Option(help="With --raw: name of the log's format, such as hdfs.")] = None,
    raw: Annotated[Path | None, typer.Option(help="Measure on a raw log instead of a dataset.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="With --raw: CSV file of session labels (BlockId,Label).")
    ] = None,
    official: Annotated[
        bool,
        typer.Option(
            "--official",
            help="The model is a folder that LogLLM's authors published: Bert_ft/, Llama_ft/, projector.pt.",
        ),
    ] = False,
    encoder: Annotated[str | None, typer.Option(help="With --official: encoder that it was trained on.")] = None,
    decoder: Annotated[str | None, typer.Option(help="With --official: decoder that it was trained on.")] = None,
    as_json: Json = False,
) -> None:
    """Measure a checkpoint on labelled windows.

    Example: logllm evaluate --model model --dataset data --config hdfs
    """
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
        str,
        typer.Option(
            help="Folder that `logllm build` wrote, OWNER/NAME on the Hub, or an address: hf://..., s3://..."
        ),
    ],
    model: Annotated[str, typer.Option(help="Checkpoint folder, or OWNER/NAME on the Hub.")],
    out: Annotated[
        str, typer.Option(help="Folder or address to write to; shards that are there already are not scored again.")
    ],
    engine: Annotated[
        Engine,
        typer.Option(help="Where it runs: in this process, in those that torchrun started, or on a Ray cluster."),
    ] = Engine.local,
    config: Annotated[str | None, typer.Option(help="Configuration of the dataset, where it has several.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Part to score: train, validation or test; by default all.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="With Ray: number of workers; by default one for each graphics card or core.")
    ] = None,
    threads: Annotated[
        int, typer.Option(help="Threads of each worker; with more than one the last digits of a score may vary.")
    ] = 1,
    shard_rows: Annotated[int, typer.Option(help="Largest number of windows in a shard.")] = 20_000,
    address: Annotated[str | None, typer.Option(help="With Ray: address of a running cluster.")] = None,
    quiet: Quiet = False,
) -> None:
    """Score the windows of a dataset into Parquet files, shard by shard, in one process or many.

    Example: logllm score --dataset data --model model --out scores
    """
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
