"""The result of `logllm reproduce` as a Markdown table beside the paper's figures, with intervals.

The interval of an F1 comes from its counts alone: drawing windows again is drawing (TP, FP, FN, TN) from a multinomial;
seeds are mixed in equal parts.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DRAWS = 4000
# Rows under a row: the same model, another decision.
DECISIONS = {
    "log_odds_0": "decision by the answer (log-odds 0, the paper's)",
    "natural_prior": "decision at the training part's own share of anomalies",
}


def report(result: Mapping[str, Any], rows: Sequence[str] | None = None, title: str | None = None) -> str:
    """A result beside the paper's row, as a Markdown table with 95 % intervals and why the two may differ.

    `rows` shows some of the rows, without the baselines, under a title of their own.
    """
    recipe = result["recipe"]
    paper = recipe.get("paper") or {}
    lines = [
        f"**{title or recipe['title']}**",
        "",
        "| | P | R | F1 | 95 % interval | AUROC | PR-AUC | TP/FP/FN | paper F1 |",
    ]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for name, metrics in result.get("baselines", {}).items() if rows is None else ():
        lines.append(_row(name, [metrics], None))
    for name in rows if rows is not None else recipe["rows"]:
        runs = [run for run in result["runs"] if run["row"] == name]
        if runs:
            lines.append(_row(name, [run["metrics"] for run in runs], paper.get(name)))
            lines += _other_decisions(runs)
    if rows is not None:
        return "\n".join(lines)
    seeds = sorted({run["seed"] for run in result["runs"]})
    test = result["splits"]["test"]
    lines += [
        "",
        f"Test: {test['windows']:,} windows, {test.get('anomalous', 0):,} anomalous. Seeds {', '.join(map(str, seeds))}: mean "
        "± standard deviation; thresholds from validation windows of the training part. In brackets behind the paper's F1: "
        "whether it lies in the interval.",
        provenance(result),
    ]
    doubts = dict.fromkeys(doubt for run in result["runs"] for doubt in run.get("doubts", ()))
    lines += [f"Threshold: {doubt}." for doubt in doubts]
    if result.get("differs_from_the_paper"):
        lines.append(f"Windows other than in the paper's Table I: {'; '.join(result['differs_from_the_paper'])}.")
    if recipe.get("note"):
        lines.append(f"Why the two may differ: {' '.join(recipe['note'].split())}")
    return "\n".join(lines)


def provenance(result: Mapping[str, Any]) -> str:
    """Machine and commits of a result: of each run where it is recorded, else of the file's last one.

    >>> provenance({"runs": [{"made": {"machine": "m", "commit": "abc", "time": "2026-01-02T03:04:05Z"}}]})
    'Machine: m, commit abc, 2026-01-02.'
    """
    made = [run["made"] for run in result["runs"] if "made" in run]
    if len(made) < len(result["runs"]) or not made:
        last = result.get("made", {})
        commit = last.get("commit", "not recorded")[:12]
        return f"Machine: {last.get('machine', 'not recorded')}, commit {commit} (of the last run; not kept for each)."
    machines = "; ".join(dict.fromkeys(one["machine"] for one in made))
    commits = list(dict.fromkeys(one["commit"][:12] for one in made))
    days = sorted({one["time"][:10] for one in made if "time" in one})
    days = days if len(days) < 2 else [f"{days[0]} to {days[-1]}"]
    return f"Machine: {machines}, commit{'s' if len(commits) > 1 else ''} {', '.join([', '.join(commits), *days])}."


def _other_decisions(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows of the same models by other decisions, and of LogLLaMA's detectors one by one."""
    lines = []
    for key, title in DECISIONS.items():
        found = [run["decisions"][key] for run in runs if key in run.get("decisions", {})]
        if found and any(one["threshold"] != run["metrics"]["threshold"] for one, run in zip(found, runs)):
            lines.append(_row(f"- {title}", found, None))
    names = dict.fromkeys(name for run in runs for name in run.get("detectors", {}))
    for name in names:
        lines.append(_row(f"- {name}", [run["detectors"][name] for run in runs if name in run["detectors"]], None))
    return lines


def f1_interval(counts: Sequence[Mapping[str, int]], draws: int = DRAWS, level: float = 0.95) -> tuple[float, float]:
    """The interval of an F1 over windows and seeds, from the counts `tp fp fn tn` of each seed.

    >>> low, high = f1_interval([{"tp": 50, "fp": 0, "fn": 0, "tn": 50}])
    >>> low, high
    (1.0, 1.0)
    """
    rng = np.random.default_rng(0)
    values = []
    for one in counts:
        cells = np.array([one["tp"], one["fp"], one["fn"], one["tn"]], dtype=float)
        tp, fp, fn, _ = rng.multinomial(int(cells.sum()), cells / cells.sum(), size=max(draws // len(counts), 1)).T
        values.append(2 * tp / np.maximum(2 * tp + fp + fn, 1))
    low, high = np.quantile(np.concatenate(values), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _row(name: str, metrics: Sequence[Mapping[str, Any]], paper: Mapping[str, float] | None) -> str:
    def mean(key: str) -> str:
        values = [one[key] for one in metrics]
        return f"{statistics.mean(values):.3f}" + (f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else "")

    low, high = f1_interval(metrics)
    counts = "; ".join(dict.fromkeys(f"{one['tp']}/{one['fp']}/{one['fn']}" for one in metrics))
    printed = ""
    if paper and "f1" in paper:
        printed = f"{paper['f1']:.3f} ({'inside' if low <= paper['f1'] <= high else 'outside'})"
    cells = [mean("precision"), mean("recall"), mean("f1"), f"{low:.3f} to {high:.3f}", mean("auroc"), mean("pr_auc")]
    return f"| {name} | {' | '.join(cells)} | {counts} | {printed} |"
