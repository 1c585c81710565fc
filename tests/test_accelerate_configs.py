"""The accelerate configurations for many graphics cards: read by accelerate itself, and checked against the model."""

from pathlib import Path

import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.utils import DistributedType
from tiny_logllm import build

from logllm.trainers.logllm_config import BATCH
from logllm.trainers.qlora import four_bit_config

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks" / "accelerate"


@pytest.mark.parametrize(("name", "kind"), [("ddp", DistributedType.MULTI_GPU), ("fsdp_qlora", DistributedType.FSDP)])
def test_accelerate_reads_them(name, kind):
    config = load_config_from_file(str(FOLDER / f"{name}.yaml"))
    assert config.distributed_type == kind and config.mixed_precision == "bf16" and not config.use_cpu
    assert BATCH % config.num_processes == 0  # the paper's batch is shared out evenly


def test_the_layers_that_fsdp_wraps_are_the_models():
    settings = load_config_from_file(str(FOLDER / "fsdp_qlora.yaml")).fsdp_config
    model, _ = build()
    named = set(settings["fsdp_transformer_layer_cls_to_wrap"].split(","))
    assert named == {type(model.model.decoder.layers[0]).__name__, type(model.model.encoder.encoder.layer[0]).__name__}
    assert settings["fsdp_use_orig_params"]  # frozen and trained tensors lie in one layer
    assert settings["fsdp_state_dict_type"] == "FULL_STATE_DICT"  # what a stage's end is written from


def test_four_bit_weights_are_stored_so_that_fsdp_can_shard_them(monkeypatch):
    pytest.importorskip("bitsandbytes")
    monkeypatch.delenv("ACCELERATE_USE_FSDP", raising=False)
    assert four_bit_config().bnb_4bit_quant_storage == torch.uint8
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert four_bit_config().bnb_4bit_quant_storage == torch.bfloat16
