import hashlib
import json

import pytest

from logllm.hf_datasets import WindowRule, get_system, make_windows, parse_lines, read_lines, read_session_labels
from logllm.hf_datasets.reading.log_line import LogLine
from logllm.hf_datasets.windows import line_spans


def line(number, *, time=None, label=None, sessions=(), parsed=True):
    return LogLine(number, f"raw {number}", f"message {number}", parsed, label, time, sessions)


def spans(rule, lines):
    return [(one.line_numbers[0], one.line_numbers[-1]) for one in make_windows(lines, rule)]


@pytest.mark.parametrize(
    ("count", "size", "step", "expected"),
    [
        (5, 2, None, [(1, 2), (3, 4), (5, 5)]),
        (4, 2, None, [(1, 2), (3, 4)]),
        (1, 100, None, [(1, 1)]),
        (0, 100, None, []),
        (7, 4, 2, [(1, 4), (3, 6), (5, 7)]),
        (6, 4, 2, [(1, 4), (3, 6)]),
        (9, 2, 4, [(1, 2), (5, 6), (9, 9)]),
        (9, 3, 1, [(first, first + 2) for first in range(1, 8)]),
    ],
)
def test_windows_by_count(count, size, step, expected):
    rule = WindowRule("sliding" if step else "fixed", size, step)
    assert spans(rule, [line(number) for number in range(1, count + 1)]) == expected
    assert [(first + 1, last) for first, last in line_spans(count, size, step or size)] == expected


def test_windows_by_time():
    times = [0, 10, 59, 60, 61, 95, 1000, 990, None]
    lines = [line(number, time=time) for number, time in enumerate(times, 1)]
    # [0,60) [30,90) [60,120) [90,150) then silence, then [960,1020): lines 8 and 9 count as of 1000.
    # [990,1050) holds the same lines as the one before and is not repeated.
    assert spans(WindowRule("time", 60, 30), lines) == [(1, 3), (3, 5), (4, 6), (6, 6), (7, 9)]
    assert spans(WindowRule("time", 60), lines) == [(1, 3), (4, 6), (7, 9)]


def test_windows_by_session_keep_loose_lines():
    lines = [
        line(1, sessions=("b",)),
        line(2, sessions=("a", "b")),
        line(3),
        line(4, sessions=("a",)),
        line(5),
    ]
    windows = list(make_windows(lines, WindowRule("session"), {"a": 1}))
    assert [(one.window_id, one.line_numbers, one.label) for one in windows] == [
        ("b", [1, 2], None),
        ("a", [2, 4], 1),
        ("3-5", [3, 5], None),
    ]
    assert sum(len(one.lines) for one in make_windows([line(n) for n in range(250)], WindowRule("session"))) == 250


def test_labels_of_windows():
    lines = [line(1, label="-"), line(2, label="ALERT"), line(3, label="-"), line(4, parsed=False)]
    first, second = make_windows(lines, WindowRule("fixed", 2))
    assert (first.label, first.line_labels) == (1, [0, 1])
    assert (second.label, second.line_labels) == (0, [0, -1])
    assert [one.line_numbers for one in make_windows(lines, WindowRule("fixed", 2), keep_unparsed=False)] == [
        [1, 2],
        [3],
    ]
    by_session = list(make_windows([line(1, sessions=("a", "b"))], WindowRule("fixed", 2), {"a": 0, "b": 1}))
    assert by_session[0].label == 1 and by_session[0].line_labels is None


def test_timestamps_of_windows():
    (window,) = make_windows([line(1), line(2, time=5.0), line(3, time=7.5)], WindowRule("fixed", 9))
    assert (window.first_timestamp, window.last_timestamp) == (5.0, 7.5)


def sha256(rows):
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def published_windows(lines, expected):
    cut = int(len(lines) * expected["train_share_of_lines"])
    rule = WindowRule("fixed", expected["window"])
    for name, part in (("train", lines[:cut]), ("test", lines[cut:])):
        windows = list(make_windows(part, rule))
        wanted = expected[name]
        assert len(windows) == wanted["windows"]
        assert sum(one.label for one in windows) == wanted["anomalous"]
        assert len(windows[-1].lines) == wanted["last_window_lines"]
        rows = [f"{one.label}\t" + "\x1f".join(one.lines) for one in windows]
        assert sha256(rows) == wanted["sha256_of_contents_and_labels"]


def test_golden_windows(shared_data, thunderbird_blocks):
    golden = json.loads((shared_data / "golden" / "windows.json").read_text())
    for key, expected in golden.items():
        if key.startswith("hdfs"):
            continue
        system = get_system(key.partition("/")[0])
        files = thunderbird_blocks if "block*" in key else [shared_data / key]
        lines = list(parse_lines((one for file in files for one in read_lines(file, system.encoding)), system))
        assert len(lines) == expected["lines"]
        parsed = [one for one in lines if one.parsed]
        assert len(parsed) == expected["lines_matching_format"]
        published_windows(parsed, expected)


def test_golden_sessions(shared_data):
    expected = json.loads((shared_data / "golden" / "windows.json").read_text())["hdfs/HDFS_2pct.log"]
    system = get_system("hdfs")
    lines = parse_lines(read_lines(shared_data / "hdfs/HDFS_2pct.log", system.encoding), system)
    windows = list(make_windows(lines, system.window, read_session_labels(shared_data / "hdfs/anomaly_label.csv")))
    assert len(windows) == expected["sessions"]
    assert sum(one.label for one in windows) == expected["anomalous"]
    assert max(len(one.lines) for one in windows) == expected["longest"]
    rows = [f"{one.window_id}\t" + "\x1f".join(one.lines) for one in sorted(windows, key=lambda one: one.window_id)]
    assert sha256(rows) == expected["sha256_of_sorted_sessions"]
    assert [one.line_numbers[0] for one in windows] == sorted(one.line_numbers[0] for one in windows)
