"""The distinct messages of a training run: tokenised once, and encoded once for as long as the encoder is frozen.

Notes:
- A window becomes a list of places in the store, so a batch is built from integers; masking and tokenising happen once a
  distinct message, not once a batch.
- In a stage that does not train the encoder, `vectors` are what the encoder makes of each message, worked out once for the
  whole stage (without dropout). In the others the batch's distinct messages are encoded as ever.
- A message may have *variants*: the same message with words left out, doubled or exchanged. A stage that trains on them
  learns to read a message that somebody has reworded. They are drawn from a generator of their own, so the same seed
  gives the same variants in every process.
"""

import random
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from datasets import Dataset

from logllm.modeling_logllm import LogLLMForSequenceAnomaly, LogLLMProcessor
from logllm.modeling_logllm.batching import token_budget_batches

# More vectors than this are not kept (768 wide in float32: 800 MB): then every batch is encoded.
MAX_VECTORS = 262_144
ENCODER_TOKENS = {
    "cpu": 1024
}  # word pieces of an encoder batch: a processor loses by padding, a graphics card by calls
TOKENIZE_AT_ONCE = 4096


class MessageStore:
    """Distinct messages by their normalised text.

    Args:
        processor: masks and tokenises.
        variants: further wordings of each message that are made; 0 = none.
        word_dropout: probability that a word of a variant is left out (half of it: doubled, or put a place further).
        seed: of the variants.
    """

    def __init__(self, processor: LogLLMProcessor, variants: int = 0, word_dropout: float = 0.0, seed: int = 0):
        self.processor, self.variants, self.word_dropout, self.seed = processor, variants, word_dropout, seed
        self.places: dict[str, int] = {}
        self._normalized: dict[str, int] = {}
        self._ids: list[list[int]] = []  # word pieces of each message, then of its variants

    def __len__(self) -> int:
        return len(self.places)

    def rows(self, windows: Iterable[Sequence[str]]) -> list[list[int]]:
        """Turn windows into places in the store; new messages are added. Only the first `max_messages` are taken."""
        known, limit = self._normalized, self.processor.max_messages
        found = []
        for window in windows:
            row = []
            for message in window[:limit]:
                place = known.get(message)
                if place is None:
                    text = self.processor.normalize(message)
                    place = self.places.setdefault(text, len(self.places))
                    if len(known) < MAX_VECTORS:  # raw messages may all differ: bounded
                        known[message] = place
                row.append(place)
            found.append(row)
        return found

    def dataset(self, rows: Dataset) -> Dataset:
        """Return a dataset of `rows` (places) and `label` in the order of a dataset of `lines` and `label`."""
        places: list[list[int]] = []
        for start in range(0, len(rows), 1000):
            places.extend(self.rows(rows[start : start + 1000]["lines"]))
        return Dataset.from_dict({"rows": places, "label": rows["label"][:]})

    def repeated(self, rows: Dataset, power: float) -> Dataset:
        """Keep of n equal windows (`rows` and label) the first n ** power, in order; with power 0 each distinct one once."""
        same: dict[tuple[tuple[int, ...], int], list[int]] = {}
        for i, (places, label) in enumerate(zip(rows["rows"], rows["label"])):
            same.setdefault((tuple(places), label), []).append(i)
        return rows.select(sorted(i for some in same.values() for i in some[: round(len(some) ** power)]))

    def tokenize(self) -> None:
        """Tokenise what was added since the last call, and its variants."""
        texts = list(self.places)
        done = len(self._ids) // (1 + self.variants)
        wordings = [wording for text in texts[done:] for wording in (text, *self._variants_of(text))]
        for start in range(0, len(wordings), TOKENIZE_AT_ONCE):
            tokens = self.processor.tokenize_messages(wordings[start : start + TOKENIZE_AT_ONCE])
            lengths = tokens["attention_mask"].sum(1).tolist()
            self._ids.extend(ids[:n] for ids, n in zip(tokens["input_ids"].tolist(), lengths))

    def batch(self, places: Sequence[int], variants: Sequence[int] | None = None) -> dict[str, torch.Tensor]:
        """Word pieces of messages (U, T), of the variant named for each (0 = as it is)."""
        chosen = variants if variants is not None else [0] * len(places)
        ids = [self._ids[place * (1 + self.variants) + variant] for place, variant in zip(places, chosen)]
        tokens = self.processor.pad_messages(ids)
        return {"message_input_ids": tokens["input_ids"], "message_attention_mask": tokens["attention_mask"]}

    @torch.no_grad()
    def vectors(self, model: LogLLMForSequenceAnomaly, with_variants: bool = False) -> torch.Tensor:
        """What the encoder makes of every message (U, 1 or 1 + variants, D_encoder), in float32, without dropout."""
        body, was_training = model.model, model.training
        device = next(body.encoder.parameters()).device
        step = 1 if with_variants else 1 + self.variants
        ids = self._ids[::step]
        vectors: Any = None
        model.eval()
        try:
            for batch in token_budget_batches([len(row) for row in ids], ENCODER_TOKENS.get(device.type, 16384)):
                tokens = self.processor.pad_messages([ids[i] for i in batch])
                pooled = body.pool_messages(
                    tokens["input_ids"].to(device), tokens["attention_mask"].to(device)
                ).float()
                if vectors is None:
                    vectors = pooled.new_empty(len(ids), pooled.shape[-1])
                vectors[torch.tensor(batch, device=device)] = pooled
        finally:
            model.train(was_training)
        assert vectors is not None
        return vectors.view(len(self), -1, vectors.shape[-1])

    def fits(self, with_variants: bool = False) -> bool:
        """Whether the vectors of all messages may be kept."""
        return len(self) * (1 + self.variants * with_variants) <= MAX_VECTORS

    def _variants_of(self, text: str) -> list[str]:
        if not self.variants:
            return []
        draw = random.Random(f"{self.seed} {text}")
        return [reword(text, self.word_dropout, draw) for _ in range(self.variants)]


def reword(text: str, dropout: float, draw: random.Random) -> str:
    """Leave words out of a masked message, double them, or put them a place further, each with probability `dropout`.

    No word list stands behind it: the model shall not learn the synonyms that a test will use. At least one word stays.

    >>> reword("Receiving block <*> src", 0.0, random.Random(0))
    'Receiving block <*> src'
    """
    words = text.split()
    kept: list[str] = []
    for word in words:
        chance = draw.random()
        if chance < dropout:
            continue
        kept.append(word)
        if chance > 1 - dropout / 2:
            kept.append(word)
        elif chance > 1 - dropout and len(kept) > 1:
            kept[-1], kept[-2] = kept[-2], kept[-1]
    return " ".join(kept or words[:1])
