"""`logllm reproduce RECIPE`: build the split, train every row at every seed, and put the result beside the paper's.

Notes:
- A recipe is one YAML file: where the log is and how it is divided, rows of settings, seeds, and what the paper prints.
- The work folder has a place for each row and seed, `runs/ROW/seed-N`, with the checkpoint, the test scores and the run's
  result. It does not depend on the process: what was stopped goes on there (`resume`), also with other processes.
- The result is one JSON file that is rewritten after each run. A run that stands in it, made by the same recipe on the
  same split, is not made again. Several calls may write one file, each its own seeds or rows.
- Under torchrun and accelerate the first process reads, builds, decides and writes; all of them train and share the test
  windows.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from logllm.errors import LogllmError
from logllm.evaluation import BASELINES, baseline_metrics
from logllm.training.cost import RowCost, in_words, measured, planned, sample_of
from logllm.training.published_log import FoundLog, compare_with_paper, find_log
from logllm.training.recipe import (
    OF_THE_DATA,
    PREPROCESSING,
    chosen_rows,
    chosen_seeds,
    find_recipe,
    read_recipe,
    training_settings,
)
from logllm.training.result_file import locked_result, run_provenance, write_whole

# Processes wait for each other while the first one reads a log of hundreds of millions of lines.
LONGEST_WAIT = timedelta(hours=24)
# Rows that agree in these take the same time a step; those that change the stages' lengths only are counted, not measured.
STEP_DEPENDS_ON = (
    "family", "preset", "stages", "without", "preprocessing", "encoder", "decoder", "lora", "load_in_4bit", "micro_batch",
    "batch",
)  # fmt: skip
RUN_FILE, RESULT_FILE, SCORES_FILE, DATA_FILE = "run.json", "result.json", "scores.parquet", "data.json"


def reproduce(
    file: str | Path,
    data: str | Path,
    result_file: str | Path,
    *,
    rows: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    work: str | Path | None = None,
    resume: bool = False,
    download: bool = False,
    estimate: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Run what a recipe still lacks; returns the result, which also stands in `result_file`.

    Args:
        file: the recipe, or its name.
        data: folder that its `raw` and `labels` are relative to.
        result_file: JSON, read and extended.
        rows: words; rows whose names hold one of them are run, by default all.
        seeds: of the recipe's seeds those to run; by default all.
        work: folder for the dataset, the checkpoints and the scores; by default `reproduced/NAME`.
        resume: go on with trainings that were stopped in the work folder.
        download: fetch the published log where it is not at hand.
        estimate: say on standard error what the runs will cost, from a measured step, before the first one.
        progress: show bars.

    Raises:
        LogllmError: a recipe, log, label file or work folder that cannot be used; no space on the disk.
        TrainingStopped: a signal; what was saved is whole, and `resume` goes on.
    """
    recipe, target = read_recipe(file), Path(result_file)
    wanted, numbers = chosen_rows(recipe, rows), chosen_seeds(recipe, seeds)
    place = Path(work) if work is not None else work_folder(recipe)
    resume = resume or int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    try:
        return _reproduce(recipe, wanted, numbers, Path(data), target, place, resume, download, estimate, progress)
    except (OSError, RuntimeError) as error:
        from logllm.trainers.stage_checkpoint import is_no_room

        if not is_no_room(error):
            raise
        raise LogllmError(
            f"the disk must have space for checkpoints and scores, found none ({error}): what is finished stands in {target}; "
            "free some and go on with --resume"
        ) from error


def work_folder(recipe: Mapping[str, Any]) -> Path:
    """Where a recipe's dataset, checkpoints and scores are kept by default."""
    return Path("reproduced") / str(recipe["name"])


def _reproduce(
    recipe: dict[str, Any], wanted: Sequence[str], seeds: Sequence[int], data: Path, target: Path, place: Path,
    resume: bool, download: bool, estimate: bool, progress: bool,
) -> dict[str, Any]:  # fmt: skip
    first = _is_first()
    if first:
        built_windows(recipe["data"], data, place, download=download, progress=progress)
    _agree(True)  # the others wait until the dataset is there
    built, splits, templates = load_built(place)
    before = read_json(target) if first else None
    if before is not None and before.get("recipe", recipe)["name"] != recipe["name"]:
        raise LogllmError(
            f"the result file must be of {recipe['name']}, found {target} of {before['recipe']['name']}: name another with --result"
        )
    made_of = {"recipe": recipe, "split_checksums": {name: one["sha256"] for name, one in built["splits"].items()}}
    jobs: list[tuple[str, int]] = []
    if first:
        with locked_result(target, made_of) as result:
            if not set(BASELINES) <= set(result.get("baselines", {})):
                result |= {"splits": built["splits"], "baselines": baseline_metrics(splits["train"], splits["test"])}
            result["differs_from_the_paper"] = compare_with_paper(built, bool(recipe["data"].get("published")))
            jobs = [(name, seed) for seed in seeds for name in wanted if not _has(result, name, seed)]
        _refuse_unfinished(jobs, place, recipe, built, resume)
    jobs = _agree(jobs)
    if estimate and jobs and not resume:
        _say_cost(recipe, jobs, splits, templates, built, place)
    for name, seed in jobs:
        folder = run_folder(place, name, seed)
        known = None
        if first:
            with locked_result(target, made_of) as result:  # another call may have been quicker
                known = "there" if _has(result, name, seed) else read_json(folder / RESULT_FILE)
        known = _agree(known)
        if known == "there":
            continue
        if not isinstance(known, dict):
            known = _run(name, recipe["rows"][name], splits, templates, built, seed, folder, resume, progress)
        if first:
            write_whole(folder / RESULT_FILE, json.dumps(known, indent=1, sort_keys=True) + "\n")
            with locked_result(target, made_of, adds=True) as result:
                if not _has(result, name, seed):
                    result["runs"].append(known)
    _agree(True)
    if not first:
        return dict(read_json(target))
    with locked_result(target, made_of) as result:
        return result


def dry_run(
    file: str | Path,
    data: str | Path,
    *,
    rows: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    work: str | Path | None = None,
) -> str:
    """Say what a recipe would do and cost, and what is missing, without building or training anything.

    Where the dataset was built before, its windows are counted and a step is measured; else windows are those of the
    paper's Table I.
    """
    from logllm.hf_datasets import get_system

    recipe = read_recipe(file)
    wanted, numbers = chosen_rows(recipe, rows), chosen_seeds(recipe, seeds)
    place = Path(work) if work is not None else work_folder(recipe)
    lines = [f"**{recipe['title']}** ({find_recipe(file)})", ""]
    missing: list[str] = []
    if read_json(place / DATA_FILE) is not None:
        built, splits, templates = load_built(place)
        costs = _costs(recipe, wanted, splits, templates, built, place)
        lines.append(f"Dataset: built in {place}.")
    else:
        try:
            found: FoundLog | None = find_log(recipe["data"], Path(data))
        except (LogllmError, ValueError) as error:
            found = None
            missing.append(str(error))
        if found is not None:
            lines.append(f"Log: {', '.join(str(one) for one in found.files)}; labels: {found.labels or 'in the log'}.")
        paper = get_system(str(recipe["data"]["system"])).paper
        labels = [1] * paper.train_anomalies + [0] * (paper.train_sequences - paper.train_anomalies) if paper else []
        if paper:
            lines.append("Windows: of the paper's Table I, the dataset is not built yet.")
        costs = [planned(name, recipe["rows"][name], labels, paper.test_sequences if paper else 0) for name in wanted]
    missing += _missing_bases(recipe, wanted)
    lines += ["", in_words(costs, len(numbers), int(os.environ.get("WORLD_SIZE", "1")))]
    lines += ["", *(f"Missing: {what}" for what in missing)] if missing else ["", "Nothing is missing."]
    return "\n".join(lines)


def _missing_bases(recipe: Mapping[str, Any], wanted: Sequence[str]) -> list[str]:
    """Which base models and which hardware the rows need and are not at hand; nothing is downloaded."""
    import torch
    from huggingface_hub import try_to_load_from_cache

    from logllm.modeling_logllm.bases_logllm import local_base
    from logllm.trainers import LogLLMRecipe

    missing: dict[str, None] = {}
    for name in wanted:
        row = recipe["rows"][name]
        if row.get("family", "logllm") != "logllm":
            continue
        preset = LogLLMRecipe.of(training_settings(row)).row()
        for base in (preset.encoder, preset.decoder):
            if base is None or Path(base).is_dir() or local_base(base) is not None:
                continue
            if not isinstance(try_to_load_from_cache(base, "config.json"), str):
                gated = " (gated: accept its licence and log in with `hf auth login`)" if "meta-llama" in base else ""
                missing[f"the base model {base} is not in the cache{gated}"] = None
        if preset.load_in_4bit and not torch.cuda.is_available():
            missing["a graphics card for 4-bit training; a processor would take weeks"] = None
    return list(missing)


def built_windows(
    data: Mapping[str, Any], folder: Path, place: Path, download: bool = False, progress: bool = False
) -> None:
    """Build the windows of a recipe's `data` in `place`/data, where they are not there yet.

    Raises:
        LogllmError: the folder holds the dataset of another recipe or log; the log or its labels are missing or others.
    """
    from logllm.hf_datasets import configurations, load_statistics
    from logllm.training.building import build_dataset

    settings = {key: value for key, value in data.items() if key not in OF_THE_DATA}
    known = read_json(place / DATA_FILE)
    wanted = json.loads(json.dumps(dict(data)))
    if known is not None:
        if known["data"] != wanted:
            raise LogllmError(
                f"the work folder must be of this recipe, found {place} with the dataset of {known['data']}: name another "
                "folder with --work"
            )
        return
    found = find_log(data, folder, download, progress)
    if found.labels is not None:
        settings["labels"] = found.labels
    if "lines" in settings:
        settings["lines"] = tuple(settings["lines"])
    build_dataset(found.system, list(found.files), place / "data", progress=progress, **settings)
    statistics = load_statistics(place / "data", configurations(place / "data")[0])
    compare_with_paper(statistics, bool(data.get("published")))
    write_whole(place / DATA_FILE, json.dumps({"data": wanted, "sources": found.identity()}, indent=1) + "\n")


def load_built(place: Path) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Load what `built_windows` made: statistics, splits and template table."""
    from logllm.hf_datasets import configurations, load_statistics, load_templates, load_windows

    name = configurations(place / "data")[0]
    return (
        load_statistics(place / "data", name),
        load_windows(place / "data", name),
        load_templates(place / "data", name),
    )


def windows_of(data: Mapping[str, Any], folder: Path, place: Path) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Build the windows of a recipe's `data` in `place` and load them: statistics, splits and template table."""
    built_windows(data, folder, place)
    return load_built(place)


def run_folder(place: Path, row: str, seed: int) -> Path:
    """The folder of a row and seed; it depends on nothing else.

    >>> run_folder(Path("work"), "Beta 30 %", 1).as_posix()
    'work/runs/beta-30-f2d3e4/seed-1'
    """
    words = re.sub(r"[^a-z0-9]+", "-", row.lower()).strip("-")[:60]
    return place / "runs" / f"{words}-{hashlib.sha256(row.encode()).hexdigest()[:6]}" / f"seed-{seed}"


def read_json(file: Path) -> Any:
    """The content of a JSON file, None where it is not there.

    Raises:
        LogllmError: it is there and no JSON.
    """
    if not file.is_file():
        return None
    try:
        return json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise LogllmError(f"{file} must be JSON, found {error}: remove it and go on with --resume") from error


def _refuse_unfinished(
    jobs: Sequence[tuple[str, int]], place: Path, recipe: Mapping[str, Any], built: Mapping[str, Any], resume: bool
) -> None:
    """Refuse run folders of other settings, and stopped trainings that nobody asked to go on with."""
    for name, seed in jobs:
        folder = run_folder(place, name, seed)
        known = read_json(folder / RUN_FILE)
        if known is None:
            continue
        wanted = _identity(name, recipe["rows"][name], seed, built)
        differing = [key for key in wanted if known.get(key) != wanted[key]]
        if differing:
            raise LogllmError(
                f"the folder {folder} must be of this recipe, found another {', '.join(differing)} in its {RUN_FILE}: name "
                "another folder with --work, or remove it"
            )
        if not resume and not (folder / RESULT_FILE).is_file():
            raise LogllmError(
                f"a training must be begun in an empty folder, found one of row {name!r}, seed {seed}, that was stopped in "
                f"{folder}: go on with --resume, or remove the folder to begin anew"
            )


def _identity(name: str, row: Mapping[str, Any], seed: int, built: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps({"row": name, "settings": row, "seed": seed, "split": built["checksum"]}))


def _has(result: Mapping[str, Any], row: str, seed: int) -> bool:
    return any(run["row"] == row and run["seed"] == seed for run in result["runs"])


def preprocessed(rows: Any, how: str, templates: Mapping[str, Any]) -> Any:
    """Put another text in the place of each message: its Drain template, or that template's number (the paper's ablation).

    Templates are those of the training part; a message that none fits stays as it is, or is number 0.
    """
    if how not in ("template", "template id"):
        return rows
    texts = {row["key"]: (row["text"], f"event{i}") for i, row in enumerate(templates["templates"], 1)}
    which = int(how == "template id")

    def change(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return {
            "lines": [
                [
                    texts[key][which] if key in texts else (message, "event0")[which]
                    for key, message in zip(keys, lines)
                ]
                for keys, lines in zip(batch["keys"], batch["lines"])
            ]
        }

    return rows.map(change, batched=True, batch_size=500)


def _run(
    name: str,
    row: Mapping[str, Any],
    splits: Any,
    templates: dict[str, Any],
    built: Mapping[str, Any],
    seed: int,
    out: Path,
    resume: bool,
    progress: bool,
) -> dict[str, Any]:
    """Train (or go on with, or load) one row at one seed, and measure it on the test windows."""
    from logllm.detector import LogAnomalyDetector
    from logllm.trainers.qlora import under_fsdp

    rows = {part: preprocessed(splits[part], row.get("preprocessing", PREPROCESSING[0]), templates) for part in splits}
    if _is_first() and not (out / RUN_FILE).is_file():
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / RUN_FILE, json.dumps(_identity(name, row, seed, built), indent=1) + "\n")
    started, processor = time.perf_counter(), time.process_time()
    detector = None
    trained = _agree(read_json(out / "training.json") is not None)
    if not trained:
        detector = train_row(row, rows, templates, built, seed, out, resume, progress)
    seconds = time.perf_counter() - started
    _agree(True)  # the checkpoint is whole
    if detector is None or under_fsdp():  # what FSDP has sharded is read back whole
        detector = LogAnomalyDetector.from_pretrained(out)
    record = read_json(out / "training.json")
    measures = measured_rows(detector, rows["test"], record, out / SCORES_FILE)
    last = record["stages"][-1]
    return {
        "row": name,
        "seed": seed,
        **measures,
        "validation": {key: last.get(key) for key in ("validation_f1", "validation_loss", "best_step", "steps")},
        "stages": record["stages"],
        "calibration": record["calibration"],
        "doubts": record.get("doubts", []),
        "parameters": record["parameters"],
        "encoder_kind": training_settings(row).get("encoder_kind", "text"),
        "seconds": round(seconds, 1) if not trained else record["seconds"],
        "processor_seconds": round(time.process_time() - processor, 1),
        "made": run_provenance(),
    }


def train_row(
    row: Mapping[str, Any],
    rows: Mapping[str, Any],
    templates: dict[str, Any],
    built: Mapping[str, Any],
    seed: int,
    out: Path,
    resume: bool,
    progress: bool,
) -> Any:
    """Train the detector of a row into its folder."""
    from datasets import concatenate_datasets

    from logllm.hf_datasets import LogSystem
    from logllm.training.train import train_detector

    family = row.get("family", "logllm")
    train, validation = rows["train"], rows["validation"]
    if family == "logllm":
        settings: dict[str, Any] = {"recipe": training_settings(row)}
        if not row.get("hold_out", True):  # the paper trains on the whole 80 %
            train, validation = concatenate_datasets([train, validation]), validation.select([])
    else:
        settings = {key: row[key] for key in ("preset", "reinforce", "false_alarm_rate", "max_steps") if key in row}
        if "objective" in row:
            settings["reinforce_settings"] = {"objective": row["objective"]}
    return train_detector(
        family, train, validation, templates, LogSystem.from_dict(built["system"]), settings.pop("preset", None), out,
        seed=seed, progress=progress and _is_first(), resume=resume, provenance={"split_checksum": built["checksum"]},
        **settings,
    )  # fmt: skip


def measured_rows(detector: Any, test: Any, record: Mapping[str, Any], scores_file: Path) -> dict[str, Any]:
    """Measure a detector on labelled test windows by its own threshold and by the others, and keep the scores.

    LogLLM: also at log-odds 0, the decision of the paper (the more probable answer), and where the model is undecided at
    the natural share of anomalies. LogLLaMA: top K, likelihood, counts and their sum one by one.
    """
    from logllm.evaluation import measure

    known = [i for i, label in enumerate(test["label"]) if label in (0, 1)]
    rows = test.select(known)
    labels = rows["label"][:]
    started = time.perf_counter()
    if detector.family == "logllm":
        scores = shared_scores(rows["lines"][:], detector.scores)
        seconds = time.perf_counter() - started
        others = {"log_odds_0": 0.0, "natural_prior": record.get("undecided")}
        found: dict[str, Any] = {
            "decisions": {k: measure(scores, labels, at, seconds) for k, at in others.items() if at is not None}
        }
    else:
        ids = [detector.processor.ids_of_keys(keys) for keys in rows["keys"]]
        each = detector.model.detectors(ids)
        scores = each[detector.model.config.score_by]
        seconds = time.perf_counter() - started
        names = {"rank": "top K (paper)", "likelihood": "likelihood alone", "counts": "counts alone",
                 "likelihood+counts": "likelihood + counts"}  # fmt: skip
        found = {
            "detectors": {
                title: measure(each[key], labels, record["thresholds"][key], seconds)
                for key, title in names.items()
                if key in each and key in record["thresholds"]
            }
        }
    if _is_first():
        _keep_scores(scores_file, rows, scores)
    return {"metrics": measure(scores, labels, detector.threshold, seconds), **found}


def shared_scores(windows: Sequence[Any], score: Any) -> list[float]:
    """Score windows, each process its share of the distinct ones; all processes get all scores."""
    from accelerate.utils import gather_object

    distinct = list(dict.fromkeys(tuple(window) for window in windows))
    state = _state()
    if state.num_processes == 1:
        known = dict(zip(distinct, score([list(window) for window in distinct])))
    else:
        mine = distinct[state.process_index :: state.num_processes]
        done = list(zip(mine, score([list(window) for window in mine]))) if mine else []
        known = dict(gather_object(done))
    return [known[tuple(window)] for window in windows]


def _keep_scores(file: Path, rows: Any, scores: Sequence[float]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"label": rows["label"][:], "score": list(scores)}
    if "window_id" in rows.column_names:
        columns = {"window_id": rows["window_id"][:], **columns}
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), file)


def _costs(
    recipe: Mapping[str, Any],
    names: Sequence[str],
    splits: Any,
    templates: dict[str, Any],
    built: Mapping[str, Any],
    place: Path,
) -> list[RowCost]:
    """The cost of rows; of rows that differ in nothing that the time of a step depends on, one is measured."""
    from logllm.hf_datasets import LogSystem

    system = LogSystem.from_dict(built["system"])
    labels, tests, costs = splits["train"]["label"][:], len(splits["test"]), []
    known: dict[str, tuple[dict[str, float], float, str]] = {}
    for name in names:
        row, cost = recipe["rows"][name], planned(name, recipe["rows"][name], labels, tests)
        kind = json.dumps({key: row.get(key) for key in STEP_DEPENDS_ON}, sort_keys=True)
        if kind not in known:
            if _is_first():
                shutil.rmtree(place / ".cost", ignore_errors=True)
            _agree(True)
            how = row.get("preprocessing", PREPROCESSING[0])
            sample = {part: preprocessed(rows, how, templates) for part, rows in sample_of(splits).items()}
            known[kind] = measured(row, sample, templates, system, place / ".cost")
            if _is_first():
                shutil.rmtree(place / ".cost", ignore_errors=True)
        step_seconds, window_seconds, cost.why = known[kind]
        if not cost.why:
            for stage in cost.stages:
                stage.seconds = step_seconds[stage.stage] * stage.steps
            cost.scoring_seconds = window_seconds * tests
            cost.seconds = sum(stage.seconds or 0.0 for stage in cost.stages) + cost.scoring_seconds
        costs.append(cost)
    return costs


def _say_cost(
    recipe: Mapping[str, Any],
    jobs: Sequence[tuple[str, int]],
    splits: Any,
    templates: dict[str, Any],
    built: Mapping[str, Any],
    place: Path,
) -> None:
    """Say on standard error what the runs to come will take."""
    names = list(dict.fromkeys(name for name, _ in jobs))
    costs = _costs(recipe, names, splits, templates, built, place)
    if _is_first():
        seeds = len({seed for _, seed in jobs})
        sys.stderr.write(in_words(costs, seeds, _state().num_processes) + "\n")


def _state() -> Any:
    """Return this process among those of torchrun; they wait for each other as long as reading a large log may take."""
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.cuda.is_available(), timeout=LONGEST_WAIT)


def _is_first() -> bool:
    return bool(_state().is_main_process)


def _agree(value: Any) -> Any:
    """Take the first process's value in all of them; they wait for each other."""
    from accelerate.utils import broadcast_object_list

    if _state().num_processes == 1:
        return value
    return broadcast_object_list([value])[0]
