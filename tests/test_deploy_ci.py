"""The CI steps in deploy/ci/: their own commands, run by a shell, say what is different."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

CI = Path(__file__).resolve().parent.parent / "deploy" / "ci"
GOOD = ["==> compile", "compiled a", "compiled b", "==> test", "3 passed", "done"]
BAD = [*GOOD[:2], "src/b.c:3:1: error: expected ';' before 'x'", "make: *** [Makefile:2: b.o] Error 1"]


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A folder with a `make` that prints what `output` holds and ends as `status` says, and a `logllm`."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in {
        "make": '#!/bin/sh\ncat "$JOB/output"\nexit "$(cat "$JOB/status")"\n',
        "logllm": f'#!/bin/sh\nexec {sys.executable} -m logllm "$@"\n',
    }.items():
        (tools / name).write_text(text, "utf-8")
        (tools / name).chmod(0o755 | stat.S_IXUSR)
    return tmp_path


def run(job: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{job / 'tools'}{os.pathsep}{os.environ['PATH']}",
        "JOB": str(job),
        **variables,
    }
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=job, env=environment, capture_output=True, text=True, timeout=120
    )


def build(job: Path, lines: list[str], status: int) -> None:
    (job / "output").write_text("\n".join(lines) + "\n", "utf-8")
    (job / "status").write_text(str(status), "utf-8")


def steps(path: str) -> dict[str, Any]:
    return yaml.safe_load((CI / path).read_text("utf-8"))


def test_the_github_step_writes_the_difference_into_the_summary(job: Path):
    scripts = {
        step["name"]: step["run"] for step in steps("github-actions.yml")["jobs"]["build"]["steps"] if "run" in step
    }
    make, keep, tell = scripts.values()
    for number in range(7):
        build(job, GOOD, 0)
        assert run(job, make).returncode == 0
        assert run(job, keep, GITHUB_RUN_ID=str(number)).returncode == 0
    assert len(list((job / "good-logs").iterdir())) == 5
    build(job, BAD, 2)
    assert run(job, make).returncode == 2
    summary = job / "summary.md"
    done = run(job, tell, GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 0, done.stderr
    text = summary.read_text("utf-8")
    assert text.startswith("**1 difference from the good runs**") and "error: expected" in text


def test_the_gitlab_job_writes_markdown_and_a_page(job: Path):
    told = steps("gitlab-ci.yml")["build"]
    script, after = "\n".join(told["script"]), "\n".join(told["after_script"])
    main = {"CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main", **told["variables"]}
    build(job, GOOD, 0)
    assert run(job, script, CI_JOB_ID="1", **main).returncode == 0
    build(job, BAD, 2)
    assert run(job, script, CI_JOB_ID="2", **(main | {"CI_COMMIT_BRANCH": "topic"})).returncode == 2
    done = run(job, after, CI_JOB_STATUS="failed", **main)
    assert done.returncode == 0, done.stderr
    assert "error: expected" in (job / "difference.md").read_text("utf-8")
    assert "error: expected" in (job / "difference.html").read_text("utf-8")
    assert [path.name for path in (job / "good-logs").iterdir()] == ["build-1.log"]
    (job / "difference.md").unlink()
    run(job, after, CI_JOB_STATUS="success", **main)
    assert not (job / "difference.md").exists()
