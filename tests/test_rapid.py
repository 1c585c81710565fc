"""RAPID: tokens are compared with tokens, and how often a message comes up counts for nothing by itself."""

import numpy as np
import pytest

from benchmarks.baselines import rapid

EAST, NORTH = np.array([1.0, 0.0]), np.array([0.0, 1.0])
BETWEEN = (EAST + NORTH) / np.sqrt(2)
TOKENS = {
    "east north": [EAST, NORTH],
    "between between": [BETWEEN, BETWEEN],  # the mean of the first, none of its tokens
    "east": [EAST],
    "north": [NORTH],
}


@pytest.fixture
def fitted(monkeypatch):
    monkeypatch.setattr(rapid, "token_vectors", lambda messages: [np.stack(TOKENS[message]) for message in messages])
    return lambda *windows: rapid.RAPID().fit([list(window) for window in windows])


def test_a_window_of_the_same_mean_and_other_tokens_is_far(fitted):
    model = fitted(["east north"])
    assert model.score([["east north"], ["between between"]]) == pytest.approx([0.0, 1 - np.sqrt(0.5)])
    assert model.line_scores([["between between", "east"]])[0] == pytest.approx([1 - np.sqrt(0.5), 0.0])


def test_the_nearest_of_the_normal_windows_judges(fitted):
    assert fitted(["east"], ["north"]).score([["north"], ["east north"]]) == pytest.approx([0.0, 0.5])


def test_how_often_a_message_comes_up_is_no_term_of_its_own(fitted):
    model = fitted(["east", "north"])
    assert model.score([["east"] * 50, ["north"], ["north", "east"] * 7]) == pytest.approx([0.0, 0.0, 0.0])
    only_east = fitted(["east"])
    few, many = only_east.score([["east", "north"], ["east", "north"] * 9])
    assert few == many == pytest.approx(0.5)
