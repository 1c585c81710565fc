"""The sampled-hit reward on TRL's own RLOOTrainer: a row of the comparison, not the trainer of choice.

RLOO wants text in and text out and rewards whole completions, so a row is one position: the prompt
is the keys so far as words, the completion one key, the reward whether it is the key that came. The paper's top-K reward
cannot be carried this way: all completions of a prompt would get the same, and their baseline is each other.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from trl import RLOOConfig, RLOOTrainer

from logllm.modeling_logllm import LogLLaMAForNextKey, LogLLaMAProcessor

from .rewards import hit_reward_func


def positions(
    processor: LogLLaMAProcessor, sequences: Sequence[Sequence[int]], limit: int, seed: int, longest: int = 64
) -> Dataset:
    """Draw positions of normal sequences: `prompt` (the keys so far) and `true_key`, the next, both as words."""
    rng = random.Random(seed)
    rows = []
    for _ in range(limit):
        ids = sequences[rng.randrange(len(sequences))]
        at = rng.randrange(1, len(ids))
        words = processor.tokenizer.convert_ids_to_tokens([int(i) for i in ids[: at + 1]])
        rows.append({"prompt": " ".join(words[max(0, at - longest) : at]), "true_key": words[at]})
    return Dataset.from_list(rows)


def train_rloo(
    model: LogLLaMAForNextKey,
    processor: LogLLaMAProcessor,
    sequences: Sequence[Sequence[int]],
    work_dir: Path,
    *,
    seed: int = 0,
    max_steps: int = 40,
    learning_rate: float = 1e-5,
    batch: int = 64,
    num_generations: int = 4,
    **settings: Any,
) -> dict[str, Any]:
    """Train by RLOO with the sampled hit; returns the row of the stage (steps, last loss and reward).

    Args:
        model: the model, changed in place.
        processor: its processor.
        sequences: normal sequences of key ids.
        work_dir: for the trainer's files.
        seed: of positions and samples.
        max_steps: optimiser steps.
        learning_rate: of AdamW, linearly falling.
        batch: completions a step.
        num_generations: completions a prompt.
        settings: further fields of `RLOOConfig`.
    """
    args = RLOOConfig(
        beta=0.0,  # TRL makes its reference model from a repository id, which a model in memory has not
        output_dir=str(work_dir),
        per_device_train_batch_size=batch,
        num_generations=num_generations,
        max_completion_length=1,
        max_steps=max_steps,
        learning_rate=learning_rate,
        seed=seed,
        logging_steps=5,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        bf16=False,
        gradient_checkpointing=False,
        **settings,
    )
    trainer = RLOOTrainer(
        model=model,  # type: ignore[arg-type]
        reward_funcs=hit_reward_func,
        args=args,
        train_dataset=positions(processor, sequences, max_steps * batch // num_generations, seed),
        processing_class=processor.tokenizer,
    )
    trainer.train()
    logs = [log for log in trainer.state.log_history if "reward" in log]
    model.eval()
    return {
        "stage": "rloo",
        "objective": "hit",
        "steps": trainer.state.global_step,
        "learning_rate": learning_rate,
        "rewards": [round(float(log["reward"]), 4) for log in logs],
        "last_loss": float(logs[-1].get("loss", float("nan"))) if logs else None,
    }
