import json
import re

import pytest

from logllm.hf_datasets import (
    SYSTEMS,
    LogInputError,
    LogSystem,
    UnknownSystemError,
    get_system,
    guess_system,
    parse_lines,
)
from logllm.hf_datasets.systems.formats import FORMATS


@pytest.mark.parametrize("row", [*SYSTEMS.values(), *FORMATS], ids=lambda row: row.name)
def test_a_row_survives_json_and_its_patterns_compile(row):
    assert LogSystem.from_dict(json.loads(json.dumps(row.to_dict()))) == row
    assert "content" in re.compile(row.line_pattern).groupindex
    if row.label_rule == "line":
        assert "label" in re.compile(row.line_pattern).groupindex


def test_get_system_offers_the_nearest_names():
    assert get_system("HDFS") is SYSTEMS["hdfs"]
    with pytest.raises(UnknownSystemError, match="did you mean thunderbird") as caught:
        get_system("thunderbrid")
    assert isinstance(caught.value, LogInputError)
    with pytest.raises(UnknownSystemError, match="known are hdfs, bgl"):
        get_system("qqqq")


GUESSES = {
    "hdfs": [
        "081109 203531 145 INFO dfs.DataNode$DataXceiver: Receiving block blk_-83 src: /10.0.0.1:3 dest: /10.0.0.2:5"
    ],
    "bgl": [
        "- 1117838579 2005.06.03 R02-M1-N0-C:J12-U11 2005-06-03-15.42.59.413771 R02-M1-N0-C:J12-U11 RAS KERNEL INFO x y",
        "APPREAD 1117869872 2005.06.04 R23-M1-N8-I:J18-U11 2005-06-04-00.24.32.4 R23-M1-N8-I:J18-U11 RAS APP FATAL ciod: z",
    ],
    "thunderbird": ["- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond(pam_unix)[2915]: session closed"],
    "liberty": ["- 1102809616 2004.12.11 ladmin2 Dec 11 17:00:16 ladmin2/ladmin2 syslog-ng[1234]: STATS: dropped 0"],
    "iso-level": [
        "2024-05-01T10:11:12.123Z INFO started",
        "2024-05-01 10:11:13 [ERROR] failed",
        "2024-05-01 10:11:13 warn: x",
    ],
    "python-logging": ["2024-05-01 10:11:12,123 - app.db - WARNING - slow query", "INFO:root:hello"],
    "log4j": [
        "2015-10-18 18:01:47,978 INFO [main] org.apache.zookeeper.Server: Created session",
        "10:11:12.123 [http-1] WARN  c.e.Service - retry 3",
    ],
    "syslog-rfc3164": [
        "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: authentication failure",
        "<34>Oct 11 22:14:15 my su: no",
    ],
    "iso": ["2024-05-01T10:11:12+02:00 something happened"],
    "plain": ["hello world", "what a day"],
    "spirit": ["- 1104566461 2005.01.01 sn209 Jan 1 00:01:01 sn209/sn209 kernel: hello"],
    "openstack": [
        "nova-api.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25746 INFO nova.osapi_compute.wsgi.server "
        "[req-38101a0b-2096-447d-96ea-a692162415ae 113d3a99 54fadb - - -] GET /v2/servers/detail HTTP/1.1 status: 200"
    ],
    "hadoop": [
        "2015-10-18 18:01:47,978 INFO [main] org.apache.hadoop.mapreduce.v2.app.MRAppMaster: Created MRAppMaster"
    ],
    "otlp-json": [
        '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1500000000","body":{"stringValue":"a b"}},'
        '{"timeUnixNano":"2500000000","body":{"stringValue":"c"}}]}]}]}'
    ],
    "journald-json": ['{"__REALTIME_TIMESTAMP":"1500000","MESSAGE":[104,105],"_PID":"1"}'],
    "ndjson": [
        '{"time":"1970-01-01T00:00:01.5Z","level":"info","msg":"hello\\nworld"}',
        '{"ts": 1.5, "message": "x"}',
    ],
    "cri": ["2016-10-06T00:17:09.669794202Z stdout F log content", "2016-10-06T00:17:09.669794202Z stderr P part"],
    "access-log": ['127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326 "-" "Mozilla"'],
    "nginx-error": ["2024/05/01 10:11:12 [error] 31#31: *1 open() failed (2: No such file)"],
    "apache-error": ["[Wed Oct 11 14:32:52.123456 2000] [core:error] [pid 1:tid 2] [client ::1] denied"],
    "windows-cbs": ["2016-09-28 04:30:30, Info                  CBS    Loaded Servicing Stack v6.1.7601.23505"],
    "syslog-rfc5424": [
        '<165>1 2003-10-11T22:14:15.003Z host app 12 ID47 [x@1 a="]"][y b="1"] An event',
        "<1>1 - h a - - - hi",
    ],
}


@pytest.mark.parametrize("name", GUESSES)
def test_guess_by_the_first_lines(name):
    lines = GUESSES[name] * 5
    row = guess_system(["", *lines, "  at some.stack.Trace(Line.java:3)"])
    assert row.name == name
    parsed = list(parse_lines(lines, row))
    assert all(line.parsed and line.content for line in parsed)
    assert all(not re.match(r"\d{4}-|INFO|\{", line.content) for line in parsed)
    if row.timestamp and "INFO:root" not in lines[1] and name != "syslog-rfc5424":
        assert all(line.timestamp is not None for line in parsed)


def test_guess_of_nothing_is_plain():
    assert guess_system([]).name == "plain"
    assert guess_system(["", "  "]).name == "plain"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("hdfs", "hdfs/HDFS_2pct.log"),
        ("hdfs", "hdfs/HDFS_2k.log"),
        ("bgl", "bgl/BGL_thinned.log"),
        ("bgl", "bgl/BGL_2k.log"),
        ("thunderbird", "thunderbird/TB_head.log"),
        ("thunderbird", "thunderbird/Thunderbird_2k.log"),
        ("thunderbird", "thunderbird/TB_20051115_block07.log"),
    ],
)
def test_real_logs_are_recognised(shared_data, name, file):
    with open(shared_data / file, encoding="latin-1") as stream:
        assert guess_system([line for line, _ in zip(stream, range(200))]).name == name


def test_json_records():
    (first, second) = parse_lines(GUESSES["otlp-json"], get_system("otlp-json"))
    assert (first.number, first.content, first.timestamp) == (1, "a b", 1.5)
    assert (second.number, second.content, second.timestamp) == (1, "c", 2.5)
    (line,) = parse_lines(GUESSES["journald-json"], get_system("journald-json"))
    assert (line.content, line.timestamp) == ("hi", 1.5)
    one, two, three, four = parse_lines([*GUESSES["ndjson"], "not json", '{"a": 1}'], get_system("ndjson"))
    assert (one.content, one.timestamp, two.content, two.timestamp) == ("hello world", 1.5, "x", 1.5)
    assert not three.parsed and not four.parsed and four.content == '{"a": 1}'
