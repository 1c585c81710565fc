"""`logllm score`: a dataset of windows -> Parquet with a score a window, by one process, torchrun's, or a Ray cluster.

Notes:
- The engines differ in who scores a shard and in nothing else: each shard is scored with empty tables of messages and
  windows and, on a processor, with the same number of threads. That makes the scores of all engines equal bit for bit on
  processors of one kind; the price is that a message is encoded once a shard and not once for all.
- A shard that is written is not scored again, by this run or the next. So a worker may be killed at any moment: what it
  was at is scored anew, by another one or after the restart.
- Under torchrun shards are dealt out beforehand, the largest first; under Ray whoever is free takes the next.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from logllm.batch.shard_scorer import ShardScorer
from logllm.batch.shards import ROWS, Shard, claim, dataset_address, describe, finished, plan
from logllm.batch.torchrun import before_group, is_worker, leave_group
from logllm.errors import LogllmError

ENGINES = ("local", "torchrun", "ray")
Job = tuple[str, str, str, int]  # what every worker is told: dataset, model, out, threads
PATIENCE = timedelta(days=30)  # the fastest process waits for the slowest; a dead one ends torchrun's wait


def score(
    dataset: str | Path,
    model: str | Path,
    out: str | Path,
    *,
    engine: str = "local",
    config: str | None = None,
    split: str | None = None,
    workers: int | None = None,
    threads: int = 1,
    shard_rows: int = ROWS,
    address: str | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Score every window of a dataset and write OUT/NAME.parquet a shard: window_id, label, score, is_anomalous.

    Args:
        dataset: folder that `logllm build` wrote, `hf://datasets/OWNER/NAME` (or OWNER/NAME), `s3://...`: any fsspec path.
        model: checkpoint folder or Hub id, the same for every worker.
        out: folder or fsspec path; what an earlier run left there is gone on with.
        engine: "local" (this process), "torchrun" (this is one of its processes) or "ray".
        config: configuration of the dataset, where it holds several.
        split: train, validation or test; by default all.
        workers: Ray: actors; by default one a graphics card, else one a core.
        threads: of a worker on a processor.
        shard_rows: windows of a shard at most, where the input's row groups allow.
        address: of a running Ray cluster; by default the one of RAY_ADDRESS, else one on this machine for this call.
        progress: show a bar on standard error.

    Returns:
        `windows`, `anomalous`, `shards`, `shards_done_before`, `seconds` and, of those without the start of the workers,
        `scoring_seconds`; under torchrun an empty dict but for the first process.

    Raises:
        LogllmError: an engine that there is not or that is not installed, a dataset without windows, an output of
            another model or dataset.
    """
    if engine not in ENGINES:
        raise LogllmError(f"the engine must be one of {', '.join(ENGINES)}, found {engine!r}")
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    _check_processes(engine, world)
    started = time.perf_counter()
    dataset = dataset_address(dataset)
    shards = plan(dataset, config, split, shard_rows)
    job = (dataset, str(model), str(out), threads)
    with _processes(engine) as gather:
        threshold = _threshold(model)  # in every process: it imports what scoring needs
        if rank == 0:
            claim(out, describe(shards, dataset, model, threshold))
        gather(None)  # no process writes into a place that the first one may refuse
        mine = deal(shards, world)[rank] if engine == "torchrun" else shards
        before = finished(out, mine)
        left = [shard for shard in mine if shard.name not in before]
        with tqdm(total=sum(one.rows for one in mine), unit="window", desc="scoring", disable=not progress) as bar:
            bar.update(sum(one["rows"] for one in before.values()))
            if engine == "ray":
                from logllm.batch.ray_engine import score_with_ray

                done = score_with_ray(left, job, workers, address, bar.update)
            else:
                done = _score_here(left, job, bar.update)
        told = gather((len(before), [*before.values(), *done]))
    if rank:
        return {}
    facts = [one for _, part in told for one in part]
    if len(facts) != len(shards):
        raise LogllmError(f"every shard must be written, found {len(facts)} of {len(shards)} in {out}: run it again")
    return {
        "windows": sum(one["windows"] for one in facts),
        "anomalous": sum(one["anomalous"] for one in facts),
        "shards": len(shards),
        "shards_done_before": sum(count for count, _ in told),
        "seconds": round(time.perf_counter() - started, 3),
        "scoring_seconds": _span([one for one in facts if "began" in one]),
    }


def _span(done: Sequence[Mapping[str, Any]]) -> float:
    if not done:
        return 0.0
    return round(max(one["ended"] for one in done) - min(one["began"] for one in done), 3)


def deal(shards: Sequence[Shard], workers: int) -> list[list[Shard]]:
    """Shares of about equal size: the largest shard first, each to whoever has least so far.

    A function of all shards, so that every process finds the same shares, also after a restart.
    """
    shares: list[list[Shard]] = [[] for _ in range(workers)]
    sizes = [0] * workers
    for shard in sorted(shards, key=lambda one: (-one.size, one.name)):
        least = sizes.index(min(sizes))
        shares[least].append(shard)
        sizes[least] += shard.size
    return shares


def _score_here(shards: Sequence[Shard], job: Job, tell: Callable[[int], object]) -> list[dict[str, Any]]:
    if not shards:
        return []
    scorer, done = ShardScorer(*job), []
    for shard in shards:
        done.append(scorer(shard))
        tell(shard.rows)
    return done


def _threshold(model: str | Path) -> float:
    from transformers import AutoConfig

    import logllm.modeling_logllm  # noqa: F401  registers both families

    return float(getattr(AutoConfig.from_pretrained(str(model)), "threshold", 0.0))


def _check_processes(engine: str, world: int) -> None:
    started = is_worker() or world > 1
    if engine == "torchrun" and not started:
        raise LogllmError(
            "the engine torchrun must be started by torchrun, found one process: "
            "torchrun --nproc_per_node 2 -m logllm score --engine torchrun ..."
        )
    if engine != "torchrun" and world > 1:
        raise LogllmError(f"the engine {engine} must be one process, found {world} of torchrun: use --engine torchrun")


@contextmanager
def _processes(engine: str) -> Iterator[Callable[[Any], list[Any]]]:
    """A function by which processes wait for each other and tell all what each has: gloo's under torchrun."""
    if engine != "torchrun":
        yield lambda own: [own]
        return
    from torch import distributed

    before_group()
    distributed.init_process_group("gloo", timeout=PATIENCE)

    def gather(own: Any) -> list[Any]:
        told: list[Any] = [None] * distributed.get_world_size()
        distributed.all_gather_object(told, own)
        return told

    try:
        yield gather
    finally:
        leave_group()
