"""The novelty part of `logllm fit --with both`: a LogLLaMA of the normal training windows, its threshold from labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from datasets import Dataset

from logllm.decision.novelty import Novelty, NoveltySettings, text_digest
from logllm.fitting.learn import FIT_STEPS
from logllm.hf_datasets import LogSystem, TemplateMiner
from logllm.modeling_logllm.processing_logllama import UNK_ID
from logllm.trainers.metrics import best_f1_threshold, detection_metrics, false_alarm_threshold
from logllm.training.train import train_detector

FALSE_ALARM_RATE = 0.01
LEAST_ANOMALIES = 3  # fewer say little about a threshold
# Ways to say what is new (`NoveltySettings.kinds`, `order`), of which the validation windows choose; the first of equal ones.
# Where lines of many processes are cut into windows by their number, order says little.
VARIANTS = {
    "session": (("template", True), ("template", False), ("text", True), ("text", False)),
    "lines": (("template", False), ("text", False), ("template", True), ("text", True)),
}


def learn_novelty(
    train: Dataset,
    validation: Dataset,
    system: LogSystem,
    *,
    severity_weight: float = 1.0,
    seed: int = 0,
    max_steps: int = FIT_STEPS,
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
        if template["key"] in vocabulary and template["key"] not in normal:
            detector.model.key_alias[vocabulary[template["key"]]] = UNK_ID
    texts: dict[bool, set[str]] = {False: set(), True: set()}
    for lines, label in zip(train["lines"], rows["label"]):
        texts[label == 1].update(map(text_digest, lines))
    return Novelty(
        detector.model,
        detector.processor,
        NoveltySettings(severity_weight=severity_weight),
        texts[False],
        texts[True] - texts[False],
    )


def set_thresholds(
    novelty: Novelty,
    windows: Sequence[Sequence[str]],
    raw: Sequence[Sequence[str]],
    labels: Sequence[int],
    log_odds: Callable[[Sequence[Sequence[str]]], Sequence[float]],
    system: LogSystem,
    supervised_threshold: float,
) -> str:
    """Choose what counts as new and set both thresholds on held-back windows; say in words how.

    No label goes into novelty, so the labelled anomalies tell how it does on kinds that it never saw. The kinds and the
    threshold are those of the best F1; of equal ones those of the better PR-AUC, then the first of `VARIANTS`. LogLLM's threshold is
    that of the best F1 of both together, its own where that is as good. With too few anomalies one in a hundred normal
    windows may be flagged by novelty, and LogLLM keeps its own. In the end the messages of the normal windows are accepted:
    what was normal in them is no longer new.

    Args:
        novelty: changed in place.
        windows: message contents that neither detector learnt from.
        raw: their raw lines.
        labels: 1 anomalous, 0 normal.
        log_odds: LogLLM's, of windows of messages; asked about the messages of known kinds.
        system: how the log is read.
        supervised_threshold: of LogLLM's log-odds, as its training set it.
    """
    settings, truth = novelty.settings, [int(label == 1) for label in labels]
    settings.supervised_threshold = supervised_threshold
    if sum(truth) < LEAST_ANOMALIES:
        scores = novelty.scores(windows, raw, system)
        normal = [score for score, label in zip(scores, truth) if label == 0]
        settings.threshold = false_alarm_threshold(normal, FALSE_ALARM_RATE)
        novelty.accept(window for window, label in zip(windows, truth) if label == 0)
        return f"false-alarm rate {FALSE_ALARM_RATE:g} of novelty on {len(normal)} normal windows"
    best: tuple[float, float] | None = None
    for kinds, order in VARIANTS["session" if system.window.kind == "session" else "lines"]:
        settings.kinds, settings.order = kinds, order
        scores = novelty.scores(windows, raw, system)
        threshold = best_f1_threshold(scores, truth)
        found = detection_metrics(scores, truth, threshold)
        merit = (round(found["f1"], 6), round(found["pr_auc"], 6))
        if best is None or merit > best:
            best, chosen = merit, (kinds, order, threshold, scores)
    settings.kinds, settings.order, settings.threshold, scores = chosen
    # What novelty flags is flagged whatever LogLLM says: there its log-odds count as the highest of all.
    odds = log_odds([novelty.readable(window) for window in windows])
    most = max([*odds, supervised_threshold]) + 1.0
    joined = [most if score > settings.threshold else one for one, score in zip(odds, scores)]
    settings.supervised_threshold = best_f1_threshold(joined, truth, prefer=supervised_threshold)
    novelty.accept(window for window, label in zip(windows, truth) if label == 0)
    what = f"new {settings.kinds}s" + (", order and number" if settings.order else "")
    return f"best F1 of novelty ({what}), then of both, on {len(windows)} windows"
