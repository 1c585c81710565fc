"""Train the rankers of `logllm diff` on labelled pairs and write them as JSON into the package.

    python -m benchmarks diff.train [--pairs DIR]

Every pair weighs the same within its project, and a project with n pairs weighs sqrt(n) times as much as one with one
pair, so that one workflow with many runs does not decide alone. Needs scikit-learn (`pip install logllm[bench]`); what it writes is evaluated with numpy.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.diff.pairs import Described, describe, read_pairs, shared
from logllm.diff.ranker import AGAINST_GOOD, ALONE, Ranker

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "logllm" / "diff"
SEEDS = (0, 1, 2)
SETTINGS: dict[str, Any] = {
    "n_estimators": 250, "max_depth": 2, "learning_rate": 0.08, "subsample": 0.5, "max_features": 0.1, "min_samples_leaf": 15,
}  # fmt: skip
# A stack trace of 2,000 lines must not outweigh everything else: so many lines of each class count fully in a pair.
MOST_WANTED, MOST_OTHERS = 40, 80


def weights(item: Described, pairs_of_project: int) -> NDArray[np.float64]:
    """`(rows,)`: the weight of each candidate line of a pair."""
    wanted = item.pair.wanted[item.rows]
    weight = np.where(
        wanted, min(1.0, MOST_WANTED / max(1, wanted.sum())), min(1.0, MOST_OTHERS / max(1, (~wanted).sum()))
    )
    return weight / np.sqrt(pairs_of_project)


def train(items: list[Described], seeds: tuple[int, ...] = SEEDS) -> Ranker:
    """One ranker: the mean of the log-odds of an ensemble of each seed."""
    from sklearn.ensemble import GradientBoostingClassifier

    count = Counter(item.pair.project for item in items)
    values = np.concatenate([item.values for item in items])
    wanted = np.concatenate([item.pair.wanted[item.rows] for item in items])
    weight = np.concatenate([weights(item, count[item.pair.project]) for item in items])
    columns, thresholds, leaves, base = [], [], [], 0.0
    for seed in seeds:
        model = GradientBoostingClassifier(random_state=seed, **SETTINGS).fit(values, wanted, sample_weight=weight)
        prior = model.init_.class_prior_[1]
        base += float(np.log(prior / (1 - prior))) / len(seeds)
        for (tree,) in model.estimators_:
            column, threshold, leaf = _as_depth_two(tree.tree_)
            columns.append(column)
            thresholds.append(threshold)
            leaves.append([v * model.learning_rate / len(seeds) for v in leaf])
    return Ranker(items[0].names, base, np.array(columns), np.array(thresholds), np.array(leaves))


def _as_depth_two(tree: Any) -> tuple[list[int], list[float], list[float]]:
    """A fitted tree as root, two children and four leaves; a branch that ends early gives both its leaves one value."""
    column, threshold, leaf = [0, 0, 0], [0.0, 0.0, 0.0], [0.0] * 4

    def value(node: int) -> float:
        return float(tree.value[node].ravel()[0])

    if tree.children_left[0] < 0:
        return column, threshold, [value(0)] * 4
    column[0], threshold[0] = int(tree.feature[0]), float(tree.threshold[0])
    for side, node in enumerate((tree.children_left[0], tree.children_right[0])):
        low, high = tree.children_left[node], tree.children_right[node]
        if low < 0:
            leaf[2 * side] = leaf[2 * side + 1] = value(node)
            continue
        column[side + 1], threshold[side + 1] = int(tree.feature[node]), float(tree.threshold[node])
        leaf[2 * side], leaf[2 * side + 1] = value(low), value(high)
    return column, threshold, leaf


def main() -> None:
    """Train on all pairs and write both rankers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, default=shared("cidiff") / "pairs")
    arguments = parser.parse_args()
    pairs = read_pairs(arguments.pairs)
    for name, alone in ((AGAINST_GOOD, False), (ALONE, True)):
        items = [describe(pair, alone) for pair in pairs]
        ranker = train(items)
        path = PACKAGE / f"ranker_{name}.json"
        path.write_text(json.dumps(ranker.to_json(), separators=(",", ":")) + "\n", "utf-8")
        sys.stdout.write(f"{path.name}: {len(ranker.column)} trees from {len(pairs)} pairs\n")


if __name__ == "__main__":
    main()
