"""The five questions put to a whole log; each block is judged by what the rest of the log teaches.

Every question gives `Candidate`s: rows that stand out, with nats (see `tails`) and the reason in words. Nothing is
learnt before it is judged: what is usual is always counted without the rows in question, so that a fault in the first
third is found as one in the last.

The questions work on templates, not on events: a log of ten million events costs a few sorts of columns.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from logllm.hf_datasets.events.templates import OTHER

from . import tails
from .facets import STATUS_NAMES, Facet, changes_for_good
from .table import CLASS_NAMES, ERRONEOUS, FATALITY, QUIET, WARNING, EventTable, counts_of, sorted_rows
from .words import fault_class, fault_words, is_lesser, says_the_end

CHUNK = 1 << 20  # rows that are worked on at a time where a whole column would take too much memory
# Prior odds, in nats, that an event of a class is what somebody looks for: stated levels, and levels that only words suggest.
STATED = {QUIET: 0.0, WARNING: 0.3, ERRONEOUS: 2.5, FATALITY: 4.0}
WORDED = {QUIET: 0.0, WARNING: 0.0, ERRONEOUS: 1.5, FATALITY: 2.5}
# A stated level is surer where the words name a fault as well: of the lines of a dump the one that says what failed is first.
NAMED_TOO = {QUIET: 0.0, WARNING: 0.0, ERRONEOUS: 0.8, FATALITY: 2.0}
# What is taken off where the words say that a request was at fault, as a status of 400 does, or take the fault back.
LESSER = 1.0
# What bursts, silences and values can be worth at most: beyond, they are as sure as can be, but no graver.
MOST_NATS = 15.0
# Lines at the very beginning of a log that occur once are its start-up.
STARTUP_EVENTS = 20
FEW_EVENTS = 400
FAR = 20  # rows between two events that may still be one thing

Rows = NDArray[np.int32] | NDArray[np.int64]  # rows of the table, as they are counted and found


@dataclass(slots=True)
class Candidate:
    """Rows that stand out for one reason.

    Attributes:
        question: new, unexpected, burst, silence, drop, value, grave, missing.
        nats: evidence by this question, multiple tests counted in.
        prior: prior odds by severity, in nats.
        lead: the row to look at first.
        rows: rows that belong to it, in order; of a long burst the first and last ones.
        count: how many events it stands for.
        first: first row of its span.
        last: last row of its span.
        reason: why, in one sentence with numbers.
        kind: position of the kind of the leading event, -1 where it has none (the whole log).
        severity: class of severity of the leading event.
        rarity: events of the same kind in the log.
        item: name of what is counted, where it is no kind.
        within: kind of a stronger candidate near whose events nearly all of these stand, as lines of a dump do; -1 for none.
    """

    question: str
    nats: float
    prior: float
    lead: int
    rows: list[int]
    count: int
    first: int
    last: int
    reason: str
    kind: int = -1
    severity: int = QUIET
    rarity: int = 0
    item: str = ""
    within: int = -1


@dataclass(slots=True)
class Standing:
    """What runs through the whole log, and so cannot be told as new."""

    kind: int
    count: int
    first: int
    last: int
    severity: int


@dataclass
class Kinds:
    """Where the kinds (template x class of severity) of a table stand.

    Attributes:
        order: `(n,)` rows sorted by kind, rows of one kind in order.
        begin: `(k + 1,)` where a kind begins in `order`.
        count: `(k,)` events.
        runs: `(k,)` places: stretches of `gap` rows that hold it; 1 where its events stand near each other.
        gap: rows of a stretch.
        classes: `(k,)` class of severity, by words where none is stated.
        worded: `(k,)` whether the class comes from words.
        own: `(k,)` words that no kind elsewhere in the log has.
        words: `(k,)` words.
        place_of: kind that stands in one place -> number of that place; kinds near each other share it.
        starts: first and last row of each start of the program: the beginning of the log, and where most of what it
            begins with comes again.
    """

    order: NDArray[np.int32]
    begin: NDArray[np.int64]
    count: NDArray[np.int64]
    runs: NDArray[np.int64]
    gap: int
    classes: NDArray[np.int8]
    worded: NDArray[np.bool_]
    own: NDArray[np.int64]
    words: NDArray[np.int64]
    place_of: dict[int, int] = field(default_factory=dict)
    starts: list[tuple[int, int]] = field(default_factory=list)

    def is_start(self, row: int) -> bool:
        """Whether a row belongs to a start of the program, or stands right before or behind one."""
        return any(first - FAR <= row <= last + FAR for first, last in self.starts)

    def forget_rows(self) -> None:
        """Let the rows go, which take as much memory as a column."""
        self.order = np.zeros(0, np.int32)

    def rows(self, kind: int) -> NDArray[np.int32]:
        """Rows of a kind."""
        return self.order[self.begin[kind] : self.begin[kind + 1]]


def find_kinds(table: EventTable) -> Kinds:
    """Sort the rows by kind and count the places in which each stands."""
    n, k = len(table), len(table.kind_template)
    order = sorted_rows(table.kind, k)
    count = counts_of(table.kind, k)
    begin = np.concatenate([[0], np.cumsum(count)])
    gap = max(FAR, n // 64)
    # Places: stretches of the log that hold the kind; a kind whose events stand near each other stands in one.
    changed = np.ones(n, bool)
    for at in range(1, n, CHUNK):  # in parts, because each array of all rows counts in a log of ten million events
        stretch = order[at - 1 : at + CHUNK] // gap
        changed[at : at + CHUNK] = stretch[1:] != stretch[:-1]
    if n:
        changed[begin[:-1]] = True
    runs = np.bincount(table.kind[order[changed]], minlength=k)
    span = order[begin[1:] - 1] - order[begin[:-1]] if n else np.zeros(k, np.int64)
    runs[(span <= 2 * gap) & (count <= n // 3)] = 1
    runs[(runs == 1) & ~((span <= 2 * gap) & (count <= n // 3))] = 2
    classes = table.kind_class.copy()
    worded = np.zeros(k, bool)
    stated = np.zeros(k, bool)
    stated[table.kind[table.severity > 0]] = True
    for kind in np.flatnonzero((classes == QUIET) & ~stated):
        classes[kind] = fault_class(table.templates[table.kind_template[kind]])
        worded[kind] = classes[kind] > QUIET
    own, words, places = _own_words(table, order, begin, runs, classes)
    kinds = Kinds(order, begin, count, runs, gap, classes, worded, own, words, places)
    kinds.starts = _starts(table, kinds)
    return kinds


LEAST_BANNER = 4  # messages that a program tells at each start and else hardly ever


def _starts(table: EventTable, kinds: Kinds) -> list[tuple[int, int]]:
    """Stretches of rows in which the program starts."""
    n = len(table)
    if n <= 5 * STARTUP_EVENTS:
        return []
    found = [(-FAR, STARTUP_EVENTS - FAR - 1)]  # with FAR rows behind it: the first STARTUP_EVENTS
    banner = [
        kind
        for kind in dict.fromkeys(table.kind[:STARTUP_EVENTS].tolist())
        if kinds.count[kind] <= max(n // 50, 2) and kinds.runs[kind] <= 20
    ]
    if len(banner) < LEAST_BANNER:
        return found
    rows = np.sort(np.concatenate([kinds.rows(kind) for kind in banner]))
    rows = rows[rows > STARTUP_EVENTS]
    for part in np.split(rows, np.flatnonzero(np.diff(rows) > FAR) + 1):
        if len(part) and len(set(table.kind[part].tolist())) >= max(LEAST_BANNER, len(banner) // 2):
            found.append((int(part[0]), int(part[-1])))
    return found


def _own_words(
    table: EventTable,
    kinds_order: NDArray[np.int32],
    begin: NDArray[np.int64],
    runs: NDArray[np.int64],
    classes: NDArray[np.int8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[int, int]]:
    """(words of each kind that no kind elsewhere has, its words, place of the kinds that stand in one place).

    A severe kind is compared with severe kinds only: a usual message with an unusual level is news.
    """
    local = np.flatnonzero(runs == 1)
    places: dict[int, int] = {}
    place, end = -1, -(10**9)
    for kind in local[np.argsort(kinds_order[begin[local]], kind="stable")].tolist():
        rows = kinds_order[begin[kind] : begin[kind + 1]]
        if int(rows[0]) - end > FAR:
            place += 1
        end = max(end, int(rows[-1]))
        places[kind] = place
    owner: dict[str, int] = {}  # a word -> the place or kind that has it, -1 where several do
    severe: dict[str, int] = {}  # of severe kinds: the most frequent kind that has it
    split = [_words(table.templates[template]) for template in table.kind_template.tolist()]
    names = [places[kind] if kind in places else len(local) + kind for kind in range(len(split))]
    for kind in np.argsort(-np.diff(begin), kind="stable").tolist():
        for word in split[kind]:
            if classes[kind] >= ERRONEOUS:
                severe.setdefault(word, kind)
            elif owner.setdefault(word, names[kind]) != names[kind]:
                owner[word] = -1
    count = np.diff(begin)

    def is_own(word: str, kind: int) -> bool:
        if classes[kind] < ERRONEOUS:
            return owner[word] == names[kind]
        # A severe word belongs to a rare kind as well, unless a much more frequent one has it elsewhere.
        first = severe[word]
        return names[first] == names[kind] or count[first] < 3 * count[kind]

    own = np.array([sum(is_own(word, kind) for word in words) for kind, words in enumerate(split)] or [0], np.int64)
    return own, np.array([len(words) for words in split] or [0], np.int64), places


_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_NUMBER = re.compile(r"\d+|<\*>")
MOST_WORDS, MOST_WORD_CHARACTERS = 60, 24


def _words(template: str) -> set[str]:
    """The words of a template; of scripts without spaces every two characters are one.

    >>> sorted(_words("disk <*> full: 磁盘已满"))
    ['disk', 'full:', '已满', '磁盘']
    """
    words: set[str] = set()
    for token in template.split()[:MOST_WORDS]:
        if token == "<*>":
            continue
        if len(token) > 3 or not token.isdigit():  # a short number may be a status
            token = _NUMBER.sub("0", token[:MOST_WORD_CHARACTERS])
        rest = token if token.isascii() else _CJK.sub(" ", token)
        words.update(rest.split())
        if rest is not token:
            words.update(run[at : at + 2] for run in _CJK.findall(token) for at in range(0, len(run), 2))
    return words


@dataclass(slots=True)
class Item:
    """Something whose rows are counted: a kind, or a value of a facet.

    Attributes:
        name: in words; "" for a kind.
        rows: its rows.
        places: stretches of the log that hold it.
        kind: position of the kind, -1 for a value.
        severity: class of severity.
        prior: prior odds in nats.
    """

    name: str
    rows: Rows
    places: int
    kind: int
    severity: int
    prior: float = 0.0


_VERSION = re.compile(r"v?[-+]?\d+\.\d+(?:\.\d+)?")  # or an amount: neither is what rates are of
_NUMBER_LAST = re.compile(r"(?:^|\s)[-+]?\d+$")


def items_of(kinds: Kinds, facets: Sequence[Facet], hidden: int = -1) -> list[Item]:
    """All kinds that occur more than eight times but the `hidden` one, and the values of facets."""
    out = [
        Item("", kinds.rows(int(kind)), int(kinds.runs[kind]), int(kind), int(kinds.classes[kind]))
        for kind in np.flatnonzero(kinds.count > 8)
        if kind != hidden
    ]
    for facet in facets:
        held = [np.flatnonzero(facet.of_row == place) for place in range(len(facet.values))]
        if changes_for_good(held):
            continue
        for value, rows in zip(facet.values, held):
            if len(rows) > 8 and not _VERSION.fullmatch(value):
                status = facet.name in STATUS_NAMES and value[:1] == "5" and len(value) == 3
                places = len(np.unique(rows // kinds.gap))
                out.append(
                    Item(
                        f"{facet.name} {value}" if facet.name else value.strip("[]<>():"),
                        rows,
                        places,
                        -1,
                        ERRONEOUS if status else QUIET,
                        1.0 if status else 0.0,
                    )
                )
    return out


# --- New, and grave -------------------------------------------------------------------------------------------------


def new_and_grave(
    table: EventTable, kinds: Kinds, most: NDArray[np.float64] | None = None
) -> tuple[list[Candidate], list[Standing]]:
    """Templates that stand in one place only, and grave ones that stand in a few; grave ones that run through are standing.

    A template is new where the other blocks of the log do not hold it. How likely that is says Good-Turing, for each
    class of severity by itself, from the templates that stand in a few places.

    Args:
        table: the events.
        kinds: where the kinds stand.
        most: `(k,)` most nats that the novelty of each kind is worth; kinds with less than `HARDLY_NEW` are not counted
            among what is new.
    """
    n = len(table)
    found: list[Candidate] = []
    standing: list[Standing] = []
    ends: list[int] = []  # what is new as the log ends, and says so
    unlike = np.array([_unlike(int(own), int(words)) for own, words in zip(kinds.own, kinds.words)])
    severe_rows = np.flatnonzero((kinds.classes >= ERRONEOUS)[table.kind])
    usual_places = int(kinds.runs.max(initial=0))
    for kind in np.flatnonzero(
        (kinds.runs == 1) | (kinds.classes >= ERRONEOUS) | ((kinds.classes == WARNING) & (kinds.runs <= 2))
    ):
        rows, grade, runs, count = (
            kinds.rows(int(kind)),
            int(kinds.classes[kind]),
            int(kinds.runs[kind]),
            int(kinds.count[kind]),
        )
        first, last = int(rows[0]), int(rows[-1])
        onset = first * count / max(n - first, 1)  # events that are missing before the first, at its later rate
        began = runs >= 4 and first > n // 8 and onset > 12 and last > n - (n - first) // 4
        # Events that are spread at random over its span would stand in so many stretches; far fewer are a few outbreaks.
        stretches = (last - first) // kinds.gap + 1
        outbreaks = runs < 0.4 * stretches * -math.expm1(-count / stretches)
        steady = runs >= 4 and not began and not outbreaks and (last - first > n // 2 or runs >= 12)
        if grade >= ERRONEOUS and steady:
            standing.append(Standing(int(kind), count, first, last, grade))
            continue
        if grade < ERRONEOUS and (runs > 1 or n < 100 or count > n // 3):
            continue
        # WARN lines of a short log say little: most of what it holds is rare.
        if grade == WARNING and n < 200 and usual_places < 4:
            continue
        near, rare = _others(kinds, int(kind), unlike, None if most is None else most < HARDLY_NEW)
        places = 1 if began else runs
        nats = tails.at_least_one(tails.expected_new(near, rare) * tails.harmonic(places))
        nats -= math.log(places) * (0.5 if outbreaks else 1.0)
        stated = STATED if not kinds.worded[kind] else WORDED
        prior = stated[grade] - (0.7 * tails.usual_discount(near) if grade >= ERRONEOUS else 0.0)
        if grade >= ERRONEOUS:
            nats *= unlike[kind]
            prior -= 2.0 * (1 - unlike[kind])
            if runs > 1 and not outbreaks and not began:  # severe events are usual here
                elsewhere = len(np.unique(severe_rows // kinds.gap)) - runs
                prior -= 1.2 * tails.usual_discount(max(elsewhere - 3, 0))
            text = table.templates[table.kind_template[kind]]
            if is_lesser(text):
                prior -= LESSER
            elif not kinds.worded[kind]:
                prior += NAMED_TOO[fault_class(text)]
            prior += 0.25 * min(max(fault_words(text) - 1, 0), 4)  # of several lines the one that says most
            prior += 0.25 * math.log(count / runs)  # how heavy an outbreak is
        if most is not None and places == 1:
            nats = min(nats, float(most[kind]))
            if grade <= WARNING and most[kind] < HARDLY_NEW:
                continue
        if grade <= WARNING:
            nats = nats * unlike[kind] + 0.06 * min(int(kinds.own[kind]), 8)
            if kinds.is_start(first):
                continue
            if last >= n - FAR and says_the_end(table.templates[table.kind_template[kind]]):
                ends.append(int(kind))
                continue
            if n < 200:
                nats -= 2.0 * (200 - n) / 160
        found.append(
            Candidate(
                "grave" if places > 1 else "new", max(nats, 0.0), prior, first, rows[:50].tolist(), count, first, last,
                _new_reason(table, kinds, int(kind), near, began), int(kind), grade, count,
            )
        )  # fmt: skip
    # Where many quiet messages are new together, the program went on to something else.
    quiet = [*ends, *(one.kind for one in found if one.severity <= WARNING)]
    together = Counter(kinds.place_of.get(kind, -1) for kind in quiet)
    for one in found:
        if one.severity <= WARNING:
            one.nats = max(
                one.nats - 1.3 * tails.usual_discount(max(together[kinds.place_of.get(one.kind, -1)] - MANY_NEW, 0)),
                0.0,
            )
    _fold_dumps(found, table, kinds)
    return found, standing


MOST_FOLDED, ROWS_LOOKED_AT = 100, 400


def _fold_dumps(found: Sequence[Candidate], table: EventTable, kinds: Kinds) -> None:
    """Say of severe candidates near which stronger one they stand: a dump has many lines, and one says what it is.

    A severe line without a word that names a fault (a register, a flag) may stand anywhere in the same stretch.
    """
    severe = sorted((one for one in found if one.severity >= ERRONEOUS), key=lambda one: -(one.nats + one.prior))
    severe = severe[:MOST_FOLDED]
    for place, one in enumerate(severe):
        rows = kinds.rows(one.kind)[:ROWS_LOOKED_AT]
        says = fault_words(table.templates[table.kind_template[one.kind]]) > 0
        reach = 2 * FAR if says else max(2 * FAR, kinds.gap)
        for other in severe[:place]:
            if other.within >= 0 or other.first > one.first + reach or other.last < one.last - reach:
                continue
            near = kinds.rows(other.kind)
            behind = np.minimum(np.searchsorted(near, rows), len(near) - 1)
            away = np.minimum(np.abs(near[behind] - rows), np.abs(rows - near[np.maximum(behind - 1, 0)]))
            if (away <= reach).mean() >= 0.8:
                one.within = other.kind
                break


MANY_NEW = 6


def _unlike(own: int, words: int) -> float:
    """How much a new template counts: one whose words are mostly known is a known message with other parameters.

    >>> [round(_unlike(own, 5), 2) for own in (0, 1, 2, 3, 5)]
    [0.2, 0.25, 0.35, 0.78, 1.0]
    """
    share = own / max(words, 1)
    by_count = 0.2 if own == 0 else min(0.25 + 0.2 * own, 1.0)
    return by_count * (1.0 if share > 0.65 else 0.92 if share > 0.5 else 0.54)


HARDLY_NEW = 0.5


def _others(
    kinds: Kinds, kind: int, unlike: NDArray[np.float64], known: NDArray[np.bool_] | None = None
) -> tuple[float, float]:
    """(places with a new template of its class that is as unlike the rest, templates like that in two to ten places)."""
    alike = kinds.classes == kinds.classes[kind]
    if int(kinds.count.sum()) >= FEW_EVENTS:  # in a short log all that is rare is alike
        alike &= unlike >= 0.8 * unlike[kind]
    if known is not None and not known[kind]:
        alike &= ~known
    alike[kind] = False
    own = kinds.place_of.get(kind, -1)
    places = {kinds.place_of[one] for one in np.flatnonzero(alike & (kinds.runs == 1)).tolist()} - {own}
    return float(len(places)), float((alike & (kinds.runs >= 2) & (kinds.runs <= 10)).sum())


def _new_reason(table: EventTable, kinds: Kinds, kind: int, others: float, began: bool) -> str:
    count, runs, grade = int(kinds.count[kind]), int(kinds.runs[kind]), int(kinds.classes[kind])
    level = CLASS_NAMES[grade]
    of_level = f" of level {level}" if level and not kinds.worded[kind] else ""
    if began:
        first = int(kinds.rows(kind)[0])
        text = f"this message{of_level} begins here, {count:,} times from now on, and does not occur in the {first:,} events before"
    elif runs > 1:
        text = f"this message{of_level} occurs {count:,} times among {len(table):,} events, in {runs} places"
    elif count == 1:
        text = f"a message{of_level} that occurs nowhere else among {len(table):,} events"
    else:
        text = f"a message{of_level} that occurs {count:,} times here and nowhere else among {len(table):,} events"
    if kinds.worded[kind]:
        text += "; its words name a fault"
    elif grade > QUIET and (kinds.classes == grade).sum() == 1:
        text += "; nothing else has this level" if runs == 1 else ""
    elif others >= 1 and runs == 1:
        text += f"; so {'does one other' if others <= 1 else f'do some {math.ceil(others)} others'} of this level"
    return text


def unlike_the_rest(found: Sequence[Candidate], n: int) -> list[Candidate]:
    """Candidates of one question with the nats of the third strongest elsewhere taken off: what a log often does is no news.

    Up to two more things may go wrong at once; a log that has bursts all over gives none of them much weight.
    """
    out = []
    near = max(n // 50, 5 * FAR)
    strongest = sorted(found, key=lambda one: -one.nats)
    for one in found:
        elsewhere: list[tuple[float, int]] = []  # the strongest of each other place
        for other in strongest:
            if abs(other.lead - one.lead) > near and all(abs(other.lead - place) > near for _, place in elsewhere):
                elsewhere.append((other.nats, other.lead))
                if len(elsewhere) == 3:
                    break
        third = elsewhere[2][0] if len(elsewhere) == 3 else 0.0
        nats = min(one.nats - third, 5 * (one.nats / third - 1)) if third > 0 else one.nats
        if nats > 0:
            out.append(replace(one, nats=min(nats, MOST_NATS)))
    return out


# --- Too many -------------------------------------------------------------------------------------------------------


def bursts(
    table: EventTable, kinds: Kinds, items: Sequence[Item], alike: Mapping[int, Rows] | None = None
) -> list[Candidate]:
    """The densest stretch of each item, against its own share of the log and its own other stretches.

    The stretch is measured in rows: an item whose share of the lines jumps, whatever the pace of the whole log is, so
    that day and night do not matter.

    Args:
        table: the events.
        kinds: where the kinds stand.
        items: what is counted.
        alike: of a quiet kind the rows of all that differ from it in a name: they have a burst together, or it is of one name.
    """
    n = len(table)
    found: list[Candidate] = []
    ladder = [k for k in (8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384) if k < n // 2]
    if not ladder:
        return found
    tests = math.log(n) + math.log(max(len(items), 1))
    for item in items:
        rows = item.rows
        if len(rows) <= ladder[0] or len(rows) > 0.5 * n:
            continue
        best, span = _densest(rows, ladder, len(rows) / n)
        if best < tests:
            continue
        first, last = _grown(rows, *span)
        size = last - first + 1
        inside = int(rows[last] - rows[first]) + 1
        rest = np.concatenate([rows[:first], rows[last + 1 :] - inside])
        share = max(len(rest), 0.5) / max(n - inside, 1)
        usual = share * inside
        if size < 4 * usual or size < 10 or inside > n // 3:
            continue
        elsewhere = _densest(rest, ladder, share)[0] if len(rest) > ladder[0] else 0.0
        nats = float(tails.too_many(size, usual)) / max(1.0, elsewhere / math.log(n)) - tests
        if nats <= 0 or (kinds.is_start(int(rows[first])) and item.severity <= WARNING):
            continue
        if alike is not None and item.severity <= WARNING and (together := alike.get(item.kind)) is not None:
            near = int(np.searchsorted(together, rows[last], side="right") - np.searchsorted(together, rows[first]))
            if near < 4 * (len(together) - near) / max(n - inside, 1) * inside:
                continue
        # A component whose messages hardly repeat begins, or does a job: that is no burst.
        if item.kind < 0 and not item.severity:
            if len(set(table.kind[rows[first : last + 1]].tolist())) > 0.3 * size:
                continue
        lead = int(rows[span[0]]) if len(rest) else int(rows[first])
        found.append(_burst(table, item, first, last, lead, usual if len(rest) else 0.0, nats))
    return unlike_the_rest(found, n)


def _burst(table: EventTable, item: Item, first: int, last: int, lead: int, usual: float, nats: float) -> Candidate:
    shown = item.rows[first : last + 1]
    inside = int(shown[-1] - shown[0]) + 1
    each = f"{usual:.2g}" if usual < 10 else f"{usual:,.0f}"
    compared = f", where {each} are usual" if usual else " and nowhere else"
    reason = f"{item.name + ' ' if item.name else ''}{len(shown):,} times in {inside:,} lines{compared}"
    seconds = _seconds(table, int(shown[0]), int(shown[-1]))
    if seconds:
        reason += f", within {tails.duration(seconds)}"
    return Candidate(
        "burst", nats, item.prior, lead, sorted({lead, *shown[:40].tolist(), *shown[40:][-10:].tolist()}), len(shown),
        int(shown[0]), int(shown[-1]), reason, item.kind, item.severity, len(item.rows), item.name,
    )  # fmt: skip


def _densest(rows: Rows, ladder: Sequence[int], share: float) -> tuple[float, tuple[int, int]]:
    """(nats, positions of the first and last event) of the densest stretch."""
    best, span = 0.0, (0, 0)
    for k in ladder:
        if k >= len(rows):
            break
        length = rows[k:] - rows[:-k] + 1
        at = int(np.argmin(length))
        nats = float(tails.too_many(float(k + 1), share * float(length[at])))
        if nats > best:
            best, span = nats, (at, at + k)
    return best, span


def _grown(rows: Rows, first: int, last: int) -> tuple[int, int]:
    """Take in the neighbours of a stretch that are as dense as it."""
    pace = max((rows[last] - rows[first]) / max(last - first, 1), 1.0)
    while first > 0 and rows[first] - rows[first - 1] <= 3 * pace:
        first -= 1
    while last + 1 < len(rows) and rows[last + 1] - rows[last] <= 3 * pace:
        last += 1
    return first, last


def _seconds(table: EventTable, first: int, last: int) -> float | None:
    seconds = float(table.timestamp[last] - table.timestamp[first])
    return seconds if seconds >= 0 else None


# --- Too few, gone --------------------------------------------------------------------------------------------------


def silences(table: EventTable, kinds: Kinds, items: Sequence[Item]) -> list[Candidate]:
    """Items that stay away for far longer than ever, counted in rows; regular ones in time as well; the whole log."""
    found = _whole_log_gaps(table, kinds)
    n = len(table)
    gone: list[Candidate] = []
    phases = 0
    # Errors that stop are no silence, and an amount that does not come again is none.
    frequent = [
        item
        for item in items
        if len(item.rows) >= 15
        and item.places >= 5
        and item.severity < ERRONEOUS
        and not _NUMBER_LAST.search(item.name)
    ]
    for item in frequent:
        rows = item.rows
        steps = np.diff(rows)
        ends = np.append(steps, n - rows[-1])  # the last one is open: the log ends
        at = int(np.argmax(ends))
        if (
            len(rows) >= 20
            and rows[0] > n // 5
            and tails.beyond(float(rows[0]), steps.astype(np.float64), float(steps.mean())) > 6
        ):
            phases += 1
        by_time = _regular_gap(table, rows)
        if by_time is None and ends[at] < 30:
            continue
        others = np.delete(ends, at).astype(np.float64)
        nats = tails.beyond(float(ends[at]), others, float(others.mean()))
        if by_time is not None and by_time[0] > nats:
            nats, at = by_time
        elif ends[at] < 2 * others.max(initial=1) or ends[at] < 30:
            continue
        nats -= math.log(len(frequent))
        if nats > 0 and not _new_phase(table, rows, at):
            gone.append(_silence(table, item, at, nats))
    for candidate in gone:
        candidate.nats -= 2 * tails.usual_discount(phases)
    return found + unlike_the_rest([candidate for candidate in gone if candidate.nats > 0], n)


def _new_phase(table: EventTable, rows: Rows, at: int) -> bool:
    """Whether most of what comes during a pause did not come before it: then the log went on to something else."""
    before = int(rows[at])
    end = int(rows[at + 1]) if at + 1 < len(rows) else len(table)
    kinds = len(table.kind_template)
    during = counts_of(table.kind[before + 1 : end], kinds)
    known = counts_of(table.kind[int(rows[0]) : before + 1], kinds)
    total = int(during.sum())
    return total > 0 and int(during[known * 20 < during].sum()) > 0.4 * total


def _silence(table: EventTable, item: Item, at: int, nats: float) -> Candidate:
    rows = item.rows
    before = int(rows[at])
    after = int(rows[at + 1]) if at + 1 < len(rows) else None
    steps = np.diff(rows)
    end = len(table) - 1 if after is None else after
    usual = float(np.median(np.delete(steps, at) if at < len(steps) else steps))
    seconds = _seconds(table, before, end)
    pauses = np.diff(table.timestamp[rows])
    each_second = float(np.median(pauses))
    if seconds and each_second > 0:
        gap, each = tails.duration(seconds), tails.duration(each_second)
        mean = float(np.delete(pauses, at).mean() if at < len(pauses) else pauses.mean())
        if mean > 5 * each_second:  # it comes in groups, and the usual pause is that inside of one
            each = f"{tails.duration(mean)} on average"
    else:
        gap, each = f"{end - before:,} lines", f"{usual:,.0f} lines"
    reason = f"{item.name + ' ' if item.name else ''}stays away for {gap}, where it comes every {each}"
    reason += " and does not come back" if after is None else ""
    shown = sorted({before, min(before + 1, len(table) - 1), end})
    return Candidate(
        "silence", nats, 0.0, before, shown, 1, before, end, reason, item.kind, QUIET, len(rows), item.name
    )


def _regular_gap(table: EventTable, rows: Rows) -> tuple[float, int] | None:
    """(nats, position) of the longest pause of a kind that comes at regular times; None where it does not."""
    sample = rows[:1000]  # whether it is regular shows in a part
    low, middle, high = np.quantile(np.diff(table.timestamp[sample]), (0.1, 0.5, 0.9))
    if not middle > 0 or high - low > 0.5 * middle:
        return None
    times = table.timestamp[rows]
    if np.isnan(times).any():
        return None
    steps = np.diff(times)
    middle = float(np.median(steps))
    ends = np.append(steps, float(table.timestamp[-1]) - float(times[-1]))
    at = int(np.argmax(ends))
    if ends[at] < 1.8 * middle:
        return None
    return tails.beyond(float(ends[at]), np.delete(ends, at), 0.1 * middle), at


def _whole_log_gaps(table: EventTable, kinds: Kinds) -> list[Candidate]:
    """Pauses of the whole log, far beyond its other pauses."""
    timed = int((~np.isnan(table.timestamp)).sum())  # events without time stand at the end
    if timed < 30:
        return []
    times = table.timestamp[:timed]
    part = np.diff(times[:CHUNK])
    usual = part[part > 0]
    if len(usual) < 20:
        return []
    middle = float(np.median(usual))
    longest = _longest_steps(times, 64)
    steps = dict(zip(longest.tolist(), (times[longest + 1] - times[longest]).tolist()))
    found = []
    for place, at in enumerate(longest[:3]):
        gap = steps[int(at)]
        others = np.array([steps[int(one)] for one in np.delete(longest, place)])
        top = float(others[min(3, len(others) - 1)])
        if gap < 3 * top or gap < 10 * middle or gap < 1:
            continue
        if any(first <= at <= last + FAR for first, last in kinds.starts):  # a program that starts takes its time
            continue
        nats = tails.beyond(gap, others, max(0.1 * middle, 0.25 * top))
        reason = f"no line for {tails.duration(gap)}, where one comes every {tails.duration(middle)} and the next longest pause is {tails.duration(float(others.max()))}"
        rows = [int(at), int(at) + 1]
        found.append(
            Candidate("silence", min(nats, MOST_NATS), 0.0, int(at), rows, 1, rows[0], rows[1], reason, -1, QUIET, 0)
        )
    return found


def _longest_steps(times: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Where the longest pauses between two events begin, the longest first."""
    best: NDArray[np.int64] = np.zeros(0, np.int64)
    for begin in range(0, len(times) - 1, CHUNK):
        steps = np.diff(times[begin : begin + CHUNK + 1])
        top = np.argsort(-steps, kind="stable")[:most] + begin
        both = np.concatenate([best, top])
        best = both[np.argsort(times[both] - times[both + 1], kind="stable")][:most]
    return best


# --- Too few --------------------------------------------------------------------------------------------------------

DROP_BLOCKS = 64
LEAST_DROPPING = 60  # events of an item whose rate is judged
MOST_SPREAD = 4.0  # index of dispersion up to which an item has a rate at all


def drops(table: EventTable, items: Sequence[Item]) -> list[Candidate]:
    """Items that come at less than half of their usual rate for a while, and are not gone.

    What is usual is told by the item's share of the lines and, where the log has times, by its pace: the less of both
    counts, so that neither a night nor a burst of something else is a drop. The counts of the blocks of the log say how
    much the item's rate varies anyway (index of dispersion).
    """
    n = len(table)
    blocks = min(DROP_BLOCKS, n // 20)
    if blocks < 16:
        return []
    edges = np.linspace(0, n, blocks + 1).astype(np.int64)
    lines = np.diff(edges).astype(np.float64)
    pace = _block_seconds(table, edges)
    hidden = np.array([text == OTHER for text in table.templates] or [False])[table.kind_template[table.kind]]
    judged = [
        item
        for item in items
        if LEAST_DROPPING <= len(item.rows) <= 0.7 * n and item.places >= 5 and item.severity < ERRONEOUS
    ]
    found: list[Candidate] = []
    tests = math.log(blocks) + math.log(max(len(judged), 1))
    for item in judged:
        counts = np.diff(np.searchsorted(item.rows, edges)).astype(np.float64)
        best = _deepest(counts, lines, pace)
        if best is None:
            continue
        nats, a, b, count, usual = best
        nats -= tests
        if nats <= 0:
            continue
        inside = item.rows[np.searchsorted(item.rows, edges[a]) : np.searchsorted(item.rows, edges[b])]
        first, last = int(edges[a]), int(edges[b]) - 1
        if hidden[first : last + 1].sum() > 0.5 * (usual - count):  # it may have been told among what has no template
            continue
        # What stays away for most of the stretch is gone, not rare.
        pauses = np.diff(np.concatenate([[edges[a]], inside, [edges[b]]]))
        if pauses.max() > 0.5 * (edges[b] - edges[a]):
            continue
        before = item.rows[: np.searchsorted(item.rows, edges[a])][-1:]
        after = item.rows[np.searchsorted(item.rows, edges[b]) :][:1]
        lead = int(inside[0])
        shown = sorted({*before.tolist(), *inside[:6].tolist(), *inside[-2:].tolist(), *after.tolist()})
        reason = f"{item.name + ' ' if item.name else ''}only {count:,.0f} times in {last - first + 1:,} lines, where {usual:,.0f} are usual"
        seconds = _seconds(table, first, last)
        reason += f", within {tails.duration(seconds)}" if seconds else ""
        found.append(
            Candidate("drop", nats, 0.0, lead, shown, len(inside), first, last, reason, item.kind, QUIET, len(item.rows), item.name)
        )  # fmt: skip
    # What falls together is one thing, told by what has the most evidence: a component before each of its messages.
    widest: list[Candidate] = []
    for one in sorted(found, key=lambda one: -one.nats):
        if all(
            min(one.last, other.last) - max(one.first, other.first) < 0.5 * (one.last - one.first) for other in widest
        ):
            widest.append(one)
    return unlike_the_rest(widest, n)


def _block_seconds(table: EventTable, edges: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Seconds that each block of rows took; None for a log without times."""
    times = table.timestamp
    marks = times[np.minimum(edges, len(times) - 1)]
    if np.isnan(marks).any() or marks[-1] <= marks[0]:
        return None
    return np.maximum(np.diff(marks), 0.0)


def _deepest(
    counts: NDArray[np.float64], lines: NDArray[np.float64], seconds: NDArray[np.float64] | None
) -> tuple[float, int, int, float, float] | None:
    """(nats, first block, block behind the last, events, usual events) of the stretch of blocks with the fewest events."""
    total, blocks = counts.sum(), len(counts)
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    rows = np.concatenate([[0.0], np.cumsum(lines)])
    a, b = np.triu_indices(blocks + 1, 2)
    short = b - a <= 0.6 * blocks
    a, b = a[short], b[short]
    inside = sums[b] - sums[a]
    usual = (total - inside) * (rows[b] - rows[a]) / np.maximum(rows[-1] - (rows[b] - rows[a]), 1.0)
    if seconds is not None:
        spent = np.concatenate([[0.0], np.cumsum(np.minimum(seconds, 10 * np.median(seconds) + 1e-9))])
        long = spent[b] - spent[a]
        usual = np.minimum(usual, (total - inside) * long / np.maximum(spent[-1] - long, 1e-9))
    fewer = (inside < 0.5 * usual) & (inside >= 4) & (usual >= 20)
    if not fewer.any():
        return None
    # Both rates are only known from their events: the likelihood ratio of two rates against one.
    with np.errstate(divide="ignore", invalid="ignore"):
        alike = total * usual / (usual + total - inside)
        nats = inside * np.log(inside / alike) + (total - inside) * np.log((total - inside) / (total - alike))
    nats = np.where(fewer, nats, 0.0)
    at = int(np.argmax(nats))
    rest = np.concatenate([counts[: a[at]], counts[b[at] :]])
    spread = max(1.0, float(rest.var()) / max(float(rest.mean()), 1e-9))
    # Blocks that hold ten on average: where several others are as empty, the item comes and goes anyway.
    width = math.ceil(10 / max(float(rest.mean()), 1e-9))
    coarse = rest[: len(rest) // width * width].reshape(-1, width).sum(axis=1)
    if spread > MOST_SPREAD or len(coarse) < 4 or (coarse < 0.6 * coarse.mean()).mean() > 0.1:
        return None
    return float(nats[at]) / spread, int(a[at]), int(b[at]), float(inside[at]), float(usual[at])


RATE_SPANS = (100, 50, 25, 12)  # parts of the log's time over which its lines are counted
LEAST_LINES = 60  # lines that a span usually has
MOST_KEPT = 0.25  # share of the usual lines up to which a span is a drop


def whole_log_drops(table: EventTable, kinds: Kinds) -> list[Candidate]:
    """Spans of time in which the whole log has far fewer lines than in all others of that length, and is not silent.

    A rhythm of day and night and irregular logs have other spans that are as quiet; these tell how much the rate varies.
    """
    times = table.timestamp
    if len(times) < FEW_EVENTS or np.isnan(times).any() or times[-1] <= times[0]:
        return []
    found: list[Candidate] = []
    for parts in RATE_SPANS:
        span = float(times[-1] - times[0]) / parts
        if len(times) / parts < LEAST_LINES:
            continue
        for shift in (0.0, 0.5):
            edges = times[0] + span * (np.arange(parts + (shift == 0)) + shift)
            at = np.searchsorted(times, edges)
            counts = np.diff(at).astype(np.float64)
            low = int(np.argmin(counts))
            others = np.delete(counts, np.arange(max(low - 1, 0), min(low + 2, len(counts))))
            inside, usual = float(counts[low]), float(np.median(others))
            first, last = int(at[low]), int(at[low + 1]) - 1
            if not 4 <= inside <= min(MOST_KEPT * usual, 0.5 * float(others.min())) or low in (0, len(counts) - 1):
                continue
            if not _is_sharp(times, float(edges[low]), span, usual / span):
                continue
            pauses = np.diff(np.concatenate([[edges[low]], times[first : last + 1], [edges[low + 1]]]))
            if pauses.max() > 0.5 * span or kinds.is_start(first):  # a silence, and no drop
                continue
            spread = max(1.0, float(others.var() / others.mean()))
            nats = (inside * math.log(inside / usual) - inside + usual) / spread - math.log(2 * parts)
            reason = f"only {inside:,.0f} lines of the whole log within {tails.duration(span)}, where {usual:,.0f} are usual and {others.min():,.0f} the fewest otherwise"
            rows = sorted(
                {max(first - 1, 0), *range(first, min(first + 6, last)), last, min(last + 1, len(times) - 1)}
            )
            found.append(
                Candidate("drop", min(nats, MOST_NATS), 0.0, first, rows, last - first + 1, first, last, reason, -1, QUIET, 0, "all lines")
            )  # fmt: skip
    return sorted((one for one in found if one.nats > 0), key=lambda one: -one.nats)[:1]


def _is_sharp(times: NDArray[np.float64], start: float, span: float, rate: float) -> bool:
    """Whether the usual rate ends and begins again within a part of the span, as it does not in a rhythm of day and night."""
    for step in (-span / 8, span / 8):
        edge = start if step < 0 else start + span
        while times[0] < edge < times[-1] and _lines_between(times, edge, edge + step) < 0.5 * rate * abs(step):
            edge += step
        if abs(edge - start) > 3 * span or _lines_between(times, edge, edge + 2 * step) < 0.75 * rate * 2 * abs(step):
            return False
    return True


def _lines_between(times: NDArray[np.float64], one: float, other: float) -> int:
    low, high = np.searchsorted(times, (min(one, other), max(one, other)))
    return int(high - low)
