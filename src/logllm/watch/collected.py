"""What a collector sends -> lines of text with the record's time: JSON records, OTLP, and the pieces of container runtimes.

A container runtime cuts a long line into pieces (Docker at 16 KiB, a `log` without a line feed at its end; CRI with the
letter P in place of F). The pieces are one line here. What is no record is text and goes through as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from logllm.hf_datasets.reading.collectors import Unwrapper, seconds

MOST_CHARACTERS = 1 << 20  # of a line that is put together
_CRI = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) (?P<stream>stdout|stderr) (?P<tag>[FP])(?:[:\w]*) ?(?P<text>.*)",
    re.DOTALL,
)


@dataclass(slots=True)
class Collected:
    """A line of the log as its writer wrote it.

    Attributes:
        text: the line.
        time: seconds since 1970 by the record around it; None where there is none.
        template: the template that an OpenTelemetry Collector found; "" for none.
    """

    text: str
    time: float | None = None
    template: str = ""


class Collector:
    """Takes lines out of their records and puts pieces together.

    Args:
        unwrap: names of the fields, and how the input is packed.
        json_log: the log itself is JSON: its records are events and stay whole, whatever fields they have.
    """

    def __init__(self, unwrap: Unwrapper, json_log: bool = False):
        self.unwrap = unwrap
        self._whole = unwrap.kind == "text" or (json_log and unwrap.kind == "auto")
        self._pieces: dict[str, str] = {}  # stream -> what has come of a line

    def plain(self, block: Sequence[str]) -> list[str] | None:
        """The input lines themselves, where none of them is a record or a piece; else None."""
        if self._pieces:
            return None
        if not self._whole and "{" in {raw[:1] for raw in block}:
            return None
        if "-" in {raw[4:5] for raw in block} and any(map(_CRI.match, block)):
            return None
        return list(block)

    def lines(self, raw: str) -> list[Collected]:
        """The lines that an input line completes."""
        if raw.startswith("{"):
            if self._whole:
                return [Collected(raw)]
            records = list(self.unwrap.records(raw))
            if not records:
                return [Collected(raw)]
            return self._of_records(raw, records)
        if raw[4:5] == "-" and (found := _CRI.match(raw)) is not None and self.unwrap.kind in ("auto", "text"):
            return self._piece(found["stream"], found["text"], seconds(found["time"]), found["tag"] == "F")
        return [Collected(raw)]

    def _of_records(self, raw: str, records: list[tuple[str, float | None, str | None]]) -> list[Collected]:
        if (
            len(records) == 1 and '"log"' in raw and '"stream"' in raw
        ):  # Docker: the line feed says whether it is whole
            text, time, _ = records[0]
            return self._piece("docker", text.removesuffix("\n"), time, text.endswith("\n"))
        return [
            Collected(line, time, template or "")
            for text, time, template in records
            for line in text.rstrip("\r\n").splitlines() or [""]
        ]

    def _piece(self, stream: str, text: str, time: float | None, last: bool) -> list[Collected]:
        text = self._pieces.pop(stream, "") + text
        if not last and len(text) < MOST_CHARACTERS:
            self._pieces[stream] = text
            return []
        return [Collected(text, time)]

    def state(self) -> dict[str, str]:
        """The pieces that wait."""
        return dict(self._pieces)

    def resume(self, values: dict[str, str]) -> None:
        """Go on with the pieces that waited."""
        self._pieces = dict(values)
