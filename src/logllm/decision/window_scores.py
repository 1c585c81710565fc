"""LogLLaMA's window score with the severity prior, for a log that nobody labelled and that may hold a few anomalies.

Notes:
- A window's score is its worst line: the key's negative log-likelihood (nats) plus the line's severity, and, where
  windows are sessions, the distance of its key counts to the nearest normal ones.
- A key that was seen in training never counts as more surprising than one that was not: its likelihood is bounded by
  the add-one estimate of a key seen once. Without that bound a key seen once outranks every new message.
- A line's key is found from its digit-folded text where that is exact, and a window is scored once for every distinct
  sequence of keys and severities: live logs repeat themselves.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from logllm.decision.severity import severities
from logllm.hf_datasets import LogSystem
from logllm.hf_datasets.digit_folding import DigitFolding, fold_bytes

REMEMBERED_WINDOWS = 1 << 16
REMEMBERED_LINES = 1 << 15


class Scorer:
    """Keys of lines and scores of windows, with a bounded memory of both.

    Args:
        model: `LogLLaMAForNextKey`.
        processor: its processor.
        severity_weight: what the severities are multiplied with; 0 leaves them out.
    """

    def __init__(self, model: Any, processor: Any, severity_weight: float = 1.0):
        self.model, self.processor, self.severity_weight = model, processor, severity_weight
        tokenizer = processor.tokenizer
        self._ids: dict[str, int] = dict(tokenizer.get_vocab())
        self._begin, self._end, self.unseen = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id
        # A key that was added after training may stand for the unseen one.
        alias = getattr(model, "key_alias", None)
        self._alias = list(range(model.config.vocab_size)) if alias is None else alias.tolist()
        self._key = DigitFolding(processor.matcher.key, processor.template_table["drain"]["masks"])
        self._windows: OrderedDict[tuple[Any, ...], tuple[float, int]] = OrderedDict()
        self._lines: dict[tuple[bytes, int], tuple[int, float]] = {}  # folded raw line, length of its message

    def lines(
        self, raw: Sequence[str], contents: Sequence[str], system: LogSystem
    ) -> tuple[tuple[int, ...], list[float]]:
        """(`ids` of a window's messages, `severities` of its raw lines), both remembered by the raw line without its digits."""
        known, keys, nats = self._lines, [], []
        for line, content in zip(raw, contents):
            place = (fold_bytes(line.encode()), len(content)) if line.isascii() and line.endswith(content) else None
            found = known.get(place) if place else None
            if found is None:
                found = self._ids.get(self.key(content) or "", self.unseen), severities([line], [content], system)[0]
                if place and self._key.is_exact(content):
                    if len(known) >= REMEMBERED_LINES:
                        known.clear()
                    known[place] = found
            keys.append(found[0])
            nats.append(found[1])
        return (self._begin, *keys, *((self._end,) if self.processor.predict_end else ())), nats

    def key(self, content: str) -> str | None:
        """The log key of a message, None where no template matches."""
        return self._key(content)

    def ids(self, contents: Sequence[str]) -> tuple[int, ...]:
        """Begin, the keys' ids and, where the model predicts it, the end."""
        unseen, ids = self.unseen, self._ids
        keys = [ids.get(self.key(content) or "", unseen) for content in contents]
        return (self._begin, *keys, *((self._end,) if self.processor.predict_end else ()))

    def score(
        self, windows: Sequence[Sequence[str]], severities: Sequence[Sequence[float]] | None = None
    ) -> list[float]:
        """One score a window (nats), higher is more anomalous."""
        return [score for score, _ in self.score_ids([self.ids(window) for window in windows], severities)]

    def score_ids(
        self, sequences: Sequence[tuple[int, ...]], severities: Sequence[Sequence[float]] | None = None
    ) -> list[tuple[float, int]]:
        """Return (score, index of the line that carries it) for sequences of key ids."""
        weight = self.severity_weight if severities is not None else 0.0
        empty: tuple[float, ...] = ()
        questions = [
            (sequence, tuple(severities[i]) if weight and severities is not None else empty)
            for i, sequence in enumerate(sequences)
        ]
        new = [question for question in dict.fromkeys(questions) if question not in self._windows]
        fresh = {}
        if new:
            distinct = list(dict.fromkeys(sequence for sequence, _ in new))
            judged = dict(zip(distinct, self.model.judge(distinct)))
            distances = dict.fromkeys(distinct, 0.0)
            if self.model.config.score_by == "likelihood+counts":
                found, _ = self.model.count_distances(distinct)
                weight_of_counts, most = self.model.config.count_weight, 2 * self.model.config.unseen_score
                distances = {s: saturated(weight_of_counts * d, most) for s, d in zip(distinct, found.tolist())}
            for sequence, severity in new:
                nll = self.bounded(judged[sequence].nll.tolist(), sequence)
                for i, nats in enumerate(severity):
                    nll[i] += weight * nats
                worst = max(range(len(nll)), key=nll.__getitem__)
                lines = len(sequence) - 1 - self.processor.predict_end
                fresh[sequence, severity] = (nll[worst] + distances[sequence], min(worst, lines - 1))
        answers = [fresh[question] if question in fresh else self._windows[question] for question in questions]
        self._windows.update(fresh)
        while len(self._windows) > REMEMBERED_WINDOWS:
            self._windows.popitem(last=False)
        return answers

    def bounded(self, nll: list[float], sequence: Sequence[int]) -> list[float]:
        """Negative log-likelihoods with those of seen keys bounded below that of an unseen one."""
        bound = max(self.model.config.unseen_score - math.log(2), 0.0)
        alias = self._alias
        return [value if alias[key] == self.unseen else min(value, bound) for value, key in zip(nll, sequence[1:])]


def saturated(nats: float, most: float) -> float:
    """Nats that grow to `most` at the most: odd counts weigh no more than two messages never seen, however odd.

    >>> round(saturated(1.0, 20.0), 2), round(saturated(1000.0, 20.0), 2)
    (0.98, 20.0)
    """
    return most * -math.expm1(-nats / most)
