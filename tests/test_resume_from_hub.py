"""A run goes on from a `checkpoint-N` that another run published, as if it had never stopped: both families."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from loopback_hub import LoopbackHub

RUN = """
import hashlib, json, sys
from pathlib import Path
folder, tests, resumed = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "resumed"
sys.path.insert(0, tests)
import pytest, torch
from datasets import Dataset
from huggingface_hub import snapshot_download
from tiny_logllama import sessions, small
from tiny_logllm import WINDOWS, build
from logllm.trainers import NextKeyConfig, NextKeyTrainer
from logllm.trainers.logllm_config import LogLLMTrainingConfig
from logllm.trainers.logllm_trainer import LogLLMTrainer

def arguments(name):
    return dict(output_dir=str(folder / name), report_to="none", disable_tqdm=True, use_cpu=True, max_steps=4, save_steps=2,
                logging_steps=1, per_device_train_batch_size=2, learning_rate=1e-3, push_to_hub=not resumed,
                hub_model_id=f"me/{name}", hub_strategy="all_checkpoints", hub_always_push=True)

model, taken = build()
rows = Dataset.from_dict({"lines": WINDOWS, "label": [0, 1, 0, 1]})
args = LogLLMTrainingConfig(**arguments("logllm"), trainable=["projector", "decoder"])
trainers = {"logllm": LogLLMTrainer(model, args, rows, taken)}
with pytest.MonkeyPatch.context() as patch:
    model, keys = small(patch)
rows = Dataset.from_dict({"input_ids": sessions(keys, 8)})
args = NextKeyConfig(**arguments("logllama"), unseen_rate=0.0)  # which keys are hidden is drawn anew after a resume
trainers["logllama"] = NextKeyTrainer(model, args, rows, keys)
found = {}
for name, trainer in trainers.items():
    place = None
    if resumed:
        place = str(Path(snapshot_download(f"me/{name}", allow_patterns="checkpoint-2/*")) / "checkpoint-2")
    trainer.train(resume_from_checkpoint=place)
    if not resumed:
        trainer.push_to_hub()
    tensors = [parameter.detach().double().sum().item() for parameter in trainer.model.parameters()]
    steps = [log["step"] for log in trainer.state.log_history if "loss" in log]
    losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]
    found[name] = {"sums": tensors, "steps": steps, "losses": losses, "began": bool(place)}
print(json.dumps(found))
"""


@pytest.mark.slow
def test_a_published_checkpoint_is_gone_on_from(tmp_path):
    told = {}
    with LoopbackHub() as hub:
        for name in ("whole", "resumed"):
            environment = {**os.environ, **hub.environment(tmp_path / f"home-{name}"), "OMP_NUM_THREADS": "1"}
            arguments = [str(tmp_path / name), str(Path(__file__).parent), name]
            done = subprocess.run(
                [sys.executable, "-c", RUN, *arguments], env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr[-4000:]
            told[name] = json.loads(done.stdout.splitlines()[-1])
        for family in ("logllm", "logllama"):
            published = hub.files("models", f"me/{family}")
            assert {"checkpoint-2/trainer_state.json", "checkpoint-4/trainer_state.json", "config.json"} <= set(
                published
            )
    for family, whole in told["whole"].items():
        again = told["resumed"][family]
        assert again["began"] and again["steps"] == whole["steps"] == [1, 2, 3, 4]
        assert again["losses"] == pytest.approx(whole["losses"], abs=1e-5), family
        assert again["sums"] == pytest.approx(whole["sums"], abs=1e-4), family
