"""Training LogLLM: what each stage changes, what is encoded how often, resume, bad input, several processes, 4 bit."""

import json
import os
import random
import signal
import threading
import time
from pathlib import Path

import fresh_process
import pytest
import torch
from datasets import Dataset
from tiny_logllm import build
from transformers import AutoModelForCausalLM

from logllm.trainers import (
    LogLLMRecipe,
    LogLLMTrainer,
    MessageStore,
    TrainingStopped,
    assemble_logllm,
    callbacks,
    stage_runner,
    train_logllm,
)
from logllm.trainers.augmentation import reordered, with_messages
from logllm.trainers.logllm_batches import MinorityOversampler, WindowCollator
from logllm.trainers.logllm_config import PRESETS, LogLLMPreset, LogLLMTrainingConfig
from logllm.trainers.logllm_trainer import answer_positions, part_of
from logllm.trainers.stage_checkpoint import load_trainable

NORMAL = ["open file 1", "read 20 bytes", "read 30 bytes", "close file 1"]
FAULT = ["open file 2", "read 10 bytes", "fatal: disk is gone", "close file 2"]


def rows(normal=24, anomalous=6, seed=0):
    """Windows in which a fault has its own message, in several lengths."""
    draw = random.Random(seed)
    made = [(NORMAL[:1] + NORMAL[1:3] * draw.randint(1, 3) + NORMAL[3:], 0) for _ in range(normal)]
    made += [(FAULT[:1] + FAULT[1:2] * draw.randint(1, 3) + FAULT[2:], 1) for _ in range(anomalous)]
    draw.shuffle(made)
    return Dataset.from_dict({"lines": [lines for lines, _ in made], "label": [label for _, label in made]})


def fresh(seed=0, **settings):
    """A model, its processor and the recipe it is trained by: small, and all stages within seconds."""
    recipe = LogLLMRecipe.of({"preset": "tiny", "last_epochs": 2, "repeats": 1.0, **settings})
    model, processor = build(pooling="mean", windows=[NORMAL, FAULT], seed=seed)
    return model, processor, recipe


def weights(model):
    return {name: tensor.clone() for name, tensor in model.named_parameters()}


def same(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


# -- samples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("normal", "anomalous", "share"), [(97, 3, 0.3), (3, 97, 0.3), (90, 10, 0.5), (60, 40, 0.3), (97, 3, 0)]
)
def test_the_minority_is_drawn_as_equation_1_counts_it(normal, anomalous, share):
    labels = [0] * normal + [1] * anomalous
    sampler = MinorityOversampler(labels, share, seed=1)
    drawn = [labels[i] for i in sampler]
    rare = int(anomalous < normal)
    alpha = min(normal, anomalous) / 100
    wanted = round(share * (1 - alpha) / (1 - share) * 100) if alpha < share else min(normal, anomalous)
    assert drawn.count(rare) == wanted and drawn.count(1 - rare) == max(normal, anomalous)
    if alpha < share:
        assert abs(drawn.count(rare) / len(drawn) - share) < 0.01
    assert len(drawn) == len(sampler)


def test_samples_depend_on_seed_and_epoch_only_and_keep_to_their_limits():
    labels = [0] * 40 + [1] * 4
    order = list(MinorityOversampler(labels, 0.3, seed=5))
    assert order == list(MinorityOversampler(labels, 0.3, seed=5)) != list(MinorityOversampler(labels, 0.3, seed=6))
    later = MinorityOversampler(labels, 0.3, seed=5)
    later.set_epoch(1)
    assert list(later) != order
    assert len(list(MinorityOversampler(labels, 0.3, 0, limit=10))) == 10
    least = list(MinorityOversampler(labels, 0.3, 0, least=200))  # goes through the data again
    assert len(least) == 200 and set(least) == set(range(44))


def test_a_batch_from_the_store_is_the_processors_own_batch():
    _, processor, _ = fresh()
    data = rows()
    store = MessageStore(processor)
    indexed = store.dataset(data)
    store.tokenize()
    chosen = [0, 5, 7]
    batch = WindowCollator(store)([indexed[i] for i in chosen])
    plain = processor(
        [data[i]["lines"] for i in chosen], labels=[data[i]["label"] for i in chosen], padding_side="right"
    )
    assert set(batch) == set(plain)
    for name in plain:
        assert torch.equal(batch[name], plain[name]), name


def test_each_message_is_tokenised_once_and_has_its_variants():
    _, processor, _ = fresh()
    store = MessageStore(processor, variants=3, word_dropout=0.5, seed=0)
    store.dataset(rows())
    store.tokenize()
    assert len(store) == len({processor.normalize(m) for m in NORMAL + FAULT})
    again = MessageStore(processor, variants=3, word_dropout=0.5, seed=0)
    again.dataset(rows())
    again.tokenize()
    assert (
        store.batch([0, 1], [2, 3])["message_input_ids"].tolist()
        == again.batch([0, 1], [2, 3])["message_input_ids"].tolist()
    )
    once = store.repeated(store.dataset(rows()), 0.0)
    assert len(once) == len({tuple(r) for r in rows()["lines"]})
    often = store.dataset(Dataset.from_dict({"lines": [["a"]] * 9 + [["b"]] * 2, "label": [0] * 11}))
    assert [len(store.repeated(often, power)) for power in (0.0, 0.5, 1.0)] == [2, 3 + 1, 11]
    assert store.repeated(often, 0.5)["label"][:] == [0] * 4


# -- stages ----------------------------------------------------------------------------------------------------------


def trainer(model, processor, folder, trainable, **settings):
    args = LogLLMTrainingConfig(
        trainable=list(trainable), per_device_train_batch_size=4, report_to="none", disable_tqdm=True, save_strategy="no",
        output_dir=str(folder), learning_rate=1e-2, **({"max_steps": 2} | settings),
    )  # fmt: skip
    return LogLLMTrainer(model, args, rows(), processor)


@pytest.mark.parametrize(
    "trainable", [("decoder",), ("projector",), ("encoder", "projector"), ("encoder", "projector", "decoder")]
)
def test_a_stage_changes_its_parts_and_no_other(trainable, tmp_path):
    model, processor, _ = fresh()
    before = weights(model)
    trainer(model, processor, tmp_path, trainable).train()
    changed = {part_of(name) for name, tensor in model.named_parameters() if not torch.equal(tensor, before[name])}
    assert changed == set(trainable)


def test_the_head_reads_the_answers_alone_and_the_loss_is_the_same(tmp_path):
    model, processor, _ = fresh()
    run = trainer(model, processor, tmp_path, ("projector", "decoder"))
    inputs = processor([NORMAL, FAULT, NORMAL[:1]], labels=[0, 1, 0], padding_side="right")
    model.eval()  # without dropout
    whole = model(**inputs).loss
    read = answer_positions(inputs["labels"])
    hidden = model.model(**{k: v for k, v in inputs.items() if k != "labels"}, positions=read["positions"])
    assert hidden.last_hidden_state.shape[:2] == read["shift_labels"].shape
    wanted = read["shift_labels"] != -100
    assert wanted.sum() == (inputs["labels"] != -100).sum() < inputs["labels"].numel() / 2
    assert torch.equal(read["shift_labels"][wanted], inputs["labels"][inputs["labels"] != -100])
    assert run.compute_loss(run.model, dict(inputs)).item() == pytest.approx(whole.item(), rel=1e-5)


def test_a_frozen_encoder_sees_each_message_once_a_stage(tmp_path):
    model, processor, _ = fresh()
    seen = []
    model.model.encoder.register_forward_hook(
        lambda module, args, kwargs, output: seen.append(len(output[0])), with_kwargs=True
    )
    stage = trainer(model, processor, tmp_path, ("projector", "decoder"), max_steps=5)
    stage.train()
    assert sum(seen) == len(stage.store)
    seen.clear()
    trainer(model, processor, tmp_path, ("encoder", "projector"), max_steps=5).train()
    assert len(seen) == 5


def test_kept_vectors_give_the_same_weights_as_encoding_every_batch(tmp_path, monkeypatch):
    once, processor, _ = fresh()
    every, _, _ = fresh()
    stage = trainer(once, processor, tmp_path, ("projector", "decoder"), max_steps=4)
    stage.train()
    monkeypatch.setattr(MessageStore, "fits", lambda *a: False)
    for module in every.model.encoder.modules():  # kept vectors know no dropout
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    plain = trainer(every, processor, tmp_path, ("projector", "decoder"), max_steps=4)
    assert stage.vectors is not None and plain.vectors is None
    plain.train()
    for name, tensor in weights(every).items():
        torch.testing.assert_close(tensor, dict(once.named_parameters())[name], rtol=1e-4, atol=1e-5)


def test_varied_messages_and_orders_change_the_batch_and_nothing_else(tmp_path):
    model, processor, _ = fresh()
    stage = trainer(
        model, processor, tmp_path, ("projector",), noise=0.5, mix=0.5, word_dropout=0.3, variants=4, reorder=3.0
    )
    batch = stage.data_collator([stage.train_dataset[i] for i in range(6)])
    torch.manual_seed(0)
    one, other = (with_messages(batch, stage.store, stage.vectors, stage.args) for _ in range(2))
    assert one["message_vectors"].shape == other["message_vectors"].shape
    assert not torch.equal(one["message_vectors"], other["message_vectors"])
    moved = reordered(one, 3.0)["message_index"]
    assert not torch.equal(moved, one["message_index"])
    assert torch.equal(moved.sort(1).values, one["message_index"].sort(1).values)
    assert torch.equal(moved < 0, one["message_index"] < 0)  # padding stays behind
    stage.train()


def test_the_published_schedule_falls_by_three_tenths_each_tenth(tmp_path):
    model, processor, _ = fresh()
    stage = trainer(model, processor, tmp_path, ("projector",), max_steps=20, published_schedule=True, logging_steps=1)
    stage.train()
    rates = [log["learning_rate"] for log in stage.state.log_history if "learning_rate" in log]
    assert (
        rates[0] == pytest.approx(1e-2)
        and rates[4] == pytest.approx(1e-2 * 0.7**2)
        and rates[-1] == pytest.approx(1e-2 * 0.7**9)
    )


def test_it_learns_and_keeps_its_best(tmp_path):
    model, processor, recipe = fresh(last_epochs=15, learning_rate_factor=3.0)
    stages, _ = train_logllm(model, processor, rows(48, 12), recipe, tmp_path, validation=rows(seed=9), progress=False)
    assert [s["stage"] for s in stages] == ["answer template", "embedder", "all"]
    assert stages[-1]["validation_f1"] == 1.0 and "best_step" in stages[-1]
    history = json.loads((tmp_path / "history.json").read_text())
    assert any("eval_f1" in log for log in history["all"])
    test = rows(seed=4)
    scores = model.score(test["lines"], processor)
    assert min(s for s, y in zip(scores, test["label"]) if y) > max(s for s, y in zip(scores, test["label"]) if not y)


# -- resume ----------------------------------------------------------------------------------------------------------

VARIED = {"stages": "frozen_encoder", "noise": 0.2, "mix": 0.5, "word_dropout": 0.2, "variants": 3, "reorder": 2.0}


def run_to_the_end(folder, resume=False, **settings):
    model, processor, recipe = fresh(**settings)
    train_logllm(model, processor, rows(), recipe, folder, validation=rows(seed=9), resume=resume, progress=False)
    return weights(model)


@pytest.mark.parametrize("settings", [{}, VARIED], ids=["plain", "varied"])
def test_a_run_broken_off_anywhere_ends_with_the_weights_of_an_unbroken_one(tmp_path, settings, monkeypatch):
    unbroken = run_to_the_end(tmp_path / "whole", **settings)
    draw = random.Random(1)
    steps = 0
    real = LogLLMTrainer.training_step

    class PowerCut(BaseException):
        pass

    def cut(self, *args, **kwargs):
        nonlocal steps
        steps -= 1
        if steps == 0:
            raise PowerCut
        return real(self, *args, **kwargs)

    monkeypatch.setattr(LogLLMTrainer, "training_step", cut)
    monkeypatch.setattr(callbacks, "CHECKPOINT_STEPS", 2)
    for attempt in range(12):
        steps = draw.randint(2, 9)
        try:
            resumed = run_to_the_end(tmp_path / "broken", resume=attempt > 0, **settings)
            break
        except PowerCut:
            continue
    else:
        pytest.fail("the run never ended")
    assert attempt >= 2
    assert same(resumed, unbroken)


def test_a_finished_stage_is_not_run_again_and_a_cut_checkpoint_is_passed_over(tmp_path, monkeypatch):
    unbroken = run_to_the_end(tmp_path / "work")
    folder = tmp_path / "work"
    for name in ("done.json", "done.safetensors"):
        (folder / "3-all" / name).unlink()
    (folder / "3-all" / "checkpoint-1").mkdir()
    (folder / "3-all" / "checkpoint-1" / "trainable.safetensors").write_bytes(b"half")
    seen = []
    real = LogLLMTrainer.train
    monkeypatch.setattr(LogLLMTrainer, "train", lambda self, **k: seen.append(self.args.output_dir) or real(self, **k))
    assert same(run_to_the_end(folder, resume=True), unbroken)
    assert len(seen) == 1 and seen[0].endswith("3-all")


def test_processes_agree_whether_a_run_has_begun_before(tmp_path, monkeypatch):
    barrier, met = threading.Barrier(2), []

    class State:
        def __init__(self, first):
            self.is_main_process = first

        def wait_for_everyone(self):
            met.append(self.is_main_process)
            barrier.wait(timeout=20)

    states = {name: State(name == "first") for name in ("first", "late")}
    monkeypatch.setattr(stage_runner, "process_state", lambda: states[threading.current_thread().name])

    def begin():
        if threading.current_thread().name == "late":  # the other one would have written its file long ago
            time.sleep(0.5)
        stage_runner.begin(tmp_path / "work", {"seed": 0}, resume=True)

    threads = [threading.Thread(target=begin, name=name) for name in states]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not barrier.broken and met.count(True) == met.count(False)


def test_another_runs_folder_is_refused_with_the_difference(tmp_path):
    run_to_the_end(tmp_path / "work", max_samples=8)
    with pytest.raises(ValueError, match=r"'last_epochs': 2.* then, .*'last_epochs': 3.* now"):
        run_to_the_end(tmp_path / "work", resume=True, max_samples=8, last_epochs=3)
    model, processor, recipe = fresh(max_samples=8)
    with pytest.raises(ValueError, match="split_checksum: None then, 'abc' now"):
        train_logllm(
            model, processor, rows(), recipe, tmp_path / "work", validation=rows(seed=9), resume=True,
            facts={"split_checksum": "abc"}, progress=False,
        )  # fmt: skip


# -- bad input -------------------------------------------------------------------------------------------------------


def test_one_class_is_refused(tmp_path):
    model, processor, recipe = fresh()
    with pytest.raises(ValueError, match="both classes, found 5 normal and 0 anomalous"):
        train_logllm(model, processor, rows(5, 0), recipe, tmp_path, progress=False)
    with pytest.raises(ValueError, match="must have the columns lines and label"):
        train_logllm(model, processor, Dataset.from_dict({"text": ["a"]}), recipe, tmp_path, progress=False)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_what_was_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(callbacks, "CHECKPOINT_STEPS", 1)
    model, processor, recipe = fresh()
    real, steps = LogLLMTrainer.compute_loss, []

    def poisoned(self, *args, **kwargs):
        steps.append(1)
        if len(steps) == 7:
            with torch.no_grad():
                self.accelerator.unwrap_model(self.model).lm_head.weight.fill_(float("nan"))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(LogLLMTrainer, "compute_loss", poisoned)
    with pytest.raises(TrainingStopped, match=r"the loss must be a number, found nan at step \d"):
        train_logllm(model, processor, rows(), recipe, tmp_path, progress=False)
    from logllm.trainers.stage_checkpoint import last_sealed

    kept = [last_sealed(folder) for folder in sorted(tmp_path.glob("?-*"))]
    saved = [place for place in kept if place] or sorted(tmp_path.glob("*/done.safetensors"))
    assert saved
    file = saved[-1] / "trainable.safetensors" if saved[-1].is_dir() else saved[-1]
    good, _, _ = fresh()
    load_trainable(good, file)
    assert all(torch.isfinite(p).all() for p in good.parameters())


def test_ctrl_c_ends_the_step_saves_and_goes_on_later(tmp_path, monkeypatch):
    unbroken = run_to_the_end(tmp_path / "whole")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    real, steps = LogLLMTrainer.training_step, []

    def interrupt(self, *args, **kwargs):
        steps.append(1)
        if len(steps) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(LogLLMTrainer, "training_step", interrupt)
        with pytest.raises(
            TrainingStopped, match=r"stopped by SIGINT in stage 'stage \d/3 .*' at step \d+, which is saved"
        ):
            run_to_the_end(tmp_path / "work")
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler
    assert same(run_to_the_end(tmp_path / "work", resume=True), unbroken)


FULL_DISK = """
import resource, sys
from pathlib import Path
import test_logllm_training as t
from logllm.trainers import TrainingStopped, callbacks, train_logllm
callbacks.CHECKPOINT_STEPS = 1
model, processor, recipe = t.fresh()
real, steps = t.LogLLMTrainer.training_step, []
def step(self, *args, **kwargs):
    steps.append(1)
    if len(steps) == 9:  # in the last stage; from here on no file may be larger than 20 kB
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    return real(self, *args, **kwargs)
t.LogLLMTrainer.training_step = step
try:
    train_logllm(model, processor, t.rows(), recipe, Path(sys.argv[1]), progress=False)
except TrainingStopped as error:
    print("stopped:", error)
"""


def test_a_disk_that_fills_up_leaves_the_checkpoint_before(tmp_path):
    done = fresh_process.run(FULL_DISK, tmp_path, env={"PYTHONPATH": str(Path(__file__).parent)})
    assert "stopped: the disk must have space for a checkpoint, found none at step" in done.stdout, done.stderr[-2000:]
    from logllm.trainers.stage_checkpoint import last_sealed

    kept = [place for folder in tmp_path.glob("?-*") if (place := last_sealed(folder))]
    assert kept and all(json.loads((p / "trainer_state.json").read_text())["global_step"] >= 1 for p in kept)


# -- several processes -----------------------------------------------------------------------------------------------


def command(small_dataset, recipe, out, *more):
    """The arguments of `logllm` for a training."""
    dataset = ["--dataset", small_dataset / "built", "--config", "hdfs"]
    return ["train", "logllm", *dataset, "--recipe", recipe, "--out", out, "--quiet", *more]


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(small_dataset, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    # Each process draws dropout for itself: with it the losses could not be those of one process.
    recipe.write_text("max_samples: 96\nlast_epochs: 2\ndropout: 0\n")
    records = {}
    for processes in (1, 2):
        out = tmp_path / str(processes)
        started = fresh_process.ranks(processes, fresh_process.LOGLLM, *command(small_dataset, recipe, out))
        ended = [one.result() for one in started]
        assert not any(done.returncode for done in ended), ended
        assert [done.stdout.count("learnt from") for done in ended] == [1, 0][:processes]  # the first process speaks
        records[processes] = json.loads((out / "training.json").read_text())
    one, two = records[1], records[2]
    assert (one["processes"], two["processes"]) == (1, 2)
    for mine, theirs in zip(one["stages"], two["stages"]):
        assert mine["steps"] == theirs["steps"] and mine["batch"] == theirs["batch"] == 16
        assert mine["last_loss"] == pytest.approx(theirs["last_loss"], rel=1e-3)
        assert mine["validation_loss"] == pytest.approx(theirs["validation_loss"], rel=1e-2)


@pytest.mark.slow
def test_kill_9_at_random_moments_and_the_checkpoint_is_that_of_an_unbroken_run(small_dataset, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("max_samples: 160\nlast_epochs: 3\nvalidations: 2\n")
    draw, kills, out = random.Random(3), 0, tmp_path / "killed"
    whole = fresh_process.run(fresh_process.LOGLLM, *command(small_dataset, recipe, tmp_path / "whole"))
    assert whole.returncode == 0, whole.stderr[-3000:]
    resumed = command(small_dataset, recipe, out, "--resume")
    while kills < 3:
        running = fresh_process.start(fresh_process.LOGLLM, *resumed)
        deadline = time.time() + 120
        while running.poll() is None and time.time() < deadline and not list((out / ".stages").glob("?-*")):
            time.sleep(0.05)  # training has begun
        time.sleep(draw.uniform(0.2, 2.5))
        if running.poll() is not None:
            break
        running.kill()
        assert running.result().returncode == -signal.SIGKILL
        kills += 1
    assert kills
    ended = fresh_process.run(fresh_process.LOGLLM, *resumed)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert (out / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()
    assert not (out / ".stages").exists()


# -- 4 bit -----------------------------------------------------------------------------------------------------------


def on_disk(folder):
    model, processor, _ = fresh()
    model.model.encoder.save_pretrained(folder / "encoder")
    processor.encoder_tokenizer.save_pretrained(folder / "encoder")
    head = AutoModelForCausalLM.from_config(model.config.decoder_config)
    head.save_pretrained(folder / "decoder")
    processor.tokenizer.save_pretrained(folder / "decoder")
    return folder


def test_qlora_on_a_processor_trains_every_part_on_every_step(tmp_path, monkeypatch):
    pytest.importorskip("bitsandbytes")
    bases = on_disk(tmp_path)
    preset = LogLLMPreset(
        encoder=str(bases / "encoder"), decoder=str(bases / "decoder"), pooling="mean", stages="paper", lora=True,
        load_in_4bit=True, micro_batch=8, validations=2, gradient_checkpointing=True,
    )  # fmt: skip
    monkeypatch.setitem(PRESETS, "toy4bit", preset)
    recipe = LogLLMRecipe.of({"preset": "toy4bit", "learning_rate_factor": 40.0, "last_epochs": 6, "patience": 0})
    model, processor = assemble_logllm(recipe.row(), NORMAL + FAULT)
    assert type(model.model.decoder.layers[0].self_attn.k_proj).__name__ == "Linear4bit"
    seen, real = [], LogLLMTrainer.training_step

    def watched(self, inner, inputs, *args, **kwargs):
        before = {n: p.grad.clone() for n, p in inner.named_parameters() if p.grad is not None}
        loss = real(self, inner, inputs, *args, **kwargs)
        parts = {}
        for name, parameter in inner.named_parameters():
            if parameter.requires_grad:
                moved = parameter.grad is not None and not torch.equal(
                    parameter.grad, before.get(name, torch.zeros(1))
                )
                parts[part_of(name)] = parts.get(part_of(name), False) or moved
        seen.append((tuple(self.args.trainable), parts))
        return loss

    monkeypatch.setattr(LogLLMTrainer, "training_step", watched)
    stages, _ = train_logllm(
        model, processor, rows(), recipe, tmp_path / "work", validation=rows(seed=9), progress=False
    )
    assert len(seen) > 10
    for trainable, parts in seen:
        assert parts == dict.fromkeys(trainable, True)
    projector = [p for n, p in model.named_parameters() if "projector" in n and "modules_to_save" in n]
    assert projector and all(p.dtype == torch.float32 for p in projector)
    log = json.loads((tmp_path / "work" / "history.json").read_text())["all"]
    losses = [one["eval_loss"] for one in log if "eval_loss" in one]
    assert min(losses[1:]) < losses[0] and len(losses) > 4
    assert stages[-1]["validation_loss"] <= losses[0]


def test_a_trained_model_knows_the_wordings_of_its_training(tmp_path):
    from logllm.hf_datasets import get_system
    from logllm.training.train import train_detector

    settings = {"last_epochs": 1, "max_samples": 16, "nearest_wording": 0.5}
    detector = train_detector(
        "logllm", rows(), rows(seed=1), {}, get_system("plain"), "tiny", tmp_path, recipe=settings, progress=False
    )
    assert set(detector.model.config.known_messages) == {
        detector.processor.normalize(message) for message in NORMAL + FAULT
    }
    assert detector.model.config.nearest_wording == 0.5
    told = json.loads((tmp_path / "training.json").read_text())
    assert any("nearest one that it held" in sentence for sentence in told["filled_in"])
