"""What a log can do to the person on call, from end to end: hostile text, endless lines, a full disk, a second watcher."""

import json
import resource
import shutil

import pytest
from fitted import fitted_folder

from logllm.detector import LogAnomalyDetector
from logllm.diff.command import DiffOptions, run_diff
from logllm.errors import LogllmError
from logllm.report.scan import scan_with, write_scan_report
from logllm.signals.command import ScanOptions, run_scan
from logllm.watch.start import start_watcher

HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m <script>alert(1)</script> \x00\x08\u202e end"
LONG = "dfs.DataNode: " + "y" * 10_000_000


@pytest.fixture(scope="module")
def lines():
    return (fitted_folder() / "hdfs.log").read_text("latin-1").splitlines()


@pytest.fixture(scope="module")
def model():
    return fitted_folder() / "model"


def anomalies(path):
    rows = [json.loads(row) for row in path.read_text().splitlines()] if path.exists() else []
    return {row["id"]: row for row in rows if row["event"] == "anomaly"}


def test_hostile_text_and_lines_of_ten_megabytes_in_a_scan(lines, model, tmp_path):
    log = tmp_path / "app.log"
    head = lines[0].split(" dfs.")[0]
    log.write_text("\n".join([*lines[:600], HOSTILE, f"{head} {LONG}", LONG, HOSTILE]) + "\n", "utf-8")
    found = scan_with(LogAnomalyDetector.from_pretrained(model), [log])
    assert found.counts.lines == 604
    good, bad = tmp_path / "good.log", tmp_path / "bad.log"
    steps = [f"2024-05-01 09:{i // 60:02d}:{i % 60:02d} INFO step {i} done" for i in range(600)]
    good.write_text("\n".join(steps) + "\n", "utf-8")
    bad.write_text("\n".join([*steps, f"2024-05-01 09:10:01 ERROR {HOSTILE}", LONG]) + "\n", "utf-8")
    for text in (
        run_scan([str(log)], ScanOptions(quiet=True, model=model))[1],
        run_diff([str(good), str(bad)], DiffOptions())[1],
        run_diff([str(good), str(bad)], DiffOptions(markdown=True))[1],
    ):
        assert "alert(1)" in text
        assert (
            not any(ord(sign) < 32 and sign != "\n" for sign in text) and "\x9b" not in text and "\u202e" not in text
        )
        assert len(text) < 20_000, "a line of 10 MB is cut where it is shown"
    page = tmp_path / "report.html"
    write_scan_report(found, page, HOSTILE)
    written = page.read_text("utf-8")
    assert "<script>alert" not in written and "\x1b" not in written and len(written) < 5_000_000


def test_a_full_disk_under_a_watcher_keeps_the_old_state_and_loses_nothing(lines, model, tmp_path):
    log, state, said = fitted_folder() / "hdfs.log", tmp_path / "state", []
    whole = start_watcher(str(log), model, alerts=str(tmp_path / "whole"))
    whole.run(until_end=True)
    watcher = start_watcher(
        str(log), model, state=state, alerts=str(tmp_path / "alerts"), metrics_port=0, say=said.append
    )
    watcher._take(watcher.source.read())
    watcher._deliver()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (state.stat().st_size + 100, limits[1]))
    try:
        watcher._take(watcher.source.read())
        watcher._deliver()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert any("state cannot be saved" in text and "one before is kept" in text for text in said)
    assert watcher.metrics.failures._value.get() >= 1 and "state cannot be saved" in watcher.healthy()[1]
    shutil.copy(state, tmp_path / "state_then")  # what a kill at this moment would leave
    shutil.copy(tmp_path / "alerts", tmp_path / "alerts_then")
    assert watcher.run(until_end=True) == 0 and watcher.healthy() == (True, "ok\n")
    assert set(anomalies(tmp_path / "alerts")) == set(anomalies(tmp_path / "whole"))
    after = start_watcher(str(log), model, state=tmp_path / "state_then", alerts=str(tmp_path / "alerts_then"))
    after.run(until_end=True)
    assert after.number == len(lines)
    assert set(anomalies(tmp_path / "alerts_then")) == set(anomalies(tmp_path / "whole"))


def test_a_second_watcher_on_one_state_refuses(model, tmp_path):
    log = fitted_folder() / "hdfs.log"
    first = start_watcher(str(log), model, state=tmp_path / "state", alerts=str(tmp_path / "alerts"))
    with pytest.raises(LogllmError, match=r"one watcher.*stop it, or give --state"):
        start_watcher(str(log), model, state=tmp_path / "state", alerts=str(tmp_path / "alerts"))
    first.close()
    start_watcher(str(log), model, state=tmp_path / "state", alerts=str(tmp_path / "alerts")).close()
