"""The Auto classes of transformers know both families after `import logllm`, which imports neither torch nor transformers.

transformers asks `AutoConfig` and `AutoProcessor` first, whatever is loaded. So these two get stand-ins by their own
`register`, at once where transformers is there already, else right after it has been imported. The first use of a stand-in
imports `logllm.modeling_logllm`, which registers the real classes, models and pipeline too.
"""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class _StandIn(type):
    """Calls and attributes of the class are those of the real class of its name."""

    def _real(cls) -> Any:
        return getattr(import_module("logllm.modeling_logllm"), cls.__name__)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls._real()(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):  # what Python itself asks a class for
            raise AttributeError(name)
        return getattr(cls._real(), name)


class LogLLMConfig(metaclass=_StandIn):
    """Stands in for the configuration."""


class LogLLaMAConfig(metaclass=_StandIn):
    """Stands in for the configuration."""


class LogLLMProcessor(metaclass=_StandIn):
    """Stands in for the processor."""


class LogLLaMAProcessor(metaclass=_StandIn):
    """Stands in for the processor."""


def _configurations(module: Any) -> None:
    module.AutoConfig.register("logllm", LogLLMConfig)
    module.AutoConfig.register("logllama", LogLLaMAConfig)


def _processors(module: Any) -> None:
    module.AutoProcessor.register(LogLLMConfig, LogLLMProcessor)
    module.AutoProcessor.register(LogLLaMAConfig, LogLLaMAProcessor)


class _AfterImport:
    """Finder of modules: finds what the other finders find, and lets the import end with a registration."""

    def __init__(self) -> None:
        self.waiting = {
            "transformers.models.auto.configuration_auto": _configurations,
            "transformers.models.auto.processing_auto": _processors,
        }

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find a module that is waited for, once; None for all others."""
        register = self.waiting.pop(name, None)
        spec = find_spec(name) if register else None
        if register is None or spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_and_register(module: ModuleType) -> None:
            run(module)
            register(module)

        spec.loader.exec_module = run_and_register  # type: ignore[method-assign]
        return spec


def register_when_imported() -> None:
    """Register now with what is imported already, and with the rest when it will be."""
    finder = _AfterImport()
    for name in [name for name in finder.waiting if name in sys.modules]:
        finder.waiting.pop(name)(sys.modules[name])
    if finder.waiting:
        sys.meta_path.insert(0, finder)  # type: ignore[arg-type]
