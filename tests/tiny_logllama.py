"""A small LogLLaMA over a table mined here, in memory."""

import torch

from logllm.hf_datasets import DrainSettings, mine_templates, template_key
from logllm.trainers import assemble_logllama
from logllm.trainers.logllama_config import PRESETS, LogLLaMAPreset

# Different first words, so that each is a template of its own.
MESSAGES = ["open the door now", "read from disk quietly", "write to disk loudly", "close the door again", "fail hard"]
KEYS = [template_key(message) for message in MESSAGES]
OPEN, READ, WRITE, CLOSE, FAIL = KEYS
SMALL = LogLLaMAPreset(
    hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, epochs=2, batch=4,
    reinforce_learning_rate=1e-3, reinforce_sequences=64,
)  # fmt: skip


def table(messages=MESSAGES):
    return mine_templates(messages, DrainSettings(masks=()))


def small(monkeypatch, messages=MESSAGES, seed=0, preset=SMALL, **settings):
    monkeypatch.setitem(PRESETS, "small", preset)
    settings.setdefault("predict_end", True)
    model, processor = assemble_logllama("small", table(messages), seed=seed, **settings)
    return model.eval(), processor


def sessions(processor, n=24, seed=0):
    """Normal sessions: open, one to three reads or writes, close; as ids."""
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(n):
        length = int(torch.randint(1, 4, (1,), generator=generator))
        middle = torch.randint(0, 2, (length,), generator=generator)
        rows.append(processor.ids_of_keys([OPEN, *[(READ, WRITE)[i] for i in middle.tolist()], CLOSE]))
    return rows
