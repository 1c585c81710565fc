"""LogLLaMA's part of training a detector: normal sequences in, thresholds of all its detectors out.

Notes:
- No label goes into training: windows labelled anomalous are left out, unlabelled ones are taken as normal.
- Top K, likelihood, and likelihood + counts stand side by side: the threshold of each is set on the same normal validation
  windows and kept in the training record; the checkpoint's `score_by` says which one judges.
- A new normal session is often of a kind that the last weeks did not have, so the false-alarm rate that is aimed at is
  small; with fewer than 10 / rate validation windows the threshold is read from their tail and from the gap above it
  (decision/threshold.py). Then the counts of these windows are remembered as well.
- K and the vocabulary are those of normal training windows. A template of anomalous ones only stands in the table and
  counts as unseen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logllm.errors import LogllmError

if TYPE_CHECKING:
    from datasets import Dataset

    from logllm.hf_datasets import LogSystem

# A likelihood ends where a message was never seen, the distance of counts does not end: for so rare a rate as the sum's the
# likelihood's threshold would lie near that end (benchmarks/results/logllama_threshold.json).
BOUNDED_RATE = 3
# New windows exceed what the tail of a few hundred says several times as often (the same file): half a power of ten.
TAIL_MARGIN = 3
CURVES = (("reward", "reward a position"), ("eval_hit_rate", "true keys in the top K"), ("entropy", "entropy (nats)"),
          ("kl", "KL from the likelihood model (nats)"), ("eval_loss", "validation loss (nats a key)"))  # fmt: skip


def train_logllama_on(
    train: Dataset,
    validation: Dataset,
    table: dict[str, Any],
    system: LogSystem,
    preset: str,
    work: Path,
    seed: int,
    progress: bool,
    settings: dict[str, Any],
) -> tuple[Any, Any, list[dict[str, Any]], dict[str, Any]]:
    """Assemble, train and calibrate; return model, processor, one row a stage, and facts for the record.

    Raises:
        LogllmError: there are no normal windows to learn from, or none to set the threshold on.
    """
    from logllm.trainers import assemble_logllama, train_logllama

    whole = system.window.kind == "session"  # where a window is cut by a count, its end and its counts mean nothing
    labels = train["label"][:]
    normal = [keys for keys, label in zip(train["keys"], labels) if label != 1]
    held_back = [keys for keys, label in zip(validation["keys"], validation["label"]) if label != 1]
    if not any(normal):
        raise LogllmError(
            f"LogLLaMA must have normal windows to learn from, found none among {len(labels)} training windows: "
            "train on a period that has some, or train LogLLM, which learns from both kinds"
        )
    if not held_back:
        raise LogllmError(
            f"the validation split must hold normal windows to set the threshold on, found none of {len(validation)}: "
            "build the dataset with a larger --validation-share"
        )
    messages = sum(map(len, normal))
    model, processor = assemble_logllama(
        preset,
        table,
        keys={key for keys in normal for key in keys},
        predict_end=whole,
        seed=seed,
        score_by="likelihood+counts" if whole else "likelihood",
        # The add-one estimate of an event never seen among this many.
        unseen_score=math.log(messages + 1),
        log_system=system.to_dict(),
    )
    sequences = [processor.ids_of_keys(keys) for keys in normal]
    calibration = [processor.ids_of_keys(keys) for keys in held_back]
    wanted = settings.get("reinforce_settings") or {}
    learnt, truth = sequences, [0] * len(sequences)
    if wanted.get("use_labels"):
        learnt = [processor.ids_of_keys(keys) for keys in train["keys"]]
        truth = [int(label == 1) for label in labels]
    stages = train_logllama(
        model,
        processor,
        learnt,
        preset,
        work,
        labels=truth,
        validation=calibration,
        seed=seed,
        max_steps=settings["max_steps"],
        reinforce=settings["reinforce"],
        reinforce_settings=settings.get("reinforce_settings"),
        resume=settings.get("resume", False),
        report_to=settings.get("report_to"),
        tracking_dir=settings["out"] / "runs" if settings.get("out") is not None else None,
        progress=progress,
    )
    if whole:
        model.remember_counts(sequences)
    rate = settings["false_alarm_rate"]
    thresholds = calibrate_all(model, calibration, rate)
    chosen = model.config.score_by
    model.config.threshold = thresholds[chosen]
    judged = model.detectors(calibration)[chosen]
    facts = {
        "calibration": calibrated_how(judged, thresholds[chosen], rate * (1 if whole else BOUNDED_RATE)),
        "thresholds": thresholds,
        "filled_in": filled_in(whole, settings),
    }
    if whole:
        labels = [label for label in validation["label"] if label != 1]
        known = [i for i, label in enumerate(labels) if label == 0 or judged[i] <= thresholds[chosen]]
        remember_validation(model, [calibration[i] for i in known])
    return model, processor, stages, facts


def remember_validation(model: Any, normal: list[list[int]]) -> None:
    """Let the counts of normal validation windows be known, once the thresholds are set on them.

    A kind of session that turned up in the last weeks goes on to turn up; no distance grows, so the false-alarm rate that was
    promised holds. A window with a message that training never saw stays as odd as it was.
    """
    from logllm.modeling_logllm.modeling_logllama import UNK_ID

    model.remember_more_counts(sequence for sequence in normal if UNK_ID not in sequence)


def calibrate_all(model: Any, normal: list[list[int]], rate: float) -> dict[str, float]:
    """Return the threshold of each detector: the paper's K, and for the others the false-alarm rate on normal windows."""
    from logllm.decision.threshold import bounded_threshold, normal_threshold, widest_gap

    scores = model.detectors(normal)
    reach = reach_of_unseen(model, normal)
    found = {}
    for name, values in scores.items():
        if "counts" in name:
            lowest = normal_threshold(values, rate, reach[name], margin=TAIL_MARGIN)
            found[name] = widest_gap(values, lowest, reach[name])
        else:
            found[name] = bounded_threshold(values, min(rate * BOUNDED_RATE, 0.5), reach[name])
    return {**found, "rank": float(model.config.candidates - 1)}


def reach_of_unseen(model: Any, normal: list[list[int]]) -> dict[str, float]:
    """What nine in ten normal windows would score at least, had they one message more that training never saw.

    A threshold may lie there although no normal window does: what it is for would still be an alarm.
    """
    from logllm.modeling_logllm.modeling_logllama import UNK_ID

    changed = [
        [*sequence[: len(sequence) // 2 + 1], UNK_ID, *sequence[len(sequence) // 2 + 1 :]] for sequence in normal
    ]
    found = model.detectors(list(dict.fromkeys(map(tuple, changed))))
    return {name: sorted(scores)[len(scores) // 10] for name, scores in found.items()}


def calibrated_how(scores: Sequence[float], threshold: float, rate: float) -> str:
    """Say in words what a threshold promises.

    >>> calibrated_how([1.0] * 99, 5.0, 0.001)
    'false-alarm rate 0.001 aimed at, 0.01 promised: 0 of 99 validation windows taken as normal lie above it'
    """
    from logllm.decision.threshold import promised_rate

    above = sum(score > threshold for score in scores)
    return (
        f"false-alarm rate {rate:g} aimed at, {promised_rate(scores, threshold, rate):.2g} promised: {above} of "
        f"{len(scores):,} validation windows taken as normal lie above it"
    )


def filled_in(whole: bool, settings: dict[str, Any]) -> list[str]:
    """Say what was chosen where the paper is silent."""
    objective = (settings.get("reinforce_settings") or {}).get("objective", "reinforce")
    return [
        "begin and end of a session are predicted like keys" if whole else "the end of a window is not predicted",
        "score: worst negative log-likelihood, plus count distance where windows are sessions; top-K on request",
        f"RL step: objective {objective!r}; sampled continuations of one fifth of a sequence, return-to-go, "
        "moving-average baseline, entropy bonus" if settings["reinforce"] else "the RL step was not run",
    ]  # fmt: skip


def keep_curves(work: Path, out: Path) -> bool:
    """Keep the curves of both stages as curves.json and, where matplotlib is installed, as curves.png: True."""
    file = work / "curves.json"
    if not file.is_file():
        return False
    history = json.loads(file.read_text("utf-8"))
    (out / "curves.json").write_text(json.dumps(history) + "\n", "utf-8")
    return draw_curves(history, out / "curves.png")


def draw_curves(history: dict[str, list[dict[str, float]]], file: Path) -> bool:
    """Draw reward, hit rate, entropy, KL and validation loss of the REINFORCE stage; False where nothing was drawn."""
    rows = history.get("reinforce") or []
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:  # the picture belongs to the `bench` extra; the numbers are in curves.json
        return False
    shown = [(name, title) for name, title in CURVES if any(name in row for row in rows)]
    if not shown:
        return False
    figure = Figure(figsize=(3.2 * len(shown), 2.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, (name, title) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown):
        points = [(row["step"], row[name]) for row in rows if name in row]
        axis.plot(*zip(*points), marker="." if len(points) < 40 else None)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("step")
    figure.savefig(file, dpi=120)
    return True
