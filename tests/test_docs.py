"""README and documentation: what they print is what the program prints, the site builds, and every link leads somewhere."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def console():
    spec = importlib.util.spec_from_file_location("docs_console", ROOT / "docs" / "console.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_console"] = module
    spec.loader.exec_module(module)
    return module


def pages() -> list[Path]:
    return [page for page in console().PAGES if "<!-- run" in page.read_text("utf-8")]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_page_shows_what_the_program_prints(page):
    assert [one.text for one in console().check(page)] == []


def test_another_output_would_be_noticed(tmp_path):
    """The check can fail."""
    page = ROOT / "docs" / "how-to" / "diff-in-ci.md"
    text = page.read_text("utf-8")
    module = console()
    changed = tmp_path / "page.md"
    changed.write_text(re.sub(r"AssertionError", "AnotherError", text), "utf-8")
    module.ROOT, root = tmp_path, module.ROOT
    (tmp_path / "examples").symlink_to(root / "examples")
    assert len(module.check(changed)) == 1


def test_the_readme_is_short_and_shows_output_early():
    text = README.read_text("utf-8")
    assert len(text.encode()) <= 10_240
    lines = text.splitlines()
    assert len(lines) <= 180
    assert next(number for number, line in enumerate(lines, 1) if line.startswith("$ logllm")) < 35


def test_links_of_the_readme_lead_to_files_that_exist():
    found = re.findall(r"\]\((?!https?://|#)([^)#]+)", README.read_text("utf-8"))
    assert found
    assert [link for link in found if not (ROOT / link).exists()] == []


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True, env={**__import__("os").environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert built.returncode == 0, built.stderr[-2000:]
    commands = (tmp_path / "site" / "reference" / "commands" / "index.html").read_text("utf-8")
    for name in ("scan", "diff", "inspect", "formats", "fit", "watch", "build", "train", "reproduce", "push model"):
        assert f"logllm {name}<" in commands
