"""`logllm update`: how a fitted checkpoint learns the templates of a newer log."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from logllm.decision.calibration import Calibration
from logllm.decision.detector import Detector
from logllm.decision.threshold import budget_threshold
from logllm.errors import LogllmError
from logllm.fitting.encoded_log import EncodedLog, EncodedWindow, complete_windows, span_seconds
from logllm.fitting.fit import encode_lines, open_logs
from logllm.fitting.versions import next_former
from logllm.hf_datasets import TemplateMiner
from logllm.hub.download import repository_of

UPDATE_STEPS = 300


def update_model(
    folder: Path,
    paths: Sequence[Path],
    *,
    alarms_per_day: float | None = None,
    learn_flagged: bool = False,
    seed: int = 0,
    max_steps: int = UPDATE_STEPS,
    progress: bool = True,
) -> dict[str, Any]:
    """Teach a fitted checkpoint the templates of a newer, normal log, and set its threshold anew.

    Windows that would have raised an alarm are neither learnt nor calibrated on, unless `learn_flagged`; those that are
    flagged for nothing but new templates without a severity are what an update is for.

    Returns:
        What changed: `new_templates`, `threshold_before`, `threshold`, `budget`, `windows`, `left_out`, `former` (the
        folder of the version before).
    """
    from logllm.decision.window_scores import Scorer

    if repository_of(folder) is not None:
        raise LogllmError(
            f"a checkpoint to update must be a folder of this machine, found the repository id {folder}: get it with "
            f"`hf download {folder} --local-dir FOLDER`, update that and publish it again with `logllm push model`"
        )
    detector = Detector.from_pretrained(folder)
    calibration = detector.calibration
    if calibration is None or detector.family != "logllama":
        raise LogllmError(
            f"a checkpoint to update must come from `logllm fit`, found another kind in {folder}: fit one first"
        )
    system = detector.system
    _, _, _, lines = open_logs(paths, system)
    log = encode_lines(lines, system, calibration.idle_seconds, progress)
    windows = complete_windows(log.windows, system)
    if len(windows) < 2:
        raise LogllmError(f"a log to learn from must give at least 2 windows, found {len(windows)}")
    every = len(windows)
    if not learn_flagged:
        complete, windows = windows, _unflagged(detector, log, windows, calibration.severity_weight)
        if len(windows) < 2:
            raise LogllmError(
                f"a log to learn from must be mostly normal, found {every - len(windows):,} of {every:,} windows that raise an alarm: "
                "look at them with `logllm scan`, or give --learn-flagged to learn them as normal"
            )
        # Windows that the log's end cut are not judged, but their messages may be new and normal.
        flagged = {id(one) for one in complete} - {id(one) for one in windows}
        log = replace(log, windows=[one for one in log.windows if id(one) not in flagged])
    new = add_templates(detector, log)
    keys = [detector.processor.matcher.key(text) or "" for text in log.texts]
    sequences = [tuple(detector.processor.ids_of_keys([keys[c] for c in w.codes])) for w in windows]
    held = max(len(sequences) // 4, 1)
    train_more(detector, sequences[:-held], seed, max_steps)
    before = detector.threshold
    last = windows[-held:]
    scorer = Scorer(detector.model, detector.processor, calibration.severity_weight)
    scores = [score for score, _ in scorer.score_ids(sequences[-held:], [w.severity for w in last])]
    wanted = alarms_per_day or calibration.budget["alarms"]
    span = span_seconds(windows)
    budget = budget_threshold(scores, wanted, span and span * held / len(windows))
    detector.threshold = budget.threshold
    detector.calibration = Calibration.of(
        budget,
        scores,
        lineage=calibration.lineage,
        idle=calibration.idle_seconds,
        severity_weight=calibration.severity_weight,
        held_lines=sum(len(w.codes) for w in last),
        unseen_lines=sum(sequence.count(scorer.unseen) for sequence in sequences[-held:]),
        lines=calibration.lines + log.lines,
        unparsed=calibration.unparsed + log.unparsed,
        version=calibration.version + 1,
    )
    former = replace_checkpoint(folder, detector)
    return {
        "new_templates": new,
        "threshold_before": before,
        "threshold": detector.threshold,
        "budget": budget.to_dict(),
        "windows": every,
        "left_out": every - len(windows),
        "former": str(former),
    }


def _unflagged(
    detector: Detector, log: EncodedLog, windows: Sequence[EncodedWindow], severity_weight: float
) -> list[EncodedWindow]:
    """The windows that raise no alarm, or raise one for new templates of no severity only."""
    from logllm.decision.window_scores import Scorer

    scorer = Scorer(detector.model, detector.processor, severity_weight)
    keys = [detector.processor.matcher.key(text) or "" for text in log.texts]
    rows = [[keys[code] for code in window.codes] for window in windows]
    sequences = [tuple(detector.processor.ids_of_keys(row)) for row in rows]
    kept = []
    for window, row, (score, at) in zip(windows, rows, scorer.score_ids(sequences, [w.severity for w in windows])):
        only_new = row[at] == "" and window.severity[at] <= 0
        if score <= detector.threshold or only_new:
            kept.append(window)
    return kept


def add_templates(detector: Detector, log: EncodedLog) -> list[str]:
    """Mine templates from the lines that no template matches and give them keys behind the old ones."""
    matcher = detector.processor.matcher
    unknown = [matcher.key(text) is None for text in log.texts]
    miner = TemplateMiner(detector.system.drain)
    for window in log.windows:
        for code in window.codes:
            if unknown[code]:
                miner.add_masked(log.texts[code])
    known = {row["key"] for row in detector.processor.template_table["templates"]}
    fresh = miner.table()["templates"]
    detector.model.update(detector.processor, fresh)
    return list(dict.fromkeys(row["text"] for row in fresh if row["key"] not in known))


def train_more(detector: Detector, sequences: Sequence[tuple[int, ...]], seed: int, max_steps: int) -> None:
    """A little more next-key training on new normal sequences, and their counts beside the old ones."""
    import torch

    from logllm.trainers import NextKeyConfig, NextKeyTrainer
    from logllm.trainers.logllama_stages import weighted_rows

    model = detector.model
    model.learn_keys(key for sequence in sequences for key in sequence)
    with TemporaryDirectory(prefix="logllm-update-") as folder:
        settings = NextKeyConfig(
            output_dir=folder,
            max_steps=max_steps,
            per_device_train_batch_size=16,
            learning_rate=1e-3,
            lr_scheduler_type="constant",
            weight_decay=0.01,
            unseen_rate=0.0,
            seed=seed,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
            dataloader_pin_memory=torch.cuda.is_available(),
        )
        rows = weighted_rows(sequences, model.config.context_keys)
        NextKeyTrainer(model, settings, rows, detector.processor).train()
    model.eval()
    if model.config.score_by == "likelihood+counts":
        old = model.normal_counts
        model.remember_counts(sequences)
        model.normal_counts = torch.cat([model.normal_counts, old.to(model.normal_counts.device)])
        model.config.num_count_vectors = len(model.normal_counts)


def replace_checkpoint(folder: Path, detector: Detector) -> Path:
    """Write a checkpoint in the place of another, which is kept as `NAME.former-N`."""
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    detector.baseline = None  # `update_own_log` writes it after this, as it is then
    detector.save_pretrained(fresh)
    for name in ("training.json", "README.md"):
        if (folder / name).is_file() and not (fresh / name).is_file():
            shutil.copy2(folder / name, fresh / name)
    former = next_former(folder)
    folder.rename(former)
    fresh.rename(folder)
    for name in ("suppressions.jsonl", "signals.json"):
        if (former / name).is_file():
            shutil.copy2(former / name, folder / name)
    return former
