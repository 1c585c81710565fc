"""How much each message of a window speaks for "anomalous": by leaving it out, or by one gradient.

Notes:
- Leaving out works on soft tokens: the encoder is not run again, and variants that are equal are scored once.
- A message that stands in the window several times is left out with all its copies: of two equal alerts either could go
  and the score would not move.
- The gradient mode costs one forward and one backward pass whatever the window's length, and is the rougher of the two.
"""

from collections.abc import Sequence

import torch

from .batching import check_window
from .scoring_logllm import Row, WindowScorer, evaluating

METHODS = ("leave_one_out", "gradient")


def explain_window(scorer: WindowScorer, window: Sequence[str], method: str = "leave_one_out") -> list[float]:
    """Return what each message adds to the window's score (log-odds, nats); positive speaks for anomalous.

    Args:
        scorer: of the model and its processor.
        window: message contents.
        method: "leave_one_out" (score of the whole minus score without the message and its copies) or "gradient"
            (gradient of the score times the soft token, measured from the window's mean soft token).

    A message in several overlapping pieces of a long window takes the highest of its values.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, found {method!r}")
    texts = [scorer.processor.normalize(m) for m in check_window(window)]
    if scorer.table.would_overflow(texts):
        scorer.table.clear()
    with evaluating(scorer.model):
        row = tuple(scorer.table.row(text) for text in texts)
        scorer.table.encode()
        if len(row) == 1:
            return scorer.score_rows([row])
        values = [float("-inf")] * len(row)
        judge = _left_out if method == "leave_one_out" else _gradients
        for start, piece in scorer.pieces(row):
            for i, value in enumerate(judge(scorer, piece), start):
                values[i] = max(values[i], value)
    return [0.0 if value == float("-inf") else value for value in values]  # -inf: cut off, never seen by the model


def _left_out(scorer: WindowScorer, piece: Row) -> list[float]:
    without = {row: tuple(r for r in piece if r != row) for row in dict.fromkeys(piece)}
    variants = list(dict.fromkeys([piece, *(variant for variant in without.values() if variant)]))
    known = dict(zip(variants, scorer.score_rows(variants)))
    # A window of one message many times over has nothing left without it: its own score explains it.
    change = {row: known[piece] - known.get(variant, 0.0) for row, variant in without.items()}
    return [change[row] for row in piece]


def _gradients(scorer: WindowScorer, piece: Row) -> list[float]:
    inputs, last = scorer.inputs([piece])
    with torch.enable_grad():
        inputs.requires_grad_(True)
        score = scorer.log_odds(inputs, last)
        if not score.requires_grad:
            raise ValueError(
                "the gradient mode must run on a model that is differentiable, found one whose weights were packed for "
                'inference (4 bit on a CPU): use method="leave_one_out"'
            )
        (gradient,) = torch.autograd.grad(score.sum(), inputs)
    first = len(scorer.prompt()[0])
    soft = inputs.detach()[0, first : first + len(piece)].float()  # (N, D)
    slope = gradient[0, first : first + len(piece)].float()
    return ((soft - soft.mean(0)) * slope).sum(-1).tolist()
