"""What happens when the machine fails: the table of `docs/operations/faults.md`, each row of which names the test that shows it.

`python -m benchmarks pages.faults` writes the page and the figures of fuzzing, `--check` says whether it is as it would
be written. A row without its test is not a row; `tests/test_faults_page.py` looks for each of them.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "operations" / "faults.md"
FUZZING = ROOT / "benchmarks" / "results" / "fuzzing.json"


@dataclass(frozen=True)
class Fault:
    """One row: what fails, during what, what was lost, how it comes back, and the test (file::function)."""

    fault: str
    during: str
    lost: str
    back: str
    test: str


NOTHING = "nothing"
FAULTS = (
    Fault("kill -9", "`watch`, at random moments, with rotation", NOTHING, "started again it goes on from its state: the same alerts, each line counted once", "tests/test_watch.py::test_killed_at_random_moments_nothing_is_lost"),
    Fault("kill -9", "`watch`, between an alert and the note that it went out", NOTHING, "the alert goes out again under the same id, marked `redelivered`", "tests/test_watch.py::test_alerts_not_noted_as_sent_are_sent_again_under_the_same_id"),
    Fault("kill -9", "`train logllm`, at random moments", "the steps since the last checkpoint, done again", "`--resume`; the model is that of an unbroken run, bit for bit", "tests/test_logllm_training.py::test_kill_9_at_random_moments_and_the_checkpoint_is_that_of_an_unbroken_run"),
    Fault("kill -9", "`train logllama`", "the steps since the last checkpoint, done again", "`--resume`; the model is that of an unbroken run", "tests/test_logllama_training.py::test_a_killed_run_goes_on_to_the_same_model"),
    Fault("kill -9", "one of torchrun's workers", "the steps since the last checkpoint, done again", "torchrun starts the workers again; they go on from the last checkpoint", "tests/test_elastic.py::test_a_killed_worker_costs_the_steps_since_the_last_checkpoint"),
    Fault("kill -9", "a Ray actor that scores", NOTHING, "Ray starts another one; its batch is scored again, no row twice", "tests/test_cluster_ray.py::test_a_killed_actor_costs_a_retry_and_no_row"),
    Fault("a crash", "`score`, between two shards", NOTHING, "started again it passes over the shards that are whole", "tests/test_cluster.py::test_what_was_done_before_a_crash_is_not_done_again"),
    Fault("kill -9", "`build`", NOTHING, "the earlier build stands; the next one removes the half-built folder", "tests/test_build.py::test_a_killed_build_leaves_nothing_half"),
    Fault("kill -9", "a worker process of `build`", NOTHING, "one sentence; nothing half is left", "tests/test_workers.py::test_a_process_that_dies_is_one_error_and_nothing_half"),
    Fault("kill -9", "saving a checkpoint", NOTHING, "the checkpoint before is whole and loads; the next save cleans up", "tests/test_faults.py::test_a_save_that_is_cut_off_leaves_the_checkpoint_before"),
    Fault("full disk", "`watch`: state", NOTHING, "it says so and goes on; the state before stands, and a whole one is written when there is space", "tests/test_bad_input.py::test_a_full_disk_under_a_watcher_keeps_the_old_state_and_loses_nothing"),
    Fault("full disk", "`watch`: the journal of its state", NOTHING, "the step is taken back whole; the next one follows it", "tests/test_watch_state.py::test_a_full_disk_keeps_the_old_state"),
    Fault("full disk", "`watch`: the file of alerts", NOTHING, "alerts wait in the state and are written when there is space", "tests/test_sinks.py::test_a_full_disk_is_a_problem_not_an_error"),
    Fault("full disk", "`train`: a checkpoint", "the steps since the last checkpoint, done again", "it stops with a sentence; `--resume` when there is space", "tests/test_logllm_training.py::test_a_disk_that_fills_up_leaves_the_checkpoint_before"),
    Fault("full disk", "`build`, on a disk that fills up", NOTHING, "the earlier build stands, one sentence", "tests/test_faults.py::test_a_build_on_a_disk_that_fills_up_leaves_the_build_before"),
    Fault("full disk", "`fit`, `update` and `train`: the final checkpoint", NOTHING, "the checkpoint before stands, one sentence", "tests/test_faults.py::test_a_checkpoint_on_a_disk_that_fills_up_leaves_the_one_before"),
    Fault("full disk", "a download", NOTHING, "what came is kept; the next call goes on behind it", "tests/test_faults.py::test_a_full_disk_during_a_download_keeps_what_came"),
    Fault("read-only disk", "`build`, `simulate`, `watch`, `scan --html`, `ok`", NOTHING, "one sentence and exit code 2; a checkpoint on such a disk can be used", "tests/test_faults.py::test_a_read_only_disk_is_refused_in_a_sentence_by_every_command"),
    Fault("out of memory", "a worker process of `build`", NOTHING, "one sentence (fewer processes, or a range of lines); nothing half is left", "tests/test_faults.py::test_memory_that_runs_out_in_a_process_of_a_build_is_one_sentence"),
    Fault("out of memory", "any command", NOTHING, "one sentence and exit code 2", "tests/test_faults.py::test_memory_that_runs_out_in_a_command_is_one_sentence"),
    Fault("network cut", "a download, now and then", NOTHING, "it goes on where it was, three times by itself", "tests/test_download.py::test_an_interrupted_download_goes_on"),
    Fault("network cut", "a download, for good", NOTHING, "one sentence; the next call goes on where it was", "tests/test_faults.py::test_a_download_that_is_cut_for_good_goes_on_the_next_time"),
    Fault("network cut", "`push`, in the middle of a file", NOTHING, "sent again; the Hub then has every byte of the folder", "tests/test_faults.py::test_a_push_that_is_cut_in_the_middle_arrives_whole"),
    Fault("network cut", "`push`, nobody there", NOTHING, "one sentence: the same command again", "tests/test_faults.py::test_a_push_without_a_network_is_a_sentence"),
    Fault("network cut", "`watch`: the address of alerts", NOTHING, "alerts wait in the state; beyond a thousand nothing more is read", "tests/test_watch.py::test_an_unreachable_webhook_keeps_alerts_in_the_state_and_stops_the_reading"),
    Fault("damaged file", "a checkpoint", "the file", "refused in a sentence, never loaded", "tests/test_corruption.py::test_a_damaged_checkpoint"),
    Fault("damaged file", "a dataset: windows, templates, statistics", "the file", "refused in a sentence, never loaded", "tests/test_corruption.py::test_a_damaged_dataset"),
    Fault("damaged file", "a watcher's state", "open windows and position", "refused in a sentence; moved away, the log is read from its beginning", "tests/test_corruption.py::test_a_damaged_state"),
)  # fmt: skip
HEAD = """# Faults, and what is lost

Written by `benchmarks/pages/faults.py`; every row is a test that makes the fault happen.

| fault | during | what is lost | how it comes back | test |
|---|---|---|---|---|
"""


def page(fuzzing: dict[str, Any]) -> str:
    """The page as Markdown."""
    rows = [f"| {one.fault} | {one.during} | {one.lost} | {one.back} | `{one.test}` |" for one in FAULTS]
    return HEAD + "\n".join(rows) + "\n" + "".join(_part(fuzzing, name) for name in ("fuzz", "atheris", "corrupt"))


def _part(fuzzing: dict[str, Any], name: str) -> str:
    found = fuzzing.get(name)
    if not found:
        return ""
    born = f"(commit {found['made']['commit'][:12]}, {found['made']['machine']})"
    if name == "fuzz":
        rows = [
            f"| {target} | {row['cases']:,} | {row['refused']:,} | {row['crashes']} | {row['hangs']} | {row['slowest_seconds']} |"
            for target, row in found["targets"].items()
        ]
        return "\n".join(
            [
                "\n## Fuzzing\n",
                f"{found['cases']:,} cases from seed {found['seed']}: {found['crashes']} crashes, {found['hangs']} hangs over 1 s; "
                f"`python -m tests.fuzz.run fuzz` {born}. What was found on the way is fixed and kept in `tests/corpus/`.\n",
                "| target | cases | refused in a sentence | crashes | hangs | slowest, s |",
                "|---|---|---|---|---|---|",
                *rows,
                "",
            ]
        )
    if name == "atheris":
        return (
            f"\nUnder atheris, guided by coverage: {found['runs']:,} runs in {found['seconds'] / 60:.0f} minutes over "
            f"{len(found['targets'])} targets: {len(found['mended'])} findings that are mended (`tests/corpus/` has their "
            f"cases), {found['findings']} open; `python -m tests.fuzz.atheris_run` {born}.\n"
        )
    bare = found["without_checksums"]
    return (
        f"\n## Damaged files\n\n{found['files']} files damaged one at a time (a bit, bytes, a block, the end, the order) and read by "
        f"the command line: {found['refused']} refused in a sentence, {found['loaded']} loaded; `python -m tests.fuzz.run corrupt` "
        f"{born}. Of {bare['files']} more, in checkpoints whose `checksums.json` was taken away, {bare['refused']} were refused and "
        f"{bare['loaded']} loaded: without checksums a changed weight cannot be told.\n"
    )


def main() -> int:
    """Write the page, or with `--check` say whether it is up to date."""
    fuzzing = json.loads(FUZZING.read_text("utf-8")) if FUZZING.is_file() else {}
    text = page(fuzzing)
    if "--check" in sys.argv:
        return int(not PAGE.is_file() or PAGE.read_text("utf-8") != text)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
