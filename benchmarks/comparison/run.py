"""`make bench`: every method on the shared systems, resumable, then the tables, plots and cards.

    python -m benchmarks comparison.run [SYSTEM ...] [--methods NAME ...] [--seeds 0 1] [--again NAME] [--render]

Notes:
- A job is (system, method, seed) and runs in a process of its own, forked from one that holds the windows: its peak
  memory is its own, and one that runs out of memory, fails or takes too long is recorded as such while the rest goes on.
- The result file of a system is rewritten after each job; a job that is in it is not run again. A result file that was
  measured on other windows is refused, never mixed with.
- Peak memory counts what the process had at the fork, which is given beside it.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from tqdm import tqdm

from benchmarks.comparison.methods import BY_NAME, METHODS, Method
from benchmarks.comparison.systems import (
    DATASETS,
    PUBLISHED,
    RECIPES,
    Recipe,
    Split,
    build_split,
    data_of,
    load_split,
    raw_files,
    split_file,
)
from logllm.errors import LogllmError
from logllm.provenance import provenance

HERE = Path(__file__).resolve().parents[1]
RESULTS = HERE / "results"
MOST_SECONDS = 1800.0
KINDS = ("simple", "paper", "ours")
MACHINE = ("torch", "transformers", "trl", "datasets", "drain3", "scikit-learn", "numpy")
OUT_OF_MEMORY = ("allocate memory", "out of memory", "Unable to allocate")


class OtherWindows(ValueError):
    """A result file was measured on other windows than those at hand."""


def clean(value: Any) -> Any:
    """Plain JSON values: not-a-number becomes null."""
    if isinstance(value, dict):
        return {str(key): clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [clean(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def in_a_process(
    job: Callable[[], dict[str, Any] | None], most_seconds: float, memory_gb: float | None
) -> dict[str, Any]:
    """Run a job in a forked process; say `status`, what it returned or what became of it, and its peak memory."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def work() -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            if memory_gb:
                limit = int(memory_gb * 2**30)
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            found = {"status": "ok", **(job() or {})}
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            memory = isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY)
            found = {"status": "out of memory" if memory else "failed", "error": text.splitlines()[0][:300]}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sender.send(clean({**found, "peak_memory_mb": round(peak / 1024), "memory_at_start_mb": round(before / 1024)}))

    process = context.Process(target=work)
    process.start()
    sender.close()
    try:
        if not receiver.poll(most_seconds):
            process.kill()
            return {"status": "out of time", "error": f"stopped after {most_seconds:g} s"}
        return receiver.recv()
    except EOFError:  # killed: the kernel's way to end a process that takes too much memory is signal 9
        process.join()
        killed = process.exitcode == -9
        return {
            "status": "out of memory" if killed else "failed",
            "error": f"the process ended with exit code {process.exitcode}",
        }
    finally:
        process.join()


def result_of(split: Split, file: Path) -> dict[str, Any]:
    """The result file that goes with a split, or a new one.

    Raises:
        OtherWindows: the file there was measured on other windows.
    """
    fresh = {"recipe": split.recipe, "split_checksums": split.checksums, "facts": split.facts, "runs": []}
    if not file.exists():
        return fresh
    result = json.loads(file.read_text("utf-8"))
    for name, found in result["split_checksums"].items():
        if found != split.checksums.get(name):
            raise OtherWindows(
                f"{file.name} must be measured on the windows at hand ({name} {str(split.checksums.get(name))[:12]}), found "
                f"{found[:12]}: move that file away to measure anew, or give the log that it was measured on"
            )
    return {**result, "recipe": split.recipe, "facts": split.facts}


def keep_statistics(split: Split, file: Path) -> None:
    """What `build` said of the split, beside those of the other systems: the dataset card is rendered from it."""
    held = json.loads(file.read_text("utf-8")) if file.exists() else {}
    held[split.recipe["name"]] = split.statistics
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(held, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")


def save(result: dict[str, Any], file: Path) -> None:
    """Write a result whole or not at all; runs in the order of the table, one a line."""
    order = {method.name: i for i, method in enumerate(METHODS)}
    result["runs"].sort(key=lambda run: (order.get(run["method"], len(order)), run["seed"]))
    half = file.with_suffix(".half")
    head = json.dumps({key: value for key, value in result.items() if key != "runs"}, indent=1)
    runs = ",\n".join(json.dumps(run) for run in result["runs"])
    half.write_text(f'{head[:-2]},\n "runs": [\n{runs}\n ]\n}}\n', "utf-8")
    half.replace(file)


def pending(
    result: dict[str, Any], methods: Sequence[Method], seeds: Sequence[int] | None
) -> list[tuple[Method, int]]:
    """The jobs whose result is not there, cheapest kind first and one seed of all before the next."""
    done = {(run["method"], run["seed"]) for run in result["runs"]}
    jobs = [(m, s) for m in methods for s in m.seeds if (seeds is None or s in seeds) and (m.name, s) not in done]
    return sorted(jobs, key=lambda job: (KINDS.index(job[0].kind), job[1]))


def run_system(recipe: Recipe, arguments: argparse.Namespace) -> None:
    """Run what the system's result file still lacks."""
    data = data_of(recipe)
    if not raw_files(recipe, data):
        print(f"{recipe.name}: skipped, the logs {', '.join(recipe.raw)} are not in {data} (set LOGLLM_SHARED)")
        return
    held = split_file(recipe, data, arguments.work)
    if not held.exists():
        made = in_a_process(partial(build_split, recipe, data, held), MOST_SECONDS, None)
        if made["status"] != "ok":
            raise RuntimeError(f"the windows of {recipe.name} must be built, found: {made.get('error')}")
    split, file = load_split(held), arguments.results / f"bench_{recipe.name}.json"
    keep_statistics(split, arguments.results / DATASETS)
    result = result_of(split, file)
    named = [BY_NAME[name] for name in arguments.methods] if arguments.methods else METHODS
    methods = [method for method in named if method.kind in arguments.kinds]
    result["runs"] = [run for run in result["runs"] if run["method"] not in (arguments.again or ())]
    if arguments.retry:
        result["runs"] = [run for run in result["runs"] if run["status"] == "ok"]
    from benchmarks.comparison.job import judge

    bar = tqdm(pending(result, methods, arguments.seeds), desc=recipe.name, unit="job", mininterval=5)
    for method, seed in bar:
        bar.set_postfix_str(f"{method.name}, seed {seed}")
        started = time.perf_counter()
        found = in_a_process(lambda m=method, s=seed: judge(m, split, s), arguments.most_seconds, arguments.memory_gb)
        seconds = round(time.perf_counter() - started, 1)
        result["runs"].append(
            {"method": method.name, "seed": seed, "seconds": seconds, **found, "made": provenance(MACHINE)}
        )
        save(result, file)
        if found["status"] != "ok":
            tqdm.write(f"{recipe.name}, {method.name}, seed {seed}: {found['status']} ({found.get('error')})")


def main(words: Sequence[str] | None = None) -> None:
    """Run the bench, then render what it found."""
    parser = argparse.ArgumentParser(description="Every method on the shared systems, then tables, plots and cards.")
    parser.add_argument(
        "systems",
        nargs="*",
        help=f"of {', '.join(RECIPES)}, by default all of these; or, on the whole logs in LOGLLM_DATA, {', '.join(PUBLISHED)}",
    )
    parser.add_argument("--methods", nargs="+", metavar="NAME", help="only these methods")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="only these kinds of method")
    parser.add_argument("--seeds", nargs="+", type=int, help="only these seeds")
    parser.add_argument("--again", nargs="+", metavar="NAME", help="forget the results of these methods first")
    parser.add_argument("--retry", action="store_true", help="run again what failed")
    parser.add_argument("--render", action="store_true", help="render only")
    parser.add_argument("--no-render", action="store_true", help="run only")
    parser.add_argument("--most-seconds", type=float, default=MOST_SECONDS, help="of one job")
    parser.add_argument("--memory-gb", type=float, help="address space that one job may take")
    parser.add_argument("--work", type=Path, default=HERE.parent / ".bench", help="where built windows are kept")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args(words)
    every = RECIPES | PUBLISHED
    unknown = [name for name in arguments.systems if name not in every]
    unknown += [name for name in [*(arguments.methods or ()), *(arguments.again or ())] if name not in BY_NAME]
    if unknown:
        parser.error(
            f"systems must be among {', '.join(every)} and methods among the rows of comparison/methods.py, found {unknown[0]!r}"
        )
    try:
        for name in () if arguments.render else arguments.systems or RECIPES:
            run_system(every[name], arguments)
    except (OtherWindows, LogllmError) as error:
        sys.exit(str(error))
    if not arguments.no_render:
        from benchmarks.comparison import render as bench_render

        bench_render.main(arguments.results)


if __name__ == "__main__":
    main()
