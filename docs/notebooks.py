"""Runs the notebooks and compares the text that they print with what is kept in them; pictures are not compared.

Cells that are tagged `varies` (trained figures differ in their last digits between processors) are run and must print
something. `python docs/notebooks.py --write [NOTEBOOK...]` keeps the new outputs and pictures, without it the command says what differs
and ends with 1. Needs the extra `notebooks`.
"""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LIMIT_SECONDS = 600


def run(path: Path) -> Any:
    """The notebook with fresh outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    import nbformat
    from nbclient import NotebookClient

    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=LIMIT_SECONDS, resources={"metadata": {"path": str(path.parent)}})
    notebook = client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day
        if cell.cell_type == "code":  # progress and warnings of libraries are not kept
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    return notebook


def printed(cell: Any) -> str:
    """The text that a code cell printed or showed; of a picture only that it is there."""
    parts = []
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        if output["output_type"] == "stream":
            parts.append(output["text"])
        elif "image/png" in data:
            parts.append("<picture>\n")
        else:
            parts.append(data.get("text/plain", "") + "\n")
    return "".join(parts)


def differences(kept: Any, fresh: Any) -> list[str]:
    """A unified diff of each cell whose text is another one now."""
    found = []
    for old, new in zip(kept.cells, fresh.cells, strict=True):
        before, now = printed(old), printed(new)
        same = bool(before) == bool(now) if "varies" in old.metadata.get("tags", ()) else before == now
        if not same:
            found.append(
                "\n".join(difflib.unified_diff(before.splitlines(), now.splitlines(), "kept", "now", lineterm=""))
            )
    return found


def main() -> int:
    """Check or render all notebooks."""
    import nbformat

    code = 0
    for path in [Path(word) for word in sys.argv[1:] if word.endswith(".ipynb")] or NOTEBOOKS:
        kept, fresh = nbformat.read(path, as_version=4), run(path)
        if "--write" in sys.argv[1:]:
            nbformat.write(fresh, path)
        elif found := differences(kept, fresh):
            sys.stdout.write(f"{path.name} prints something else now\n" + "\n".join(found) + "\n")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
