"""Fetch a published log, once, into the Hugging Face cache: with resume, progress and checksum.

Notes: The file keeps the name `.incomplete` until its size (and checksum, where the publisher states one) is right,
so that whatever lies under its final name is whole. Where there is no network the error says what to fetch by hand and
where to put it. Only the standard library's HTTP client is used: the publishers are not the Hub.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from pathlib import Path

from huggingface_hub.constants import HF_HOME
from tqdm.auto import tqdm

from ..errors import LogInputError
from ..systems.rules import LogSystem, Source

_BLOCK = 1 << 20
_TRIES = 3
_TIMEOUT = 30
MOST_BYTES = 1 << 40  # where neither the publisher nor the server says how many


class DownloadError(LogInputError):
    """A published log could not be fetched, or is not what its publisher says."""


def cache_folder() -> Path:
    """Where fetched logs are kept: `logllm` in the Hugging Face cache (`HF_HOME`)."""
    return Path(os.environ.get("HF_HOME") or HF_HOME) / "logllm"


def download_log(system: LogSystem, folder: str | Path | None = None, *, progress: bool = True) -> Path:
    """The published archive of a system, fetched if it is not in `folder` (default: the cache) yet.

    An interrupted download goes on where it stopped. Raises `DownloadError` without a network, where the server
    refuses, and where size or checksum differ from the published ones.
    """
    source = system.source
    target = Path(folder or cache_folder()) / source.archive
    if not source.url:
        raise DownloadError(
            f"The system must have a published address, found none for {system.name}: give --raw instead"
        )
    _check_source(source)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".incomplete")
    for left in reversed(range(_TRIES)):
        try:
            _fetch(source, partial, progress)
            break
        except urllib.error.HTTPError as error:
            if error.code == 416:  # nothing is missing, or this is no part of that file: the checks will tell
                break
            if error.code < 500 or not left:
                raise _unreachable(source, target, error) from error
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            if not left:
                raise _unreachable(source, target, error) from error
    _check(source, partial)
    partial.replace(target)
    return target


def _check_source(source: Source) -> None:
    """Refuse, of a row that somebody else wrote, an address that is no web address and a name that is a path."""
    if not source.url.startswith(("http://", "https://")):
        raise DownloadError(f"A log must be fetched by http or https, found {source.url!r}: give --raw instead")
    if Path(source.archive).name != source.archive or source.archive in ("", ".", ".."):
        raise DownloadError(f"An archive must be a plain file name, found {source.archive!r}: correct the row")


def _fetch(source: Source, partial: Path, progress: bool) -> None:
    """Append what is missing; raises when the connection ends before the announced size."""
    have = partial.stat().st_size if partial.exists() else 0
    if source.size is not None and have == source.size:
        return
    headers = {"User-Agent": "logllm", **({"Range": f"bytes={have}-"} if have else {})}
    request = urllib.request.Request(source.url, headers=headers)
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        if have and answer.status != 206:  # the server does not resume
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else source.size
        shown = tqdm(desc=source.archive, total=total, initial=have, unit="B", unit_scale=True, disable=not progress)
        with partial.open("ab" if have else "wb") as stream, shown:
            while block := answer.read(_BLOCK):
                stream.write(block)
                shown.update(len(block))
                have += len(block)
                if source.size is not None and have > source.size:
                    break  # the check will say so
                if have > MOST_BYTES:
                    raise DownloadError(
                        f"{source.archive} must end within {MOST_BYTES:,} bytes, found more at {source.url}: "
                        f"remove {partial}, and fetch the file by hand"
                    )
    if total is not None and have < total:
        raise http.client.IncompleteRead(b"", total - have)


def _check(source: Source, partial: Path) -> None:
    size = partial.stat().st_size if partial.exists() else 0
    if source.size is not None and size != source.size:
        partial.unlink(missing_ok=True)
        raise DownloadError(
            f"{source.archive} must have {source.size:,} bytes, found {size:,} from {source.url}. It "
            "was removed: try again, or fetch it by hand"
        )
    if source.md5 is None:
        return
    digest = hashlib.md5(usedforsecurity=False)
    with partial.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() != source.md5:
        partial.unlink()
        raise DownloadError(
            f"{source.archive} must have the MD5 {source.md5}, found {digest.hexdigest()} from "
            f"{source.url}. It was removed: try again, or fetch it by hand"
        )


def _unreachable(source: Source, target: Path, problem: Exception) -> DownloadError:
    reason = re.sub(r"\s+", " ", str(getattr(problem, "reason", None) or problem))
    return DownloadError(
        f"The log must be fetched, found that {source.url} cannot be reached ({reason}): fetch {source.archive} from there "
        f"on a machine with a network, put it at {target}, and run this again; or name the file with --raw"
    )
