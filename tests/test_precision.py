"""Scores in 4 bit, 8 bit, half precision and with weights offloaded to the disk, beside those in float32."""

import copy

import fresh_process
import pytest
import torch
from tiny_logllama import MESSAGES, sessions, small
from tiny_logllm import DECODERS, WINDOWS, build
from transformers import AutoModel, BitsAndBytesConfig

KEPT = ("model.projector", "lm_head")


def saved(folder, **settings):
    model, taken = build(**settings)
    model.save_pretrained(folder)
    return model.score(WINDOWS, taken), taken


QUANTIZED = {
    "4 bit": {"load_in_4bit": True},
    "4 bit, a list that replaces the defaults": {"load_in_4bit": True, "llm_int8_skip_modules": ["encoder"]},
    "8 bit": {"load_in_8bit": True},
    "8 bit, a list that replaces the defaults": {"load_in_8bit": True, "llm_int8_skip_modules": ["encoder"]},
}


@pytest.mark.parametrize("as_dict", [False, True], ids=["object", "dict"])
@pytest.mark.parametrize("settings", QUANTIZED.values(), ids=QUANTIZED)
def test_projector_and_head_are_never_quantized(tmp_path, settings, as_dict):
    pytest.importorskip("bitsandbytes")
    scores, taken = saved(tmp_path)
    given = dict(settings) if as_dict else BitsAndBytesConfig(**settings)
    model = AutoModel.from_pretrained(tmp_path, quantization_config=given, dtype="float32")
    modules = dict(model.named_modules())
    assert [type(modules[name]) for name in KEPT] == [torch.nn.Linear] * 2
    assert type(modules["model.decoder.layers.0.self_attn.q_proj"]) is not torch.nn.Linear
    found = model.score(WINDOWS, taken)
    assert torch.corrcoef(torch.tensor([found, scores]))[0, 1] > 0.9


def test_the_projector_never_casts_to_integers():
    """Whoever quantises the projector by other means gets an error of that means, or a sound result; not rounding."""
    model, _ = build()
    vectors = torch.randn(3, 64)

    class Packed(torch.nn.Module):
        def __init__(self, linear):
            super().__init__()
            self.weight = torch.nn.Parameter(linear.weight.detach().to(torch.uint8), requires_grad=False)
            self.inner = linear

        def forward(self, x):
            return self.inner(x)

    expected = model.model.project(vectors)
    model.model.projector = Packed(model.model.projector)
    assert torch.equal(model.model.project(vectors), expected)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("score_by", ["likelihood", "likelihood+counts", "rank", "likelihood+rank"])
def test_logllama_scores_in_half_precision(monkeypatch, tmp_path, dtype, score_by):
    model, processor = small(monkeypatch, score_by=score_by)
    rows = sessions(processor)
    model.remember_counts(rows)
    model.remember_gaps(rows, [[0.1 * i for i in range(len(row))] for row in rows])
    scores = model.score([MESSAGES[:2], MESSAGES, [MESSAGES[4]] * 5], processor)
    model.save_pretrained(tmp_path)
    loaded = AutoModel.from_pretrained(tmp_path, dtype=dtype)
    cast = AutoModel.from_pretrained(tmp_path).to(getattr(torch, dtype))
    for half in (loaded, cast):
        assert half.model.embed_tokens.weight.dtype == getattr(torch, dtype)
        for name in ("key_rarity", "longest_gap"):  # tables of facts, not weights
            assert torch.equal(getattr(half, name), getattr(model, name)), name
        assert half.gap_excess(rows[:2], [[9.0] * len(row) for row in rows[:2]]).tolist() == pytest.approx(
            model.gap_excess(rows[:2], [[9.0] * len(row) for row in rows[:2]]).tolist()
        )
        found = half.score([MESSAGES[:2], MESSAGES, [MESSAGES[4]] * 5], processor)
        if "rank" not in score_by:
            assert found == pytest.approx(scores, abs=0.02)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_logllm_scores_in_half_precision(tmp_path, dtype):
    scores, taken = saved(tmp_path)
    half = AutoModel.from_pretrained(tmp_path, dtype=dtype)
    assert half.model.decoder.dtype == getattr(torch, dtype)
    assert half.score(WINDOWS, taken) == pytest.approx(scores, abs=0.02)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("family", DECODERS)
def test_on_a_cpu_nothing_but_the_weights_is_rounded(family, dtype):
    model, taken = build(family)
    half = model.to(getattr(torch, dtype))
    half.model.projector.float()  # as from_pretrained leaves it
    expected = copy.deepcopy(half).float().score(WINDOWS, taken)
    assert half.score(WINDOWS, taken) == pytest.approx(expected, abs=2e-5)
    assert half.explain(WINDOWS[1], taken, method="gradient")


def test_on_a_cpu_nothing_but_the_weights_of_logllama_is_rounded(monkeypatch):
    model, processor = small(monkeypatch)
    half = model.to(torch.bfloat16)
    expected = copy.deepcopy(half).float().score_ids(sessions(processor))
    assert half.score_ids(sessions(processor)) == pytest.approx(expected, abs=2e-5)


OFFLOADED = {
    "all": {"": "disk"},
    "decoder": {"model.encoder": "cpu", "model.projector": "cpu", "model.decoder": "disk", "lm_head": "cpu"},
    "encoder": {"model.encoder": "disk", "model.projector": "disk", "model.decoder": "cpu", "lm_head": "disk"},
}


@pytest.mark.parametrize("where", OFFLOADED.values(), ids=OFFLOADED)
def test_logllm_scores_with_weights_offloaded(tmp_path, where):
    scores, taken = saved(tmp_path / "model")
    model = AutoModel.from_pretrained(tmp_path / "model", device_map=where, offload_folder=tmp_path / "offload")
    assert any(parameter.is_meta for parameter in model.parameters())
    assert model.score(WINDOWS, taken) == pytest.approx(scores, abs=1e-5)
    assert len(model.explain(WINDOWS[1], taken)) == 3
    with torch.no_grad():
        assert model(**taken(WINDOWS)).logits.shape[0] == len(WINDOWS)


def test_logllama_scores_with_weights_offloaded(monkeypatch, tmp_path):
    model, processor = small(monkeypatch, score_by="likelihood+counts")
    model.remember_counts(sessions(processor))
    scores = model.score([MESSAGES[:2], MESSAGES], processor)
    model.save_pretrained(tmp_path / "model")
    where = {"": "disk"}
    again = AutoModel.from_pretrained(tmp_path / "model", device_map=where, offload_folder=tmp_path / "offload")
    assert any(parameter.is_meta for parameter in again.parameters())
    assert again.score([MESSAGES[:2], MESSAGES], processor) == pytest.approx(scores, abs=1e-5)


NO_BITSANDBYTES = """
import sys
import transformers.utils.import_utils as utils
sys.modules["bitsandbytes"] = None
from logllm.modeling_logllm import checkpoint_logllm
checkpoint_logllm.is_bitsandbytes_available = lambda: False
from logllm.checkpoint import load_checkpoint
from logllm.errors import CheckpointError
try:
    load_checkpoint(sys.argv[1])
except CheckpointError as error:
    print(error)
"""


def test_a_quantized_checkpoint_comes_back_and_says_what_it_needs(tmp_path):
    pytest.importorskip("bitsandbytes")
    scores, taken = saved(tmp_path / "whole")
    small = AutoModel.from_pretrained(
        tmp_path / "whole", quantization_config=BitsAndBytesConfig(load_in_4bit=True), dtype="float32"
    )
    found = small.score(WINDOWS, taken)
    again_from = tmp_path / "small"
    fresh = AutoModel.from_pretrained(
        tmp_path / "whole", quantization_config=BitsAndBytesConfig(load_in_4bit=True), dtype="float32"
    )
    fresh.save_pretrained(again_from)
    taken.save_pretrained(again_from)
    again = AutoModel.from_pretrained(again_from)
    assert again.score(WINDOWS, taken) == pytest.approx(found, abs=1e-3)
    done = fresh_process.run(NO_BITSANDBYTES, again_from)
    assert "must have bitsandbytes, found it not installed: `pip install logllm[qlora]`" in done.stdout, done.stderr
    assert len(scores) == len(found)
