"""Secrets stay out of messages, and the watcher's endpoints answer only whom they should, and only small requests."""

import base64
import socket
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from logllm.errors import LogllmError
from logllm.redaction import TOKEN_VARIABLE, allows, read_token, shown_address, split_credentials, without_secrets
from logllm.watch.sinks import HttpSink, open_sink

TOKEN = "0123456789abcdef" * 2
SECRET = "https://user:hunter2@hooks.example.com/services/T0/B0/verysecret?key=alsosecret"


def test_messages_do_without_secrets(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_fromtheenvironment")
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    text = without_secrets(f"x hf_fromtheenvironment {TOKEN} hf_{'a' * 34} {SECRET} Bearer abcdefghijkl")
    for secret in ("fromtheenvironment", TOKEN, "a" * 34, "hunter2", "abcdefghijkl"):
        assert secret not in text
    assert without_secrets("me@host wrote to http://host/x at 10:00@1") == "me@host wrote to http://host/x at 10:00@1"


def test_addresses_are_shown_without_path_and_password():
    assert shown_address(SECRET) == "https://hooks.example.com/..."
    assert shown_address("http://127.0.0.1:9/") == "http://127.0.0.1:9/"
    assert split_credentials("https://a:b%40c@host/x") == (
        "https://host/x",
        "Basic " + base64.b64encode(b"a:b@c").decode(),
    )
    assert split_credentials("https://host/x") == ("https://host/x", None)
    for wrong in ("https://", "http://host:port/", "https://user:pa/ss@host"):
        with pytest.raises(LogllmError, match="an address for alerts must be") as caught:
            split_credentials(wrong)
        assert "pa/ss" not in str(caught.value)
    with pytest.raises(LogllmError) as caught:
        open_sink("ftp://user:hunter2@host/verysecret")
    assert "hunter2" not in str(caught.value) and "verysecret" not in str(caught.value)


def test_a_password_in_the_address_is_sent_as_a_header_and_never_said():
    got = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(self.headers["Authorization"])
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_error(503)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sink = HttpSink(f"http://user:hunter2@127.0.0.1:{server.server_port}/services/verysecret")
    sink.deliver([{"id": "1"}])
    server.shutdown()
    server.server_close()
    assert got == ["Basic " + base64.b64encode(b"user:hunter2").decode()] and "HTTP 503" in sink.problem
    gone = HttpSink("http://user:hunter2@127.0.0.1:9/services/verysecret")
    gone.deliver([{"id": "1"}])
    for problem in (sink.problem, gone.problem):
        assert "hunter2" not in problem and "verysecret" not in problem and "127.0.0.1" in problem


def test_tokens_come_from_a_file_or_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    assert read_token() is None and allows("", None)
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert read_token() == TOKEN
    file = tmp_path / "token"
    file.write_text(TOKEN[::-1] + "\n")
    assert read_token(file) == TOKEN[::-1]
    for text in ("short", "with a blank in the middle", ""):
        file.write_text(text)
        with pytest.raises(LogllmError, match=r"at least 16 ASCII.*openssl"):
            read_token(file)
    with pytest.raises(LogllmError, match="readable ASCII"):
        read_token(tmp_path / "none")
    assert allows(f"Bearer {TOKEN}", TOKEN)
    for header in ("", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é", f"bearer {TOKEN}"):
        assert not allows(header, TOKEN)


@pytest.fixture
def server():
    pytest.importorskip("prometheus_client")
    from logllm.watch.metrics import Metrics

    found = Metrics().serve(0, "127.0.0.1", lambda: (True, "ok\n"), TOKEN)
    yield found
    found.close()


def ask(server, path="/metrics", method="GET", data=None, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_only_who_has_the_token_is_answered(server):
    for path in ("/metrics", "/healthz", "/"):
        assert ask(server, path)[0] == ask(server, path, Authorization="Bearer " + "x" * 32)[0] == 401
    assert ask(server, Authorization=f"Bearer {TOKEN}")[0] == 200
    assert ask(server, "/healthz", Authorization=f"Bearer {TOKEN}") == (200, "ok\n")
    assert ask(server, "/other", Authorization=f"Bearer {TOKEN}")[0] == 404


def test_requests_are_small_and_only_ask(server):
    good = {"Authorization": f"Bearer {TOKEN}"}
    assert ask(server, method="POST", data=b"x", **good)[0] == 405
    assert ask(server, method="DELETE", **good)[0] == 405
    assert ask(server, method="GET", data=b"x" * 10, **good)[0] == 413
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        raw.sendall(b"GET /metrics HTTP/1.0\r\n" + b"X-Long: " + b"y" * 60_000 + b"\r\n\r\n")
        assert b"200" not in raw.recv(100).split(b"\r\n")[0]
    assert ask(server, **good)[0] == 200


def test_a_crowd_of_silent_clients_is_hung_up_on(server):
    crowd = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(40)]
    time.sleep(0.3)
    closed = 0
    for one in crowd:
        one.settimeout(0.02)
        try:
            closed += one.recv(1) == b""
        except ConnectionResetError:
            closed += 1
        except TimeoutError:
            pass
        one.close()
    assert closed >= 20
    for _ in range(100):  # and there are places again
        try:
            if ask(server, Authorization=f"Bearer {TOKEN}")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("no place again")


def test_the_command_says_no_secret(tmp_path, monkeypatch, capsys):
    """The whole way: an error of the command line, with secrets in the environment and in the address."""
    from logllm.__main__ import main

    monkeypatch.setenv("HF_TOKEN", "hf_fromtheenvironment")
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    address = SECRET.replace("https", "ftp")
    monkeypatch.setattr("sys.argv", ["logllm", "watch", "-", "--model", str(tmp_path), "--alerts", address])
    with pytest.raises(SystemExit) as ended:
        main()
    said = "".join(capsys.readouterr())
    assert ended.value.code == 2 and "error: alerts must go to" in said
    assert not any(one in said for one in ("hunter2", "verysecret", TOKEN, "fromtheenvironment"))
