"""Which windows are for training, validation and test: pure functions, with nothing random that a library could change.

Odd here: the paper shuffles HDFS sessions with a seed; we order them by the SHA-256 of "SEED:SESSION", which is as good
a shuffle and the same on every machine, in every version of every library, and whichever other sessions are there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from .errors import LogInputError
from .rules import WindowRule
from .windows import Window


def check_shares(train_share: float, validation_share: float) -> None:
    """Raise `LogInputError` unless both shares are possible."""
    if not 0 < train_share <= 1:
        raise LogInputError(f"train_share must lie above 0 and at most at 1; found {train_share}. Use .8, say.")
    if not 0 <= validation_share < 1:
        raise LogInputError(f"validation_share must be at least 0 and below 1; found {validation_share}. Use .1, say.")


def shuffled(session_ids: Sequence[str], seed: int) -> list[int]:
    """The positions of the sessions in shuffled order.

    >>> shuffled(["blk_1", "blk_2", "blk_3"], 42)
    [0, 2, 1]
    """
    marks = [hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogatepass")).digest() for name in session_ids]
    return sorted(range(len(marks)), key=marks.__getitem__)


def split_positions(order: Sequence[int], train_share: float, validation_share: float) -> dict[str, list[int]]:
    """Cut an order of windows: first train, its tail validation, then test; each part sorted again by position."""
    cut = int(len(order) * train_share)
    held = round(cut * validation_share)
    parts = {"train": order[: cut - held], "validation": order[cut - held : cut], "test": order[cut:]}
    return {name: sorted(part) for name, part in parts.items()}


def hold_out(windows: list[Window], share: float, rule: WindowRule) -> tuple[list[Window], list[Window]]:
    """(train, validation): the tail of the windows is held out, one window apart where windows overlap."""
    held = round(len(windows) * share)
    train, validation = windows[: len(windows) - held], windows[len(windows) - held :]
    if rule.overlaps and train and validation:
        validation = after_gap(validation, train[-1], rule)
    return train, validation


def after_gap(windows: list[Window], last: Window, rule: WindowRule) -> list[Window]:
    """The windows that begin at least one window (lines, or seconds) after `last` ends."""
    if rule.kind == "time":
        end = last.last_timestamp
        if end is None:
            return windows
        return [one for one in windows if one.first_timestamp is None or one.first_timestamp > end + rule.size]
    return [one for one in windows if one.line_numbers[0] > last.line_numbers[-1] + int(rule.size)]
