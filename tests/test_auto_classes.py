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
LOAD = """
assert "logllm.modeling_logllm" not in sys.modules
processor = AutoProcessor.from_pretrained(sys.argv[1])
model = AutoModel.from_pretrained(sys.argv[1])
from transformers import AutoConfig
config = AutoConfig.for_model(model.config.model_type)
print(json.dumps([type(one).__module__ for one in (processor, model, config)] + model.score([["a b"], ["c d e"]], processor)))
"""


@pytest.mark.parametrize("family", ["logllm", "logllama"])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_a_checkpoint_loads_after_import_logllm_alone(tiny_checkpoints, order, family):
    from logllm.checkpoint import load_checkpoint

    folder = tiny_checkpoints / family
    assert "auto_map" in json.loads((folder / "config.json").read_text())  # without the package it would ask for trust
    code = f"import json, sys\nassert not {{'transformers', 'logllm'}} & set(sys.modules)\n{order}\n{LOAD}"
    done = fresh_process.run(code, folder)
    assert done.returncode == 0, done.stderr[-2000:]
    *modules, first, second = json.loads(done.stdout.splitlines()[-1])
    assert {module.rpartition(".")[0] for module in modules} == {"logllm.modeling_logllm"}
    model, processor = load_checkpoint(folder)
    assert [first, second] == pytest.approx(model.score([["a b"], ["c d e"]], processor))
