"""Suppressions: a journal of who and when; a window is quiet only when all its guilty lines are."""

import time

import pytest

from logllm.errors import LogllmError
from logllm.hf_datasets import template_key
from logllm.suppressions import Suppressions, list_as_text, parse_duration
from logllm.verdict import Evidence, Verdict

FINE, BAD = "disk <*> is slow", "disk <*> is gone"


def verdict(*templates):
    lines = tuple(f"line {i}" for i in range(len(templates)))
    evidence = tuple(Evidence(i, line, 9.0, "odd", template=t) for i, (line, t) in enumerate(zip(lines, templates)))
    return Verdict("w", 9.0, 1.0, True, lines, tuple(range(len(templates))), evidence)


def test_text_and_key_name_the_same_template_and_one_never_hides_another(tmp_path):
    found = Suppressions(tmp_path / "list.jsonl")
    assert not found.covers(verdict(FINE))
    entry = found.add(FINE, by="ann", note="known")
    assert entry.key == template_key(FINE) and entry.by == "ann"
    assert found.covers(verdict(FINE)) and found.covers(verdict(FINE, FINE))
    assert not found.covers(verdict(FINE, BAD))
    found.add(template_key(BAD))
    assert found.covers(verdict(FINE, BAD))


def test_an_entry_ends_by_itself_or_is_removed_and_a_second_reader_sees_it(tmp_path):
    path = tmp_path / "list.jsonl"
    writer, reader = Suppressions(path), Suppressions(path)
    writer.add(FINE, seconds=60)
    assert reader.holds(template_key(FINE))
    assert not reader.holds(template_key(FINE), now=time.time() + 61)
    writer.remove(FINE)
    assert not reader.holds(template_key(FINE))
    assert len(path.read_text().splitlines()) == 2  # nothing is rewritten
    with pytest.raises(LogllmError, match="found no"):
        writer.remove(FINE)


def test_a_torn_line_does_not_hurt_and_is_not_written_onto(tmp_path):
    path = tmp_path / "list.jsonl"
    path.write_text('{"key": "torn')
    found = Suppressions(path)
    found.add(FINE)
    assert [entry.template for entry in found.entries()] == [FINE]
    assert FINE in list_as_text(found)


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "0d", "7 parsecs"])
def test_durations_that_are_none(text):
    with pytest.raises(LogllmError, match="duration"):
        parse_duration(text)
