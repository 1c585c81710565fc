"""Records of a known kind whose time, level or message stands under another usual key."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from logllm.hf_datasets.events import ERROR, INFO, WARN, EventLog

# (format, record, severity, message); the time is always 2024-05-01 09:07:41
RECORDS = [
    ("structlog", '{"ts":"2024-05-01T09:07:41Z","level":"error","event":"posting stopped"}', ERROR, "posting stopped"),
    ("structlog", '{"t":1714554461,"level":"error","event":"posting stopped"}', ERROR, "posting stopped"),
    ("structlog", '{"asctime":"2024-05-01 09:07:41","level":"error","event":"posting stopped"}', ERROR, "posting stopped"),
    ("structlog", '{"timestamp":null,"ts":"2024-05-01T09:07:41Z","level":"error","event":"posting stopped"}', ERROR, "posting stopped"),
    ("structlog", '{"event":"","msg":"posting stopped","level":"error","time":"2024-05-01T09:07:41Z"}', ERROR, "posting stopped"),
    ("python-json", '{"levelname":"ERROR","message":"posting stopped","ts":1714554461}', ERROR, "posting stopped"),
    ("log4j2-json", '{"loggerName":"Shop","level":"ERROR","message":"posting stopped","timestamp":"2024-05-01T09:07:41Z"}', ERROR, "posting stopped"),
    ("pino", '{"level":50,"time":1714554461000,"hostname":"h","event":"posting stopped"}', ERROR, "posting stopped"),
    ("dotnet-json", '{"LogLevel":"Error","Category":"Kestrel","Message":"posting stopped","time":"2024-05-01T09:07:41Z"}', ERROR, "posting stopped"),
    ("gelf", '{"host":"h","short_message":"posting stopped","severity":"error","@timestamp":"2024-05-01T09:07:41Z"}', ERROR, "posting stopped"),
    ("access-json", '{"status":200,"event":"handled","lvl":"warn","ts":1714554461}', WARN, "handled"),
    ("cloudtrail", '{"eventTime":"2024-05-01T09:07:41Z","eventName":"PutObject","level":"error"}', ERROR, "PutObject"),
    ("serilog-compact", '{"@t":"2024-05-01T09:07:41Z","@mt":"tank is filled","level":3}', INFO, "tank is filled"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "line", "severity", "message"), RECORDS)
def test_other_keys(tmp_path, name, line, severity, message):
    path = tmp_path / "records.log"
    path.write_text(line + "\n")
    log = EventLog([path])
    event = next(iter(log.read(0)))
    assert (log.files[0].format, event.severity, event.message) == (name, severity, message)
    assert datetime.fromtimestamp(event.timestamp, UTC).isoformat()[:19] == "2024-05-01T09:07:41"
