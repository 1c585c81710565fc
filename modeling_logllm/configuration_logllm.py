"""Configuration of LogLLM: an encoder's and a decoder's own configurations, and what joins them.

Notes:
- The sub-configurations are of any family (`{"model_type": "qwen2", ...}`). They are copied on the way in: an object
  shared with a live model would reset that model's attention and make its decoder non-causal without an error.
- The prompt, the answers and the limits stand here, so that a checkpoint says in one JSON file how it must be asked;
  the processor is built from them and refuses to work with a model that was asked differently.
- `id2label` names the two classes, for what shows a classifier's labels.
- `threshold` is on the score (log-odds); `log_system` is the row that tells how to read a raw log into windows.
"""

import copy
from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

LABELS = {0: "normal", 1: "anomalous"}


@strict
class LogLLMConfig(PreTrainedConfig):
    """Configuration of `LogLLMForSequenceAnomaly` (LogLLM, arXiv 2411.08561, section III).

    Args:
        encoder_config: configuration of the message encoder (BERT in the paper).
        decoder_config: configuration of the decoder-only language model (Llama-3-8B in the paper).
        pooling: `"pooler"` (paper: the encoder's pooled `[CLS]`) or `"mean"` (mean over word pieces).
        prompt_prefix: text before the soft tokens.
        prompt_suffix: text after them.
        answers: the answers for normal and for anomalous; the loss is on their tokens.
        log_token_id: decoder token id that holds a soft token's place in `input_ids`.
        answer_prefix_ids: ids of the tokens that both answers begin with.
        answer_token_ids: ids of the first tokens in which the two answers differ, normal first.
        max_messages: messages a piece of a window may have (paper's code: 128).
        max_message_tokens: word pieces of a message (paper's code: 100).
        long_windows: `"overlap"` (score a longer window in overlapping pieces, of which the highest score counts) or
            `"cut"` (keep the first `max_messages`, as the paper's code).
        threshold: a window whose score (log-odds of anomalous, nats) is above it is called anomalous.
        nearest_wording: least cosine of the encoder's vectors at which `score` and `explain`, and all that is made of them,
            read a message as the nearest one of `known_messages`: a log whose wording changed is judged by what its
            messages say. 0 = every message as it is (paper). `forward` always takes messages as they are.
        known_messages: masked messages of the training windows, the most frequent first.
        log_system: the log system's row as plain values, or None.
        base_encoder, base_decoder: repository ids of the bases of an adapter-only checkpoint.
        base_encoder_revision, base_decoder_revision: their revisions: a commit of the Hub, or `gguf:` and a SHA-256.
        base_decoder_layers: how many of the base decoder's layers are kept, from the first; None = all.
        adapter_subfolder: sub-folder with the adapter; None for a checkpoint that holds all weights.
        processor_checksum: of the vocabulary and the prompt that the model was trained with (`LogLLMProcessor.checksum`).
    """

    model_type = "logllm"
    sub_configs_defaults = {
        "encoder_config": SubConfigSpec(config_class=AutoConfig, model_type="bert"),
        "decoder_config": SubConfigSpec(config_class=AutoConfig, model_type="llama"),
    }

    encoder_config: dict[str, Any] | PreTrainedConfig | None = None
    decoder_config: dict[str, Any] | PreTrainedConfig | None = None
    pooling: str = "pooler"
    prompt_prefix: str = "Below is a sequence of system log messages:"
    prompt_suffix: str = ". Is this sequence normal or anomalous? \n"
    answers: list[str] | tuple[str, ...] = ("The sequence is normal.", "The sequence is anomalous.")
    log_token_id: int = 4
    answer_prefix_ids: list[int] | tuple[int, ...] = ()
    answer_token_ids: list[int] | tuple[int, ...] = (0, 1)
    max_messages: int = 128
    max_message_tokens: int = 100
    long_windows: str = "overlap"
    threshold: float = 0.0
    nearest_wording: float = 0.0
    known_messages: list[str] | tuple[str, ...] = ()
    log_system: dict[str, Any] | None = None
    base_encoder: str | None = None
    base_decoder: str | None = None
    base_encoder_revision: str | None = None
    base_decoder_revision: str | None = None
    base_decoder_layers: int | None = None
    adapter_subfolder: str | None = None
    processor_checksum: str | None = None
    # Tying is read from this configuration, not from the decoder's: from_backbones copies it over.
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs):
        if self.id2label is None and not {"id2label", "num_labels"} & set(kwargs):
            self.id2label = dict(LABELS)
            self.label2id = {name: number for number, name in LABELS.items()}
        for name in ("encoder_config", "decoder_config"):
            value = getattr(self, name)
            if isinstance(value, PreTrainedConfig):
                setattr(self, name, copy.deepcopy(value))
        super().__post_init__(**kwargs)
        if self.pooling not in ("pooler", "mean"):
            raise ValueError(f"pooling must be 'pooler' or 'mean', found {self.pooling!r}")
        if self.long_windows not in ("overlap", "cut"):
            raise ValueError(f"long_windows must be 'overlap' or 'cut', found {self.long_windows!r}")
        if not 0 <= self.nearest_wording <= 1:
            raise ValueError(f"nearest_wording must be from 0 (off) to 1, found {self.nearest_wording}")
        for name in ("max_messages", "max_message_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")

    def get_text_config(self, *args, **kwargs):
        """Return the decoder's configuration: what `generate`, TRL and PEFT ask for."""
        return self.decoder_config
