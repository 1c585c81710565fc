"""Our own detectors in the bench's shape: trained by `train_detector`, judged by their own scores.

Notes: Validation windows and the template table come with the split, not through `fit`; LogLLaMA reads keys as they
were mined, LogLLM message contents. LogLLaMA's decision rule of the paper stands in the result as `own_rule`:
the paper's top K.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CARD = ("config", "training")
DETECTORS = {
    "rank": "top K (paper)",
    "likelihood": "likelihood alone, default threshold",
    "counts": "counts alone, default threshold",
    "likelihood+counts": "likelihood + counts, default threshold",
}


class TrainedDetector:
    """LogLLM or LogLLaMA.

    Args:
        family: "logllm" or "logllama".
        split: of the bench: gives validation windows, template table and system.
        seed: of weights, order and dropout.
        preset: size and stages.
        settings: further ones of `train_detector`.
    """

    def __init__(self, family: str, split: Any, seed: int, preset: str = "tiny", **settings: Any):
        self.family, self.split, self.seed, self.preset, self.settings = family, split, seed, preset, settings

    def fit(self, windows: Sequence[Sequence[str]], labels: Sequence[int] | None = None) -> TrainedDetector:
        """Train all stages."""
        from logllm.hf_datasets import LogSystem
        from logllm.training.train import train_detector

        validation = self.split.validation
        provenance = {"dataset": self.split.facts["title"], "split_checksum": self.split.checksums["train"]}
        with tempfile.TemporaryDirectory() as folder:
            self.detector = train_detector(
                self.family, self._rows(windows, labels), self._rows(getattr(validation, self.column), validation.labels),
                self.split.table, LogSystem.from_dict(self.split.system), self.preset, folder, seed=self.seed,
                progress=False, provenance=provenance, **self.settings,
            )  # fmt: skip
            parts = {name: json.loads((Path(folder) / f"{name}.json").read_text("utf-8")) for name in CARD}
        self.card = parts  # what a model card is rendered from
        self.model, self.processor = self.detector.model, self.detector.processor
        self.parameters = sum(parameter.numel() for parameter in self.model.parameters())
        # LogLLM knows the share of anomalies that it was trained on, which moves the middle; LogLLaMA knows the counts of
        # validation windows by now, so that they would set too low a threshold.
        self.calibrated = self.detector.threshold, f"train_detector: {parts['training']['calibration']}"
        if self.family == "logllama":
            self.own_threshold = float(self.model.config.candidates - 1)
        return self

    @property
    def column(self) -> str:
        """What a window is made of."""
        return "lines" if self.family == "logllm" else "keys"

    def _rows(self, windows: Sequence[Sequence[str]], labels: Sequence[int] | None) -> Any:
        from datasets import Dataset

        rows = [list(window) for window in windows]
        other = [[""] * len(window) for window in windows]
        columns = {"lines": rows, "keys": other} if self.family == "logllm" else {"lines": other, "keys": rows}
        return Dataset.from_dict({**columns, "label": list(labels) if labels is not None else [0] * len(rows)})

    def score(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """Log-odds of "anomalous", or nats of surprise."""
        if self.family == "logllm":
            return self.detector.scores(windows)
        return self.model.score_ids([self.processor.ids_of_keys(list(window)) for window in windows])

    def own_scores(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """LogLLaMA: the worst rank of a key, which the paper's rule compares with K."""
        return self.model.detectors([self.processor.ids_of_keys(list(window)) for window in windows])["rank"]

    def others(self, windows: Sequence[Sequence[str]]) -> dict[str, tuple[list[float], float]]:
        """The same model by other rules: (scores, threshold) by name.

        LogLLaMA: its detectors one by one at their default thresholds. LogLLM: the paper's decision at log-odds 0.
        """
        if self.family == "logllm":
            return {"the more probable answer (paper)": (self.detector.scores(windows), 0.0)}
        scores = self.model.detectors([self.processor.ids_of_keys(list(window)) for window in windows])
        thresholds = self.card["training"]["thresholds"]
        return {title: (scores[name], thresholds[name]) for name, title in DETECTORS.items() if name in scores}

    def line_scores(self, windows: Sequence[Sequence[str]]) -> list[list[float]]:
        """LogLLM: what the score loses without the line. LogLLaMA: its key's surprise."""
        if self.family == "logllm":
            known: dict[tuple[str, ...], list[float]] = {}
            for window in windows:
                if tuple(window) not in known:
                    known[tuple(window)] = self.model.explain(list(window), self.processor, table=self.detector.table)
            return [known[tuple(window)] for window in windows]
        judged = self.model.judge([self.processor.ids_of_keys(list(window)) for window in windows])
        return [row.nll.tolist()[: len(window)] for row, window in zip(judged, windows)]
