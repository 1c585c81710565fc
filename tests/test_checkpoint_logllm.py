import fresh_process
import pytest
import torch
from safetensors.torch import load_file
from tiny_logllm import DECODERS, WINDOWS, build, decoder, encoder, processor
from transformers import AutoModel, AutoProcessor

from logllm.modeling_logllm import LogLLMForSequenceAnomaly
from logllm.trainers.logllm_trainer import set_trainable
from logllm.trainers.qlora import attach_lora


def bases(folder, taken, family="llama", **changes):
    """Two base models on disk, as a Hub has them."""
    parts = {"encoder": encoder(taken.encoder_tokenizer), "decoder": decoder(taken.tokenizer, family)}
    for name, part in parts.items():
        part.save_pretrained(folder / name)
    return parts


def adapted(folder, family="llama", seed=0):
    """A model with a trained-looking adapter over bases on disk."""
    torch.manual_seed(seed)
    taken = processor()
    parts = bases(folder, taken, family)
    model = LogLLMForSequenceAnomaly.from_backbones(
        parts["encoder"],
        parts["decoder"],
        taken,
        base_encoder=str(folder / "encoder"),
        base_decoder=str(folder / "decoder"),
    )
    attach_lora(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name or "modules_to_save" in name:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.eval(), taken


@pytest.mark.parametrize("family", [name for name in DECODERS if name != "llama-tied"])
def test_an_adapter_only_checkpoint_comes_back_and_merges(family, tmp_path):
    model, taken = adapted(tmp_path, family)
    scores = model.score(WINDOWS, taken)
    model.save_pretrained(tmp_path / "out")
    taken.save_pretrained(tmp_path / "out")
    names = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {"config.json", "adapter/adapter_config.json", "adapter/adapter_model.safetensors"} <= names
    assert not {"model.safetensors", "adapter_config.json"} & names
    assert not [name for name in names if name.startswith("adapter/") and name.endswith(".py")]
    tensors = load_file(tmp_path / "out" / "adapter" / "adapter_model.safetensors")
    assert all("lora_" in name or "projector" in name for name in tensors)
    assert sum("projector" in name for name in tensors) == 2
    again, report = AutoModel.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not report["missing_keys"]
    assert again.score(WINDOWS, AutoProcessor.from_pretrained(tmp_path / "out")) == pytest.approx(scores, abs=1e-5)
    again.merge()
    assert again.score(WINDOWS, taken) == pytest.approx(scores, abs=1e-4)
    assert not [name for name, _ in again.named_modules() if "lora" in name or "modules_to_save" in name]
    again.save_pretrained(tmp_path / "whole")
    whole = AutoModel.from_pretrained(tmp_path / "whole")
    assert whole.score(WINDOWS, taken) == pytest.approx(again.score(WINDOWS, taken), abs=1e-6)
    assert whole.config.adapter_subfolder is None


def test_the_adapter_has_the_published_ranks_and_only_it_trains(tmp_path):
    model, _ = adapted(tmp_path)
    modules = dict(model.named_modules())
    inner = modules["model.encoder.encoder.layer.0.attention.self.query"]
    outer = modules["model.decoder.layers.0.self_attn.q_proj"]
    assert (inner.r["default"], inner.scaling["default"], inner.lora_dropout["default"].p) == (4, 8.0, 0.01)
    assert (outer.r["default"], outer.scaling["default"], outer.lora_dropout["default"].p) == (8, 2.0, 0.1)
    for parts, wanted in [(["projector"], 2), (["encoder"], 8), (["decoder"], 8), (["encoder", "decoder"], 16)]:
        set_trainable(model, parts)
        assert sum(p.requires_grad for p in model.parameters()) == wanted, parts


def test_gradients_reach_every_part_of_an_adapted_model(tmp_path):
    model, taken = adapted(tmp_path)
    set_trainable(model, ["encoder", "projector", "decoder"])
    model.train()
    model(**taken(WINDOWS, labels=[0, 1, 0, 1])).loss.backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    assert len(trained) == 18 and all(p.grad is not None for p in trained)


def test_a_base_can_be_loaded_from_elsewhere(tmp_path):
    model, taken = adapted(tmp_path)
    model.save_pretrained(tmp_path / "out")
    (tmp_path / "encoder").rename(tmp_path / "moved")
    with pytest.raises(OSError):
        AutoModel.from_pretrained(tmp_path / "out")
    again = AutoModel.from_pretrained(tmp_path / "out", base_encoder=str(tmp_path / "moved"))
    assert again.score(WINDOWS, taken) == pytest.approx(model.score(WINDOWS, taken), abs=1e-5)


# -- bad input ----------------------------------------------------------------------------------------------------


def test_a_base_out_of_reach_is_named_with_what_to_do(tmp_path):
    model, _ = adapted(tmp_path)
    model.config.base_decoder, model.config.base_decoder_revision = "meta-llama/Meta-Llama-3-8B", "8cde5ca"
    model.save_pretrained(tmp_path / "out")
    with pytest.raises(OSError) as caught:
        AutoModel.from_pretrained(tmp_path / "out")
    for words in ("'meta-llama/Meta-Llama-3-8B'", "revision 8cde5ca", "hf auth login", "HuggingFaceTB/SmolLM2-135M"):
        assert words in str(caught.value)


def test_an_adapter_of_other_bases_is_refused(tmp_path):
    model, taken = adapted(tmp_path)
    model.save_pretrained(tmp_path / "out")
    decoder(taken.tokenizer, "gpt2").save_pretrained(tmp_path / "other")
    with pytest.raises(ValueError, match="base decoder must have model_type 'llama', found 'gpt2'"):
        AutoModel.from_pretrained(tmp_path / "out", base_decoder=str(tmp_path / "other"))
    tensors = load_file(tmp_path / "out" / "adapter" / "adapter_model.safetensors")
    from safetensors.torch import save_file

    wrong = {name: value[:, :5].contiguous() if "lora_A" in name else value for name, value in tensors.items()}
    save_file(wrong, tmp_path / "out" / "adapter" / "adapter_model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"must fit its bases .* found that it does not"):
        AutoModel.from_pretrained(tmp_path / "out")
    some = {name: value for name, value in tensors.items() if "decoder" not in name}
    save_file(some, tmp_path / "out" / "adapter" / "adapter_model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match="8 tensors missing"):
        AutoModel.from_pretrained(tmp_path / "out")


def test_what_cannot_be_saved_or_merged_says_so(tmp_path):
    model, _ = build()
    with pytest.raises(ValueError, match="must have an adapter, found none"):
        model.merge()
    attach_lora(model)
    with pytest.raises(ValueError, match="must name its bases, found encoder None"):
        model.save_pretrained(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match="must be a folder, found the file"):
        model.save_pretrained(tmp_path / "file")


WITHOUT_BITSANDBYTES = """
import sys
sys.modules["bitsandbytes"] = None
from logllm.modeling_logllm import LogLLMForSequenceAnomaly
try:
    LogLLMForSequenceAnomaly.from_pretrained(sys.argv[1], quantization_config={"load_in_4bit": True})
except ImportError as error:
    print(error)
"""


def test_four_bit_without_bitsandbytes_says_what_to_install(tmp_path):
    build()[0].save_pretrained(tmp_path)
    done = fresh_process.run(WITHOUT_BITSANDBYTES, tmp_path)
    assert "must have bitsandbytes, found it not installed: `pip install logllm[qlora]`" in done.stdout, done.stderr


# -- dtype, device, 4 bit ---------------------------------------------------------------------------------------------


def test_dtype_and_device_map_reach_the_bases(tmp_path):
    model, taken = adapted(tmp_path)
    model.save_pretrained(tmp_path / "out")
    half = AutoModel.from_pretrained(tmp_path / "out", dtype="bfloat16", device_map="cpu")
    assert half.model.decoder.dtype == torch.bfloat16
    assert half.model.projector.weight.dtype == torch.float32  # kept in full precision
    assert half.score(WINDOWS, taken) == pytest.approx(model.score(WINDOWS, taken), abs=0.3)


def test_four_bit_loads_both_kinds_of_checkpoint(tmp_path):
    bnb = pytest.importorskip("bitsandbytes")
    from logllm.trainers.qlora import four_bit_config

    model, taken = adapted(tmp_path)
    model.save_pretrained(tmp_path / "out")
    scores = model.score(WINDOWS, taken)
    small = AutoModel.from_pretrained(tmp_path / "out", quantization_config=four_bit_config(), dtype="float32")
    assert any(isinstance(module, bnb.nn.Linear4bit) for module in small.modules()) and small.is_quantized
    found = small.score(WINDOWS, taken)
    assert torch.corrcoef(torch.tensor([found, scores]))[0, 1] > 0.9
    with pytest.raises(ValueError, match="loaded in 4 or 8 bit"):
        small.merge()
    small.save_pretrained(tmp_path / "again")  # the adapter is not quantised: it comes back, rounded to bfloat16
    again = AutoModel.from_pretrained(tmp_path / "again", dtype="float32")
    assert again.score(WINDOWS, taken) == pytest.approx(scores, abs=5e-3)
    model.merge().save_pretrained(tmp_path / "whole")
    whole = AutoModel.from_pretrained(tmp_path / "whole", quantization_config=four_bit_config())
    assert isinstance(whole.model.projector, torch.nn.Linear) and not isinstance(
        whole.model.projector, bnb.nn.Linear4bit
    )
    assert len(whole.score(WINDOWS, taken)) == len(WINDOWS)


def test_loading_a_checkpoint_says_which_base_is_missing(tmp_path):
    from logllm.checkpoint import load_checkpoint
    from logllm.errors import CheckpointError

    model, taken = adapted(tmp_path)
    model.save_pretrained(tmp_path / "out")
    taken.save_pretrained(tmp_path / "out")
    again, _ = load_checkpoint(tmp_path / "out")
    assert again.score(WINDOWS, taken) == pytest.approx(model.score(WINDOWS, taken), abs=1e-5)
    (tmp_path / "decoder").rename(tmp_path / "moved")
    with pytest.raises(
        CheckpointError, match=r"the base decoder must be in the folder .*decoder, found no model there"
    ):
        load_checkpoint(tmp_path / "out")
