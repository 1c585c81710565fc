"""The Space's folder: its checkpoints come from the recipe, it is whole, it runs by itself, and it can be published."""

import json
from importlib.metadata import distribution
from pathlib import Path

import fresh_process
import numpy as np
import pytest
from loopback_hub import LoopbackHub
from recipe import RECIPES, make_checkpoint, write_examples
from space_server import SPACE
from typer.testing import CliRunner

from logllm.cli.app import app
from logllm.detector import LogAnomalyDetector
from logllm.errors import LogllmError
from logllm.hf_datasets import read_lines
from logllm.hub.space import MOST_BYTES, assemble


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("space") / "whole"
    return out, assemble(out)


def test_the_examples_are_what_the_recipe_writes(tmp_path):
    write_examples(tmp_path)
    shipped = {file.name: file.read_bytes() for file in (SPACE / "examples").iterdir()}
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == shipped


def test_a_checkpoint_made_anew_scores_as_the_shipped_one(tmp_path):
    recipe = next(one for one in RECIPES if one.name == "logllama-access")
    made = make_checkpoint(recipe, tmp_path / "made", progress=False)
    shipped = LogAnomalyDetector.from_pretrained(SPACE / "checkpoints" / recipe.name)
    lines = list(read_lines(SPACE / "examples" / "nginx.log"))
    found = [[verdict.score for verdict in one.scan(lines, explain="none")] for one in (made, shipped)]
    assert len(found[0]) == 6
    # the same seed gives the same weights on one machine; another processor adds up in another order
    np.testing.assert_allclose(found[0], found[1], atol=0.2)
    assert abs(made.threshold - shipped.threshold) < 0.3
    assert {file.name for file in (tmp_path / "made").iterdir()} == {
        file.name for file in (SPACE / "checkpoints" / recipe.name).iterdir()
    }


def test_every_shipped_checkpoint_is_of_the_recipe_and_small():
    checkpoints = SPACE / "checkpoints"
    assert {file.name for file in checkpoints.iterdir()} == {recipe.name for recipe in RECIPES}
    size = sum(file.stat().st_size for file in checkpoints.rglob("*") if file.is_file())
    assert size < MOST_BYTES
    for recipe in RECIPES:
        record = json.loads((checkpoints / recipe.name / "training.json").read_text())
        parts = [f"{part.simulator}, {part.logs} x {part.lines}" for part in recipe.parts]
        assert (record["recipe"], record["simulated"]) == (recipe.name, parts)


def test_the_requirements_are_those_of_the_package():
    wanted = {line.replace(" ", "") for line in distribution("logllm").requires or () if "extra" not in line}
    rows = (SPACE / "requirements.txt").read_text().splitlines()
    assert {row.replace(" ", "") for row in rows if row and not row.startswith(("#", "--"))} == wanted


def test_the_folder_is_whole(folder):
    out, files = folder
    assert {"app.py", "findings.py", "theme.py", "style.css", "README.md", "requirements.txt"} <= set(files)
    package = {"logllm/report/templates/report.html", "logllm/modeling_logllm/masking.py", "logllm/watch/start.py"}
    assert {"scan_log.py", "templates/space.html"} | package <= set(files)
    assert {"checkpoints/logllm/model.safetensors", "examples/nginx.log", "use/1_api.py"} <= set(files)
    assert "results/hdfs_first_60.json" in files and any(name.endswith("METADATA") for name in files)
    assert not [name for name in files if "__pycache__" in name or name.endswith((".pkl", ".bin", ".pt"))]
    assert (out / "app.py").read_bytes() == (SPACE / "app.py").read_bytes()


RUN = """
import sys
sys.path.insert(0, ".")  # as `python app.py` does
import app
from importlib.metadata import version
import logllm
import scan_log
models = scan_log.SpaceModels("checkpoints")
page = app.build_app(models)
judged = models.judge(scan_log.lines_of_text(app.example("syslog")), "logllama")
print(logllm.__file__, version("logllm"), judged.flagged, type(page).__name__)
"""


def test_the_folder_brings_its_own_package(folder):
    pytest.importorskip("gradio")
    done = fresh_process.run(RUN, cwd=folder[0])
    assert done.returncode == 0, done.stderr[-2000:]
    where, version, flagged, page = done.stdout.split()[-4:]
    assert Path(where).resolve() == (folder[0] / "logllm" / "__init__.py").resolve()
    assert (version, flagged, page) == (distribution("logllm").version, "1", "Blocks")


def test_nobody_elses_files_are_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(LogllmError, match="must be new or a Space, found other files"):
        assemble(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_a_folder_without_parts_is_refused(tmp_path):
    with pytest.raises(LogllmError, match=r"app.py, README.md, requirements.txt missing"):
        assemble(tmp_path / "out", tmp_path)


def test_the_commands(tmp_path):
    result = CliRunner().invoke(app, ["space", "--out", str(tmp_path / "space"), "--no-run"])
    assert result.exit_code == 0 and (tmp_path / "space" / "app.py").is_file(), result.output
    assert "OWNER/NAME" in CliRunner().invoke(app, ["push", "space", "--help"]).output


PUSH = """
import sys
from typer.testing import CliRunner
from logllm.cli.app import app
for arguments in (["push", "space", "me/odd-line"], ["push", "space", "me/odd-line", "--folder", sys.argv[1]]):
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    print(done.stdout.strip())
"""


def test_it_is_published_whole_and_old_files_go(folder, tmp_path):
    """A second upload has one example less."""
    out, files = folder
    less = tmp_path / "less"
    assemble(less)
    (less / "examples" / "bgl.log").unlink()
    with LoopbackHub() as hub:
        done = fresh_process.run(PUSH, less, env=hub.environment(tmp_path / "home"))
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.split()[0].endswith("/spaces/me/odd-line")
        published = hub.files("spaces", "me/odd-line")
    wanted = set(files) - {"examples/bgl.log"}
    assert set(published) - {".gitattributes"} == wanted
    assert all(published[name] == (out / name).read_bytes() for name in wanted)
