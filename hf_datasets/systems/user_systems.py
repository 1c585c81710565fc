"""A user's own system: from a YAML file, or from a format string in the logparser manner.

Notes: `<Date> <Time> <Level> <Component>: <Content>` is all that most logs need. A blank in it stands for a run of
white space, a field for a run without white space before a blank and for as little as possible before anything else;
`<Content>` is the rest of the line and `<Label>` ("-" is normal) makes the system a labelled one.

    name: mine
    format: "<Date> <Time> <Level> <Component>: <Content>"
    timestamp: {fields: [Date, Time], layout: "%Y-%m-%d %H:%M:%S"}
    session: "req-[0-9a-f]+"
    window: {kind: fixed, size: 50}
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from ..errors import LogInputError
from .field_readers import timestamp_reader
from .patterns import compiled
from .rules import DrainSettings, LogSystem, TimestampRule, WindowRule

MOST_BYTES, MOST_DEPTH = 100_000, 50  # of a system file
_FIELD = re.compile(r"<([A-Za-z]\w*)>")
_KNOWN = {"name", "title", "format", "pattern", "timestamp", "session", "labels", "window", "drain", "encoding"}


def line_pattern(format_string: str) -> str:
    r"""The line pattern of a format string.

    >>> line_pattern("<Time> <Level>: <Content>")
    '^(?P<time>\\S+)\\s+(?P<level>.*?):\\s+(?P<content>.*)$'
    """
    parts = _FIELD.split(format_string.strip())
    names = [name.lower() for name in parts[1::2]]
    if "content" not in names or names[-1] != "content" or parts[-1]:
        raise LogInputError(
            f"A format must end in <Content>, found {format_string!r}: write it like '<Date> <Time> "
            "<Level> <Component>: <Content>'"
        )
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise LogInputError(
            f"A format must name each field once, found {', '.join(doubled)} more than once in "
            f"{format_string!r}: number them: <Time1>, <Time2>"
        )
    pattern = "^" + _literal(parts[0])
    for at, name in enumerate(names[:-1]):
        behind = parts[2 * at + 2]
        field = r"\S+" if behind[:1].isspace() else ".*?"
        pattern += f"(?P<{name}>{field}){_literal(behind)}"
    return pattern + "(?P<content>.*)$"


def _literal(text: str) -> str:
    return r"\s+".join(re.escape(part) for part in re.split(r"\s+", text))


class _Plain(yaml.SafeLoader):
    """YAML without aliases: of a few lines they make values that no memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias: write the value out")
        return super().compose_node(parent, index)


def plain_yaml(text: str) -> Any:
    """The value of a small YAML text. Raises ValueError or `yaml.YAMLError` where it is none, too long or too deep."""
    depth = deepest = 0
    for sign in text:
        depth += (sign in "[{") - (sign in "]}")
        deepest = max(deepest, depth)
    if len(text) > MOST_BYTES or deepest > MOST_DEPTH:
        raise ValueError(f"at most {MOST_BYTES:,} bytes and {MOST_DEPTH} open brackets are read")
    loader = _Plain(text)
    try:
        return loader.get_single_data()
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    finally:
        loader.dispose()


def system_from_yaml(path: str | Path) -> LogSystem:
    """The system that a YAML file describes (see the top of this file). Raises `LogInputError` where it does not."""
    path = Path(path)
    try:
        values = plain_yaml(path.read_bytes()[: MOST_BYTES + 1].decode("utf-8"))
    except FileNotFoundError as error:
        raise LogInputError(f"The system file must exist, found nothing at {path}: check the path") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise LogInputError(
            f"The system file must be YAML, found that {path} cannot be read ({error}): correct it"
        ) from error
    if not isinstance(values, dict):
        raise LogInputError(
            f"The system file must hold `name:` and `format:`, found {type(values).__name__} in {path}: write them"
        )
    return system_from_dict(values, path.stem)


def system_from_dict(values: dict[str, Any], name: str = "mine") -> LogSystem:
    """The system of some plain values, as they stand in the YAML file."""
    if isinstance(values.get("line_pattern"), str):  # a whole row, as `LogSystem.to_dict` writes it
        return checked_row(values)
    unknown = sorted(map(str, set(values) - _KNOWN))
    if unknown:
        raise LogInputError(
            f"A system file must hold only {', '.join(sorted(_KNOWN))}, found {', '.join(unknown)}: take it out"
        )
    if ("format" in values) == ("pattern" in values):
        raise LogInputError(
            "A system file must hold either `format:` or `pattern:`, found both or neither: write one of them"
        )
    pattern = line_pattern(str(values["format"])) if "format" in values else str(values["pattern"])
    _check_pattern("pattern", pattern)
    groups = re.compile(pattern).groupindex  # looked at, not matched with
    if "content" not in groups:
        raise LogInputError(
            f"A pattern must have a group (?P<content>...), found {', '.join(groups) or 'none'}: name the message so"
        )
    session = values.get("session")
    if session is not None:
        _check_pattern("session", str(session))
    labels: Any = values.get("labels") or ("line" if "label" in groups else "session" if session else "none")
    if labels not in ("line", "session", "none"):
        raise LogInputError(f"labels must be line, session or none, found {labels!r}: write one of them")
    if labels == "line" and "label" not in groups:
        raise LogInputError(
            "labels: line must have a group or field `label`, found none in the pattern: name the field so"
        )
    try:
        window = (
            WindowRule(**values["window"]) if values.get("window") else WindowRule("session" if session else "fixed")
        )
        drain = dict(values.get("drain") or {})
        if "masks" in drain:
            drain["masks"] = tuple((str(one), str(two)) for one, two in drain["masks"])
            for mask, _ in drain["masks"]:
                _check_pattern("a mask", mask)
        settings = DrainSettings(**drain)
    except (TypeError, ValueError) as error:
        raise LogInputError(
            f"window and drain must hold known settings, found others ({error}): see the documentation"
        ) from error
    _check_window(window)
    return LogSystem(
        name=str(values.get("name") or name).lower(),
        title=str(values.get("title") or values.get("name") or name),
        line_pattern=pattern,
        timestamp=_timestamp(values.get("timestamp"), groups),
        label_rule=labels,
        session_pattern=None if session is None else str(session),
        window=window,
        drain=settings,
        encoding=str(values.get("encoding") or "utf-8"),
    )


def _timestamp(values: Any, groups: Any) -> TimestampRule | None:
    if not values:
        return None
    named = values.get("fields") if isinstance(values, dict) else None
    fields = tuple(str(one).lower() for one in named) if isinstance(named, list | tuple) else ()
    missing = [one for one in fields if one not in groups]
    if not fields or missing:
        raise LogInputError(
            f"timestamp must name fields of the format and a layout, found {values!r}"
            f"{' without ' + ', '.join(missing) if missing else ''}: write {{fields: [Date, Time], "
            "layout: iso}"
        )
    rule = TimestampRule(fields, str(values.get("layout", "iso")))
    timestamp_reader(rule)
    return rule


def _check_window(window: WindowRule) -> None:
    numbers = (window.size, 1 if window.step is None else window.step)
    timed = window.kind == "time"  # lines are counted, seconds are not, but a clock has no more than thousandths
    good = all(isinstance(one, int | float) and not isinstance(one, bool) and 0 < one < 1e15 for one in numbers)
    if (
        window.kind not in ("session", "fixed", "sliding", "time")
        or not good
        or min(numbers) < (0.001 if timed else 1)
    ):
        raise LogInputError(
            f"A window must be session, fixed, sliding or time, of a size above 0, found {window}: correct it"
        )


def _check_pattern(name: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise LogInputError(
            f"{name} must be a regular expression, found {pattern[:80]!r} ({error}): correct it"
        ) from error
    compiled(pattern)  # it has a length, and the engine with a time limit must take it too


def checked_row(values: dict[str, Any]) -> LogSystem:
    """The system of `LogSystem.to_dict()` from a file that may be anybody's. Raises `LogInputError` where it is none."""
    try:
        row = LogSystem.from_dict(values)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise LogInputError(
            f"A whole system row must be as `LogSystem.to_dict` writes it, found {error!r}: write it so"
        ) from error
    _check_pattern("line_pattern", str(row.line_pattern))
    # As texts: from a file a group may be anything, a mapping too.
    wanted = {"content", *(["label"] if row.label_rule == "line" else [])}
    wanted |= {str(group) for group in (row.timestamp.groups if row.timestamp else ())}
    missing = sorted(wanted - set(re.compile(row.line_pattern).groupindex))
    if missing and row.reader == "pattern":
        raise LogInputError(
            f"A line_pattern must have a group for each field, found none for {', '.join(missing)}: add them"
        )
    _check_window(row.window)
    for name, pattern in (("session_pattern", row.session_pattern), ("signature", row.signature)):
        if pattern is not None:
            _check_pattern(name, str(pattern))
    for mask, _ in row.drain.masks:
        _check_pattern("a mask", mask)
    return row
