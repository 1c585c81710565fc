"""LogLLaMA's tables and pictures from its result files: `python -m benchmarks experiments.logllama_render`.

Notes: Nothing is typed here; a table that has no result file is left out. Writes `results/logllama.md`,
`results/logllama_k.png` (F1, precision, recall over K) and `results/logllama_rl.png` (reward, entropy, KL by objective).
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.experiments.logllama import mean

RESULTS = Path(__file__).resolve().parents[1] / "results"
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


def chosen_settings(result: dict[str, Any]) -> list[str]:
    """How threshold, count weight and the likelihood's score were chosen, and what came on the part left alone."""
    from benchmarks.experiments import logllama_threshold as thresholds

    commits = Counter(case["made"]["commit"][:10] for case in result["cases"])
    taken = "; ".join(f"{detector}: {rule}" for detector, rule in thresholds.CHOSEN.items())
    weights = [row for row in result["weights"] if row["margin"] == result["margin"]]
    margins = [row for row in result["weights"] if row["weight"] == result["weight"]]
    return [
        "## The default threshold, the weight of counts and the likelihood's score",
        "",
        f"Measurement `experiments.logllama_threshold`, commits {', '.join(commits)}. The choice was made on the rows `choice` alone. "
        f"Chosen: {taken}.",
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
    ]


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


def main() -> None:
    """Write everything that there are results for."""
    text = [
        "# LogLLaMA: results",
        "",
        "Made by `benchmarks/experiments/logllama_render.py` from the JSON files beside it; thresholds from normal validation windows.",
    ]
    curves: dict[str, list[tuple[float, int, dict[str, float]]]] = {}
    titles = {"logllama_hdfs": "HDFS: the last fifth of the dated blocks tested; trained on those before and on blocks of unknown date", "logllama_bgl": "BGL, divided at random", "logllama_folds": "HDFS, each fifth of the blocks",
              "logllama_contamination": "Contaminated training", "logllama_drain": "Drain settings, HDFS",
              "logllama_parsers": "Drain, Spell and the masks alone, HDFS",
              "logllama_bgl_time": "BGL, divided by time; Drain settings"}  # fmt: skip
    for name, title in titles.items():
        result = load(name)
        if result is None or not result["rows"]:
            continue
        text += [
            "",
            f"## {title}",
            "",
            f"Recipe `{name}`, rate {result['rate']}, {made_by(result)}.",
        ]
        for part in result["parts"]:
            text += ["", f"### {part}", "", *part_table(result, part)]
            if name in ("logllama_hdfs", "logllama_bgl"):
                text += ["", *rates(result, part), "", *apart(result, part), "", *objectives(result)]
        if name == "logllama_hdfs":
            draw_curves(result, RESULTS / "logllama_rl.png")
        if result["recipe"].get("sweep"):
            curves[title.split(":")[0]] = sweep(result)
            text += [
                "",
                "K swept (paper's rule, mean over the seeds):",
                "",
                "| share | K | P | R | F1 |",
                "|---|---|---|---|---|",
            ]
            text += [
                f"| {share:.0%} | {k} | {v['precision']:.3f} | {v['recall']:.3f} | {v['f1']:.3f} |"
                for share, k, v in curves[title.split(":")[0]]
            ]
    if curves:
        draw_sweep(curves, RESULTS / "logllama_k.png")
    others = [result for result in (load("logllama_cross"), load("logllama_bgl_time")) if result]
    if found := foreign(others):
        text += ["", "## Across systems", "", *found]
    if result := load("logllama_speed"):
        text += ["", f"## Speed ({result['threads']} threads, load {result['load']:.1f})", "", *speed(result)]
    if result := load("reinforce_on_trl"):
        text += ["", "## REINFORCE on three trainers", "", *trainers_beside(result)]
    if result := load("logllama_threshold"):
        text += ["", *chosen_settings(result)]
    (RESULTS / "logllama.md").write_text("\n".join(text) + "\n", "utf-8")


if __name__ == "__main__":
    main()
