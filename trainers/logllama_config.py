"""LogLLaMA's training as tables: the shapes of its presets and the settings of both stages.

Paper (arXiv 2503.14849): 18 layers, 12 heads; K = 50 % of the keys. Filled in, because the paper is silent: width 72 (a
head of 6; the 60 of notes about it cannot be), 100 epochs of next-key training and 10 RL episodes (notes), AdamW 1e-4
and batch 16, RL at 1e-6, the first 20 % of a sequence as the prompt (its predecessor LogGPT, arXiv 2309.14482).
"""

from dataclasses import dataclass

from transformers import TrainingArguments
from trl import SFTConfig


@dataclass(frozen=True)
class LogLLaMAPreset:
    """Shape of the key model, and how long and fast each stage goes."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    learning_rate: float
    epochs: float
    batch: int
    schedule: str = "constant"
    reinforce_learning_rate: float = 1e-6
    reinforce_epochs: float = 1


PRESETS = {
    "tiny": LogLLaMAPreset(
        hidden_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=256,
        learning_rate=2e-3,
        epochs=10,
        batch=32,
        schedule="cosine",
        reinforce_learning_rate=1e-5,
    ),
    "paper": LogLLaMAPreset(
        hidden_size=72,
        num_hidden_layers=18,
        num_attention_heads=12,
        intermediate_size=192,
        learning_rate=1e-4,
        epochs=100,
        batch=16,
        reinforce_epochs=10,
    ),
}


@dataclass
class NextKeyConfig(SFTConfig):
    """Arguments of the likelihood stage. Changes these defaults of `SFTConfig`: half precision, checkpointing are off.

    Args:
        unseen_rate: share of input keys replaced by the unseen key, so that the model knows how to go on after one.
    """

    unseen_rate: float = 0.01
    bf16: bool | None = False
    gradient_checkpointing: bool | None = None
    activation_checkpointing: bool | None = False

    def __post_init__(self):
        self.remove_unused_columns = False
        self.dataset_kwargs = {"skip_prepare_dataset": True}
        super().__post_init__()


@dataclass
class ReinforceConfig(TrainingArguments):
    """Arguments of the REINFORCE stage.

    Args:
        num_candidates: K of the reward; None takes the model's own.
        prompt_share: share of a sequence that is given; the policy continues it.
        discount: gamma of the return-to-go.
        baseline_decay: of the moving average that is subtracted from the return.
        entropy_weight: of the bonus that keeps the policy from collapsing.
        temperature: of the sampling.
    """

    num_candidates: int | None = None
    prompt_share: float = 0.2
    discount: float = 0.99
    baseline_decay: float = 0.9
    entropy_weight: float = 0.01
    temperature: float = 1.0

    def __post_init__(self):
        self.remove_unused_columns = False
        super().__post_init__()
