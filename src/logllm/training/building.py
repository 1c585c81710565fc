"""What `logllm build` does: find the row and the files, build the configuration, write the card.

Nothing here imports torch or transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from itertools import islice
from pathlib import Path
from types import ModuleType
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
        masking = _masking()
        settings |= {"mask": mask_message, "mask_rules": ((masking.ELLIPSIS, ".. "), (masking.PATTERN, masking.MASK))}
    files: Any = raw[0] if len(raw) == 1 else list(raw)
    statistics = build(system, files, out, **settings)
    write_card(render_dataset_card([load_statistics(out, name) for name in configurations(out)]), out)
    write_readme(out)  # puts back the mark of the content, without which `datasets` would serve an earlier build
    return statistics


@cache
def _masking() -> ModuleType:
    """Load LogLLM's masks from their file: to import their package takes torch, transformers and five seconds."""
    package = find_spec("logllm.modeling_logllm")
    assert package is not None and package.submodule_search_locations
    spec = spec_from_file_location("masking", Path(package.submodule_search_locations[0]) / "masking.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mask_message(text: str) -> str:
    """Return LogLLM's mask of a message; the processes of a build import it from here."""
    return str(_masking().mask_message(text))
