"""`logllm diff` and `logllm mcp`: a bad run against good ones, and both for assistants that speak MCP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from logllm.cli.common import Json, remark, say

PAIRS = "cidiff"  # the dataset that `build` makes of pairs of logs, not of windows


def diff(
    logs: Annotated[
        list[str], typer.Argument(help="Logs of good runs (files, folders, patterns), then the log of the bad run.")
    ],
    good_from: Annotated[
        Path | None,
        typer.Option(help="Folder of good runs: its newest logs with a name like that of the bad one are used."),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Learn from the good logs, write the result to this folder, and stop.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="Folder that --save wrote, instead of good logs.")] = None,
    as_json: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Write Markdown, for a ticket or a pull request.")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with both runs side by side to this file.")] = None,
    max_lines: Annotated[
        int | None,
        typer.Option(help="Show at most so many lines of the bad log (with --markdown: of the text).", min=1),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Show at most so many tokens; four characters count as one.", min=1)
    ] = None,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Order the findings by their place in the log: what happened first.")
    ] = False,
    top: Annotated[int | None, typer.Option(help="Show at most so many findings.", min=1)] = None,
    suppressions: Annotated[
        Path | None, typer.Option(help="File of keys to ignore, which `logllm ok` writes.")
    ] = None,
    fail_on_difference: Annotated[
        bool, typer.Option("--fail-on-difference", help="Exit code 1 where something is flagged.")
    ] = False,
) -> None:
    """Show what is different from when it worked: new, gone, more, less, out of order, another value.

    Example: logllm diff good-1.log good-2.log bad.log --html diff.html
    """
    from logllm.diff.command import DiffOptions, run_diff

    options = DiffOptions(
        good_from, save, model, as_json, markdown, html, max_lines, max_tokens, timeline, top, suppressions,
    )  # fmt: skip
    result, text = run_diff(logs, options)
    if result is None:
        remark(text)
        return
    say(text)
    if html is not None:
        remark(f"page in {html}")
    if fail_on_difference and result.flagged:
        raise typer.Exit(1)


def mcp(
    folder: Annotated[Path, typer.Option(help="Folder of logs; nothing outside of it can be read.")] = Path("."),
    max_tokens: Annotated[int, typer.Option(help="Largest number of tokens in an answer.", min=100)] = 4000,
) -> None:
    """Serve scan, diff and inspect to an assistant over the Model Context Protocol, on standard input and output.

    Example: logllm mcp --folder /var/log
    """
    from logllm.mcp_server import serve

    serve(folder, max_tokens)


def build_pairs(raw: list[Path] | None, out: Path) -> None:
    """`logllm build cidiff --raw DIR --out OUT`: labelled pairs of build logs as a dataset of lines, with its card."""
    from logllm.errors import LogllmError
    from logllm.hf_datasets.build_log_pairs import build_pairs as build
    from logllm.model_cards import render_pairs_card, write_card

    if raw is None or len(raw) != 1:
        raise LogllmError(f"--raw must name the data folder of CiDiff, found {len(raw or [])} names: give one folder.")
    statistics = build(raw[0], out)
    write_card(render_pairs_card(statistics), out)
    say(json.dumps({"name": statistics["name"], "splits": statistics["splits"]}, indent=1))
    remark(f"dataset in {out}: load_dataset({str(out)!r})")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(diff)
    app.command()(mcp)
