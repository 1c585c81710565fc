"""The commands that show how logs are read: formats, inspect. `add_to` adds them to the `logllm` command."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from logllm.cli.common import Json, say


def formats(as_json: Json = False) -> None:
    """List the log formats that are known by name, with an example line each.

    Example: logllm formats --json
    """
    from logllm.report.inspection import format_objects, formats_as_text

    if as_json:
        say("\n".join(json.dumps(one, ensure_ascii=False) for one in format_objects()))
    else:
        say(formats_as_text())


def inspect(
    logs: Annotated[list[str], typer.Argument(help="Logs or folders of logs, or - for standard input.")],
    format: Annotated[
        str | None,
        typer.Option(
            help="Format of the log, instead of the one that is detected: a name from `logllm formats`, or a file (YAML, or lnav's JSON)."
        ),
    ] = None,
    events: Annotated[int, typer.Option(help="Also show the first N events of each log.", min=0)] = 0,
    no_content: Annotated[
        bool,
        typer.Option(
            "--no-content", help="Leave out all text of the log, so that the output can be part of a bug report."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show how logs are read: format, times, severities, most frequent messages, and what could not be parsed.

    Example: logllm inspect app.log --events 3
    """
    from logllm.report.inspection import as_json as json_of
    from logllm.report.inspection import as_text, inspect_logs

    found = inspect_logs(logs, format, events, content=not no_content)
    say(json_of(found, not no_content) if as_json else as_text(found, not no_content))


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (formats, inspect):
        app.command()(command)
