"""LogLLaMA: a Llama that predicts the next log key; a key it did not expect is the alarm.

What is peculiar here:
- The begin and, for sessions, the end are predicted like keys, so a session that starts late or stops early is seen.
- A window's score is its worst position, plus (by default of the trained detectors) the distance of its key counts to the
  nearest normal ones: a next-key model does not count. A template that training never saw gets a fixed, high negative log-likelihood
  (the add-one estimate of an event of count 0), whatever the model's untrained logit for it says.
- Distinct windows are scored once, in right-padded batches of bounded size; a window beyond the context is read in
  overlapping contexts and every position is scored once.

Source: LogLLaMA, arXiv 2503.14849; its top-K rule is `score_by="rank"` with `threshold` = K - 1.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from transformers import LlamaForCausalLM

from .batching import token_budget_batches
from .configuration_logllama import LogLLaMAConfig
from .processing_logllama import LogLLaMAProcessor

CHUNK_OF_WINDOWS = 4096
UNK_ID = 3


@dataclass(frozen=True)
class KeyScores:
    """What the model thought of each predicted position of a window (n positions: keys, then the end if predicted)."""

    nll: torch.Tensor  # (n,) negative log-likelihood of the true key, nats
    rank: torch.Tensor  # (n,) keys that were more probable than the true one
    expected: torch.Tensor | None = None  # (n, 3) ids of the most probable keys
    probability: torch.Tensor | None = None  # (n, 3) their probabilities


class LogLLaMAForNextKey(LlamaForCausalLM):
    """Next-key model over log keys; `forward(input_ids, labels=...)` is that of any causal Llama."""

    config_class = LogLLaMAConfig
    config: LogLLaMAConfig
    normal_counts: torch.Tensor

    def __init__(self, config: LogLLaMAConfig):
        super().__init__(config)
        # How often each key occurs in the normal windows, distinct vectors only: (M, V). Saved with the weights.
        self.register_buffer(
            "normal_counts", torch.zeros(config.num_count_vectors, config.vocab_size, dtype=torch.int32)
        )

    def remember_counts(self, sequences: Iterable[Sequence[int]], limit: int = 2048) -> None:
        """Keep the key counts of normal windows, the `limit` most frequent vectors of them."""
        vectors = Counter(tuple(sorted(Counter(sequence).items())) for sequence in sequences)
        kept = [dict(vector) for vector, _ in vectors.most_common(limit)]
        counts = torch.zeros(len(kept), self.config.vocab_size, dtype=torch.int32)
        for row, vector in zip(counts, kept):
            row[torch.tensor(list(vector))] = torch.tensor(list(vector.values()), dtype=torch.int32)
        self.config.num_count_vectors = len(kept)
        self.normal_counts = counts.to(self.device)

    @torch.no_grad()
    def count_distances(self, sequences: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return how far each sequence's key counts are from the nearest normal ones, and which those are.

        The distance is the sum of the absolute differences over the sequence's length: (n,), no unit; the rows of
        `normal_counts` are (n,).
        """
        if not len(self.normal_counts):
            raise ValueError(
                "the checkpoint must hold normal counts, found none: call remember_counts() after training"
            )
        distances, nearest = [], []
        normal = self.normal_counts.float()
        for sequence in sequences:
            counts = torch.bincount(torch.tensor(sequence, device=self.device), minlength=self.config.vocab_size)
            difference = (normal - counts).abs().sum(-1)  # (M,)
            nearest.append(difference.argmin())
            distances.append(difference[nearest[-1]] / len(sequence))
        return torch.stack(distances), torch.stack(nearest)

    @torch.no_grad()
    def score(
        self,
        windows: Iterable[Sequence[str]],
        processor: LogLLaMAProcessor,
        max_batch_tokens: int = 4096,
        progress: Callable[[int], object] | None = None,
    ) -> list[float]:
        """Score windows by their worst key and their key counts, as `config.score_by` says (nats, or a rank).

        Args:
            windows: any iterable of windows, each a list of message contents; read in chunks.
            processor: the model's own processor.
            max_batch_tokens: keys, padding included, of a batch.
            progress: called with the number of windows done since its last call.

        Returns:
            One score a window, in order; above `config.threshold` the window is called anomalous.
        """
        processor.check(self.config)
        return self.score_ids((processor.token_ids(window) for window in windows), max_batch_tokens, progress)

    @torch.no_grad()
    def score_ids(
        self,
        sequences: Iterable[Sequence[int]],
        max_batch_tokens: int = 4096,
        progress: Callable[[int], object] | None = None,
    ) -> list[float]:
        """Score sequences of key ids that begin with the begin key; see `score`."""
        scores: list[float] = []
        known: dict[tuple[int, ...], float] = {}
        iterator = iter(sequences)
        while chunk := [tuple(sequence) for sequence in islice(iterator, CHUNK_OF_WINDOWS)]:
            new = [sequence for sequence in dict.fromkeys(chunk) if sequence not in known]
            for sequence, judged in zip(new, self.judge(new, max_batch_tokens)):
                known[sequence] = float((judged.rank if self.config.score_by == "rank" else judged.nll).max())
            if self.config.score_by == "likelihood+counts" and new:
                distances, _ = self.count_distances(new)
                for sequence, distance in zip(new, distances.tolist()):
                    known[sequence] += self.config.count_weight * distance
            scores.extend(known[sequence] for sequence in chunk)
            if len(known) > 64 * CHUNK_OF_WINDOWS:
                known.clear()
            if progress is not None:
                progress(len(chunk))
        return scores

    @torch.no_grad()
    def judge(
        self, sequences: Sequence[Sequence[int]], max_batch_tokens: int = 4096, expected: int = 0
    ) -> list[KeyScores]:
        """Judge every position after the first of each sequence of key ids.

        Args:
            sequences: key ids, the begin key first.
            max_batch_tokens: keys, padding included, of a batch.
            expected: how many of the most probable keys to return for each position.
        """
        size = self.config.context_keys
        pieces: list[tuple[int, int, tuple[int, ...]]] = []  # sequence, first position judged in the piece, ids
        for s, sequence in enumerate(sequences):
            ids = tuple(sequence)
            if len(ids) < 2:
                raise ValueError(f"a sequence must hold the begin key and at least one more, found {list(ids)}")
            pieces.append((s, 1, ids[: size + 1]))
            start = 0
            while start + size + 1 < len(ids):
                done = start + size  # last position judged so far
                start = min(start + max(size // 2, 1), len(ids) - size - 1)
                pieces.append((s, done - start + 1, ids[start : start + size + 1]))
        parts: list[list[tuple[torch.Tensor, ...]]] = [[] for _ in sequences]
        results: list[tuple[torch.Tensor, ...] | None] = [None] * len(pieces)
        with self._evaluating():
            for batch in token_budget_batches([len(ids) for _, _, ids in pieces], max_batch_tokens):
                for i, result in zip(batch, self._judge_batch([pieces[i] for i in batch], expected)):
                    results[i] = result
        for (s, _, _), result in zip(pieces, results):
            assert result is not None
            parts[s].append(result)
        return [KeyScores(*(torch.cat(field) for field in zip(*part))) for part in parts]

    def _judge_batch(
        self, pieces: Sequence[tuple[int, int, tuple[int, ...]]], expected: int
    ) -> list[tuple[torch.Tensor, ...]]:
        longest = max(len(ids) for _, _, ids in pieces)
        rows = [list(ids) + [0] * (longest - len(ids)) for _, _, ids in pieces]
        ids = torch.tensor(rows, device=self.device)
        # Right padding is invisible to a causal model at the positions that are read: no mask.
        logits = self(input_ids=ids[:, :-1]).logits.float()  # (b, L-1, V)
        logits[..., [0, 1, UNK_ID]] = -torch.inf  # padding, begin and "unseen" are never predicted
        if not self.config.predict_end:
            logits[..., 2] = -torch.inf
        log_p = logits.log_softmax(-1)
        truth = ids[:, 1:]
        results: list[tuple[torch.Tensor, ...]] = []
        true_log_p = log_p.gather(-1, truth.unsqueeze(-1))  # (b, L-1, 1)
        unseen = truth == UNK_ID
        nll = (-true_log_p.squeeze(-1)).masked_fill(unseen, self.config.unseen_score)
        rank = (log_p > true_log_p).sum(-1).masked_fill(unseen, self.config.vocab_size)
        top = log_p.topk(min(expected, log_p.shape[-1]), dim=-1) if expected else None
        for b, (_, first, sequence) in enumerate(pieces):
            here = slice(first - 1, len(sequence) - 1)
            judged = (nll[b, here].cpu(), rank[b, here].cpu())
            if top is not None:
                judged += (top.indices[b, here].cpu(), top.values[b, here].exp().cpu())
            results.append(judged)
        return results

    @contextmanager
    def _evaluating(self):
        was_training = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(was_training)
