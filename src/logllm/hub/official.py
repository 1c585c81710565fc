"""LogLLM's published checkpoints, into this package's adapter-only layout and back.

Notes:
- A published folder holds two PEFT adapters, `Bert_ft/` and `Llama_ft/`, and `projector.pt`. Ours is one adapter on the
  whole model. The tensors are renamed, not computed: no base weights are loaded, only configurations and tokenizers.
- `projector.pt` is read with weights-only loading. It is written, on export, because that layout asks for it: a plain
  state dict of two tensors.
- The prompt of the published code ends in a backslash and an n, two characters; its cut at 128 messages is kept.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoTokenizer

from logllm.errors import CheckpointError
from logllm.hub.download import local_folder
from logllm.modeling_logllm import LogLLMConfig, LogLLMForSequenceAnomaly, LogLLMProcessor

ENCODER, DECODER = "google-bert/bert-base-uncased", "meta-llama/Meta-Llama-3-8B"
PROMPT_SUFFIX = ". Is this sequence normal or anomalous? \\n"
PARTS = {
    # folder: (part, what a tensor's name begins with there, what it begins with here)
    "Bert_ft": ("encoder", "base_model.model.", "base_model.model.model.encoder."),
    "Llama_ft": ("decoder", "base_model.model.model.", "base_model.model.model.decoder."),
}
PROJECTOR = "base_model.model.model.projector."


def import_official(
    folder: str | Path, out: str | Path, encoder: str = ENCODER, decoder: str = DECODER, revision: str | None = None
) -> Path:
    """Turn a published checkpoint into an adapter-only one of this package.

    Args:
        folder: with `Bert_ft/`, `Llama_ft/` and `projector.pt`.
        out: folder to write.
        encoder: repository id or folder of the encoder it was trained on; only configuration and tokenizer are read.
        decoder: the same of the decoder.
        revision: of the decoder; by default the newest.

    Raises:
        CheckpointError: a file is missing, a tensor does not fit the bases, or a base cannot be reached.
    """
    source, target = Path(folder), Path(out)
    adapters = {name: _read_adapter(source / name) for name in PARTS}
    projector = _read_projector(source / "projector.pt")
    encoder_config, words = _base(encoder, "encoder", None)
    decoder_config, tokenizer = _base(decoder, "decoder", revision)
    wanted = (decoder_config.hidden_size, encoder_config.hidden_size)
    if tuple(projector["weight"].shape) != wanted:
        raise CheckpointError(
            f"the projector must have the shape {wanted} for {encoder} and {decoder}, found "
            f"{tuple(projector['weight'].shape)}: name the bases it was trained on with --encoder and --decoder"
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    processor = LogLLMProcessor(tokenizer, words, log_token_id=len(tokenizer), prompt_suffix=PROMPT_SUFFIX)
    config = LogLLMConfig(
        encoder_config=encoder_config,
        decoder_config=decoder_config,
        pooling="pooler",
        prompt_prefix=processor.prompt_prefix,
        prompt_suffix=processor.prompt_suffix,
        answers=list(processor.answers),
        log_token_id=processor.log_token_id,
        answer_prefix_ids=processor.answer_prefix_ids,
        answer_token_ids=processor.answer_token_ids,
        processor_checksum=processor.checksum,
        long_windows="cut",
        tie_word_embeddings=bool(getattr(decoder_config, "tie_word_embeddings", False)),
        base_encoder=encoder,
        base_encoder_revision=getattr(encoder_config, "_commit_hash", None),
        base_decoder=decoder,
        base_decoder_revision=revision or getattr(decoder_config, "_commit_hash", None),
        adapter_subfolder="adapter",
        dtype=decoder_config.dtype or "float32",
    )
    tensors = {PROJECTOR + name: value.float().contiguous() for name, value in projector.items()}
    for name, (_, theirs, ours) in PARTS.items():
        for key, value in adapters[name][1].items():
            if not key.startswith(theirs) or "lora_" not in key:
                raise CheckpointError(
                    f"a tensor of {name} must be a LoRA tensor named {theirs}..., found {key}: give a checkpoint of the "
                    "published layout"
                )
            tensors[ours + key.removeprefix(theirs)] = value.contiguous()
    adapter = target / "adapter"
    adapter.mkdir(parents=True, exist_ok=True)
    save_file(tensors, adapter / "adapter_model.safetensors", metadata={"format": "pt"})
    settings = _joined_settings({name: adapters[name][0] for name in PARTS})
    (adapter / "adapter_config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
    LogLLMForSequenceAnomaly.save_code(target, config)
    config.architectures = [LogLLMForSequenceAnomaly.__name__]
    config.save_pretrained(target)
    processor.save_pretrained(target)
    return target


@contextmanager
def official_checkpoint(
    folder: str | Path, encoder: str = ENCODER, decoder: str = DECODER, revision: str | None = None
) -> Iterator[Path]:
    """A published checkpoint as one of this package, in a temporary folder.

    Raises:
        CheckpointError: as `import_official`; where bases cannot be reached, the error lists all that is missing.
    """
    with tempfile.TemporaryDirectory(prefix="logllm-official-") as temporary:
        try:
            yield import_official(folder, Path(temporary) / "model", encoder, decoder, revision)
        except CheckpointError as error:
            missing = missing_bases(encoder, decoder)
            if not missing:
                raise
            raise CheckpointError(
                f"the published checkpoint {folder} must have its base models to be evaluated, found missing: "
                f"{'; '.join(missing)}; its own files: {in_words(folder)}"
            ) from error


def missing_bases(encoder: str, decoder: str) -> list[str]:
    """Which base models are neither folders nor in the cache; nothing is downloaded."""
    from huggingface_hub import try_to_load_from_cache

    missing = []
    for base in (encoder, decoder):
        if not Path(base).is_dir() and not isinstance(try_to_load_from_cache(base, "config.json"), str):
            gated = (
                ", gated: accept its licence and log in with `hf auth login`" if base.startswith("meta-llama") else ""
            )
            missing.append(f"{base} (not in the cache{gated})")
    return missing


def in_words(folder: str | Path) -> str:
    """What a published folder holds: the adapters' ranks and the projector's shape.

    Raises:
        CheckpointError: a part is missing or unreadable.
    """
    parts = [f"{name} of rank {_read_adapter(Path(folder) / name)[0]['r']}" for name in PARTS]
    shape = tuple(_read_projector(Path(folder) / "projector.pt")["weight"].shape)
    return ", ".join([*parts, f"projector {shape[0]} x {shape[1]}"])


def export_official(folder: str | Path, out: str | Path) -> Path:
    """Turn an adapter-only checkpoint of this package into the published layout.

    Raises:
        CheckpointError: the checkpoint holds all weights, or more than two adapters and a projector.
    """
    source, target = local_folder(folder), Path(out)
    config = LogLLMConfig.from_pretrained(source)
    if config.adapter_subfolder is None:
        raise CheckpointError(
            f"the published layout must hold an adapter, found a checkpoint with all weights in {source}: export the "
            "adapter-only checkpoint that it was merged from"
        )
    settings, tensors = _read_adapter(source / config.adapter_subfolder)
    projector = {k.removeprefix(PROJECTOR): v for k, v in tensors.items() if k.startswith(PROJECTOR)}
    target.mkdir(parents=True, exist_ok=True)
    torch.save(projector, target / "projector.pt")
    known = len(projector)
    for name, (part, theirs, ours) in PARTS.items():
        mine = {theirs + k.removeprefix(ours): v for k, v in tensors.items() if k.startswith(ours)}
        known += len(mine)
        inner = target / name
        inner.mkdir(exist_ok=True)
        save_file(mine, inner / "adapter_model.safetensors", metadata={"format": "pt"})
        own = _settings_of(
            settings, part, sorted({key.rsplit(".", 3)[1] for key in mine}), getattr(config, f"base_{part}")
        )
        (inner / "adapter_config.json").write_text(json.dumps(own, indent=2) + "\n", "utf-8")
    if known != len(tensors):
        raise CheckpointError(
            f"the adapter must hold LoRA tensors and a projector, found {len(tensors) - known} others"
        )
    return target


def _joined_settings(adapters: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One LoRA configuration that says of each part what its own said."""
    encoder, decoder = adapters["Bert_ft"], adapters["Llama_ft"]
    names = {part: "|".join(sorted(_targets(own))) for part, own in (("encoder", encoder), ("decoder", decoder))}
    inside = r"model\.encoder\..*"
    return {
        **{key: decoder[key] for key in ("peft_type", "r", "lora_alpha", "lora_dropout", "bias", "fan_in_fan_out") if key in decoder},
        "task_type": None,
        "base_model_name_or_path": None,
        "inference_mode": True,
        "use_rslora": bool(decoder.get("use_rslora")),
        "target_modules": rf"model\.encoder\.(.*\.)?({names['encoder']})|model\.decoder\.(.*\.)?({names['decoder']})",
        "rank_pattern": {inside: encoder["r"]},
        "alpha_pattern": {inside: encoder["lora_alpha"]},
        "modules_to_save": ["projector"],
    }  # fmt: skip


def _settings_of(settings: dict[str, Any], part: str, targets: list[str], base: str | None) -> dict[str, Any]:
    """The LoRA configuration of one part, as PEFT writes it for a model of its own."""
    pattern = next((p for p in settings.get("rank_pattern") or {} if "encoder" in p), None)
    inner = part == "encoder" and pattern is not None
    return {
        "peft_type": "LORA",
        "task_type": "FEATURE_EXTRACTION" if part == "encoder" else "CAUSAL_LM",
        "base_model_name_or_path": base,
        "inference_mode": True,
        "r": settings["rank_pattern"][pattern] if inner else settings["r"],
        "lora_alpha": settings["alpha_pattern"][pattern] if inner else settings["lora_alpha"],
        "lora_dropout": 0.01 if part == "encoder" else settings.get("lora_dropout", 0.0),
        "bias": settings.get("bias", "none"),
        "target_modules": targets,
    }


def _targets(settings: dict[str, Any]) -> list[str]:
    targets = settings["target_modules"]
    if not isinstance(targets, list):
        raise CheckpointError(f"target_modules must be a list of names, found {targets!r}")
    return targets


def _read_adapter(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    files = [folder / "adapter_config.json", folder / "adapter_model.safetensors"]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise CheckpointError(
            f"an adapter must be adapter_config.json and adapter_model.safetensors, found {missing[0]} missing: give the "
            "folder that holds Bert_ft/, Llama_ft/ and projector.pt"
        )
    settings = json.loads(files[0].read_text("utf-8"))
    if settings.get("peft_type") != "LORA":
        raise CheckpointError(f"an adapter must be of type LORA, found {settings.get('peft_type')!r} in {files[0]}")
    return settings, load_file(files[1])


def _read_projector(file: Path) -> dict[str, torch.Tensor]:
    if not file.is_file():
        raise CheckpointError(f"a published checkpoint must hold projector.pt, found none in {file.parent}")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a pickle that would run code ends here
        raise CheckpointError(
            f"projector.pt must hold tensors and nothing else, found a file that weights-only loading refuses ({file}): "
            "do not load it in another way unless you trust where it came from"
        ) from error
    if not isinstance(state, dict) or set(state) != {"weight", "bias"}:
        found = sorted(state) if isinstance(state, dict) else type(state).__name__
        raise CheckpointError(f"projector.pt must be a state dict with weight and bias, found {found} in {file}")
    return state


def _base(repository: str, part: str, revision: str | None) -> tuple[Any, Any]:
    try:
        config = AutoConfig.from_pretrained(repository, revision=revision)
        return config, AutoTokenizer.from_pretrained(repository, revision=revision)
    except OSError as error:
        from logllm.modeling_logllm.checkpoint_logllm import unreachable

        raise CheckpointError(unreachable(repository, revision, part)) from error
