"""One line on its way through a model, with the real values of every station: what the tab "Inside the model" draws.

Notes: Nothing is made up for the picture. Every number is what the detector computes for this line in its
window, asked for one station at a time; a test holds the last one equal to the verdict's score.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recipe import KNOWN_FORMATS
from scan_log import SpaceModels, format_named

from logllm.errors import LogllmError
from logllm.hf_datasets import Window, make_windows, parse_lines
from logllm.hf_datasets.systems.patterns import compiled
from logllm.modeling_logllm.masking import ELLIPSIS, RULES, fold_digits

SHOWN_CANDIDATES = 6
SHOWN_PIECES = 60


@dataclass(frozen=True)
class Walk:
    """The stations of one line; `values` are those of its family."""

    family: str
    raw: str
    content: str
    number: int
    window_id: str
    place: int  # of the line in its window
    size: int  # of the window
    masked: list[tuple[str, str]]  # pieces of the message: (text, the mask's name or "")
    masked_text: str
    score: float
    threshold: float
    values: dict[str, Any]

    @property
    def is_anomalous(self) -> bool:
        """Whether the window was flagged."""
        return self.score > self.threshold


def walk(models: SpaceModels, lines: Sequence[str], number: int, family: str, format_name: str) -> Walk:
    """Follow line `number` (from 1) of a log through a shipped model of that family.

    Raises:
        LogllmError: there is no such line, or no shipped model for the format.
    """
    system = format_named(format_name)
    name = "logllm" if family == "logllm" else KNOWN_FORMATS.get(system.name, "")
    detector = models.detector(name, system)
    if detector is None:
        raise LogllmError(f"the walk must have a shipped {family} that knows {format_name}; found none")
    if not 1 <= number <= len(lines):
        raise LogllmError(f"the line must be one of 1 to {len(lines)}; found {number}")
    parsed = list(parse_lines(lines, system))
    window = next(w for w in make_windows(parsed, system.window) if number in w.line_numbers)
    place = window.line_numbers.index(number)
    station = _through_logllm if family == "logllm" else _through_logllama
    masked, masked_text, score, values = station(detector, window, place)
    return Walk(
        family=family,
        raw=lines[number - 1],
        content=parsed[number - 1].content,
        number=number,
        window_id=window.window_id,
        place=place,
        size=len(window.lines),
        masked=masked,
        masked_text=masked_text,
        score=score,
        threshold=float(detector.threshold),
        values=values,
    )


def _through_logllama(detector: Any, window: Window, place: int) -> tuple[Any, str, float, dict[str, Any]]:
    model, processor = detector.model, detector.processor
    content = window.lines[place]
    keys = processor.keys(window.lines)
    ids = processor.ids_of_keys(keys)
    judged = model.judge([ids], expected=SHOWN_CANDIDATES)[0]
    words = processor.tokenizer.convert_ids_to_tokens(judged.expected[place].tolist())
    template = processor.template(keys[place])
    masks = processor.template_table["drain"]["masks"]
    masked_text = content
    for pattern, replacement in masks:
        masked_text = compiled(pattern).sub(replacement, masked_text)
    nll = judged.nll.tolist()
    worst = max(range(len(nll)), key=nll.__getitem__)
    return (
        [(content, "")],
        masked_text,
        detector.scores([window.lines])[0],
        {
            "key": keys[place],
            "template": template["text"] if template else None,
            "seen": template["count"] if template else 0,
            "keys": keys,
            "vocabulary": model.config.num_keys,
            "candidates": [
                {"text": _told(processor, word), "probability": value, "true": word == keys[place]}
                for word, value in zip(words, judged.probability[place].tolist())
            ],
            "probability": math.exp(-nll[place]) if template else 0.0,
            "rank": int(judged.rank[place]) + 1 if template else None,
            "nll": nll[place],
            "worst_nll": nll[worst],
            "worst_line": window.line_numbers[min(worst, len(window.lines) - 1)],
            "worst_is_end": worst >= len(window.lines),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
        },
    )


def _told(processor: Any, word: str) -> str:
    if word == processor.tokenizer.eos_token:
        return "(end of the session)"
    template = processor.template(word)
    return template["text"] if template else word


def _through_logllm(detector: Any, window: Window, place: int) -> tuple[Any, str, float, dict[str, Any]]:
    import torch

    model, processor = detector.model, detector.processor
    content = window.lines[place]
    text = processor.normalize(content)
    tokens = processor.tokenize_messages([text])
    with torch.no_grad():
        soft = model.model.encode_messages(tokens["input_ids"], tokens["attention_mask"])[0].tolist()
    score = detector.scores([window.lines])[0]
    changes = model.explain(window.lines, processor, table=detector.table)
    pieces = processor.encoder_tokenizer.convert_ids_to_tokens(tokens["input_ids"][0].tolist())
    normal, anomalous = processor.answers
    return (
        masked_spans(content),
        text,
        score,
        {
            "pieces": pieces[:SHOWN_PIECES],
            "more_pieces": max(len(pieces) - SHOWN_PIECES, 0),
            "soft": soft,
            "encoder_width": model.config.encoder_config.hidden_size,
            "prefix": processor.prompt_prefix,
            "suffix": processor.prompt_suffix.strip(),
            "answers": [
                {"text": normal, "probability": 1 / (1 + math.exp(score))},
                {"text": anomalous, "probability": 1 / (1 + math.exp(-score))},
            ],
            "change": changes[place],
            "changes": changes,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
        },
    )


_NAMED = re.compile("|".join(f"(?P<r{i}>{pattern})" for i, (_, pattern) in enumerate(RULES)))


def masked_spans(content: str) -> list[tuple[str, str]]:
    """The message in pieces, each with the name of the rule that masks it ("" where none does).

    >>> masked_spans("block blk_17 of 10.0.0.1")
    [('block ', ''), ('blk_17', 'token with a digit'), (' of ', ''), ('10.0.0.1', 'IPv4 address and port')]
    """
    shown, found, done = re.sub(ELLIPSIS, ".. ", content), [], 0
    for match in _NAMED.finditer(fold_digits(shown)):
        rule = RULES[int((match.lastgroup or "r0")[1:])][0]
        found += [(shown[done : match.start()], ""), (shown[match.start() : match.end()], rule)]
        done = match.end()
    found.append((shown[done:], ""))
    return [(text, rule) for text, rule in found if text]
