import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tiny_logllm import WINDOWS, decoder, encoder, processor
from torch import nn
from transformers import AutoModel, AutoModelForCausalLM, AutoProcessor

from logllm.errors import CheckpointError
from logllm.hub.official import PROMPT_SUFFIX, export_official, import_official
from logllm.modeling_logllm import LogLLMConfig


@pytest.fixture
def published(tmp_path):
    """A checkpoint of the published layout over a small BERT and Llama, and those on disk with their tokenizers."""
    torch.manual_seed(0)
    taken = processor()
    bert, llama = encoder(taken.encoder_tokenizer), decoder(taken.tokenizer)
    for name, part, words in (("bert", bert, taken.encoder_tokenizer), ("llama", llama, taken.tokenizer)):
        part.save_pretrained(tmp_path / name)
        words.save_pretrained(tmp_path / name)
    folder = tmp_path / "ft_model"
    for part, name, settings in (
        (bert, "Bert_ft", {"r": 4, "lora_alpha": 32, "lora_dropout": 0.01, "task_type": "FEATURE_EXTRACTION"}),
        (llama, "Llama_ft", {"r": 8, "lora_alpha": 16, "lora_dropout": 0.1, "task_type": "CAUSAL_LM",
                             "target_modules": ["q_proj", "v_proj"]}),
    ):  # fmt: skip
        adapted = get_peft_model(part, LoraConfig(**{"target_modules": ["query", "value"], **settings}))
        with torch.no_grad():
            for key, parameter in adapted.named_parameters():
                if "lora_B" in key:
                    parameter.normal_(std=0.2)
        adapted.save_pretrained(folder / name)
    torch.save(nn.Linear(64, 64).state_dict(), folder / "projector.pt")
    return tmp_path


@torch.no_grad()
def plainly(folder, window):
    """The published code's way, with PEFT alone: log-odds of the answers after the common answer words."""
    taken = processor(prompt_suffix=PROMPT_SUFFIX)
    bert = PeftModel.from_pretrained(
        AutoModel.from_pretrained(folder / "bert"), folder / "ft_model" / "Bert_ft"
    ).eval()
    llama = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(folder / "llama"), folder / "ft_model" / "Llama_ft"
    ).eval()
    projector = nn.Linear(64, 64)
    projector.load_state_dict(torch.load(folder / "ft_model" / "projector.pt", weights_only=True))
    tokens = taken.encoder_tokenizer([taken.normalize(m) for m in window], padding=True, return_tensors="pt")
    soft = projector(bert(**tokens).pooler_output)
    embed = llama.get_input_embeddings()
    before, after = (embed(torch.tensor(ids)) for ids in (taken.prefix_ids, taken.question_ids))
    logits = llama(inputs_embeds=torch.cat([before, soft, after]).unsqueeze(0)).logits[0, -1]
    normal, anomalous = taken.answer_token_ids
    return float(logits[anomalous] - logits[normal])


def run_import(folder):
    return import_official(folder / "ft_model", folder / "ours", str(folder / "bert"), str(folder / "llama"))


def test_an_imported_checkpoint_scores_as_peft_alone_does(published):
    out = run_import(published)
    model, taken = AutoModel.from_pretrained(out), AutoProcessor.from_pretrained(out)
    assert model.score(WINDOWS, taken) == pytest.approx([plainly(published, w) for w in WINDOWS], abs=1e-5)
    plain = AutoModel.from_pretrained(out)  # the adapters are not nothing
    plain.disable_adapters()
    assert plain.score(WINDOWS, taken) != pytest.approx(model.score(WINDOWS, taken), abs=1e-2)
    config = LogLLMConfig.from_pretrained(out)
    assert config.prompt_suffix.endswith("? \\n") and config.long_windows == "cut"
    merged = model.score(WINDOWS, taken)
    assert model.merge().score(WINDOWS, taken) == pytest.approx(merged, abs=1e-4)


def test_export_gives_back_what_was_imported(published):
    from safetensors.torch import load_file

    out = export_official(run_import(published), published / "back")
    for name in ("Bert_ft", "Llama_ft"):
        mine, theirs = (load_file(f / name / "adapter_model.safetensors") for f in (out, published / "ft_model"))
        assert mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in theirs)
    mine, theirs = (torch.load(f / "projector.pt", weights_only=True) for f in (out, published / "ft_model"))
    assert all(torch.equal(mine[key], theirs[key]) for key in theirs)
    (published / "ft_model").rename(published / "first")
    out.rename(published / "ft_model")
    again = AutoModel.from_pretrained(run_import(published))  # PEFT's reading of the exported adapters agrees too
    taken = AutoProcessor.from_pretrained(published / "ours")
    assert again.score(WINDOWS, taken) == pytest.approx([plainly(published, w) for w in WINDOWS], abs=1e-5)


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/never",)


def test_what_is_not_the_published_layout_is_refused(published):
    folder = published / "ft_model"
    with pytest.raises(CheckpointError, match="must have the shape"):
        import_official(folder, published / "x", str(published / "bert"), write_other(published))
    with pytest.raises(CheckpointError, match=r"base decoder 'nobody/nothing' \(revision main\) must be reachable"):
        import_official(folder, published / "x", str(published / "bert"), "nobody/nothing")
    torch.save({"weight": Evil(), "bias": torch.zeros(1)}, folder / "projector.pt")
    with pytest.raises(CheckpointError, match="weights-only loading refuses"):
        run_import(published)
    torch.save({"kernel": torch.zeros(1)}, folder / "projector.pt")
    with pytest.raises(CheckpointError, match=r"found \['kernel'\]"):
        run_import(published)
    (folder / "projector.pt").unlink()
    with pytest.raises(CheckpointError, match=r"must hold projector\.pt"):
        run_import(published)
    (folder / "Bert_ft" / "adapter_model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"adapter_model.safetensors missing"):
        run_import(published)


def write_other(folder):
    taken = processor()
    other = AutoModelForCausalLM.from_config(
        type(decoder(taken.tokenizer).config)(
            vocab_size=len(taken.tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2
        )
    )
    other.save_pretrained(folder / "other")
    taken.tokenizer.save_pretrained(folder / "other")
    return str(folder / "other")


def test_the_commands(published):
    from typer.testing import CliRunner

    from logllm.cli.app import app

    folder, bases = str(published / "ft_model"), [str(published / "bert"), str(published / "llama")]
    command = ["import-official", folder, "--out", str(published / "a"), "--encoder", bases[0], "--decoder", bases[1]]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert (published / "a" / "adapter" / "adapter_model.safetensors").is_file()
    assert (
        CliRunner().invoke(app, ["export-official", str(published / "a"), "--out", str(published / "b")]).exit_code
        == 0
    )
    assert (published / "b" / "projector.pt").is_file()
    said = CliRunner().invoke(app, ["push", "dataset", folder, "me/x"])
    assert said.exit_code != 0 and "must hold a built dataset" in str(said.exception)


def test_a_published_folder_is_evaluated_by_the_command(published, tmp_path):
    import json

    from typer.testing import CliRunner

    from logllm.cli.app import app
    from logllm.hf_datasets.simulation.simulate import simulate

    simulate("hdfs", 400, 3, tmp_path / "log", anomaly_share=0.2)
    words = ["evaluate", "--model", str(published / "ft_model"), "--official", "--encoder", str(published / "bert")]
    raw = ["--system", "hdfs", "--raw", str(tmp_path / "log" / "hdfs.log"), "--json"]
    raw += ["--labels", str(tmp_path / "log" / "anomaly_label.csv")]
    done = CliRunner().invoke(app, [*words, "--decoder", str(published / "llama"), *raw])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["threshold"] == 0.0  # the more probable answer decides
    # without the bases: all that is missing, and what the folder holds
    done = CliRunner().invoke(app, [*words, *raw])
    assert isinstance(done.exception, CheckpointError)
    assert "found missing: meta-llama/Meta-Llama-3-8B (not in the cache, gated" in str(done.exception)
    assert "Bert_ft of rank 4, Llama_ft of rank 8, projector 64 x 64" in str(done.exception)
