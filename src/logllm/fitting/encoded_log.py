"""A log as windows of codes of masked messages, without its text."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from logllm.decision.severity import severities
from logllm.hf_datasets import LogLine, LogSystem, TemplateMiner
from logllm.hf_datasets.digit_folding import DigitFolding
from logllm.hf_datasets.live_windows import live_windows

LEAST_WINDOWS = 10
REMEMBERED_MESSAGES = 1 << 18

MOST_OPEN = 0.01  # of the sessions that began up to a moment may still be open at the log's end

LEAST_WHOLE = 0.2  # of the windows: a log that shows fewer whole ones is too short to leave the others out


@dataclass(slots=True)
class EncodedWindow:
    """A window without its text: codes of masked messages, the severity of each line, when it began.

    `over` is False where the log ended first; `early` is True where it begins so soon after the log that it may have
    begun before it.
    """

    codes: array[int]
    severity: tuple[float, ...]
    first: float | None
    first_number: int
    over: bool = True
    early: bool = False


@dataclass
class EncodedLog:
    """A log without its text."""

    windows: list[EncodedWindow]
    texts: list[str]
    lines: int
    unparsed: int


def encode_windows(
    lines: Iterable[LogLine], system: LogSystem, idle: float | None, progress: Callable[[int], object] | None = None
) -> EncodedLog:
    """Cut lines into windows and keep codes only."""
    miner = TemplateMiner(system.drain)
    codes: dict[str, int] = {}
    by_folded = DigitFolding(miner.mask, system.drain.masks, REMEMBERED_MESSAGES)
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
            severity = severities([line.raw], [line.content], system)[0]
            line.content, line.raw = str(severity), ""
            if not begin and line.timestamp is not None:
                begin.append(line.timestamp)
            yield line

    found = []
    for window in live_windows(slim(), system, idle):
        severity = tuple(float(line.content) for line in window.members)
        times = [line.timestamp for line in window.members if line.timestamp is not None]
        found.append(
            EncodedWindow(
                array("i", (int(line.label or 0) for line in window.members)),
                interned.setdefault(severity, severity),
                times[0] if times else None,
                window.members[0].number,
                window.over,
                bool(times) and idle is not None and times[0] <= begin[0] + idle,
            )
        )
    return EncodedLog(found, list(codes), counts["lines"], counts["unparsed"])


def complete_windows(windows: Sequence[EncodedWindow], system: LogSystem) -> list[EncodedWindow]:
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


def span_seconds(windows: Sequence[EncodedWindow]) -> float | None:
    """Seconds of the log's clock in which the windows begin; None where it does not tell."""
    times = [window.first for window in windows if window.first is not None]
    if len(times) < 2:
        return None
    # A single wrong clock must not stretch the span: the middle 98 % of the times, scaled up.
    low, high = np.quantile(times, [0.01, 0.99])
    return float(high - low) / 0.98 or None
