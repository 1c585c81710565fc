"""Publish a built dataset folder as one Hub repository: every configuration, the templates, the statistics, the card.

The folder is uploaded as it is rather than through `push_to_hub`, because it is already what the Hub wants (Parquet files
and a README with `configs:`), and what was check-summed here is then byte for byte what is published.
A second upload of an unchanged folder sends no data: the client asks by hash first.
"""

from __future__ import annotations

from pathlib import Path

from .errors import LogInputError
from .storing import CROISSANT, TASKS, configurations


def push_dataset(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    message: str = "Upload windows",
    token: str | None = None,
) -> str:
    """Upload a folder that `build` wrote to the dataset repository `repo_id`; returns the repository's address.

    The repository is made if it is not there; files of configurations that the folder does not hold are left alone.
    Raises `LogInputError` where the folder holds no whole configuration or the network is cut, and `huggingface_hub`'s
    own errors where the Hub refuses.
    """
    from huggingface_hub import HfApi

    folder = Path(folder)
    names = configurations(folder) if folder.is_dir() else []
    if not names or not (folder / "README.md").exists():
        raise LogInputError(
            "The folder must hold a built dataset (README.md and a configuration), found "
            f"{', '.join(names) or 'none'} in {folder}: build it first (`logllm build SYSTEM --raw LOG"
            f" --out {folder}`)"
        )
    api = HfApi(token=token)
    try:
        url = api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=url.repo_id,
            repo_type="dataset",
            folder_path=folder,
            allow_patterns=["README.md", TASKS, CROISSANT, *(f"{name}/*" for name in names)],
            # Shards of an earlier, differently sharded build must not stay beside the new ones.
            delete_patterns=[f"{name}/*.parquet" for name in names],
            commit_message=message,
        )
    except Exception as error:
        if not is_cut(error):
            raise
        raise LogInputError(cut_sentence(repo_id, error)) from error
    return str(url)


def is_cut(error: BaseException) -> bool:
    """Whether an error is of the connection, by the names that httpx and its successors give theirs."""
    return any(one.__name__ in ("TransportError", "ConnectionError") for one in type(error).__mro__)


def cut_sentence(repo_id: str, error: BaseException) -> str:
    """What to say of a connection that broke during an upload: a commit is one step, so the Hub has all of it or none."""
    if type(error).__name__ == "OfflineModeIsEnabled":
        return f"the Hub must be reachable to publish {repo_id}, found HF_HUB_OFFLINE set: unset it and run the same command again"
    return (
        f"the connection to the Hub must hold during an upload to {repo_id}, found it broken ({type(error).__name__}): nothing "
        "was changed there; run the same command again, what has arrived is not sent twice"
    )
