"""Families: templates that differ in one word at one place, such as the name of a table, a player or a host.

Drain keeps such names as words. Where a place has held many names, one more name is no news, and what the templates have in
common is counted over all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from logllm.hf_datasets.events.masks import OUTCOME

from . import tails
from .candidates import Kinds, Rows
from .table import EventTable
from .words import fault_class

MOST_KINDS = 5000
MOST_TOKENS = 40
LEAST_NAMES = 4  # different words at one place from which on it is a place for names


@dataclass(slots=True)
class Family:
    """Kinds that differ in one word only.

    Attributes:
        text: the template with `<*>` in place of the word.
        kinds: positions of the kinds.
    """

    text: str
    kinds: list[int]


def find_families(table: EventTable, kinds: Kinds) -> list[Family]:
    """All families of a log; a kind may be in several, one for each of its words."""
    if len(kinds.count) > MOST_KINDS:
        return []
    known = set(table.templates)
    held: dict[tuple[int, int, str], list[int]] = {}
    for kind, (template, grade) in enumerate(zip(table.kind_template.tolist(), table.kind_class.tolist())):
        text = table.templates[template]
        tokens = (
            f"<*>: {text}" if f"<*>: {text}" in known else text
        ).split()  # an id that was read as part of the header
        if not 2 <= len(tokens) <= MOST_TOKENS:
            continue
        for at, token in enumerate(tokens):
            if token != "<*>" and may_be_a_name(token):
                text = " ".join([*tokens[:at], "<*>", *tokens[at + 1 :]])
                held.setdefault((at, grade, text), []).append(kind)
    return [Family(text, members) for (_, _, text), members in held.items() if len(members) >= LEAST_NAMES]


def may_be_a_name(token: str) -> bool:
    """Whether a word may be exchanged for another one and the message still say the same.

    >>> may_be_a_name("orders:"), may_be_a_name("refused"), may_be_a_name("state=down")
    (True, False, False)
    """
    last = token.replace("=", " ").replace(":", " ").split()
    return bool(last) and not OUTCOME.match(last[-1]) and not fault_class(token.replace("=", " "))


def rows_of(kinds: Kinds, members: Sequence[int]) -> Rows:
    """Rows of some kinds together, in order."""
    return np.sort(np.concatenate([kinds.rows(kind) for kind in members]))


FREQUENT, FREQUENT_PLACES = 20, 5  # events and places of a template that is usual
MOST_COMPARED = 20_000


def known_but_for_a_name(table: EventTable, kinds: Kinds, families: Sequence[Family]) -> NDArray[np.float64]:
    """`(k,)` most nats that the novelty of a kind is worth, infinite where nothing speaks against it.

    Of a family the names that occur in few places say how likely one more is (Good-Turing). A kind that fits a usual
    template but for one word, at which that template has a parameter, is not new at all.
    """
    most = np.full(len(kinds.count), np.inf)
    for family in families:
        runs = kinds.runs[family.kinds]
        if runs.sum() < FREQUENT_PLACES:
            continue
        alone, rare = int((runs == 1).sum()), int(((runs >= 2) & (runs <= 10)).sum())
        for kind, places in zip(family.kinds, runs.tolist()):
            if places == 1:
                most[kind] = min(most[kind], tails.at_least_one(tails.expected_new(alone - 1, rare)))
    with_id = {table.templates[table.kind_template[kind]] for kind in np.flatnonzero(kinds.runs >= FREQUENT_PLACES)}
    lone = np.flatnonzero((kinds.runs == 1) & (kinds.count < FREQUENT))
    for kind in lone.tolist():  # an id that was read as part of the header
        if f"<*>: {table.templates[table.kind_template[kind]]}" in with_id:
            most[kind] = 0.0
    usual = np.flatnonzero((kinds.runs >= FREQUENT_PLACES) & (kinds.count >= FREQUENT))
    if len(lone) * len(usual) > MOST_COMPARED:
        return most
    tokens = {kind: table.templates[table.kind_template[kind]].split() for kind in (*lone.tolist(), *usual.tolist())}
    for kind in lone.tolist():
        for other in usual.tolist():
            if table.kind_class[kind] == table.kind_class[other] and _fits(tokens[kind], tokens[other]):
                most[kind] = 0.0
                break
    return most


_LETTERS = re.compile(r"[^\W\d_]")


def _fits(tokens: Sequence[str], usual: Sequence[str]) -> bool:
    """Whether a template is a usual one but for one word, where the usual one has a parameter.

    >>> _fits("<*> from api1 took <*>".split(), "<*> from <*> took <*>".split())
    True
    >>> _fits("<*> from refused took <*>".split(), "<*> from <*> took <*>".split())
    False
    """
    if len(tokens) != len(usual):
        return False
    hidden = agreed = 0
    for one, other in zip(tokens, usual):
        if one == other:
            agreed += bool(_LETTERS.search(one))
        elif "<*>" in one and not _LETTERS.search(one):
            continue
        elif "<*>" in other and not _LETTERS.search(other) and may_be_a_name(one):
            hidden += 1
        else:
            return False
    return hidden <= 1 and agreed >= max(2, hidden)


def merged_templates(table: EventTable, families: Sequence[Family]) -> NDArray[np.int32]:
    """`(k,)` template of each kind, one for all kinds of the largest family to which it belongs."""
    template = table.kind_template.copy()
    taken = np.zeros(len(template), bool)
    for at, family in enumerate(sorted(families, key=lambda one: -len(one.kinds))):
        members = [kind for kind in family.kinds if not taken[kind]]
        template[members] = len(table.templates) + at
        taken[members] = True
    return template


def merged_by_session(
    table: EventTable, kinds: Kinds, families: Sequence[Family], of_row: NDArray[np.int32] | NDArray[np.int64]
) -> tuple[EventTable, Kinds]:
    """The table and its kinds with the templates of a family as one, where a session has only one of them.

    Steps such as "part clamped" and "part measured" differ in one word as well; a session has all of them.
    """
    template, texts = table.kind_template.copy(), list(table.templates)
    runs = kinds.runs.copy()
    taken = np.zeros(len(template), bool)
    for family in sorted(families, key=lambda one: -len(one.kinds)):
        members = [kind for kind in family.kinds if not taken[kind]]
        if len(members) < LEAST_NAMES:
            continue
        rows = rows_of(kinds, members)
        rows = rows[of_row[rows] >= 0]
        sessions = of_row[rows]
        pairs = len(np.unique(sessions.astype(np.int64) * len(template) + table.kind[rows]))
        if not len(rows) or pairs > MOST_NAMES_A_SESSION * len(np.unique(sessions)):
            continue
        template[members] = len(texts)
        texts.append(family.text)
        runs[members] = max(int(kinds.runs[members].sum()), 1)
        taken[members] = True
    if not taken.any():
        return table, kinds
    return replace(table, kind_template=template, templates=texts), replace(kinds, runs=runs)


MOST_NAMES_A_SESSION = 1.1
