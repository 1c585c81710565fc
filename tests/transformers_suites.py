"""transformers' own common tests, taken from the source distribution of the installed version on PyPI.

They are 9,000 lines under transformers' licence (Apache-2.0) and change with every version, so they are fetched, not copied:
`pip download` once, the checksum compared, the three files kept under .cache/ (or $LOGLLM_TRANSFORMERS_TESTS). The source
distribution holds the files of tests/ but none of its folders, so that what they import from there (the mixins for export,
generation and single pipelines) is absent; empty classes stand in.
"""

import hashlib
import importlib
import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "transformers_common_tests"
VERSION = version("transformers")
FETCH_SECONDS = 120
OUT_OF_REACH = "LOGLLM_TRANSFORMERS_TESTS_OUT_OF_REACH"  # set for the workers of pytest-xdist, which must agree
FILES = ("test_modeling_common.py", "test_configuration_common.py", "test_processing_common.py")
# Of the source distribution of the version in constraints.txt; another version is taken as the index gives it.
CHECKSUMS = {"5.23.0": "19d647a4d5d903a7c644ca5cde2d86efc3dde7d8c687ae7988806ff2205efa71"}
STAND_INS = {
    "__init__.py": "",
    "exporters/__init__.py": "",
    "exporters/test_export.py": "class ExportTesterMixin:\n    pass\n",
    "generation/__init__.py": "",
    "generation/test_utils.py": "class GenerationTesterMixin:\n    pass\n",
    "utils/__init__.py": "",
    "utils/test_configuration_utils.py": (
        "config_common_kwargs = {'return_dict': False, 'output_hidden_states': True, 'architectures': ['A'],"
        " 'problem_type': 'regression', 'id2label': {0: 'label'}, 'label2id': {'label': '0'}}\n"
    ),
    "../utils/fetch_hub_objects_for_ci.py": "def url_to_local_path(url):\n    return url\n",
}


def folder() -> Path:
    """Where the suites are kept."""
    kept = os.environ.get("LOGLLM_TRANSFORMERS_TESTS")
    return (Path(kept) if kept else ROOT / ".cache" / "transformers-tests") / VERSION


def fetch() -> Path:
    """Get the suites if they are not there; returns the folder that holds the package.

    Raises:
        OSError: the index is out of reach, or handed out another file.
    """
    home = folder()
    if (home / PACKAGE / FILES[-1]).is_file():
        return home
    if reason := os.environ.get(OUT_OF_REACH):
        raise OSError(reason)
    home.mkdir(parents=True, exist_ok=True)
    wanted = f"transformers=={VERSION}"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--no-binary",
        ":all:",
        "--dest",
        str(home),
        wanted,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"pip could not download {wanted} in {FETCH_SECONDS} s") from error
    archive = next(home.glob("transformers-*.tar.gz"), None)
    if done.returncode or archive is None:
        raise OSError(f"pip could not download {wanted}: {done.stderr.strip().splitlines()[-1:]}")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != CHECKSUMS.get(VERSION, found):
        raise OSError(f"{archive.name} must have the known SHA-256, found {found}")
    for name, text in STAND_INS.items():
        file = home / PACKAGE / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    with tarfile.open(archive) as tar:
        for name in FILES:
            member = tar.extractfile(f"transformers-{VERSION}/tests/{name}")
            assert member is not None
            (home / PACKAGE / name).write_bytes(member.read())
    archive.unlink()
    return home


def fetch_for_workers() -> None:
    """Get the suites before the workers of pytest-xdist begin, so that all of them collect the same tests."""
    try:
        fetch()
    except OSError as error:
        os.environ[OUT_OF_REACH] = str(error) or "unknown"


def suites() -> tuple[ModuleType, ModuleType, ModuleType]:
    """The modules of models, configurations and processors."""
    home = fetch()
    if str(home) not in sys.path:
        sys.path.insert(0, str(home))
    model, config, processor = (importlib.import_module(f"{PACKAGE}.{name.removesuffix('.py')}") for name in FILES)
    return model, config, processor
