"""Templates that hide words: Drain merges "job 7 begun" and "job 7 ended" where the rest of the line is alike.

A slot of a template that holds a few different words, and hardly anything else, is no parameter: the template is split by
its words. A word that such a slot holds once ("backup ok" two hundred times, "backup failed" once) becomes a template of
its own, and so can be told as new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from logllm.hf_datasets.events.masks import mask_message

from .table import EventTable

MOST_WORDS = 12
LEAST_EVENTS = 20
LEAST_COVERED = 0.97  # share of the events of the template that have a word there


def split_by_words(table: EventTable, messages: Sequence[str]) -> EventTable:
    """The table with templates split by the words of their slots; the table itself where there is nothing to split.

    Args:
        table: the events.
        messages: text of each row.
    """
    template = table.template
    counts = np.bincount(template, minlength=len(table.templates))
    texts = list(table.templates)
    place = {text: at for at, text in enumerate(texts)}
    changed = False
    todo = [one for one in np.flatnonzero(counts >= LEAST_EVENTS).tolist() if "<*>" in texts[one].split()]
    for one in todo:
        rows = np.flatnonzero(template == one)
        tokens = texts[one].split()
        slots = [at for at, token in enumerate(tokens) if token == "<*>"]
        split = [messages[row].split() for row in rows.tolist()]
        # Where a parameter holds blanks, as a time may, the words are counted as the masks see them.
        split = [
            words if len(words) == len(tokens) else mask_message(messages[row]).split()
            for row, words in zip(rows.tolist(), split)
        ]
        fitting = [len(words) == len(tokens) for words in split]
        if sum(fitting) < LEAST_COVERED * len(rows):
            continue
        names = [list(tokens) for _ in split]
        for slot in slots:
            held = Counter(words[slot] for words, fits in zip(split, fitting) if fits and _is_word(words[slot]))
            if not held or sum(held.values()) < LEAST_COVERED * len(rows):
                continue
            if not 2 <= len(held) <= min(MOST_WORDS, max(3, len(rows) // 15)):
                continue
            for words, fits, name in zip(split, fitting, names):
                if fits and _is_word(words[slot]):
                    name[slot] = words[slot]
            changed = True
        if changed:
            for row, name in zip(rows.tolist(), names):
                text = " ".join(name)
                if text not in place:
                    place[text] = len(texts)
                    texts.append(text)
                template[row] = place[text]
    return table.with_templates(template, texts) if changed else table


def _is_word(token: str) -> bool:
    """Whether a token names something: letters only, but for signs around them.

    >>> _is_word("begun,"), _is_word("7f3a"), _is_word("[]")
    (True, False, False)
    """
    return (
        len(token) <= 40
        and not any(letter.isdigit() for letter in token)
        and any(letter.isalpha() for letter in token)
    )
