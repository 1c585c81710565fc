"""What the papers' small networks share: keys as numbers, equal windows once, batches by length, and one training loop.

Notes: Equal (window, label) pairs are one row whose weight is the root of how often it comes up (in between "once" and
"as often as it stands there": a few session shapes make up most of HDFS). Training goes by a number of steps, not epochs,
so that its cost does not grow with the log. Windows are cut to their first 128 messages, as LogLLM's are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

PAD, UNKNOWN, BEGIN, END, MASK = range(5)
FIRST = 5  # the first number of a key
MOST = 128

Rows = list[list[int]]


class Numbers:
    """Keys as numbers; those that training never had are `UNKNOWN`."""

    def __init__(self, windows: Sequence[Sequence[str]]):
        known = sorted({key for window in windows for key in window} - {""})
        self.of = {key: number for number, key in enumerate(known, FIRST)}
        self.keys = known

    def __len__(self) -> int:
        return FIRST + len(self.keys)

    def __call__(self, windows: Sequence[Sequence[str]]) -> Rows:
        """Windows as rows of numbers."""
        return [[self.of.get(key, UNKNOWN) for key in window] for window in windows]


def distinct(rows: Rows, labels: Sequence[float] | None = None) -> tuple[Rows, np.ndarray, np.ndarray]:
    """(rows once each, cut; their labels; their weights)."""
    found = Counter((tuple(row[:MOST]), label) for row, label in zip(rows, labels or [0] * len(rows)))
    weights = np.sqrt(np.array(list(found.values()), np.float32))
    return (
        [list(row) for row, _ in found],
        np.array([label for _, label in found], np.float32),
        weights / weights.mean(),
    )


def padded(rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """Rows of numbers as one tensor (B, L), padded at the right."""
    length = max(1, *(len(row) for row in rows)) if rows else 1
    found = torch.full((len(rows), length), PAD)
    for line, row in zip(found, rows):
        line[: len(row)] = torch.tensor(list(row), dtype=torch.long)
    return found


def by_length(lengths: Sequence[int], size: int, rng: np.random.Generator | None = None) -> list[np.ndarray]:
    """Groups of positions with like lengths; with `rng` shuffled inside equal lengths and among the groups."""
    noise = rng.random(len(lengths)) if rng is not None else np.zeros(len(lengths))
    order = np.lexsort((noise, np.asarray(lengths)))
    groups = [order[at : at + size] for at in range(0, len(order), size)]
    if rng is not None:
        rng.shuffle(groups)  # type: ignore[arg-type]
    return groups


def learn(
    module: nn.Module,
    lengths: Sequence[int],
    loss: Callable[[np.ndarray], torch.Tensor],
    *,
    steps: int,
    size: int,
    rate: float,
    seed: int,
) -> None:
    """Train `module` for a number of steps; `loss` gives the loss of a group of positions."""
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(module.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    module.train()
    for _, group in zip(range(steps), endless(lengths, size, rng)):
        optimizer.zero_grad()
        loss(group).backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    module.eval()


def endless(lengths: Sequence[int], size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Groups of positions, anew each time round."""
    while True:
        yield from by_length(lengths, size, rng)


def once_each(
    rows: Sequence[Sequence[Hashable]], judge: Callable[[list[Any]], list[Any]], size: int = 64
) -> list[Any]:
    """`judge` on each distinct row, cut and in batches by length; its answers in the order of `rows`."""
    keys = [tuple(row[:MOST]) for row in rows]
    different = list(dict.fromkeys(keys))
    known: dict[Any, Any] = {}
    with torch.inference_mode():
        for group in by_length([len(row) for row in different], size):
            some = [different[i] for i in group]
            known.update(zip(some, judge(some)))
    return [known[key] for key in keys]


def components_of_unit_size(vectors: np.ndarray) -> torch.Tensor:
    """Vectors of length 1 as what a fresh linear layer expects; left at length 1, LogRobust learnt nothing in its steps."""
    return torch.from_numpy(vectors) * vectors.shape[1] ** 0.5


def size_of(module: nn.Module) -> int:
    """Number of weights."""
    return sum(parameter.numel() for parameter in module.parameters())


class Attention(nn.Module):
    """One vector of a sequence: a weighted mean over its real positions, weights from a small network."""

    def __init__(self, width: int):
        super().__init__()
        self.weigh = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, hidden: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """(B, L, D), (B, L) -> (B, D)."""
        weights = self.weigh(hidden).squeeze(-1).masked_fill(~real, -1e9).softmax(-1)
        return (weights.unsqueeze(-1) * hidden).sum(1)


def positions(length: int, width: int) -> torch.Tensor:
    """Sine and cosine of positions (L, D), as the transformer's paper has them."""
    at = torch.arange(length).unsqueeze(1) * torch.exp(torch.arange(0, width, 2) * (-np.log(10000.0) / width))
    return torch.stack((at.sin(), at.cos()), -1).flatten(1)[:, :width]


def transformer(width: int, heads: int, inner: int, layers: int, dropout: float = 0.1) -> nn.Module:
    """An encoder of the usual kind, batch first."""
    layer = nn.TransformerEncoderLayer(width, heads, inner, dropout, batch_first=True)
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)


class SequenceClassifier:
    """A network that gives one logit a window, trained on labels: the shared part of LogRobust, CNN and NeuralLog.

    Args:
        network: made of the number of keys and the vectors of the keys (or None): rows (B, L) -> logits (B).
        vectors: gives one vector a key text; the network gets them with five zero rows in front (padding and so on).
        seed: of weights and order.
        settings: `steps`, `size`, `rate` of `learn`.
    """

    def __init__(
        self,
        network: Callable[[int, torch.Tensor | None], nn.Module],
        vectors: Callable[[Sequence[str]], Callable[[Sequence[str]], np.ndarray]] | None = None,
        seed: int = 0,
        **settings: Any,
    ):
        self.network, self.vectors, self.seed = network, vectors, seed
        self.settings = {"steps": 600, "size": 32, "rate": 3e-3, **settings}

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[float]) -> SequenceClassifier:
        """Train on distinct windows; `labels` may be probabilities."""
        torch.manual_seed(self.seed)
        self.numbers = Numbers(windows)
        self.embed = self.vectors(self.numbers.keys) if self.vectors else None
        table = self._table(self.numbers.keys) if self.embed else None
        self.module: Any = self.network(len(self.numbers), table)
        self.parameters = size_of(self.module)
        rows, truth, weights = distinct(self.numbers(windows), labels)
        truth_, weights_ = torch.from_numpy(truth), torch.from_numpy(weights)

        def loss(group: np.ndarray) -> torch.Tensor:
            logits = self.module(padded([rows[i] for i in group]))
            each = nn.functional.binary_cross_entropy_with_logits(logits, truth_[group], reduction="none")
            return (each * weights_[group]).mean()

        learn(self.module, [len(row) for row in rows], loss, seed=self.seed, **self.settings)
        return self

    def _table(self, keys: Sequence[str]) -> torch.Tensor:
        assert self.embed is not None
        found = components_of_unit_size(self.embed(keys))
        return torch.cat((torch.zeros(FIRST, found.shape[1]), found))

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """Probabilities; with vectors a key never seen has its own vector."""
        if self.embed is not None:
            new = sorted({key for window in windows for key in window} - set(self.numbers.of))
            if new:
                self.numbers.of |= {key: number for number, key in enumerate(new, len(self.numbers))}
                self.numbers.keys = [*self.numbers.keys, *new]
                self.module.table = torch.cat((self.module.table, components_of_unit_size(self.embed(new))))
        return once_each(self.numbers(windows), lambda rows: self.module(padded(rows)).sigmoid().tolist())
