"""The novelty part of `logllm fit --with both`: a LogLLaMA of the normal training windows, its threshold from labels."""

from __future__ import annotations

from collections.abc import Sequence

from datasets import Dataset

from logllm.decision.novelty import Novelty, NoveltySettings
from logllm.fitting.learn import LEARN_STEPS
from logllm.hf_datasets import LogSystem, TemplateMiner
from logllm.modeling_logllm.modeling_logllama import UNK_ID
from logllm.trainers.metrics import best_f1_threshold, false_alarm_threshold
from logllm.training.train import train_detector

FALSE_ALARM_RATE = 0.01
LEAST_ANOMALIES = 3  # fewer say little about a threshold


def learn_novelty(
    train: Dataset,
    validation: Dataset,
    system: LogSystem,
    *,
    severity_weight: float = 1.0,
    seed: int = 0,
    max_steps: int = LEARN_STEPS,
    progress: bool = True,
) -> Novelty:
    """Train the novelty part on the normal ones of labelled windows; its thresholds are still to be set.

    Args:
        train: rows with `lines` and `label`. Templates are mined from all of them, the model learns from normal ones.
        validation: the same; normal ones stop the training.
        system: how the log is read.
        severity_weight: what the severities of lines are multiplied with.
        seed: of weights and order.
        max_steps: of the training.
        progress: show bars.

    Raises:
        LogllmError: a split without normal windows.
    """
    miner = TemplateMiner(system.drain)
    for lines in train["lines"]:
        for line in lines:
            miner.add(line)

    def keyed(rows: Dataset) -> Dataset:
        keys = [[miner.match(line) or "" for line in lines] for lines in rows["lines"]]
        return Dataset.from_dict({"keys": keys, "label": rows["label"][:]})

    rows = keyed(train)
    detector = train_detector(
        "logllama", rows, keyed(validation), miner.table(), system, seed=seed, max_steps=max_steps, reinforce=False,
        progress=progress,
    )  # fmt: skip
    vocabulary = detector.processor.tokenizer.get_vocab()
    normal = {key for keys, label in zip(rows["keys"], rows["label"]) if label != 1 for key in keys}
    for template in miner.table()["templates"]:
        if template["key"] not in normal:
            detector.model.key_alias[vocabulary[template["key"]]] = UNK_ID
    return Novelty(detector.model, detector.processor, NoveltySettings(0.0, 0.0, severity_weight))


def set_thresholds(
    novelty: Novelty,
    windows: Sequence[Sequence[str]],
    raw: Sequence[Sequence[str]],
    labels: Sequence[int],
    system: LogSystem,
    supervised_threshold: float,
) -> str:
    """Set both thresholds on held-back windows and say in words how.

    Novelty's is that of the best F1: no label went into it, so the labelled anomalies tell how it does on kinds that it
    never saw. Where they are too few, one in a hundred normal windows may be flagged.

    Args:
        novelty: changed in place.
        windows: message contents that neither detector learnt from.
        raw: their raw lines.
        labels: 1 anomalous, 0 normal.
        system: how the log is read.
        supervised_threshold: of LogLLM's log-odds, as its training set it.
    """
    scores = novelty.scores(windows, raw, system)
    normal = [score for score, label in zip(scores, labels) if label != 1]
    novelty.settings.supervised_threshold = supervised_threshold
    if sum(label == 1 for label in labels) >= LEAST_ANOMALIES:
        novelty.settings.threshold = best_f1_threshold(scores, [int(label == 1) for label in labels])
        return f"best F1 of novelty on {len(labels)} windows"
    novelty.settings.threshold = false_alarm_threshold(normal, FALSE_ALARM_RATE)
    return f"false-alarm rate {FALSE_ALARM_RATE:g} of novelty on {len(normal)} normal windows"
