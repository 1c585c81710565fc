"""As a model and a processor: scores of windows, here the blocks of an HDFS log, read from logits."""

import re

from transformers import AutoModel, AutoProcessor

import logllm.modeling_logllm  # noqa: F401

model = AutoModel.from_pretrained("checkpoints/logllm")
processor = AutoProcessor.from_pretrained("checkpoints/logllm")
blocks: dict[str, list[str]] = {}
for line in open("examples/hdfs.log"):
    message = line.rstrip().split(": ", 1)[1]  # without the header
    blocks.setdefault(re.search(r"blk_-?\d+", message)[0], []).append(message)
for block, score in zip(blocks, model.score(list(blocks.values()), processor)):  # log-odds of "anomalous"
    print(block, round(score, 2), "anomalous" if score > model.config.threshold else "normal")
