"""The watcher's figures for Prometheus, and a health answer, over HTTP on loopback unless told otherwise.

Notes: A registry of its own, so that two watchers in one process (the tests) do not meet; without a port
the same figures are kept and nothing is served. Who asks may need a bearer token; what a request may be is bounded (GET,
no body, few headers, ten seconds, sixteen at a time). `prometheus_client` is an extra: `pip install logllm[watch]`.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from logllm.errors import LogllmError
from logllm.redaction import allows

MOST_CONNECTIONS, MOST_REQUEST_BYTES = 16, 16 * 1024
SCORE_BUCKETS = (0.5, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 25, 30, 40, 60, 100)
QUESTIONS = ("new", "grave", "unexpected", "missing", "burst", "drop", "silence", "value")
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
        self.suppressed = Counter("anomalies_suppressed", "Windows and findings that were called fine.", **r)
        self.findings = Counter("findings", "Findings of events that began, by question.", ["kind"], **r)
        for kind in QUESTIONS:
            self.findings.labels(kind)  # a figure that is nought is there, too
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

    def serve(
        self, port: int, address: str, healthy: Callable[[], tuple[bool, str]], token: str | None = None
    ) -> MetricsServer:
        """Answer `/metrics` and `/healthz`; port 0 takes a free one. With a token only those who send it are answered."""
        return MetricsServer(self, port, address, healthy, token)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, *arguments: Any) -> None:
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give it a thread, or hang up where there are too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and free the place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hangs up is no news, and what it sent is nobody's business."""


class _Few:
    """A request's bytes, of which only so many are read."""

    def __init__(self, stream: Any):
        self._stream, self._left = stream, MOST_REQUEST_BYTES

    def readline(self, size: int = -1) -> bytes:
        line = self._stream.readline(min(size, self._left) if size >= 0 else self._left)
        self._left -= len(line)
        return line

    def read(self, size: int = -1) -> bytes:
        return b""  # no body is taken

    def close(self) -> None:
        self._stream.close()

    @property
    def closed(self) -> bool:
        return self._stream.closed


def _refusal(environ: Any, token: str | None) -> str | None:
    if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
        return "405 Method Not Allowed"
    if environ.get("CONTENT_LENGTH", "") not in ("", "0") or environ.get("HTTP_TRANSFER_ENCODING"):
        return "413 Content Too Large"
    if not allows(environ.get("HTTP_AUTHORIZATION", ""), token):
        return "401 Unauthorized"
    return None


class _Quiet(WSGIRequestHandler):
    timeout = 10  # of a client that says nothing
    server_version, sys_version = "logllm", ""

    def handle(self) -> None:
        """Answer one request, whole within the time and of a bounded size."""
        end = threading.Timer(self.timeout, self._hang_up)  # a client that sends a byte now and then
        end.daemon = True
        end.start()
        try:
            self.rfile = _Few(self.rfile)  # type: ignore[assignment]
            super().handle()
        finally:
            end.cancel()

    def _hang_up(self) -> None:
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a scrape every few seconds is no news."""


class MetricsServer:
    """The server, in a thread of its own."""

    def __init__(
        self,
        metrics: Metrics,
        port: int,
        address: str,
        healthy: Callable[[], tuple[bool, str]],
        token: str | None = None,
    ):
        from prometheus_client import make_wsgi_app

        figures = make_wsgi_app(metrics.registry)

        def answer(environ: Any, start: Any) -> Any:
            path = environ.get("PATH_INFO", "")
            refused = _refusal(environ, token)
            if refused is not None:
                start(refused, [("Content-Type", "text/plain"), ("WWW-Authenticate", "Bearer")])
                return [refused.encode() + b"\n"]
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
