"""What quantised models need: which modules are left out, and which layers bitsandbytes may not pack for a CPU."""

import copy
import logging
from typing import Any

from torch import nn

# Of the settings of bitsandbytes, of most others and of HQQ.
SKIP_LISTS = ("llm_int8_skip_modules", "modules_to_not_convert", "skip_modules")
SPARED = ("projector", "lm_head")
# For CPUs with AVX512_BF16 bitsandbytes packs so many rows of a 4-bit weight together, and whole blocks of a row only.
PACKED_ROWS, BLOCK = 32, 64
# It says on import that it lacks a kernel which nobody asked for.
logging.getLogger("bitsandbytes.backends.cpu.ops").addFilter(lambda record: "gemm_4bit" not in record.getMessage())


def sparing_projector_and_head(quantization: Any) -> Any:
    """Return a quantisation's settings with projector and head among the modules that they leave out.

    A list of modules replaces transformers' own, which names the head only.
    """
    spared = copy.deepcopy(quantization)
    values = spared if isinstance(spared, dict) else vars(spared)
    names = [name for name in SKIP_LISTS if name in values]
    if not names:  # settings as a dict say only what differs from the defaults
        names = [
            "llm_int8_skip_modules" if {"load_in_4bit", "load_in_8bit"} & set(values) else "modules_to_not_convert"
        ]
    for name in names:
        values[name] = list(dict.fromkeys([*(values[name] or () if name in values else ()), *SPARED]))
    return spared


def leave_unpackable_layers_unpacked(model: nn.Module) -> None:
    """Keep bitsandbytes from packing 4-bit weights of a shape that it cannot pack: the first forward pass would fail."""
    for module in model.modules():
        if not getattr(module, "support_avx512bf16_for_cpu", False):
            continue
        block = getattr(getattr(module.weight, "quant_state", None), "blocksize", BLOCK)
        if module.out_features % PACKED_ROWS or module.in_features % block:
            module.support_avx512bf16_for_cpu = False
