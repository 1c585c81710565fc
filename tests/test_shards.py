"""Shards of a dataset: how they are cut, written whole, and known again; what is refused."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scored_windows import FILES, write_dataset

from logllm.batch.shards import claim, dataset_address, finished, plan, read_rows, write_result, write_whole
from logllm.errors import LogllmError


def columns(shard):
    ids = [row for rows in read_rows(shard.file.rpartition("/")[0], shard) for row in rows["window_id"]]
    return {"window_id": ids, "label": [0] * len(ids), "score": [0.5] * len(ids), "is_anomalous": [True] * len(ids)}


def test_shards_are_runs_of_row_groups_and_cover_every_window(tmp_path):
    dataset = write_dataset(tmp_path)
    shards = plan(dataset, rows=20)
    assert [(one.first, one.last, one.rows) for one in shards] == [(0, 2, 17), (0, 2, 20), (2, 4, 20), (0, 2, 20), (2, 3, 3)]  # fmt: skip
    assert shards[0].name == "test-00000-of-00001.parquet"
    assert shards[1].name == "train-00000-of-00002-part-00000-of-00002.parquet"
    ids = [row for shard in shards for rows in read_rows(dataset, shard) for row in rows["window_id"]]
    assert sorted(ids) == sorted(f"{name}:{i}" for name, count in FILES.items() for i in range(count))
    assert [one.rows for one in plan(dataset, split="test")] == [17]
    assert sum(one.rows for one in plan(dataset, "hdfs", "train")) == 63


def test_a_written_shard_is_known_again_and_another_one_is_not(tmp_path):
    shards = plan(write_dataset(tmp_path), rows=20)
    out = tmp_path / "out"
    assert finished(out, shards) == {}
    facts = write_result(out, shards[1], columns(shards[1]))
    assert facts["windows"] == facts["anomalous"] == 20
    assert finished(out, shards) == {shards[1].name: facts}
    (out / ".half.part").write_bytes(b"PAR1")  # of a process that was killed while it wrote
    whole = (out / shards[1].name).read_bytes()
    (out / shards[2].name).write_bytes(whole[: len(whole) // 2])  # cut short
    (out / shards[3].name).write_bytes(whole)  # of another shard
    assert set(finished(out, shards)) == {shards[1].name}


def test_another_content_is_another_shard(tmp_path):
    one, other = write_dataset(tmp_path / "one"), write_dataset(tmp_path / "other")
    file = other / "hdfs" / "test-00000-of-00001.parquet"
    rows = pq.read_table(file).to_pylist()
    rows[0]["window_id"] = "a window of another log"
    pq.write_table(pa.Table.from_pylist(rows, pq.read_schema(file)), file, row_group_size=10)
    marks = [[shard.mark for shard in plan(place)] for place in (one, other)]
    assert marks[0][0] != marks[1][0] and marks[0][1:] == marks[1][1:]


def test_the_place_of_another_run_is_refused_with_the_difference(tmp_path):
    manifest = {"dataset": {"path": "here", "windows": 3}, "model": {"path": "m", "digest": "a"}}
    claim(tmp_path / "out", manifest)
    claim(tmp_path / "out", json.loads(json.dumps(manifest).replace("here", "there")))  # moved, the same
    with pytest.raises(LogllmError, match="model digest: 'a' there, 'b' now"):
        claim(tmp_path / "out", {**manifest, "model": {"path": "m", "digest": "b"}})
    write_whole(tmp_path / "full", "other.parquet", b"")
    with pytest.raises(LogllmError, match="empty or of an earlier run"):
        claim(tmp_path / "full", manifest)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda place: [file.unlink() for file in place.glob("t*-*.parquet")], "must hold Parquet files, found none"),
        (
            lambda place: (place / "test-00000-of-00001.parquet").write_bytes(b"PAR1 no"),
            "whole Parquet, found .*test-",
        ),
        (
            lambda place: pq.write_table(pa.table({"text": ["a"]}), place / "x.parquet"),
            "must have window_id, found text",
        ),
        (
            lambda place: place.rename(place.parent / "a") and write_dataset(place.parent),
            "found a, hdfs in .*--config",
        ),
    ],
)
def test_a_dataset_that_cannot_be_scored_is_refused(tmp_path, spoil, said):
    dataset = write_dataset(tmp_path / "data")
    spoil(dataset / "hdfs")
    with pytest.raises(LogllmError, match=said):
        plan(dataset)


def test_addresses(tmp_path):
    assert dataset_address("OWNER/NAME") == "hf://datasets/OWNER/NAME"
    assert dataset_address(tmp_path) == str(tmp_path) and dataset_address("s3://bucket/logs") == "s3://bucket/logs"
    with pytest.raises(LogllmError, match="PROTOCOL://PATH, found nowhere://x"):
        plan("nowhere://x")
