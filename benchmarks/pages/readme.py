"""Renders the README's results from `results/`: the table, the picture of pretrained weights and what stands below it.

`python -m benchmarks pages.readme` writes, `--check` says what differs (a test calls it).
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from benchmarks.comparison.tables import load_results, readme_table
from benchmarks.pages import pretrained_plot

HERE = Path(__file__).resolve().parents[1]
README = HERE.parent / "README.md"


def rendered(text: str) -> str:
    """The README's text with what stands between `<!-- result NAME -->` and `<!-- end NAME -->` anew."""
    for name, part in {
        "bench": readme_table(load_results(HERE / "results")),
        "pretrained": pretrained_plot.caption(),
    }.items():
        pattern = rf"(<!-- result {name} -->\n).*?(<!-- end {name} -->)"
        text = re.sub(pattern, lambda found, part=part: f"{found[1]}{part}\n{found[2]}", text, flags=re.DOTALL)
    return text


def main(check: bool) -> None:
    """Write README and picture, or exit 1 where they are not what would be written."""
    before = README.read_text("utf-8")
    after = rendered(before)
    now = pretrained_plot.checksum(pretrained_plot.lines()[0])
    old = [theme for theme in pretrained_plot.THEMES if pretrained_plot.drawn_of(theme) != now]
    if check and (before != after or old):
        sys.exit("README.md or its picture differs from the results: run `python -m benchmarks pages.readme`")
    README.write_text(after, "utf-8")
    if old:
        pretrained_plot.write()


if __name__ == "__main__":
    main("--check" in sys.argv)
