"""LogLLaMA's two stages: next-key likelihood on TRL's SFTTrainer, then REINFORCE with the top-K reward.

What is peculiar here:
- Rows are distinct sequences with a `weight`, how often each occurs; the likelihood stage weights its loss by it. The
  gradient of a pass over the distinct rows is that of a pass over all sequences, in a fraction of the time.
- TRL's GRPO and RLOO cannot carry the paper's reward: it depends on the state, not on the sampled key, so against a group
  of samples of one prompt every advantage is zero and so is the gradient. `ReinforceTrainer` therefore stands on
  `transformers.Trainer` and overrides the loss: one sampled continuation a prompt, reward at every position,
  return-to-go, a moving average as baseline, an entropy bonus. Other readings are rows of `OBJECTIVES`.
- Both evaluate by the negative log-likelihood and the top-K hit rate of the true keys of validation sequences: whether
  a rising reward is a better policy can be read from them, not from the reward.
- Only normal sequences are seen in either stage (but for `use_labels`).
- Left out of the famous algorithm: a value network, ratio clipping, several updates a rollout.
"""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import Trainer
from trl import SFTTrainer

from logllm.modeling_logllm import LogLLaMAForNextKey, LogLLaMAProcessor

from .logllama_config import OBJECTIVES, NextKeyConfig, Objective, ReinforceConfig
from .logllama_rollouts import NEVER_SAID, sample_continuations, sample_with_beams
from .rewards import hit_reward, returns_to_go, top_k_reward
from .stage_checkpoint import seal

PAD_ID, UNK_ID = 0, 3
IMPOSSIBLE = -1e9  # a logit that is never said; finite, so that p log p is 0


class KeyCollator:
    """Rows with `input_ids` (and `weight`, `label`) to right-padded tensors; `labels` are the keys, -100 on padding.

    Args:
        unseen_rate: share of input keys, the first left out, that become the unseen key (labels stay true).
    """

    def __init__(self, unseen_rate: float = 0.0):
        self.unseen_rate = unseen_rate

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Build a batch of shape (B, longest), with `weights` and `anomalous` (B,)."""
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
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "labels": labels,
            "weights": torch.tensor([float(row.get("weight", 1)) for row in rows]),
            "anomalous": torch.tensor([int(row.get("label", 0)) for row in rows]),
        }


class Validated:
    """What both trainers share: evaluation by the true keys of validation sequences, not by the loss."""

    model: Any
    args: Any
    eval_dataset: Any

    def _save_checkpoint(self, model, trial) -> None:
        super()._save_checkpoint(model, trial)  # type: ignore[misc]
        if self.args.should_save:  # type: ignore[attr-defined]
            seal(Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}")  # type: ignore[attr-defined]

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix: str = "eval") -> dict[str, float]:
        """Return `eval_loss` (mean negative log-likelihood of the true keys, nats) and `eval_hit_rate` (top K)."""
        rows = eval_dataset if eval_dataset is not None else self.eval_dataset
        figures = key_figures(unwrapped(self), rows["input_ids"][:], weights_of(rows))
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in figures.items()}
        trainer: Any = self
        trainer.log(metrics)
        trainer.control = trainer.callback_handler.on_evaluate(self.args, trainer.state, trainer.control, metrics)
        return metrics


class NextKeyTrainer(Validated, SFTTrainer):  # type: ignore[misc]
    """Likelihood stage: the next-key loss over distinct sequences of key ids (columns `input_ids`, `weight`)."""

    _tag_names = ["trl", "sft", "logllama"]
    _name = "LogLLaMA"
    # The loss is a mean over the batch, so accumulation must still divide it.
    loss_is_scaled_for_ga = False  # type: ignore[assignment]

    def __init__(
        self,
        model: Any,
        args: NextKeyConfig,
        train_dataset: Dataset,
        processing_class: LogLLaMAProcessor,
        **kwargs,
    ):
        weights = torch.tensor(weights_of(train_dataset))
        predicted = torch.tensor([len(ids) - 1 for ids in train_dataset["input_ids"][:]], dtype=weights.dtype)
        # Keys that a row of the dataset stands for, on average. Dividing by this constant, not by what the batch
        # happens to hold, keeps the mean gradient of the batches equal to the gradient of the full data.
        self.keys_a_row = float((weights * predicted).sum() / max(len(predicted), 1))
        super().__init__(
            model=model,
            args=args,
            train_dataset=train_dataset,
            processing_class=processing_class.tokenizer,
            data_collator=KeyCollator(args.unseen_rate),
            **kwargs,
        )

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Cross-entropy of each true next key, times the weight of its sequence."""
        logits = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits[:, :-1]
        truth = inputs["labels"][:, 1:]
        losses = cross_entropy(logits.transpose(1, 2).float(), truth, reduction="none", ignore_index=-100)  # (B, L-1)
        loss = (losses.sum(1) * inputs["weights"]).sum() / (self.keys_a_row * len(truth))
        return (loss, {"logits": logits}) if return_outputs else loss

    def create_model_card(self, *args, **kwargs) -> None:
        """Write nothing here: the card is rendered at the end of both stages."""


class ReinforceTrainer(Validated, Trainer):  # type: ignore[misc]
    """REINFORCE stage (LogLLaMA, arXiv 2503.14849): the true key shall lie within the policy's top K."""

    loss_is_scaled_for_ga = False

    def __init__(self, model: nn.Module, args: ReinforceConfig, train_dataset: Dataset, **kwargs):
        super().__init__(model=model, args=args, train_dataset=train_dataset, data_collator=KeyCollator(), **kwargs)
        self.objective: Objective = OBJECTIVES[args.objective]
        self.baseline = 0.0
        self.reference = frozen_copy(unwrapped(self))
        self._noted: dict[str, list[float]] = {}

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Policy gradient of the objective on one batch, minus the entropy bonus, plus the KL penalty."""
        args: ReinforceConfig = self.args  # type: ignore[assignment]
        goal = self.objective
        truth, mask = inputs["input_ids"], inputs["attention_mask"]
        lengths = mask.sum(1)
        prompts = (lengths * args.prompt_share).long().clamp(min=1)
        context = self.rollout(truth, lengths, prompts) if goal.context == "rollout" else truth  # (B, L)
        logits = silenced(model(input_ids=context[:, :-1], attention_mask=mask[:, :-1]).logits) / args.temperature
        position = torch.arange(truth.shape[1] - 1, device=truth.device)
        generated = ((position >= prompts[:, None] - 1) & (position < lengths[:, None] - 1)).to(logits.dtype)
        log_p = logits.log_softmax(-1)  # (B, L-1, V)
        with torch.no_grad():
            action = truth[:, 1:]
            if goal.action == "sampled":
                action = (
                    context[:, 1:]
                    if goal.context == "rollout"
                    else torch.distributions.Categorical(logits=log_p).sample()
                )
            reward = self.reward(logits, action, truth[:, 1:], inputs["anomalous"])
            returns = self.credit(reward, generated)
            base = self.baseline if goal.baseline else 0.0
            advantage = (returns - base) * generated
            if args.advantage_clip:
                advantage = advantage.clamp(-args.advantage_clip, args.advantage_clip)
            count = generated.sum().clamp(min=1)
            mean_return = float((returns * generated).sum() / count)
            self.baseline = args.baseline_decay * self.baseline + (1 - args.baseline_decay) * mean_return
        chosen = log_p.gather(-1, action.clamp(min=0).unsqueeze(-1)).squeeze(-1)  # (B, L-1)
        entropy = (-(log_p.exp() * log_p).sum(-1) * generated).sum() / count
        loss = -(advantage * chosen).sum() / count - args.entropy_weight * entropy
        paid = float((reward * generated).sum() / count)
        self._note(reward=paid, **{"return": mean_return}, entropy=float(entropy.detach()))
        # The likelihood model is asked where its answer is part of the loss, and else where a log is due.
        if args.kl_weight or (self.state.global_step + 1) % max(int(args.logging_steps), 1) == 0:
            with torch.no_grad():
                reference = silenced(self.reference(input_ids=context[:, :-1], attention_mask=mask[:, :-1]).logits)
                log_q = (reference / args.temperature).log_softmax(-1)
            divergence = ((log_p.exp() * (log_p - log_q)).sum(-1) * generated).sum() / count
            self._note(kl=float(divergence.detach()))
            if args.kl_weight:
                loss = loss + args.kl_weight * divergence
        return (loss, {"logits": logits}) if return_outputs else loss

    def rollout(self, truth: torch.Tensor, lengths: torch.Tensor, prompts: torch.Tensor) -> torch.Tensor:
        """Continue each row from its prompt by sampling, plain or with beams: (B, L)."""
        args: ReinforceConfig = self.args  # type: ignore[assignment]
        policy = unwrapped(self)
        if args.num_beams > 1:
            return sample_with_beams(policy, truth, lengths, prompts, args.num_beams, args.temperature)
        return sample_continuations(policy, truth, lengths, prompts, args.temperature)

    def reward(
        self, logits: torch.Tensor, action: torch.Tensor, truth: torch.Tensor, anomalous: torch.Tensor
    ) -> torch.Tensor:
        """What each position is paid, by the objective's row: (B, L-1)."""
        args: ReinforceConfig = self.args  # type: ignore[assignment]
        if self.objective.reward == "hit":
            paid = hit_reward(action, truth)
        else:
            k = args.num_candidates or unwrapped(self).config.candidates
            paid = top_k_reward(logits, truth, k, anomalous[:, None] if args.use_labels else None)
        return paid.clamp(min=self.objective.lowest)

    def credit(self, reward: torch.Tensor, generated: torch.Tensor) -> torch.Tensor:
        """What each position answers for, by the objective's row: (B, L-1)."""
        if self.objective.credit == "return":
            return returns_to_go(reward, generated, self.args.discount)  # type: ignore[attr-defined]
        if self.objective.credit == "sum":
            return (reward * generated).sum(1, keepdim=True) * generated
        return reward * generated

    def _note(self, **values: float) -> None:
        for name, value in values.items():
            self._noted.setdefault(name, []).append(value)

    def log(self, logs: dict[str, float], *args, **kwargs) -> None:
        """Add the means since the last log: reward, return, entropy (nats), KL from the likelihood model (nats)."""
        if "loss" in logs and self._noted:
            logs = {**logs, **{name: sum(values) / len(values) for name, values in self._noted.items()}}
            self._noted = {}
        super().log(logs, *args, **kwargs)


def unwrapped(trainer: Any) -> LogLLaMAForNextKey:
    """Return the key model under whatever PEFT and accelerate have put around it."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def frozen_copy(model: LogLLaMAForNextKey) -> LogLLaMAForNextKey:
    """Return a copy that stays as it is.

    SFTTrainer leaves a `forward` on the model itself that calls the model it was made for; a copy must not keep it.
    """
    copied = copy.deepcopy(model)
    copied.__dict__.pop("forward", None)
    return copied.eval().requires_grad_(False)


def silenced(logits: torch.Tensor) -> torch.Tensor:
    """Logits in float32 in which padding, begin and "unseen" cannot be said."""
    never = torch.zeros(logits.shape[-1], dtype=torch.bool, device=logits.device)
    never[NEVER_SAID] = True
    return logits.float().masked_fill(never, IMPOSSIBLE)


def weights_of(rows: Dataset) -> list[float]:
    """Return how often each row occurs; 1 where the dataset does not say."""
    return [float(w) for w in rows["weight"]] if "weight" in rows.column_names else [1.0] * len(rows)


def key_figures(
    model: LogLLaMAForNextKey, sequences: Sequence[Sequence[int]], weights: Sequence[float]
) -> dict[str, float]:
    """Return `loss` (mean nats a true key) and `hit_rate` (share of true keys in the top K) over weighted sequences."""
    k = model.config.candidates
    loss = hits = count = 0.0
    for judged, weight in zip(model.judge(sequences), weights):
        loss += weight * float(judged.nll.sum())
        hits += weight * float((judged.rank < k).sum())
        count += weight * len(judged.nll)
    return {"loss": loss / max(count, 1), "hit_rate": hits / max(count, 1)}
