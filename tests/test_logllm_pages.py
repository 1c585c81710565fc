"""LogLLM's result page is what its result files say, and a changed result would be noticed."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_page_is_what_would_be_rendered():
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.experiments.logllm_render", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


def test_a_changed_result_would_be_noticed(monkeypatch):
    from logllm.training.result_table import report

    result = json.loads((ROOT / "benchmarks" / "results" / "logllm_hdfs_random.json").read_text("utf-8"))
    before = report(result)
    result["runs"][0]["metrics"]["f1"] -= 0.5
    assert report(result) != before


def test_rewording_keeps_what_varies_and_is_the_same_for_a_template(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from benchmarks.comparison.rewording import chosen_templates, reword_message, reword_templates

    template = "Deleting block <*> file <*>"
    first, second = (reword_message(f"Deleting block blk_{i} file /a/{i}", template, 3) for i in (1, 2))
    assert first != "Deleting block blk_1 file /a/1" and "blk_1" in first and "/a/1" in first
    assert first.replace("blk_1", "").replace("/a/1", "") == second.replace("blk_2", "").replace("/a/2", "")
    assert reword_message(f"Deleting block blk_{1} file /a/1", template, 4) != first
    many = [f"template {letter}" for letter in "abcdefghij"]
    assert len(chosen_templates(many, 0.4, 0)) == 4 and not chosen_templates(many, 0.0, 0)
    assert reword_templates([["Deleting block blk_1 file /a"]], [template], 0.0) == [["Deleting block blk_1 file /a"]]
