"""What both families need to build a batch: checked windows, groups of bounded size, and the device to put it on."""

from collections.abc import Iterator, Sequence

import torch
from torch import nn


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
