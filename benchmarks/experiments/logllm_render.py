"""LogLLM's tables on one page: `python -m benchmarks experiments.logllm_render` writes results/logllm.md, `--check` says what differs.

Notes: Nothing is typed; a table whose result file is not there is not on the page.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.experiments import logllm_reworded, logllm_unseen_categories
from logllm.training.recipe import read_recipe
from logllm.training.result_file import as_in
from logllm.training.result_table import report

HERE = Path(__file__).resolve().parents[1]
RESULTS = HERE / "results"
PAGE = RESULTS / "logllm.md"
BASE = "all stages, regular expressions, beta 30 %"
ABLATIONS = {
    "stages": ("without stage 1", "without stage 2", "without stages 1 and 2", "without stage 3"),
    "preprocessing": ("raw messages", "template messages", "template id messages"),
    "beta": ("beta 0 %", "beta 10 %", "beta 50 %", "beta 80 %"),
    "epochs of the last stage (5 in the first row)": (
        "last stage 1 epoch",
        "last stage 2 epochs",
        "last stage 12 epochs",
    ),
}
INTRODUCTION = """# LogLLM: results

Written by `python -m benchmarks experiments.logllm_render` from the JSON files beside it. Every figure there was made by
`logllm reproduce benchmarks/recipes/NAME.yaml --data DIR` or by the script that a table names."""


def load(name: str) -> dict[str, Any] | None:
    """A result, where it is there and holds a run; of a recipe's it is what the recipe's file says now."""
    file, recipe = RESULTS / f"{name}.json", HERE / "recipes" / f"{name}.yaml"
    result = json.loads(file.read_text("utf-8")) if file.exists() else {}
    if not result.get("runs"):
        return None
    return as_in(result, read_recipe(recipe)) if recipe.exists() else result


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for title, names in (
        ("HDFS", ("logllm_hdfs_random", "logllm_hdfs_chronological")),
        ("BGL", ("logllm_bgl_chronological",)),
    ):
        tables = [report(result) for name in names if (result := load(name))]
        parts += [f"## {title}", *tables] if tables else []
    if result := load("logllm_reworded"):
        parts += ["## A reworded log", logllm_reworded.table(result)]
    if result := load("logllm_unseen_categories"):
        parts += ["## Alerts of categories never seen", logllm_unseen_categories.table(result)]
    for system in ("hdfs", "bgl"):
        if result := load(f"logllm_ablations_{system}"):
            parts.append(f"## Ablations, {system.upper()}")
            measured = {run["row"] for run in result["runs"]}
            for title, rows in ABLATIONS.items():
                if not measured & set(rows):
                    continue
                parts.append(report(result, (BASE, *rows), f"{result['recipe']['title']}: {title}"))
            parts.append(report(result).split("\n\n", 2)[-1])  # seeds, machine, why it may differ
    for name in ("logllm_template_id_hdfs", "logllm_preset_choice", "logllm_beta_time_bgl"):
        if result := load(name):
            parts += [f"## {result['recipe']['title']}", report(result)]
            if name == "logllm_beta_time_bgl":
                parts.append(training_time(result))
    file = RESULTS / "logllm_values.json"
    if file.is_file():
        parts += ["## What discarding variable values costs", values(json.loads(file.read_text("utf-8")))]
    return "\n\n".join(parts) + "\n"


def values(result: dict[str, Any]) -> str:
    """Faults that show in a number alone, by masked and by raw messages."""
    text = ["Simulated HDFS with faults that show in a number alone, which the masks take away "
            "(`python -m benchmarks experiments.logllm_values`).", "",
            "| row | seed | F1 | recall, faults in a number | recall, the simulator's own | seconds | commit |",
            "|---|---|---|---|---|---|---|"]  # fmt: skip
    for row in result["rows"]:
        text.append(
            f"| {row['row']} | {row['seed']} | {row['metrics']['f1']:.3f} | {row['recall_planted']:.3f} of {row['planted']} | "
            f"{row['recall_others']:.3f} of {row['others']} | {row['seconds']:.0f} | {row['made']['commit'][:10]} |"
        )
    return "\n".join(text)


def training_time(result: dict[str, Any]) -> str:
    """Figure 4d: samples an epoch of the last stage and processor seconds of each row."""
    text = [
        "| row | steps of the last stage | seconds a step | processor seconds, training and test |",
        "|---|---|---|---|",
    ]
    for run in result["runs"]:
        last = run["stages"][-1]
        text.append(
            f"| {run['row']} | {last['steps']} | {last['seconds_per_step']:.2f} | {run['processor_seconds']:.0f} |"
        )
    return "\n".join(text)


def main(check: bool) -> None:
    """Write the page, or exit 1 where it is not what would be written."""
    text = page()
    if check and (not PAGE.exists() or PAGE.read_text("utf-8") != text):
        sys.exit(
            f"{PAGE.name} differs from what the results say: run `python -m benchmarks experiments.logllm_render`"
        )
    if not check:
        PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main("--check" in sys.argv)
