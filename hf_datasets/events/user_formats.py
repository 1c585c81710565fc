"""A user's own formats as rows: YAML files of this project, and lnav's JSON format files as they are.

Their patterns are untrusted and run with a time limit.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson

from ..errors import LogInputError
from ..systems.rules import LogSystem
from .event import DEBUG, ERROR, FATAL, INFO, TRACE, WARN
from .row import EventFormat

_MOST_BYTES = 1_000_000
_LNAV_LEVELS = {
    "fatal": FATAL, "critical": FATAL, "error": ERROR, "warning": WARN, "notice": INFO, "info": INFO, "stats": INFO,
    "debug": DEBUG, "debug2": DEBUG, "debug3": DEBUG, "debug4": DEBUG, "debug5": DEBUG, "trace": TRACE,
}  # fmt: skip


def row_from_system(system: LogSystem) -> EventFormat:
    """The row of a log system: its line pattern with `content` as message, its time and its session pattern."""
    pattern = system.line_pattern.replace("(?P<content>", "(?P<message>")
    layout: str | None = None
    if system.timestamp is not None and system.reader == "pattern":
        groups = system.timestamp.groups
        if groups != ("time",):  # the row's own group of that name is another part of the line
            pattern = pattern.replace("(?P<time>", "(?P<clock>")
            groups = tuple("clock" if one == "time" else one for one in groups)
        layout = system.timestamp.layout
        if len(groups) > 1:
            pattern, merged = _merged(pattern, groups)
            if not merged:
                layout = None
        else:
            pattern = pattern.replace(f"(?P<{groups[0]}>", "(?P<time>")
        if layout in ("iso", "apache", "epoch", "epoch_ms", "epoch_us", "epoch_ns"):
            layout = None  # the layouts of these are found by themselves
        elif layout is not None and all(one in layout for one in ("%y%m%d", "%H%M%S")):
            layout = None
    if system.reader == "json":
        return EventFormat(
            name=system.name, title=system.title, reader="json", messages=system.content_keys,
            times=system.timestamp.groups if system.timestamp else (), severities=("level", "severity", "lvl", "PRIORITY"), trusted=False,
        )  # fmt: skip
    pattern = re.sub(r"\(\?P<label>", "(?P<label>", pattern)
    return EventFormat(
        name=system.name,
        title=system.title,
        pattern=pattern,
        trusted=False,
        layout=layout,
        session=system.session_pattern,
        sequence=("session", "node", "thread", "component") if system.session_pattern is None else ("session",),
        stream=("node", "component", "pid"),
    )


def _merged(pattern: str, groups: tuple[str, ...]) -> tuple[str, bool]:
    """The pattern with one group `time` around neighbouring groups; whether that was possible."""
    names = list(re.finditer(r"\(\?P<(\w+)>", pattern))
    order = [one[1] for one in names]
    at = order.index(groups[0]) if groups[0] in order else -1
    if at < 0 or tuple(order[at : at + len(groups)]) != groups:
        return pattern, False
    start = names[at].start()
    end = _closing(pattern, names[at + len(groups) - 1].start())
    return pattern[:start] + "(?P<time>" + pattern[start:end] + ")" + pattern[end:], True


def _closing(pattern: str, start: int) -> int:
    depth, at, in_class = 0, start, False
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            at += 2
            continue
        if in_class:
            in_class = sign != "]"
        elif sign == "[":
            in_class = True
            if pattern[at + 1 : at + 2] in ("]", "^"):
                at += 1
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return len(pattern)


def row_from_file(path: str | Path) -> EventFormat:
    """The row of a YAML file of this project, or of a JSON file with lnav's formats. Raises `LogInputError`."""
    path = Path(path)
    if path.suffix.lower() in (".yaml", ".yml"):
        from ..systems.user_systems import system_from_yaml

        return row_from_system(system_from_yaml(path))
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LogInputError(f"The format file must be readable, found {error} at {path}: check the path") from error
    if len(raw) > _MOST_BYTES:
        raise LogInputError(
            f"A format file must be at most {_MOST_BYTES:,} bytes, found {len(raw):,} in {path}: shorten it"
        )
    try:
        values = orjson.loads(raw)
    except ValueError:
        try:
            values = orjson.loads(re.sub(rb"(?m)^\s*//.*$|/\*.*?\*/", b"", raw))
        except ValueError as error:
            raise LogInputError(f"The format file must be JSON, found none in {path} ({error}): correct it") from error
    rows = [
        row_from_lnav(str(name), one)
        for name, one in (values.items() if isinstance(values, dict) else ())
        if isinstance(one, dict) and not str(name).startswith("$")
    ]
    if not rows:
        raise LogInputError(
            f"The format file must hold a format of lnav, found none in {path}: see lnav's documentation"
        )
    return rows[0]


def row_from_lnav(name: str, values: dict[str, Any]) -> EventFormat:
    """The row of one format as lnav writes it in JSON. Raises `LogInputError` where it cannot be used."""
    time = str(values.get("timestamp-field") or "timestamp")
    level = str(values.get("level-field") or "level")
    body = str(values.get("body-field") or "body")
    opid = str(values.get("opid-field") or "")
    title = str(values.get("title") or name)
    levels = _levels(values.get("level"))
    if values.get("json") or values.get("file-type") == "json":
        keys = tuple(one for one in (body, "message", "msg") if one)
        return EventFormat(
            name=name, title=title, reader="json", messages=tuple(dict.fromkeys(_path(one) for one in keys)), times=(_path(time),),
            severities=(_path(level),), levels=levels, sequence=(_path(opid),) if opid else (), trusted=False,
        )  # fmt: skip
    patterns = values.get("regex")
    if not isinstance(patterns, dict) or not patterns:
        raise LogInputError(f"A format of lnav must hold `regex`, found none in {name!r}: write one")
    chosen = []
    for at, one in enumerate(patterns.values()):
        text = one.get("pattern") if isinstance(one, dict) else None
        if isinstance(text, list):
            text = "".join(map(str, text))
        if not isinstance(text, str):
            continue
        chosen.append(_renamed(text, {time: "time", level: "level", body: "message"}, at))
    if not chosen:
        raise LogInputError(f"A format of lnav must hold a pattern, found none in {name!r}: write one")
    pattern = "|".join(f"(?:{one})" for one in chosen)
    if not re.search(r"\(\?P<message\d*>", pattern):
        pattern = f"(?P<message>(?:{pattern}).*)"
    return EventFormat(
        name=name, title=title, pattern=f"(?s:{pattern})", levels=levels, trusted=False, sequence=(opid,) if opid else (),
        stream=(opid,) if opid else (),
    )  # fmt: skip


def _path(pointer: str) -> str:
    return pointer.strip("/").replace("/", ".")


def _levels(values: Any) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for name, pattern in values.items() if isinstance(values, dict) else ():
        number = _LNAV_LEVELS.get(str(name).lower())
        if number is None:
            continue
        texts = pattern if isinstance(pattern, list) else [pattern]
        for text in texts:
            for word in re.sub(r"\(\?[a-z]+\)|[\^$()]|\(\?:", "", str(text)).split("|"):
                if word and not re.search(r"[\[\]*+?{}.]", word):
                    found.append((word.replace("\\", "").lower(), number))
    return tuple(found)


def _renamed(pattern: str, names: dict[str, str], at: int) -> str:
    r"""A PCRE pattern in the dialect of `regex`: named groups as `(?P<...>`, names that are unique and words."""

    def one(found: re.Match[str]) -> str:
        name = found[1]
        name = names.get(name, name)
        name = re.sub(r"\W", "_", name).rstrip("0123456789") or "field"
        count = seen.get(name, 0)
        seen[name] = count + 1
        number = at * 10 + count
        return f"(?P<{name}{number or ''}>"

    seen: dict[str, int] = {}
    pattern = re.sub(r"\(\?P?<([A-Za-z_][\w\-]*)>", one, pattern)
    return re.sub(r"\\h", r"[ \\t]", pattern)


__all__ = ["row_from_file", "row_from_lnav", "row_from_system"]
