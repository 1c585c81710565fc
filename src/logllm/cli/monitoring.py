"""The commands of the person on call: fit, scan, watch, ok, update. `add_to` hangs them into the `logllm` command.

Exit codes: 0 all is well, 1 something was flagged (`scan --fail-on-anomaly`) or alerts could not be delivered (`watch`),
2 the input or an option has to be put right.
"""

from __future__ import annotations

import json
import signal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from logllm.cli.common import Json, Quiet, Seed, check_logs, remark, say

Logs = Annotated[
    list[Path], typer.Argument(help="Log files, rotated and packed ones too; they are put in order of time.")
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "--system",
        help="Format of the log, instead of the one that is detected: a name from `logllm formats`, or a file (YAML, or lnav's JSON).",
    ),
]
Model = Annotated[Path, typer.Option(help="Folder that `logllm fit` wrote, or OWNER/NAME on the Hub.")]
NoSeverity = Annotated[bool, typer.Option("--no-severity", help="Ignore severities such as ERROR and FATAL.")]


class With(StrEnum):
    """Which detector is fitted."""

    logllama = "logllama"
    logllm = "logllm"
    both = "both"
    events = "events"


class Input(StrEnum):
    """How input lines are packed."""

    auto = "auto"
    text = "text"
    ndjson = "ndjson"
    otlp = "otlp"


def fit(
    logs: Logs,
    out: Annotated[Path, typer.Option(help="Folder to write what was learnt into (a checkpoint).")],
    alarms_per_day: Annotated[
        float, typer.Option(help="False alarms a day that you accept; sets the threshold.")
    ] = 1.0,
    system: Format = None,
    family: Annotated[
        With,
        typer.Option(
            "--with",
            help="What is fitted: logllama (needs no labels), logllm or both (need labels), or events (trains no model).",
        ),
    ] = With.logllama,
    labels: Annotated[
        Path | None, typer.Option(help="With logllm or both: CSV file of session labels (BlockId,Label).")
    ] = None,
    idle: Annotated[
        float | None,
        typer.Option(help="Seconds without a line after which a session ends; by default estimated from the log."),
    ] = None,
    clean: Annotated[
        bool, typer.Option("--clean", help="The log is known to be normal: leave nothing out of the learning.")
    ] = False,
    no_severity: NoSeverity = False,
    preset: Annotated[
        str, typer.Option(help="With logllm or both, size of the model: tiny, laptop, small or paper.")
    ] = "tiny",
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn from your own log what is normal, and set the threshold by the number of alarms that you accept.

    Example: logllm fit app.log --out model --alarms-per-day 1
    """
    check_logs(logs)
    common: dict[str, Any] = {
        "system": system,
        "alarms_per_day": alarms_per_day,
        "idle": idle,
        "seed": seed,
        "progress": not quiet,
    }
    if family in (With.logllm, With.both):
        from logllm.fitting.labelled import fit_labelled

        found = fit_labelled(
            logs, labels, out, preset=preset, novelty=family is With.both,
            severity_weight=0.0 if no_severity else 1.0, **common,
        )  # fmt: skip
        say(json.dumps({"format": found.system.name, **found.budget.to_dict()}) if as_json else found.in_words())
    else:
        from logllm.fitting.own_log import fit_own_log

        weight = 0.0 if no_severity else 1.0
        own = fit_own_log(logs, out, with_model=family is With.logllama, severity_weight=weight, clean=clean, **common)
        say(json.dumps(own.to_json()) if as_json else own.in_words())
    remark(f"checkpoint in {out}: logllm watch LOG --model {out}")


def scan(
    logs: Annotated[
        list[str],
        typer.Argument(help="Log files, folders of logs, or - for standard input; together they are one log."),
    ],
    model: Annotated[
        Path | None,
        typer.Option(help="Folder that `logllm fit` wrote; its model also judges the order of the events."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="With --model: CSV file of true session labels, to measure how good the findings are."),
    ] = None,
    system: Format = None,
    top: Annotated[int, typer.Option(help="Largest number of findings to show.", min=1)] = 10,
    since: Annotated[
        str | None, typer.Option(help="Judge only what is not earlier, such as '2024-05-01 09:00' (UTC).")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Judge only what is not later, such as '2024-05-01 10:00' (UTC).")
    ] = None,
    last: Annotated[
        str | None, typer.Option(help="Judge only the last part of the log, such as 30m, 2h or 1d.")
    ] = None,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Order the findings by time: what happened first.")
    ] = False,
    as_json: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Write Markdown, for a ticket or a pull request.")
    ] = False,
    max_lines: Annotated[int | None, typer.Option(help="With --markdown: write at most so many lines.", min=1)] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(help="With --markdown: write at most so many tokens; four characters count as one.", min=1),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write a report to this HTML file.")] = None,
    fail_on_anomaly: Annotated[bool, typer.Option(help="End with exit code 1 where something was flagged.")] = False,
    suppressions: Annotated[
        Path | None, typer.Option(help="File of keys to ignore, which `logllm ok` writes.")
    ] = None,
    no_severity: NoSeverity = False,
    seed: Annotated[
        int, typer.Option(help="Has no effect any more: a scan draws no random numbers.", hidden=True)
    ] = 0,
    quiet: Quiet = False,
) -> None:
    """Find what stands out in a log: new, out of order, too many, gone, unusual values, severe events.

    Example: logllm scan app.log --top 5 --html report.html
    """
    from logllm.signals.command import ScanOptions, run_scan

    options = ScanOptions(
        system, top, since, until, last, timeline, as_json, markdown, max_lines, max_tokens, not no_severity, quiet,
        model, labels, suppressions,
    )  # fmt: skip
    result, text = run_scan(logs, options)
    say(text)
    if result.windows is not None:
        _measure(result.windows, remark if as_json else say)
    if html is not None:
        _write_report(result, top, html, logs[0])
    if not result.complete:
        raise typer.Exit(130)
    if fail_on_anomaly and result.flagged:
        raise typer.Exit(1)


def _write_report(result: Any, top: int, path: Path, title: str) -> None:
    """Write the report of a scan: of windows where a model judged them, of events otherwise."""
    name = Path(title).name
    if result.windows is not None:
        from logllm.report.scan import write_scan_report

        write_scan_report(result.windows, path, title=name)
    else:
        from logllm.report.event_html import write_event_report
        from logllm.signals.command import rows_of
        from logllm.signals.scan import head
        from logllm.signals.table import ERRONEOUS, severity_class

        shown = result.findings[: max(top, len(result.flagged))]
        severe = severity_class(result.table.severity) >= ERRONEOUS
        told = head(result, len(shown))
        rows = rows_of(result, shown, context=True)
        write_event_report(path, told, rows, title=name, times=result.table.timestamp, severe=severe)
    remark(f"report in {path}")


def _measure(found: Any, tell: Any) -> None:
    """Tell how good the flags of a model are, where windows have labels."""
    from logllm.evaluation import evaluate_verdicts

    if any(verdict.label is not None for verdict in found.verdicts):
        metrics = evaluate_verdicts(found.verdicts)
        told = " ".join(f"{key} {metrics[key]:.4g}" for key in ("precision", "recall", "f1", "auroc"))
        tell("against the labels: " + told)


def watch(
    log: Annotated[str, typer.Argument(help="File to follow, also through rotation, or - for standard input.")],
    model: Model,
    state: Annotated[
        Path | None,
        typer.Option(
            help="File that keeps the position in the log and open windows, so that a restart loses nothing."
        ),
    ] = None,
    alerts: Annotated[
        str,
        typer.Option(
            envvar="LOGLLM_ALERTS", help="Where alerts go: - (standard output), a file, or an http(s) address."
        ),
    ] = "-",
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve /metrics and /healthz at this port (extra `watch`); 0 takes a free one.")
    ] = None,
    metrics_address: Annotated[str, typer.Option(help="Address that the metrics are served at.")] = "127.0.0.1",
    metrics_token_file: Annotated[
        Path | None,
        typer.Option(help="File with a bearer token that readers of the metrics must send (or LOGLLM_METRICS_TOKEN)."),
    ] = None,
    suppressions: Annotated[
        Path | None, typer.Option(help="File of keys to ignore, which `logllm ok` writes.")
    ] = None,
    packed: Annotated[
        Input, typer.Option("--input", help="How a line of input is wrapped: text, ndjson, otlp, or auto (detected).")
    ] = Input.auto,
    message_field: Annotated[
        list[str] | None, typer.Option(help="NDJSON: name of the field with the message; a.b is field b inside a.")
    ] = None,
    time_field: Annotated[
        list[str] | None, typer.Option(help="NDJSON: name of the field with the time; a.b is field b inside a.")
    ] = None,
    silence: Annotated[
        float, typer.Option(help="Seconds without a line after which unfinished windows are judged.")
    ] = 60.0,
    cooldown: Annotated[
        float, typer.Option(help="Seconds between two alerts of a finding that goes on.", min=0.0)
    ] = 600.0,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop at the end of the file instead of waiting for more.")
    ] = False,
) -> None:
    """Watch a log as it is written: one alert for each finding, updated while it goes on, and for each odd window.

    Example: logllm watch app.log --model model --state state --alerts alerts.ndjson
    """
    from logllm.hf_datasets.reading.collectors import MESSAGE_FIELDS, TIME_FIELDS, Unwrapper
    from logllm.redaction import read_token
    from logllm.suppressions import lists
    from logllm.watch.start import start_watcher

    unwrap = Unwrapper(packed.value, tuple(message_field or MESSAGE_FIELDS), tuple(time_field or TIME_FIELDS))
    watcher = start_watcher(
        log,
        model,
        state=state,
        alerts=alerts,
        metrics_port=metrics_port,
        metrics_address=metrics_address,
        metrics_token=read_token(metrics_token_file),
        suppressions=lists(suppressions, model),
        unwrap=unwrap,
        silence=silence,
        cooldown=cooldown,
        say=remark,
    )

    def stop(*_: Any) -> None:
        watcher.stopping = True

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    left = watcher.run(until_end)
    if left:
        remark(f"{left:,} alerts could not be delivered{' and wait in the state' if state else ''}")
        raise typer.Exit(1)


def ok(
    template: Annotated[
        str, typer.Argument(help="Key of a finding or alert, the text of a message, or with --alerts an alert's id.")
    ] = "",
    model: Annotated[Path | None, typer.Option(help="Folder that `logllm fit` wrote; the list is kept in it.")] = None,
    suppressions: Annotated[
        Path | None, typer.Option(help="File of the list, instead of the one in --model or in this folder.")
    ] = None,
    alerts: Annotated[Path | None, typer.Option(help="File of alerts in which the id is looked up.")] = None,
    how_long: Annotated[
        str | None, typer.Option("--for", help="How long, such as 30m, 12h, 7d or 2w; by default for good.")
    ] = None,
    note: Annotated[str, typer.Option(help="Why it is fine; kept in the list.")] = "",
    by: Annotated[str | None, typer.Option(help="Who says so; by default the name of the user.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the key from the list.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="Show the list and stop.")] = False,
) -> None:
    """Say that a kind of message is fine: it raises no more alarms, without any new training.

    Example: logllm ok KEY --model model --for 7d --note "deploy on Friday"
    """
    from logllm.decision.template_names import name_template
    from logllm.suppressions import Suppressions, list_as_text, lists, parse_duration

    path = lists(suppressions, model)[0]
    found = Suppressions(path)
    if listing or not template:
        say(list_as_text(found))
        return
    if remove:
        found.remove(template, by)
        say(f"{template} raises alarms again")
        return
    named = name_template(template, model, alerts)
    entry = found.add(named.key, parse_duration(how_long) if how_long else None, by, note, named.text, named.also)
    what = f"{entry.key} ({named.text[:100]})" if named.text else entry.key
    say(f"{what} raises no alarms {'for ' + how_long if how_long else 'any more'} (in {path}, by {entry.by})")
    if model is None and suppressions is None:
        remark(f"no --model was given: scan, diff and watch obey {path} where they are started in this folder")


def update(
    logs: Annotated[
        list[Path] | None,
        typer.Argument(help="Newer, normal logs, rotated and packed ones too; put in order of time."),
    ] = None,
    *,
    model: Annotated[Path, typer.Option(help="Folder that `logllm fit` wrote.")],
    alarms_per_day: Annotated[
        float | None, typer.Option(help="New number of accepted false alarms a day; by default that of the fit.")
    ] = None,
    learn_flagged: Annotated[
        bool, typer.Option("--learn-flagged", help="Also learn as normal what would have raised an alarm.")
    ] = False,
    back: Annotated[bool, typer.Option("--back", help="Undo the last update instead; no log is read.")] = False,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Teach a fitted checkpoint the new messages of a newer, normal log; what it knew stays as it was.

    Example: logllm update new.log --model model
    """
    if not back and not logs:
        raise typer.BadParameter("a newer log must be given, found none: logllm update LOG --model MODEL")
    check_logs(logs or ())
    from logllm.fitting.update_own_log import update_own_log
    from logllm.fitting.versions import go_back

    if back or not logs:
        say(f"the version before is back; the undone one is in {go_back(model)}")
        return
    result = update_own_log(
        model, logs, alarms_per_day=alarms_per_day, learn_flagged=learn_flagged, seed=seed, progress=not quiet
    )
    say(result.in_words())


def add_to(app: typer.Typer) -> None:
    """Hang the commands into the app."""
    for command in (fit, scan, watch, ok, update):
        app.command()(command)
