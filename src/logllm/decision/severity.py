"""How severe a line calls itself, as nats: a prior for what the person on call wants to see first.

Notes:
- A surprising line is more often the one that matters when it says FATAL than when it says INFO. The nats below are a
  documented prior, chosen by hand while looking at the shared BGL, Thunderbird and HDFS samples; they are not learnt,
  and `--no-severity` (weight 0) switches them off. On lines that no table reports, half of them to four times them rank alert
  lines alike, and one weight for all levels much worse (`benchmarks/results/severity_nats.json`).
- The level in the header counts, and so do a few words in the message; the most severe is taken, and every further word
  as severe adds half a nat, up to two of them: of two fatal lines the one that says what failed comes first.
- The label column of the published logs is never looked at: it is the truth, not a part of the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from logllm.hf_datasets import LogSystem
from logllm.hf_datasets.digit_folding import fold

# Nats, that is, the logarithm of how much likelier such a line is to matter than an INFO line of equal surprise.
NATS = {"fatal": 4.0, "error": 2.0, "warning": 1.0}
FURTHER_WORD, FURTHER_WORDS = 0.5, 2

_LEVELS = (
    ("fatal", r"FATAL|PANIC|EMERG(?:ENCY)?|ALERT|CRIT(?:ICAL)?|SEVERE|FAILURE"),
    ("error", r"ERR(?:OR)?"),
    ("warning", r"WARN(?:ING)?"),
)
_WORDS = (
    ("fatal", r"fatal|panic\w*|catastrophic|segfault|segmentation fault|out of memory|oom-killer|kernel bug|core dumped"),
    ("error", r"error\w*|fail(?:ed|ure|ures|s)?|exception|abort(?:ed|ing)?|corrupt\w*|unable|cannot|denied|refused|lost"
     r"|killed|terminated|unreachable|timed out|timeout|assert\w*"),
    ("warning", r"warn\w*|retry\w*|retrying|suspect|degraded|invalid|missing"),
)  # fmt: skip
_LEVEL = re.compile("|".join(rf"(?P<{name}>\b(?:{words})\b)" for name, words in _LEVELS))
_WORD = re.compile("|".join(rf"(?P<{name}>\b(?:{words})\b)" for name, words in _WORDS), re.IGNORECASE)
_HEADER_CHARACTERS = 300
_MESSAGE_CHARACTERS = 2000


def severity(raw: str, content: str, has_label: bool = False) -> float:
    """Nats of a line; 0 for one that says nothing severe.

    >>> severity("2026-01-02 03:04:05 ERROR no route", "no route")
    2.0
    >>> severity("KERNDTLB 1117838570 RAS KERNEL INFO all well", "all well", has_label=True)
    0.0

    Args:
        raw: the raw line.
        content: its message.
        has_label: the raw line begins with a label column, which is left out.
    """
    header = raw[: max(len(raw) - len(content), 0)][:_HEADER_CHARACTERS] if content else ""
    if has_label:
        header = header.partition(" ")[2]
    return _nats(fold(header), fold(content[:_MESSAGE_CHARACTERS]))


def severities(raw: Iterable[str], contents: Iterable[str], system: LogSystem) -> list[float]:
    """Nats of each line of a window."""
    labelled = system.label_rule == "line"
    return [severity(line, content, labelled) for line, content in zip(raw, contents)]


@lru_cache(maxsize=1 << 16)
def _nats(header: str | bytes, message: str | bytes) -> float:
    found = _severe(_LEVEL, header) | _severe(_WORD, message)
    highest = max((nats for _, nats in found), default=0.0)
    alike = sum(nats == highest for _, nats in found)
    return highest + FURTHER_WORD * min(max(alike - 1, 0), FURTHER_WORDS)


def _severe(pattern: re.Pattern[str], text: str | bytes) -> frozenset[tuple[str, float]]:
    """The different severe words of a text, with their nats."""
    words = text.decode("ascii") if isinstance(text, bytes) else text
    return frozenset((match[0].lower(), NATS[match.lastgroup or ""]) for match in pattern.finditer(words))
