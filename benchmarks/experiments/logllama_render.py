"""LogLLaMA's tables and pictures from its result files: `python -m benchmarks experiments.logllama_render`.

Notes: `--check` says whether the page differs from what the files say. No figure is typed here; a table that has no result file is left out. Writes `results/logllama.md`,
`results/logllama_k.png` (F1, precision, recall over K) and `results/logllama_rl.png` (reward, entropy, KL by objective).
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.experiments.logllama import mean, threshold_rules

RESULTS = Path(__file__).resolve().parents[1] / "results"
PAGE = RESULTS / "logllama.md"
TITLES = {
    "logllama_hdfs": "HDFS: the last fifth of the dated blocks tested; trained on those before and on blocks of unknown date",
    "logllama_paper": "HDFS at the paper's size: 18 layers, 12 heads, trained on the dated blocks before the tested fifth",
    "logllama_bgl": "BGL, divided at random",
    "logllama_folds": "HDFS, each fifth of the blocks",
    "logllama_contamination": "Contaminated training",
    "logllama_drain": "Drain settings, HDFS",
    "logllama_parsers": "Drain, Spell and the masks alone, HDFS",
    "logllama_bgl_time": "BGL, divided by time; Drain settings",
}
DETECTORS = {
    "rank": "top K (paper, K = half of the keys)",
    "likelihood": "likelihood",
    "counts": "counts alone",
    "likelihood+rank": "likelihood or top K",
    "likelihood+counts": "likelihood + counts",
    "likelihood+counts+gaps": "likelihood + counts + pauses",
}
HEAD = "| | P | R | F1 | best F1 | AUROC | PR-AUC | TP/FP/FN by seed |\n|---|---|---|---|---|---|---|---|"


def load(name: str) -> dict[str, Any] | None:
    """A result file, None where there is none."""
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text("utf-8")) if file.is_file() else None


def line(title: str, runs: list[dict[str, Any]]) -> str:
    """One row: mean and deviation over the runs."""
    cells = [mean([run[m] for run in runs]) for m in ("precision", "recall", "f1", "best_f1", "auroc", "pr_auc")]
    counts = " ".join(f"{run['tp']}/{run['fp']}/{run['fn']}" for run in runs)
    return f"| {title} | {' | '.join(cells)} | {counts} |"


def part_table(result: dict[str, Any], part: str) -> list[str]:
    """Baselines, then every row and detector of a part."""
    split = result["parts"][part]["split"]
    text = [f"Test: {split['test']:,} windows, {split['test_anomalous']} anomalous; {split['train']:,} normal training windows, "
            f"{split['train_distinct']:,} of them distinct; {split['validation']:,} for the threshold; "
            f"{split['test_unseen_key_share']:.1%} of the test keys unseen. SHA-256 of the test part {split['test_sha256'][:12]}.",
            "", HEAD]  # fmt: skip
    text += [line(name, [row]) for name, row in result["parts"][part]["baselines"].items()]
    for name in dict.fromkeys(row["row"] for row in result["rows"] if row["part"] == part):
        runs = [row for row in result["rows"] if (row["part"], row["row"]) == (part, name)]
        for detector, title in DETECTORS.items():
            found = [run["detectors"][detector] for run in runs if detector in run["detectors"]]
            if found and (name == "likelihood" or detector in ("rank", "likelihood", "counts", "likelihood+counts")):
                text.append(line(f"{name}: {title} ({len(found)} seeds)", found))
    return text


def rates(result: dict[str, Any], part: str) -> list[str]:
    """F1 by the false-alarm rate that the threshold aims at."""
    rows = [row for row in result["rows"] if row["part"] == part and row["row"] in ("likelihood", "+ sampled hit")]
    if not rows:
        return []
    wanted = list(rows[0]["detectors"]["likelihood"]["f1_by_rate"])
    text = ["F1 by the false-alarm rate that the threshold aims at on normal validation windows:", "",
            f"| | {' | '.join(wanted)} |", "|---|" + "---|" * len(wanted)]  # fmt: skip
    for name in dict.fromkeys(row["row"] for row in rows):
        for detector in ("likelihood", "likelihood+counts"):
            runs = [row["detectors"][detector]["f1_by_rate"] for row in rows if row["row"] == name]
            text.append(f"| {name}: {detector} | " + " | ".join(mean([run[r] for run in runs]) for r in wanted) + " |")
    return text


def apart(result: dict[str, Any], part: str) -> list[str]:
    """The same on sequences that training never held, each once."""
    text = ["On sequences that training never held, each once:", "", "| | F1 | PR-AUC |", "|---|---|---|"]
    for name, row in result["parts"][part]["baselines"].items():
        if "never_in_training" in row:
            text.append(
                f"| {name} | {row['never_in_training']['f1']:.3f} | {row['never_in_training']['pr_auc']:.3f} |"
            )
    for name in ("likelihood", "+ sampled hit"):
        runs = [row for row in result["rows"] if (row["part"], row["row"]) == (part, name)]
        for detector in ("rank", "likelihood", "counts", "likelihood+counts"):
            found = [
                r["detectors"][detector]["never_in_training"]
                for r in runs
                if "never_in_training" in r["detectors"].get(detector, {})
            ]
            if found:
                cells = (mean([one[m] for one in found]) for m in ("f1", "pr_auc"))
                text.append(f"| {name}: {DETECTORS[detector]} | {' | '.join(cells)} |")
    return text if len(text) > 4 else []


def objectives(result: dict[str, Any]) -> list[str]:
    """What each objective does to the policy on normal validation windows."""
    rows = [row for row in result["rows"] if "validation" in row]
    if not rows:
        return []
    text = ["What the RL step does to the policy (normal validation windows; reward, entropy and KL at the first and last log):", "",
            "| | loss (nats a key) | top 1 | top K | reward | entropy | KL |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for name in dict.fromkeys(row["row"] for row in rows):
        runs = [row for row in rows if row["row"] == name]
        cells = [mean([run["validation"][m] for run in runs]) for m in ("loss", "top_1", "top_k")]
        for curve in ("reward", "entropy", "kl"):
            ends = [
                (run["curve"][curve][0], run["curve"][curve][-1]) for run in runs if run.get("curve", {}).get(curve)
            ]
            first, last = (statistics.mean(e[i] for e in ends) if ends else None for i in (0, 1))
            cells.append("-" if first is None else f"{first:.3f} to {last:.3f}")
        text.append(f"| {name} ({len(runs)}) | {' | '.join(cells)} |")
    return text


def sweep(result: dict[str, Any]) -> list[tuple[float, int, dict[str, float]]]:
    """(share, K, mean precision, recall and F1 over the seeds)."""
    runs = [row["sweep"] for row in result["rows"] if "sweep" in row]
    return [
        (one[0]["share"], one[0]["k"], {m: statistics.mean(x[m] for x in one) for m in ("precision", "recall", "f1")})
        for one in zip(*runs)
    ]


def draw_sweep(found: dict[str, list[tuple[float, int, dict[str, float]]]], file: Path) -> None:
    """F1, precision, recall over K."""
    figure = Figure(figsize=(4.2 * len(found), 3), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, (name, rows) in zip(figure.subplots(1, len(found), squeeze=False)[0], found.items()):
        for metric in ("precision", "recall", "f1"):
            axis.plot(
                [100 * share for share, _, _ in rows],
                [values[metric] for _, _, values in rows],
                marker=".",
                label=metric,
            )
        axis.axvline(50, color="0.7", linewidth=1)
        axis.set_title(name, fontsize=10)
        axis.set_xlabel("K, % of the keys (line: the paper's)")
        axis.set_ylim(0, 1.02)
        axis.legend(fontsize=8)
    figure.savefig(file, dpi=110)


def draw_curves(result: dict[str, Any], file: Path) -> None:
    """Reward, entropy and KL of each objective, first seed."""
    figure = Figure(figsize=(11, 3), layout="constrained")
    FigureCanvasAgg(figure)
    rows = [row for row in result["rows"] if row.get("curve") and row["seed"] == 0]
    axes = figure.subplots(1, 3)
    for axis, name in zip(axes, ("reward", "entropy", "kl")):
        for row in rows:
            axis.plot(row["curve"][name], label=row["row"])
        axis.set_title({"kl": "KL from the likelihood model (nats)"}.get(name, name), fontsize=10)
        axis.set_xlabel("log")
    axes[0].legend(fontsize=6)
    figure.savefig(file, dpi=110)


def foreign(results: Iterable[dict[str, Any]]) -> list[str]:
    """Trained on one system, judging another."""
    text = [
        "| trained on | judged | unknown keys | detector | AUROC | PR-AUC | anomalous |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        for row in result["rows"]:
            for name, found in row.get("foreign", {}).items():
                for detector in ("rank", "likelihood"):
                    one = found["detectors"][detector]
                    text.append(f"| {result['recipe']['system']} | {name} | {found['unknown_key_share']:.1%} | {detector} | "
                                f"{one['auroc']:.3f} | {one['pr_auc']:.3f} | {found['anomalous']} of {found['test']} |")  # fmt: skip
    return text if len(text) > 2 else []


def speed(result: dict[str, Any]) -> list[str]:
    """Cost of a method, and ratios against the plain implementation."""
    text = ["| | lines/s | windows/s | p50 ms | p99 ms | peak MB | parameters |", "|---|---|---|---|---|---|---|"]
    for name, row in result["methods"].items():
        if "failed" not in row:
            text.append(f"| {name} | {row['lines_per_second']:,} | {row['windows_per_second']:,} | {row['latency_p50_ms']} | "
                        f"{row['latency_p99_ms']} | {row['peak_memory_mb']:,} | {row['parameters']:,} |")  # fmt: skip
    text += [
        "",
        "| against the plain implementation | ratio (median of interleaved rounds) | rounds | different verdicts |",
        "|---|---|---|---|",
    ]
    for name, row in result["against_plain"].items():
        if isinstance(row, dict):
            text.append(f"| {name} | {row['ratio']} | {row['ratios']} | {row.get('different_verdicts', '-')} |")
    return text


def made_by(result: dict[str, Any]) -> str:
    """The commits that made the rows of a result, with how many rows each, and the machines."""
    commits = Counter(row["made"]["commit"][:10] for row in result["rows"])
    machines = dict.fromkeys(row["made"]["machine"] for row in result["rows"])
    named = ", ".join(f"{name} ({count} row{'s' if count > 1 else ''})" for name, count in commits.items())
    return f"commit{'s' if len(commits) > 1 else ''} {named}; {'; '.join(machines)}"


def one_rule(result: dict[str, Any]) -> str:
    """A sentence where the rows may be, or are, calibrated by other threshold rules than each other or than the package now."""
    commits = {row["made"]["commit"] for row in result["rows"]}
    if "rules" in result:
        return (
            ""
            if result["rules"] == threshold_rules()
            else " Calibrated by earlier threshold rules than the package's."
        )
    return "" if len(commits) == 1 else (
        " Threshold rules not recorded: rows of different commits may be calibrated by different ones, so compare best F1, "
        "AUROC and PR-AUC, which no threshold enters, before P, R and F1."
    )  # fmt: skip


def training_dates(recipe: dict[str, Any]) -> str:
    """A sentence on training blocks that need not lie before those tested (`logllama_data.hdfs`)."""
    if recipe["system"] != "hdfs" or recipe.get("raw_only"):
        return ""
    keys = {key for variant in recipe.get("variants") or [] for key in variant}
    text = " Training and validation also hold the sessions of `sessions_keys.tsv` without raw lines, blocks of unknown date"
    text += "." if recipe.get("foreign") else ", which may be later than those tested."
    if "fold" in keys:
        text += " The dated blocks after the tested fifth are trained on as well."
    if "dirt" in keys:
        text += " The anomalous sessions put among them are of unknown date too."
    return text


def as_run(result: dict[str, Any]) -> str:
    """How far the stages of the paper's size went, and at which seeds."""
    from logllm.trainers.logllama_config import PRESETS

    row, told = PRESETS[result["recipe"]["preset"]], []
    for stage, most in (("likelihood", row.epochs), ("reinforce", row.reinforce_epochs)):
        epochs = [one["epochs"] for run in result["rows"] for one in run["stages"] if one["stage"] == stage]
        if epochs:
            told.append(f"{stage} after {min(epochs):.3g} to {max(epochs):.3g} of {most} epochs")
    seeds = sorted({run["seed"] for run in result["rows"]})
    return (
        f"Not the paper's full length: early stopping ({row.patience} evaluations of the validation windows without gain) ended "
        f"{', '.join(told)}. Seeds {', '.join(map(str, seeds))} of {', '.join(map(str, result['recipe']['seeds']))}."
    )


def chosen_settings(result: dict[str, Any]) -> list[str]:
    """How threshold, count weight and the likelihood's score were chosen, and what came on the part left alone."""
    from benchmarks.experiments import logllama_threshold as thresholds

    commits = Counter(case["made"]["commit"][:10] for case in result["cases"])
    taken = "; ".join(f"{detector}: {rule!r}" for detector, rule in thresholds.CHOSEN.items())
    weights = [row for row in result["weights"] if row["margin"] == result["margin"]]
    margins = [row for row in result["weights"] if row["weight"] == result["weight"]]
    return [
        "## The default threshold, the weight of counts and the likelihood's score",
        "",
        f"Measurement `experiments.logllama_threshold`, commits {', '.join(commits)}. The package's: {taken} (for LogLLM only where a "
        "false-alarm rate is asked for).",
        "",
        "How far this was a choice: the weight of counts, the margin and the worst key were in the package before the rules were compared "
        "as they stand here. The shuffled rows of `report` had been measured once (commit 849794e) before the present rules "
        "were written (c61885b, 960d03a), and the last of these commits brings a rule and a new measurement of `report` together, "
        "so that part is not untouched. `bgl` and `thunderbird` of `choice` are judged on test "
        "parts that the comparison's tables report too. Mean F1 over the logs of `choice` (of the score: best F1); rules are "
        "named as in the table's head, where 'the same' and 'that' mean the column before:",
        "",
        *(
            thresholds.standing(
                f"rule, {detector}", [row for row in result["rows"] if row["detector"] == detector], "rule", rule,
                lambda row: row["metrics"]["f1"],
            )
            for detector, rule in thresholds.CHOSEN.items() if detector != "log-odds"
        ),
        thresholds.standing("weight of counts", weights, "weight", result["weight"], lambda row: row["f1"]),
        thresholds.standing("margin", margins, "margin", result["margin"], lambda row: row["f1"]),
        thresholds.standing("score", result["likelihoods"], "score", "worst key (chosen)", lambda row: row["best_f1"]),
        "",
        thresholds.table(result["rows"]),
        "",
        f"Weight of counts (chosen: {result['weight']:g}), by the chosen rule, and best F1:",
        "",
        thresholds.grid(weights, "weight", ("f1", "best_f1")),
        "",
        f"How many times rarer a rate the tail is followed to (chosen: {result['margin']:g}):",
        "",
        thresholds.grid(margins, "margin", ("f1",)),
        "",
        "From the likelihoods of a window's keys to its score, best F1 and PR-AUC:",
        "",
        thresholds.grid(result["likelihoods"], "score", ("best_f1", "pr_auc")),
    ]  # fmt: skip


def trainers_beside(result: dict[str, Any]) -> list[str]:
    """REINFORCE on three trainers, at each learning rate."""
    named = {
        "Trainer": "transformers' `Trainer`, as in version 0.1",
        "GRPOTrainer": "TRL's `GRPOTrainer`, as it is now",
        "RLOOTrainer": "TRL's `RLOOTrainer`, one sampled key a completion",
    }
    shown = ("kl_from_before", "test_key_loss", "test_hit_rate", "test_f1", "test_auroc", "test_pr_auc")
    text = [
        f"{result['log'].capitalize()}; preset `{result['preset']}`, {result['steps']} steps of {result['batch']} windows, three seeds,"
        f" commit {result['commit']}. Every trainer starts from the same likelihood model and runs to its end without early"
        " stopping, so that the trainers can be compared where the policy moves. Highest validation PR-AUC at: "
        + ", ".join(f"{name} {rate:g}" for name, rate in result["chosen"].items())
        + " (the lowest rate hardly moves the policy).",
        "",
        "| trainer | rate | KL from the start | loss (nats a key) | top K | F1 | AUROC | PR-AUC |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in ("before", *named):
        of_trainer = [row for row in result["rows"] if row["trainer"] == name]
        for rate in sorted({row.get("learning_rate", 0.0) for row in of_trainer}):
            runs = [row for row in of_trainer if row.get("learning_rate", 0.0) == rate]
            cells = [mean([run[one] for run in runs]) for one in shown]
            first = (named[name], f"{rate:g}") if name in named else ("before the stage", "")
            text.append(f"| {' | '.join((*first, *cells))} |")
    return text


def measured() -> dict[str, dict[str, Any]]:
    """The recipes of `TITLES` that have rows."""
    results = ((name, load(name)) for name in TITLES)
    return {name: result for name, result in results if result is not None and result["rows"]}


def sweeps() -> dict[str, list[tuple[float, int, dict[str, float]]]]:
    """F1 over K of every recipe that has it, by the first words of its title."""
    return {TITLES[name].split(":")[0]: sweep(one) for name, one in measured().items() if one["recipe"].get("sweep")}


def page() -> str:
    """Everything that there are results for."""
    text = [
        "# LogLLaMA: results",
        "",
        "Made by `benchmarks/experiments/logllama_render.py` from the JSON files beside it; thresholds from normal validation windows.",
    ]
    curves = sweeps()
    for name, found in measured().items():
        title = TITLES[name]
        text += [
            "",
            f"## {title}",
            "",
            f"Recipe `{name}`, rate {found['rate']}, {made_by(found)}.{one_rule(found)}{training_dates(found['recipe'])}",
        ]
        if name == "logllama_paper":
            text += ["", as_run(found)]
        for part in found["parts"]:
            text += ["", f"### {part}", "", *part_table(found, part)]
            if name in ("logllama_hdfs", "logllama_bgl", "logllama_paper"):
                text += ["", *rates(found, part), "", *apart(found, part), "", *objectives(found)]
        if rows := curves.get(title.split(":")[0]):
            text += [
                "",
                "K swept (paper's rule, mean over the seeds):",
                "",
                "| share | K | P | R | F1 |",
                "|---|---|---|---|---|",
            ]
            text += [
                f"| {share:.0%} | {k} | {v['precision']:.3f} | {v['recall']:.3f} | {v['f1']:.3f} |"
                for share, k, v in rows
            ]
    others = [result for result in (load("logllama_cross"), load("logllama_bgl_time")) if result]
    if across := foreign(others):
        text += ["", "## Across systems", "", *across]
        for one in others:
            if said := one_rule(one) + training_dates(one["recipe"]):
                text += ["", f"`{one['recipe']['name']}`:{said}"]
    if result := load("logllama_speed"):
        text += ["", f"## Speed ({result['threads']} threads, load {result['load']:.1f})", "", *speed(result)]
    if result := load("reinforce_on_trl"):
        text += ["", "## REINFORCE on three trainers", "", *trainers_beside(result)]
    if result := load("logllama_threshold"):
        text += ["", *chosen_settings(result)]
    return "\n".join(text) + "\n"


def main(check: bool) -> None:
    """Write page and pictures, or exit 1 where the page is not what would be written."""
    text = page()
    if check:
        if not PAGE.exists() or PAGE.read_text("utf-8") != text:
            sys.exit(
                f"{PAGE.name} differs from what the results say: run `python -m benchmarks experiments.logllama_render`"
            )
        return
    PAGE.write_text(text, "utf-8")
    if result := load("logllama_hdfs"):
        draw_curves(result, RESULTS / "logllama_rl.png")
    if curves := sweeps():
        draw_sweep(curves, RESULTS / "logllama_k.png")


if __name__ == "__main__":
    main("--check" in sys.argv)
