"""What can be known of a regular expression from its parse tree: is it blind to digits, and does Rust say it the same.

Notes: `digit_blind` is the licence for the fast path. A pattern that never tells one ASCII digit from another gives
the same matches on a text and on the text with every digit written as 0, so whatever it decides about one line holds
for all lines that differ from it in digits only. `to_rust` writes the tree in the dialect of polars' engine for texts
of printable ASCII, and gives up (None) on anything whose meaning might differ there. The trees are Python's own
(`re._parser`, whose node names have been the same since 3.11).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import polars as pl

_DIGITS = range(ord("0"), ord("9") + 1)
_ASCII = range(32, 127)
# What a category holds of printable ASCII and the tab: plain ranges run several times faster in Rust than Unicode's.
_RUST_CATEGORIES = {
    sre.CATEGORY_DIGIT: "0-9",
    sre.CATEGORY_NOT_DIGIT: r"\t -/:-~",
    sre.CATEGORY_SPACE: r"\t ",
    sre.CATEGORY_NOT_SPACE: "!-~",
    sre.CATEGORY_WORD: "0-9A-Z_a-z",
    sre.CATEGORY_NOT_WORD: r"\t -/:-@\[-\^`{-~",
}
_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}
_PLACES = {
    sre.AT_BEGINNING: "^",
    sre.AT_BEGINNING_STRING: r"\A",
    sre.AT_END: "$",
    sre.AT_END_STRING: r"\z",
    sre.AT_BOUNDARY: r"(?-u:\b)",
    sre.AT_NON_BOUNDARY: r"\B",
}


@lru_cache(maxsize=256)
def digit_blind(pattern: str) -> bool:
    r"""Whether no part of the pattern tells one ASCII digit from another.

    >>> digit_blind(r"[0-9a-f]+"), digit_blind(r"0x[0-9a-f]+"), digit_blind(r"[1-9]"), digit_blind(r"([a-z])\1")
    (True, False, False, False)
    """
    return _blind(_parser.parse(pattern))


def all_digit_blind(patterns: Iterable[str]) -> bool:
    """Whether every one of the patterns is blind to digits."""
    return all(digit_blind(pattern) for pattern in patterns)


def _blind(nodes: Any) -> bool:
    for kind, value in nodes:
        if kind in (sre.LITERAL, sre.NOT_LITERAL):
            if value in _DIGITS:
                return False
        elif kind is sre.IN:
            held = [_holds(value, digit) for digit in _DIGITS]
            if any(held) != all(held):
                return False
        elif kind in (sre.GROUPREF, sre.GROUPREF_EXISTS, sre.GROUPREF_IGNORE):
            return False
        elif not all(_blind(child) for child in _children(kind, value)):
            return False
    return True


def _children(kind: Any, value: Any) -> Sequence[Any]:
    """The sub-patterns of a node; a kind that is not known here has itself as child, and is refused by `_blind`."""
    if kind is sre.SUBPATTERN:
        return [value[-1]]
    if kind is sre.BRANCH:
        return value[1]
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return [value[2]]
    if kind in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    if kind is sre.ATOMIC_GROUP:
        return [value]
    if kind in (sre.ANY, sre.AT):
        return []
    return [[(sre.GROUPREF, 0)]]


def _holds(members: Any, code: int) -> bool:
    """Whether a character class holds a character, given by its code."""
    found = negated = False
    for kind, value in members:
        if kind is sre.NEGATE:
            negated = True
        elif kind is sre.LITERAL:
            found |= value == code
        elif kind is sre.RANGE:
            found |= value[0] <= code <= value[1]
        else:
            found |= re.match(_CATEGORIES[value], chr(code)) is not None
    return found != negated


@lru_cache(maxsize=256)
def to_rust(pattern: str) -> str | None:
    r"""The pattern for the Rust engine, with the same matches in printable ASCII; None where that is not certain.

    >>> to_rust(r"[a-z.]*+\d"), to_rust(r"(?<!\w)\d+")
    ('[a-z\\.]*[0-9]', None)
    """
    tree = _parser.parse(pattern)
    if tree.state.flags & ~(sre.SRE_FLAG_UNICODE):
        return None
    try:
        written = _rust(list(tree))
        pl.Series([""]).str.contains(written)
    except (KeyError, pl.exceptions.ComputeError):  # a node without a sure counterpart; too large when compiled
        return None
    return written


def _rust(nodes: list[Any]) -> str:
    return "".join(_rust_node(node, nodes[at + 1 :]) for at, node in enumerate(nodes))


def _rust_node(node: Any, rest: list[Any]) -> str:
    kind, value = node
    if kind is sre.LITERAL:
        return re.escape(_plain(value))
    if kind is sre.NOT_LITERAL:
        return f"[^{re.escape(_plain(value))}]"
    if kind is sre.ANY:
        return r"[\t -~]"
    if kind is sre.IN:
        return _rust_class(value)
    if kind is sre.AT:
        return _PLACES[value]
    if kind is sre.BRANCH:
        return f"(?:{'|'.join(_rust(list(branch)) for branch in value[1])})"
    if kind is sre.SUBPATTERN:
        group, added, removed, inner = value
        if added or removed:
            raise KeyError(kind)
        return f"{'(?:' if group is None else '('}{_rust(list(inner))})"
    if kind is sre.POSSESSIVE_REPEAT and not _never_given_back(value[2], rest):
        raise KeyError(kind)
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        low, high, inner = value
        count = {(0, sre.MAXREPEAT): "*", (1, sre.MAXREPEAT): "+", (0, 1): "?"}.get((low, high))
        if count is None:
            count = f"{{{low},{'' if high is sre.MAXREPEAT else high}}}"
        body = _rust(list(inner))
        single = len(inner) == 1 and inner[0][0] in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN, sre.SUBPATTERN)
        return (body if single else f"(?:{body})") + count + ("?" if kind is sre.MIN_REPEAT else "")
    raise KeyError(kind)


def _plain(code: int) -> str:
    if code > 126:
        raise KeyError(code)
    return chr(code)


def _rust_class(members: Any) -> str:
    parts = []
    for kind, value in members:
        if kind is sre.NEGATE:
            parts.append("^")
        elif kind is sre.LITERAL:
            parts.append(re.escape(_plain(value)))
        elif kind is sre.RANGE:
            parts.append(f"{re.escape(_plain(value[0]))}-{re.escape(_plain(value[1]))}")
        else:
            parts.append(_RUST_CATEGORIES[value])
    return f"[{''.join(parts)}]"


def _never_given_back(repeated: Any, rest: list[Any]) -> bool:
    """Whether a possessive repeat of one class is followed by a character outside it, so that greedy means the same."""
    if len(repeated) != 1:
        return False
    ours, following = _codes(repeated[0]), _first(rest)
    return ours is not None and following is not None and not ours & following


def _first(nodes: Any) -> set[int] | None:
    """The characters that a match of these nodes can begin with; None where that is not known, or it may be empty."""
    found: set[int] = set()
    for kind, value in nodes:
        inner = None
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            inner = _first(value[2])
        elif kind is sre.SUBPATTERN:
            inner = _first(value[-1])
        else:
            inner = _codes((kind, value))
        if inner is None:
            return None
        found |= inner
        if not (kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT) and value[0] == 0):
            return found
    return None


def _codes(node: Any) -> set[int] | None:
    """The characters of a node that is one character."""
    kind, value = node
    if kind is sre.LITERAL:
        return {value}
    if kind is sre.IN:
        return {code for code in _ASCII if _holds(value, code)}
    return None
