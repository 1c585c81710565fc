"""The scripts in examples/ run as they stand, in a folder of their own."""

import shutil
from pathlib import Path

import fresh_process
import pytest

ROOT = Path(__file__).resolve().parent.parent
SAID = {
    "scan_a_log.py": "circuit opened after",
    "diff_two_runs.py": "test_refund_keeps_the_currency",
    "data_frames.py": "severity",
    "train_and_push.py": "windows flagged",
    "watch_a_stream.py": "anomaly",
}


def test_every_example_is_tested():
    assert {file.name for file in (ROOT / "examples").glob("*.py")} == set(SAID)


@pytest.mark.parametrize("name", SAID)
def test_an_example_runs(tmp_path, name):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    code = "import runpy, sys; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"
    done = fresh_process.run(code, f"examples/{name}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert SAID[name] in done.stdout


def test_the_demo_begins_with_a_scan_and_a_diff(tmp_path):
    from logllm.cli.demo import first_look

    text = first_look(tmp_path / "out")
    words = " ".join(text.split())
    assert "circuit opened after" in words and "test_refund_keeps_the_currency" in words
    assert (tmp_path / "out" / "diff.html").stat().st_size > 1000
