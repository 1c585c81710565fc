"""After `import logllm` the Auto classes know both families, in whatever order things are imported."""

import json

import fresh_process
import pytest

ORDERS = {
    # That `import logllm` loads no torch either is seen in a fresh interpreter by tests/test_public_names.py.
    "logllm first": "import logllm\nassert 'transformers' not in sys.modules\nfrom transformers import AutoModel, AutoProcessor",
    "transformers first": "from transformers import AutoModel, AutoProcessor\nimport logllm",
    "transformers half": "from transformers import AutoConfig\nimport logllm\nfrom transformers import AutoModel, AutoProcessor",
    "through other libraries": "import logllm, peft\nfrom transformers import LlamaForCausalLM, pipeline, AutoModel, AutoProcessor",
}
# Each family in a fork of its own of the process that imported: the other one has registered nothing there.
LOAD = """
import os
for folder in sys.argv[1:]:
    if not os.fork():
        break
    assert os.wait()[1] == 0, folder
else:
    sys.exit()
assert "logllm.modeling_logllm" not in sys.modules
processor = AutoProcessor.from_pretrained(folder)
model = AutoModel.from_pretrained(folder)
from transformers import AutoConfig
config = AutoConfig.for_model(model.config.model_type)
modules = [type(one).__module__ for one in (processor, model, config)]
scores = model.score([["a b"], ["c d e"]], processor)
with open(os.path.basename(folder), "w") as said:
    json.dump([modules, scores], said)
"""


@pytest.fixture(scope="module")
def scores(tiny_checkpoints):
    """Family -> the scores of a model that was loaded by our own function."""
    from logllm.checkpoint import load_checkpoint

    loaded = {family: load_checkpoint(tiny_checkpoints / family) for family in ("logllm", "logllama")}
    return {name: model.score([["a b"], ["c d e"]], processor) for name, (model, processor) in loaded.items()}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_checkpoints_load_after_import_logllm_alone(tiny_checkpoints, scores, order, tmp_path):
    folders = [tiny_checkpoints / family for family in scores]
    for folder in folders:  # without the package it would ask for trust
        assert "auto_map" in json.loads((folder / "config.json").read_text())
    code = f"import json, sys\nassert not {{'transformers', 'logllm'}} & set(sys.modules)\n{order}\n{LOAD}"
    done = fresh_process.run(code, *folders, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    for family, wanted in scores.items():
        modules, found = json.loads((tmp_path / family).read_text())
        assert {module.rpartition(".")[0] for module in modules} == {"logllm.modeling_logllm"}
        assert found == pytest.approx(wanted)
