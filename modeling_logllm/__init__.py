"""The two model families as Hugging Face citizens: what a Hub repository carries for `trust_remote_code=True`.

The folder is flat and every file imports its neighbours by one dot, because the Hub's loader copies files that way.
Importing this package registers both families with the Auto classes.
"""

from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoProcessor,
)
from transformers.pipelines import PIPELINE_REGISTRY

from .configuration_logllama import LogLLaMAConfig
from .configuration_logllm import LogLLMConfig
from .masking import mask_message
from .modeling_logllama import KeyScores, LogLLaMAForNextKey
from .modeling_logllm import LogLLMForSequenceAnomaly, LogLLMForSequenceClassification
from .pipeline_log_anomaly import TASK, LogAnomalyPipeline, add_pipeline
from .processing_logllama import LogLLaMAProcessor, TemplateMatcher
from .processing_logllm import LogLLMProcessor

__all__ = [
    "KeyScores",
    "LogAnomalyPipeline",
    "LogLLMConfig",
    "LogLLMForSequenceAnomaly",
    "LogLLMForSequenceClassification",
    "LogLLMProcessor",
    "LogLLaMAConfig",
    "LogLLaMAForNextKey",
    "LogLLaMAProcessor",
    "TemplateMatcher",
    "add_pipeline",
    "mask_message",
]

for _config, _model, _processor in (
    (LogLLMConfig, LogLLMForSequenceAnomaly, LogLLMProcessor),
    (LogLLaMAConfig, LogLLaMAForNextKey, LogLLaMAProcessor),
):
    AutoConfig.register(_config.model_type, _config)
    AutoModel.register(_config, _model)
    AutoModelForCausalLM.register(_config, _model)
    AutoProcessor.register(_config, _processor)
    # Makes save_pretrained copy the code files and write auto_map.
    _config.register_for_auto_class()
    _model.register_for_auto_class("AutoModel")
    _processor.register_for_auto_class("AutoProcessor")
AutoModelForSequenceClassification.register(LogLLMConfig, LogLLMForSequenceClassification)
LogLLMForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
PIPELINE_REGISTRY.register_pipeline(TASK, pipeline_class=LogAnomalyPipeline, pt_model=AutoModel)
