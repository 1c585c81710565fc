"""The watcher's figures for Prometheus, and a health answer, over HTTP on loopback unless told otherwise.

What is peculiar here: a registry of its own, so that two watchers in one process (the tests) do not meet; without a port
the same figures are kept and nothing is served. `prometheus_client` is an extra: `pip install logllm[watch]`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from logllm.errors import LogllmError

SCORE_BUCKETS = (0.5, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 25, 30, 40, 60, 100)
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counters, gauges and histograms under `logllm_...`."""

    def __init__(self) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
        except ImportError as error:
            raise LogllmError("metrics need prometheus_client, found none: pip install 'logllm[watch]'") from error
        self.registry = CollectorRegistry()
        r: dict[str, Any] = {"registry": self.registry, "namespace": "logllm"}
        self.lines = Counter("log_lines_processed", "Log lines read.", **r)
        self.unparsed = Counter("log_lines_unparsed", "Lines that did not fit the format.", **r)
        self.cut = Counter("log_lines_cut", "Lines shortened because they were too long.", **r)
        self.windows = Counter("windows_scored", "Windows scored.", **r)
        self.anomalies = Counter("anomaly_count", "Windows flagged and not suppressed.", **r)
        self.suppressed = Counter("anomalies_suppressed", "Windows flagged and suppressed.", **r)
        self.sent = Counter("alerts_sent", "Alerts delivered, repeated deliveries included.", **r)
        self.pending = Gauge("alerts_pending", "Alerts not delivered yet.", **r)
        self.failures = Counter("state_failures", "Times that the state could not be saved.", **r)
        self.unseen = Gauge("unseen_template_rate", "Share of recent lines without a known template.", **r)
        self.threshold = Gauge("anomaly_threshold", "Score above which a window is flagged.", **r)
        self.open_windows = Gauge("open_windows", "Windows that may still grow.", **r)
        self.lag_bytes = Gauge("lag_bytes", "Bytes of the log that are not read yet.", **r)
        self.lag_seconds = Gauge("lag_seconds", "Wall clock minus the time of the last line.", **r)
        self.drift = Gauge("drift", "1 while the log has drifted from the one that was learnt.", **r)
        self.drift_gap = Gauge("drift_score_gap", "Largest gap between score distributions, now and at the fit.", **r)
        self.score = Histogram("anomaly_score", "Scores of windows.", buckets=SCORE_BUCKETS, **r)
        self.latency = Histogram(
            "alert_latency_seconds", "From reading a window's last line to its alert.", buckets=LATENCY_BUCKETS, **r
        )

    def serve(self, port: int, address: str, healthy: Callable[[], tuple[bool, str]]) -> MetricsServer:
        """Answer `/metrics` and `/healthz`; port 0 takes a free one."""
        return MetricsServer(self, port, address, healthy)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 16


class _Quiet(WSGIRequestHandler):
    timeout = 10  # of a client that says nothing

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a scrape every few seconds is no news."""


class MetricsServer:
    """The server, in a thread of its own."""

    def __init__(self, metrics: Metrics, port: int, address: str, healthy: Callable[[], tuple[bool, str]]):
        from prometheus_client import make_wsgi_app

        figures = make_wsgi_app(metrics.registry)

        def answer(environ: Any, start: Any) -> Any:
            path = environ.get("PATH_INFO", "")
            if path == "/metrics":
                return figures(environ, start)
            if path == "/healthz":
                good, text = healthy()
                start("200 OK" if good else "503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
                return [text.encode()]
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"/metrics or /healthz\n"]

        try:
            self._server = make_server(address, port, answer, _Server, _Quiet)
        except OSError as error:
            raise LogllmError(
                f"the metrics port must be free, found {address}:{port} taken ({error}): give another --metrics-port"
            ) from error
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
