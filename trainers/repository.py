"""What a trainer saves and pushes for others: a whole repository, that loads by its id.

A checkpoint to resume from (`checkpoint-N`) holds what the stage trains; everything else that a trainer writes under
`output_dir`, and so what it pushes, is model, processor, pipeline, code and card together.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset, IterableDataset
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, HubStrategy

from logllm.model_cards import render_model_card, write_card


def save_repository(
    model: Any, processor: Any, folder: Path, metrics: Mapping[str, float], state: dict[str, Any] | None = None
) -> None:
    """Write model, processor, pipeline, code and card to a folder.

    Args:
        model: of either family, with an adapter or without; one that peft has wrapped is written merged.
        processor: the model's processor.
        folder: where to.
        metrics: the figures of the last evaluation, for the card.
        state: the model's tensors where it is sharded.
    """
    if hasattr(model, "merge_and_unload"):
        model = copy.deepcopy(model).merge_and_unload()
        model.__dict__.pop("forward", None)  # TRL's, bound to the model that was copied
    model.save_pretrained(folder, **({} if state is None else {"state_dict": state}))
    processor.save_pretrained(folder)
    known = {name.removeprefix("eval_"): value for name, value in metrics.items()}
    write_card(render_model_card(model.config.to_dict(), {"validation": known} if known else {}, {}), folder)


def as_dataset(rows: Any) -> Dataset:
    """Return rows that can be counted and indexed: a stream is read to its end, into memory."""
    if isinstance(rows, IterableDataset):
        return Dataset.from_list(list(rows), features=rows.features)
    return rows


class SavesRepository:
    """Mixin of both families' trainers, before the parent trainer: what `save_model` and `push_to_hub` write.

    The trainer has `processor`; `last_metrics` are those of its last evaluation.
    """

    args: Any
    model: Any
    accelerator: Any
    processor: Any
    last_metrics: dict[str, float]

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write a repository that loads by `from_pretrained`, or, into `checkpoint-N`, what a resumed run needs."""
        folder = Path(output_dir or self.args.output_dir)
        parent: Any = super()
        if folder.name.startswith(f"{PREFIX_CHECKPOINT_DIR}-"):
            parent.save_model(str(folder), _internal_call=True)
            return
        trainer: Any = self
        sharded = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
        state = self.accelerator.get_state_dict(self.model) if sharded else None
        if self.args.should_save:
            whole = self.accelerator.unwrap_model(self.model)
            save_repository(whole, self.processor, folder, getattr(self, "last_metrics", {}), state)
        if self.args.push_to_hub and not _internal_call:
            trainer.push_to_hub(commit_message="Model save", revision=self.args.hub_revision)

    def _push_from_checkpoint(self, checkpoint_folder: str) -> None:
        trainer: Any = self
        wanted = self.args.hub_strategy != HubStrategy.END and trainer.is_world_process_zero()
        if wanted and not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
            self.save_model(self.args.output_dir, _internal_call=True)
        parent: Any = super()
        parent._push_from_checkpoint(checkpoint_folder)

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Write nothing here: `save_model` writes the card."""
