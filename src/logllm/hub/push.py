"""Checkpoints, the Space and the metric to the Hub, each whole.

A checkpoint's folder is uploaded as it is (weights or adapter, processor, pipeline, code, threshold and card together),
after a look at whether it would load by its repository id in a process without this package. `model.push_to_hub` alone
would leave the processor behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

from logllm.errors import CheckpointError, LogllmError
from logllm.hf_datasets.push import cut_sentence, is_cut

FAMILIES = ("logllm", "logllama")
# Not for strangers: work files of training, and what editors and interpreters leave behind.
LEFT_OUT = [".stages/*", "stages/*", "__pycache__/*", "*.pyc", ".git/*", "*.pt", "*.bin", "*.pkl"]


def push_model(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    message: str = "Upload model, processor, pipeline and code",
    token: str | None = None,
) -> str:
    """Upload a checkpoint folder to the model repository `repo_id`; returns the repository's address.

    Raises:
        CheckpointError: the folder is no checkpoint, or a part of it is missing.
        LogllmError: the Hub refuses; how to log in is said.
    """
    folder = Path(folder)
    check_publishable(folder)
    api = HfApi(token=token)
    with _refusals(repo_id):
        url = api.create_repo(repo_id, private=private, exist_ok=True)
        api.upload_folder(repo_id=url.repo_id, folder_path=folder, ignore_patterns=LEFT_OUT, commit_message=message)
    return str(url)


def make_repository(repo_id: str, *, private: bool = False, token: str | None = None) -> None:
    """Make a model repository, or see that it is there and open to this user.

    Raises:
        LogllmError: the Hub refuses; how to log in is said.
    """
    with _refusals(repo_id):
        HfApi(token=token).create_repo(repo_id, private=private, exist_ok=True)


def push_space(
    repo_id: str, *, folder: str | Path | None = None, private: bool = False, token: str | None = None
) -> str:
    """Put the Space together and upload it to the Space repository `repo_id`; returns its address.

    Raises:
        LogllmError: a part of the Space is missing, or the Hub refuses; how to log in is said.
    """
    from tempfile import TemporaryDirectory

    from logllm.hub.space import assemble

    api = HfApi(token=token)
    with TemporaryDirectory() as made:
        whole = Path(made) / "space"
        assemble(whole, None if folder is None else Path(folder))
        with _refusals(repo_id):
            url = api.create_repo(repo_id, repo_type="space", space_sdk="gradio", private=private, exist_ok=True)
            api.upload_folder(
                repo_id=url.repo_id,
                repo_type="space",
                folder_path=whole,
                delete_patterns="*",  # what an earlier version had and this one has not
                commit_message="Upload the Space",
            )
    return str(url)


def push_metric(
    repo_id: str, *, folder: str | Path | None = None, private: bool = False, token: str | None = None
) -> str:
    """Upload the metric as a module for `evaluate.load(repo_id)`, which needs numpy and this one repository; returns its address.

    Args:
        repo_id: OWNER/NAME of the Space; `evaluate` looks for NAME.py in it.
        folder: the module, in place of the checkout's benchmarks/metrics/log_anomaly.
        private: make a private repository.
        token: of the Hub.

    Raises:
        LogllmError: the module is not there, or the Hub refuses.
    """
    from tempfile import TemporaryDirectory

    api = HfApi(token=token)
    with TemporaryDirectory() as made:
        assemble_metric(Path(made), repo_id.rpartition("/")[2], None if folder is None else Path(folder))
        with _refusals(repo_id):
            url = api.create_repo(repo_id, repo_type="space", space_sdk="static", private=private, exist_ok=True)
            api.upload_folder(
                repo_id=url.repo_id, repo_type="space", folder_path=made, commit_message="Upload the metric"
            )
    return str(url)


def assemble_metric(out: Path, name: str, folder: Path | None = None) -> None:
    """Write the metric's module as NAME.py and what it imports into a folder that needs nothing of this package."""
    import logllm.trainers.metrics as detection

    source = folder or Path(__file__).resolve().parents[3] / "benchmarks" / "metrics" / "log_anomaly"
    if not (source / "log_anomaly.py").is_file():
        raise LogllmError(
            f"the metric must be in a checkout of logllm, found no log_anomaly.py in {source}: give its folder with --folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    main = (source / "log_anomaly.py").read_text("utf-8")
    # `evaluate` copies what this file imports, not what those files import.
    needed = "from .detection import detection_metrics\nfrom .measures import"
    (out / f"{name}.py").write_text(main.replace("from .measures import", needed), "utf-8")
    measures = (source / "measures.py").read_text("utf-8")
    (out / "measures.py").write_text(measures.replace("logllm.trainers.metrics", ".detection"), "utf-8")
    (out / "detection.py").write_text(Path(detection.__file__).read_text("utf-8"), "utf-8")
    card = (source / "README.md").read_text("utf-8")
    (out / "README.md").write_text(card.replace("benchmarks/metrics/log_anomaly", f"OWNER/{name}"), "utf-8")


@contextmanager
def _refusals(repo_id: str) -> Iterator[None]:
    """Say how to log in where the Hub refuses an upload, and that nothing is lost where the network is cut."""
    try:
        yield
    except (HfHubHTTPError, LocalTokenNotFoundError) as error:
        raise LogllmError(
            f"the Hub must accept an upload to {repo_id}, found a refusal ({str(error).splitlines()[0][:200]}): log in "
            "with `hf auth login`, and give a repository OWNER/NAME that is yours"
        ) from error
    except Exception as error:
        if not is_cut(error):
            raise
        raise LogllmError(cut_sentence(repo_id, error)) from error


def check_publishable(folder: Path) -> None:
    """Refuse a folder that would not load by its repository id."""
    file = folder / "config.json"
    if not file.is_file():
        raise CheckpointError(f"a checkpoint folder must hold config.json, found none in {folder}: train one first")
    config = json.loads(file.read_text("utf-8"))
    if config.get("model_type") not in FAMILIES:
        raise CheckpointError(
            f"the checkpoint must be of type {' or '.join(FAMILIES)}, found {config.get('model_type')!r} in {folder}"
        )
    adapter = config.get("adapter_subfolder")
    weights = [f"{adapter}/adapter_model.safetensors", f"{adapter}/adapter_config.json"] if adapter else []
    if not adapter and not any(folder.glob("model*.safetensors")):
        weights = ["model.safetensors"]
    code = {name.split(".")[0] + ".py" for name in (config.get("auto_map") or {}).values()}
    code |= {row["impl"].split(".")[0] + ".py" for row in (config.get("custom_pipelines") or {}).values()}
    wanted = [*weights, "processor_config.json", *sorted(code)]
    missing = [name for name in wanted if not (folder / name).is_file()]
    if missing or not code:
        raise CheckpointError(
            f"a checkpoint to publish must hold weights, processor and code, found {', '.join(missing) or 'auto_map'} "
            f"missing in {folder}: save it with LogAnomalyDetector.save_pretrained, or train it anew"
        )
    for name in ("base_encoder", "base_decoder") if adapter else ():
        base = config.get(name) or ""
        if Path(base).is_absolute() or base.startswith(".") or base.count("/") != 1:
            raise CheckpointError(
                f"a published adapter must name its base by a repository id OWNER/NAME, found {name} {base!r}: set it in "
                "config.json, or merge() the adapter first"
            )
