"""Which package may import what, read from the syntax trees: layers, cycles, and heavy libraries that commands wait for."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

# Package -> what its files may import besides the standard library and their own neighbours by dots.
# ALONE: what single files may import in addition.
PACKAGES = {
    "modeling_logllm": {"torch", "transformers", "huggingface_hub"},
    "hf_datasets": {"datasets", "polars", "pyarrow", "numpy", "huggingface_hub", "tqdm", "yaml", "requests", "httpx", "orjson"},
    "model_cards": {"huggingface_hub", "jinja2", "yaml"},
    "trainers": {
        "logllm.modeling_logllm", "logllm.model_cards", "torch", "transformers", "trl", "datasets", "tokenizers",
        "accelerate", "numpy", "tqdm", "huggingface_hub",
    },
}  # fmt: skip
ALONE = {
    "hf_datasets/drain.py": {"drain3"},
    "hf_datasets/systems/patterns.py": {"regex"},
    "hf_datasets/events/templates.py": {"drain3"},
    "hf_datasets/reading/lines.py": {"zstandard"},
    "trainers/assemble.py": {"psutil"},
    "trainers/qlora.py": {"peft", "bitsandbytes"},
    "trainers/logllama_stages.py": {"safetensors"},
    "trainers/stage_checkpoint.py": {"safetensors"},
    "trainers/logllm_trainer.py": {"safetensors"},
    "trainers/logllm_recipe.py": {"yaml"},
}
# Folder -> the name that its modules are imported by.
NAMES = {
    "src/logllm": "logllm",
    "hf_datasets": "logllm.hf_datasets",
    "modeling_logllm": "logllm.modeling_logllm",
    "model_cards": "logllm.model_cards",
    "trainers": "logllm.trainers",
    "benchmarks": "benchmarks",
    "spaces_demo": "",  # `python app.py` in its folder: its neighbours by their own names
}


@cache
def imports(file: Path) -> tuple[tuple[str, tuple[str, ...], int], ...]:
    """Every import of a file, wherever it stands, as (module, names, dots)."""
    found: list[tuple[str, tuple[str, ...], int]] = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, (), 0) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", tuple(alias.name for alias in node.names), node.level))
    return tuple(found)


def files(folder: str) -> list[Path]:
    found = sorted(file for file in (REPOSITORY / folder).rglob("*.py") if "use" not in file.parts)
    assert found, f"{folder} has no files"
    return found


def modules() -> dict[str, Path]:
    """Every module of the repository by the name that it is imported by."""
    found = {}
    for folder, name in NAMES.items():
        for file in files(folder):
            parts = file.relative_to(REPOSITORY / folder).with_suffix("").parts
            found[".".join(part for part in (name, *parts) if part not in ("", "__init__"))] = file
    return found


def imported(name: str, file: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of the repository that a module imports."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for module, names, dots in imports(file):
        if dots:
            parts = package.split(".")
            module = ".".join([*parts[: len(parts) - dots + 1], *([module] if module else [])])
        for candidate in [f"{module}.{one}" for one in names] or [module]:
            target = candidate if candidate in known else module
            if target in known and target != name:
                yield target


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other (Tarjan's strongly connected components of two or more)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            group = stack[stack.index(node) :]
            del stack[-len(group) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


def test_the_search_for_cycles_finds_one():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"d", "f"}, "f": {"e"}}
    assert cycles(graph) == [["a", "b", "c"], ["e", "f"]]


def test_no_module_imports_one_that_imports_it():
    """Imports under TYPE_CHECKING and inside functions count."""
    known = modules()
    graph = {name: set(imported(name, file, known)) for name, file in known.items()}
    assert sum(map(len, graph.values())) > 300  # the graph is not empty by mistake
    assert cycles(graph) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_what_they_may(package):
    wrong = []
    for file in files(package):
        place = file.relative_to(REPOSITORY / package)
        allowed = PACKAGES[package] | ALONE.get(file.relative_to(REPOSITORY).as_posix(), set())
        for name, _, dots in imports(file):
            if 1 <= dots <= len(place.parts) or (dots == 0 and name.split(".")[0] in sys.stdlib_module_names):
                continue
            if dots or not any(name == one or name.startswith(one + ".") for one in allowed):
                wrong.append(f"{place}: {'.' * dots}{name}")
    assert not wrong, wrong


def test_few_modules_stand_beside_the_packages():
    assert len(list((REPOSITORY / "src" / "logllm").glob("*.py"))) <= 12


# What these commands must not load: those that only answer or refuse load no library for columns of data either.
HEAVY = ("torch", "transformers", "trl", "gradio", "ray", "matplotlib", "sklearn", "datasets")
COLUMNS = ("polars", "pyarrow")
# One after the other in one process; one that loads something is named, and the process ends there.
IMPORTED = """
import sys
from logllm.__main__ import main
for command, (code, light) in COMMANDS.items():
    sys.argv = ["logllm", *command.split()]
    try:
        main()
    except SystemExit as end:
        assert (end.code or 0) == code, (command, end.code)
    loaded = sorted(set(light) & set(sys.modules))
    assert not loaded, (command, loaded)
"""
LINES = [
    f"081109 2035{n % 60:02} {n} INFO dfs.DataNode: Served block blk_{n % 7} to /10.0.0.{n % 5}" for n in range(60)
]
COMMANDS = {  # what is typed, the exit code, what is not loaded
    "--help": (0, (*HEAVY, *COLUMNS)),
    "--version": (0, (*HEAVY, *COLUMNS)),
    "scan --help": (0, (*HEAVY, *COLUMNS)),
    "simulate hdfs --lines 300 --out out -q": (0, HEAVY),
    "build hdfs --raw a.log --out out -q": (0, HEAVY),
    "build guess --raw a.log --out out -q": (0, HEAVY),
    "build hdfs --raw a.log --out masked --masked -q": (0, HEAVY),
    "build hdfs --raw missing.log --out out": (2, HEAVY),
    "fit missing.log --out out": (2, HEAVY),
    "fit empty.log --out out": (2, HEAVY),
    "scan missing.log": (2, HEAVY),
    "scan a.log": (0, HEAVY),
    "update empty.log --model out": (2, HEAVY),
    "evaluate --model out --system hdfs --raw empty.log": (2, HEAVY),
}


def test_commands_load_no_heavy_library(tmp_path):
    (tmp_path / "a.log").write_text("\n".join(LINES) + "\n")
    (tmp_path / "empty.log").touch()
    script = IMPORTED.replace("COMMANDS", repr(COMMANDS))
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_hub_repository_can_carry_the_modeling_folder():
    """Flat, no `from . import x`, no import inside try or if: what the Hub's loader copies and checks."""
    folder = REPOSITORY / "modeling_logllm"
    assert not [entry for entry in folder.iterdir() if entry.is_dir() and entry.name != "__pycache__"]
    for file in files("modeling_logllm"):
        tree = ast.parse(file.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.module, f"{file.name} has `from . import x`"
            if isinstance(node, ast.Try):
                assert not [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)], file.name


def test_nothing_in_the_wheel_imports_what_is_beside_it():
    for folder in (*PACKAGES, "src/logllm"):
        for file in files(folder):
            assert not [
                n for n, _, _ in imports(file) if n.split(".")[0] in ("spaces_demo", "benchmarks", "gradio")
            ], file


def test_what_is_beside_the_wheel_uses_it_by_name():
    for folder in ("spaces_demo", "benchmarks"):
        for file in sorted((REPOSITORY / folder).glob("**/*.py")):
            for name, _, _ in imports(file):
                assert name.split(".")[0] not in PACKAGES, f"{file} imports {name} without `logllm.`"


def test_nothing_unpickles():
    for folder in (*PACKAGES, "src/logllm", "spaces_demo"):
        for file in files(folder):
            names = {name.split(".")[0] for name, _, _ in imports(file)}
            assert not names & {"jsonpickle", "dill", "joblib", "shelve", "marshal"}, file
            tree = ast.parse(file.read_text("utf-8"))
            assert not [name for name, _, _ in imports(file) if name.startswith("pickle.")], file
            for node in ast.walk(tree):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle":
                    assert node.attr == "PicklingError", f"{file}: pickle.{node.attr}"  # to catch it is no unpickling
                if isinstance(node, ast.ImportFrom) and node.module == "pickle":
                    raise AssertionError(f"{file} imports from pickle")
                if not isinstance(node, ast.Call):
                    continue
                called, given = ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}
                if called == "torch.load":
                    assert given.get("weights_only") == "True", file
                assert called not in ("yaml.load", "yaml.full_load", "yaml.unsafe_load", "eval", "exec"), (
                    f"{file}: {called}"
                )
                if called in ("np.load", "numpy.load", "np.save"):
                    assert given.get("allow_pickle") == "False", f"{file}: {called}"
                assert not called.endswith((".extractall", ".extract", "unpack_archive")) or called.endswith(
                    ".str.extract"
                ), f"{file}: {called}"
                assert given.get("shell") != "True" and called not in ("os.system", "os.popen"), f"{file}: {called}"
                assert given.get("verify") != "False", f"{file}: a certificate that is not looked at"
