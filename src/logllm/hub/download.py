"""A folder for what a command was given: the folder itself, or a copy of a Hub repository in the local cache.

Everything behind it (checksums, calibration, suppressions, templates, statistics) reads folders only, so a repository id
does wherever a folder does. `OWNER/NAME@REVISION` names a branch, a tag or a commit.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from logllm.errors import CheckpointError, LogllmError

REPOSITORY = re.compile(r"(?P<id>[\w-][\w.-]*/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
# Neither weights nor data: what training and editors leave behind.
LEFT_OUT = [".stages/*", "stages/*", "checkpoint-*/*", "last-checkpoint/*", "runs/*", "*.pt", "*.bin", "*.pkl"]
WHAT = {"model": "checkpoint", "dataset": "dataset"}
SET = {"model": "--model FOLDER", "dataset": "--dataset FOLDER"}


def repository_of(source: str | Path) -> tuple[str, str | None] | None:
    """Split OWNER/NAME or OWNER/NAME@REVISION; None where `source` is a folder or no repository id.

    >>> repository_of("me/logs@v1"), repository_of("out/a/b")
    (('me/logs', 'v1'), None)
    """
    if Path(source).exists():
        return None
    found = REPOSITORY.fullmatch(str(source))
    return (found["id"], found["revision"]) if found else None


def local_folder(
    source: str | Path,
    kind: Literal["model", "dataset"] = "model",
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    subfolder: str = "",
) -> Path:
    """Return a folder on this machine that holds a checkpoint or a dataset.

    Args:
        source: a folder, or a repository id OWNER/NAME, with @REVISION behind it or not.
        kind: what the repository is.
        revision: branch, tag or commit, where `source` names none.
        token: of the Hub; by default the one that `hf auth login` kept.
        subfolder: folder inside it.

    Raises:
        LogllmError: there is no such folder, repository, revision or subfolder, or the Hub refuses or is out of reach.
    """
    what, wrong = WHAT[kind], CheckpointError if kind == "model" else LogllmError
    path = Path(source)
    if path.exists() and not path.is_dir():
        raise wrong(f"a {what} must be a folder, found the file {path}: give the folder it lies in")
    if not path.is_dir():
        repository = repository_of(source)
        if repository is None:
            raise wrong(f"a {what} must be a folder or a Hub id OWNER/NAME, found nothing at {source}")
        path = _snapshot(repository[0], kind, repository[1] or revision, token)
        if kind == "model" and not subfolder and not (path / "config.json").is_file():
            raise wrong(
                f"a checkpoint must hold config.json, found none in what this machine has or may see of {source}: check the "
                "revision; if it is private, log in with `hf auth login`"
            )
    found = path / subfolder
    if not found.resolve().is_relative_to(path.resolve()) or not found.is_dir():
        raise wrong(
            f"the subfolder must be a folder of {source}, found no {subfolder!r} there: name one that it holds"
        )
    return found


def _snapshot(repo_id: str, kind: str, revision: str | None, token: str | bool | None) -> Path:
    from huggingface_hub import errors, snapshot_download

    what, wrong = WHAT[kind], CheckpointError if kind == "model" else LogllmError
    try:
        folder = snapshot_download(repo_id, repo_type=kind, revision=revision, token=token, ignore_patterns=LEFT_OUT)
    except errors.GatedRepoError as error:
        raise wrong(
            f"the {what} {repo_id} must be open to you, found it gated: ask for access on https://huggingface.co/{repo_id} "
            "and log in with `hf auth login`"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise wrong(
            f"a {what} must be a folder or a repository that the Hub shows you, found neither folder nor {kind} repository "
            f"{repo_id}: check the spelling; if it is private, log in with `hf auth login`"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise wrong(
            f"the revision must be a branch, tag or commit of {repo_id}, found no {revision!r} there: leave it out for the "
            "newest"
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise wrong(
            f"the {what} {repo_id} must be a folder, in the local cache or on the Hub, found no folder of that name, nothing "
            "in the cache and the Hub out of reach (or HF_HUB_OFFLINE=1): check the network, or give " + SET[kind]
        ) from error
    except (errors.HfHubHTTPError, errors.HFValidationError) as error:
        raise wrong(
            f"the Hub must hand out the {what} {repo_id}, found a refusal ({str(error).splitlines()[0][:200]}): log in with "
            "`hf auth login`, or check the id"
        ) from error
    return Path(folder)
