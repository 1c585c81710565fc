"""Rewards of LogLLaMA's REINFORCE stage: pure functions, one value a predicted position, or a completion for TRL.

The tensor functions reward positions; `top_k_reward_func` and `hit_reward_func` have the signature that TRL's trainers call
(`completions` and further columns in, one float a completion out).
"""

from collections.abc import Sequence

import torch


def top_k_reward(
    logits: torch.Tensor, true_keys: torch.Tensor, num_candidates: int, labels: torch.Tensor | None = None
) -> torch.Tensor:
    """+1 where the true next key is among the K most probable keys, -1 where it is not (LogLLaMA, RL step).

    Args:
        logits: (..., V) the policy's logits at each position.
        true_keys: (...) the key that really came next.
        num_candidates: K.
        labels: (...) or broadcastable: 1 where the sequence is anomalous; there the sign is turned round.

    >>> top_k_reward(torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]), torch.tensor([1, 2]), 2).tolist()
    [1.0, -1.0]
    """
    true_logit = logits.gather(-1, true_keys.unsqueeze(-1))
    rank = (logits > true_logit).sum(-1)
    reward = torch.where(rank < num_candidates, 1.0, -1.0).to(logits.dtype)
    return reward if labels is None else reward * (1 - 2 * labels.to(reward.dtype))


def hit_reward(sampled_keys: torch.Tensor, true_keys: torch.Tensor) -> torch.Tensor:
    """+1 where the sampled key is the true one, -1 where it is not.

    >>> hit_reward(torch.tensor([4, 5]), torch.tensor([4, 6])).tolist()
    [1.0, -1.0]
    """
    return torch.where(sampled_keys == true_keys, 1.0, -1.0)


def returns_to_go(rewards: torch.Tensor, mask: torch.Tensor, gamma: float) -> torch.Tensor:
    """Discounted sum of this and all later rewards of a row, positions outside the mask counting nothing.

    >>> returns_to_go(torch.tensor([[1.0, -1.0, 1.0]]), torch.ones(1, 3), 0.5).tolist()
    [[0.75, -0.5, 1.0]]
    """
    returns = torch.zeros_like(rewards)
    running = torch.zeros_like(rewards[:, 0])
    for t in range(rewards.shape[1] - 1, -1, -1):
        running = rewards[:, t] * mask[:, t] + gamma * running
        returns[:, t] = running * mask[:, t]
    return returns


def top_k_reward_func(
    completions: Sequence[str], position_rewards: Sequence[Sequence[float]], **kwargs
) -> list[float]:
    """TRL's form of the paper's reward: the mean over a completion's positions of `top_k_reward`.

    Args:
        completions: what the policy wrote; unused, for this reward depends on the policy's candidates, not on its choice:
            a group of one-key completions of one prompt gets one reward.
        position_rewards: of each completion, the reward of each position.
        kwargs: further columns, ignored.

    >>> top_k_reward_func(["b c"], [[1.0, -1.0]])
    [0.0]
    """
    del completions, kwargs
    return [sum(rewards) / max(len(rewards), 1) for rewards in position_rewards]


def hit_reward_func(
    completions: Sequence[str],
    true_key: Sequence[str] = (),
    position_rewards: Sequence[Sequence[float]] | None = None,
    **kwargs,
) -> list[float]:
    """TRL's form of the sampled hit: +1 where the completion is the true next key, -1 where it is not.

    Where the positions were rewarded already (`position_rewards`), the mean over them.

    >>> hit_reward_func(["a", "b"], ["a", "a"])
    [1.0, -1.0]
    """
    del kwargs
    if position_rewards is not None:
        return top_k_reward_func(completions, position_rewards)
    return [1.0 if completion.strip() == key else -1.0 for completion, key in zip(completions, true_key)]
