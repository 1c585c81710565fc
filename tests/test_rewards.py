import doctest
from itertools import product

import pytest
import torch

from logllm.trainers import rewards
from logllm.trainers.rewards import hit_reward, hit_reward_func, returns_to_go, top_k_reward, top_k_reward_func


def test_examples_in_docstrings_hold():
    assert doctest.testmod(rewards).failed == 0


@pytest.mark.parametrize(
    ("true", "k", "reward"),
    [(0, 1, 1.0), (1, 1, -1.0), (1, 2, 1.0), (2, 2, -1.0), (2, 3, 1.0), (2, 100, 1.0)],
)
def test_top_k(true, k, reward):
    logits = torch.tensor([[3.0, 2.0, 1.0]])
    assert top_k_reward(logits, torch.tensor([true]), k).tolist() == [reward]


def test_a_label_turns_the_sign_round():
    logits, true = torch.tensor([[[3.0, 2.0], [3.0, 2.0]]]).expand(2, 2, 2), torch.tensor([[0, 1], [0, 1]])
    assert top_k_reward(logits, true, 1, torch.tensor([[0], [1]])).tolist() == [[1.0, -1.0], [-1.0, 1.0]]


def test_reward_does_not_depend_on_the_action_but_the_hit_does():
    completions = ["a", "b", "c"]
    logits = torch.tensor([[3.0, 2.0, 1.0]]).expand(3, 3)
    paid = top_k_reward_func(completions, top_k_reward(logits, torch.tensor([1, 1, 1]), 2)[:, None].tolist())
    assert paid == [1.0] * 3  # nothing for a group baseline to learn from
    assert hit_reward_func(completions, position_rewards=[[1.0, -1.0], [1.0], []]) == [0.0, 1.0, 0.0]
    assert hit_reward_func(completions, ["a"] * 3) == [1.0, -1.0, -1.0]
    assert hit_reward(torch.tensor([1, 2]), torch.tensor([1, 1])).tolist() == [1.0, -1.0]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_returns_equal_the_sum_written_out(gamma):
    rewards_, mask = torch.tensor([[1.0, -1.0, 1.0, 1.0]]), torch.tensor([[0.0, 1.0, 1.0, 0.0]])
    found = returns_to_go(rewards_, mask, gamma)[0].tolist()
    for t, s in product(range(4), [0]):
        del s
        wanted = sum(gamma ** (u - t) * float(rewards_[0, u] * mask[0, u]) for u in range(t, 4)) * float(mask[0, t])
        assert found[t] == pytest.approx(wanted)
