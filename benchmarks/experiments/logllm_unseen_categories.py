"""Alerts of a kind that training never saw: `python -m benchmarks experiments.logllm_unseen_categories --data DIR [--seeds 0,1]`.

Notes:
- BGL labels an alert line with its category. The categories, most frequent first, are dealt in turn to three folds; a
  fold's alert lines are taken out of the training part (the first 80 % of the lines) altogether.
- Tested on the normal windows of the last 20 %, and on the windows of the whole log whose only alerts are of the fold's
  categories: no alert like them was in training, so words must carry over from one message to another.
- "Both at once" is LogLLM with a LogLLaMA of the normal windows beside it, as `logllm fit --with both` joins them. The
  severities that weigh new lines were chosen by hand while looking at samples of this log among others.
- Rows: the same decoder behind a pretrained encoder and behind one of the same shape with random weights; beside them the
  table of masked lines and the new-template rule, which cannot know and cannot help knowing, respectively.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from logllm.training.result_table import mean_of, provenance

HERE = Path(__file__).resolve().parents[1]
LOG = "bgl/BGL_thinned.log"
WINDOW, TRAIN_SHARE, VALIDATION_SHARE, FOLDS = 100, 0.8, 0.1, 3
# Noise only: wordings of a thousand messages take longer than the training.
SETTINGS = {"preset": "laptop", "word_dropout": 0.0, "variants": 0, "max_samples": 600, "last_epochs": 10}
ROWS: dict[str, dict[str, Any]] = {
    "LogLLM, pretrained encoder": SETTINGS,
    "LogLLM, random encoder": {**SETTINGS, "random_encoder": True},
}
RULES = ("table of masked lines", "new masked line")
# The novelty part alone; where new messages alone count, as here, no key model has to be trained for it.
NOVELTY = "novelty of `fit --with both`, alone"
# One training of LogLLM and one of LogLLaMA give these rows; the first is what `logllm fit --with both` makes.
BOTH = (
    "both at once",
    "both at once, without severity",
    "both at once, LogLLM reads new messages too",
    "novelty alone (LogLLaMA and severity)",
    "novelty alone, without severity",
    "LogLLM of both at once, alone",
    "novelty alone, new by text, with severity",
)


def main() -> None:
    """Run what the result file lacks, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--result", type=Path, default=HERE / "results" / "logllm_unseen_categories.json")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--rows", default="", help="part of the names of the rows to run")
    args = parser.parse_args()
    from logllm.training.result_file import locked_result, run_provenance

    folds = [fold(args.data / LOG, number) for number in range(FOLDS)]
    made_of = {
        "recipe": {"log": LOG, "rows": ROWS, "window": WINDOW, "folds": FOLDS},
        "folds": [{key: value for key, value in one.items() if key != "windows"} for one in folds],
    }
    for seed in map(int, args.seeds.split(",")):
        for number, one in enumerate(folds):
            for name in (*RULES, NOVELTY, *ROWS, BOTH[0]):
                if args.rows not in name or (name in (*RULES, NOVELTY) and seed):
                    continue
                with locked_result(args.result, made_of) as result:
                    if any((r["row"], r["fold"], r["seed"]) == (name, number, seed) for r in result["runs"]):
                        continue
                started = time.perf_counter()
                if name == NOVELTY:
                    found = {name: novelty_alone(one["windows"])}
                elif name in BOTH:
                    found = both(one["windows"], seed)
                else:
                    found = {name: rule(name, one["windows"]) if name in RULES else logllm(name, one["windows"], seed)}
                for row, metrics in found.items():
                    run = {"row": row, "fold": number, "seed": seed, "metrics": metrics, "made": run_provenance()}
                    run["seconds"] = round(time.perf_counter() - started, 1)
                    with locked_result(args.result, made_of, adds=True) as result:
                        result["runs"].append(run)
                    print(row, number, seed, {k: round(metrics[k], 3) for k in ("f1", "pr_auc", "auroc")}, flush=True)
    print(table(json.loads(args.result.read_text("utf-8"))))


def fold(log: Path, number: int) -> dict[str, Any]:
    """Training, validation and test windows of a fold, and what is in them."""
    from logllm.hf_datasets import get_system, parse_lines, read_lines

    system = get_system("bgl")
    lines = [line for line in parse_lines(read_lines(log, system.encoding), system) if line.parsed]
    ranked = [category for category, _ in Counter(one.label for one in lines if one.anomalous == 1).most_common()]
    held_out = set(ranked[number::FOLDS])
    cut = int(len(lines) * TRAIN_SHARE)
    train = windows([one for one in lines[:cut] if one.label not in held_out])
    keep = int(len(train) * (1 - VALIDATION_SHARE))
    every = windows(lines[:cut]) + windows(lines[cut:])
    later = {id(window) for window in every[len(windows(lines[:cut])) :]}
    test = []
    for window in every:
        alerts = {one.label for one in window if one.anomalous == 1}
        if (alerts and alerts <= held_out) or (not alerts and id(window) in later):
            test.append(window)
    parts = {"train": train[:keep], "validation": train[keep:], "test": test}
    return {
        "held_out": sorted(held_out),
        "counts": {
            name: [len(part), sum(any(one.anomalous == 1 for one in w) for w in part)] for name, part in parts.items()
        },
        "windows": parts,
    }


def windows(lines: list[Any]) -> list[list[Any]]:
    """Windows of WINDOW lines, the last one shorter."""
    return [lines[start : start + WINDOW] for start in range(0, len(lines), WINDOW)]


def labels_of(part: list[list[Any]]) -> list[int]:
    """1 where any line is an alert."""
    return [int(any(one.anomalous == 1 for one in window)) for window in part]


def contents(part: list[list[Any]]) -> list[list[str]]:
    """The messages."""
    return [[one.content for one in window] for window in part]


def logllm(name: str, parts: dict[str, list[list[Any]]], seed: int) -> dict[str, Any]:
    """Train a row and measure it on the test windows."""
    from datasets import Dataset

    from logllm.evaluation import measure
    from logllm.hf_datasets import get_system
    from logllm.training.train import train_detector

    rows = {
        name: Dataset.from_dict({"lines": contents(part), "label": labels_of(part)}) for name, part in parts.items()
    }
    detector = train_detector(
        "logllm",
        rows["train"],
        rows["validation"],
        {},
        get_system("bgl"),
        recipe=ROWS[name],
        seed=seed,
        progress=False,
    )
    return measure(detector.scores(rows["test"]["lines"]), rows["test"]["label"][:], detector.threshold, 0.0)


def novelty_alone(parts: dict[str, list[list[Any]]]) -> dict[str, Any]:
    """The novelty part of `both`, its variant and threshold from the validation windows."""
    from datasets import Dataset

    from logllm.evaluation import measure
    from logllm.fitting.novelty import learn_novelty, set_thresholds
    from logllm.hf_datasets import get_system

    system = get_system("bgl")
    rows = {
        name: Dataset.from_dict({"lines": contents(part), "label": labels_of(part)}) for name, part in parts.items()
    }
    raw = {name: [[line.raw for line in window] for window in part] for name, part in parts.items()}
    held = (contents(parts["validation"]), raw["validation"], labels_of(parts["validation"]))
    for steps in (1, -1):  # trained in earnest only where the model has a say
        novelty = learn_novelty(rows["train"], rows["validation"], system, max_steps=steps, progress=False)
        how = set_thresholds(novelty, *held, lambda windows: [0.0] * len(windows), system, 0.0)
        if not novelty.settings.order:
            break
    scores = novelty.scores(contents(parts["test"]), raw["test"], system)
    return measure(scores, labels_of(parts["test"]), novelty.settings.threshold, 0.0) | {"calibration": how}


def both(parts: dict[str, list[list[Any]]], seed: int) -> dict[str, dict[str, Any]]:
    """Train LogLLM and the novelty part; every row of `BOTH` on the test windows.

    Thresholds: LogLLM's as its training sets it, novelty's by the best F1 on the validation windows, where every alert is
    of a kind that no label told novelty of.
    """
    from datasets import Dataset

    from logllm.evaluation import measure
    from logllm.fitting.novelty import learn_novelty, set_thresholds
    from logllm.hf_datasets import get_system
    from logllm.trainers.metrics import best_f1_threshold
    from logllm.training.train import train_detector

    system = get_system("bgl")
    rows = {
        name: Dataset.from_dict({"lines": contents(part), "label": labels_of(part)}) for name, part in parts.items()
    }
    detector = train_detector(
        "logllm", rows["train"], rows["validation"], {}, system, recipe=SETTINGS, seed=seed, progress=False
    )
    novelty = learn_novelty(rows["train"], rows["validation"], system, seed=seed, progress=False)
    raw = {name: [[line.raw for line in window] for window in part] for name, part in parts.items()}
    tested, labels = contents(parts["test"]), labels_of(parts["test"])
    whole = detector.scores(tested)
    found = {}
    learnt = novelty.normal_texts
    for weight, suffix in ((1.0, ""), (0.0, ", without severity")):
        novelty.settings.severity_weight, novelty.normal_texts = weight, learnt
        how = set_thresholds(
            novelty, contents(parts["validation"]), raw["validation"], labels_of(parts["validation"]),
            detector.scores, system, detector.threshold,
        )  # fmt: skip
        scores = novelty.scores(tested, raw["test"], system)
        read = detector.scores([novelty.readable(window) for window in tested])
        joined = {BOTH[0] + suffix: (novelty.joined(read, scores), 0.0)}
        if weight:
            joined[BOTH[2]] = (novelty.joined(whole, scores), 0.0)
            joined[BOTH[3]] = (scores, novelty.settings.threshold)
            joined[BOTH[5]] = (whole, detector.threshold)
            chosen, accepted = replace(novelty.settings), novelty.normal_texts
            novelty.settings.kinds, novelty.settings.order, novelty.normal_texts = "text", False, learnt
            held = novelty.scores(contents(parts["validation"]), raw["validation"], system)
            at = best_f1_threshold(held, labels_of(parts["validation"]))
            novelty.normal_texts = accepted
            joined[BOTH[6]] = (novelty.scores(tested, raw["test"], system), at)
            novelty.settings = chosen
        else:
            joined[BOTH[4]] = (scores, novelty.settings.threshold)
        for name, (values, threshold) in joined.items():
            found[name] = measure(values, labels, threshold, 0.0) | {"calibration": how}
    return found


def rule(name: str, parts: dict[str, list[list[Any]]]) -> dict[str, Any]:
    """The simple rules on masked lines, from training and validation windows."""
    from logllm.evaluation import measure
    from logllm.modeling_logllm.masking import mask_message

    known = [one for part in ("train", "validation") for window in parts[part] for one in window]
    bad = {mask_message(one.content) for one in known if one.anomalous == 1}
    normal = {mask_message(one.content) for one in known if one.anomalous == 0}
    scores = []
    for window in contents(parts["test"]):
        masked = [mask_message(message) for message in window]
        hit = (m in bad - normal for m in masked) if name == RULES[0] else (m not in normal for m in masked)
        scores.append(float(sum(hit)))
    return measure(scores, labels_of(parts["test"]), 0.5, 0.0)


def table(result: dict[str, Any]) -> str:
    """F1 and PR-AUC by fold, mean and deviation over the seeds."""
    from logllm.fitting.novelty import FALSE_ALARM_RATE, LEAST_ANOMALIES
    from logllm.training.train import FALSE_ALARM_RATE as TRAINING_RATE

    names = [f"fold {i + 1}" for i in range(len(result["folds"]))]
    lines = [
        "**BGL (thinned), windows whose only alerts are of categories that training never saw: F1 / PR-AUC**",
        "",
        f"| | seeds | {' | '.join(names)} | mean |",
        f"|---|{'---|' * (len(names) + 2)}",
    ]
    for name in (*RULES, NOVELTY, *ROWS, *BOTH):
        runs = [run for run in result["runs"] if run["row"] == name]
        if runs:
            cells = [_cell([r["metrics"] for r in runs if r["fold"] == i]) for i in range(len(names))]
            seeds = ", ".join(map(str, sorted({run["seed"] for run in runs})))
            lines.append(f"| {name} | {seeds} | {' | '.join(cells)} | {_cell([r['metrics'] for r in runs])} |")
    for i, one in enumerate(result["folds"]):
        test = one["counts"]["test"]
        lines.append(
            f"{'' if i else chr(10)}Fold {i + 1}: {test[1]} of {test[0]} test windows; {', '.join(one['held_out'])}."
        )
    how = [run["metrics"].get("calibration", "") for run in result["runs"] if run["row"] in (NOVELTY, *BOTH)]
    by_rate = sum("false-alarm rate" in one for one in how)
    lines += [
        "LogLLM is the preset `laptop` without its varied wordings (`word_dropout: 0`, `variants: 0`; noise on the vectors "
        f"stays; {SETTINGS['max_samples']} samples an epoch, {SETTINGS['last_epochs']} epochs of the last stage).",
        "Novelty's threshold is that of the best F1 on the validation windows; with fewer than "
        f"{LEAST_ANOMALIES} anomalous ones it would be a false-alarm rate of {FALSE_ALARM_RATE:g} on the normal ones (in "
        f"{by_rate} of {len(how)} runs here). This rate is that of `logllm fit --with both`; `logllm train` has {TRAINING_RATE:g}.",
        f"`python -m benchmarks experiments.logllm_unseen_categories`. {provenance(result)}",
    ]
    return "\n".join(lines)


def _cell(metrics: list[dict[str, Any]]) -> str:
    if not metrics:
        return ""
    return f"{mean_of([one['f1'] for one in metrics])} / {statistics.mean(one['pr_auc'] for one in metrics):.3f}"


if __name__ == "__main__":
    main()
