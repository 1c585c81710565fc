"""Renders the README's tables from `results/`.

`python -m benchmarks pages.readme` writes, `--check` says what differs (a test calls it).
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks.comparison.tables import load_results, readme_table
from benchmarks.experiments import logllm_reworded
from benchmarks.experiments.logllm_render import load
from logllm.training.result_table import DECISIONS, provenance, report

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parent
README = ROOT / "README.md"
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


def render(text: str) -> str:
    """Put each result's table between its markers `<!-- result NAME -->` and `<!-- end NAME -->`."""
    for file in sorted((HERE / "results").glob("*.json")):
        result = json.loads(file.read_text("utf-8"))
        if isinstance(result, dict) and "runs" in result and "recipe" in result and "baselines" in result:
            name = result["recipe"]["name"] if isinstance(result["recipe"], dict) else file.stem
            pattern = rf"(<!-- result {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)"
            show = table if "families" in result["recipe"] else report
            text = re.sub(pattern, lambda m, r=result, s=show: f"{m[1]}{s(r)}\n{m[2]}", text, flags=re.S)
    if reworded := load("logllm_reworded"):
        pattern = r"(<!-- result logllm_reworded -->\n).*?(<!-- end logllm_reworded -->)"
        text = re.sub(pattern, lambda m: f"{m[1]}{logllm_reworded.table(reworded)}\n{m[2]}", text, flags=re.S)
    if bench := load_results(HERE / "results"):  # one table over the result files of all systems
        pattern = r"(<!-- result bench -->\n).*?(<!-- end bench -->)"
        text = re.sub(pattern, lambda m: f"{m[1]}{readme_table(bench)}\n{m[2]}", text, flags=re.S)
    return text


def rendered(text: str) -> str:
    """The README's text with all rendered parts anew."""
    return render(text)


def main(check: bool) -> None:
    """Write the README, or exit 1 where it is not what would be written."""
    before = README.read_text("utf-8")
    after = rendered(before)
    if check and before != after:
        sys.exit("README.md differs from what its results and files say: run `python -m benchmarks pages.readme`")
    README.write_text(after, "utf-8")


if __name__ == "__main__":
    main("--check" in sys.argv)
