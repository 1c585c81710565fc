"""`make bench`: every measurement that the README and the pages show, in one go that can be stopped and resumed.

    python -m benchmarks all                      # what is not measured yet, as many tasks side by side as cores
    python -m benchmarks all --again              # from nothing: the results and what was kept of the work are removed first
    python -m benchmarks all --tasks comparison   # only the tasks whose name begins so
    python -m benchmarks all --dry-run            # the tasks, and how long each took the last time

A task is a line of `python -m benchmarks`. Most continue where they were stopped. Those that measure a speed run alone, after
the others. `results/bench_time.json` says how long each took, over all sittings, and at which commit it was done; what a task
prints is kept in `.bench/logs`. At the end all pages are rendered.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.places import BENCHMARKS, RESULTS, data_folder

WORK = BENCHMARKS.parent / ".bench"
TIMES = RESULTS / "bench_time.json"
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Task:
    """One line of `python -m benchmarks`.

    Args:
        name: how `--tasks` and the log call it.
        lines: what is run, one line after the other. `{data}`, `{work}` and `{results}` are folders.
        writes: its result files.
        alone: it measures a speed, so nothing may run beside it.
    """

    name: str
    lines: tuple[str, ...]
    writes: tuple[str, ...]
    alone: bool = False


def recipe(name: str) -> Task:
    """A recipe of that name."""
    return Task(name, (f"{name} --no-render --work {{work}}/likelihood",), (f"{name}.json",))


def compared(system: str, seeds: str) -> Task:
    """All methods on a system."""
    line = f"comparison.run {system} --seeds {seeds} --no-render"
    return Task(f"comparison, {system}", (line,), (f"bench_{system}.json",))


def speed(name: str, line: str) -> Task:
    """A measurement of speed that is told where to write."""
    return Task(f"speed, {name}", (f"{line} --out {{results}}/{name}.json",), (f"{name}.json",), alone=True)


def pretrained(rows: str, seeds: str, tasks: str = "hdfs") -> str:
    """A line of the pretrained table."""
    return (
        "experiments.logllm_pretrained --data {data} --work {work}/pretrained "
        f"--tasks '{tasks}' --rows '{rows}' --seeds {seeds}"
    )


QUICK = "pretrained decoder, 4 layers"
SIMPLE = (
    "decision tree on counts;TF-IDF + logistic regression;table of masked lines;new masked line (no labels);"
    "nearest normal count vector (no labels)"
)
NEAREST = "nearest template by MiniLM, then decision tree"
FEW = "hdfs, 5 labelled anomalies;hdfs, 20 labelled anomalies;hdfs, 80 labelled anomalies"
BGL = "bgl by time;bgl by time, 20 labelled anomalies"
ELSEWHERE = "bgl, trained on hdfs and thunderbird;bgl, trained on hdfs and thunderbird, 20 labelled anomalies"
BUILDS = "cidiff, failed builds as windows"
SPEED = "performance.logllm --data {data} --only"

TASKS = (
    compared("hdfs_random", "0 1 2 3 4"),
    compared("bgl", "0 1 2"),
    compared("hdfs_chronological", "0 1 2 3 4"),
    compared("thunderbird", "0 1 2"),
    recipe("logllama_hdfs"),
    recipe("logllama_parsers"),
    recipe("logllama_folds"),
    recipe("logllama_drain"),
    recipe("logllama_contamination"),
    recipe("logllama_bgl_time"),
    recipe("logllama_bgl"),
    recipe("logllama_cross"),
    recipe("hdfs_first_60"),
    recipe("logllm_hdfs_random"),
    recipe("logllm_bgl_chronological"),
    recipe("logllm_hdfs_chronological"),
    recipe("logllm_ablations_bgl"),
    recipe("logllm_ablations_hdfs"),
    recipe("logllm_beta_time_bgl"),
    recipe("logllm_template_id_hdfs"),
    recipe("logllm_preset_choice"),
    Task("robustness", ("comparison.robustness",), ("bench_robustness.json",)),
    Task("laptop_choice", ("experiments.laptop_choice",), ("laptop_choice.json",)),
    Task("reworded", ("experiments.logllm_reworded --data {data}",), ("logllm_reworded.json",)),
    Task(
        "unseen categories", ("experiments.logllm_unseen_categories --data {data}",), ("logllm_unseen_categories.json",)
    ),
    Task("values", ("experiments.logllm_values",), ("logllm_values.json",)),
    Task("severity nats", ("experiments.severity_nats",), ("severity_nats.json",)),
    Task("thresholds", ("experiments.logllama_threshold",), ("logllama_threshold.json",)),
    Task(
        "evidence, random split",
        (
            "experiments.logllm_evidence --data {data} --split random --out {results}/logllm_evidence_random.json",
        ),
        ("logllm_evidence_random.json",),
    ),
    Task(
        "evidence, by time",
        ("experiments.logllm_evidence --data {data} --out {results}/logllm_evidence_chronological.json",),
        ("logllm_evidence_chronological.json",),
    ),
    Task(
        "pretrained",
        (
            pretrained(f"{SIMPLE}", "0,1,2", f"hdfs;{FEW};{BGL}"),
            pretrained(SIMPLE, "0", f"{ELSEWHERE};{BUILDS}"),
            pretrained(NEAREST, "0", f"hdfs;hdfs, 20 labelled anomalies;{BGL};{ELSEWHERE};{BUILDS}"),
            pretrained(f"{QUICK};random decoder, 4 layers;nearest wording by MiniLM, then {QUICK}", "0,1,2"),
            pretrained("nearest wording by MiniLM, then random decoder, 4 layers", "0"),
            pretrained(f"{QUICK}, messages varied;{QUICK}, messages lightly varied", "0"),
            pretrained(QUICK, "0", f"hdfs, 20 labelled anomalies;{BGL};{ELSEWHERE};{BUILDS}"),
        ),
        ("logllm_pretrained.json",),
    ),
    recipe("logllama_paper"),
    Task("diff", ("diff.run --seeds 0,1,2", "diff.alone --seeds 0,1,2"), ("diff.json", "diff_alone.json")),
    Task("reading", ("reading.tables --shared {data} --out {results}/reading_tables.json",), ("reading_tables.json",)),
    Task(
        "scan",
        (
            "scan.labelled --out {results}/scan_labelled.json",
            "scan.field --seeds 500:504 --out {results}/scan_made_up.json",
            "scan.logllama_value --out {results}/scan_logllama_value.json",
        ),
        ("scan_labelled.json", "scan_made_up.json", "scan_logllama_value.json"),
    ),
    Task(
        "alarm budget",
        ("performance.events budget --data {data} --out {results}/event_budget.json",),
        ("event_budget.json",),
    ),
    speed("reading_throughput", "reading.throughput --work {work}/reading"),
    speed("event_throughput", "performance.events throughput"),
    speed("event_kills", "performance.events kills --kills 12"),
    speed("fit_million", "performance.fit fit"),
    speed("watch_throughput", "performance.watch throughput"),
    speed("watch_memory", "performance.watch memory --lines 10000000"),
    speed("watch_latency", "performance.watch latency"),
    speed("watch_kills", "performance.watch kills --kills 50"),
    speed("diff_speed", "diff.speed"),
    speed("preprocessing", "performance.preprocessing"),
    speed("space_load", "performance.space"),
    Task("speed, logllama", ("performance.logllama",), ("logllama_speed.json",), alone=True),
    Task("speed, batch scoring", ("performance.batch_scoring --rounds 1",), ("cluster.json",), alone=True),
    speed(
        "logllm_speed_hdfs", f"{SPEED} hdfs --parts end encoder prefix training --teach 24 --hdfs-windows 48"
    ),
    speed("logllm_speed_hdfs_prefix", f"{SPEED} hdfs --parts end prefix --teach 12"),
    speed("logllm_speed_bgl", f"{SPEED} bgl --parts end training --teach 0 --bgl-windows 12"),
    speed("logllm_speed_bgl_small_batches", f"{SPEED} bgl --parts end --teach 0 --bgl-windows 12 --rounds 1"),
)  # fmt: skip
BY_HAND = {
    "adapter.json": "needs a checkpoint of the preset small: performance.adapter CHECKPOINT",
    "alarm_budget.json": "of `logllm watch --model`, before events; kept for comparison with event_budget.json",
    "bench_datasets.json": "written with the comparison",
    "build_scale.json": "needs 22 GB of disk: performance.build --work DIR",
    "fuzzing.json": "made by the fuzzers of tests/fuzz",
    "hub_round_trip.json": "made by the test of the same name",
    "precision.json": "needs the checkpoints that `logllm demo` trains: experiments.precision --demo DIR",
    "reinforce_on_trl.json": "needs three trainers one after the other: experiments.reinforce_on_trl",
    "scan_comparison.json": "needs the other tools installed: scan.compare",
    "scan_further.json": "made-up cases of another make, not kept",
    "scan_further_clean.json": "made-up cases of another make, not kept",
    "scan_large.json": "needs the other tools installed: scan.compare --large",
    "scan_shared.json": "of the scan before events; kept for comparison with scan_labelled.json",
    "scan_weights.json": "sets the weights, reports nothing: scan.fit_weights",
    "transformers_suites.json": "made by the test of the same name",
}
PAGES = (
    "comparison.render", "experiments.logllm_render", "experiments.logllama_render", "scan.render", "pages.pretrained",
    "pages.scale", "pages.readme",
)  # fmt: skip


def log_of_times() -> dict[str, Any]:
    """How long each task took so far."""
    return json.loads(TIMES.read_text("utf-8")) if TIMES.is_file() else {"seconds": 0.0, "sittings": 0, "tasks": {}}


def save(log: dict[str, Any]) -> None:
    """Write the log of times, whole or not at all."""
    from logllm.training.result_file import write_whole

    write_whole(TIMES, json.dumps(log, indent=1, ensure_ascii=False) + "\n")


def is_done(task: Task, log: dict[str, Any]) -> bool:
    """Whether a task needs no run: it ran to its end, or measured a speed that is at hand."""
    there = all((RESULTS / name).is_file() for name in task.writes)
    return there and (task.alone or log["tasks"].get(task.name, {}).get("done", False))


def forget(tasks: list[Task], log: dict[str, Any]) -> None:
    """Remove the results of these tasks, and with those of all tasks the work that was kept."""
    for task in tasks:
        log["tasks"].pop(task.name, None)
        for name in task.writes:
            (RESULTS / name).unlink(missing_ok=True)
    if len(tasks) == len(TASKS):
        shutil.rmtree(WORK, ignore_errors=True)
        log.update(seconds=0.0, sittings=0)
    save(log)


def command_of(task: Task) -> str:
    """A task as one line for the shell."""
    places = {"data": data_folder(), "work": WORK, "results": RESULTS}
    lines = [f"'{sys.executable}' -m benchmarks {line.format(**places)}" for line in task.lines]
    return " && ".join(lines)


@dataclass
class Run:
    """A task that is running."""

    task: Task
    process: subprocess.Popen[bytes]
    started: float


def start(task: Task) -> Run:
    """Start a task, with a process group of its own so that it can be ended with all that it started."""
    file = WORK / "logs" / f"{task.name.replace(', ', '-').replace(' ', '-')}.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    # Side by side, a thread each: two tasks with two threads each would wait for each other.
    environment = os.environ | ({} if task.alone else {"OMP_NUM_THREADS": "1"})
    # With a trap the shell outlives its command when both are told to stop, and what the command took is known.
    command = f"trap : TERM; {command_of(task)}"
    with file.open("ab") as out:
        process = subprocess.Popen(
            command, shell=True, stdout=out, stderr=out, env=environment, start_new_session=True
        )
    return Run(task, process, time.perf_counter())


def ended(run: Run, log: dict[str, Any], stop: bool = False) -> bool:
    """Whether a task has ended, by itself or now; its time goes into the log."""
    from logllm.provenance import provenance

    if stop:
        os.killpg(run.process.pid, signal.SIGTERM)
    pid, status, usage = os.wait4(run.process.pid, 0 if stop else os.WNOHANG)
    if not pid:
        return False
    run.process.returncode = os.waitstatus_to_exitcode(status)
    made = provenance()
    known = log["tasks"].get(run.task.name, {"seconds": 0.0, "processor_seconds": 0.0, "sittings": 0})
    log["tasks"][run.task.name] = {
        "seconds": round(known["seconds"] + time.perf_counter() - run.started, 1),
        "processor_seconds": round(known["processor_seconds"] + usage.ru_utime + usage.ru_stime, 1),
        "sittings": known["sittings"] + 1,
        "done": run.process.returncode == 0,
        "commit": made["commit"],
        "machine": made["machine"],
    }
    return True


def hours(seconds: float) -> str:
    """Seconds as hours and minutes."""
    return f"{int(seconds) // 3600}:{int(seconds) // 60 % 60:02}"


def run_all(tasks: list[Task], side_by_side: int) -> int:
    """Run the tasks; how many failed."""
    log, began = log_of_times(), time.perf_counter()
    before, failed, finished = log["seconds"], 0, 0
    log["sittings"] += 1
    waiting, running = sorted(tasks, key=lambda task: task.alone), list[Run]()
    try:
        while waiting or running:
            for run in [one for one in running if ended(one, log)]:
                running.remove(run)
                finished += 1
                good = run.process.returncode == 0
                failed += not good
                said = "done" if good else f"failed with exit code {run.process.returncode}, see .bench/logs"
                took = log["tasks"][run.task.name]
                print(
                    f"{finished} of {len(tasks)}, {run.task.name}: {said}, {took['seconds']:.0f} s "
                    f"({took['processor_seconds']:.0f} processor seconds); {hours(log['seconds'])} h so far",
                    flush=True,
                )
            free = not running or not (running[0].task.alone or (waiting and waiting[0].alone))
            if waiting and free and len(running) < side_by_side:
                running.append(start(waiting.pop(0)))
                continue
            log["seconds"] = round(before + time.perf_counter() - began, 1)
            save(log)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        for run in running:
            ended(run, log, stop=True)
        print(f"stopped after {hours(log['seconds'])} h: `python -m benchmarks all` continues", flush=True)
        raise
    finally:
        log["seconds"] = round(before + time.perf_counter() - began, 1)
        save(log)
    return failed


def main(words: list[str]) -> int:
    """Run what is not measured yet, then render the pages; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks all", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", nargs="+", default=[""], metavar="NAME", help="tasks whose name begins so")
    parser.add_argument("--again", action="store_true", help="measure these tasks from nothing")
    parser.add_argument("--dry-run", action="store_true", help="list the tasks and what they took")
    parser.add_argument("--side-by-side", type=int, default=os.cpu_count() or 1, help="tasks at a time")
    asked = parser.parse_args(words)
    log, tasks = log_of_times(), [task for task in TASKS if task.name.startswith(tuple(asked.tasks))]
    if not tasks:
        parser.error(f"--tasks must begin the name of a task, found {asked.tasks[0]!r}: see --dry-run")
    if asked.dry_run:
        for task in tasks:
            took = log["tasks"].get(task.name)
            said = f"{took['seconds']:.0f} s, {'done' if took['done'] else 'not done'}" if took else "not run yet"
            print(f"{task.name:<36}{said}")
        print(f"all sittings together: {hours(log['seconds'])} h")
        return 0
    if asked.again:
        forget(tasks, log)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        failed = run_all([task for task in tasks if not is_done(task, log)], asked.side_by_side)
    except KeyboardInterrupt:
        return 130
    for page in PAGES:
        if subprocess.run([sys.executable, "-m", "benchmarks", page], stderr=subprocess.DEVNULL).returncode:
            failed += 1
            print(f"{page}: not rendered, its results are not all there", flush=True)
    print(f"{hours(log_of_times()['seconds'])} h over all sittings; {failed} tasks or pages failed")
    return 1 if failed else 0
