"""Messages varied while LogLLM's encoder is frozen: other wordings, mixtures, noise, and neighbours that change places.

Notes: what is drawn comes from torch's generator of the process, so that a run that resumes draws what the unbroken one drew.
"""

from typing import Any

import torch

from .logllm_config import LogLLMTrainingConfig
from .message_store import MessageStore


def is_varied(settings: LogLLMTrainingConfig, store: MessageStore) -> bool:
    """Tell whether messages are varied at all."""
    return bool(settings.noise or settings.mix or (settings.word_dropout and store.variants))


def with_messages(
    inputs: dict[str, Any], store: MessageStore, vectors: torch.Tensor | None, settings: LogLLMTrainingConfig
) -> dict[str, Any]:
    """Put the messages of a batch in place of their names, each as it is or varied.

    Args:
        inputs: a batch of `WindowCollator`; one that has its messages is returned as it is.
        store: the messages.
        vectors: (U, 1 + variants, D_encoder) of a frozen encoder; None gives word pieces.
        settings: how much is varied.
    """
    if "message_places" not in inputs:
        return inputs
    inputs = dict(inputs)
    places, owners = inputs.pop("message_places"), inputs.pop("message_owners")
    chosen = torch.zeros(len(places), dtype=torch.long)
    changed = torch.zeros(len(places), dtype=torch.bool)
    if is_varied(settings, store):
        # A share of each window's messages is varied, drawn anew for each window: from none to all of them.
        share = torch.rand(int(owners.max()) + 1)[owners.cpu()]
        changed = torch.rand(len(places)) < share
        if settings.word_dropout and store.variants:
            drawn = torch.randint(1, 1 + store.variants, (len(places),))
            chosen = torch.where(changed, drawn, chosen)
    if vectors is None:
        words = store.batch(places.tolist(), chosen.tolist())
        return inputs | {name: tensor.to(places.device) for name, tensor in words.items()}
    found = vectors[places.to(vectors.device), chosen.to(vectors.device)]  # (B, D_encoder)
    if settings.mix:
        others = vectors[torch.randint(0, len(vectors), (len(places),)), 0]
        part = torch.rand(len(places), 1) * settings.mix * changed.unsqueeze(1)
        found = torch.lerp(found, others, part.to(found.device))
    if settings.noise:
        noise = torch.randn(found.shape).to(found.device) * _noise_length(found, settings)
        found = torch.where(changed.unsqueeze(1).to(found.device), found + noise, found)
    return inputs | {"message_vectors": found}


def reordered(inputs: dict[str, Any], most: float) -> dict[str, Any]:
    """Let messages change places with near ones, up to `most` apart: threads that write one log interleave as it happens."""
    if not most:
        return inputs
    index = inputs["message_index"]  # (B, N), -1 behind the last message
    reach = torch.rand(len(index), 1) * most  # how far, drawn for each window
    place = torch.arange(index.shape[1]) + torch.rand(index.shape) * reach
    place = place.masked_fill(index.cpu() < 0, float("inf"))
    return inputs | {"message_index": index.gather(1, place.argsort(1).to(index.device))}


def varied_copy(vectors: torch.Tensor, settings: LogLLMTrainingConfig, share: float, seed: int) -> torch.Tensor:
    """Return message vectors (U, D_encoder), each varied with probability `share`; the same at every call."""
    draw = torch.Generator().manual_seed(settings.seed * 1009 + seed)
    changed = torch.rand(len(vectors), generator=draw) < share
    chosen = torch.randint(0, vectors.shape[1], (len(vectors),), generator=draw) * changed
    picked = vectors[torch.arange(len(vectors), device=vectors.device), chosen.to(vectors.device)]
    if settings.mix:
        others = vectors[torch.randint(0, len(vectors), (len(vectors),), generator=draw), 0]
        part = torch.rand(len(vectors), 1, generator=draw) * settings.mix * changed.unsqueeze(1)
        picked = torch.lerp(picked, others, part.to(picked.device))
    noise = torch.randn(picked.shape, generator=draw)
    return picked + (noise * changed.unsqueeze(1)).to(picked.device) * _noise_length(picked, settings)


def _noise_length(vectors: torch.Tensor, settings: LogLLMTrainingConfig) -> torch.Tensor:
    return vectors.norm(dim=1, keepdim=True) * settings.noise / vectors.shape[1] ** 0.5
