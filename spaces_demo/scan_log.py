"""What the Space does with a visitor's log: read it, choose who judges it, judge it, and forget it.

Notes:
- A model knows the log it has learnt. A log that the shipped LogLLaMAs do not know (half of its lines match no template)
  is judged by a small one that learns from the log itself, in a second (`space_self.py`).
- Every scan has a detector of its own over shared weights, so that what the processors remember of a log's text goes
  when the scan goes; `forget` empties the memories that belong to the process.
- Only the windows worth showing are explained: explaining costs many times what scoring costs, and a visitor's log may
  be flagged from end to end. The threshold can be moved without scoring anything again.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from learn_from_log import learn_itself
from recipe import KNOWN_FORMATS, space_row

from logllm.checkpoint import load_checkpoint
from logllm.detector import LogAnomalyDetector
from logllm.errors import LogllmError
from logllm.hf_datasets import LogSystem, get_system, guess_system, parse_lines, read_lines
from logllm.verdict import Evidence, Verdict

FAMILIES = {"logllama": "LogLLaMA", "logllm": "LogLLM"}
MAX_CHARACTERS = 5_000_000
MAX_WINDOWS_SHOWN = 20
LEAST_WINDOWS_SHOWN = 3  # the highest scores, where fewer were flagged
SAMPLE_LINES = 1000
LEAST_KNOWN = 0.5  # of a log's lines, for a shipped model to judge it


@dataclass
class Judged:
    """A log and what was found in it; `explained` holds the verdicts with evidence, by their place."""

    system: LogSystem
    family: str
    detector: LogAnomalyDetector
    verdicts: list[Verdict]
    lines: int
    unparsed: int
    judge: str  # who judged, as a part of a sentence
    notes: list[str] = field(default_factory=list)
    own: bool = False  # the model has learnt this very log
    threshold: float = 0.0
    seconds: float = 0.0
    explained: dict[int, Verdict] = field(default_factory=dict)

    @property
    def flagged(self) -> int:
        """How many windows were flagged."""
        return sum(verdict.is_anomalous for verdict in self.verdicts)

    def at(self, threshold: float) -> Judged:
        """The same log under another threshold; scores and evidence stay as they are."""

        def under(verdict: Verdict) -> Verdict:
            return replace(verdict, threshold=threshold, is_anomalous=verdict.score > threshold)

        return replace(
            self,
            threshold=threshold,
            verdicts=[under(verdict) for verdict in self.verdicts],
            explained={place: under(verdict) for place, verdict in self.explained.items()},
        )

    def explain(self, place: int) -> Verdict:
        """The verdict of a window (its place in the order of the log) with evidence."""
        if place not in self.explained:
            found = self.detector.explain(self.verdicts[place])
            if self.own:
                found = replace(found, evidence=tuple(map(_of_this_log, found.evidence)))
            self.explained[place] = found
        return self.explained[place]

    def ranking(self) -> list[int]:
        """Places of the windows worth showing: the flagged ones, worst first, filled up where there are few."""
        order = sorted(
            range(len(self.verdicts)), key=lambda i: (not self.verdicts[i].is_anomalous, -self.verdicts[i].score)
        )
        return order[: min(max(self.flagged, LEAST_WINDOWS_SHOWN), MAX_WINDOWS_SHOWN)]

    def shown(self) -> list[Verdict]:
        """The windows worth showing, with evidence."""
        return [self.explain(place) for place in self.ranking()]

    def to_rows(self) -> list[dict[str, Any]]:
        """Every verdict as plain JSON values, in the order of the log; those worth showing with evidence."""
        self.shown()
        return [self.explained.get(place, verdict).to_dict() for place, verdict in enumerate(self.verdicts)]

    def to_json(self) -> str:
        """What the download holds: how the log was read and judged, and every verdict."""
        facts = {
            "format": self.system.name,
            "family": self.family,
            "judged_by": self.judge,
            "threshold": self.threshold,
            "lines": self.lines,
            "unparsed": self.unparsed,
            "notes": self.notes,
        }
        return json.dumps({**facts, "windows": self.to_rows()}, indent=1, ensure_ascii=False)

    def to_report(self) -> str:
        """The same as one HTML file that can be mailed."""
        from logllm.report.html import render_report

        self.shown()
        return render_report(
            [self.explained.get(place, verdict) for place, verdict in enumerate(self.verdicts)],
            title="A log scanned in the Space",
            threshold=self.threshold,
            system=self.system.title,
            counts={"lines": self.lines, "unparsed": self.unparsed},
            notes=[f"Judged by {self.judge}.", *self.notes],
        )


def _of_this_log(item: Evidence) -> Evidence:
    """Say of a model that has learnt the log itself what its words mean."""
    reason = item.reason.replace(
        "no template matches it: a message that training never saw", "no other line is like it"
    )
    return replace(item, reason=reason.replace(" in training", " in this log"))


class SpaceModels:
    """The checkpoints of a folder, loaded once; every judging gets a detector of its own over their weights."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        wanted = dict.fromkeys([*KNOWN_FORMATS.values(), "logllm"])
        present = [name for name in wanted if (self.folder / name / "config.json").is_file()]
        if not present:
            raise LogllmError(
                f"the Space must have a folder that holds {', '.join(wanted)} or some of them, each with a config.json; "
                f"found none in {folder}: make them with `python spaces_demo/recipe.py FOLDER`"
            )
        self._parts = {name: load_checkpoint(self.folder / name) for name in present}

    def families(self) -> list[str]:
        """Families that can judge: LogLLaMA always (it can learn from the log itself), LogLLM where it is shipped."""
        return [family for family in FAMILIES if family == "logllama" or family in self._parts]

    def detector(self, name: str, system: LogSystem) -> LogAnomalyDetector | None:
        """A detector of a checkpoint for one scan: the weights are shared, what it remembers is not."""
        if name not in self._parts:
            return None
        model, processor = self._parts[name]
        return LogAnomalyDetector(model, _fresh(processor), system)

    def judge(self, lines: Sequence[str], family: str) -> Judged:
        """Score a log; the format is guessed.

        Raises:
            LogllmError: there is no such family here.
        """
        if not isinstance(family, str) or family not in self.families():
            raise LogllmError(f"the family must be one of {', '.join(self.families())}; found {family!r}")
        started = time.perf_counter()
        system = space_row(guess_system(lines[:SAMPLE_LINES]))
        detector, judge, notes, own = self._choose(lines, family, system)
        verdicts = list(detector.scan(lines, explain="none"))
        counts = detector.counts
        if counts.unparsed > counts.lines / 2 and system.name != "plain":
            notes.append(
                f"{counts.unparsed:,} of {counts.lines:,} lines do not fit the format and were read as they are."
            )
        return Judged(
            system=system,
            family=family,
            detector=detector,
            verdicts=verdicts,
            lines=counts.lines,
            unparsed=counts.unparsed,
            judge=judge,
            notes=notes,
            own=own,
            threshold=float(detector.threshold),
            seconds=time.perf_counter() - started,
        )

    def _choose(
        self, lines: Sequence[str], family: str, system: LogSystem
    ) -> tuple[LogAnomalyDetector, str, list[str], bool]:
        """(detector, who it is in words, notes, whether it has learnt this very log)."""
        normal = self.detector(KNOWN_FORMATS.get(system.name, ""), system)
        known = known_share(normal, lines[:SAMPLE_LINES]) if normal else 0.0
        if family == "logllm":
            detector = self.detector("logllm", system)
            assert detector is not None  # or the family would have been refused
            notes = []
            if system.name == "access-log":
                notes.append(
                    "LogLLM masks every number, as its paper does, so it cannot see the status codes of an access log: "
                    "LogLLaMA can."
                )
            elif known < LEAST_KNOWN:
                notes.append(
                    "This LogLLM has learnt from simulated HDFS, BGL and syslog lines only and does not know these "
                    "messages, so its verdict says little. LogLLaMA can learn from this log itself."
                )
            return detector, "LogLLM, which has learnt from labelled windows of simulated logs", notes, False
        if normal is not None and known >= LEAST_KNOWN:
            return normal, "LogLLaMA, which has learnt what is normal in a simulated log of this kind", [], False
        detector, notes = learn_itself(lines, system)
        return detector, "LogLLaMA, which has learnt this log itself: what is rare in it is odd", notes, True


def _fresh(processor: Any) -> Any:
    """A processor that remembers no message: those of the shared one are never asked, so a copy begins empty."""
    return copy.copy(processor)


def known_share(detector: LogAnomalyDetector, lines: Sequence[str]) -> float:
    """Share of the lines whose template a LogLLaMA knows."""
    matcher = detector.processor.matcher
    keys = [matcher.key(line.content) for line in parse_lines(lines, detector.system) if line.content.strip()]
    return sum(key is not None for key in keys) / max(len(keys), 1)


def lines_of_text(text: Any) -> list[str]:
    """The lines of a paste; an empty box, far too much, or no text at all is refused with a sentence."""
    if not isinstance(text, str):
        raise LogllmError(f"the log must be text, one message a line; found {type(text).__name__}: send a string")
    if not text.strip():
        raise LogllmError("There is nothing to scan: paste at least one line, or upload a file.")
    if len(text) > MAX_CHARACTERS:
        raise LogllmError(
            f"The log must have at most {MAX_CHARACTERS:,} characters; found {len(text):,}. Send a part of it."
        )
    return text.strip("\r\n").replace("\r\n", "\n").split("\n")  # not splitlines: a form feed ends no line


def lines_of_file(path: str | Path) -> list[str]:
    """The lines of an upload, which is deleted when it is read; bad input is refused with its own sentence."""
    path = Path(path)
    if not path.is_file():
        raise LogllmError("The upload was read and deleted already: upload the file again.")
    try:
        lines, size = [], 0
        for line in read_lines(path):
            size += len(line) + 1
            if size > MAX_CHARACTERS:  # a small .gz can hold very much
                raise LogllmError(
                    f"The log must have at most {MAX_CHARACTERS:,} characters unpacked. Send a part of it."
                )
            lines.append(line)
    except (ValueError, OSError) as error:
        raise LogllmError(str(error).replace(str(path), path.name)) from error
    finally:
        path.unlink(missing_ok=True)
    if not any(line.strip() for line in lines):
        raise LogllmError("The log must hold at least one line; the file holds only blanks. Choose another one.")
    return lines


def format_named(name: str) -> LogSystem:
    """A format as the Space reads it."""
    return space_row(get_system(name))


def score_range(judged: Judged) -> tuple[float, float]:
    """Least and greatest threshold that a slider should offer: a little beyond all scores, on whole tenths."""
    scores = [verdict.score for verdict in judged.verdicts if math.isfinite(verdict.score)] + [judged.threshold]
    return math.floor(min(scores) * 10 - 1) / 10, math.ceil(max(scores) * 10 + 1) / 10


def forget() -> None:
    """Empty what the process remembers of message texts across scans (masks and severities)."""
    from logllm.decision import severity
    from logllm.modeling_logllm import masking

    for memory in (masking._mask_folded, severity._nats):
        memory.cache_clear()
