"""LogLLaMA written plainly, as its predecessor's published code goes about it: what the speed table is measured against.

Notes: One sequence at a time. Scoring asks for each position whether the true key is in the top K. A step of
REINFORCE continues one prompt by sampling with 20 beams, walks over the positions in Python, and updates the weights.
Written from the description in the papers; the model is the same object as ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


@torch.no_grad()
def verdicts_one_by_one(model: Any, sequences: Sequence[Sequence[int]], k: int) -> list[bool]:
    """Whether some true key of a sequence is outside the top K, sequence by sequence, position by position."""
    found = []
    for ids in sequences:
        logits = model(input_ids=torch.tensor([list(ids[:-1])])).logits[0]
        logits[:, [0, 1, 3]] = -torch.inf
        likely = logits.topk(k, dim=-1).indices.tolist()
        anomalous = False
        for candidates, true in zip(likely, ids[1:]):
            if true not in candidates:
                anomalous = True
                break
        found.append(anomalous)
    return found


def reinforce_one_by_one(
    model: Any, optimizer: Any, sequences: Sequence[Sequence[int]], k: int, beams: int = 20, share: float = 0.2
) -> None:
    """One update a sequence: continue its first fifth with beams, reward each position, step."""
    for ids in sequences:
        given = max(int(share * len(ids)), 1)
        prompt = torch.tensor([list(ids[:given])])
        wanted = len(ids) - given
        with torch.no_grad():
            model.eval()
            rollout = model.generate(
                input_ids=prompt, attention_mask=torch.ones_like(prompt), do_sample=True, num_beams=beams, top_k=0,
                max_new_tokens=wanted, min_new_tokens=wanted, pad_token_id=0,
            )  # fmt: skip
            model.train()
        logits = model(input_ids=rollout[:, :-1]).logits[0]
        losses = []
        for t in range(given, len(ids)):
            row = logits[t - 1].log_softmax(-1)
            reward = 1.0 if ids[t] in row.topk(k).indices.tolist() else -1.0
            losses.append(-reward * row[rollout[0, t]])
        loss = torch.stack(losses).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
