"""Training of both families, on TRL's and transformers' trainers; a trainer is handed a `Dataset` and knows columns."""

import warnings

from .assemble import assemble_logllama, assemble_logllm
from .logllama_config import NextKeyConfig, ReinforceConfig
from .logllama_stages import train_logllama
from .logllama_trainer import NextKeyTrainer, ReinforceTrainer
from .logllm_config import LogLLMTrainingConfig, Stage
from .logllm_recipe import LogLLMRecipe
from .logllm_stages import train_logllm
from .logllm_trainer import LogLLMTrainer, TrainingStopped
from .message_store import MessageStore
from .metrics import best_f1_threshold, detection_metrics, false_alarm_threshold, reliability_curve

# TRL and peft ask for it by the name that transformers gave up.
warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)

__all__ = [
    "LogLLMRecipe",
    "LogLLMTrainer",
    "LogLLMTrainingConfig",
    "MessageStore",
    "NextKeyConfig",
    "NextKeyTrainer",
    "ReinforceConfig",
    "ReinforceTrainer",
    "Stage",
    "TrainingStopped",
    "assemble_logllama",
    "assemble_logllm",
    "best_f1_threshold",
    "detection_metrics",
    "false_alarm_threshold",
    "reliability_curve",
    "train_logllama",
    "train_logllm",
]
