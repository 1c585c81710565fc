"""Templates that hide words: Drain merges "job 7 begun" and "job 7 ended" where the rest of the line is alike.

A slot of a template that holds a few different words, and hardly anything else, is no parameter: the template is split by
its words. A word that such a slot holds once ("backup ok" two hundred times, "backup failed" once) becomes a template of
its own, and so can be told as new.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from logllm.hf_datasets.events.masks import mask_message

from .facets import STATUS_NAMES, changes_for_good
from .table import EventTable

MOST_WORDS = 12
LEAST_EVENTS = 20
LEAST_COVERED = 0.97  # share of the events of the template that have a word there


MANY_VALUES = 20  # templates that differ in one token only, from which on that token is a parameter
FEW_EVENTS = 3
_MIXED = re.compile(
    r"(?=\S*\d)(?=\S*[^\W\d_])(?![A-Z]{1,8}-?\d+\W*$)\S+"
)  # letters and digits, but no code such as E91
_NAMED = re.compile(r"[A-Za-z_][\w.-]*[=:]")


def merge_parameters(table: EventTable) -> EventTable:
    """The table with templates merged that differ in a name such as `bifo4` only, which no mask takes for a parameter.

    A rare template joins the one that has a parameter in place of the name; many templates that differ in it alone join
    each other.
    """
    counts = np.bincount(table.template, minlength=len(table.templates))
    place = {text: at for at, text in enumerate(table.templates)}
    alike: dict[str, list[int]] = {}
    target: dict[int, str] = {}
    for one in np.flatnonzero(counts).tolist():
        tokens = table.templates[one].split()
        if len(tokens) < 2:
            continue
        for at, token in enumerate(tokens):
            if not _MIXED.fullmatch(token) or "<*>" in token:
                continue
            named = _NAMED.match(token)
            text = " ".join([*tokens[:at], (named[0] if named else "") + "<*>", *tokens[at + 1 :]])
            bare = " ".join([*tokens[:at], "<*>", *tokens[at + 1 :]])
            alike.setdefault(text, []).append(one)
            for known in (text, bare):
                if counts[one] <= FEW_EVENTS and known in place and counts[place[known]] > FEW_EVENTS:
                    target.setdefault(one, known)
    for text, members in alike.items():
        if len(members) >= MANY_VALUES:
            target.update(dict.fromkeys((one for one in members if one not in target), text))
    if not target:
        return table
    texts = list(table.templates)
    same = np.arange(len(texts), dtype=np.int32)
    for one, text in target.items():
        if text not in place:
            place[text] = len(texts)
            texts.append(text)
        same[one] = place[text]
    return table.with_templates(same[table.template], texts)


MOST_SHAPES = 40


def name_shapes(table: EventTable, rows: Sequence[int], fields: Sequence[dict[str, str]]) -> EventTable:
    """The table with templates for records whose message has no word: their keys, and values where those are few.

    Args:
        table: the events.
        rows: the rows that are structured records.
        fields: fields of each row of the table.
    """
    template = table.template
    wordless = np.array([not text.replace("<*>", "").strip() for text in table.templates] or [False])
    nameless = [row for row in rows if wordless[template[row]] and fields[row]]
    if not nameless:
        return table
    texts = list(table.templates)
    for keys, members in rows_by_keys(nameless, fields):
        told: list[str] = []  # keys of few values, as long as their combinations repeat
        for key in sorted(keys, key=lambda key: len({fields[row][key] for row in members})):
            if not _is_sort({row: fields[row][key] for row in members}, key in STATUS_NAMES):
                continue
            shapes = {tuple(fields[row][one] for one in (*told, key)) for row in members}
            if len(shapes) > min(MOST_SHAPES, max(len(members) // LEAST_EVENTS, 1)):
                continue
            told.append(key)
        place: dict[str, int] = {}
        for row in members:
            text = " ".join(f"{key}={fields[row][key] if key in told else '<*>'}" for key in keys)
            if text not in place:
                place[text] = len(texts)
                texts.append("{ " + text + " }")
            template[row] = place[text]
    return table.with_templates(template, texts)


LEAST_RECORDS = 60


def rows_by_keys(rows: Sequence[int], fields: Sequence[dict[str, str]]) -> list[tuple[list[str], list[int]]]:
    """(keys, rows in order) of the records with the same keys; few records join those whose keys they extend."""
    by_keys: dict[frozenset[str], list[int]] = {}
    for row in rows:
        by_keys.setdefault(frozenset(fields[row]), []).append(row)
    common = [keys for keys, members in by_keys.items() if len(members) >= LEAST_RECORDS]
    for keys, members in list(by_keys.items()):
        base = max((one for one in common if one < keys), key=len, default=None)
        if len(members) < LEAST_RECORDS and base is not None:
            by_keys[base] += by_keys.pop(keys)
    return [(sorted(keys), sorted(members)) for keys, members in by_keys.items()]


def _is_sort(values: dict[int, str], status: bool) -> bool:
    """Whether the values of a key (by row, in order) tell of what sort a record is: a status, or a few words that come all along."""
    rows: dict[str, list[int]] = {}
    for row, value in values.items():
        rows.setdefault(value, []).append(row)
        if len(rows) > MOST_SHAPES:
            return False
    if status:
        return True
    least = min(map(len, rows.values()))
    words = all(any(letter.isalpha() for letter in value) for value in rows)
    return words and least >= len(values) / 100 and not changes_for_good(rows.values())


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
