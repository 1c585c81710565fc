"""From windows of log messages to log keys, by a frozen table of Drain templates; drain3 is not needed.

Notes:
- The table is JSON (settings, templates, and the tree path of each); `TemplateMatcher` rebuilds Drain's prefix tree from
  the paths and decides as `drain3.Drain.match(message, "never")` does: same leaf, every token equal or a wildcard, of
  several the one with most wildcards, of equals the oldest.
- A message that no template matches becomes `<unk>`; its text stays in the window for the evidence.
- Two templates of equal text share a key: a key is a hash of the text.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from transformers import BatchFeature, ProcessorMixin

from .batching import check_family, check_window, check_windows

PAD, BOS, EOS, UNK = "<pad>", "<s>", "</s>", "<unk>"
SPECIAL_TOKENS = (PAD, BOS, EOS, UNK)
PAD_ID, BOS_ID, EOS_ID, UNK_ID = range(len(SPECIAL_TOKENS))  # their ids: the first of the vocabulary
NEVER_PREDICTED = (PAD_ID, BOS_ID, UNK_ID)
# Of a longer message only so much is matched; the miner that made the table cuts at the same place.
MAX_CHARACTERS = 16384


class TemplateMatcher:
    """Matches messages against a frozen template table.

    Args:
        table: `{"version": 1, "drain": {...}, "templates": [{"key", "text", "path", "count"}, ...]}`.
        capacity: messages remembered, oldest forgotten first.
        engine: compiles a mask to something with `sub`; for a table of strangers one with a time limit.
    """

    def __init__(self, table: dict[str, Any], capacity: int = 65536, engine: Callable[[str], Any] = re.compile):
        try:
            settings, templates = table["drain"], table["templates"]
            self._masks = [(engine(pattern), replacement) for pattern, replacement in settings["masks"]]
            self._delimiters = list(settings["extra_delimiters"])
            self._depth = int(settings["depth"]) - 2
            self.parameter = settings.get("parameter", "<*>")
            self._leaves: dict[tuple[str, ...], list[tuple[str, tuple[str, ...], int]]] = {}
            for template in templates:
                tokens = tuple(template["text"].split(" ")) if template["text"] else ()
                leaf = self._leaves.setdefault(tuple(template["path"]), [])
                leaf.append((template["key"], tokens, tokens.count(self.parameter)))
        except (KeyError, TypeError, ValueError, re.error) as error:
            raise ValueError(
                f"a template table must hold 'drain' and 'templates' as mined by Drain, found one where {error!r}: "
                "take the table of the dataset or of the checkpoint"
            ) from error
        # Inner nodes of the tree, for the choice between a token and the wildcard on the way down.
        self._nodes = {path[:i] for path in self._leaves for i in range(1, len(path) + 1)}
        self._capacity = capacity
        self._seen: OrderedDict[str, str | None] = OrderedDict()

    def key(self, message: str) -> str | None:
        """Return the log key of a message, or None where no template matches."""
        if message in self._seen:
            return self._seen[message]
        masked = message[:MAX_CHARACTERS]
        for pattern, replacement in self._masks:
            masked = pattern.sub(replacement, masked)
        if masked in self._seen:
            return self._seen[masked]
        key = self._match(masked)
        for text in (message, masked):
            self._seen[text] = key
        while len(self._seen) > self._capacity:
            self._seen.popitem(last=False)
        return key

    def _match(self, masked: str) -> str | None:
        masked = masked.strip()
        for delimiter in self._delimiters:
            masked = masked.replace(delimiter, " ")
        tokens = masked.split()
        path: tuple[str, ...] = (str(len(tokens)),)
        if path not in self._nodes:
            return None
        if not tokens:
            return self._leaves[path][0][0]
        for depth, token in enumerate(tokens, 1):
            if depth >= self._depth or depth == len(tokens):
                break
            here = path
            path = (*here, token)
            if path not in self._nodes:
                path = (*here, self.parameter)
            if path not in self._nodes:
                return None
        best, most = None, -1
        for key, template, wildcards in self._leaves.get(path, ()):
            if wildcards > most and all(t == self.parameter or t == x for t, x in zip(template, tokens)):
                best, most = key, wildcards
        return best


class LogLLaMAProcessor(ProcessorMixin):
    """Turns windows, each a list of message contents, into the inputs of `LogLLaMAForNextKey`.

    Args:
        tokenizer: a word-level tokenizer whose words are the log keys.
        template_table: the frozen table of Drain templates, as plain values.
        predict_end: whether a window is closed by the end key.
        chat_template: unused, here because every processor of transformers takes one.
    """

    def __init__(
        self,
        tokenizer=None,
        template_table: dict[str, Any] | None = None,
        predict_end: bool = True,
        chat_template=None,
    ):
        if template_table is None:
            raise ValueError(
                "template_table must be the table of Drain templates, found none: pass the dataset's table"
            )
        self.template_table, self.predict_end = template_table, predict_end
        self._engine: Callable[[str], Any] = re.compile
        self._matcher: TemplateMatcher | None = None
        self._by_key: dict[str, dict[str, Any]] | None = None
        self._digest: tuple[int, str] | None = None
        super().__init__(tokenizer, chat_template=chat_template)

    @property
    def matcher(self) -> TemplateMatcher:
        """The table, ready to match."""
        if self._matcher is None:
            self._matcher = TemplateMatcher(self.template_table, engine=self._engine)
        return self._matcher

    def match_with(self, engine: Callable[[str], Any]) -> None:
        """Compile the table's masks by `engine` (see `TemplateMatcher`).

        Raises:
            ValueError: the table is not one.
        """
        TemplateMatcher(
            self.template_table, engine=engine
        )  # errors are raised here; a copy of this begins with no memory
        self._engine, self._matcher = engine, None

    def template(self, key: str) -> dict[str, Any] | None:
        """Return text and training count of a key; several templates of one text are added up."""
        if self._by_key is None:
            self._by_key = {}
            for row in self.template_table["templates"]:
                known = self._by_key.setdefault(row["key"], {"key": row["key"], "text": row["text"], "count": 0})
                known["count"] += int(row.get("count", 0))
        return self._by_key.get(key)

    def keys(self, window: Sequence[str]) -> list[str]:
        """Return the log key of each message, `<unk>` for a message that no template matches."""
        return [self.matcher.key(message) or UNK for message in check_window(window)]

    def token_ids(self, window: Sequence[str]) -> list[int]:
        """Return begin, the keys' ids and, with `predict_end`, end."""
        return self.ids_of_keys(self.keys(window))

    def ids_of_keys(self, keys: Sequence[str]) -> list[int]:
        """Return begin, the ids of keys given as strings ("" or unknown is unseen) and, with `predict_end`, end."""
        ids = self.tokenizer.convert_tokens_to_ids([key or UNK for key in keys])
        return [self.tokenizer.bos_token_id, *ids, *([self.tokenizer.eos_token_id] if self.predict_end else [])]

    def __call__(
        self,
        windows: Iterable[Sequence[str]] | None = None,
        unfinished: bool = False,
        add_special_tokens: bool = True,
        **options: Any,
    ) -> BatchFeature:
        """Build a batch of B windows: `input_ids` and `attention_mask` (B, L), padded to the right.

        Args:
            windows: each a list of message contents.
            unfinished: the windows go on: no end key, and padding on the left, as `generate()` wants it.
            add_special_tokens: must be true; a window without its begin is another one.
            options: `return_tensors="pt"` and `padding=True`, which say what happens anyway; others are refused.
        """
        if not add_special_tokens:
            raise ValueError("add_special_tokens must be true: a window without its begin key is another window")
        rows = [self.token_ids(window) for window in check_windows(windows, options)]
        if unfinished and self.predict_end:
            rows = [row[:-1] for row in rows]
        length = max(map(len, rows))
        pad = self.tokenizer.pad_token_id
        ids = [[pad] * (length - len(row)) + row if unfinished else row + [pad] * (length - len(row)) for row in rows]
        masks = [[0] * (length - len(row)) + [1] * len(row) for row in rows]
        return BatchFeature(
            {
                "input_ids": torch.tensor(ids),
                "attention_mask": torch.tensor(masks if unfinished else [mask[::-1] for mask in masks]),
            }
        )

    def describe(self, ids: Sequence[int]) -> list[str]:
        """Return the template text of each id, the special ones left out; for what `generate()` returns."""
        words = self.tokenizer.convert_ids_to_tokens([int(i) for i in ids if int(i) not in (PAD_ID, BOS_ID, EOS_ID)])
        rows = [self.template(word) for word in words]
        return [row["text"] if row else word for row, word in zip(rows, words)]

    def extend(self, templates: Iterable[dict[str, Any]], similarity: float = 0.5) -> list[int]:
        """Add templates that were mined later; ids that exist do not move.

        Args:
            templates: rows of a template table (`key`, `text`, `path`, `count`), mined under the same masks.
            similarity: a new template stands for the old one whose words it shares at least to this part (Jaccard).

        Returns:
            For each new key the id that it stands for, the unseen key's where nothing is like it: for `add_keys`.
        """
        rows, vocabulary = self.template_table["templates"], self.tokenizer.get_vocab()
        # A template of the table that is no word of the vocabulary (of anomalous windows only) becomes one here.
        known = [row for row in rows if row["key"] in vocabulary]
        old = {row["key"]: set(row["text"].split()) - {self.matcher.parameter} for row in known}
        new: dict[str, str] = {}
        for row in templates:
            if row["key"] not in old:
                new.setdefault(row["key"], row["text"])
            rows.append(dict(row))
        aliases = []
        for text in new.values():
            words = set(text.split()) - {self.matcher.parameter}
            shared = {key: len(words & theirs) / max(len(words | theirs), 1) for key, theirs in old.items()}
            best = max(shared, key=shared.__getitem__, default=None)
            near = best is not None and shared[best] >= similarity
            aliases.append(self.tokenizer.convert_tokens_to_ids(best if near else UNK))
        self.tokenizer.add_tokens(list(new))
        self._matcher = self._by_key = None
        return aliases

    @property
    def model_input_names(self) -> list[str]:
        """Names of the tensors that the model takes."""
        return ["input_ids", "attention_mask"]

    def check(self, config) -> None:
        """Refuse a model whose keys are not this table's."""
        check_family(self, config, "logllama")
        if len(self.tokenizer) != config.vocab_size:
            raise ValueError(
                f"the processor must be the model's own, found {len(self.tokenizer)} keys in the processor and "
                f"{config.vocab_size} in the model: load both from the same folder"
            )
        if config.keys_digest is not None and config.keys_digest != self.keys_digest():
            raise ValueError(
                f"the template table must be the model's own, found one with other keys (digest {self.keys_digest()}, the "
                f"model's is {config.keys_digest}): load both from the same folder"
            )

    def keys_digest(self) -> str:
        """Return a digest of the keys in the order of their ids."""
        if self._digest is None or self._digest[0] != len(self.tokenizer):
            words = self.tokenizer.convert_ids_to_tokens(list(range(len(self.tokenizer))))
            self._digest = (len(words), hashlib.sha256(" ".join(words).encode()).hexdigest()[:16])
        return self._digest[1]
