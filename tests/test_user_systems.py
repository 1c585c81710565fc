import pytest

from logllm.hf_datasets import LogInputError, LogSystem, WindowRule, build, load_windows, parse_lines
from logllm.hf_datasets.systems.user_systems import line_pattern, system_from_dict, system_from_yaml

YAML = """
name: Shop
format: "<Date> <Time> <Level> <Component>: <Content>"
timestamp: {fields: [Date, Time], layout: "%Y-%m-%d %H:%M:%S"}
session: "req-[0-9a-f]+"
window: {kind: fixed, size: 50}
drain: {similarity: 0.5, masks: [["req-[0-9a-f]+", "<*>"]]}
"""


def test_a_system_in_yaml(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(YAML)
    row = system_from_yaml(path)
    assert (row.name, row.label_rule, row.window) == ("shop", "session", WindowRule("fixed", 50))
    assert row.drain.similarity == 0.5 and row.drain.masks == (("req-[0-9a-f]+", "<*>"),)
    assert LogSystem.from_dict(row.to_dict()) == row == system_from_dict(row.to_dict())
    (line,) = parse_lines(["2024-05-01  10:00:00 INFO web.cart: req-1f added 3: items"], row)
    assert line.content == "req-1f added 3: items" and line.session_ids == ("req-1f",)
    assert line.timestamp == 1714557600
    log = tmp_path / "shop.log"
    log.write_text("".join(f"2024-05-01 10:00:{at % 60:02} INFO web: req-{at % 7} step {at}\n" for at in range(600)))
    assert build(row, log, tmp_path / "out", progress=False)["splits"]["train"]["windows"] == 9
    assert load_windows(tmp_path / "out", "shop")["test"][0]["first_timestamp"] == 1714557600


@pytest.mark.parametrize(
    ("format_string", "line", "content"),
    [
        ("<Content>", "all of it", "all of it"),
        ("[<Time>] <Content>", "[10:00 today] hello: x", "hello: x"),
        ("<Date> <Time>,<Ms> - <Content>", "1 2,3 - x", "x"),
        ("<Label> <Content>", "- fine", "fine"),
    ],
)
def test_format_strings(format_string, line, content):
    (found,) = parse_lines([line], system_from_dict({"format": format_string}))
    assert found.parsed and found.content == content
    assert (found.label == "-") == format_string.startswith("<Label>")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": "<Date> <Time>"}, r"must end in <Content>"),
        ({"format": "<A> <A> <Content>"}, "name each field once"),
        ({}, "either `format:` or `pattern:`"),
        ({"format": "<Content>", "sesion": "x"}, "found sesion"),
        ({"pattern": "(?P<content>"}, "found '"),
        ({"pattern": "x"}, r"must have a group"),
        ({"format": "<Content>", "session": "["}, "session must be a regular expression"),
        ({"format": "<Content>", "window": {"kind": "fixed", "size": 0}}, "of a size above 0"),
        ({"format": "<Content>", "window": {"length": 3}}, "known settings"),
        ({"format": "<Content>", "timestamp": {"fields": ["Date"]}}, "without date"),
        ({"format": "<Content>", "labels": "often"}, "line, session or none"),
    ],
)
def test_what_is_wrong_is_said(values, message):
    with pytest.raises(LogInputError, match=message):
        system_from_dict(values)


def test_a_file_that_is_no_yaml(tmp_path):
    path = tmp_path / "x.yaml"
    with pytest.raises(LogInputError, match="found nothing"):
        system_from_yaml(path)
    path.write_text("a: [")
    with pytest.raises(LogInputError, match="must be YAML"):
        system_from_yaml(path)
    path.write_text("- 1")
    with pytest.raises(LogInputError, match="found list"):
        system_from_yaml(path)


def test_line_pattern():
    assert line_pattern("<Time> <Level>: <Content>") == r"^(?P<time>\S+)\s+(?P<level>.*?):\s+(?P<content>.*)$"
