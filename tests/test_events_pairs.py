"""Lines of key=value pairs: the time may be in several of them, and levels may be numbers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from logllm.hf_datasets.events import ERROR, INFO, WARN, EventLog

# (name, line, time, severity, message)
PAIRS = [
    ("FortiGate", 'date=2024-05-01 time=09:07:41 devname="fw1" logid="0100032001" level="warning" tz="+0200" msg="link down"', "2024-05-01T07:07:41", WARN, "link down"),
    ("FortiGate traffic", 'date=2024-05-01 time=09:07:41 devname="fw1" type="traffic" level="notice" srcip=10.6.0.5 action="close"', "2024-05-01T09:07:41", INFO, 'date=2024-05-01 time=09:07:41 devname="fw1" type="traffic" level="notice" srcip=10.6.0.5 action="close"'),
    ("behind a priority", '<189>date=2024-05-01 time=09:07:41 devname="fw1" level="error" msg="link down"', "2024-05-01T09:07:41", ERROR, "link down"),
    ("behind syslog", 'May  1 09:07:42 fw1 date=2024-05-01 time=09:07:41 devname="fw1" level="error" msg="link down"', "2024-05-01T09:07:41", ERROR, "link down"),
    ("nanoseconds", 'eventtime=1714554461123000000 devname="fw1" level="warning" msg="link down"', "2024-05-01T09:07:41.123000", WARN, "link down"),
    ("Sophos", 'device="SFW" date=2024-05-01 time=09:07:41 timezone="CEST" device_name="XG" log_type="Firewall" priority=Error message="dropped"', "2024-05-01T07:07:41", ERROR, "dropped"),
    ("an unknown zone", 'date=2024-05-01 time=09:07:41 timezone="Mars/North" priority=Error message="dropped"', "2024-05-01T09:07:41", ERROR, "dropped"),
    ("time before date", "time=09:07:41.5 date=2024-05-01 level=error msg=down", "2024-05-01T09:07:41.500000", ERROR, "down"),
    ("SonicWall", 'id=firewall sn=18B169 time="2024-05-01 09:07:41 UTC" fw=10.0.0.1 pri=3 c=32 m=30 msg="login denied"', "2024-05-01T09:07:41", ERROR, "login denied"),
    ("letters of other scripts between", 'date=2024-05-01 devname="Bürö" time=09:07:41 level=error msg=down', None, ERROR, "down"),
    ("capitals", 'Time="2024-05-01T09:07:41Z" Level=Error Message="posting stopped" Code=7', "2024-05-01T09:07:41", ERROR, "posting stopped"),
    ("a whole time besides a date", "date=2024-05-01 level=error ts=2024-05-01T09:07:41Z msg=down", "2024-05-01T09:07:41", ERROR, "down"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "time", "severity", "message"), [one[1:] for one in PAIRS], ids=[one[0] for one in PAIRS])  # fmt: skip
def test_pairs(tmp_path, line, time, severity, message):
    path = tmp_path / "pairs.log"
    path.write_text(line + "\n")
    event = next(iter(EventLog([path]).read(0)))
    assert (event.severity, event.message) == (severity, message)
    if time is not None:
        assert datetime.fromtimestamp(event.timestamp, UTC).isoformat()[:-6] == time


def test_numbers_of_levels_are_those_of_each_line(tmp_path):
    path = tmp_path / "pairs.log"
    path.write_text("".join(f'date=2024-05-0{at} time=09:07:4{at} pri={at} msg="login denied"\n' for at in (3, 4, 6)))
    events = list(EventLog([path]).read(0))
    assert [event.severity for event in events] == [ERROR, WARN, INFO]
    assert [datetime.fromtimestamp(event.timestamp, UTC).day for event in events] == [3, 4, 6]
    assert "date" not in events[0].attributes
