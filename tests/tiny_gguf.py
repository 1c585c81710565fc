"""Small GGUF files of random models, written with the package `gguf`."""

from pathlib import Path

import numpy as np

HIDDEN, LAYERS, HEADS, KV_HEADS, INNER = 64, 3, 4, 2, 96


def words() -> tuple[list[str], list[str]]:
    """A byte-level vocabulary with one merge, as GPT-2's tokenizer files have it."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    return ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *letters, "an", "no"], ["a n", "n o"]


def write_gguf(file: Path, architecture: str = "llama", seed: int = 0, bits: int = 32) -> Path:
    """Write a random decoder of three layers in float32, or the matrices of its layers in 8 bits."""
    import gguf

    tokens, merges = words()
    draw = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(file, architecture)
    writer.add_context_length(256)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3, *[1] * (len(tokens) - 3)])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)

    def random(*shape: int) -> np.ndarray:
        return (draw.standard_normal(shape) * 0.05).astype(np.float32)

    writer.add_tensor("token_embd.weight", random(len(tokens), HIDDEN))
    writer.add_tensor("output.weight", random(len(tokens), HIDDEN))
    writer.add_tensor("output_norm.weight", np.ones(HIDDEN, np.float32))
    inner = HIDDEN // HEADS * KV_HEADS
    for i in range(LAYERS):
        for name, shape in (
            ("attn_q", (HIDDEN, HIDDEN)),
            ("attn_k", (inner, HIDDEN)),
            ("attn_v", (inner, HIDDEN)),
            ("attn_output", (HIDDEN, HIDDEN)),
            ("ffn_gate", (INNER, HIDDEN)),
            ("ffn_up", (INNER, HIDDEN)),
            ("ffn_down", (HIDDEN, INNER)),
        ):
            if bits == 8:
                kind = gguf.GGMLQuantizationType.Q8_0
                packed = gguf.quants.quantize(random(*shape), kind)
                writer.add_tensor(f"blk.{i}.{name}.weight", packed, raw_dtype=kind)
            else:
                writer.add_tensor(f"blk.{i}.{name}.weight", random(*shape))
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{i}.{name}.weight", np.ones(HIDDEN, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file
