"""A build log without a good run: what the ranker knows leads, and other logs stay as they are."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from logllm.diff.failures import failure_findings, failure_lines
from logllm.diff.table import chunked
from logllm.signals.command import ScanOptions, run_scan

SHARED = Path(os.environ.get("LOGLLM_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"
BUILD = [
    "##[group]Run actions/checkout", "Syncing repository: x/y", "remote: Counting objects: 100% (12/12), done.", "##[endgroup]",
    "##[group]Run make", *(f"gcc -c src/file{at}.c" for at in range(30)),
    "src/file30.c:12:5: error: 'x' undeclared (first use in this function)", "make: *** [Makefile:3: file30.o] Error 1",
    "##[error]Process completed with exit code 2.", "Post job cleanup.",
]  # fmt: skip


def test_the_failing_lines_of_a_build_are_shown_and_little_else():
    found = failure_lines(chunked(BUILD))
    shown = found.shown.nonzero()[0].tolist()
    assert found.build and found.failed and 35 in shown
    assert not set(shown) & set(range(34)), shown


def test_scan_leads_with_the_failure_of_a_build(tmp_path: Path):
    path = tmp_path / "build.log"
    path.write_text("\n".join(BUILD) + "\n", "utf-8")
    _, text = run_scan([str(path)], ScanOptions(as_json=True, quiet=True))
    head, first, *rest = [json.loads(row) for row in text.splitlines()]
    assert first["is_anomalous"] and any(line["number"] == 36 for line in first["lines"])
    assert any("failed build" in note for note in head["head"]["notes"])
    assert [row["rank"] for row in [first, *rest]] == list(range(1, len(rest) + 2))


@pytest.mark.parametrize(
    "lines",
    [
        [  # a build that did not fail, with a script that is only shown
            "\x1b[36;1m  exit 1\x1b[0m",
            *(line for line in BUILD if "error" not in line.lower()),
            "Cleaning up orphan processes",
        ],
        [f"2026-01-01 00:00:{at % 60:02d} ERROR connection {at} failed" for at in range(50)],  # no build
        [],
    ],
)
def test_other_logs_stay_as_they_are(tmp_path: Path, lines: list[str]):
    path = tmp_path / "x.log"
    path.write_text("".join(line + "\n" for line in lines), "utf-8")
    assert failure_findings(str(path)) == []


def test_the_stated_cause_of_every_shared_rpm_build_is_among_the_first_ten():
    folder = SHARED / "logdetective"
    if not folder.is_dir():
        pytest.skip("the shared builds are not here: set LOGLLM_SHARED")
    from logllm.diff.compare import judge
    from logllm.diff.good import read_good
    from logllm.diff.sources import line_chunks
    from logllm.diff.table import make_table

    for build in json.loads((folder / "builds.json").read_text("utf-8")):
        for file in build["files"]:
            wanted = {number for low, high in file["show"] for number in range(low, high + 1)}
            if not wanted:
                continue
            found = judge(
                make_table(line_chunks(str(folder / file["file"])), None), read_good([]), file["file"]
            ).findings
            assert any(wanted & {line.number for line in one.lines} for one in found[:10]), file["file"]
