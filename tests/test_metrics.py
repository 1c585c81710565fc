"""Metrics and thresholds as tables."""

import math

import numpy as np
import pytest

from logllm.trainers.metrics import best_f1_threshold, detection_metrics, false_alarm_threshold


def test_counts_and_rates():
    found = detection_metrics([0.9, 0.8, 0.2, 0.1], [1, 0, 1, 0], 0.5)
    assert (found["tp"], found["fp"], found["fn"], found["tn"]) == (1, 1, 1, 1)
    assert found["precision"] == found["recall"] == found["f1"] == 0.5


def test_the_threshold_itself_is_not_above_it():
    assert detection_metrics([0.5], [0], 0.5)["fp"] == 0


def test_areas_agree_with_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    scores = np.round(rng.normal(size=300) + labels, 1)  # rounded: many ties
    found = detection_metrics(scores.tolist(), labels.tolist(), 0.0)
    assert found["auroc"] == pytest.approx(sklearn.roc_auc_score(labels, scores))
    assert found["pr_auc"] == pytest.approx(sklearn.average_precision_score(labels, scores))


def test_equal_scores_give_chance_level_in_any_order():
    for labels in ([1, 0, 0, 0], [0, 0, 0, 1]):
        found = detection_metrics([1.0] * 4, labels, 2.0)
        assert found["auroc"] == 0.5
        assert found["pr_auc"] == 0.25


def test_one_class_has_no_areas():
    assert math.isnan(detection_metrics([1.0, 2.0], [0, 0], 0.0)["auroc"])


def test_bad_input():
    with pytest.raises(ValueError, match="one length"):
        detection_metrics([1.0], [0, 1], 0.0)
    with pytest.raises(ValueError, match="found 1 NaN, the first at 1"):
        detection_metrics([1.0, float("nan")], [0, 1], 0.0)
    with pytest.raises(ValueError, match="anomalous windows"):
        best_f1_threshold([1.0], [0])
    with pytest.raises(ValueError, match="found none"):
        false_alarm_threshold([], 0.1)


@pytest.mark.parametrize(
    ("scores", "labels", "prefer", "threshold"),
    [
        ([3.0, 1.0], [1, 0], None, 2.0),
        ([3.0, -1.0], [1, 0], 0.0, 0.0),  # 0 lies in the best range
        ([3.0, 1.0], [1, 0], 0.0, 2.0),  # it does not
        ([3.0, 3.0, 1.0], [1, 0, 1], None, 0.5),  # equal scores are flagged together
    ],
)
def test_best_f1(scores, labels, prefer, threshold):
    assert best_f1_threshold(scores, labels, prefer) == pytest.approx(threshold)


def test_best_f1_is_the_best_of_all():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 60).tolist()
    scores = np.round(rng.normal(size=60) + labels, 1).tolist()
    found = detection_metrics(scores, labels, best_f1_threshold(scores, labels))["f1"]
    assert found == max(detection_metrics(scores, labels, t)["f1"] for t in [min(scores) - 1, *scores])


def test_false_alarms_keep_their_promise():
    """Over many draws, new normal scores exceed the threshold at most as often as asked."""
    rng = np.random.default_rng(2)
    rates = []
    for _ in range(300):
        threshold = false_alarm_threshold(rng.normal(size=199), 0.05)
        rates.append(float((rng.normal(size=200) > threshold).mean()))
    assert 0.04 < np.mean(rates) <= 0.053
