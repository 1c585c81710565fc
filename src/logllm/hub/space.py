"""The folder of the Space, put together exactly as it is published, and run from there.

The folder carries this package as source beside `app.py`, with its metadata, instead of asking an
index for it. So what is deployed is what was tested, and `requirements.txt` names only what the package itself asks for.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NoReturn

from logllm.errors import LogllmError

PACKAGES = ("", "hf_datasets", "modeling_logllm", "trainers", "model_cards")
PARTS = (
    "*.py",
    "templates/*.html",
    "style.css",
    "README.md",
    "agents.md",
    "requirements.txt",
    "examples/*.log",
    "use/*",
    "checkpoints/**/*",
)
SOURCES = ("*.py", "py.typed", "*.jinja", "*.json", "templates/*.html")
RESULTS = ("*.json", "*.png")
MOST_BYTES = 10_000_000  # of the checkpoints


def source_folder() -> Path:
    """The repository's `spaces_demo/`.

    Raises:
        LogllmError: this is no checkout.
    """
    folder = Path(__file__).resolve().parents[3] / "spaces_demo"
    if not (folder / "app.py").is_file():
        raise LogllmError(
            f"the Space is made from a checkout's spaces_demo/, found none at {folder}: clone the repository, or name the "
            "folder with --folder"
        )
    return folder


def assemble(out: Path, folder: Path | None = None) -> list[str]:
    """Write the folder of the Space, replacing what was there; returns the files, relative to it.

    Args:
        out: where to.
        folder: the source, by default the repository's `spaces_demo/`.

    Raises:
        LogllmError: a part is missing, or the checkpoints are too big.
    """
    source = folder or source_folder()
    files = dict(_files(source))
    missing = [name for name in ("app.py", "README.md", "requirements.txt") if name not in files]
    if missing or not any(name.startswith("checkpoints/") for name in files):
        raise LogllmError(
            f"the folder of a Space must hold app.py, README.md, requirements.txt and checkpoints/, found "
            f"{', '.join(missing) or 'checkpoints/'} missing in {source}: make them with `python spaces_demo/recipe.py`"
        )
    size = sum(file.stat().st_size for name, file in files.items() if name.startswith("checkpoints/"))
    if size > MOST_BYTES:
        raise LogllmError(f"the checkpoints must have at most {MOST_BYTES:,} bytes, found {size:,}: make smaller ones")
    if out.exists() and any(out.iterdir()) and not (out / "app.py").is_file():
        raise LogllmError(f"the folder to write must be new or a Space, found other files in {out}: name another one")
    shutil.rmtree(out, ignore_errors=True)
    for name, file in files.items():
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    _write_metadata(out)
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())


def _files(source: Path) -> Iterator[tuple[str, Path]]:
    """(name in the Space, file) of everything that is deployed but the metadata."""
    for pattern in PARTS:
        for file in source.glob(pattern):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file.relative_to(source).as_posix(), file
    for package in PACKAGES:
        spec = importlib.util.find_spec(f"logllm.{package}".rstrip("."))
        assert spec is not None and spec.submodule_search_locations
        folder = Path(spec.submodule_search_locations[0])
        for pattern in SOURCES:
            for file in folder.rglob(pattern):
                yield "/".join(["logllm", *filter(None, [package]), file.relative_to(folder).as_posix()]), file
    results = source / "results"
    for pattern in RESULTS:
        for file in (results if results.is_dir() else source.parent / "benchmarks" / "results").glob(pattern):
            yield f"results/{file.name}", file


def _write_metadata(out: Path) -> None:
    """The package's metadata beside its source: training records name its version."""
    try:
        known = distribution("logllm")
    except PackageNotFoundError as error:
        raise LogllmError(
            "the package must be installed to be shipped, found no metadata: pip install -e ."
        ) from error
    folder = out / f"logllm-{known.version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(known.read_text("METADATA") or known.read_text("PKG-INFO") or "", "utf-8")


def run_space(folder: Path, port: int) -> NoReturn:
    """Become the server of a folder's page, so that what stops this process stops the page."""
    if importlib.util.find_spec("gradio") is None:
        raise LogllmError("the Space needs gradio, found none: pip install logllm[space]")
    os.chdir(folder)
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    os.execve(sys.executable, [sys.executable, "app.py"], environment)
