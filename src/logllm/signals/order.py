"""Unexpected here: which message follows which, within a session, a component, or the whole log.

The model is a back-off n-gram cut down to what can be told in words: contexts of one message (or two, within sessions)
that are nearly always followed by the same message. Where such a context is followed by another one, a step is missing,
out of order, or too much.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import tails
from .candidates import Candidate, Kinds
from .families import Family, merged_by_session, merged_templates
from .table import EventTable, counts_of, sorted_rows

LEAST_CONTEXTS = 20  # how often a context must occur before its successor is held to be fixed
FIXED_SHARE = 0.9
FIXED_WITHOUT_SESSIONS = 0.97
MOST_SESSION_EVENTS = 400
MANY_COMPONENTS = 20
LASTING = 3  # times the events of a usual session
_NAME = re.compile(r"[\w-]*\d[\w-]*(?:[.:/][\w-]+)*")
_UNIT = re.compile(r"^\d{1,5}(?:[.,]\d+)?[a-zA-Zµ%]{0,3}$")


@dataclass(slots=True)
class Sequences:
    """Rows cut into sequences.

    Attributes:
        of_row: `(n,)` sequence of each row, -1 for none.
        what: session, component, or log, for the words of a reason.
        whole: whether a sequence has a beginning and an end that mean something.
    """

    of_row: NDArray[np.int32] | NDArray[np.int64]
    what: str
    whole: bool


def cut_sequences(
    table: EventTable, messages: Sequence[str] | None, families: Sequence[Family] = ()
) -> list[Sequences]:
    """The ways in which a log is cut into sequences: what the reader found, sessions found in the text, the whole log.

    Args:
        table: the events.
        messages: text of each event, for finding sessions; None where there are too many.
        families: templates that differ in one word and name their session at the same place.
    """
    n = len(table)
    ways = []
    sizes = counts_of(table.sequence + 1, int(table.sequence.max(initial=-1)) + 2)  # the first: of no sequence
    without, sizes = int(sizes[0]), sizes[1:][sizes[1:] > 0]
    sessions = False
    if n and n - without > 0.3 * n:
        sessions = len(sizes) >= max(10, n // MOST_SESSION_EVENTS) and float(np.median(sizes)) <= MOST_SESSION_EVENTS
        sessions = sessions and _areshort(table)
        if len(sizes) > 1:
            kept = _without_lasting(table) if sessions else table.sequence
            ways.append(Sequences(kept, "session" if sessions else "component", sessions))
    if not sessions and messages is not None:
        of_row = sessions_in_text(messages, table.template, merged_templates(table, families)[table.kind])
        if of_row is not None:
            ways.append(Sequences(of_row, "session", True))
    if sessions or not ways or len(sizes) < MANY_COMPONENTS:
        ways.append(Sequences(_streams(table), "log", False))  # of many hosts no common order is to be expected
    return ways


def _areshort(table: EventTable) -> bool:
    """Whether most sequences begin and end within a part of the log, as sessions do and hosts do not."""
    spans = _spans(table)
    spans = spans[spans >= 0]
    return float(np.median(spans[spans > 0] if (spans > 0).any() else spans)) <= len(table) / 3


def _spans(table: EventTable) -> NDArray[np.int64]:
    """Rows from the first to the last one of each sequence, -1 for one that has none."""
    first = np.full(int(table.sequence.max()) + 1, len(table), np.int64)
    last = np.full(len(first), -1, np.int64)
    for start in range(0, len(table), CHUNK):
        owner = table.sequence[start : start + CHUNK]
        rows = start + np.flatnonzero(owner >= 0)
        np.minimum.at(first, table.sequence[rows], rows)
        np.maximum.at(last, table.sequence[rows], rows)
    return np.where(last >= 0, last - first, -1)


def _without_lasting(table: EventTable) -> NDArray[np.int32]:
    """The sessions of the rows; -1 for what lasts and says far more than a session: the component of lines without an id."""
    spans = _spans(table)
    sizes = counts_of(table.sequence + 1, len(spans) + 1)[1:]
    lasting = (spans > len(table) / 3) & (sizes > LASTING * np.median(sizes[sizes > 0]))
    return np.where(np.append(lasting, False)[table.sequence], -1, table.sequence) if lasting.any() else table.sequence


def _streams(table: EventTable) -> NDArray[np.int32]:
    """Files that follow each other in time are one stream; files that run side by side are several."""
    out = np.zeros(len(table), np.int32)
    if not len(table) or (table.source == table.source[0]).all():
        return out
    spans = sorted(
        (int(rows[0]), int(rows[-1]), source)
        for source in np.unique(table.source)
        for rows in [np.flatnonzero(table.source == source)]
    )
    stream, end = 0, -1
    for first, last, source in spans:
        stream += first < end
        end = max(end, last)
        out[table.source == source] = stream
    return out


def sessions_in_text(
    messages: Sequence[str], templates: NDArray[np.int32], alike: NDArray[np.int32] | None = None
) -> NDArray[np.int64] | None:
    """Sessions by names that some messages of several templates share: `(n,)` session of each row, -1 for none.

    A name is a word with a digit that occurs a few times, in two templates or more, near each other. None where too few
    such names are found for sessions.
    """
    n = len(messages)
    rows_of: dict[str, list[int]] = {}
    for row, message in enumerate(messages):
        for name in set(_NAME.findall(message[:1000])):
            if len(name) >= 3 and not (_UNIT.match(name) and not name.isdigit()):
                rows_of.setdefault(name, []).append(row)
    weight: dict[str, int] = {}
    for name, rows in rows_of.items():
        if 2 <= len(rows) <= MOST_SESSION_EVENTS and rows[-1] - rows[0] <= max(n // 4, 60):
            kinds = len({int(templates[row]) for row in rows})
            if kinds >= 2:
                weight[name] = kinds
    if len(weight) < 10:
        return None
    # A template names its session at one place; a number elsewhere in it may be that of another session by chance.
    places: dict[int, Counter[int]] = {}
    names_of = [_NAME.findall(message[:1000]) for message in messages]
    templates = templates if alike is None else alike
    for row, names in enumerate(names_of):
        known = [(weight[name], -at) for at, name in enumerate(names) if name in weight]
        if known:
            places.setdefault(int(templates[row]), Counter())[-max(known)[1]] += 1
    # A template that seldom names a session holds other numbers, which are a session's by chance.
    counts = np.bincount(templates)
    usual = {
        template: held.most_common(1)[0][0]
        for template, held in places.items()
        if held.total() > 0.3 * int(counts[template])
    }
    of_row = np.full(n, -1, np.int64)
    numbers: dict[str, int] = {}
    for row, names in enumerate(names_of):
        at = usual.get(int(templates[row]), -1)
        if 0 <= at < len(names) and names[at] in weight:
            of_row[row] = numbers.setdefault(names[at], len(numbers))
    held = of_row >= 0
    if held.mean() < 0.25 or float(np.mean(list(weight.values()))) < 2.5:
        return None
    return of_row


def order_breaks(
    table: EventTable, kinds: Kinds, ways: Sequence[Sequences], families: Sequence[Family] = ()
) -> list[Candidate]:
    """Places where a fixed order is broken, for each way of cutting the log into sequences; the first that has any counts.

    Templates of a family of which a session has only one are one step.
    """
    found: list[Candidate] = []
    sessions = next((way.of_row for way in ways if way.what == "session"), None)
    for way in ways:
        if way.what == "session":
            merged, merged_kinds = merged_by_session(table, kinds, families, way.of_row)
            found += _breaks(merged, merged_kinds, way) or _rare_sessions(merged, merged_kinds, way)
        else:
            found += _breaks(table, kinds, way, sessions)
    return found


CHUNK = 1 << 18  # rows for which pairs are formed at a time


@dataclass(slots=True)
class _Steps:
    """Pairs of messages that follow each other, of some rows: context, what follows, the rows of both."""

    context: NDArray[np.int64]
    after: NDArray[np.int64]
    previous: NDArray[np.int64]
    where: NDArray[np.int64]


def _steps(table: EventTable, way: Sequences, rows: NDArray[np.int32], k: int) -> Iterator[_Steps]:
    """All steps of the rows, which are sorted by sequence; `k` stands for the beginning, `k + 1` for the end."""
    span = None
    if way.whole:
        firsts, lasts = _ends(way.of_row, rows)
        span = int(np.quantile(lasts - firsts, 0.98)) + 1 if len(firsts) >= LEAST_CONTEXTS else None
    for begin in range(0, len(rows), CHUNK):
        part = rows[begin : begin + CHUNK + 1]  # one more, for the step into the next chunk
        owner, kind = way.of_row[part], table.kind_template[table.kind[part]].astype(np.int64)
        inside = owner[1:] == owner[:-1]
        at = np.flatnonzero(inside)
        steps = _Steps(kind[at], kind[at + 1], part[at].astype(np.int64), part[at + 1].astype(np.int64))
        if span is not None:
            own = min(CHUNK, len(part))
            starts = np.flatnonzero(
                np.append(True if begin == 0 else way.of_row[rows[begin - 1]] != owner[0], ~inside)[:own]
            )
            stops = np.flatnonzero(np.append(~inside, begin + len(part) == len(rows))[:own])
            starts, stops = starts[part[starts] > span], stops[part[stops] < len(table) - 2 * span]
            first, last = part[starts].astype(np.int64), part[stops].astype(np.int64)
            steps = _Steps(
                np.concatenate([steps.context, np.full(len(first), k), kind[stops]]),
                np.concatenate([steps.after, kind[starts], np.full(len(last), k + 1)]),
                np.concatenate([steps.previous, first, last]),
                np.concatenate([steps.where, first, last]),
            )
        yield steps


def _ends(of_row: NDArray[Any], rows: NDArray[np.int32]) -> tuple[NDArray[Any], NDArray[Any]]:
    """First and last row of each sequence."""
    parts = [np.zeros(1, np.int64)]
    for begin in range(1, len(rows), CHUNK):
        owner = of_row[rows[begin - 1 : begin + CHUNK]]
        parts.append(np.flatnonzero(owner[1:] != owner[:-1]) + begin)
    new = np.concatenate(parts)
    return rows[new], rows[np.append(new[1:], len(rows)) - 1]


def _rows_by_sequence(way: Sequences, kept: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The kept rows, sorted by sequence."""
    owner = way.of_row
    if (owner[1:] >= owner[:-1]).all():
        rows = np.arange(len(owner), dtype=np.int32)
    else:
        least = int(owner.min())  # -1 where some rows are of no sequence
        rows = sorted_rows(owner - least if least else owner, int(owner.max()) - least + 1)
    return rows if kept.all() else rows[kept[rows]]


def _breaks(table: EventTable, kinds: Kinds, way: Sequences, sessions: NDArray[Any] | None = None) -> list[Candidate]:
    """Breaks of a fixed order; between events of two sessions there is none."""
    # Messages that stand in one place only are judged as new; what surrounds them is judged as if they were not there.
    rows = _rows_by_sequence(way, (kinds.runs > 1)[table.kind] & (way.of_row >= 0))
    if len(rows) < 2 * LEAST_CONTEXTS:
        return []
    k = len(table.templates)
    pairs, counts = _counted(steps.context * (k + 2) + steps.after for steps in _steps(table, way, rows, k))
    left = pairs // (k + 2)
    total = np.bincount(left, weights=counts, minlength=k + 2)
    top_count = np.zeros(k + 2)
    np.maximum.at(top_count, left, counts)
    top = np.full(k + 2, -1)
    is_top = counts == top_count[left]
    top[left[is_top]] = (pairs % (k + 2))[is_top]
    least = FIXED_SHARE if way.what == "session" else FIXED_WITHOUT_SESSIONS
    fixed = (total >= LEAST_CONTEXTS) & (top_count >= np.maximum(least * total, total - 12))
    fixed &= top != np.arange(k + 2)  # a message that comes in runs: their ends are no news
    # A message that follows everything because it is most of the log fixes no order.
    share = np.bincount(pairs % (k + 2), weights=counts, minlength=k + 2) / max(counts.sum(), 1)
    fixed &= (1 - share[top]) * total >= 10 * (total - top_count + 1)
    broken: list[tuple[int, int, int, int]] = []
    if fixed.any():
        for steps in _steps(table, way, rows, k):
            at = np.flatnonzero(fixed[steps.context] & (top[steps.context] != steps.after))
            # A name that is used again begins a new session.
            at = at[(top[steps.context[at]] != k + 1) | (steps.after[at] != top[k])]
            if sessions is not None:
                one, other = sessions[steps.previous[at]], sessions[steps.where[at]]
                at = at[(one == other) | (one < 0) | (other < 0)]
            columns = (steps.context[at], steps.after[at], steps.previous[at], steps.where[at])
            broken += zip(*(column.tolist() for column in columns))
    if way.what != "session" and total[fixed].sum() < STRICT_SHARE * total.sum():
        broken = [one for one in broken if top[one[0]] >= k or _is_lost(table, way, rows, one, int(top[one[0]]))]
    groups: dict[int, list[tuple[int, int, int, int]]] = {}
    for one in broken:
        groups.setdefault(int(way.of_row[one[3]]) if way.what == "session" else one[3] // 8, []).append(one)
    found = []
    for breaks in groups.values():
        breaks.sort(key=lambda one: one[3])
        a, b, previous, where = max(breaks, key=lambda one: (_explains(one[0], one[1], top), total[one[0]]))
        wanted = int(top[a])
        nats = tails.at_least_one(tails.expected_new(len(groups) - 1, 0))
        # How firm the order is counts as far as a break of it is news.
        nats += min(nats, 1.0) * (0.3 * math.log(total[a] / LEAST_CONTEXTS) + 0.5 * (len(breaks) > 1))
        early = len(groups) <= FEW_BREAKS and a < k and _stands_before(table, way, rows, previous, wanted)
        skipped = wanted < k and int(top[wanted]) == b and not early
        reason = _order_reason(table, way, a, b, wanted, k, int(top_count[a]), int(total[a]), skipped)
        if early:
            reason = f'"{short(table.templates[wanted])}" comes before "{short(table.templates[a])}", which it follows in {int(top_count[a]):,} of {int(total[a]):,} cases'
        shown = sorted({row for one in breaks for row in one[2:]})
        row = where if b != k + 1 else previous
        found.append(
            Candidate(
                "missing" if skipped or b == k + 1 else "unexpected", nats, 0.0, row, shown[:30], 1, shown[0], shown[-1], reason,
                int(table.kind[row]), int(kinds.classes[table.kind[row]]), int(kinds.count[table.kind[row]]),
            )
        )  # fmt: skip
    return found


FEW_BREAKS = 20


def _stands_before(table: EventTable, way: Sequences, rows: NDArray[np.int32], row: int, template: int) -> bool:
    """Whether the event before a row in its sequence is of a template."""
    at = int(np.flatnonzero(rows == row)[0])
    before = int(rows[at - 1]) if at else row
    return at > 0 and way.of_row[before] == way.of_row[row] and int(table.template[before]) == template


# Share of the steps whose successor is fixed from which on a log is a cycle, in which a line out of place is news.
STRICT_SHARE = 0.5
MOST_BALANCED = 5  # occurrences of the expected message before and behind a break that are counted


def _is_lost(
    table: EventTable, way: Sequences, rows: NDArray[np.int32], one: tuple[int, int, int, int], wanted: int
) -> bool:
    """Whether the expected message is really missing, and has not only come later, behind lines of something else.

    Where two such pairs are interleaved (A A B B), there are for a moment more A than B, and soon as many again.
    """
    before, _, previous, _ = one
    own = rows[way.of_row[rows] == way.of_row[previous]]
    template = table.kind_template[table.kind[own]]
    firsts, seconds = own[template == before], own[template == wanted]
    ahead = np.searchsorted(firsts, seconds, side="right") - np.arange(1, len(seconds) + 1)
    at = int(np.searchsorted(seconds, previous, side="right"))
    earlier, later = ahead[max(at - MOST_BALANCED, 0) : at], ahead[at : at + MOST_BALANCED]
    return not len(earlier) or not len(later) or int(later.min()) > int(earlier.min())


RARE_STEP = 0.003  # share of the steps from a message
MOST_SESSIONS = 50


def _rare_sessions(table: EventTable, kinds: Kinds, way: Sequences) -> list[Candidate]:
    """Sessions with steps that hardly any other session takes, where orders are too many for one to be fixed.

    The surprise of a session is the sum of the surprises of its different rare steps (n-gram of order two).
    """
    rows = _rows_by_sequence(way, way.of_row >= 0)
    if len(rows) < 1000:
        return []
    k = len(table.templates)
    pairs, counts = _counted(steps.context * (k + 2) + steps.after for steps in _steps(table, way, rows, k))
    total = np.bincount(pairs // (k + 2), weights=counts, minlength=k + 2)
    share = counts / total[pairs // (k + 2)]
    rare = share < RARE_STEP
    begins = pairs // (k + 2) == k
    if begins.any():  # a name that is used again begins a new session
        rare &= pairs % (k + 2) != pairs[begins][np.argmax(counts[begins])] % (k + 2)
    surprise = -np.log(share)
    seen: dict[int, dict[int, tuple[int, int]]] = {}  # session -> step -> rows
    for steps in _steps(table, way, rows, k):
        code = np.searchsorted(pairs, steps.context * (k + 2) + steps.after)
        for at in np.flatnonzero(rare[code]).tolist():
            session = int(way.of_row[steps.where[at]])
            seen.setdefault(session, {}).setdefault(int(code[at]), (int(steps.previous[at]), int(steps.where[at])))
    scores = {session: float(sum(surprise[code] for code in held)) for session, held in seen.items()}
    ranked = sorted(scores, key=lambda session: (-scores[session], session))[:MOST_SESSIONS]
    found = []
    for place, session in enumerate(ranked):
        breaks = seen[session]
        worst = max(breaks, key=lambda one: float(surprise[one]))
        a, b = int(pairs[worst] // (k + 2)), int(pairs[worst] % (k + 2))
        # So many sessions are as unusual: one of many is no news, the first few are.
        nats = tails.at_least_one(tails.expected_new(len(scores) - 1, 0)) + 0.9 * scores[session] / scores[ranked[0]]
        text = "the beginning" if a == k else f'"{short(table.templates[a])}"'
        then = "the end" if b == k + 1 else f'"{short(table.templates[b])}"'
        often = f"{int(counts[worst]) - 1:,}" if counts[worst] > 1 else "none"
        reason = f"in this session {then} follows {text}, as in {often} of {int(total[a]) - 1:,} other cases"
        if len(breaks) > 1:
            reason += f"; {len(breaks) - 1} more of its steps are as rare"
        shown = sorted({row for pair in breaks.values() for row in pair})
        lead = breaks[worst][1]
        kind = int(table.kind[lead])
        found.append(
            Candidate("unexpected", nats, 0.0, lead, shown[:30], 1, shown[0], shown[-1], reason, kind, int(kinds.classes[kind]), place)
        )  # fmt: skip
    return found


def _counted(codes: Iterable[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(different codes, how often each occurs) of several arrays."""
    values, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for part in codes:
        one, times = np.unique(part, return_counts=True)
        values, where = np.unique(np.concatenate([values, one]), return_inverse=True)
        counts = np.bincount(where, weights=np.concatenate([counts, times]), minlength=len(values)).astype(np.int64)
    return values, counts


def _explains(context: int, after: int, top: NDArray[Any]) -> bool:
    """Whether leaving out one step explains the break."""
    wanted = int(top[context])
    return wanted < len(top) - 2 and int(top[wanted]) == after


def _order_reason(
    table: EventTable, way: Sequences, a: int, b: int, wanted: int, k: int, top: int, total: int, skipped: bool
) -> str:
    def name(kind: int) -> str:
        return f'"{short(table.templates[kind])}"' if kind < k else "the beginning" if kind == k else "the end"

    in_what = f" of the {way.what}" if way.what != "log" else ""
    if a == k:
        return f"the {way.what} begins with {name(b)}, where {top:,} of {total:,} begin with {name(wanted)}"
    if b == k + 1:
        return f"the {way.what} ends after {name(a)}: {name(wanted)} is missing, which follows in {top:,} of {total:,} cases"
    text = f"{name(wanted)} follows {name(a)}{in_what} in {top:,} of {total:,} cases"
    return f"{name(wanted)} is missing: {text}, here comes {name(b)}" if skipped else f"{text}, here comes {name(b)}"


def short(text: str, most: int = 80) -> str:
    """The beginning of a template, for a sentence."""
    return text if len(text) <= most else text[: most - 1] + "…"
