"""LogLLM: a message encoder, a projector and a decoder that says of a window of messages: normal or anomalous.

How it differs from an ordinary composite model:
- The layout is Llava's (`model.last_hidden_state` plus a top-level `lm_head`), so that TRL's SFT computes its loss on it.
- Every distinct message of a batch is encoded once and gathered by `message_index`; loss and gradients are those of the
  plain path. Where dropout is live inside the encoder (in training, the adapters' too), a message gets one draw a batch
  instead of one at each place: the same expectation, another sample.
- The loss is computed at the answer's positions only: the head never sees the others.
- The verdict is read from logits (scoring_logllm.py). `generate` works and agrees.
- Projector and head are never quantised, whatever the quantisation's settings say: the projector joins two networks by
  one matrix, and the score is the difference of two rows of the head.
- A checkpoint holds all weights, or an adapter, the projector and the ids of its bases (checkpoint_logllm.py).

Left out of the published procedure: generating six tokens and searching the text for "anomalous".
"""

import copy
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from torch import nn
from transformers import AutoModel, AutoModelForCausalLM, GenerationMixin, PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.dynamic_module_utils import custom_object_save
from transformers.modeling_outputs import (
    BaseModelOutputWithPast,
    CausalLMOutputWithPast,
    SequenceClassifierOutputWithPast,
)
from transformers.utils.generic import can_return_tuple

from .batching import careful_products, device_of, half_precision
from .checkpoint_logllm import (
    ADAPTER_FOLDER,
    HUB_ARGUMENTS,
    check_loading_arguments,
    is_adapted,
    load_adapted,
    merge_adapter,
)
from .configuration_logllm import LogLLMConfig
from .evidence_logllm import explain_window
from .message_table import MessageTable, nearest_known
from .pipeline_log_anomaly import CUSTOM_PIPELINES, LogAnomalyPipeline
from .processing_logllm import LogLLMProcessor
from .quantization import leave_unpackable_layers_unpacked, sparing_projector_and_head
from .scoring_logllm import WindowScorer, answer_logits

AUTO_MAP = {
    "AutoConfig": "configuration_logllm.LogLLMConfig",
    "AutoModel": "modeling_logllm.LogLLMForSequenceAnomaly",
    "AutoModelForCausalLM": "modeling_logllm.LogLLMForSequenceAnomaly",
    "AutoModelForSequenceClassification": "modeling_logllm.LogLLMForSequenceClassification",
    "AutoProcessor": "processing_logllm.LogLLMProcessor",
}
NO_MESSAGES = (
    "the inputs must hold a window's messages (message_input_ids, message_attention_mask, message_index), found none: build "
    'them with LogLLMProcessor, or use pipeline("log-anomaly-detection") on {"lines": [...]}; plain text is not read'
)


class LogLLMPreTrainedModel(PreTrainedModel):
    """What both classes below share."""

    config_class = LogLLMConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    # Whether encoder and decoder have an implementation of attention, they say themselves when they are made.
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
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

    # One small matrix between two networks: full precision costs nothing (paper: trained in full).
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

    def pool_messages(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Encode U messages of T word pieces (U, T) into one vector each (U, D_encoder)."""
        output = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        if self.config.pooling == "pooler":
            pooled = output.get("pooler_output")  # (U, D_encoder)
            if pooled is None:
                raise ValueError(
                    f'pooling="pooler" must have an encoder with a pooler, found {type(self.encoder).__name__} without: '
                    'use pooling="mean"'
                )
            return pooled
        weight = attention_mask.unsqueeze(-1).to(output.last_hidden_state.dtype)
        return (output.last_hidden_state * weight).sum(1) / weight.sum(1).clamp(min=1)

    def project(self, pooled: torch.Tensor) -> torch.Tensor:
        """Turn message vectors (U, D_encoder) into soft tokens (U, D_decoder), in the projector's own precision."""
        weight = self.projector.weight
        dtype = weight.dtype if weight.is_floating_point() else pooled.dtype  # packed weights are integers
        with torch.autocast(pooled.device.type, enabled=False):
            return self.projector(pooled.to(device_of(self.projector), dtype))

    def encode_messages(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Encode U messages of T word pieces (U, T) into soft tokens (U, D_decoder): section III-C of the paper."""
        return self.project(self.pool_messages(input_ids, attention_mask))

    def splice(self, input_ids: torch.Tensor, soft_tokens: torch.Tensor, message_index: torch.Tensor) -> torch.Tensor:
        """Embed `input_ids` (B, L) with soft token `message_index` (B, N) in the place of each placeholder: (B, L, D)."""
        places = input_ids == self.config.log_token_id  # (B, L)
        width = message_index.shape[1]
        order = (places.cumsum(1) - 1).clamp(min=0, max=width - 1)  # which placeholder of its row a position is
        wanted = message_index.gather(1, order).masked_fill(~places, -1)  # (B, L), -1 where no placeholder is
        if not torch.compiler.is_compiling():  # a check of values cannot be traced
            here, given = places.sum(1), (message_index >= 0).sum(1)
            if not torch.equal(here, given) or not torch.equal(here, (wanted >= 0).sum(1)):
                raise ValueError(
                    f"each row of input_ids must hold one placeholder {self.config.log_token_id} a message, found "
                    f"{here.tolist()[:8]} placeholders for {given.tolist()[:8]} messages: build both with LogLLMProcessor"
                )
        embeds = self.get_input_embeddings()(input_ids.masked_fill(places, 0))  # (B, L, D)
        # index_select, not indexing: the gradient of indexing is summed in an order that varies between runs on a CPU.
        gathered = soft_tokens.index_select(0, wanted.clamp(min=0).flatten().to(soft_tokens.device))  # (B * L, D)
        gathered = gathered.view(embeds.shape).to(embeds.device, embeds.dtype)
        return torch.where(places.unsqueeze(-1), gathered, embeds)

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        message_input_ids: torch.Tensor | None = None,
        message_attention_mask: torch.Tensor | None = None,
        message_index: torch.Tensor | None = None,
        message_vectors: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        positions: torch.Tensor | None = None,
        **kwargs,
    ) -> BaseModelOutputWithPast:
        """Run the decoder body over prompts with soft tokens; `last_hidden_state` is (B, L, D_decoder).

        Hidden states and attentions, where asked for, are the decoder's. With `positions` (B, A), places in each prompt,
        `last_hidden_state` is (B, A, D_decoder): a head then reads no other place.
        """
        if inputs_embeds is None:
            if message_vectors is not None or message_input_ids is not None:
                if message_vectors is None:
                    message_vectors = self.pool_messages(message_input_ids, message_attention_mask)
                inputs_embeds = self.splice(input_ids, self.project(message_vectors), message_index)
            elif kwargs.get("past_key_values") is not None:  # the messages are in the cache
                inputs_embeds = self.get_input_embeddings()(input_ids)
            else:
                raise ValueError(NO_MESSAGES)
        for name in ("output_attentions", "output_hidden_states"):
            if kwargs.get(name) is None and getattr(self.config, name, False):
                kwargs[name] = True
        output = self.decoder(inputs_embeds=inputs_embeds, attention_mask=attention_mask, return_dict=True, **kwargs)
        if positions is not None:
            hidden = output.last_hidden_state
            wanted = positions.to(hidden.device).unsqueeze(-1).expand(-1, -1, hidden.shape[-1])
            output.last_hidden_state = hidden.gather(1, wanted)
        return output


class LogLLMForSequenceAnomaly(LogLLMPreTrainedModel, GenerationMixin):
    """LogLLM (arXiv 2411.08561): is this sequence of log messages normal or anomalous?"""

    _tp_plan = {"lm_head": "colwise_gather_output"}

    def __init__(self, config: LogLLMConfig, model: LogLLMModel | None = None, lm_head: nn.Module | None = None):
        super().__init__(config)
        if model is None:
            language_model = AutoModelForCausalLM.from_config(config.decoder_config)
            model = LogLLMModel(config, decoder=language_model.base_model)
            lm_head = language_model.get_output_embeddings()
        self.model, self.lm_head = model, lm_head
        self.loss_type = "ForCausalLM"  # transformers guesses it from the class name and would warn
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
                "answer_prefix_ids": processor.answer_prefix_ids,
                "answer_token_ids": processor.answer_token_ids,
                "max_messages": processor.max_messages,
                "max_message_tokens": processor.max_message_tokens,
                "processor_checksum": processor.checksum,
            } | settings
        # Copies: a configuration object shared with the live parts would make the decoder non-causal (see config file).
        config = LogLLMConfig(
            encoder_config=copy.deepcopy(encoder.config),
            decoder_config=copy.deepcopy(decoder.config),
            tie_word_embeddings=bool(getattr(decoder.config, "tie_word_embeddings", False)),
            **settings,
        )
        for part in (config.encoder_config, config.decoder_config):
            part._name_or_path = ""  # often a folder of this machine, which no card or checkpoint should name
        if config.pooling == "pooler" and getattr(encoder, "pooler", None) is None:
            raise ValueError(
                f'pooling="pooler" must have an encoder with a pooler, found {type(encoder).__name__} without: '
                'use pooling="mean"'
            )
        places = getattr(decoder.config, "max_position_embeddings", None)
        if processor is not None and places is not None:
            longest = len(processor.prefix_ids + processor.suffix_ids) + max(map(len, processor.answer_ids))
            if longest + config.max_messages > places:
                raise ValueError(
                    f"the decoder must hold {config.max_messages} messages, prompt and answer, found space for {places} "
                    f"tokens of which prompt and answer take {longest}: make the processor with max_messages="
                    f"{max(places - longest, 1)}, or take another decoder"
                )
        return cls.from_parts(config, encoder, decoder)

    @classmethod
    def from_parts(cls, config: LogLLMConfig, encoder: PreTrainedModel, decoder: PreTrainedModel):
        """Put loaded parts together under a configuration that is no longer shared with them."""
        model = LogLLMModel(config, encoder=encoder, decoder=decoder.base_model)
        whole = cls(config, model, decoder.get_output_embeddings())
        model.projector.to(decoder.get_input_embeddings().weight.device)
        if any(getattr(part, "is_quantized", False) for part in (encoder, decoder)):
            whole.is_quantized = True
            for bits in ("is_loaded_in_4bit", "is_loaded_in_8bit"):  # trainers ask the whole, not its parts
                if any(getattr(part, bits, False) for part in (encoder, decoder)):
                    setattr(whole, bits, True)
            whole.hf_quantizer = getattr(decoder, "hf_quantizer", None) or getattr(encoder, "hf_quantizer", None)
        return whole

    def get_output_embeddings(self) -> nn.Module:
        """Return the language model head."""
        return self.lm_head

    def set_output_embeddings(self, value: nn.Module) -> None:
        """Set the language model head."""
        self.lm_head = value

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        message_input_ids: torch.Tensor | None = None,
        message_attention_mask: torch.Tensor | None = None,
        message_index: torch.Tensor | None = None,
        message_vectors: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        **kwargs,
    ) -> CausalLMOutputWithPast:
        """Predict the answer's tokens.

        Args:
            input_ids: prompts with one placeholder a message (B, L).
            attention_mask: 1 where a token is (B, L).
            message_input_ids: the batch's distinct messages (U, T).
            message_attention_mask: 1 where a word piece is (U, T).
            message_index: which message stands where, -1 for none (B, N).
            message_vectors: the distinct messages as the encoder pooled them (U, D_encoder), in place of their word
                pieces: where the encoder is frozen, each message is encoded once.
            inputs_embeds: the spliced prompt (B, L, D) in place of all of the above but the mask.
            labels: answer tokens, -100 elsewhere (B, L); gives `loss`, cross-entropy in nats (paper, section III-D).
                In training mode the loss alone is returned, without `logits`.
            logits_to_keep: how many last positions get logits; 0 for all. Or the positions themselves (kept,).
            kwargs: passed to the decoder (`past_key_values`, `use_cache`, `position_ids`, `output_hidden_states`,
                `output_attentions`, ...).
        """
        loss_kwargs = {k: kwargs.pop(k) for k in ("num_items_in_batch", "shift_labels") if k in kwargs}
        output = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            message_input_ids=message_input_ids,
            message_attention_mask=message_attention_mask,
            message_index=message_index,
            message_vectors=message_vectors,
            inputs_embeds=inputs_embeds,
            return_dict=True,
            **kwargs,
        )
        hidden = output.last_hidden_state
        more = {name: output.get(name) for name in ("past_key_values", "hidden_states", "attentions")}
        everywhere = isinstance(logits_to_keep, int) and not logits_to_keep
        if labels is not None and self.training and everywhere:
            return CausalLMOutputWithPast(loss=self._answer_loss(hidden, labels, **loss_kwargs), **more)
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(hidden if everywhere else hidden[:, kept])  # (B, L or kept, V)
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=logits.shape[-1], **loss_kwargs)
        return CausalLMOutputWithPast(loss=loss, logits=logits, **more)

    def _answer_loss(self, hidden, labels, num_items_in_batch=None, shift_labels=None):
        # Six of a hundred positions have a label; the head is the widest layer there is.
        targets = shift_labels if shift_labels is not None else nn.functional.pad(labels, (0, 1), value=-100)[:, 1:]
        wanted = targets != -100
        logits = self.lm_head(hidden[wanted]).float()  # (answer tokens, V)
        targets = targets[wanted].to(logits.device)
        if num_items_in_batch is None:
            return nn.functional.cross_entropy(logits, targets)
        return nn.functional.cross_entropy(logits, targets, reduction="sum") / num_items_in_batch

    # -- generate -------------------------------------------------------------------------------------------------

    def prepare_inputs_for_generation(self, input_ids, is_first_iteration=False, **kwargs):
        """Give the messages to the first step only: later ones find them in the cache."""
        messages = {k: kwargs.pop(k, None) for k in ("message_input_ids", "message_attention_mask", "message_index")}
        inputs = super().prepare_inputs_for_generation(input_ids, is_first_iteration=is_first_iteration, **kwargs)
        if is_first_iteration or not kwargs.get("use_cache", True):
            inputs.update(messages)
        return inputs

    def _expand_inputs_for_generation(self, expand_size=1, is_encoder_decoder=False, input_ids=None, **model_kwargs):
        # Beams repeat rows; the table of distinct messages is shared by all rows and must stay as it is.
        table = {k: model_kwargs.pop(k) for k in ("message_input_ids", "message_attention_mask") if k in model_kwargs}
        input_ids, model_kwargs = super()._expand_inputs_for_generation(
            expand_size=expand_size, is_encoder_decoder=is_encoder_decoder, input_ids=input_ids, **model_kwargs
        )
        return input_ids, {**model_kwargs, **table}

    # -- scores and evidence --------------------------------------------------------------------------------------

    def score(
        self,
        windows: Iterable[Sequence[str]],
        processor: LogLLMProcessor,
        max_batch_tokens: int = 4096,
        table: MessageTable | None = None,
        progress: Callable[[int], object] | None = None,
        unique_windows: bool = True,
    ) -> list[float]:
        """Score windows: log-odds (nats) of "anomalous" against "normal" as the next token of the answer.

        Args:
            windows: any iterable of windows, each a list of message contents; read in chunks.
            processor: the model's own processor.
            max_batch_tokens: tokens, padding included, of a decoder batch.
            table: soft tokens of messages seen in earlier calls (`message_table`), whose `hit_rate` can be read
                afterwards; by default one that lives for this call. It must not outlive a change of the weights.
            progress: called with the number of windows done since its last call.
            unique_windows: score windows that are equal after masking once.

        Returns:
            One score a window, in order; above `config.threshold` the window is called anomalous.
        """
        return WindowScorer(self, processor, table, max_batch_tokens).scores(windows, unique_windows, progress)

    def explain(
        self,
        window: Sequence[str],
        processor: LogLLMProcessor,
        max_batch_tokens: int = 4096,
        table: MessageTable | None = None,
        method: str = "leave_one_out",
    ) -> list[float]:
        """Say how much each message adds to the window's score; see `evidence_logllm.explain_window`.

        Log-odds (nats), one a message; positive = speaks for anomalous. A window of one message is explained by its
        own score. `method` is "leave_one_out" or the faster and rougher "gradient".
        """
        return explain_window(WindowScorer(self, processor, table, max_batch_tokens), window, method)

    def message_table(self, processor: LogLLMProcessor, capacity: int = 65536) -> MessageTable:
        """Return an empty table of soft tokens for `score` and `explain`: at most `capacity` messages at a time."""
        device = device_of(self.model.projector)
        tokens = 1024 if device.type == "cpu" else 16384  # on a CPU large batches lose by their padding
        half = half_precision(self.model.encoder, self)
        known: torch.Tensor | None = None

        def pool(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            with careful_products(device, half):
                return self.model.pool_messages(input_ids, attention_mask)

        def encode(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            pooled = pool(input_ids, attention_mask)
            if known is not None:
                pooled = nearest_known(pooled, known, self.config.nearest_wording)
            with careful_products(device, half):
                return self.model.project(pooled)

        texts = self.config.known_messages if self.config.nearest_wording else ()
        if texts:
            # Kept for the next table, until the encoder or the messages are others.
            weights = [(one.data_ptr(), one._version, one.dtype) for one in self.model.encoder.parameters()]
            made_of = hash((*texts, *weights))
            if self.__dict__.get("_known", (None,))[0] != made_of:
                vectors = MessageTable(pool, processor.tokenize_messages, len(texts), device, tokens)
                for text in texts:
                    vectors.row(text)
                vectors.encode()
                self.__dict__["_known"] = (made_of, vectors.embeddings)
            known = self.__dict__["_known"][1]
        return MessageTable(encode, processor.tokenize_messages, capacity, device, tokens)

    # -- checkpoints ----------------------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, *args, config=None, **kwargs):
        """Load a checkpoint that holds all weights, or one of an adapter on bases.

        As every model's `from_pretrained` (`dtype`, `quantization_config`, `device_map`, `revision`, `token`, ...); of an
        adapter-only checkpoint, `base_encoder` and `base_decoder` overrule where the bases are loaded from.
        """
        check_loading_arguments(kwargs)
        if kwargs.get("quantization_config") is not None:
            kwargs["quantization_config"] = sparing_projector_and_head(kwargs["quantization_config"])
        hub = {key: kwargs[key] for key in HUB_ARGUMENTS if key in kwargs}
        # Not `isinstance(config, LogLLMConfig)`: the Hub's loader may have loaded that file twice, as two classes.
        if not isinstance(config, PreTrainedConfig):
            config = LogLLMConfig.from_pretrained(config or pretrained_model_name_or_path, **hub)
        check_loading_arguments({"quantization_config": getattr(config, "quantization_config", None)})
        if config.adapter_subfolder is None:
            loaded = super().from_pretrained(pretrained_model_name_or_path, *args, config=config, **kwargs)
            leave_unpackable_layers_unpacked(loaded[0] if isinstance(loaded, tuple) else loaded)
            return loaded
        model = load_adapted(cls, pretrained_model_name_or_path, config, hub, kwargs)
        leave_unpackable_layers_unpacked(model)
        if kwargs.get("output_loading_info"):
            return model, {"missing_keys": set(), "unexpected_keys": set(), "mismatched_keys": set(), "error_msgs": []}
        return model

    def save_pretrained(self, save_directory, *args, push_to_hub: bool = False, **kwargs):
        """Write weights (all of them, or adapter and projector), configuration, code and pipeline to a folder."""
        if push_to_hub:
            raise ValueError("save_pretrained must write to a folder; to publish use push_to_hub(REPO_ID)")
        folder = Path(save_directory)
        if folder.is_file():
            raise ValueError(f"save_directory must be a folder, found the file {folder}")
        self.save_code(folder, self.config)
        if is_adapted(self):
            self._save_adapter(folder, *args, **kwargs)
        else:
            self.config.adapter_subfolder = None
            super().save_pretrained(folder, *args, **kwargs)

    @classmethod
    def save_code(cls, folder: Path, config: LogLLMConfig) -> None:
        """Write the files that `trust_remote_code=True` runs, and name their classes in a configuration."""
        config.auto_map = dict(AUTO_MAP)
        config.custom_pipelines = copy.deepcopy(CUSTOM_PIPELINES)
        folder.mkdir(parents=True, exist_ok=True)
        for source in (cls, LogAnomalyPipeline):
            custom_object_save(source, os.fspath(folder))

    def _save_adapter(self, folder: Path, *args, **kwargs) -> None:
        if self.config.base_encoder is None or self.config.base_decoder is None:
            raise ValueError(
                f"an adapter-only checkpoint must name its bases, found encoder {self.config.base_encoder} and decoder "
                f"{self.config.base_decoder}: set config.base_encoder and config.base_decoder, or merge() first"
            )
        self.config.adapter_subfolder = ADAPTER_FOLDER
        inner = folder / ADAPTER_FOLDER
        super().save_pretrained(inner, *args, **kwargs)
        for file in [*inner.glob("*.py"), inner / "generation_config.json"]:
            file.unlink(missing_ok=True)  # they belong to the root
        shutil.rmtree(inner / "__pycache__", ignore_errors=True)
        self.config.save_pretrained(folder)
        self.generation_config.save_pretrained(folder)

    def merge(self) -> "LogLLMForSequenceAnomaly":
        """Work the adapter into the weights; the model is whole afterwards and needs neither peft nor its bases."""
        merge_adapter(self)
        return self


class LogLLMForSequenceClassification(LogLLMForSequenceAnomaly):
    """The same weights as a two-class classifier: `logits` (B, 2), normal first, as other classifiers give them."""

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        message_input_ids: torch.Tensor | None = None,
        message_attention_mask: torch.Tensor | None = None,
        message_index: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **kwargs,
    ) -> SequenceClassifierOutputWithPast:
        """Classify windows; inputs as `LogLLMProcessor` builds them without labels, padded on either side.

        Args:
            input_ids: prompts with one placeholder a message (B, L).
            attention_mask: 1 where a token is (B, L).
            message_input_ids: the batch's distinct messages (U, T).
            message_attention_mask: 1 where a word piece is (U, T).
            message_index: which message stands where, -1 for none (B, N).
            labels: 0 normal, 1 anomalous (B,); gives `loss`, cross-entropy of the two answers in nats.
            kwargs: passed to the decoder.
        """
        if input_ids is None or message_input_ids is None:
            raise ValueError(NO_MESSAGES)
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        answer = torch.tensor(self.config.answer_prefix_ids, dtype=input_ids.dtype, device=input_ids.device)
        # The answer's common words go right behind each prompt, wherever its padding stands.
        ids = torch.cat([input_ids, answer.new_zeros(len(input_ids), len(answer))], 1)  # (B, L + A)
        end = input_ids.shape[1] - mask.flip(1).argmax(1)  # one past the last token (B,)
        at = end.unsqueeze(1) + torch.arange(len(answer), device=ids.device)  # (B, A)
        ids = ids.scatter(1, at, answer.expand(len(ids), -1))
        mask = torch.cat([mask, mask.new_zeros(len(mask), len(answer))], 1).scatter(1, at, 1)
        output = self.model(
            input_ids=ids,
            attention_mask=mask,
            message_input_ids=message_input_ids,
            message_attention_mask=message_attention_mask,
            message_index=message_index,
            return_dict=True,
            **kwargs,
        )
        hidden = output.last_hidden_state  # (B, L + A, D)
        last = hidden[torch.arange(len(ids), device=hidden.device), (end + len(answer) - 1).to(hidden.device)]
        logits = answer_logits(self.lm_head, last, self.config.answer_token_ids)  # (B, 2)
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels.to(logits.device))
        more = {name: output.get(name) for name in ("past_key_values", "hidden_states", "attentions")}
        return SequenceClassifierOutputWithPast(loss=loss, logits=logits, **more)
