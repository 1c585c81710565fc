"""A worker of torchrun is killed in the middle of training: torchrun starts all anew, and training goes on.

Torchrun's own agent, but its workers are forks of a process that has imported everything (tests/test_cluster.py has the
command).
"""

from pathlib import Path

import fresh_process
import pytest

from logllm.batch.torchrun import restarts_share_a_store

# Real training of small models by `train_detector`, each twice; at a step of the second time the second process kills itself.
PROCESS = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from datasets import Dataset
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from transformers import Trainer
import logllm.trainers, tiny_logllama
from logllm.hf_datasets import get_system
from logllm.trainers.logllama_config import PRESETS
from logllm.training.train import train_detector

out, killed_at, usual = Path(sys.argv[1]), 0, Trainer.training_step
PRESETS["tiny"] = tiny_logllama.SMALL

def step(self, *args, **kwargs):
    steps.append(self.state.global_step)
    if os.environ["RANK"] == "1" and len(steps) == killed_at:
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return usual(self, *args, **kwargs)
Trainer.training_step = step

def train(family, name):
    done = out / f"{{name}}.{{os.environ['RANK']}}"
    if done.exists():  # before the restart
        return int(done.read_text().split()[2])
    steps.clear()
    lines = [["open the door now", "read from disk quietly", "close the door again"][:2 + i % 2] for i in range(48)]
    labels = [int(i % 8 == 7) if family == "logllm" else 0 for i in range(48)]
    for line, label in zip(lines, labels):
        line[1] = "fail hard" if label else line[1]
    keys = [[tiny_logllama.template_key(m) for m in line] for line in lines]
    rows = Dataset.from_dict({{"lines": lines, "keys": keys, "label": labels}})
    recipe = {{"max_samples": 32, "last_epochs": 2, "repeats": 1.0, "validations": 2}} if family == "logllm" else None
    train_detector(family, rows, rows, tiny_logllama.table(), get_system("hdfs"), "tiny", out / name, recipe=recipe, progress=False)
    done.write_text(f"{{os.environ['TORCHELASTIC_RESTART_COUNT']}} {{steps[0]}} {{len(steps)}}")
    return len(steps)

def work():
    global steps, died, killed_at
    steps = []
    for family in ("logllama", "logllm"):
        count, died = train(family, family + "-whole"), out / (family + ".died")
        killed_at = 0 if died.exists() else count * 3 // 4
        train(family, family + "-killed")
        killed_at = 0

# What `torchrun --standalone --nproc-per-node=2 --max-restarts=2` makes of its arguments.
standalone = {{"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "run_id": "tests"}}
elastic_launch(LaunchConfig(1, 1, 2, max_restarts=2, start_method="fork", **standalone), work)()
"""


@pytest.mark.slow
def test_a_killed_worker_costs_the_steps_since_the_last_checkpoint(tmp_path):
    # Without it torchrun gives a restart the store of the start, with the addresses of the dead (pytorch issue 135712).
    environment = {**fresh_process.ON_CPU, "OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    done = fresh_process.run(PROCESS.format(tests=str(Path(__file__).parent)), tmp_path, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    for family, restarts in (("logllama", 1), ("logllm", 2)):
        _, _, steps = map(int, (tmp_path / f"{family}-whole.0").read_text().split())
        retry, first, left = map(int, (tmp_path / f"{family}-killed.0").read_text().split())
        assert retry == restarts and first > 0  # not from the first step again
        assert left < steps
        whole, killed = (
            (tmp_path / f"{family}-{name}" / "model.safetensors").read_bytes() for name in ("whole", "killed")
        )
        assert killed == whole


@pytest.mark.parametrize(
    "changed", [{"RANK": "1"}, {"TORCHELASTIC_MAX_RESTARTS": "0"}, {"TORCHELASTIC_USE_AGENT_STORE": "False"}]
)
def test_a_store_that_restarts_would_share_is_told_at_the_start(changed):
    environment = {"RANK": "0", "TORCHELASTIC_MAX_RESTARTS": "3", "TORCHELASTIC_USE_AGENT_STORE": "True"}
    assert restarts_share_a_store(environment)
    assert not restarts_share_a_store(environment | changed)
    assert not restarts_share_a_store({})
