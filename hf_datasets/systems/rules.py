"""What a log system is, as frozen values: its line format, label rule, window rule, template settings and paper figures.

Notes: Nothing in this file acts. A system is a row that `parsing`, `windows`, `drain` and `build` loop over, so a
new system is a new value (in `systems.py`, `formats.py`, a YAML file, or the caller's own code), never a new class.
Regular expressions are kept as text, so that a row can be written to JSON and travel inside a checkpoint.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

LabelRule = Literal["line", "session", "none"]
WindowKind = Literal["session", "fixed", "sliding", "time"]

PARAMETER = "<*>"

# Generic masks for Drain, applied in order. Every one is blind to which digit it meets (no literal digit, each class
# holds all ten or none), so that lines differing in digits only are masked alike: that is what makes the fast path
# of `build` exact (see `regex_facts.py`). Hence `\dx` where one would write `0x`. None looks around, so that the Rust
# engine of polars can run them too. A number glued to letters (`L3`, `eth0`) stays: which cache or which card failed
# is worth telling apart, and Drain generalises the rest.
DEFAULT_MASKS: tuple[tuple[str, str], ...] = (
    (r"\B(?:/[\w.+\-@%=~:]+){2,}/?", PARAMETER),
    (r"\bblk_-?\d+", PARAMETER),
    (r"/?\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b", PARAMETER),
    (r"\b(?:[0-9a-fA-F]{2}:){5,}[0-9a-fA-F]{2}\b", PARAMETER),
    (r"\b\dx[0-9a-fA-F]+\b", PARAMETER),
    (r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", PARAMETER),
    (r"\b[0-9a-fA-F]{8,}\b", PARAMETER),
    (r"(?:\B[-+])?\b\d+(?:[.,:]\d+)*\b", PARAMETER),
)


@dataclass(frozen=True)
class WindowRule:
    """How lines become windows.

    `kind` is "session" (all lines that name one session id), "fixed" (`size` lines, next to each other), "sliding"
    (`size` lines, a new window every `step` lines) or "time" (`size` seconds, a new window every `step` seconds).
    """

    kind: WindowKind
    size: float = 100
    step: float | None = None

    @property
    def stride(self) -> float:
        """Lines (or seconds) from the start of one window to the start of the next."""
        return self.size if self.step is None or self.kind == "fixed" else self.step

    @property
    def overlaps(self) -> bool:
        """Whether two neighbouring windows may share lines."""
        return self.kind in ("sliding", "time") and self.stride < self.size


@dataclass(frozen=True)
class DrainSettings:
    """Settings of the Drain template miner; `masks` are (Python `re` pattern, replacement), applied in order."""

    similarity: float = 0.4
    depth: int = 4
    max_children: int = 100
    extra_delimiters: tuple[str, ...] = ()
    masks: tuple[tuple[str, str], ...] = DEFAULT_MASKS


@dataclass(frozen=True)
class TimestampRule:
    """Where a line's time stands: the named groups (joined by one blank) and how to read the text.

    `layout` is "epoch", "epoch_ms", "epoch_us", "epoch_ns", "iso", "apache" (the error log's), or a `strptime` format. A time without a zone is
    read as UTC; one without a year (syslog) as 1972, a leap year, so that differences inside a year still hold.
    """

    groups: tuple[str, ...]
    layout: str


@dataclass(frozen=True)
class Source:
    """Where the published log is found. `size` in bytes and `md5` are None where the publisher states none."""

    url: str = ""
    archive: str = ""
    member: str = ""
    size: int | None = None
    md5: str | None = None


@dataclass(frozen=True)
class PaperFigures:
    """One row of Table I of LogLLM (arXiv 2411.08561v4)."""

    messages: int
    sequences: int
    train_sequences: int
    train_anomalies: int
    test_sequences: int
    test_anomalies: int


@dataclass(frozen=True)
class LogSystem:
    """One kind of log, as a row.

    `line_pattern` is matched at the start of the stripped line and needs a group `content`; a group `label` is needed
    where `label_rule` is "line" ("-" is normal, anything else an alert category). `session_pattern` is searched in the
    content; its whole match is a session id. `reader` is "pattern", or "json" for one JSON object a line, whose message
    stands under the first of `content_keys` that is there (`timestamp.groups` then name keys too). `slice` is the half-open range of lines, counted from 0, that the paper
    uses. `signature` is a stricter pattern by which `guess_system` knows the system's lines.
    """

    name: str
    title: str
    line_pattern: str = r"^(?P<content>.*)$"
    timestamp: TimestampRule | None = None
    label_rule: LabelRule = "none"
    session_pattern: str | None = None
    window: WindowRule = field(default_factory=lambda: WindowRule("fixed", 100))
    drain: DrainSettings = field(default_factory=DrainSettings)
    paper_split: Literal["lines", "sessions"] = "lines"
    slice: tuple[int, int] | None = None
    encoding: str = "utf-8"
    signature: str | None = None
    reader: Literal["pattern", "json"] = "pattern"
    content_keys: tuple[str, ...] = ()
    source: Source = field(default_factory=Source)
    licence: str = ""
    citation: str = ""
    paper: PaperFigures | None = None

    def to_dict(self) -> dict[str, Any]:
        """The row as plain JSON values."""
        return _plain(asdict(self))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LogSystem:
        """The row back from `to_dict()`; unknown names are refused by the constructor (TypeError)."""
        fields = dict(values)
        fields["window"] = WindowRule(**fields["window"])
        drain = dict(fields["drain"])
        drain["extra_delimiters"] = tuple(drain["extra_delimiters"])
        drain["masks"] = tuple((pattern, replacement) for pattern, replacement in drain["masks"])
        fields["drain"] = DrainSettings(**drain)
        if fields.get("timestamp"):
            fields["timestamp"] = TimestampRule(tuple(fields["timestamp"]["groups"]), fields["timestamp"]["layout"])
        if fields.get("slice"):
            fields["slice"] = (int(fields["slice"][0]), int(fields["slice"][1]))
        fields["content_keys"] = tuple(fields.get("content_keys") or ())
        fields["source"] = Source(**fields.get("source") or {})
        fields["paper"] = PaperFigures(**fields["paper"]) if fields.get("paper") else None
        return cls(**fields)

    def with_window(self, window: WindowRule) -> LogSystem:
        """The same system under another window rule."""
        return replace(self, window=window)


def _plain(value: Any) -> Any:
    """Tuples to lists, all the way down, so that a JSON round trip compares equal."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
