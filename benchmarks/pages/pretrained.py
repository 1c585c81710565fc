"""What pretrained weights bring: `python -m benchmarks pages.pretrained` writes docs/explanation/pretrained.md, `--check` says what differs.

Every figure is read from a result file; a table whose file is not there, and a row that was not run, are named as such.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks.experiments import logllm_pretrained, logllm_unseen_categories
from logllm.training.result_table import mean_of

HERE = Path(__file__).resolve().parents[1]
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "explanation" / "pretrained.md"
SHARES = (0.2, 0.4, 1.0)
INTRODUCTION = """# What pretrained weights bring

Written by `python -m benchmarks pages.pretrained` from the files in `benchmarks/results/`; a test fails where page and
files disagree.

LogLLM is a pretrained message encoder, a projector and a pretrained language model. Here the encoder is MiniLM (22 million
weights) and the decoder the first layers of SmolLM2-135M-Instruct, whose weights were rounded to 4 bits for the GGUF that
they come from. A row with a random decoder has the same shape, words and tokenizer and is trained whole; the pretrained
one is trained by LoRA (queries and values), the rest stands still. Both read the same frozen MiniLM. Checkpoint and
threshold are chosen on validation windows of the training part. The layers, the samples and the epochs were set by what a
processor can do in the time, before any of these rows was measured. How far messages are varied (the rows "messages varied",
and the preset `laptop`) was first set while looking at the test part of HDFS, and confirmed on its validation windows later
(`laptop_choice.json`)."""

# Heading -> what is measured there, and the tasks.
SECTIONS = (
    (
        "BGL, divided by time",
        "Lines in the order of the log, windows of 100 lines; the last fifth is the test.",
        ("bgl by time",),
    ),
    (
        "Few labels",
        "Of K labelled anomalies four in five are trained on, the others choose checkpoint and threshold.",
        tuple(task for task in logllm_pretrained.TASKS if "labelled" in task and "trained on" not in task),
    ),
    (
        "Another system",
        "Trained on the labelled windows of two systems and tested on the later half of a third: without any label of it, "
        "and with 20 labelled anomalies and as many normal windows of its earlier half.",
        tuple(task for task in logllm_pretrained.TASKS if "trained on" in task),
    ),
    (
        "Build logs",
        "CiDiff's pairs of a passed and a failed build, windows of 20 lines; a window is anomalous where it holds a line "
        "that must be shown. Of ten pairs six are trained on, one validates, three are tested; pairs of one project may "
        "stand on two sides.",
        ("cidiff, failed builds as windows",),
    ),
)


def load(name: str) -> dict[str, Any] | None:
    """A result, where it is there."""
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else None


def task_table(result: dict[str, Any], task: str) -> str:
    """F1, PR-AUC, AUROC and counts of every row of a task, with what its training took."""
    runs = [run for run in result["runs"] if run["task"] == task]
    names = [
        name for name in (*logllm_pretrained.BASELINES, *logllm_pretrained.ROWS) if any(r["row"] == name for r in runs)
    ]
    lines = [
        "| | seeds | P | R | F1 | PR-AUC | AUROC | TP/FP/FN | steps | peak MB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in names:
        some = [run for run in runs if run["row"] == name]
        plain = [next(f for f in run["figures"] if f["share"] == 0) for run in some]
        steps = {sum(stage["steps"] for stage in run["stages"]) for run in some if "stages" in run}
        trained = [run for run in some if "stages" in run]
        cells = [
            ", ".join(str(run["seed"]) for run in some),
            *(mean_of([one[key] for one in plain]) for key in ("precision", "recall", "f1", "pr_auc", "auroc")),
            "; ".join(f"{one['tp']}/{one['fp']}/{one['fn']}" for one in plain),
            ", ".join(map(str, sorted(steps))),
            f"{max(run['peak_memory_mb'] for run in trained):,}" if trained else "",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    counts = next(run["counts"] for run in runs)
    parts = "; ".join(f"{split} {n:,} windows, {bad} anomalous" for split, (n, bad) in counts.items())
    for run in runs:
        for stage in run.get("stages", ()):
            if "unfinished" in stage:
                parts += f". {run['row']}, seed {run['seed']}: the training was broken off and is measured at {stage['unfinished']} "
                parts += "of its last stage"
    f1 = {
        name: statistics.mean(
            next(f["f1"] for f in run["figures"] if f["share"] == 0) for run in runs if run["row"] == name
        )
        for name in names
    }
    models = [name for name in logllm_pretrained.ROWS if name in names]
    simple = max((name for name in names if name in logllm_pretrained.BASELINES), key=lambda name: f1[name])
    told = "No model was run here, only the simple baselines."
    if models:
        best = max(models, key=lambda name: f1[name])
        beaten = "beats" if f1[best] > f1[simple] else "does not beat"
        told = f"The best model (F1 {f1[best]:.3f}, {best}) {beaten} the best simple baseline (F1 {f1[simple]:.3f}, {simple})."
    lines += ["", f"{told} Windows: {parts}."]
    return "\n".join(lines)


def reworded_table(result: dict[str, Any], task: str) -> str:
    """F1 at each share of reworded templates."""
    runs = [run for run in result["runs"] if run["task"] == task]
    names = [
        name for name in (*logllm_pretrained.BASELINES, *logllm_pretrained.ROWS) if any(r["row"] == name for r in runs)
    ]
    head = " | ".join(f"{share:.0%}" for share in (0.0, *SHARES))
    lines = [f"| | seeds | {head} | lowest at 100% | PR-AUC at 100% |", f"|---|{'---|' * (len(SHARES) + 4)}"]
    for name in names:
        some = [run for run in runs if run["row"] == name]
        every = [f for run in some for f in run["figures"]]
        cells = [mean_of([f["f1"] for f in every if f["share"] == share]) for share in (0.0, *SHARES)]
        whole = [f for f in every if f["share"] == 1.0]
        cells += [f"{min(f['f1'] for f in whole):.3f}", f"{statistics.mean(f['pr_auc'] for f in whole):.3f}"]
        lines.append(f"| {name} | {', '.join(str(run['seed']) for run in some)} | {' | '.join(cells)} |")
    other = load("logllm_reworded")
    beside = (
        "nearest template by MiniLM, then decision tree",
        "LogLLM, laptop",
        "LogLLM, laptop, messages not varied",
        "LogLLM, laptop, random encoder",
    )
    for name in beside if other and "nearest" not in "".join(names) else ():
        some = [run for run in other["runs"] if run["row"] == name]  # type: ignore[index]
        every = [f for run in some for f in run["figures"]]
        cells = [mean_of([f["f1"] for f in every if f["share"] == share]) for share in (0.0, *SHARES)]
        whole = [f for f in every if f["share"] == 1.0]
        cells += [f"{min(f['f1'] for f in whole):.3f}", f"{statistics.mean(f['pr_auc'] for f in whole):.3f}"]
        lines.append(
            f"| {name} (logllm_reworded.json) | {', '.join(str(r['seed']) for r in some)} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def nearest_wording_text(result: dict[str, Any]) -> str:
    """How the least cosine of the rows with nearest wordings was chosen."""
    runs = [run for run in result["runs"] if "nearest_wording" in run]
    if not runs:
        return ""
    seeds = logllm_pretrained.VALIDATION_REWORDINGS
    chosen = "; ".join(
        f"{run['row'].rpartition('then ')[2]}, seed {run['seed']}: {run['nearest_wording']['floor']:g} (F1 there "
        + ", ".join(
            f"{floor}: {statistics.mean(values):.3f}"
            for floor, values in run["nearest_wording"]["validation_f1"].items()
            if floor != "-1.0"
        )
        + ")"
        for run in sorted(runs, key=lambda run: (run["row"], run["seed"]))
    )
    return (
        "Nearest wording: a message that training never held is read as the one of training whose MiniLM vector is nearest, where "
        "their cosine is at least a floor; the model behind it is that of the row without. The setting `nearest_wording` does "
        f"the same. The floor is chosen on the validation windows, every template reworded in {len(seeds)} other draws from the "
        f"same word list as the tests', of which some wordings coincide: {chosen}."
    )


def adapter_text(result: dict[str, Any]) -> str:
    """What an adapter-only checkpoint is and does."""
    base, rows = result["checkpoint"], []
    for name, title in (
        ("without_logllm", "loaded by plain AutoModel, in a process without logllm and without a network"),
        ("merged", "adapter merged into the weights"),
        ("bfloat16", "weights loaded as bfloat16"),
    ):
        one = result[name]
        rows.append(f"| {title} | {one['largest']:.2g} | {one['median']:.2g} | {one['verdicts']} |")
    return "\n".join(
        [
            f"The adapter checkpoint (first {base['base_decoder_layers']} layers of {base['base_decoder']}) takes "
            f"{result['megabytes']} MB, tokenizers and code included; {result['adapter_megabytes']} MB of it are weights. "
            f"Loading took {result['load_seconds']} s, scoring {result['windows']['windows']} HDFS windows "
            f"{result['score_seconds']} s. Log-odds (nats) against those of the checkpoint as it was saved:",
            "",
            "| | largest difference | median | verdicts that change |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    if result := load("logllm_pretrained"):
        done = {run["task"] for run in result["runs"]}
        parts += ["## HDFS, blocks divided at random", task_table(result, "hdfs")]
        rows = {run["row"] for run in result["runs"]}
        alone = [
            name
            for name in rows
            if name.startswith("pretrained") and name.replace("pretrained", "random", 1) not in rows
        ]
        if alone:
            parts.append(
                f"The counterpart of {', '.join(sorted(alone))} with random weights was not run, so that what pretraining brings "
                "and what size brings is not told apart here. A row of one seed says little about another seed."
            )
        parts += [
            "## The same models on a reworded log",
            "A share of the templates of the test log is reworded, five rewordings each; weights and thresholds are untouched. F1:",
            reworded_table(result, "hdfs"),
            nearest_wording_text(result),
        ]
        for heading, text, tasks in SECTIONS:
            tables = [part for task in tasks if task in done for part in (f"### {task}", task_table(result, task))]
            if tables:
                parts += [f"## {heading}", text, *tables]
        rest = [task for task in logllm_pretrained.TASKS if task not in done]
        if rest:
            parts.append(f"Not run: {'; '.join(rest)}.")
        made = sorted({run["made"]["commit"][:12] for run in result["runs"]})
        machine = sorted({run["made"]["machine"] for run in result["runs"]})
        parts.append(
            f"`python -m benchmarks experiments.logllm_pretrained`, commits {', '.join(made)}, machine {'; '.join(machine)}, one "
            "thread, beside other work. `laptop` rows: the same encoder before a Llama of two layers that starts from nothing."
        )
    if result := load("logllm_unseen_categories"):
        parts += [
            "## Alerts of categories never seen: labels and novelty",
            logllm_unseen_categories.table(result),
            "The row of novelty is no clean held-out figure: several variants were run on these test folds while it was built, "
            "and one change came after a look at its false alarms there. Its small lead over the rule should not be claimed.",
        ]
    if result := load("adapter"):
        parts += ["## The checkpoint", adapter_text(result)]
    if load("logllama_paper"):
        parts += [
            "## LogLLaMA at the paper's size",
            "18 layers and 12 heads, with and without REINFORCE: its section in `benchmarks/results/logllama.md`.",
        ]
    ran = {run["row"] for run in (load("logllm_pretrained") or {"runs": []})["runs"]}
    left = [
        *(f"the row {name!r}, on any task" for name in logllm_pretrained.ROWS if name not in ran),
        "all thirty layers of SmolLM2",
        "LoRA on the encoder (the paper's stages 2 and 3 on MiniLM)",
        "a decoder of more than 135 million weights",
    ]
    unseen = load("logllm_unseen_categories") or {"runs": []}
    if not any(run["row"] == logllm_unseen_categories.BOTH[0] for run in unseen["runs"]):
        left.append("LogLLM beside novelty on categories never seen (the table has novelty alone)")
    if load("logllama_paper") is None:
        left.append("LogLLaMA at the paper's size (`benchmarks/recipes/logllama_paper.yaml`)")
    parts.append("## What was not run\n\n" + "\n".join(f"- {one}" for one in left))
    return "\n\n".join(parts) + "\n"


def main(check: bool) -> None:
    """Write the page, or exit 1 where it is not what would be written."""
    text = page()
    if check and (not PAGE.exists() or PAGE.read_text("utf-8") != text):
        sys.exit(f"{PAGE.name} differs from what the results say: run `python -m benchmarks pages.pretrained`")
    if not check:
        PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main("--check" in sys.argv)
