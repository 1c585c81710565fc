"""Opens the Chromium that is installed here; skips the test, with the reason, where there is none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def open_chromium() -> Iterator:
    """A headless browser, as playwright's Browser. Its executable: $CHROMIUM_PATH, else /usr/bin/chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install logllm[test]")
    executable = os.environ.get("CHROMIUM_PATH", "/usr/bin/chromium")
    if not Path(executable).is_file():
        pytest.skip(f"needs Chromium: none at {executable}; install it or name it in CHROMIUM_PATH")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=executable,
            headless=True,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield browser
        browser.close()
