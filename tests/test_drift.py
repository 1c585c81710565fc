"""Drift: quiet on the same log, loud on another."""

import numpy as np

from logllm.decision.drift import compare, kolmogorov_smirnov, proportions


def test_the_same_log_has_not_drifted():
    rng = np.random.default_rng(1)
    drifts = [
        compare(rng.gamma(2, 2, 512), rng.gamma(2, 2, 500), 2000, (10, 50_000), (3, 10_000)).drifted for _ in range(50)
    ]
    assert sum(drifts) == 0


def test_new_templates_or_higher_scores_have():
    rng = np.random.default_rng(1)
    now = rng.gamma(2, 2, 500)
    more_unseen = compare(rng.gamma(2, 2, 512), now, 2000, (10, 50_000), (500, 10_000))
    assert more_unseen.drifted and "logllm update" in more_unseen.in_words()
    assert compare(rng.gamma(2, 2, 512), now + 5, 2000, (10, 50_000), (3, 10_000)).drifted
    assert not compare(rng.gamma(2, 2, 512), (now + 5)[:20], 2000, (10, 50_000), (3, 10_000)).drifted  # too few


def test_pieces():
    assert kolmogorov_smirnov([1, 2, 3], [11, 12, 13])[0] == 1.0
    assert kolmogorov_smirnov([], [1])[1] == 1.0
    assert proportions(0, 0, 1, 2) == 1.0
    assert proportions(1, 1000, 100, 1000) < 1e-6 < proportions(1, 1000, 2, 1000)
