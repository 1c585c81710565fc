"""A reader of the documentation: the built wheel in an environment of its own, used by somebody who is not root.

The environment holds what `pip install 'logllm[EXTRAS]'` would install and nothing else: the package itself by pip, its
dependencies as links to the packages that are installed here (nothing is downloaded).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_string
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import forked_commands
import shared_files
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parent.parent
NOBODY = 65534


def built() -> Path:
    """Folder with the wheel and the source distribution of this checkout, built once a run."""

    def make(out: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(REPOSITORY)],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        (out / "build.txt").write_text(done.stdout + done.stderr, "utf-8")

    return shared_files.made_once("dist", make)


def wheel() -> Path:
    """The built wheel."""
    (found,) = built().glob("*.whl")
    return found


def needed(package: Path, extras: Iterable[str]) -> list[Distribution]:
    """The installed distributions that the wheel asks for with these extras, and what those ask for."""
    with ZipFile(package) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        own = message_from_string(packed.read(name).decode()).get_all("Requires-Dist")
    found: dict[str, Distribution] = {}
    done: set[tuple[str, str]] = set()
    waiting = [("logllm", extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in done:
            continue
        done.add((name, extra))
        if name != "logllm":
            found[name] = distribution(name)
        for text in (own if name == "logllm" else found[name].requires) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                if extra and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
                    continue  # asked for without the extra, too
                waiting += [(canonicalize_name(requirement.name), one) for one in ("", *requirement.extras)]
    return list(found.values())


def interpreter() -> str:
    """An interpreter of this version that another user can start."""
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    hidden = any(not parent.stat().st_mode & 1 for parent in base.parents)
    if not (os.geteuid() == 0 and hidden):
        return str(base)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return shutil.which(name, path="/usr/local/bin:/usr/bin") or str(base)


def environment(folder: Path, package: Path, extras: Iterable[str] = ()) -> Path:
    """Make the environment in `folder` and install `package` (the wheel or the source distribution); its interpreter."""
    subprocess.run([interpreter(), "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    for one in needed(wheel(), extras):
        for first in {file.parts[0] for file in one.files or ()} - {"..", "__pycache__"}:
            if not first.endswith(".pth") and not (site / first).exists():
                (site / first).symlink_to(Path(str(one.locate_file(first))).resolve())
        for script in one.entry_points.select(group="console_scripts"):
            module, _, attribute = script.value.partition(":")
            target = folder / "bin" / script.name
            target.write_text(
                f"#!{python}\nimport sys\nfrom {module} import {attribute.split('.')[0]}\nsys.exit({attribute}())\n"
            )
            target.chmod(0o755)
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    if package.suffix != ".whl":  # builds with what is installed here
        install = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--no-build-isolation",
        ]
        install += ["--target", str(site)]
    done = subprocess.run([*install, str(package)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return python


@dataclass(frozen=True)
class Reader:
    """Who runs commands in a folder of their own.

    Attributes:
        python: interpreter of the environment.
        folder: the current folder, which the user owns.
        extras: that the environment has.
    """

    python: Path
    folder: Path
    extras: tuple[str, ...] = ()

    @classmethod
    def with_extras(cls, *extras: str) -> Reader:
        """In a new folder, with the wheel and these extras."""
        name = "-".join(["reader", *extras])
        place = shared_files.made_once(name, lambda out: environment(out / "venv", wheel(), extras))
        folder = Path(tempfile.mkdtemp(prefix="page-", dir=shared_files.ROOT))
        reader = cls(place / "venv" / "bin" / "python", folder, extras)
        reader.own()
        return reader

    def own(self) -> None:
        """Give the user what lies in the folder."""
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(self.folder)], check=True)

    def run(
        self, command: str | list[str], timeout: float = 280, forks: bool = False, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command, or a program and its arguments; with `forks`, Python's are quick (forked_commands.py)."""
        words = ["bash", "-e", "-o", "pipefail", "-c", command] if isinstance(command, str) else command
        kept = {key: value for key, value in os.environ.items() if key.startswith(("OPENBLAS", "OMP_NUM"))}
        other: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": ()} if os.geteuid() == 0 else {}
        path = f"{self.python.parent}:/usr/local/bin:/usr/bin:/bin"
        if forks:
            shims = forked_commands.commands(self.python, self.folder.parent, **other)
            path, variables["PYTHON_EXEC"] = f"{shims}:{path}", str(shims / "python")  # the latter is read by torchrun
        surroundings = {
            **kept,
            "PATH": path,
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "HF_HUB_OFFLINE": "1",
            "NO_COLOR": "1",
            "COLUMNS": "100",
            "TERM": "dumb",
            **variables,
        }
        return subprocess.run(
            words, cwd=self.folder, env=surroundings, capture_output=True, text=True, timeout=timeout,
            stdin=subprocess.DEVNULL, **other,
        )  # fmt: skip
