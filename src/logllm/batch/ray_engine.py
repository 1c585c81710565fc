"""`logllm score --engine ray`: shards over a pool of Ray actors, each with the model loaded once.

Notes:
- A Ray Data stream of shards, not of rows: an actor reads its shard's Parquet and writes the result itself, so that only
  names travel, memory is that of a shard an actor, and a window is scored in the company that it has everywhere.
- An actor that dies is started again and its shard given out again, without limit (Ray Data's own rule for actor pools).
  Only after that a shard is told as done.
- Ray is an extra: `pip install 'logllm[ray]'`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from logllm.batch.shards import Shard
from logllm.errors import LogllmError


class Actor:
    """A `ShardScorer` in the shape that `map_batches` asks for: a column of shards in, a column of facts out, as JSON."""

    def __init__(self, *job: Any):
        from logllm.batch.shard_scorer import ShardScorer

        self.scorer = ShardScorer(*job)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Score the shards of a batch."""
        return {"facts": [json.dumps(self.scorer(Shard(**json.loads(text)))) for text in batch["shard"]]}


def score_with_ray(
    shards: Sequence[Shard],
    job: tuple[str, str, str, int],
    workers: int | None,
    address: str | None,
    tell: Callable[[int], object],
) -> list[dict[str, Any]]:
    """Score shards on a cluster; returns the facts of each, in the order in which they were done.

    Args:
        shards: what to score.
        job: dataset, model, out, threads; places that every node sees.
        workers: actors; by default one a graphics card of the cluster, else one a core.
        address: of the cluster; by default RAY_ADDRESS, else one is started on this machine and ended afterwards.
        tell: called with the windows of every shard that is done.

    Raises:
        LogllmError: Ray is not installed.
    """
    if not shards:
        return []
    try:
        import ray
        from ray.data import ActorPoolStrategy, DataContext
    except ImportError as error:
        raise LogllmError("the engine ray needs Ray, found none: pip install 'logllm[ray]'") from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody unless asked for
    os.environ.setdefault("RAY_worker_niceness", "0")  # of a cluster begun here: its actors are what it is for
    ours = not ray.is_initialized()
    if ours:
        ray.init(address=address or os.environ.get("RAY_ADDRESS"), log_to_driver=False, include_dashboard=False)
    try:
        context = DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        cards = int(ray.cluster_resources().get("GPU", 0))
        pool = min(workers or cards or int(ray.cluster_resources().get("CPU", 1)), len(shards))
        # A block a shard, the largest first: whoever is free takes the next.
        rows = [{"shard": json.dumps(asdict(shard))} for shard in sorted(shards, key=lambda one: -one.size)]
        # Two at an actor: the next shard waits there, not on its way, when the one before is done.
        stream = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            Actor,
            fn_constructor_args=job,
            batch_size=1,
            compute=ActorPoolStrategy(size=pool, max_tasks_in_flight_per_actor=2),
            num_cpus=None if cards else 1,
            num_gpus=1 if cards else None,
        )
        done = []
        for row in stream.iter_rows():
            done.append(json.loads(row["facts"]))
            tell(done[-1]["rows"])
        return done
    finally:
        if ours:
            ray.shutdown()
