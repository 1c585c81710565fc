"""Puts a watcher together from names: model, state, sink, metrics, source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logllm.errors import LogllmError
from logllm.hf_datasets.reading.collectors import Unwrapper
from logllm.redaction import TOKEN_VARIABLE
from logllm.signals.baseline import Baseline
from logllm.signals.stream import COOLDOWN, StreamJudge
from logllm.suppressions import Suppressions
from logllm.watch.collected import Collector
from logllm.watch.events import EventJudge
from logllm.watch.metrics import Metrics
from logllm.watch.sinks import open_sink
from logllm.watch.sources import FileFollower, Position, StandardInput
from logllm.watch.state import StateFile
from logllm.watch.watcher import Watcher

if TYPE_CHECKING:  # to watch without a model loads no model library
    from logllm.decision.detector import Detector


def start_watcher(
    log: str,
    model: Path | Detector,
    *,
    state: Path | None = None,
    alerts: str | None = None,
    metrics_port: int | None = None,
    metrics_address: str = "127.0.0.1",
    metrics_token: str | None = None,
    suppressions: Path | Sequence[Path] | None = None,
    unwrap: Unwrapper | None = None,
    silence: float = 60.0,
    cooldown: float = COOLDOWN,
    say: Callable[[str], None] = lambda text: None,
) -> Watcher:
    """A watcher that is ready to `run`; see the options of `logllm watch`. `model` may be a detector that is loaded."""
    if log != "-" and Path(log).is_dir():
        raise LogllmError(f"the log must be a file or -, found the folder {log}: name a file in it")
    sink = open_sink(alerts)
    detector, baseline = _loaded(model) if isinstance(model, str | Path) else (model, model.baseline)
    calibration = detector.calibration if detector is not None else None
    lineage = calibration.lineage if calibration else baseline.lineage if baseline is not None else str(model)
    kept = StateFile(state, lineage) if state is not None else None
    system = detector.system if detector is not None else None
    listed = Suppressions(suppressions, system) if suppressions is not None else None
    metrics = Metrics() if metrics_port is not None else None
    unwrap = unwrap or Unwrapper()
    events = _events(detector, baseline, unwrap, listed, metrics, cooldown)
    watcher = Watcher(detector, None, sink, kept, listed, metrics, unwrap, silence, say, events)
    position = watcher.resume()
    encoding = system.encoding if system is not None else "utf-8"
    watcher.begin(StandardInput(encoding) if log == "-" else FileFollower(Path(log), encoding, position))
    if metrics is not None and metrics_port is not None:
        server = metrics.serve(metrics_port, metrics_address, watcher.healthy, metrics_token)
        say(f"metrics on http://{metrics_address}:{server.port}/metrics")
        if metrics_token is None and metrics_address not in ("127.0.0.1", "::1", "localhost"):
            say(f"whoever reaches {metrics_address} can read the metrics: set {TOKEN_VARIABLE} to ask for a token")
    say(_in_words(log, detector, baseline))
    return watcher


def _events(
    detector: Detector | None,
    baseline: Baseline | None,
    unwrap: Unwrapper,
    listed: Suppressions | None = None,
    metrics: Metrics | None = None,
    cooldown: float = COOLDOWN,
) -> EventJudge | None:
    """What judges events; None without a baseline."""
    if baseline is None:
        return None
    order = detector is None or detector.family != "logllama"
    return EventJudge(baseline, Collector(unwrap, baseline.json_log), listed, metrics, order=order, cooldown=cooldown)


def _loaded(model: str | Path) -> tuple[Detector | None, Baseline | None]:
    """(detector, baseline) of what `logllm fit` wrote; a folder may hold either or both."""
    folder = Path(model)
    if not folder.exists():  # a repository of the Hub
        from logllm.hub.download import local_folder

        folder = local_folder(model)
    baseline = Baseline.load(folder)
    if baseline is not None and not (folder / "config.json").exists():
        return None, baseline
    from logllm.decision.detector import Detector

    detector = Detector.from_pretrained(folder)
    return detector, detector.baseline


def _in_words(log: str, detector: Detector | None, baseline: Baseline | None) -> str:
    parts = []
    if baseline is not None:
        parts.append(f"events, threshold {StreamJudge(baseline, order=False).threshold:.2f}")
    if detector is not None:
        parts.append(f"windows of {detector.system.name}, threshold {detector.threshold:.2f}")
    if baseline is None:
        parts.append("no rates and no silences: the checkpoint is of an earlier version, `logllm fit` adds them")
    return f"watching {log}: " + "; ".join(parts)


class _Nowhere:
    """No source and no sink: for lines that a caller brings."""

    position = Position()
    remarks: list[str] = []
    cut_lines = 0
    problem = ""

    def lag_bytes(self) -> int:
        """Nothing waits."""
        return 0

    def deliver(self, alerts: Any) -> int:
        """Nothing is delivered."""
        return 0


def watch_lines(detector: Detector, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Alerts of lines as they come, as `start_watcher` gives them: of events at once, of windows when they close."""
    nowhere = _Nowhere()
    unwrap = Unwrapper()
    events = _events(detector, detector.baseline, unwrap)
    watcher = Watcher(detector, nowhere, nowhere, unwrap=unwrap, events=events)
    for line in lines:
        watcher._take([line.rstrip("\r\n")])
        yield from watcher.outbox
        watcher.outbox = []
    watcher._silent(end=True)
    yield from watcher.outbox
