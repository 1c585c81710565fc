import gzip
from datetime import UTC, datetime

import pytest

from logllm.hf_datasets import LogInputError, LogSystem, get_system, parse_lines, read_lines, read_session_labels
from logllm.hf_datasets.systems.field_readers import timestamp_reader
from logllm.hf_datasets.systems.rules import TimestampRule

HDFS_LINE = "081109 203531 145 INFO dfs.DataNode: Moving blk_-1 and blk_22, blk_-1 again"


def test_a_line_with_all_its_parts():
    (line,) = parse_lines([HDFS_LINE], get_system("hdfs"), start=7)
    assert line.number == 7 and line.parsed and line.raw == HDFS_LINE
    assert line.content == "Moving blk_-1 and blk_22, blk_-1 again"
    assert line.session_ids == ("blk_-1", "blk_22")
    assert line.timestamp == datetime(2008, 11, 9, 20, 35, 31, tzinfo=UTC).timestamp()
    assert line.label is None and line.anomalous == -1


def test_nothing_is_dropped():
    lines = list(parse_lines(["nonsense", "", HDFS_LINE, "081109 203531 145 INFO dfs.X: "], get_system("hdfs")))
    assert [line.number for line in lines] == [1, 2, 3, 4]
    assert [line.parsed for line in lines] == [False, False, True, False]
    assert lines[0].content == "nonsense"


def test_line_labels():
    rest = "1117838579 2005.06.03 R02 2005-06-03-15.42.59.413771 R02 RAS KERNEL INFO a  b "
    lines = list(parse_lines([f"- {rest}", f"APPREAD {rest}"], get_system("bgl")))
    assert [line.label for line in lines] == ["-", "APPREAD"]
    assert [line.anomalous for line in lines] == [0, 1]
    assert lines[0].content == "a  b" and lines[0].timestamp == 1117838579


@pytest.mark.parametrize(
    ("layout", "text", "expected"),
    [
        ("epoch", "12.5", 12.5),
        ("epoch_us", "1500000", 1.5),
        ("iso", "1970-01-01T00:00:10Z", 10),
        ("iso", "1970-01-01 01:00:10,250+01:00", 10.25),
        ("iso", "1970-01-01T00:00:00.123456789Z", 0.123456),
        ("iso", "00:01:00.500", 60.5),
        ("%b %d %H:%M:%S", "Feb 29 00:00:00", datetime(1972, 2, 29, tzinfo=UTC).timestamp()),
        ("epoch", "twelve", None),
        ("iso", "2024-13-45", None),
        ("iso", "", None),
    ],
)
def test_timestamps(layout, text, expected):
    assert timestamp_reader(TimestampRule(("t",), layout))(text) == expected


def test_line_ends_and_odd_bytes(tmp_path):
    log = tmp_path / "odd.log"
    log.write_bytes(b"one\r\ntw\0o\nth\rree\n\nf\xc3\xbcnf \xff\nlast")
    assert list(read_lines(log)) == ["one", "tw\0o", "th\rree", "", "fünf \ufffd", "last"]
    assert list(read_lines(log, "latin-1"))[4] == "f\xc3\xbcnf \xff"


def test_gzip_is_told_by_its_content(tmp_path):
    log = tmp_path / "log.txt"
    log.write_bytes(gzip.compress(b"a\nb\n"))
    assert list(read_lines(log)) == ["a", "b"]
    log.write_bytes(gzip.compress(b"some text\n" * 100000)[:-200])
    with pytest.raises(LogInputError, match="must be whole"):
        list(read_lines(log))


def test_a_ten_megabyte_line_and_a_head_of_nul_bytes(tmp_path):
    log = tmp_path / "long.log"
    log.write_bytes(b"\0" * 70000 + b"start\n" + b"x y " * 2_500_000 + b"\nend\n")
    lines = list(read_lines(log))
    assert len(lines) == 3 and len(lines[1]) == 10_000_000
    for name in ("hdfs", "bgl", "thunderbird", "iso-level", "log4j", "python-logging", "syslog-rfc3164"):
        assert [line.parsed for line in parse_lines(lines[1:2], get_system(name))] == [name in ("bgl", "thunderbird")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "found nothing at"),
        ("folder", "found the folder"),
        (b"", "found the empty file"),
        (bytes(range(256)) * 50, "found a binary file"),
        (b"\x7fELF" + b"\0\1\2" * 100, "ELF program"),
        ("text\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_no_log_is_refused_with_one_sentence(tmp_path, content, message):
    path = tmp_path / "input"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(LogInputError, match=message):
        read_lines(path)


def test_session_labels(tmp_path):
    path = tmp_path / "anomaly_label.csv"
    path.write_text("BlockId,Label\r\nblk_1,Normal\r\nblk_-2,Anomaly\r\n\r\n")
    assert read_session_labels(path) == {"blk_1": 0, "blk_-2": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a;b\n1;2\n", "header"),
        ("BlockId,Label\nblk_1,Maybe\n", "found 'blk_1,Maybe' in line 2"),
        ("BlockId,Label\n", "only the header"),
    ],
)
def test_bad_label_files(tmp_path, text, message):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(LogInputError, match=message):
        read_session_labels(path)


def test_a_system_without_a_pattern_takes_every_line():
    (line,) = parse_lines(["  hello "], LogSystem("mine", "Mine"))
    assert line.parsed and line.content == "hello" and line.raw == "  hello "
