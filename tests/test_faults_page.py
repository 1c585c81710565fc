"""Every row of the table of faults names a test that exists, and the page is what would be written."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.pages.faults import FAULTS, page

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row.test.partition("::")[2])
def test_a_row_names_a_test_that_exists(row):
    name, _, function = row.test.partition("::")
    tree = ast.parse((ROOT / name).read_text("utf-8"))
    assert function in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def test_the_page_is_what_would_be_written():
    done = subprocess.run([sys.executable, "-m", "benchmarks.pages.faults", "--check"], cwd=ROOT)
    assert done.returncode == 0, "python -m benchmarks pages.faults"


def test_faults_that_the_page_must_name():
    assert {row.fault for row in FAULTS} >= {"kill -9", "full disk", "read-only disk", "out of memory", "network cut"}
    assert len({row.test for row in FAULTS}) == len(FAULTS)
    assert "Fuzzing" not in page({})


def test_what_the_security_page_names_exists_and_no_remote_code_file_is_left_out():
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    named = re.findall(r"`((?:\.ci|hf_datasets|src|tests|spaces_demo|modeling_logllm)/[\w/.]+)`", text)
    assert len(named) > 10 and not [path for path in named if not (ROOT / path).exists()]
    table = text.partition("## The remote-code files")[2]
    missing = [file.name for file in (ROOT / "modeling_logllm").glob("*.py") if f"`{file.name}`" not in table]
    assert missing == ["__init__.py"]
