"""Ray: the same bits as one process, also where an actor is killed in the middle."""

import os
import signal

import pytest
from scored_windows import FILES, read_scores, write_dataset, write_model

from logllm.batch.ray_engine import score_with_ray
from logllm.batch.score import score
from logllm.batch.shards import plan

pytest.importorskip("ray", reason="the extra is not installed: pip install 'logllm[ray]'")
psutil = pytest.importorskip("psutil")


def actors():
    """The processes of the pool."""
    every = psutil.Process().children(recursive=True)
    return [one for one in every if one.is_running() and one.name().startswith("ray::MapWorker")]


@pytest.mark.slow
def test_a_killed_actor_costs_a_retry_and_no_row(tmp_path, monkeypatch):
    dataset, model = write_dataset(tmp_path / "data"), write_model(tmp_path / "model", "logllm", monkeypatch)
    score(dataset, model, tmp_path / "local", shard_rows=10, progress=False)
    shards, killed = plan(dataset, rows=10), []

    def tell(windows):
        if not killed:  # after the first shard: the actors are at work on the next ones
            for one in actors():
                killed.append(one.pid)
                os.kill(one.pid, signal.SIGKILL)

    done = score_with_ray(shards, (str(dataset), str(model), str(tmp_path / "out"), 1), 2, None, tell)
    assert killed
    assert sorted(one["name"] for one in done) == sorted(one.name for one in shards)  # each once
    assert sum(one["windows"] for one in done) == sum(FILES.values())
    assert read_scores(tmp_path / "out") == read_scores(tmp_path / "local")
