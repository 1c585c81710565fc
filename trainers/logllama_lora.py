"""The `lora` preset: a pretrained Llama reads log keys. Its words go, its body stays, each key starts from its text.

Notes:
- A key's embedding is the mean of the embeddings of its template's words, in and out, so two templates of like wording
  are like keys before any training, and a key that is added later has a meaning at once.
- LoRA (`qlora.with_adapters`) trains the attention's queries and values; the small tables of keys are trained whole. At
  the end the adapters are merged, so that the checkpoint is an ordinary `LogLLaMAForNextKey`.
"""

from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

PARAMETER_WORD = "*"  # what the wildcard of a template is read as


def text_embeddings(
    words: torch.Tensor, tokenizer: PreTrainedTokenizerBase, texts: list[str], seed: int = 0
) -> torch.Tensor:
    """Return the mean word embedding of each text: (n, H); a text without words gets noise of the table's spread.

    Args:
        words: (V, H) the language model's table.
        tokenizer: its tokenizer.
        texts: template texts.
        seed: of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    spread = float(words.float().std())
    rows = []
    for text in texts:
        ids: Any = tokenizer(text.replace("<*>", PARAMETER_WORD), add_special_tokens=False)["input_ids"]
        if ids:
            rows.append(words[torch.tensor(ids)].float().mean(0))
        else:
            rows.append(torch.randn(words.shape[1], generator=generator) * spread)
    return torch.stack(rows)
