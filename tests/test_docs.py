"""README and documentation: what they print is what the program prints, the site builds, and every link leads somewhere."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from reader import Reader

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
    """From the wheel, for a user who is not root."""
    reader = Reader.with_extras()
    shutil.copytree(ROOT / "examples" / "logs", reader.folder, dirs_exist_ok=True)
    reader.own()
    assert [one.text for one in console().check(page, run=lambda command, folder: reader.run(command))] == []


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


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site as `make docs` builds it."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    out = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [str(Path(sys.executable).parent / "mkdocs"), "build", "--strict", "--site-dir", str(out)],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert built.returncode == 0, built.stderr[-2000:]
    assert "WARNING" not in built.stderr
    return out


def test_no_link_inside_the_site_is_dead(site):
    """Every address of every page leads to a file of the site, and every anchor to a name in it."""
    dead, names = set(), {}
    pages = [page for page in site.rglob("*.html") if page.name != "404.html"]
    for page in pages:
        names[page] = set(re.findall(r'\b(?:id|name)="([^"]+)"', page.read_text("utf-8")))
    assert len(pages) > 25
    for page in pages:
        for link in re.findall(r'\b(?:href|src)="([^"]+)"', page.read_text("utf-8")):
            path, _, anchor = unquote(unescape(link)).partition("#")
            if re.match(r"[a-z]+:", path):
                continue
            target = (page.parent / path).resolve() if path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (
                anchor and not anchor.startswith("__") and anchor not in names.get(target, {anchor})
            ):
                dead.add((str(page.relative_to(site)), link))
    assert dead == set()


def test_nothing_of_the_site_comes_from_another_server(site):
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        assert not re.findall(r'<(?:script|img|iframe)[^>]+src="https?://', text), page
        assert not re.findall(r'<link[^>]+rel="(?:stylesheet|preconnect)"[^>]+href="https?://', text), page
