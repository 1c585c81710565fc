"""Shared by all tests: no network, no telemetry, a throw-away Hugging Face home, and the real sample logs if present."""

import os
import tempfile
from pathlib import Path

# Before anything imports datasets or huggingface_hub: they read these once.
os.environ.setdefault("HF_HOME", tempfile.mkdtemp(prefix="logllm-hf-"))
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real Loghub samples; the test is skipped where it is not there.

    It is found at $LOGLLM_SHARED (that folder, or its `data`), else next to the repository.
    """
    named = os.environ.get("LOGLLM_SHARED")
    root = Path(named) if named else REPOSITORY.parent / "shared"
    for folder in (root / "data", root):
        if (folder / "golden" / "windows.json").exists():
            return folder
    pytest.skip(f"the real sample logs are not at {root} (set LOGLLM_SHARED)")


@pytest.fixture(scope="session")
def thunderbird_blocks(shared_data: Path) -> list[Path]:
    """The contiguous Thunderbird pieces, in order."""
    return sorted((shared_data / "thunderbird").glob("TB_20051115_block*.log"))
