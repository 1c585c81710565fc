"""LogLLaMA's two stages: next-key likelihood on TRL's SFTTrainer, then REINFORCE with the top-K reward.

What is peculiar here:
- TRL's GRPO and RLOO cannot carry the paper's reward: it depends on the state, not on the sampled key, so against a group
  of samples of one prompt every advantage is zero and so is the gradient. `ReinforceTrainer` therefore stands on
  `transformers.Trainer` and overrides the loss: one sampled continuation a prompt, reward at every position,
  return-to-go, a moving average as baseline, an entropy bonus.
- Only normal sequences are seen in either stage.
- Left out of the famous algorithm: a value network, clipping, several updates a rollout.
"""

from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from transformers import Trainer
from trl import SFTTrainer

from logllm.modeling_logllm import LogLLaMAForNextKey, LogLLaMAProcessor

from .logllama_config import NextKeyConfig, ReinforceConfig
from .rewards import returns_to_go, top_k_reward

PAD_ID, UNK_ID = 0, 3


class KeyCollator:
    """Rows with `input_ids` to right-padded tensors; `labels` are the keys, -100 on padding.

    Args:
        unseen_rate: share of input keys, the first left out, that become the unseen key (labels stay true).
    """

    def __init__(self, unseen_rate: float = 0.0):
        self.unseen_rate = unseen_rate

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Build a batch of shape (B, longest)."""
        longest = max(len(row["input_ids"]) for row in rows)
        ids = torch.full((len(rows), longest), PAD_ID)
        for i, row in enumerate(rows):
            ids[i, : len(row["input_ids"])] = torch.as_tensor(row["input_ids"])
        mask = (ids != PAD_ID).long()
        labels = ids.masked_fill((mask == 0) | (ids == UNK_ID), -100)
        if self.unseen_rate:
            hidden = (torch.rand(ids.shape) < self.unseen_rate) & (mask == 1)
            hidden[:, 0] = False
            ids = ids.masked_fill(hidden, UNK_ID)
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}


class NextKeyTrainer(SFTTrainer):
    """Likelihood stage: the loss is the parent's own, over sequences of key ids (column `input_ids`)."""

    _tag_names = ["trl", "sft", "logllama"]
    _name = "LogLLaMA"

    def __init__(
        self,
        model: LogLLaMAForNextKey,
        args: NextKeyConfig,
        train_dataset: Dataset,
        processing_class: LogLLaMAProcessor,
        **kwargs,
    ):
        super().__init__(
            model=model,
            args=args,
            train_dataset=train_dataset,
            processing_class=processing_class.tokenizer,
            data_collator=KeyCollator(args.unseen_rate),
            **kwargs,
        )

    def create_model_card(self, *args, **kwargs) -> None:
        """Write nothing here: the card is rendered at the end of both stages."""


class ReinforceTrainer(Trainer):
    """REINFORCE stage (LogLLaMA, arXiv 2503.14849): the true key shall lie within the policy's top K."""

    # The loss is a mean over the batch, so accumulation must still divide it.
    loss_is_scaled_for_ga = False

    def __init__(self, model: LogLLaMAForNextKey, args: ReinforceConfig, train_dataset: Dataset, **kwargs):
        super().__init__(model=model, args=args, train_dataset=train_dataset, data_collator=KeyCollator(), **kwargs)
        self.baseline = 0.0

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Policy gradient of the return-to-go on one sampled continuation a row, minus the entropy bonus."""
        args: ReinforceConfig = self.args
        policy = self.accelerator.unwrap_model(model)
        truth, mask = inputs["input_ids"], inputs["attention_mask"]
        lengths = mask.sum(1)
        prompts = (lengths * args.prompt_share).long().clamp(min=1)
        rollout = sample_continuations(policy, truth, lengths, prompts, args.temperature)  # (B, L)
        logits = model(input_ids=rollout[:, :-1], attention_mask=mask[:, :-1]).logits / args.temperature  # (B, L-1, V)
        position = torch.arange(truth.shape[1] - 1, device=truth.device)
        generated = ((position >= prompts[:, None] - 1) & (position < lengths[:, None] - 1)).to(logits.dtype)
        k = args.num_candidates or policy.config.candidates
        reward = top_k_reward(logits.detach(), truth[:, 1:], k)
        returns = returns_to_go(reward, generated, args.discount)
        log_p = logits.log_softmax(-1)
        sampled = log_p.gather(-1, rollout[:, 1:].unsqueeze(-1)).squeeze(-1)  # (B, L-1)
        count = generated.sum().clamp(min=1)
        advantage = (returns - self.baseline) * generated
        entropy = (-(log_p.exp() * log_p).sum(-1) * generated).sum() / count
        loss = -(advantage * sampled).sum() / count - args.entropy_weight * entropy
        mean_return = float((returns * generated).sum() / count)
        self.baseline = args.baseline_decay * self.baseline + (1 - args.baseline_decay) * mean_return
        self._curves = {
            "reward": float((reward * generated).sum() / count),
            "return": mean_return,
            "entropy": float(entropy.detach()),
        }
        return (loss, {"logits": logits}) if return_outputs else loss

    def log(self, logs: dict[str, float], *args, **kwargs) -> None:
        """Add reward, return and entropy (nats) of the last batch."""
        super().log({**logs, **getattr(self, "_curves", {})} if "loss" in logs else logs, *args, **kwargs)


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
        (B, L): the prompt, then sampled keys up to the true length, then padding.
    """
    was_training = policy.training
    policy.eval()
    rollout = truth.clone()
    first = int(prompts.min())
    output = policy(input_ids=rollout[:, :first], use_cache=True)
    for t in range(first, truth.shape[1]):
        logits = output.logits[:, -1].float() / temperature
        logits[:, [PAD_ID, 1, UNK_ID]] = -torch.inf  # padding, begin and "unseen" are never said
        key = torch.multinomial(logits.softmax(-1), 1).squeeze(1)
        inside = (t >= prompts) & (t < lengths)
        rollout[:, t] = torch.where(inside, key, rollout[:, t])
        if t + 1 < truth.shape[1]:
            output = policy(input_ids=rollout[:, t : t + 1], past_key_values=output.past_key_values, use_cache=True)
    policy.train(was_training)
    return rollout
