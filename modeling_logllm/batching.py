"""What both families need to build a batch: checked windows, groups of bounded size, and the device to put it on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode


def check_family(processor: Any, config: Any, family: str) -> None:
    """Refuse a model of the other family."""
    if config.model_type != family:
        raise ValueError(
            f"the processor must be the model's own, found a {type(processor).__name__} beside a model of type "
            f"{config.model_type!r}: load both from the same folder"
        )


def half_precision(part: Any, whole: Any = None) -> torch.dtype | None:
    """Return bfloat16 or float16 where a model's weights are in it; None in float32, and where they are quantised.

    Args:
        part: the model.
        whole: what it is a part of, which alone may know that it is quantised.
    """
    if getattr(part, "is_quantized", False) or getattr(whole, "is_quantized", False):
        return None
    return part.dtype if part.dtype in (torch.bfloat16, torch.float16) else None


class FullProducts(TorchFunctionMode):
    """Computes layers whose weights are in half precision in float32: embeddings from the rows that are looked up, the others
    from a copy of their weights made on the way.
    """

    LAYERS = (nn.functional.linear, nn.functional.layer_norm, torch.addmm)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Call a function of torch, the layers with their tensors in float32."""
        kwargs = kwargs or {}
        if func in self.LAYERS:
            args, kwargs = map(_full, args), {name: _full(value) for name, value in kwargs.items()}
        found = func(*args, **kwargs)
        return _full(found) if func is nn.functional.embedding else found


def _full(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) and value.is_floating_point() else value


def careful_products(device: torch.device, half: torch.dtype | None) -> AbstractContextManager[Any]:
    """What a decoder in half precision scores in, given float32 embeddings; None as `half` changes nothing.

    Nothing between the products is rounded. On a CPU the products are float32 too: what is left is the rounding of the
    weights. Elsewhere they are in half precision, for which the fast units are (benchmarks/results/precision.json).
    """
    if half is None:
        return nullcontext()
    return FullProducts() if device.type == "cpu" else torch.autocast(device.type, half)


def check_windows(windows: Iterable[Sequence[str]] | None, options: Mapping[str, Any]) -> list[Sequence[str]]:
    """Return the windows that a processor was called with as a list; refuse options that it does not have.

    Args:
        windows: what stands for the batch.
        options: further keyword arguments of the call. Batches are always PyTorch tensors, padded to the longest row, so
            `return_tensors="pt"` and `padding=True` are taken; nothing else is.
    """
    served: dict[str, tuple[Any, ...]] = {"return_tensors": (None, "pt"), "padding": (True, "longest")}
    for name, value in options.items():
        if name not in served:
            raise ValueError(
                f"a processor of log windows must be called with windows and its own options, found {name}={value!r:.60}: "
                "leave it out; the lengths are set by the processor's own fields"
            )
        if value not in served[name]:
            wanted = " or ".join(repr(one) for one in served[name])
            raise ValueError(f"{name} must be {wanted}, found {value!r}: convert the batch afterwards")
    if windows is None or isinstance(windows, (str, bytes, Mapping)):
        raise TypeError(
            f"windows must be a list of windows, each a list of messages, found {windows!r:.60}: for one window wrap its "
            "list of messages in a list"
        )
    found = list(windows)
    if not found:
        raise ValueError("windows must hold at least one window, found none: leave empty batches out")
    return found


def check_window(window: Sequence[str]) -> list[str]:
    """Return a window as a list of messages, or say what is wrong with it."""
    if isinstance(window, str):
        raise TypeError(f"a window must be a list of messages, found one string {window[:60]!r}: wrap it in a list")
    messages = list(window)
    if not messages:
        raise ValueError("a window must hold at least one message, found none: leave empty windows out")
    for message in messages:
        if not isinstance(message, str):
            raise TypeError(f"a message must be a string, found {type(message).__name__} {message!r:.60}")
    return messages


def token_budget_batches(lengths: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Group indices by length so that (longest x count) stays within `max_tokens`; every batch has at least one.

    >>> list(token_budget_batches([5, 1, 2, 2], 6))
    [[1, 2, 3], [0]]
    """
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and lengths[i] * (len(batch) + 1) > max_tokens:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def device_of(module: nn.Module) -> torch.device:
    """Return where a module computes: of weights that are offloaded, the device that they are brought to."""
    hook = getattr(module, "_hf_hook", None)  # accelerate's
    for one in getattr(hook, "hooks", (hook,)):
        if getattr(one, "execution_device", None) is not None:
            return torch.device(one.execution_device)
    return next(iter(module.parameters())).device
