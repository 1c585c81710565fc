"""Configuration of LogLLaMA: a Llama over log keys, and how its predictions become a verdict.

Notes:
- The vocabulary is log keys, not words: 0 padding, 1 begin, 2 end of a session, 3 unseen template, then the keys.
- The paper's K is `num_candidates`, not `top_k`: that name is a generation flag of transformers.
- `score_by` chooses what `threshold` is on: the worst negative log-likelihood, the same plus how far the window's key
  counts are from the nearest normal ones (which a next-key model cannot see), the worst rank, which with
  threshold = K - 1 is the paper's rule, or likelihood and rank both, where a key outside the top K counts as unseen.
"""

from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import LlamaConfig

SCORES = ("likelihood", "counts", "likelihood+counts", "rank", "likelihood+rank")


@strict
class LogLLaMAConfig(LlamaConfig):
    """Configuration of `LogLLaMAForNextKey` (LogLLaMA, arXiv 2503.14849).

    Args:
        num_candidates: K, how many most probable keys count as expected; None takes `candidate_share`.
        candidate_share: K as a share of the keys (paper: 0.5).
        predict_end: whether the end of the window is predicted as a key: true for sessions, false for windows that are
            cut at a line count, whose end means nothing.
        score_by: "likelihood" (worst negative log-likelihood, nats), "counts" (the count distance alone, a rule without a
            language model, for comparison), "likelihood+counts" (that plus `count_weight` times
            the count distance), "rank" (worst rank, 0 = most probable) or "likelihood+rank" (worst negative
            log-likelihood, plus `unseen_score` where a key is outside the top K).
        count_weight: nats for a count distance of 1 (see `LogLLaMAForNextKey.count_distances`).
        num_count_vectors: normal count vectors that the checkpoint holds.
        unseen_score: negative log-likelihood given to a key that training never saw; log of the training keys + 1.
        gap_weight: nats for each factor of e by which a pause is longer than any that training saw before the same key;
            0 leaves time out of the score.
        threshold: a window whose score is above it is called anomalous.
        context_keys: keys that the model looks back on; a longer window is scored with overlapping contexts.
        keys_digest: of the vocabulary (`LogLLaMAProcessor.keys_digest`), so that a table from elsewhere is noticed.
        text_decoder: where the weights came from a language model, its repository id.
        log_system: the log system's row as plain values, or None.
    """

    model_type = "logllama"

    num_candidates: int | None = None
    candidate_share: float = 0.5
    predict_end: bool = True
    score_by: str = "likelihood"
    count_weight: float = 40.0
    num_count_vectors: int = 0
    unseen_score: float = 12.0
    gap_weight: float = 0.0
    threshold: float = 0.0
    context_keys: int = 512
    keys_digest: str | None = None
    text_decoder: str | None = None
    log_system: dict[str, Any] | None = None

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        if self.score_by not in SCORES:
            raise ValueError(f"score_by must be one of {', '.join(SCORES)}, found {self.score_by!r}")
        if self.num_candidates is not None and self.num_candidates < 1:
            raise ValueError(f"num_candidates must be at least 1 or None, found {self.num_candidates}")
        if not 0 < self.candidate_share <= 1:
            raise ValueError(f"candidate_share must be above 0 and at most 1, found {self.candidate_share}")

    @property
    def num_keys(self) -> int:
        """Log keys in the vocabulary, special ones left out."""
        return self.vocab_size - 4

    @property
    def candidates(self) -> int:
        """K as a number of keys, at least 1 and at most all."""
        wanted = self.num_candidates or round(self.candidate_share * self.num_keys)
        return min(max(int(wanted), 1), max(self.num_keys, 1))
