"""Spell (Du, Li, ICDM 2016): templates by the longest common subsequence of words, for LogLLaMA's ablation of parsers.

A message joins the template that shares the longest subsequence of words with it, if that is at least half of the message's
words; what is not shared becomes a wildcard. Left out: the prefix tree and the inverted index, which only save time.
Filled in: messages are masked as for Drain beforehand, so that the two differ in their rule alone; a new message of a test
log is matched and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from logllm.hf_datasets import TemplateMiner, template_key
from logllm.hf_datasets.systems.rules import PARAMETER, DrainSettings

LEAST_SHARED = 0.5


def common(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """The longest common subsequence of two lists of words; a wildcard is no word.

    >>> common("open file a now".split(), "open the file b now".split())
    ['open', 'file', 'now']
    """
    lengths = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) - 1, -1, -1):
        for j in range(len(other) - 1, -1, -1):
            same = one[i] == other[j] and one[i] != PARAMETER
            lengths[i][j] = lengths[i + 1][j + 1] + 1 if same else max(lengths[i + 1][j], lengths[i][j + 1])
    found, i, j = [], 0, 0
    while i < len(one) and j < len(other):
        if one[i] == other[j] and one[i] != PARAMETER:
            found.append(one[i])
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def with_wildcards(words: Sequence[str], shared: Sequence[str]) -> list[str]:
    """`words` with one wildcard in the place of each run that is not shared.

    >>> with_wildcards("open the file b now".split(), ["open", "file", "now"])
    ['open', '<*>', 'file', '<*>', 'now']
    """
    result: list[str] = []
    left = list(shared)
    for word in words:
        if left and word == left[0]:
            result.append(left.pop(0))
        elif not result or result[-1] != PARAMETER:
            result.append(PARAMETER)
    return result


class SpellMiner:
    """Spell in the shape of `TemplateMiner`: `add` learns, `match` asks, `table` freezes.

    Args:
        settings: whose masks are applied first.
    """

    def __init__(self, settings: DrainSettings) -> None:
        self.mask = TemplateMiner(settings).mask
        self.settings = settings
        self.templates: list[list[str]] = []
        self._known: dict[str, int | None] = {}

    def add(self, message: str) -> None:
        """Learn a message."""
        text = self.mask(message)
        if text in self._known:
            return
        words = text.split()
        at = self._nearest(words)
        if at is None:
            self.templates.append(words)
            at = len(self.templates) - 1
        else:
            template = self.templates[at]
            self.templates[at] = with_wildcards(template, common(template, words))
        self._known[text] = at

    def match(self, message: str) -> str | None:
        """The key of a message, None where no template shares half of its words."""
        text = self.mask(message)
        if text not in self._known:
            self._known[text] = self._nearest(text.split())
        at = self._known[text]
        return None if at is None else template_key(" ".join(self.templates[at]))

    def table(self) -> dict[str, Any]:
        """A template table; keys only, a checkpoint could not match messages by it."""
        texts = dict.fromkeys(" ".join(words) for words in self.templates)
        drain = {"similarity": LEAST_SHARED, "depth": 3, "max_children": 100, "extra_delimiters": [], "masks": []}
        rows = [
            {"key": template_key(text), "text": text, "path": [str(len(text.split()))], "count": 1} for text in texts
        ]
        return {"version": 1, "drain": {**drain, "parameter": PARAMETER}, "templates": rows}

    def _nearest(self, words: Sequence[str]) -> int | None:
        best, most = None, 0
        for at, template in enumerate(self.templates):
            fixed = sum(word != PARAMETER for word in template)
            if fixed < LEAST_SHARED * len(words) or fixed <= most:
                continue
            shared = len(common(template, words))
            if shared > most and shared >= LEAST_SHARED * len(words):
                best, most = at, shared
        return best
