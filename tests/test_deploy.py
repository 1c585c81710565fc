"""The configurations in deploy/: they parse, use options that exist, and their records reach the model as lines."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
import yaml

from logllm.cli import app
from logllm.hf_datasets import get_system
from logllm.unwrap import Unwrapper

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
LINE = "081109 203615 148 INFO dfs.DataNode: Received block blk_38 of size 91178 from /10.0.0.1"


def commands():
    """Every `logllm ...` that the folder tells people to run."""
    for path in sorted(DEPLOY.iterdir()):
        text = path.read_text("utf-8")
        if path.name == "kubernetes-sidecar.yaml":
            yield path.name, yaml.safe_load(text)["spec"]["containers"][1]["command"][1:]
        for row in re.findall(r"^(?:# .*?\||#  +|ExecStart=\S*/)\s*logllm (.+)$", text, re.M):
            yield path.name, shlex.split(row)


def test_every_command_uses_options_that_exist():
    known = typer.main.get_command(app).commands
    found = list(commands())
    assert {name for name, _ in found} >= {
        "vector.yaml",
        "fluent-bit.yaml",
        "otel-collector.yaml",
        "logllm-watch.service",
    }
    for name, words in found:
        options = {option for parameter in known[words[0]].params for option in parameter.opts}
        used = {word for word in words if word.startswith("--")}
        assert used <= options, name


@pytest.mark.parametrize("name", ["vector.yaml", "fluent-bit.yaml", "otel-collector.yaml", "kubernetes-sidecar.yaml"])
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
    assert line.raw == LINE and line.parsed and line.timestamp == 1767323045.5


def test_every_metric_that_is_documented_exists():
    pytest.importorskip("prometheus_client", reason="needs prometheus_client: pip install logllm[watch]")
    from prometheus_client import generate_latest

    from logllm.watch_metrics import Metrics

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


def test_journald_for_real():
    if shutil.which("journalctl") is None:
        pytest.skip("needs journalctl")
    found = subprocess.run(
        ["journalctl", "-o", "json", "-n", "5", "--no-pager"], capture_output=True, text=True, timeout=60
    )
    rows = [row for row in found.stdout.splitlines() if row.startswith("{")]
    if not rows:
        pytest.skip("the journal is empty here")
    lines = list(Unwrapper().lines(rows, 1, get_system("plain")))
    assert all(not line.raw.startswith("{") and line.timestamp for line in lines)
