"""LogLLM's trainer: TRL's SFTTrainer with a collator for windows, a sampler for the rare class, and parts to freeze.

How it departs from its parent:
- A sample is a row with `lines` and `label`; masking and tokenising happen once a distinct message (message_store.py).
- `args.trainable` names the parts that get gradients; the others are frozen. While the encoder is frozen, its vectors are
  computed once for the stage, and may be varied: other wordings of a message, noise.
- The rarer class is oversampled to `minority_share` exactly as equation (1) of the paper counts it.
- Evaluation scores the validation windows as a user would, each distinct one once, shared among the processes.
- A checkpoint holds the tensors that the stage trains, sealed (stage_checkpoint.py); `save_model` and `push_to_hub` write
  a whole repository (repository.py). A loss that is no number, and a disk that takes no more, end the run with the last
  whole checkpoint in place.
- A `peft_config` becomes an adapter on the model itself, as everywhere here; a stream is read to its end first, because
  the rarer class is counted.
The loss is the parent's own. One stage of the table is one run of this trainer.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object
from datasets import Dataset, IterableDataset
from safetensors import SafetensorError
from torch import nn
from transformers import EvalPrediction
from transformers.trainer_utils import PredictionOutput
from trl import SFTTrainer

from logllm.modeling_logllm import LogLLMProcessor
from logllm.modeling_logllm.scoring_logllm import WindowScorer

from .augmentation import is_varied, reordered, varied_copy, with_messages
from .logllm_batches import MinorityOversampler, WindowCollator, check_labels
from .logllm_config import PUBLISHED_DECAY, PUBLISHED_DECAYS, LogLLMTrainingConfig
from .message_store import MessageStore
from .metrics import validation_metrics
from .qlora import LoraConfig, attach_lora, projector_in_full_precision
from .repository import SavesRepository, as_dataset
from .stage_checkpoint import WEIGHTS, is_no_room, load_trainable, save_trainable, seal

# Shares of the messages that are varied in the copies of the validation windows.
VALIDATION_COPIES = (1.0, 1.0, 1.0, 1.0, 0.4, 0.4)


class TrainingStopped(ValueError):
    """A run that cannot go on; what it had saved is whole."""


def part_of(name: str) -> str:
    """Name the part ("encoder", "projector" or "decoder", which has the head) that a parameter belongs to."""
    for part in ("encoder", "projector"):
        if f"model.{part}." in name:
            return part
    return "decoder"


def set_trainable(model: nn.Module, parts: Sequence[str]) -> None:
    """Let the named parts train and freeze the rest; of an adapted part only the adapter trains."""
    adapted = any("lora_" in name for name, _ in model.named_parameters())
    for name, parameter in model.named_parameters():
        own = not adapted or "lora_" in name or "modules_to_save" in name
        parameter.requires_grad_(own and part_of(name) in parts)


def answer_positions(labels: torch.Tensor) -> dict[str, torch.Tensor]:
    """Where the answers are predicted: `positions` (B, A) and the tokens to predict there, `shift_labels` (B, A).

    A is the most answer tokens that a row has; a row with fewer is filled with other positions, labelled -100.

    >>> found = answer_positions(torch.tensor([[-100, -100, 7, 8, -100]]))
    >>> found["positions"].tolist(), found["shift_labels"].tolist()
    ([[1, 2]], [[7, 8]])
    """
    targets = nn.functional.pad(labels[:, 1:], (0, 1), value=-100)  # (B, L): what each position predicts
    wanted = targets != -100
    most = max(int(wanted.sum(1).max()), 1)
    positions = (~wanted).to(torch.uint8).argsort(dim=1, stable=True)[:, :most]
    return {"positions": positions, "shift_labels": targets.gather(1, positions)}


class LogLLMTrainer(SavesRepository, SFTTrainer):  # type: ignore[misc]
    """One stage of LogLLM's training (section III-E of the paper).

    Args:
        model: `LogLLMForSequenceAnomaly`.
        args: settings of the stage.
        train_dataset: rows with `lines` and `label`, or with `rows` of `store` and `label`; a stream is read to its end.
        processing_class: the model's processor.
        eval_dataset: validation windows, as `train_dataset`; or several by name.
        store: the messages that `rows` point into; stages that follow each other share one.
        max_samples: samples an epoch at most.
        min_samples: samples an epoch at least.
        peft_config: a new adapter to put on the model; without `modules_to_save` the projector is trained whole beside it.
        compute_metrics: further figures of an evaluation, of the scores (n,) and labels (n,).
        kwargs: passed to `SFTTrainer`.
    """

    _tag_names = ["trl", "sft", "logllm"]
    _name = "LogLLM"

    def __init__(
        self,
        model: Any,
        args: LogLLMTrainingConfig,
        train_dataset: Dataset | IterableDataset,
        processing_class: LogLLMProcessor,
        eval_dataset: Dataset | IterableDataset | Mapping[str, Dataset | IterableDataset] | None = None,
        store: MessageStore | None = None,
        max_samples: int | None = None,
        min_samples: int | None = None,
        peft_config: LoraConfig | None = None,
        compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
        **kwargs,
    ):
        self.processor = processing_class
        train_dataset = as_dataset(train_dataset)
        others = {}  # scored from their text: what they say need not be in the store
        if isinstance(eval_dataset, Mapping):
            others, eval_dataset = {name: as_dataset(rows) for name, rows in eval_dataset.items()}, None
        eval_dataset = as_dataset(eval_dataset)
        check_labels(train_dataset)
        if store is None:
            store = MessageStore(processing_class, args.variants, args.word_dropout, args.seed)
        train_dataset, eval_dataset = (
            store.dataset(rows) if rows is not None and "rows" not in rows.column_names else rows
            for rows in (train_dataset, eval_dataset)
        )
        store.tokenize()
        self.store, self.max_samples, self.min_samples = store, max_samples, min_samples
        self.varied = is_varied(args, store)
        self.vectors: torch.Tensor | None = None
        if peft_config is not None:
            attach_lora(model, peft_config)
        set_trainable(model, args.trainable)
        frozen = "encoder" not in args.trainable and store.fits(self.varied)
        super().__init__(
            model=model,
            args=args,
            train_dataset=train_dataset,
            eval_dataset=others or eval_dataset,
            processing_class=processing_class,
            data_collator=WindowCollator(store, frozen, apart=self.varied),
            **kwargs,
        )
        self.compute_metrics = compute_metrics
        projector_in_full_precision(model)  # TRL halves what trains of a quantised model
        if frozen:
            self.vectors = store.vectors(self.accelerator.unwrap_model(self.model), with_variants=self.varied)

    # -- samples ------------------------------------------------------------------------------------------------

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> MinorityOversampler:
        labels: Any = train_dataset if train_dataset is not None else self.train_dataset
        args: Any = self.args
        return MinorityOversampler(
            labels["label"][:], args.minority_share, args.seed, self.max_samples, self.min_samples
        )

    def training_step(self, model, inputs, *args, **kwargs):
        """Give the batch its messages; stop where the loss is no number."""
        # Here and not in the collator, which works a batch ahead: a run that resumes draws what the unbroken one drew.
        settings: Any = self.args
        batch = reordered(with_messages(inputs, self.store, self.vectors, settings), settings.reorder)
        loss = super().training_step(model, batch, *args, **kwargs)
        if not torch.isfinite(loss):
            raise TrainingStopped(
                f"the loss must be a number, found {loss.item()} at step {self.state.global_step + 1} of this stage: the "
                "checkpoints written before it are whole; take a lower learning rate, and see that the messages of the "
                "log are text"
            )
        return loss

    def compute_loss(self, model, inputs, *args, **kwargs):
        """The parent's loss, its head at the answer's positions only.

        On a processor TRL's head reads every position: with a vocabulary of 49,152 that is three quarters of a step.
        """
        if inputs.get("labels") is not None:
            inputs = inputs | answer_positions(inputs["labels"])
        return super().compute_loss(model, inputs, *args, **kwargs)

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None):
        """The parent's schedules, and the published code's: times 0.7 after each tenth of the steps."""
        settings: Any = self.args
        if not settings.published_schedule or self.lr_scheduler is not None:
            return super().create_scheduler(num_training_steps, optimizer)
        self.lr_scheduler = torch.optim.lr_scheduler.StepLR(
            optimizer or self.optimizer, max(num_training_steps // PUBLISHED_DECAYS, 1), PUBLISHED_DECAY
        )
        return self.lr_scheduler

    # -- validation ---------------------------------------------------------------------------------------------

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix: str = "eval") -> dict[str, float]:
        """Score validation windows: the figures of `validation_metrics`, and those of `compute_metrics`.

        Args:
            eval_dataset: rows of the store (as the trainer's own), or any rows with `lines` and `label`; several by name.
            ignore_keys: unused.
            metric_key_prefix: of the figures' names.
        """
        rows: Any = eval_dataset if eval_dataset is not None else self.eval_dataset
        if isinstance(rows, Mapping):
            parts = [self.evaluate(one, ignore_keys, f"{metric_key_prefix}_{name}") for name, one in rows.items()]
            return {name: value for part in parts for name, value in part.items()}
        metrics = self._metrics_of(as_dataset(rows), metric_key_prefix)[0]
        training = self.model.training
        self.model.eval()  # TRL files what is logged under the model's mode
        self.log(metrics)
        self.model.train(training)
        self.last_metrics = metrics
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def predict(self, test_dataset, ignore_keys=None, metric_key_prefix: str = "test") -> PredictionOutput:
        """Score windows (n,): log-odds of anomalous, nats. Labels are the dataset's; figures as those of `evaluate`."""
        rows = as_dataset(test_dataset)
        labels = np.asarray(rows["label"][:]) if "label" in rows.column_names else None
        metrics, scores = self._metrics_of(rows, metric_key_prefix)
        return PredictionOutput(np.asarray(scores, dtype=np.float32), labels, metrics)

    def _metrics_of(self, rows: Dataset, prefix: str) -> tuple[dict[str, float], list[float]]:
        """The figures of windows with labels (none without), and the scores of the windows as they are."""
        if "rows" in rows.column_names:
            copies = self.validation_scores(rows)
        elif "lines" in rows.column_names:
            copies = [self._scores_of_text(rows["lines"][:])]
        else:
            raise ValueError(f"windows must be in the column lines, found the columns {rows.column_names}")
        labels = (
            [-1 if label is None else int(label) for label in rows["label"][:]] if "label" in rows.column_names else []
        )
        known = [i for i, label in enumerate(labels) if label in (0, 1)]
        if not known:
            return {}, copies[0]
        truth = [labels[i] for i in known]
        figures = validation_metrics([copy[i] for copy in copies for i in known], truth * len(copies))
        if self.compute_metrics is not None:
            scores = np.asarray([copies[0][i] for i in known], dtype=np.float32)
            figures |= self.compute_metrics(EvalPrediction(predictions=scores, label_ids=np.asarray(truth)))
        return {f"{prefix}_{name}": value for name, value in figures.items()}, copies[0]

    def _scores_of_text(self, windows: Sequence[Sequence[str]]) -> list[float]:
        """Score windows given as messages, each process its share of them."""
        model: Any = self.accelerator.unwrap_model(self.model)
        with self.accelerator.split_between_processes(list(enumerate(windows))) as share:
            scores = model.score([window for _, window in share], self.processor) if share else []
            mine = [(i, score) for (i, _), score in zip(share, scores)]
        known = dict(gather_object(mine) if self.accelerator.num_processes > 1 else mine)
        return [known[i] for i in range(len(windows))]

    @torch.no_grad()
    def validation_scores(self, rows: Dataset | None = None) -> list[list[float]]:
        """Score windows as they are, and where messages are varied in training, in fixed varied copies of them too.

        A checkpoint and a threshold that were chosen on the log's own wording alone would be those that know it by heart.
        """
        model: Any = self.accelerator.unwrap_model(self.model)
        places = (rows if rows is not None else self.eval_dataset)["rows"][:]  # type: ignore[index]
        vectors = self.vectors if self.vectors is not None else self.store.vectors(model, with_variants=self.varied)
        copies = [vectors[:, 0]]
        if self.varied:
            copies += [varied_copy(vectors, self.args, share, i) for i, share in enumerate(VALIDATION_COPIES)]
        return [self._scores(places, model, copy) for copy in copies]

    def _scores(self, rows: Sequence[Sequence[int]], model: Any, vectors: torch.Tensor) -> list[float]:
        """Score windows given as places in the store: distinct ones once, each process its share of them."""
        training = model.training
        model.eval()
        scorer = WindowScorer(model, self.processing_class, SoftTokens(model.model.project(vectors)))  # type: ignore[arg-type]
        pieces = [[piece for _, piece in scorer.pieces(tuple(row))] for row in rows]
        distinct = list(dict.fromkeys(piece for window in pieces for piece in window))
        with self.accelerator.split_between_processes(distinct) as share:
            mine = list(zip(share, scorer.score_rows(share)))
        known = dict(gather_object(mine) if self.accelerator.num_processes > 1 else mine)
        model.train(training)
        return [max(known[piece] for piece in window) for window in pieces]

    # -- checkpoints --------------------------------------------------------------------------------------------

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        if self.args.should_save:
            save_trainable(self.model, Path(output_dir or str(self.args.output_dir)) / WEIGHTS, state_dict)

    def _save_checkpoint(self, model, trial) -> None:
        folder = Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"
        try:
            super()._save_checkpoint(model, trial)
            # Each process writes its own random state: the checkpoint is whole when all have.
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                seal(folder)
        except (OSError, RuntimeError, SafetensorError) as error:
            if not is_no_room(error):
                raise
            shutil.rmtree(folder, ignore_errors=True)
            raise TrainingStopped(
                f"the disk must have space for a checkpoint, found none at step {self.state.global_step} "
                f"({type(error).__name__}: {error}): the checkpoint before it is whole; free some and go on with --resume"
            ) from error

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        if self.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        else:
            load_trainable(model or self.model, Path(resume_from_checkpoint) / WEIGHTS)

    def _load_best_model(self) -> None:
        if self.is_fsdp_enabled:
            super()._load_best_model()
        else:
            load_trainable(self.model, Path(str(self.state.best_model_checkpoint)) / WEIGHTS)


class SoftTokens:
    """What `WindowScorer` needs of a message table, where the rows are known beforehand."""

    def __init__(self, embeddings: torch.Tensor):
        self.embeddings, self.device = embeddings, embeddings.device
