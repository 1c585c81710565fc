import json
from pathlib import Path

import fresh_process
import pytest
import torch
from tiny_logllama import CLOSE, OPEN, READ, SMALL, sessions, small
from torch.nn.functional import cross_entropy

from logllm.trainers import NextKeyConfig, NextKeyTrainer, ReinforceConfig, ReinforceTrainer, train_logllama
from logllm.trainers.logllama_config import OBJECTIVES
from logllm.trainers.logllama_rollouts import sample_continuations, sample_with_beams
from logllm.trainers.logllama_stages import draw, length_of_stage, weighted_rows
from logllm.trainers.logllama_trainer import KeyCollator, frozen_copy


def quiet(folder, **settings):
    return {"output_dir": str(folder), "report_to": "none", "disable_tqdm": True, "save_strategy": "no", **settings}


def gradient(model, loss):
    model.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def test_weighted_distinct_rows_have_the_gradient_of_the_full_data(monkeypatch, tmp_path):
    model, processor = small(monkeypatch)
    full = sessions(processor, 30) + [processor.ids_of_keys([OPEN, CLOSE])] * 11
    rows = weighted_rows(full, 512)
    assert len(rows) < 20 and sum(rows["weight"]) == 41
    args = NextKeyConfig(**quiet(tmp_path), unseen_rate=0.0, per_device_train_batch_size=4)
    trainer = NextKeyTrainer(model, args, rows, processor)
    collate = KeyCollator()
    whole = gradient(model, trainer.compute_loss(model, collate(list(rows))))
    batch = collate([{"input_ids": ids} for ids in full])
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
    plain = gradient(model, cross_entropy(logits.transpose(1, 2), batch["labels"][:, 1:], ignore_index=-100))
    torch.testing.assert_close(whole, plain, rtol=1e-4, atol=1e-6)
    # and the batches of an epoch, weighted by their rows, have it too
    parts = [list(rows)[i : i + 4] for i in range(0, len(rows), 4)]
    batches = [gradient(model, trainer.compute_loss(model, collate(p))).mul(len(p) / len(rows)) for p in parts]
    torch.testing.assert_close(sum(batches), plain, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("sample", [sample_continuations, lambda *a: sample_with_beams(*a, 2)])
def test_continuations_keep_prompt_length_and_padding(monkeypatch, sample):
    model, processor = small(monkeypatch)
    batch = KeyCollator()([{"input_ids": ids} for ids in sessions(processor, 8)])
    truth, lengths = batch["input_ids"], batch["attention_mask"].sum(1)
    prompts = torch.arange(8) % 3 + 1
    rollout = sample(model, truth, lengths, prompts)
    for row, true, length, given in zip(rollout, truth, lengths, prompts):
        assert torch.equal(row[:given], true[:given])
        assert torch.equal(row[length:], true[length:])
        assert not set(row[given:length].tolist()) & {0, 1, 3}
        assert 2 not in row[given : length - 1].tolist()  # nothing follows an end


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_runs_and_moves_away_from_a_fixed_reference(monkeypatch, tmp_path, objective):
    model, processor = small(monkeypatch)
    chosen = draw(sessions(processor, 32), [0] * 32, 32, 512, 0, None)
    args = ReinforceConfig(
        **quiet(tmp_path), objective=objective, max_steps=6, learning_rate=5e-2, per_device_train_batch_size=16,
        logging_steps=1, num_candidates=1, use_cpu=True,
    )  # fmt: skip
    trainer = ReinforceTrainer(model, args, chosen, processor)
    fixed = [p.clone() for p in trainer.reference.parameters()]
    trainer.train()
    assert all(torch.equal(a, b) for a, b in zip(fixed, trainer.reference.parameters()))
    logs = [log for log in trainer.state.log_history if "reward" in log]
    assert {"reward", "return", "entropy", "kl", "loss"} <= set(logs[-1])
    assert logs[0]["kl"] == pytest.approx(0, abs=1e-5) and logs[-1]["kl"] > 1e-4
    assert -1 <= logs[-1]["reward"] <= 1


def test_the_sampled_hit_learns_what_follows(monkeypatch, tmp_path):
    model, processor = small(monkeypatch)
    rows = [processor.ids_of_keys([OPEN, READ, CLOSE])] * 32
    args = ReinforceConfig(
        **quiet(tmp_path), objective="hit", max_steps=40, learning_rate=3e-2, per_device_train_batch_size=32,
        logging_steps=1, prompt_share=0.0, use_cpu=True,
    )  # fmt: skip
    trainer = ReinforceTrainer(model, args, draw(rows, [0] * 32, 32, 512, 0, None), processor)
    before = float(model.judge(rows[:1])[0].nll.max())
    trainer.train()
    assert float(model.judge(rows[:1])[0].nll.max()) < before / 2


def test_a_reference_does_not_call_the_policy(monkeypatch):
    model, _ = small(monkeypatch)
    model.forward = lambda *a, **k: pytest.fail("the copy called the original")
    frozen_copy(model)(input_ids=torch.tensor([[1, 4]]))


def test_labels_enter_only_when_asked(monkeypatch):
    _, processor = small(monkeypatch)
    rows, labels = sessions(processor, 10), [0] * 5 + [1] * 5
    assert sum(draw(rows, labels, 99, 512, 0, None)["label"]) == 0
    assert sum(draw(rows, labels, 99, 512, 0, {"use_labels": True})["label"]) == 5


@pytest.mark.parametrize("settings", [{"objective": "wish"}, {"prompt_share": 1.0}])
def test_settings_that_mean_nothing_are_refused(tmp_path, settings):
    with pytest.raises(ValueError, match="must be"):
        ReinforceConfig(**quiet(tmp_path), **settings)


@pytest.mark.parametrize(
    ("rows", "sequences", "epochs", "max_steps", "wanted"),
    [
        (6400, 6400, 10, -1, (10, -1)),
        (64, 6400, 10, -1, (200.0, -1)),  # few distinct rows: more epochs
        (64, 64, 10, -1, (10, -1)),  # but no more steps than all sequences would have had
        (6400, 6400, 10, 50, (10, 50)),
        (64, 64, 10, 50, (10, -1)),  # a limit beyond the end is none
    ],
)
def test_length_of_a_stage(rows, sequences, epochs, max_steps, wanted):
    assert length_of_stage(rows, sequences, 32, epochs, max_steps) == wanted


def test_long_windows_are_learnt_in_pieces():
    rows = weighted_rows([[1, *[4] * 9], [1, 4], [1, 4], [1]], 5)
    assert dict(zip(map(tuple, rows["input_ids"]), rows["weight"])) == {(1, 4, 4, 4, 4): 1, (4,) * 5: 1, (1, 4): 2}


def train(model, processor, folder, **settings):
    rows = sessions(processor, 60, seed=1)
    settings.setdefault("validation", sessions(processor, 10, seed=2))
    return train_logllama(model, processor, rows, "small", folder, progress=False, **settings)


def test_both_stages_train_and_leave_curves(monkeypatch, tmp_path):
    model, processor = small(monkeypatch)
    before = model.detectors(sessions(processor, 10, seed=3))["likelihood"]
    likelihood, reinforce = train(model, processor, tmp_path)
    assert likelihood["stage"] == "likelihood" and reinforce["objective"] == "reinforce"
    assert likelihood["steps"] > 0 and likelihood["validation_loss"] < sum(before) / len(before)
    curves = json.loads((tmp_path / "curves.json").read_text())
    assert any("reward" in log for log in curves["reinforce"])
    assert any("eval_hit_rate" in log for log in curves["reinforce"])
    assert not model.training


def test_the_same_seed_gives_the_same_model(monkeypatch, tmp_path):
    found = []
    for name in ("a", "b"):
        model, processor = small(monkeypatch)
        train(model, processor, tmp_path / name, seed=3)
        found.append(model.detectors(sessions(processor, 10, seed=3))["likelihood"])
    assert found[0] == found[1]


def test_a_killed_run_goes_on_to_the_same_model(monkeypatch, tmp_path):
    model, processor = small(monkeypatch)
    train(model, processor, tmp_path / "whole")
    wanted = model.detectors(sessions(processor, 10, seed=3))["likelihood"]
    steps, usual = [], NextKeyTrainer.training_step

    def dies(self, *args, **kwargs):
        steps.append(1)
        if len(steps) == 30:
            raise KeyboardInterrupt
        return usual(self, *args, **kwargs)

    monkeypatch.setattr(NextKeyTrainer, "training_step", dies)
    model, processor = small(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train(model, processor, tmp_path / "cut")
    assert not (tmp_path / "cut/likelihood/done.json").exists()
    steps.extend([1] * 100)
    model, processor = small(monkeypatch)
    rows = train(model, processor, tmp_path / "cut", resume=True)
    assert len(steps) - 130 < rows[0]["steps"]  # not from the start again
    assert model.detectors(sessions(processor, 10, seed=3))["likelihood"] == pytest.approx(wanted, abs=1e-5)
    # A third run finds both stages done.
    model, processor = small(monkeypatch)
    train(model, processor, tmp_path / "cut", resume=True)
    assert model.detectors(sessions(processor, 10, seed=3))["likelihood"] == pytest.approx(wanted, abs=1e-5)


def test_a_stage_stops_when_validation_gets_no_better(monkeypatch, tmp_path):
    from dataclasses import replace

    model, processor = small(monkeypatch, preset=replace(SMALL, patience=1, learning_rate=1.0, epochs=50))
    row = train(model, processor, tmp_path, reinforce=False)[0]
    assert row["steps"] < 400


def test_an_empty_training_split_is_refused(monkeypatch, tmp_path):
    model, processor = small(monkeypatch)
    with pytest.raises(ValueError, match="normal windows to learn from"):
        train_logllama(model, processor, [], "small", tmp_path)
    with pytest.raises(ValueError, match="normal windows to learn from"):
        train_logllama(model, processor, sessions(processor, 3), "small", tmp_path, labels=[1, 1, 1])


def test_trl_runs_the_sampled_hit(monkeypatch, tmp_path):
    from logllm.trainers.logllama_rloo import positions, train_rloo

    model, processor = small(monkeypatch)
    rows = positions(processor, sessions(processor), 5, seed=0)
    assert all(row["prompt"].startswith("<s>") for row in rows)
    stage = train_rloo(
        model, processor, sessions(processor), tmp_path, max_steps=2, batch=8, num_generations=4, learning_rate=1e-2,
        use_cpu=True,
    )  # fmt: skip
    assert stage["steps"] == 2


def pretrained(folder, texts):
    """A small Llama and its word tokenizer on disk, as if from the Hub."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = ["<unk>", *sorted({word for text in texts for word in text.split()}), "start", "end", "unknown", "*"]
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(dict.fromkeys(words))}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(folder)
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=len(tokenizer.get_vocab()), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                    num_key_value_heads=2, intermediate_size=48, max_position_embeddings=128, tie_word_embeddings=True)
    )  # fmt: skip
    model.save_pretrained(folder)
    return model


def test_lora_keys_begin_as_their_texts_and_the_body_is_the_decoders(monkeypatch, tmp_path):
    from tiny_logllama import MESSAGES, WRITE

    from logllm.modeling_logllm import LogLLaMAForNextKey
    from logllm.trainers.logllama_config import LogLLaMAPreset

    decoder = pretrained(tmp_path / "decoder", MESSAGES)
    row = LogLLaMAPreset(decoder=str(tmp_path / "decoder"), epochs=2, batch=8, lora_rank=2, reinforce_sequences=16)
    model, processor = small(monkeypatch, preset=row)
    assert torch.equal(model.model.layers[1].mlp.up_proj.weight, decoder.model.layers[1].mlp.up_proj.weight)
    rows = torch.nn.functional.normalize(model.get_input_embeddings().weight.detach(), dim=-1)
    ids = processor.tokenizer.convert_tokens_to_ids([READ, WRITE, OPEN])
    assert (
        rows[ids[0]] @ rows[ids[1]] > rows[ids[0]] @ rows[ids[2]]
    )  # "read from disk", "write to disk": a shared word
    frozen = model.model.layers[0].mlp.up_proj.weight.clone()
    moved = model.model.layers[0].self_attn.q_proj.weight.clone()
    stages = train(model, processor, tmp_path / "work")
    assert [stage["stage"] for stage in stages] == ["likelihood", "reinforce"]
    assert torch.equal(model.model.layers[0].mlp.up_proj.weight, frozen)
    assert not torch.equal(model.model.layers[0].self_attn.q_proj.weight, moved)  # the adapters are merged
    assert not any("lora" in name for name, _ in model.named_parameters())
    model.save_pretrained(tmp_path / "out")
    again = LogLLaMAForNextKey.from_pretrained(tmp_path / "out")
    wanted = model.detectors(sessions(processor, 5))["likelihood"]
    assert again.detectors(sessions(processor, 5))["likelihood"] == pytest.approx(wanted, abs=1e-5)


PROCESS = """
import json, os, sys
from functools import partial
from pathlib import Path
sys.path.insert(0, {tests!r})
import pytest
from tiny_logllama import sessions, small
from logllm.trainers import logllama_stages, train_logllama
patch = pytest.MonkeyPatch()
# Each process hides keys for itself: with it the losses could not be those of one process.
patch.setattr(logllama_stages, "NextKeyConfig", partial(logllama_stages.NextKeyConfig, unseen_rate=0.0))
model, processor = small(patch)
distinct = [list(row) for row in dict.fromkeys(map(tuple, sessions(processor, 60, seed=1)))][:12]  # three whole batches
rows = train_logllama(model, processor, distinct, "small", Path(sys.argv[1]),
                      validation=sessions(processor, 10, seed=2), progress=False)
from torch import distributed
said = dict(processes=distributed.get_world_size(), rows=rows,
            weights=sum(float(p.detach().sum()) for p in model.parameters()))
Path(sys.argv[1] + str(distributed.get_rank())).write_text(json.dumps(said))
"""


@pytest.mark.slow
def test_two_processes_train_one_model_as_one_process_does(tmp_path):
    script = PROCESS.format(tests=str(Path(__file__).parent))
    for processes in (1, 2):
        for one in fresh_process.ranks(processes, script, tmp_path / f"{processes}-", env=fresh_process.ON_CPU):
            done = one.result()
            assert done.returncode == 0, done.stderr[-3000:]
    alone, one, other = (json.loads((tmp_path / name).read_text()) for name in ("1-0", "2-0", "2-1"))
    assert (alone["processes"], one["processes"]) == (1, 2)
    assert one["weights"] == other["weights"]  # the same in both
    for mine, theirs in zip(alone["rows"], one["rows"]):
        assert (mine["batch"], mine["steps"]) == (theirs["batch"], theirs["steps"])
    # The rollouts of REINFORCE are drawn by each process for itself.
    likelihood = [run["rows"][0]["validation_loss"] for run in (alone, one)]
    assert likelihood[0] == pytest.approx(likelihood[1], rel=1e-5)
    assert (tmp_path / "2-/reinforce/done.json").exists()
