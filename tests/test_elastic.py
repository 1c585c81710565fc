"""A worker of torchrun is killed in the middle of training: torchrun starts all anew, and training goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from logllm.batch.torchrun import restarts_share_a_store

# Real training of a small model by `train_detector`; of the first try, the second process kills itself at a step.
PROCESS = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import pytest
from datasets import Dataset
from transformers import Trainer
import tiny_logllama
from logllm.hf_datasets import get_system
from logllm.trainers.logllama_config import PRESETS
from logllm.trainers import logllm_config
from logllm.training.train import train_detector

family, out, killed_at = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
retry, rank = int(os.environ["TORCHELASTIC_RESTART_COUNT"]), os.environ["RANK"]
steps, usual = [], Trainer.training_step
def step(self, *args, **kwargs):
    steps.append(self.state.global_step)
    if killed_at and not retry and rank == "1" and len(steps) == killed_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return usual(self, *args, **kwargs)
Trainer.training_step = step
PRESETS["tiny"] = tiny_logllama.SMALL
lines = [["open the door now", "read from disk quietly", "close the door again"][:2 + i % 2] for i in range(48)]
labels = [int(i % 8 == 7) if family == "logllm" else 0 for i in range(48)]
for line, label in zip(lines, labels):
    line[1] = "fail hard" if label else line[1]
keys = [[tiny_logllama.template_key(m) for m in line] for line in lines]
rows = Dataset.from_dict({{"lines": lines, "keys": keys, "label": labels}})
recipe = {{"max_samples": 32, "last_epochs": 2, "repeats": 1.0, "validations": 2}} if family == "logllm" else None
train_detector(family, rows, rows, tiny_logllama.table(), get_system("hdfs"), "tiny", out, recipe=recipe, progress=False)
if rank == "0":
    Path(str(out) + ".steps").write_text(f"{{retry}} {{steps[0]}} {{len(steps)}}")
"""


def train(tmp_path, family, name, killed_at):
    script = tmp_path / "train.py"
    script.write_text(PROCESS.format(tests=str(Path(__file__).parent)))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
    # Without it torchrun gives a restart the store of the start, with the addresses of the dead (pytorch issue 135712).
    environment["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    done = subprocess.run(
        [*command, str(script), family, str(tmp_path / name), str(killed_at)],
        capture_output=True,
        text=True,
        timeout=280,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    retry, first, count = map(int, (tmp_path / f"{name}.steps").read_text().split())
    return (tmp_path / name / "model.safetensors").read_bytes(), retry, first, count


@pytest.mark.slow
@pytest.mark.parametrize("family", ["logllama", "logllm"])
def test_a_killed_worker_costs_the_steps_since_the_last_checkpoint(tmp_path, family):
    wanted, _, _, steps = train(tmp_path, family, "whole", 0)
    weights, retry, first, left = train(tmp_path, family, "killed", steps * 3 // 4)
    assert retry == 1 and first > 0  # not from the first step again
    assert left < steps
    assert weights == wanted


@pytest.mark.parametrize(
    "changed", [{"RANK": "1"}, {"TORCHELASTIC_MAX_RESTARTS": "0"}, {"TORCHELASTIC_USE_AGENT_STORE": "False"}]
)
def test_a_store_that_restarts_would_share_is_told_at_the_start(changed):
    environment = {"RANK": "0", "TORCHELASTIC_MAX_RESTARTS": "3", "TORCHELASTIC_USE_AGENT_STORE": "True"}
    assert restarts_share_a_store(environment)
    assert not restarts_share_a_store(environment | changed)
    assert not restarts_share_a_store({})
