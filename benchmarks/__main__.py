"""The one way to run what measures.

    python -m benchmarks                              # list recipes and measurements
    python -m benchmarks logllama_hdfs hdfs_first_60  # recipes, by name
    python -m benchmarks recipes                      # all of them
    python -m benchmarks all                          # everything, as `make bench` (bench.py)
    python -m benchmarks performance.watch memory     # a measurement; the rest of the line is its own

A recipe is one YAML file in `recipes/`; its result is the JSON file of that name in `results/`. What is there already, made
by the same recipe on the same data, is not run again. Recipes whose logs are not at hand are skipped with a remark.
With `--work DIR` LogLLaMA's likelihood models are kept there, and a stopped training goes on.
Afterwards the README is rendered from the results.
"""

from __future__ import annotations

import argparse
import ast
import runpy
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.places import BENCHMARKS, RECIPES, RESULTS, data_folder


def measurements() -> dict[str, Path]:
    """Every module that runs, by its name without `benchmarks.`."""
    files = [file for file in sorted(BENCHMARKS.glob("*/*.py")) if '__name__ == "__main__"' in file.read_text("utf-8")]
    return {f"{file.parent.name}.{file.stem}": file for file in files}


def recipes() -> dict[str, dict[str, Any]]:
    """Every recipe by its name."""
    return {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in sorted(RECIPES.glob("*.yaml"))}


def run_recipe(name: str, recipe: dict[str, Any], work: Path) -> None:
    """Run what a recipe still lacks, by the kind that it is of."""
    from logllm.errors import LogllmError

    if recipe.get("runner") == "logllama":
        from benchmarks.experiments.logllama import run as run_logllama

        run_logllama(recipe, work)
    elif "families" in recipe:
        from benchmarks.experiments.run import run

        run(recipe)
    else:
        from logllm.training.reproduce import reproduce

        try:
            kept = BENCHMARKS.parent / ".bench" / "reproduced" / recipe["name"]
            reproduce(
                RECIPES / f"{name}.yaml", data_folder(), RESULTS / f"{recipe['name']}.json", work=kept, resume=True
            )
        except LogllmError as error:  # whole logs are seldom at hand
            print(f"{name}: skipped, {error}")


def listing() -> str:
    """Recipes and measurements, a line each."""
    rows = ["recipes:", *(f"  {name}" for name in recipes()), "measurements:"]
    for name, file in measurements().items():
        text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
        rows.append(f"  {name:<38}{' '.join(text.split(chr(10) * 2)[0].split())[:78]}")
    return "\n".join(rows)


def main(arguments: list[str]) -> int:
    """Run what is named; the exit code."""
    known, modules = recipes(), measurements()
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__ if arguments else listing())
        return 0
    if arguments[0] in modules:
        sys.argv = [arguments[0], *arguments[1:]]
        runpy.run_module(f"benchmarks.{arguments[0]}", run_name="__main__", alter_sys=True)
        return 0
    if arguments[0] == "all":
        from benchmarks import bench

        return bench.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="+")
    parser.add_argument("--work", type=Path, help="keep LogLLaMA's likelihood models here, and go on with those")
    parser.add_argument("--no-render", action="store_true", help="leave the README as it is")
    asked = parser.parse_args(arguments)
    # A recipe that is marked optional runs by its name only.
    names = [name for name in known if not known[name].get("optional")] if asked.names == ["recipes"] else asked.names
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"a name must be that of a recipe or a measurement, found {unknown[0]!r}: see `python -m benchmarks`")
        return 2
    with tempfile.TemporaryDirectory() as temporary:
        for name in names:
            started = time.process_time(), time.perf_counter()
            run_recipe(name, known[name], asked.work or Path(temporary))
            spent = time.process_time() - started[0], time.perf_counter() - started[1]
            print(f"{name}: {spent[0]:.0f} processor seconds, {spent[1]:.0f} s", flush=True)
    if not asked.no_render:
        runpy.run_module("benchmarks.pages.readme", run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
