import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from logllm.hf_datasets import LogSystem, get_system, read_lines
from logllm.hf_datasets.reading.download import DownloadError, cache_folder, download_log
from logllm.hf_datasets.systems.rules import Source

DATA = b"".join(b"line %d\n" % number for number in range(200_000))


class Handler(BaseHTTPRequestHandler):
    """Serves DATA with ranges; hangs up after `server.cut` bytes of an answer as often as `server.cuts` says."""

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        if self.path != "/my.log":
            return self.send_error(404)
        first = int(self.headers["Range"].split("=")[1].rstrip("-")) if self.headers["Range"] else 0
        self.server.asked.append(first)
        if first >= len(DATA):
            return self.send_error(416)
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(DATA) - first))
        self.end_headers()
        part = DATA[first:]
        if self.server.cuts:
            self.server.cuts -= 1
            part = part[: self.server.cut]
        self.wfile.write(part)


@pytest.fixture
def server():
    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.asked, found.cuts, found.cut = [], 0, 300_000
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


def system(server, name="my.log", **facts):
    url = f"http://127.0.0.1:{server.server_address[1]}/{name}"
    return LogSystem("mine", "Mine", source=Source(url=url, archive=name, **facts))


def test_download_once(server, tmp_path):
    row = system(server, size=len(DATA), md5=hashlib.md5(DATA).hexdigest())
    path = download_log(row, tmp_path, progress=False)
    assert path.read_bytes() == DATA and len(list(read_lines(path))) == 200_000
    assert download_log(row, tmp_path, progress=False) == path
    assert server.asked == [0]
    assert [one.name for one in tmp_path.iterdir()] == ["my.log"]


def test_an_interrupted_download_goes_on(server, tmp_path):
    server.cuts = 2
    assert download_log(system(server), tmp_path, progress=False).read_bytes() == DATA
    assert server.asked == [0, 300_000, 600_000]


def test_a_download_that_was_killed_goes_on(server, tmp_path):
    (tmp_path / "my.log.incomplete").write_bytes(DATA[:1000])
    assert download_log(system(server), tmp_path, progress=False).read_bytes() == DATA
    assert server.asked == [1000]


def test_a_wrong_checksum_or_size_leaves_nothing(server, tmp_path):
    with pytest.raises(DownloadError, match="must have the MD5 abc"):
        download_log(system(server, md5="abc"), tmp_path, progress=False)
    with pytest.raises(DownloadError, match="must have 7 bytes"):
        download_log(system(server, size=7), tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


def test_without_a_network_it_says_what_to_do(server, tmp_path):
    with pytest.raises(DownloadError, match=r"cannot be reached .*put it at .*gone\.log"):
        download_log(system(server, "gone.log"), tmp_path, progress=False)
    port = server.server_address[1]
    nobody = LogSystem(
        "mine", "Mine", source=Source(url=f"http://127.0.0.1:{port + 1 if port < 65535 else 9}/x", archive="x")
    )
    with pytest.raises(DownloadError, match="fetch x from there"):
        download_log(nobody, tmp_path, progress=False)
    with pytest.raises(DownloadError, match="found none for"):
        download_log(get_system("plain"), tmp_path)


def test_the_cache_is_hugging_faces(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "logllm"
