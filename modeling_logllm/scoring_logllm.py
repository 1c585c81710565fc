"""How LogLLM scores windows: distinct messages encoded once, distinct windows once, one forward pass, two rows.

Notes:
- A window is a tuple of rows of the message table; windows of equal rows are one window, and so are pieces of long ones.
- Batches are sorted by length and bounded in tokens. Padding stands to the right of the position that is read, where a
  causal decoder cannot see it: no attention mask is needed.
- A window beyond `max_messages` is scored in pieces that overlap by half; the highest score counts.
- Where the model is in half precision, the residual stream and the products of the head's two rows are float32, and on a CPU
  all products are (`batching.careful_products`): a logit of 10 in bfloat16 is known to 0.03 only.
- The instruction prefix is read once and its keys and values are kept: on a CPU that makes the decoder stage 1.27 times
  faster on HDFS sessions (benchmarks/results/logllm_speed_hdfs_prefix.json). On other devices it was not measured and is
  not done: the cache needs an explicit mask, with which the fastest attention kernels do not run.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from torch import nn
from transformers import DynamicCache

from .batching import careful_products, check_window, device_of, half_precision, token_budget_batches
from .message_table import MessageTable

# Windows that `score` holds at a time: bounds its memory on an endless iterable.
CHUNK_OF_WINDOWS = 4096
# Distinct windows whose scores are remembered before they are forgotten.
MAX_KNOWN_WINDOWS = 262_144

Row = tuple[int, ...]


class WindowScorer:
    """Scores windows with one model, processor and message table; `LogLLMForSequenceAnomaly.score` is made of it.

    Args:
        model: `LogLLMForSequenceAnomaly`.
        processor: its processor.
        table: soft tokens of the messages seen so far; kept and extended.
        max_batch_tokens: tokens, padding included, of a decoder batch.
    """

    def __init__(self, model, processor, table: MessageTable | None = None, max_batch_tokens: int = 4096):
        processor.check(model.config)
        self.model, self.processor, self.max_batch_tokens = model, processor, max_batch_tokens
        self.table = table if table is not None else model.message_table(processor)
        self._prompt: tuple[torch.Tensor, torch.Tensor] | None = None
        self._half = half_precision(model.model.decoder, model)

    # -- windows in, scores out ---------------------------------------------------------------------------------

    @torch.no_grad()
    def scores(
        self,
        windows: Iterable[Sequence[str]],
        unique_windows: bool = True,
        progress: Callable[[int], object] | None = None,
    ) -> list[float]:
        """Score windows in order; see `LogLLMForSequenceAnomaly.score`."""
        known: dict[Row, float] = {}  # distinct windows are scored once across the whole call
        scores: list[float] = []
        iterator = iter(windows)
        with evaluating(self.model):
            while chunk := list(islice(iterator, CHUNK_OF_WINDOWS)):
                texts = [[self.processor.normalize(m) for m in check_window(window)] for window in chunk]
                if self.table.would_overflow(text for window in texts for text in window):
                    self.table.clear()
                    known.clear()  # its keys are rows of the table
                elif len(known) > MAX_KNOWN_WINDOWS:
                    known.clear()
                rows = [tuple(self.table.row(text) for text in window) for window in texts]
                self.table.encode()
                pieces = [[piece for _, piece in self.pieces(row)] for row in rows]
                if unique_windows:
                    new = list(dict.fromkeys(piece for window in pieces for piece in window if piece not in known))
                    known.update(zip(new, self.score_rows(new)))
                    scores.extend(max(known[piece] for piece in window) for window in pieces)
                else:
                    every = iter(self.score_rows([piece for window in pieces for piece in window]))
                    scores.extend(max(islice(every, len(window))) for window in pieces)
                if progress is not None:
                    progress(len(chunk))
        return scores

    def pieces(self, row: Row) -> list[tuple[int, Row]]:
        """Cut a window that is longer than the limit into (start, piece)s that overlap by half."""
        size = self.model.config.max_messages
        if len(row) <= size or self.model.config.long_windows == "cut":
            return [(0, row[:size])]
        starts = [*range(0, len(row) - size, max(size // 2, 1)), len(row) - size]
        return [(start, row[start : start + size]) for start in starts]

    @torch.no_grad()
    def score_rows(self, rows: Sequence[Row]) -> list[float]:
        """Score windows given as rows of the table."""
        scores = [0.0] * len(rows)
        prefix, question = self.prompt()
        fixed = len(prefix) + len(question)
        kept = self.kept_prefix() if rows else None
        for batch in token_budget_batches([len(row) + fixed for row in rows], self.max_batch_tokens):
            inputs, last = self.inputs([rows[i] for i in batch])
            for i, value in zip(batch, self.log_odds(inputs, last, kept).tolist()):
                scores[i] = value
        return scores

    @torch.no_grad()
    def kept_prefix(self) -> DynamicCache | None:
        """Keys and values of the instruction prefix, for one window; None where keeping them is not known to pay."""
        prefix, _ = self.prompt()
        decoder = self.model.model.decoder
        if not len(prefix) or self.device.type != "cpu" or getattr(decoder, "_is_stateful", False):
            return None
        kept = DynamicCache(config=decoder.config)
        with careful_products(self.device, self._half):
            decoder(inputs_embeds=prefix.unsqueeze(0), past_key_values=kept, use_cache=True)
        return kept

    # -- tensors ------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def prompt(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings of the prefix (P, D) and of suffix and common answer words (Q, D), looked up once."""
        if self._prompt is None:
            embed = self.model.model.get_input_embeddings()
            prefix, question = self.processor.prefix_ids, self.processor.question_ids
            found = [embed(torch.tensor(ids, device=self.device)) for ids in (prefix, question)]
            self._prompt = tuple(one if self._half is None else one.float() for one in found)
        return self._prompt

    @property
    def device(self) -> torch.device:
        """Where the decoder's embeddings are."""
        return device_of(self.model.model.get_input_embeddings())

    @torch.no_grad()
    def inputs(self, rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor]:
        """Build spliced prompts (b, L, D) of windows, and the position (b,) at which the answer is decided."""
        prefix, question = self.prompt()
        lengths = torch.tensor([len(row) for row in rows])
        longest = int(lengths.max())
        index = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=self.table.device)
        fixed = len(prefix) + len(question)
        inputs = prefix.new_zeros(len(rows), longest + fixed, prefix.shape[1])
        inputs[:, : len(prefix)] = prefix
        inputs[:, len(prefix) : len(prefix) + longest] = self.table.embeddings[index].to(prefix)
        at = (lengths + len(prefix)).to(self.device)
        here = torch.arange(len(rows), device=self.device).unsqueeze(1)
        inputs[here, at.unsqueeze(1) + torch.arange(len(question), device=self.device)] = question
        return inputs, at + len(question) - 1

    def log_odds(self, inputs: torch.Tensor, last: torch.Tensor, kept: DynamicCache | None = None) -> torch.Tensor:
        """Log-odds (b,) of the two answers at position `last` (b,) of spliced prompts (b, L, D)."""
        decoder = self.model.model.decoder
        more: dict[str, Any] = {"use_cache": False}
        if kept is not None:
            cache = copy.deepcopy(kept)
            cache.batch_repeat_interleave(len(inputs))
            known = len(self.prompt()[0])
            inputs, last, more = inputs[:, known:], last - known, {"use_cache": True, "past_key_values": cache}
        with careful_products(self.device, self._half):
            hidden = decoder(inputs_embeds=inputs, **more).last_hidden_state  # (b, L, D)
        at = hidden[torch.arange(len(last), device=hidden.device), last.to(hidden.device)]  # (b, D)
        logits = answer_logits(self.model.lm_head, at, self.model.config.answer_token_ids)
        return logits[:, 1] - logits[:, 0]


def answer_logits(head: nn.Module, hidden: torch.Tensor, answer_token_ids: Sequence[int]) -> torch.Tensor:
    """Logits (b, 2) of the two answers, normal first, from hidden states (b, D): two rows of the head, in float32."""
    rows = list(answer_token_ids)
    if type(head) is nn.Linear and not head.weight.is_meta:
        bias = None if head.bias is None else head.bias[rows].float()
        return nn.functional.linear(hidden.float(), head.weight[rows].float(), bias)
    return head(hidden)[:, rows].float()  # quantised, adapted or offloaded: its own forward knows how


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Switch dropout off for a while."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
