"""Learn what is normal from an unlabelled stream of lines: templates, a next-key model, a threshold by alarm budget.

What is peculiar here:
- No line's text is kept: a window is an array of codes of masked messages, so memory grows by four bytes a line (and by
  the distinct masked messages).
- The last part of the windows is held back: templates and model never see it, the threshold is set on it.
- A session that the log's end (or its beginning) has cut through is neither learnt nor calibrated on: what is watched
  later is whole, and the highest of the held-back scores would be those of the cut ones.
- The log may hold a few anomalies. Windows (where they are sessions) whose key counts are far from all but a hundredth
  of the others are left out of what counts as normal, at most a tenth of them: an incident is rarer than that.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from logllm.calibrate import Budget, budget_threshold
from logllm.errors import LogllmError
from logllm.hf_datasets import LogLine, LogSystem, TemplateMiner
from logllm.live import live_windows
from logllm.scoring import REMEMBERED_CHARACTERS
from logllm.severity import fold, severities

HELD_SHARE = 0.25
LEAST_WINDOWS = 10
LEARN_STEPS = 1200
SUPPORT = 0.01  # a window is normal when so many of the others are near it
MOST_TRIMMED = 0.10
MOST_OPEN = 0.01  # of the sessions that began up to a moment may still be open at the log's end
LEAST_WHOLE = 0.2  # of the windows: a log that shows fewer whole ones is too short to leave the others out
MOST_VECTORS = 3000  # of distinct count vectors, the most frequent, that the support is measured on
SKETCH = 512  # quantiles of the held-back scores that a checkpoint keeps for drift
CALIBRATION_FILE = "calibration.json"


@dataclass
class Calibration:
    """What a fitted checkpoint knows of the log that it was fitted on; `calibration.json` beside the weights."""

    lineage: str  # the same in all versions that `update` makes of a checkpoint
    idle_seconds: float | None
    severity_weight: float
    budget: dict[str, Any]
    scores: list[float]  # quantiles of the held-back windows' scores, lowest first
    held_windows: int
    held_lines: int
    unseen_lines: int  # of the held-back lines, those without a template
    lines: int
    unparsed: int
    trimmed: int
    version: int = 1
    fitted: float = field(default_factory=time.time)

    @property
    def unseen_rate(self) -> float:
        """Share of the held-back lines that no template matches."""
        return self.unseen_lines / max(self.held_lines, 1)

    def save(self, folder: str | Path) -> None:
        """Write `calibration.json`."""
        (Path(folder) / CALIBRATION_FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Calibration | None:
        """Read `calibration.json`, None where there is none."""
        file = Path(folder) / CALIBRATION_FILE
        if not file.is_file():
            return None
        try:
            return cls(**json.loads(file.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise LogllmError(f"{file} must be what `logllm fit` wrote, found {error}: fit again") from error


@dataclass(slots=True)
class CodedWindow:
    """A window without its text: codes of masked messages, the severity of each line, when it began.

    `over` is False where the log ended first; `early` is True where it begins so soon after the log that it may have
    begun before it.
    """

    codes: array
    grave: tuple[float, ...]
    first: float | None
    first_number: int
    over: bool = True
    early: bool = False


@dataclass
class Coded:
    """A log without its text."""

    windows: list[CodedWindow]
    texts: list[str]
    lines: int
    unparsed: int


def code_windows(
    lines: Iterable[LogLine], system: LogSystem, idle: float | None, progress: Callable[[int], object] | None = None
) -> Coded:
    """Cut lines into windows and keep codes only."""
    miner = TemplateMiner(system.drain)
    codes: dict[str, int] = {}
    by_folded = Folded(miner.mask, system)
    counts = Counter[str]()
    begin: list[float] = []  # the log's first time
    interned: dict[tuple[float, ...], tuple[float, ...]] = {}

    def slim() -> Iterator[LogLine]:
        """The lines with their code in place of their text."""
        for line in lines:
            counts["lines"] += 1
            counts["unparsed"] += not line.parsed
            if progress is not None and counts["lines"] % 10_000 == 0:
                progress(10_000)
            masked = by_folded(line.content)
            code = codes.setdefault(masked, len(codes))
            line.label = str(code)
            grave = severities([line.raw], [line.content], system)[0]
            line.content, line.raw = str(grave), ""
            if not begin and line.timestamp is not None:
                begin.append(line.timestamp)
            yield line

    found = []
    for window in live_windows(slim(), system, idle):
        grave = tuple(float(line.content) for line in window.members)
        times = [line.timestamp for line in window.members if line.timestamp is not None]
        found.append(
            CodedWindow(
                array("i", (int(line.label or 0) for line in window.members)),
                interned.setdefault(grave, grave),
                times[0] if times else None,
                window.members[0].number,
                window.over,
                bool(times) and idle is not None and times[0] <= begin[0] + idle,
            )
        )
    return Coded(found, list(codes), counts["lines"], counts["unparsed"])


class Folded:
    """Masks messages; those that differ in digits only are masked once where that is exact (see `scoring.Scorer`)."""

    def __init__(self, mask: Callable[[str], str], system: LogSystem):
        from logllm.hf_datasets.regex_facts import all_digit_blind

        self._mask = mask
        self._folds = all_digit_blind(pattern for pattern, _ in system.drain.masks)
        self._known: dict[str | bytes, str | None] = {}

    def __call__(self, message: str) -> str:
        """The masked message."""
        if not self._folds or len(message) > REMEMBERED_CHARACTERS:
            return self._mask(message)
        folded = fold(message)
        masked = self._known.get(folded, "?")
        if masked == "?":
            masked = self._mask(folded.decode("ascii") if isinstance(folded, bytes) else folded)
            if any(digit in masked for digit in "0123456789"):
                masked = None
            if len(self._known) < 1 << 18:
                self._known[folded] = masked
        return self._mask(message) if masked is None else masked


def learn(
    coded: Coded,
    system: LogSystem,
    *,
    alarms: float = 1.0,
    idle: float | None = None,
    severity_weight: float = 1.0,
    clean: bool = False,
    seed: int = 0,
    max_steps: int = LEARN_STEPS,
    held_share: float = HELD_SHARE,
    least: int = LEAST_WINDOWS,
    timed: bool = True,
    out: Path | None = None,
    progress: bool = True,
) -> tuple[Any, Budget]:
    """Train on the first windows, set the threshold on the last; returns (detector with its calibration, budget)."""
    from datasets import Dataset

    from logllm.scoring import Scorer
    from logllm.training import train_detector

    windows = uncut(coded.windows, system)
    if len(windows) < max(least, 2):
        raise LogllmError(
            f"a log must give at least {least} windows to learn from, found {len(windows)} "
            f"({coded.lines:,} lines as {system.title}): give a longer log, or a trained checkpoint with --model"
        )
    held = max(int(held_share * len(windows)), 1)
    first, last = windows[:-held], windows[-held:]
    miner = TemplateMiner(system.drain)
    for window in first:
        for code in window.codes:
            miner.add_masked(coded.texts[code])
    keys = [miner.match_masked(text) or "" for text in coded.texts]
    rows = [[keys[code] for code in window.codes] for window in first]
    kept = supported(rows) if system.window.kind == "session" and not clean else [True] * len(rows)
    normal = [row for row, keep in zip(rows, kept) if keep]
    held_rows = [[keys[code] for code in window.codes] for window in last]

    def dataset(rows: list[list[str]]) -> Dataset:
        return Dataset.from_dict({"keys": rows, "label": [-1] * len(rows)})

    detector = train_detector(
        "logllama",
        dataset(normal),
        dataset(held_rows),
        miner.table(),
        system,
        out=out,
        seed=seed,
        max_steps=max_steps,
        reinforce=False,
        progress=progress,
    )
    scorer = Scorer(detector.model, detector.processor, severity_weight)
    sequences = [tuple(detector.processor.ids_of_keys(row)) for row in held_rows]
    scores = [score for score, _ in scorer.score_ids(sequences, [window.grave for window in last])]
    # Windows a day are those of the whole log: the held-back part may be a quiet night.
    span = span_seconds(windows) if timed else None
    budget = budget_threshold(scores, alarms, span and span * held / len(windows), clean)
    if not timed:
        grave = [window.grave for window, keep in zip(first, kept) if keep]
        learnt = [tuple(detector.processor.ids_of_keys(row)) for row in normal]
        usual = [score for score, _ in scorer.score_ids(learnt, grave)]
        budget = replace(budget, threshold=min(budget.threshold, ceiling(usual, detector.model.config.unseen_score)))
    detector.threshold = budget.threshold
    detector.calibration = Calibration(
        lineage=hashlib.sha256(json.dumps(miner.table(), sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[
            :16
        ],
        idle_seconds=idle,
        severity_weight=severity_weight,
        budget=budget.to_dict(),
        scores=[float(value) for value in np.quantile(scores, np.linspace(0, 1, SKETCH))],
        held_windows=len(scores),
        held_lines=sum(map(len, held_rows)),
        unseen_lines=sum(row.count("") for row in held_rows),
        lines=coded.lines,
        unparsed=coded.unparsed,
        trimmed=len(rows) - len(normal),
    )
    return detector, budget


def uncut(windows: Sequence[CodedWindow], system: LogSystem) -> list[CodedWindow]:
    """The windows that neither the log's end nor its beginning has cut through, in the order of their first lines.

    Sessions are taken up to the last first line before which nearly all are over: all that are over would be too many of
    the short ones near the log's end. They are taken all the same where the log is too short for that, and so are the
    cut ones where there is little else. A session near the log's beginning counts as cut where its first message begins
    no later session.
    """
    ordered = sorted(windows, key=lambda window: window.first_number)
    enough = max(LEAST_WHOLE * len(ordered), LEAST_WINDOWS)
    over = [window for window in ordered if window.over]
    if system.window.kind != "session":
        return over if len(over) >= enough else ordered
    still_open = np.cumsum([not window.over for window in ordered])
    nearly_all = np.flatnonzero(still_open <= MOST_OPEN * np.arange(1, len(ordered) + 1))
    taken = int(nearly_all[-1]) + 1 if len(nearly_all) else 0
    starts = {window.codes[0] for window in ordered if not window.early}
    for chosen in ([window for window in ordered[:taken] if window.over], over):
        whole = [window for window in chosen if not window.early or window.codes[0] in starts]
        if len(whole) >= enough:
            return whole
    return ordered


def ceiling(learnt_scores: Sequence[float], unseen_score: float) -> float:
    """The highest threshold of a scan that has no model: the held-back tail may lie in the middle of an incident.

    It is the score of a message never seen, or what 99 % of the learnt windows stay below where that is higher.
    """
    return max(float(np.quantile(learnt_scores, 0.99)), unseen_score)


def span_seconds(windows: Sequence[CodedWindow]) -> float | None:
    """Seconds of the log's clock in which the windows begin; None where it does not tell."""
    times = [window.first for window in windows if window.first is not None]
    if len(times) < 2:
        return None
    # A single wrong clock must not stretch the span: the middle 98 % of the times, scaled up.
    low, high = np.quantile(times, [0.01, 0.99])
    return float(high - low) / 0.98 or None


def supported(rows: Sequence[Sequence[str]]) -> list[bool]:
    """Whether each window's key counts have enough others near them to be called normal.

    The distance between two windows is the sum over the keys of the difference in counts, times the key's rarity (the
    logarithm of how many windows there are to one that has it). A window's remoteness is its distance to the
    `SUPPORT`-quantile of nearest others; the most remote tenth at most is left out, and only what is more remote than
    the window in the middle.
    """
    vectors = Counter(tuple(sorted(Counter(row).items())) for row in rows)
    if len(vectors) < 3:
        return [True] * len(rows)
    common = vectors.most_common(MOST_VECTORS)
    names = sorted({key for vector, _ in common for key, _ in vector})
    place = {key: i for i, key in enumerate(names)}
    table = np.zeros((len(common), len(names)), np.float32)
    weight = np.array([count for _, count in common], float)
    for row, (vector, _) in zip(table, common):
        for key, count in vector:
            row[place[key]] = count
    table *= (0.1 + np.log(weight.sum() / np.maximum((table > 0).T @ weight, 1e-9))).astype(np.float32)
    needed = max(math.ceil(SUPPORT * len(rows)), 2)
    remote = np.empty(len(common))
    for i, row in enumerate(table):
        distances = np.abs(table - row).sum(1)
        order = np.argsort(distances, kind="stable")
        remote[i] = distances[order[np.searchsorted(np.cumsum(weight[order]), min(needed, weight.sum()))]]
    middle = float(np.median(np.repeat(remote, weight.astype(int))))
    left_out: set[Any] = set()
    room = MOST_TRIMMED * len(rows)
    for i in np.argsort(-remote, kind="stable"):
        if remote[i] <= middle or weight[i] > room:
            break
        room -= weight[i]
        left_out.add(common[i][0])
    kept = {vector for vector, _ in common} - left_out
    return [tuple(sorted(Counter(row).items())) in kept for row in rows]
