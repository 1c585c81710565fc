"""Spell, the second parser of LogLLaMA's ablation: like messages share a template, a message of other words has none."""

import pytest

from benchmarks.experiments.spell import SpellMiner, common, with_wildcards
from logllm.hf_datasets import get_system


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("a b c", "a x c", ["a", "c"]),
        ("a b", "b a", ["b"]),
        ("a", "b", []),
        ("<*> a", "<*> a", ["a"]),  # a wildcard is no word
    ],
)
def test_the_longest_common_subsequence(one, other, shared):
    assert common(one.split(), other.split()) == shared


def test_what_is_not_shared_becomes_one_wildcard():
    assert with_wildcards("a b c d".split(), ["a", "d"]) == ["a", "<*>", "d"]


def test_like_messages_have_one_key_and_others_none():
    miner = SpellMiner(get_system("hdfs").drain)
    for message in ("open file alpha for reading now", "open file beta for reading now", "close the door"):
        miner.add(message)
    assert miner.match("open file gamma for reading now") == miner.match("open file alpha for reading now") is not None
    assert miner.match("close the door") != miner.match("open file beta for reading now")
    assert miner.match("kernel panic") is None
    assert [row["text"] for row in miner.table()["templates"]] == ["open file <*> for reading now", "close the door"]
    assert {row["key"] for row in miner.table()["templates"]} >= {miner.match("close the door")}
