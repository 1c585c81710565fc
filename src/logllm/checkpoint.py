"""Is a checkpoint folder what was saved? `checksums.json` beside the weights holds the SHA-256 of what a verdict stands on.

Safetensors and JSON have no checksum of their own, so a flipped bit in a weight, a threshold or a
template would be loaded as if nothing had happened. Code, card and records of training are left out: they change, and no
score depends on them. A folder without the file (of an earlier version, or from elsewhere) is loaded unchecked.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoProcessor

from logllm.errors import CheckpointError, LogllmError
from logllm.hf_datasets.systems.patterns import compiled
from logllm.hub.download import local_folder

CHECKSUMS = "checksums.json"
COUNTED = (".json", ".safetensors", ".txt", ".model")
RECORDS = {CHECKSUMS, "training.json", "metrics.json", "curves.json", "card.json"}
MOST_BYTES = 1 << 20  # of the file itself


def digest(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """The digests of the files that a verdict of this checkpoint stands on, by their name in the folder."""
    # Folders one level down: the adapter, the tokenizer of the encoder.
    files = sorted(file for file in (*folder.glob("*"), *folder.glob("[!.]*/*")) if file.is_file())
    return {
        file.relative_to(folder).as_posix(): digest(file)
        for file in files
        if file.suffix in COUNTED and file.name not in RECORDS
    }


def write_checksums(folder: str | Path) -> None:
    """Write the digests of a checkpoint's data files, those of its adapter folder too; nothing may be saved after it."""
    folder = Path(folder)
    fresh = folder / f"{CHECKSUMS}.part"
    fresh.write_text(json.dumps(digests(folder), indent=1) + "\n", "utf-8")
    os.replace(fresh, folder / CHECKSUMS)


@contextmanager
def taking_its_place(folder: Path) -> Iterator[Path]:
    """A folder to save a checkpoint into; when it is whole, its files take the place of those in `folder`, by renaming.

    Raises:
        LogllmError: the disk is full; `folder` is as it was.
    """
    ours = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(".saving-*"):  # of a process that was killed
        shutil.rmtree(stale, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder))
    try:
        yield fresh
        write_checksums(fresh)
        files = [file.relative_to(fresh) for file in sorted(fresh.rglob("*")) if file.is_file()]
        mode = 0o666 & ~current_umask()
        for name in sorted(files, key=lambda name: name.name == CHECKSUMS):  # last: until then a mixture would be told
            (folder / name).parent.mkdir(exist_ok=True)
            # safetensors writes files that only their owner can read; who runs the watcher is often somebody else.
            (fresh / name).chmod(mode)
            os.replace(fresh / name, folder / name)
        for old in (*folder.glob("*.safetensors"), *folder.glob("*.safetensors.index.json")):
            if old.relative_to(folder) not in files:  # weights of a former save in other pieces
                old.unlink()
    except Exception as error:
        from logllm.trainers.stage_checkpoint import is_no_room

        if not is_no_room(error):
            raise
        raise LogllmError(
            f"the disk must have space for a checkpoint, found none at {folder}: nothing was changed there; free some and run "
            "the command again"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if ours and not any(folder.iterdir()):
            folder.rmdir()


def current_umask() -> int:
    """The umask of this process."""
    held = os.umask(0o022)
    os.umask(held)
    return held


def check_readable(folder: Path) -> None:
    """See that this user may read a checkpoint.

    Raises:
        CheckpointError: a file or the folder lets this user not in.
    """
    try:
        files = [folder, *(file for file in (*folder.glob("*"), *folder.glob("[!.]*/*")) if file.suffix in COUNTED)]
        wanted = {file: os.R_OK | (os.X_OK if file.is_dir() else 0) for file in files}
    except PermissionError:
        files, wanted = [folder], {folder: os.R_OK | os.X_OK}
    closed = [file for file in files if not os.access(file, wanted[file])]
    if closed:
        name = closed[0].name if closed[0] != folder else "the folder itself"
        raise CheckpointError(
            f"a checkpoint must be readable for the user that runs this (uid {os.getuid()}), found no permission for {name} in "
            f"{folder}: give it with `chmod -R a+rX {folder}`, or change its owner"
        )


def check_checksums(folder: Path) -> None:
    """See that every listed file is as it was saved.

    Raises:
        CheckpointError: one is missing or another, or the list itself cannot be read.
    """
    file = folder / CHECKSUMS
    if not file.is_file():
        return
    try:
        listed = json.loads(file.read_bytes()[:MOST_BYTES])
        changed = [
            name for name, known in listed.items() if _inside(folder, name) is None or digest(folder / name) != known
        ]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise CheckpointError(
            f"a checkpoint must be whole, as it was saved, found {CHECKSUMS} or a file that it names unreadable in {folder} "
            f"({type(error).__name__}): copy the folder again or train anew"
        ) from error
    if changed:
        raise CheckpointError(
            f"a checkpoint must be whole, as it was saved, found {', '.join(map(repr, changed[:3]))} changed in {folder}: copy the folder "
            f"again or train anew; if you changed it on purpose, delete {CHECKSUMS}"
        )


def _inside(folder: Path, name: str) -> Path | None:
    found = (folder / name).resolve()
    return found if found.is_relative_to(folder.resolve()) or (folder / name).is_symlink() else None


FAMILIES = ("logllm", "logllama")


def load_checkpoint(
    path: str | Path,
    family: str | None = None,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    subfolder: str = "",
    device: str | torch.device | None = None,
    **loading: Any,
) -> tuple[Any, Any]:
    """Load model and processor from a folder or a Hub repository id.

    Args:
        path: folder, OWNER/NAME or OWNER/NAME@REVISION.
        family: "logllm" or "logllama", where only one will do.
        revision: branch, tag or commit of a repository.
        token: of the Hub.
        subfolder: folder inside it.
        device: where to put the model; leave it out where `device_map` places it.
        loading: `dtype`, `device_map`, `quantization_config`, `attn_implementation` and so on, as `from_pretrained` of
            transformers takes them.

    Raises:
        CheckpointError: it is not there, not whole, of another kind, or cannot be loaded as asked.
    """
    folder = local_folder(path, revision=revision, token=token, subfolder=subfolder)
    check_readable(folder)
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"a checkpoint folder must hold config.json, found none in {path}: give the folder that `logllm train` wrote"
        )
    if not (folder / "processor_config.json").is_file():
        raise CheckpointError(
            f"a checkpoint must hold its processor, found no processor_config.json in {path}: give the folder that `logllm "
            "train` wrote, or another revision"
        )
    check_checksums(folder)
    # Registers both families with the Auto classes.
    from logllm.modeling_logllm.checkpoint_logllm import check_loading_arguments

    loading = {name: value for name, value in loading.items() if value is not None}
    try:
        check_loading_arguments(loading)
        config = AutoConfig.from_pretrained(folder)
        if config.model_type not in FAMILIES or (family is not None and config.model_type != family):
            wanted = family or " or ".join(FAMILIES)
            raise CheckpointError(f"the checkpoint must be of type {wanted}, found {config.model_type!r} in {path}")
        check_loading_arguments({"quantization_config": getattr(config, "quantization_config", None)})
    except CheckpointError:
        raise
    except (ImportError, ValueError) as error:
        raise CheckpointError(f"{error} (in {path})") from error
    except Exception as error:
        raise _unreadable(path, error) from error
    try:
        processor = AutoProcessor.from_pretrained(folder)
        if hasattr(processor, "template_table"):
            processor.match_with(compiled)  # masks are data of whoever made the checkpoint; refuses an invalid table
        model, report = _load_model(folder, config, loading)
    except CheckpointError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from error
    if report.get("missing_keys"):
        missing = sorted(report["missing_keys"])
        raise CheckpointError(
            f"a checkpoint must hold every weight, found {len(missing)} missing in {path}, the first {missing[0]}: "
            "copy the folder again or train anew"
        )
    try:
        processor.check(model.config)
    except ValueError as error:
        raise CheckpointError(f"{error} (in {path})") from error
    if device is not None:
        try:
            model = model.to(device)
        except (RuntimeError, ValueError, AssertionError) as error:
            raise CheckpointError(
                f"device must be one that this machine has and that the model can be moved to, found {device!r} "
                f"({_sentence(error)}): use device='cpu', or device_map"
            ) from error
    return model.eval(), processor


def _load_model(folder: Path, config: Any, loading: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Load the weights; what an adapter's bases lack is said as it is."""
    arguments = {"output_loading_info": True, **loading}
    if not getattr(config, "adapter_subfolder", None):
        return AutoModel.from_pretrained(folder, **arguments)
    try:
        return AutoModel.from_pretrained(folder, **arguments)
    except (ImportError, OSError, ValueError) as error:
        raise CheckpointError(str(error)) from error


def _unreadable(path: str | Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"a checkpoint must be whole, found one in {path} that cannot be loaded ({_sentence(error)}): copy the folder again "
        "or train anew"
    )


def _sentence(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
