"""The robustness tables: `python benchmarks/bench_robustness.py [TABLE ...]`, resumable like the bench.

Peculiar here:
- windows: BGL and Thunderbird cut anew into 20, 50, 100, 200 lines and 60 seconds; each size has its own split, so only
  the order of the methods may be compared down a column, not the figures.
- contamination: 0, 1 and 5 % of the windows that a method takes for normal are anomalous, in training and in what sets
  the threshold alike: who cannot clean the one cannot clean the other. The number of normal windows stays the same.
- unseen system: everything is learnt on one system, threshold included, and judged on another's test part.
- label noise: no method at all; how many windows have a twin of the other label, and the best F1 that any function of the
  window's keys, masked lines or counts could reach.
- unstable: test templates reworded (`rewording.py`), training untouched.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import HERE, MOST_SECONDS, OtherWindows, certificate, in_a_process
from bench_judging import judge
from bench_methods import BY_NAME
from bench_systems import (
    HDFS,
    RECIPES,
    Part,
    Recipe,
    Split,
    build_split,
    data_folder,
    load_split,
    raw_files,
    split_file,
)
from tqdm import tqdm

FILE = "bench_robustness.json"
SHORT = ("precision", "recall", "f1", "best_f1", "auroc", "pr_auc", "tp", "fp", "fn", "tn")
SIZES = (("fixed", 20), ("fixed", 50), ("fixed", 100), ("fixed", 200), ("time", 60))
SHARES = (0.0, 0.01, 0.05)
REWORDED = (0.0, 0.05, 0.1, 0.2, 1.0)
CLEAN_TRAIN, CLEAN_VALIDATION = 3000, 380

WINDOW_METHODS = (
    "flag everything", "new template", "nearest normal count vector, idf", "3-gram of keys never seen",
    "decision tree on counts", "TF-IDF + logistic regression", "table of masked lines", "CNN",
)  # fmt: skip
NORMAL_METHODS = (
    "new template", "3-gram of keys never seen", "a count vector never seen", "nearest normal count vector, idf",
    "clusters of count vectors, idf", "isolation forest", "PCA", "one-class SVM", "DeepLog, end of session as a key",
    "LogBERT", "FastLogAD", "RAPID", "LogLLaMA, tiny",
)  # fmt: skip
TEXT_METHODS = (
    "flag everything", "new masked line", "TF-IDF + logistic regression", "table of masked lines", "RAPID", "NeuralLog",
    "LogRobust", "LogLLM, tiny", "LogLLM, pretrained encoder",
)  # fmt: skip
UNSTABLE_METHODS = (
    "new template", "a count vector never seen", "nearest normal count vector, idf", "decision tree on counts",
    "TF-IDF + logistic regression", "nearest template, then counts", "nearest template, then decision tree", "CNN",
    "LogRobust", "NeuralLog", "RAPID", "LogLLM, tiny", "LogLLM, pretrained encoder",
)  # fmt: skip

# (table, setting, method or "", seed) -> what is run
Job = tuple[str, str, str, int, Callable[[], dict[str, Any]]]


def built(recipe: Recipe, work: Path) -> Split:
    """The recipe's windows, built where they are not yet."""
    file = split_file(recipe, data_folder(), work)
    if not file.exists():
        made = in_a_process(lambda: build_split(recipe, data_folder(), file) or {}, MOST_SECONDS, None)
        if made["status"] != "ok":
            raise RuntimeError(f"the windows of {recipe.name} must be built, found: {made.get('error')}")
    return load_split(file)


def judged(method: str, split: Split, seed: int, test: Part | None = None) -> dict[str, Any]:
    """The short metrics of a method on a split."""
    found = judge(BY_NAME[method], split, seed, test)
    return {"metrics": {name: found["metrics"][name] for name in SHORT}, "fit_cpu_seconds": found["fit_cpu_seconds"]}


def windows(work: Path) -> Iterator[tuple[str, str, Split, Callable[[str, int], dict[str, Any]], Sequence[str]]]:
    """Table: window sizes."""
    for name in ("bgl", "thunderbird"):
        for kind, size in SIZES:
            split = built(replace(RECIPES[name], window=(kind, size)), work)
            setting = f"{name}, {size} {'lines' if kind == 'fixed' else 's'}"
            yield "windows", setting, split, lambda m, s, k=split: judged(m, k, s), WINDOW_METHODS


def contaminated(split: Split, share: float, seed: int = 0) -> Split:
    """A share of anomalous windows among those taken for normal, in training and validation; labels all 0."""
    rng = random.Random(seed)
    parts = dict(split.parts)
    for name, clean in (("train", CLEAN_TRAIN), ("validation", CLEAN_VALIDATION)):
        part = split.parts[name]
        normal = [i for i, label in enumerate(part.labels) if label == 0]
        bad = [i for i, label in enumerate(part.labels) if label == 1]
        kept = min(clean, len(normal))
        wanted = round(share * kept / (1 - share))
        if wanted > len(bad):
            raise ValueError(
                f"{name} must hold {wanted} anomalous windows for a share of {share:.0%}, found {len(bad)}"
            )
        taken = part.taken(sorted(rng.sample(normal, kept) + rng.sample(bad, wanted)))
        parts[name] = replace(taken, labels=[0] * len(taken))
    return replace(split, parts=parts)


def contamination(work: Path) -> Iterator[Any]:
    """Table: training contaminated."""
    split = built(RECIPES["hdfs_random"], work)
    for share in SHARES:
        dirty = contaminated(split, share)
        yield "contamination", f"{share:.0%}", split, lambda m, s, k=dirty: judged(m, k, s), NORMAL_METHODS


def unseen_system(work: Path) -> Iterator[Any]:
    """Table: learnt on one system, judged on another."""
    names = ("bgl", "thunderbird", "hdfs_random")
    splits = {name: built(RECIPES[name], work) for name in names}
    for source in names:
        for target in names:
            if source != target:
                made = splits[source]
                run = lambda m, s, a=made, b=splits[target].test: judged(m, a, s, b)  # noqa: E731
                yield "unseen system", f"{source} to {target}", splits[target], run, TEXT_METHODS


def unstable(work: Path) -> Iterator[Any]:
    """Table: a share of the test templates reworded. The rewording is the reproduction's own (`rewording.py`)."""
    try:
        from rewording import reword_templates
    except ImportError:
        print("unstable: skipped, there is no rewording.py")
        return
    from logllm.modeling_logllm.masking import mask_message

    split = built(RECIPES["hdfs_random"], work)
    matcher = Keys(split)
    for share in REWORDED:
        lines = reword_windows(reword_templates, split, share)
        masked = [[mask_message(line) for line in window] for window in lines]
        keys = [[matcher(line) for line in window] for window in lines]
        test = replace(split.test, lines=lines, masked=masked, keys=keys)
        yield "unstable", f"{share:.0%}", split, lambda m, s, k=test: judged(m, split, s, k), UNSTABLE_METHODS


class Keys:
    """A message's key by the split's frozen template table, "" where none fits."""

    def __init__(self, split: Split):
        from logllm.modeling_logllm import TemplateMatcher

        self.matcher, self.known = TemplateMatcher(split.table), {}

    def __call__(self, line: str) -> str:
        """A message's key."""
        if line not in self.known:
            self.known[line] = self.matcher.key(line) or ""
        return self.known[line]


def reword_windows(reword: Any, split: Split, share: float) -> list[list[str]]:
    """The test windows with a share of the log's templates reworded."""
    if share == 0:
        return split.test.lines
    return reword(split.test.lines, split.table, share, seed=0)


def label_noise(split: Split) -> dict[str, Any]:
    """Windows that have a twin of the other label, and the best F1 of any function of what is the same in twins."""
    from logllm.trainers.metrics import best_f1_threshold, detection_metrics

    whole = list(split.parts.values())
    labels = [label for part in whole for label in part.labels]
    views = {
        "keys": [tuple(window) for part in whole for window in part.keys],
        "masked lines": [tuple(window) for part in whole for window in part.masked],
        "counts of keys": [tuple(sorted(Counter(window).items())) for part in whole for window in part.keys],
    }
    found = {}
    for name, seen in views.items():
        of: dict[Any, list[int]] = defaultdict(list)
        for key, label in zip(seen, labels):
            of[key].append(label)
        both = [twins for twins in of.values() if 0 < sum(twins) < len(twins)]
        shares = [sum(of[key]) / len(of[key]) for key in seen]
        found[name] = {
            "windows": len(labels),
            "distinct": len(of),
            "with_both_labels": len(both),
            "windows_with_both": sum(map(len, both)),
            "anomalous_among_them": sum(map(sum, both)),
            "best_f1": detection_metrics(shares, labels, best_f1_threshold(shares, labels))["f1"]
            if any(labels)
            else None,
        }
    return {"views": found}


def jobs_of(tables: Sequence[str], work: Path, seeds: Sequence[int]) -> Iterator[tuple[Split, Job]]:
    """Every job with the split that it is measured on, cheapest kind of method first inside a table."""
    makers = {"windows": windows, "contamination": contamination, "unseen system": unseen_system, "unstable": unstable}
    for table in tables:
        if table == "label noise":
            for name in RECIPES:
                split = built(RECIPES[name], work)
                yield split, (table, name, "", 0, lambda k=split: label_noise(k))
            continue
        rows = []
        for title, setting, split, run, methods in makers[table](work):
            for method in methods:
                for seed in [s for s in BY_NAME[method].seeds if s in seeds]:
                    rows.append((split, (title, setting, method, seed, lambda r=run, m=method, s=seed: r(m, s))))
        kinds = {"simple": 0, "paper": 1, "ours": 2}
        yield from sorted(rows, key=lambda row: (kinds[BY_NAME[row[1][2]].kind], row[1][3]))


TABLES = ("label noise", "windows", "contamination", "unseen system", "unstable")


def run(tables: Sequence[str], file: Path, work: Path, seeds: Sequence[int], most_seconds: float) -> None:
    """Run what the result file still lacks.

    Raises:
        OtherWindows: rows of a setting were measured on other windows.
    """
    result = json.loads(file.read_text("utf-8")) if file.exists() else {"splits": {}, "rows": []}
    for split, (table, setting, method, seed, job) in tqdm(
        list(jobs_of(tables, work, seeds)), unit="job", mininterval=5
    ):
        place = f"{table}: {setting}"
        held = result["splits"].setdefault(place, split.checksums["test"])
        if held != split.checksums["test"]:
            raise OtherWindows(
                f"{place} in {file.name} must be measured on the windows at hand ({split.checksums['test'][:12]}), found "
                f"{held[:12]}: move that file away to measure anew"
            )
        if any(
            (r["table"], r["setting"], r["method"], r["seed"]) == (table, setting, method, seed)
            for r in result["rows"]
        ):
            continue
        started = time.perf_counter()
        found = in_a_process(job, most_seconds, None)
        found["seconds"] = round(time.perf_counter() - started, 1)
        result["rows"].append(
            {"table": table, "setting": setting, "method": method, "seed": seed, **found, "made": certificate()}
        )
        half = file.with_suffix(".half")
        half.write_text(lines_of(result), "utf-8")
        half.replace(file)


def lines_of(result: dict[str, Any]) -> str:
    """The result as JSON, one row a line."""
    rows = ",\n".join(json.dumps(row) for row in result["rows"])
    return f'{{"splits": {json.dumps(result["splits"], indent=1)},\n"rows": [\n{rows}\n]}}\n'


def main() -> None:
    """Run the named tables, all by default."""
    parser = argparse.ArgumentParser(description="The robustness tables of the bench.")
    parser.add_argument("tables", nargs="*", help=f"of {', '.join(TABLES)}; all by default")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--most-seconds", type=float, default=MOST_SECONDS)
    parser.add_argument("--work", type=Path, default=HERE.parent / ".bench")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    arguments = parser.parse_args()
    unknown = [table for table in arguments.tables if table not in TABLES]
    if unknown:
        parser.error(f"tables must be among {', '.join(TABLES)}, found {unknown[0]!r}")
    if not all(raw_files(recipe, data_folder()) for recipe in (*RECIPES.values(), Recipe("", "", **HDFS))):
        raise SystemExit(
            f"the robustness tables must have the logs of all systems, found some missing in {data_folder()}"
        )
    run(arguments.tables or TABLES, arguments.results / FILE, arguments.work, arguments.seeds, arguments.most_seconds)


if __name__ == "__main__":
    main()
