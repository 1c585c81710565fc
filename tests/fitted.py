"""A detector fitted on a small simulated log, once for all tests that need one."""

import functools
from pathlib import Path

from shared_files import made_once

LINES, SEED = 8000, 5


def fitted_folder() -> Path:
    """Folder with `hdfs.log`, `anomaly_label.csv` and the checkpoint `model`."""
    return made_once("fitted", _fit)


def _fit(folder: Path) -> None:
    from logllm.fitting.fit import fit
    from logllm.hf_datasets.simulation.simulate import simulate

    simulate("hdfs", LINES, SEED, folder, progress=False)
    fit([folder / "hdfs.log"], folder / "model", alarms_per_day=20_000, max_steps=60, progress=False)


def life(log: str, model: str, state: str, alerts: str, until_end: bool = False, die_unnoted: bool = False) -> None:
    """One life of a watcher, for a process of its own; `die_unnoted` kills it when its first alerts have gone out."""
    import os
    import signal

    import torch

    from logllm.watch.start import start_watcher

    torch.set_num_threads(1)
    watcher = start_watcher(log, Path(model), state=Path(state), alerts=alerts, silence=1e9)
    if die_unnoted:
        deliver = watcher._deliver

        def deliver_and_die() -> None:
            had_some = bool(watcher.outbox)
            deliver()
            if had_some:
                os.kill(os.getpid(), signal.SIGKILL)

        watcher._deliver = deliver_and_die  # type: ignore[method-assign]
    watcher.run(until_end)


@functools.cache
def processes():
    """Processes that start from one that has imported torch and used none of its threads (a fork of us could hang)."""
    import multiprocessing

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["logllm.watch.start", "logllm.modeling_logllm", "fitted"])
    return context
