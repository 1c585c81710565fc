"""Which rule sets LogLLaMA's default threshold: `python -m benchmarks.experiments.logllama_threshold [--only PART]`.

Every rule sees the scores of normal validation windows and nothing else. The rule was chosen on the logs of the part `choice`
(simulated logs, Thunderbird, BGL, and blocks of the first 60 % of HDFS_2pct in shuffled order); the part `report` trains
on those 60 % and tests on the other 40 %, which the choice never sees. Scores are kept in `--work`, so that the rules can
be compared again without training; the result is `results/logllama_threshold.json`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.comparison.systems import data_folder

HERE = Path(__file__).resolve().parents[1]
RESULT = HERE / "results" / "logllama_threshold.json"
# part, name, system, where it comes from, window, seeds
CASES: tuple[dict[str, Any], ...] = (
    {"part": "choice", "name": "hdfs first 60 %", "system": "hdfs", "raw": "hdfs/HDFS_2pct.log", "seeds": (0, 1, 2)},
    {"part": "choice", "name": "hdfs simulated", "system": "hdfs", "lines": 40_000, "seeds": (0, 1, 2)},
    {"part": "choice", "name": "hdfs simulated, small", "system": "hdfs", "lines": 8_000, "seeds": (3, 4)},
    {"part": "choice", "name": "bgl simulated", "system": "bgl", "lines": 60_000, "window": 20, "seeds": (0, 1)},
    {"part": "choice", "name": "bgl", "system": "bgl", "raw": "bgl/BGL_thinned.log", "window": 100, "seeds": (0,)},
    {
        "part": "choice", "name": "thunderbird", "system": "thunderbird", "raw": "thunderbird/TB_20051115_block*.log",
        "window": 20, "seeds": (0,),
    },
    # LogLLM's scores are log-odds: the promise must hold for them too.
    {
        "part": "choice", "name": "hdfs simulated, LogLLM", "family": "logllm", "system": "hdfs", "lines": 40_000,
        "recipe": {"preset": "tiny", "max_samples": 400, "last_epochs": 3}, "seeds": (0,),
    },
    {"part": "report", "name": "hdfs other 40 %", "system": "hdfs", "raw": "hdfs/HDFS_2pct.log", "seeds": (0, 1, 2)},
)  # fmt: skip
RATE = 0.001
CONTAMINATED = 0.03
BEFORE = "conformal, rate .01 (before)"
CHOSEN = "exponential tail, followed to the largest score or a message never seen (chosen)"
TRAIN_SHARE = 0.6  # of HDFS's blocks; the rest is for the report alone


def build_case(case: dict[str, Any], seed: int, folder: Path) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Build the windows of a case: statistics, splits, template table."""
    from logllm.hf_datasets import WindowRule, configurations, load_statistics, load_templates, load_windows
    from logllm.hf_datasets.simulation.simulate import simulate
    from logllm.training.building import build_dataset

    settings: dict[str, Any] = {"validation_share": 0.1, "train_share": 0.8, "progress": False}
    if "raw" in case:
        files = sorted(data_folder().glob(case["raw"]))
        labels = data_folder() / "hdfs" / "anomaly_label.csv"
    else:
        simulate(case["system"], case["lines"], 100 + seed, folder)
        files, labels = [folder / f"{case['system']}.log"], folder / "anomaly_label.csv"
    if case["system"] == "hdfs":
        settings |= {"labels": labels}
        if "raw" in case:
            settings |= {"train_share": TRAIN_SHARE}
    if "window" in case:
        settings |= {"window": WindowRule("fixed", case["window"])}
    build_dataset(case["system"], files, folder / "built", **settings)
    name = configurations(folder / "built")[0]
    where = folder / "built"
    return load_statistics(where, name), load_windows(where, name), load_templates(where, name)


def scores_of(case: dict[str, Any], seed: int) -> dict[str, Any]:
    """Train the preset tiny of a family; the scores of normal validation windows and of test windows with their labels."""
    from datasets import concatenate_datasets

    from logllm.hf_datasets import LogSystem
    from logllm.training.result_file import birth_certificate
    from logllm.training.train import train_detector

    family = case.get("family", "logllama")
    with tempfile.TemporaryDirectory() as temporary:
        built, rows, templates = build_case(case, seed, Path(temporary))
        train, validation, test = (rows[name] for name in ("train", "validation", "test"))
        if case["part"] == "choice" and case["system"] == "hdfs" and "raw" in case:
            # The blocks of the report are left alone: the first 60 % are divided anew for each seed.
            known = concatenate_datasets([train, validation])
            order = list(range(len(known)))
            random.Random(seed).shuffle(order)
            cuts = [int(0.7 * len(order)), int(0.78 * len(order))]
            train, validation, test = (
                known.select(order[a:b]) for a, b in ((0, cuts[0]), (cuts[0], cuts[1]), (cuts[1], len(order)))
            )
        detector = train_detector(
            family, train, validation, templates, LogSystem.from_dict(built["system"]), None, None, seed=seed,
            progress=False, recipe=case.get("recipe"),
        )  # fmt: skip
    if family == "logllm":
        normal_lines = [lines for lines, label in zip(validation["lines"], validation["label"]) if label == 0]
        return {
            "score_by": "log-odds",
            "validation": {"log-odds": detector.scores(normal_lines)},
            "test": {"log-odds": detector.scores(test["lines"][:])},
            "labels": test["label"][:],
            "train_windows": len(train),
            "made": birth_certificate(),
        }
    from logllm.training.logllama import reach_of_unseen

    model, processor = detector.model, detector.processor
    normal = [keys for keys, label in zip(validation["keys"], validation["label"]) if label != 1]

    def scored(windows: Any) -> dict[str, list[float]]:
        return model.detectors([processor.ids_of_keys(keys) for keys in windows])

    return {
        "score_by": model.config.score_by,
        "unseen_score": model.config.unseen_score,
        "reach": reach_of_unseen(model, [processor.ids_of_keys(keys) for keys in normal]),
        "count_weight": model.config.count_weight,
        "candidates": model.config.candidates,
        "validation": scored(normal),
        "test": scored(test["keys"]),
        "labels": test["label"][:],
        "train_windows": len(train),
        "made": birth_certificate(),
    }


def kept(work: Path, only: str | None) -> Iterator[tuple[dict[str, Any], int, dict[str, Any]]]:
    """Every case and seed with its scores, measured where they are not in the work folder yet."""
    for case in CASES:
        if only and case["part"] != only:
            continue
        for seed in case["seeds"]:
            file = work / f"{case['name'].replace(' ', '-')}-{seed}.json"
            if not file.is_file():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(scores_of(case, seed)), "utf-8")
            yield case, seed, json.loads(file.read_text("utf-8"))


def conformal(scores: Any, rate: float) -> float:
    """The split-conformal quantile, the largest score where the windows are too few."""
    from logllm.trainers import false_alarm_threshold

    return false_alarm_threshold(scores, rate)


def pareto(scores: Any, rate: float) -> float:
    """A generalised Pareto law above the ninth decile, by probability-weighted moments, shape between 0 and .5."""
    s = np.sort(np.asarray(scores))
    start = float(np.quantile(s, 0.9))
    excess = s[s > start] - start
    if len(excess) < 2:
        return float(s[-1])
    place = (np.arange(1, len(excess) + 1) - 0.35) / len(excess)
    mean, weighted = float(excess.mean()), float(((1 - place) * excess).mean())
    apart = mean - 2 * weighted
    shape = min(max(2 - mean / apart if apart > 1e-9 else 0.5, 0.0), 0.5)
    rarer = max(len(excess) / len(s) / rate, 1.0)
    scale = mean * (1 - shape)
    return start + (scale * math.log(rarer) if shape < 1e-6 else scale / shape * (rarer**shape - 1))


def mean_tail(scores: Any, rate: float) -> float:
    """An exponential tail whose scale is the mean excess, without the scores that stand apart from all others."""
    from logllm.decision.threshold import far_out

    s = np.sort(np.asarray(scores))
    s = s[: len(s) - far_out(s)]
    start = float(np.quantile(s, 0.9))
    excess = s[s > start] - start
    if not len(excess):
        return start
    return start + float(excess.mean()) * max(math.log(len(excess) / len(s) / rate), 0.0)


def widest_gap(scores: Any, rate: float) -> float:
    """The middle of the widest gap between neighbouring scores above the ninth decile."""
    s = np.sort(np.asarray(scores))
    tail = s[int(0.9 * len(s)) :]
    if len(tail) < 2:
        return float(s[-1])
    at = int(np.diff(tail).argmax())
    return float((tail[at] + tail[at + 1]) / 2)


def rules(reach: float, rate: float) -> dict[str, Callable[[Any], float]]:
    """The rules that were compared, by name; the last one is the package's own. `reach`: of a message never seen; `rate`: of the last."""
    from logllm.decision.threshold import exponential_tail, normal_threshold
    from logllm.training.logllama import TAIL_MARGIN

    return {
        BEFORE: lambda s: conformal(s, 0.01),
        "conformal, rate .001": lambda s: conformal(s, RATE),
        "generalised Pareto, rate .001": lambda s: pareto(s, RATE),
        "exponential tail, without an end, rate .001": lambda s: exponential_tail(np.sort(s), RATE),
        "widest gap": lambda s: widest_gap(s, RATE),
        "mean tail without what stands apart": lambda s: min(mean_tail(s, RATE), max(float(np.max(s)), reach)),
        "the same to a tenth of the rate": lambda s: normal_threshold(s, rate, reach, 10 if rate == RATE else 1),
        "the same to the rate itself": lambda s: normal_threshold(s, rate, reach),
        CHOSEN: lambda s: normal_threshold(s, rate, reach, TAIL_MARGIN if rate == RATE else 1),
    }


def judged(case: dict[str, Any], seed: int, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for each detector and rule of a case: threshold, F1, what was promised and what came."""
    from logllm.decision.threshold import poisson_interval, promised_rate, unseen_ceiling
    from logllm.trainers.metrics import best_f1_threshold, detection_metrics
    from logllm.training.logllama import BOUNDED_RATE

    labels = np.asarray(found["labels"])
    for detector in dict.fromkeys((found["score_by"], "likelihood")):
        if detector not in found["validation"]:
            continue
        scores, normal = np.asarray(found["test"][detector])[labels >= 0], found["validation"][detector]
        truth = labels[labels >= 0]
        best = None
        if truth.any():
            best = detection_metrics(scores, truth, best_f1_threshold(scores, truth))["f1"]
        # A log that nobody labelled: some of the windows taken as normal are not.
        foreign = scores[truth == 1][: max(round(CONTAMINATED * len(normal)), 1)]
        rate = RATE * (BOUNDED_RATE if detector == "likelihood" else 1)
        for name, rule in rules(
            found.get("reach", {}).get(detector, found.get("unseen_score", -math.inf)), rate
        ).items():
            threshold, dirty = rule(np.asarray(normal)), rule(np.concatenate([normal, foreign]))
            if name == CHOSEN and detector == "likelihood" and found.get("unseen_score"):
                threshold = unseen_ceiling(normal, threshold, found["unseen_score"])
                dirty = unseen_ceiling(normal, dirty, found["unseen_score"])
            metrics = detection_metrics(scores, truth, threshold)
            count, windows = int(metrics["fp"]), int((truth == 0).sum())
            low, high = (bound / max(windows, 1) for bound in poisson_interval(count))
            yield {
                "part": case["part"], "log": case["name"], "family": case.get("family", "logllama"), "seed": seed,
                "detector": detector, "rule": name, "threshold": threshold, "metrics": metrics, "best_f1": best,
                "validation_windows": len(normal), "promised": promised_rate(normal, threshold, {CHOSEN: rate, BEFORE: 0.01}.get(name, RATE)),
                "false_alarm_rate": count / max(windows, 1), "interval": [low, high],
                "f1_contaminated": detection_metrics(scores, truth, dirty)["f1"], "made": found.get("made"),
            }  # fmt: skip


def table(rows: Sequence[dict[str, Any]]) -> str:
    """F1 of each rule on each log (mean over the seeds), and how often the promise was kept."""
    names = list(dict.fromkeys(row["rule"] for row in rows))
    lines = [f"| part, log, detector | {' | '.join(names)} | best F1 |", "|---|" + "---|" * (len(names) + 1)]
    for kind in dict.fromkeys((row["part"], row["log"], row["detector"]) for row in rows):
        own = [row for row in rows if (row["part"], row["log"], row["detector"]) == kind]
        cells = []
        for name in names:
            some = [row for row in own if row["rule"] == name]
            rate = statistics.mean(row["false_alarm_rate"] for row in some)
            cells.append(f"{statistics.mean(row['metrics']['f1'] for row in some):.3f} ({rate:.4f})")
        best = [row["best_f1"] for row in own if row["best_f1"] is not None]
        lines.append(f"| {', '.join(kind)} | {' | '.join(cells)} | {statistics.mean(best):.3f} |" if best else
                     f"| {', '.join(kind)} | {' | '.join(cells)} | - |")  # fmt: skip
    kept_by = []
    for name in names:
        some = [row for row in rows if row["rule"] == name]
        kept_by.append(f"{sum(row['interval'][0] <= row['promised'] for row in some)}/{len(some)}")
    lines.append(f"| promise kept (lower bound of the rate at most what was promised) | {' | '.join(kept_by)} | |")
    lines.append("")
    lines.append("F1, in brackets the share of normal test windows that are alarms.")
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing, then compare the rules."""
    from logllm.training.result_file import birth_certificate, write_whole

    parser = argparse.ArgumentParser(description="Compare the rules for LogLLaMA's default threshold.")
    parser.add_argument("--only", choices=("choice", "report"))
    parser.add_argument("--work", type=Path, default=HERE.parent / ".bench" / "thresholds")
    arguments = parser.parse_args()
    rows = [row for case, seed, found in kept(arguments.work, arguments.only) for row in judged(case, seed, found)]
    print(table(rows))
    if arguments.only is None:
        result = {
            "rate": RATE,
            "chosen": CHOSEN,
            "contaminated": CONTAMINATED,
            "rows": rows,
            "made": birth_certificate(),
        }
        write_whole(RESULT, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
