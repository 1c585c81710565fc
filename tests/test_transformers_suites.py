"""Both families under transformers' own common tests. What is left out stands in `SKIPPED`, each with its reason."""

import copy
import tempfile
import unittest

import pytest
import torch
from tiny_logllama import small, table
from tiny_logllm import tokenizers
from transformers import set_seed

pytest.importorskip("parameterized")
from transformers_suites import suites

from logllm.modeling_logllm import (
    LogLLaMAConfig,
    LogLLaMAForNextKey,
    LogLLaMAProcessor,
    LogLLMConfig,
    LogLLMForSequenceAnomaly,
    LogLLMForSequenceClassification,
    LogLLMProcessor,
)

try:
    models, configurations, processors = suites()
except OSError as error:
    pytest.skip(f"transformers' own tests are not at hand: {error}", allow_module_level=True)

NO_FOLDER = (
    "the source distribution of transformers does not hold tests/generation; see test_generate_agrees_with_the_score"
)
NOT_TEXT = "feeds text=, text_kwargs= or images=, which a processor of log windows refuses (tests/test_processors.py)"
SIGNATURE = "padding_side, unfinished and add_special_tokens stand in the signature with their defaults, where they are documented"
# Test (or its beginning) -> why it is left out. What transformers skips by itself (no GPU, no such feature) is not here.
SKIPPED: dict[str, dict[str, str]] = {
    "LogLLM": {
        "test_eager_matches_sdpa_inference": "feeds input_ids alone, which LogLLM refuses: its messages are missing; "
        "tests/test_attention.py compares the implementations of attention on whole batches",
        "test_generation_tester_mixin_inheritance": NO_FOLDER,
    },
    "LogLLaMA": {"test_generation_tester_mixin_inheritance": NO_FOLDER},
    "processors": {
        "test_call_arguments_default_none": SIGNATURE,
        "test_call_arguments_not_in_processor_kwargs": SIGNATURE,
        "test_flat_kwarg_applied_when_modality_dict_lacks_it": NOT_TEXT,
        "test_model_input_names": NOT_TEXT,
        "test_processor_with_multiple_inputs": NOT_TEXT,
        "test_processor_from_and_save_pretrained": "a saved processor names its code (auto_map), the one in memory does not; "
        "tests/test_round_trip.py loads saved ones and compares what they give",
    },
    "LogLLaMA processor": {
        "test_tokenizer_decode_defaults": "makes the processor of a tokenizer alone; LogLLaMA's needs its template table too",
    },
}


def without(*families):
    """Class decorator: replace the tests that are left out by a skip with the reason."""

    def apply(cls):
        for name, reason in [row for family in families for row in SKIPPED[family].items()]:
            for found in [one for one in dir(cls) if one == name or one.startswith(name + "_")]:
                setattr(cls, found, unittest.skip(reason)(getattr(cls, found)))
        return cls

    return apply


class LogLLMTester:
    """A small LogLLM and a batch for it."""

    batch_size, seq_length, num_hidden_layers, hidden_size, num_attention_heads = 3, 9, 2, 32, 4
    is_training = True

    def __init__(self, parent):
        self.parent = parent

    def get_config(self):
        shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 37}
        return LogLLMConfig(
            encoder_config={"model_type": "bert", **shape, "vocab_size": 50, "max_position_embeddings": 40,
                            "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
            decoder_config={"model_type": "llama", **shape, "num_key_value_heads": 2, "vocab_size": 60,
                            "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
            log_token_id=4, answer_prefix_ids=[], answer_token_ids=[8, 9], max_messages=4,
        )  # fmt: skip

    def prepare_config_and_inputs_for_common(self):
        ids = torch.randint(10, 60, (self.batch_size, self.seq_length))
        ids[:, 2:4] = 4  # two messages a window
        messages = torch.randint(5, 50, (2, 6))
        inputs = {
            "input_ids": ids, "attention_mask": torch.ones_like(ids), "message_input_ids": messages,
            "message_attention_mask": torch.ones_like(messages), "message_index": torch.tensor([[0, 1], [1, 0], [1, 1]]),
        }  # fmt: skip
        return self.get_config(), inputs


class LogLLaMATester:
    """A small LogLLaMA and a batch for it."""

    batch_size, seq_length, num_hidden_layers, hidden_size, num_attention_heads = 3, 9, 2, 32, 4
    is_training = True

    def __init__(self, parent):
        self.parent = parent

    def get_config(self):
        return LogLLaMAConfig(
            vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4,
            intermediate_size=37, max_position_embeddings=64, context_keys=62, pad_token_id=0, bos_token_id=1,
            eos_token_id=2, num_count_vectors=3,
        )  # fmt: skip

    def prepare_config_and_inputs_for_common(self):
        ids = torch.randint(4, 40, (self.batch_size, self.seq_length))
        return self.get_config(), {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


@without("LogLLM")
class LogLLMModelTest(models.ModelTesterMixin, unittest.TestCase):
    all_model_classes = (LogLLMForSequenceAnomaly, LogLLMForSequenceClassification)
    _is_composite = True

    def setUp(self):
        set_seed(0)
        self.model_tester = LogLLMTester(self)
        self.config_tester = configurations.ConfigTester(self, config_class=LogLLMConfig, has_text_modality=False)

    def _prepare_for_class(self, inputs_dict, model_class, return_labels=False):
        inputs = copy.deepcopy(inputs_dict)
        if return_labels:
            classifies = model_class is LogLLMForSequenceClassification
            inputs["labels"] = torch.zeros(3, dtype=torch.long) if classifies else inputs["input_ids"].clone()
        return inputs

    def test_config(self):
        self.config_tester.run_common_tests()


@without("LogLLaMA")
class LogLLaMAModelTest(models.ModelTesterMixin, unittest.TestCase):
    all_model_classes = (LogLLaMAForNextKey,)

    def setUp(self):
        set_seed(0)
        self.model_tester = LogLLaMATester(self)
        self.config_tester = configurations.ConfigTester(self, config_class=LogLLaMAConfig, hidden_size=32)

    def _prepare_for_class(self, inputs_dict, model_class, return_labels=False):
        inputs = copy.deepcopy(inputs_dict)
        if return_labels:
            inputs["labels"] = inputs["input_ids"].clone()
        return inputs

    def test_config(self):
        self.config_tester.run_common_tests()


class OurProcessors(processors.ProcessorTesterMixin):
    """What both processors need of the mixin: they take windows, not text."""

    @classmethod
    def setUpClass(cls):
        cls.tmpdirname = tempfile.mkdtemp()
        cls.made().save_pretrained(cls.tmpdirname)

    def prepare_processor_dict(self):
        return {}

    def get_processor(self, **kwargs):
        return type(self).made()


@without("processors")
class LogLLMProcessorTest(OurProcessors, unittest.TestCase):
    processor_class = LogLLMProcessor

    @staticmethod
    def made():
        tokenizer, words = tokenizers()
        return LogLLMProcessor(tokenizer, words)


@without("processors", "LogLLaMA processor")
class LogLLaMAProcessorTest(OurProcessors, unittest.TestCase):
    processor_class = LogLLaMAProcessor

    def prepare_processor_dict(self):
        return {"template_table": table()}

    @staticmethod
    def made():
        with pytest.MonkeyPatch.context() as patch:
            return small(patch)[1]
