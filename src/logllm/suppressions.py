"""What the person on call has called fine: a list in a file, one JSON object a line, instead of a new training.

- An entry names a template by its key (or by its text, which becomes its key); it may end by itself. Who added it, when
  and why stand beside it, and so does a removal: the file is a journal that is only ever appended to.
- `is_fine` is what scan, diff and watch ask of a finding, `covers` what they ask of a window. A window is quietened only
  when every line that it was flagged for is suppressed: one suppressed line never hides another. Scores stay as they are.
- The file is read again whenever it changes, so `logllm ok` acts on a running `logllm watch`.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from logllm.errors import LogllmError
from logllm.hf_datasets import LogSystem, parse_lines, template_key
from logllm.verdict import Evidence, Verdict

FILE_NAME = "suppressions.jsonl"
_KEY = re.compile(r"[0-9a-f]{12}")
_LEVEL = re.compile(r"^(?:WARN|ERROR|FATAL) ")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True)
class Suppression:
    """One entry: a template, who and when, until when (None: for good).

    `also` holds further keys of the same message: windows of a model and events have different templates of it.
    """

    key: str
    template: str
    added: float
    by: str
    until: float | None = None
    note: str = ""
    also: tuple[str, ...] = ()

    def holds(self, now: float) -> bool:
        """Whether it is still in force."""
        return self.until is None or now < self.until


def lists(given: Path | None, model: Path | None = None) -> list[Path]:
    """The lists that scan, diff and watch obey: the one that is named, else that beside the model and that of this folder."""
    if given is not None:
        return [given]
    beside = [model / FILE_NAME] if model is not None and model.is_dir() else []
    return [*beside, Path(FILE_NAME)]


class Suppressions:
    """The list in a file, or in several, of which the first is written to; a missing file is an empty list."""

    def __init__(self, path: str | Path | Sequence[Path], system: LogSystem | None = None):
        self._paths = [Path(path)] if isinstance(path, str | Path) else list(path)
        self.path, self.system = self._paths[0], system
        self._stamp: list[tuple[int, int]] | None = None
        self._entries: dict[str, Suppression] = {}
        self._keys: dict[str, Suppression] = {}

    def entries(self) -> list[Suppression]:
        """Entries that were not removed, ended ones among them, oldest first."""
        self._refresh()
        return list(self._entries.values())

    def holds(self, key: str, now: float | None = None) -> bool:
        """Whether a template is suppressed now."""
        self._refresh()
        entry = self._keys.get(key)
        return entry is not None and entry.holds(time.time() if now is None else now)

    def __bool__(self) -> bool:
        """Whether anything is on the list."""
        self._refresh()
        return bool(self._keys)

    def is_fine(self, key: str, message: str = "", line: str = "", now: float | None = None) -> bool:
        """Whether a finding was called fine: by its key, by its template without the level, by its message or by its line.

        Args:
            key: the finding's key, as `scan --json` and alerts give it: level and template, or a question.
            message: message of its leading event, where it is at hand.
            line: its first raw line, where it is at hand: by that `logllm diff` names it.
            now: seconds since 1970, for entries that end; this moment without it.
        """
        self._refresh()
        if not self._keys:
            return False
        names = {self.key_of_finding(key), self.key_of_finding(_LEVEL.sub("", key))}
        if message:
            names.add(novel_key(message))
        if line:
            from logllm.diff.text import key_of_line

            names.add(key_of_line(line))
        return any(self.holds(name, now) for name in names)

    @staticmethod
    def key_of_finding(key: str) -> str:
        """Twelve hex digits for the key of a finding."""
        return key if _KEY.fullmatch(key) else template_key(key)

    def covers(self, verdict: Verdict, now: float | None = None) -> bool:
        """Whether every line that a verdict stands on has a suppressed template."""
        self._refresh()
        if not self._entries:
            return False
        marked = verdict.marked()
        return bool(marked) and all(self.holds(key_of(item, self.system), now) for item in marked)

    def add(
        self,
        template: str,
        seconds: float | None = None,
        by: str | None = None,
        note: str = "",
        text: str = "",
        also: Sequence[str] = (),
    ) -> Suppression:
        """Suppress a template, given by its key or its text, for some seconds or for good.

        Args:
            template: key or text.
            seconds: for how long; None for good.
            by: who; the user of this process without it.
            note: why.
            text: the text, where `template` is a key.
            also: further keys of the same message.
        """
        key = template if _KEY.fullmatch(template) else template_key(template)
        now = time.time()
        entry = Suppression(
            key,
            text if key == template else template,
            now,
            by or _user(),
            None if seconds is None else now + seconds,
            note,
            tuple(one for one in dict.fromkeys(also) if one != key),
        )
        self._append(asdict(entry))
        return entry

    def remove(self, template: str, by: str | None = None) -> None:
        """Take an entry back."""
        key = template if _KEY.fullmatch(template) else template_key(template)
        if key not in {entry.key for entry in self.entries()}:
            raise LogllmError(
                f"a suppression to remove must be on the list, found no {key} in {self.path}: see `logllm ok --list`"
            )
        self._append({"key": key, "removed": time.time(), "by": by or _user()})

    def _append(self, values: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(values, ensure_ascii=False) + "\n"
        # One write of one line, so that two people at once do not mix theirs; after a torn one we begin a new line.
        with self.path.open("ab+") as stream:
            stream.seek(0, os.SEEK_END)
            if stream.tell():
                stream.seek(-1, os.SEEK_END)
                if stream.read(1) != b"\n":
                    line = "\n" + line
            stream.write(line.encode())
        self._stamp = None

    def _refresh(self) -> None:
        stamp = [(status.st_mtime_ns, status.st_size) for path in self._paths for status in _status(path)]
        if stamp == self._stamp:
            return
        self._entries, self._keys = {}, {}
        for path in reversed(self._paths):
            self._entries |= _read(path)
        self._stamp = stamp
        self._keys = {key: entry for entry in self._entries.values() for key in (*entry.also, entry.key)}


def _status(path: Path) -> list[os.stat_result]:
    try:
        return [path.stat()]
    except OSError:
        return []


def _read(path: Path) -> dict[str, Suppression]:
    found: dict[str, Suppression] = {}
    for row in path.read_text("utf-8", "replace").splitlines() if _status(path) else ():
        try:
            values = json.loads(row)
            if "removed" in values:
                found.pop(values["key"], None)
            else:
                found[values["key"]] = Suppression(**values | {"also": tuple(map(str, values.get("also", ())))})
        except (ValueError, TypeError, KeyError):
            continue  # a torn or hand-edited line must not stop a watcher
    return found


def key_of(item: Evidence, system: LogSystem | None = None) -> str:
    """The key by which a line of evidence is suppressed: its template's, else one made of its message."""
    if item.template:
        return template_key(item.template)
    return novel_key(content_of(item.text, system))


def content_of(raw: str, system: LogSystem | None) -> str:
    """The message of a raw line, the whole line where it does not fit the format."""
    return next((line.content for line in parse_lines([raw], system)), raw) if system is not None else raw


def novel_key(message: str) -> str:
    """Key of a message without a template: its text with everything that holds a digit left out.

    >>> novel_key("disk 7 is gone") == novel_key("disk 12 is gone")
    True
    """
    return template_key(" ".join("<*>" if any(c.isdigit() for c in word) else word for word in message.split()))


def parse_duration(text: str) -> float:
    """Seconds of `90s`, `30m`, `12h`, `7d`, `2w`.

    >>> parse_duration("7d")
    604800.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text.strip().lower())
    if found is None or float(found[1]) <= 0:
        raise LogllmError(f"a duration must be a number and one of s, m, h, d, w, found {text!r}: write 7d or 12h")
    return float(found[1]) * _UNITS[found[2]]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def list_as_text(suppressions: Suppressions) -> str:
    """The list for people."""
    rows = []
    for entry in suppressions.entries():
        end = (
            "for good"
            if entry.until is None
            else ("until " if entry.holds(time.time()) else "ended ") + _day(entry.until)
        )
        rows.append(f"{entry.key}  {end:24}  by {entry.by}, {_day(entry.added)}  {entry.note or entry.template}")
    return "\n".join(rows) or f"nothing is suppressed in {suppressions.path}"


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
