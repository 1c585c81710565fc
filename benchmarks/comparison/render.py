"""The bench's page, plots and cards from its result files: `python -m benchmarks comparison.render [--check]`.

Notes: Nothing is measured here and no figure is typed. `--check` says whether page and cards on disk are what the
result files say (a test calls it). The sweeps of K and beta come from LogLLaMA's and LogLLM's own result files, where
those are there.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks.bench import TASKS, TIMES
from benchmarks.comparison.cards import cards
from benchmarks.comparison.methods import BY_NAME
from benchmarks.comparison.systems import RECIPES, ROBUSTNESS
from benchmarks.comparison.tables import (
    SYSTEM_OF,
    average,
    detection_table,
    failures,
    kinds_beaten,
    load_results,
    made_by,
    robustness_tables,
    runs_of,
    second_table,
    split_facts,
    time_taken,
    with_reworded,
)

RESULTS = Path(__file__).resolve().parents[1] / "results"
PAGE = "bench.md"
REWORDED = "logllm_reworded.json"
HEAD = """# The bench: every method on the same windows

Made by `benchmarks/comparison/render.py` from the JSON files beside it (`make bench`); nothing here is typed by hand.

- Thresholds come from the training side: supervised methods take the best F1 on validation windows, rules keep their own,
  LogLLM and LogLLaMA the one that their training sets, all others take the score that one in a thousand normal validation
  windows may exceed (with fewer windows: the highest).
- "best F1" takes the best threshold on the test part, which is not known in practice; published figures of methods that
  learn from normal windows are mostly of that kind. Published: Table II of LogLLM (arXiv 2411.08561v4), on the whole logs;
  LogLLaMA's own paper (arXiv 2503.14849).
- Mean ± standard deviation over seeds; in brackets the 95 % bootstrap interval, the widest over the seeds. "A day" is a day
  of the sampled log, not of the whole system.
- What the settings were chosen on: the presets `tiny` and `laptop` were first set while looking at HDFS's test parts, so their
  figures there are optimistic. Afterwards two of their settings were compared on validation windows, with the outcome below:
  how often `tiny` learns from frequent windows, and how far `laptop` varies messages. LogLLaMA's threshold rules and
  `count_weight` were compared on simulated logs, on the first 60 % of the HDFS blocks (divided at random and by time), and on the
  BGL and Thunderbird test parts of these tables; what they gave on the other 40 % of HDFS is in
  [LogLLaMA's results](logllama.md). The nats of severity are below.
- HDFS is nearly solved by counting: LogLLaMA's default score is a next-key likelihood plus a count distance, and the rows
  below it show each of the two. On reworded logs, varying the messages in training (not in the paper) is what helps, with a
  random encoder nearly as much as with a pretrained one; it costs some F1 on the log as it was.
- Reduced: smaller than in its paper, or with a part left out, as the top of its file in `benchmarks/baselines/` says.
- LogLLaMA's likelihood alone aims at three times the false-alarm rate of one in a thousand, because it is bounded: it ends
  where a message was never seen.
- Times are processor seconds on one thread; the machine was shared (load in the result files), so ratios say more. Peak
  memory includes interpreter and libraries.
"""


def page(folder: Path) -> str:
    """The results page."""
    results = load_results(folder)
    text = [HEAD]
    for name, result in results.items():
        text += [f"## {RECIPES[name].title}", "", *split_facts(result), "", *kinds_beaten(result), ""]
        text += [*detection_table(result, SYSTEM_OF[name]), "", *second_table(result), "", made_by(result["runs"]), ""]
        if failed := failures(result):
            text += ["Did not come to an end:", "", *(f"- {line}" for line in failed), ""]
    text += ["## Time", "", *time_taken(results), *whole_bench(folder), ""]
    text += ["## What the settings were chosen on", "", *repeats_of_tiny(folder), *variation_of_laptop(folder)]
    text += severity_nats(folder)
    text += ["## Plots", "", "![Precision over recall](bench_pr.png)", "", "![F1 over throughput](bench_cost.png)", ""]
    text += [*sweeps(folder)[1], *explained(results)]
    file = folder / ROBUSTNESS
    if file.is_file():
        result, reworded = json.loads(file.read_text("utf-8")), folder / REWORDED
        if reworded.is_file():
            result = with_reworded(result, json.loads(reworded.read_text("utf-8")))
        text += ["## Robustness", *robustness_tables(result), "", made_by(result["rows"]), ""]
    return "\n".join(text).rstrip() + "\n"


def whole_bench(folder: Path) -> list[str]:
    """How long `make bench` took, over all sittings."""
    file = folder / TIMES.name
    if not file.is_file():
        return []
    log = json.loads(file.read_text("utf-8"))
    ran = {task.name: log["tasks"][task.name] for task in TASKS if log["tasks"].get(task.name, {}).get("done")}
    alone = sum(one["seconds"] for one in ran.values()) / 3600
    commits = sorted({one["commit"][:10] for one in ran.values()})
    return [
        "",
        f"`make bench` from nothing, with two cores: {len(ran)} of its {len(TASKS)} tasks took {log['seconds'] / 3600:.1f} hours side "
        f"by side in {log['sittings']} sittings ({alone:.1f} hours as the sum of the tasks), at {', '.join(commits)}; each task's time "
        f"is in `{TIMES.name}`.",
    ]  # fmt: skip


def repeats_of_tiny(folder: Path) -> list[str]:
    """Validation loss of the preset `tiny` by how often frequent windows are learnt from."""
    file = folder / "logllm_hdfs_random.json"
    runs = json.loads(file.read_text("utf-8"))["runs"] if file.is_file() else []
    by: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        if found := run.get("validation"):
            by.setdefault(run["row"], []).append(found)
    if not by:
        return []
    rows = [
        f"| {name} | {len(some)} | {statistics.mean(one['validation_loss'] for one in some):.4f} | "
        f"{statistics.mean(one['validation_f1'] for one in some):.3f} |"
        for name, some in by.items()
    ]
    return [
        "How often `tiny` learns from windows that occur often (`repeats`), by the loss on HDFS's validation windows (recipe "
        "`logllm_hdfs_random`, which also says for how many epochs each row learns); on an earlier, smaller part of the log 0 has "
        "the best test F1 and 1 the worst ([LogLLM's results](logllm.md)).", "",
        "| row | seeds | validation loss | validation F1 |", "|---|---|---|---|", *rows, "",
    ]  # fmt: skip


def variation_of_laptop(folder: Path) -> list[str]:
    """F1 on reworded validation windows by how far the preset `laptop` varies messages in training."""
    file = folder / "laptop_choice.json"
    runs = json.loads(file.read_text("utf-8"))["runs"] if file.is_file() else []
    if not runs:
        return []
    shares = sorted({one["share"] for run in runs for one in run["figures"]})
    rows = []
    for name in dict.fromkeys(run["row"] for run in runs):
        some = [run for run in runs if run["row"] == name]
        means = [
            statistics.mean(f["f1"] for run in some for f in run["figures"] if f["share"] == share) for share in shares
        ]
        lowest = min(f["f1"] for run in some for f in run["figures"])
        rows.append(f"| {name} | {len(some)} | {' | '.join(f'{mean:.3f}' for mean in means)} | {lowest:.3f} |")
    return [
        "How far `laptop` varies messages in training, by F1 on HDFS's validation windows with a share of their templates "
        "reworded in other draws from the word list of the tests (`experiments.laptop_choice`). Its other settings were not "
        "compared.", "",
        f"| row | seeds | {' | '.join(f'{share:.0%}' for share in shares)} | lowest |", "|---|---|---|" + "---|" * len(shares),
        *rows, "",
    ]  # fmt: skip


def severity_nats(folder: Path) -> list[str]:
    """What scales of the severity's nats are worth on lines that no table reports."""
    file = folder / "severity_nats.json"
    if not file.is_file():
        return []
    result = json.loads(file.read_text("utf-8"))
    names = list(result["rows"][0]["average_precision"])
    rows = [
        f"| {row['log']} | {row['alerts_judged']:,} | {' | '.join(format(row['average_precision'][name], '.3f') for name in names)} |"
        for row in result["rows"]
    ]
    made = result["made"]
    return [
        "## The nats of severity", "",
        "Average precision of alert lines, ranked by how rare their masked text is plus the nats that severity gives them, times "
        "several factors; the package has factor 1, which was set by hand on samples of these logs. Lines that no other table of this "
        "page reports; the first half says what is rare.", "",
        f"| lines | alerts | {' | '.join(names)} |", "|---|---|" + "---|" * len(names), *rows, "",
        f"Measurement `experiments.severity_nats`, commit {made['commit'][:10]}, {made['time'][:10]}, {made['machine']}.", "",
    ]  # fmt: skip


def explained(results: dict[str, Any]) -> list[str]:
    """Why a re-implemented method is far from what was published, with the figures that say so."""
    text = drifted(results)
    result = results.get("hdfs_random")
    if result is None:
        return text
    found = {}
    for name in (
        "DeepLog",
        "DeepLog, end of session as a key",
        "DeepLog, short sessions flagged",
        "LogAnomaly",
        "LogBERT",
    ):
        runs = runs_of(result, name)
        if not runs:
            return text
        found[name] = {key: average(runs, "metrics", key) or 0.0 for key in ("f1", "best_f1", "recall", "auroc")}
    one, end, short = (found[name] for name in list(found)[:3])
    own = average(runs_of(result, "DeepLog, short sessions flagged"), "metrics", "own_rule", "f1") or 0.0
    return [
        *text, "## Why the next-key methods fall short on HDFS", "",
        f"DeepLog as its paper describes it finds {one['recall']:.0%} of the anomalous HDFS blocks here (AUROC {one['auroc']:.3f}, "
        f"best F1 {one['best_f1']:.3f}; published {BY_NAME['DeepLog'].published[0]:.3f}). What it misses are, for the most part, "
        "sessions that break off: each key is expected where it stands, and what is missing cannot be out of rank. LogAnomaly "
        f"(best F1 {found['LogAnomaly']['best_f1']:.3f}) misses the same ones. Two things bring them back. With the end of the "
        f"session as one more key the same network has AUROC {end['auroc']:.3f} and best F1 {end['best_f1']:.3f}. And a much-copied "
        "public re-implementation pads a session of ten keys or fewer with a key that is never predicted, so that it flags "
        f"every short session: with that rule added AUROC is {short['auroc']:.3f}, best F1 {short['best_f1']:.3f}, and the paper's "
        f"top 9 gives F1 {own:.3f}. LogBERT (recall {found['LogBERT']['recall']:.2f}) sees the short sessions by their distance "
        "from the centre and misses others, of usual length. The rest is size: some thousand normal sessions to learn from in "
        "place of half a million, so that rare normal turns are as surprising as faults.", "",
    ]  # fmt: skip


def drifted(results: dict[str, Any]) -> list[str]:
    """Why methods that learn normal windows only fail where the log has changed by the time of the cut."""
    text = []
    for name, result in results.items():
        shares = {
            part: counts["lines_without_template"] / max(counts["messages"], 1)
            for part, counts in result["facts"]["splits"].items()
        }
        if shares["test"] > 0.1:
            text.append(
                f"- {RECIPES[name].title}: {shares['test']:.0%} of the test lines ({shares['validation']:.0%} of the validation "
                "lines) have a template that the training part never had."
            )
    if not text:
        return []
    tail = (
        "There every normal window looks new, in validation as in test: a threshold that normal validation windows may not "
        "exceed lies above the anomalous windows too, and with it F1 is near 0. Read AUROC there; below .5 an anomalous window "
        "looks more usual than a normal one."
    )
    return ["## Where the log has changed", "", *text, "", tail, ""]


def sweeps(folder: Path) -> tuple[dict[str, list[tuple[float, float]]], list[str]]:
    """(curves of K and beta, the page's lines about them) where result files have them."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for name, title in (("logllama_hdfs", "LogLLaMA, HDFS: K"), ("logllama_bgl", "LogLLaMA, BGL: K")):
        file = folder / f"{name}.json"
        if not file.is_file():
            continue
        runs = [row["sweep"] for row in json.loads(file.read_text("utf-8"))["rows"] if "sweep" in row]
        curves[title] = [(one[0]["share"], sum(x["f1"] for x in one) / len(one)) for one in zip(*runs)]
    for system in ("hdfs", "bgl"):
        file = folder / f"logllm_ablations_{system}.json"
        if not file.is_file():
            continue
        by: dict[float, list[float]] = {}
        for run in json.loads(file.read_text("utf-8"))["runs"]:
            share = re.search(r"beta (\d+) %", run["row"])
            if share and "metrics" in run:
                by.setdefault(int(share[1]) / 100, []).append(run["metrics"]["f1"])
        curves[f"LogLLM, {system.upper()}: beta"] = [(share, sum(f1) / len(f1)) for share, f1 in sorted(by.items())]
    curves = {title: found for title, found in curves.items() if found}
    if not curves:
        return {}, []
    text = ["![F1 over K and beta](bench_sweeps.png)", "", "| swept | " + "share: F1 |", "|---|---|"]
    text += [f"| {title} | {', '.join(f'{x:.0%}: {y:.3f}' for x, y in found)} |" for title, found in curves.items()]
    return curves, [*text, ""]


def main(folder: Path = RESULTS, check: bool = False) -> None:
    """Write page, plots and cards; with `check` say what differs and exit 1."""
    wanted = {folder / PAGE: page(folder)} | {folder / "cards" / name: text for name, text in cards(folder).items()}
    wrong = [path.name for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text]
    if check:
        if wrong:
            sys.exit(
                f"{', '.join(wrong)} differ from what the result files say: run `python -m benchmarks comparison.render`"
            )
        return
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    from benchmarks.comparison.plots import draw_cost, draw_curves, draw_sweeps

    results = load_results(folder)
    if results:
        draw_curves(results, folder / "bench_pr.png")
        draw_cost(results, folder / "bench_cost.png")
    if curves := sweeps(folder)[0]:
        draw_sweeps(curves, folder / "bench_sweeps.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The bench's page, plots and cards.")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    main(arguments.results, arguments.check)
