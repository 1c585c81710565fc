"""The fast path against the plain one: the same contents, numbers, labels, times, masks and sessions, on odd input."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logllm.hf_datasets import WindowRule, get_system, make_windows, parse_lines, read_lines
from logllm.hf_datasets.columnar.column_reader import ColumnReader
from logllm.hf_datasets.columnar.message_codes import Channel
from logllm.hf_datasets.columnar.read_log import read_log
from logllm.hf_datasets.columnar.window_index import group_lines, group_sessions
from logllm.hf_datasets.drain import MAX_CHARACTERS, masker
from logllm.hf_datasets.errors import LogInputError
from logllm.hf_datasets.reading.chunks import read_chunks
from logllm.hf_datasets.systems.rules import DEFAULT_MASKS, DrainSettings, LogSystem, TimestampRule
from logllm.modeling_logllm import masking

LOGLLM_RULES = ((masking.ELLIPSIS, ".. "), (masking.PATTERN, masking.MASK))
DRAIN_MASK = masker(DrainSettings())


def test_escapes_are_taken_out_by_both_ways(tmp_path):
    """The columns of a build and the lines one by one hold the same messages of a coloured log."""
    system = get_system("hdfs")
    lines = [f"081109 203519 {n} INFO dfs.DataNode: \x1b[1mReceived\x1b[0m block blk_{n}" for n in range(5)]
    (tmp_path / "a.log").write_text("\n".join(lines) + "\n")
    (chunk,) = read_chunks(tmp_path / "a.log")
    wanted = [f"Received block blk_{n}" for n in range(5)]
    assert ColumnReader(system).columns(chunk).contents().to_pylist() == wanted
    assert [line.content for line in parse_lines(lines, system)] == wanted


def channels():
    return [
        Channel(masking.mask_message, LOGLLM_RULES),
        Channel(DRAIN_MASK, DEFAULT_MASKS, MAX_CHARACTERS),
        Channel(str.upper),  # nothing is known of it
    ]


def by_columns(path, system, size, distinct):
    """Every line as a tuple, by the fast path: `distinct` sends every chunk to the way for distinct lines."""
    reader = ColumnReader(system, channels())
    if distinct:
        reader.distinct_share, reader.few = -1, 0
    rows, unparsed = [], []
    for chunk in read_chunks(path, system.encoding, size):
        part = reader.columns(chunk)
        sessions = [[] for _ in part.numbers]
        for row, session in zip(part.pair_rows.tolist(), part.pair_sessions.tolist()):
            sessions[row].append(session)
        masked = [
            [channel.texts[code] for code in codes.tolist()] for channel, codes in zip(reader.channels, part.codes)
        ]
        times = [None] * len(part.numbers) if part.times is None else part.times.tolist()
        times = [None if time is None or np.isnan(time) else time for time in times]
        labels, numbers = part.labels.tolist(), part.numbers.tolist()
        rows += zip(numbers, part.contents().to_pylist(), labels, times, map(tuple, sessions), *masked)
        unparsed += part.unparsed
    settled, names = reader.sessions.settled()
    names = names.to_pylist()
    rows = [(*row[:4], tuple(names[settled[one]] for one in row[4]), *row[5:]) for row in rows]
    return rows, unparsed


def by_lines(path, system):
    rows, unparsed = [], []
    for line in parse_lines(read_lines(path, system.encoding), system):
        if not line.parsed:
            unparsed.append((line.number, line.raw))
            continue
        masked = [mask(line.content) for mask in (masking.mask_message, DRAIN_MASK, str.upper)]
        rows.append((line.number, line.content, line.anomalous, line.timestamp, line.session_ids, *masked))
    return rows, unparsed


def assert_same(path, system, size=1 << 20):
    expected = by_lines(path, system)
    for distinct in (False, True):
        assert by_columns(path, system, size, distinct) == expected


LINES = {
    "hdfs": b"081109 203531 145 INFO dfs.DataNode$X: ",
    "bgl": b"- 1117838579 2005.06.03 R02-M1 2005-06-03-15.42.59.413771 R02 RAS KERNEL INFO ",
    "thunderbird": b"VAPI 1131523501 2005.11.09 aadmin1 Nov 10 00:05:01 src@aadmin1 ",
    "syslog-rfc3164": b"Jun  1 05:16:01 combo sshd(pam_unix)[19939]: ",
    "python-logging": b"2024-05-01 10:11:12,123 - app.db - WARNING - ",
    "log4j": b"2015-10-18 18:01:47,978 INFO [main] org.apache.X: ",
    "iso-level": b"2024-05-01T10:11:12Z INFO ",
    "plain": b"",
}
PIECES = [b" ", b"  ", b"\t", b"\r", b"\0", b"\x0b", b"\x1c", b"\x1f", b"\x85", b"\xa0", b"\xe9", b"\xc3\xa9", b"\xff"]
PIECES += [
    b"blk_-1",
    b"blk_22 blk_22",
    b"blk_7",
    b"10.0.0.1:50010",
    b"/usr/lib/a1.so",
    b"0x1f",
    b"...",
    b"five",
    b"True",
]
PIECES += [
    b"Mon",
    b"Jun 1 x",
    b"a@b-c",
    b"deadbeef",
    b"12345678",
    b"x9:",
    b"-",
    b"$1",
    b"\\1",
    b"[7]",
    b"R0-M1",
    b"\xe2\x80\xa8",
]
PIECES += [bytes([code]) for code in range(33, 127, 3)]
TEXT = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)
LINE = st.tuples(st.sampled_from([*LINES.values(), b"", b"junk", b"- 1 2 3"]), TEXT).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(sorted(LINES)), st.sampled_from([b"\n", b"\r\n"]), st.integers(1, 400))
def test_odd_lines(data, name, end, size):
    import tempfile
    from pathlib import Path

    lines = data.draw(st.lists(st.one_of(LINE, TEXT.map(lambda text: LINES[name] + text)), min_size=1, max_size=12))
    content = end.join(lines) + data.draw(st.sampled_from([b"", end]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "odd.log"
        path.write_bytes(content)
        try:
            list(read_lines(path))
        except LogInputError:
            return  # empty, or so odd that it is no text: both ways begin with the same look at the file
        assert_same(path, get_system(name), size)


@pytest.mark.parametrize(
    ("name", "file", "step"),
    [
        ("hdfs", "hdfs/HDFS_2k.log", 1),
        ("bgl", "bgl/BGL_2k.log", 1),
        ("bgl", "bgl/BGL_thinned.log", 7),  # every seventh of its 60,000 lines
        ("thunderbird", "thunderbird/TB_head.log", 2),
        ("hdfs", "bgl/BGL_2k.log", 1),
        ("plain", "hdfs/HDFS_2k.log", 1),
    ],
)
def test_real_logs(shared_data, tmp_path, name, file, step):
    lines = (shared_data / file).read_bytes().splitlines(keepends=True)
    (tmp_path / "a.log").write_bytes(b"".join(lines[::step]))
    assert_same(tmp_path / "a.log", get_system(name))


def test_golden_masks_by_both_ways(shared_data, tmp_path):
    rows = [json.loads(line) for line in (shared_data / "golden/logllm_masks.jsonl").read_text("utf-8").splitlines()]
    rows = [row for row in rows if row["message"].strip() == row["message"] and "\n" not in row["message"]]
    path = tmp_path / "messages.log"
    path.write_text("\n".join(row["message"] for row in rows), "utf-8", newline="\n")
    for distinct in (False, True):
        found, _ = by_columns(path, get_system("plain"), 1 << 20, distinct)
        assert [row[5] for row in found] == [row["masked"] for row in rows]


def test_patterns_that_tell_digits_apart_are_not_folded(tmp_path):
    path = tmp_path / "my.log"
    path.write_text(
        "".join(f"{number % 10} call {number % 4}0{number % 3} id_{number % 3}\n" for number in range(500))
    )
    system = LogSystem("mine", "Mine", r"^(?P<kind>[0-4]) (?P<content>.*)$", session_pattern=r"id_[12]")
    assert_same(path, system)
    channel = Channel(lambda text: re.sub("1", "<*>", text), [("1", "<*>")])
    assert not channel.folds


def test_a_pattern_that_leaves_its_content_or_label_out(tmp_path):
    path = tmp_path / "my.log"
    path.write_text("app: hello\n- app: hello\nE app: id_1\nelse\n\n" * 9)
    pattern = r"^(?:(?P<label>[-E]) )?app: (?P<content>.*)$|^else"
    system = LogSystem("mine", "Mine", pattern, label_rule="line", session_pattern=r"id_\d")
    assert_same(path, system)
    lines = list(parse_lines(path.read_text().splitlines(), system))
    assert [(one.parsed, one.anomalous) for one in lines[:5]] == [
        (True, -1), (True, 0), (True, 1), (False, -1), (False, -1),
    ]  # fmt: skip
    assert lines[3].content == "else"


def test_time_parts_that_stand_apart(tmp_path):
    path = tmp_path / "my.log"
    path.write_text(
        "".join(f"2024-05-0{1 + number % 9} host{number} 10:00:0{number % 10} hello\n" for number in range(50))
    )
    pattern = r"^(?P<day>\S+)\s+(?P<host>\S+)\s+(?P<time>\S+)\s+(?P<content>.*)$"
    assert_same(path, LogSystem("mine", "Mine", pattern, TimestampRule(("day", "time"), "iso")))


def test_rules_that_do_not_say_what_the_mask_does(tmp_path):
    path = tmp_path / "my.log"
    path.write_text("a 1\n")
    channel = Channel(masking.mask_message, [(r"\d+", "<number>")])
    with pytest.raises(LogInputError, match="rules must say what the mask does"):
        ColumnReader(get_system("plain"), [channel]).columns(b"a 1\n")


RULES = [
    WindowRule("fixed", 7),
    WindowRule("sliding", 7, 3),
    WindowRule("sliding", 3, 7),
    WindowRule("time", 60, 30),
    WindowRule("time", 10, 25),
    WindowRule("time", 0.7, 0.1),
    WindowRule("session"),
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.sampled_from(["", "blk_1", "blk_2 blk_1", "blk_3"])), min_size=1, max_size=60
    ),
    st.sampled_from(RULES),
)
def test_windows_as_integers_are_the_same_windows(events, rule):
    import tempfile
    from pathlib import Path

    system = LogSystem(
        "mine", "Mine", r"^(?P<t>\S+) (?P<content>.*)$", TimestampRule(("t",), "epoch"), session_pattern=r"blk_\d+"
    )
    times = [
        start + at * 11 % 50 / 10
        for at, (start, _) in enumerate(sorted(events)[: len(events) // 2] + events[len(events) // 2 :])
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "my.log"
        path.write_text(
            "".join(
                f"{time if at % 9 else 'none'} x {ids}.\n" for at, (time, (_, ids)) in enumerate(zip(times, events))
            )
        )
        log = read_log([path], system, [], None, None, False)
        expected = list(make_windows(parse_lines(read_lines(path), system), rule))
    if rule.kind == "session":
        found = group_sessions(len(log), log.pair_rows, log.pair_sessions, len(log.session_names))
    else:
        found = group_lines(0, len(log), rule, log.times)
    rows = [found.rows[one:two].tolist() for one, two in zip(found.offsets, found.offsets[1:])]
    assert [[int(log.numbers[row]) for row in one] for one in rows] == [one.line_numbers for one in expected]
    if rule.kind == "session":
        names = [log.session_names[code].as_py() if code >= 0 else None for code in found.sessions.tolist()]
        assert [name or one.window_id for name, one in zip(names, expected)] == [one.window_id for one in expected]
