"""Steps that took far longer than ever: the time between two messages of which one follows the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import tails
from .amounts import among_tests, outlier
from .candidates import MOST_NATS, Candidate, Kinds
from .order import Sequences, short
from .table import EventTable, sorted_rows

LEAST_STEPS = 30  # how often a step must be taken for its time to be known
FIXED = 0.9  # share of a message's successors that a step is, where nothing says which events belong together
LEAST_SECONDS = 1.0
MOST_ROWS = 300_000


def slow_steps(table: EventTable, kinds: Kinds, ways: Sequence[Sequences]) -> list[Candidate]:
    """Steps within a session, a component or a fixed order of the log that took longer than all others of their kind.

    Args:
        table: the events.
        kinds: where their kinds stand.
        ways: how the log is cut into sequences; the first is taken.
    """
    if len(table) > MOST_ROWS or not ways:
        return []
    way = ways[0]
    rows = np.flatnonzero((way.of_row >= 0) & ~np.isnan(table.timestamp))
    if len(rows) < 2 * LEAST_STEPS:
        return []
    owner = way.of_row[rows]
    rows = rows[sorted_rows(owner - owner.min(), int(owner.max() - owner.min()) + 1)]
    before, after = rows[:-1], rows[1:]
    same = way.of_row[before] == way.of_row[after]
    before, after = before[same], after[same]
    templates = len(table.templates)
    pair = table.template[before].astype(np.int64) * templates + table.template[after]
    seconds = table.timestamp[after] - table.timestamp[before]
    order = np.argsort(pair, kind="stable")
    codes, begins = np.unique(pair[order], return_index=True)
    contexts = np.bincount(table.template[before], minlength=templates)
    found: list[Candidate] = []
    tests = 0
    for code, own in zip(codes.tolist(), np.split(order, begins[1:])):
        first = code // templates
        if len(own) < LEAST_STEPS or (not way.whole and len(own) < FIXED * contexts[first]):
            continue
        tests += 1
        own = np.sort(own)
        one = outlier(after[own], seconds[own], kinds.gap, amounts=True)
        if one is None:
            continue
        nats, at, others = one
        taken, most = float(seconds[own][at]), float(others.max())
        if taken <= most or taken < LEAST_SECONDS:
            continue
        row, begin = int(after[own][at]), int(before[own][at])
        kind = int(table.kind[row])
        usual, context = tails.duration(float(np.median(others))), f'"{short(table.templates[first])}"'
        reason = f"{tails.duration(taken)} after {context}, usual {usual}, the most otherwise {tails.duration(most)}"
        found.append(
            Candidate("value", min(nats, MOST_NATS), 0.0, row, [begin, row], 1, begin, row, reason, kind, int(kinds.classes[kind]), int(kinds.count[kind]))
        )  # fmt: skip
    return among_tests(found, tests)
