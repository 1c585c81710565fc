"""Which message somebody means who calls it fine: by a key, a text, or an alert, looked up in a checkpoint."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from logllm.errors import LogllmError
from logllm.hf_datasets import template_key
from logllm.signals.baseline import Baseline
from logllm.signals.table import CLASS_NAMES, CLASSES
from logllm.suppressions import novel_key

NEAREST = 3
_KEY = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Named:
    """A message that is meant.

    Attributes:
        key: twelve hex digits.
        text: template or message, "" where only the key is known.
        also: further keys of it: windows and events have templates of their own.
    """

    key: str
    text: str = ""
    also: tuple[str, ...] = ()


def name_template(name: str, model: Path | None = None, alerts: Path | None = None) -> Named:
    """Look up what is meant.

    Args:
        name: a template's key or text, a message, or (with `alerts`) the beginning of an alert's id or key.
        model: the checkpoint; without one only the shape of the name is looked at.
        alerts: a file of alerts.

    Raises:
        LogllmError: the checkpoint is none, or nothing has such a name; the nearest are offered.
    """
    if alerts is not None:
        return _of_alert(name, alerts)
    if model is None:
        if not _KEY.fullmatch(name) and len(name.split()) < 2:
            raise LogllmError(
                f"a template must be given by its key of 12 hex digits or by its text, found {name!r}: copy it from a finding, "
                "or give --model to look it up"
            )
        return Named(name) if _KEY.fullmatch(name) else Named(template_key(name), name, (novel_key(name),))
    texts, baseline = _texts(model)
    by_key = {template_key(text): text for text in texts}
    if name in by_key:
        return Named(name, by_key[name], _related(by_key[name], baseline))
    if template_key(name) in by_key:
        return Named(template_key(name), name, _related(name, baseline))
    if baseline is not None and not _KEY.fullmatch(name):
        position = baseline.keys.match(name)
        if position is not None:
            text = baseline.keys.text(position)
            return Named(template_key(text), text, _related(text, baseline))
    raise LogllmError(
        f"a template must be one that {model} knows, found {name!r}, which is none: {_nearest(name, by_key)}; what an alert "
        "shows is found with --alerts FILE"
    )


def _related(text: str, baseline: Baseline | None) -> tuple[str, ...]:
    """Keys of the same message elsewhere: at every level, and in the other table of templates."""
    bare = re.sub(r"^(?:WARN|ERROR|FATAL) ", "", text)
    names = [bare]
    if baseline is not None:
        position = baseline.keys.match(bare.replace("<*>", "7"))
        if position is not None:
            names.append(baseline.keys.text(position))
    return tuple(dict.fromkeys(template_key(one) for one in names if one != text))


def _of_alert(name: str, alerts: Path) -> Named:
    """The message of an alert, given by its id, its finding's id, or its key."""
    try:
        rows = alerts.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise LogllmError(f"the file of alerts must be readable, found {error.strerror or error}: {alerts}") from error
    for row in reversed(rows):
        try:
            alert = json.loads(row)
        except ValueError:
            continue
        if not isinstance(alert, dict) or not alert.get("template_key"):
            continue
        names = (str(alert.get("id", "")), str(alert.get("finding", "")), str(alert["template_key"]))
        if name and any(one.startswith(name) for one in names):
            key = str(alert["template_key"])
            lines = [line for line in alert.get("lines", ()) if isinstance(line, dict)]
            marked = next((line for line in lines if line.get("number") == alert.get("line")), {})
            text = str(alert.get("key") or marked.get("template") or marked.get("text", ""))
            bare = re.sub(r"^(?:WARN|ERROR|FATAL) ", "", str(alert.get("key") or ""))
            return Named(key, text, (template_key(bare),) if bare else ())
    raise LogllmError(f"an alert must be in the file, found no {name} in {alerts}: give its id, or a template's key")


def _texts(model: Path) -> tuple[list[str], Baseline | None]:
    """(every text by which a checkpoint names a message, its baseline)."""
    if not model.is_dir():
        raise LogllmError(f"the model must be a folder that `logllm fit` wrote, found none at {model}: give its path")
    baseline = Baseline.load(model)
    texts: list[str] = []
    if baseline is not None:
        texts += baseline.keys.texts()
        for code in baseline.kinds:
            if level := CLASS_NAMES[code % CLASSES]:
                texts.append(f"{level} {baseline.keys.text(code // CLASSES)}")
        texts.append("silence")
    for file in sorted(model.glob("*.json")):
        try:
            values = json.loads(file.read_bytes()) if "process" in file.name else {}
        except ValueError:
            continue
        table = values.get("template_table") if isinstance(values, dict) else None
        rows = table.get("templates", ()) if isinstance(table, dict) else ()
        texts += [str(row["text"]) for row in rows if isinstance(row, dict) and "text" in row]
    if not texts:
        raise LogllmError(
            f"the model must be a folder that `logllm fit` wrote, found none in {model}: it holds no templates"
        )
    return texts, baseline


def _nearest(name: str, by_key: dict[str, str]) -> str:
    if _KEY.fullmatch(name):
        near = difflib.get_close_matches(name, by_key, NEAREST, 0.5)
    else:
        texts = difflib.get_close_matches(name, by_key.values(), NEAREST, 0.3) or list(by_key.values())[:NEAREST]
        near = [template_key(text) for text in texts]
    return (
        "the nearest are " + ", ".join(f"{key} ({by_key[key][:60]})" for key in near)
        if near
        else f"it knows {len(by_key):,}"
    )
