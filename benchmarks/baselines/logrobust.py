"""LogRobust: attention over a Bi-LSTM on semantic vectors, from labels (Zhang et al., ESEC/FSE 2019).

Left out: FastText (vectors are TF-IDF-weighted word vectors of a pretrained encoder), Drain (templates are masked
messages). Kept: two layers, attention, a message never seen keeps its own vector. Filled in: width 64 each way (paper
128), 600 steps of 32 distinct windows.
"""

from __future__ import annotations

import torch
from torch import nn

from .sequences import PAD, Attention, SequenceClassifier
from .vectors import WordVectors


class AttentiveLSTM(nn.Module):
    """(B, L) -> logits (B)."""

    def __init__(self, keys: int, table: torch.Tensor | None, width: int = 64, gru: bool = False):
        super().__init__()
        assert table is not None
        self.table: torch.Tensor
        self.register_buffer("table", table)
        self.into = nn.Linear(table.shape[1], width)
        kind = nn.GRU if gru else nn.LSTM
        self.lstm = kind(width, width, 1 if gru else 2, batch_first=True, bidirectional=True)
        self.attention = Attention(2 * width)
        self.head = nn.Linear(2 * width, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Logits of "anomalous"."""
        lengths = (rows != PAD).sum(1).clamp(min=1)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.into(self.table[rows]), lengths, batch_first=True, enforce_sorted=False
        )
        hidden, _ = nn.utils.rnn.pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=rows.shape[1]
        )
        return self.head(self.attention(hidden, rows != PAD)).squeeze(-1)


class LogRobust(SequenceClassifier):
    """Probability of "anomalous"; reads masked messages."""

    def __init__(self, seed: int = 0):
        super().__init__(AttentiveLSTM, WordVectors, seed)
