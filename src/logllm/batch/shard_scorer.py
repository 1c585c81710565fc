"""Scores the windows of one shard with one loaded checkpoint."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from logllm.batch.shards import Shard, read_rows, write_result
from logllm.errors import LogllmError

CHUNK_OF_WINDOWS = 2048


class ShardScorer:
    """Scores shards with one model, which is loaded once; what a worker of any engine is.

    Args:
        dataset: folder or address that the shards were planned from.
        model: checkpoint folder or Hub id.
        out: folder or address of the results.
        threads: threads of a processor; more than one may change the last bits of a score.
    """

    def __init__(self, dataset: str, model: str, out: str, threads: int = 1):
        import torch

        from logllm.decision.detector import Detector

        torch.set_num_threads(threads)
        self.dataset, self.out = dataset, out
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        self.detector = Detector.from_pretrained(model)
        if torch.cuda.is_available() and not getattr(self.detector.model, "is_quantized", False):
            self.detector.model.cuda()

    def __call__(self, shard: Shard) -> dict[str, Any]:
        """Score and write one shard; returns the facts of `shards.write_result`, and when it `began` and `ended`."""
        began = time.time()
        ids: list[Any] = []
        labels: list[Any] = []

        def windows() -> Iterator[list[str]]:
            for rows in read_rows(self.dataset, shard):
                ids.extend(rows["window_id"])
                labels.extend(rows["label"])
                yield from rows["lines"]

        scores = self.scores(windows())
        if len(scores) != shard.rows:
            raise LogllmError(
                f"a shard must have {shard.rows} windows, found {len(scores)} in {shard.file}: plan anew"
            )
        flags = [score > self.detector.threshold for score in scores]
        columns = {"window_id": ids, "label": labels, "score": scores, "is_anomalous": flags}
        return {**write_result(self.out, shard, columns), "began": began, "ended": time.time()}

    def scores(self, windows: Iterator[list[str]]) -> list[float]:
        """One score a window, with tables that begin empty, so that the company of other shards leaves no trace."""
        loaded = self.detector
        fresh = type(loaded)(
            loaded.model, loaded.processor, loaded.system, loaded.threshold, loaded.calibration, loaded.novelty
        )
        scores: list[float] = []
        while chunk := list(islice(windows, CHUNK_OF_WINDOWS)):
            scores += fresh.scores(chunk)
        return scores
