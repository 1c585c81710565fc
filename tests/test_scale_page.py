"""docs/operations/scale.md says what its result files say, and would differ if they did."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.pages import scale as scale_render

ROOT = Path(__file__).resolve().parent.parent


def test_the_page_is_what_would_be_rendered():
    command = [sys.executable, "-m", "benchmarks.pages.scale", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


# In the shape of results/cluster.json, which is measured when two cores are free.
ENGINE = {"equal_to_local_bit_for_bit": True, "efficiency": [0.9], "efficiency_median": 0.9, "seconds_to_start": 5.0}
FAMILY = {
    "windows_per_core_second": 100.0,
    "distinct_share": 0.25,
    "ceiling": 0.95,
    "engines": {"torchrun": ENGINE, "ray": ENGINE},
}
CLUSTER = {
    "lines": 1000, "shards": 24, "families": {"logllm": FAMILY, "logllama": FAMILY},
    "made": {"machine": "m", "commit": "0123456789ab", "load_before": 0.1},
}  # fmt: skip


def test_a_changed_result_would_be_noticed():
    build, cluster = scale_render.load("build_scale"), copy.deepcopy(CLUSTER)
    before = scale_render.page(build, cluster)
    assert before != scale_render.page(build, None)
    cluster["families"]["logllm"]["windows_per_core_second"] *= 2
    other = scale_render.page(build, cluster)
    for row in build["runs"]:
        row["lines_per_processor_second"] *= 2
    assert len({before, other, scale_render.page(build, cluster)}) == 3


def test_cores_times_rate_is_the_days_lines():
    found = scale_render.figures(scale_render.load("build_scale"), CLUSTER)
    rate = found["large"]["lines_per_processor_second"]
    assert found["build_cores"] * rate * 86_400 == pytest.approx(1e10)
    assert found["logllm"]["cores"] * 0.9 * 100 * 86_400 == pytest.approx(found["windows"])
    assert found["cards"] == pytest.approx(found["windows"] / 4 / found["rate"] / 86_400)


def test_memory_stays_below_what_is_promised():
    runs = scale_render.load("build_scale")["runs"]
    assert {row["lines"] for row in runs} >= {1_000_000, 50_000_000}
    assert max(row["peak_mb"] for row in runs) < 2048


def test_every_command_on_the_page_has_the_options_that_the_program_has():
    text = scale_render.PAGE.read_text("utf-8")
    command = [sys.executable, "-m", "logllm", "score", "--help"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={"COLUMNS": "200", "PATH": ""}).stdout
    for line in re.findall(r"logllm score (.*)", text):
        assert all(option in said for option in re.findall(r"--[a-z-]+", line)), line
