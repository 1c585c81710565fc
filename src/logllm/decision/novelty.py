"""LogLLaMA's novelty beside LogLLM's log-odds: labels where there are some, novelty where there are none.

Both are in nats above a threshold of their own, and the higher of the two is a window's score:

    score = max(log-odds of the known messages - supervised_threshold, novelty of the window - threshold)

- LogLLaMA learns from the normal windows. A message of a kind that only anomalous windows had is new to it, so the
  labelled anomalies are honest examples of novelty, and its threshold can be set on them.
- LogLLM reads a window without the messages that none of its training windows had: of them it can only guess, and they
  are what novelty is for. Where no message is left it reads them all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from logllm.checkpoint import load_checkpoint
from logllm.decision.severity import severities
from logllm.decision.window_scores import Scorer
from logllm.errors import CheckpointError
from logllm.hf_datasets import LogSystem

NOVELTY_FOLDER = "novelty"
SETTINGS = "novelty.json"


@dataclass
class NoveltySettings:
    """What joins the two detectors; `novelty/novelty.json` in a checkpoint.

    Args:
        threshold: of novelty, in nats.
        supervised_threshold: of LogLLM's log-odds.
        severity_weight: what the severities of lines are multiplied with.
    """

    threshold: float
    supervised_threshold: float
    severity_weight: float = 1.0


class Novelty:
    """A LogLLaMA that learnt from normal windows, beside a LogLLM.

    Args:
        model: `LogLLaMAForNextKey`; keys that no normal window had stand for the unseen key.
        processor: its processor, with the templates of all training windows.
        settings: thresholds and weight.
    """

    def __init__(self, model: Any, processor: Any, settings: NoveltySettings):
        self.model, self.processor, self.settings = model, processor, settings
        self.scorer = Scorer(model, processor, settings.severity_weight)

    def scores(self, windows: Sequence[Sequence[str]], raw: Sequence[Sequence[str]], system: LogSystem) -> list[float]:
        """Novelty of each window (nats): the worst of its lines, by likelihood and severity.

        Args:
            windows: message contents.
            raw: the raw lines of the same messages; empty strings where they are not at hand.
            system: how the log is read.
        """
        grave = [severities(lines, contents, system) for lines, contents in zip(raw, windows)]
        return self.scorer.score(windows, grave)

    def known(self, window: Sequence[str]) -> list[bool]:
        """Whether training had a message of this kind, in normal or in anomalous windows."""
        return [self.scorer.key(content) is not None for content in window]

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
        (folder / SETTINGS).write_text(json.dumps(asdict(self.settings), indent=1) + "\n", "utf-8")

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
            settings = NoveltySettings(**json.loads((folder / SETTINGS).read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise CheckpointError(
                f"{folder / SETTINGS} must be what `logllm fit --with both` wrote, found {error}: fit again"
            ) from error
        model, processor = load_checkpoint(folder, "logllama")
        return cls(model, processor, settings)
