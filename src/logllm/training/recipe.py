"""The recipe of a published experiment: found, read, checked, and cut down to some rows and seeds.

A recipe is one YAML file: where the log is and how it is divided, rows of settings, seeds, and what the paper prints. The
recipes of this repository are named without a path (`logllm reproduce logllm_paper_bgl`); a wheel carries them too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from logllm.errors import LogllmError

KEYS = {
    "name": "of the result file",
    "title": "one line",
    "data": "raw, labels and the arguments of `logllm build`",
    "seeds": "list of numbers",
    "rows": "name -> settings of training",
    "paper": "row -> what the paper prints (precision, recall, f1)",
    "note": "why the two may differ",
    "optional": "true: run by its name only, not with all recipes",
}
FAMILIES = ("logllm", "logllama")
# Settings of a row that are not a `LogLLMRecipe`'s.
OF_A_ROW = ("family", "preprocessing", "hold_out")
OF_LOGLLAMA = ("family", "preset", "reinforce", "objective", "false_alarm_rate", "max_steps")
PREPROCESSING = ("regular expressions", "raw", "template", "template id")
# Settings of `data` that are not arguments of `logllm build`.
OF_THE_DATA = ("system", "raw", "published")
OTHER_RUNNERS = "python -m benchmarks.experiments.run"


def recipe_folders() -> list[Path]:
    """Where recipes are looked for by name: in the installed package, and in the checkout that it belongs to."""
    package = Path(__file__).resolve().parents[1]
    return [package / "recipes", package.parents[1] / "benchmarks" / "recipes"]


def find_recipe(file: str | Path) -> Path:
    """Find a recipe by its path, or by its name among those that come with the package.

    Raises:
        LogllmError: there is none; the error lists the names there are.
    """
    path = Path(file)
    if path.is_file():
        return path
    name = path.name if path.suffix in (".yaml", ".yml") else f"{path.name}.yaml"
    for folder in recipe_folders():
        if (folder / name).is_file():
            return folder / name
    known = sorted({one.stem for folder in recipe_folders() for one in folder.glob("*.yaml")})
    near = get_close_matches(path.stem, known, n=4, cutoff=0.3) or known
    there = f"the names there are: {', '.join(near)}" if known else "this installation carries no recipes"
    raise LogllmError(f"a recipe must be a YAML file or the name of one, found none at {path}: {there}")


def read_recipe(file: str | Path) -> dict[str, Any]:
    """Read and check a recipe.

    Raises:
        LogllmError: no mapping, an unknown key, a missing key, seeds twice, or settings of a row that training refuses.
    """
    path = find_recipe(file)
    try:
        recipe = yaml.safe_load(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise LogllmError(
            f"a recipe must be YAML, found {path} which is not: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(recipe, dict):
        raise LogllmError(f"a recipe must be one mapping, found {type(recipe).__name__} in {path}")
    if "runner" in recipe:
        raise LogllmError(
            f"a recipe of `logllm reproduce` must have rows and no runner, found runner: {recipe['runner']} in {path}: "
            f"run it by `{OTHER_RUNNERS}` in a checkout"
        )
    for key in recipe:
        if key not in KEYS:
            near = get_close_matches(str(key), KEYS, n=2, cutoff=0.4) or sorted(KEYS)
            raise LogllmError(
                f"a recipe's key must be one of its parts, found {key!r}: did you mean {' or '.join(near)}?"
            )
    missing = [key for key in ("name", "title", "data", "seeds", "rows") if key not in recipe]
    if missing:
        raise LogllmError(f"a recipe must have {', '.join(missing)}, found none in {path}")
    check_seeds(recipe["seeds"], f"seeds of {path.name}")
    if not isinstance(recipe["rows"], dict) or not recipe["rows"]:
        raise LogllmError(f"rows must be a mapping of names to settings, found {recipe['rows']!r} in {path}")
    if not isinstance(recipe["data"], dict) or not {"system", "raw"} <= set(recipe["data"]):
        raise LogllmError(f"data must name a system and a raw log, found {recipe['data']!r} in {path}")
    for name, row in recipe["rows"].items():
        _check_row(str(name), row, path)
    for name in recipe.get("paper") or {}:
        if name not in recipe["rows"]:
            raise LogllmError(f"paper must name rows of the recipe, found {name!r} in {path}: rename one of the two")
    return recipe


def check_seeds(seeds: Any, what: str = "seeds") -> list[int]:
    """Return seeds as a list.

    Raises:
        LogllmError: no list of whole numbers, or one of them twice.
    """
    if not isinstance(seeds, Sequence) or isinstance(seeds, str) or not seeds:
        raise LogllmError(f"{what} must be a list of whole numbers, found {seeds!r}: such as [0, 1, 2]")
    for seed in seeds:
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            raise LogllmError(f"{what} must be whole numbers from 0, found {seed!r}: such as [0, 1, 2]")
    twice = sorted({seed for seed in seeds if list(seeds).count(seed) > 1})
    if twice:
        raise LogllmError(f"{what} must name each seed once, found {twice[0]} twice: take one of them out")
    return list(seeds)


def _check_row(name: str, row: Any, path: Path) -> None:
    from logllm.trainers import LogLLMRecipe

    if not isinstance(row, dict):
        raise LogllmError(f"row {name!r} of {path.name} must be a mapping of settings, found {row!r}")
    family = row.get("family", "logllm")
    if family not in FAMILIES:
        raise LogllmError(
            f"the family of row {name!r} must be one of {', '.join(FAMILIES)}, found {family!r} in {path.name}: baselines are "
            "run by `python -m benchmarks.comparison.run` in a checkout"
        )
    if family == "logllama":
        foreign = sorted(set(row) - set(OF_LOGLLAMA))
        if foreign:
            raise LogllmError(
                f"row {name!r} of {path.name} must have settings of logllama ({', '.join(OF_LOGLLAMA)}), found {foreign[0]!r}: "
                "take it out, or make the row one of logllm"
            )
        return
    if row.get("preprocessing", PREPROCESSING[0]) not in PREPROCESSING:
        raise LogllmError(
            f"preprocessing must be one of {', '.join(PREPROCESSING)}, found {row['preprocessing']!r} in row {name!r}"
        )
    if not isinstance(row.get("hold_out", True), bool):
        raise LogllmError(f"hold_out must be true or false, found {row['hold_out']!r} in row {name!r}")
    try:
        LogLLMRecipe.of(training_settings(row))
    except ValueError as error:
        raise LogllmError(f"row {name!r} of {path.name}: {error}") from error


def training_settings(row: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a LogLLM row that are a `LogLLMRecipe`'s."""
    settings = {key: value for key, value in row.items() if key not in OF_A_ROW}
    how = row.get("preprocessing", PREPROCESSING[0])
    if how != PREPROCESSING[0]:
        settings["mask"] = False
    if how == "template id":
        settings["encoder_kind"] = "embedding"  # an embedding layer in BERT's place (paper, section IV-D)
    return settings


def chosen_rows(recipe: Mapping[str, Any], words: Sequence[str] | None) -> list[str]:
    """The names of rows that hold one of some words, in the order of the recipe; all without words.

    >>> chosen_rows({"rows": {"as the paper says": {}, "raw": {}}}, ["paper"])
    ['as the paper says']
    """
    rows = [str(name) for name in recipe["rows"]]
    if not words:
        return rows
    for word in words:
        if not any(word.lower() in name.lower() for name in rows):
            raise LogllmError(f"rows must name rows of the recipe, found {word!r}: there are {'; '.join(rows)}")
    exact = {name for name in rows if name in words}
    part_of = [word.lower() for word in words if word not in exact]
    return [name for name in rows if name in exact or any(word in name.lower() for word in part_of)]


def chosen_seeds(recipe: Mapping[str, Any], seeds: Sequence[int] | None) -> list[int]:
    """Of the recipe's seeds those that were asked for; all by default."""
    if seeds is None:
        return list(recipe["seeds"])
    wanted = check_seeds(seeds)
    foreign = [seed for seed in wanted if seed not in recipe["seeds"]]
    if foreign:
        raise LogllmError(
            f"seeds must be among the recipe's ({', '.join(map(str, recipe['seeds']))}), found {foreign[0]}: add it to the recipe"
        )
    return [seed for seed in recipe["seeds"] if seed in wanted]
