import json

import fresh_process
import pytest
import torch
from loopback_hub import LoopbackHub
from tiny_logllm import WINDOWS, build, decoder, encoder, processor

from logllm.errors import CheckpointError
from logllm.hf_datasets import mine_templates
from logllm.hf_datasets.drain import DrainSettings
from logllm.hub.push import push_model
from logllm.model_cards import render_model_card, write_card
from logllm.modeling_logllm import LogLLMForSequenceAnomaly, add_pipeline
from logllm.trainers import assemble_logllama
from logllm.trainers.qlora import attach_lora

PUSH = """
import json, sys
from huggingface_hub import HfApi
folder = sys.argv[1]
for base in ("encoder", "decoder"):
    HfApi().create_repo(f"me/{base}")
    HfApi().upload_folder(repo_id=f"me/{base}", folder_path=f"{folder}/{base}")
from typer.testing import CliRunner
from logllm.cli.app import app
said = [CliRunner().invoke(app, ["push", "model", f"{folder}/{n}", f"me/{n}"]) for n in ("whole", "adapted", "logllama")]
print(json.dumps([[one.exit_code, one.stdout.strip()] for one in said]))
"""
READ = """
import json, sys
sys.modules["logllm"] = None  # a stranger has no package of ours
import torch
from huggingface_hub import ModelCard
from transformers import AutoModel, AutoModelForSequenceClassification, AutoProcessor, pipeline
windows = json.loads(sys.argv[1])
trusted = {"trust_remote_code": True}
result = {}
for name in ("whole", "adapted", "logllama"):
    model, taken = AutoModel.from_pretrained(f"me/{name}", **trusted), AutoProcessor.from_pretrained(f"me/{name}", **trusted)
    pipe = pipeline("log-anomaly-detection", model=f"me/{name}", **trusted)
    judged = pipe([{"lines": w} for w in windows], evidence="all")
    result[name] = {"scores": model.score(windows, taken), "pipeline": [one["score"] for one in judged],
                    "evidence": [len(one["evidence"]) for one in judged], "module": type(model).__module__}
classifier = AutoModelForSequenceClassification.from_pretrained("me/whole", **trusted)
with torch.no_grad():
    logits = classifier(**AutoProcessor.from_pretrained("me/whole", **trusted)(windows)).logits
result["classifier"] = (logits[:, 1] - logits[:, 0]).tolist()
merged = AutoModel.from_pretrained("me/adapted", **trusted).merge()
card = ModelCard.load("me/whole").data
result["card"] = {r.metric_type: r.metric_value for r in card.eval_results} | {"tags": card.tags}
result["merged"] = merged.score(windows, AutoProcessor.from_pretrained("me/adapted", **trusted))
print(json.dumps(result))
"""


def run(hub, home, code, *arguments):
    environment = {**hub.environment(home), "HF_MODULES_CACHE": str(home / "modules")}
    done = fresh_process.run(code, *arguments, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def write_checkpoints(folder):
    """Each kind of checkpoint on disk; returns their scores."""
    model, taken = build()
    model.save_pretrained(folder / "whole")
    taken.save_pretrained(folder / "whole")
    scores = {"whole": model.score(WINDOWS, taken)}
    config = json.loads((folder / "whole" / "config.json").read_text())
    write_card(
        render_model_card(config, {"test": {"f1": 0.875, "precision": 0.8, "recall": None}}, {}), folder / "whole"
    )
    parts = encoder(taken.encoder_tokenizer), decoder(taken.tokenizer)
    for name, part in zip(("encoder", "decoder"), parts):
        part.save_pretrained(folder / name)
    bases = {"base_encoder": "me/encoder", "base_decoder": "me/decoder"}
    model = attach_lora(LogLLMForSequenceAnomaly.from_backbones(*parts, taken, **bases))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name or "modules_to_save" in name:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    model.eval().save_pretrained(folder / "adapted")
    taken.save_pretrained(folder / "adapted")
    scores["adapted"] = model.score(WINDOWS, taken)
    table = mine_templates([m for w in WINDOWS for m in w], DrainSettings())
    model, taken = assemble_logllama("tiny", table, predict_end=True, score_by="likelihood")
    model.eval().save_pretrained(folder / "logllama")
    taken.save_pretrained(folder / "logllama")
    add_pipeline(folder / "logllama")
    scores["logllama"] = model.score(WINDOWS, taken)
    return scores


@pytest.mark.slow
def test_every_kind_of_checkpoint_loads_by_its_id_in_a_process_without_the_package(tmp_path):
    scores = write_checkpoints(tmp_path)
    with LoopbackHub() as hub:
        said = run(hub, tmp_path / "home", PUSH, str(tmp_path))
        assert [code for code, _ in said] == [0, 0, 0] and said[1][1].endswith("/me/adapted")
        files = set(hub.files("models", "me/adapted"))
        assert {
            "config.json",
            "adapter/adapter_model.safetensors",
            "pipeline_log_anomaly.py",
            "processor_config.json",
        } <= files
        assert not [name for name in files if name.endswith((".pkl", ".bin", ".pt"))]
        result = run(hub, tmp_path / "other-home", READ, json.dumps(WINDOWS))
    for name, expected in scores.items():
        assert result[name]["scores"] == pytest.approx(expected, abs=1e-5), name
        assert result[name]["pipeline"] == pytest.approx(expected, abs=1e-5), name
        assert result[name]["evidence"] == [len(window) for window in WINDOWS]
        assert result[name]["module"].startswith("transformers_modules.")
    assert result["card"]["f1"] == 0.875 and result["card"]["precision"] == 0.8 and "recall" not in result["card"]
    assert "log-anomaly-detection" in result["card"]["tags"]
    assert result["classifier"] == pytest.approx(scores["whole"], abs=1e-5)
    assert result["merged"] == pytest.approx(scores["adapted"], abs=1e-4)


def test_a_folder_that_would_not_load_is_not_published(tmp_path):
    with pytest.raises(CheckpointError, match=r"must hold config\.json"):
        push_model(tmp_path, "me/x")
    model, _ = build()
    model.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"found processor_config\.json missing"):
        push_model(tmp_path, "me/x")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CheckpointError, match="found 'bert'"):
        push_model(tmp_path, "me/x")


def test_an_adapter_over_a_folder_is_not_published(tmp_path):
    taken = processor()
    parts = encoder(taken.encoder_tokenizer), decoder(taken.tokenizer)
    bases = {"base_encoder": "me/encoder", "base_decoder": str(tmp_path / "decoder")}
    attach_lora(LogLLMForSequenceAnomaly.from_backbones(*parts, taken, **bases)).save_pretrained(tmp_path / "out")
    taken.save_pretrained(tmp_path / "out")
    with pytest.raises(CheckpointError, match="must name its base by a repository id"):
        push_model(tmp_path / "out", "me/x")
