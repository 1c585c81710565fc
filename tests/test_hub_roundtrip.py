"""A checkpoint loads by the Auto classes in a process that has no `logllm`, and gives the same numbers."""

import json

import fresh_process
import pytest
import torch

STRANGER = """
import json, sys

class NoLogllm:  # a stranger has not installed the package
    def find_spec(self, name, path=None, target=None):
        if name == "logllm" or name.startswith("logllm."):
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, NoLogllm())
import torch
from transformers import AutoConfig, AutoModel, AutoProcessor
windows, told = json.loads(sys.argv[1]), {}
for folder in sys.argv[2:]:
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    model = AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
    with torch.no_grad():
        logits = model(**processor(windows)).logits
    told[config.model_type] = {
        "class": type(model).__name__, "module": type(model).__module__,
        "scores": model.score(windows, processor=processor), "logits": logits.sum(-1).flatten().tolist(),
    }
print(json.dumps(told))
"""


def test_a_stranger_gets_the_same_scores(tiny_checkpoints, tmp_path):
    from logllm.checkpoint import load_checkpoint

    folders = [tiny_checkpoints / family for family in ("logllm", "logllama")]
    windows = [
        ["Receiving block blk_1 src: /10.0.0.1:5 dest: /10.0.0.2:5", "PacketResponder 1 for block blk_1 terminating"],
        ["a message that nobody has ever seen"],
    ]
    environment = {"HF_MODULES_CACHE": str(tmp_path / "modules"), "PYTHONPATH": ""}
    done = fresh_process.run(STRANGER, json.dumps(windows), *folders, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    for folder in folders:
        told = result[folder.name]
        assert told["module"].startswith("transformers_modules.")
        model, processor = load_checkpoint(folder)
        assert told["class"] == type(model).__name__
        assert told["scores"] == pytest.approx(model.score(windows, processor=processor), abs=1e-6)
        with torch.no_grad():
            logits = model(**processor(windows)).logits.sum(-1).flatten()
        assert told["logits"] == pytest.approx(logits.tolist(), rel=1e-5)


def test_a_checkpoint_holds_safetensors_json_and_code_only(tiny_checkpoints):
    for family in ("logllm", "logllama"):
        suffixes = {path.suffix for path in (tiny_checkpoints / family).rglob("*") if path.is_file()}
        assert suffixes <= {".safetensors", ".json", ".py", ".md", ".txt", ".jinja", ".png"}, suffixes
