"""`python -m benchmarks all`: tasks side by side, stopped and resumed, with their times."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from benchmarks import bench

ROOT = bench.BENCHMARKS.parent


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Three small tasks in place of the real ones, in folders of their own."""
    results = tmp_path / "results"
    results.mkdir()
    monkeypatch.setattr(bench, "RESULTS", results)
    monkeypatch.setattr(bench, "WORK", tmp_path / "work")
    monkeypatch.setattr(bench, "TIMES", results / "bench_time.json")
    monkeypatch.setattr(bench, "PAGES", ())
    monkeypatch.setattr(
        bench, "command_of", lambda task: " && ".join(line.format(results=results) for line in task.lines)
    )

    def of(*tasks):
        monkeypatch.setattr(bench, "TASKS", tasks)
        return results

    return of


def writes(name, seconds=0.0, alone=False):
    """A task that says when it began and when it ended."""
    lines = (f"date +%s.%N > {{results}}/{name}.json", f"sleep {seconds}", f"date +%s.%N >> {{results}}/{name}.json")
    return bench.Task(name, lines, (f"{name}.json",), alone)


def span(results, name):
    return [float(word) for word in (results / f"{name}.json").read_text().split()]


def test_tasks_run_side_by_side_and_those_of_speed_alone(table, capsys):
    results = table(writes("speed", 0.2, alone=True), writes("one", 1), writes("two", 1))
    assert bench.main(["--side-by-side", "2"]) == 0
    one, two, alone = (span(results, name) for name in ("one", "two", "speed"))
    assert max(one[0], two[0]) < min(one[1], two[1])
    assert alone[0] > max(one[1], two[1])
    log = json.loads((results / "bench_time.json").read_text())
    assert log["sittings"] == 1 and 1.2 <= log["seconds"]
    assert {name: task["done"] for name, task in log["tasks"].items()} == {"one": True, "two": True, "speed": True}
    assert "3 of 3, speed: done" in capsys.readouterr().out


def test_what_is_done_is_not_run_again_but_again_removes_it(table, capsys):
    results = table(writes("one"), bench.Task("bad", ("exit 3",), ("bad.json",)))
    assert bench.main([]) == 1
    assert "bad: failed with exit code 3, see .bench/logs" in capsys.readouterr().out
    first = span(results, "one")
    assert bench.main([]) == 1 and span(results, "one") == first
    assert bench.main(["--again", "--tasks", "one"]) == 0 and span(results, "one") > first
    assert json.loads((results / "bench_time.json").read_text())["tasks"]["one"]["sittings"] == 1
    capsys.readouterr()
    assert bench.main(["--dry-run"]) == 0
    assert "not done" in capsys.readouterr().out


def test_a_speed_that_is_at_hand_is_not_measured_again(table):
    results = table(bench.Task("speed", ("exit 3",), ("speed.json",), alone=True))
    (results / "speed.json").write_text("{}")
    assert bench.main([]) == 0


def test_a_page_without_its_results_is_named(table, monkeypatch, capsys):
    table(writes("one"))
    monkeypatch.setattr(bench, "PAGES", ("no.such_page",))
    assert bench.main([]) == 1
    assert "no.such_page: not rendered, its results are not all there" in capsys.readouterr().out


def test_an_unknown_task_is_refused(table, capsys):
    table(writes("one"))
    with pytest.raises(SystemExit):
        bench.main(["--tasks", "three"])
    assert "--tasks must begin the name of a task, found 'three'" in capsys.readouterr().err


SLOW = """
import pathlib, sys, time
half, whole = pathlib.Path("half"), pathlib.Path("slow.json")
if half.exists():
    whole.touch()
else:
    sum(range(10**8))
    half.touch()
    time.sleep(60)
"""
STOPPED = """
import sys
from pathlib import Path
from benchmarks import bench
bench.RESULTS = bench.WORK = Path.cwd()
bench.TIMES = Path("bench_time.json")
bench.PAGES = ()
bench.TASKS = (bench.Task("slow", ("x",), ("slow.json",)),)
bench.command_of = lambda task: f"{sys.executable} slow.py"
sys.exit(bench.main([]))
"""


def test_a_stopped_bench_ends_its_tasks_and_continues(tmp_path):
    """In a process of its own, which gets the signal that a shell or a batch system sends."""
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "stopped.py").write_text(STOPPED)
    command, where = [sys.executable, "stopped.py"], {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(ROOT)}}
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **where)
    deadline = time.monotonic() + 60
    while not (tmp_path / "half").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGTERM)
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 130 and "`python -m benchmarks all` continues" in out
    task = json.loads((tmp_path / "bench_time.json").read_text())["tasks"]["slow"]
    assert not task["done"] and task["sittings"] == 1 and task["processor_seconds"] > 0.3
    assert subprocess.run(command, timeout=60, **where).returncode == 0
    task = json.loads((tmp_path / "bench_time.json").read_text())["tasks"]["slow"]
    assert task["done"] and task["sittings"] == 2


def test_every_result_file_is_of_a_task_or_says_why_not():
    made = {name for task in bench.TASKS for name in task.writes}
    there = {file.name for file in (bench.BENCHMARKS / "results").glob("*.json")} - {bench.TIMES.name}
    assert there - made == set(bench.BY_HAND)


def test_every_task_is_a_line_that_the_runner_knows():
    from benchmarks.__main__ import measurements, recipes

    known = {*measurements(), *recipes()}
    assert {line.split()[0] for task in bench.TASKS for line in task.lines} <= known
    assert set(bench.PAGES) <= known
