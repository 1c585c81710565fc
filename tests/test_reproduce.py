"""`logllm reproduce`: a recipe in, a result file and the paper's row beside it out."""

import json

import pytest
import yaml

from logllm.errors import LogllmError
from logllm.training.logllm import prior_shift
from logllm.training.recipe import read_recipe
from logllm.training.reproduce import preprocessed, reproduce
from logllm.training.result_file import locked_result
from logllm.training.result_table import f1_interval, report

SHORT = {"preset": "tiny", "max_samples": 32, "last_epochs": 1, "patience": 0}


@pytest.fixture
def recipe(small_dataset, tmp_path):
    """A recipe file of two short rows, and its content."""
    content = {
        "name": "small",
        "title": "HDFS, simulated",
        "data": {
            "system": "hdfs",
            "raw": "hdfs.log",
            "labels": "anomaly_label.csv",
            "split": "paper",
            "validation_share": 0.2,
        },
        "seeds": [0, 1],
        "rows": {"masked": dict(SHORT), "templates": {**SHORT, "preprocessing": "template"}},
        "paper": {"masked": {"f1": 0.997}},
        "note": "a\nsimulator",
    }
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(content))
    return file, content


@pytest.mark.timeout(900)
def test_it_runs_what_is_lacking_and_says_it_beside_the_paper(recipe, small_dataset, tmp_path):
    file, content = recipe
    target = tmp_path / "results" / "small.json"
    first = reproduce(file, small_dataset, target, seeds=[0], work=tmp_path / "work", progress=False)
    assert [(run["row"], run["seed"]) for run in first["runs"]] == [("masked", 0), ("templates", 0)]
    assert {"flag everything", "new template", "nearest labelled count vector"} < set(first["baselines"])
    assert {"log_odds_0", "natural_prior"} == set(first["runs"][0]["decisions"])
    marked = json.loads(target.read_text())
    marked["runs"][0]["metrics"]["tp"] += 1000  # a run that stands there is not made again
    target.write_text(json.dumps(marked))
    again = reproduce(file, small_dataset, target, work=tmp_path / "work", seeds=[0], progress=False)
    assert len(again["runs"]) == 2 and again["runs"][0]["metrics"]["tp"] >= 1000
    text = report(first)
    assert "| masked |" in text and "0.997 (" in text and "Why the two may differ: a simulator" in text
    # a row of other settings is run again, one that is gone is forgotten, another title changes nothing
    content["title"] = "another title"
    content["rows"].pop("templates")
    file.write_text(yaml.safe_dump(content))
    other = reproduce(file, small_dataset, target, work=tmp_path / "work", seeds=[1], progress=False)
    assert [(run["row"], run["seed"]) for run in other["runs"]] == [("masked", 0), ("masked", 1)]
    assert all(run["made"]["commit"] and run["made"]["time"] for run in other["runs"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": [1]}, "found 'seed': did you mean seeds"),
        ({"title": None}, "must have title, found none"),
        (
            {"rows": {"a": {"preset": "tiny", "epoch": 3}}},
            "row 'a' of small.yaml: a recipe's key must be one of its settings",
        ),
        ({"rows": {"a": {"preprocessing": "none"}}}, "preprocessing must be one of regular expressions, raw"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(recipe, change, said):
    file, content = recipe
    content |= change
    file.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))
    with pytest.raises(LogllmError) as refused:
        read_recipe(file)
    assert said in str(refused.value)


def test_a_log_that_is_not_there_is_named(recipe, tmp_path):
    with pytest.raises(LogllmError, match=r"found no hdfs\.log in .*: give --data DIR"):
        reproduce(recipe[0], tmp_path, tmp_path / "r.json", progress=False)
    with pytest.raises(LogllmError, match="a recipe must be a YAML file or the name of one, found none"):
        read_recipe(tmp_path / "nothing.yaml")


def test_the_interval_of_an_f1_is_that_of_drawing_windows_again():
    low, high = f1_interval([{"tp": 28, "fp": 1, "fn": 1, "tn": 19970}])  # LogLLM's Thunderbird row: F1 .966
    assert 0.89 < low < 0.93 and high == 1.0
    wide = f1_interval([{"tp": 28, "fp": 1, "fn": 1, "tn": 900}, {"tp": 14, "fp": 15, "fn": 15, "tn": 900}])
    assert wide[0] < 0.5 and wide[1] > 0.95  # seeds that differ widen it


def test_messages_become_templates_or_their_numbers(small_dataset):
    from logllm.hf_datasets import load_templates, load_windows

    rows = load_windows(small_dataset / "built", "hdfs")["validation"].select(range(3))
    table = load_templates(small_dataset / "built", "hdfs")
    texts = {row["key"]: row["text"] for row in table["templates"]}
    changed = preprocessed(rows, "template", table)
    assert [[texts.get(k, m) for k, m in zip(r["keys"], r["lines"])] for r in rows] == changed["lines"][:]
    numbered = preprocessed(rows, "template id", table)["lines"][:]
    assert all(
        message.startswith("event") and message.split() == [message] for window in numbered for message in window
    )
    assert preprocessed(rows, "raw", table) is rows


def test_oversampling_moves_where_the_model_is_undecided():
    assert prior_shift(0.3, [1] * 30 + [0] * 70) == 0.0
    assert prior_shift(0.3, [1] * 3 + [0] * 97) == pytest.approx(2.63, abs=0.01)
    assert prior_shift(0.7, [1] * 90 + [0] * 10) == pytest.approx(
        -1.35, abs=0.01
    )  # the normal class was the rarer one
    assert prior_shift(1.0, [1, 0]) == prior_shift(0.3, [0]) == 0.0


def test_a_result_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "result.json"
    with locked_result(file, {"recipe": 1}) as result:
        result["runs"].append("a")
    with pytest.raises(RuntimeError), locked_result(file, {"recipe": 1}) as result:
        result["runs"].append("b")
        raise RuntimeError
    assert json.loads(file.read_text())["runs"] == ["a"]
    with locked_result(file, {"recipe": 2}) as result:
        assert result["runs"] == []


def test_a_run_stays_as_long_as_its_rows_settings_are_the_same(tmp_path):
    file, recipe = tmp_path / "result.json", {"name": "a", "title": "A", "rows": {"x": {"preset": "tiny"}, "y": {}}}
    with locked_result(file, {"recipe": recipe}) as result:
        result["runs"] = [{"row": "x", "seed": 0}, {"row": "y", "seed": 0}]
    changed = {**recipe, "title": "B", "rows": {"x": {"preset": "laptop"}, "y": {}, "z": {}}}
    with locked_result(file, {"recipe": changed}) as result:
        assert [run["row"] for run in result["runs"]] == ["y"] and result["recipe"]["title"] == "B"
