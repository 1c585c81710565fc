"""The wheel: one top-level name, every package, every template."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = {
    "src/logllm": "logllm",
    "modeling_logllm": "logllm/modeling_logllm",
    "hf_datasets": "logllm/hf_datasets",
    "trainers": "logllm/trainers",
    "model_cards": "logllm/model_cards",
}


@pytest.fixture(scope="module")
def names(tmp_path_factory) -> set[str]:
    out = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(REPOSITORY)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr[-2000:]
    (wheel,) = out.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_one_top_level_name(names):
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"logllm"}


def test_every_module_and_template_is_inside(names):
    for source, target in PACKAGES.items():
        folder = REPOSITORY / source
        wanted = [
            *folder.glob("**/*.py"),
            *folder.glob("**/*.jinja"),
            *folder.glob("**/*.html"),
            *folder.glob("**/*.css"),
        ]
        missing = [p for p in wanted if f"{target}/{p.relative_to(folder).as_posix()}" not in names]
        assert not missing, missing


def test_recipes_are_inside(names):
    recipes = sorted((REPOSITORY / "benchmarks" / "recipes").glob("*.yaml"))
    assert recipes and {f"logllm/recipes/{file.name}" for file in recipes} <= names
