"""From windows of log messages to LogLLM's tensors: mask, tokenise each distinct message once, build the prompt.

Notes:
- A batch carries its distinct messages once, `message_input_ids` (U, T), and `message_index` (B, N) says which message
  stands where (-1 = none). A batch of 32 HDFS sessions has 700 messages, of which 15 or so are distinct.
- One placeholder id a message holds the soft token's place in `input_ids`, so labels, masks, `generate` and TRL's SFT
  see an ordinary language model batch.
- Prefix, suffix and answers are tokenised apart and joined as ids: the answer always begins at the same token.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

import torch
from transformers import BatchFeature, ProcessorMixin

from .batching import check_family, check_window, check_windows
from .masking import mask_message

# What a message may have before masking; the encoder sees 100 word pieces of it at the most.
MAX_CHARACTERS = 4096


class LogLLMProcessor(ProcessorMixin):
    """Turns windows, each a list of message contents, into the inputs of `LogLLMForSequenceAnomaly`.

    Args:
        tokenizer: the decoder's tokenizer.
        encoder_tokenizer: the encoder's tokenizer.
        log_token_id: see `LogLLMConfig`, as the following.
        prompt_prefix: text before the soft tokens.
        prompt_suffix: text after them.
        answers: the two answers, normal first.
        max_messages: messages of a window or of a piece of it.
        max_message_tokens: word pieces of a message.
        mask: replace variable parts by `<*>` (the paper's preprocessing); False feeds messages as they are.
        chat_template: unused, here because every processor of transformers takes one.
    """

    def __init__(
        self,
        tokenizer=None,
        encoder_tokenizer=None,
        log_token_id: int = 4,
        prompt_prefix: str = "Below is a sequence of system log messages:",
        prompt_suffix: str = ". Is this sequence normal or anomalous? \n",
        answers: Sequence[str] = ("The sequence is normal.", "The sequence is anomalous."),
        max_messages: int = 128,
        max_message_tokens: int = 100,
        mask: bool = True,
        chat_template=None,
    ):
        self.log_token_id = log_token_id
        self.prompt_prefix, self.prompt_suffix, self.answers = prompt_prefix, prompt_suffix, list(answers)
        self.max_messages, self.max_message_tokens, self.mask = max_messages, max_message_tokens, mask
        self._checksum: str | None = None
        self._known_ids: dict[str, list[int]] = {}  # prompt and answers are asked for at every batch
        super().__init__(tokenizer, encoder_tokenizer, chat_template=chat_template)

    # -- the prompt as token ids -------------------------------------------------------------------------------

    def _ids(self, text: str) -> list[int]:
        if text not in self._known_ids:
            self._known_ids[text] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return list(self._known_ids[text])

    @property
    def prefix_ids(self) -> list[int]:
        """Token ids before the soft tokens, the beginning-of-text token first where the tokenizer has one."""
        bos = self.tokenizer.bos_token_id
        return ([] if bos is None else [bos]) + self._ids(self.prompt_prefix)

    @property
    def suffix_ids(self) -> list[int]:
        """Token ids between the soft tokens and the answer."""
        return self._ids(self.prompt_suffix)

    @property
    def answer_ids(self) -> tuple[list[int], list[int]]:
        """Token ids of the answers, normal first, each closed by the end-of-text token."""
        eos = self.tokenizer.eos_token_id
        end = [] if eos is None else [eos]
        normal, anomalous = (self._ids(answer) + end for answer in self.answers)
        return normal, anomalous

    @property
    def question_ids(self) -> list[int]:
        """Suffix and the tokens that both answers begin with: at its last position the answer is decided."""
        return self.suffix_ids + self.answer_prefix_ids

    @property
    def answer_prefix_ids(self) -> list[int]:
        """Tokens that both answers begin with."""
        return _common_prefix(*self.answer_ids)

    @property
    def answer_token_ids(self) -> list[int]:
        """The first token in which the answers differ: (normal, anomalous)."""
        normal, anomalous = self.answer_ids
        at = len(_common_prefix(normal, anomalous))
        if at >= min(len(normal), len(anomalous)):
            raise ValueError(
                f"the two answers must differ in a token, found {self.answers!r} as {normal} and {anomalous}: "
                "give answers of which neither is the beginning of the other"
            )
        return [normal[at], anomalous[at]]

    # -- messages -----------------------------------------------------------------------------------------------

    def normalize(self, message: str) -> str:
        """Return the text that the encoder is given for a message: cut, masked."""
        message = message[:MAX_CHARACTERS]
        return mask_message(message) if self.mask else message

    def tokenize_messages(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """Tokenise normalised messages: `input_ids` and `attention_mask` of shape (len(texts), longest)."""
        # A lone surrogate (a byte that was no text) has no UTF-8 form and would stop the tokenizer.
        texts = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        rows = self.encoder_tokenizer(texts, truncation=True, max_length=self.max_message_tokens)["input_ids"]
        # A tokenizer without [CLS] makes nothing of an empty message; a row without a token has no vector.
        filler = next((i for i in (self.encoder_tokenizer.unk_token_id, self.encoder_tokenizer.pad_token_id) if i), 0)
        return self.pad_messages([list(row) or [filler] for row in rows])

    def pad_messages(self, rows: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
        """Make one batch of messages given as word piece ids: `input_ids` and `attention_mask` (len(rows), longest)."""
        pad = self.encoder_tokenizer.pad_token_id or 0
        return {
            "input_ids": _pad(rows, pad, "right"),
            "attention_mask": _pad([[1] * len(row) for row in rows], 0, "right"),
        }

    # -- batches ------------------------------------------------------------------------------------------------

    def __call__(
        self,
        windows: Iterable[Sequence[str]] | None = None,
        labels: Sequence[int] | None = None,
        padding_side: str = "left",
        **options: Any,
    ) -> BatchFeature:
        """Build a batch of B windows.

        Args:
            windows: B windows, each a non-empty list of message contents; the first `max_messages` are taken.
            labels: B times 0 (normal) or 1 (anomalous); with them the answer is appended and `labels` are returned.
            padding_side: "left" for `generate`, either for training.
            options: `return_tensors="pt"` and `padding=True`, which say what happens anyway; others are refused.

        Returns:
            `input_ids`, `attention_mask` (B, L), `message_input_ids`, `message_attention_mask` (U, T),
            `message_index` (B, N) with -1 where a window has no message, and, with labels, `labels` (B, L) with -100
            outside the answer.
        """
        taken = [check_window(window)[: self.max_messages] for window in check_windows(windows, options)]
        if labels is not None and len(labels) != len(taken):
            raise ValueError(f"labels must be one a window, found {len(labels)} for {len(taken)} windows")
        distinct: dict[str, int] = {}
        index = [[distinct.setdefault(self.normalize(m), len(distinct)) for m in window] for window in taken]
        messages = self.tokenize_messages(list(distinct))
        data = self.prompts(index, labels, padding_side)
        data["message_input_ids"], data["message_attention_mask"] = messages["input_ids"], messages["attention_mask"]
        return BatchFeature(data)

    def prompts(
        self, index: Sequence[Sequence[int]], labels: Sequence[int] | None = None, padding_side: str = "left"
    ) -> dict[str, torch.Tensor]:
        """Build what `__call__` returns but the messages, for B windows given as places in a list of distinct messages."""
        prefix, suffix, answers = self.prefix_ids, self.suffix_ids, self.answer_ids
        rows, targets = [], []
        for i, window in enumerate(index):
            prompt = prefix + [self.log_token_id] * len(window) + suffix
            answer = [] if labels is None else answers[int(labels[i])]
            rows.append(prompt + answer)
            targets.append([-100] * len(prompt) + answer)
        pad = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else 0
        data = {
            "input_ids": _pad(rows, pad, padding_side),
            "attention_mask": _pad([[1] * len(row) for row in rows], 0, padding_side),
            "message_index": _pad(index, -1, "right"),
        }
        if labels is not None:
            data["labels"] = _pad(targets, -100, padding_side)
        return data

    @property
    def model_input_names(self) -> list[str]:
        """Names of the tensors that the model takes."""
        return ["input_ids", "attention_mask", "message_input_ids", "message_attention_mask", "message_index"]

    @property
    def checksum(self) -> str:
        """Checksum of all that the model must have been trained with: the encoder's words, the prompt and the answers."""
        if self._checksum is None:
            words = sorted(self.encoder_tokenizer.get_vocab().items(), key=lambda pair: pair[1])
            facts = [words, self.prefix_ids, self.suffix_ids, self.answer_ids, self.log_token_id, self.mask]
            self._checksum = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
        return self._checksum

    def check(self, config) -> None:
        """Refuse a model that is asked differently from what this processor builds."""
        check_family(self, config, "logllm")
        mine = (self.log_token_id, self.answer_token_ids)
        theirs = (config.log_token_id, list(config.answer_token_ids))
        what = "log_token_id and answer_token_ids"
        if mine == theirs and config.processor_checksum is not None:
            mine, theirs, what = (self.checksum,), (config.processor_checksum,), "checksum of vocabulary and prompt"
        if mine != theirs:
            raise ValueError(
                f"the processor must be the model's own, found {what} {_tell(mine)} in the processor and {_tell(theirs)} "
                "in the model: load both from the same folder"
            )


def _tell(values: Sequence[object]) -> str:
    return " and ".join(map(str, values))


def _common_prefix(first: Sequence[int], second: Sequence[int]) -> list[int]:
    return [a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second))]


def _pad(rows: Sequence[Sequence[int]], value: int, side: str) -> torch.Tensor:
    length = max(map(len, rows))
    fill = [[value] * (length - len(row)) for row in rows]
    return torch.tensor([f + list(r) if side == "left" else list(r) + f for f, r in zip(fill, rows)])
