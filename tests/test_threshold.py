"""The threshold of normal validation windows: promised rates on drawn scores, few windows, foreign windows, ties."""

import math

import numpy as np
import pytest

from logllm.decision.threshold import (
    bounded_threshold,
    exponential_tail,
    normal_threshold,
    promised_rate,
    widest_gap,
)


def drawn(n, seed=0, kind="exponential"):
    rng = np.random.default_rng(seed)
    return {
        "exponential": lambda: rng.exponential(1.5, n),
        "normal": lambda: rng.normal(3, 1, n),
        "two kinds": lambda: np.where(rng.random(n) < 0.05, rng.exponential(4, n) + 3, rng.exponential(1, n)),
    }[kind]()


@pytest.mark.parametrize("kind", ["exponential", "normal", "two kinds"])
@pytest.mark.parametrize("windows", [50, 300, 3000])
def test_what_is_promised_comes(kind, windows):
    """Over many logs new normal windows exceed the threshold about as often as promised, also where the tail is heavy."""
    rate, new = 0.001, drawn(200_000, 99, kind)
    came, promised = [], []
    for seed in range(40):
        scores = drawn(windows, seed, kind)
        threshold = normal_threshold(scores, rate)
        came.append((new > threshold).mean())
        promised.append(promised_rate(scores, threshold, rate))
    assert np.mean(came) <= 1.3 * np.mean(promised)


@pytest.mark.parametrize(
    ("scores", "lowest", "highest"),
    [
        ([5.0], 5.0, 5.0),
        ([1.0] * 300, 1.0, 1.0),
        ([0.0, 1.0], 0.9, 1.0),
        ([*range(2000)], 1997.0, 1999.0),  # enough of them: the conformal quantile
    ],
)
def test_few_or_equal_scores(scores, lowest, highest):
    assert lowest <= normal_threshold(scores, 0.001) <= highest


def test_one_odd_window_does_not_set_the_threshold():
    scores = drawn(500)
    clean, odd = normal_threshold(scores, 0.001), normal_threshold([*scores, 80.0], 0.001)
    assert abs(odd - clean) < 2 and odd < 20


def test_the_tail_is_followed_to_a_message_never_seen_and_no_further():
    scores = drawn(100)
    assert normal_threshold(scores, 1e-5) == scores.max()
    assert scores.max() < normal_threshold(scores, 1e-5, reach=12.0) <= 12.0


def test_three_foreign_windows_in_a_hundred_do_not_set_it():
    scores = drawn(500)
    foreign = 20 + drawn(15, 1)  # anomalies that nobody labelled
    dirty = np.concatenate([scores, foreign])
    assert normal_threshold(dirty, 0.001) < 20
    assert promised_rate(dirty, normal_threshold(dirty, 0.001), 0.001) > 0.02  # and they are counted


def test_the_tail_of_an_exponential_is_found():
    assert exponential_tail(np.sort(drawn(100_000)), 1e-5) == pytest.approx(1.5 * math.log(1e5), rel=0.05)


def test_a_message_never_seen_stays_an_alarm():
    scores = np.minimum(drawn(400), 8.0)
    threshold = bounded_threshold(scores, 0.003, 10.0)
    assert exponential_tail(np.sort(scores), 0.009) < threshold < scores.max()
    some = [*scores, *[10.0] * 20]  # normal windows with such a message: counted in the promise, not in the threshold
    assert bounded_threshold(some, 0.003, 10.0) == threshold and promised_rate(some, threshold, 0.003) > 0.04
    assert bounded_threshold(drawn(400) * 3, 0.003, 10.0) == pytest.approx(
        10.0 - math.log(2)
    )  # what was seen once is as usual
    assert bounded_threshold([*scores, *[10.0] * 400], 0.003, 10.0) == 10.0  # a log that is all new: it tells nothing
    # Of twenty windows five more or less are chance: no model goes silent for that.
    assert bounded_threshold([*scores[:15], *[10.0] * 5], 0.003, 10.0) < 10.0


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0, float("nan")])
def test_a_rate_that_cannot_be_is_refused(rate):
    with pytest.raises(ValueError, match="false-alarm rate must lie between 0 and 1"):
        normal_threshold([1.0], rate)
    with pytest.raises(ValueError, match="must have normal windows"):
        normal_threshold([], 0.01)


def test_a_threshold_lies_in_the_gap_below_a_message_never_seen():
    drift = np.concatenate([drawn(400), [11.0, 12.5]])  # odd kinds of normal windows, of which more will come
    lowest = normal_threshold(drift, 0.001, reach=40.0)
    assert 12.5 < widest_gap(drift, lowest, 40.0) < 40.0
    assert widest_gap([*drift, 30.0], lowest, 40.0) == pytest.approx((12.5 + 30.0) / 2)
    assert widest_gap(drift, 50.0, 40.0) == 50.0 and widest_gap(drift, 9.0, math.inf) == 9.0
