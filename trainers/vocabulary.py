"""Tokenizers learnt from a log, for models that start from nothing (the `tiny` and `laptop` presets).

Notes:
- The encoder's words are WordPieces of *masked* messages, lower case as BERT's, with `<*>` as one word.
- The decoder's are byte-level pairs learnt from the prompt and the answers alone: any text can be written, and each
  answer word becomes one token.
- The next-key model's words are the log keys themselves.
Training is deterministic: the same messages in the same order give the same vocabulary.
"""

from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from logllm.modeling_logllm.masking import MASK
from logllm.modeling_logllm.processing_logllama import BOS, EOS, PAD, SPECIAL_TOKENS, UNK

# The soft token's placeholder in the decoder's vocabulary.
LOG_TOKEN = "<log>"


def encoder_tokenizer(messages: Iterable[str], vocabulary: int = 8192) -> PreTrainedTokenizerFast:
    """Learn a BERT-style WordPiece tokenizer from masked messages."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", MASK]
    normalizer = normalizers.BertNormalizer(lowercase=True)
    messages = list(messages)
    # The trainer numbers the letters inside words in the order of a hash table, another one in every process, and
    # breaks ties by these numbers. Given beforehand they have an order; the tokenizer is then made anew without them.
    letters = sorted({f"##{letter}" for text in messages for letter in normalizer.normalize_str(text)})
    learner = _wordpiece(models.WordPiece(unk_token="[UNK]"), normalizer)
    trainer = trainers.WordPieceTrainer(
        vocab_size=max(vocabulary, len(letters) + 1024), special_tokens=[*special, *letters], show_progress=False
    )
    learner.train_from_iterator(messages, trainer)
    tokenizer = _wordpiece(models.WordPiece(vocab=learner.get_vocab(), unk_token="[UNK]"), normalizer)
    tokenizer.add_special_tokens(special)
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", sep), ("[CLS]", cls))
    tokenizer.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    )


def _wordpiece(model: models.WordPiece, normalizer: normalizers.Normalizer) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def decoder_tokenizer(texts: Sequence[str], vocabulary: int = 1024) -> PreTrainedTokenizerFast:
    """Learn a byte-level tokenizer from the prompt's and the answers' texts; `<log>` is the soft token's place."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, BOS, EOS, LOG_TOKEN],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        extra_special_tokens=[LOG_TOKEN],
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
    )


def key_tokenizer(keys: Iterable[str]) -> PreTrainedTokenizerFast:
    """Make a tokenizer whose words are log keys, in the order given, after the four special ones."""
    words = [*SPECIAL_TOKENS, *dict.fromkeys(keys)]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=UNK))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        unk_token=UNK,
        padding_side="right",
        model_input_names=["input_ids", "attention_mask"],
    )
