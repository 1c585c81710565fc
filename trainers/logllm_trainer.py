"""LogLLM's trainer: TRL's SFTTrainer with a collator for windows, a sampler for the rare class, and parts to freeze.

How it departs from its parent:
- A sample is a row with `lines` and `label`; the collator masks, tokenises and builds the prompt.
- `args.trainable` names the parts that get gradients; the others stand still.
- The rarer class is oversampled to `minority_share` exactly as equation (1) of the paper counts it.
The loss is the parent's own. One stage of the table is one run of this trainer.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from datasets import Dataset
from torch import nn
from torch.utils.data import Sampler
from trl import SFTTrainer

from logllm.modeling_logllm import LogLLMProcessor

from .logllm_config import LogLLMTrainingConfig


class WindowCollator:
    """Rows with `lines` and `label` to the model's tensors."""

    def __init__(self, processor: LogLLMProcessor):
        self.processor = processor

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Build a batch; padding stands on the right, where a causal decoder does not see it."""
        windows, labels = [row["lines"] for row in rows], [row["label"] for row in rows]
        return dict(self.processor(windows, labels=labels, padding_side="right"))


class MinorityOversampler(Sampler[int]):
    """Indices in random order, the rarer class repeated until its share is beta (LogLLM, equation 1).

    With alpha the share of the minority and n the number of samples, the minority is drawn
    beta (1 - alpha) / (1 - beta) * n times: every one of them equally often, the remainder at random. An order depends
    on the seed and the epoch only.

    Args:
        labels: the class of each sample.
        share: beta; 0 or a minority that is frequent enough leaves the samples as they are.
        seed: of the order.
        limit: samples an epoch at most.
    """

    def __init__(self, labels: Sequence[int], share: float, seed: int, limit: int | None = None):
        self.seed, self.epoch = seed, 0
        one = [i for i, label in enumerate(labels) if label == 1]
        zero = [i for i, label in enumerate(labels) if label == 0]
        self.minority, self.majority = sorted((one, zero), key=len)
        alpha = len(self.minority) / max(len(labels), 1)
        self.draws = len(self.minority)
        if self.minority and alpha < share:
            self.draws = round(share * (1 - alpha) / (1 - share) * len(labels))
        self.limit = limit

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        total = self.draws + len(self.majority)
        return min(total, self.limit) if self.limit else total

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        copies, rest = divmod(self.draws, max(len(self.minority), 1))
        extra = torch.randperm(len(self.minority), generator=generator)[:rest].tolist()
        indices = self.majority + self.minority * copies + [self.minority[i] for i in extra]
        for i in torch.randperm(len(indices), generator=generator)[: len(self)].tolist():
            yield indices[i]


def part_of(name: str) -> str:
    """Name the part ("encoder", "projector" or "decoder", which has the head) that a parameter belongs to."""
    for part in ("encoder", "projector"):
        if f"model.{part}." in name:
            return part
    return "decoder"


def set_trainable(model: nn.Module, parts: Sequence[str]) -> None:
    """Let the named parts train and freeze the rest; of an adapted part only the adapter trains."""
    adapted = any("lora_" in name for name, _ in model.named_parameters())
    for name, parameter in model.named_parameters():
        own = not adapted or "lora_" in name or "modules_to_save" in name
        parameter.requires_grad_(own and part_of(name) in parts)


class LogLLMTrainer(SFTTrainer):
    """One stage of LogLLM's training (section III-E of the paper)."""

    _tag_names = ["trl", "sft", "logllm"]
    _name = "LogLLM"

    def __init__(
        self,
        model: Any,
        args: LogLLMTrainingConfig,
        train_dataset: Dataset,
        processing_class: LogLLMProcessor,
        max_samples: int | None = None,
        **kwargs,
    ):
        check_labels(train_dataset)
        self.max_samples = max_samples
        set_trainable(model, args.trainable)
        super().__init__(
            model=model,
            args=args,
            train_dataset=train_dataset,
            processing_class=processing_class,
            data_collator=WindowCollator(processing_class),
            **kwargs,
        )

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> MinorityOversampler:
        labels: Any = train_dataset if train_dataset is not None else self.train_dataset
        args: Any = self.args
        return MinorityOversampler(labels["label"][:], args.minority_share, args.seed, self.max_samples)

    def create_model_card(self, *args, **kwargs) -> None:
        """Write nothing here: the card is rendered at the end of all stages, from config, data and metrics."""


def check_labels(dataset: Dataset) -> None:
    """Refuse a dataset that supervised training cannot learn from."""
    missing = {"lines", "label"} - set(dataset.column_names)
    if missing:
        raise ValueError(f"the training split must have the columns lines and label, found {dataset.column_names}")
    counts = {label: dataset["label"][:].count(label) for label in (0, 1)}
    if not all(counts.values()):
        raise ValueError(
            f"LogLLM learns from labelled windows of both classes, found {counts[0]} normal and {counts[1]} anomalous in "
            "the training split: build the dataset with labels, or train LogLLaMA, which needs normal windows only"
        )
