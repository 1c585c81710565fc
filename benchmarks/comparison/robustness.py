"""The robustness tables: `python -m benchmarks comparison.robustness [TABLE ...]`, resumable like the bench.

Notes:
- windows: BGL and Thunderbird cut anew into 20, 50, 100, 200 lines and 60 seconds; each size has its own split, so only
  the order of the methods may be compared down a column, not the figures.
- contamination: 0, 1 and 5 % of the windows that a method takes for normal are anomalous, in training and in what sets
  the threshold alike: who cannot clean the one cannot clean the other. The number of normal windows stays the same.
- unseen system: everything is learnt on one system, threshold included, and judged on another's test part.
- label noise: no method at all; how many windows have a twin of the other label, and the best F1 that any function of the
  window's keys, masked lines or counts could reach.
- unstable: a share of the log's templates reworded in the test part (`rewording.py`), in five ways each; the training part, and the
  template table with it, as they were. Keys of reworded messages are what that table makes of them.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.comparison.job import fit, threshold_of
from benchmarks.comparison.methods import BY_NAME
from benchmarks.comparison.run import HERE, KINDS, MACHINE, MOST_SECONDS, OtherWindows, in_a_process
from benchmarks.comparison.systems import (
    HDFS,
    RECIPES,
    ROBUSTNESS,
    Part,
    Recipe,
    Split,
    build_split,
    load_split,
    raw_files,
    split_file,
)
from benchmarks.places import data_folder
from logllm.provenance import provenance

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
    "LogRobust", "LogLLM, tiny", "LogLLM, laptop",
)  # fmt: skip
UNSTABLE_METHODS = (
    "new template", "a count vector never seen", "nearest normal count vector, idf", "decision tree on counts",
    "TF-IDF + logistic regression", "nearest template, then counts", "nearest template, then decision tree", "CNN",
    "LogRobust", "NeuralLog", "RAPID", "LogLLM, tiny", "LogLLM, laptop",
)  # fmt: skip

REWORDINGS = 5
Tests = dict[str, list[Part]]  # setting -> test parts whose figures are averaged
# (table, source, what is learnt on, what is judged, methods)
Group = tuple[str, str, Split, Callable[[], Tests], Sequence[str]]


def built(recipe: Recipe, work: Path) -> Split:
    """The recipe's windows, built where they are not yet."""
    file = split_file(recipe, data_folder(), work)
    if not file.exists():
        made = in_a_process(partial(build_split, recipe, data_folder(), file), MOST_SECONDS, None)
        if made["status"] != "ok":
            raise RuntimeError(f"the windows of {recipe.name} must be built, found: {made.get('error')}")
    return load_split(file)


def judged(name: str, split: Split, seed: int, tests: Tests) -> dict[str, Any]:
    """Fit a method once, set its threshold once, measure it on every test part."""
    from benchmarks.metrics.log_anomaly.measures import anomaly_metrics

    method = BY_NAME[name]
    model = method.make(split, seed)
    fit(method, model, split)
    threshold, _ = threshold_of(method, model, split.validation)
    found = {}
    for setting, parts in tests.items():
        scored = [(model.score(getattr(part, method.reads)), part.labels) for part in parts]
        each = [anomaly_metrics(scores, labels, threshold, draws=0) for scores, labels in scored]
        found[setting] = {name: statistics.fmean(one[name] for one in each) for name in SHORT}
    return {"settings": found}


def windows(work: Path) -> Iterator[Group]:
    """Table: window sizes."""
    for name in ("bgl", "thunderbird"):
        for kind, size in SIZES:
            split = built(replace(RECIPES[name], window=(kind, size)), work)
            setting = f"{name}, {size} {'lines' if kind == 'fixed' else 's'}"
            yield "windows", setting, split, lambda k=split, s=setting: {s: [k.test]}, WINDOW_METHODS


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


def contamination(work: Path) -> Iterator[Group]:
    """Table: training contaminated."""
    split = built(RECIPES["hdfs_random"], work)
    for share in SHARES:
        dirty = contaminated(split, share)
        yield "contamination", f"{share:.0%}", dirty, lambda k=split, s=f"{share:.0%}": {s: [k.test]}, NORMAL_METHODS


def unseen_system(work: Path) -> Iterator[Group]:
    """Table: learnt on one system, judged on another."""
    splits = {name: built(RECIPES[name], work) for name in ("bgl", "thunderbird", "hdfs_random")}
    for source, split in splits.items():
        tests = {f"{source} to {name}": [other.test] for name, other in splits.items() if name != source}
        yield "unseen system", source, split, lambda k=tests: k, TEXT_METHODS


def unstable(work: Path) -> Iterator[Group]:
    """Table: a share of the test part's templates reworded."""
    split = built(RECIPES["hdfs_random"], work)
    yield "unstable", "hdfs_random", split, lambda: reworded(split), UNSTABLE_METHODS


def reworded(split: Split) -> Tests:
    """The test part under every share, in several wordings."""
    from benchmarks.comparison.rewording import reword_templates
    from logllm.modeling_logllm import TemplateMatcher, mask_message

    test, found = split.test, {}
    templates = sorted({line for part in split.parts.values() for window in part.masked for line in window})
    key_of, mask = cache(TemplateMatcher(split.table).key), cache(mask_message)
    for share in REWORDED:
        parts = []
        for seed in range(REWORDINGS if share else 1):
            lines = reword_templates(test.lines, templates, share, seed)
            keys = [[key_of(line) or "" for line in window] for window in lines]
            parts.append(replace(test, lines=lines, keys=keys, masked=[[mask(line) for line in w] for w in lines]))
        found[f"{share:.0%}"] = parts
    return found


def label_noise(split: Split) -> dict[str, Any]:
    """Twins of the other label among all windows of a split."""
    whole = list(split.parts.values())
    keys = [window for part in whole for window in part.keys]
    masked = [window for part in whole for window in part.masked]
    labels = [label for part in whole for label in part.labels]
    return label_noise_of(labels, {"keys": keys, "masked lines": masked, "counts of keys": counted(keys)})


def counted(windows: Sequence[Sequence[str]]) -> list[Any]:
    """Each window's counts."""
    return [sorted(Counter(window).items()) for window in windows]


def label_noise_of(labels: Sequence[int], views: dict[str, Sequence[Any]]) -> dict[str, Any]:
    """Windows that have a twin of the other label, and the best F1 of any function of what is the same in twins."""
    from logllm.trainers.metrics import best_f1_threshold, detection_metrics

    found = {}
    for name, windows in views.items():
        seen = [tuple(window) for window in windows]
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


def sequences_noise() -> dict[str, Any]:
    """The same audit on all complete HDFS sessions at hand, most of them without raw lines (ratio not natural)."""
    with (data_folder() / "hdfs/sessions_keys.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    keys = [row["keys"].split() for row in rows]
    return label_noise_of([int(row["label"]) for row in rows], {"keys": keys, "counts of keys": counted(keys)})


Job = tuple[str, str, str, int, Callable[[], dict[str, Any]]]  # table, source, method or "", seed, what is run


def jobs_of(
    tables: Sequence[str], work: Path, seeds: Sequence[int], methods: Sequence[str] | None
) -> Iterator[tuple[Split, Job]]:
    """Every job with the split that it learns on, cheapest kind of method first inside a table."""
    makers = {"windows": windows, "contamination": contamination, "unseen system": unseen_system, "unstable": unstable}
    for table in tables:
        if table == "label noise":
            for name in RECIPES:
                split = built(RECIPES[name], work)
                yield split, (table, name, "", 0, lambda k=split: label_noise(k))
            yield built(RECIPES["hdfs_random"], work), (table, "HDFS, sessions_keys.tsv", "", 0, sequences_noise)
            continue
        rows = []
        for title, source, split, tests, names in makers[table](work):
            for name in [name for name in names if methods is None or name in methods]:
                for seed in [s for s in BY_NAME[name].seeds if s in seeds]:
                    job = lambda k=split, t=tests, m=name, s=seed: judged(m, k, s, t())  # noqa: E731
                    rows.append((split, (title, source, name, seed, job)))
        yield from sorted(rows, key=lambda row: (KINDS.index(BY_NAME[row[1][2]].kind), row[1][3]))


TABLES = ("label noise", "windows", "contamination", "unseen system", "unstable")


def run(file: Path, most_seconds: float, jobs: list[tuple[Split, Job]], retry: bool = False) -> None:
    """Run what the result file still lacks; with `retry` also what failed.

    Raises:
        OtherWindows: rows of a table were measured on other windows.
    """
    result = json.loads(file.read_text("utf-8")) if file.exists() else {"splits": {}, "rows": []}
    if retry:
        result["rows"] = [row for row in result["rows"] if row["status"] == "ok"]
    for split, (table, source, method, seed, job) in tqdm(jobs, unit="job", mininterval=5):
        place, sums = f"{table}: {source}", split.checksums["test"]
        held = result["splits"].setdefault(place, sums)
        if held != sums:
            raise OtherWindows(
                f"{place} in {file.name} must be measured on the windows at hand ({sums[:12]}), found {held[:12]}: move "
                "that file away to measure anew"
            )
        if any(
            (r["table"], r["source"], r["method"], r["seed"]) == (table, source, method, seed) for r in result["rows"]
        ):
            continue
        started = time.perf_counter()
        found = in_a_process(job, most_seconds, None)
        found |= {"seconds": round(time.perf_counter() - started, 1), "made": provenance(MACHINE)}
        result["rows"].append({"table": table, "source": source, "method": method, "seed": seed, **found})
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
    parser.add_argument("--methods", nargs="+", choices=list(BY_NAME), metavar="NAME", help="only these methods")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--retry", action="store_true", help="run again what failed")
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
    jobs = list(jobs_of(arguments.tables or TABLES, arguments.work, arguments.seeds, arguments.methods))
    run(arguments.results / ROBUSTNESS, arguments.most_seconds, jobs, arguments.retry)


if __name__ == "__main__":
    main()
