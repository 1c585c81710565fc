"""`logllm fit` and `logllm update`: a detector from somebody's own log, without labels, and how it keeps up with the log.

What is peculiar here:
- Several files are read in the order of their first time stamp, so `app.log*` with its rotated, packed parts is one log.
- `update` moves no old key: new templates are added behind the old ones, the model is trained a little on the new log, and
  the threshold is set anew. The version before is kept beside it, to go back to.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from logllm.calibrate import Budget, budget_threshold
from logllm.detector import LogAnomalyDetector
from logllm.errors import LogllmError
from logllm.hf_datasets import LogSystem, TemplateMiner, get_system, guess_system, parse_lines, read_lines
from logllm.learning import LEARN_STEPS, SKETCH, Calibration, Coded, code_windows, learn, span_seconds, uncut
from logllm.live import IDLE_SECONDS, usual_idle, without_escapes

SAMPLE_LINES = 1000
IDLE_LINES = 200_000
FORMER = "former"  # beside the checkpoint: NAME.former-1, -2, ...
UPDATE_STEPS = 300


@dataclass
class Fitted:
    """A fitted detector and what is to be said about it."""

    detector: LogAnomalyDetector
    budget: Budget
    system: LogSystem
    guessed: bool
    files: list[Path]
    lines: int
    unparsed: int
    trimmed: int

    def in_words(self) -> str:
        """The result for people."""
        how = "guessed; --format overrules it" if self.guessed else "as asked"
        rows = [
            f"{self.lines:,} lines from {len(self.files)} file{'s' if len(self.files) > 1 else ''}, "
            f"read as {self.system.name}: {self.system.title} ({how})"
        ]
        if self.unparsed:
            rows.append(f"{self.unparsed:,} lines do not fit the format and were learnt as they are")
        if self.trimmed:
            rows.append(f"{self.trimmed:,} windows were too unlike the others to be learnt as normal")
        calibration = self.detector.calibration
        if self.system.window.kind == "session" and calibration and calibration.idle_seconds:
            rows.append(f"a session is over after {calibration.idle_seconds:.0f} s without a line")
        rows.append(f"threshold {self.budget.threshold:.2f}: {self.budget.in_words()}")
        return "\n".join(rows)


def in_time_order(paths: Sequence[Path], system: LogSystem) -> list[Path]:
    """Logs sorted by their first time stamp; in the order given where one of them has none."""
    firsts = []
    for path in paths:
        lines = islice(parse_lines(read_lines(path, system.encoding), system), SAMPLE_LINES)
        first = next((line.timestamp for line in lines if line.timestamp is not None), None)
        if first is None:
            return list(paths)
        firsts.append(first)
    return [path for _, _, path in sorted(zip(firsts, range(len(paths)), paths))]


def open_logs(
    paths: Sequence[Path], system: LogSystem | str | None
) -> tuple[LogSystem, bool, list[Path], Iterator[str]]:
    """(how they are read, whether that was guessed, the files in order, their lines)."""
    if not paths:
        raise LogllmError("at least one log must be given, found none: name a file")
    if system is None:
        row = guess_system(list(islice(read_lines(paths[0], "utf-8"), SAMPLE_LINES)))
    else:
        row = get_system(system) if isinstance(system, str) else system
    files = in_time_order(paths, row) if len(paths) > 1 else list(paths)
    lines = chain.from_iterable(read_lines(path, row.encoding) for path in files)
    return row, system is None, files, lines


def fit_logs(
    paths: Sequence[Path],
    out: Path | None,
    *,
    system: LogSystem | str | None = None,
    alarms_per_day: float = 1.0,
    idle: float | None = None,
    severity_weight: float = 1.0,
    clean: bool = False,
    seed: int = 0,
    max_steps: int = LEARN_STEPS,
    progress: bool = True,
) -> Fitted:
    """Learn what is normal from unlabelled logs and, with `out`, write the checkpoint; `idle` is found where not given."""
    row, guessed, files, lines = open_logs(paths, system)
    if idle is None:
        idle = idle_of((line for path in files for line in read_lines(path, row.encoding)), row)
    coded = coded_lines(lines, row, idle, progress)
    detector, budget = learn(
        coded,
        row,
        alarms=alarms_per_day,
        idle=idle,
        severity_weight=severity_weight,
        clean=clean,
        seed=seed,
        max_steps=max_steps,
        out=out,
        progress=progress,
    )
    if out is not None:
        detector.save_pretrained(out)
    trimmed = detector.calibration.trimmed if detector.calibration else 0
    return Fitted(detector, budget, row, guessed, files, coded.lines, coded.unparsed, trimmed)


def fit_lines(
    lines: Sequence[str],
    system: LogSystem | str | None = None,
    *,
    alarms_per_day: float = 1.0,
    idle: float | None = None,
    severity_weight: float = 1.0,
    clean: bool = False,
    seed: int = 0,
    max_steps: int = LEARN_STEPS,
    progress: bool = False,
) -> Fitted:
    """`fit_logs` for lines that are in memory."""
    guessed = system is None
    row = guess_system(lines[:SAMPLE_LINES]) if system is None else system
    row = get_system(row) if isinstance(row, str) else row
    idle = idle_of(lines, row) if idle is None else idle
    coded = coded_lines(lines, row, idle, progress)
    detector, budget = learn(
        coded,
        row,
        alarms=alarms_per_day,
        idle=idle,
        severity_weight=severity_weight,
        clean=clean,
        seed=seed,
        max_steps=max_steps,
        progress=progress,
    )
    trimmed = detector.calibration.trimmed if detector.calibration else 0
    return Fitted(detector, budget, row, guessed, [], coded.lines, coded.unparsed, trimmed)


def idle_of(lines: Iterable[str], system: LogSystem) -> float:
    """The idle time of a log's sessions, from its beginning."""
    if system.window.kind != "session":
        return IDLE_SECONDS
    return usual_idle(parse_lines(islice(lines, IDLE_LINES), system))


def coded_lines(lines: Any, system: LogSystem, idle: float | None, progress: bool) -> Coded:
    """Read raw lines into windows of codes, with a bar."""
    with tqdm(desc="reading", unit=" lines", unit_scale=True, disable=not progress) as bar:
        return code_windows(parse_lines(map(without_escapes, lines), system), system, idle, bar.update)


def update_model(
    folder: Path,
    paths: Sequence[Path],
    *,
    alarms_per_day: float | None = None,
    seed: int = 0,
    max_steps: int = UPDATE_STEPS,
    progress: bool = True,
) -> dict[str, Any]:
    """Teach a fitted checkpoint the templates of a newer, normal log, and set its threshold anew.

    Returns:
        What changed: `new_templates`, `threshold_before`, `threshold`, `budget`, `former` (the folder of the version
        before).
    """
    from logllm.scoring import Scorer

    detector = LogAnomalyDetector.from_pretrained(folder)
    calibration = detector.calibration
    if calibration is None or detector.family != "logllama":
        raise LogllmError(
            f"a checkpoint to update must come from `logllm fit`, found another kind in {folder}: fit one first"
        )
    system = detector.system
    _, _, _, lines = open_logs(paths, system)
    coded = coded_lines(lines, system, calibration.idle_seconds, progress)
    windows = uncut(coded.windows, system)
    if len(windows) < 2:
        raise LogllmError(f"a log to learn from must give at least 2 windows, found {len(windows)}")
    new = add_templates(detector, coded)
    keys = [detector.processor.matcher.key(text) or "" for text in coded.texts]
    sequences = [tuple(detector.processor.ids_of_keys([keys[c] for c in w.codes])) for w in windows]
    held = max(len(sequences) // 4, 1)
    train_more(detector, sequences[:-held], seed, max_steps)
    before = detector.threshold
    last = windows[-held:]
    scorer = Scorer(detector.model, detector.processor, calibration.severity_weight)
    scores = [score for score, _ in scorer.score_ids(sequences[-held:], [w.grave for w in last])]
    wanted = alarms_per_day or calibration.budget["alarms"]
    span = span_seconds(windows)
    budget = budget_threshold(scores, wanted, span and span * held / len(windows))
    detector.threshold = budget.threshold
    detector.calibration = Calibration(
        lineage=calibration.lineage,
        idle_seconds=calibration.idle_seconds,
        severity_weight=calibration.severity_weight,
        budget=budget.to_dict(),
        scores=[float(value) for value in np.quantile(scores, np.linspace(0, 1, SKETCH))],
        held_windows=len(scores),
        held_lines=sum(len(w.codes) for w in last),
        unseen_lines=sum(sequence.count(scorer.unseen) for sequence in sequences[-held:]),
        lines=calibration.lines + coded.lines,
        unparsed=calibration.unparsed + coded.unparsed,
        trimmed=0,
        version=calibration.version + 1,
    )
    former = replace_checkpoint(folder, detector)
    return {
        "new_templates": new,
        "threshold_before": before,
        "threshold": detector.threshold,
        "budget": budget.to_dict(),
        "former": str(former),
    }


def add_templates(detector: LogAnomalyDetector, coded: Coded) -> list[str]:
    """Mine templates from the lines that no template matches and give them keys behind the old ones."""
    matcher = detector.processor.matcher
    unknown = [matcher.key(text) is None for text in coded.texts]
    miner = TemplateMiner(detector.system.drain)
    for window in coded.windows:
        for code in window.codes:
            if unknown[code]:
                miner.add_masked(coded.texts[code])
    known = {row["key"] for row in detector.processor.template_table["templates"]}
    fresh = miner.table()["templates"]
    detector.model.update(detector.processor, fresh)
    return list(dict.fromkeys(row["text"] for row in fresh if row["key"] not in known))


def train_more(detector: LogAnomalyDetector, sequences: Sequence[tuple[int, ...]], seed: int, max_steps: int) -> None:
    """A little more next-key training on new normal sequences, and their counts beside the old ones."""
    import torch

    model = detector.model
    model.learn_keys(key for sequence in sequences for key in sequence)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    size = model.config.context_keys
    model.train()
    for _ in range(max_steps):
        rows = [
            torch.tensor(sequences[i][: size + 1]) for i in torch.randint(len(sequences), (16,), generator=generator)
        ]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        labels = ids.masked_fill((ids == 0) | (ids == 3), -100)
        model(input_ids=ids, attention_mask=(ids != 0).long(), labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    if model.config.score_by == "likelihood+counts":
        old = model.normal_counts
        model.remember_counts(sequences)
        model.normal_counts = torch.cat([model.normal_counts, old.to(model.normal_counts.device)])
        model.config.num_count_vectors = len(model.normal_counts)


def replace_checkpoint(folder: Path, detector: LogAnomalyDetector) -> Path:
    """Write a checkpoint in the place of another, which is kept as `NAME.former-N`."""
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    detector.save_pretrained(fresh)
    for name in ("training.json", "README.md"):
        if (folder / name).is_file() and not (fresh / name).is_file():
            shutil.copy2(folder / name, fresh / name)
    number = 1
    while (former := folder.with_name(f"{folder.name}.{FORMER}-{number}")).exists():
        number += 1
    folder.rename(former)
    fresh.rename(folder)
    for name in ("suppressions.jsonl",):
        if (former / name).is_file():
            shutil.copy2(former / name, folder / name)
    return former


def go_back(folder: Path) -> Path:
    """Put the version before the last update back; returns where the undone one lies now."""
    versions = sorted(
        folder.parent.glob(f"{folder.name}.{FORMER}-*"), key=lambda path: int(path.name.rpartition("-")[2])
    )
    if not versions:
        raise LogllmError(f"a version to go back to must exist, found none beside {folder}: nothing was updated yet")
    undone = folder.with_name(folder.name + ".undone")
    shutil.rmtree(undone, ignore_errors=True)
    folder.rename(undone)
    versions[-1].rename(folder)
    return undone
