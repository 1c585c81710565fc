"""`logllm inspect` and `logllm formats`: the names that others rely on, and nothing of the log where it is not wanted."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from typer.testing import CliRunner

from logllm.cli.app import app
from logllm.report.inspection import as_json, as_text, format_objects, inspect_logs

LINES = """2024-05-01 09:07:40 [INFO] order 17 accepted
2024-05-01 09:07:41 [ERROR] posting secret-word stopped
java.io.IOException: broken
\tat com.example.Shop.send(Shop.java:12)
2024-05-01 09:07:42 [INFO] order 18 accepted
"""


def written(tmp_path):
    path = tmp_path / "app.log"
    path.write_text(LINES)
    return path


def test_json_names(tmp_path):
    text = as_json(inspect_logs([written(tmp_path)], events=2))
    head, first, second = map(json.loads, text.split("\n"))
    assert head == {
        "file": str(tmp_path / "app.log"), "format": "generic", "title": "lines with a time or a level in a usual place", "lines": 5,
        "events": 3, "parsed_share": 1.0, "severities": {"9": 2, "17": 1}, "first": "2024-05-01T09:07:40+00:00",
        "last": "2024-05-01T09:07:42+00:00", "joined_events": 1, "encoding": "utf-8", "notes": [],
    }  # fmt: skip
    assert first == {
        "number": 1, "lines": 1, "timestamp": "2024-05-01T09:07:40+00:00", "severity": 9, "message": "order 17 accepted", "attributes": {},
    }  # fmt: skip
    assert (second["number"], second["lines"], second["severity"]) == (2, 3, 17)
    assert second["attributes"]["exception"] == "java.io.IOException"


def test_text(tmp_path):
    text = as_text(inspect_logs([written(tmp_path)]))
    for piece in (
        "generic",
        "5 lines, 3 events, 1 of several lines",
        "100.0%",
        "ERROR 1, INFO 2",
        "order <*> accepted",
        "line 2",
    ):
        assert piece in text


def test_no_content_tells_nothing_of_the_log(tmp_path):
    path = written(tmp_path)
    for made in (as_text, as_json):
        text = made(inspect_logs([path], events=3, content=False), False)
        assert not [word for word in ("order", "secret", "Shop", "IOException", "accepted") if word in text]
        assert "generic" in text


def test_several_files_and_odd_ones(tmp_path):
    path = written(tmp_path)
    other = tmp_path / "other.log"
    other.write_text('{"level":"warn","msg":"x\\u001b[31m"}\nnot json\n')
    found = inspect_logs([path, other], events=1)
    assert [one.head()["format"] for one in found] == ["generic", "json"]
    assert [event.message for event in found[1].unfit] == ["not json"]
    assert "\x1b" not in as_text(found)


def test_otlp(tmp_path):
    records = [
        {"timeUnixNano": "1714554461000000000", "severityNumber": 9, "body": {"stringValue": f"x {at}"}}
        for at in range(3)
    ]
    path = tmp_path / "o.jsonl"
    path.write_text(json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}) + "\n")
    lines = as_json(inspect_logs([path], events=2)).split("\n")
    assert [json.loads(line)["message"] for line in lines[1:]] == ["x 0", "x 1"]


def test_commands(tmp_path):
    runner = CliRunner()
    path = written(tmp_path)
    result = runner.invoke(app, ["inspect", str(path), "--json", "--events", "1"])
    assert result.exit_code == 0
    assert [json.loads(line).get("events") for line in result.output.strip().split("\n")] == [3, None]
    assert runner.invoke(app, ["inspect", str(path), "--format", "plain"]).exit_code == 0
    result = runner.invoke(app, ["formats", "--json"])
    assert {"name", "title", "example"} == set(json.loads(result.output.split("\n")[0]))
    assert "spring-boot" in runner.invoke(app, ["formats"]).output


def test_formats_have_examples():
    assert all(one["title"] and one["example"] for one in format_objects())


def test_inspect_is_quick_and_light(tmp_path):
    path = tmp_path / "big.log"
    path.write_text(
        "".join(
            f"2024-05-01 09:{at // 60 % 60:02}:{at % 60:02},123 INFO [worker-{at % 8}] shop - order {at} took {at % 900}ms\n"
            for at in range(100_000)
        )
    )
    code = (
        "import sys, time, json; from logllm.report.inspection import *; t = time.process_time();"
        f"inspect_logs([{str(path)!r}]); print(json.dumps([time.process_time() - t, [m for m in ('torch', 'datasets', 'polars', 'transformers') if m in sys.modules]]))"
    )
    started = time.monotonic()
    seconds, heavy = json.loads(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )
    assert heavy == []
    assert seconds < 2.0
    assert time.monotonic() - started < 60
