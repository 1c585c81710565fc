"""LogLLaMA's training as tables: the shapes of its presets, the objectives of REINFORCE, the settings of both stages.

Paper (arXiv 2503.14849): 18 layers, 12 heads; K = 50 % of the keys. Filled in, because the paper is silent: width 72 (a
head of 6; the 60 of notes about it cannot be), 100 epochs of next-key training and 10 RL episodes (notes), AdamW 1e-4
and batch 16, RL at 1e-6 on 5,000 sequences, the first 20 % of a sequence as the prompt (its predecessor LogGPT, arXiv
2309.14482).
"""

from dataclasses import dataclass
from typing import Literal

from trl import GRPOConfig, SFTConfig


@dataclass(frozen=True)
class LogLLaMAPreset:
    """Shape of the key model (or the language model it is made from), and how long and fast each stage goes."""

    hidden_size: int = 0
    num_hidden_layers: int = 0
    num_attention_heads: int = 0
    intermediate_size: int = 0
    learning_rate: float = 2e-3
    epochs: float = 10
    batch: int = 32
    schedule: str = "cosine"
    patience: int = 3  # evaluations of the validation split (one an epoch) without gain before the stage stops
    reinforce_learning_rate: float = 1e-6
    reinforce_epochs: float = 1
    reinforce_sequences: int = 5000
    decoder: str | None = None  # a Llama of the Hub: its keys start from their templates' texts, and LoRA is trained
    lora_rank: int = 8


PRESETS = {
    "tiny": LogLLaMAPreset(
        hidden_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=256,
        reinforce_learning_rate=1e-5,
        reinforce_sequences=2000,
    ),
    "paper": LogLLaMAPreset(
        hidden_size=72,
        num_hidden_layers=18,
        num_attention_heads=12,
        intermediate_size=192,
        learning_rate=1e-4,
        epochs=100,
        batch=16,
        schedule="constant",
        patience=10,
        reinforce_epochs=10,
    ),
    "lora": LogLLaMAPreset(
        decoder="HuggingFaceTB/SmolLM2-135M-Instruct",
        learning_rate=5e-4,
        epochs=5,
        batch=16,
        reinforce_learning_rate=1e-6,
        reinforce_sequences=1000,
    ),
}


@dataclass(frozen=True)
class Objective:
    """One reading of the RL step: which keys the policy stands behind, who acts, what is rewarded, and for how long.

    Args:
        context: "rollout" (the policy's own continuation of a normal prefix) or "truth" (the normal sequence).
        action: "sampled" (a key drawn from the policy) or "true" (the key that really came).
        reward: "top_k" (the true key lies among the K most probable) or "hit" (the sampled key is the true one).
        credit: "return" (discounted sum of this and later rewards), "position" (this reward) or "sum" (of the sequence).
        baseline: whether a moving average of the returns is subtracted.
        lowest: rewards below are raised to this.
    """

    context: Literal["rollout", "truth"]
    action: Literal["sampled", "true"]
    reward: Literal["top_k", "hit"] = "top_k"
    credit: Literal["return", "position", "sum"] = "position"
    baseline: bool = True
    lowest: float = -1.0


OBJECTIVES = {
    # REINFORCE as the paper's text reads: sampled continuations, return-to-go, a baseline.
    "reinforce": Objective("rollout", "sampled", credit="return"),
    "hit": Objective("truth", "sampled", reward="hit"),
    # +-1 (or 1 and 0) times the log-likelihood of the true key: the minus pushes missed keys further away.
    "signed": Objective("truth", "true", baseline=False),
    "clipped": Objective("truth", "true", baseline=False, lowest=0.0),
    # LogGPT's published objective: the summed reward of the continuation times the summed log-likelihood.
    "loggpt": Objective("rollout", "true", credit="sum", baseline=False),
}


@dataclass
class NextKeyConfig(SFTConfig):
    """Arguments of the likelihood stage. Changes these defaults of `SFTConfig`: half precision, checkpointing are off.

    Args:
        unseen_rate: share of input keys replaced by the unseen key, so that the model knows how to go on after one.
    """

    unseen_rate: float = 0.01
    bf16: bool | None = False  # type: ignore[assignment]
    gradient_checkpointing: bool | None = None
    activation_checkpointing: bool | None = False

    def __post_init__(self):
        self.remove_unused_columns = False
        self.dataset_kwargs = {"skip_prepare_dataset": True}
        super().__post_init__()


@dataclass
class ReinforceConfig(GRPOConfig):
    """Arguments of the REINFORCE stage.

    Changes these defaults of `GRPOConfig`: half precision and gradient checkpointing are off, one update a batch of 64
    completions, the loss is the mean over all positions, advantages are not scaled, `entropy_coef` is 0.01. `beta` is the
    weight of the penalty for leaving the likelihood model. A prompt gets one completion, whatever `num_generations` says.

    Args:
        objective: a row of `OBJECTIVES`.
        num_candidates: K of the reward; None takes the model's own.
        prompt_share: share of a sequence that is given; the policy continues it.
        discount: gamma of the return-to-go.
        baseline_decay: of the moving average that is subtracted from the return.
        advantage_clip: advantages are cut to plus and minus this; 0 leaves them.
        use_labels: anomalous sequences (column `label`) are in the training data and their rewards have the other sign.
        num_beams: beams of the sampling; above 1 is LogGPT's way, and much slower.
    """

    objective: str = "reinforce"
    num_candidates: int | None = None
    prompt_share: float = 0.2
    discount: float = 0.99
    baseline_decay: float = 0.9
    advantage_clip: float = 10.0
    use_labels: bool = False
    num_beams: int = 1
    entropy_coef: float = 0.01
    loss_type: str = "bnpo"
    scale_rewards: str = "none"
    num_generations: int | None = 2  # the least that the parent takes
    per_device_train_batch_size: int = 64
    bf16: bool | None = False  # type: ignore[assignment]
    gradient_checkpointing: bool | None = None
    activation_checkpointing: bool | None = False

    def __post_init__(self):
        self.remove_unused_columns = False
        super().__post_init__()
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}, found {self.objective!r}")
        if not 0 <= self.prompt_share < 1:
            raise ValueError(f"prompt_share must be at least 0 and below 1, found {self.prompt_share}")
        if self.num_iterations != 1 or self.steps_per_generation != self.gradient_accumulation_steps:
            raise ValueError(
                "REINFORCE must make one update a batch of completions, found num_iterations "
                f"{self.num_iterations} and steps_per_generation {self.steps_per_generation}: leave both at their defaults"
            )
