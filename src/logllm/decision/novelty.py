"""LogLLaMA's novelty beside LogLLM's log-odds: labels where there are some, novelty where there are none.

Both are in nats above a threshold of their own, and the higher of the two is a window's score:

    score = max(log-odds of the known messages - supervised_threshold, novelty of the window - threshold)

- LogLLaMA learns from the normal windows. A message of a kind that only anomalous windows had is new to it, so the
  labelled anomalies are honest examples of novelty, and its threshold can be set on them.
- LogLLM reads a window without the messages that none of its training windows had: of them it can only guess, and they
  are what novelty is for. Where no message is left it reads them all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from logllm.checkpoint import load_checkpoint
from logllm.decision.severity import severities
from logllm.decision.window_scores import Scorer
from logllm.errors import CheckpointError
from logllm.hf_datasets import LogSystem
from logllm.modeling_logllm.masking import mask_message

NOVELTY_FOLDER = "novelty"
SETTINGS = "novelty.json"
KINDS = ("template", "text")


@dataclass
class NoveltySettings:
    """What joins the two detectors; `novelty/novelty.json` in a checkpoint.

    Args:
        threshold: of novelty, in nats.
        supervised_threshold: of LogLLM's log-odds.
        severity_weight: what the severities of lines are multiplied with.
        kinds: what makes a message new: no "template" matches it, or its masked "text" is another.
        order: whether known messages in an unusual order or number count, or new messages alone.
    """

    threshold: float = 0.0
    supervised_threshold: float = 0.0
    severity_weight: float = 1.0
    kinds: str = "template"
    order: bool = True


class Novelty:
    """A LogLLaMA that learnt from normal windows, beside a LogLLM.

    Args:
        model: `LogLLaMAForNextKey`; keys that no normal window had stand for the unseen key.
        processor: its processor, with the templates of all training windows.
        settings: thresholds and weight.
        normal_texts: digests (`text_digest`) of the messages of normal windows.
        anomalous_texts: of those that anomalous training windows had besides.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        settings: NoveltySettings,
        normal_texts: Collection[str] = (),
        anomalous_texts: Collection[str] = (),
    ):
        self.model, self.processor, self.settings = model, processor, settings
        self.normal_texts, self.anomalous_texts = frozenset(normal_texts), frozenset(anomalous_texts)
        self.scorer = Scorer(model, processor, settings.severity_weight)
        self._new = {i for i, stands_for in enumerate(model.key_alias.tolist()) if stands_for == self.scorer.unseen}

    def accept(self, windows: Iterable[Sequence[str]]) -> None:
        """Take every message of these windows as normal from here on, whether or not the model learnt its kind."""
        self.normal_texts |= {text_digest(content) for window in windows for content in window}

    def new(self, window: Sequence[str]) -> list[bool]:
        """Whether no normal window had a message of this kind."""
        kept = [text_digest(content) in self.normal_texts for content in window]
        if self.settings.kinds == "text":
            return [not was_normal for was_normal in kept]
        keys = self.scorer.ids(window)[1:]
        return [key in self._new and not was_normal for key, was_normal in zip(keys, kept)]

    def scores(self, windows: Sequence[Sequence[str]], raw: Sequence[Sequence[str]], system: LogSystem) -> list[float]:
        """Novelty of each window (nats): the worst of its lines, by likelihood and severity.

        Args:
            windows: message contents.
            raw: the raw lines of the same messages; empty strings where they are not at hand.
            system: how the log is read.
        """
        severity = [severities(lines, contents, system) for lines, contents in zip(raw, windows)]
        news = [self.new(window) for window in windows]
        if not self.settings.order:
            return [
                max((score for score, is_new in zip(self.of_new(nats), new) if is_new), default=0.0)
                for nats, new in zip(severity, news)
            ]
        self.scorer.severity_weight = self.settings.severity_weight
        sequences, weighed = [], []
        for window, new, nats in zip(windows, news, severity):
            begin, *ids = self.scorer.ids(window)
            # New messages are the unseen key; those that the model does not know and that were accepted are passed over.
            kept = [i for i, is_new in enumerate(new) if is_new or ids[i] not in self._new]
            keys = [self.scorer.unseen if new[i] else ids[i] for i in kept]
            sequences.append((begin, *keys, *ids[len(window) :]))
            weighed.append([nats[i] for i in kept])
        scored = [i for i, sequence in enumerate(sequences) if len(sequence) > 1]
        found = self.scorer.score_ids([sequences[i] for i in scored], [weighed[i] for i in scored])
        scores = dict(zip(scored, (score for score, _ in found)))
        return [scores.get(i, 0.0) for i in range(len(windows))]

    def of_new(self, severity: Sequence[float]) -> list[float]:
        """Novelty (nats) of lines that are new, from the severity of each."""
        return [self.model.config.unseen_score + self.settings.severity_weight * nats for nats in severity]

    def known(self, window: Sequence[str]) -> list[bool]:
        """Whether training had a message of this kind, in normal or in anomalous windows."""
        if self.settings.kinds == "template":
            return [self.scorer.key(content) is not None for content in window]
        return [digest in self.normal_texts or digest in self.anomalous_texts for digest in map(text_digest, window)]

    def readable(self, window: Sequence[str]) -> list[str]:
        """The messages that LogLLM is asked about: those of known kinds, or all where none is known."""
        known = [content for content, is_known in zip(window, self.known(window)) if is_known]
        return known or list(window)

    def joined(self, log_odds: Sequence[float], novelty: Sequence[float]) -> list[float]:
        """One score a window: nats above the threshold of the detector that is further above its own."""
        return [
            max(one - self.settings.supervised_threshold, other - self.settings.threshold)
            for one, other in zip(log_odds, novelty)
        ]

    def save(self, folder: Path) -> None:
        """Write model, processor and settings into a folder."""
        self.model.save_pretrained(folder)
        self.processor.save_pretrained(folder)
        texts = {"normal_texts": sorted(self.normal_texts), "anomalous_texts": sorted(self.anomalous_texts)}
        kept = {"settings": asdict(self.settings), **texts}
        (folder / SETTINGS).write_text(json.dumps(kept, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, checkpoint: str | Path) -> Novelty | None:
        """Read the novelty part of a checkpoint folder; None where it has none.

        Raises:
            CheckpointError: the part is there and is not whole.
        """
        folder = Path(checkpoint) / NOVELTY_FOLDER
        if not folder.is_dir():
            return None
        try:
            kept = json.loads((folder / SETTINGS).read_text("utf-8"))
            settings = NoveltySettings(**kept.pop("settings"))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise CheckpointError(
                f"{folder / SETTINGS} must be what `logllm fit --with both` wrote, found {error!r}: fit again"
            ) from error
        model, processor = load_checkpoint(folder, "logllama")
        return cls(model, processor, settings, **kept)


@lru_cache(maxsize=1 << 16)
def text_digest(content: str) -> str:
    """Sixteen hexadecimal digits of a masked message."""
    return hashlib.blake2b(mask_message(content).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
