"""Where a recipe's log and labels are, and whether it is the published one."""

import zipfile

import pytest

from logllm.errors import LogllmError
from logllm.hf_datasets import get_system
from logllm.training import published_log
from logllm.training.published_log import compare_with_paper, find_log

HDFS = {"system": "hdfs", "raw": "HDFS.log", "labels": "anomaly_label.csv"}
LINE = "081109 203615 148 INFO dfs.DataNode: Served block blk_1 to /10.0.0.1\n"


def packed(folder, labels=True):
    with zipfile.ZipFile(folder / "HDFS_v1.zip", "w") as archive:
        archive.writestr("HDFS.log", LINE)
        if labels:
            archive.writestr("preprocessed/anomaly_label.csv", "BlockId,Label\nblk_1,Normal\n")
    return folder / "HDFS_v1.zip"


def test_the_published_archive_stands_in_for_log_and_labels(tmp_path):
    archive = packed(tmp_path)
    found = find_log(HDFS, tmp_path)
    assert found.files == (archive,) and found.labels == archive
    (tmp_path / "HDFS.log").write_text(LINE)
    (tmp_path / "anomaly_label.csv").write_text("BlockId,Label\nblk_1,Normal\n")
    found = find_log(HDFS, tmp_path)
    assert found.files == (tmp_path / "HDFS.log",) and found.labels == tmp_path / "anomaly_label.csv"


def test_an_archive_in_the_cache_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    (tmp_path / "logllm").mkdir()
    archive = packed(tmp_path / "logllm")
    assert find_log(HDFS, tmp_path / "elsewhere").files == (archive,)


def test_a_log_without_labels_is_refused(tmp_path):
    packed(tmp_path, labels=False)
    with pytest.raises(LogllmError, match=r"labels of hdfs must be beside its log, found no anomaly_label\.csv"):
        find_log(HDFS, tmp_path)


def test_a_log_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "none"))
    with pytest.raises(LogllmError, match=r"found no HDFS\.log in .* and no HDFS_v1\.zip there .*--download"):
        find_log(HDFS, tmp_path)


def test_another_archive_than_the_published_one_is_refused(tmp_path):
    packed(tmp_path)
    assert find_log(HDFS, tmp_path).files  # a recipe that does not ask for the published one takes it
    with pytest.raises(LogllmError, match="must be the published archive with the MD5 76a24b4d"):
        find_log({**HDFS, "published": True}, tmp_path)


def test_counts_far_from_the_papers_are_another_log():
    paper = {
        "sequences": 1000,
        "train_sequences": 800,
        "train_anomalies": 30,
        "test_sequences": 200,
        "test_anomalies": 10,
    }
    near = {
        "name": "bgl",
        "paper": {"ours": {**paper, "train_anomalies": 31}, "paper": paper, "differs_in": ["train_anomalies"]},
    }
    assert compare_with_paper(near, published=True) == ["train_anomalies 31, the paper's 30"]
    far = {"name": "bgl", "paper": {"ours": {**paper, "sequences": 900}, "paper": paper, "differs_in": ["sequences"]}}
    with pytest.raises(LogllmError, match=r"published bgl \(1,000 sequences in the paper's Table I\), found 900"):
        compare_with_paper(far, published=True)
    assert compare_with_paper(far, published=False) == []
    assert published_log.SEQUENCES_WITHIN < 0.1 and get_system("bgl").paper is not None
