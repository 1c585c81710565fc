"""The result of `logllm reproduce` as a Markdown table beside the paper's figures, with intervals.

The interval of an F1 comes from its counts alone: drawing windows again is drawing (TP, FP, FN, TN) from a multinomial;
seeds are mixed in equal parts.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DRAWS = 4000
LEAST_ANOMALOUS = 100  # with fewer anomalous test windows nearly every published F1 lies in the interval
# The same model, another decision: the first is a column of `report`, the other a row under the row.
DECISIONS = {
    "log_odds_0": "decision by the answer (log-odds 0, the paper's)",
    "natural_prior": "decision at the training part's own share of anomalies",
}


def report(result: Mapping[str, Any], rows: Sequence[str] | None = None, title: str | None = None) -> str:
    """A result beside the paper's row, as a Markdown table with 95 % intervals and why the two may differ.

    `rows` shows some of the rows, without the baselines, under a title of their own.
    """
    recipe, test = result["recipe"], result["splits"]["test"]
    paper = recipe.get("paper") or {}
    published = recipe["data"].get("published") and not result.get("differs_from_the_paper")
    comparable = bool(published) and test.get("anomalous", 0) >= LEAST_ANOMALOUS
    lines = [
        f"**{title or recipe['title']}**",
        "",
        "| | P | R | F1 | 95 % interval | AUROC | PR-AUC | TP/FP/FN | F1 at log-odds 0 | paper F1 |",
    ]
    lines.append("|---|---|---|---|---|---|---|---|---|---|")
    for name, metrics in result.get("baselines", {}).items() if rows is None else ():
        lines.append(_row(name, [metrics]))
    for name in rows if rows is not None else recipe["rows"]:
        runs = [run for run in result["runs"] if run["row"] == name]
        if runs:
            at_0 = [run["decisions"]["log_odds_0"] for run in runs if "log_odds_0" in run.get("decisions", {})]
            lines.append(_row(name, [run["metrics"] for run in runs], at_0, paper.get(name), comparable))
            lines += _other_decisions(runs)
    if rows is not None:
        return "\n".join(lines)
    seeds = sorted({run["seed"] for run in result["runs"]})
    lines += [
        "",
        f"Test: {test['windows']:,} windows, {test.get('anomalous', 0):,} anomalous. Seeds {', '.join(map(str, seeds))}: mean "
        "± standard deviation; thresholds from validation windows of the training part. F1 at log-odds 0: the paper's decision, "
        "where it was recorded.",
        *(["In brackets behind the paper's F1: whether it lies in the interval."] if comparable else []),
        provenance(result),
    ]
    if result.get("left_out"):
        lines.append(
            f"Left out, because measured with other settings than recipe and program have now: {'; '.join(result['left_out'])}."
        )
    doubts = dict.fromkeys(doubt for run in result["runs"] for doubt in run.get("doubts", ()))
    lines += [f"Threshold: {doubt}." for doubt in doubts]
    if result.get("differs_from_the_paper"):
        lines.append(f"Windows other than in the paper's Table I: {'; '.join(result['differs_from_the_paper'])}.")
    if recipe.get("note"):
        lines.append(f"Why the two may differ: {' '.join(recipe['note'].split())}")
    return "\n".join(lines)


def provenance(result: Mapping[str, Any]) -> str:
    """Machines, commits and days of a result's runs; of a run that does not record them those of its file.

    >>> provenance({"runs": [{"made": {"machine": "m", "commit": "abc", "time": "2026-01-02T03:04:05Z"}}]})
    'Machine: m, commit abc, 2026-01-02.'
    >>> provenance({"runs": [{}, {}, {"made": {"machine": "m", "commit": "b"}}], "made": {"machine": "m", "commit": "a"}})
    'Machine: m, commits a (2 runs, as their file says, not kept for each), b (1 run).'
    """
    made = [run.get("made") or {**result.get("made", {}), "of": "the file"} for run in result["runs"]]
    machines = "; ".join(dict.fromkeys(one.get("machine", "not recorded") for one in made))
    counts = Counter((one.get("commit", "not recorded")[:12], "of" in one) for one in made)
    commits = []
    for (commit, of_file), count in counts.items():
        told = [f"{count} run{'s' if count > 1 else ''}"] if len(counts) > 1 else []
        told += ["as their file says, not kept for each"] if of_file else []
        commits.append(commit + (f" ({', '.join(told)})" if told else ""))
    days = sorted({one["time"][:10] for one in made if "time" in one})
    days = days if len(days) < 2 else [f"{days[0]} to {days[-1]}"]
    return f"Machine: {machines}, commit{'s' if len(commits) > 1 else ''} {', '.join([', '.join(commits), *days])}."


def _other_decisions(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows of the same models by other decisions, and of LogLLaMA's detectors one by one."""
    lines = []
    for key, title in list(DECISIONS.items())[1:]:
        found = [run["decisions"][key] for run in runs if key in run.get("decisions", {})]
        if found and any(one["threshold"] != run["metrics"]["threshold"] for one, run in zip(found, runs)):
            lines.append(_row(f"- {title}", found))
    names = dict.fromkeys(name for run in runs for name in run.get("detectors", {}))
    for name in names:
        lines.append(_row(f"- {name}", [run["detectors"][name] for run in runs if name in run["detectors"]]))
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


def mean_of(values: Sequence[float]) -> str:
    """Mean and, of several, the standard deviation; of none nothing.

    >>> mean_of([0.5]), mean_of([0.4, 0.6]), mean_of([])
    ('0.500', '0.500 ± 0.141', '')
    """
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}" if values else ""


def _row(
    name: str,
    metrics: Sequence[Mapping[str, Any]],
    at_0: Sequence[Mapping[str, Any]] = (),
    paper: Mapping[str, float] | None = None,
    comparable: bool = False,
) -> str:
    low, high = f1_interval(metrics)
    counts = "; ".join(dict.fromkeys(f"{one['tp']}/{one['fp']}/{one['fn']}" for one in metrics))
    printed = ""
    if paper and "f1" in paper:
        printed = f"{paper['f1']:.3f}"
        printed += (" (inside)" if low <= paper["f1"] <= high else " (outside)") if comparable else ""
    cells = [mean_of([one[key] for one in metrics]) for key in ("precision", "recall", "f1", "auroc", "pr_auc")]
    cells.insert(3, f"{low:.3f} to {high:.3f}")
    decided = mean_of([one["f1"] for one in at_0])
    decided += f" ({len(at_0)} of {len(metrics)} seeds)" if 0 < len(at_0) < len(metrics) else ""
    return f"| {name} | {' | '.join(cells)} | {counts} | {decided} | {printed} |"
