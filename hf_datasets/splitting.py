"""Which windows are for training, validation and test: pure functions, with nothing random that a library could change.

Odd here: the paper shuffles HDFS sessions with a seed; we order them by the SHA-256 of "SEED:SESSION", which is as good
a shuffle and the same on every machine, in every version of every library, and whichever other sessions are there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from .errors import LogInputError
from .grouping import Grouping, group_sessions, group_spans, line_bounds
from .ingest import Log
from .rules import WindowRule
from .spool import let_go

SPLITS = ("train", "validation", "test")


def check_shares(train_share: float, validation_share: float) -> None:
    """Raise `LogInputError` unless both shares are possible."""
    if not 0 < train_share <= 1:
        raise LogInputError(f"train_share must lie above 0 and at most at 1; found {train_share}. Use .8, say.")
    if not 0 <= validation_share < 1:
        raise LogInputError(f"validation_share must be at least 0 and below 1; found {validation_share}. Use .1, say.")


def shuffled(session_ids: Sequence[str], seed: int) -> list[int]:
    """The positions of the sessions in shuffled order.

    >>> shuffled(["blk_1", "blk_2", "blk_3"], 42)
    [0, 2, 1]
    """
    marks = b"".join(
        hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogatepass")).digest() for name in session_ids
    )
    words = np.frombuffer(marks, ">u8").reshape(-1, 4)  # compared like the bytes
    return np.lexsort(words.T[::-1]).tolist()


def split_windows(
    log: Log, rule: WindowRule, train_share: float, validation_share: float, seed: int | None
) -> tuple[Grouping, dict[str, range]]:
    """All windows of a log in output order, and which of them each split holds.

    Sessions are cut by their number, shuffled first where a `seed` is given; other windows are made on each side of
    the cut by rows. Inside a split windows stand in the order of their first line.
    """
    if rule.kind == "session":
        windows = group_sessions(len(log), log.pair_rows, log.pair_sessions, len(log.session_names), log.spool)
        order = np.arange(len(windows))
        if seed is not None:
            order = np.array(shuffled(window_names(log, windows), seed), np.int64)
        cut = int(len(order) * train_share)
        held = round(cut * validation_share)
        parts = [np.sort(part) for part in (order[: cut - held], order[cut - held : cut], order[cut:])]
    else:
        cut = int(len(log) * train_share)
        before, after = (line_bounds(*b, rule, log.times, log.spool) for b in ((0, cut), (cut, len(log))))
        windows = group_spans(np.concatenate((before, after)), log.spool)
        train, total = len(before), len(windows)
        held = round(train * validation_share)
        parts = [np.arange(train - held), np.arange(train - held, train), np.arange(train, total)]
        if rule.overlaps and len(parts[0]):
            parts[1] = after_gap(log, windows, parts[1], int(parts[0][-1]), rule)
        if rule.overlaps and train:
            parts[2] = after_gap(log, windows, parts[2], train - 1, rule)
    sizes = np.cumsum([0, *map(len, parts)]).tolist()
    splits = {name: range(sizes[at], sizes[at + 1]) for at, name in enumerate(SPLITS)}
    return windows.taken(np.concatenate(parts).astype(np.int64), log.spool), splits


def after_gap(log: Log, windows: Grouping, candidates: np.ndarray, last: int, rule: WindowRule) -> np.ndarray:
    """The candidates that begin more than one window (rows, or seconds) after window `last` ends."""
    ends, begins = windows.rows[windows.offsets[last + 1] - 1], windows.rows[windows.offsets[candidates]]
    if rule.kind == "time" and log.times is not None:
        latest = np.fmax.reduce(log.times[: ends + 1], initial=-np.inf)  # passes over NaN
        let_go(log.times)
        return candidates[~(log.times[begins] <= latest + rule.size)]
    return candidates[begins > ends + int(rule.size)]


def window_names(log: Log, windows: Grouping) -> list[str]:
    """Session ids, and "FIRST-LAST" line numbers for windows of lines that name none."""
    first = log.numbers[windows.rows[windows.offsets[:-1]]].tolist()
    last = log.numbers[windows.rows[windows.offsets[1:] - 1]].tolist()
    return [
        log.session_names[session] if session >= 0 else f"{one}-{two}"
        for session, one, two in zip(windows.sessions.tolist(), first, last)
    ]
