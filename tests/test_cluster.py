"""`logllm score`: the same scores by every engine and in every place; what was done is not done again."""

import json
import subprocess
import sys

import fresh_process
import fsspec
import pytest
from loopback_hub import LoopbackHub
from scored_windows import FILES, read_scores, write_dataset, write_model

from logllm.batch import score as cluster
from logllm.batch import shard_scorer
from logllm.batch.score import deal, score
from logllm.batch.shards import plan
from logllm.detector import LogAnomalyDetector
from logllm.errors import LogllmError

COUNT = sum(FILES.values())


@pytest.fixture
def places(tmp_path, monkeypatch):
    def made(family="logllm"):
        return write_dataset(tmp_path / "data"), write_model(tmp_path / family, family, monkeypatch)

    return made


def run(dataset, model, out, **settings):
    return score(dataset, model, out, progress=False, **{"shard_rows": 20, **settings})


@pytest.mark.parametrize("family", ["logllama", "logllm"])
def test_every_window_gets_the_score_of_the_detector(places, tmp_path, family):
    dataset, model = places(family)
    found = run(dataset, model, tmp_path / "out")
    assert (found["windows"], found["shards"], found["shards_done_before"]) == (COUNT, 5, 0)
    rows = read_scores(tmp_path / "out")
    assert len(rows) == COUNT and sum(row["is_anomalous"] for row in rows.values()) == found["anomalous"]
    detector = LogAnomalyDetector.from_pretrained(model)
    from datasets import load_dataset

    windows = load_dataset("parquet", data_files=str(dataset / "hdfs" / "t*-*.parquet"), split="train")
    for row, wanted in zip(windows, detector.scores(windows["lines"][:])):
        own = rows[row["window_id"]]
        assert own["score"] == pytest.approx(wanted, abs=1e-5) and own["label"] == row["label"]
        assert own["is_anomalous"] == (own["score"] > detector.threshold)


def test_from_and_to_another_file_system(places, tmp_path):
    dataset, model = places()
    memory = fsspec.filesystem("memory")
    for file in (dataset / "hdfs").iterdir():
        memory.pipe_file(f"/logs/hdfs/{file.name}", file.read_bytes())
    run(dataset, model, tmp_path / "out")
    run("memory://logs", model, "memory://scores")
    (tmp_path / "copy").mkdir()
    for file in memory.find("/scores"):
        (tmp_path / "copy" / file.rpartition("/")[2]).write_bytes(memory.cat_file(file))
    assert read_scores(tmp_path / "copy") == read_scores(tmp_path / "out")
    assert run("memory://logs", model, "memory://scores")["shards_done_before"] == 5


ON_THE_HUB = """
import json, sys
from huggingface_hub import HfApi
from logllm.batch.score import score
dataset, model, out = sys.argv[1:]
for name in ("me/logs", "me/scores"):
    HfApi().create_repo(name, repo_type="dataset")
HfApi().upload_folder(repo_id="me/logs", folder_path=dataset, repo_type="dataset")
settings = dict(progress=False, shard_rows=20)
first = score("me/logs", model, "hf://datasets/me/scores/run", **settings)
again = score("me/logs", model, "hf://datasets/me/scores/run", **settings)
HfApi().snapshot_download("me/scores", repo_type="dataset", local_dir=out)
print(json.dumps([first, again]))
"""


def test_from_and_to_the_hub(places, tmp_path):
    dataset, model = places()
    run(dataset, model, tmp_path / "local")
    with LoopbackHub() as hub:
        done = fresh_process.run(ON_THE_HUB, dataset, model, tmp_path / "copy", env=hub.environment(tmp_path / "home"))
    assert done.returncode == 0, done.stderr[-3000:]
    first, again = json.loads(done.stdout.splitlines()[-1])
    assert (first["windows"], first["shards_done_before"], again["shards_done_before"]) == (COUNT, 0, 5)
    assert read_scores(tmp_path / "copy" / "run") == read_scores(tmp_path / "local")


def test_what_was_done_before_a_crash_is_not_done_again(places, tmp_path, monkeypatch):
    dataset, model = places()
    run(dataset, model, tmp_path / "whole")
    done, usual = [], shard_scorer.write_result

    def dies(out, shard, columns):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(shard.name)
        return usual(out, shard, columns)

    monkeypatch.setattr(shard_scorer, "write_result", dies)
    with pytest.raises(KeyboardInterrupt):
        run(dataset, model, tmp_path / "out")
    assert {file.name for file in (tmp_path / "out").glob("*.parquet")} == set(done)
    before = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in done}
    monkeypatch.setattr(shard_scorer, "write_result", usual)
    assert run(dataset, model, tmp_path / "out")["shards_done_before"] == 2
    assert before == {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in done}
    assert read_scores(tmp_path / "out") == read_scores(tmp_path / "whole")
    monkeypatch.setattr(cluster, "ShardScorer", None)  # a third run loads no model
    assert run(dataset, model, tmp_path / "out")["shards_done_before"] == 5


def test_another_model_is_refused(places, tmp_path, monkeypatch):
    dataset, model = places()
    run(dataset, model, tmp_path / "out")
    other = write_model(tmp_path / "other", "logllm", monkeypatch, seed=1)
    with pytest.raises(LogllmError, match=r"same model and dataset, found another .*model digest"):
        run(dataset, other, tmp_path / "out")


def test_shares_cover_all_shards_and_are_even(places):
    shards = plan(places()[0], rows=10)
    shares = deal(shards, 3)
    assert sorted(one.name for share in shares for one in share) == sorted(one.name for one in shards)
    sizes = [sum(one.size for one in share) for share in shares]
    assert max(sizes) - min(sizes) <= max(one.size for one in shards)


def test_engines_that_cannot_run_say_what_to_do(places, tmp_path, monkeypatch):
    dataset, model = places()
    with pytest.raises(LogllmError, match="one of local, torchrun, ray, found 'spark'"):
        run(dataset, model, tmp_path / "out", engine="spark")
    with pytest.raises(LogllmError, match="torchrun --nproc_per_node 2 -m logllm score"):
        run(dataset, model, tmp_path / "out", engine="torchrun")
    monkeypatch.setitem(sys.modules, "ray", None)  # not installed
    with pytest.raises(LogllmError, match=r"pip install 'logllm\[ray\]'"):
        run(dataset, model, tmp_path / "out", engine="ray")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(LogllmError, match="use --engine torchrun"):
        run(dataset, model, tmp_path / "out")


# The command, and then the threads that it left (counted in /proc, which only Linux has): one of gloo's could abort it.
WORKER = """
import contextlib, sys
from pathlib import Path

from logllm.__main__ import main

try:
    main()
except SystemExit as end:
    assert not end.code, end.code
with contextlib.suppress(FileNotFoundError):
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    sys.exit(f"threads of gloo are left: {names}" if any("gloo" in name for name in names) else 0)
"""


@pytest.mark.slow
def test_two_processes_of_torchrun_give_the_same_bits_and_leave_no_thread(places, tmp_path):
    dataset, model = places()
    run(dataset, model, tmp_path / "local")
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "worker.py"
    script.write_text(WORKER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    command += ["score", "--engine", "torchrun", "--dataset", str(dataset), "--model", str(model)]
    command += ["--shard-rows", "20", "--out", str(tmp_path / "out"), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout)["windows"] == COUNT  # the first process speaks, for all
    assert read_scores(tmp_path / "out") == read_scores(tmp_path / "local")
