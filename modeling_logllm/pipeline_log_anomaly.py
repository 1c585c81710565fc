"""The transformers pipeline "log-anomaly-detection" for both families: windows in, label, score and the lines out.

Notes:
- An item is a dict `{"lines": [...]}`: of a bare list the pipeline could not tell a window from a batch of windows.
- A batch goes to the model's own `score`, which encodes distinct messages and scores distinct windows once; there is no
  padding and no collating here, and `batch_size` is how many windows are held at a time.
- Evidence is one number a line: for LogLLM the share of the score, for LogLLaMA the negative log-likelihood (nats).
"""

import json
import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from transformers import Pipeline
from transformers.dynamic_module_utils import custom_object_save

from .batching import check_window

TASK = "log-anomaly-detection"
CUSTOM_PIPELINES = {
    TASK: {"impl": "pipeline_log_anomaly.LogAnomalyPipeline", "pt": ["AutoModel"], "type": "text"},
}
LABELS = ("normal", "anomalous")
EVIDENCE = ("flagged", "all", "none")


class LogAnomalyPipeline(Pipeline):
    """Judge windows of log messages.

    >>> pipe = pipeline("log-anomaly-detection", model="out/model", trust_remote_code=True)  # doctest: +SKIP
    >>> pipe({"lines": ["Receiving block blk_1", "Exception in receiveBlock for block blk_1"]})  # doctest: +SKIP
    {"label": "anomalous", "score": 4.1, "threshold": 0.0, "evidence": [{"line": 1, "text": ..., "score": ...}, ...]}

    Call arguments: `threshold` overrules the checkpoint's; `evidence` is "flagged" (default), "all" or "none";
    `method` is LogLLM's way of finding it, "leave_one_out" or "gradient"; `batch_size` as everywhere.
    """

    _load_processor = True
    _load_tokenizer = False
    _load_image_processor = False
    _load_feature_extractor = False

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Judge a window (a dict with `lines`), a list of them, or any iterable, which gives an iterator."""
        batch_size = kwargs.pop("batch_size", None) or self._batch_size or 256
        kwargs.pop("num_workers", None)
        options = {**self._forward_params, **self._sanitize_parameters(**kwargs)[1]}
        if isinstance(inputs, Mapping):
            return self._judge([inputs], options)[0]
        if isinstance(inputs, str):
            raise ValueError(_wrong_item(inputs))
        found = self._stream(inputs, batch_size, options)
        return list(found) if isinstance(inputs, (list, tuple)) else found

    def save_pretrained(self, save_directory: str | os.PathLike, **kwargs: Any) -> None:
        """Write model, processor with all its tokenizers, and the pipeline's code to a folder."""
        super().save_pretrained(save_directory, **kwargs)
        self.processor.save_pretrained(save_directory)

    def _stream(self, items: Any, batch_size: int, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
        iterator = iter(items)
        while batch := list(islice(iterator, batch_size)):
            yield from self._judge(batch, options)

    def _sanitize_parameters(
        self, threshold: float | None = None, evidence: str | None = None, method: str | None = None, **kwargs: Any
    ) -> tuple[dict, dict, dict]:
        if kwargs:
            raise ValueError(
                f"arguments must be among threshold, evidence, method and batch_size, found {sorted(kwargs)}"
            )
        if evidence is not None and evidence not in EVIDENCE:
            raise ValueError(f"evidence must be one of {', '.join(EVIDENCE)}, found {evidence!r}")
        given = {"threshold": threshold, "evidence": evidence, "method": method}
        return {}, {name: value for name, value in given.items() if value is not None}, {}

    def _judge(self, items: list[Any], options: dict[str, Any]) -> list[dict[str, Any]]:
        return self.postprocess(self._forward(self.preprocess(items), **options))

    def preprocess(self, items: Any) -> dict[str, Any]:
        """Take the windows out of the items."""
        for item in items:
            if not isinstance(item, Mapping) or "lines" not in item:
                raise ValueError(_wrong_item(item))
        return {"windows": [check_window(item["lines"]) for item in items]}

    def _forward(
        self,
        inputs: dict[str, Any],
        threshold: float | None = None,
        evidence: str = "flagged",
        method: str = "leave_one_out",
    ) -> dict[str, Any]:
        windows = inputs["windows"]
        limit = self.model.config.threshold if threshold is None else threshold
        logllm = self.model.config.model_type == "logllm"
        table = {"table": self.model.message_table(self.processor)} if logllm else {}
        scores = self.model.score(windows, self.processor, **table)
        shares: list[list[float] | None] = []
        for window, score in zip(windows, scores):
            if evidence == "none" or (evidence == "flagged" and score <= limit):
                shares.append(None)
            elif logllm:
                shares.append(self.model.explain(window, self.processor, method=method, **table))
            else:
                nll = self.model.judge([self.processor.token_ids(window)])[0].nll.tolist()
                shares.append(nll[: len(window)])
        return {"windows": windows, "scores": scores, "threshold": limit, "shares": shares}

    def postprocess(self, outputs: dict[str, Any]) -> list[dict[str, Any]]:
        """Make one plain dict a window; the lines of its evidence are numbered from 0."""
        results = []
        for window, score, shares in zip(outputs["windows"], outputs["scores"], outputs["shares"]):
            flagged = score > outputs["threshold"]
            result: dict[str, Any] = {
                "label": LABELS[flagged], "score": score, "threshold": outputs["threshold"]
            }  # fmt: skip
            if shares is not None:
                result["evidence"] = [
                    {"line": i, "text": text, "score": share} for i, (text, share) in enumerate(zip(window, shares))
                ]
            results.append(result)
        return results


def add_pipeline(folder: str | Path) -> None:
    """Put the pipeline's code into a saved checkpoint and name it in its config.json (where it is not there already)."""
    file = Path(folder) / "config.json"
    config = json.loads(file.read_text("utf-8"))
    custom_object_save(LogAnomalyPipeline, os.fspath(folder))
    if config.get("custom_pipelines") != CUSTOM_PIPELINES:
        config["custom_pipelines"] = CUSTOM_PIPELINES
        file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")


def _wrong_item(item: Any) -> str:
    return (
        f'an item must be a dict {{"lines": [...]}} with the messages of one window, found {type(item).__name__} '
        f"{item!r:.60}: wrap the lines in a dict"
    )
