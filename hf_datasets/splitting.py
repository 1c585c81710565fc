"""Which windows are for training, validation and test: pure functions, with nothing random that a library could change.

Notes: The paper shuffles HDFS sessions with a seed; we order them by the SHA-256 of "SEED:SESSION", which is as good
a shuffle and the same on every machine, in every version of every library, and whichever other sessions are there.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .columnar.column_files import blocks, let_go
from .columnar.read_log import Log
from .columnar.window_index import Grouping, group_sessions, group_spans, line_bounds
from .errors import LogInputError
from .systems.rules import WindowRule

_NAMES = 1 << 16  # sessions whose ids are Python strings at a time
SPLITS = ("train", "validation", "test")


def check_shares(train_share: float, validation_share: float) -> None:
    """Raise `LogInputError` unless both shares are possible."""
    if not 0 < train_share <= 1:
        raise LogInputError(f"train_share must lie above 0 and at most at 1, found {train_share}: use .8, say")
    if not 0 <= validation_share < 1:
        raise LogInputError(f"validation_share must be at least 0 and below 1, found {validation_share}: use .1, say")


def shuffled(session_ids: pa.Array, seed: int) -> np.ndarray:
    """The positions of the sessions in shuffled order.

    >>> shuffled(pa.array(["blk_1", "blk_2", "blk_3"]), 42).tolist()
    [0, 2, 1]
    """
    marks = np.empty((len(session_ids), 4), np.uint64)  # compared like the digest's bytes
    for first, last in blocks(len(marks), _NAMES):
        names = session_ids.slice(first, last - first).to_pylist()
        digests = [hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogatepass")).digest() for name in names]
        marks[first:last] = np.frombuffer(b"".join(digests), ">u8").reshape(-1, 4)
    return np.lexsort(marks.T[::-1])


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
            order = shuffled(window_names(log, windows), seed)
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


def window_names(log: Log, windows: Grouping) -> pa.Array:
    """Session ids, and "FIRST-LAST" line numbers for windows of lines that name none, as Arrow large strings."""
    parts = [pa.array([], pa.large_string())]
    for first, last in blocks(len(windows), _NAMES):
        sessions = windows.sessions[first:last]
        loose = sessions < 0
        names = log.session_names.take(pa.array(np.where(loose, 0, sessions), mask=loose))
        if loose.any():
            begins, ends = windows.offsets[first:last][loose], windows.offsets[first + 1 : last + 1][loose]
            lines = zip(log.numbers[windows.rows[begins]].tolist(), log.numbers[windows.rows[ends - 1]].tolist())
            spans = pa.array([f"{one}-{two}" for one, two in lines], pa.large_string())
            names = pc.replace_with_mask(names, pa.array(loose), spans)
            let_go(log.numbers, windows.rows)
        parts.append(names)
    return pa.concat_arrays(parts)
