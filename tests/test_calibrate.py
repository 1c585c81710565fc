"""Thresholds by alarm budget: what was asked comes out, and a few anomalies do not move it."""

import numpy as np
import pytest

from logllm.decision.threshold import budget_threshold, far_out, poisson_interval, tail_quantile


@pytest.mark.parametrize("seed", range(5))
def test_a_budget_is_kept_on_new_scores_of_the_same_kind(seed):
    rng = np.random.default_rng(seed)
    held, new = rng.gamma(2, 2, 4000), rng.gamma(2, 2, 40_000)
    budget = budget_threshold(held, alarms=40, seconds=86400.0, clean=True)
    assert 20 <= (new > budget.threshold).sum() / 10 <= 80
    assert budget.low <= 40 <= budget.high


def test_a_few_per_cent_of_anomalies_are_put_aside():
    rng = np.random.default_rng(0)
    normal = rng.normal(3, 1, 1000)
    clean = budget_threshold(normal, 10, 86400.0)
    dirty = budget_threshold([*normal, *rng.normal(40, 3, 30)], 10, 86400.0)
    assert dirty.put_aside == 30 and clean.put_aside == 0
    assert abs(dirty.threshold - clean.threshold) < 0.3
    assert "30 of them scored far outside" in dirty.in_words()
    assert budget_threshold([*normal, *rng.normal(40, 3, 30)], 10, 86400.0, clean=True).threshold > 30


def test_many_outliers_are_no_outliers():
    assert far_out(np.sort([*np.zeros(80), *np.full(20, 50.0)])) == 0


def test_a_budget_rarer_than_the_sample_lies_beyond_it_and_says_so():
    budget = budget_threshold(np.linspace(0, 5, 100), alarms=1, seconds=3600.0)
    assert 5 < budget.threshold < 20
    assert "longer log" in budget.in_words() and budget.high > 24


def test_no_clock_counts_by_a_thousand_windows():
    budget = budget_threshold(np.arange(1000.0), alarms=10, seconds=None)
    assert budget.period == "1,000 windows" and 988 <= budget.threshold <= 990


@pytest.mark.parametrize("alarms", [0, -1, float("nan"), float("inf")])
def test_a_budget_must_be_a_positive_number(alarms):
    with pytest.raises(ValueError, match="positive number"):
        budget_threshold([1.0], alarms, 1.0)


@pytest.mark.parametrize(
    ("tied", "asked", "alarms"),
    [(30, 40, 39), (30, 25, 30), (30, 10, 0), (300, 40, 0), (45, 30, 45)],
    ids=["below the tie", "the tie is near", "out of reach", "the common score", "one and a half times"],
)
def test_scores_that_are_shared_by_many_windows_give_what_comes_closest(tied, asked, alarms):
    scores = [*np.linspace(0, 1, 1000 - tied), *np.full(tied, 9.0)]
    budget = budget_threshold(scores, asked, 86400.0, clean=True)
    assert (np.array(scores) > budget.threshold).sum() == alarms == round(budget.expected)
    assert ("share the score" in budget.in_words()) == (alarms == 0)


def test_rare_normal_windows_that_do_not_stand_apart_keep_the_budget():
    """A fence of quartiles would put all of them aside, and raise four times as many alarms as were asked for."""
    rng = np.random.default_rng(3)
    scores, later = ([*rng.normal(2, 0.1, 9600), *rng.exponential(6, 400) + 3] for _ in range(2))
    budget = budget_threshold(scores, 100, 86400.0)
    assert budget.put_aside == 0 and 50 <= (np.array(later) > budget.threshold).sum() <= 200


def test_exact_pieces():
    assert tail_quantile(np.array([1.0, 2.0, 3.0]), 0.5) == 2.0
    low, high = poisson_interval(0)
    assert low == 0 and 3.5 < high < 3.8
