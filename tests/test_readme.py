"""The README's figures and tree are what the result files and the source files say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_the_readme_is_what_would_be_rendered():
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.pages.readme", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_a_changed_result_would_be_noticed(monkeypatch):
    """The check can fail: another figure in a result file, or a picture of other figures."""
    from benchmarks.pages import pretrained_plot, readme

    drawn, missing = pretrained_plot.lines()
    assert len(drawn) >= 4 and {one["kind"] for one in drawn} >= {"pretrained", "random", "rule"}
    assert not {one["label"] for one in drawn} & set(missing)
    monkeypatch.setattr(pretrained_plot, "checksum", lambda drawn: "of other figures")
    with pytest.raises(SystemExit, match=r"README.md or its picture differs"):
        readme.main(check=True)
    monkeypatch.undo()
    monkeypatch.setattr(readme, "readme_table", lambda results: "another table")
    with pytest.raises(SystemExit, match=r"README.md or its picture differs"):
        readme.main(check=True)


def test_pictures_are_small_and_have_an_alternative_text():
    pictures = [*(ROOT / "docs" / "assets").glob("*.png"), *(ROOT / "benchmarks" / "results").glob("*.png")]
    assert {file.name: size for file in pictures if (size := file.stat().st_size) > 300_000} == {}
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        text = page.read_text("utf-8")
        assert all(re.findall(r"!\[([^\]]*)\]\(", text)), page
        assert text.count("<img ") == len(re.findall(r'<img alt="[^"]{20,}"', text)), page


def test_every_path_that_the_readme_names_exists():
    text = (ROOT / "README.md").read_text("utf-8")
    named = re.findall(r"`((?:benchmarks|docs|deploy|src|tests)/[\w/.*-]+)`", text)
    missing = [path for path in named if "*" not in path and not (ROOT / path).exists()]
    assert named and not missing, missing


def test_no_result_names_a_folder_of_the_machine_that_made_it():
    files = [*(ROOT / "benchmarks" / "results").glob("*.json"), *(ROOT / "docs").glob("*.md")]
    assert len(files) > 20
    place = re.compile(r"(?<![\w.>*])/(?:tmp|home|root|Users)/\S+|--\w+ /\S+|\S*/site-packages/\S*")
    assert {file.name: found[0] for file in files if (found := place.search(file.read_text("utf-8")))} == {}
