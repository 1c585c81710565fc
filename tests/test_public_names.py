"""The public names of the package and of each sub-package: importable, few, and documented."""

import importlib
import subprocess
import sys
from pathlib import Path

import fresh_process
import pytest

PACKAGES = ("logllm", "logllm.hf_datasets", "logllm.modeling_logllm", "logllm.trainers", "logllm.model_cards")
PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "python.md"


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_true(package):
    module = importlib.import_module(package)
    names = list(module.__all__)
    assert len(names) == len(set(names))
    for name in names:
        assert getattr(module, name) is not None


def test_the_front_door_is_small_and_documented():
    import logllm

    assert len(logllm.__all__) <= 12
    text = PAGE.read_text("utf-8")
    missing = [name for name in logllm.__all__ if name not in text]
    assert not missing, f"public names without a place in the documentation: {missing}"


def test_unknown_name_is_an_attribute_error():
    import logllm

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        logllm.nothing  # noqa: B018


def test_import_is_instant():
    """`import logllm` and the command line load no library."""
    code = "import logllm, logllm.cli.app, sys; print([m for m in ('torch', 'transformers', 'datasets') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_what_registers_the_auto_classes_and_what_does_not_import_torch():
    """`import logllm` stays light; one import registers both families."""
    code = (
        "import sys, logllm; assert not {'transformers', 'logllm.modeling_logllm'} & set(sys.modules)\n"
        "import logllm.modeling_logllm\n"
        "from transformers import AutoConfig, AutoModel, AutoModelForCausalLM\n"
        "for name in ('logllm', 'logllama'):\n"
        "    config = type(AutoConfig.for_model(name))\n"
        "    assert config.__module__.startswith('logllm.') and config in AutoModel._model_mapping, name\n"
        "    assert config in AutoModelForCausalLM._model_mapping, name\n"
    )
    done = fresh_process.run(code)
    assert done.returncode == 0, done.stderr[-2000:]
