"""The benchmark's metric: against scikit-learn and by hand, as an `evaluate` module, and under two processes."""

import math
from pathlib import Path

import fresh_process
import numpy as np
import pytest

from benchmarks.metrics.log_anomaly.measures import (
    anomaly_metrics,
    at_prevalence,
    detection_delay,
    hit_probability,
    hits,
)

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks" / "metrics" / "log_anomaly"


@pytest.mark.parametrize("seed", range(5))
def test_it_agrees_with_scikit_learn_ties_included(seed):
    from sklearn import metrics as sk

    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 80)
    scores = np.round(labels * 0.4 + rng.random(80), 1)  # many ties
    found = anomaly_metrics(scores, labels, 0.7, draws=0)
    flagged = scores > 0.7
    assert found["mcc"] == pytest.approx(sk.matthews_corrcoef(labels, flagged))
    assert found["f1"] == pytest.approx(sk.f1_score(labels, flagged))
    assert found["auroc"] == pytest.approx(sk.roc_auc_score(labels, scores))
    assert found["pr_auc"] == pytest.approx(sk.average_precision_score(labels, scores))
    p, r, _ = sk.precision_recall_curve(labels, scores)
    assert found["best_f1"] == pytest.approx(np.max(2 * p * r / np.maximum(p + r, 1e-12)))
    weights = np.where(labels == 1, 0.01 / labels.mean(), 0.99 / (1 - labels.mean()))
    there = at_prevalence(scores, labels, 0.7, 0.01)
    assert there["precision"] == pytest.approx(sk.precision_score(labels, flagged, sample_weight=weights))
    assert there["f1"] == pytest.approx(sk.f1_score(labels, flagged, sample_weight=weights))
    assert there["pr_auc"] == pytest.approx(sk.average_precision_score(labels, scores, sample_weight=weights))


def test_intervals_are_those_of_drawing_windows():
    rng = np.random.default_rng(0)
    labels = (rng.random(300) < 0.2).astype(int)
    scores = labels + rng.normal(0, 0.7, 300)
    found = anomaly_metrics(scores, labels, 0.5, draws=2000)["intervals"]
    drawn = [rng.integers(0, 300, 300) for _ in range(2000)]
    for name in ("f1", "pr_auc"):
        plain = [anomaly_metrics(scores[i], labels[i], 0.5, draws=0)[name] for i in drawn[:600]]
        assert found[name] == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.02)
    perfect = anomaly_metrics([0, 0, 1], [0, 0, 1], 0.5)["intervals"]
    assert perfect["auroc"] == [1.0, 1.0]  # draws of one class are left out, not counted as 0


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"found 1 NaN, the first at 1"):
        anomaly_metrics([0.0, math.nan], [0, 1], 0.5)
    with pytest.raises(ValueError, match=r"one length, found \(2,\) and \(1,\)"):
        anomaly_metrics([0.0, 1.0], [0], 0.5)
    with pytest.raises(ValueError, match=r"labels must be 0 or 1, found 1 others, the first -1"):
        anomaly_metrics([0.0, 1.0], [0, -1], 0.5)
    with pytest.raises(ValueError, match="sequences must have one entry a window, found 1 for 2"):
        anomaly_metrics([0.0, 1.0], [0, 1], 0.5, sequences=["a"])
    with pytest.raises(ValueError, match="at least one window"):
        anomaly_metrics([], [], 0.5)
    with pytest.raises(ValueError, match="prevalence must be a share"):
        anomaly_metrics([0.0, 1.0], [0, 1], 0.5, prevalence=3)
    with pytest.raises(ValueError, match="found 1 and 2 in window 0"):
        anomaly_metrics([0.0], [1], 0.5, line_scores=[[1.0]], line_labels=[[0, 1]])


def test_one_class_has_no_areas_but_counts():
    found = anomaly_metrics([0.1, 0.9], [0, 0], 0.5, lines=10, seconds=43200, prevalence=0.1)
    assert (found["fp"], found["tn"], found["f1"], found["mcc"]) == (1, 1, 0.0, 0.0)
    assert math.isnan(found["auroc"]) and math.isnan(found["best_f1"]) and math.isnan(found["intervals"]["pr_auc"][0])
    assert found["false_alarms_per_million_lines"] == 100_000 and found["false_alarms_per_day"] == 2
    assert anomaly_metrics([0.1, 0.9], [1, 1], 0.5)["tp"] == 1


def test_deduplicated_and_never_in_training():
    sequences = [("a",), ("a",), ("b",), ("b",), ("c",)]
    found = anomaly_metrics(
        [0, 0, 1, 1, 1], [0, 0, 1, 0, 1], 0.5, sequences=sequences, training_sequences=[("c",)], draws=0
    )
    one = found["deduplicated"]
    assert (one["tp"], one["fp"], one["tn"]) == (2, 1, 1)  # b carries both labels: it stands twice
    assert found["never_in_training"]["tp"] == 1


def test_lines_are_ranked_with_ties_by_chance():
    assert hit_probability(np.array([3.0, 2.0, 1.0]), np.array([False, True, False]), 1) == 0
    assert hit_probability(np.array([3.0, 2.0, 2.0, 2.0]), np.array([False, True, False, False]), 3) == pytest.approx(
        2 / 3
    )
    found = hits([[0.0] * 4, [1.0, 0.0], [5.0]], [[1, 0, 0, 0], [1, 0], [0]])
    assert found["hit_at_1"] == pytest.approx((0.25 + 1) / 2) and found["hit_windows"] == 2
    assert found["hit_at_1_by_chance"] == pytest.approx((0.25 + 0.5) / 2)
    assert math.isnan(hits([[1.0]], [[0]])["hit_at_1"])


def test_the_delay_counts_lines_to_the_end_of_the_flagged_window():
    lines = [[0, 0, 1, 0], [1, 1, 0, 0], [0] * 4, [0, 1, 0, 0], [0, 0, 0, 1]]
    found = detection_delay(np.array([False, True, True, False, False]), lines)
    assert found == {"episodes": 2, "missed": 1, "median_lines": 6.0, "mean_lines": 6.0}


def test_the_evaluate_module_says_the_same(tmp_path, monkeypatch):
    import evaluate

    metric = evaluate.load(str(FOLDER), cache_dir=str(tmp_path))
    scores, labels = [0.1, 0.9, 0.8, 0.2], [0, 1, 0, 0]
    found = metric.compute(predictions=scores, references=labels, threshold=0.5, lines=400)
    assert found == anomaly_metrics(scores, labels, 0.5, lines=400)
    assert found["false_alarms_per_million_lines"] == 2500
    with pytest.raises(ValueError, match="NaN"):
        metric.compute(predictions=[math.nan, 1.0], references=[0, 1], threshold=0.5)


WORKER = """
import json, sys, evaluate
rank = int(sys.argv[1])
metric = evaluate.load(sys.argv[2], cache_dir=sys.argv[3], num_process=2, process_id=rank, experiment_id="two")
scores, labels = [[0.1, 0.9, 0.8], [0.2, 0.7]][rank], [[0, 1, 0], [0, 1]][rank]
found = metric.compute(predictions=scores, references=labels, threshold=0.5, draws=0)
print(json.dumps(found if found is None else {name: found[name] for name in ("tp", "fp", "fn", "tn", "auroc")}))
"""


@pytest.mark.slow
def test_two_processes_are_gathered_on_the_first(tmp_path):
    environment = {"HF_HUB_OFFLINE": "1", "HF_MODULES_CACHE": str(tmp_path / "modules")}
    started = [fresh_process.start(WORKER, rank, FOLDER, tmp_path / "cache", env=environment) for rank in (0, 1)]
    ended = [process.result() for process in started]
    assert [done.returncode for done in ended] == [0, 0], ended
    import json

    first, second = (json.loads(done.stdout.splitlines()[-1]) for done in ended)
    assert second is None
    assert (first["tp"], first["fp"], first["fn"], first["tn"]) == (2, 1, 0, 2)
    assert first["auroc"] == pytest.approx(5 / 6)
