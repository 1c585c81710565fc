"""Wheel and source distribution install into a fresh environment and find something; the latter can run its tests."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile

import pytest
from reader import REPOSITORY, Reader, built, environment


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("pattern", ["*.whl", "*.tar.gz"])
def test_what_is_built_installs_and_scans(tmp_path, pattern):
    (package,) = built().glob(pattern)
    python = environment(tmp_path / "venv", package)
    log = REPOSITORY / "examples" / "logs" / "app.log"
    done = subprocess.run(
        [str(python), "-m", "logllm", "scan", str(log)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "circuit opened after" in " ".join(done.stdout.split())
    where = subprocess.run(
        [str(python), "-c", "import logllm; print(logllm.__file__)"], cwd=tmp_path, capture_output=True, text=True
    )
    assert str(tmp_path) in where.stdout


def files_of_the_source() -> set[str]:
    (package,) = built().glob("*.tar.gz")
    with tarfile.open(package) as packed:
        return {name.partition("/")[2] for name in packed.getnames()}


def test_the_source_distribution_is_the_repository():
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("needs a clone: its files are compared with git's list")
    known = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    here = {name for name in known.stdout.splitlines() if (REPOSITORY / name).exists()}
    assert here - files_of_the_source() == set()


@pytest.mark.slow
def test_tests_run_from_the_source_distribution(tmp_path):
    (package,) = built().glob("*.tar.gz")
    with tarfile.open(package) as packed:
        packed.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "tests/test_masking.py", "tests/test_layers.py", "-k", "not heavy_library"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


def test_building_warns_of_nothing_that_is_ours():
    told = (built() / "build.txt").read_text("utf-8").lower()
    assert "absent from the `packages` configuration" not in told


def test_the_long_description_has_no_link_that_is_dead_on_an_index():
    done = Reader.with_extras().run(
        [
            "python",
            "-c",
            "from importlib.metadata import metadata; print(metadata('logllm').get_payload() or metadata('logllm')['Description'])",
        ]
    )
    assert "## Which of the two models" in done.stdout
    assert re.findall(r"\]\((?!https?://|#)[^)]*\)|<img|<picture", done.stdout) == []
