"""LogLLaMA: a Llama that predicts the next log key; a key that it did not expect is the alarm.

Notes:
- The begin and, for sessions, the end are predicted like keys, so a session that starts late or stops early is seen.
- A window's score is its worst position, plus (by default of the trained detectors) the distance of its key counts to the
  nearest normal ones: a next-key model does not count. A template that training never saw gets a fixed, high negative
  log-likelihood (the add-one estimate of an event of count 0), whatever the model's untrained logit for it says.
- A key that was added after training stands for another one until it is trained: for the template that it rewords, or
  for the unseen key. Old ids never move.
- In a model of half precision what it remembers of normal windows (counts, rarity, pauses) stays in float32, and so do the
  residual stream and the head's products where it scores (`batching.careful_products`): a logit of 10 in bfloat16 is known to
  0.03 only.
- Distinct windows are scored once, in right-padded batches of bounded size; a window beyond the context is read in
  overlapping contexts and every position is scored once.

Source: LogLLaMA, arXiv 2503.14849; its top-K rule is `score_by="rank"` with `threshold` = K - 1.
"""

import copy
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import LlamaForCausalLM
from transformers import initialization as init
from transformers.dynamic_module_utils import custom_object_save

from .batching import careful_products, device_of, half_precision, token_budget_batches
from .configuration_logllama import SCORES, LogLLaMAConfig
from .pipeline_log_anomaly import CUSTOM_PIPELINES, LogAnomalyPipeline
from .processing_logllama import NEVER_PREDICTED, UNK_ID, LogLLaMAProcessor
from .quantization import leave_unpackable_layers_unpacked

AUTO_MAP = {
    "AutoConfig": "configuration_logllama.LogLLaMAConfig",
    "AutoModel": "modeling_logllama.LogLLaMAForNextKey",
    "AutoModelForCausalLM": "modeling_logllama.LogLLaMAForNextKey",
    "AutoProcessor": "processing_logllama.LogLLaMAProcessor",
}

CHUNK_OF_WINDOWS = 4096


@dataclass(frozen=True)
class KeyScores:
    """What the model thought of each predicted position of a window (n positions: keys, then the end if predicted)."""

    nll: torch.Tensor  # (n,) negative log-likelihood of the true key, nats
    rank: torch.Tensor  # (n,) keys that were more probable than the true one
    expected: torch.Tensor | None = None  # (n, 3) ids of the most probable keys
    probability: torch.Tensor | None = None  # (n, 3) their probabilities


class LogLLaMAForNextKey(LlamaForCausalLM):
    """Next-key model over log keys; `forward(input_ids, labels=...)` is that of any causal Llama.

    `generate(**processor([window], unfinished=True))` continues a session.
    """

    config_class = LogLLaMAConfig
    # Facts about the normal windows, not weights.
    _keep_in_fp32_modules_strict = ["key_rarity", "longest_gap"]
    config: LogLLaMAConfig
    normal_counts: torch.Tensor
    key_rarity: torch.Tensor
    key_alias: torch.Tensor
    longest_gap: torch.Tensor

    def __init__(self, config: LogLLaMAConfig):
        super().__init__(config)
        size = config.vocab_size
        # How often each key occurs in the normal windows, distinct vectors only: (M, V). Saved with the weights, as are:
        self.register_buffer("normal_counts", torch.zeros(config.num_count_vectors, size, dtype=torch.int32))
        # 1 + log of how many normal windows there are to one that has the key: (V,);
        self.register_buffer("key_rarity", torch.ones(size))
        # the id that each id stands for: (V,);
        self.register_buffer("key_alias", torch.arange(size))
        # the longest normal pause before each key, log(1 + seconds): (V,).
        self.register_buffer("longest_gap", torch.full((size,), torch.inf))
        if self.generation_config is not None:
            self.generation_config.suppress_tokens = list(NEVER_PREDICTED)

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if module is self:  # buffers that a checkpoint lacks; those that it had are left as they are
            init.zeros_(self.normal_counts)
            init.ones_(self.key_rarity)
            init.copy_(self.key_alias, torch.arange(self.config.vocab_size))
            init.constant_(self.longest_gap, torch.inf)

    def _apply(self, fn, recurse=True):
        """Move and cast as every module, but leave what is remembered in float32."""
        before = {name: getattr(self, name) for name in ("key_rarity", "longest_gap")}
        super()._apply(fn, recurse)
        for name, tensor in before.items():
            moved = getattr(self, name)
            if moved.dtype != tensor.dtype:
                setattr(self, name, tensor.to(moved.device))
        return self

    @property
    def device(self) -> torch.device:
        """Where the model computes, also where its weights are offloaded."""
        return device_of(self.model.embed_tokens)

    def update(self, processor: LogLLaMAProcessor, templates: Iterable[dict[str, Any]]) -> int:
        """Let processor and model know templates that were mined later; returns how many keys are new.

        Until it is trained on, a new key stands for the key whose template it rewords, else for the unseen key.
        """
        aliases = processor.extend(templates)
        self.add_keys(aliases)
        self.config.keys_digest = processor.keys_digest()
        return len(aliases)

    def add_keys(self, aliases: Sequence[int]) -> None:
        """Make space for keys that training did not see; old ids stay.

        Args:
            aliases: for each new key the id that it stands for until it is trained: the key whose template it rewords,
                or the unseen key's.
        """
        old, new = self.config.vocab_size, self.config.vocab_size + len(aliases)
        if not aliases:
            return
        if min(aliases) < UNK_ID or max(aliases) >= old:
            raise ValueError(
                f"aliases must be the unseen key or known keys (3 to {old - 1}), found {list(aliases)[:5]}"
            )
        self.resize_token_embeddings(new, mean_resizing=False)
        stands_for = self.key_alias[torch.tensor(list(aliases), device=self.device)]
        with torch.no_grad():  # where training will start from
            for weight in {self.get_input_embeddings().weight, self.get_output_embeddings().weight}:
                weight[old:] = weight[stands_for]
        self.key_alias = torch.cat([self.key_alias, stands_for])
        self.normal_counts = nn.functional.pad(self.normal_counts, (0, len(aliases)))
        self.key_rarity = torch.cat([self.key_rarity, self.key_rarity[stands_for]])
        self.longest_gap = torch.cat([self.longest_gap, self.longest_gap[stands_for]])

    def learn_keys(self, ids: Iterable[int]) -> None:
        """Let keys stand for themselves: called when training has them in its sequences."""
        for key_id in set(ids):
            self.key_alias[key_id] = key_id

    def remember_counts(self, sequences: Iterable[Sequence[int]], limit: int = 4096) -> None:
        """Keep the key counts of normal windows, the `limit` most frequent vectors of them, and how rare each key is."""
        size = self.config.vocab_size
        vectors = Counter(tuple(sorted(Counter(sequence).items())) for sequence in sequences)
        windows_with = torch.zeros(size, dtype=torch.float64)
        for vector, windows in vectors.items():
            windows_with[[key_id for key_id, _ in vector]] += windows
        kept = [dict(vector) for vector, _ in vectors.most_common(limit)]
        counts = torch.zeros(len(kept), size, dtype=torch.int32)
        for row, times in zip(counts, kept):
            row[torch.tensor(list(times))] = torch.tensor(list(times.values()), dtype=torch.int32)
        self.config.num_count_vectors = len(kept)
        self.normal_counts = counts.to(self.device)
        rarity = 1 + torch.log((sum(vectors.values()) + 1) / (windows_with + 1))
        self.key_rarity = rarity.float().to(self.device)

    def remember_more_counts(self, sequences: Iterable[Sequence[int]], limit: int = 4096) -> None:
        """Keep the key counts of further normal windows, at most `limit`; key rarities stay, so that no distance grows."""
        known = {tuple(row) for row in self.normal_counts.tolist()}
        size = self.config.vocab_size
        found = (torch.bincount(torch.tensor(sequence), minlength=size) for sequence in sequences)
        fresh = dict.fromkeys(tuple(row.tolist()) for row in found)
        added = [row for row in fresh if row not in known][:limit]
        if added:
            more = torch.tensor(added, dtype=self.normal_counts.dtype, device=self.normal_counts.device)
            self.normal_counts = torch.cat([self.normal_counts, more])
            self.config.num_count_vectors = len(self.normal_counts)

    @torch.no_grad()
    def count_distances(self, sequences: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return how far each sequence's key counts are from the nearest normal ones, and which those are.

        The distance is the sum of the absolute differences, each weighted by the key's rarity (1 + log of the windows
        to one that has it), over the sequence's length: (n,), no unit; the rows of `normal_counts` are (n,).
        """
        if not len(self.normal_counts):
            raise ValueError(
                "the checkpoint must hold normal counts, found none: call remember_counts() after training"
            )
        size = self.config.vocab_size
        alias, rarity = self._known("key_alias"), self._known("key_rarity")
        normal = self._known("normal_counts").float() * rarity  # (M, V)
        distances, nearest = [], []
        for start in range(0, len(sequences), 256):
            some = sequences[start : start + 256]
            ids = [alias[torch.tensor(sequence, device=alias.device)] for sequence in some]
            counts = torch.stack([torch.bincount(row, minlength=size) for row in ids]) * rarity  # (n, V)
            lengths = torch.tensor([len(sequence) for sequence in some], device=alias.device)
            closest = torch.cdist(counts, normal, p=1).min(dim=1)
            distances.append(closest.values / lengths)
            nearest.append(closest.indices)
        if not distances:
            return torch.empty(0), torch.empty(0, dtype=torch.long)
        return torch.cat(distances), torch.cat(nearest)

    @torch.no_grad()
    def remember_gaps(self, sequences: Iterable[Sequence[int]], gaps: Iterable[Sequence[float]]) -> None:
        """Keep the longest normal pause before each key; `gaps` are seconds, one for each id of the sequence."""
        longest = torch.zeros(self.config.vocab_size)
        for sequence, pauses in zip(sequences, gaps):
            seconds = torch.tensor(pauses, dtype=torch.float32).clamp(min=0).log1p()
            longest.scatter_reduce_(0, torch.tensor(sequence), seconds, reduce="amax")
        self.longest_gap = longest.to(self.device)

    @torch.no_grad()
    def gap_excess(self, sequences: Sequence[Sequence[int]], gaps: Sequence[Sequence[float]]) -> torch.Tensor:
        """Return by how many factors of e the worst pause of each sequence is beyond the longest normal one: (n,)."""
        excess = []
        of_each_key = self._known("longest_gap")[self._known("key_alias")].cpu()
        for sequence, pauses in zip(sequences, gaps):
            longest = of_each_key[torch.tensor(sequence)]
            seconds = torch.tensor(pauses, dtype=torch.float32).clamp(min=0).log1p()
            excess.append((seconds - longest).clamp(min=0).max())
        return torch.stack(excess) if excess else torch.empty(0)

    @torch.no_grad()
    def score(
        self,
        windows: Iterable[Sequence[str]],
        processor: LogLLaMAProcessor,
        max_batch_tokens: int = 4096,
        progress: Callable[[int], object] | None = None,
    ) -> list[float]:
        """Score windows by their worst key and their key counts, as `config.score_by` says (nats, or a rank).

        Args:
            windows: any iterable of windows, each a list of message contents; read in chunks.
            processor: the model's own processor.
            max_batch_tokens: keys, padding included, of a batch.
            progress: called with the number of windows done since its last call.

        Returns:
            One score a window, in order; above `config.threshold` the window is called anomalous.
        """
        processor.check(self.config)
        return self.score_ids((processor.token_ids(window) for window in windows), max_batch_tokens, progress)

    @torch.no_grad()
    def score_ids(
        self,
        sequences: Iterable[Sequence[int]],
        max_batch_tokens: int = 4096,
        progress: Callable[[int], object] | None = None,
    ) -> list[float]:
        """Score sequences of key ids that begin with the begin key; see `score`."""
        scores: list[float] = []
        known: dict[tuple[int, ...], float] = {}
        iterator = iter(sequences)
        while chunk := [tuple(sequence) for sequence in islice(iterator, CHUNK_OF_WINDOWS)]:
            new = [sequence for sequence in dict.fromkeys(chunk) if sequence not in known]
            if new:
                known.update(zip(new, self._detect(new, (self.config.score_by,), max_batch_tokens)[0]))
            scores.extend(known[sequence] for sequence in chunk)
            if len(known) > 64 * CHUNK_OF_WINDOWS:
                known.clear()
            if progress is not None:
                progress(len(chunk))
        return scores

    @torch.no_grad()
    def detectors(self, sequences: Sequence[Sequence[int]], max_batch_tokens: int = 4096) -> dict[str, list[float]]:
        """Score sequences in every way that `config.score_by` knows and the checkpoint allows, side by side."""
        names = [name for name in SCORES if "counts" not in name or len(self.normal_counts)]
        rows = [tuple(sequence) for sequence in sequences]
        distinct = list(dict.fromkeys(rows))
        place = {row: i for i, row in enumerate(distinct)}
        found = self._detect(distinct, names, max_batch_tokens)
        return {name: [scores[place[row]] for row in rows] for name, scores in zip(names, found)}

    def _detect(
        self, sequences: Sequence[Sequence[int]], names: Sequence[str], max_batch_tokens: int
    ) -> list[list[float]]:
        """The scores of each name, in order: pure functions of what each position was judged to be."""
        judged = self.judge(sequences, max_batch_tokens)
        worst = [float(row.nll.max()) for row in judged]
        results = []
        for name in names:
            if name == "rank":
                scores = [float(row.rank.max()) for row in judged]
            elif name == "likelihood+rank":
                k, unseen = self.config.candidates, self.config.unseen_score
                outside = [bool((row.rank >= k).any()) for row in judged]
                scores = [nll + unseen * out for nll, out in zip(worst, outside)]
            elif name == "counts":
                scores = self.count_distances(sequences)[0].tolist()
            elif name == "likelihood+counts":
                distances, _ = self.count_distances(sequences)
                scores = [nll + self.config.count_weight * d for nll, d in zip(worst, distances.tolist())]
            else:
                scores = worst
            results.append(scores)
        return results

    @torch.no_grad()
    def judge(
        self, sequences: Sequence[Sequence[int]], max_batch_tokens: int = 4096, expected: int = 0
    ) -> list[KeyScores]:
        """Judge every position after the first of each sequence of key ids.

        Args:
            sequences: key ids, the begin key first.
            max_batch_tokens: keys, padding included, of a batch.
            expected: how many of the most probable keys to return for each position.
        """
        size = self.config.context_keys
        alias, masked = self._known("key_alias"), self._masked_ids()
        pieces: list[tuple[int, int, tuple[int, ...]]] = []  # sequence, first position judged in the piece, ids
        for s, sequence in enumerate(sequences):
            ids = tuple(sequence)
            if len(masked):
                ids = tuple(alias[torch.tensor(ids, device=alias.device)].tolist())
            if len(ids) < 2:
                raise ValueError(f"a sequence must hold the begin key and at least one more, found {list(ids)}")
            pieces.append((s, 1, ids[: size + 1]))
            start = 0
            while start + size + 1 < len(ids):
                done = start + size  # last position judged so far
                start = min(start + max(size // 2, 1), len(ids) - size - 1)
                pieces.append((s, done - start + 1, ids[start : start + size + 1]))
        parts: list[list[tuple[torch.Tensor, ...]]] = [[] for _ in sequences]
        results: list[tuple[torch.Tensor, ...] | None] = [None] * len(pieces)
        with self._evaluating():
            for batch in token_budget_batches([len(ids) for _, _, ids in pieces], max_batch_tokens):
                for i, result in zip(batch, self._judge_batch([pieces[i] for i in batch], expected, masked)):
                    results[i] = result
        for (s, _, _), whole in zip(pieces, results):
            assert whole is not None
            parts[s].append(whole)
        return [KeyScores(*(torch.cat(field) for field in zip(*part))) for part in parts]

    def _judge_batch(
        self, pieces: Sequence[tuple[int, int, tuple[int, ...]]], expected: int, masked: torch.Tensor
    ) -> list[tuple[torch.Tensor, ...]]:
        longest = max(len(ids) for _, _, ids in pieces)
        rows = [list(ids) + [0] * (longest - len(ids)) for _, _, ids in pieces]
        ids = torch.tensor(rows, device=self.device)
        # Right padding is invisible to a causal model at the positions that are read: no mask.
        logits = self._key_logits(ids[:, :-1])  # (b, L-1, V)
        logits[..., list(NEVER_PREDICTED)] = -torch.inf
        logits[..., masked] = -torch.inf
        if not self.config.predict_end:
            logits[..., 2] = -torch.inf
        log_p = logits.log_softmax(-1)
        truth = ids[:, 1:]
        results: list[tuple[torch.Tensor, ...]] = []
        true_log_p = log_p.gather(-1, truth.unsqueeze(-1))  # (b, L-1, 1)
        unseen = truth == UNK_ID
        nll = (-true_log_p.squeeze(-1)).masked_fill(unseen, self.config.unseen_score)
        rank = (log_p > true_log_p).sum(-1).masked_fill(unseen, self.config.vocab_size)
        top = log_p.topk(min(expected, log_p.shape[-1]), dim=-1) if expected else None
        for b, (_, first, sequence) in enumerate(pieces):
            here = slice(first - 1, len(sequence) - 1)
            judged: tuple[torch.Tensor, ...] = (nll[b, here].cpu(), rank[b, here].cpu())
            if top is not None:
                judged += (top.indices[b, here].cpu(), top.values[b, here].exp().cpu())
            results.append(judged)
        return results

    def _masked_ids(self) -> torch.Tensor:
        """Ids that stand for another one and are not predicted themselves."""
        alias = self._known("key_alias")
        return torch.nonzero(alias != torch.arange(len(alias), device=alias.device)).squeeze(1).to(self.device)

    def _key_logits(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits (b, L, V) of the key after each of `ids` (b, L), in float32."""
        head = self.lm_head
        if type(head) is not nn.Linear or head.weight.is_meta or head.weight.dtype == torch.float32:
            return self(input_ids=ids).logits.float()  # quantised, adapted or offloaded: its own forward knows how
        embeds, half = self.model.embed_tokens(ids), half_precision(self)
        with careful_products(self.device, half):
            hidden = self.model(
                inputs_embeds=embeds if half is None else embeds.float()
            ).last_hidden_state  # (b, L, D)
        return nn.functional.linear(hidden.float(), head.weight.float())

    def _known(self, name: str) -> torch.Tensor:
        """What the checkpoint remembers by this name; brought back from where accelerate offloaded it."""
        tensor = getattr(self, name)
        if not tensor.is_meta:
            return tensor
        hooks = getattr(self._hf_hook, "hooks", (self._hf_hook,))
        kept: Any = next(one.weights_map for one in hooks if getattr(one, "weights_map", None) is not None)
        return kept[name].to(self.device)

    # -- checkpoints ----------------------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(cls, *args, **kwargs):
        """Load a checkpoint; as every model's `from_pretrained`."""
        loaded = super().from_pretrained(*args, **kwargs)
        leave_unpackable_layers_unpacked(loaded[0] if isinstance(loaded, tuple) else loaded)
        return loaded

    def save_pretrained(self, save_directory, *args, push_to_hub: bool = False, **kwargs):
        """Write weights, configuration, code and pipeline to a folder."""
        if push_to_hub:
            raise ValueError("save_pretrained must write to a folder; to publish use push_to_hub(REPO_ID)")
        folder = Path(save_directory)
        if folder.is_file():
            raise ValueError(f"save_directory must be a folder, found the file {folder}")
        self.config.auto_map = dict(AUTO_MAP)
        self.config.custom_pipelines = copy.deepcopy(CUSTOM_PIPELINES)
        folder.mkdir(parents=True, exist_ok=True)
        for source in (type(self), LogAnomalyPipeline):
            custom_object_save(source, os.fspath(folder))
        super().save_pretrained(folder, *args, **kwargs)

    @contextmanager
    def _evaluating(self):
        was_training = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(was_training)
