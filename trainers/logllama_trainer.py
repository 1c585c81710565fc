"""LogLLaMA's two stages: next-key likelihood on TRL's SFTTrainer, then REINFORCE with the top-K reward.

Notes:
- Rows are distinct sequences with a `weight`, how often each occurs; the likelihood stage weights its loss by it. The
  gradient of a pass over the distinct rows is that of a pass over all sequences, in a fraction of the time.
- The paper's reward depends on the state, not on the sampled key. Against the mean of a group of completions, as GRPO and
  RLOO take it, every advantage of a one-key completion would be zero; `ReinforceTrainer` takes GRPOTrainer's loss with
  other advantages: return-to-go at every position minus a moving average. Other readings are rows of `OBJECTIVES`.
- Both evaluate by the negative log-likelihood and the top-K hit rate of the true keys of validation sequences: whether
  a rising reward is a better policy can be read from them, not from the reward.
- Only normal sequences are seen in either stage (but for `use_labels`).
- Left out of the famous algorithm: a value network, ratio clipping, several updates a rollout.
"""

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import EvalPrediction
from transformers.trainer_utils import PredictionOutput
from trl import GRPOTrainer, SFTTrainer

from logllm.modeling_logllm import LogLLaMAForNextKey, LogLLaMAProcessor
from logllm.modeling_logllm.processing_logllama import NEVER_PREDICTED, PAD_ID, UNK_ID

from .logllama_config import OBJECTIVES, NextKeyConfig, Objective, ReinforceConfig
from .logllama_rollouts import sample_continuations, sample_with_beams
from .repository import SavesRepository, as_dataset
from .rewards import hit_reward, hit_reward_func, returns_to_go, top_k_reward, top_k_reward_func
from .stage_checkpoint import seal

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


class Validated(SavesRepository):
    """What both trainers share: evaluation by the true keys of validation sequences, not by the loss; what they save."""

    eval_dataset: Any
    state: Any
    compute_metrics: Any

    def _save_checkpoint(self, model, trial) -> None:
        super()._save_checkpoint(model, trial)  # type: ignore[misc]
        # Each process writes its own random state: the checkpoint is whole when all have.
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            seal(Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}")

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix: str = "eval") -> dict[str, float]:
        """Return `eval_loss` (mean negative log-likelihood of the true keys, nats) and `eval_hit_rate` (top K).

        Both are of the sequences that are not labelled anomalous; `compute_metrics` gets the scores and labels of all. The
        dataset has `input_ids`, `keys` or `lines`; of several by name, each is evaluated under its name.
        """
        rows = eval_dataset if eval_dataset is not None else self.eval_dataset
        if isinstance(rows, Mapping):
            parts = [self.evaluate(one, ignore_keys, f"{metric_key_prefix}_{name}") for name, one in rows.items()]
            return {name: value for part in parts for name, value in part.items()}
        metrics = self._metrics_of(as_key_rows(rows, self.processor), metric_key_prefix)
        trainer: Any = self
        training = self.model.training
        self.model.eval()  # TRL files what is logged under the model's mode
        trainer.log(metrics)
        self.model.train(training)
        self.last_metrics = metrics
        trainer.control = trainer.callback_handler.on_evaluate(self.args, trainer.state, trainer.control, metrics)
        return metrics

    def predict(self, test_dataset, ignore_keys=None, metric_key_prefix: str = "test") -> PredictionOutput:
        """Score sequences (n,), as the model's `score`; labels are the dataset's, and metrics as those of `evaluate`."""
        rows = as_key_rows(test_dataset, self.processor)
        scores, labels = self._scores(rows), labels_of(rows)
        return PredictionOutput(scores, labels, self._metrics_of(rows, metric_key_prefix))

    def _scores(self, rows: Dataset) -> np.ndarray:
        return np.asarray(unwrapped(self).score_ids(rows["input_ids"][:]), dtype=np.float32)

    def _metrics_of(self, rows: Dataset, prefix: str) -> dict[str, float]:
        labels = labels_of(rows)
        normal = [i for i in range(len(rows)) if labels is None or labels[i] != 1]
        ids, weights = rows["input_ids"][:], weights_of(rows)
        figures = key_figures(unwrapped(self), [ids[i] for i in normal], [weights[i] for i in normal])
        if self.compute_metrics is not None:
            figures |= self.compute_metrics(EvalPrediction(predictions=self._scores(rows), label_ids=labels))
        return {f"{prefix}_{name}": value for name, value in figures.items()}


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
        compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
        **kwargs,
    ):
        train_dataset = normal_rows(as_key_rows(train_dataset, processing_class))
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
        self.processor, self.compute_metrics = processing_class, compute_metrics

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Cross-entropy of each true next key, times the weight of its sequence."""
        logits = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits[:, :-1]
        truth = inputs["labels"][:, 1:]
        losses = cross_entropy(logits.transpose(1, 2).float(), truth, reduction="none", ignore_index=-100)  # (B, L-1)
        loss = (losses.sum(1) * inputs["weights"]).sum() / (self.keys_a_row * len(truth))
        return (loss, {"logits": logits}) if return_outputs else loss


class ReinforceTrainer(Validated, GRPOTrainer):  # type: ignore[misc]
    """REINFORCE stage (LogLLaMA, arXiv 2503.14849) on TRL's GRPOTrainer: the true key shall be within the policy's top K.

    What it takes from its parent: sampling and batching, the loss, entropy bonus, KL penalty, the logs of rewards, KL,
    entropy and completions. What it replaces:
    - `rollout_func`: a sequence is continued to its own length, from its own prompt (logllama_rollouts.py);
    - `_generate_and_score_completions`: an advantage for each position (return-to-go minus a moving average) in place of one
      for each completion, which the parent's loss takes as well;
    - `_get_per_token_logps_and_entropies`: keys that are never predicted have no probability, and the key that is rewarded
      may be another than the one in the context.
    A prompt gets one completion: the baseline is the moving average, not a group.

    Args:
        model: the key model, from the likelihood stage.
        args: settings.
        train_dataset: rows with `input_ids` and, for `use_labels`, `label`.
        processing_class: the model's processor.
        kwargs: passed to `GRPOTrainer` (`eval_dataset`, `callbacks`, ...).
    """

    _tag_names = ["trl", "grpo", "logllama"]
    _name = "LogLLaMA"

    def __init__(
        self,
        model: Any,
        args: ReinforceConfig,
        train_dataset: Dataset,
        processing_class: LogLLaMAProcessor,
        compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
        **kwargs,
    ):
        self.objective: Objective = OBJECTIVES[args.objective]
        self.baseline = 0.0
        self._rows: list[dict[str, Any]] = []
        self._rewards = self._actions = torch.empty(0)
        tokenizer = processing_class.tokenizer
        rows = as_key_rows(train_dataset, processing_class)
        rows = _filled(rows if args.use_labels else normal_rows(rows), int(args.generation_batch_size or 1))
        shown = [
            " ".join(tokenizer.convert_ids_to_tokens(ids[: _prompt_length(len(ids), args.prompt_share)]))
            for ids in rows["input_ids"][:]
        ]
        penalty, args.beta = args.beta, 0.0  # the parent would make the reference from a repository id
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="You are using 'rollout_func'")
            super().__init__(
                model=model,
                reward_funcs=top_k_reward_func if self.objective.reward == "top_k" else hit_reward_func,
                args=args,
                train_dataset=rows.add_column("prompt", shown),
                processing_class=tokenizer,
                rollout_func=self._rollout,
                **kwargs,
            )
        self.processor, self.compute_metrics = processing_class, compute_metrics
        self.num_generations = 1
        self.beta = args.beta = penalty
        self.reference = frozen_copy(unwrapped(self))
        self.ref_model = self.reference if penalty else None

    def _rollout(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        """Continue the rows of this batch, choose the rewarded keys and reward each position.

        Returns:
            Lists, one entry a row: `prompt_ids`, `completion_ids` (the context behind the prompt), no `logprobs`, and
            `position_rewards` for the reward function. The tensors behind them, (B, C) right-padded, are kept.
        """
        args: ReinforceConfig = self.args  # type: ignore[assignment]
        goal, device = self.objective, self.accelerator.device
        batch = KeyCollator()(self._rows)
        truth, mask = batch["input_ids"].to(device), batch["attention_mask"].to(device)  # (B, L)
        lengths = mask.sum(1)
        prompts_of = torch.tensor([_prompt_length(n, args.prompt_share) for n in lengths.tolist()], device=device)
        policy = unwrapped(self)
        context = truth
        if goal.context == "rollout":
            if args.num_beams > 1:
                context = sample_with_beams(policy, truth, lengths, prompts_of, args.num_beams, args.temperature)
            else:
                context = sample_continuations(policy, truth, lengths, prompts_of, args.temperature)
        with torch.no_grad():
            logits = silenced(policy(input_ids=context[:, :-1]).logits) / args.temperature  # (B, L-1, V)
            action = truth[:, 1:]
            if goal.action == "sampled":
                drawn = torch.distributions.Categorical(logits=logits)
                action = context[:, 1:] if goal.context == "rollout" else drawn.sample()
            if goal.reward == "hit":
                rewards = hit_reward(action, truth[:, 1:])
            else:
                k = args.num_candidates or policy.config.candidates
                labels = batch["anomalous"][:, None].to(device) if args.use_labels else None
                rewards = top_k_reward(logits, truth[:, 1:], k, labels)
            rewards = rewards.clamp(min=goal.lowest)
            self._note_divergence(context, logits, prompts_of, lengths)
        spans = [slice(int(given), int(length)) for given, length in zip(prompts_of, lengths)]
        behind = [slice(span.start - 1, span.stop - 1) for span in spans]
        self._rewards = pad_sequence([row[span] for row, span in zip(rewards, behind)], batch_first=True)  # (B, C)
        self._actions = pad_sequence([row[span] for row, span in zip(action, behind)], batch_first=True)
        return {
            "prompt_ids": [row[: span.start].tolist() for row, span in zip(truth, spans)],
            "completion_ids": [row[span].tolist() for row, span in zip(context, spans)],
            "logprobs": None,
            "position_rewards": [row[span].tolist() for row, span in zip(rewards, behind)],
        }

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Replace the advantages (B,) of the parent by one for each position (B, C)."""
        args: ReinforceConfig = self.args  # type: ignore[assignment]
        self._rows = inputs
        batch = super()._generate_and_score_completions(inputs)
        mask = batch["completion_mask"].to(self._rewards.dtype)
        returns = self.credit(self._rewards, mask)
        advantage = (returns - (self.baseline if self.objective.baseline else 0.0)) * mask
        if args.advantage_clip:
            advantage = advantage.clamp(-args.advantage_clip, args.advantage_clip)
        mean_return = float((returns * mask).sum() / mask.sum().clamp(min=1))
        self.baseline = args.baseline_decay * self.baseline + (1 - args.baseline_decay) * mean_return
        self._metrics["train" if self.model.training else "eval"]["return"].append(mean_return)
        of_completions = (advantage.sum(1) / mask.sum(1).clamp(min=1)).tolist()
        for _ in of_completions:  # the table of completions shows those that the loss sees
            self._logs["advantages"].pop()
        self._logs["advantages"].extend(of_completions)
        return {**batch, "advantages": advantage, "action_ids": self._actions}

    def _compute_loss(self, model, inputs):
        self._actions = inputs["action_ids"]
        return super()._compute_loss(model, inputs)

    def _get_per_token_logps_and_entropies(
        self, model, input_ids, attention_mask, logits_to_keep, *args, compute_entropy=False, **kwargs
    ):
        """Log-probabilities of the rewarded keys and entropies, both (B, C), in the order that the parent expects."""
        output = model(input_ids=input_ids, attention_mask=attention_mask)
        temperature = self.temperature
        log_p = (silenced(output.logits[:, -logits_to_keep - 1 : -1]) / temperature).log_softmax(-1)  # (B, C, V)
        chosen = log_p.gather(-1, self._actions.unsqueeze(-1)).squeeze(-1)
        entropies = -(log_p.exp() * log_p).sum(-1) if compute_entropy else None
        return chosen, entropies, None

    def _note_divergence(
        self, context: torch.Tensor, logits: torch.Tensor, prompts: torch.Tensor, lengths: torch.Tensor
    ) -> None:
        """Log how far the policy is from the likelihood model where the loss does not ask for it and a log is due."""
        if self.beta or (self.state.global_step + 1) % max(int(self.args.logging_steps), 1):
            return
        log_p = logits.log_softmax(-1)
        log_q = (silenced(self.reference(input_ids=context[:, :-1]).logits) / self.temperature).log_softmax(-1)
        position = torch.arange(logits.shape[1], device=logits.device)
        inside = (position >= prompts[:, None] - 1) & (position < lengths[:, None] - 1)
        divergence = ((log_p.exp() * (log_p - log_q)).sum(-1) * inside).sum() / inside.sum().clamp(min=1)
        self._metrics["train"]["kl"].append(float(divergence))

    def credit(self, reward: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What each position answers for, by the objective's row: (B, C)."""
        if self.objective.credit == "return":
            return returns_to_go(reward, mask, self.args.discount)  # type: ignore[attr-defined]
        if self.objective.credit == "sum":
            return (reward * mask).sum(1, keepdim=True) * mask
        return reward * mask


def _prompt_length(length: int, share: float) -> int:
    """Keys of a sequence that are given to the policy: at least the begin."""
    return max(int(length * share), 1)


def _filled(rows: Dataset, least: int) -> Dataset:
    """Repeat rows until there is a batch of them: the parent's sampler leaves out what fills none."""
    return rows.select([i % len(rows) for i in range(least)]) if 0 < len(rows) < least else rows


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
    never[list(NEVER_PREDICTED)] = True
    return logits.float().masked_fill(never, IMPOSSIBLE)


def as_key_rows(rows: Any, processor: LogLLaMAProcessor) -> Dataset:
    """Return rows with `input_ids`: as they are, or made of a built dataset's `keys` or `lines`.

    Raises:
        ValueError: the dataset has none of the three columns.
    """
    rows = as_dataset(rows)
    columns = rows.column_names
    if "input_ids" in columns:
        return rows
    if "keys" in columns:
        ids = [processor.ids_of_keys(keys) for keys in rows["keys"][:]]
    elif "lines" in columns:
        ids = [processor.token_ids(lines) for lines in rows["lines"][:]]
    else:
        raise ValueError(
            f"a dataset for LogLLaMA must have the column input_ids, keys or lines, found {columns}: build it with "
            "`logllm build`"
        )
    made = {"input_ids": ids, **{name: rows[name][:] for name in ("label", "weight") if name in columns}}
    return Dataset.from_dict(made)


def normal_rows(rows: Dataset) -> Dataset:
    """Leave out the rows that are labelled anomalous."""
    labels = labels_of(rows)
    if labels is None or not (labels == 1).any():
        return rows
    return rows.select([i for i, label in enumerate(labels) if label != 1])


def labels_of(rows: Dataset) -> np.ndarray | None:
    """Return the labels (n,): 1 anomalous, 0 normal, -1 unknown; None where the dataset has none."""
    if "label" not in rows.column_names:
        return None
    return np.asarray([-1 if label is None else int(label) for label in rows["label"][:]])


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
