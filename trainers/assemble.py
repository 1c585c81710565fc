"""From a preset's row to a model and its processor: parts from the Hub, or from nothing with words learnt from the log."""

from collections.abc import Iterable, Sequence
from typing import Any

from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    LlamaConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)

from logllm.modeling_logllm import (
    LogLLaMAConfig,
    LogLLaMAForNextKey,
    LogLLaMAProcessor,
    LogLLMConfig,
    LogLLMForSequenceAnomaly,
    LogLLMProcessor,
    mask_message,
)

from .logllama_config import PRESETS as LOGLLAMA_PRESETS
from .logllm_config import PRESETS as LOGLLM_PRESETS
from .logllm_config import LogLLMPreset
from .vocabulary import LOG_TOKEN, decoder_tokenizer, encoder_tokenizer, key_tokenizer


def preset_named(presets: dict[str, Any], name: str) -> Any:
    """Return a row of a preset table, or name the rows there are."""
    if name not in presets:
        raise ValueError(f"preset must be one of {', '.join(presets)}, found {name!r}")
    return presets[name]


def assemble_logllm(
    preset: str, messages: Iterable[str], seed: int = 0, **settings: Any
) -> tuple[LogLLMForSequenceAnomaly, LogLLMProcessor]:
    """Make an untrained LogLLM and its processor.

    Args:
        preset: a row of `logllm_config.PRESETS`.
        messages: training messages; a part that starts from nothing learns its words from them.
        seed: of the random weights.
        settings: further fields of `LogLLMConfig`.
    """
    row: LogLLMPreset = preset_named(LOGLLM_PRESETS, preset)
    set_seed(seed)
    encoder, words = _encoder(row, messages)
    decoder, tokenizer = _decoder(row)
    log_token_id = tokenizer.convert_tokens_to_ids(LOG_TOKEN)
    if log_token_id is None or log_token_id == tokenizer.unk_token_id:
        # A pretrained vocabulary has no such word. The placeholder is never embedded, so it needs no row of its own.
        log_token_id = len(tokenizer)
    processor = LogLLMProcessor(
        tokenizer=tokenizer,
        encoder_tokenizer=words,
        log_token_id=log_token_id,
        max_message_tokens=min(100, encoder.config.max_position_embeddings - 2),
    )
    model = LogLLMForSequenceAnomaly.from_backbones(
        encoder,
        decoder,
        processor,
        pooling=row.pooling,
        base_encoder=row.encoder,
        base_decoder=row.decoder,
        **settings,
    )
    return model, processor


def assemble_logllama(
    preset: str, template_table: dict[str, Any], predict_end: bool, seed: int = 0, **settings: Any
) -> tuple[LogLLaMAForNextKey, LogLLaMAProcessor]:
    """Make an untrained LogLLaMA and its processor over the keys of a template table."""
    row = preset_named(LOGLLAMA_PRESETS, preset)
    set_seed(seed)
    processor = LogLLaMAProcessor(
        tokenizer=key_tokenizer(template["key"] for template in template_table["templates"]),
        template_table=template_table,
        predict_end=predict_end,
    )
    context = settings.pop("context_keys", 512)
    config = LogLLaMAConfig(
        vocab_size=len(processor.tokenizer),
        hidden_size=row.hidden_size,
        num_hidden_layers=row.num_hidden_layers,
        num_attention_heads=row.num_attention_heads,
        num_key_value_heads=row.num_attention_heads,
        intermediate_size=row.intermediate_size,
        max_position_embeddings=context + 2,
        context_keys=context,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        predict_end=predict_end,
        **settings,
    )
    return LogLLaMAForNextKey(config), processor


def _encoder(row: LogLLMPreset, messages: Iterable[str]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if row.encoder is not None:
        return load_part(AutoModel, row.encoder), load_part(AutoTokenizer, row.encoder)
    words = encoder_tokenizer(dict.fromkeys(mask_message(message) for message in messages))
    config = BertConfig(vocab_size=len(words), pad_token_id=words.pad_token_id, **row.encoder_shape)
    return AutoModel.from_config(config), words


def _decoder(row: LogLLMPreset) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if row.decoder is not None:
        tokenizer = load_part(AutoTokenizer, row.decoder)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        return load_part(AutoModelForCausalLM, row.decoder), tokenizer
    tokenizer = decoder_tokenizer(prompt_texts(LogLLMConfig()))
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=512,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **row.decoder_shape,
    )
    return AutoModelForCausalLM.from_config(config), tokenizer


def prompt_texts(config: LogLLMConfig) -> Sequence[str]:
    """Return the texts that the decoder has to read and write."""
    return [config.prompt_prefix, config.prompt_suffix, *config.answers]


def load_part(auto_class: Any, repository: str, **kwargs: Any) -> Any:
    """Load a part from the Hub or the cache, or say what is missing and what could be used instead."""
    try:
        return auto_class.from_pretrained(repository, **kwargs)
    except OSError as error:
        raise OSError(
            f"the base model {repository!r} must be reachable, found it neither in the cache nor on the Hub: check the "
            "network and, for a gated model, log in with `hf auth login`; or use the preset 'tiny', which downloads nothing"
        ) from error
