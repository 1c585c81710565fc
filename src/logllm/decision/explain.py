"""From a judged window to one `Evidence` a line: the number, and the reason in words.

Notes:
- LogLLaMA knows why: the key's rank and probability, what was expected, how often training saw it, and which keys occur
  more or less often than in the nearest normal window. A missing end is told at the last line.
- LogLLM is asked again without each message and its copies; how far the score falls is the message's share.
- A reason is given where a line stands out of its window; the other lines have a score only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from logllm.decision.severity import NATS, severities
from logllm.decision.window_scores import saturated
from logllm.verdict import Evidence, how_often

if TYPE_CHECKING:
    from logllm.decision.novelty import Novelty
    from logllm.hf_datasets import LogSystem, Window
    from logllm.modeling_logllm import LogLLaMAForNextKey, LogLLaMAProcessor, LogLLMForSequenceAnomaly, LogLLMProcessor
    from logllm.modeling_logllm.message_table import MessageTable

# A line stands out when its score is at least this share of the window's highest ...
STANDS_OUT = 0.5
# ... and at least this many nats: below, the model was not surprised (probability above 13 %).
SURPRISE = 2.0
# Leaving a message out must move the window's log-odds by this much more than the window's usual message does.
LEAST_CHANGE = 0.25
SHOWN_CANDIDATES = 3


def explain_logllm(
    model: LogLLMForSequenceAnomaly,
    processor: LogLLMProcessor,
    contents: list[str],
    raw: list[str],
    numbers: list[int],
    score: float,
    table: MessageTable | None = None,
) -> tuple[Evidence, ...]:
    """Evidence from leaving each message out with its copies: the fall of the window's score in log-odds (nats)."""
    changes = model.explain(contents, processor, table=table)
    texts = [processor.normalize(content) for content in contents]
    usual = sorted(changes)[len(changes) // 2]
    highest = max(changes) - usual
    found = []
    for number, text, template, change in zip(numbers, raw, texts, changes):
        reason = ""
        if len(contents) == 1:
            reason = f"the only message of the window, which scores {score:.2f}"
        elif highest >= LEAST_CHANGE and change - usual >= STANDS_OUT * highest:
            copies = texts.count(template)
            what = "this message" if copies == 1 else f"the {copies} messages like this one"
            reason = f"without {what} the window's score falls from {score:.2f} to {score - change:.2f}"
        found.append(Evidence(number, text, change, reason, template=template))
    return tuple(found)


def explain_logllama(
    model: LogLLaMAForNextKey,
    processor: LogLLaMAProcessor,
    contents: list[str],
    raw: list[str],
    numbers: list[int],
    severity: Sequence[float] | None = None,
) -> tuple[Evidence, ...]:
    """Evidence from the next-key model: negative log-likelihood of each line's key (nats), and key counts.

    `severity` are nats that each line's own severity adds (see `severity.py`); with them, a key that training saw never
    counts as more surprising than one that it did not see.
    """
    keys = processor.keys(contents)
    ids = processor.ids_of_keys(keys)
    judged = model.judge([ids], expected=SHOWN_CANDIDATES + 1)[0]
    nll, rank = judged.nll.tolist(), judged.rank.tolist()
    if severity is not None:
        bound = max(model.config.unseen_score - math.log(2), 0.0)
        unseen = [processor.template(key) is None for key in keys]
        nll = [value if i < len(keys) and unseen[i] else min(value, bound) for i, value in enumerate(nll)]
    assert judged.expected is not None
    expected = [_texts(processor, row, truth) for row, truth in zip(judged.expected.tolist(), ids[1:])]
    scores = list(nll[: len(contents)])
    reasons: list[list[str]] = [[] for _ in contents]
    ends = len(nll) > len(contents)  # the end of the window was predicted like a key
    if ends:
        scores[-1] = max(scores[-1], nll[-1])
    for i, nats in enumerate(severity or ()):
        scores[i] += nats
    counts = _count_reasons(model, processor, keys, ids)
    for i, (share, _) in counts.items():
        scores[i] += share if severity is None else saturated(share, 2 * model.config.unseen_score)
    bar = max(STANDS_OUT * max(scores), SURPRISE)
    found = []
    for i, (number, text) in enumerate(zip(numbers, raw)):
        template = processor.template(keys[i])
        seen = template["count"] if template else 0
        if template is None:
            reasons[i].append("no template matches it: a message that training never saw")
        elif int(model.key_alias[ids[i + 1]]) == processor.tokenizer.unk_token_id:
            reasons[i].append("its template is in no window that the model learnt from")
        elif nll[i] >= bar or (severity is not None and scores[i] >= bar and nll[i] >= SURPRISE):
            reasons[i].append(
                f"not expected here: rank {rank[i] + 1} of {model.config.num_keys + ends} possible keys, "
                f"probability {_share(nll[i])}, seen {how_often(seen)} in training"
            )
        wanted = expected[i]
        if ends and i == len(contents) - 1 and nll[-1] >= bar:
            wanted = expected[-1]
            reasons[i].append(
                f"nothing follows it: ending here had probability {_share(nll[-1])}, "
                f"expected instead: {wanted[0] if wanted else 'another message'}"
            )
        if i in counts and scores[i] >= bar:
            reasons[i].append(counts[i][1])
        if reasons[i] and severity is not None and severity[i]:
            reasons[i].append(f"the line itself speaks of {_grade(severity[i])} (+{severity[i]:g})")
        found.append(
            Evidence(
                line_number=number,
                text=text,
                score=scores[i],
                reason="; ".join(reasons[i]),
                template=template["text"] if template else "",
                rank=None if template is None else rank[i] + 1,
                probability=0.0 if template is None else math.exp(-nll[i]),
                expected=wanted[:SHOWN_CANDIDATES],
                seen_in_training=seen,
            )
        )
    return tuple(found)


def explain_both(
    model: LogLLMForSequenceAnomaly,
    processor: LogLLMProcessor,
    novelty: Novelty,
    window: Window,
    raw: list[str],
    system: LogSystem,
    table: MessageTable | None = None,
) -> tuple[Evidence, ...]:
    """Evidence of both detectors: each that is above its own threshold gives its reasons, else the one that is nearer.

    A line's score is novelty's (nats) or the fall of the log-odds without it (nats), the higher of the two.
    """
    contents, numbers = window.lines, window.line_numbers
    settings = novelty.settings
    surprise = novelty.scores([contents], [raw], system)[0]
    read = [i for i, known in enumerate(novelty.known(contents)) if known] or list(range(len(contents)))
    log_odds = model.score([[contents[i] for i in read]], processor, table=table)[0]
    above = (log_odds - settings.supervised_threshold, surprise - settings.threshold)
    told: list[list[Evidence]] = [[] for _ in contents]
    if above[1] >= min(max(above), 0.0):
        for row, one in zip(told, _of_novelty(novelty, window, raw, system)):
            row.append(replace(one, reason=f"novelty: {one.reason}" if one.reason else ""))
    if above[0] >= min(max(above), 0.0):
        found = explain_logllm(
            model, processor, [contents[i] for i in read], [raw[i] for i in read], [numbers[i] for i in read], log_odds,
            table,
        )  # fmt: skip
        for i, one in zip(read, found):
            told[i].append(replace(one, reason=f"labels: {one.reason}" if one.reason else ""))
    merged = []
    for number, line, row in zip(numbers, raw, told):
        if not row:  # a message that LogLLM was not asked about
            merged.append(Evidence(number, line, 0.0))
            continue
        reasons = "; ".join(one.reason for one in row if one.reason)
        merged.append(replace(row[0], score=max(one.score for one in row), reason=reasons))
    return tuple(merged)


def _of_novelty(novelty: Novelty, window: Window, raw: list[str], system: LogSystem) -> list[Evidence]:
    """Evidence of novelty alone: of lines that are new, and where order counts of the others."""
    contents, numbers = window.lines, window.line_numbers
    severity = severities(raw, contents, system)
    found = [Evidence(number, line, 0.0) for number, line in zip(numbers, raw)]
    if novelty.settings.order:
        weighted = [novelty.settings.severity_weight * nats for nats in severity]
        found = list(explain_logllama(novelty.model, novelty.processor, contents, raw, numbers, weighted))
    for i, (is_new, score) in enumerate(zip(novelty.new(contents), novelty.of_new(severity))):
        if not is_new:
            continue
        reason = "a message that no normal training window had"
        if severity[i] and novelty.settings.severity_weight:
            reason += f"; the line itself speaks of {_grade(severity[i])} (+{novelty.settings.severity_weight * severity[i]:g})"
        found[i] = replace(found[i], score=score, reason=reason)
    return found


def _count_reasons(
    model: LogLLaMAForNextKey, processor: LogLLaMAProcessor, keys: list[str], ids: list[int]
) -> dict[int, tuple[float, str]]:
    """Line index -> (nats, reason) where a key occurs more, or is missing, against the nearest normal window."""
    if model.config.score_by != "likelihood+counts":
        return {}
    distances, nearest = model.count_distances([ids])
    share = model.config.count_weight * float(distances[0])
    normal = model.normal_counts[nearest[0]].tolist()
    reasons: dict[int, tuple[float, str]] = {}
    last = len(keys) - 1
    missing = []
    words = processor.tokenizer.convert_ids_to_tokens(list(range(len(normal))))
    for key_id in range(4, len(normal)):
        here, there = ids.count(key_id), normal[key_id]
        if here > there:
            at = len(keys) - 1 - keys[::-1].index(words[key_id])
            reasons[at] = (
                share,
                f"occurs {how_often(here)} in this window, {how_often(there)} in the nearest normal one",
            )
        elif there > here:
            missing.append(f"{_text(processor, words[key_id])} ({here} of {there})")
    if missing:
        before = [reasons[last][1]] if last in reasons else []
        text = "missing against the nearest normal window: " + ", ".join(missing[:SHOWN_CANDIDATES])
        reasons[last] = (share, "; ".join([*before, text]))
    return reasons


def _grade(nats: float) -> str:
    return "a fatal fault" if nats >= NATS["fatal"] else "an error" if nats >= NATS["error"] else "a warning"


def _texts(processor: LogLLaMAProcessor, key_ids: list[int], truth: int) -> tuple[str, ...]:
    words = processor.tokenizer.convert_ids_to_tokens([key for key in key_ids if key != truth])
    return tuple(_text(processor, word) for word in words)


def _text(processor: LogLLaMAProcessor, key: str) -> str:
    if key == processor.tokenizer.eos_token:
        return "(end of the window)"
    template = processor.template(key)
    return template["text"] if template else key


def _share(nll: float) -> str:
    probability = math.exp(-nll)
    return f"{probability:.1%}" if probability >= 0.001 else f"{probability:.1e}"
