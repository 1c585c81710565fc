"""Help texts: every command has an example that parses, every option a sentence; the reference has a place for each name."""

import importlib.util
import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import logllm
from logllm.cli.app import app

ROOT = Path(__file__).resolve().parent.parent


def generate():
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pytest.importorskip("mkdocs", reason="needs mkdocs: pip install logllm[docs]")
COMMANDS = dict(generate().command_tree())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_an_example_that_parses(name):
    examples = re.findall(r"^Example: logllm (.+)$", COMMANDS[name].help, re.MULTILINE)
    assert len(examples) == 1, "one line `Example: logllm ...` in the docstring"
    words = shlex.split(examples[0])
    assert words[: len(name.split())] == name.split()
    assert COMMANDS[name].make_context(name, words[len(name.split()) :]).params


def test_an_example_that_does_not_parse_would_be_noticed():
    with pytest.raises(Exception, match="No such option"):
        COMMANDS["scan"].make_context("scan", ["app.log", "--no-such-option"])


@pytest.mark.parametrize("name", COMMANDS)
def test_options_and_arguments_are_explained_in_sentences(name):
    shown = [one for one in COMMANDS[name].params if not getattr(one, "hidden", False) and one.name != "help"]
    texts = {one.name: getattr(one, "help", None) or "" for one in shown}
    assert {key: text for key, text in texts.items() if not re.match(r"[A-Z-].{10,}\.$", text)} == {}


def test_every_command_and_flag_is_in_the_reference():
    page = generate().commands()
    for name, command in COMMANDS.items():
        section = page.split(f"## logllm {name}\n")[1].split("\n## ")[0]
        flags = {flag for one in command.params for flag in one.opts if flag.startswith("--")} - {"--help"}
        hidden = {flag for one in command.params if getattr(one, "hidden", False) for flag in one.opts}
        assert {flag for flag in flags - hidden if flag not in section} == set()
        assert f"```bash\nlogllm {name}" in section


def test_every_public_name_is_in_the_reference():
    text = "\n".join(file.read_text("utf-8") for file in (ROOT / "docs" / "reference").glob("*.md"))
    shown = set(re.findall(r"^::: [\w.]*?\.?(\w+)$", text, re.MULTILINE))
    assert set(logllm.__all__) - shown == set()


def named(text: str) -> set[str]:
    """What stands in backquotes."""
    return {word for found in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"[\w.]+", found)}


def run(*words: object) -> list[dict]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_every_field_of_a_finding_is_in_the_reference():
    told = named((ROOT / "docs" / "reference" / "schemas.md").read_text("utf-8"))
    logs = ROOT / "examples" / "logs"
    for rows in (run("scan", logs / "app.log", "--json"), run("diff", logs / "good.log", logs / "bad.log", "--json")):
        head, findings = rows[0]["head"], rows[1:]
        assert findings
        assert {key for row in findings for key in row} - told == set()
        assert set(head) - told == set()
        assert {key for row in findings for line in row["lines"] for key in line} - told == set()


def test_every_field_of_an_alert_is_in_the_reference(tmp_path):
    told = named((ROOT / "deploy" / "README.md").read_text("utf-8"))
    log = tmp_path / "app.log"
    lines = (ROOT / "examples" / "logs" / "app.log").read_text("utf-8").splitlines(keepends=True)
    log.write_text("".join(lines[:1300]), "utf-8")
    run("fit", log, "--out", tmp_path / "model", "--with", "events", "--json")
    alerts = run("watch", ROOT / "examples" / "logs" / "app.log", "--model", tmp_path / "model", "--until-end")
    assert alerts and {key for one in alerts for key in one} - told == set()
    assert {key for one in alerts for line in one["lines"] for key in line} - told == set()
