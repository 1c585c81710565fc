"""Families: templates that differ in one word at one place, such as the name of a table, a player or a host.

Drain keeps such names as words. Where a place has held many names, one more name is no news, and what the templates have in
common is counted over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from logllm.hf_datasets.events.masks import OUTCOME

from .candidates import Kinds
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
    held: dict[tuple[int, int, str], list[int]] = {}
    for kind, (template, grade) in enumerate(zip(table.kind_template.tolist(), table.kind_class.tolist())):
        tokens = table.templates[template].split()
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


def rows_of(kinds: Kinds, members: Sequence[int]) -> np.ndarray:
    """Rows of some kinds together, in order."""
    return np.sort(np.concatenate([kinds.rows(kind) for kind in members]))
