"""Runs the console blocks of README and documentation and compares what they print with what stands there.

A block is fenced as `console` and follows a line `<!-- run -->`. Its lines that begin with `$ ` are commands; what
follows each of them is its output. All blocks of one page run in one folder, in their order, which at first holds the
example logs. Figures of time and memory are not compared. `python docs/console.py --write` renders the blocks anew,
without it the command says what differs and ends with 1.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
BLOCK = re.compile(r"(<!-- run(?P<cut>: first \d+ lines)? -->\n+```console\n)(?P<body>.*?)(\n```)", re.DOTALL)
SECONDS = re.compile(r"\d+(?:\.\d+)?(?=\s?(?:s|seconds|MB|processor seconds)\b)")
LIMIT_SECONDS = 300
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Difference:
    """A block whose output is not what the program prints.

    Attributes:
        page: path of the page, from the repository's root.
        text: a unified diff from what stands there to what was printed.
    """

    page: str
    text: str


def check(page: Path, write: bool = False, run: Callable[[str, Path], Done] | None = None) -> list[Difference]:
    """Run the blocks of a page; with `write` their output replaces what stands there.

    `run` takes a command and a folder in place of a shell with the installed package.

    Raises:
        RuntimeError: a command failed.
    """
    text = page.read_text("utf-8")
    if not BLOCK.search(text):
        return []
    differences: list[Difference] = []
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "examples" / "logs", folder, dirs_exist_ok=True)

        def rendered(found: re.Match[str]) -> str:
            kept = int(found["cut"].split()[2]) if found["cut"] else None
            fresh = run_block(found["body"], Path(folder), kept, run or shell)
            if plain(fresh) != plain(found["body"]):
                lines = difflib.unified_diff(
                    plain(found["body"]).splitlines(), plain(fresh).splitlines(), "page", "program", lineterm=""
                )
                differences.append(Difference(str(page.relative_to(ROOT)), "\n".join(lines)))
                return found[1] + fresh + found[4]
            return found[0]

        fresh = BLOCK.sub(rendered, text)
    if write and fresh != text:
        page.write_text(fresh, "utf-8")
    return differences


def shell(command: str, folder: Path) -> Done:
    """Run a command with the package that is installed beside this interpreter."""
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100", "TERM": "dumb", "HF_HUB_OFFLINE": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    words = ["bash", "-c", command]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS)


def run_block(body: str, folder: Path, kept: int | None, run: Callable[[str, Path], Done]) -> str:
    """The block as the program prints it now; of a long output the first `kept` lines."""
    out = []
    for command in [line[2:] for line in body.splitlines() if line.startswith("$ ")]:
        done = run(command, folder)
        if done.returncode > 1:  # 1 says that something was flagged
            raise RuntimeError(
                f"a command must end well, `{command}` ended with {done.returncode}: {done.stderr[-500:]}"
            )
        lines = done.stdout.rstrip("\n").split("\n") if done.stdout.strip() else []
        if kept is not None and len(lines) > kept:
            lines = [*lines[:kept], "..."]
        out += ["$ " + command, *lines]
    return "\n".join(line.rstrip() for line in out)


def plain(text: str) -> str:
    """The text without its figures of time and memory, which differ from run to run."""
    return SECONDS.sub("N", text)


def main() -> int:
    """Check or render all pages."""
    write = "--write" in sys.argv[1:]
    found = [difference for page in PAGES for difference in check(page, write)]
    for one in found:
        sys.stdout.write(
            f"{one.page}{' rendered anew' if write else ' differs from what the program prints'}\n{one.text}\n"
        )
    return 0 if write or not found else 1


if __name__ == "__main__":
    sys.exit(main())
