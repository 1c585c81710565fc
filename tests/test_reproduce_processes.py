"""`logllm reproduce` in two processes, as torchrun starts them: killed twice at random, it ends with the figures of an unbroken run."""

import json
import os
import random
import socket
import subprocess
import sys
import time

import fresh_process
import pytest
import yaml

from logllm.hf_datasets.simulation.simulate import simulate

# Dropout is drawn by each process for itself; without it the figures could be compared with those of one process too.
ROW = {"preset": "tiny", "max_samples": 48, "last_epochs": 2, "validations": 3, "patience": 0}


def start(recipe, data, work, *options):
    words = ["reproduce", recipe, "--data", data, "--work", work, "--quiet", *options]
    return fresh_process.ranks(2, fresh_process.LOGLLM, *words, env=fresh_process.ON_CPU)


def end(processes):
    ended = [one.result() for one in processes]
    assert not any(done.returncode for done in ended), ended
    return ended[0].stdout


def killed(work, moment, *words):
    """Start, wait until files of a training change, and a while longer; then SIGKILL both processes."""
    before = {file: file.stat().st_mtime_ns for file in work.glob("runs/*/*/*")}
    processes = start(*words)
    for _ in range(1200):
        new = [file for file in work.glob("runs/*/*/*") if before.get(file) != file.stat().st_mtime_ns]
        if new or processes[0].poll() is not None:
            break
        time.sleep(0.1)
    time.sleep(moment)
    if processes[0].poll() is not None:
        end(processes)
        return
    for one in processes:
        one.kill()
    for one in processes:
        one.result()


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
    end(start(file, tmp_path, whole))
    for attempt in range(2):
        killed(broken, draw.uniform(0, 8), file, tmp_path, broken, *(["--resume"] if attempt else []))
    said = end(start(file, tmp_path, broken, "--resume"))
    header, masked = (
        next(line for line in said.splitlines() if name in line) for name in ("F1 at log-odds 0 |", "| masked |")
    )
    place = [cell.strip() for cell in header.split("|")].index("F1 at log-odds 0")
    assert float(masked.split("|")[place].split("±")[0]) >= 0

    def figures(work):
        runs = json.loads((work / "killed.json").read_text())["runs"]
        return {(run["row"], run["seed"]): {k: v for k, v in run["metrics"].items() if k != "seconds"} for run in runs}

    assert len(figures(whole)) == 4
    for run, metrics in figures(whole).items():  # one after the other, so that a failure names what differs
        other = figures(broken)[run]
        assert {key: (metrics[key], other[key]) for key in metrics if metrics[key] != other[key]} == {}, run
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
    words = ["reproduce", str(file), "--data", str(tmp_path), "--work", str(tmp_path / "accelerate"), "--quiet"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **fresh_process.ON_CPU}
    subprocess.run([sys.executable, *launch, *words], env=environment, timeout=280, check=True)
    end(start(file, tmp_path, tmp_path / "torchrun"))
    runs = {}
    for name in ("accelerate", "torchrun"):
        [runs[name]] = json.loads((tmp_path / name / "launched.json").read_text())["runs"]
        runs[name]["metrics"].pop("seconds")
    assert runs["accelerate"]["made"]["processes"] == 2
    assert runs["accelerate"]["metrics"] == runs["torchrun"]["metrics"]
