"""Checkpoints of a stage: whole or not there."""

import json

import pytest
import torch
from torch import nn

from logllm.trainers.stage_checkpoint import is_no_room, is_whole, last_sealed, load_trainable, save_trainable, seal


def model():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    net[0].requires_grad_(False)
    return net


def test_only_what_trains_is_saved_and_comes_back(tmp_path):
    net, file = model(), tmp_path / "trainable.safetensors"
    save_trainable(net, file)
    other = model()
    with torch.no_grad():
        other[0].weight.zero_()
        other[1].weight.zero_()
    load_trainable(other, file)
    assert torch.equal(other[1].weight, net[1].weight) and not other[0].weight.any()
    assert not list(tmp_path.glob("*.part"))


def test_another_models_weights_and_half_a_file_are_refused(tmp_path):
    file = tmp_path / "trainable.safetensors"
    save_trainable(model(), file)
    with pytest.raises(ValueError, match="must fit the model, found 1 tensors that do not"):
        load_trainable(nn.ModuleDict({"1": nn.Linear(4, 2, bias=False)}), file)
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(ValueError, match="must be whole, found them unreadable"):
        load_trainable(model(), file)


def checkpoint(folder, step, sealed=True):
    place = folder / f"checkpoint-{step}"
    save_trainable(model(), place / "trainable.safetensors")
    (place / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    if sealed:
        seal(place)
    return place


def test_the_latest_whole_checkpoint_is_taken(tmp_path):
    assert last_sealed(tmp_path) is None
    first, second, third = checkpoint(tmp_path, 9), checkpoint(tmp_path, 10), checkpoint(tmp_path, 11, sealed=False)
    assert is_whole(second) and not is_whole(third)
    assert last_sealed(tmp_path) == second  # the last one was being written
    weights = second / "trainable.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])  # cut short
    assert last_sealed(tmp_path, remove=True) == first
    assert not second.exists() and not third.exists()
    (first / "seal.json").write_text("[")
    assert last_sealed(tmp_path) is None


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        RuntimeError("PytorchStreamWriter failed writing file: No space left on device"),
        OSError("I/O error: File too large (os error 27)"),
    ],
)
def test_a_full_disk_is_known_by_what_the_libraries_say(error):
    assert is_no_room(error) and not is_no_room(RuntimeError("shape mismatch"))
