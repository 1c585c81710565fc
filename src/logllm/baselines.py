"""The two baselines that every result stands beside: pure functions of windows given as log keys.

`benchmarks/baselines/` has the rest; these two are here because `logllm demo` prints them.
"""

from collections.abc import Iterable, Sequence


def flag_everything(windows: Sequence[Sequence[str]]) -> list[float]:
    """Score every window 1: the floor below which a detector is worth nothing.

    >>> flag_everything([["a"], ["b"]])
    [1.0, 1.0]
    """
    return [1.0] * len(windows)


def new_template(training: Iterable[Sequence[str]], windows: Sequence[Sequence[str]]) -> list[float]:
    """Score a window by how many of its lines have a template that normal training windows never had ("" = none).

    >>> new_template([["a", "b"]], [["a"], ["a", "c", ""]])
    [0.0, 2.0]
    """
    known = {key for window in training for key in window} - {""}
    return [float(sum(key not in known for key in window)) for window in windows]
