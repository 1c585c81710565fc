"""The page of pretrained weights is what its result files say."""

import statistics

import pytest

from benchmarks.experiments.logllm_pretrained import ROWS, few_labels
from benchmarks.pages import pretrained


def test_the_page_is_what_would_be_rendered():
    pretrained.main(check=True)


def test_a_changed_result_would_be_noticed(monkeypatch):
    result = pretrained.load("logllm_pretrained")
    if result is None:
        pytest.skip("nothing was measured")
    result["runs"][0]["figures"][0]["f1"] = 0.123
    monkeypatch.setattr(pretrained, "load", lambda name: result if name == "logllm_pretrained" else None)
    with pytest.raises(SystemExit, match=r"pretrained.md differs from what the results say"):
        pretrained.main(check=True)


def test_rows_differ_from_their_counterparts_in_the_decoder_alone():
    for name, row in ROWS.items():
        if name.startswith("random decoder"):
            other = ROWS[name.replace("random decoder", "pretrained decoder")]
            assert {key: value for key, value in row.items() if key not in ("random_decoder", "lora")} == other


def test_few_labels_keeps_all_normal_windows_and_so_many_anomalous():
    from datasets import Dataset

    def part(normal, anomalous, name):
        lines = [[f"{name} {i}"] for i in range(normal + anomalous)]
        return Dataset.from_dict({"lines": lines, "label": [0] * normal + [1] * anomalous})

    rows = {"train": part(40, 20, "train"), "validation": part(10, 5, "held"), "test": part(5, 5, "test")}
    few = few_labels(rows, 10, seed=0)
    counts = {name: (some["label"][:].count(0), some["label"][:].count(1)) for name, some in few.items()}
    assert counts == {"train": (40, 8), "validation": (10, 2), "test": (5, 5)}
    assert few_labels(rows, 10, seed=1)["train"]["lines"][:] != few["train"]["lines"][:]
    assert few_labels(rows, 10, seed=0)["train"]["lines"][:] == few["train"]["lines"][:]
    train, held = ({line for lines in few[name]["lines"] for line in lines} for name in ("train", "validation"))
    assert not train & held
    assert few_labels(rows, None, seed=0)["train"] is rows["train"]


def test_figures_of_reworded_logs_in_papers_and_changelog_are_the_results():
    from pathlib import Path

    def f1(file, row, share, **fields):
        runs = [run for run in pretrained.load(file)["runs"] if run["row"] == row and fields.items() <= run.items()]
        return pretrained.mean_of(
            [statistics.mean(f["f1"] for r in runs for f in r["figures"] if f["share"] == share)]
        )

    plain = "pretrained decoder, 4 layers"
    nearest = f"nearest wording by MiniLM, then {plain}"
    after, before = (f1("logllm_pretrained", row, 1.0, task="hdfs")[1:] for row in (nearest, plain))
    (as_it_was,) = {f1("logllm_pretrained", row, 0.0, task="hdfs")[1:] for row in (nearest, plain)}
    varied, not_varied = (
        f1("logllm_reworded", f"LogLLM, laptop{rest}", 0.0)[1:] for rest in ("", ", messages not varied")
    )
    root = Path(__file__).resolve().parent.parent
    papers = (root / "docs" / "explanation" / "papers.md").read_text("utf-8")
    assert f"F1 {after} in place of {before} on HDFS reworded throughout, {as_it_was} both" in papers
    assert f"({varied} in place of {not_varied}," in papers
    changes = " ".join((root / "CHANGELOG.md").read_text("utf-8").split())
    assert f"F1 {after} on the log reworded throughout, {before} without it, and {as_it_was} on the log" in changes
