import math

import pytest
import torch
from tiny_logllama import CLOSE, FAIL, MESSAGES, OPEN, READ, WRITE, sessions, small, table

from logllm.hf_datasets import DrainSettings, mine_templates
from logllm.modeling_logllm import LogLLaMAConfig, LogLLaMAForNextKey, LogLLaMAProcessor
from logllm.training.logllama import remember_validation


def plain(model, ids):
    """Score one sequence, one position at a time, as a reader of the paper would write it."""
    nll, rank = [], []
    for t in range(1, len(ids)):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids[:t]])).logits[0, -1].clone()
        logits[[0, 1, 3]] = -torch.inf
        log_p = logits.log_softmax(-1)
        unseen = ids[t] == 3
        nll.append(model.config.unseen_score if unseen else -float(log_p[ids[t]]))
        rank.append(model.config.vocab_size if unseen else int((log_p > log_p[ids[t]]).sum()))
    return nll, rank


def test_batched_scores_are_those_of_one_key_at_a_time(monkeypatch):
    model, processor = small(monkeypatch)
    rows = [*sessions(processor, 12), processor.ids_of_keys([FAIL]), processor.ids_of_keys([OPEN, "", CLOSE])]
    for judged, ids in zip(model.judge(rows, max_batch_tokens=16), rows):
        nll, rank = plain(model, ids)
        assert judged.nll.tolist() == pytest.approx(nll, abs=1e-4)
        assert judged.rank.tolist() == rank


def test_detectors_are_what_score_by_gives(monkeypatch):
    model, processor = small(monkeypatch)
    rows = sessions(processor, 6)
    model.remember_counts(rows)
    together = model.detectors([*rows, rows[0]])
    assert set(together) == {"likelihood", "counts", "likelihood+counts", "rank", "likelihood+rank"}
    for name, scores in together.items():
        model.config.score_by = name
        assert model.score_ids([*rows, rows[0]]) == pytest.approx(scores)
    model.config.score_by = "rank"
    model.config.num_candidates = 2
    flagged = [score > model.config.candidates - 1 for score in model.score_ids(rows)]
    assert flagged == [max(plain(model, ids)[1]) >= 2 for ids in rows]


@pytest.mark.parametrize(("settings", "k"), [({"num_candidates": 99}, 5), ({"candidate_share": 1e-6}, 1), ({}, 2)])
def test_k_stays_within_the_keys(monkeypatch, settings, k):
    assert small(monkeypatch, **settings)[0].config.candidates == k


@pytest.mark.parametrize("settings", [{"score_by": "luck"}, {"num_candidates": 0}, {"candidate_share": 0.0}])
def test_settings_that_mean_nothing_are_refused(settings):
    with pytest.raises(ValueError, match="must be"):
        LogLLaMAConfig(**settings)


def test_counts_see_what_the_next_key_does_not(monkeypatch):
    model, processor = small(monkeypatch)
    normal = [processor.ids_of_keys(keys) for keys in ([OPEN, CLOSE],) * 9 + ([OPEN, READ, CLOSE],)]
    model.remember_counts(normal)
    odd = [processor.ids_of_keys(keys) for keys in ([OPEN, CLOSE], [OPEN, OPEN, CLOSE], [OPEN, READ, READ, CLOSE])]
    distances, nearest = model.count_distances(odd)
    assert distances[0] == 0 and int(nearest[0]) == 0
    assert distances[1] == pytest.approx(1 / 5)  # one key too many, one that every window has: rarity 1
    assert distances[2] == pytest.approx((1 + math.log(11 / 2)) / 6)  # a key that one window of ten has


def test_counts_of_further_windows_are_remembered_and_no_distance_grows(monkeypatch):
    model, processor = small(monkeypatch)
    model.remember_counts([processor.ids_of_keys([OPEN, CLOSE])] * 9)
    rows = [
        processor.ids_of_keys(keys) for keys in ([OPEN, READ, CLOSE], [OPEN, READ, READ, CLOSE], [OPEN, "", CLOSE])
    ]
    before = model.count_distances(rows)[0]
    remember_validation(model, [rows[0], rows[0], rows[2]])
    after = model.count_distances(rows)[0]
    assert len(model.normal_counts) == 2 == model.config.num_count_vectors and after[0] == 0 < before[0]
    assert bool((after <= before).all()) and after[2] == before[2] > 0  # a message never seen stays as odd as it was


def test_gaps(monkeypatch):
    model, processor = small(monkeypatch)
    ids = processor.ids_of_keys([OPEN, CLOSE])
    model.remember_gaps([ids], [[0, 0, 9.0, 0]])
    assert model.gap_excess([ids, ids], [[0, 0, 5.0, 0], [0, 0, 99.0, 0]]).tolist() == pytest.approx([0, math.log(10)])


def test_sessions_of_length_1_and_of_100000(monkeypatch):
    model, processor = small(monkeypatch, context_keys=64)
    short, long = processor.ids_of_keys([OPEN]), processor.ids_of_keys([OPEN, READ] * 50_000)
    scores = model.score_ids([short, long])
    assert all(math.isfinite(score) for score in scores)
    judged = model.judge([long], max_batch_tokens=1 << 14)[0]
    assert len(judged.nll) == len(long) - 1  # every position once, nothing lost


def test_overlapping_contexts_see_half_a_context_at_least(monkeypatch):
    model, processor = small(monkeypatch, context_keys=8)
    ids = processor.ids_of_keys([OPEN, *[READ, WRITE] * 10, CLOSE])
    wide, narrow = model.judge([ids])[0], []
    for t in range(1, len(ids)):
        nll, _ = plain(model, ids[: t + 1]) if t <= 8 else (None, None)
        narrow.append(nll[-1] if nll else None)
    assert wide.nll[:8].tolist() == pytest.approx(narrow[:8], abs=1e-4)
    assert len(wide.nll) == len(ids) - 1


def test_one_template_only(monkeypatch):
    model, processor = small(monkeypatch, messages=["tick tock"])
    assert model.config.candidates == 1
    (score,) = model.score([["tick tock"] * 5], processor)
    assert math.isfinite(score)


def test_an_unknown_message_has_the_unseen_score(monkeypatch):
    model, processor = small(monkeypatch, unseen_score=7.5)
    assert processor.keys(["never heard of this one at all"]) == ["<unk>"]
    judged = model.judge([processor.token_ids(["open the door now", "never heard of this one at all"])])[0]
    assert float(judged.nll[1]) == 7.5 and int(judged.rank[1]) == model.config.vocab_size


def test_a_table_from_another_checkpoint_is_refused(monkeypatch):
    model, processor = small(monkeypatch)
    _, other = small(monkeypatch, messages=[*MESSAGES[:4], "something else entirely"])
    processor.check(model.config)
    with pytest.raises(ValueError, match="must be the model's own"):
        model.score([["open the door now"]], other)
    with pytest.raises(ValueError, match="must be the model's own"):
        model.score([["open the door now"]], small(monkeypatch, messages=MESSAGES[:2])[1])


def test_generate_continues_a_session(monkeypatch):
    model, processor = small(monkeypatch)
    windows = [["open the door now"], ["open the door now", "read from disk quietly"]]
    batch = processor(windows, unfinished=True)
    assert batch["input_ids"][0, 0] == 0 and batch["input_ids"][0, -1] != 2  # padded on the left, not closed
    said = model.generate(**batch, max_new_tokens=6, do_sample=True)
    new = said[:, batch["input_ids"].shape[1] :]
    assert not set(new.flatten().tolist()) & {1, 3}
    assert set(processor.describe(new[0].tolist())) <= set(MESSAGES)


def test_update_does_not_move_old_ids(monkeypatch, tmp_path):
    model, processor = small(monkeypatch)
    model.remember_counts(sessions(processor))
    old = processor.tokenizer.get_vocab()
    before = model.score([["open the door now", "close the door again"]], processor)
    reworded, new = "open the door right now", "a wholly different message of its own kind"
    rows = mine_templates([reworded, new], DrainSettings(masks=()))["templates"]
    assert model.update(processor, rows) == 2
    now = processor.tokenizer.get_vocab()
    assert all(now[word] == i for word, i in old.items()) and len(now) == len(old) + 2
    assert model.score([["open the door now", "close the door again"]], processor) == pytest.approx(before)
    # A reworded template is what it was; one that is like no other stays unseen until it is trained.
    assert model.score([[reworded, "close the door again"]], processor) == pytest.approx(before)
    judged = model.judge([processor.token_ids([new])])[0]
    assert float(judged.nll[0]) == model.config.unseen_score
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    again, table_again = LogLLaMAForNextKey.from_pretrained(tmp_path), LogLLaMAProcessor.from_pretrained(tmp_path)
    assert again.score([[reworded, "close the door again"]], table_again) == pytest.approx(before)
    assert model.update(processor, rows) == 0
    ids = processor.token_ids([new])
    model.learn_keys(ids)
    assert float(model.judge([ids])[0].nll[0]) != model.config.unseen_score


def test_buffers_survive_a_checkpoint_and_their_absence(monkeypatch, tmp_path):
    from safetensors.torch import load_file, save_file

    model, processor = small(monkeypatch)
    model.remember_counts(sessions(processor))
    model.save_pretrained(tmp_path)
    again = LogLLaMAForNextKey.from_pretrained(tmp_path)
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, dict(again.named_buffers())[name]), name
    weights = load_file(tmp_path / "model.safetensors")
    for name in ("key_alias", "key_rarity", "longest_gap"):
        del weights[name]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    old = LogLLaMAForNextKey.from_pretrained(tmp_path)
    assert old.key_alias.tolist() == list(range(model.config.vocab_size))
    assert old.key_rarity.tolist() == [1.0] * model.config.vocab_size
    assert torch.equal(old.normal_counts, model.normal_counts)


def test_an_extended_table_is_a_table_of_its_own(monkeypatch):
    mined = table()
    _, processor = small(monkeypatch)
    processor.extend(mine_templates(["one more of them"], DrainSettings(masks=()))["templates"])
    assert len(processor.template_table["templates"]) == len(mined["templates"]) + 1
