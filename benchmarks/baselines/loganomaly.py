"""LogAnomaly: sequential and quantitative patterns together predict the next template (Meng et al., IJCAI 2019).

Left out: FT-Tree (templates are LogLLM's masked messages), template2vec's synonyms and antonyms (vectors are TF-IDF-
weighted word vectors of a pretrained encoder), the weekly retraining. Kept: one LSTM over the ten vectors, one over the
counts inside the history so far, both decide; a message that is no template becomes the most similar one. Filled in: it
must have a cosine of .8 with it, else it is unknown; width 64; 900 steps of 128; g = 9 as in DeepLog.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from .deeplog import DeepLog
from .sequences import FIRST, Rows, components_of_unit_size
from .vectors import WordVectors

SIMILAR = 0.8


class TwoViews(nn.Module):
    """(B, 10) -> logits of the next template (B, V)."""

    def __init__(self, table: torch.Tensor, width: int = 64):
        super().__init__()
        self.keys = len(table)
        self.table: torch.Tensor
        self.register_buffer("table", table)
        self.marks = nn.Embedding(FIRST, width)  # begin and unknown have no text
        self.into = nn.Linear(table.shape[1], width)
        self.order = nn.LSTM(width, width, 2, batch_first=True)
        self.amount = nn.LSTM(self.keys, width, 1, batch_first=True)
        self.head = nn.Linear(2 * width, self.keys)

    def forward(self, histories: torch.Tensor) -> torch.Tensor:
        """Logits from both last states."""
        marks = self.marks(histories.clamp(max=FIRST - 1)) * (histories < FIRST).unsqueeze(-1)
        words = self.into(self.table[histories]) + marks  # (B, 10, D)
        counts = nn.functional.one_hot(histories, self.keys).float().cumsum(1)  # (B, 10, V)
        both = torch.cat((self.order(words)[0][:, -1], self.amount(counts)[0][:, -1]), -1)
        return self.head(both)


class LogAnomaly(DeepLog):
    """The worst rank of a template; reads masked messages."""

    def network(self) -> nn.Module:
        """The two LSTMs over the templates' vectors."""
        self.embed = WordVectors(self.numbers.keys)
        self.table = self.embed(self.numbers.keys)
        found = components_of_unit_size(self.table)
        return TwoViews(torch.cat((torch.zeros(FIRST, found.shape[1]), found)))

    def numbered(self, windows: Sequence[Sequence[str]]) -> Rows:
        """Windows as numbers, messages never seen as the most similar template."""
        new = sorted({key for window in windows for key in window} - set(self.numbers.of))
        if new:
            near = self.embed(new) @ self.table.T
            best = np.argmax(near, 1)
            for key, i, row in zip(new, best, near):
                if row[i] >= SIMILAR:
                    self.numbers.of[key] = FIRST + int(i)
        return self.numbers(windows)
