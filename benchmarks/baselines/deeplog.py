"""DeepLog: an LSTM predicts the next key from the ten before it (Du, Li, Zheng, Srikumar, CCS 2017).

Left out: the parameter-value model, workflow construction, online updates. Filled in: histories that are not full begin
with a begin sign, so that the first keys are predicted too; equal histories are one row (weight: root of how often);
width 64 and two layers as in the paper, 900 steps of 128. The paper calls a session anomalous when a key is not among
the top g = 9 predictions: the score is the worst rank of a key (ties broken by its probability), so `own_threshold` is
that rule and the bench's threshold another. `end=True` adds what the paper does not have: the end of the session as a key.
`short=True` flags every session of ten keys or fewer: the much-copied public re-implementation pads those with a key that
is never predicted, so that this rule is inside the figures that are quoted for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from .sequences import BEGIN, END, UNKNOWN, Numbers, Rows, by_length, learn, size_of

HISTORY = 10
CANDIDATES = 9


class NextKey(nn.Module):
    """(B, 10) -> logits of the next key (B, V)."""

    def __init__(self, keys: int, width: int = 64):
        super().__init__()
        self.embed = nn.Embedding(keys, width)
        self.lstm = nn.LSTM(width, width, 2, batch_first=True)
        self.head = nn.Linear(width, keys)

    def forward(self, histories: torch.Tensor) -> torch.Tensor:
        """Logits from the last state."""
        return self.head(self.lstm(self.embed(histories))[0][:, -1])


def histories(rows: Rows, end: bool) -> list[list[tuple[int, ...]]]:
    """Of each row, each key's ten predecessors and the key itself, as one tuple of eleven."""
    found = []
    for row in rows:
        closed = [BEGIN] * HISTORY + row + ([END] if end else [])
        found.append([tuple(closed[i : i + HISTORY + 1]) for i in range(len(closed) - HISTORY)])
    return found


class DeepLog:
    """The worst rank of a key under a next-key LSTM."""

    own_threshold = float(CANDIDATES)  # a rank of 9 (counted from 0) or more

    def __init__(self, end: bool = False, short: bool = False, seed: int = 0, steps: int = 900):
        self.end, self.short, self.seed, self.steps = end, short, seed, steps

    def network(self) -> nn.Module:
        """The untrained network; LogAnomaly has another."""
        return NextKey(len(self.numbers))

    def numbered(self, windows: Sequence[Sequence[str]]) -> Rows:
        """Windows as numbers."""
        return self.numbers(windows)

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int] | None = None) -> DeepLog:
        """Train on normal windows."""
        torch.manual_seed(self.seed)
        self.numbers = Numbers(windows)
        found = Counter(one for row in histories(self.numbered(windows), self.end) for one in row)
        table = torch.tensor(list(found))  # (N, 11)
        weights = torch.tensor(list(found.values())).float().sqrt()
        weights /= weights.mean()
        self.module = self.network()
        self.parameters = size_of(self.module)

        def loss(group: np.ndarray) -> torch.Tensor:
            some = table[group]
            each = nn.functional.cross_entropy(self.module(some[:, :-1]), some[:, -1], reduction="none")
            return (each * weights[group]).mean()

        learn(self.module, [0] * len(table), loss, steps=self.steps, size=128, rate=5e-3, seed=self.seed)
        return self

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """The worst key's rank, plus at most 1 for how improbable it is."""
        worst = [max(row, default=0.0) for row in self._all(windows)]
        unpredictable = float(len(self.numbers) + 1)
        return [unpredictable if self.short and len(w) <= HISTORY else score for w, score in zip(windows, worst)]

    def line_scores(self, windows: Sequence[Sequence[str]]) -> list[list[float]]:
        """Each key's rank."""
        return [row[: len(window)] for row, window in zip(self._all(windows), windows)]

    @torch.inference_mode()
    def _all(self, windows: Sequence[Sequence[str]]) -> list[list[float]]:
        wanted = histories(self.numbered(windows), self.end)
        different = list(dict.fromkeys(one for row in wanted for one in row))
        known: dict[tuple[int, ...], float] = {}
        for group in by_length([0] * len(different), 1024):
            some = torch.tensor([different[i] for i in group])
            probability = self.module(some[:, :-1]).softmax(-1)
            true = probability.gather(1, some[:, -1:])
            rank = (probability > true).sum(-1).float()
            rank[some[:, -1] == UNKNOWN] = probability.shape[-1]
            found = rank + (1 - true.squeeze(-1)).clamp(0, 0.999)
            known.update(zip((different[i] for i in group), found.tolist()))
        return [[known[one] for one in row] for row in wanted]
