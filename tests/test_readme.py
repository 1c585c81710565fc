"""The README's figures and tree are what the result files and the source files say."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_readme_is_what_would_be_rendered():
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.pages.readme", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_a_changed_result_would_be_noticed(tmp_path):
    """The check can fail: with another figure in a result file the rendered table differs."""
    from benchmarks.pages import readme

    files = [
        f
        for f in sorted((ROOT / "benchmarks" / "results").glob("*.json"))
        if f"<!-- result {f.stem} -->" in readme.README.read_text()
    ]
    assert files
    result = json.loads(files[0].read_text("utf-8"))
    before = readme.table(result)
    result["baselines"]["flag everything"]["f1"] += 0.1
    assert readme.table(result) != before


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
