"""`logllm reproduce` under torchrun: killed twice at random, it ends with the figures of an unbroken run."""

import json
import os
import random
import socket
import subprocess
import sys
import time

import psutil
import pytest
import yaml

from logllm.hf_datasets.simulation.simulate import simulate

# Dropout is drawn by each process for itself; without it the figures could be compared with those of one process too.
ROW = {"preset": "tiny", "max_samples": 48, "last_epochs": 2, "validations": 3, "patience": 0}


def command(recipe, data, work, *options):
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "logllm"]
    return [*start, "reproduce", str(recipe), "--data", str(data), "--work", str(work), "--quiet", *options]


def start(words):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def end(words):
    process = start(words)
    out, said = process.communicate(timeout=280)
    assert process.returncode == 0, said[-3000:]
    return out


def killed(words, work, moment):
    """Start, wait until files of a training change, and a while longer; then SIGKILL the launcher and its workers."""
    before = {file: file.stat().st_mtime_ns for file in work.glob("runs/*/*/*")}
    process = start(words)
    for _ in range(1200):
        new = [file for file in work.glob("runs/*/*/*") if before.get(file) != file.stat().st_mtime_ns]
        if new or process.poll() is not None:
            break
        time.sleep(0.1)
    time.sleep(moment)
    if process.poll() is not None:
        assert process.returncode == 0, process.stderr.read()[-3000:]
        return
    launcher = psutil.Process(process.pid)
    for one in [*launcher.children(recursive=True), launcher]:  # torchrun's workers are sessions of their own
        one.kill()
    process.communicate()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_rows_and_two_seeds_killed_twice_end_as_unbroken(tmp_path):
    simulate("hdfs", 4000, 5, tmp_path, anomaly_share=0.1)
    recipe = {
        "name": "killed",
        "title": "HDFS, simulated",
        "data": {"system": "hdfs", "raw": "hdfs.log", "labels": "anomaly_label.csv", "validation_share": 0.2},
        "seeds": [0, 1],
        "rows": {"masked": ROW, "published": {**ROW, "hold_out": False, "weight_decay": 0.01, "clipping": 0}},
    }
    file = tmp_path / "killed.yaml"
    file.write_text(yaml.safe_dump(recipe))
    draw = random.Random()
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    end(command(file, tmp_path, whole))
    for attempt in range(2):
        killed(command(file, tmp_path, broken, *(["--resume"] if attempt else [])), broken, draw.uniform(0, 8))
    said = end(command(file, tmp_path, broken, "--resume"))
    assert "| masked |" in said and "decision by the answer" in said

    def figures(work):
        runs = json.loads((work / "killed.json").read_text())["runs"]
        return {(run["row"], run["seed"]): {k: v for k, v in run["metrics"].items() if k != "seconds"} for run in runs}

    assert len(figures(whole)) == 4 and figures(broken) == figures(whole)
    for folder in sorted(whole.glob("runs/*/*")):
        beside = broken / folder.relative_to(whole)
        assert (folder / "scores.parquet").read_bytes() == (beside / "scores.parquet").read_bytes()
        assert (folder / "model.safetensors").read_bytes() == (beside / "model.safetensors").read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_accelerate_launches_it_as_torchrun_does(tmp_path):
    simulate("hdfs", 4000, 5, tmp_path, anomaly_share=0.1)
    data = {"system": "hdfs", "raw": "hdfs.log", "labels": "anomaly_label.csv", "validation_share": 0.2}
    row = {"preset": "tiny", "max_samples": 32, "last_epochs": 1, "patience": 0}
    file = tmp_path / "launched.yaml"
    recipe = {"name": "launched", "title": "HDFS, simulated", "data": data, "seeds": [0], "rows": {"masked": row}}
    file.write_text(yaml.safe_dump(recipe))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # `--multi_gpu` is what starts several processes of one machine; the environment keeps them on the processor.
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1",
              "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", str(port), "-m", "logllm"]  # fmt: skip
    runs = {}
    for name in ("accelerate", "torchrun"):
        words = command(file, tmp_path, tmp_path / name)
        end([sys.executable, *launch, *words[words.index("reproduce") :]] if name == "accelerate" else words)
        [runs[name]] = json.loads((tmp_path / name / "launched.json").read_text())["runs"]
        runs[name]["metrics"].pop("seconds")
    assert runs["accelerate"]["made"]["processes"] == 2
    assert runs["accelerate"]["metrics"] == runs["torchrun"]["metrics"]
