"""LogLLaMA's tables: runs the recipes `logllama_*` (`python -m benchmarks logllama_hdfs`).

Notes: every row of every recipe is one job with a name (row, seed). A job whose result stands in the result file,
made by the same recipe on the same split and calibrated by the same threshold rules, is not run again, so a run that was
stopped goes on where it was. The likelihood model of a seed is trained once and kept in a work folder; every RL row
starts from it. Thresholds come from normal validation windows only. One thread: the models are tiny.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from benchmarks.baselines.normal_only import RULES
from benchmarks.experiments.logllama_data import Keys, by_lines, hdfs, same
from benchmarks.places import RESULTS, data_folder
from logllm.provenance import provenance

RATE = 0.001
RATES = (0.001, 0.002, 0.005, 0.01)  # false alarms aimed at; the first is the one that results are quoted at
Job = tuple[str, int, Callable[[], dict[str, Any]]]


def threshold_rules() -> str:
    """What the package's rules make of fixed scores: K, and the threshold of each detector. Rows are comparable where it is the same."""
    from logllm.modeling_logllm import LogLLaMAConfig
    from logllm.modeling_logllm.modeling_logllama import UNK_ID
    from logllm.training.logllama import calibrate_all

    config = LogLLaMAConfig(vocab_size=104)  # a hundred keys
    unseen, count = 9.0, 400

    def detectors(windows: Any) -> dict[str, list[float]]:
        place = [(window[0] - UNK_ID - 0.5) / count for window in windows]
        new = [UNK_ID in window for window in windows]
        worst = [unseen if x else -math.log(p) for p, x in zip(place, new)]
        far = [0.6 * x - math.log(p) / 40 for p, x in zip(place, new)]
        both = [a + config.count_weight * b for a, b in zip(worst, far)]
        return {"likelihood": worst, "counts": far, "likelihood+counts": both}

    drawn, found = SimpleNamespace(config=config, detectors=detectors), []
    for share in (0.02, 0.3):  # of the windows, with a message never seen
        normal = [[UNK_ID + 1 + i, *[UNK_ID] * (i < share * count)] for i in range(count)]
        for rate in (RATE, 0.05):
            rounded = ", ".join(f"{name} {value:.4g}" for name, value in calibrate_all(drawn, normal, rate).items())
            found.append(f"{share:.0%} unseen, rate {rate:g}: {rounded}")
    return "; ".join(found)


def measure(scores: Any, labels: list[int], threshold: float, novel: list[bool]) -> dict[str, Any]:
    """Metrics at the threshold, the best F1 there could be, a bootstrap interval, and the same on sequences that training
    never held, each once."""  # noqa: D209
    from logllm.trainers.metrics import best_f1_threshold, detection_metrics

    found = detection_metrics(scores, labels, threshold)
    found["best_f1"] = detection_metrics(scores, labels, best_f1_threshold(scores, labels))["f1"]
    rng, flagged, y = np.random.default_rng(0), np.asarray(scores) > threshold, np.asarray(labels) == 1
    f1 = []
    for _ in range(500):
        i = rng.integers(0, len(y), len(y))
        tp, fp, fn = (flagged[i] & y[i]).sum(), (flagged[i] & ~y[i]).sum(), (~flagged[i] & y[i]).sum()
        f1.append(2 * tp / max(2 * tp + fp + fn, 1))
    found["f1_interval"] = [float(np.quantile(f1, q)) for q in (0.025, 0.975)]
    some = [i for i, new in enumerate(novel) if new]
    if some and 0 < sum(labels[i] for i in some) < len(some):
        part = detection_metrics([scores[i] for i in some], [labels[i] for i in some], threshold)
        found["never_in_training"] = {name: part[name] for name in ("f1", "pr_auc", "tp", "fp", "fn", "tn")}
    return found


def novel_once(split: Keys) -> list[bool]:
    """Whether a test window's sequence is in no training window, the first time that it comes up."""
    seen = {tuple(keys) for keys in split.train}
    found = []
    for keys in split.test:
        found.append(tuple(keys) not in seen)
        seen.add(tuple(keys))
    return found


def baselines(split: Keys) -> dict[str, Any]:
    """The simple rules on the same windows."""
    from logllm.trainers.metrics import false_alarm_threshold

    results = {}
    for name, rule in RULES.items():
        started = time.perf_counter()
        rule.fit(split.train)
        scores = rule.score(split.test)
        yes_or_no = set(scores) <= {0.0, 1.0}
        threshold = 0.5 if yes_or_no else false_alarm_threshold(rule.score(split.validation), RATE)
        results[name] = measure(scores, split.labels, threshold, novel_once(split))
        results[name] |= {"seconds": round(time.perf_counter() - started, 3), "windows": len(scores)}
    return results


def train(split: Keys, recipe: dict[str, Any], seed: int, work: Path, rl: dict[str, Any] | None = None) -> Any:
    """Train, or take from the work folder, the likelihood model of a seed; with `rl` go on with that objective."""
    from logllm.trainers import assemble_logllama, train_logllama

    whole = split.system.window.kind == "session"
    model, processor = assemble_logllama(
        recipe["preset"], split.table, predict_end=whole, seed=seed,
        unseen_score=math.log(sum(map(len, split.train)) + 1), log_system=split.system.to_dict(),
    )  # fmt: skip
    sequences = [processor.ids_of_keys(keys) for keys in split.train]
    bad = [processor.ids_of_keys(keys) for keys in split.anomalies] if (rl or {}).get("use_labels") else []
    folder = work
    if rl is not None:
        folder = work.parent / f"{work.name}-rl"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "likelihood").mkdir(parents=True)
        for name in ("done.json", "done.safetensors"):
            shutil.copy(work / "likelihood" / name, folder / "likelihood" / name)
    stages = train_logllama(
        model, processor, sequences + bad, recipe["preset"], folder, labels=[0] * len(sequences) + [1] * len(bad),
        validation=[processor.ids_of_keys(keys) for keys in split.validation], seed=seed, reinforce=rl is not None,
        reinforce_settings={**recipe.get("reinforce", {}), **(rl or {})}, resume=True, progress=False,
    )  # fmt: skip
    model.remember_counts(sequences)
    history = json.loads((folder / "curves.json").read_text("utf-8"))
    if rl is not None:
        shutil.rmtree(folder)
    return model, processor, stages, history


def detect(model: Any, processor: Any, split: Keys) -> dict[str, Any]:
    """All detectors of a model on the test windows, thresholds from normal validation windows."""
    from logllm.trainers.metrics import detection_metrics
    from logllm.training.logllama import calibrate_all, remember_validation

    tested = [processor.ids_of_keys(keys) for keys in split.test]
    normal = [processor.ids_of_keys(keys) for keys in split.validation]
    calibrated = [calibrate_all(model, normal, rate) for rate in RATES]
    thresholds = calibrated[RATES.index(RATE)]
    if split.system.window.kind == "session":
        remember_validation(model, normal)
    scores, novel = model.detectors(tested), novel_once(split)
    results = {name: measure(values, split.labels, thresholds[name], novel) for name, values in scores.items()}
    for name, values in scores.items():
        found = [detection_metrics(values, split.labels, thresholds[name]) for thresholds in calibrated]
        results[name]["f1_by_rate"] = {str(rate): one["f1"] for rate, one in zip(RATES, found)}
    return results


def jobs_of(recipe: dict[str, Any], data: Path, work: Path) -> Iterator[tuple[str, Keys, list[Job]]]:
    """The recipe's parts: a name, its split, and the jobs on it."""
    read = {"hdfs": hdfs, "bgl": by_lines, "thunderbird": by_lines}[recipe["system"]]
    variants = recipe.get("variants") or [{}]
    for variant in variants:
        name = variant.get("name", "main")
        split = read(
            data, recipe, **{key: value for key, value in variant.items() if key in ("drain", "fold", "dirt")}
        )
        here = work / recipe["name"] / name.replace(" ", "_").replace(",", "").replace("%", "")
        seeds = variant.get("seeds", recipe["seeds"])
        jobs: list[Job] = []
        for s in seeds:  # a seed is whole before the next one begins, so that a run that is cut short has whole seeds
            jobs.append(("likelihood", s, lambda s=s, k=split, w=here: likelihood_row(k, recipe, s, w)))
            for row, wanted in (recipe.get("objectives") or {}).items():
                if s in wanted.get("seeds", seeds):
                    x = {key: value for key, value in wanted.items() if key != "seeds"}
                    jobs.append((row, s, lambda s=s, k=split, w=here, x=x: rl_row(k, recipe, s, w, x)))
        yield name, split, jobs


def likelihood_row(split: Keys, recipe: dict[str, Any], seed: int, work: Path) -> dict[str, Any]:
    """The likelihood stage alone; with `sweep` also F1 at each K."""
    model, processor, stages, _ = train(split, recipe, seed, work / str(seed))
    result = {"detectors": detect(model, processor, split), "stages": stages}
    if recipe.get("sweep"):
        result["sweep"] = sweep(model, processor, split, recipe["sweep"])
    if recipe.get("gaps") and split.test_gaps is not None:
        result["detectors"]["likelihood+counts+gaps"] = with_gaps(model, processor, split, recipe["gaps"])
    if recipe.get("foreign"):
        result["foreign"] = foreign(model, processor, recipe, data_folder())
    return result


def rl_row(split: Keys, recipe: dict[str, Any], seed: int, work: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """One RL objective, from the likelihood model of the seed."""
    if settings.get("trainer") == "rloo":
        return rloo_row(split, recipe, seed, work, settings)
    if not (work / str(seed) / "likelihood" / "done.json").is_file():
        train(split, recipe, seed, work / str(seed))
    model, processor, stages, history = train(split, recipe, seed, work / str(seed), settings)
    figures = key_figures_of(model, processor, split)
    rows = [log for log in history["reinforce"] if "reward" in log]
    # TRL logs a divergence only where the loss holds one.
    curve = {name: [round(log[name], 4) for log in rows if name in log] for name in ("reward", "entropy", "kl")}
    return {"detectors": detect(model, processor, split), "validation": figures, "stages": stages[1:], "curve": curve}


def rloo_row(split: Keys, recipe: dict[str, Any], seed: int, work: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The sampled hit on TRL's own RLOOTrainer, from the likelihood model of the seed."""
    from logllm.trainers.logllama_rloo import train_rloo

    model, processor, _, _ = train(split, recipe, seed, work / str(seed))
    sequences = [processor.ids_of_keys(keys) for keys in split.train]
    with tempfile.TemporaryDirectory() as folder:
        wanted = {key: value for key, value in settings.items() if key != "trainer"}
        stage = train_rloo(model, processor, sequences, Path(folder), seed=seed, **wanted)
    figures = key_figures_of(model, processor, split)
    return {"detectors": detect(model, processor, split), "validation": figures, "stages": [stage]}


def key_figures_of(model: Any, processor: Any, split: Keys) -> dict[str, float]:
    """Loss and hit rates of the true keys on normal validation windows."""
    judged = model.judge([processor.ids_of_keys(keys) for keys in split.validation])
    nll, rank = torch.cat([row.nll for row in judged]), torch.cat([row.rank for row in judged])
    k = model.config.candidates
    return {
        "loss": float(nll.mean()),
        "top_1": float((rank < 1).float().mean()),
        "top_k": float((rank < k).float().mean()),
    }


def sweep(model: Any, processor: Any, split: Keys, shares: list[float]) -> list[dict[str, Any]]:
    """Precision, recall and F1 of the paper's rule at each K, given as a share of the keys."""
    from logllm.trainers.metrics import detection_metrics

    scores = model.detectors([processor.ids_of_keys(keys) for keys in split.test])["rank"]
    rows = []
    for share in shares:
        k = max(round(share * model.config.num_keys), 1)
        found = detection_metrics(scores, split.labels, k - 1)
        rows.append({"share": share, "k": k} | {n: found[n] for n in ("precision", "recall", "f1", "tp", "fp", "fn")})
    return rows


def with_gaps(model: Any, processor: Any, split: Keys, weight: float) -> dict[str, Any]:
    """Likelihood + counts + pauses longer than any normal one before the same key."""
    from logllm.trainers.metrics import false_alarm_threshold

    assert split.train_gaps is not None and split.validation_gaps is not None and split.test_gaps is not None
    model.remember_gaps([processor.ids_of_keys(k) for k in split.train[: len(split.train_gaps)]], split.train_gaps)

    def scores(windows: list[list[str]], gaps: list[list[float]]) -> list[float]:
        ids = [processor.ids_of_keys(keys) for keys in windows]
        usual = model.detectors(ids)["likelihood+counts"]
        excess = model.gap_excess(ids[: len(gaps)], gaps).tolist() + [0.0] * (len(ids) - len(gaps))
        return [a + weight * b for a, b in zip(usual, excess)]

    threshold = false_alarm_threshold(scores(split.validation, split.validation_gaps), RATE)
    return measure(scores(split.test, split.test_gaps), split.labels, threshold, novel_once(split))


def foreign(model: Any, processor: Any, recipe: dict[str, Any], data: Path) -> dict[str, Any]:
    """A model judges windows of systems that it never saw: keys through its own table."""
    results = {}
    for other in recipe["foreign"]:
        if other["system"] == "hdfs":
            split = hdfs(data, {"train_share": 0.8, "validation_share": 0.15})
        else:
            split = by_lines(data, other)
        words = {row["key"]: row["text"] for row in split.table["templates"]}
        keyed = [[processor.matcher.key(words[key]) or "" if key else "" for key in keys] for keys in split.test]
        ids = [processor.ids_of_keys(keys) for keys in keyed]
        unknown = sum(not key for keys in keyed for key in keys) / max(sum(map(len, keyed)), 1)
        scores = model.detectors(ids)
        results[other["name"]] = {
            "unknown_key_share": round(unknown, 4),
            "detectors": {name: measure(found, split.labels, model.config.threshold, [False] * len(found)) for name, found in scores.items()},
            "test": len(ids), "anomalous": sum(split.labels),
        }  # fmt: skip
    return results


def run(recipe: dict[str, Any], work: Path) -> None:
    """Run what a recipe still lacks; the result file is rewritten after each job."""
    data, file = data_folder(), RESULTS / f"{recipe['name']}.json"
    if not data.is_dir():
        print(f"{recipe['name']}: skipped, no logs at {data} (set LOGLLM_SHARED)")
        return
    result = json.loads(file.read_text("utf-8")) if file.exists() else {}
    rules = threshold_rules()
    if not same(_measured(result.get("recipe")), _measured(recipe)) or result.get("rules") != rules:
        result = {"recipe": recipe, "rate": RATE, "rules": rules, "parts": {}, "rows": []}
    for part, split, jobs in jobs_of(recipe, data, work):
        facts = split.facts()
        if result["parts"].get(part, {}).get("split") != facts:
            result["rows"] = [row for row in result["rows"] if row["part"] != part]
            result["parts"][part] = {"split": facts, "baselines": baselines(split)}
        for name, seed, job in jobs:
            if any((row["part"], row["row"], row["seed"]) == (part, name, seed) for row in result["rows"]):
                continue
            started = time.perf_counter()
            found = job()
            seconds = round(time.perf_counter() - started, 1)
            made = provenance()
            result["rows"].append({"part": part, "row": name, "seed": seed, "seconds": seconds, "made": made, **found})
            file.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
            shown = {key: (round(v["f1"], 3), round(v["pr_auc"], 3)) for key, v in found["detectors"].items()}
            print(f"{recipe['name']} {part} {name} seed {seed} ({seconds} s): {shown}", flush=True)


def _measured(recipe: dict[str, Any] | None) -> dict[str, Any] | None:
    """What of a recipe the result depends on: not the name of what runs it."""
    return recipe and {key: value for key, value in recipe.items() if key != "runner"}


def mean(values: list[float]) -> str:
    """Mean and standard deviation as text."""
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"
