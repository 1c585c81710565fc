"""Messages as vectors of a small pretrained encoder (all-MiniLM-L6-v2, from the Hub or the package that carries it).

Notes: `sentence_vectors` reads whole messages (mean over the word pieces, length 1: how it was trained);
`word_vectors` takes the encoder's input table alone, weighted by TF-IDF: it stands in for the FastText vectors of the
papers, which are not to be had without a download. Each distinct message is encoded once in a process.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
MOST_PIECES = 64
BATCH = 32
_sentences: dict[str, np.ndarray] = {}
_tokens: dict[str, np.ndarray] = {}


@cache
def encoder() -> tuple[Any, Any]:
    """The model and its tokenizer."""
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    from logllm.trainers.assemble import load_part

    logging.disable_progress_bar()
    return load_part(AutoModel, ENCODER).eval(), load_part(AutoTokenizer, ENCODER)


@torch.inference_mode()
def sentence_vectors(messages: Sequence[str]) -> np.ndarray:
    """One vector of length 1 a message."""
    model, tokenizer = encoder()
    new = sorted(set(messages) - set(_sentences), key=len)
    for at in range(0, len(new), BATCH):
        some = new[at : at + BATCH]
        batch = tokenizer(some, padding=True, truncation=True, max_length=MOST_PIECES, return_tensors="pt")
        hidden = model(**batch).last_hidden_state  # (B, L, 384)
        mask = batch["attention_mask"].unsqueeze(-1).float()
        mean = (hidden * mask).sum(1) / mask.sum(1)
        _sentences.update(zip(some, torch.nn.functional.normalize(mean, dim=-1).numpy()))
    width = model.config.hidden_size
    return np.stack([_sentences[message] for message in messages]) if len(messages) else np.zeros((0, width))


@torch.inference_mode()
def token_vectors(messages: Sequence[str]) -> list[np.ndarray]:
    """The vectors of each message's word pieces, of length 1: one array (L, D) a message, at least one row."""
    model, tokenizer = encoder()
    new = sorted(set(messages) - set(_tokens), key=len)
    for at in range(0, len(new), BATCH):
        some = new[at : at + BATCH]
        batch = tokenizer(
            some,
            padding=True,
            truncation=True,
            max_length=MOST_PIECES,
            return_tensors="pt",
            return_special_tokens_mask=True,
        )
        own = batch["attention_mask"].bool() & ~batch.pop("special_tokens_mask").bool()
        hidden = torch.nn.functional.normalize(model(**batch).last_hidden_state, dim=-1)  # (B, L, D)
        for message, rows, mask in zip(some, hidden, own):
            _tokens[message] = (rows[mask] if mask.any() else rows[:1]).numpy()
    return [_tokens[message] for message in messages]


class WordVectors:
    """TF-IDF-weighted mean of the encoder's input vectors; the frequencies come from the training messages."""

    def __init__(self, messages: Sequence[str]):
        distinct = sorted(set(messages))
        self.count = len(distinct)
        self.held: dict[int, int] = {}
        for pieces in self._pieces(distinct):
            for piece in set(pieces):
                self.held[piece] = self.held.get(piece, 0) + 1

    @staticmethod
    def _pieces(messages: Sequence[str]) -> list[list[int]]:
        _, tokenizer = encoder()
        if not messages:
            return []
        return tokenizer(list(messages), add_special_tokens=False, truncation=True, max_length=MOST_PIECES)[
            "input_ids"
        ]

    def __call__(self, messages: Sequence[str]) -> np.ndarray:
        """One vector of length 1 a message; a message without words is all 0."""
        model, _ = encoder()
        table = model.get_input_embeddings().weight.detach().numpy()
        found = np.zeros((len(messages), table.shape[1]), np.float32)
        for row, pieces in zip(found, self._pieces(messages)):
            for piece in pieces:
                row += np.log((1 + self.count) / (1 + self.held.get(piece, 0))) * table[piece] + table[piece]
            row /= max(float(np.linalg.norm(row)), 1e-9)
        return found
