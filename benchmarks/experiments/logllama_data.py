"""The splits of LogLLaMA's tables, from raw logs to sequences of log keys; pure functions of the recipe.

Notes: HDFS training joins two sources. The first part of the raw blocks is read, windowed and mined like any log; the
sessions of `sessions_keys.tsv` that are in no raw file come as numbers of templates, and each number is taken for the
Drain key of the raw lines that carry it (else of its template's text). Blocks of the test part are in neither.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from logllm.hf_datasets import (
    DrainSettings,
    LogSystem,
    TemplateMiner,
    Window,
    get_system,
    make_windows,
    parse_lines,
    read_lines,
    read_session_labels,
)

# LogLLM's masks as an alternative to Drain: every message that masks to one text is one template.
MASK_ONLY = "mask only"
SPELL = "spell"  # another parser: benchmarks/experiments/spell.py


@dataclass
class Keys:
    """One split as key sequences. Labels: 1 anomalous. `gaps` are seconds before each key, where the source has times."""

    system: LogSystem
    table: dict[str, Any]
    train: list[list[str]]  # normal
    validation: list[list[str]]  # normal
    test: list[list[str]]
    labels: list[int]
    anomalies: list[list[str]] = field(default_factory=list)  # of the training part, for rows that use labels
    train_gaps: list[list[float]] | None = None
    validation_gaps: list[list[float]] | None = None
    test_gaps: list[list[float]] | None = None

    def checksum(self) -> str:
        """SHA-256 of the test part: one line a window, label and keys."""
        text = "\n".join(f"{label}\t{' '.join(keys)}" for label, keys in zip(self.labels, self.test))
        return hashlib.sha256(text.encode()).hexdigest()

    def facts(self) -> dict[str, Any]:
        """What the result file says of the split."""
        held = {tuple(keys) for keys in self.train}
        return {
            "test_sha256": self.checksum(),
            "train": len(self.train),
            "train_distinct": len(held),
            "validation": len(self.validation),
            "test": len(self.test),
            "test_anomalous": sum(self.labels),
            "test_never_in_training": sum(tuple(keys) not in held for keys in self.test),
            "test_unseen_key_share": round(
                sum(not key for keys in self.test for key in keys) / max(sum(map(len, self.test)), 1), 6
            ),
            "templates": len(self.table["templates"]),
        }


def windows_of(
    data: Path, raw: list[str], system: LogSystem, labels: str | None
) -> tuple[list[Window], dict[int, float]]:
    """Windows of raw files, and each line's time by number."""
    truth = read_session_labels(data / labels) if labels else None
    times: dict[int, float] = {}

    def lines():
        for line in parse_lines((x for name in raw for x in read_lines(data / name, system.encoding)), system):
            if line.timestamp is not None:
                times[line.number] = line.timestamp
            yield line

    return list(make_windows(lines(), system.window, truth)), times


def gaps_of(window: Window, times: dict[int, float], closed: bool) -> list[float]:
    """Seconds before each key; 0 before the begin, the first and the end."""
    stamps = [times.get(number, 0.0) for number in window.line_numbers]
    return [0.0, 0.0, *(max(b - a, 0.0) for a, b in pairwise(stamps)), *([0.0] if closed else [])]


class MaskMiner:
    """Templates by LogLLM's masks alone, in the shape of `TemplateMiner`; its table matches whole masked messages."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def add(self, message: str) -> None:
        """Learn a message."""
        self.match(message, learn=True)

    def match(self, message: str, learn: bool = False) -> str | None:
        """The key of a message, None where training had none of its text."""
        from logllm.hf_datasets import template_key
        from logllm.modeling_logllm import mask_message

        text = mask_message(message)
        if learn:
            self.texts.setdefault(text, template_key(text))
        return self.texts.get(text)

    def table(self) -> dict[str, Any]:
        """A template table; keys only, the path is the text itself."""
        drain = {"similarity": 1.0, "depth": 3, "max_children": 100, "extra_delimiters": [], "masks": []}
        rows = [
            {"key": key, "text": text, "path": [str(len(text.split()))], "count": 1}
            for text, key in self.texts.items()
        ]
        return {"version": 1, "drain": {**drain, "parameter": "<*>"}, "templates": rows}


def miner_of(system: LogSystem, drain: dict[str, Any] | str | None) -> Any:
    """Drain with the system's settings, with other ones, the masks alone, or Spell."""
    if drain == MASK_ONLY:
        return MaskMiner()
    if drain == SPELL:
        from benchmarks.experiments.spell import SpellMiner

        return SpellMiner(system.drain)
    return TemplateMiner(replace(system.drain, **drain) if isinstance(drain, dict) else system.drain)


def hdfs(data: Path, recipe: dict[str, Any], drain: Any = None, fold: int | None = None, dirt: float = 0.0) -> Keys:
    """HDFS: tested on a part of the raw blocks (by time), trained on the normal rest and the sessions without raw lines.

    Args:
        data: folder of the logs.
        recipe: `train_share` of the blocks by time, `validation_share`; `raw_only` leaves out the sessions without raw
            lines, whose dates are not known: then all of the training part lies before the test part.
        drain: other settings of the miner.
        fold: in place of the last blocks, this fifth of them is tested and all others are trained on.
        dirt: share of anomalous sessions put into the training part as if they were normal.
    """
    system = get_system("hdfs")
    windows, times = windows_of(data, ["hdfs/HDFS_2pct.log"], system, "hdfs/anomaly_label.csv")
    count = len(windows)
    cut = (int(recipe["train_share"] * count), count) if fold is None else (count * fold // 5, count * (fold + 1) // 5)
    rest, test = windows[: cut[0]] + windows[cut[1] :], windows[cut[0] : cut[1]]
    with (data / "hdfs/sessions_keys.tsv").open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file, delimiter="\t"))
    numbers = {row["block"]: row["keys"].split() for row in listed if row["source"] == "raw"}
    with (data / "hdfs/templates.csv").open(encoding="utf-8") as file:
        texts = {row["key"]: row["text"].replace("/<*>", "<*>") for row in csv.DictReader(file)}
    normal = [window for window in rest if window.label == 0]
    miner = miner_of(system, drain)
    for window in normal:
        for line in window.lines:
            miner.add(line)
    others = [row["keys"].split() for row in listed if row["source"] != "raw" and row["label"] == "0"]
    if recipe.get("raw_only"):
        others = []
    keys_of: dict[str, Counter[str]] = defaultdict(Counter)
    seen = {number for keys in others for number in keys}
    for number in sorted(seen - {number for window in normal for number in numbers[window.window_id]}, key=int):
        miner.add(texts[number])
    for window in normal:
        for number, line in zip(numbers[window.window_id], window.lines, strict=True):
            keys_of[number][miner.match(line) or ""] += 1
    for number in sorted(seen - set(keys_of), key=int):
        keys_of[number][miner.match(texts[number]) or ""] += 1
    meaning = {number: found.most_common(1)[0][0] for number, found in keys_of.items()}
    extra = [[meaning[number] for number in keys] for keys in others]
    random.Random(recipe.get("split_seed", 0)).shuffle(extra)

    def keyed(some: list[Window]) -> list[list[str]]:
        return [[miner.match(line) or "" for line in window.lines] for window in some]

    share = recipe["validation_share"]
    late, early = int(share * len(normal)), int(share * len(extra))
    train, validation = normal[: len(normal) - late], normal[len(normal) - late :]
    anomalies = keyed([window for window in rest if window.label == 1])
    keys = keyed(train) + extra[early:]
    if dirt:
        rng = random.Random(recipe.get("split_seed", 0) + 1)
        bad = [
            [meaning.get(n, "") for n in r["keys"].split()]
            for r in listed
            if r["source"] != "raw" and r["label"] == "1"
        ]
        keys += rng.sample(bad, round(dirt * len(keys) / (1 - dirt)))
        rng.shuffle(keys)
    return Keys(
        system, miner.table(), keys, keyed(validation) + extra[:early], keyed(test), [int(w.label or 0) for w in test],
        anomalies,
        train_gaps=[gaps_of(w, times, True) for w in train],
        validation_gaps=[gaps_of(w, times, True) for w in validation],
        test_gaps=[gaps_of(w, times, True) for w in test],
    )  # fmt: skip


def by_lines(data: Path, recipe: dict[str, Any], drain: Any = None) -> Keys:
    """A system with labels by line, in windows of a number of lines, cut by time or at random; each file is windowed alone."""
    system = replace(
        get_system(recipe["system"]), window=replace(get_system(recipe["system"]).window, size=recipe["window"])
    )
    names = sorted(str(path.relative_to(data)) for path in data.glob(recipe["raw"]))
    windows = [window for name in names for window in windows_of(data, [name], system, None)[0]]
    if recipe["split"] == "random":
        random.Random(recipe.get("split_seed", 0)).shuffle(windows)
    cut = int(recipe["train_share"] * len(windows))
    before, test = windows[:cut], windows[cut:]
    normal = [window for window in before if window.label == 0]
    late = max(int(recipe["validation_share"] * len(normal)), 1)
    train, validation = normal[:-late], normal[-late:]
    miner = miner_of(system, drain)
    for window in train:
        for line in window.lines:
            miner.add(line)

    def keyed(some: list[Window]) -> list[list[str]]:
        return [[miner.match(line) or "" for line in window.lines] for window in some]

    return Keys(
        system, miner.table(), keyed(train), keyed(validation), keyed(test), [int(w.label or 0) for w in test],
        keyed([window for window in before if window.label == 1]),
    )  # fmt: skip


def settings_text(drain: Any) -> str:
    """A row's name for a miner setting."""
    if drain is None:
        return "the system's own"
    return drain if isinstance(drain, str) else ", ".join(f"{key} {value}" for key, value in sorted(drain.items()))


def same(one: Any, other: Any) -> bool:
    """Whether two plain values are the same JSON."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


__all__ = ["MASK_ONLY", "DrainSettings", "Keys", "by_lines", "hdfs", "same", "settings_text"]
