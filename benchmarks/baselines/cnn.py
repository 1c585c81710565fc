"""CNN: filters of three lengths over key embeddings, from labels (Lu, Wei, Li, Wang, DASC 2018).

Left out: nothing but the paper's size. Filled in: embeddings of 64 (paper 128), 64 filters of lengths 3, 4 and 5,
dropout .3, 600 steps of 32 distinct windows.
"""

from __future__ import annotations

import torch
from torch import nn

from .sequences import PAD, SequenceClassifier


class Filters(nn.Module):
    """(B, L) -> logits (B)."""

    def __init__(self, keys: int, table: torch.Tensor | None = None, width: int = 64, filters: int = 64):
        super().__init__()
        self.embed = nn.Embedding(keys, width, padding_idx=PAD)
        self.filters = nn.ModuleList(nn.Conv1d(width, filters, length, padding=length - 1) for length in (3, 4, 5))
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(3 * filters, 1))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Logits of "anomalous"."""
        vectors = self.embed(rows).transpose(1, 2)  # (B, D, L)
        highest = [torch.relu(one(vectors)).amax(-1) for one in self.filters]
        return self.head(torch.cat(highest, -1)).squeeze(-1)


class CNN(SequenceClassifier):
    """Probability of "anomalous"; reads keys."""

    def __init__(self, seed: int = 0):
        super().__init__(Filters, None, seed)
