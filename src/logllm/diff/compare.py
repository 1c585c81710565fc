"""Compare a bad run with good ones: what is new, gone, more, less, out of order, or of another value.

`compare` reads the logs, lets the ranker choose the lines to show, and adds what counts and steps tell. A finding is
flagged (`is_anomalous`) where a person would want to see it first; the others follow and say why they may matter.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from logllm.diff import ranker, text
from logllm.diff.features import candidates, hard_lines, matrix, says_failed
from logllm.diff.good import MOST_NUMBERED, GoodRuns, numbers, read_good
from logllm.diff.sources import line_chunks
from logllm.diff.table import LineTable, make_table
from logllm.hf_datasets.drain import template_key

ABOUT = 5  # so many classes of score are told apart when findings are ranked
GAP = 2  # lines between two chosen ones that still belong to one finding
CONTEXT = 3
NEAR = 0.5  # a good line below this is no neighbour worth showing
GENERIC = 0.5  # lines of logs that are no build logs are shown from this probability on
MOST_LOST = 20_000  # distinct good lines that the bad log lacks, the first of them, which are looked at
MOST_OTHERS = 20  # findings of each kind beside the new ones
_QUIET = ("transfer", "progress", "source_control", "cache", "setting", "mail", "rule", "empty")
# Kinds of which a build log has some and other logs have none.
_RUNNER = ("##[group]", "##[section]", "::group::", "section_start:", "travis_fold:start", "[Pipeline]")
_MOST_STEPS = 200  # a tool's own steps among which the runner's is looked for
_BUILD = ("group", "transfer", "ended", "tool_failed", "runner_ended", "echo", "source_control")


@dataclass(slots=True)
class Line:
    """A line that a finding shows: its number from 1, its text, how likely people would mark it, and why."""

    number: int
    text: str
    score: float = 0.0
    reason: str = ""


@dataclass(slots=True)
class Nearest:
    """The good line nearest to a finding's leading line: how near (0 to 1), where, and its text."""

    nearness: float
    file: str
    good_line: int
    text: str


@dataclass(slots=True)
class Finding:
    """One difference.

    Attributes:
        kind: new, gone, more, less, order or value.
        score: 0 to 1; findings are ranked by it.
        lines: what is shown; of the good run where `side` is good.
        reason: one sentence.
        count: how many lines it stands for.
        is_anomalous: whether it is one of those to look at first.
        key: what `logllm ok` calls it.
        side: bad or good: whose line numbers the lines have.
        file: the log that the lines are from.
        step: the step of the build that it belongs to, "" for none.
        nearest: the nearest good line, where there is one.
        context: lines before the first one, as (number, text).
        anchor: the good log and the line in it to which the place of the finding corresponds.
    """

    kind: str
    score: float
    lines: list[Line]
    reason: str
    count: int
    is_anomalous: bool
    key: str
    side: str = "bad"
    file: str = ""
    step: str = ""
    nearest: Nearest | None = None
    context: list[tuple[int, str]] = field(default_factory=list)
    anchor: tuple[str, int] | None = None


@dataclass(slots=True)
class Comparison:
    """All differences, ranked, the flagged ones first, with what was read.

    Attributes:
        good, bad: names of the logs.
        good_lines: lines of each good log.
        bad_lines: lines of the bad log.
        new_lines: lines that no good run holds.
        build: whether the bad log was read as the log of a build.
        findings: in order of rank.
        notes: what a reader should know.
        seconds: wall clock.
    """

    good: list[str]
    bad: str
    good_lines: list[int]
    bad_lines: int
    new_lines: int
    build: bool
    findings: list[Finding]
    notes: list[str]
    seconds: float

    @property
    def flagged(self) -> list[Finding]:
        """The findings to look at first."""
        return [finding for finding in self.findings if finding.is_anomalous]


def compare(good: GoodRuns | Sequence[str], bad: str) -> Comparison:
    """Compare a bad log with good runs, given as logs or as what was learnt from them."""
    start = time.perf_counter()
    if not isinstance(good, GoodRuns):
        good = read_good((name, line_chunks(name)) for name in good)
    table = make_table(line_chunks(bad), good if len(good.key) else None)
    result = judge(table, good, bad)
    result.findings += _values(table, good, bad, result.build)
    result.findings = _ranked(result.findings)
    result.seconds = time.perf_counter() - start
    return result


def judge(table: LineTable, good: GoodRuns, bad: str, model: ranker.Ranker | None = None) -> Comparison:
    """Everything but the values, from a bad log as columns; `model` takes the place of the shipped ranker."""
    known = len(good.key) > 0
    failed, build = says_failed(table), is_build_log(table)
    probability = np.zeros(len(table))
    rows = candidates(table)
    names, values = matrix(table, good if known else None, rows)
    model = model or ranker.shipped(ranker.AGAINST_GOOD if known else ranker.ALONE)
    probability[rows] = model.probabilities(names, values)
    probability[noise_rows(table, rows, names, values)] = 0.0
    shown = ranker.chosen(probability, failed, ranker.BETA if known else ranker.BETA_ALONE)
    if known and not build:
        probability = np.maximum(probability * shown, _generic(table, good))
        shown = probability >= GENERIC
    texts = _Texts(table, good, bad)
    findings = _new(table, shown, probability, texts)
    if known:
        quiet = not any(finding.is_anomalous for finding in findings)
        findings += _gone(table, good, failed, quiet, build)
        findings += _counts(table, good, build)
        findings += _order(table, good, build)
    notes = _notes(table, good, failed, build, findings)
    return Comparison(
        good.names, bad, good.lines, len(table), int(table.new.sum()), build, _ranked(findings), notes, 0.0
    )


def noise_rows(
    table: LineTable, rows: NDArray[np.int64], names: tuple[str, ...], values: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Rows of transfers and progress, which are never shown but below a failure that they belong to."""
    noise = (table.kind("transfer", "progress") & ~table.kind("word"))[rows]
    noise &= values[:, names.index("under a hard line")] == 0
    return rows[noise]


def is_build_log(table: LineTable) -> bool:
    """Whether a log looks like that of a build: steps, transfers, source control, exit codes."""
    kinds = sum(bool(table.kind(name).any()) for name in _BUILD)
    return kinds >= 3 or (kinds >= 2 and bool(table.kind("group").any()))


def _generic(table: LineTable, good: GoodRuns) -> NDArray[np.float64]:
    """`(n,)`: how likely each new line of a log that is no build log matters.

    By Good-Turing a line of such a log is new with the share of the good lines that occur once. Where the bad log has k
    new kinds and that share lets one expect e, about max(0, 1 - e / k) of them are more than chance; severity decides
    how much each of them matters.
    """
    new = table.new
    kinds = len(np.unique(table.key[new]))
    lines = max(1, sum(good.lines))
    expected = len(table) * float((good.count == 1).sum()) / lines
    share = max(0.0, 1 - expected / kinds) if kinds else 0.0
    weight = np.where(table.kind("warning_tag"), 0.85, np.where(table.kind("info_tag", "zero"), 0.55, 0.65))
    weight = np.where(hard_lines(table), 1.0, weight)
    weight = np.where(table.loosely_new, weight, 0.3)
    return np.asarray(new * weight * np.where(hard_lines(table), max(share, 0.8), share), np.float64)


class _Texts:
    """Texts and steps of the bad log's lines, and the nearest good lines."""

    def __init__(self, table: LineTable, good: GoodRuns, bad: str):
        self._table, self._good, self.bad = table, good, bad
        self._groups = np.flatnonzero(table.kind("group"))
        self._known = np.flatnonzero((table.key != 0) & ~table.new)
        self.known = len(good.key) > 0

    def line(self, row: int, score: float = 0.0, reason: str = "") -> Line:
        return Line(int(row) + 1, self._table.texts.get(int(row), ""), round(float(score), 4), reason)

    def context(self, row: int) -> list[tuple[int, str]]:
        texts = self._table.texts
        return [(at + 1, texts[at]) for at in range(max(0, row - CONTEXT), row) if at in texts]

    def step(self, row: int) -> str:
        """The step of the runner that a row belongs to, and the tool's own step within it."""
        place = int(np.searchsorted(self._groups, row, side="right")) - 1
        inner = ""
        for at in self._groups[max(0, place - _MOST_STEPS) : place + 1][::-1]:
            line = self._table.texts.get(int(at), "")
            name = step_name(line)
            if any(sign in line for sign in _RUNNER):
                return f"{name} / {inner}" if inner else name
            inner = inner or name
        return inner

    def anchor(self, row: int) -> tuple[str, int] | None:
        """The good log and the line in it that stands where the last common line before a row does; rare lines are best."""
        good = self._good
        if not len(good.key):
            return None
        end = int(np.searchsorted(self._known, row))
        before = self._known[max(0, end - 50) : end][::-1]
        place = good.position(self._table.key[before])
        for most in (1, 3):
            for at in place[good.most[place] <= most][:1]:
                return good.names[int(good.run[at])], int(good.first[at])
        return None

    def nearest(self, row: int) -> Nearest | None:
        mask = self._table.masks.get(int(self._table.key[row]))
        if mask is None or not len(self._good.key):
            return None
        near, where = self._good.nearest(mask)
        if near < NEAR:
            return None
        good = self._good
        return Nearest(round(near, 3), good.names[int(good.run[where])], int(good.first[where]), good.example[where])


def step_name(line: str) -> str:
    """The name of a step from the line that opens it."""
    name = text.bare(pl.Series([line], dtype=pl.String))[0]
    for start in ("##[group]", "##[section]Starting:", "::group::", "> Task", "==>", "[Pipeline]", "[INFO]"):
        name = name.removeprefix(start)
    if name.startswith(("section_start:", "travis_fold:start")):
        name = name.split(":", 2)[-1].split("[", 1)[0]
    return name.strip(" -={}()>\r")[:120]


def _new(table: LineTable, shown: NDArray[np.bool_], probability: NDArray[np.float64], texts: _Texts) -> list[Finding]:
    """Findings of the lines to show: lines near each other form one."""
    rows = np.flatnonzero(shown)
    if not len(rows):
        return []
    findings = []
    hard = hard_lines(table)
    for part in np.split(rows, np.flatnonzero(np.diff(rows) > GAP + 1) + 1):
        lead = int(part[np.argmax(hard[part] * 2.0 + probability[part])])
        # The mean of the likeliest lines: one odd line alone does not outrank a whole block.
        score = float(np.sort(probability[part])[::-1][:3].mean())
        nearest = texts.nearest(lead)
        lines = [texts.line(row, probability[row], _why(table, row, texts.known)) for row in part.tolist()]
        reason = _sentence(table, part, lead, nearest, texts.known)
        findings.append(Finding(
            "new", round(score, 4), lines, reason, len(part), True, _key(table.masks.get(int(table.key[lead]), lines[0].text)),
            file=texts.bad, step=texts.step(lead), nearest=nearest, context=texts.context(int(part[0])), anchor=texts.anchor(int(part[0])),
        ))  # fmt: skip
    return findings


_WHY = (
    ("test_failed", "a failed test"), ("exception", "an exception"), ("frame", "a stack frame"),
    ("place_column", "a place in the source"), ("tool_failed", "a tool reports failure"), ("error_tag", "an error"),
    ("runner_ended", "the end of the run"), ("warning_tag", "a warning"), ("word", "words of failure"),
)  # fmt: skip


def _what(table: LineTable, row: int) -> str:
    here = table.kinds[row]
    names = [words for kind, words in _WHY if here & (np.uint64(1) << np.uint64(text.KIND_NAMES.index(kind)))]
    return names[0] if names else "a line"


def _why(table: LineTable, row: int, known: bool) -> str:
    what = _what(table, row)
    if not known:
        return f"{what} like those that people mark in failed builds"
    return f"{what} that no good run holds" if table.new[row] else f"{what} beside new lines"


def _sentence(table: LineTable, rows: NDArray[np.int64], lead: int, nearest: Nearest | None, known: bool) -> str:
    new, many = int(table.new[rows].sum()), len(rows) > 1
    if not known:
        words = (
            f"{len(rows):,} lines like those that people mark in failed builds"
            if many
            else "like what people mark in failed builds"
        )
    else:
        words = f"{new:,} of {len(rows):,} lines are in no good run" if many else "not in any good run"
    what = _what(table, lead)
    if what != "a line":
        words += f"; begins with {what}" if lead == rows[0] and many else f"; holds {what}" if many else f"; {what}"
    if nearest is not None:
        words += f"; the nearest good line shares {nearest.nearness:.0%} of its words"
    return words


def _key(mask: str) -> str:
    return template_key(mask)


def _gone(table: LineTable, good: GoodRuns, failed: bool, quiet: bool, build: bool) -> list[Finding]:
    """What every good run holds and the bad one lacks: steps first, then lines, in stretches of the first good run."""
    present = np.isin(good.key, table.key)
    lost = np.flatnonzero(~present & (good.runs == len(good.names)) & (good.run == 0))
    if not len(lost):
        return []
    lost = lost[np.argsort(good.first[lost])][:MOST_LOST]
    kept = good.first[present & (good.run == 0)]
    end = int(kept.max()) if len(kept) else 0
    lines = text.bare(good.example.gather(lost))
    kinds = text.kinds(lines, good.example.gather(lost))
    lost, kinds = lost[~text.of_kind(kinds, *_QUIET)], kinds[~text.of_kind(kinds, *_QUIET)]
    if not len(lost):
        return []
    step = text.of_kind(kinds, "group")
    findings = []
    # Stretches of good lines that are gone; what lies after the last common line did not run any more.
    breaks = np.flatnonzero(
        (np.diff(good.first[lost]) > 20) | ((good.first[lost][1:] > end) & (good.first[lost][:-1] <= end))
    )
    for part in np.split(np.arange(len(lost)), breaks + 1):
        rows = lost[part]
        steps = rows[step[part]]
        after = bool(good.first[rows[0]] > end)
        shown = (steps if len(steps) else rows)[:12]
        what = (
            f"{len(steps):,} steps"
            if len(steps) > 1
            else "1 step"
            if len(steps)
            else f"{len(rows):,} lines"
            if len(rows) > 1
            else "a line"
        )
        runs = "every good run has" if len(good.names) > 1 else "the good run has"
        if after and failed:
            reason = f"{what} that {runs} did not follow: the bad run ended before"
        elif after:
            reason = f"{what} that {runs} at its end: nothing in the bad log says why it ends at line {len(table):,}"
        else:
            reason = f"{what} that {runs} {'are' if len(shown) > 1 else 'is'} missing"
        # A step that is left out is news, unless the run failed before. Lines alone are news where nothing new tells the
        # difference, and, as builds differ in what they print, where several good runs of a build have them.
        sure = bool(len(steps)) or after or len(good.names) > 1 or not build
        flagged = not failed and sure and (quiet or bool(len(steps)))
        score = (0.75 if len(steps) else 0.5) if not after else 0.55
        if not flagged:
            score *= 0.4
        score += min(0.1, len(rows) / 1000)
        findings.append(Finding(
            "gone", round(score, 4), [Line(int(good.first[at]), good.example[int(at)], round(score, 4), "in every good run, not here") for at in shown],
            reason, len(rows), flagged, _key(good.mask[int(shown[0])]), side="good", file=good.names[0],
            step=step_name(good.example[int(steps[0])]) if len(steps) else "",
        ))  # fmt: skip
    return sorted(findings, key=lambda one: -one.score)[:MOST_OTHERS]


def _counts(table: LineTable, good: GoodRuns, build: bool) -> list[Finding]:
    """Lines that stand much more, or much less often than in any good run."""
    keys, first, here = np.unique(table.key[table.key != 0], return_index=True, return_counts=True)
    rows = np.flatnonzero(table.key != 0)[first]
    place = good.position(keys)
    both = place >= 0
    keys, rows, here, place = keys[both], rows[both], here[both], place[both]
    most, least = good.most[place], good.least[place]
    # A count is compared with the farthest good run. Three or more runs show themselves how much it varies; with fewer
    # its variance grows with the count and, as lines come in bursts, with its square (over-dispersion of 20 %).
    several = len(good.names) >= 3
    spread = np.maximum(1, most - least)
    up = (here - most) / (spread + 0.1 * most if several else np.sqrt(most + 1 + (0.2 * most) ** 2))
    down = (least - here) / (spread + 0.1 * least if several else np.sqrt(least + 1 + (0.2 * least) ** 2))
    quiet = table.kind(*_QUIET)[rows]
    severe = (
        table.kind("error_tag", "warning_tag", "exception", "strong_word")[rows]
        & ~table.kind("zero", "info_tag")[rows]
    )
    findings = []
    for kind, strength, than in (("more", up, most), ("less", down, least)):
        ratio = (here + 1) / (than + 1) if kind == "more" else (than + 1) / (here + 1)
        for at in np.flatnonzero((strength > 4) & (ratio >= 3) & ~quiet)[
            np.argsort(-strength[(strength > 4) & (ratio >= 3) & ~quiet])
        ][:MOST_OTHERS]:
            flagged = bool(not build and (severe[at] or (strength[at] > (4 if several else 8) and ratio[at] >= 5)))
            score = min(0.9, 0.3 + 0.05 * float(strength[at])) * (1.0 if flagged else 0.4)
            example = good.example[int(place[at])]
            runs = f"in any of {len(good.names)} good runs" if len(good.names) > 1 else "in the good run"
            reason = f"{int(here[at]):,} times, {'at most' if kind == 'more' else 'at least'} {int(than[at]):,} {runs}"
            findings.append(Finding(
                kind, round(score, 4), [Line(int(rows[at]) + 1, table.texts.get(int(rows[at]), example), round(score, 4), reason)], reason,
                int(here[at]), flagged, _key(good.mask[int(place[at])]),
            ))  # fmt: skip
    return findings


def _order(table: LineTable, good: GoodRuns, build: bool) -> list[Finding]:
    """Lines that stand once in every run and come in another order than in the good ones.

    Steps that run side by side change places from run to run: with several good runs only what kept its order in the
    first and the last of them counts; with one, nothing is flagged in a build log.
    """
    once = np.flatnonzero((good.most == 1) & (good.least == 1) & (good.run == 0))
    keys, first, here = np.unique(table.key, return_index=True, return_counts=True)
    place = np.searchsorted(keys, good.key[once])
    place = np.minimum(place, max(0, len(keys) - 1))
    same = (keys[place] == good.key[once]) & (here[place] == 1) if len(keys) else np.zeros(len(once), bool)
    once, rows = once[same], first[place[same]] if len(keys) else np.zeros(0, int)
    if len(once) < 5:
        return []
    order = np.argsort(good.first[once])
    once, rows = once[order], rows[order]
    if len(good.names) > 1:
        steady = _rising(good.other[once])
        once, rows = once[steady], rows[steady]
    kept = _rising(rows)
    moved = np.flatnonzero(~kept)
    if not len(moved) or len(moved) > max(5, len(once) // 20):
        return []  # many displaced lines are parallel steps, no news
    findings = []
    quiet = table.kind(*_QUIET)
    for at in moved[:MOST_OTHERS]:
        row = int(rows[at])
        if quiet[row]:
            continue
        before = int(once[at - 1]) if at else int(once[at + 1])
        flagged = not build and (len(good.names) > 1 or len(once) >= 20)
        score = 0.6 if flagged else 0.2
        side = "after" if at else "before"
        reason = f'comes at line {row + 1:,}; in the good runs it comes {side} "{good.example[before][:80]}"'
        findings.append(Finding(
            "order", score, [Line(row + 1, table.texts.get(row, good.example[int(once[at])]), score, reason)], reason, 1, flagged,
            _key(good.mask[int(once[at])]),
        ))  # fmt: skip
    return findings


def _rising(values: NDArray[Any]) -> NDArray[np.bool_]:
    """`(n,)`: which values form a longest rising subsequence (patience sorting)."""
    from bisect import bisect_left

    tails: list[int] = []
    tops: list[int] = []
    back = [-1] * len(values)
    for at, value in enumerate(values.tolist()):
        pile = bisect_left(tops, value)
        back[at] = tails[pile - 1] if pile else -1
        if pile == len(tops):
            tops.append(value)
            tails.append(at)
        else:
            tops[pile], tails[pile] = value, at
    kept = np.zeros(len(values), bool)
    at = tails[-1] if tails else -1
    while at >= 0:
        kept[at] = True
        at = back[at]
    return kept


def _values(table: LineTable, good: GoodRuns, bad: str, build: bool) -> list[Finding]:
    """Numbers of known lines far outside what the good runs had: ten times their largest, where they were steady."""
    steady = good.values.filter(
        (pl.col("n") >= 3) & (pl.col("high") > 0) & (pl.col("high") <= 5 * pl.col("low").clip(1e-9))
    )
    if steady.is_empty():
        return []
    worst: dict[tuple[int, int], tuple[float, float, float, int, int, str]] = {}
    start = 0
    for raw in line_chunks(bad):
        if start >= MOST_NUMBERED:
            break
        line = text.bare(raw)
        key = table.key[start : start + len(line)]
        found = (
            numbers(line, key)
            .join(steady, on=["key", "slot"], how="inner")
            .filter(pl.col("value") > 10 * pl.col("high"))
        )
        for row, one, slot, value, low, high, n in (
            found.select("row", "key", "slot", "value", "low", "high", "n").head(10_000).iter_rows()
        ):
            if (one, slot) not in worst or value > worst[one, slot][0]:
                worst[one, slot] = (value, low, high, n, start + row, raw[row])
        start += len(line)
    findings = []
    quiet = table.kind(*_QUIET)
    shown: set[int] = set()
    for value, low, high, n, row, raw_line in sorted(worst.values(), key=lambda one: -one[0] / one[2]):
        if quiet[row] or row in shown:
            continue
        shown.add(row)
        flagged = not build and n >= 5
        score = 0.7 if flagged else 0.2
        reason = f"{value:g} where {n} good values lie between {low:g} and {high:g}"
        findings.append(Finding(
            "value", score, [Line(row + 1, text.readable(pl.Series([raw_line]))[0], score, reason)], reason, 1, flagged,
            _key(text.masked(text.bare(pl.Series([raw_line])))[0]), file=bad,
        ))  # fmt: skip
    return findings[:MOST_OTHERS]


def _notes(table: LineTable, good: GoodRuns, failed: bool, build: bool, findings: Iterable[Finding]) -> list[str]:
    notes = []
    sample = good.example.head(50_000)
    kinds = text.kinds(text.bare(sample), sample)
    good_failed = bool(
        (
            text.of_kind(kinds, "runner_ended", "tool_failed")
            & text.of_kind(kinds, "ended", "tool_failed")
            & ~text.of_kind(kinds, "zero")
        ).any()
    )
    if not len(good.key):
        notes.append("the good logs hold no text: the bad log was judged by what failures look like elsewhere")
    elif good_failed and not failed and build and not table.kind("ended", "tool_failed").any():
        notes.append("a good log ends in failure and the bad one does not: they may be swapped")
    elif good_failed:
        notes.append("a good log ends in failure itself: what failed there as well is not new here")
    for name, lines in zip(good.names, good.lines):
        if not lines and len(good.key):
            notes.append(f"{name} is empty and was left out")
    known = int(((table.key != 0) & ~table.new).sum())
    if len(good.key) and len(table) >= 20 and known < 0.05 * int((table.key != 0).sum()):
        notes.append(
            "hardly any line of the bad log is in the good ones: they may be of different programs or formats"
        )
    if not table.complete:
        notes.append(f"only the first {len(table.texts):,} new lines can be shown: the logs have little in common")
    if not len(table):
        notes.append("the bad log is empty")
    elif not table.new.any() and not list(findings):
        notes.append("no difference: every line of the bad log is in the good ones, as often and in the same order")
    return notes


def _ranked(findings: Iterable[Finding]) -> list[Finding]:
    """The flagged ones first, by score; of about equal ones the earlier one, as a cause stands above its consequences."""
    return sorted(findings, key=lambda one: (not one.is_anomalous, -int(one.score * ABOUT), one.lines[0].number))


def as_head(result: Comparison, shown: int) -> dict[str, Any]:
    """The head object of `--json`: the keys of a scan's head, with good and bad logs told apart."""
    return {
        "files": [{"file": result.bad, "side": "bad", "lines": result.bad_lines}]
        + [{"file": name, "side": "good", "lines": lines} for name, lines in zip(result.good, result.good_lines)],
        "formats": ["build"] if result.build else [],
        "lines": result.bad_lines,
        "judged_events": result.bad_lines,
        "new_lines": result.new_lines,
        "signals": ["new", "gone", "more", "less", "order", "value"],
        "model": None,
        "threshold": GENERIC,
        "findings": shown,
        "flagged": len(result.flagged),
        "notes": result.notes,
        "seconds": round(result.seconds, 3),
    }


def as_row(rank: int, finding: Finding) -> dict[str, Any]:
    """One finding as plain values, in the schema of `scan --json`."""
    row: dict[str, Any] = {
        "rank": rank, "kind": finding.kind, "score": finding.score, "side": finding.side, "file": finding.file,
        "first_line": finding.lines[0].number, "last_line": finding.lines[-1].number,
        "lines": [{"number": one.number, "text": one.text, "score": one.score, "reason": one.reason} for one in finding.lines],
        "reason": finding.reason, "count": finding.count, "first": None, "last": None, "is_anomalous": finding.is_anomalous,
        "key": finding.key, "step": finding.step,
    }  # fmt: skip
    near = finding.nearest
    row["nearest"] = (
        None
        if near is None
        else {"nearness": near.nearness, "file": near.file, "good_line": near.good_line, "text": near.text}
    )
    return row
