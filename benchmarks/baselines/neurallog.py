"""NeuralLog: a transformer over sentence vectors of raw messages, from labels and without a parser (Le, Zhang, ASE 2021).

Left out: BERT base (the encoder is MiniLM, 384 wide). Kept: no templates, one encoder layer over the messages' frozen
vectors with sine positions, mean, classifier. The mean is over one length for every window, as where all are padded to
it: with the mean over a window's own messages, attention sees shares only and a message too many or too few is lost.
Filled in: messages are masked first (the paper removes numbers and punctuation), width 64 with 4 heads, inner 128, dropout
.1, 1,000 steps of 32 distinct windows; vectors weigh four times what positions do (with equal weight validation PR-AUC
stayed at .85).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from .sequences import PAD, SequenceClassifier, positions, transformer
from .vectors import sentence_vectors

LENGTH = 32  # of the mean; longer windows count for more than one


class OverMessages(nn.Module):
    """(B, L) -> logits (B)."""

    def __init__(self, keys: int, table: torch.Tensor | None, width: int = 64):
        super().__init__()
        assert table is not None
        self.table: torch.Tensor
        self.register_buffer("table", table)
        self.width = width
        self.into = nn.Linear(table.shape[1], width)
        self.encoder = transformer(width, 4, 2 * width, 1)
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Logits of "anomalous"."""
        real = rows != PAD
        real[:, 0] = True  # an empty window is one position
        vectors = 4 * self.into(self.table[rows]) + positions(rows.shape[1], self.width)
        hidden = self.encoder(vectors, src_key_padding_mask=~real) * real.unsqueeze(-1)
        return self.head(hidden.sum(1) / LENGTH).squeeze(-1)


def sentences(messages: Sequence[str]) -> Any:
    """Sentence vectors need no training messages."""
    return sentence_vectors


class NeuralLog(SequenceClassifier):
    """Probability of "anomalous"; reads masked messages."""

    def __init__(self, seed: int = 0):
        super().__init__(OverMessages, sentences, seed, rate=1e-3, steps=1000)
