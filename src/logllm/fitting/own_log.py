"""`logllm fit` on somebody's own log: a baseline of its events always, and a next-key model of its windows where it is long enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from logllm.errors import LogllmError, TooFewWindows
from logllm.fitting.baseline import fit_baseline, in_words
from logllm.hf_datasets import SYSTEMS, get_system
from logllm.hf_datasets.events import EventLog
from logllm.signals.baseline import Baseline

LEAST_MODEL_EVENTS = 1000  # ten windows of a hundred lines
EVENTS_SHARE = 0.5  # of the alarm budget, where windows raise the other half


@dataclass
class OwnFit:
    """What was fitted and what is to be said about it.

    Attributes:
        baseline: what is usual, with its threshold.
        model: what `fitting.fit.fit` gave; None where no model was trained.
        why_no_model: in one sentence; "" where one was.
        files: how each file was read: (name, title of the format, share of events that it fitted).
    """

    baseline: Baseline
    model: Any = None
    why_no_model: str = ""
    files: list[tuple[str, str, float]] = field(default_factory=list)

    def in_words(self) -> str:
        """The result for people."""
        rows = [
            f"{name}: read as {title}" + (f", {share:.0%} of its events fit" if share < 1 else "")
            for name, title, share in self.files
        ]
        if len(rows) > 5:
            rows[5:] = [f"and {len(rows) - 5} files more"]
        rows.append("events: " + in_words(self.baseline))
        if self.model is not None:
            rows.append("windows: " + self.model.in_words())
            rows.append("events and windows share the alarm budget equally")
        else:
            rows.append(f"no model of windows: {self.why_no_model}")
        return "\n".join(rows)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; the keys of version 0.1.0 stand for the windows where there is a model, else for the events."""
        told = self.model.budget.to_dict() if self.model is not None else dict(self.baseline.budget)
        names = sorted({title for _, title, _ in self.files})
        return {
            "format": self.model.system.name if self.model is not None else ", ".join(self.baseline.formats),
            **told,
            "threshold": told.get("threshold", self.baseline.threshold),
            "events": {
                "events": self.baseline.events,
                "kinds": len(self.baseline.kinds),
                "formats": names,
                "threshold": self.baseline.threshold,
                "budget": self.baseline.budget,
            },
            "model": self.model is not None,
            "why_no_model": self.why_no_model,
        }


def open_events(paths: Sequence[Path], system: str | None, **settings: Any) -> EventLog:
    """Logs as events; `system` names a format of events or a log system."""
    names = [str(path) for path in paths]
    if system is not None and system in SYSTEMS:
        return EventLog(names, system=get_system(system), **settings)
    return EventLog(names, system, **settings)


def fit_own_log(
    paths: Sequence[Path],
    out: Path,
    *,
    system: str | None = None,
    alarms_per_day: float = 1.0,
    with_model: bool = True,
    progress: bool = True,
    **settings: Any,
) -> OwnFit:
    """Fit what the logs are long enough for, and write it to a folder.

    Args:
        paths: the logs, together one.
        out: the checkpoint folder.
        system: name of a format; guessed for each file without it.
        alarms_per_day: alarms that are accepted, of events and windows together.
        with_model: whether a model is trained at all.
        progress: whether bars are shown.
        settings: of `fitting.fit.fit`.

    Raises:
        LogllmError: logs that cannot be read, or without events.
    """
    if not alarms_per_day > 0 or alarms_per_day == float("inf"):
        raise LogllmError(f"the alarm budget must be a positive number of alarms per day, found {alarms_per_day:g}")
    if not paths:
        raise LogllmError("at least one log must be given, found none: name a file")
    log = open_events(paths, system)
    baseline = fit_baseline(log, alarms_per_day)
    fitted, why = None, ""
    if not with_model:
        why = "none was asked for"
    elif baseline.events < LEAST_MODEL_EVENTS:
        why = f"{baseline.events:,} events are fewer than the {LEAST_MODEL_EVENTS:,} that it takes; messages in order are told by counts"
    else:
        fitted, why = _fit_model(paths, out, system, alarms_per_day * (1 - EVENTS_SHARE), progress, settings)
    if fitted is not None:
        order = fitted.detector.family != "logllama"
        baseline = fit_baseline(open_events(paths, system), alarms_per_day, EVENTS_SHARE, order)
        if fitted.detector.calibration is not None:
            baseline.lineage = fitted.detector.calibration.lineage
    else:
        _remove_model(out)
    baseline.save(out)
    files = [(Path(one.name).name, one.title, round(one.parsed_share, 4)) for one in log.files]
    return OwnFit(baseline, fitted, why, files)


def _fit_model(
    paths: Sequence[Path], out: Path, system: str | None, alarms: float, progress: bool, settings: dict[str, Any]
) -> tuple[Any, str]:
    from logllm.fitting.fit import fit

    named = system if system in SYSTEMS or (system is not None and Path(system).is_file()) else None
    try:
        return fit(paths, out, system=named, alarms_per_day=alarms, progress=progress, **settings), ""
    except TooFewWindows as error:
        return None, str(error)


def _remove_model(out: Path) -> None:
    """A folder that held a model of another log must not go on giving its verdicts."""
    if (out / "config.json").is_file():
        raise LogllmError(
            f"the folder to write to must not hold a model of another fit, found one in {out}, which this log is too short to "
            "replace: give another --out"
        )
