"""The frozen template table decides as drain3 does: the same key for every line, over the shared logs."""

import itertools
import random

import pytest

from logllm.hf_datasets import TemplateMiner, get_system, parse_lines, read_lines
from logllm.modeling_logllm import TemplateMatcher

LOGS = [
    ("hdfs", "hdfs/HDFS_2pct.log"),
    ("hdfs", "hdfs/HDFS_2k.log"),
    ("bgl", "bgl/BGL_thinned.log"),
    ("bgl", "bgl/BGL_2k.log"),
    ("thunderbird", "thunderbird/TB_head.log"),
]


def assert_same(miner: TemplateMiner, messages: list[str]) -> None:
    matcher = TemplateMatcher(miner.table())
    wrong = [m for m in messages if matcher.key(m) != miner.match(m)]
    assert not wrong, wrong[:3]


@pytest.mark.parametrize(("system", "log"), LOGS)
def test_same_keys_as_drain3_on_real_logs(shared_data, system, log):
    row = get_system(system)
    lines = itertools.islice(read_lines(shared_data / log, row.encoding), 20_000)
    messages = [line.content for line in parse_lines(lines, row)]
    miner = TemplateMiner(row.drain)
    half = len(messages) // 2
    for message in messages[:half]:
        miner.add(message)
    keys = {miner.match(message) for message in messages[half:]}
    assert len(keys) > 3
    assert_same(miner, messages)


@pytest.mark.parametrize("depth", [3, 4, 5])
@pytest.mark.parametrize("similarity", [0.3, 0.6])
def test_same_keys_as_drain3_on_odd_messages(depth, similarity):
    """Few words, many combinations: deep trees, wildcards on the way down, full inner nodes."""
    from dataclasses import replace

    settings = replace(get_system("hdfs").drain, depth=depth, similarity=similarity, max_children=3)
    random_words = random.Random(depth)
    words = ["open", "close", "file", "a1", "77", "<*>", "x", "", "node", "<", "0x1f"]
    messages = [" ".join(random_words.choices(words, k=random_words.randrange(6))) for _ in range(3000)]
    miner = TemplateMiner(settings)
    for message in messages[:1500]:
        miner.add(message)
    assert_same(miner, messages)


def test_a_foreign_table_is_refused():
    with pytest.raises(ValueError, match="template table must hold 'drain' and 'templates'"):
        TemplateMatcher({"templates": []})
