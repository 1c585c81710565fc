"""`logllm update`: a newer log is learnt by what `logllm fit` wrote, baseline and model, and the thresholds are set anew."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from logllm.errors import LogllmError
from logllm.fitting.baseline import learn_more, name_numbers, threshold_of
from logllm.fitting.own_log import EVENTS_SHARE, open_events
from logllm.fitting.versions import next_former
from logllm.hf_datasets import SYSTEMS
from logllm.signals.baseline import Baseline
from logllm.signals.table import read_table


@dataclass
class Updated:
    """What an update changed.

    Attributes:
        former: folder of the version before.
        events: of the new log.
        new: templates that were new to the baseline.
        left_out: events that would have raised an alarm and were not learnt.
        threshold: of events, before and now; None where the folder has no baseline.
        model: what `fitting.update.update_model` gave; None where the folder has no model.
    """

    former: str
    events: int = 0
    new: list[str] = field(default_factory=list)
    left_out: int = 0
    threshold: tuple[float, float] | None = None
    model: dict[str, Any] | None = None

    def in_words(self) -> str:
        """The result for people."""
        rows = []
        if self.threshold is not None:
            rows.append(
                f"events: {self.events:,} learnt, {_count(len(self.new), 'new template')}; {_moved(*self.threshold)}"
            )
            rows += [f"  + {text[:160]}" for text in self.new[:20]]
            if self.left_out:
                rows.append(
                    f"  {_count(self.left_out, 'event')} not learnt, for which an alarm would have been raised; --learn-flagged learns them"
                )
        if self.model is not None:
            new = self.model["new_templates"]
            moved = _moved(self.model["threshold_before"], self.model["threshold"])
            rows.append(f"windows: {self.model['windows']:,}, {_count(len(new), 'new template')}; {moved}")
            if self.threshold is None:
                rows += [f"  + {text[:160]}" for text in new[:20]]
            if self.model["left_out"]:
                left = _count(self.model["left_out"], "window")
                rows.append(
                    f"  {left} not learnt, for which an alarm would have been raised; --learn-flagged learns them"
                )
        return "\n".join([*rows, f"the version before is in {self.former}"])


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _moved(before: float, now: float) -> str:
    if abs(now - before) < 0.005:
        return f"threshold {now:.2f} as before"
    how = (
        "raised: what scores between them raises no alarm any more"
        if now > before
        else "lowered: more raises an alarm"
    )
    return f"threshold {before:.2f} -> {now:.2f}, {how}"


def update_own_log(
    folder: Path,
    paths: Sequence[Path],
    *,
    alarms_per_day: float | None = None,
    learn_flagged: bool = False,
    seed: int = 0,
    progress: bool = True,
) -> Updated:
    """Teach a checkpoint a newer log.

    Args:
        folder: the checkpoint.
        paths: the newer log, normal.
        alarms_per_day: a new budget; that of the fit without it.
        learn_flagged: whether what would have raised an alarm is learnt as normal, too.
        seed: of the model's training.
        progress: whether bars are shown.

    Raises:
        LogllmError: the folder is none that `logllm fit` wrote, or the log cannot be learnt from.
    """
    baseline = Baseline.load(folder)
    has_model = not folder.is_dir() or (folder / "config.json").is_file()
    if baseline is None and not has_model:
        raise LogllmError(f"a checkpoint to update must come from `logllm fit`, found none in {folder}: fit one first")
    result = Updated("")
    if baseline is not None:
        _update_baseline(baseline, paths, alarms_per_day, learn_flagged, has_model, result)
    if has_model:
        from logllm.fitting.update import update_model

        wanted = (
            None if alarms_per_day is None else alarms_per_day * ((1 - EVENTS_SHARE) if baseline is not None else 1.0)
        )
        result.model = update_model(
            folder, paths, alarms_per_day=wanted, learn_flagged=learn_flagged, seed=seed, progress=progress
        )
        result.former = result.model["former"]
    else:
        result.former = str(_copied(folder))
    if baseline is not None:
        baseline.save(folder)
    return result


def _update_baseline(
    baseline: Baseline,
    paths: Sequence[Path],
    alarms: float | None,
    learn_flagged: bool,
    has_model: bool,
    result: Updated,
) -> None:
    known = len(baseline.keys)
    named = baseline.formats[0] if len(baseline.formats) == 1 and baseline.formats[0] in SYSTEMS else None
    log = open_events(paths, named, keys=baseline.keys)
    table, _ = read_table(log)
    if not len(table):
        raise LogllmError("a log to learn from must hold events, found none: give another log")
    before = baseline.threshold
    scores, seconds, events, left_out = learn_more(baseline, table, learn_flagged, order=not has_model)
    name_numbers(baseline, table, log)
    result.events, result.left_out = len(table) - left_out, left_out
    result.new = [
        text for text in (baseline.keys.text(place) for place in range(known, len(baseline.keys)))
        if any(baseline.keys.text(code // 4) == text for code in baseline.kinds)
    ]  # fmt: skip
    if events:
        share = EVENTS_SHARE if has_model else 1.0
        wanted = alarms * share if alarms is not None else float(baseline.budget.get("alarms", share))
        baseline.threshold, baseline.budget = threshold_of(baseline, scores, seconds, events, wanted)
    baseline.files += [Path(one.name).name for one in log.files if Path(one.name).name not in baseline.files]
    baseline.lines += sum(one.lines for one in log.files)
    baseline.version += 1
    result.threshold = (before or 0.0, baseline.threshold or 0.0)


def _copied(folder: Path) -> Path:
    """A copy of a folder beside it, to go back to."""
    former = next_former(folder)
    shutil.copytree(folder, former)
    return former
