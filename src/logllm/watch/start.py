"""Puts a watcher together from names: model, state, sink, metrics, source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from logllm.decision.detector import Detector
from logllm.errors import LogllmError
from logllm.hf_datasets.reading.collectors import Unwrapper
from logllm.redaction import TOKEN_VARIABLE
from logllm.suppressions import Suppressions
from logllm.watch.metrics import Metrics
from logllm.watch.sinks import open_sink
from logllm.watch.sources import FileFollower, Position, StandardInput
from logllm.watch.state import StateFile
from logllm.watch.watcher import Watcher


def start_watcher(
    log: str,
    model: Path | Detector,
    *,
    state: Path | None = None,
    alerts: str | None = None,
    metrics_port: int | None = None,
    metrics_address: str = "127.0.0.1",
    metrics_token: str | None = None,
    suppressions: Path | None = None,
    unwrap: Unwrapper | None = None,
    silence: float = 60.0,
    say: Callable[[str], None] = lambda text: None,
) -> Watcher:
    """A watcher that is ready to `run`; see the options of `logllm watch`. `model` may be loaded already."""
    if log != "-" and Path(log).is_dir():
        raise LogllmError(f"the log must be a file or -, found the folder {log}: name a file in it")
    sink = open_sink(alerts)
    detector = model if isinstance(model, Detector) else Detector.from_pretrained(model)
    lineage = detector.calibration.lineage if detector.calibration else str(model)
    kept = StateFile(state, lineage) if state is not None else None
    watcher = Watcher(
        detector,
        None,
        sink,
        kept,
        Suppressions(suppressions, detector.system) if suppressions is not None else None,
        Metrics() if metrics_port is not None else None,
        unwrap or Unwrapper(),
        silence,
        say,
    )
    position = watcher.resume()
    encoding = detector.system.encoding
    watcher.begin(StandardInput(encoding) if log == "-" else FileFollower(Path(log), encoding, position))
    if watcher.metrics is not None and metrics_port is not None:
        server = watcher.metrics.serve(metrics_port, metrics_address, watcher.healthy, metrics_token)
        say(f"metrics on http://{metrics_address}:{server.port}/metrics")
        if metrics_token is None and metrics_address not in ("127.0.0.1", "::1", "localhost"):
            say(f"whoever reaches {metrics_address} can read the metrics: set {TOKEN_VARIABLE} to ask for a token")
    say(f"watching {log} as {detector.system.name}, threshold {detector.threshold:.2f}")
    return watcher


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
    """Alerts of lines as they come, each as soon as its window closes; at the end of what is open."""
    nowhere = _Nowhere()
    watcher = Watcher(detector, nowhere, nowhere)
    for line in lines:
        watcher._take([line.rstrip("\r\n")])
        yield from watcher.outbox
        watcher.outbox = []
    watcher._silent()
    yield from watcher.outbox
