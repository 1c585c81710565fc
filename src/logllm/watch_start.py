"""Puts a watcher together from names: model, state, sink, metrics, source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from logllm.detector import LogAnomalyDetector
from logllm.errors import LogllmError
from logllm.follow import FileFollower
from logllm.secrets_kept import TOKEN_VARIABLE
from logllm.sinks import open_sink
from logllm.suppress import Suppressions
from logllm.unwrap import Unwrapper
from logllm.watch import Watcher
from logllm.watch_metrics import Metrics
from logllm.watch_state import StateFile
from logllm.watch_stream import StandardInput


def start_watcher(
    log: str,
    model: Path | LogAnomalyDetector,
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
    detector = model if isinstance(model, LogAnomalyDetector) else LogAnomalyDetector.from_pretrained(model)
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
