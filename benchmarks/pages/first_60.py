"""The table of recipes that train both families on one split, such as `hdfs_first_60`; the results page of the docs shows it."""

from __future__ import annotations

import statistics
from typing import Any

from logllm.training.result_table import DECISIONS, provenance

SHOWN = ("precision", "recall", "f1", "auroc", "pr_auc")
NAMES = {"logllama": "LogLLaMA, tiny (normal blocks only)", "logllm": "LogLLM, tiny (labelled blocks)"}


def table(result: dict[str, Any]) -> str:
    """Render a result as Markdown: mean and deviation over the seeds, the baselines above."""
    rows = [
        f"**{result['recipe']['title']}**",
        "",
        "| | P | R | F1 | AUROC | PR-AUC | TP/FP/FN |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, metrics in result["baselines"].items():
        rows.append(f"| {name} | {' | '.join(f'{metrics[m]:.3f}' for m in SHOWN)} | {_counts(metrics)} |")
    for family in result["recipe"]["families"]:
        runs = [one["metrics"] for one in result["runs"] if one["family"] == family]
        if runs:
            cells = [_mean([one[m] for one in runs]) for m in SHOWN]
            counts = "; ".join(_counts(one) for one in runs)
            rows.append(f"| {NAMES[family]} | {' | '.join(cells)} | {counts} |")
            rows += _apart([one for one in result["runs"] if one["family"] == family])
    seeds = ", ".join(map(str, result["recipe"]["seeds"]))
    rows += [
        "",
        f"Seeds {seeds}: mean ± standard deviation; thresholds set on validation blocks of the training part. Rows with a dash are "
        "the same models by another rule: what of the result is the language model, and what is counting.",
    ]
    rows.append(f"Recipe `benchmarks/recipes/{result['recipe']['name']}.yaml`. {provenance(result)}")
    return "\n".join(rows)


def _apart(runs: list[dict[str, Any]]) -> list[str]:
    """A row for each other rule of the same models: LogLLaMA's detectors, LogLLM's decision at log-odds 0."""
    found: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        for name, metrics in run.get("detectors", {}).items():
            found.setdefault(name, []).append(metrics)
        for key, metrics in run.get("decisions", {}).items():
            found.setdefault(DECISIONS[key], []).append(metrics)
    rows = []
    for name, some in found.items():
        counts = "; ".join(map(_counts, some))
        rows.append(f"| - {name} | {' | '.join(_mean([one[m] for one in some]) for m in SHOWN)} | {counts} |")
    return rows


def _mean(values: list[float]) -> str:
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"


def _counts(metrics: dict[str, Any]) -> str:
    return f"{metrics['tp']}/{metrics['fp']}/{metrics['fn']}"
