"""The straight path, written once: raw line -> LogLine -> Window -> tensors -> score -> Verdict -> Evidence.

Notes:
- Raw lines are held only as long as a window that may still need them; windows are judged in bounded chunks.
- The threshold and the log's format come with the checkpoint; both can be overruled.
- A line that did not fit the format is judged like any other, as the message that it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from logllm.checkpoint import FAMILIES, load_checkpoint, taking_its_place
from logllm.decision.calibration import Calibration
from logllm.decision.explain import explain_both, explain_logllama, explain_logllm
from logllm.decision.novelty import NOVELTY_FOLDER, Novelty
from logllm.decision.severity import severities
from logllm.decision.window_scores import Scorer
from logllm.errors import CheckpointError, LogllmError
from logllm.hf_datasets import LogLine, LogSystem, Window, make_windows, parse_lines
from logllm.hf_datasets.live_windows import as_window, live_windows
from logllm.hf_datasets.systems.user_systems import checked_row
from logllm.hub.download import local_folder
from logllm.modeling_logllm import add_pipeline
from logllm.signals.baseline import Baseline
from logllm.verdict import Evidence, Verdict

CHUNK_OF_WINDOWS = 2048


@dataclass
class Counts:
    """What a scan went through."""

    lines: int = 0
    unparsed: int = 0
    windows: int = 0
    flagged: int = 0
    windowed_lines: int = 0  # lines of the windows, those of several windows counted in each
    unseen: int = 0  # of these, lines that no template matches (calibrated LogLLaMA only)


class WindowScore(NamedTuple):
    """A window's score, and how many of its lines no template matches (counted by a calibrated LogLLaMA only)."""

    score: float
    unseen: int = 0


class Detector:
    """A trained model, its processor and the log system it reads; `LogAnomalyDetector` adds `fit`, `watch` and `predict`.

    Args:
        model: `LogLLMForSequenceAnomaly` or `LogLLaMAForNextKey`.
        processor: its processor.
        system: how a raw log is read; by default the row that the checkpoint holds.
        threshold: overrules the checkpoint's.
        calibration: what `logllm fit` learnt of the log besides; with it lines are weighed by their severity, and
            sessions close when they are idle.
        baseline: what `logllm fit` learnt of the log's events; `watch` then judges events as well as windows.
        novelty: a LogLLaMA beside a LogLLM; the score is then in nats above the threshold of either (decision/novelty.py).

    Calling it is `scan`.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        system: LogSystem | None = None,
        threshold: float | None = None,
        calibration: Calibration | None = None,
        novelty: Novelty | None = None,
        baseline: Baseline | None = None,
    ):
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
            system = checked_row(row)
        self.system = system
        self.threshold = model.config.threshold if threshold is None else threshold
        self.counts = Counts()
        self.calibration, self.novelty, self.baseline = calibration, novelty, baseline
        self._scorer: Scorer | None = None
        self._table: Any = None  # of soft tokens, LogLLM

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        subfolder: str = "",
        dtype: Any = None,
        device: Any = None,
        device_map: Any = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Load a detector from a checkpoint folder or a Hub repository.

        Args:
            path: folder, OWNER/NAME or OWNER/NAME@REVISION.
            revision: branch, tag or commit of a repository.
            token: of the Hub; by default the one that `hf auth login` kept.
            subfolder: folder inside it that holds the checkpoint.
            dtype: "bfloat16", "float16", "float32" or a torch dtype; by default the checkpoint's.
            device: where to put the model, such as "cuda:0".
            device_map: or how to spread it, such as "auto"; what does not fit is offloaded.
            quantization_config: how to quantise it while it is loaded.
            kwargs: of the constructor (`system`, `threshold`, `calibration`).

        Raises:
            CheckpointError: it is not there, not whole, of another kind, or cannot be loaded as asked.
        """
        folder = local_folder(path, revision=revision, token=token, subfolder=subfolder)
        model, processor = load_checkpoint(
            folder, dtype=dtype, device=device, device_map=device_map, quantization_config=quantization_config
        )
        parts = {
            "calibration": Calibration.load(folder),
            "novelty": Novelty.load(folder),
            "baseline": Baseline.load(folder),
        }
        return cls(model, processor, **{**parts, **kwargs})

    def save_pretrained(self, path: str | Path) -> None:
        """Write model, processor, code, format and threshold to a folder; what was there stays until all is on the disk.

        Raises:
            LogllmError: the disk is full; the folder is as it was.
        """
        self.model.config.threshold = float(self.threshold)
        self.model.config.log_system = self.system.to_dict()
        with taking_its_place(Path(path)) as fresh:
            self.model.save_pretrained(fresh)
            self.processor.save_pretrained(fresh)
            add_pipeline(fresh)
            if self.calibration is not None:
                self.calibration.save(fresh)
            if self.novelty is not None:
                self.novelty.save(fresh / NOVELTY_FOLDER)
            if self.baseline is not None:
                self.baseline.save(fresh)

    @property
    def scorer(self) -> Scorer:
        """Scores of a next-key model with severities, as `logllm fit` calibrated them."""
        if self._scorer is None:
            weight = self.calibration.severity_weight if self.calibration else 0.0
            self._scorer = Scorer(self.model, self.processor, weight)
        return self._scorer

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
        if isinstance(lines, (str, bytes)):
            raise LogllmError(
                f"lines must be an iterable of lines, found one string {lines[:60]!r}: use text.splitlines(), or an open file"
            )
        self.counts = Counts()
        raw: dict[int, str] = {}
        stripped = (line.rstrip("\r\n") for line in lines)
        if self.calibration is not None:
            yield from self._scan_live(stripped, explain, session_labels)
            return
        parsed = self._remember(parse_lines(stripped, self.system), raw)
        windows = make_windows(parsed, self.system.window, session_labels)
        while chunk := list(islice(windows, CHUNK_OF_WINDOWS)):
            yield from self.judge(chunk, raw, explain)
            if self.system.window.kind != "session":  # later windows begin no earlier than the last of this chunk
                for number in [n for n in raw if n < chunk[-1].line_numbers[0]]:
                    del raw[number]

    def _scan_live(
        self, lines: Iterable[str], explain: str, session_labels: dict[str, int] | None
    ) -> Iterator[Verdict]:
        """Windows as `logllm fit` and `logllm watch` cut them, in the order in which they close."""
        assert self.calibration is not None
        parsed = self._remember(parse_lines(lines, self.system), None)
        opened = live_windows(parsed, self.system, self.calibration.idle_seconds)
        while chunk := list(islice(opened, CHUNK_OF_WINDOWS)):
            raw = {line.number: line.raw for window in chunk for line in window.members}
            yield from self.judge([as_window(window, session_labels) for window in chunk], raw, explain)

    def judge(
        self, windows: Sequence[Window], raw: dict[int, str] | None = None, explain: str = "none"
    ) -> Iterator[Verdict]:
        """Judge windows that are made already; `raw` holds their raw lines by number (else the contents are shown)."""
        raw = raw or {}
        lines = [[raw.get(number, "") for number in window.line_numbers] for window in windows]
        for window, (score, unseen) in zip(windows, self.scored([window.lines for window in windows], lines)):
            flagged = score > self.threshold
            self.counts.windowed_lines += len(window.lines)
            self.counts.unseen += unseen
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

    def scores(self, windows: Sequence[Sequence[str]], raw: Sequence[Sequence[str]] | None = None) -> list[float]:
        """Score windows of message contents; above `threshold` a window is called anomalous. See `scored`."""
        return [one.score for one in self.scored(windows, raw)]

    def scored(
        self, windows: Sequence[Sequence[str]], raw: Sequence[Sequence[str]] | None = None
    ) -> list[WindowScore]:
        """Score windows of message contents, the way that every caller goes.

        Args:
            windows: the messages of each window.
            raw: their raw lines, whose headers name the level: a calibrated LogLLaMA, and novelty, weigh lines by it. Without
                them severe words are looked for in the messages alone.
        """
        raw = raw if raw is not None else [[""] * len(window) for window in windows]
        if self.novelty is not None:
            readable = [self.novelty.readable(window) for window in windows]
            log_odds = self.model.score(readable, self.processor, table=self.table)
            joined = self.novelty.joined(log_odds, self.novelty.scores(windows, raw, self.system))
            return [WindowScore(score) for score in joined]
        if self.family == "logllm":
            return [WindowScore(score) for score in self.model.score(windows, self.processor, table=self.table)]
        if self.calibration is None:
            return [WindowScore(score) for score in self.model.score(windows, self.processor)]
        read = [self.scorer.lines(lines, contents, self.system) for lines, contents in zip(raw, windows)]
        sequences = [ids for ids, _ in read]
        found = self.scorer.score_ids(sequences, [nats for _, nats in read])
        return [WindowScore(score, ids.count(self.scorer.unseen)) for (score, _), ids in zip(found, sequences)]

    @property
    def table(self) -> Any:
        """LogLLM's soft tokens of the messages seen so far, with their `hit_rate`; emptied when it is full."""
        if self._table is None:
            self._table = self.model.message_table(self.processor)
        return self._table

    def evidence(self, window: Window, raw: list[str], score: float) -> tuple[Evidence, ...]:
        """Say of each line of a window how suspicious it is, and why."""
        if self.novelty is not None:
            return explain_both(self.model, self.processor, self.novelty, window, raw, self.system, self.table)
        if self.family == "logllama":
            severity = None
            if self.calibration is not None:
                weight = self.calibration.severity_weight
                severity = [weight * nats for nats in severities(raw, window.lines, self.system)]
            return explain_logllama(self.model, self.processor, window.lines, raw, window.line_numbers, severity)
        return explain_logllm(self.model, self.processor, window.lines, raw, window.line_numbers, score, self.table)

    def _remember(self, lines: Iterable[LogLine], raw: dict[int, str] | None) -> Iterator[LogLine]:
        for line in lines:
            if raw is not None:
                raw[line.number] = line.raw
            self.counts.lines += 1
            self.counts.unparsed += not line.parsed
            yield line
