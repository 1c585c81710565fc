"""Alerts out: appended whole, retried with a pause, in order, and harmless on a terminal."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from logllm.errors import LogllmError
from logllm.watch import sinks

ALERTS = [{"id": str(n), "text": "\x1b[31m é"} for n in range(3)]


class Hook(BaseHTTPRequestHandler):
    """Refuses the first two requests, takes the rest."""

    refuse = 2
    got: list[Any] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if type(self).refuse:
            type(self).refuse -= 1
            self.send_error(503)
            return
        type(self).got.append((self.headers["Idempotency-Key"], json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


def test_an_address_is_tried_again_later_each_time_until_it_answers(monkeypatch):
    monkeypatch.setattr(sinks, "FIRST_PAUSE", 0.05)
    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sink = sinks.HttpSink(f"http://127.0.0.1:{server.server_port}/alerts")
    waiting, rounds = list(ALERTS), 0
    assert sink.deliver(waiting) == 0 and "503" in sink.problem
    assert sink.deliver(waiting) == 0  # too early: nobody is asked
    assert Hook.refuse == 1
    while waiting and rounds < 100:
        waiting = waiting[sink.deliver(waiting) :]
        rounds += 1
        time.sleep(0.02)
    server.shutdown()
    server.server_close()
    assert [name for name, _ in Hook.got] == ["0", "1", "2"] and not sink.problem
    assert Hook.got[0][1] == ALERTS[0]


def test_nobody_there_is_a_problem_not_an_error():
    sink = sinks.HttpSink("http://127.0.0.1:9/")
    assert sink.deliver(ALERTS) == 0 and "cannot be sent" in sink.problem


def test_a_file_is_appended_to_and_a_torn_line_ended(tmp_path):
    path = tmp_path / "deep" / "alerts"
    sink = sinks.FileSink(path)
    assert sink.deliver(ALERTS[:1]) == 1
    with path.open("a") as stream:
        stream.write('{"torn')
    assert sink.deliver(ALERTS[1:]) == 2
    rows = path.read_text().splitlines()
    assert rows[1] == '{"torn' and [json.loads(rows[i])["id"] for i in (0, 2, 3)] == ["0", "1", "2"]
    assert "\x1b" not in path.read_text() and path.read_text().isascii()


def test_a_full_disk_is_a_problem_not_an_error():
    sink = sinks.FileSink.__new__(sinks.FileSink)
    from pathlib import Path

    sink.path, sink.problem = Path("/dev/full"), ""
    assert sink.deliver(ALERTS) == 0 and "cannot be written" in sink.problem


def test_kinds(tmp_path):
    assert isinstance(sinks.open_sink(None), sinks.StreamSink)
    assert isinstance(sinks.open_sink("https://x/y"), sinks.HttpSink)
    assert isinstance(sinks.open_sink(str(tmp_path / "a")), sinks.FileSink)
    with pytest.raises(LogllmError, match="http"):
        sinks.open_sink("kafka://x")
