"""A baseline of good runs from logs, and its threshold by alarm budget: the half of `logllm fit` that needs no torch."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from logllm.decision.threshold import Budget, budget_threshold, figure, poisson_interval
from logllm.errors import LogllmError
from logllm.hf_datasets.events import EventLog
from logllm.signals import tails
from logllm.signals.baseline import Baseline, Kind, learn_rows, rows_of, tick_of
from logllm.signals.quantities import LEAST_ZEROS, quantity_of
from logllm.signals.stream import StreamJudge
from logllm.signals.table import CLASSES, ERRONEOUS, EventTable, read_table
from logllm.signals.weights import THRESHOLD

FEW_EVENTS = 40  # fewer teach next to nothing
LEAST_HELD = 100  # events without which no threshold is set by what is held back
BLOCKS = 6  # each is judged by what the others teach
MOST_HELD = 200_000  # events that are judged for the threshold
HALVINGS = 6  # of the range in which the threshold is looked for
LOOSEST = -8.0  # log-odds below which nothing is an alarm, whatever the budget


def fit_baseline(log: EventLog, alarms_per_day: float = 1.0, share: float = 1.0, order: bool = True) -> Baseline:
    """Learn what is usual in some logs, and set a threshold by an alarm budget.

    The log is cut into blocks, and each is judged by what the others teach, as often as it takes to find the threshold at
    which they give as many alarms as are accepted.

    Args:
        log: the logs.
        alarms_per_day: alarms that are accepted.
        share: share of them that falls to events, where windows of a model raise the others.
        order: whether the order of messages is judged by the baseline.

    Raises:
        LogllmError: logs without events.
    """
    table, _ = read_table(log)
    if not len(table):
        raise LogllmError("a log to learn from must hold events, found none: give another log")
    timed, tick = tick_of(table)
    baseline = Baseline(log.keys, timed, tick)
    learn_rows(baseline, rows_of(table))
    baseline.finish()
    name_numbers(baseline, table, log)
    blocks = list(_blocks(baseline, table))
    scores = _crossed(blocks, table, order, LOOSEST)
    events = blocks[-1][2] - blocks[0][1] if blocks else 0
    seconds = None
    if timed and blocks:
        times = table.timestamp[blocks[0][1] :]
        seconds = float(np.nanmax(times) - np.nanmin(times)) or None
    alarms = alarms_per_day * share
    baseline.threshold, baseline.budget = threshold_of(baseline, scores, seconds, events, alarms)
    if scores and baseline.budget:
        span = seconds or events * 86.4  # 1,000 events in place of a day
        counted = counted_threshold(
            lambda threshold: len(_crossed(blocks, table, order, threshold)),
            alarms * span / 86_400.0,
            _clear_fault(baseline),
        )
        per_period = 86_400.0 / span
        low, high = poisson_interval(counted[1])
        baseline.threshold = counted[0]
        baseline.budget |= {
            "threshold": counted[0], "expected": counted[1] * per_period, "low": low * per_period, "high": high * per_period,
        }  # fmt: skip
    return _named(baseline, table, log)


def counted_threshold(count: Callable[[float], int], wanted: float, high: float) -> tuple[float, int]:
    """(the threshold that gives as many alarms as are wanted, how many it gives), by bisection of `LOOSEST` to `high`.

    How many alarms a threshold gives shows only by judging with it: what stands near an open finding joins it, and with a
    lower threshold more of them are open.

    Args:
        count: threshold -> alarms.
        wanted: alarms.
        high: the highest threshold that is taken.

    >>> counted_threshold(lambda threshold: 100 if threshold < 1 else 12 if threshold < 2 else 3, 10.0, 5.0)[1]
    12
    """
    # Where fewer than one is wanted, nothing that was seen shows that a lower threshold would do.
    low = LOOSEST if wanted >= 1 else min(THRESHOLD, high)
    counts = {high: count(high), low: count(low)}
    if counts[high] < wanted < counts[low]:
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            counts[middle] = count(middle)
            low, high = (middle, high) if counts[middle] > wanted else (low, middle)
    best = min(counts, key=lambda one: (abs(math.log((counts[one] + 0.5) / (wanted + 0.5))), -one))
    return best, counts[best]


def _blocks(baseline: Baseline, table: EventTable) -> Iterator[tuple[dict[str, Any], int, int]]:
    """Blocks of a log, at most its last `MOST_HELD` events: (what the other blocks teach, first row, the row behind)."""
    n = len(table)
    if n < 2 * LEAST_HELD:
        return
    begin = max(0, n - MOST_HELD)
    for first, last in pairwise(np.linspace(begin, n, BLOCKS + 1).astype(int).tolist()):
        others = Baseline(baseline.keys, baseline.timed, baseline.tick)
        learn_rows(others, rows_of(table, begin, first))
        learn_rows(others, rows_of(table, last, n))
        for code, kind in others.kinds.items():
            for slot, known in zip(kind.slots, baseline.kinds[code].slots):
                slot.quantity = known.quantity
        yield others.finish().to_json(), first, last


def _crossed(
    blocks: Sequence[tuple[dict[str, Any], int, int]], table: EventTable, order: bool, threshold: float
) -> list[float]:
    """Scores of the findings that all blocks give at a threshold, in the order of time."""
    told: dict[str, float] = {}
    return [
        score
        for others, first, last in blocks
        for score in judged_scores(Baseline.from_json(others), table, first, last, order, told, threshold)
    ]


def name_numbers(baseline: Baseline, table: EventTable, log: EventLog) -> None:
    """Look up what the numbers of the frequent messages measure, each in one message of the log."""
    if table.numbers is None:
        return
    found: dict[tuple[int, int], tuple[Kind, int]] = {}
    widths = int(table.numbers_count.max(initial=0)) + 1
    groups, rows = np.unique(table.kind.astype(np.int64) * widths + table.numbers_count, return_index=True)
    for group, row in zip(groups.tolist(), rows.tolist()):
        template, grade = (int(of_kind[group // widths]) for of_kind in (table.kind_template, table.kind_class))
        kind = baseline.kinds.get(template * CLASSES + grade)
        if kind is not None and kind.count >= LEAST_ZEROS and len(kind.slots) == group % widths:
            if any(slot.quantity is None for slot in kind.slots):
                found[table.place(row)] = kind, row
    for place, event in zip(sorted(found), log.events(sorted(found))):
        kind, row = found[place]
        for at, (slot, value) in enumerate(
            zip(kind.slots, table.numbers[table.numbers_start[row] :][: len(kind.slots)].tolist())
        ):
            slot.quantity = slot.quantity or quantity_of(event.message, at, value)


def learn_more(
    baseline: Baseline, table: EventTable, learn_flagged: bool, order: bool = True
) -> tuple[list[float], float | None, int, int]:
    """Teach a fitted baseline a newer log.

    Events for which an alarm would have been raised are left out unless `learn_flagged`; new messages that state no fault
    are learnt all the same: they are what an update is for.

    Returns:
        (scores of the findings of the learnt part, which threshold they are to set; the seconds that it spans; its
        events, 0 where they are too few; events that were left out).
    """
    threshold = baseline.threshold if baseline.threshold is not None else THRESHOLD
    judge = StreamJudge(Baseline.from_json(baseline.to_json()), LOOSEST, order=order)
    kept: list[tuple[int, int, float, int | None, list[float]]] = []
    scores: list[float] = []
    left_out = 0
    for row in rows_of(table):
        told = judge.observe(*row)
        grade, is_new = judge.grade_of(row[0], row[1])
        clear = is_new and grade < ERRONEOUS
        flagged = not clear and any(one.score > threshold and one.kind != "silence" for one in told)
        scores += [one.score for one in told if one.status == "open" and one.score <= threshold]
        if (flagged or judge.is_open(row[0], row[1], threshold)) and not learn_flagged:
            left_out += 1
        else:
            kept.append(row)
    learn_rows(baseline, kept)
    baseline.finish()
    if len(table) < 2 * LEAST_HELD:
        return [], None, 0, left_out
    times = table.timestamp[~np.isnan(table.timestamp)]
    seconds = float(times.max() - times.min()) or None if baseline.timed and len(times) else None
    return scores, seconds, len(table), left_out


def judged_scores(
    baseline: Baseline,
    table: EventTable,
    first: int,
    last: int,
    order: bool = True,
    told: dict[str, float] | None = None,
    threshold: float = LOOSEST,
) -> list[float]:
    """Scores of the findings that a stretch of a log gives, in the order in which they begin.

    Args:
        baseline: what is usual.
        table: the log.
        first: the stretch's first row.
        last: the row behind it.
        order: whether the order of messages is judged.
        told: what was told of late, by the judge of the stretch before; it is brought up to date.
        threshold: log-odds from which something is a finding.
    """
    judge = StreamJudge(baseline, threshold, order=order)
    judge.told.update(told or {})
    found = []
    for row in rows_of(table, first, last):
        found += [finding.score for finding in judge.observe(*row) if finding.status == "open"]
    if told is not None:
        told.clear()
        told.update(judge.told)
    return found


def threshold_of(
    baseline: Baseline, scores: Sequence[float], seconds: float | None, events: int, alarms_per_day: float
) -> tuple[float, dict[str, Any]]:
    """(threshold, what it promises) from the scores of held-back findings."""
    most = _clear_fault(baseline)
    if not events or (baseline.timed and seconds is None):
        return max(THRESHOLD, most - 2.0), {}
    if not scores:
        per_day = 86_400.0 / seconds if seconds else 1000.0 / events
        low, high = poisson_interval(0)
        budget = Budget(
            THRESHOLD,
            alarms_per_day,
            "day" if seconds else "1,000 events",
            0.0,
            0,
            0,
            0.0,
            low * per_day,
            high * per_day,
        )
        return THRESHOLD, budget.to_dict()
    budget = budget_threshold(scores, alarms_per_day, seconds or events * 86.4)  # 1,000 events in place of a day
    period = "day" if seconds else "1,000 events"
    threshold = budget.threshold
    if budget.alarms * budget.windows < budget.windows_per_period:
        threshold = max(threshold, THRESHOLD)  # beyond all that was seen: nothing shows that less is worth a look
    threshold = min(threshold, most)
    return threshold, budget.to_dict() | {"threshold": threshold, "period": period}


def _clear_fault(baseline: Baseline) -> float:
    """The score of an ERROR that was never seen: no budget, however small, hides one that says nothing worse."""
    return max(StreamJudge(baseline, THRESHOLD, order=False).strength_of_new(ERRONEOUS), THRESHOLD)


def in_words(baseline: Baseline) -> str:
    """What was learnt and what it can promise, for people."""
    kinds = len(baseline.kinds)
    rows = [
        f"{baseline.events:,} events of {kinds:,} kinds learnt from {len(baseline.files)} file{'s' if len(baseline.files) != 1 else ''}"
    ]
    beats = [kind for kind in StreamJudge(baseline, order=False).lives.values() if kind.regular]
    if baseline.timed:
        rows[0] += f", {tails.duration(max(baseline.whole.last - baseline.whole.first, 0.0))} of log"
    else:
        rows.append(
            "the log has no times, or its lines are not in their order: rates and silences are counted in lines"
        )
    if beats:
        rows.append(
            f"{len(beats):,} message{'s come' if len(beats) > 1 else ' comes'} at regular times: one that stops raises an alert"
        )
    if baseline.events < FEW_EVENTS:
        rows.append(
            f"{baseline.events} events are too few to know what is usual: only messages that state a fault can be found"
        )
    elif baseline.events < 2 * LEAST_HELD:
        rows.append(
            f"{baseline.events} events are too few to hold some back: new messages and stated faults are found, but no number of "
            "false alarms can be promised"
        )
    elif not baseline.budget:
        rows.append("the log spans no time, so no number of false alarms a day can be promised")
    else:
        budget = Budget(**baseline.budget)
        if budget.windows:
            rows.append(
                f"threshold {baseline.threshold:.2f}: expect {figure(budget.expected)} false alarms per {budget.period} (95 % interval "
                f"{figure(budget.low)} to {figure(budget.high)}), from what stood out in the part held back "
                f"({budget.windows:,} finding{'s' if budget.windows != 1 else ''})"
            )
            if budget.alarms < budget.windows_per_period / budget.windows:
                rows[-1] += (
                    f"; the held-back part ({budget.windows / budget.windows_per_period:.2g} {budget.period}s) is too short to show "
                    "so few: use a longer log"
                )
        else:
            rows.append(
                f"threshold {baseline.threshold:.2f}: nothing stood out in the part held back, which promises at most "
                f"{figure(budget.high)} false alarms per {budget.period}"
            )
    return "\n".join(rows)


def _named(baseline: Baseline, table: EventTable, log: EventLog) -> Baseline:
    baseline.files = [Path(one.name).name for one in log.files]
    baseline.formats = sorted({one.format for one in log.files if one.format})
    baseline.json_log = len(table) > 0 and log.events([table.place(0)])[0].lines[0].startswith("{")
    baseline.lines = sum(one.lines for one in log.files)
    texts = "\n".join(sorted(table.templates))
    baseline.lineage = hashlib.sha256(texts.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return baseline
