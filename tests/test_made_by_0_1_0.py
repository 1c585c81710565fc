"""What version 0.1.0 wrote still loads: a dataset, a fitted checkpoint, a watcher's state. `made_by_0_1_0/` holds them."""

import json
import shutil
from pathlib import Path

import pytest

from logllm import LogAnomalyDetector
from logllm.hf_datasets import load_statistics, load_templates, load_windows
from logllm.watch.start import start_watcher

MADE = Path(__file__).parent / "made_by_0_1_0"


def test_a_dataset():
    windows, statistics = load_windows(MADE / "dataset", "hdfs"), load_statistics(MADE / "dataset", "hdfs")
    assert {name: len(split) for name, split in windows.items()} == {
        name: split["windows"] for name, split in statistics["splits"].items()
    }
    known = {row["key"] for row in load_templates(MADE / "dataset", "hdfs")["templates"]}
    assert known and set(windows["train"]["keys"][0]) <= known


def test_a_checkpoint_gives_the_scores_that_it_gave():
    wanted = json.loads((MADE / "scores.json").read_text())
    detector = LogAnomalyDetector.from_pretrained(MADE / "fitted")
    lines = (MADE / "follow.log").read_text().splitlines()
    found = {verdict.window_id: verdict.score for verdict in detector.scan(lines)}
    assert found | {"threshold": detector.threshold} == pytest.approx(wanted, abs=1e-3)


def test_a_state_is_taken_up(tmp_path):
    """The log goes on where the state says; the windows that were open are closed by what comes."""
    shutil.copy(MADE / "follow.log", tmp_path / "follow.log")
    held = json.loads((MADE / "state").read_text().splitlines()[0].rpartition("\t")[0])
    file = (
        tmp_path / "follow.log"
    ).stat()  # a position names the file by its inode, which the copy has another one of
    held["position"] |= {"device": file.st_dev, "inode": file.st_ino}
    (tmp_path / "state").write_text(json.dumps(held) + "\n")
    shutil.copytree(MADE / "fitted", tmp_path / "model")
    with (tmp_path / "follow.log").open("a") as log:
        log.write("081109 203635 148 INFO dfs.DataNode: one more line of blk_1\n")
    watcher = start_watcher(
        str(tmp_path / "follow.log"), tmp_path / "model", state=tmp_path / "state", alerts=str(tmp_path / "alerts")
    )
    try:
        assert watcher.number == held["number"] == 200
        assert len(watcher.windows.open) == len(held["open"]) == 32
        assert watcher.source.read() == ["081109 203635 148 INFO dfs.DataNode: one more line of blk_1"]
    finally:
        watcher.close()
