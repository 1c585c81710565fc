"""What one would write first: a format regular expression a line, one combined `re.sub` a message, a loop to group.

Notes: Nothing is cached and nothing is shared with the package but the patterns' texts, so that this can be both the
baseline of the speed table and the arbiter of its output. The masking pattern is taken without possessive repeats, which
the published preparation does not have either.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from drain3.masking import MaskingInstruction
from drain3.template_miner import TemplateMiner
from drain3.template_miner_config import TemplateMinerConfig

from logllm.hf_datasets import LogSystem


def _load_masking() -> ModuleType:
    """The package's masking without the package, whose models would bring torch into the measured memory."""
    place = Path(__file__).resolve().parents[2] / "modeling_logllm" / "masking.py"
    spec = importlib.util.spec_from_file_location("masking", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


masking = _load_masking()


def lines_of(path: Path, system: LogSystem) -> Iterator[tuple[str, str]]:
    """(label, content) of every line that fits; the label is "" where lines have none."""
    match = re.compile(system.line_pattern).match
    has_label = system.label_rule == "line"
    with open(path, encoding=system.encoding, newline="\n") as stream:
        for line in stream:
            found = match(line.strip())
            if found:
                yield (found["label"] if has_label else ""), found["content"]


def windows(path: Path, system: LogSystem, labels: dict[str, int] | None = None) -> list[tuple[str, int, list[str]]]:
    """(window id, label, masked messages) of every window: sessions, or runs of 100 lines."""
    ellipsis, pattern = re.compile(masking.ELLIPSIS), re.compile(masking.PATTERN.replace("*+", "*"))
    if system.session_pattern:
        session = re.compile(system.session_pattern)
        grouped: dict[str, list[str]] = {}
        for _, content in lines_of(path, system):
            masked = pattern.sub("<*>", ellipsis.sub(".. ", content))
            for name in dict.fromkeys(session.findall(content)):
                grouped.setdefault(name, []).append(masked)
        return [(name, (labels or {}).get(name, -1), messages) for name, messages in grouped.items()]
    made: list[tuple[str, int, list[str]]] = []
    messages, alert = [], 0
    for number, (label, content) in enumerate(lines_of(path, system), 1):
        messages.append(pattern.sub("<*>", ellipsis.sub(".. ", content)))
        alert |= label != "-"
        if len(messages) == 100:
            made.append((str(number // 100), alert, messages))
            messages, alert = [], 0
    if messages:
        made.append((str(len(made) + 1), alert, messages))
    return made


def templates(path: Path, system: LogSystem) -> list[tuple[str, int]]:
    """(template, size) of every cluster in order of creation, by drain3's own miner and masks."""
    config = TemplateMinerConfig()
    config.drain_sim_th = system.drain.similarity
    config.drain_depth = system.drain.depth
    config.drain_max_children = system.drain.max_children
    config.mask_prefix, config.mask_suffix = "<", ">"
    config.masking_instructions = [MaskingInstruction(pattern, "*") for pattern, _ in system.drain.masks]
    miner = TemplateMiner(config=config)
    for _, content in lines_of(path, system):
        miner.add_log_message(content)
    return [(cluster.get_template(), cluster.size) for cluster in miner.drain.clusters]
