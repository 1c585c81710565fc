"""FastLogAD: a generator makes pseudo anomalies of normal windows, a discriminator learns to tell (Lin et al., 2024).

Kept: a masked-key generator trained on normal windows, then by reinforcement beside the discriminator: it draws keys, and is
paid where the discriminator takes its window for a normal one; pseudo anomalies are normal windows in which keys are replaced
by what it draws; a discriminator draws normal windows to a centre and pushes the others away; a verdict is one pass of it.
Filled in: half of the keys masked while the generator learns, 30 % of the keys replaced, by draws from the generator's
distribution without the true key; REINFORCE with the batch's mean as baseline, weight .1 beside the likelihood of the
true keys; two layers of 64; 400 steps each of 32 distinct windows; the score is the squared distance from the centre.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from .logbert import LogBERT
from .sequences import BEGIN, MASK, PAD, UNKNOWN, distinct, learn, once_each, padded, positions, size_of, transformer

REPLACED = 0.3
MARGIN = 10.0
POLICY = 0.1


class Sphere(nn.Module):
    """(B, L) -> a point (B, 32)."""

    def __init__(self, keys: int, width: int = 64):
        super().__init__()
        self.width = width
        self.embed = nn.Embedding(keys, width, padding_idx=PAD)
        self.encoder = transformer(width, 4, 2 * width, 2)
        self.head = nn.Linear(width, 32)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """The sign in front, projected."""
        vectors = self.embed(rows) + positions(rows.shape[1], self.width)
        return self.head(self.encoder(vectors, src_key_padding_mask=rows == PAD)[:, 0])


class FastLogAD:
    """Squared distance from the centre."""

    def __init__(self, seed: int = 0, steps: int = 400):
        self.seed, self.steps = seed, steps

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int] | None = None) -> FastLogAD:
        """Train the generator, then the discriminator, on normal windows."""
        self.generator = LogBERT(self.seed, self.steps).fit(windows)
        self.numbers = self.generator.numbers
        rows, _, weights_ = distinct([[BEGIN, *row] for row in self.numbers(windows)])
        weights = torch.from_numpy(weights_)
        self.module = Sphere(len(self.numbers))
        self.parameters = size_of(self.module) + self.generator.parameters
        both = nn.ModuleList([self.module, self.generator.module])

        def loss(group: np.ndarray) -> torch.Tensor:
            true = padded([rows[i] for i in group])
            near = self.module(true).square().sum(-1)
            drawn, chosen, likelihood = self.pseudo(true)
            far = self.module(drawn).square().sum(-1)
            # Paid for windows near the centre: REINFORCE with the batch's mean as baseline.
            reward = -far.detach().clamp(max=MARGIN)
            policy = -((reward - reward.mean()) * chosen).mean() - likelihood
            # Deep-SAD's pull and push: the distance of normal windows, a hinge on that of the others.
            return ((near + torch.relu(MARGIN - far)) * weights[group]).mean() + POLICY * policy

        learn(both, [len(row) for row in rows], loss, steps=self.steps, size=32, rate=2e-3, seed=self.seed)
        return self

    def pseudo(self, true: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Windows in which some keys are what the generator draws, never the key that stood there.

        Returns the windows (B, L), the log-probability of what was drawn in each (B), and the mean log-likelihood of the
        true keys.
        """
        hidden = (torch.rand(true.shape) < REPLACED) & (true > BEGIN)
        hidden[:, 1] |= ~hidden.any(1) & (true[:, 1] > BEGIN) if true.shape[1] > 1 else False
        logits, _ = self.generator.module(true.masked_fill(hidden, MASK))
        kept = hidden.sum().clamp(min=1)
        likelihood = (logits.log_softmax(-1).gather(-1, true.unsqueeze(-1)).squeeze(-1) * hidden).sum() / kept
        logits = logits.masked_fill(torch.arange(logits.shape[-1]) <= MASK, -torch.inf)
        if logits.shape[-1] > MASK + 2:
            logits = logits.scatter(-1, true.clamp(min=0).unsqueeze(-1), -torch.inf)
        choice = torch.distributions.Categorical(logits=logits)
        drawn = choice.sample()
        chosen = (choice.log_prob(drawn) * hidden).sum(1) / hidden.sum(1).clamp(min=1)
        return torch.where(hidden, drawn, true), chosen, likelihood

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """Distances; a key that training never had stands for itself as unknown."""
        rows = [[BEGIN, *row] for row in self.numbers(windows)]
        return once_each(rows, lambda some: self.module(padded(some)).square().sum(-1).tolist(), 32)


__all__ = ["UNKNOWN", "FastLogAD"]
