"""The `lora` preset: a pretrained Llama reads log keys. Its words go, its body stays, each key starts from its text.

What is peculiar here:
- A key's embedding is the mean of the embeddings of its template's words, in and out, so two templates of like wording
  are like keys before any training, and a key that is added later has a meaning at once.
- LoRA trains the attention's queries and values; the small tables of keys are trained whole. At the end the adapters are
  merged, so that the checkpoint is an ordinary `LogLLaMAForNextKey`.
"""

from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import PreTrainedTokenizerBase

from logllm.modeling_logllm import LogLLaMAForNextKey

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


def with_adapters(model: LogLLaMAForNextKey, rank: int) -> Any:
    """Wrap the model so that LoRA on queries and values and the whole key tables are trained, nothing else."""
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=0.05,
        target_modules=["q_proj", "v_proj"],
        modules_to_save=["embed_tokens", "lm_head"],
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)  # type: ignore[arg-type]


def merged(trained: Any) -> LogLLaMAForNextKey:
    """Put the adapters into the weights and take the wrapping off, in place."""
    return trained.merge_and_unload()
