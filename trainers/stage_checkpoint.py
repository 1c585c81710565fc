"""Checkpoints of a stage: what the stage may change and nothing else, sealed so that half a checkpoint is never taken.

Notes:
- The weights are one safetensors file with the trainable tensors; the rest of the model is what the stage began with.
- A seal, written last, lists every file with its size and SHA-256. `last_sealed` passes over a checkpoint without a seal
  (the process was killed while it wrote) or with a file that is another (cut short, a flipped bit), and takes the one before.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

WEIGHTS = "trainable.safetensors"
SEAL = "seal.json"
# What an operating system calls a disk on which no more can be written: full, over quota, file too large.
NO_ROOM = ("No space left", "os error 28", "quota exceeded", "os error 122", "File too large", "os error 27")


def trainable(model: nn.Module, state: dict[str, Any] | None = None) -> dict[str, torch.Tensor]:
    """The tensors that train now, by name; taken from `state` where the model itself is sharded."""
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    source = state if state is not None else dict(model.named_parameters())
    return {name: source[name].detach().contiguous().cpu() for name in names}


def save_trainable(model: nn.Module, file: Path, state: dict[str, Any] | None = None) -> None:
    """Write the tensors that train now, through a file beside it, so that `file` is whole or as it was."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".part")
    tensors = trainable(model, state)
    save_file(tensors, str(beside), metadata={"format": "pt", "sha256": _digest_of(tensors)})
    os.replace(beside, file)


def _digest_of(tensors: dict[str, torch.Tensor]) -> str:
    """SHA-256 over names and bytes: safetensors has no checksum of its own."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(name.encode())
        found.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())
    return found.hexdigest()


def load_trainable(model: nn.Module, file: Path) -> None:
    """Read tensors back into the parameters of the same names.

    Raises:
        ValueError: the file is cut short, or holds tensors that the model has not, or has in another shape.
    """
    try:
        tensors = load_file(str(file))
        with safe_open(str(file), "pt") as opened:
            known = (opened.metadata() or {}).get("sha256")
        if known is not None and known != _digest_of(tensors):
            raise OSError("a digest that is not theirs")
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"the weights {file.name} of the work folder must be whole, found them unreadable ({error}): delete "
            f"{file.parent} and resume once more, or start again without --resume"
        ) from error
    own = dict(model.named_parameters())
    odd = [name for name, tensor in tensors.items() if name not in own or own[name].shape != tensor.shape]
    if odd:
        raise ValueError(
            f"the weights {file.name} must fit the model, found {len(odd)} tensors that do not, such as {odd[0]}: the run "
            "was of another model; start again without --resume"
        )
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].copy_(tensor)


def seal(folder: Path) -> None:
    """Declare a checkpoint complete: list its files with their sizes and digests."""
    sizes = {file.name: [file.stat().st_size, _digest(file)] for file in sorted(folder.iterdir()) if file.is_file()}
    sizes.pop(SEAL, None)
    write_json(folder / SEAL, sizes)


def write_json(file: Path, values: Any) -> None:
    """Write JSON through a file beside it, so that `file` is whole or as it was."""
    beside = file.with_name(f"{file.name}.part")
    beside.write_text(json.dumps(values) + "\n", "utf-8")
    os.replace(beside, file)


def is_whole(folder: Path) -> bool:
    """Whether a checkpoint has its seal and every file that the seal names, as it was."""
    try:
        sizes = json.loads((folder / SEAL).read_text("utf-8"))
        return all(
            (folder / name).stat().st_size == size and _digest(folder / name) == known
            for name, (size, known) in sizes.items()
        )
    except (OSError, ValueError, AttributeError, TypeError):
        return False


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def last_sealed(folder: Path, remove: bool = False) -> Path | None:
    """The latest whole checkpoint of a stage, or None; `remove` deletes those behind it that are not whole."""
    steps = {}
    for place in folder.glob("checkpoint-*"):
        number = place.name.removeprefix("checkpoint-")
        if place.is_dir() and number.isdigit():
            steps[int(number)] = place
    for _, place in sorted(steps.items(), reverse=True):
        if is_whole(place):
            return place
        if remove:
            shutil.rmtree(place, ignore_errors=True)
    return None


def is_no_room(error: BaseException) -> bool:
    """Whether an error of any of the libraries that write says that the disk takes no more."""
    return any(sign in str(error) for sign in NO_ROOM)
