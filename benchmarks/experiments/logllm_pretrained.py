"""What pretrained weights bring: `python -m benchmarks experiments.logllm_pretrained --data DIR --work DIR [--tasks T --rows R --seeds 0]`.

A job is (task, row, seed). Each is measured once and stands in the result file with the commit and the machine that made
it; a job that was stopped goes on from its last checkpoint in the work folder.

Notes:
- Rows differ in one thing at a time: a decoder with pretrained weights against one of the same shape, words and tokenizer
  with random weights, which is trained whole because an adapter on random weights would have nothing to adapt.
- Tasks of few labels keep K anomalous windows of the training part, drawn anew for each seed, and all of its normal ones.
  Four of five of the K are trained on, the others choose checkpoint and threshold. Every method gets the same windows.
- `--unfinished` takes a training that was broken off in its last stage as it is, at its best validation checkpoint; the
  result names the step (`stages`, `unfinished`).
- Checkpoints and thresholds come from validation windows. How far messages are varied (`VARIED`, as in the preset `laptop`)
  was first set while looking at a test part, and later confirmed on validation windows (laptop_choice.py).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
HDFS = {"system": "hdfs", "raw": "hdfs/HDFS_2pct.log", "labels": "hdfs/anomaly_label.csv", "train_share": 0.8}
BGL = {"system": "bgl", "raw": "bgl/BGL_thinned.log", "train_share": 0.8}
THUNDERBIRD = {"system": "thunderbird", "raw": "thunderbird/TB_2005*.log", "train_share": 0.8}
# A system that no label of is known, or few, is tested on its later half.
LATER_HALF = {"split": "chronological", "train_share": 0.5, "validation_share": 0.1}
OTHERS: dict[str, dict[str, Any]] = {
    "hdfs": {**HDFS, "split": "paper", "validation_share": 0.1},
    "bgl": {**BGL, "split": "chronological", "validation_share": 0.1},
    "thunderbird": {**THUNDERBIRD, "split": "chronological", "validation_share": 0.1},
}
# Task -> its log and split, how many labelled anomalies, whether the test part is also reworded, which other systems are
# trained on (its own training part then counts for nothing but `labelled` anomalies and as many normal windows), and lines
# a window of build logs.
TASKS: dict[str, dict[str, Any]] = {
    "hdfs": {"data": {**HDFS, "split": "paper", "validation_share": 0.1}, "reworded": True},
    "hdfs, 5 labelled anomalies": {"data": {**HDFS, "split": "paper", "validation_share": 0.1}, "labelled": 5},
    "hdfs, 20 labelled anomalies": {"data": {**HDFS, "split": "paper", "validation_share": 0.1}, "labelled": 20},
    "hdfs, 80 labelled anomalies": {"data": {**HDFS, "split": "paper", "validation_share": 0.1}, "labelled": 80},
    "bgl by time": {"data": {**BGL, "split": "chronological", "validation_share": 0.1}},
    "bgl by time, 20 labelled anomalies": {
        "data": {**BGL, "split": "chronological", "validation_share": 0.1},
        "labelled": 20,
    },
    "bgl, trained on hdfs and thunderbird": {"data": {**BGL, **LATER_HALF}, "others": ("hdfs", "thunderbird")},
    "bgl, trained on hdfs and thunderbird, 20 labelled anomalies": {
        "data": {**BGL, **LATER_HALF},
        "others": ("hdfs", "thunderbird"),
        "labelled": 20,
    },
    "cidiff, failed builds as windows": {"builds": 20},
}
SMALL = {"preset": "small", "max_samples": 1000, "last_epochs": 4, "nearest_wording": 0.0}
# A fifth of the processor time: four layers, eight windows a step, fewer samples an epoch.
QUICK = {**SMALL, "decoder_layers": 4, "batch": 8, "micro_batch": 8, "max_samples": 600}
RANDOM = {"random_decoder": True, "lora": False}
VARIED = {"noise": 0.6, "mix": 0.8, "word_dropout": 0.25, "variants": 16}
LIGHTLY_VARIED = {"noise": 0.3, "mix": 0.3, "word_dropout": 0.1, "variants": 8}
ROWS: dict[str, dict[str, Any]] = {
    "pretrained decoder": SMALL,
    "random decoder": {**SMALL, **RANDOM},
    "pretrained decoder, messages varied": {**SMALL, **VARIED},
    "random decoder, messages varied": {**SMALL, **RANDOM, **VARIED},
    "pretrained decoder, 4 layers": QUICK,
    "random decoder, 4 layers": {**QUICK, **RANDOM},
    "pretrained decoder, 4 layers, messages varied": {**QUICK, **VARIED},
    "pretrained decoder, 4 layers, messages lightly varied": {**QUICK, **LIGHTLY_VARIED},
    "random decoder, 4 layers, messages varied": {**QUICK, **RANDOM, **VARIED},
    "nearest wording by MiniLM, then pretrained decoder, 4 layers": {"behind": "pretrained decoder, 4 layers"},
    "nearest wording by MiniLM, then random decoder, 4 layers": {"behind": "random decoder, 4 layers"},
    "pretrained decoder, random encoder": {**SMALL, "random_encoder": True, "lora": False},
}
# Baseline -> what it reads; those that learn labels and those that read normal windows only.
BASELINES: dict[str, str] = {
    "decision tree on counts": "masked",
    "nearest template by MiniLM, then decision tree": "masked",
    "TF-IDF + logistic regression": "masked",
    "table of masked lines": "masked",
    "new masked line (no labels)": "masked",
    "nearest normal count vector (no labels)": "masked",
}
NORMAL_ONLY = ("new masked line (no labels)", "nearest normal count vector (no labels)")
# Least cosine at which an unknown wording is read as the nearest known one: chosen by validation windows of which every
# template is reworded, in other draws from the same word list as the tests' (a short template may get the same wording).
FLOORS = (-1.0, 0.4, 0.5, 0.6)
VALIDATION_REWORDINGS = (10, 11, 12)
VALIDATION_PART = 5  # of K labelled anomalies every fifth is for validation


def main() -> None:
    """Run what the result file lacks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="windows and unfinished trainings are kept here")
    parser.add_argument("--result", type=Path, default=HERE / "results" / "logllm_pretrained.json")
    parser.add_argument("--tasks", default=";".join(TASKS), help="with ; between")
    parser.add_argument("--rows", default=";".join((*BASELINES, *ROWS)), help="with ; between")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--unfinished", action="store_true", help="take a broken-off training at its best checkpoint")
    args = parser.parse_args()
    from logllm.provenance import provenance
    from logllm.training.result_file import locked_result

    made_of = {"recipe": {"tasks": TASKS, "rows": ROWS, "baselines": list(BASELINES)}}
    for task in args.tasks.split(";"):
        built, rows = split_of(task, args.data, args.work)
        for seed in map(int, args.seeds.split(",")):
            part = training_part(task, rows, seed, args.data, args.work)
            for name in args.rows.split(";"):
                with locked(args.result, made_of, locked_result) as result:
                    if any((r["task"], r["row"], r["seed"]) == (task, name, seed) for r in result["runs"]):
                        continue
                started, processor = time.perf_counter(), time.process_time()
                if name in BASELINES:
                    judge, facts = baseline(name, part)
                else:
                    out = args.work / folder_name(f"{task}-{name}-{seed}")
                    if args.unfinished:
                        close_unfinished(out)
                    judge, facts = logllm(name, part, built, seed, out)
                run = {
                    "task": task,
                    "row": name,
                    "seed": seed,
                    **facts,
                    "counts": {split: [len(some), sum(some["label"][:])] for split, some in part.items()},
                    "figures": figures(
                        judge, tests_of(part, TASKS[task].get("reworded", False)), part["test"]["label"]
                    ),
                    "seconds": round(time.perf_counter() - started, 1),
                    "processor_seconds": round(time.process_time() - processor, 1),
                    "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                    "load": round(os.getloadavg()[0], 1),
                    "made": provenance(),
                }
                with locked(args.result, made_of, locked_result) as result:
                    result["runs"].append(run)
                shown = {k: round(run["figures"][0][k], 4) for k in ("f1", "pr_auc", "auroc")}
                print(task, "|", name, "|", seed, "|", shown, run["seconds"], flush=True)


def locked(file: Path, made_of: Mapping[str, Any], locked_result: Callable[..., Any]) -> Any:
    """The result file, locked; rows that are added to the tables later do not make old runs void."""
    before = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    settings = {**made_of["recipe"]}
    for run in before.get("runs", ()):
        known = before["recipe"]
        if run["row"] in settings["rows"] and known["rows"].get(run["row"]) != settings["rows"][run["row"]]:
            raise SystemExit(
                f"row {run['row']!r} was measured with other settings: move {file.name} away, or rename the row"
            )
    if before and before["recipe"] != json.loads(json.dumps(settings)):
        before["recipe"] = settings
        file.write_text(json.dumps(before, indent=1, sort_keys=True) + "\n", "utf-8")
    return locked_result(file, made_of)


def split_of(task: str, data: Path, work: Path) -> tuple[Any, Any]:
    """Windows of a task's log: (statistics, splits)."""
    from logllm.training.reproduce import windows_of

    if "builds" in TASKS[task]:
        return builds(TASKS[task]["builds"])
    settings = TASKS[task]["data"]
    part = "-later-half" if settings["train_share"] == LATER_HALF["train_share"] else ""
    built, rows, _ = windows_of(settings, data, work / f"{settings['system']}-{settings['split']}{part}")
    return built, rows


def builds(length: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """CiDiff's builds as windows of `length` lines: of ten pairs six are trained on, one validates, three are tested.

    A window is anomalous where it holds a line that must be shown. Windows of passed builds are all normal. Pairs of one
    project may stand on two sides.
    """
    from datasets import Dataset

    from benchmarks.diff.pairs import read_pairs, shared
    from logllm.hf_datasets import LogSystem

    rows: dict[str, dict[str, list[Any]]] = {
        name: {"lines": [], "label": []} for name in ("train", "validation", "test")
    }
    for place, pair in enumerate(
        sorted(read_pairs(shared("cidiff") / "pairs"), key=lambda one: zlib.crc32(one.name.encode()))
    ):
        split = rows[split_of_pair(place)]
        for lines, wanted in ((pair.bad, pair.wanted), (pair.good, None)):
            for first in range(0, len(lines), length):
                window = [line for line in lines[first : first + length] if line.strip()]
                if window:
                    split["lines"].append(window)
                    split["label"].append(int(wanted is not None and wanted[first : first + length].any()))
    system = LogSystem(name="builds", title="Build logs")
    return {"system": system.to_dict()}, {name: Dataset.from_dict(values) for name, values in rows.items()}


def split_of_pair(place: int) -> str:
    """Of ten pairs the first six are trained on, the next one validates, three are tested."""
    return "train" if place % 10 < 6 else "validation" if place % 10 == 6 else "test"


def training_part(task: str, rows: Any, seed: int, data: Path, work: Path) -> dict[str, Any]:
    """The splits that a method may see for one seed."""
    others, labelled = TASKS[task].get("others"), TASKS[task].get("labelled")
    if others is None:
        return few_labels(rows, labelled, seed)
    from datasets import concatenate_datasets

    from logllm.training.reproduce import windows_of

    known = [windows_of(OTHERS[name], data, work / f"{name}-{OTHERS[name]['split']}")[1] for name in others]
    if labelled is not None:
        own = few_labels(rows, labelled, seed)
        known.append({split: as_many_normal(own[split], seed) for split in ("train", "validation")})
    return {
        "train": concatenate_datasets([one["train"].select_columns(["lines", "label"]) for one in known]),
        "validation": concatenate_datasets([one["validation"].select_columns(["lines", "label"]) for one in known]),
        "test": rows["test"],
    }


def as_many_normal(rows: Any, seed: int) -> Any:
    """The anomalous windows, and as many normal ones."""
    bad = [i for i, y in enumerate(rows["label"]) if y == 1]
    good = [i for i, y in enumerate(rows["label"]) if y == 0]
    return rows.select(sorted(bad + random.Random(f"normal {seed}").sample(good, min(len(bad), len(good)))))


def few_labels(rows: Any, labelled: int | None, seed: int) -> dict[str, Any]:
    """The splits with `labelled` anomalous windows left, a fifth of them in validation; None leaves the splits."""
    if labelled is None:
        return dict(rows)
    places = [(split, i) for split in ("train", "validation") for i, y in enumerate(rows[split]["label"]) if y == 1]
    drawn = random.Random(f"labelled {seed}").sample(places, labelled)
    from datasets import concatenate_datasets

    one = concatenate_datasets([rows["train"], rows["validation"]])
    offset = {"train": 0, "validation": len(rows["train"])}
    kept = [offset[split] + i for split, i in drawn]
    cut = labelled // VALIDATION_PART
    normal = {split: [offset[split] + i for i, y in enumerate(rows[split]["label"]) if y == 0] for split in offset}
    return {
        "train": one.select(sorted(normal["train"] + kept[cut:])),
        "validation": one.select(sorted(normal["validation"] + kept[:cut])),
        "test": rows["test"],
    }


def tests_of(rows: Mapping[str, Any], reworded: bool) -> dict[tuple[float, int], list[list[str]]]:
    """The test windows as they are, and reworded at each share."""
    from benchmarks.experiments.logllm_reworded import reworded_tests

    return reworded_tests(rows) if reworded else {(0.0, 0): rows["test"]["lines"][:]}


def close_unfinished(out: Path) -> None:
    """Declare the last stage of a broken-off training done at its best checkpoint, so that it is taken as it is.

    Raises:
        SystemExit: the training is not in its last stage, or has not been validated there yet.
    """
    stages = sorted((out / ".stages").glob("[0-9]-*"))
    checkpoints = [(int(one.name.split("-")[1]), one) for one in stages[-1].glob("checkpoint-*")] if stages else []
    if len(stages) < 3 or not checkpoints:
        raise SystemExit(f"a training to take as it is must have a checkpoint of its last stage, found none in {out}")
    state = json.loads((max(checkpoints)[1] / "trainer_state.json").read_text("utf-8"))
    if not state["best_model_checkpoint"]:
        raise SystemExit(f"a training to take as it is must have been validated in its last stage, found not in {out}")
    best = stages[-1] / Path(state["best_model_checkpoint"]).name
    judged = next(log for log in state["log_history"] if log.get("eval_merit") == state["best_metric"])
    row = {
        "steps": judged["step"],
        "unfinished": f"step {judged['step']} of {state['max_steps']}",
        "validation_f1": judged["eval_f1"],
        "validation_loss": judged["eval_loss"],
    }
    shutil.copy(best / "trainable.safetensors", stages[-1] / "done.safetensors")
    (stages[-1] / "done.json").write_text(json.dumps({"row": row, "log": state["log_history"]}) + "\n", "utf-8")


def logllm(
    name: str, rows: Mapping[str, Any], built: Any, seed: int, out: Path
) -> tuple[tuple[Callable[[Any], Sequence[float]], float], dict[str, Any]]:
    """Train a row, or go on with it: ((scores of windows, threshold), facts)."""
    from logllm.hf_datasets import LogSystem
    from logllm.training.train import train_detector

    if behind := ROWS[name].get("behind"):
        judge, facts = logllm(
            behind, rows, built, seed, out.with_name(out.name.replace(folder_name(name), folder_name(behind)))
        )
        return in_known_wordings(judge, rows, facts)
    detector = train_detector(
        "logllm", rows["train"], rows["validation"], {}, LogSystem.from_dict(built["system"]), None, out,
        recipe=ROWS[name], seed=seed, resume=True, progress=True,
    )  # fmt: skip
    record = json.loads((out / "training.json").read_text("utf-8"))
    model: Any = detector.model
    facts = {
        "stages": record["stages"],
        "calibration": record["calibration"],
        "parameters": record["parameters"],
        "training_seconds": record["seconds"],
        "checkpoint_mb": round(sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6, 2),
    }
    table = model.message_table(detector.processor)
    return (lambda windows: model.score(windows, detector.processor, table=table), detector.threshold), facts


def folder_name(text: str) -> str:
    """A task or row as a part of a folder's name."""
    return text.replace(" ", "-")


def in_known_wordings(
    judge: tuple[Callable[[Any], Sequence[float]], float], rows: Mapping[str, Any], facts: dict[str, Any]
) -> tuple[tuple[Callable[[Any], Sequence[float]], float], dict[str, Any]]:
    """The same judge behind `KnownWordings` of the training windows: ((scores of windows, threshold), facts)."""
    from benchmarks.baselines.nearest_template import KnownWordings
    from benchmarks.comparison.rewording import reword_templates
    from logllm.modeling_logllm.masking import mask_message
    from logllm.trainers import detection_metrics

    score, threshold = judge
    wordings = KnownWordings((line for window in rows["train"]["lines"] for line in window), mask_message)
    windows, labels = rows["validation"]["lines"][:], rows["validation"]["label"][:]
    templates = {mask_message(line) for window in windows for line in window}
    reworded = [reword_templates(windows, templates, 1.0, seed) for seed in VALIDATION_REWORDINGS]
    found = {}
    for floor in FLOORS:
        wordings.floor = floor
        found[floor] = [detection_metrics(score(wordings.read(some)), labels, threshold)["f1"] for some in reworded]
    wordings.floor = max(found, key=lambda floor: sum(found[floor]))
    chosen = {"floor": wordings.floor, "validation_f1": {str(floor): values for floor, values in found.items()}}
    return (lambda some: score(wordings.read(some)), threshold), {**facts, "nearest_wording": chosen}


def baseline(
    name: str, rows: Mapping[str, Any]
) -> tuple[tuple[Callable[[Any], Sequence[float]], float], dict[str, Any]]:
    """Fit a simple method on the same windows: ((scores of windows, threshold), facts)."""
    from benchmarks.baselines.decision_tree import TreeOnCounts
    from benchmarks.baselines.masked_lines import MaskedLines
    from benchmarks.baselines.nearest_counts import NearestCounts
    from benchmarks.baselines.nearest_template import NearestTemplate
    from benchmarks.baselines.new_template import NewTemplate
    from benchmarks.baselines.tfidf_logistic import TextLogistic
    from logllm.modeling_logllm.masking import mask_message
    from logllm.trainers.metrics import best_f1_threshold, false_alarm_threshold
    from logllm.training.train import FALSE_ALARM_RATE

    def masked(windows: Any) -> list[list[str]]:
        return [[mask_message(message) for message in window] for window in windows]

    makers: dict[str, Callable[[], Any]] = {
        "decision tree on counts": TreeOnCounts,
        "nearest template by MiniLM, then decision tree": lambda: NearestTemplate(TreeOnCounts()),
        "TF-IDF + logistic regression": TextLogistic,
        "table of masked lines": MaskedLines,
        "new masked line (no labels)": NewTemplate,
        "nearest normal count vector (no labels)": NearestCounts,
    }
    model = makers[name]()
    train, labels = masked(rows["train"]["lines"]), rows["train"]["label"][:]
    validation, held = masked(rows["validation"]["lines"]), rows["validation"]["label"][:]
    if name in NORMAL_ONLY:
        model.fit([window for window, y in zip(train, labels) if y == 0])
        normal = model.score([window for window, y in zip(validation, held) if y == 0])
        threshold = 0.5 if isinstance(model, NewTemplate) else false_alarm_threshold(normal, FALSE_ALARM_RATE)
        how = (
            "the rule's own"
            if isinstance(model, NewTemplate)
            else f"{FALSE_ALARM_RATE:g} of normal validation windows"
        )
    else:
        model.fit(train, labels)
        few = sum(held) < 3
        threshold = 0.5 if few else best_f1_threshold(model.score(validation), held, prefer=0.5)
        how = "undecided: too few anomalous validation windows" if few else "best F1 on validation windows"
    return (lambda windows: model.score(masked(windows)), threshold), {"calibration": how}


def figures(judge: Any, tests: Any, labels: Any) -> list[dict[str, Any]]:
    """One row a share and rewording."""
    from logllm.trainers import detection_metrics

    score, threshold = judge
    found = []
    for (share, rewording), windows in tests.items():
        metrics = detection_metrics(score(windows), labels[:], threshold)
        kept = ("f1", "precision", "recall", "pr_auc", "auroc", "tp", "fp", "fn", "tn")
        found.append({"share": share, "rewording": rewording, **{key: metrics[key] for key in kept}})
    return found


if __name__ == "__main__":
    main()
