"""Shared by all tests: no network, no telemetry, a throw-away Hugging Face home, and the real sample logs if present."""

import gc
import os
import shutil
import tempfile
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores: each takes one
    for _name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"):
        os.environ.setdefault(_name, "1")

# Before anything imports datasets or huggingface_hub: they read these once.
os.environ.setdefault("HF_HOME", tempfile.mkdtemp(prefix="logllm-hf-"))
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
import shared_files
import transformers_suites

REPOSITORY = Path(__file__).resolve().parent.parent


# Of transformers' own tests (test_transformers_suites.py).
MARKERS = ("accelerate_tests", "flash_attn_test", "flash_attn_3_test", "flash_attn_4_test", "flash_attn_kernels_test",
           "torch_compile_test", "torch_export_test", "is_training_test", "generate", "fsdp_test", "tp_test", "all_flash_attn_test",
           "not_device_test", "bitsandbytes", "is_tensor_parallel_test", "flash_attn_kernels_mps_test")  # fmt: skip


def pytest_configure(config):
    for name in MARKERS:
        config.addinivalue_line("markers", f"{name}: of transformers' own tests")
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        transformers_suites.fetch_for_workers()


@pytest.fixture(scope="module", autouse=True)
def _collect_less() -> None:
    """Leave the modules that are loaded out of what the collector walks through: each Trainer asks for whole collections."""
    gc.set_threshold(100_000, 20, 10)
    gc.collect()
    gc.freeze()


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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove what the tests shared: the workers of pytest-xdist are done when the first process finishes."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        scheduling = session.config.pluginmanager.get_plugin("dsession")
        run = scheduling.nodemanager.testrunuid if scheduling is not None else os.getpid()
        shutil.rmtree(shared_files.folder_of(run), ignore_errors=True)


@pytest.fixture(scope="session")
def small_dataset() -> Path:
    """A built HDFS configuration of the simulator: OUT/built, with the raw log and its labels beside it."""
    from logllm.hf_datasets.simulation.simulate import simulate
    from logllm.training.building import build_dataset

    def make(out: Path) -> None:
        simulate("hdfs", 6000, 5, out, anomaly_share=0.08)
        build_dataset(
            "hdfs",
            [out / "hdfs.log"],
            out / "built",
            labels=out / "anomaly_label.csv",
            validation_share=0.2,
            progress=False,
        )

    return shared_files.made_once("dataset", make)


def _tiny(family: str, small_dataset: Path) -> Path:
    from logllm.cli.demo import RECIPE
    from logllm.training.workflows import train_on

    recipe = {**RECIPE, "last_epochs": 5} if family == "logllm" else None

    def make(out: Path) -> None:
        train_on(family, small_dataset / "built", "hdfs", "tiny", out, seed=0, recipe=recipe, progress=False)

    return shared_files.made_once(f"checkpoints/{family}", make)


@pytest.fixture(scope="session")
def tiny_checkpoints(small_dataset: Path) -> Path:
    """A folder with `logllm/` and `logllama/`, both trained on the simulator's HDFS by the real command."""
    for family in ("logllama", "logllm"):
        folder = _tiny(family, small_dataset)
    return folder.parent
