"""Patterns of others have a time limit; our own need none: no text makes them slow."""

import dataclasses
import time

import pytest

from logllm.hf_datasets import SYSTEMS, LogInputError, TemplateMiner, build, parse_lines
from logllm.hf_datasets.systems import patterns
from logllm.hf_datasets.systems.formats import FORMATS
from logllm.hf_datasets.systems.patterns import LimitedPattern, compiled
from logllm.hf_datasets.systems.rules import DEFAULT_MASKS, DrainSettings, LogSystem
from logllm.hf_datasets.systems.user_systems import checked_row, line_pattern, system_from_dict, system_from_yaml

SLOW = [
    (r"^(?P<content>(.*?,){25}P)", "1," * 200),
    (line_pattern("<A>:<B>:<C>:<D>:<E>:<Content>") + "!", ":" * 3000),
]


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(patterns, "SECONDS", 0.1)


@pytest.mark.parametrize("pattern, line", SLOW)
def test_a_pattern_that_backtracks_is_stopped_and_refused(soon, tmp_path, pattern, line):
    row = system_from_dict({"pattern": pattern})
    started = time.process_time()
    with pytest.raises(LogInputError, match=r"must decide about a text within.*write it without"):
        list(parse_lines([line], row))
    assert time.process_time() - started < 5
    (tmp_path / "my.log").write_text(f"{line}\n" * 20)
    with pytest.raises(LogInputError, match="must decide"):
        build(row, tmp_path / "my.log", tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_a_session_pattern_and_a_mask_too(soon):
    row = system_from_dict({"format": "<Level> <Content>", "session": SLOW[0][0]})
    with pytest.raises(LogInputError, match="must decide"):
        list(parse_lines(["INFO " + SLOW[0][1]], row))
    with pytest.raises(LogInputError, match="must decide"):
        TemplateMiner(DrainSettings(masks=((SLOW[0][0], "x"),))).add(SLOW[0][1])


def test_masks_in_a_checkpoint_too(soon):
    from logllm.modeling_logllm.processing_logllama import TemplateMatcher

    table = {"drain": {"masks": [[SLOW[0][0], "x"]], "extra_delimiters": [], "depth": 4}, "templates": []}
    with pytest.raises(LogInputError, match="must decide"):
        TemplateMatcher(table, engine=compiled).key(SLOW[0][1])


@pytest.mark.parametrize(
    "values, message",
    [
        ({"pattern": "(?P<content>" + "a" * 20_000 + ")"}, "at most 10,000 characters"),
        ({"pattern": "(?P<content>a{1,99999999999})"}, "regular expression|must be"),
        ({"format": "<Content>", "drain": {"masks": [["(", "x"]]}}, "a mask must be a regular expression"),
        ({"line_pattern": "(", "name": "x"}, "as `LogSystem.to_dict` writes it"),
    ],
)
def test_what_is_no_pattern_is_refused(values, message):
    with pytest.raises(LogInputError, match=message):
        system_from_dict(values)


def test_a_row_of_a_checkpoint_is_checked():
    row = LogSystem("mine", "Mine").to_dict()
    assert checked_row(row) == LogSystem("mine", "Mine")
    for wrong in (
        {**row, "line_pattern": "(?P<content>"},
        {**row, "line_pattern": ".*"},
        {**row, "window": 3},
        {**row, "drain": {**row["drain"], "masks": [["(", "x"]]}},
        {"name": "x"},
    ):
        with pytest.raises(LogInputError, match="must"):
            checked_row(wrong)


def test_a_pattern_too_large_for_the_fast_engine_takes_the_other(tmp_path):
    (tmp_path / "my.log").write_text("".join(f"line {n} {n * 7}\n" for n in range(3000)))
    row = dataclasses.replace(
        LogSystem("mine", "Mine"), line_pattern=r"^(?P<a>\w{1,900}(?: \w{1,900}){0,900}?) (?P<content>.*)$"
    )
    assert build(row, tmp_path / "my.log", tmp_path / "out", progress=False)["lines"]["parsed"] == 3000


def test_both_engines_find_the_same():
    lines = ["081109 203615 148 INFO dfs.DataNode$PacketResponder: Packet 1 for blk_-38 ends", "x", "", "a b: c  d"]
    for row in (*SYSTEMS.values(), *FORMATS):
        for pattern in {row.line_pattern, row.signature or ".", row.session_pattern or "."}:
            ours, theirs = compiled(pattern), LimitedPattern(pattern)
            for line in lines:
                one, two = ours.match(line), theirs.match(line)
                assert (one and one.groupdict()) == (two and two.groupdict())
                assert [m.span() for m in ours.finditer(line)] == [m.span() for m in theirs.finditer(line)]


@pytest.mark.parametrize(
    "unit", ["a:", "aa:", "1.", "1a.", "/a", "-", "[", "] [", ": ", " ", "a b ", "0x", "a1b2c3d4-", '{"', "\\"]
)
def test_no_text_makes_our_own_patterns_slow(unit):
    long, message = (unit * 50_000)[:50_000] + "!", (unit * 16_384)[:16_383] + "!"
    for row in (*SYSTEMS.values(), *FORMATS):
        for pattern in {row.line_pattern, row.signature or ".", row.session_pattern or "."}:
            started = time.process_time()
            compiled(pattern).match(long)
            assert time.process_time() - started < 1, pattern
    for pattern, replacement in DEFAULT_MASKS:
        started = time.process_time()
        compiled(pattern).sub(replacement, message)
        assert time.process_time() - started < 1, pattern


@pytest.mark.parametrize(
    "text",
    [
        "[" * 3000, "a: " + "- " * 3000 + "x", "format: '<Content>'\nname: " + "x" * 200_000, "{a: &x [1], b: *x}",
        "format: '<Time> <Content>'\ntimestamp: {fields: [Time], layout: '%Y-%Y'}", "\x00", "!!python/object:os.system []",
    ],
)  # fmt: skip
def test_a_hostile_system_file_is_refused(tmp_path, text):
    (tmp_path / "mine.yaml").write_text(text)
    started = time.process_time()
    with pytest.raises(LogInputError, match="must"):
        system_from_yaml(tmp_path / "mine.yaml")
    assert time.process_time() - started < 1
