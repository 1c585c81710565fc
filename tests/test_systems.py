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
from logllm.hf_datasets.formats import FORMATS


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
        "2015-10-18 18:01:47,978 INFO [main] org.apache.hadoop.mapreduce.v2.app.MRAppMaster: Created MRAppMaster",
        "10:11:12.123 [http-1] WARN  c.e.Service - retry 3",
    ],
    "syslog-rfc3164": [
        "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: authentication failure",
        "<34>Oct 11 22:14:15 my su: no",
    ],
    "iso": ["2024-05-01T10:11:12+02:00 something happened"],
    "plain": ["hello world", "what a day"],
}


@pytest.mark.parametrize("name", GUESSES)
def test_guess_by_the_first_lines(name):
    lines = GUESSES[name] * 5
    row = guess_system(["", *lines, "  at some.stack.Trace(Line.java:3)"])
    assert row.name == name
    parsed = list(parse_lines(lines, row))
    assert all(line.parsed and line.content for line in parsed)
    assert all(not re.match(r"\d{4}-|INFO", line.content) for line in parsed)


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
