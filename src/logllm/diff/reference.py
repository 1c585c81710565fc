"""What good runs say: which lines they hold, how often, and which of them is nearest to a given line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

_TOKEN = re.compile(r"[A-Za-z]+|0|[^\sA-Za-z0]")
_RAREST = 4  # a line's rarest tokens, by which its neighbours are looked up
_MOST_CANDIDATES = 200


@dataclass(slots=True)
class Neighbours:
    """Good lines by their tokens: the nearest one to a masked line, by the share of tokens that both have.

    Attributes:
        lines: distinct masked good lines.
    """

    lines: Sequence[str]
    _tokens: list[frozenset[str]] = field(init=False)
    _holders: dict[str, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self._tokens = [frozenset(_TOKEN.findall(line)) for line in self.lines]
        self._holders = {}
        for position, tokens in enumerate(self._tokens):
            for token in tokens:
                self._holders.setdefault(token, []).append(position)

    def nearest(self, line: str) -> tuple[float, int]:
        """The Jaccard index of the tokens with those of the nearest good line, and its position; (0, -1) for none."""
        tokens = frozenset(_TOKEN.findall(line))
        known = sorted((t for t in tokens if t in self._holders), key=lambda t: len(self._holders[t]))
        seen: Counter[int] = Counter()
        for token in known[:_RAREST]:
            seen.update(self._holders[token][:2000])
        best, where = 0.0, -1
        for position, _ in seen.most_common(_MOST_CANDIDATES):
            other = self._tokens[position]
            same = len(tokens & other) / len(tokens | other)
            if same > best:
                best, where = same, position
        return best, where
