"""Which windows of an unlabelled log are too far from the others to be learnt from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

SUPPORT = 0.01  # a window is normal when so many of the others are near it

MOST_TRIMMED = 0.10

MOST_VECTORS = 3000  # of distinct count vectors, the most frequent, that the support is measured on


def without_outliers(rows: Sequence[Sequence[str]]) -> list[bool]:
    """Whether each window's key counts have enough others near them to be called normal.

    The distance between two windows is the sum over the keys of the difference in counts, times the key's rarity (the
    logarithm of how many windows there are to one that has it). A window's remoteness is its distance to the
    `SUPPORT`-quantile of nearest others; the most remote tenth at most is left out, and only what is more remote than
    the window in the middle.
    """
    vectors = Counter(tuple(sorted(Counter(row).items())) for row in rows)
    if len(vectors) < 3:
        return [True] * len(rows)
    common = vectors.most_common(MOST_VECTORS)
    names = sorted({key for vector, _ in common for key, _ in vector})
    place = {key: i for i, key in enumerate(names)}
    table = np.zeros((len(common), len(names)), np.float32)
    weight = np.array([count for _, count in common], float)
    for row, (vector, _) in zip(table, common):
        for key, count in vector:
            row[place[key]] = count
    table *= (0.1 + np.log(weight.sum() / np.maximum((table > 0).T @ weight, 1e-9))).astype(np.float32)
    needed = max(math.ceil(SUPPORT * len(rows)), 2)
    remote = np.empty(len(common))
    for i, row in enumerate(table):
        distances = np.abs(table - row).sum(1)
        order = np.argsort(distances, kind="stable")
        remote[i] = distances[order[np.searchsorted(np.cumsum(weight[order]), min(needed, weight.sum()))]]
    middle = float(np.median(np.repeat(remote, weight.astype(int))))
    left_out: set[Any] = set()
    left = MOST_TRIMMED * len(rows)
    for i in np.argsort(-remote, kind="stable"):
        if remote[i] <= middle or weight[i] > left:
            break
        left -= weight[i]
        left_out.add(common[i][0])
    kept = {vector for vector, _ in common} - left_out
    return [tuple(sorted(Counter(row).items())) in kept for row in rows]
