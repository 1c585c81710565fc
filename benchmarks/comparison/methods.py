"""Every method of the bench as a row: what it reads, what it learns from, and how it is made.

Notes: A method is any object with `fit(windows[, labels])` and `score(windows)`; a window is a list of texts, and the
row says which texts: log keys, masked messages, or message contents. `line_scores(windows)`, where a method has it, says
how suspicious each line is. Modules are imported when a row is made: torch is not needed for a decision tree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

FIVE = (0, 1, 2, 3, 4)
THREE = (0, 1, 2)
ONE = (0,)


@dataclass(frozen=True)
class Method:
    """One row.

    `learns` is "labels" (all training windows with labels), "normal" (normal windows only), "some" (all windows, of
    which the method may use the normal labels only) or "nothing". `fixed` is the threshold of a rule that has one. `undecided` is
    where a supervised score leaves open which class it is. Deterministic methods have one seed.
    """

    name: str
    make: Callable[[Any, int], Any]
    reads: str = "keys"
    learns: str = "normal"
    seeds: tuple[int, ...] = ONE
    fixed: float | None = None
    undecided: float = 0.5
    kind: str = "simple"  # or "paper" (re-implemented from its paper), "ours"
    published: tuple[float | None, ...] = (None, None, None, None)  # F1 HDFS, BGL, Thunderbird, Liberty
    reduced: bool = False  # smaller than in its paper, or a part is left out: the module's docstring says which

    @property
    def shown(self) -> str:
        """The name in tables."""
        return f"{self.name} (reduced)" if self.reduced else self.name


def of(module: str, name: str, *arguments: Any, seeded: bool = False) -> Callable[[Any, int], Any]:
    """Make `benchmarks.baselines.MODULE.NAME(*arguments)`, with the seed where it takes one."""

    def make(split: Any, seed: int) -> Any:
        kind = getattr(import_module(f"benchmarks.baselines.{module}"), name)
        return kind(*arguments, seed=seed) if seeded else kind(*arguments)

    return make


def nearest_template(module: str, name: str) -> Callable[[Any, int], Any]:
    """A count baseline behind nearest templates."""

    def make(split: Any, seed: int) -> Any:
        from benchmarks.baselines.nearest_template import NearestTemplate

        return NearestTemplate(of(module, name)(split, seed))

    return make


def validation_known(make: Callable[[Any, int], Any]) -> Callable[[Any, int], Any]:
    """A rule with its own threshold, which knows the normal validation windows as well, as LogLLaMA's counts do."""

    def made(split: Any, seed: int) -> Any:
        rule = make(split, seed)
        fit, known = rule.fit, split.validation.normal().keys
        rule.fit = lambda windows, labels=None: fit([*windows, *known])
        return rule

    return made


def trained(family: str, **settings: Any) -> Callable[[Any, int], Any]:
    """One of our own detectors."""

    def make(split: Any, seed: int) -> Any:
        from benchmarks.comparison.own_detectors import TrainedDetector

        return TrainedDetector(family, split, seed, **settings)

    return make


# Published F1: LogLLM's Table II (arXiv 2411.08561v4) and LogLLaMA's (arXiv 2503.14849).
METHODS = (
    Method("flag everything", of("flag_everything", "FlagEverything"), learns="nothing", fixed=0.5),
    Method("session length", of("session_length", "SessionLength"), fixed=0.0),
    Method("new template", of("new_template", "NewTemplate"), fixed=0.5),
    Method("new masked line", of("new_template", "NewTemplate"), reads="masked", fixed=0.5),
    Method("2-gram of keys never seen", of("unseen_grams", "UnseenGrams", 2), fixed=0.5),
    Method("3-gram of keys never seen", of("unseen_grams", "UnseenGrams", 3), fixed=0.5),
    Method("a count vector never seen", of("unseen_counts", "UnseenCounts"), fixed=0.5),
    Method(
        "a count vector never seen, nor in validation", validation_known(of("unseen_counts", "UnseenCounts")), fixed=0.5,
    ),
    Method("nearest normal count vector", of("nearest_counts", "NearestCounts")),
    Method("nearest normal count vector, idf", of("nearest_counts", "NearestCounts", True)),
    Method("clusters of count vectors, idf", of("count_clusters", "CountClusters")),
    Method("isolation forest", of("isolation_forest", "IsolatedCounts", seeded=True), seeds=FIVE),
    Method("PCA", of("pca", "OutsideSubspace")),
    Method("one-class SVM", of("one_class_svm", "OneClass")),
    Method("nearest template, then counts", nearest_template("nearest_counts", "NearestCounts"), reads="masked"),
    Method("decision tree on counts", of("decision_tree", "TreeOnCounts", seeded=True), learns="labels", seeds=FIVE),
    Method("logistic regression on counts", of("logistic_counts", "LogisticOnCounts"), learns="labels"),
    Method("nearest neighbours on counts", of("knn_counts", "NeighboursOnCounts"), learns="labels"),
    Method("TF-IDF + logistic regression", of("tfidf_logistic", "TextLogistic"), reads="masked", learns="labels"),
    Method("table of masked lines", of("masked_lines", "MaskedLines"), reads="masked", learns="labels"),
    Method(
        "nearest template, then decision tree", nearest_template("decision_tree", "TreeOnCounts"), reads="masked",
        learns="labels",
    ),
    Method("DeepLog", of("deeplog", "DeepLog", False, seeded=True), seeds=FIVE, reduced=True, kind="paper", published=(0.908, 0.285, 0.033, 0.800)),
    Method("DeepLog, end of session as a key", of("deeplog", "DeepLog", True, seeded=True), seeds=FIVE, reduced=True, kind="paper"),
    Method("DeepLog, short sessions flagged", of("deeplog", "DeepLog", False, True, seeded=True), seeds=THREE, reduced=True, kind="paper"),
    Method(
        "LogAnomaly", of("loganomaly", "LogAnomaly", False, seeded=True), reads="masked", seeds=FIVE, reduced=True, kind="paper",
        published=(0.966, 0.299, 0.050, 0.768),
    ),
    Method("LogBERT", of("logbert", "LogBERT", seeded=True), seeds=FIVE, reduced=True, kind="paper", published=(0.758, 0.283, 0.039, 0.744)),
    Method("FastLogAD", of("fastlogad", "FastLogAD", seeded=True), seeds=FIVE, reduced=True, kind="paper", published=(0.798, 0.287, 0.017, 0.263)),
    Method("RAPID", of("rapid", "RAPID"), reads="masked", reduced=True, kind="paper", published=(0.924, 0.548, 0.203, 0.732)),
    Method(
        "PLELog", of("plelog", "PLELog", seeded=True), reads="masked", learns="some", seeds=FIVE, reduced=True, kind="paper",
        published=(0.934, 0.710, 0.764, 0.832),
    ),
    Method(
        "LogRobust", of("logrobust", "LogRobust", seeded=True), reads="masked", learns="labels", seeds=FIVE, reduced=True, kind="paper",
        published=(0.980, 0.810, 0.482, 0.813),
    ),
    Method("CNN", of("cnn", "CNN", seeded=True), learns="labels", seeds=FIVE, reduced=True, kind="paper", published=(0.982, 0.810, 0.769, 0.709)),
    Method(
        "NeuralLog", of("neurallog", "NeuralLog", seeded=True), reads="masked", learns="labels", seeds=FIVE, reduced=True, kind="paper",
        published=(0.979, 0.835, 0.857, 0.900),
    ),
    Method(
        "LogLLaMA, tiny", trained("logllama"), seeds=FIVE, kind="ours",
        published=(0.974, 0.959, 0.894, None),
    ),
    Method(
        "LogLLM, tiny", trained("logllm"), reads="lines", learns="labels", seeds=FIVE, undecided=0.0, kind="ours",
        published=(0.997, 0.916, 0.966, 0.958),
    ),
    Method(
        "LogLLM, laptop", trained("logllm", preset="laptop"), reads="lines", learns="labels", seeds=THREE,
        undecided=0.0, kind="ours",
    ),
)  # fmt: skip
BY_NAME = {method.name: method for method in METHODS}
