"""logllm: find the lines of a log that matter, compare a bad run with a good one, train and use LogLLM and LogLLaMA.

The names below are loaded when they are first used, so that `import logllm` and `logllm --help` are instant. The Auto classes
of transformers know both families from then on: `AutoModel.from_pretrained(ID)` takes the classes of this package, without
`trust_remote_code` (hub/auto_classes.py says how, without importing torch here).
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from logllm.hub.auto_classes import register_when_imported

if TYPE_CHECKING:
    from logllm.detector import LogAnomalyDetector
    from logllm.diff.compare import compare
    from logllm.hf_datasets import LogEvent, LogSystem, build, load_windows, read_events
    from logllm.modeling_logllm import LogLLaMAForNextKey, LogLLMForSequenceAnomaly
    from logllm.signals.scan import scan_logs
    from logllm.verdict import Evidence, Verdict

__version__ = "0.2.0"

logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # says on import that it lacks a kernel nobody asked for

__all__ = [
    "Evidence",
    "LogAnomalyDetector",
    "LogEvent",
    "LogLLMForSequenceAnomaly",
    "LogLLaMAForNextKey",
    "LogSystem",
    "Verdict",
    "build",
    "compare",
    "load_windows",
    "read_events",
    "scan_logs",
]

_HOMES = {
    "Evidence": "logllm.verdict",
    "LogAnomalyDetector": "logllm.detector",
    "LogEvent": "logllm.hf_datasets",
    "LogLLMForSequenceAnomaly": "logllm.modeling_logllm",
    "LogLLaMAForNextKey": "logllm.modeling_logllm",
    "LogSystem": "logllm.hf_datasets",
    "Verdict": "logllm.verdict",
    "build": "logllm.hf_datasets",
    "compare": "logllm.diff.compare",
    "load_windows": "logllm.hf_datasets",
    "read_events": "logllm.hf_datasets",
    "scan_logs": "logllm.signals.scan",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'logllm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


register_when_imported()
# bitsandbytes says on import that it lacks a kernel which nobody asked for.
logging.getLogger("bitsandbytes.backends.cpu.ops").addFilter(lambda record: "gemm_4bit" not in record.getMessage())
