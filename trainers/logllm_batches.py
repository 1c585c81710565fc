"""Batches of windows for LogLLM: the collator, the sampler that repeats the rarer class, and the check of the labels."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import Sampler

from .message_store import MessageStore


class WindowCollator:
    """Rows with `rows` (places in a message store) and `label` to the model's tensors, right-padded.

    Args:
        store: the messages.
        frozen: name the messages (`message_places`) instead of giving their word pieces: the trainer has their vectors.
        apart: a message of two windows counts as two, so that each window can have its own wording of it.
    """

    def __init__(self, store: MessageStore, frozen: bool = False, apart: bool = False):
        self.store, self.frozen, self.apart = store, frozen, apart

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Build a batch; padding stands on the right, where a causal decoder does not see it."""
        distinct: dict[tuple[int, int], int] = {}
        index = [
            [distinct.setdefault((place, i if self.apart else 0), len(distinct)) for place in row["rows"]]
            for i, row in enumerate(rows)
        ]
        batch = self.store.processor.prompts(index, [row["label"] for row in rows], padding_side="right")
        places = [place for place, _ in distinct]
        if not self.frozen and not self.apart:
            return batch | self.store.batch(places)
        owners = [owner for _, owner in distinct]
        return batch | {"message_places": torch.tensor(places), "message_owners": torch.tensor(owners)}


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
        least: samples an epoch at least (the published code: 50,000): the data is gone through again until then.
    """

    def __init__(
        self, labels: Sequence[int], share: float, seed: int, limit: int | None = None, least: int | None = None
    ):
        self.seed, self.epoch = seed, 0
        one = [i for i, label in enumerate(labels) if label == 1]
        zero = [i for i, label in enumerate(labels) if label == 0]
        self.minority, self.majority = sorted((one, zero), key=len)
        alpha = len(self.minority) / max(len(labels), 1)
        self.draws = len(self.minority)
        if self.minority and alpha < share:
            self.draws = round(share * (1 - alpha) / (1 - share) * len(labels))
        total = self.draws + len(self.majority)
        self.length = max(min(total, limit or total), least or 0)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        copies, rest = divmod(self.draws, max(len(self.minority), 1))
        left = self.length
        while left > 0:
            extra = torch.randperm(len(self.minority), generator=generator)[:rest].tolist()
            indices = self.majority + self.minority * copies + [self.minority[i] for i in extra]
            order = torch.randperm(len(indices), generator=generator)[:left].tolist()
            left -= len(order)
            for i in order:
                yield indices[i]


def check_labels(dataset: Dataset) -> None:
    """Refuse a dataset that supervised training cannot learn from."""
    columns = set(dataset.column_names)
    if "label" not in columns or not columns & {"lines", "rows"}:
        raise ValueError(f"the training split must have the columns lines and label, found {dataset.column_names}")
    labels = dataset["label"][:]
    counts = {label: labels.count(label) for label in (0, 1)}
    if not all(counts.values()):
        raise ValueError(
            f"LogLLM learns from labelled windows of both classes, found {counts[0]} normal and {counts[1]} anomalous in "
            "the training split: build the dataset with labels, or train LogLLaMA, which needs normal windows only"
        )
