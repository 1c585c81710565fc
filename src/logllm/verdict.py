"""What a detector says: one `Verdict` a window, one `Evidence` a line.

Notes:
* A verdict is a number first. `score` is read from the model's logits and `is_anomalous` only says on which side of
  `threshold` it fell; no generated text is ever read for an answer.
* Evidence names lines, by their 1-based number in the source file. A line may carry two pieces of evidence: its own
  and that of a window which ends (or breaks off) behind it.
* Plain frozen values that need nothing but Python: a verdict can be stored, sent and shown by code that has no torch.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Evidence:
    """How suspicious one line of a window is, and why.

    Args:
        line_number: Number of the line in its source, from 1.
        text: The raw line.
        score: How much the line adds to the suspicion; higher is more suspicious. LogLLaMA: negative log-likelihood of
            the line's key in nats. LogLLM: the fall of the window's log-odds when the line's message is left out.
        reason: One sentence for people; empty where the line is not suspicious.
        template: The template that the line matches, empty where none does.
        rank: Rank of the line's key among all keys that could come next, from 1 (LogLLaMA).
        probability: Probability that the model gave to the line's key, in [0, 1] (LogLLaMA).
        expected: Templates that the model expected instead, most likely first.
        seen_in_training: How often the template occurred in the training lines.
    """

    line_number: int
    text: str
    score: float
    reason: str = ""
    template: str = ""
    rank: int | None = None
    probability: float | None = None
    expected: tuple[str, ...] = ()
    seen_in_training: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The evidence as plain JSON values, `line_number` under the shorter name `number`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        number = values.pop("line_number")
        return {"number": number, **{name: _plain(value) for name, value in values.items()}}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a detector found about one window of lines.

    Args:
        window_id: Session id where the system has sessions, else `FIRST-LAST` line numbers.
        score: Higher is more anomalous. LogLLM: log-odds of "anomalous". LogLLaMA: the worst negative log-likelihood
            of a key in the window, in nats.
        threshold: The score above which a window counts as anomalous, in the unit of `score`.
        is_anomalous: Whether the window was flagged.
        lines: The raw lines of the window, in order.
        line_numbers: Their numbers in the source, from 1; as long as `lines`.
        evidence: Per line, in the order of the lines; empty where nobody asked for an explanation.
        label: The true label where one was given: 1 anomalous, 0 normal.
        first_timestamp: Seconds since the epoch of the first line, where the log tells.
        last_timestamp: The same of the last line.

    Raises:
        ValueError: `lines` and `line_numbers` differ in length, or evidence names a line outside the window.
    """

    window_id: str
    score: float
    threshold: float
    is_anomalous: bool
    lines: tuple[str, ...]
    line_numbers: tuple[int, ...]
    evidence: tuple[Evidence, ...] = ()
    label: int | None = None
    first_timestamp: float | None = None
    last_timestamp: float | None = None

    def __post_init__(self) -> None:
        if len(self.lines) != len(self.line_numbers):
            raise ValueError(
                f"A verdict must have one line number a line; window {self.window_id!r} has {len(self.lines)} lines "
                f"and {len(self.line_numbers)} numbers. Pass both from the same Window."
            )
        foreign = sorted({item.line_number for item in self.evidence} - set(self.line_numbers))
        if foreign:
            raise ValueError(
                f"Evidence must name lines of its window; window {self.window_id!r} does not hold "
                f"{foreign[:3]}. Use the numbers in `line_numbers`."
            )

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain JSON values.

        Every line of the window appears under `lines`, in order, with `number`, `text`, `score` and `reason` (`score`
        is None where nobody asked for an explanation) and, where there is evidence, its other fields. A line with two
        pieces of evidence appears once for each. Numbers that JSON cannot hold (infinity, not-a-number) become None.
        """
        by_number: dict[int, list[Evidence]] = {}
        for item in self.evidence:
            by_number.setdefault(item.line_number, []).append(item)
        lines: list[dict[str, Any]] = []
        for number, text in zip(self.line_numbers, self.lines, strict=True):
            found = by_number.pop(number, [])
            lines += [item.to_dict() for item in found] or [
                {"number": number, "text": text, "score": None, "reason": ""}
            ]
        return {
            "window_id": self.window_id,
            "score": _plain(self.score),
            "threshold": _plain(self.threshold),
            "is_anomalous": self.is_anomalous,
            "label": self.label,
            "first_timestamp": _plain(self.first_timestamp),
            "last_timestamp": _plain(self.last_timestamp),
            "lines": lines,
        }

    def worst(self, n: int = 3) -> tuple[Evidence, ...]:
        """The `n` pieces of evidence with the highest score, highest first; of equals the earlier line first."""
        return tuple(sorted(self.evidence, key=lambda item: (-item.score, item.line_number))[:n])

    def marked(self) -> tuple[Evidence, ...]:
        """The evidence with a reason; where no line has one, the line with the highest score."""
        return tuple(item for item in self.evidence if item.reason) or self.worst(1)


COUNT = re.compile(r"\d[\d,.]*(?: times)?|\b(?:never|once|twice)\b")


def how_often(count: int) -> str:
    """A count as a reason says it.

    >>> how_often(1), how_often(1204)
    ('once', '1,204 times')
    """
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count:,} times")


def without_counts(reason: str) -> str:
    """A reason without its numbers: the same for windows that differ in nothing else.

    >>> without_counts("occurs twice in this window, never in the nearest normal one")
    'occurs # in this window, # in the nearest normal one'
    """
    return COUNT.sub("#", reason)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
