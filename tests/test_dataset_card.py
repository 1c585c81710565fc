"""A built dataset as the Hub and `datasets` see it: default configuration, columns and sizes, licence, simulated or not."""

import json

import pytest
import yaml
from datasets import load_dataset
from huggingface_hub import DatasetCard

from logllm.hf_datasets.simulation.marker import is_simulated
from logllm.hf_datasets.simulation.simulate import simulate
from logllm.training.building import build_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A simulated HDFS dataset and a real one (the same lines, without the marker), side by side."""
    out = tmp_path_factory.mktemp("card")
    simulate("hdfs", 3000, 5, out, anomaly_share=0.2)
    simulate("bgl", 3000, 5, out, anomaly_share=0.2)
    settings = {"validation_share": 0.2, "progress": False}
    build_dataset("hdfs", [out / "hdfs.log"], out / "simulated", labels=out / "anomaly_label.csv", **settings)
    (out / "real.log").write_bytes((out / "hdfs.log").read_bytes())
    build_dataset("hdfs", [out / "real.log"], out / "real", labels=out / "anomaly_label.csv", **settings)
    build_dataset("hdfs", [out / "real.log"], out / "both", labels=out / "anomaly_label.csv", **settings)
    build_dataset("bgl", [out / "bgl.log"], out / "both", **settings)
    return out


@pytest.mark.parametrize("name", ["simulated", "real", "both"])
def test_the_folder_alone_loads_its_default_configuration(folder, name):
    bare = load_dataset(str(folder / name))
    first = "bgl" if name == "both" else "hdfs"
    statistics = json.loads((folder / name / first / "statistics.json").read_text())
    assert {split: rows.num_rows for split, rows in bare.items()} == {
        split: row["windows"] for split, row in statistics["splits"].items()
    }


def test_columns_and_sizes_stand_in_the_front_matter(folder):
    front = DatasetCard.load(folder / "real" / "README.md").data.to_dict()
    (windows, templates) = front["dataset_info"]
    assert (windows["config_name"], templates["config_name"]) == ("hdfs", "hdfs-templates")
    statistics = json.loads((folder / "real" / "hdfs" / "statistics.json").read_text())
    assert {one["name"]: one["num_examples"] for one in windows["splits"]} == {
        split: row["windows"] for split, row in statistics["splits"].items()
    }
    files = sum(file.stat().st_size for file in (folder / "real" / "hdfs").glob("t*-*.parquet"))
    assert 0 < files < windows["download_size"] <= windows["dataset_size"] * 10
    columns = {one["name"] for one in windows["features"]}
    assert {"window_id", "lines", "keys", "label"} <= columns
    loaded = load_dataset(str(folder / "real"), "hdfs", split="train")
    assert loaded.features["label"].names == ["normal", "anomalous"]


def test_a_simulated_log_is_called_so_and_shows_no_source_of_another(folder):
    assert is_simulated(folder / "hdfs.log") and not is_simulated(folder / "real.log")
    card = DatasetCard.load(folder / "simulated" / "README.md")
    assert card.data.license == "apache-2.0" and {"simulated", "synthetic"} <= set(card.data.tags)
    assert "simulated" in card.data.pretty_name and "**Simulated**" in card.text
    for word in ("zenodo", "logpai", "Loghub", "Table I"):
        assert word not in card.text, word
    real = DatasetCard.load(folder / "real" / "README.md")
    assert "Simulated" not in real.text and "zenodo" in real.text
    assert (real.data.license, real.data.license_name) == ("other", "loghub") and "logpai" in real.data.license_link
    both = DatasetCard.load(folder / "both" / "README.md")
    assert both.data.license_name == "loghub" and "**Simulated**" in both.text and "zenodo" in both.text


def test_a_log_that_was_changed_after_the_simulation_is_not_taken_for_simulated(tmp_path):
    simulate("bgl", 50, 1, tmp_path)
    with (tmp_path / "bgl.log").open("a") as file:
        file.write("- 1 2 3 real line\n")
    assert not is_simulated(tmp_path / "bgl.log")


def test_the_test_splits_are_tasks_for_the_results_of_models(folder):
    told = yaml.safe_load((folder / "both" / "eval.yaml").read_text())
    assert told["tasks"] == [{"id": name, "config": name, "split": "test"} for name in ("bgl", "hdfs")]


@pytest.mark.parametrize("name", ["simulated", "both"])
def test_croissant_is_valid_and_reads_the_rows(folder, name):
    mlcroissant = pytest.importorskip("mlcroissant")
    described = mlcroissant.Dataset(jsonld=folder / name / "croissant.json")
    assert not described.metadata.ctx.issues.errors
    sets = {one.id for one in described.metadata.record_sets}
    assert sets == {f"{one}-{split}" for one in (["bgl", "hdfs"] if name == "both" else ["hdfs"]) for split in
                    ("train", "validation", "test")}  # fmt: skip
    first = next(iter(described.records("hdfs-test")))
    row = load_dataset(str(folder / name), "hdfs", split="test")[0]
    values = {key.rpartition("/")[2]: value for key, value in first.items()}
    assert values["window_id"] in (row["window_id"], row["window_id"].encode())
    assert values["label"] == row["label"] and len(values["lines"]) == len(row["lines"])
