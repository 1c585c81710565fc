"""Implementations of attention, outputs of every layer, tuples, and export: what a decoder can do, LogLLM can."""

import pytest
import torch
from tiny_logllama import MESSAGES, sessions, small
from tiny_logllm import DECODERS, WINDOWS, build


@pytest.mark.parametrize("family", ["llama", "qwen2", "gpt_neox"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_implementations_of_attention_agree(family, side):
    model, taken = build(family)
    batch = taken(WINDOWS, padding_side=side)
    real = batch["attention_mask"].bool()
    results = {}
    for name in ("eager", "sdpa", "flex_attention"):
        model.set_attn_implementation(name)
        assert model.model.decoder.config._attn_implementation == name
        with torch.no_grad():
            results[name] = model(**batch).logits[real]
    for name in ("sdpa", "flex_attention"):
        torch.testing.assert_close(results[name], results["eager"], rtol=1e-3, atol=1e-4)


def test_an_implementation_that_is_not_installed_is_named_by_transformers(tmp_path):
    from transformers import AutoModel

    model, _ = build()
    model.save_pretrained(tmp_path)
    with pytest.raises(ImportError, match=r"[Ff]lash"):  # not: LogLLM does not support it
        AutoModel.from_pretrained(tmp_path, attn_implementation="flash_attention_2")


@pytest.mark.parametrize("family", DECODERS)
def test_hidden_states_attentions_and_tuples(family):
    model, taken = build(family)
    model.set_attn_implementation("eager")
    batch = taken(WINDOWS, labels=[0, 1, 0, 1])
    with torch.no_grad():
        whole = model(**batch, output_hidden_states=True, output_attentions=True, use_cache=False)
        several = model(**batch, output_hidden_states=True, output_attentions=True, use_cache=False, return_dict=False)
    layers = model.config.decoder_config.num_hidden_layers
    assert len(whole.hidden_states) == layers + 1 and len(whole.attentions) == layers
    assert isinstance(several, tuple) and torch.equal(several[0], whole.loss) and torch.equal(several[1], whole.logits)
    body = model.model(**{name: batch[name] for name in taken.model_input_names}, return_dict=False, use_cache=False)
    torch.testing.assert_close(body[0], whole.hidden_states[-1])


def test_generate_agrees_with_the_score():
    model, taken = build()
    said = model.generate(**taken(WINDOWS), max_new_tokens=len(taken.answer_prefix_ids) + 1, do_sample=False)
    scores = model.score(WINDOWS, taken)
    normal, anomalous = taken.answer_token_ids
    for row, score in zip(said[:, -1].tolist(), scores):
        if row in (normal, anomalous):
            assert (row == anomalous) == (score > 0)


# -- export ------------------------------------------------------------------------------------------------------------


def test_torch_export_of_logllm_is_exact():
    model, taken = build()
    batch = dict(taken(WINDOWS))
    exported = torch.export.export(model, (), {**batch, "use_cache": False}, strict=False)
    with torch.no_grad():
        assert torch.equal(exported.module()(**batch, use_cache=False).logits, model(**batch, use_cache=False).logits)


def test_torch_export_of_logllama_is_exact(monkeypatch):
    model, processor = small(monkeypatch)
    batch = dict(processor([MESSAGES, MESSAGES[:2]]))
    exported = torch.export.export(model, (), {**batch, "use_cache": False}, strict=False)
    with torch.no_grad():
        assert torch.equal(exported.module()(**batch, use_cache=False).logits, model(**batch, use_cache=False).logits)


def test_the_scorer_of_logllama_as_onnx(monkeypatch, tmp_path):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")

    class Scorer(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, input_ids):
            return self.model(input_ids=input_ids, use_cache=False).logits

    model, processor = small(monkeypatch)
    ids = torch.tensor(sessions(processor, 1))
    program = torch.onnx.export(Scorer(model).eval(), (ids,), dynamo=True, input_names=["input_ids"])
    program.save(str(tmp_path / "scorer.onnx"))
    session = runtime.InferenceSession(str(tmp_path / "scorer.onnx"), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: ids.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(found), model(input_ids=ids).logits, rtol=0, atol=1e-4)
