"""A mkdocs hook that adds the pages which are made from the program: commands, formats, files, results, changes.

Nothing of these pages is written by hand, so they cannot differ from the program. `make docs` runs it through mkdocs.
"""

from __future__ import annotations

import ast
import base64
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
RESULT_PAGES = ("bench", "logllm", "logllama", "scan")
FOLDERS = (
    "src/logllm",
    "hf_datasets",
    "modeling_logllm",
    "trainers",
    "model_cards",
    "spaces_demo",
    "benchmarks",
    "examples",
)
REPOSITORY_LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages; called by mkdocs before it renders anything."""
    if str(ROOT) not in sys.path:  # mkdocs takes back what a hook adds while it is loaded
        sys.path.insert(0, str(ROOT))
    for path, make in PAGES.items():
        files.append(File.generated(config, path, content=make()))
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        text, pictures = notebook_page(notebook)
        files.append(File.generated(config, f"notebooks/{notebook.stem}.md", content=text))
        for name, content in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    for picture in sorted((ROOT / "benchmarks" / "results").glob("*.png")):
        files.append(File.generated(config, f"explanation/results/{picture.name}", abs_src_path=str(picture)))
    return files


def commands() -> str:
    """The page of all commands with their arguments and options, from the program itself."""
    parts = ["# Commands\n", "Made from the program; `logllm COMMAND --help` says the same.\n"]
    for name, command in command_tree():
        parts.append(f"## logllm {name}\n")
        text, _, example = (command.help or "").partition("Example: ")
        parts.append(text.strip() + "\n")
        parts.append(f"```bash\n{example.strip()}\n```\n" if example else "")
        rows = [_parameter(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
        if rows:
            parts.append("| | default | |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def command_tree() -> list[tuple[str, Any]]:
    """(name, click command) of every command, subcommands with their group's name."""
    import typer

    from logllm.cli.app import app

    def walk(group: Any, before: str) -> Iterator[tuple[str, Any]]:
        for name, command in sorted(group.commands.items()):
            if hasattr(command, "commands"):
                yield from walk(command, f"{before}{name} ")
            elif not command.hidden:
                yield f"{before}{name}", command

    return list(walk(typer.main.get_command(app), ""))


def _parameter(parameter: Any) -> str:
    argument = parameter.param_type_name == "argument"
    name = parameter.name.upper() if argument else ", ".join([*parameter.opts, *parameter.secondary_opts])
    given = parameter.default
    empty = given is None or given == () or given is False or callable(given) or "Sentinel" in type(given).__name__
    default = "required" if parameter.required else "" if empty else f"`{getattr(given, 'value', given)}`"
    text = (getattr(parameter, "help", None) or "").replace("|", "\\|").replace("\n", " ")
    return f"| `{name}` | {default} | {text} |"


def formats() -> str:
    """The page of the log formats that are read, each with an example line."""
    from logllm.hf_datasets.events.formats import ALL_ROWS

    parts = [
        "# Formats\n",
        "Formats that are told by themselves; `logllm formats` prints the same list. Any other line with a time or a "
        "level is read by a general row, and a line without either is a message as it stands.\n",
        "| name | format | example |\n|---|---|---|",
    ]
    for row in ALL_ROWS:
        line = row.examples[0].line.splitlines()[0] if row.examples else ""
        line = line.replace("|", "\\|").replace("`", "'")
        title = row.title.replace("[", "\\[").replace("<", "&lt;").replace("|", "\\|")
        parts.append(f"| `{row.name}` | {title} | {f'`{line[:160]}`' if line else ''} |")
    return "\n".join(parts) + "\n"


def files_page() -> str:
    """The page of all source files with the first sentence of each module's docstring."""
    parts = ["# Files\n", "Every module and the first sentence of its docstring.\n"]
    for folder in FOLDERS:
        root = ROOT / folder
        if not root.is_dir():
            continue
        parts.append(f"## {folder}\n\n| file | what it does |\n|---|---|")
        for file in sorted(root.rglob("*.py")):
            if "__pycache__" in file.parts or not file.read_text("utf-8").strip():
                continue
            doc = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
            sentence = " ".join(doc.split("\n\n")[0].split()).replace("|", "\\|").replace("<", "&lt;")
            parts.append(f"| `{file.relative_to(root)}` | {sentence} |")
        parts.append("")
    return "\n".join(parts)


def results() -> str:
    """The page of all tables, as `make bench` rendered them."""
    from benchmarks.comparison.tables import load_results, readme_table
    from benchmarks.pages.first_60 import table

    parts = [
        "# Results",
        "All tables, rendered from the files in `benchmarks/results/` and never typed by hand.",
        "## In short",
        readme_table(load_results(ROOT / "benchmarks" / "results")),
        "What pretrained weights bring where the wording changes; [the page about it](pretrained.md) has the tables.",
        "![F1 on HDFS over the share of reworded templates](../assets/pretrained-light.png#only-light)"
        "![F1 on HDFS over the share of reworded templates](../assets/pretrained-dark.png#only-dark)",
    ]
    for name in RESULT_PAGES:
        text = (ROOT / "benchmarks" / "results" / f"{name}.md").read_text("utf-8")
        parts.append(re.sub(r"^#", "##", _without_links(text, keep_pictures=True), flags=re.MULTILINE))
    first_60 = json.loads((ROOT / "benchmarks" / "results" / "hdfs_first_60.json").read_text("utf-8"))
    parts.append("## HDFS, the first 60 % for training\n\n" + table(first_60))
    return "\n\n".join(parts)


def notebook_page(path: Path) -> tuple[str, dict[str, bytes]]:
    """A notebook as Markdown with its kept outputs, and its pictures by their names."""
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/png" in data:
                name = f"{path.stem}-{len(pictures) + 1}.png"
                pictures[name] = base64.b64decode(data["image/png"])
                parts.append(f"![The picture that the cell above draws]({name})")
            elif text := "".join(output.get("text", data.get("text/plain", ""))).rstrip():
                parts.append(f"```text\n{text}\n```")
    at = "Run it yourself: `notebooks/" + path.name + "` in the repository."
    return "\n\n".join([*parts, at]) + "\n", pictures


def from_file(path: str) -> Callable[[], str]:
    """A page that is a file of the repository; links to files that the site does not have become plain text."""
    return lambda: _without_links((ROOT / path).read_text("utf-8"))


def _without_links(text: str, keep_pictures: bool = False) -> str:
    def replaced(found: re.Match[str]) -> str:
        if keep_pictures and found[1].endswith(".png"):
            return f"](results/{Path(found[1]).name})"
        return "]"

    out = []
    for line in text.splitlines():
        line = REPOSITORY_LINK.sub(replaced, line)
        out.append(re.sub(r"(?<!!)\[([^\]]+)\](?![(\[:])", r"\1", line) if not line.startswith("    ") else line)
    return "\n".join(out) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands,
    "reference/formats.md": formats,
    "contributing/files.md": files_page,
    "contributing/changes.md": from_file("CHANGELOG.md"),
    "explanation/results.md": results,
    "operations/security.md": from_file("SECURITY.md"),
    "how-to/collectors.md": from_file("deploy/README.md"),
}
