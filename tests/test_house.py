"""The walls of the house: which room may import what, read from the syntax tree."""

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
STANDARD = "standard library"

# Room -> what its files may import besides the standard library and their own neighbours by one dot.
# "file.py" entries name what that file alone may import.
ROOMS = {
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
    "hf_datasets/events/templates.py": {"drain3"},
    "hf_datasets/systems/patterns.py": {"regex"},
    "hf_datasets/reading/lines.py": {"zstandard"},
    "trainers/qlora.py": {"peft", "bitsandbytes"},
    "trainers/logllama_stages.py": {"safetensors"},
    "trainers/stage_checkpoint.py": {"safetensors"},
    "trainers/logllm_trainer.py": {"safetensors"},
    "trainers/logllm_recipe.py": {"yaml"},
}


def imports(file: Path) -> list[tuple[str, int]]:
    """Every imported module of a file as (name, dots)."""
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, 0) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", node.level))
    return found


def files(room: str) -> list[Path]:
    found = sorted((REPOSITORY / room).glob("**/*.py"))
    assert found, f"{room} has no files"
    return found


def standard(name: str) -> bool:
    import sys

    return name.split(".")[0] in sys.stdlib_module_names


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_what_they_may(room):
    wrong = []
    for file in files(room):
        allowed = ROOMS[room] | ALONE.get(file.relative_to(REPOSITORY).as_posix(), set())
        depth = len(file.relative_to(REPOSITORY / room).parts)  # a folder of a room may look one up
        for name, dots in imports(file):
            if 1 <= dots <= depth or (dots == 0 and standard(name)):
                continue
            if dots > depth or not any(name == one or name.startswith(one + ".") for one in allowed):
                wrong.append(f"{file.name}: {'.' * dots}{name}")
    assert not wrong, wrong


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


def test_nobody_below_the_street_imports_it():
    for room in (*ROOMS, "src/logllm"):
        for file in files(room):
            assert not [n for n, _ in imports(file) if n.split(".")[0] in ("spaces_demo", "benchmarks", "gradio")], (
                file
            )


def test_the_street_uses_the_package_by_name():
    for room in ("spaces_demo", "benchmarks"):
        for file in sorted((REPOSITORY / room).glob("**/*.py")):
            for name, _ in imports(file):
                assert name.split(".")[0] not in ROOMS, f"{file} imports the room {name} without `logllm.`"


def test_nothing_unpickles():
    for room in (*ROOMS, "src/logllm", "spaces_demo"):
        for file in files(room):
            names = {name.split(".")[0] for name, _ in imports(file)}
            assert not names & {"jsonpickle", "dill", "joblib", "shelve", "marshal"}, file
            tree = ast.parse(file.read_text("utf-8"))
            assert not [name for name, _ in imports(file) if name.startswith("pickle.")], file
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
                assert not called.endswith((".extractall", ".extract", "unpack_archive")), f"{file}: {called}"
                assert given.get("shell") != "True" and called not in ("os.system", "os.popen"), f"{file}: {called}"
                assert given.get("verify") != "False", f"{file}: a certificate that is not looked at"
