"""Training of both families, on TRL's and transformers' trainers; a trainer is handed a `Dataset` and knows columns."""

from .assemble import assemble_logllama, assemble_logllm
from .logllama_config import NextKeyConfig, ReinforceConfig
from .logllama_trainer import NextKeyTrainer, ReinforceTrainer
from .logllm_config import LogLLMTrainingConfig, Stage
from .logllm_trainer import LogLLMTrainer
from .metrics import best_f1_threshold, detection_metrics, false_alarm_threshold
from .run import train_logllm
from .run_logllama import train_logllama

__all__ = [
    "LogLLMTrainer",
    "LogLLMTrainingConfig",
    "NextKeyConfig",
    "NextKeyTrainer",
    "ReinforceConfig",
    "ReinforceTrainer",
    "Stage",
    "assemble_logllama",
    "assemble_logllm",
    "best_f1_threshold",
    "detection_metrics",
    "false_alarm_threshold",
    "train_logllama",
    "train_logllm",
]
