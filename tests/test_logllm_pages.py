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


def test_a_row_on_the_page_has_the_settings_that_its_recipe_names_or_is_left_out_in_words():
    from benchmarks.experiments import logllm_render
    from logllm.training.recipe import read_recipe
    from logllm.training.result_table import report

    checked = 0
    for file in sorted((ROOT / "benchmarks" / "recipes").glob("logllm_*.yaml")):
        place, recipe = ROOT / "benchmarks" / "results" / f"{file.stem}.json", read_recipe(file)
        shown = logllm_render.load(file.stem)
        if shown is None:
            continue
        before = json.loads(place.read_text("utf-8"))
        assert shown["recipe"] == recipe  # title, note and the paper's figures too
        for run in before["runs"]:
            same = before["recipe"]["rows"].get(run["row"]) == recipe["rows"].get(run["row"])
            ids = recipe["rows"].get(run["row"], {}).get("preprocessing") == "template id"
            same = same and (not ids or "time" in run.get("made", {}) or run.get("encoder_kind") == "embedding")
            assert same == (run in shown["runs"]), (file.stem, run["row"])
            checked += 1
        assert not shown["left_out"] or f"have now: {'; '.join(shown['left_out'])}." in report(shown)
    assert checked > 100


def test_the_share_of_hdfs_in_the_titles_is_that_of_the_results():
    from benchmarks.experiments import logllm_render
    from logllm.hf_datasets import get_system

    every = get_system("hdfs").paper.sequences
    for name in ("hdfs_random", "hdfs_chronological", "ablations_hdfs", "template_id_hdfs"):
        result = logllm_render.load(f"logllm_{name}")
        ours = sum(split["windows"] for split in result["splits"].values())
        assert f"{ours:,} of its {every:,} blocks" in result["recipe"]["title"]


def test_the_share_of_bgl_in_the_notes_is_that_of_the_results():
    from benchmarks.experiments import logllm_render

    for name in ("logllm_ablations_bgl", "logllm_beta_time_bgl"):
        result = logllm_render.load(name)
        share = result["splits"]["train"]["anomalous_share"]
        assert f"{share:.1%}".replace("%", " %") in result["recipe"]["note"].replace("\n", " ")
        same = [[run["metrics"]["f1"] for run in result["runs"] if run["row"] == f"beta {b} %"] for b in (0, 10)]
        assert share > 0.1 and same[0] == same[1]
