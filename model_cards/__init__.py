"""Cards for the Hub, rendered from what a run wrote down: no number in them is typed by hand."""

from .render import (
    render_dataset_card,
    render_eval_results,
    render_model_card,
    render_pairs_card,
    render_space_card,
    write_card,
)

__all__ = [
    "render_dataset_card",
    "render_eval_results",
    "render_model_card",
    "render_pairs_card",
    "render_space_card",
    "write_card",
]
