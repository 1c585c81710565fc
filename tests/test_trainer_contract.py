"""What users of transformers expect of a Trainer: evaluate any dataset, predict, metrics, streams, adapters, saving."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from peft import LoraConfig
from tiny_logllama import CLOSE, MESSAGES, OPEN, READ, sessions, small
from tiny_logllm import WINDOWS, build
from transformers import AutoModel, AutoProcessor

from logllm.trainers import NextKeyConfig, NextKeyTrainer, ReinforceConfig, ReinforceTrainer, train_logllama
from logllm.trainers.logllm_config import LogLLMTrainingConfig
from logllm.trainers.logllm_trainer import LogLLMTrainer
from logllm.trainers.tracking import chosen_trackers

LABELS = [0, 1, 0, 1]
ROWS = Dataset.from_dict({"lines": WINDOWS, "label": LABELS})
NEW = Dataset.from_dict({"lines": [["a message that training never saw"], WINDOWS[0]], "label": [1, 0]})


def quiet(folder, **settings):
    return {
        "output_dir": str(folder), "report_to": "none", "disable_tqdm": True, "save_strategy": "no", "use_cpu": True,
        "max_steps": 2, **settings,
    }  # fmt: skip


def logllm(folder, train=ROWS, model=None, taken=None, trainable=("projector", "decoder"), **settings):
    if model is None:
        model, taken = build()
    args = LogLLMTrainingConfig(**quiet(folder), trainable=list(trainable), per_device_train_batch_size=2)
    return LogLLMTrainer(model, args, train, taken, **settings), model, taken


def next_key(folder, monkeypatch, **settings):
    model, processor = small(monkeypatch)
    rows = Dataset.from_dict({"input_ids": sessions(processor, 8)})
    train = settings.pop("train", rows)
    args = NextKeyConfig(**quiet(folder), per_device_train_batch_size=4)
    return NextKeyTrainer(model, args, train, processor, **settings), model, processor


def share_above_zero(prediction):
    return {"above_zero": float((prediction.predictions > 0).mean()), "labels": float(prediction.label_ids.sum())}


# -- LogLLM ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trainable", [("projector", "decoder"), ("encoder", "projector", "decoder")])
def test_logllm_evaluates_and_predicts_any_dataset(tmp_path, trainable):
    trainer, model, taken = logllm(tmp_path, eval_dataset=ROWS, compute_metrics=share_above_zero, trainable=trainable)
    trainer.train()
    own, raw = trainer.evaluate(), trainer.evaluate(ROWS)
    assert own["eval_loss"] == pytest.approx(raw["eval_loss"], abs=1e-5)
    assert {"eval_f1", "eval_pr_auc", "eval_loss", "eval_above_zero", "eval_labels"} <= set(own)
    assert own["eval_labels"] == 2
    found = trainer.predict(NEW)
    assert found.predictions.tolist() == pytest.approx(model.eval().score(NEW["lines"][:], taken), abs=1e-5)
    assert found.label_ids.tolist() == [1, 0] and "test_f1" in found.metrics
    unlabelled = trainer.predict(NEW.remove_columns("label"))
    assert unlabelled.label_ids is None and unlabelled.metrics == {}
    several = trainer.evaluate({"old": ROWS, "new": NEW})
    assert {"eval_old_f1", "eval_new_f1"} <= set(several)
    with pytest.raises(ValueError, match=r"windows must be in the column lines, found the columns \['text'\]"):
        trainer.evaluate(Dataset.from_dict({"text": ["a"]}))


def test_logllm_reads_a_stream(tmp_path):
    trainer, _, _ = logllm(tmp_path, train=ROWS.to_iterable_dataset(), eval_dataset=NEW.to_iterable_dataset())
    trainer.train()
    assert trainer.state.global_step == 2 and "eval_f1" in trainer.evaluate()


def test_logllm_takes_a_peft_config(tmp_path):
    config = LoraConfig(r=2, target_modules=r"model\.decoder\..*(q_proj|v_proj)")
    model, taken = build(base_encoder="me/encoder", base_decoder="me/decoder")
    trainer, model, _ = logllm(tmp_path / "out", model=model, taken=taken, peft_config=config)
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert names and all("lora_" in name or "projector.modules_to_save" in name for name in names)
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    trainer.train()
    moved = [name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])]
    assert moved and set(moved) <= set(names)
    trainer.save_model(str(tmp_path / "saved"))
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["adapter_subfolder"] == "adapter"
    assert (tmp_path / "saved" / "adapter" / "adapter_model.safetensors").is_file()


def test_logllm_saves_a_repository_and_checkpoints_to_resume_from(tmp_path):
    trainer, model, taken = logllm(tmp_path / "out", eval_dataset=ROWS)
    trainer.train()
    trainer.evaluate()
    trainer.save_model()
    files = {file.name for file in (tmp_path / "out").iterdir()}
    assert {
        "config.json",
        "model.safetensors",
        "processor_config.json",
        "pipeline_log_anomaly.py",
        "README.md",
    } <= files
    again, processor = AutoModel.from_pretrained(tmp_path / "out"), AutoProcessor.from_pretrained(tmp_path / "out")
    assert again.score(WINDOWS, processor) == pytest.approx(model.eval().score(WINDOWS, taken), abs=1e-6)
    assert "validation" in (tmp_path / "out" / "README.md").read_text()
    trainer.save_model(str(tmp_path / "out" / "checkpoint-2"), _internal_call=True)
    assert {file.name for file in (tmp_path / "out" / "checkpoint-2").iterdir()} == {"trainable.safetensors"}


# -- LogLLaMA ----------------------------------------------------------------------------------------------------------------


def test_logllama_evaluates_and_predicts_any_dataset(tmp_path, monkeypatch):
    trainer, model, processor = next_key(tmp_path, monkeypatch, compute_metrics=share_above_zero)
    trainer.train()
    lines = [[MESSAGES[0], MESSAGES[1], MESSAGES[3]], [MESSAGES[4]] * 3]
    raw = Dataset.from_dict({"lines": lines, "label": [0, 1]})
    keys = Dataset.from_dict({"keys": [[OPEN, READ, CLOSE]]})
    figures = trainer.evaluate(raw)
    assert {"eval_loss", "eval_hit_rate", "eval_above_zero", "eval_labels"} <= set(figures)
    trainer.compute_metrics = None
    alone = trainer.evaluate(keys)  # the anomalous window is in no figure but those of compute_metrics
    assert figures["eval_loss"] == pytest.approx(alone["eval_loss"], abs=1e-6)
    found = trainer.predict(raw)
    assert found.predictions.tolist() == pytest.approx(model.score(lines, processor), abs=1e-5)
    assert isinstance(found.label_ids, np.ndarray) and found.label_ids.tolist() == [0, 1]
    several = trainer.evaluate({"a": keys, "b": raw})
    assert {"eval_a_loss", "eval_a_hit_rate", "eval_b_loss", "eval_b_hit_rate"} <= set(several)
    with pytest.raises(ValueError, match=r"must have the column input_ids, keys or lines, found \['text'\]"):
        trainer.evaluate(Dataset.from_dict({"text": ["a"]}))


def test_logllama_reads_a_stream_and_leaves_anomalies_out(tmp_path, monkeypatch):
    stream = Dataset.from_dict({"keys": [[OPEN, READ, CLOSE]] * 5 + [[READ]], "label": [0] * 5 + [1]})
    trainer, _, _ = next_key(tmp_path, monkeypatch, train=stream.to_iterable_dataset())
    assert len(trainer.train_dataset) == 5
    trainer.train()
    assert trainer.state.global_step == 2


def test_logllama_takes_a_peft_config_and_saves_it_merged(tmp_path, monkeypatch):
    config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"])
    trainer, _, processor = next_key(tmp_path / "out", monkeypatch, peft_config=config)
    trainer.train()
    trainer.save_model()
    scores = trainer.predict(Dataset.from_dict({"keys": [[OPEN, READ, CLOSE]]})).predictions.tolist()
    again = AutoModel.from_pretrained(tmp_path / "out")
    taken = AutoProcessor.from_pretrained(tmp_path / "out")
    assert again.score_ids([taken.ids_of_keys([OPEN, READ, CLOSE])]) == pytest.approx(scores, abs=1e-5)
    assert processor.keys_digest() == taken.keys_digest()


def test_reinforce_logs_what_trl_logs_and_its_completions(tmp_path, monkeypatch):
    model, processor = small(monkeypatch)
    rows = Dataset.from_dict({"input_ids": sessions(processor, 12)})
    args = ReinforceConfig(
        **quiet(tmp_path), per_device_train_batch_size=8, logging_steps=1, learning_rate=1e-2, beta=0.1,
        log_completions=True,
    )  # fmt: skip
    trainer = ReinforceTrainer(model, args, rows, processor, eval_dataset=rows)
    trainer.train()
    logged = [log for log in trainer.state.log_history if "reward" in log]
    for name in ("reward", "reward_std", "rewards/top_k_reward_func/mean", "kl", "entropy", "return", "loss"):
        assert name in logged[-1], name
    assert "completions/mean_length" in logged[-1]
    assert list((tmp_path / "completions").glob("*.parquet"))
    assert {"eval_loss", "eval_hit_rate"} <= set(trainer.evaluate())
    assert "reward" not in trainer.state.log_history[-1]  # an evaluation logs its own figures only


def test_reinforce_makes_one_update_a_batch(tmp_path):
    with pytest.raises(ValueError, match="must make one update a batch of completions, found num_iterations 2"):
        ReinforceConfig(**quiet(tmp_path), num_iterations=2)


# -- trackers ----------------------------------------------------------------------------------------------------------------


def test_trackers_that_are_not_there_are_refused():
    assert chosen_trackers("none") == ()
    with pytest.raises(
        ValueError, match=r"report_to must name trackers that are installed .* found wish: pip install"
    ):
        chosen_trackers("wish")
    with pytest.raises(ValueError, match="found no name"):
        chosen_trackers(",")


@pytest.mark.parametrize("tracker", ["tensorboard", "trackio"])
def test_curves_of_both_stages_reach_a_tracker(tmp_path, monkeypatch, tracker):
    pytest.importorskip(tracker)
    model, processor = small(monkeypatch)
    train_logllama(
        model, processor, sessions(processor, 20), "small", tmp_path / "out" / ".stages", progress=False,
        validation=sessions(processor, 6, seed=1), report_to=tracker, tracking_dir=tmp_path / "out" / "runs",
        reinforce_settings={"max_steps": 4, "logging_steps": 1},
    )  # fmt: skip
    if tracker == "trackio":
        from trackio.utils import TRACKIO_DIR

        assert [file for file in Path(TRACKIO_DIR).rglob("*") if file.is_file() and "logllm" in file.name]
        return
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tags = {}
    for stage in ("likelihood", "reinforce"):
        events = EventAccumulator(str(tmp_path / "out" / "runs" / stage))
        events.Reload()
        tags[stage] = set(events.Tags()["scalars"])
    assert "eval/loss" in tags["likelihood"]
    assert {"train/reward", "train/kl", "train/entropy", "eval/hit_rate"} <= tags["reinforce"]
