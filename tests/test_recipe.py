"""Recipes of `logllm reproduce`: found by name, checked, cut down to rows and seeds."""

from pathlib import Path

import pytest
import yaml

from logllm.errors import LogllmError
from logllm.training.recipe import chosen_rows, chosen_seeds, find_recipe, read_recipe, training_settings

RECIPES = Path(__file__).resolve().parent.parent / "benchmarks" / "recipes"
WHOLE = {
    "name": "a",
    "title": "A",
    "data": {"system": "hdfs", "raw": "hdfs.log"},
    "seeds": [0, 1],
    "rows": {"as the paper says": {"preset": "tiny"}, "raw": {"preprocessing": "raw"}},
}


def written(tmp_path, change):
    file = tmp_path / "a.yaml"
    file.write_text(yaml.safe_dump({k: v for k, v in (WHOLE | change).items() if v is not None}))
    return file


def test_every_recipe_of_the_repository_can_be_read():
    files = sorted(RECIPES.glob("logllm_*.yaml"))
    assert len(files) >= 9
    for file in files:
        assert read_recipe(file)["name"] == file.stem


def test_a_recipe_is_found_by_its_name():
    assert find_recipe("logllm_paper_bgl") == find_recipe("logllm_paper_bgl.yaml")
    with pytest.raises(LogllmError, match="found none at logllm_papr_bgl: the names there are: logllm_paper_bgl"):
        find_recipe("logllm_papr_bgl")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seeds": [0, 1, 0]}, "must name each seed once, found 0 twice"),
        ({"seeds": "0,1"}, "must be a list of whole numbers, found '0,1'"),
        ({"seeds": [0.5]}, "must be whole numbers from 0, found 0.5"),
        ({"rows": {}}, "rows must be a mapping of names to settings, found {}"),
        ({"rows": {"a": {"family": "deeplog"}}}, "family of row 'a' must be one of logllm, logllama, found 'deeplog'"),
        ({"rows": {"a": {"family": "logllama", "stages": "official"}}}, "must have settings of logllama .*'stages'"),
        ({"rows": {"a": {"hold_out": "no"}}}, "hold_out must be true or false, found 'no' in row 'a'"),
        ({"rows": {"a": {"clipping": -1}}}, "row 'a' of a.yaml: clipping must be at least 0, found -1"),
        ({"data": {"system": "hdfs"}}, "data must name a system and a raw log"),
        ({"paper": {"b": {"f1": 1.0}}}, "paper must name rows of the recipe, found 'b'"),
        ({"runner": "run_logllama.py"}, "must have rows and no runner, found runner: run_logllama.py"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(tmp_path, change, said):
    with pytest.raises(LogllmError, match=said):
        read_recipe(written(tmp_path, change))


def test_what_is_no_yaml_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("rows: [\n")
    with pytest.raises(LogllmError, match="a recipe must be YAML, found"):
        read_recipe(tmp_path / "a.yaml")


def test_rows_are_chosen_by_a_word_of_their_name():
    assert chosen_rows(WHOLE, None) == ["as the paper says", "raw"]
    assert chosen_rows(WHOLE, ["PAPER"]) == ["as the paper says"]
    assert chosen_rows(WHOLE, ["raw"]) == ["raw"]
    with pytest.raises(LogllmError, match="found 'code': there are as the paper says; raw"):
        chosen_rows(WHOLE, ["code"])


def test_seeds_are_chosen_among_the_recipes():
    assert chosen_seeds(WHOLE, None) == [0, 1] and chosen_seeds(WHOLE, [1]) == [1]
    for seeds, said in (([7], r"among the recipe's \(0, 1\), found 7"), ([1, 1], "found 1 twice")):
        with pytest.raises(LogllmError, match=said):
            chosen_seeds(WHOLE, seeds)


def test_template_ids_are_read_by_an_embedding_layer():
    assert training_settings({"preprocessing": "template id", "hold_out": False}) == {
        "mask": False,
        "encoder_kind": "embedding",
    }
