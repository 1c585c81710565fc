"""The tab "Learn from my log": a LogLLaMA learns from a normal part of a log and examines another part, within a minute.

Notes:
- Windows are short and get shorter with the log, so that a few hundred lines are enough to learn from.
- Time is bounded by work, not by a clock: so many lines are read (the last ones of the normal part, for they are nearest
  to what is examined) and so many steps are made, so that the same files give the same verdicts on a busy machine.
- Progress is the training's own bar on standard error, which the page follows.
"""

from __future__ import annotations

import time
from pathlib import Path

from recipe import WINDOW_LINES, space_row
from scan_log import SAMPLE_LINES, Judged, lines_of_file

from logllm.errors import LogllmError
from logllm.fitting.encoded_log import LEAST_WINDOWS
from logllm.fitting.fit import encode_lines
from logllm.fitting.learn import fit_encoded
from logllm.hf_datasets import LogSystem, WindowRule, get_system, guess_system

MOST_LINES = 20_000
LEAST_LINES = 60
STEPS = 200
ALARMS_PER_THOUSAND = 10.0  # windows of the normal part that may be flagged
IDLE_SECONDS = 60.0
IN_WORDS = (
    "A log that no model here knows? Give a part in which all was well, some hundred lines or more, and a part to examine. "
    "A LogLLaMA learns the first in less than a minute and marks what is new in the second. Nothing is labelled."
)


def learn_and_examine(normal: str | Path | None, examined: str | Path | None) -> Judged:
    """Learn from one uploaded file, judge another; both are deleted when they are read.

    Raises:
        LogllmError: a file is missing, cannot be read, or is too short to learn from.
    """
    if not normal or not examined:
        missing = "A part that was normal" if not normal else "A part to examine"
        raise LogllmError(f"Two files are needed; “{missing}” is empty. Choose a file there, or try the example pair.")
    return examine_after(lines_of_file(normal), lines_of_file(examined))


def examine_after(usual: list[str], others: list[str]) -> Judged:
    """Learn from lines, judge others.

    Raises:
        LogllmError: there are too few lines to learn from.
    """
    started = time.perf_counter()
    if len(usual) < LEAST_LINES:
        raise LogllmError(
            f"The normal part must have at least {LEAST_LINES} lines to learn from; found {len(usual)}. Give a longer part."
        )
    notes = []
    if len(usual) > MOST_LINES:
        notes.append(
            f"Of the {len(usual):,} normal lines the last {MOST_LINES:,} were learnt, to be done within a minute."
        )
        usual = usual[-MOST_LINES:]
    system = short_windows(space_row(guess_system(usual[:SAMPLE_LINES])), len(usual))
    coded = encode_lines(usual, system, IDLE_SECONDS, progress=False)
    if len(coded.windows) < LEAST_WINDOWS:  # few long sessions: cut them by count
        system = system.with_window(_by_count(len(usual)))
        coded = encode_lines(usual, system, IDLE_SECONDS, progress=False)
    other_format = guess_system(others[:SAMPLE_LINES])
    if other_format.name != system.name:
        notes.append(
            f"The part to examine looks like another format ({other_format.title}); it was read as the normal part was."
        )
    detector, _ = fit_encoded(
        coded, system, alarms=ALARMS_PER_THOUSAND, idle=IDLE_SECONDS, held_share=0.2, max_steps=STEPS, timed=False
    )
    verdicts = list(detector.scan(others, explain="none"))
    return Judged(
        system=system,
        family="logllama",
        detector=detector,
        verdicts=verdicts,
        lines=detector.counts.lines,
        unparsed=detector.counts.unparsed,
        judge=f"LogLLaMA, which has just learnt {len(usual):,} lines of your normal part",
        notes=notes,
        threshold=float(detector.threshold),
        seconds=time.perf_counter() - started,
    )


def short_windows(system: LogSystem, lines: int) -> LogSystem:
    """The system with windows short enough for its number of lines; sessions stay."""
    return system if system.window.kind == "session" else system.with_window(_by_count(lines))


def _by_count(lines: int) -> WindowRule:
    return WindowRule("fixed", min(max(lines // (2 * LEAST_WINDOWS), 3), WINDOW_LINES))


def warm_up() -> None:
    """Load what learning needs, so that the first visitor who learns does not wait for it."""
    from learn_from_log import learn_itself

    learn_itself([f"warm {word}" for word in ("up", "up", "down")], space_row(get_system("plain")), steps=1)
