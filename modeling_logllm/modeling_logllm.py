"""LogLLM: a message encoder, a projector and a decoder that judges a window of messages, normal or anomalous.

What is peculiar here, against an ordinary composite model:
- The layout is Llava's (`model.last_hidden_state` plus a top-level `lm_head`), so that TRL's SFT computes its loss on it.
- Every distinct message of a batch is encoded once and gathered by `message_index`; loss and gradients are those of the
  plain path (but for dropout inside the encoder, of which a message gets one draw a batch).
- The verdict is read from logits. `score` needs one forward pass, one position and two rows of the head; it encodes each
  distinct message once and scores each distinct window once. `generate` works and agrees.

Left out of the published procedure: generating six tokens and searching the text for "anomalous".
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import torch
from torch import nn
from transformers import AutoModel, AutoModelForCausalLM, GenerationMixin, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast

from .batching import check_window, token_budget_batches
from .configuration_logllm import LogLLMConfig
from .message_table import MessageTable
from .processing_logllm import LogLLMProcessor

# Windows that `score` holds at a time: bounds its memory on an endless iterable.
CHUNK_OF_WINDOWS = 4096
# Distinct windows whose scores are remembered before they are forgotten.
MAX_KNOWN_WINDOWS = 262_144


class LogLLMPreTrainedModel(PreTrainedModel):
    """What both classes below share."""

    config_class = LogLLMConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _skip_keys_device_placement = ["past_key_values"]

    @torch.no_grad()
    def _init_weights(self, module):
        # Only our own projector ever comes here; encoder and decoder bring their own initialisation.
        if isinstance(module, nn.Linear):
            init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                init.zeros_(module.bias)


class LogLLMModel(LogLLMPreTrainedModel):
    """Encoder, projector and decoder body: token ids and messages in, hidden states out."""

    # A linear layer between two half-precision worlds: its own precision costs nothing (paper: trained in full).
    _keep_in_fp32_modules_strict = ["projector"]

    def __init__(self, config: LogLLMConfig, encoder: nn.Module | None = None, decoder: nn.Module | None = None):
        super().__init__(config)
        self.encoder = encoder if encoder is not None else AutoModel.from_config(config.encoder_config)
        self.projector = nn.Linear(config.encoder_config.hidden_size, config.decoder_config.hidden_size)
        self.decoder = decoder if decoder is not None else AutoModel.from_config(config.decoder_config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """Return the decoder's token embeddings."""
        return self.decoder.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Set the decoder's token embeddings."""
        self.decoder.set_input_embeddings(value)

    def encode_messages(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Encode U messages of T word pieces (U, T) into soft tokens (U, D_decoder): section III-C of the paper."""
        output = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        if self.config.pooling == "pooler":
            pooled = output.pooler_output  # (U, D_encoder)
        else:
            weight = attention_mask.unsqueeze(-1).to(output.last_hidden_state.dtype)
            pooled = (output.last_hidden_state * weight).sum(1) / weight.sum(1).clamp(min=1)
        with torch.autocast(pooled.device.type, enabled=False):
            return self.projector(pooled.to(self.projector.weight.dtype))

    def splice(self, input_ids: torch.Tensor, soft_tokens: torch.Tensor, message_index: torch.Tensor) -> torch.Tensor:
        """Embed `input_ids` (B, L) with soft token `message_index` (B, N) in the place of each placeholder: (B, L, D)."""
        places = input_ids == self.config.log_token_id
        here, wanted = places.sum(1), (message_index >= 0).sum(1)
        if not torch.equal(here, wanted):
            raise ValueError(
                f"each row of input_ids must hold one placeholder {self.config.log_token_id} a message, found "
                f"{here.tolist()[:8]} placeholders for {wanted.tolist()[:8]} messages: build both with LogLLMProcessor"
            )
        embeds = self.get_input_embeddings()(input_ids.masked_fill(places, 0))  # (B, L, D)
        gathered = soft_tokens[message_index[message_index >= 0]].to(embeds.dtype)  # (places, D)
        return embeds.masked_scatter(places.unsqueeze(-1), gathered)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        message_input_ids: torch.Tensor | None = None,
        message_attention_mask: torch.Tensor | None = None,
        message_index: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **kwargs,
    ) -> BaseModelOutputWithPast:
        """Run the decoder body over prompts with soft tokens; `last_hidden_state` is (B, L, D_decoder)."""
        if inputs_embeds is None:
            if message_input_ids is None:
                inputs_embeds = self.get_input_embeddings()(input_ids)
            else:
                soft_tokens = self.encode_messages(message_input_ids, message_attention_mask)
                inputs_embeds = self.splice(input_ids, soft_tokens, message_index)
        return self.decoder(inputs_embeds=inputs_embeds, attention_mask=attention_mask, **kwargs)


class LogLLMForSequenceAnomaly(LogLLMPreTrainedModel, GenerationMixin):
    """LogLLM (arXiv 2411.08561): is this sequence of log messages normal or anomalous?"""

    def __init__(self, config: LogLLMConfig, model: LogLLMModel | None = None, lm_head: nn.Module | None = None):
        super().__init__(config)
        if model is None:
            language_model = AutoModelForCausalLM.from_config(config.decoder_config)
            model = LogLLMModel(config, decoder=language_model.base_model)
            lm_head = language_model.get_output_embeddings()
        self.model, self.lm_head = model, lm_head
        # Families name their embeddings differently; tie by the name it has here.
        embeddings = self.model.get_input_embeddings()
        name = next(name for name, module in self.named_modules() if module is embeddings)
        self._tied_weights_keys = {"lm_head.weight": f"{name}.weight"}
        self.post_init()

    @classmethod
    def from_backbones(
        cls, encoder: PreTrainedModel, decoder: PreTrainedModel, processor: LogLLMProcessor | None = None, **settings
    ) -> "LogLLMForSequenceAnomaly":
        """Assemble a model from any BERT-like encoder and any decoder-only language model.

        Args:
            encoder: a model that returns `last_hidden_state` (and `pooler_output` for `pooling="pooler"`).
            decoder: a causal language model with its head (`AutoModelForCausalLM`).
            processor: where given, prompt, answers and ids are taken from it.
            settings: further fields of `LogLLMConfig`.
        """
        if processor is not None:
            settings = {
                "prompt_prefix": processor.prompt_prefix,
                "prompt_suffix": processor.prompt_suffix,
                "answers": list(processor.answers),
                "log_token_id": processor.log_token_id,
                "answer_token_ids": processor.answer_token_ids,
                "max_messages": processor.max_messages,
                "max_message_tokens": processor.max_message_tokens,
            } | settings
        # Copies: a configuration object shared with the live parts would make the decoder non-causal (see config file).
        config = LogLLMConfig(
            encoder_config=copy.deepcopy(encoder.config),
            decoder_config=copy.deepcopy(decoder.config),
            tie_word_embeddings=decoder.config.tie_word_embeddings,
            **settings,
        )
        model = LogLLMModel(config, encoder=encoder, decoder=decoder.base_model)
        return cls(config, model, decoder.get_output_embeddings())

    def get_output_embeddings(self) -> nn.Module:
        """Return the language model head."""
        return self.lm_head

    def set_output_embeddings(self, value: nn.Module) -> None:
        """Set the language model head."""
        self.lm_head = value

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        message_input_ids: torch.Tensor | None = None,
        message_attention_mask: torch.Tensor | None = None,
        message_index: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        logits_to_keep: int = 0,
        **kwargs,
    ) -> CausalLMOutputWithPast:
        """Predict the answer's tokens.

        Args:
            input_ids: prompts with one placeholder a message (B, L).
            attention_mask: 1 where a token is (B, L).
            message_input_ids: the batch's distinct messages (U, T).
            message_attention_mask: 1 where a word piece is (U, T).
            message_index: which message stands where, -1 for none (B, N).
            inputs_embeds: the spliced prompt (B, L, D) in place of all of the above but the mask.
            labels: answer tokens, -100 elsewhere (B, L); gives `loss`, cross-entropy in nats (paper, section III-D).
            logits_to_keep: how many last positions get logits; 0 for all.
            kwargs: passed to the decoder (`past_key_values`, `use_cache`, `position_ids`, ...).
        """
        loss_kwargs = {k: kwargs.pop(k) for k in ("num_items_in_batch", "shift_labels") if k in kwargs}
        output = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            message_input_ids=message_input_ids,
            message_attention_mask=message_attention_mask,
            message_index=message_index,
            inputs_embeds=inputs_embeds,
            **kwargs,
        )
        hidden = output.last_hidden_state
        logits = self.lm_head(hidden[:, -logits_to_keep:] if logits_to_keep else hidden)  # (B, L or kept, V)
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=logits.shape[-1], **loss_kwargs)
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=output.get("past_key_values"))

    # -- generate -------------------------------------------------------------------------------------------------

    def prepare_inputs_for_generation(self, input_ids, is_first_iteration=False, **kwargs):
        """Give the messages to the first step only: later ones find them in the cache."""
        messages = {k: kwargs.pop(k, None) for k in ("message_input_ids", "message_attention_mask", "message_index")}
        inputs = super().prepare_inputs_for_generation(input_ids, is_first_iteration=is_first_iteration, **kwargs)
        if is_first_iteration or not kwargs.get("use_cache", True):
            inputs.update(messages)
        return inputs

    @staticmethod
    def _expand_inputs_for_generation(expand_size=1, is_encoder_decoder=False, input_ids=None, **model_kwargs):
        # Beams repeat rows; the table of distinct messages is shared by all rows and must stay as it is.
        table = {k: model_kwargs.pop(k) for k in ("message_input_ids", "message_attention_mask") if k in model_kwargs}
        input_ids, model_kwargs = GenerationMixin._expand_inputs_for_generation(
            expand_size=expand_size, is_encoder_decoder=is_encoder_decoder, input_ids=input_ids, **model_kwargs
        )
        return input_ids, {**model_kwargs, **table}

    # -- scores ---------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def score(
        self,
        windows: Iterable[Sequence[str]],
        processor: LogLLMProcessor,
        max_batch_tokens: int = 8192,
        table: MessageTable | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> list[float]:
        """Score windows: log-odds (nats) of "anomalous" against "normal" as the next token of the answer.

        Args:
            windows: any iterable of windows, each a list of message contents; read in chunks.
            processor: the model's own processor.
            max_batch_tokens: tokens, padding included, of a decoder batch.
            table: soft tokens of messages seen in earlier calls; by default one that lives for this call.
            progress: called with the number of windows done since its last call.

        Returns:
            One score a window, in order; above `config.threshold` the window is called anomalous.
        """
        processor.check(self.config)
        table = table if table is not None else self.message_table(processor)
        known: dict[tuple[int, ...], float] = {}  # distinct windows are scored once across the whole call
        scores: list[float] = []
        iterator = iter(windows)
        with self._evaluating():
            while chunk := list(islice(iterator, CHUNK_OF_WINDOWS)):
                texts = [[processor.normalize(m) for m in check_window(window)] for window in chunk]
                if table.would_overflow(text for window in texts for text in window):
                    table.clear()
                    known.clear()  # its keys are rows of the table
                elif len(known) > MAX_KNOWN_WINDOWS:
                    known.clear()
                rows = [tuple(table.row(text) for text in window) for window in texts]
                table.encode()
                pieces = [[piece for _, piece in self._pieces(row)] for row in rows]
                new = list(dict.fromkeys(piece for window in pieces for piece in window if piece not in known))
                known.update(zip(new, self._score_rows(new, table.embeddings, processor, max_batch_tokens)))
                scores.extend(max(known[piece] for piece in window) for window in pieces)
                if progress is not None:
                    progress(len(chunk))
        return scores

    @torch.no_grad()
    def explain(
        self,
        window: Sequence[str],
        processor: LogLLMProcessor,
        max_batch_tokens: int = 8192,
        table: MessageTable | None = None,
    ) -> list[float]:
        """Say how much each message adds to the window's score: score of the whole minus score without the message.

        The encoder is not run again for the variants. Log-odds (nats), one a message; positive = speaks for anomalous.
        A window of one message is explained by its own score.
        """
        processor.check(self.config)
        table = table if table is not None else self.message_table(processor)
        texts = [processor.normalize(m) for m in check_window(window)]
        if table.would_overflow(texts):
            table.clear()
        with self._evaluating():
            row = tuple(table.row(text) for text in texts)
            table.encode()
            if len(row) == 1:
                return self._score_rows([row], table.embeddings, processor, max_batch_tokens)
            changes = [float("-inf")] * len(row)
            for start, piece in self._pieces(row):
                without = [piece[:i] + piece[i + 1 :] for i in range(len(piece))]
                distinct = list(dict.fromkeys([piece, *without]))
                known = dict(zip(distinct, self._score_rows(distinct, table.embeddings, processor, max_batch_tokens)))
                for i, variant in enumerate(without, start):
                    changes[i] = max(changes[i], known[piece] - known[variant])
        return [0.0 if change == float("-inf") else change for change in changes]

    def message_table(self, processor: LogLLMProcessor, capacity: int = 65536) -> MessageTable:
        """Return an empty table of soft tokens for `score` and `explain`: at most `capacity` messages at a time."""
        return MessageTable(self.model.encode_messages, processor.tokenize_messages, capacity, self.device)

    def _pieces(self, row: tuple[int, ...]) -> list[tuple[int, tuple[int, ...]]]:
        """Cut a window that is longer than the limit into (start, piece)s that overlap by half."""
        size = self.config.max_messages
        if len(row) <= size or self.config.long_windows == "cut":
            return [(0, row[:size])]
        starts = [*range(0, len(row) - size, max(size // 2, 1)), len(row) - size]
        return [(start, row[start : start + size]) for start in starts]

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        was_training = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(was_training)

    def _score_rows(
        self, rows: list[tuple[int, ...]], embeddings: torch.Tensor, processor: LogLLMProcessor, max_batch_tokens: int
    ) -> list[float]:
        """Score windows given as rows of the table (U, D): one forward pass, last position, two rows of the head."""
        if not rows:
            return []
        token_embeddings = self.model.get_input_embeddings()
        dtype = token_embeddings.weight.dtype
        prefix = token_embeddings(torch.tensor(processor.prefix_ids, device=self.device))  # (P, D)
        question = token_embeddings(torch.tensor(processor.question_ids, device=self.device))  # (Q, D)
        fixed = len(prefix) + len(question)
        scores = [0.0] * len(rows)
        for batch in token_budget_batches([len(row) + fixed for row in rows], max_batch_tokens):
            lengths = [len(rows[i]) for i in batch]
            inputs = torch.zeros(len(batch), max(lengths) + fixed, prefix.shape[1], dtype=dtype, device=self.device)
            inputs[:, : len(prefix)] = prefix
            for b, (i, n) in enumerate(zip(batch, lengths)):
                index = torch.tensor(rows[i], device=self.device)
                inputs[b, len(prefix) : len(prefix) + n] = embeddings[index].to(dtype)
                inputs[b, len(prefix) + n : fixed + n] = question
            # Padding stands to the right of the position that is read, where a causal decoder cannot see it: no mask.
            hidden = self.model.decoder(inputs_embeds=inputs, use_cache=False).last_hidden_state  # (b, L, D)
            last = torch.tensor(lengths, device=self.device) + fixed - 1
            at = hidden[torch.arange(len(batch), device=self.device), last]  # (b, D)
            for i, value in zip(batch, self._log_odds(at).tolist()):
                scores[i] = value
        return scores

    def _log_odds(self, hidden: torch.Tensor) -> torch.Tensor:
        """Log-odds of the two answers from hidden states (b, D): the difference of two rows of the head."""
        normal, anomalous = self.config.answer_token_ids
        weight = getattr(self.lm_head, "weight", None)
        if type(self.lm_head) is nn.Linear and weight is not None:
            logits = hidden @ weight[[normal, anomalous]].T
            if self.lm_head.bias is not None:
                logits = logits + self.lm_head.bias[[normal, anomalous]]
        else:  # quantised or adapted head: its own forward knows how
            logits = self.lm_head(hidden)[:, [normal, anomalous]]
        logits = logits.float()
        return logits[:, 1] - logits[:, 0]
