"""Small random LogLLM models of several families, built in memory."""

import torch
from transformers import CONFIG_MAPPING, AutoModel, AutoModelForCausalLM, set_seed

from logllm.modeling_logllm import LogLLMConfig, LogLLMForSequenceAnomaly, LogLLMProcessor, mask_message
from logllm.trainers.vocabulary import LOG_TOKEN, decoder_tokenizer, encoder_tokenizer

WINDOWS = [
    ["Receiving block blk_1 src: /10.0.0.1:5000", "PacketResponder 0 for block blk_1 terminating"],
    ["Receiving block blk_2 src: /10.0.0.2:5000", "writeBlock blk_2 received exception java.io.IOException", "done"],
    ["Receiving block blk_3 src: /10.0.0.3:5000", "PacketResponder 0 for block blk_3 terminating"],
    ["done"] * 5 + ["Verification succeeded for blk_9"],
]
DECODERS = {
    "llama": {"num_key_value_heads": 2, "intermediate_size": 128},
    "llama-tied": {"num_key_value_heads": 2, "intermediate_size": 128, "tie_word_embeddings": True},
    "qwen2": {"num_key_value_heads": 2, "intermediate_size": 128, "tie_word_embeddings": True},
    "gpt2": {},
    "gpt_neox": {"intermediate_size": 128, "tie_word_embeddings": False},
}
SIZES = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


def tokenizers(windows=WINDOWS):
    config = LogLLMConfig()
    words = encoder_tokenizer(dict.fromkeys(mask_message(m) for w in windows for m in w))
    return decoder_tokenizer([config.prompt_prefix, config.prompt_suffix, *config.answers]), words


def processor(windows=WINDOWS, **settings):
    tokenizer, words = tokenizers(windows)
    log_token_id = tokenizer.convert_tokens_to_ids(LOG_TOKEN)
    return LogLLMProcessor(tokenizer, words, log_token_id=log_token_id, **settings)


def encoder(words, family="bert"):
    config = {"vocab_size": len(words), "intermediate_size": 128, "max_position_embeddings": 128, "pad_token_id": 0}
    return AutoModel.from_config(CONFIG_MAPPING[family](**SIZES, **config))


def decoder(tokenizer, family="llama"):
    name = family.partition("-")[0]
    common = {"vocab_size": len(tokenizer), "max_position_embeddings": 256}
    common |= {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    return AutoModelForCausalLM.from_config(CONFIG_MAPPING[name](**SIZES, **common, **DECODERS[family]))


def build(family="llama", encoder_family="bert", pooling="pooler", windows=WINDOWS, seed=0, **settings):
    set_seed(seed)
    taken = processor(windows)
    model = LogLLMForSequenceAnomaly.from_backbones(
        encoder(taken.encoder_tokenizer, encoder_family),
        decoder(taken.tokenizer, family),
        taken,
        pooling=pooling,
        **settings,
    )
    with torch.no_grad():  # a projector of .02 leaves soft tokens that nothing can tell apart
        model.model.projector.weight.mul_(20)
    return model.eval(), taken
