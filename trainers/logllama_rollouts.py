"""Continuations of normal prefixes, sampled from the policy: what REINFORCE learns from.

Rows of a batch have prompts of different length. Plain sampling puts no padding in front: it walks
once over the positions, feeding each row its true key up to its prompt's end and the sampled one from there. Beams need
transformers' `generate`, and with it padding on the left.
"""

import torch

from logllm.modeling_logllm import LogLLaMAForNextKey
from logllm.modeling_logllm.processing_logllama import EOS_ID, NEVER_PREDICTED, PAD_ID


@torch.no_grad()
def sample_continuations(
    policy: LogLLaMAForNextKey,
    truth: torch.Tensor,
    lengths: torch.Tensor,
    prompts: torch.Tensor,
    temperature: float = 1.0,
) -> torch.Tensor:
    """Continue each row of key ids from its own prompt length, all rows in one loop over the key-value cache.

    Args:
        policy: the key model.
        truth: true sequences (B, L), right-padded.
        lengths: their lengths (B,).
        prompts: how many keys of each are given (B,), at least 1.
        temperature: of the sampling.

    Returns:
        (B, L): the prompt, then sampled keys up to the true length, then padding. The end is sampled at the last
        position only: what comes after an end is nothing that the policy could know.
    """
    was_training = policy.training
    policy.eval()
    rollout = truth.clone()
    first = int(prompts.min())
    output = policy(input_ids=rollout[:, :first], use_cache=True)
    for t in range(first, truth.shape[1]):
        logits = output.logits[:, -1].float() / temperature  # (B, V)
        logits[:, list(NEVER_PREDICTED)] = -torch.inf
        logits[:, EOS_ID] = logits[:, EOS_ID].masked_fill(t < lengths - 1, -torch.inf)
        key = torch.multinomial(logits.softmax(-1), 1).squeeze(1)
        inside = (t >= prompts) & (t < lengths)
        rollout[:, t] = torch.where(inside, key, rollout[:, t])
        if t + 1 < truth.shape[1]:
            output = policy(input_ids=rollout[:, t : t + 1], past_key_values=output.past_key_values, use_cache=True)
    policy.train(was_training)
    return rollout


@torch.no_grad()
def sample_with_beams(
    policy: LogLLaMAForNextKey,
    truth: torch.Tensor,
    lengths: torch.Tensor,
    prompts: torch.Tensor,
    num_beams: int,
    temperature: float = 1.0,
) -> torch.Tensor:
    """The same by beam sampling (LogGPT's way: 20 beams): (B, L)."""
    was_training = policy.training
    policy.eval()
    width = int(prompts.max())
    wanted = int((lengths - prompts).max())
    left = torch.zeros(len(truth), width, dtype=truth.dtype, device=truth.device)
    for row, sequence, given in zip(left, truth, prompts.tolist()):
        row[width - given :] = sequence[:given]
    rollout = truth.clone()
    if wanted > 0:
        said = policy.generate(
            input_ids=left,
            attention_mask=(left != 0).long(),
            do_sample=True,
            num_beams=num_beams,
            temperature=temperature,
            top_k=0,
            max_new_tokens=wanted,
            min_new_tokens=wanted,
            suppress_tokens=[*NEVER_PREDICTED, EOS_ID],
            pad_token_id=PAD_ID,
        )[:, width:]
        for i, (given, length) in enumerate(zip(prompts.tolist(), lengths.tolist())):
            rollout[i, given:length] = said[i, : length - given]
    policy.train(was_training)
    return rollout
