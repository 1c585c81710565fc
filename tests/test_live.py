"""Windows of a growing log: decided by the lines alone, bounded, and the same as of a log that has ended."""

from dataclasses import replace

from logllm.hf_datasets import LogLine, WindowRule, get_system
from logllm.hf_datasets.live_windows import (
    BACKWARDS_LINES,
    LiveWindows,
    as_window,
    live_windows,
    usual_idle,
)
from logllm.hf_datasets.reading.escapes import without_escapes


def line(number, time=None, *sessions):
    return LogLine(number, f"raw {number}", f"message {number}", True, None, time, sessions)


def names(closed):
    return [(one.name, [member.number for member in one.members]) for one in closed]


def test_a_session_closes_when_the_clock_says_that_it_was_idle():
    windows = LiveWindows(WindowRule("session"), idle=10)
    assert windows.push(line(1, 0.0, "a")) == []
    assert windows.push(line(2, 9.0, "b")) == []
    assert names(windows.push(line(3, 12.0, "b"))) == [("a", [1])]
    assert names(windows.push(line(4, 100.0, "a"))) == [("b", [2, 3])]
    assert names(windows.close_idle()) == [("a", [4])]
    assert windows.open_lines == 0


def test_a_line_of_two_sessions_belongs_to_both_and_a_loose_one_to_none():
    windows = LiveWindows(WindowRule("session"), idle=10)
    windows.push(line(1, 0.0, "a", "b"))
    windows.push(line(2, 0.0))
    closed = windows.close_idle()
    assert names(closed) == [("a", [1]), ("b", [1]), ("", [2])]
    assert [as_window(one).window_id for one in closed] == ["a", "b", "2-2"]


def test_fixed_windows_close_when_full_and_sliding_ones_overlap():
    fixed = LiveWindows(WindowRule("fixed", 3))
    closed = [one for number in range(1, 8) for one in fixed.push(line(number))]
    assert [[m.number for m in one.members] for one in closed] == [[1, 2, 3], [4, 5, 6]]
    sliding = LiveWindows(WindowRule("sliding", 3, 1))
    closed = [one for number in range(1, 6) for one in sliding.push(line(number))]
    assert [[m.number for m in one.members] for one in closed] == [[1, 2, 3], [2, 3, 4], [3, 4, 5]]


def test_time_windows_close_by_the_clock():
    windows = LiveWindows(WindowRule("time", 60))
    closed = [one for number, time in enumerate((0, 10, 59, 61, 200), 1) for one in windows.push(line(number, time))]
    assert [[m.number for m in one.members] for one in closed] == [[1, 2, 3], [4]]


def test_a_clock_that_jumps_ahead_once_does_not_keep_sessions_open_for_ever():
    windows = LiveWindows(WindowRule("session"), idle=10)
    windows.push(line(1, 1e10, "future"))
    closed = []
    for number in range(2, 2 + 2 * BACKWARDS_LINES):
        closed += windows.push(line(number, 1000.0 + number, f"s{number % 3}" if number < 50 else "now"))
    assert {name for name, _ in names(closed)} >= {"s0", "s1", "s2"}


def test_memory_is_bounded():
    windows = LiveWindows(WindowRule("session"), idle=None, max_window_lines=5, max_open_lines=20)
    closed = [one for number in range(1, 101) for one in windows.push(line(number, 0.0, f"s{number % 50}"))]
    assert windows.open_lines <= 20
    closed += windows.close_idle()
    assert sorted(m.number for one in closed for m in one.members) == list(range(1, 101))


def test_long_lines_are_bounded_too():
    windows = LiveWindows(WindowRule("session"), idle=None, max_open_characters=1000)
    closed = []
    for i in range(50):
        one = line(i, float(i), f"s{i}")
        one.raw = "x" * 300
        closed += windows.push(one)
        assert windows.open_characters == 300 * windows.open_lines <= 1000
    assert [w.name for w in closed] == [f"s{i}" for i in range(47)]


def test_idle_is_found_in_the_log():
    lines = [line(i, float(20 * (i // 10)), f"s{i % 10}") for i in range(200)]
    assert usual_idle(lines) == 24.0
    assert usual_idle(lines[:100]) == 18.0  # a tenth of what they span: the log must show most of its sessions end
    assert usual_idle([line(1, 0.0)]) == 60.0


def test_what_the_log_s_end_cuts_through_is_known():
    system = replace(get_system("hdfs"), window=WindowRule("session"))
    rows = [line(i, 10.0 * i, "early" if i < 3 else "late") for i in range(1, 30)]
    assert [(w.name, w.over) for w in live_windows(rows, system, 60)] == [("early", True), ("late", False)]


def test_colours_do_not_make_other_templates():
    assert without_escapes("\x1b[1;31mERROR\x1b[0m \x1b]0;title\x07disk") == "ERROR disk"
