"""The public detector: fit, load, score, explain, watch, save and publish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from logllm.decision.detector import Counts, Detector
from logllm.fitting.fit import fit
from logllm.frames import is_frame, lines_of, with_verdicts
from logllm.hf_datasets import LogSystem
from logllm.hub.push import push_model
from logllm.watch.start import watch_lines

__all__ = ["Counts", "LogAnomalyDetector"]


class LogAnomalyDetector(Detector):
    """A trained model, its processor and the log system it reads; arguments as of `Detector`.

    Call it on raw lines to get a `Verdict` a window.

    Examples:
        >>> detector = LogAnomalyDetector.from_pretrained("out/model")  # doctest: +SKIP
        >>> [verdict.window_id for verdict in detector(open("app.log")) if verdict.is_anomalous]  # doctest: +SKIP
    """

    @classmethod
    def fit(cls, lines: Any, system: LogSystem | str | None = None, **settings: Any) -> Self:
        """Learn what is normal from unlabelled raw lines (an iterable, a series, or a frame with a column of them).

        `settings` are `alarms_per_day`, `idle`, `severity_weight`, `clean`, `seed`, `max_steps`, `progress` and `column`.
        """
        found = fit(lines_of(lines, settings.pop("column", None)), system=system, **settings).detector
        return cls(found.model, found.processor, found.system, found.threshold, found.calibration, found.novelty)

    def predict(self, lines: Any, column: str | None = None) -> Any:
        """Judge raw lines: a list of verdicts, or for a pandas or polars frame the frame with verdict columns."""
        rows = lines_of(lines, column)
        verdicts = list(self.scan(rows))
        return with_verdicts(lines, verdicts, len(rows)) if is_frame(lines) else verdicts

    def watch(self, stream: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Judge lines as they come, as `logllm watch` does: alerts as plain JSON values.

        A detector that `logllm fit` wrote judges events (the rates and silences among them by the log's own times) and
        windows; one that `fit` of this class made has seen no events and judges windows alone, when they close.
        """
        return watch_lines(self, stream)

    def push_to_hub(self, repo_id: str, **kwargs: Any) -> str:
        """Publish model, processor, pipeline and code together; returns the address. kwargs go to `push_model`."""
        with TemporaryDirectory() as folder:
            self.save_pretrained(Path(folder))
            return push_model(folder, repo_id, **kwargs)
