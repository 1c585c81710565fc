"""LogLLM's training as tables: what a stage trains, for how long, how fast; and what a preset is made of.

Paper (arXiv 2411.08561, sections III-E, IV-A): stage 1, the decoder alone learns the answer template on 1,000 samples at
5e-4; stage 2, encoder and projector, two epochs at 5e-5; stage 3, everything, two epochs at 5e-5; mini-batch 16;
minority share beta = 30 %. The published code splits stage 2 in two.
"""

from dataclasses import dataclass, field
from typing import Any

from trl import SFTConfig

PARTS = ("encoder", "projector", "decoder")


@dataclass(frozen=True)
class Stage:
    """One row of a stage table: the parts trained, the learning rate, epochs over the data, samples an epoch at most."""

    name: str
    trainable: tuple[str, ...]
    learning_rate: float
    epochs: float
    max_samples: int | None = None
    schedule: str = "constant"


PAPER_STAGES = (
    Stage("answer template", ("decoder",), 5e-4, 1, max_samples=1000),
    Stage("embedder", ("encoder", "projector"), 5e-5, 2),
    Stage("all", PARTS, 5e-5, 2),
)
OFFICIAL_CODE_STAGES = (
    Stage("answer template", ("decoder",), 5e-4, 1, max_samples=1000),
    Stage("projector", ("projector",), 5e-4, 1),
    Stage("embedder", ("encoder", "projector"), 5e-5, 1),
    Stage("all", PARTS, 5e-5, 2),
)
# Random weights have everything to learn: ten to twenty times the paper's rates, and the last stage longer.
SCRATCH_STAGES = (
    Stage("answer template", ("decoder",), 1e-3, 1, max_samples=1000),
    Stage("embedder", ("encoder", "projector"), 1e-3, 1),
    Stage("all", PARTS, 1e-3, 3, schedule="cosine"),
)
STAGE_TABLES = {"paper": PAPER_STAGES, "official": OFFICIAL_CODE_STAGES, "scratch": SCRATCH_STAGES}


@dataclass(frozen=True)
class LogLLMPreset:
    """What a model is made of: a repository id to load a part from, or the shape of a part that starts from nothing."""

    encoder: str | None = None
    decoder: str | None = None
    encoder_shape: dict[str, Any] = field(default_factory=dict)
    decoder_shape: dict[str, Any] = field(default_factory=dict)
    pooling: str = "pooler"
    stages: str = "paper"
    lora: bool = False
    load_in_4bit: bool = False
    micro_batch: int = 16


_SMALL_LLAMA: dict[str, Any] = {
    "hidden_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "intermediate_size": 344,
}
PRESETS = {
    "tiny": LogLLMPreset(
        encoder_shape={
            "hidden_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 256,
            "max_position_embeddings": 128,
        },
        decoder_shape=_SMALL_LLAMA,
        # An untrained pooler gives every message nearly the same vector: with it one seed in three learnt nothing.
        pooling="mean",
        stages="scratch",
    ),
    "laptop": LogLLMPreset(
        encoder="sentence-transformers/all-MiniLM-L6-v2", decoder_shape=_SMALL_LLAMA, pooling="mean", stages="scratch"
    ),
    "small": LogLLMPreset(
        encoder="sentence-transformers/all-MiniLM-L6-v2",
        decoder="HuggingFaceTB/SmolLM2-135M",
        pooling="mean",
        lora=True,
    ),
    "paper": LogLLMPreset(
        encoder="google-bert/bert-base-uncased",
        decoder="meta-llama/Meta-Llama-3-8B",
        lora=True,
        load_in_4bit=True,
        micro_batch=4,
    ),
}


@dataclass
class LogLLMTrainingConfig(SFTConfig):
    """Arguments of one stage. Changes these defaults of `SFTConfig`: mixed precision and checkpointing are off.

    Args:
        trainable: parts that this stage trains.
        minority_share: beta, the share to which the rarer class is oversampled (paper, equation 1); 0 = off.
    """

    trainable: list[str] = field(default_factory=lambda: list(PARTS))
    minority_share: float = 0.3
    bf16: bool | None = False
    gradient_checkpointing: bool | None = None
    activation_checkpointing: bool | None = False

    def __post_init__(self):
        # The collator builds the tensors from these columns; TRL must neither tokenise nor drop them.
        self.remove_unused_columns = False
        self.dataset_kwargs = {"skip_prepare_dataset": True}
        super().__post_init__()
        unknown = set(self.trainable) - set(PARTS)
        if unknown:
            raise ValueError(f"trainable must be among {PARTS}, found {sorted(unknown)}")
        if not 0 <= self.minority_share < 1:
            raise ValueError(f"minority_share must be at least 0 and below 1, found {self.minority_share}")
