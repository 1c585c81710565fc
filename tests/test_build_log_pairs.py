"""`logllm build cidiff`: pairs of build logs as a dataset."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from logllm.cli.app import app
from logllm.hf_datasets.build_log_pairs import build_pairs, project_of, read_labels, split_of, steps_of
from logllm.hf_datasets.errors import LogInputError


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    for name, second in (("alpha_1", True), ("alpha_2", False), ("gamma_1", False), ("quickchecks_run1", False)):
        pair = folder / "pairs" / name
        pair.mkdir(parents=True)
        (pair / "pass.log").write_bytes(b"==> build\nok\rdone\r\nend\n")
        (pair / "fail.log").write_bytes(b"==> build\nok\rerror: x\r\nmore\nend\n")
        (pair / "groundtruth").write_text("DEFAULT\nE 3\nC 4\n", "utf-8")
        if second:
            (pair / "groundtruth2").write_text("DEFAULT\nE 3-4\n", "utf-8")
    (folder / "LICENSE").write_text("Apache License 2.0\n", "utf-8")
    (folder / "NOTICE").write_text("CiDiff\n", "utf-8")
    return folder


def test_the_dataset_loads_with_columns_labels_and_splits_by_project(raw: Path, tmp_path: Path):
    datasets = pytest.importorskip("datasets")
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["build", "cidiff", "--raw", str(raw), "--out", str(out)])
    assert done.exit_code == 0, done.output
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    rows = [row for split in loaded.values() for row in split]
    assert set(rows[0]) == {"pair", "project", "run", "step", "line", "text", "label", "label_second"}
    first = [row for row in rows if row["pair"] == "alpha_1" and row["run"] == "fail"]
    assert [row["line"] for row in first] == [1, 2, 3, 4, 5, 6]
    assert [row["text"] for row in first] == ["==> build", "ok", "error: x", "more", "end", ""]
    assert [row["label"] for row in first] == ["none", "none", "error", "context", "none", "none"]
    assert [row["label_second"] for row in first] == ["none", "none", "error", "error", "none", "none"]
    assert {row["step"] for row in first} == {"==> build"}
    assert all(row["label"] is None for row in rows if row["run"] == "pass")
    assert all(row["label_second"] is None for row in rows if row["pair"] == "alpha_2")
    where: dict[str, str] = {}
    for split, table in loaded.items():
        for project in set(table["project"]):
            assert where.setdefault(project, split) == split
    card = (out / "README.md").read_text("utf-8")
    assert "license: apache-2.0" in card and "2504.18182" in card and "Jaccard index of 0.5" in card
    assert yaml.safe_load((out / "eval.yaml").read_text("utf-8"))["tasks"] == [
        {"id": "cidiff", "config": "cidiff", "split": "test"}
    ]
    assert (out / "LICENSE").exists() and (out / "NOTICE").exists()


def test_the_same_data_gives_the_same_checksums_and_other_data_others(raw: Path, tmp_path: Path):
    first, again = build_pairs(raw, tmp_path / "a"), build_pairs(raw, tmp_path / "a")
    assert first["splits"] == again["splits"]
    (raw / "pairs" / "gamma_1" / "groundtruth").write_text("DEFAULT\nE 4\n", "utf-8")
    other = build_pairs(raw, tmp_path / "a")
    split = next(name for name, told in first["splits"].items() if "gamma" in told["projects"])
    assert first["splits"][split]["checksum"] != other["splits"][split]["checksum"]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("E 2", ["none", "error", "none"]),
        ("E 1-2\nC 2-3", ["error", "error", "context"]),
        ("C 1\nE 1", ["error", "none", "none"]),
        ("FULL_GITHUB", ["none", "none", "none"]),
    ],
)
def test_labels_are_read_line_by_line(tmp_path: Path, row: str, found: list[str]):
    (tmp_path / "groundtruth").write_text(f"DEFAULT\n{row}\n", "utf-8")
    assert read_labels(tmp_path / "groundtruth", 3) == found


def test_a_label_beyond_the_log_a_folder_without_pairs_and_a_lost_log_are_one_sentence(raw: Path, tmp_path: Path):
    (raw / "pairs" / "alpha_1" / "groundtruth").write_text("DEFAULT\nE 99\n", "utf-8")
    with pytest.raises(LogInputError, match=r"must name lines 1 to 6, found 'E 99'"):
        build_pairs(raw, tmp_path / "out")
    with pytest.raises(LogInputError, match="found none in"):
        build_pairs(tmp_path / "nowhere", tmp_path / "out")
    (raw / "pairs" / "alpha_1" / "fail.log").unlink()
    with pytest.raises(LogInputError, match=r"must hold fail.log"):
        build_pairs(raw, tmp_path / "out")


def test_workflows_of_one_repository_are_one_project_and_a_split_does_not_move():
    assert project_of("quickchecks_run1") == project_of("buildterraform_7") == "terraform"
    few, many = split_of({"alpha", "gamma"}), split_of({"alpha", "beta", "gamma", "terraform"})
    assert all(many[name] == split for name, split in few.items()) and many["terraform"] == "train"


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("2022-04-12T19:19:54.2991844Z ##[group]Run go test ./...", "##[group]Run go test ./..."),
        (
            "[\x1b[1;34mINFO\x1b[m] --- maven-compiler-plugin:3.8.1:compile (default) @ x ---",
            "[INFO] --- maven-compiler-plugin:3.8.1:compile (default) @ x ---",
        ),
        ("Step 3/10 : RUN make", "Step 3/10 : RUN make"),
        ("> Task :compileJava", "> Task :compileJava"),
        ("make[1]: Entering directory '/x'", "make[1]: Entering directory '/x'"),
        ("just a line", ""),
    ],
)
def test_steps_are_read_from_the_lines_that_open_them(line: str, step: str):
    assert steps_of([line, "next"]) == [step, step]
