"""LogLLM's training as tables: what a stage trains, for how long, how fast; and what a preset is made of.

Paper (arXiv 2411.08561, sections III-E, IV-A): stage 1, the decoder alone learns the answer template on 1,000 samples at
5e-4; stage 2, encoder and projector, two epochs at 5e-5; stage 3, everything, two epochs at 5e-5; mini-batch 16;
minority share beta = 30 %. The published code splits stage 2 in two, sees at least 50,000 samples an epoch and multiplies
the rate by 0.7 after each tenth of a stage's steps.
"""

from dataclasses import dataclass, field
from typing import Any

from trl import SFTConfig

PARTS = ("encoder", "projector", "decoder")


@dataclass(frozen=True)
class Stage:
    """One row of a stage table.

    Args:
        name: for people, and of the stage's folder.
        trainable: parts that get gradients.
        learning_rate: of AdamW.
        epochs: passes over the (oversampled) data.
        max_samples: samples an epoch at most.
        min_samples: samples an epoch at least.
        schedule: one of transformers' schedules, or "published" (0.7 after each tenth of the steps).
    """

    name: str
    trainable: tuple[str, ...]
    learning_rate: float
    epochs: float
    max_samples: int | None = None
    min_samples: int | None = None
    schedule: str = "constant"


PAPER_STAGES = (
    Stage("answer template", ("decoder",), 5e-4, 1, max_samples=1000),
    Stage("embedder", ("encoder", "projector"), 5e-5, 2),
    Stage("all", PARTS, 5e-5, 2),
)
OFFICIAL_CODE_STAGES = (
    Stage("answer template", ("decoder",), 5e-4, 1, max_samples=1000, schedule="published"),
    Stage("projector", ("projector",), 5e-4, 1, min_samples=50_000, schedule="published"),
    Stage("embedder", ("encoder", "projector"), 5e-5, 1, min_samples=50_000, schedule="published"),
    Stage("all", PARTS, 5e-5, 2, min_samples=50_000, schedule="published"),
)
# Random weights have everything to learn: ten to twenty times the paper's rates, and a longer last stage, in short epochs
# after each of which it is judged.
SCRATCH_STAGES = (
    Stage("answer template", ("decoder",), 1e-3, 1, max_samples=1000),
    Stage("embedder", ("encoder", "projector"), 1e-3, 1, max_samples=2000),
    Stage("all", PARTS, 1e-3, 8, max_samples=2000, schedule="cosine"),
)
# A pretrained encoder, frozen throughout: what it knows of words that the log has not is not trained away, and
# each message is encoded once in the whole run.
FROZEN_ENCODER_STAGES = (
    Stage("answer template", ("decoder",), 5e-4, 1, max_samples=1000),
    Stage("embedder", ("projector",), 5e-4, 1, max_samples=2000),
    Stage("all", ("projector", "decoder"), 1e-3, 30, max_samples=2000, schedule="cosine"),
)
STAGE_TABLES = {
    "paper": PAPER_STAGES,
    "official": OFFICIAL_CODE_STAGES,
    "scratch": SCRATCH_STAGES,
    "frozen_encoder": FROZEN_ENCODER_STAGES,
}
PUBLISHED_DECAY, PUBLISHED_DECAYS = 0.7, 10
BATCH = 16  # the paper's mini-batch
PUBLISHED_SUFFIX = ". Is this sequence normal or anomalous? \\n"
DTYPES = ("float32", "bfloat16", "auto")


@dataclass(frozen=True)
class LogLLMPreset:
    """What a model is made of, and how it is trained.

    Args:
        encoder, decoder: repository id or folder to load a part from.
        encoder_shape, decoder_shape: or the shape of a part that starts from nothing.
        random_encoder: make `encoder` with its shape and words but untrained weights (for comparison).
        random_decoder: the same of `decoder`.
        decoder_layers: keep only the first so many layers of `decoder`; None = all.
        dropout: of the attention of a decoder that starts from nothing.
        pooling: see `LogLLMConfig`.
        mask: replace variable parts by `<*>` (paper); False feeds messages as they are.
        stages: row of `STAGE_TABLES`.
        lora: train an adapter and the projector instead of all weights.
        load_in_4bit: NF4 base models.
        dtype: precision in which pretrained parts are loaded: "float32", "bfloat16", or "auto", which is bfloat16 where the
            machine is fast at it. What the file holds does not matter.
        memory_gb: memory that a run takes on a processor, as measured; less is refused before anything is loaded.
        repeats: a window that occurs n times is learnt from n ** repeats times an epoch: 1 = as often as it occurs (paper),
            0 = each distinct window once.
        micro_batch: windows a process takes at once; the batch of 16 is reached by accumulation.
        gradient_checkpointing: trade time for memory.
        bf16: train in mixed precision where the machine is fast at it; weights that train and scores stay in float32.
        noise: see `LogLLMTrainingConfig`, as `mix` and `reorder`.
        mix: see there.
        word_dropout: share of words that change in a varied wording, on average.
        variants: wordings made of each message.
        reorder: see there.
        validations: evaluations of the validation windows an epoch.
        patience: evaluations of the last stage without gain before it stops; 0 = never.
        prompt_suffix: text between the messages and the answer; None = `LogLLMConfig`'s, which ends in a line feed.
        weight_decay: of AdamW.
        clipping: largest norm of the gradient; 0 = no clipping.
        long_windows: how a window of more messages than the model takes is scored, see `LogLLMConfig`.
        nearest_wording: least cosine at which a message that training never held is read as the nearest one that it held,
            see `LogLLMConfig`; 0 = never (paper).
        encoder_kind: "text", or "embedding": one trained vector for each distinct message (the paper's ablation with
            template IDs, an embedding layer in BERT's place).
    """

    encoder: str | None = None
    decoder: str | None = None
    encoder_shape: dict[str, Any] = field(default_factory=dict)
    decoder_shape: dict[str, Any] = field(default_factory=dict)
    random_encoder: bool = False
    random_decoder: bool = False
    decoder_layers: int | None = None
    dropout: float = 0.0
    pooling: str = "pooler"
    mask: bool = True
    stages: str = "paper"
    lora: bool = False
    load_in_4bit: bool = False
    dtype: str = "float32"
    memory_gb: float = 0.0
    repeats: float = 1.0
    micro_batch: int = BATCH
    gradient_checkpointing: bool = False
    bf16: bool = False
    noise: float = 0.0
    mix: float = 0.0
    word_dropout: float = 0.0
    variants: int = 0
    reorder: float = 0.0
    validations: int = 2
    patience: int = 4
    prompt_suffix: str | None = None
    weight_decay: float = 0.0
    clipping: float = 1.0
    long_windows: str = "overlap"
    nearest_wording: float = 0.0
    encoder_kind: str = "text"


_SMALL_LLAMA: dict[str, Any] = {
    "hidden_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "intermediate_size": 256,
}
PRESETS = {
    "tiny": LogLLMPreset(
        encoder_shape={
            "hidden_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 256,
            "max_position_embeddings": 128,
            # Dropout before the mean would make one message another soft token at every step.
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
        },
        decoder_shape={
            **_SMALL_LLAMA,
            "hidden_size": 128,
            "num_hidden_layers": 3,
            "intermediate_size": 344,
        },
        dropout=0.1,  # few anomalies, often repeated: they must not be learnt by heart
        # An untrained pooler gives every message nearly the same vector: with it one seed in three learnt nothing.
        pooling="mean",
        stages="scratch",
        # Rare kinds of normal window are learnt too, as HDFS has them (benchmarks/results/logllm_hdfs_random.json). Where
        # faults are frequent windows with a step missing, as in the simulator, 1 does better.
        repeats=0.5,
        validations=1,
        # Validation windows as easy as HDFS's are soon all right, long before the model reads rarer ones well.
        patience=0,
    ),
    "laptop": LogLLMPreset(
        encoder="sentence-transformers/all-MiniLM-L6-v2",
        decoder_shape=_SMALL_LLAMA,
        pooling="mean",
        stages="frozen_encoder",
        repeats=0.0,
        # So that a reworded message is still read: chosen in benchmarks/results/laptop_choice.json.
        noise=0.6,
        mix=0.8,
        word_dropout=0.25,
        variants=16,
        reorder=4.0,
        validations=1,
        patience=6,
    ),
    "small": LogLLMPreset(
        encoder="sentence-transformers/all-MiniLM-L6-v2",
        decoder="HuggingFaceTB/SmolLM2-135M-Instruct",
        # A quarter of its 30 layers: a step takes a quarter of the time.
        decoder_layers=8,
        pooling="mean",
        stages="frozen_encoder",
        lora=True,
        bf16=True,
        memory_gb=3.0,
        repeats=0.5,
        validations=1,
        nearest_wording=0.5,  # chosen on reworded validation windows, benchmarks/results/logllm_pretrained.json
    ),
    "paper": LogLLMPreset(
        encoder="google-bert/bert-base-uncased",
        decoder="meta-llama/Meta-Llama-3-8B",
        lora=True,
        load_in_4bit=True,
        dtype="auto",
        micro_batch=4,
        gradient_checkpointing=True,
        bf16=True,
        validations=1,
        patience=0,
        # Figure 3 and the published code end the prompt in a backslash and an n, two characters.
        prompt_suffix=PUBLISHED_SUFFIX,
        # The paper says AdamW and no more; the published code takes torch's own decay, and does not clip.
        weight_decay=0.01,
        clipping=0.0,
    ),
}


@dataclass
class LogLLMTrainingConfig(SFTConfig):
    """Arguments of one stage. Changes these defaults of `SFTConfig`: mixed precision and checkpointing are off.

    Args:
        trainable: parts that this stage trains.
        minority_share: beta, the share to which the rarer class is oversampled (paper, equation 1); 0 = off.
        published_schedule: the published code's schedule in place of `lr_scheduler_type`.
        noise: length of the random vector that is added to a varied message's vector, in lengths of that vector; only
            where the encoder is frozen.
        mix: how far at most a varied message's vector is moved towards that of another message (1 = all the way). Other
            wordings differ in the directions in which messages differ, where isotropic noise hardly reaches.
        word_dropout: share of the words of a varied message that change, on average (message_store.py, `reword`).
        variants: wordings that are made of each message beforehand and drawn from.
        reorder: how many places a message of a training window may move at most; how far in a window is drawn for each.
    """

    trainable: list[str] = field(default_factory=lambda: list(PARTS))
    minority_share: float = 0.3
    published_schedule: bool = False
    noise: float = 0.0
    mix: float = 0.0
    word_dropout: float = 0.0
    variants: int = 0
    reorder: float = 0.0
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
        if self.noise and "encoder" in self.trainable:
            raise ValueError(
                f"noise is put on the vectors of a frozen encoder, found noise {self.noise} in a stage that "
                "trains the encoder: set noise to 0, or take the stages frozen_encoder"
            )
