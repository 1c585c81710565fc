"""What `logllm build` does: find the row and the files, build the configuration, write the card.

Nothing here imports torch or transformers, unless LogLLM's masked messages are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from logllm.errors import LogllmError
from logllm.hf_datasets import (
    LogSystem,
    build,
    configurations,
    download_log,
    get_system,
    guess_system,
    load_statistics,
    read_lines,
    system_from_yaml,
)
from logllm.hf_datasets.storing import write_readme

SAMPLE_LINES = 1000


def resolve(
    system: str, raw: Sequence[Path] | None, *, download: bool = False, progress: bool = True
) -> tuple[LogSystem, list[Path]]:
    """Find the row that `system` means (a name, a YAML file, or "guess") and the files to read."""
    if bool(raw) == download:
        raise LogllmError("either --raw LOG or --download must be given, found both or neither: choose one")
    if system == "guess" and raw:
        row = guess_system(list(islice(read_lines(raw[0]), SAMPLE_LINES)))
    elif system.endswith((".yaml", ".yml")):
        row = system_from_yaml(system)
    else:
        row = get_system(system)
    return row, [download_log(row, progress=progress)] if download else list(raw or ())


def build_dataset(
    system: str | LogSystem, raw: Sequence[Path], out: Path, *, masked: bool = False, **settings: Any
) -> dict[str, Any]:
    """Build a configuration and write the dataset's card over all configurations in the folder."""
    from logllm.model_cards import render_dataset_card, write_card

    if masked:
        from logllm.modeling_logllm.masking import ELLIPSIS, MASK, PATTERN, mask_message

        settings |= {"mask": mask_message, "mask_rules": ((ELLIPSIS, ".. "), (PATTERN, MASK))}
    files: Any = raw[0] if len(raw) == 1 else list(raw)
    statistics = build(system, files, out, **settings)
    write_card(render_dataset_card([load_statistics(out, name) for name in configurations(out)]), out)
    write_readme(out)  # puts back the mark of the content, without which `datasets` would serve an earlier build
    return statistics
