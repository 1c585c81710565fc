"""The recipe of the Space's checkpoints and example logs: everything comes from the simulator, nothing restricted is shipped.

Notes:
- Three small LogLLaMAs, because each must have learnt what is normal in *its* log, and one LogLLM, which has learnt from
  labelled windows of three systems at once.
- Windows of the line formats are 20 lines, not 100: a visitor pastes a few dozen lines.
- An access log says what went wrong by its status code, and every mask would wipe it out. Its row writes the kind of
  status in words before the masks. LogLLM masks by the rules of its paper and stays blind
  to it, so it is not taught access logs.

    python spaces_demo/recipe.py spaces_demo        # about six minutes on two cores
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from logllm.hf_datasets import (
    LogSystem,
    TemplateMiner,
    Window,
    WindowRule,
    get_system,
    make_windows,
    parse_lines,
    read_lines,
    read_session_labels,
)
from logllm.hf_datasets.simulation.builds import build_lines
from logllm.hf_datasets.simulation.simulate import iter_lines, simulate
from logllm.hf_datasets.systems.rules import DEFAULT_MASKS, DrainSettings

WINDOW_LINES = 20
VALIDATION_SHARE = 0.2
SEED = 9
_KINDS = (("2", "ok"), ("3", "moved"), ("4", "client-error"), ("5", "server-error"))
# The kind of status first: lines of one kind then share a branch of Drain's tree and never a template with another.
STATUS_MASKS = tuple((rf'^"([A-Z]+) (\S+) [A-Z]+/[\d.]+" {digit}\d\d\b', rf"{word} \1 \2") for digit, word in _KINDS)
# The path of a request says what was asked for: of it only numbers and the query are masked.
ACCESS_DRAIN = DrainSettings(
    similarity=0.7,
    masks=(*STATUS_MASKS, (r"\?\S*", "?<*>"), *(mask for mask in DEFAULT_MASKS if not mask[0].startswith(r"\B(?:/"))),
)


def space_row(system: LogSystem) -> LogSystem:
    """The row of a system as the Space reads it: sessions stay sessions, all else is cut into short windows."""
    if system.name == "access-log":
        system = replace(system, drain=ACCESS_DRAIN)
    return system if system.window.kind == "session" else system.with_window(WindowRule("fixed", WINDOW_LINES))


@dataclass(frozen=True)
class Part:
    """One simulated source: `logs` logs of `lines` lines, each with its own seed, read as `system`."""

    simulator: str
    system: str
    lines: int
    logs: int = 1
    anomaly_share: float = 0.03
    seed: int = SEED

    def windows(self) -> Iterator[Window]:
        """The labelled windows of all logs."""
        row = space_row(get_system(self.system))
        for number in range(self.logs):
            with TemporaryDirectory() as folder:
                made = simulate(self.simulator, self.lines, self.seed + number, folder, self.anomaly_share)
                labels = read_session_labels(made["labels"]) if self.simulator == "hdfs" else None
                lines = parse_lines(read_lines(made["log"]), row)
                faulty = _faulty(made["labels"]) if row.label_rule == "none" else set()
                for window in make_windows(lines, row.window, labels):
                    if row.label_rule == "none":
                        window = replace(window, label=int(not faulty.isdisjoint(window.line_numbers)))
                    yield window


def _faulty(labels: str) -> set[int]:
    rows = Path(labels).read_text("ascii").splitlines()[1:]
    return {int(row.partition(",")[0]) for row in rows}


@dataclass(frozen=True)
class Recipe:
    """One checkpoint: its family, what it learns from, and for how many steps (LogLLaMA; -1 leaves it to the preset)."""

    name: str
    family: str
    parts: tuple[Part, ...]
    max_steps: int = -1


_BGL = Part("bgl", "bgl", 30_000, anomaly_share=0.05)
_SYSLOG = Part("syslog", "syslog-rfc3164", 600, logs=40, anomaly_share=0.04)
RECIPES = (
    Recipe("logllama-hdfs", "logllama", (Part("hdfs", "hdfs", 40_000, anomaly_share=0.08),)),
    Recipe("logllama-system", "logllama", (_BGL, _SYSLOG), 900),
    Recipe("logllama-access", "logllama", (Part("nginx", "access-log", 1_000, logs=4),), 200),
    Recipe("logllm", "logllm", (Part("hdfs", "hdfs", 40_000, anomaly_share=0.08), _BGL, _SYSLOG)),
)
# The checkpoint that has learnt what is normal in a format, by the format's name.
KNOWN_FORMATS = {
    "hdfs": "logllama-hdfs",
    "bgl": "logllama-system",
    "syslog-rfc3164": "logllama-system",
    "access-log": "logllama-access",
}
# Simulated faults (see logllm.cli.demo); three whole passes, so that the rarer alerts of three systems are seen.
LABELLED = {"preset": "tiny", "repeats": 1.0, "max_samples": 6000, "last_epochs": 3}
KEPT = ("config.json", "model.safetensors", "processor_config.json", "tokenizer*", "training.json")


def make_checkpoint(recipe: Recipe, out: Path, progress: bool = True) -> Any:
    """Simulate, train, calibrate and write one checkpoint folder; returns the detector."""
    from logllm.training.train import rows_of, train_detector

    rows = [space_row(get_system(part.system)) for part in recipe.parts]
    miner = TemplateMiner(rows[0].drain)
    train: list[Window] = []
    held: list[Window] = []
    for part in recipe.parts:
        windows = list(part.windows())
        cut = int((1 - VALIDATION_SHARE) * len(windows))
        train += windows[:cut]
        held += windows[cut:]
    for window in train:
        if recipe.family == "logllm" or not window.label:
            for content in window.lines:
                miner.add(content)
    learnt, validation = (
        rows_of(windows, [[miner.match(content) or "" for content in window.lines] for window in windows])
        for windows in (train, held)
    )
    detector = train_detector(
        recipe.family,
        learnt,
        validation,
        miner.table(),
        rows[0],
        out=out,
        seed=SEED,
        max_steps=recipe.max_steps,
        recipe=LABELLED if recipe.family == "logllm" else None,
        reinforce=False,
        progress=progress,
        provenance={
            "recipe": recipe.name,
            "simulated": [f"{p.simulator}, {p.logs} x {p.lines}" for p in recipe.parts],
        },
    )
    for file in out.rglob("*"):  # the Space has the package: code and card would be a second copy
        if file.is_file() and not any(file.match(kept) for kept in KEPT):
            file.unlink()
    return detector


class Example(NamedTuple):
    """An example log: where it comes from, and what is planted in it. No seed is one of the training's."""

    title: str
    simulator: str
    format: str
    lines: int
    seed: int
    share: float | None  # of odd lines or blocks
    planted: str
    odd_line: int  # one of the fault's


EXAMPLES = {
    "hdfs": Example("HDFS-like", "hdfs", "hdfs", 120, 165, None, "a block whose copy breaks off", 6),
    "bgl": Example("BGL-like", "bgl", "bgl", 160, 1032, None, "a compute node whose mailbox is reset", 114),
    "syslog": Example("syslog-like", "syslog", "syslog-rfc3164", 120, 1004, 0.05, "a disk that dies", 83),
    "nginx": Example("nginx-like", "nginx", "access-log", 120, 1005, 0.05, "a checkout that stops answering", 82),
}
BUILD_SEED = 1007
LEARN_EXAMPLE = ("app", 1500, 300, 1006)  # simulator, normal lines, lines to examine, seed


def write_examples(folder: Path) -> None:
    """Write the example logs: one a format with a planted fault, the pair of the tab that learns, a good and a bad build."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, one in EXAMPLES.items():
        _write(folder / f"{name}.log", (line for line, _ in iter_lines(one.simulator, one.lines, one.seed, one.share)))
    system, normal, examined, seed = LEARN_EXAMPLE
    _write(folder / "learn_normal.log", (line for line, _ in iter_lines(system, normal, seed, 0.0)))
    _write(folder / "learn_examine.log", (line for line, _ in iter_lines(system, examined, seed + 1)))
    for name, failed in (("build_good", False), ("build_bad", True)):
        _write(folder / f"{name}.log", (line for line, _ in build_lines(failed, BUILD_SEED)))


def _write(file: Path, lines: Iterator[str]) -> None:
    file.write_text("\n".join(lines) + "\n", "ascii", newline="\n")


def main(folder: str, *names: str) -> None:
    """Write `checkpoints/` (all, or the named ones) and `examples/` into the folder of the Space."""
    write_examples(Path(folder) / "examples")
    for recipe in RECIPES:
        if not names or recipe.name in names:
            make_checkpoint(recipe, Path(folder) / "checkpoints" / recipe.name)


if __name__ == "__main__":
    main(*islice(sys.argv, 1, None))
