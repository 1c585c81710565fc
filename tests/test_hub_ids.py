"""Repository ids in place of folders: every command, every argument of `from_pretrained`, and what is said when it fails."""

import json
from pathlib import Path

import fresh_process
import pytest
from loopback_hub import LoopbackHub

TESTS = Path(__file__).resolve().parent

PUBLISH = """
import json, sys
from pathlib import Path
folder, tests = Path(sys.argv[1]), sys.argv[2]
sys.path.insert(0, tests)
from huggingface_hub import HfApi
from tiny_logllm import WINDOWS, build
from logllm.hf_datasets import get_system, push_dataset
from logllm.hf_datasets.simulation.simulate import simulate
from logllm.hub.push import push_model
from logllm.modeling_logllm import add_pipeline
from logllm.training.building import build_dataset

model, taken = build(log_system=get_system("hdfs").to_dict())
for name in (".", "inner/model"):
    model.save_pretrained(folder / "model" / name); taken.save_pretrained(folder / "model" / name)
push_model(folder / "model", "me/model")
(folder / "model" / "processor_config.json").unlink()
api = HfApi()
old = api.model_info("me/model").sha
api.delete_file("processor_config.json", "me/model")
for name in ("me/private", "me/secret"):
    push_model(folder / "model" / "inner" / "model", name)
simulate("hdfs", 4000, 5, folder, anomaly_share=0.2)
build_dataset("hdfs", [folder / "hdfs.log"], folder / "built", labels=folder / "anomaly_label.csv", validation_share=0.2, progress=False)
push_dataset(folder / "built", "me/logs")
api.create_repo("me/plain", repo_type="dataset")
api.upload_file(path_or_fileobj=b"text\\nhello\\n", path_in_repo="data.csv", repo_id="me/plain", repo_type="dataset")
print(json.dumps({"old": old, "scores": model.score(WINDOWS, taken), "windows": WINDOWS}))
"""

USE = """
import json, os, sys
import pytest, torch
from typer.testing import CliRunner
from logllm import LogAnomalyDetector
from logllm.cli.app import app
from logllm.errors import LogllmError

told, folder = json.loads(sys.argv[1]), sys.argv[2]
result, said = {}, {}
load = LogAnomalyDetector.from_pretrained

def scores(*args, **kwargs):
    detector = load(*args, **kwargs)
    return [detector.scores(told["windows"]), str(detector.model.model.decoder.dtype), str(detector.model.device)]

result["revision"] = scores("me/model", revision=told["old"])
result["at"] = scores("me/model@" + told["old"])
result["subfolder"] = scores("me/model", subfolder="inner/model")
result["dtype"] = scores("me/private", dtype="bfloat16", token="hf_loopback")
result["device"] = scores("me/private", device="cpu")
result["device_map"] = scores("me/private", device_map="cpu")

def refused(name, call):
    try:
        call()
        said[name] = None
    except LogllmError as error:
        said[name] = str(error)

refused("no such repository", lambda: load("me/nothing"))
refused("no such revision", lambda: load("me/model", revision="v9"))
refused("a revision that lacks a file", lambda: load("me/model"))
refused("no such subfolder", lambda: load("me/model", subfolder="elsewhere"))
refused("outside", lambda: load("me/model", subfolder="../../.."))
refused("no such device", lambda: load("me/private", device="cuda:7"))
refused("no such dtype", lambda: load("me/private", dtype="float99"))
refused("private without a token", lambda: load("me/secret", token=False))

def run(*arguments):
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    text = str(done.exception) if done.exception is not None and not isinstance(done.exception, SystemExit) else done.output
    return done.exit_code, text

result["evaluate"] = run("evaluate", "--model", "me/private", "--dataset", "me/logs", "--config", "hdfs", "--json")
result["scan"] = run("scan", folder + "/hdfs.log", "--model", "me/private", "--json", "--top", "1")
result["train"] = run("train", "logllama", "--dataset", "me/logs", "--config", "hdfs", "--out", folder + "/out", "--no-reinforce",
                      "--push-to-hub", "me/trained", "--report-to", "none", "-q")
said["not built by logllm"] = run("train", "logllama", "--dataset", "me/plain", "--config", "x", "--out", folder + "/x")[1]
said["no such dataset"] = run("train", "logllama", "--dataset", "me/none", "--config", "x", "--out", folder + "/x")[1]
said["no such configuration"] = run("train", "logllama", "--dataset", "me/logs", "--config", "bgl", "--out", folder + "/x")[1]
said["update of a repository"] = run("update", folder + "/hdfs.log", "--model", "me/private")[1]
print(json.dumps({"result": result, "said": said}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ids")

    def run(hub, code, *arguments):
        done = fresh_process.run(code, *arguments, env=hub.environment(folder / "home"), cwd=folder)
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1])

    with LoopbackHub(private={"me/private", "me/secret"}) as hub:
        published = run(hub, PUBLISH, str(folder), str(TESTS))
        found = run(hub, USE, json.dumps(published), str(folder))
        trained = hub.files("models", "me/trained")
    return {**found, "scores": published["scores"], "trained": trained}


def test_every_argument_of_from_pretrained_reaches_a_repository(told):
    for name in ("revision", "at", "subfolder", "device", "device_map"):
        assert told["result"][name][0] == pytest.approx(told["scores"], abs=1e-5), name
    scores, dtype, _ = told["result"]["dtype"]
    assert dtype == "torch.bfloat16" and scores == pytest.approx(told["scores"], abs=0.1)


def test_commands_take_repository_ids(told):
    code, text = told["result"]["evaluate"]
    figures, _ = json.JSONDecoder().raw_decode(text, text.index('{"'))  # among progress bars
    assert code == 0 and figures["windows"] > 0, text
    assert told["result"]["scan"][0] == 0, told["result"]["scan"][1]
    code, text = told["result"]["train"]
    assert code == 0 and "me/trained" in text, text
    files = told["trained"]
    assert {"model.safetensors", "processor_config.json", "pipeline_log_anomaly.py", "README.md"} <= set(files)
    card = files["README.md"].decode()
    assert "datasets:\n- me/logs" in card and ".eval_results/hdfs.yaml" in files
    assert b"me/logs" in files[".eval_results/hdfs.yaml"] and b"revision:" in files[".eval_results/hdfs.yaml"]


SENTENCES = {
    "no such repository": "neither folder nor model repository me/nothing: check the spelling; if it is private, log in",
    "private without a token": "neither folder nor model repository me/secret: check the spelling; if it is private, log in",
    "no such revision": "the revision must be a branch, tag or commit of me/model, found no 'v9' there",
    "a revision that lacks a file": "processor",
    "no such subfolder": "the subfolder must be a folder of me/model, found no 'elsewhere' there",
    "outside": "the subfolder must be a folder of me/model",
    "no such device": "device must be one that this machine has",
    "no such dtype": "dtype must be 'auto' or the name of a torch dtype, found 'float99'",
    "not built by logllm": "the dataset must be one that `logllm build` wrote",
    "no such dataset": "neither folder nor dataset repository me/none",
    "no such configuration": "must hold the configuration 'bgl'",
    "update of a repository": "a checkpoint to update must be a folder of this machine, found the repository id me/private",
}


@pytest.mark.parametrize("name", SENTENCES)
def test_what_fails_is_said_in_a_sentence(told, name):
    assert told["said"][name] is not None and SENTENCES[name] in told["said"][name], told["said"][name]
    assert "Traceback" not in told["said"][name] and len(told["said"][name].splitlines()) <= 2
