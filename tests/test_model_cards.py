"""A card shows every number that it was given, and no other."""

import math
import re

import pytest
import yaml
from huggingface_hub import DatasetCard, ModelCard, SpaceCard, parse_eval_result_entries

from logllm.model_cards import (
    render_dataset_card,
    render_eval_results,
    render_model_card,
    render_space_card,
    write_card,
)

SYSTEM = {"name": "bgl", "title": "BGL | <b>Blue Gene</b>", "window": {"kind": "fixed", "size": 137, "step": None}}
CONFIGS = {
    "logllm": {
        "model_type": "logllm",
        "threshold": 1.23456,
        "pooling": "mean",
        "max_messages": 129,
        "max_message_tokens": 101,
        "long_windows": "overlap",
        "prompt_prefix": "Below is a sequence of system log messages:",
        "prompt_suffix": ". Is this sequence normal or anomalous? \n",
        "answers": ["The sequence is normal.", "The sequence is anomalous."],
        "encoder_config": {"model_type": "bert", "hidden_size": 66, "num_hidden_layers": 3, "layer_norm_eps": 1e-12},
        "decoder_config": {"model_type": "llama", "hidden_size": 88, "vocab_size": 3217},
        "log_system": SYSTEM,
    },
    "logllama": {
        "model_type": "logllama",
        "threshold": 7.65432,
        "score_by": "likelihood+counts",
        "count_weight": 80.5,
        "num_count_vectors": 1011,
        "num_candidates": 14,
        "predict_end": True,
        "unseen_score": 11.75,
        "context_keys": 511,
        "hidden_size": 72,
        "num_hidden_layers": 18,
        "num_attention_heads": 12,
        "log_system": SYSTEM,
    },
}
METRICS = {
    "test": {
        "precision": 0.912345678,
        "recall": 0.881234,
        "f1": 0.8965,
        "auroc": 0.99913,
        "pr_auc": 0.98127,
        "tp": 119,
        "fp": 13,
        "fn": 17,
        "tn": 4462,
        "threshold": 1.5,
        "windows": 4611,
        "seconds": 7.651,
        "baselines": {
            "flag everything": {
                "precision": 0.0293,
                "recall": 1.0,
                "f1": 0.0569,
                "tp": 136,
                "fp": 4475,
                "fn": 0,
                "tn": 0,
            },
            "new template": {"precision": 0.551, "recall": 0.5276, "f1": 0.539},
        },
    },
    "validation": {"precision": 0.75, "recall": 0.625, "f1": 0.6818, "auroc": None, "pr_auc": math.nan},
}
TRAINING = {
    "dataset": "somebody/logs",
    "dataset_config": "bgl",
    "split_checksum": "ab12cd34",
    "seed": 43,
    "preset": "tiny",
    "stages": [
        {"name": "answers", "trains": ["decoder"], "epochs": 3, "learning_rate": 5e-4, "samples": 1009},
        {"name": "everything", "trains": ["encoder", "projector"], "epochs": 5, "loss": 0.012345},
    ],
    "seconds": 93.47,
    "versions": {"torch": "2.99.1", "transformers": "5.98.7"},
    "machine": "two cores | x86 <b>bold</b>",
    "filled_in": {"width": 721, "why": "a head of 5 is odd"},
}
# The only figures of ours: the papers' arXiv numbers and years, and the licence.
OURS = {"2411.08561", "2024", "2503.14849", "2025"}


def numbers_in(text):
    """Every free-standing number of a text; digits inside a word (F1, sha256, ab12) are part of a name."""
    return {
        found.replace(",", "").rstrip(".")
        for found in re.findall(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)*(?:e-?\d+)?(?![\w])", text)
    }


def given(values):
    """The numbers of nested plain values, each in every form that a card may show."""
    if isinstance(values, dict):
        return set().union(*(given(item) for item in values.values()), set())
    if isinstance(values, list):
        return set().union(*(given(item) for item in values), set())
    if isinstance(values, bool) or values is None:
        return set()
    if isinstance(values, str):
        return numbers_in(values)
    return {str(values), f"{values:.4g}", f"{values:.0f}"} if not math.isnan(values) else set()


def body_of(card):
    return card.split("\n---\n", 1)[1]


def metadata_of(card):
    return yaml.safe_load(card.split("---\n")[1])


@pytest.mark.parametrize("family", CONFIGS)
def test_every_number_given_and_no_other(family):
    text = body_of(render_model_card(CONFIGS[family], METRICS, TRAINING))
    shown = numbers_in(text)
    assert not shown - given([CONFIGS[family], METRICS, TRAINING]) - OURS
    config = {name: value for name, value in CONFIGS[family].items() if not isinstance(value, dict)}
    wanted = [*METRICS["test"].values(), *METRICS["validation"].values(), *config.values(), SYSTEM["window"]["size"]]
    wanted += [value for row in METRICS["test"]["baselines"].values() for value in row.values()]
    wanted += [value for row in TRAINING["stages"] for value in row.values()]
    wanted += [TRAINING["seconds"], TRAINING["seed"], TRAINING["filled_in"]["width"]]
    for value in wanted:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value):
            assert given(value) & shown, value
    for word in ("2.99.1", "5.98.7", "ab12cd34", "tiny", "flag everything", "new template", "trust_remote_code=True"):
        assert word in text


@pytest.mark.parametrize("family", CONFIGS)
def test_nothing_is_claimed_without_a_record(family):
    card = render_model_card({"model_type": family}, {}, {})
    assert not numbers_in(body_of(card)) - OURS
    assert "not measured" in card and "not recorded" in card
    metadata = metadata_of(card)
    assert "model-index" not in metadata and "metrics" not in metadata
    assert metadata["license"] == "apache-2.0"


def test_missing_metrics_are_said_to_be_missing():
    card = render_model_card(CONFIGS["logllm"], {"validation": METRICS["validation"]}, TRAINING)
    row = next(line for line in card.splitlines() if line.startswith("| this model"))
    assert row.count("not measured") == 6  # AUROC, PR-AUC and the four counts
    assert "baselines were not measured" in card
    results = metadata_of(card)["model-index"][0]["results"]
    assert [metric["type"] for metric in results[0]["metrics"]] == ["precision", "recall", "f1"]


@pytest.mark.parametrize("family", CONFIGS)
def test_the_hub_reads_the_metadata(family, tmp_path):
    path = write_card(render_model_card(CONFIGS[family], METRICS, TRAINING), tmp_path / "model")
    assert path == tmp_path / "model" / "README.md"
    data = ModelCard.load(path).data
    assert (data.library_name, data.pipeline_tag) == ("transformers", "other")
    assert data.datasets == ["somebody/logs"]
    assert set(data.metrics) == {"precision", "recall", "f1", "roc_auc", "pr_auc"}
    assert family in data.tags
    found = {(result.dataset_split, result.metric_type): result.metric_value for result in data.eval_results}
    assert found[("test", "f1")] == 0.8965 and found[("test", "precision")] == 0.912345678
    assert found[("validation", "recall")] == 0.625
    assert len(found) == 8


def test_foreign_text_stays_in_its_cell():
    card = body_of(render_model_card(CONFIGS["logllm"], METRICS, {**TRAINING, "note": "a\n# heading\n|x|[y](z)`"}))
    assert "<b>" not in card and "\n# heading" not in card
    row = next(line for line in card.splitlines() if line.startswith("| note"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


def test_base_models_bring_their_licence_question():
    config = {**CONFIGS["logllm"], "base_encoder": "some/bert", "base_decoder": "some/llama"}
    metadata = metadata_of(render_model_card(config, {}, {}))
    assert metadata["base_model"] == ["some/bert", "some/llama"]
    assert metadata["license"] == "other"
    assert metadata_of(render_model_card(config, {}, {"license": "llama3"}))["license"] == "llama3"


def test_a_folder_on_a_disk_is_not_published():
    card = render_model_card(CONFIGS["logllama"], METRICS, {**TRAINING, "dataset": "/home/someone/out"})
    assert "/home" not in card and "datasets" not in metadata_of(card)


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match="one of logllm, logllama; found 'bert'"):
        render_model_card({"model_type": "bert"}, {}, {})


BENCHMARK = [
    {"system": "One | log", "seeds": 5, "f1": 0.9123, "f1_low": 0.9011, "f1_high": 0.9234, "pr_auc": 0.8765,
     "auroc": 0.9876, "best_baseline": "decision tree", "best_baseline_f1": 0.9999},
    {"system": "Another", "seeds": 3, "f1": 0.7111, "f1_low": 0.7001, "f1_high": 0.7222, "pr_auc": None,
     "auroc": 0.8642, "best_baseline": "nearest counts", "best_baseline_f1": 0.6543},
]  # fmt: skip


@pytest.mark.parametrize("family", CONFIGS)
def test_the_benchmark_stands_on_the_card_with_the_baseline_beside(family):
    text = body_of(render_model_card(CONFIGS[family], METRICS, TRAINING, BENCHMARK))
    assert not numbers_in(text) - given([CONFIGS[family], METRICS, TRAINING, BENCHMARK]) - OURS
    assert {"0.9123", "0.9999", "0.7222", "0.6543"} <= numbers_in(text)
    said = next(line for line in text.splitlines() if line.startswith("Each log was trained on"))
    assert "as good or better (One \\| log), counting is enough" in said and "Another" not in said
    assert "several logs" not in render_model_card(CONFIGS[family], METRICS, TRAINING)


def test_the_hub_reads_the_space_card(tmp_path):
    card = render_space_card({"LogLLM": BENCHMARK, "LogLLaMA": []}, sdk_version="6.31.0", models=["me/logllm"])
    data = SpaceCard.load(write_card(card, tmp_path)).data
    assert (data.sdk, data.sdk_version, data.app_file, data.models) == ("gradio", "6.31.0", "app.py", ["me/logllm"])
    assert not numbers_in(body_of(card)) - given(BENCHMARK)
    assert "0.9123" in card and "not measured" in card  # PR-AUC of the second row
    empty = body_of(render_space_card({}))
    assert "No results are recorded" in empty and not numbers_in(empty)


STATISTICS = {
    "name": "bgl",
    "title": "BGL (Blue Gene/L supercomputer)",
    "system": {
        "name": "bgl",
        "window": {"kind": "sliding", "size": 101, "step": 51},
        "drain": {"similarity": 0.41, "depth": 4, "max_children": 99},
        "source": {"url": "https://example.invalid/bgl", "archive": "BGL.zip"},
        "licence": "Loghub: free for research.",
        "citation": "Somebody. A Log. ISSRE 2023.",
        "paper_split": "lines",
        "paper": {
            "messages": 4747963,
            "sequences": 47135,
            "train_sequences": 37708,
            "train_anomalies": 4009,
            "test_sequences": 9427,
            "test_anomalies": 817,
        },
    },
    "split": "chronological",
    "seed": 43,
    "train_share": 0.79,
    "validation_share": 0.11,
    "sources": [{"file": "BGL_part.log", "bytes": 8760688}],
    "lines": {"read": 60123, "parsed": 60099, "unparsed": 24},
    "labels": {"given": 311, "used": 302, "labels_without_session": 9, "windows_without_label": 7},
    "splits": {
        name: {
            "windows": windows,
            "messages": windows * 101,
            "anomalous": anomalous,
            "normal": windows - anomalous - 1,
            "unlabelled": 1,
            "anomalous_share": anomalous / windows,
            "lines_without_template": anomalous + 5,
            "sha256": f"{windows:064x}",
        }
        for name, windows, anomalous in (("train", 433, 41), ("validation", 53, 6), ("test", 112, 18))
    },
    "templates": {"count": 187, "mined_on": "train", "messages": 43733},
}


def test_the_dataset_card_has_every_number_and_no_other():
    text = body_of(render_dataset_card([STATISTICS, {**STATISTICS, "name": "other"}]))
    shown = numbers_in(text)
    sums = {str(number) for number in (433 + 53 + 112, 433 + 53, 41 + 6)}
    assert not shown - given(STATISTICS) - OURS - sums
    wanted = [value for split in STATISTICS["splits"].values() for value in split.values()]
    wanted += [
        *STATISTICS["lines"].values(),
        *STATISTICS["system"]["paper"].values(),
        187,
        43733,
        8760688,
        43,
        0.79,
        0.11,
    ]
    for value in wanted:
        assert given(value) & shown if not isinstance(value, str) else value in text, value
    assert sums <= shown
    assert text.count("ISSRE 2023") == 2 and text.count("Loghub: free for research.") == 2


def test_the_hub_reads_the_dataset_card(tmp_path):
    splits = {**STATISTICS["splits"], "validation": {**STATISTICS["splits"]["validation"], "windows": 0}}
    path = write_card(render_dataset_card([STATISTICS, {**STATISTICS, "name": "other", "splits": splits}]), tmp_path)
    data = DatasetCard.load(path).data
    assert data.license == "other" and data.size_categories == "1K<n<10K"
    first, second = data.to_dict()["configs"]
    assert first["config_name"] == "bgl"
    assert first["data_files"] == [
        {"split": name, "path": f"bgl/{name}-*.parquet"} for name in ("train", "validation", "test")
    ]
    assert [file["split"] for file in second["data_files"]] == ["train", "test"]


def test_a_configuration_without_a_paper_or_a_licence():
    card = render_dataset_card([{"name": "own", "splits": {"train": {"windows": 5}}}])
    assert "Table I" not in card and "not recorded" in card and "not measured" in card
    with pytest.raises(ValueError, match="at least one configuration; found none"):
        render_dataset_card([])


def test_load_dataset_reads_the_folder_with_its_card(tmp_path):
    """The card takes the place of the README that the build wrote; the folder still loads by name."""
    from datasets import load_dataset

    from logllm.hf_datasets import build, load_statistics

    raw = tmp_path / "app.log"
    raw.write_text("".join(f"2024-01-01 00:{n // 60:02d}:{n % 60:02d} INFO request {n} served\n" for n in range(1200)))
    built = build("plain", raw, tmp_path / "out", progress=False)
    write_card(render_dataset_card([load_statistics(tmp_path / "out", "plain")]), tmp_path / "out")
    windows = load_dataset(str(tmp_path / "out"), "plain", cache_dir=str(tmp_path / "cache"))
    assert windows.num_rows == {name: split["windows"] for name, split in built["splits"].items()}


# -- what the Hub reads ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", CONFIGS)
def test_no_snippet_feeds_plain_text_and_no_widget_is_offered(family):
    data = ModelCard(render_model_card(CONFIGS[family], METRICS, TRAINING)).data
    assert data.pipeline_tag == "other" and data.inference is False
    assert "log-anomaly-detection" in data.tags and "text-classification" not in data.tags
    text = render_model_card(CONFIGS[family], METRICS, TRAINING)
    assert 'pipeline("log-anomaly-detection", model=' in text and 'detect({"lines": window})' in text


def test_a_folder_of_this_machine_is_no_base_model():
    bases = ["/home/somebody/models/encoder", "google-bert/bert-base-uncased", "../decoder", "plain"]
    text = render_model_card(CONFIGS["logllm"], METRICS, {**TRAINING, "base_models": bases})
    assert ModelCard(text).data.base_model == ["google-bert/bert-base-uncased"]
    assert "/home/somebody" not in text and "../" not in text and "`encoder`" in text
    config = {**CONFIGS["logllm"], "base_encoder": "/home/somebody/models/encoder", "base_decoder": None}
    text = render_model_card(config, METRICS, TRAINING)
    assert ModelCard(text).data.base_model is None and "/home/somebody" not in text


def test_results_as_the_hub_collects_them():
    training = {**TRAINING, "dataset_revision": "c0ffee"}
    (found,) = render_eval_results(METRICS, training, "2026-11-26").items()
    (entry,) = parse_eval_result_entries(yaml.safe_load(found[1]))
    assert found[0] == ".eval_results/bgl.yaml"
    assert (entry.dataset_id, entry.task_id, entry.value) == ("somebody/logs", "bgl", 0.8965)
    assert (entry.dataset_revision, entry.date) == ("c0ffee", "2026-11-26")
    assert render_eval_results(METRICS, {**TRAINING, "dataset": "logs"}) == {}  # no dataset of the Hub
    assert render_eval_results({"test": {"f1": None}}, TRAINING) == {}
    assert render_eval_results({}, TRAINING) == {}
