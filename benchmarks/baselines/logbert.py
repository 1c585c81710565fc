"""LogBERT: masked keys and a hypersphere, from normal windows (Guo, Yuan, Wu, IJCNN 2021).

Left out: the sweep of mask share and candidates on validation anomalies, which a method that learns from normal windows
only cannot have. Kept: the sign in front whose state is drawn to the mean of all, half of the keys masked in training, the
loss of masked keys plus .1 of the squared distance. Filled in: two layers of 64 (paper 4 of 256), 800 steps of 32 distinct
windows; at detection a key is masked in one of four passes (every fourth key is), g = 6 candidates; the score is the share
of keys outside of them plus .1 of the distance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from .sequences import (
    BEGIN,
    MASK,
    PAD,
    UNKNOWN,
    Numbers,
    distinct,
    learn,
    once_each,
    padded,
    positions,
    size_of,
    transformer,
)

CANDIDATES = 6
MASKED = 0.5
PASSES = 4
SPHERE = 0.1


class MaskedKeys(nn.Module):
    """(B, L) -> (logits (B, L, V), state of the sign in front (B, D))."""

    def __init__(self, keys: int, width: int = 64):
        super().__init__()
        self.width = width
        self.embed = nn.Embedding(keys, width, padding_idx=PAD)
        self.encoder = transformer(width, 4, 2 * width, 2)
        self.head = nn.Linear(width, keys)

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both of each window."""
        vectors = self.embed(rows) + positions(rows.shape[1], self.width)
        hidden = self.encoder(vectors, src_key_padding_mask=rows == PAD)
        return self.head(hidden), hidden[:, 0]


class LogBERT:
    """Share of masked keys that were not expected, and distance from the centre."""

    def __init__(self, seed: int = 0, steps: int = 800):
        self.seed, self.steps = seed, steps

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int] | None = None) -> LogBERT:
        """Train on normal windows."""
        torch.manual_seed(self.seed)
        self.numbers = Numbers(windows)
        rows, _, weights_ = distinct([[BEGIN, *row] for row in self.numbers(windows)])
        weights = torch.from_numpy(weights_)
        self.module = MaskedKeys(len(self.numbers))
        self.parameters = size_of(self.module)
        centre = torch.zeros(self.module.width)

        def loss(group: np.ndarray) -> torch.Tensor:
            nonlocal centre
            true = padded([rows[i] for i in group])
            hidden = (torch.rand(true.shape) < MASKED) & (true > BEGIN)
            logits, front = self.module(true.masked_fill(hidden, MASK))
            each = nn.functional.cross_entropy(logits.transpose(1, 2), true, reduction="none") * hidden
            with torch.no_grad():  # the centre follows the states, as the paper computes it anew each epoch
                centre = 0.95 * centre + 0.05 * front.mean(0)
            apart = (front - centre).square().sum(-1)
            keys = each.sum(1) / hidden.sum(1).clamp(min=1)
            return ((keys + SPHERE * apart) * weights[group]).mean()

        learn(self.module, [len(row) for row in rows], loss, steps=self.steps, size=32, rate=2e-3, seed=self.seed)
        self.centre = centre
        return self

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """Share of keys outside of the candidates + .1 of the distance."""
        return [score for score, _ in self._all(windows)]

    def line_scores(self, windows: Sequence[Sequence[str]]) -> list[list[float]]:
        """Rank of each key; keys beyond the cut rank 0."""
        return [(row + [0.0] * len(window))[: len(window)] for (_, row), window in zip(self._all(windows), windows)]

    def _all(self, windows: Sequence[Sequence[str]]) -> list[tuple[float, list[float]]]:
        return once_each([[BEGIN, *row] for row in self.numbers(windows)], self._judge, 32)

    def _judge(self, some: list[list[int]]) -> list[tuple[float, list[float]]]:
        true = padded(some)
        _, front = self.module(true)
        apart = SPHERE * (front - self.centre).square().sum(-1)
        ranks = torch.zeros(true.shape)
        at = torch.arange(true.shape[1])
        for turn in range(PASSES):
            hidden = (at % PASSES == turn) & (true != PAD) & (true != BEGIN)
            logits, _ = self.module(true.masked_fill(hidden, MASK))
            logits[..., : UNKNOWN + 1] = -torch.inf
            own = logits.gather(-1, true.unsqueeze(-1))
            rank = (logits > own).sum(-1).float()
            ranks = torch.where(hidden, rank, ranks)
        ranks[true == UNKNOWN] = len(self.numbers)
        real = (true != PAD) & (true != BEGIN)
        share = ((ranks >= CANDIDATES) & real).sum(1) / real.sum(1).clamp(min=1)
        return [(s, row[1 : len(line)]) for s, row, line in zip((share + apart).tolist(), ranks.tolist(), some)]
