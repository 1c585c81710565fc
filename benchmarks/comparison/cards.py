"""One card of each kind from result files: both model families, the dataset, the Space.

Notes: A model card is of the first seed's checkpoint on the first of `CARD_SYSTEMS` that the bench has trained, whose
config and training record stand in the result file, with the simple baselines of its kind beside it and the bench's means
over the seeds below.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.comparison.systems import DATASETS, RECIPES
from benchmarks.comparison.tables import average, load_results, methods_of, runs_of, values

CARD_SYSTEMS = ("hdfs_chronological", "hdfs_random", "thunderbird", "bgl")
OURS = {"logllm": ("LogLLM, tiny", ("labels",)), "logllama": ("LogLLaMA, tiny", ("nothing", "normal"))}


def cards(folder: Path) -> dict[str, str]:
    """File name -> text, of every card that there are results for."""
    from logllm.model_cards import render_dataset_card, render_model_card

    results = load_results(folder)
    found = {}
    for family in OURS:
        parts = model_parts(family, results)
        if parts is not None:
            found[f"{family}.md"] = render_model_card(**parts)
    file = folder / DATASETS
    if file.is_file():
        held = json.loads(file.read_text("utf-8"))
        known = [held[name] for name in RECIPES if held.get(name)]
        if known:
            found["dataset.md"] = render_dataset_card(known)
    space = space_parts(results)
    if space is not None:
        from logllm.model_cards import render_space_card

        found["space.md"] = render_space_card(**space)
    return found


def model_parts(family: str, results: dict[str, Any]) -> dict[str, Any] | None:
    """What `render_model_card` takes: config, metrics with baselines, training record, the bench's rows."""
    method, learns = OURS[family]
    known = [results[name] for name in CARD_SYSTEMS if name in results]
    found = [(run, result) for result in known for run in runs_of(result, method) if "card" in run]
    if not found:
        return None
    run, result = found[0]
    metrics = {**run["metrics"], "seconds": run["score_seconds"], "baselines": simple_rows(result, learns)}
    training = {**run["card"]["training"], "made_with": "make bench", "commit": run["made"]["commit"]}
    return {
        "config": run["card"]["config"],
        "metrics": {"test": metrics},
        "training": training,
        "benchmark": bench_rows(results, method, learns),
    }


def simple_rows(result: dict[str, Any], learns: tuple[str, ...]) -> dict[str, Any]:
    """The simple baselines of a kind, first seed."""
    rows = {}
    for method in methods_of("simple", learns):
        runs = runs_of(result, method.name)
        if runs:
            rows[method.name] = runs[0]["metrics"]
    return rows


def bench_rows(results: dict[str, Any], method: str, learns: tuple[str, ...]) -> list[dict[str, Any]]:
    """A row a system: means over the seeds, and the best simple baseline of the kind."""
    rows = []
    for name, result in results.items():
        runs = runs_of(result, method)
        others = {m.name: average(runs_of(result, m.name), "metrics", "f1") for m in methods_of("simple", learns)}
        known = {other: f1 for other, f1 in others.items() if f1 is not None}
        if not runs or not known:
            continue
        best = max(known, key=lambda other: known[other])
        rows.append(
            {
                "system": RECIPES[name].title,
                "seeds": len(runs),
                **{key: average(runs, "metrics", key) for key in ("f1", "pr_auc", "auroc")},
                "f1_low": min(values(runs, "metrics", "f1")),
                "f1_high": max(values(runs, "metrics", "f1")),
                "best_baseline": best,
                "best_baseline_f1": known[best],
            }
        )
    return rows


def space_parts(results: dict[str, Any]) -> dict[str, Any] | None:
    """What `render_space_card` takes."""
    rows = {method: bench_rows(results, method, learns) for method, learns in OURS.values()}
    return {"benchmark": rows} if any(rows.values()) else None
