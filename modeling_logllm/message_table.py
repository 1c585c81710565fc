"""A bounded table of soft tokens: each distinct message is tokenised and encoded once, across batches and calls.

A log repeats itself (a million HDFS lines hold fifteen masked messages), so the table is worth
more than any batching. It is emptied when full instead of evicting one by one: a window's rows must all be there at once.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
import torch.nn.functional as F

from .batching import token_budget_batches


def nearest_known(vectors: torch.Tensor, known: torch.Tensor, floor: float) -> torch.Tensor:
    """Put the nearest of the known vectors (K, D) in the place of each vector (U, D) whose cosine to it is at least `floor`."""
    cosines = F.normalize(vectors.float(), dim=1) @ F.normalize(known.float(), dim=1).T
    best, place = cosines.max(1)
    return torch.where((best >= floor).unsqueeze(1), known[place].to(vectors.dtype), vectors)


class MessageTable:
    """Soft tokens by message text.

    Args:
        encode: (U, T) ids and mask -> (U, D) soft tokens.
        tokenize: texts -> ids and mask.
        capacity: messages held before the table is emptied.
        device: where the encoder is.
        max_batch_tokens: word pieces, padding included, of an encoder batch.
    """

    def __init__(
        self,
        encode: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        tokenize: Callable[[Sequence[str]], dict[str, torch.Tensor]],
        capacity: int,
        device: torch.device,
        max_batch_tokens: int = 16384,
    ):
        self._encode, self._tokenize, self.capacity, self.device = encode, tokenize, capacity, device
        self.max_batch_tokens = max_batch_tokens
        self.hits = self.misses = 0
        self._rows: dict[str, int] = {}
        self._pending: list[str] = []
        self._blocks: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def hit_rate(self) -> float:
        """Share of the messages asked for that were already there."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else 0.0

    @property
    def embeddings(self) -> torch.Tensor:
        """The soft tokens (U, D) of all rows handed out; call `encode` first."""
        if self._pending or self._blocks is None:
            raise RuntimeError("the table must be encoded before it is read, found rows that are not: call encode()")
        return self._blocks

    def would_overflow(self, texts: Iterable[str]) -> bool:
        """Whether these messages would push the table over its capacity (an empty table takes any number)."""
        return bool(self._rows) and len(self._rows) + len({t for t in texts if t not in self._rows}) > self.capacity

    def clear(self) -> None:
        """Forget every message."""
        self._rows.clear()
        self._pending.clear()
        self._blocks = None

    def row(self, text: str) -> int:
        """Return the row of a message; a new one is encoded at the next `encode`."""
        row = self._rows.get(text)
        if row is None:
            self.misses += 1
            row = self._rows[text] = len(self._rows)
            self._pending.append(text)
        else:
            self.hits += 1
        return row

    @torch.no_grad()
    def encode(self) -> None:
        """Encode the messages that are new since the last call, shortest first, in batches of bounded size."""
        if not self._pending:
            return
        lengths = [len(text) for text in self._pending]
        parts: list[torch.Tensor] = [torch.empty(0)] * len(lengths)
        # Word pieces are not known before tokenising; characters / 3 is near enough to group by length.
        for batch in token_budget_batches([n // 3 + 2 for n in lengths], self.max_batch_tokens):
            tokens = self._tokenize([self._pending[i] for i in batch])
            encoded = self._encode(tokens["input_ids"].to(self.device), tokens["attention_mask"].to(self.device))
            for i, vector in zip(batch, encoded):
                parts[i] = vector
        new = torch.stack(parts)
        self._blocks = new if self._blocks is None else torch.cat([self._blocks, new])
        self._pending.clear()
