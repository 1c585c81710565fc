"""The worst trap of a composite: a decoder that sees the future, without an error or a warning."""

import copy

import pytest
import torch
from transformers import AutoModel

from logllm.modeling_logllm import LogLLMConfig
from logllm.trainers import assemble_logllm

WINDOWS = [
    ["Receiving block blk_1", "Served block blk_2 to /10.0.0.1", "Deleting block blk_3"],
    ["Receiving block blk_9"],
]


@pytest.fixture(scope="module")
def pair():
    model, processor = assemble_logllm("tiny", [m for w in WINDOWS for m in w], seed=3)
    return model.eval(), processor


def leak(model, batch) -> float:
    """How far logits before the last token move when the last token changes."""
    changed = {**batch, "input_ids": batch["input_ids"].clone()}
    changed["input_ids"][:, -1] += 1
    with torch.no_grad():
        before, after = model(**batch).logits, model(**changed).logits
    assert (before[:, -1] - after[:, -1]).abs().max() > 1e-4, "the last token must matter to itself"
    return float((before[:, :-1] - after[:, :-1]).abs().max())


@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_no_future_token_leaks(pair, padding_side):
    model, processor = pair
    batch = dict(processor(WINDOWS[:1], padding_side=padding_side))
    assert leak(model, batch) < 1e-5


def test_no_leak_after_save_and_load(pair, tmp_path):
    model, processor = pair
    model.save_pretrained(tmp_path)
    assert leak(AutoModel.from_pretrained(tmp_path).eval(), dict(processor(WINDOWS[:1]))) < 1e-5


def test_the_sub_configurations_are_copies(pair):
    model, _ = pair
    assert model.config.decoder_config is not model.model.decoder.config
    shared = copy.deepcopy(model.model.decoder.config)
    config = LogLLMConfig(encoder_config=model.model.encoder.config, decoder_config=shared)
    assert config.decoder_config is not shared


def test_a_later_soft_token_does_not_change_an_earlier_position(pair):
    model, processor = pair
    one, two = (
        processor([[*WINDOWS[0][:2], last]], padding_side="right") for last in ("Deleting block", "Another message")
    )
    with torch.no_grad():
        a, b = model(**one).logits, model(**two).logits
    place = (one["input_ids"][0] == processor.log_token_id).nonzero()[-1].item()
    assert (a[0, :place] - b[0, :place]).abs().max() < 1e-5
    assert (a[0, place:] - b[0, place:]).abs().max() > 1e-6
