"""LoRA for both families and 4 bit for LogLLM: the one file that knows peft and bitsandbytes.

Notes:
- One adapter on the whole model (`model.add_adapter`), with other ranks in the encoder than in the decoder and a trained
  copy of the projector; the class stays LogLLM's own, and it saves adapter-only.
- Ranks are those of the published code: encoder r=4 alpha=32 dropout .01, decoder r=8 alpha=16 dropout .1 (peft has one
  dropout per adapter: the decoder's is set first, then the encoder's by hand).
- bitsandbytes on a CPU with AVX512_BF16 repacks a 4-bit weight at its first forward in eval mode, and from then on no
  gradient passes: `disable_cpu_repacking` before any forward, `DeadGradientGuard` during training.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import BitsAndBytesConfig, PreTrainedModel, TrainerCallback
from transformers.utils import is_bitsandbytes_available

from logllm.modeling_logllm import LogLLaMAForNextKey

# Attention projections that the paper's code adapts, by the names that families give them.
ENCODER_TARGETS = ("query", "value", "q_lin", "v_lin")
DECODER_TARGETS = ("q_proj", "v_proj", "query_key_value", "qkv_proj", "c_attn")
ENCODER_RANK, ENCODER_ALPHA, ENCODER_DROPOUT = 4, 32, 0.01
DECODER_RANK, DECODER_ALPHA, DECODER_DROPOUT = 8, 16, 0.1
_IN_ENCODER = r"model\.encoder\..*"


def target_pattern(model: nn.Module) -> str:
    """Return the pattern of the modules to adapt, or say that none has a name that is known."""
    names = [name for name, module in model.named_modules() if not list(module.children())]
    pattern = (
        rf"model\.encoder\.(.*\.)?({'|'.join(ENCODER_TARGETS)})|model\.decoder\.(.*\.)?({'|'.join(DECODER_TARGETS)})"
    )
    for part in ("encoder", "decoder"):
        if part == "encoder" and _is_embedding(model):
            continue
        if not any(re.fullmatch(pattern, name) for name in names if name.startswith(f"model.{part}.")):
            raise ValueError(
                f"the {part} must have projections named {ENCODER_TARGETS if part == 'encoder' else DECODER_TARGETS}, "
                f"found none in {type(getattr(model.model, part)).__name__}: pass target_modules"
            )
    return pattern


def _is_embedding(model: nn.Module) -> bool:
    """Whether the encoder is an embedding layer: it has no projections to adapt and is trained whole."""
    return getattr(model.config.encoder_config, "num_hidden_layers", None) == 0


def lora_config(model: nn.Module, target_modules: str | None = None, **settings: Any) -> LoraConfig:
    """Make the adapter's configuration for a `LogLLMForSequenceAnomaly`; settings overrule fields of `LoraConfig`."""
    fields: dict[str, Any] = {
        "r": DECODER_RANK,
        "lora_alpha": DECODER_ALPHA,
        "lora_dropout": DECODER_DROPOUT,
        "target_modules": target_modules or target_pattern(model),
        "rank_pattern": {_IN_ENCODER: ENCODER_RANK},
        "alpha_pattern": {_IN_ENCODER: ENCODER_ALPHA},
        "modules_to_save": ["projector", *(["word_embeddings"] if _is_embedding(model) else [])],
    }
    return LoraConfig(**(fields | settings))


def attach_lora(model: PreTrainedModel, config: LoraConfig | None = None, **settings: Any) -> PreTrainedModel:
    """Put a fresh adapter on a model: only it and the projector train from here on. Returns the same model.

    Args:
        model: `LogLLMForSequenceAnomaly`.
        config: the adapter, in place of the published code's (`lora_config`).
        settings: fields of `LoraConfig` that overrule `lora_config`'s.
    """
    disable_cpu_repacking(model)
    if config is None:
        config = lora_config(model, **settings)
    elif not config.modules_to_save:
        config = replace(config, modules_to_save=["projector"])
    model.add_adapter(config)
    for name, module in model.named_modules():
        if ".encoder." in name and "lora_dropout" in name and isinstance(module, nn.Dropout):
            module.p = min(module.p, ENCODER_DROPOUT)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name or "modules_to_save" in name)
        if parameter.requires_grad and parameter.is_floating_point():
            parameter.data = parameter.data.float()  # steps of an adapter in half precision would be lost in rounding
    return model


def under_fsdp() -> bool:
    """Whether `accelerate launch` started this process with FSDP."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() in ("1", "true")


def four_bit_config(skip: Iterable[str] = ("projector", "lm_head")) -> BitsAndBytesConfig:
    """NF4 with bfloat16 compute, as the paper's code. A list of exceptions replaces the default one: name both."""
    if not is_bitsandbytes_available():
        raise ImportError(
            "4 bit must have bitsandbytes, found it not installed: `pip install logllm[qlora]`, or train a preset "
            "without 4 bit (tiny, laptop, small)"
        )
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16,
        # FSDP shards tensors of floating point only, so the packed bytes are kept as such.
        bnb_4bit_quant_storage=torch.bfloat16 if under_fsdp() else torch.uint8,
        llm_int8_skip_modules=list(skip),
    )


def disable_cpu_repacking(model: nn.Module) -> None:
    """Keep bitsandbytes' 4-bit layers differentiable on CPUs; call before any forward pass. Without them: nothing."""
    if not is_bitsandbytes_available():
        return
    import bitsandbytes as bnb

    for name, module in model.named_modules():
        if isinstance(module, bnb.nn.Linear4bit):
            if getattr(module.weight.quant_state, "packing_format_for_cpu", False):
                raise RuntimeError(
                    f"4-bit weights to train must be as they were loaded, found {name} repacked for inference by an "
                    "earlier forward pass in eval mode: load the model again"
                )
            module.support_avx512bf16_for_cpu = False


class DeadGradientGuard(TrainerCallback):
    """Stops a run in which a whole part gets no gradient, whatever the reason.

    Single tensors may have none (a batch need not use every module); a part of which no tensor has any is dead.
    """

    def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
        """Look at the gradients before they are used."""
        alive: dict[str, bool] = {}
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                part = next((p for p in ("encoder", "projector") if f"model.{p}." in name), "decoder")
                alive[part] = alive.get(part, False) or parameter.grad is not None
        dead = sorted(part for part, has in alive.items() if not has)
        if dead:
            raise RuntimeError(
                f"every trained part must get gradients, found none in {', '.join(dead)} at step {state.global_step}: "
                "4-bit layers on a CPU must be loaded anew and given to disable_cpu_repacking() before any forward pass"
            )


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


def projector_in_full_precision(model: nn.Module) -> None:
    """Put the projector that trains back into float32: the one part that is not quantised must not be rounded either."""
    for name, parameter in model.named_parameters():
        if "projector" in name and parameter.requires_grad and parameter.dtype != torch.float32:
            parameter.data = parameter.data.float()


def memory_line() -> str:
    """Say in one line what memory of the graphics card is held, and the peak."""
    held, most = torch.cuda.memory_allocated(), torch.cuda.max_memory_allocated()
    return f"{held / 2**30:,.2f} GB of the graphics card's memory are held, at most {most / 2**30:,.2f} GB were"
