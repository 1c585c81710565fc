"""The straight path, written once: raw line -> LogLine -> Window -> tensors -> score -> Verdict -> Evidence.

What is peculiar here:
- Raw lines are held only as long as a window that may still need them; windows are judged in bounded chunks.
- The threshold and the log's format come with the checkpoint; both can be overruled.
- A line that did not fit the format is judged like any other, as the message that it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from transformers import AutoConfig, AutoModel, AutoProcessor

from logllm.errors import CheckpointError
from logllm.explain import explain_logllama, explain_logllm
from logllm.hf_datasets import LogLine, LogSystem, Window, make_windows, parse_lines
from logllm.verdict import Evidence, Verdict

CHUNK_OF_WINDOWS = 2048
FAMILIES = ("logllm", "logllama")


@dataclass
class Counts:
    """What a scan went through."""

    lines: int = 0
    unparsed: int = 0
    windows: int = 0
    flagged: int = 0


class LogAnomalyDetector:
    """A trained model, its processor and the log system it reads.

    Args:
        model: `LogLLMForSequenceAnomaly` or `LogLLaMAForNextKey`.
        processor: its processor.
        system: how a raw log is read; by default the row that the checkpoint holds.
        threshold: overrules the checkpoint's.

    Call it on raw lines to get a `Verdict` a window:

    >>> detector = LogAnomalyDetector.from_pretrained("out/model")  # doctest: +SKIP
    >>> [verdict.window_id for verdict in detector(open("app.log")) if verdict.is_anomalous]  # doctest: +SKIP
    """

    def __init__(self, model: Any, processor: Any, system: LogSystem | None = None, threshold: float | None = None):
        if model.config.model_type not in FAMILIES:
            raise CheckpointError(
                f"a detector must be made of one of {', '.join(FAMILIES)}, found a model of type "
                f"{model.config.model_type!r}: give a checkpoint that `logllm train` wrote"
            )
        self.model, self.processor = model, processor
        if system is None:
            row = model.config.log_system
            if row is None:
                raise CheckpointError(
                    "the checkpoint must say how its log is read, found no log_system in config.json: pass `system=`"
                )
            system = LogSystem.from_dict(row)
        self.system = system
        self.threshold = model.config.threshold if threshold is None else threshold
        self.counts = Counts()

    @classmethod
    def from_pretrained(cls, path: str | Path, **kwargs: Any) -> LogAnomalyDetector:
        """Load a detector from a checkpoint folder or a Hub repository id; kwargs go to the constructor."""
        model, processor = load_checkpoint(path)
        return cls(model, processor, **kwargs)

    def save_pretrained(self, path: str | Path) -> None:
        """Write model, processor, code, format and threshold to a folder."""
        self.model.config.threshold = float(self.threshold)
        self.model.config.log_system = self.system.to_dict()
        self.model.save_pretrained(path)
        self.processor.save_pretrained(path)

    @property
    def family(self) -> str:
        """`"logllm"` or `"logllama"`."""
        return self.model.config.model_type

    def __call__(self, lines: Iterable[str]) -> Iterator[Verdict]:
        """Judge raw log lines; flagged windows come with evidence."""
        return self.scan(lines)

    def scan(
        self,
        lines: Iterable[str],
        explain: Literal["flagged", "all", "none"] = "flagged",
        session_labels: dict[str, int] | None = None,
    ) -> Iterator[Verdict]:
        """Judge raw log lines: one `Verdict` a window, in the order of the windows.

        Args:
            lines: raw lines, with or without their line ends.
            explain: which windows come with evidence.
            session_labels: true labels by session id, put into the verdicts.
        """
        if explain not in ("flagged", "all", "none"):
            raise ValueError(f"explain must be 'flagged', 'all' or 'none', found {explain!r}")
        self.counts = Counts()
        raw: dict[int, str] = {}
        parsed = self._remember(parse_lines((line.rstrip("\r\n") for line in lines), self.system), raw)
        windows = make_windows(parsed, self.system.window, session_labels)
        while chunk := list(islice(windows, CHUNK_OF_WINDOWS)):
            yield from self.judge(chunk, raw, explain)
            if self.system.window.kind != "session":  # later windows begin no earlier than the last of this chunk
                for number in [n for n in raw if n < chunk[-1].line_numbers[0]]:
                    del raw[number]

    def judge(
        self, windows: Sequence[Window], raw: dict[int, str] | None = None, explain: str = "none"
    ) -> Iterator[Verdict]:
        """Judge windows that are made already; `raw` holds their raw lines by number (else the contents are shown)."""
        raw = raw or {}
        for window, score in zip(windows, self.scores([window.lines for window in windows])):
            flagged = score > self.threshold
            self.counts.windows += 1
            self.counts.flagged += flagged
            shown = [raw.get(number, content) for number, content in zip(window.line_numbers, window.lines)]
            wanted = explain == "all" or (explain == "flagged" and flagged)
            yield Verdict(
                window_id=window.window_id,
                score=score,
                threshold=self.threshold,
                is_anomalous=flagged,
                lines=tuple(shown),
                line_numbers=tuple(window.line_numbers),
                evidence=self.evidence(window, shown, score) if wanted else (),
                label=window.label,
                first_timestamp=window.first_timestamp,
                last_timestamp=window.last_timestamp,
            )

    def explain(self, verdict: Verdict) -> Verdict:
        """Return a verdict with its evidence, found now if it has none."""
        if verdict.evidence:
            return verdict
        contents = [line.content for line in parse_lines(verdict.lines, self.system)]
        window = Window(verdict.window_id, contents, list(verdict.line_numbers), None, None, None, None)
        return replace(verdict, evidence=self.evidence(window, list(verdict.lines), verdict.score))

    def scores(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """Score windows of message contents; above `threshold` a window is called anomalous."""
        return self.model.score(windows, self.processor)

    def evidence(self, window: Window, raw: list[str], score: float) -> tuple[Evidence, ...]:
        """Say of each line of a window how suspicious it is, and why."""
        if self.family == "logllama":
            return explain_logllama(self.model, self.processor, window.lines, raw, window.line_numbers)
        return explain_logllm(self.model, self.processor, window.lines, raw, window.line_numbers, score)

    def _remember(self, lines: Iterable[LogLine], raw: dict[int, str]) -> Iterator[LogLine]:
        for line in lines:
            raw[line.number] = line.raw
            self.counts.lines += 1
            self.counts.unparsed += not line.parsed
            yield line


def load_checkpoint(path: str | Path, family: str | None = None) -> tuple[Any, Any]:
    """Load model and processor from a folder or a Hub repository id, or say what is wrong with it."""
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"a checkpoint must be a folder, found the file {folder}: give the folder it lies in")
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise CheckpointError(
            f"a checkpoint folder must hold config.json, found none in {folder}: give the folder that `logllm train` wrote"
        )
    if not folder.exists() and (folder.is_absolute() or str(path).startswith(".") or str(path).count("/") != 1):
        raise CheckpointError(f"a checkpoint must be a folder or a Hub id OWNER/NAME, found nothing at {path}")
    try:
        import logllm.modeling_logllm  # noqa: F401  registers both families with the Auto classes

        config = AutoConfig.from_pretrained(path)
        if config.model_type not in FAMILIES or (family is not None and config.model_type != family):
            wanted = family or " or ".join(FAMILIES)
            raise CheckpointError(f"the checkpoint must be of type {wanted}, found {config.model_type!r} in {path}")
        processor = AutoProcessor.from_pretrained(path)
        model, report = AutoModel.from_pretrained(path, output_loading_info=True)
    except CheckpointError:
        raise
    except Exception as error:
        sentence = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"a checkpoint must be whole, found one in {path} that cannot be loaded ({sentence[:300]}): "
            "copy the folder again or train anew"
        ) from error
    if report.get("missing_keys"):
        missing = sorted(report["missing_keys"])
        raise CheckpointError(
            f"a checkpoint must hold every weight, found {len(missing)} missing in {path}, the first {missing[0]}: "
            "copy the folder again or train anew"
        )
    try:
        processor.check(model.config)
    except (ValueError, AttributeError) as error:
        raise CheckpointError(f"{error} (in {path})") from error
    return model.eval(), processor
