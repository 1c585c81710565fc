import copy

import pytest
import torch
from tiny_logllm import DECODERS, WINDOWS, build, decoder, encoder, processor
from torch import nn
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoProcessor

from logllm.modeling_logllm import LogLLMConfig, LogLLMForSequenceAnomaly, LogLLMForSequenceClassification


def plain_log_odds(model, taken, window):
    """One window alone, every message encoded alone, all positions through the whole head."""
    vectors = []
    for message in window:
        tokens = taken.tokenize_messages([taken.normalize(message)])
        vectors.append(model.model.encode_messages(tokens["input_ids"], tokens["attention_mask"]))
    embed = model.get_input_embeddings()
    prompt = [embed(torch.tensor(taken.prefix_ids)), *vectors, embed(torch.tensor(taken.question_ids))]
    logits = model(inputs_embeds=torch.cat(prompt).unsqueeze(0)).logits[0, -1]
    normal, anomalous = taken.answer_token_ids
    return float(logits[anomalous] - logits[normal])


@pytest.mark.parametrize("family", DECODERS)
@torch.no_grad()
def test_any_decoder_scores_like_the_plain_path_and_survives_saving(family, tmp_path):
    model, taken = build(family)
    scores = model.score(WINDOWS, taken)
    assert scores == pytest.approx([plain_log_odds(model, taken, w) for w in WINDOWS], abs=2e-5)
    assert scores[0] == scores[2]  # equal after masking
    assert model.score(WINDOWS, taken, unique_windows=False) == pytest.approx(scores, abs=2e-5)
    head, embeddings = model.lm_head.weight, model.get_input_embeddings().weight
    assert (head.data_ptr() == embeddings.data_ptr()) == model.config.tie_word_embeddings
    model.save_pretrained(tmp_path)
    taken.save_pretrained(tmp_path)
    again, report = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert again.score(WINDOWS, AutoProcessor.from_pretrained(tmp_path)) == scores
    # Tied or not, it is so again after loading.
    same = again.lm_head.weight.data_ptr() == again.get_input_embeddings().weight.data_ptr()
    assert same == model.config.tie_word_embeddings


@pytest.mark.parametrize(
    "family, pooling", [("bert", "mean"), ("roberta", "pooler"), ("electra", "mean"), ("distilbert", "mean")]
)
@torch.no_grad()
def test_any_encoder(family, pooling, tmp_path):
    model, taken = build(encoder_family=family, pooling=pooling)
    scores = model.score(WINDOWS, taken)
    assert scores == pytest.approx([plain_log_odds(model, taken, w) for w in WINDOWS], abs=2e-5)
    model.save_pretrained(tmp_path)
    assert AutoModel.from_pretrained(tmp_path).score(WINDOWS, taken) == scores


def test_an_encoder_without_a_pooler_is_refused_at_once():
    with pytest.raises(ValueError, match=r'must have an encoder with a pooler, found DistilBertModel.*"mean"'):
        build(encoder_family="distilbert", pooling="pooler")


def test_a_window_that_the_decoder_cannot_hold_is_refused_at_once():
    taken = processor(max_messages=250)
    with pytest.raises(ValueError, match="found space for 256 tokens"):
        LogLLMForSequenceAnomaly.from_backbones(encoder(taken.encoder_tokenizer), decoder(taken.tokenizer), taken)


@torch.no_grad()
def test_the_decoder_stays_causal():
    model, taken = build()
    batch = dict(taken(WINDOWS[:1]))
    before = model(**batch).logits
    batch["input_ids"] = batch["input_ids"].clone()
    batch["input_ids"][:, -1] = taken.tokenizer.eos_token_id
    after = model(**batch).logits
    assert torch.equal(before[:, :-1], after[:, :-1]) and not torch.equal(before[:, -1], after[:, -1])


def gradients(model, batch):
    model.zero_grad()
    loss = model(**batch).loss
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def test_training_encodes_distinct_messages_once_with_the_loss_and_gradients_of_the_plain_path():
    model, taken = build()
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    windows = [WINDOWS[0] * 6, WINDOWS[1] * 6, WINDOWS[2] * 5, WINDOWS[3]]
    once = dict(taken(windows, labels=[0, 1, 0, 1], padding_side="right"))
    every = copy.deepcopy(once)
    order = once["message_index"][once["message_index"] >= 0]
    every["message_input_ids"] = once["message_input_ids"][order]
    every["message_attention_mask"] = once["message_attention_mask"][order]
    every["message_index"][once["message_index"] >= 0] = torch.arange(len(order))
    assert len(order) > 4 * len(once["message_input_ids"])
    loss, found = gradients(model, once)
    model.eval()  # here the whole head is used and the parent's loss
    plain_loss, plain = gradients(model, every)
    assert float(loss) == pytest.approx(float(plain_loss), rel=1e-5)
    assert found.keys() == plain.keys()
    # A gradient that is zero by symmetry (a key's bias under softmax) is rounding in both.
    for name, gradient in plain.items():
        assert float((found[name] - gradient).norm()) <= 1e-5 * max(float(gradient.norm()), 1e-3), name


def test_the_loss_of_accumulated_batches_is_a_sum_over_the_items_given():
    model, taken = build()
    batch = dict(taken(WINDOWS, labels=[0, 1, 0, 1]))
    tokens = int((batch["labels"] != -100).sum())
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    whole = model(**batch).loss.item()
    assert model(**batch, num_items_in_batch=torch.tensor(2 * tokens)).loss.item() == pytest.approx(whole / 2)


def test_generate_agrees_with_score_on_a_trained_model():
    model, taken = build(seed=1)
    labels = [0, 1, 0, 1]
    batch = dict(taken(WINDOWS, labels=labels, padding_side="right"))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    model.train()
    for _ in range(60):
        optimizer.zero_grad()
        model(**batch).loss.backward()
        optimizer.step()
    model.eval()
    scores = model.score(WINDOWS, taken)
    assert [score > 0 for score in scores] == [bool(label) for label in labels]
    prompts = dict(taken(WINDOWS))
    written = model.generate(**prompts, max_new_tokens=8, do_sample=False)[:, prompts["input_ids"].shape[1] :]
    texts = taken.tokenizer.batch_decode(written, skip_special_tokens=True)
    assert texts == [taken.answers[label] for label in labels]
    beams = model.generate(**prompts, max_new_tokens=8, num_beams=2, do_sample=False)
    assert taken.tokenizer.batch_decode(beams, skip_special_tokens=True)[1].endswith(taken.answers[1])


@pytest.mark.parametrize("side", ["left", "right"])
@torch.no_grad()
def test_the_classifier_has_two_logits_whose_difference_is_the_score(side, tmp_path):
    model, taken = build("gpt2")
    model.save_pretrained(tmp_path)
    classifier = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert isinstance(classifier, LogLLMForSequenceClassification)
    output = classifier(**taken(WINDOWS, padding_side=side), labels=torch.tensor([0, 1, 0, 1]))
    assert output.logits.shape == (4, 2) and output.loss > 0
    found = output.logits[:, 1] - output.logits[:, 0]
    if side == "left":  # learned positions count the padding unless they are told
        position = taken(WINDOWS)["attention_mask"]
        position = torch.cat([position, torch.ones(4, len(model.config.answer_prefix_ids), dtype=torch.long)], 1)
        output = classifier(**taken(WINDOWS), position_ids=(position.cumsum(1) - 1).clamp(min=0))
        found = output.logits[:, 1] - output.logits[:, 0]
    assert found.tolist() == pytest.approx(model.score(WINDOWS, taken), abs=2e-5)


def test_every_auto_class_resolves(tmp_path):
    model, taken = build()
    model.save_pretrained(tmp_path)
    taken.save_pretrained(tmp_path)
    assert type(AutoModelForCausalLM.from_pretrained(tmp_path)) is LogLLMForSequenceAnomaly
    auto_map = LogLLMConfig.from_pretrained(tmp_path).auto_map
    assert set(auto_map) == {
        "AutoConfig", "AutoModel", "AutoModelForCausalLM", "AutoModelForSequenceClassification", "AutoProcessor"
    }  # fmt: skip


# -- long windows, the message table ------------------------------------------------------------------------------


@torch.no_grad()
def test_a_long_window_is_scored_in_overlapping_pieces_and_the_worst_speaks():
    model, taken = build(max_messages=4)
    window = [f"message of kind {'abcdefghijk'[i]}" for i in range(11)]
    pieces = [window[0:4], window[2:6], window[4:8], window[6:10], window[7:11]]
    assert model.score([window], taken)[0] == pytest.approx(max(model.score(pieces, taken)))
    model.config.long_windows = "cut"
    assert model.score([window], taken) == model.score([window[:4]], taken)


@torch.no_grad()
def test_the_table_encodes_each_distinct_message_once_and_stays_bounded():
    model, taken = build()
    table = model.message_table(taken)
    first = model.score(WINDOWS * 10, taken, table=table)
    assert len(table) == table.misses == 5
    assert table.hit_rate == pytest.approx(1 - 5 / sum(len(w) for w in WINDOWS * 10))
    assert model.score(WINDOWS * 10, taken, table=table) == first and table.misses == 5
    small = model.message_table(taken, capacity=3)
    assert [s for w in WINDOWS for s in model.score([w], taken, table=small)] == pytest.approx(first[:4], abs=1e-5)
    assert len(small) <= 3


# -- bad input ----------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_an_unknown_wording_is_read_as_the_nearest_known_one(tmp_path):
    model, taken = build(pooling="mean")
    known = [taken.normalize(message) for message in WINDOWS[1]]
    plain = model.score([WINDOWS[1]], taken)[0]
    reworded = [*WINDOWS[1][:2], "done done"]
    apart = model.score([reworded], taken)[0]
    assert abs(apart - plain) > 1e-3
    model.config.known_messages, model.config.nearest_wording = known, 0.5
    assert model.score([WINDOWS[1]], taken)[0] == pytest.approx(plain, abs=1e-5)
    assert model.score([reworded], taken)[0] == pytest.approx(plain, abs=1e-5)
    model.save_pretrained(tmp_path)
    again = LogLLMForSequenceAnomaly.from_pretrained(tmp_path)
    assert again.score([reworded], taken)[0] == pytest.approx(plain, abs=1e-5)
    model.config.nearest_wording = 1.0
    assert model.score([reworded], taken)[0] == pytest.approx(apart, abs=1e-5)
    with pytest.raises(ValueError, match="nearest_wording must be from 0"):
        LogLLMConfig(nearest_wording=2.0)


@torch.no_grad()
def test_known_wordings_are_those_of_the_present_encoder():
    model, taken = build(pooling="mean")
    model.config.known_messages, model.config.nearest_wording = ["done"], 0.01
    before = model.score([["Verification succeeded"]], taken)[0]
    model.model.encoder.get_input_embeddings().weight.mul_(torch.linspace(-1, 1, 64))  # as training would
    assert model.score([["Verification succeeded"]], taken)[0] == pytest.approx(model.score([["done"]], taken)[0])
    assert model.score([["done"]], taken)[0] != pytest.approx(before, abs=1e-6)


def test_windows_that_are_none_are_refused():
    model, taken = build()
    assert model.score([], taken) == []
    for window, error, words in [
        ([], ValueError, "at least one message"),
        ("a string", TypeError, "list of messages"),
        ([1], TypeError, "must be a string"),
    ]:
        with pytest.raises(error, match=words):
            model.score([window], taken)
        with pytest.raises(error, match=words):
            taken([window])
    with pytest.raises(ValueError, match="at least one window"):
        taken([])


@torch.no_grad()
def test_odd_messages_are_scored():
    model, taken = build()
    odd = [
        ["", ""], [" "], ["x" * 100_000], ["1." * 50_000], ["/a" * 50_000], ["ошибка диска", "磁盘错误", "خطأ", "🔥" * 50],
        ["\x00\x01", "\ud800 lone surrogate", "a\nb\r\n"],
    ]  # fmt: skip
    scores = model.score(odd, taken)
    assert all(torch.isfinite(torch.tensor(score)) for score in scores)
    assert all(len(model.explain(window, taken)) == len(window) for window in odd)
    assert torch.isfinite(model(**taken(odd)).logits).all()


def test_placeholders_and_messages_must_be_equal_in_number():
    model, taken = build()
    batch = dict(taken(WINDOWS[:1]))
    batch["input_ids"] = torch.cat([torch.tensor([[taken.log_token_id]]), batch["input_ids"]], 1)
    batch["attention_mask"] = torch.ones_like(batch["input_ids"])
    with pytest.raises(ValueError, match=r"found \[3\] placeholders for \[2\] messages"):
        model(**batch)


def test_a_processor_of_another_model_is_refused():
    model, _ = build()
    other = processor([["quite other words than those"]])
    with pytest.raises(ValueError, match="must be the model's own, found checksum"):
        model.score(WINDOWS, other)
    swapped = processor(answers=("All is well.", "Something is wrong."))
    with pytest.raises(ValueError, match="must be the model's own, found log_token_id and answer_token_ids"):
        model.score(WINDOWS, swapped)


def test_answers_must_differ():
    with pytest.raises(ValueError, match="must differ in a token"):
        _ = processor(answers=("yes", "yes")).answer_token_ids


def test_an_unknown_dtype_and_unknown_settings_are_refused(tmp_path):
    model, taken = build()
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="name of a torch dtype, found 'float7'"):
        LogLLMForSequenceAnomaly.from_pretrained(tmp_path, dtype="float7")
    assert LogLLMForSequenceAnomaly.from_pretrained(tmp_path, dtype="bfloat16").dtype == torch.bfloat16
    for settings, words in [
        ({"pooling": "max"}, "pooling must be"),
        ({"long_windows": "drop"}, "long_windows must be"),
        ({"max_messages": 0}, "max_messages must be at least 1"),
    ]:
        with pytest.raises(ValueError, match=words):
            LogLLMConfig(**settings)
    with pytest.raises(ValueError, match="method must be one of"):
        model.explain(["a", "b"], taken, method="guess")


def test_the_same_step_gives_the_same_gradient_to_the_bit():
    """Copies of a message share one row of the table; the order in which their gradients are summed must not vary."""
    from logllm.trainers import assemble_logllm

    windows = [
        [f"{word} block blk_{i} of {word}" for i in range(60) for word in ("Receiving", "Served")] for _ in range(8)
    ]
    model, processor = assemble_logllm("tiny", windows[0], seed=0)
    batch = processor(windows, labels=[0, 1] * 4, padding_side="right")

    def gradient() -> torch.Tensor:
        model.zero_grad()
        model.eval()(**batch).loss.backward()
        return model.model.projector.weight.grad.clone()

    first = gradient()
    assert first.abs().sum() > 0
    assert all(torch.equal(first, gradient()) for _ in range(5))


def test_a_configuration_names_no_folder_that_its_parts_came_from(tmp_path):
    _, taken = build()
    parts = encoder(taken.encoder_tokenizer), decoder(taken.tokenizer)
    for part in parts:
        part.config._name_or_path = str(tmp_path)
    model = LogLLMForSequenceAnomaly.from_backbones(*parts, taken)
    model.save_pretrained(tmp_path / "out")
    assert str(tmp_path) not in (tmp_path / "out" / "config.json").read_text("utf-8")
