"""What collectors send becomes the lines that the model knows; what is no record stays a line."""

import json

from logllm.hf_datasets import get_system
from logllm.hf_datasets.reading.collectors import Unwrapper

HDFS = get_system("hdfs")
LINE = "081109 203615 148 INFO dfs.DataNode: Received block blk_38 of size 91178 from /10.0.0.1"
TIMELESS = "Received block blk_38"  # the record's time is taken where the line has none

AUTO = Unwrapper()


def lines(*raw, unwrap=AUTO, system=HDFS):
    return list(unwrap.lines(list(raw), 1, system))


def test_text_passes_as_it_is():
    (line,) = lines(LINE)
    assert line.parsed and line.session_ids == ("blk_38",)


def test_ndjson_by_field_names_with_its_time_and_broken_records_kept():
    found = lines(json.dumps({"message": TIMELESS, "time": 1700000000}), "{broken", json.dumps({"other": 1}))
    assert [line.number for line in found] == [1, 2, 3]
    assert found[0].raw == TIMELESS and found[0].timestamp == 1700000000.0
    assert found[1].raw == "{broken" and not found[1].parsed and found[2].raw == '{"other": 1}'
    nested = Unwrapper("ndjson", ("log.line",), ("log.at",))
    (line,) = lines(json.dumps({"log": {"line": TIMELESS, "at": "2026-01-02T03:04:05Z"}}), unwrap=nested)
    assert line.raw == TIMELESS and line.timestamp == 1767323045.0
    (line,) = lines(json.dumps({"log": {"line": LINE, "at": "2026-01-02T03:04:05Z"}}), unwrap=nested)
    assert line.parsed and line.timestamp == 1226262975.0, "its own"


def test_journald_bytes_are_text():
    (line,) = lines(json.dumps({"MESSAGE": list(TIMELESS.encode()), "__REALTIME_TIMESTAMP": "1700000000000000"}))
    assert line.raw == TIMELESS and line.timestamp == 1700000000.0


def test_otlp_batches_give_one_line_a_record_and_their_template():
    record = {"timeUnixNano": "1700000000000000000", "body": {"stringValue": TIMELESS}}
    marked = {**record, "attributes": [{"key": "log.record.template", "value": {"stringValue": "a <*> b"}}]}
    batch = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record, marked, {"body": {}}, "odd"]}]}]}
    found = lines(json.dumps(batch), LINE)
    assert [line.number for line in found] == [1, 2, 3]
    assert [line.content for line in found[1:2]] == ["a <*> b"]
    assert found[0].timestamp == 1700000000.0 and found[2].raw == LINE
