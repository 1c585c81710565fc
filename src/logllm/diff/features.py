"""What the ranker is told of a line: its words, whether it is new, where it stands and what stands around it.

The features are computed for the rows that may be shown only: new lines and their neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logllm.diff import text
from logllm.diff.good import GoodRuns
from logllm.diff.table import LineTable, beside

NEIGHBOURHOOD = 2  # known lines this near to a new one may be shown with it
MOST_RANKED = 150_000  # lines that are ranked
MOST_COMPARED = 2_500  # distinct new lines whose nearest good line is looked for
_FAR = 200

# Kinds that never make a line the head of a failure, whatever words it holds.
_NOT_HARD = ("zero", "warning_tag", "info_tag", "transfer", "source_control", "ended", "runner_ended", "echo")
_HARD = ("error_tag", "exception", "test_failed", "frame", "place_column", "nonzero", "strong_word", "tool_failed")
_NOISE = ("transfer", "source_control", "progress", "cache", "setting")
_BESIDE = (
    "error_tag", "frame", "ended", "empty", "place_column", "test_failed", "exception", "rule", "info_tag", "passed",
    "help", "tool_failed", "runner_ended", "echo", "warning_tag", "strong_word", "header", "fail_alone", "diff_mark", "code",
)  # fmt: skip


def _shifted(values: NDArray[Any], by: int) -> NDArray[Any]:
    """Each position's value `by` places before (negative: behind); zero beyond the ends."""
    out = np.zeros_like(values)
    if by > 0:
        out[by:] = values[:-by]
    elif by < 0:
        out[:by] = values[-by:]
    return out


def _last(flag: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The last flagged position up to each, -1 for none."""
    return np.maximum.accumulate(np.where(flag, np.arange(len(flag)), -1))


def _next(flag: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The next flagged position from each on; far beyond the end for none."""
    place = _last(flag[::-1])[::-1]
    return np.where(place < 0, len(flag) * 10 + _FAR, len(flag) - 1 - place)


def _signed_log(distance: NDArray[Any]) -> NDArray[Any]:
    return np.sign(distance) * np.log1p(np.minimum(np.abs(distance), 500))


def hard_lines(table: LineTable) -> NDArray[np.bool_]:
    """`(n,)`: new lines that state a failure by themselves: an error, an exception, a frame, a place in the source."""
    return table.new & table.kind(*_HARD) & ~table.kind(*_NOT_HARD)


def says_failed(table: LineTable) -> bool:
    """Whether a new line says that the run, or a step of it, ended in failure; a script that is only shown says nothing."""
    said = table.kind("ended", "tool_failed", "fail_alone") & ~table.kind("zero", "echo")
    return bool((table.new & said).any())


def candidates(table: LineTable) -> NDArray[np.int64]:
    """Positions of the lines that may be shown: new ones and those near them.

    Where there are more than `MOST_RANKED`, as in logs with little in common, only those that state a failure or hold a
    word of failure, with their neighbours, and of these the first.
    """
    found = np.flatnonzero(beside(table.new, NEIGHBOURHOOD, NEIGHBOURHOOD))
    if len(found) > MOST_RANKED:
        worded = table.new & (hard_lines(table) | table.kind("word"))
        found = np.flatnonzero(beside(worded, NEIGHBOURHOOD, NEIGHBOURHOOD))[:MOST_RANKED]
    return found


def nearness(table: LineTable, good: GoodRuns | None) -> NDArray[np.float32]:
    """`(n,)`: how near the nearest good line is, 1 for a line that a good run holds, 0 without good runs."""
    near = np.where(table.new, 0, 1).astype(np.float32)
    if good is None:
        return near
    keys = table.key[table.new]
    distinct, first = np.unique(keys, return_index=True)
    # Where there are too many, the first ones are compared: later ones mostly repeat their kind.
    compared = distinct[np.argsort(first)][:MOST_COMPARED]
    found = {int(k): good.nearest(table.masks[int(k)])[0] for k in compared if int(k) in table.masks}
    near[table.new] = [found.get(int(k), 0.0) for k in keys]
    return near


def _under_head(hard: NDArray[np.bool_], empty: NDArray[np.bool_], indent: NDArray[Any]) -> NDArray[np.bool_]:
    """`(n,)`: whether a line stands below a failing line and deeper than it, with nothing at its depth between."""
    inside = np.zeros(len(hard), bool)
    # Only the stretches after a hard line need the loop; the rest of a long log is passed over.
    place, size = 0, len(hard)
    heads = np.flatnonzero(hard)
    for head in heads.tolist():
        if head < place:
            continue
        depth, place = indent[head], head
        while place < size and (place == head or hard[place] or empty[place] or indent[place] > depth):
            if hard[place] and indent[place] <= depth:
                depth = indent[place]
            inside[place] = True
            place += 1
    return inside


def columns(table: LineTable, good: GoodRuns | None, rows: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Name and values `(len(rows),)` of each feature, in the order that a ranker was trained with."""
    n = len(table)
    place = np.arange(n)
    new, indent = table.new, table.indent.astype(np.int32)
    empty = table.kind("empty") | (table.key == 0)
    noise = table.kind(*_NOISE)
    hard = hard_lines(table)
    near = nearness(table, good)

    for name in text.KIND_NAMES:
        yield f"is {name}", table.kind(name)[rows]
    yield "length", np.log1p(table.length[rows])
    yield "letters", table.letters[rows]
    yield "capitals", table.capitals[rows]
    yield "masked", table.masked[rows]
    yield "words", np.log1p(table.words[rows])
    yield "indent", np.minimum(indent[rows], 20)
    yield "new", new[rows]
    yield "loosely new", table.loosely_new[rows]
    yield "near", near[rows]
    yield "hard", hard[rows]
    yield "noise", noise[rows]
    _, back, times = np.unique(table.key, return_inverse=True, return_counts=True)
    yield "count", np.log1p(times[back][rows])
    if good is None:
        yield "good count", np.zeros(len(rows))
    else:
        where = good.position(table.key[rows])
        yield "good count", np.log1p(np.where(where >= 0, good.count[where] if len(good.count) else 0, 0))
    order = np.argsort(back, kind="stable")
    starts = np.concatenate([[0], np.cumsum(times)[:-1]]) if n else np.zeros(0, int)
    before = np.empty(n, int)
    before[order] = place - np.repeat(starts, times)
    yield "seen before", np.log1p(before[rows])

    yield "position", rows / max(1, n)
    yield "from the end", np.log1p(n - rows)
    count_new, count_hard = np.cumsum(new), np.cumsum(hard)
    all_new, all_hard = int(count_new[-1]) if n else 0, int(count_hard[-1]) if n else 0
    yield "share of the new so far", count_new[rows] / max(1, all_new)
    yield "new lines", np.full(len(rows), np.log1p(all_new))
    yield "hard lines", np.full(len(rows), np.log1p(all_hard))
    yield "share of the hard so far", count_hard[rows] / max(1, all_hard)
    yield "hard before", np.minimum((count_hard - hard)[rows], 5)
    yield "hard after", np.minimum((all_hard - count_hard)[rows], 5)

    around = {"new": new, "hard": hard, "word": table.kind("word"), "frame": table.kind("frame"),
              "passed": table.kind("passed"), "noise": noise}  # fmt: skip
    for name, flag in around.items():
        total = np.concatenate([[0], np.cumsum(flag)])
        for width in (3, 10):
            low, high = np.maximum(0, rows - width), np.minimum(n, rows + width + 1)
            yield f"{name} in {width} before", (total[rows] - total[low]) / width
            yield f"{name} in {width} after", (total[high] - total[rows + 1]) / width
    for name in _BESIDE:
        flag = table.kind(name)
        yield f"before: {name}", _shifted(flag, 1)[rows]
        yield f"after: {name}", _shifted(flag, -1)[rows]
    for name, values in {"new": new, "hard": hard, "near": near}.items():
        yield f"before: {name}", _shifted(values, 1)[rows]
        yield f"after: {name}", _shifted(values, -1)[rows]

    ended = table.kind("ended") & new
    marks = {"hard": hard, "ended": ended, "group": table.kind("group"), "echo": table.kind("echo"),
             "frame": table.kind("frame"), "test_failed": table.kind("test_failed") & new,
             "error_tag": table.kind("error_tag") & new, "known": ~new & ~empty}  # fmt: skip
    for name, flag in marks.items():
        yield f"since {name}", np.log1p(np.minimum((place - _shifted(_last(flag), 1))[rows], _FAR))
        yield f"until {name}", np.log1p(np.minimum((_next(flag) - place)[rows], _FAR))

    # Runs of new lines; lines without text bridge them.
    bridged = new | empty
    begins = bridged & ~_shifted(bridged, 1)
    run = np.cumsum(begins) * bridged
    size = int(run.max()) + 1 if n else 1
    count = np.bincount(run, weights=new, minlength=size)
    hards = np.bincount(run, weights=hard, minlength=size)
    first, last = np.full(size, n), np.zeros(size, int)
    np.minimum.at(first, run, place)
    np.maximum.at(last, run, place)
    first_hard, last_hard = np.full(size, n), np.full(size, -1)
    np.minimum.at(first_hard, run[hard], place[hard])
    np.maximum.at(last_hard, run[hard], place[hard])
    of, inside = run[rows], bridged[rows]
    yield "run: new lines", np.log1p(count[of]) * inside
    yield "run: hard lines", np.log1p(hards[of]) * inside
    yield "run: share hard", (hards / np.maximum(count, 1))[of] * inside
    yield "run: place", np.log1p(np.maximum(0, rows - first[of])) * inside
    yield "run: left", np.log1p(np.maximum(0, last[of] - rows)) * inside
    yield "run: after its first hard", (rows > first_hard[of]) & inside
    yield "run: before its last hard", (rows < last_hard[of]) & inside
    with_hard = hards > 0
    with_hard[0] = False
    number = np.cumsum(with_hard) - 1
    yield "run: number", np.where(with_hard[of] & inside, np.minimum(number[of], 5), -1)
    yield "runs with hard lines", np.full(len(rows), min(int(with_hard.sum()), 6))

    head = _last(hard)
    yield "under a hard line", _under_head(hard, empty, indent)[rows]
    yield "indent to hard", (np.clip(indent - indent[np.maximum(head, 0)], -8, 8) * (head >= 0))[rows]
    yield "indent to before", np.clip(indent - _shifted(indent, 1), -8, 8)[rows]
    yield "indent to after", np.clip(indent - _shifted(indent, -1), -8, 8)[rows]

    step = np.cumsum(table.kind("group"))
    steps = int(step.max()) + 1 if n else 1
    yield "step: hard lines", np.log1p(np.bincount(step, weights=hard, minlength=steps))[step[rows]]
    yield "step: ended", np.bincount(step, weights=ended, minlength=steps)[step[rows]] > 0
    yield "step: share", np.bincount(step, minlength=steps)[step[rows]] / max(1, n)
    for name, flag in {"end": ended, "hard": hard}.items():
        found = np.flatnonzero(flag)
        at = int(found[0]) if len(found) else n
        yield f"to the first {name}", _signed_log(rows - at)
        if name == "end":
            yield "after the first end", rows > at
            yield "at the first end", rows == at


def matrix(
    table: LineTable, good: GoodRuns | None, rows: NDArray[np.int64]
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names, and the features `(len(rows), len(names))` of the given positions."""
    names, values = [], []
    for name, column in columns(table, good, rows):
        names.append(name)
        values.append(np.asarray(column, np.float32))
    return tuple(names), np.stack(values, axis=1)
