"""Faults of the machine around us: full and read-only disks, memory that runs out, a network that is cut. Nothing is lost."""

import errno
import os
import resource
import shutil
import subprocess
import sys
import threading
from http.server import ThreadingHTTPServer

import fresh_process
import loopback_hub
import pytest
from fitted import fitted_folder
from hungry_mask import eats
from loopback_hub import LoopbackHub
from test_download import DATA, Handler, system
from test_push import write_build

from logllm.detector import LogAnomalyDetector
from logllm.errors import LogllmError
from logllm.hf_datasets import LogInputError, LogSystem, build, load_windows
from logllm.hf_datasets.reading.download import DownloadError, download_log

PLAIN = LogSystem("mine", "Mine")
PUSH = "import sys; from logllm.hf_datasets.push import push_dataset; print(push_dataset(sys.argv[1], 'me/logs'))"


@pytest.fixture
def disk(tmp_path):
    """A function that mounts a small disk of its own, or skips the test where that is not allowed."""
    mounted = []

    def mount(size="1m"):
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True)
        if done.returncode:
            pytest.skip("a small disk cannot be mounted here (it takes root)")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


def read_only(place):
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)


def write_log(folder, count):
    path = folder / "my.log"
    path.write_text("".join(f"event {os.urandom(6).hex()} of kind {number}\n" for number in range(count)))
    return path


def logllm(capsys, monkeypatch, *arguments):
    """(exit code, standard error) of the command."""
    from logllm.__main__ import main

    monkeypatch.setattr(sys, "argv", ["logllm", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr().err


# -- disks -----------------------------------------------------------------------------------------------------------


def test_a_build_on_a_disk_that_fills_up_leaves_the_build_before(disk, tmp_path):
    place = disk("1m")
    build(PLAIN, write_log(tmp_path, 200), place / "out", progress=False)
    before = load_windows(place / "out", "mine")["train"][0]
    with pytest.raises(LogInputError, match=r"disk of .* is full\. Nothing was changed there"):
        build(PLAIN, write_log(tmp_path, 60_000), place / "out", progress=False)
    assert load_windows(place / "out", "mine")["train"][0] == before
    assert sorted(one.name for one in (place / "out").iterdir()) == ["README.md", "croissant.json", "mine"]


def test_a_checkpoint_on_a_disk_that_fills_up_leaves_the_one_before(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(fitted_folder() / "model", folder)
    detector = LogAnomalyDetector.from_pretrained(folder)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    detector.threshold += 1
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(LogllmError, match=r"the disk must have space .* nothing was changed"):
            detector.save_pretrained(folder)
        with pytest.raises(LogllmError, match="the disk must have space"):
            detector.save_pretrained(tmp_path / "new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before and not (tmp_path / "new").exists()
    detector.save_pretrained(folder)
    assert LogAnomalyDetector.from_pretrained(folder).threshold == detector.threshold


def test_a_save_that_is_cut_off_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    shutil.copytree(fitted_folder() / "model", folder)
    detector = LogAnomalyDetector.from_pretrained(folder)
    child = os.fork()
    if not child:  # kill -9 between the weights and the rest; no thread of torch's is needed in this child
        monkeypatch.setattr(type(detector.processor), "save_pretrained", lambda *_: os.kill(os.getpid(), 9))
        try:
            detector.save_pretrained(folder)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 9 and list(folder.glob(".saving-*"))
    assert LogAnomalyDetector.from_pretrained(folder).threshold == detector.threshold
    detector.save_pretrained(folder)
    assert not list(folder.glob(".saving-*"))


def test_a_full_disk_during_a_download_keeps_what_came(disk):
    place = disk("600k")
    server = serve()
    try:
        with pytest.raises(OSError) as caught:
            download_log(system(server), place, progress=False)
        assert caught.value.errno == errno.ENOSPC
        came = (place / "my.log.incomplete").stat().st_size
        assert 0 < came < len(DATA) and not (place / "my.log").exists()
        subprocess.run(["mount", "-o", "remount,size=8m", str(place)], check=True)
        assert download_log(system(server), place, progress=False).read_bytes() == DATA
        assert server.asked[1] > 0  # it went on where it was
    finally:
        server.shutdown()
        server.server_close()


def test_a_read_only_disk_is_refused_in_a_sentence_by_every_command(disk, tmp_path, capsys, monkeypatch):
    place, log = disk("8m"), fitted_folder() / "hdfs.log"
    shutil.copytree(fitted_folder() / "model", place / "model")
    read_only(place)
    small = tmp_path / "small.log"
    small.write_text("".join(log.read_text("latin-1").splitlines(keepends=True)[:400]), "latin-1")
    model = fitted_folder() / "model"
    for arguments in (
        ("build", "hdfs", "--raw", small, "--out", place / "data", "-q"),
        ("simulate", "hdfs", "--lines", 100, "--out", place, "-q"),
        ("watch", small, "--model", model, "--state", place / "state", "--alerts", tmp_path / "a", "--until-end"),
        ("watch", small, "--model", model, "--alerts", place / "deep" / "alerts", "--until-end"),
        ("scan", small, "--model", place / "model", "--html", place / "report.html", "-q"),
        ("ok", "BLOCK* NameSystem.allocateBlock: <*> <*>", "--model", place / "model"),
    ):
        code, said = logllm(capsys, monkeypatch, *arguments)
        assert code == 2 and "Read-only file system" in said and "Traceback" not in said, (arguments, said)
    assert LogAnomalyDetector.from_pretrained(place / "model")  # to read is enough to judge


# -- memory ----------------------------------------------------------------------------------------------------------


def test_memory_that_runs_out_in_a_process_of_a_build_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(
        sys.modules["logllm.hf_datasets.build_dataset"], "useful_processes", lambda files, count: count
    )
    log = tmp_path / "my.log"
    log.write_text("".join(f"event of kind {number}\n" for number in range(3000)))
    with pytest.raises(LogInputError, match=r"Memory must suffice .* use fewer processes"):
        build(PLAIN, log, tmp_path / "out", mask=eats, processes=2, progress=False)
    assert not (tmp_path / "out").exists()
    build(PLAIN, log, tmp_path / "out", progress=False)


def test_memory_that_runs_out_in_a_command_is_one_sentence(tmp_path, capsys, monkeypatch):
    def none_left(*_, **__):
        raise MemoryError

    monkeypatch.setattr("logllm.hf_datasets.simulation.simulate.simulate", none_left)
    code, said = logllm(capsys, monkeypatch, "simulate", "hdfs", "--out", tmp_path)
    assert code == 2 and said.startswith("error: memory must suffice")


# -- network ---------------------------------------------------------------------------------------------------------


def serve():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.cuts, server.cut = [], 0, 300_000
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def test_a_download_that_is_cut_for_good_goes_on_the_next_time(tmp_path):
    server = serve()
    server.cuts = 99
    try:
        with pytest.raises(DownloadError, match="cannot be reached"):
            download_log(system(server), tmp_path, progress=False)
        assert (tmp_path / "my.log.incomplete").read_bytes() == DATA[:900_000]
        server.cuts = 0
        assert download_log(system(server), tmp_path, progress=False).read_bytes() == DATA
        assert server.asked[-1] == 900_000
    finally:
        server.shutdown()
        server.server_close()


class Cutting(loopback_hub._Handler):
    """Hangs up in the middle of the first upload."""

    left = 1

    def do_PUT(self):
        if Cutting.left:
            Cutting.left -= 1
            self.rfile.read(10)
            self.close_connection = True
            return
        super().do_PUT()


def test_a_push_that_is_cut_in_the_middle_arrives_whole(tmp_path, monkeypatch):
    folder = tmp_path / "out"
    write_build(folder, 1000)
    monkeypatch.setattr(loopback_hub, "_Handler", Cutting)
    with LoopbackHub() as hub:
        environment = hub.environment(tmp_path / "home")
        done = fresh_process.run(PUSH, folder, env=environment)
        if done.returncode:  # the client did not try again by itself: the same command once more
            assert "nothing was changed there" in done.stderr, done.stderr[-2000:]
            assert fresh_process.run(PUSH, folder, env=environment).returncode == 0
        on_disk = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        published = {path: data for path, data in hub.files("datasets", "me/logs").items() if path != ".gitattributes"}
    assert published == on_disk and not Cutting.left


def test_a_push_without_a_network_is_a_sentence(tmp_path):
    folder = tmp_path / "out"
    write_build(folder, 300)
    with LoopbackHub() as hub:
        environment = {**hub.environment(tmp_path / "home"), "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = fresh_process.run(fresh_process.LOGLLM, "push", "dataset", folder, "me/logs", env=environment)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "the connection to the Hub must hold" in done.stderr and "run the same command again" in done.stderr
    environment["HF_HUB_OFFLINE"] = "1"
    done = fresh_process.run(fresh_process.LOGLLM, "push", "dataset", folder, "me/logs", env=environment)
    assert done.returncode == 2 and "found HF_HUB_OFFLINE set: unset it" in done.stderr
