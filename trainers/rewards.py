"""Rewards of LogLLaMA's REINFORCE stage: pure functions of tensors, one value a predicted position."""

import torch


def top_k_reward(logits: torch.Tensor, true_keys: torch.Tensor, num_candidates: int) -> torch.Tensor:
    """+1 where the true next key is among the K most probable keys, -1 where it is not (LogLLaMA, RL step).

    Args:
        logits: (..., V) the policy's logits at each position.
        true_keys: (...) the key that really came next.
        num_candidates: K.

    >>> top_k_reward(torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]), torch.tensor([1, 2]), 2).tolist()
    [1.0, -1.0]
    """
    true_logit = logits.gather(-1, true_keys.unsqueeze(-1))
    rank = (logits > true_logit).sum(-1)
    return torch.where(rank < num_candidates, 1.0, -1.0).to(logits.dtype)


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
