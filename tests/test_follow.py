"""Following a file by name: nothing is lost and nothing read twice through rotation, truncation, restart."""

import gzip
import random

import pytest

from logllm.watch.sources import MAX_LINE_BYTES, FileFollower, Lines


def drain(follower, patience=6):
    lines, quiet = [], 0
    while quiet < patience:
        block = follower.read()
        lines += block
        quiet = 0 if block else quiet + 1
    return lines


def test_only_whole_lines_come_out_and_the_rest_waits(tmp_path):
    log = tmp_path / "app.log"
    log.write_bytes(b"one\ntw")
    follower = FileFollower(log)
    assert drain(follower) == ["one"]
    assert follower.position.offset == 4
    with log.open("ab") as stream:
        stream.write(b"o\r\nthree\n")
    assert drain(follower) == ["two", "three"]


def test_a_name_that_does_not_exist_yet_is_waited_for(tmp_path):
    follower = FileFollower(tmp_path / "app.log")
    assert follower.read() == []
    (tmp_path / "app.log").write_text("late\n")
    assert drain(follower) == ["late"]


def test_rotation_twice_between_two_looks_loses_nothing(tmp_path):
    log = tmp_path / "app.log"
    log.write_text("a1\na2\n")
    follower = FileFollower(log)
    assert drain(follower) == ["a1", "a2"]
    with log.open("a") as stream:
        stream.write("a3\na4 has no line feed")
    log.rename(tmp_path / "app.log.1")
    log.write_text("b1\n")
    (tmp_path / "app.log.1").rename(tmp_path / "app.log.2")
    log.rename(tmp_path / "app.log.1")
    log.write_text("c1\n")
    assert drain(follower) == ["a3", "a4 has no line feed", "b1", "c1"]


@pytest.mark.parametrize("packed", [False, True])
def test_restart_after_rotation_goes_on_in_the_old_file(tmp_path, packed):
    log = tmp_path / "app.log"
    log.write_text("".join(f"a{i}\n" for i in range(50)))
    follower = FileFollower(log)
    assert len(drain(follower)) == 50
    position = follower.position
    follower.close()
    with log.open("a") as stream:
        stream.write("a50\n")
    if packed:
        (tmp_path / "app.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
        log.unlink()
    else:
        log.rename(tmp_path / "app.log.1")
    log.write_text("b0\n")
    assert drain(FileFollower(log, position=position)) == ["a50", "b0"]


def test_copy_and_truncate_reads_the_rest_from_the_copy(tmp_path):
    log = tmp_path / "app.log"
    log.write_text("a1\na2\n")
    follower = FileFollower(log)
    assert drain(follower) == ["a1", "a2"]
    (tmp_path / "app.log.1").write_text("a1\na2\na3\n")
    log.write_text("b\n")  # same inode, shorter
    assert drain(follower) == ["a3", "b"]
    assert "truncated" in follower.remarks[0]


def test_truncated_and_written_beyond_the_old_place_is_seen_by_its_first_bytes(tmp_path):
    log = tmp_path / "app.log"
    log.write_text("old 1\n")
    follower = FileFollower(log)
    assert drain(follower) == ["old 1"]
    log.write_text("new 1\nnew 2\nnew 3\n")
    assert drain(follower) == ["new 1", "new 2", "new 3"]


def test_gone_file_is_said(tmp_path):
    log = tmp_path / "app.log"
    log.write_text("a\n")
    follower = FileFollower(log)
    drain(follower)
    position = follower.position
    log.unlink()
    (tmp_path / "other").write_text("x")
    log.write_text("other text\n")
    again = FileFollower(log, position=position)
    assert drain(again) == ["other text"]
    assert again.remarks


def test_a_line_of_ten_megabytes_is_cut_in_bounded_memory():
    lines = Lines("utf-8")
    for _ in range(160):
        assert lines.feed(b"x" * 65536) == []
        assert len(lines.rest) <= MAX_LINE_BYTES + 1
    found = lines.feed(b"\nnext\n")
    assert [len(found[0]), found[1]] == [MAX_LINE_BYTES, "next"]
    assert lines.cut == 1


def test_random_rotations_and_restarts_give_every_line_once(tmp_path):
    rng = random.Random(3)
    log = tmp_path / "app.log"
    log.touch()
    written, read, follower = [], [], FileFollower(log)
    for _ in range(400):
        what = rng.random()
        if what < 0.6:
            rows = [f"line {len(written) + i} {rng.random()}" for i in range(rng.randrange(1, 5))]
            with log.open("a") as stream:
                stream.write("".join(row + "\n" for row in rows))
            written += rows
        elif what < 0.7:
            numbers = sorted((int(p.suffix[1:]) for p in tmp_path.glob("app.log.[0-9]*")), reverse=True)
            for number in numbers:
                (tmp_path / f"app.log.{number}").rename(tmp_path / f"app.log.{number + 1}")
            log.rename(tmp_path / "app.log.1")
            log.touch()
        elif what < 0.8:
            position = follower.position
            follower.close()
            follower = FileFollower(log, position=position)
        else:
            read += follower.read()
    assert read + drain(follower, 60) == written
