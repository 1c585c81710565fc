"""Files that are no longer what was written are refused in a sentence, and none is loaded as if nothing had happened."""

import json
import random
import shutil

import pytest
import torch
from fitted import fitted_folder
from fuzz.corrupt_files import KINDS, damaged
from torch import nn

from logllm.checkpoint import CHECKSUMS, write_checksums
from logllm.detector import LogAnomalyDetector
from logllm.errors import CheckpointError, LogllmError
from logllm.hf_datasets import LogInputError, LogSystem, build, load_statistics, load_templates, load_windows
from logllm.trainers.stage_checkpoint import is_whole, load_trainable, save_trainable, seal
from logllm.watch.state import StateFile


def damage(file, kind, seed, keep_end=False):
    data = file.read_bytes()
    file.write_bytes(damaged(data, kind, random.Random(seed), keep_end))
    return file.read_bytes() != data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "config.json", "processor_config.json", "tokenizer.json", "calibration.json", CHECKSUMS],
)
def test_a_damaged_checkpoint(name, kind, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(fitted_folder() / "model", folder)
    assert damage(folder / name, kind, f"{name} {kind}")
    with pytest.raises(CheckpointError, match=r"must be whole, as it was saved, found .* copy the folder again"):
        LogAnomalyDetector.from_pretrained(folder)


def test_another_vocabulary_of_the_encoder(tiny_checkpoints, tmp_path):
    shutil.copytree(tiny_checkpoints / "logllm", tmp_path / "model")
    file = tmp_path / "model" / "encoder_tokenizer" / "tokenizer.json"
    words = json.loads(file.read_text("utf-8"))
    words["model"]["vocab"] = dict(zip(words["model"]["vocab"], reversed(words["model"]["vocab"].values())))
    file.write_text(json.dumps(words), "utf-8")
    with pytest.raises(CheckpointError, match=r"'encoder_tokenizer/tokenizer\.json' changed"):
        LogAnomalyDetector.from_pretrained(tmp_path / "model")


def test_a_checkpoint_as_it_was_saved_and_one_without_checksums_load(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(fitted_folder() / "model", folder)
    threshold = LogAnomalyDetector.from_pretrained(folder).threshold
    (folder / "training.json").write_text("{}")  # no score depends on it
    assert LogAnomalyDetector.from_pretrained(folder).threshold == threshold
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "threshold": 1.5}))
    with pytest.raises(CheckpointError, match=r"'config\.json' changed .* delete checksums\.json"):
        LogAnomalyDetector.from_pretrained(folder)
    (folder / CHECKSUMS).unlink()
    assert LogAnomalyDetector.from_pretrained(folder).threshold == 1.5
    write_checksums(folder)
    (folder / CHECKSUMS).write_text(json.dumps({"../../etc/passwd": "0" * 64}))
    with pytest.raises(CheckpointError, match="changed"):
        LogAnomalyDetector.from_pretrained(folder)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "my.log").write_text("".join(f"event {number % 7} of kind {number}\n" for number in range(2000)))
    build(LogSystem("mine", "Mine"), folder / "my.log", folder / "out", progress=False)
    return folder / "out"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["train-00000-of-00001.parquet", "templates.json", "templates.parquet", "statistics.json", CHECKSUMS]
)
def test_a_damaged_dataset(dataset, name, kind, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(dataset, out)
    assert damage(out / "mine" / name, kind, f"{name} {kind}")
    with pytest.raises(LogInputError, match=r"must be as it was built, found .* build it anew"):
        load_windows(out, "mine")
    for read, own in ((load_statistics, "statistics.json"), (load_templates, "templates.json")):
        if name == own:
            with pytest.raises(LogInputError, match="must be as it was built"):
                read(out, "mine")


def test_a_dataset_of_an_earlier_version_has_its_windows_checked(dataset, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(dataset, out)
    (out / "mine" / CHECKSUMS).unlink()
    assert load_windows(out, "mine")["train"].num_rows
    damage(out / "mine" / "test-00000-of-00001.parquet", "bit", 1)
    with pytest.raises(LogInputError, match=r"test-00000-of-00001\.parquet changed"):
        load_windows(out, "mine")


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["bit", "bytes", "block of zeros", "garbage behind", "swap", "empty"])
def test_a_damaged_state(kind, seed, tmp_path):
    path = tmp_path / "state"
    state = StateFile(path, "m")
    state.snapshot({"number": 1})
    for number in range(50):
        state.step({"n": number, "lines": ["x" * 40]})
    state.close()
    assert damage(path, kind, seed, keep_end=True)
    with pytest.raises(LogllmError, match=r"a state file must be .* move it away"):
        list(StateFile(path, "m").load()[1])


def test_a_state_of_version_1_is_read(tmp_path):
    (tmp_path / "state").write_text('{"version":1,"lineage":"m","number":3}\n{"n":1}\n{"n":2}\n{"torn')
    snapshot, steps = StateFile(tmp_path / "state", "m").load()
    assert snapshot["number"] == 3 and [step["n"] for step in steps] == [1, 2]


def test_a_flipped_bit_in_the_weights_of_a_stage(tmp_path):
    net = nn.Linear(30, 40)
    place = tmp_path / "checkpoint-1"
    save_trainable(net, place / "trainable.safetensors")
    seal(place)
    assert is_whole(place)
    data = bytearray((place / "trainable.safetensors").read_bytes())
    data[-100] ^= 4
    (place / "trainable.safetensors").write_bytes(data)
    assert not is_whole(place)
    before = net.weight.clone()
    with pytest.raises(ValueError, match="must be whole, found them unreadable"):
        load_trainable(net, place / "trainable.safetensors")
    assert torch.equal(net.weight, before)
