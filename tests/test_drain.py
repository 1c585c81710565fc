import json
import random

import numpy as np
import pytest
from drain3.drain import Drain

from logllm.hf_datasets import (
    DrainSettings,
    TemplateMiner,
    get_system,
    mine_templates,
    parse_lines,
    read_lines,
    template_key,
)
from logllm.hf_datasets.drain import MAX_CHARACTERS


def contents(path, name):
    system = get_system(name)
    return [line.content for line in parse_lines(read_lines(path, system.encoding), system) if line.parsed]


def plain_drain(settings):
    return Drain(
        settings.depth, settings.similarity, settings.max_children, extra_delimiters=settings.extra_delimiters
    )


def same_as_drain3(messages, settings):
    """Cluster of every message, templates and sizes: with the memory in front, and by drain3 alone."""
    miner, drain = TemplateMiner(settings), plain_drain(settings)
    assert [miner.add(message) for message in messages] == [
        drain.add_log_message(miner.mask(message))[0].cluster_id for message in messages
    ]
    found = [(row["text"], row["count"]) for row in miner.table()["templates"]]
    assert found == [(cluster.get_template(), cluster.size) for cluster in drain.clusters]
    bulk, codes = TemplateMiner(settings), {}
    found = np.array([codes.setdefault(miner.mask(message), len(codes)) for message in messages], np.int32)
    bulk.add_codes(found, list(codes))
    assert bulk.table() == miner.table()
    for message in messages[:2000]:
        cluster = drain.match(miner.mask(message), "never")
        assert miner.match(message) == (template_key(cluster.get_template()) if cluster else None)
    return miner


def test_key_is_a_hash_of_the_template():
    assert template_key("Received block <*> of size <*>") == "116dd411bd30"
    assert len(template_key("")) == 12


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("Receiving block blk_-38 src: /10.2.0.1:50010 dest: 10.2.0.2", "Receiving block <*> src: <*> dest: <*>"),
        ("Deleting block blk_1 file /mnt/data/current/blk_1", "Deleting block <*> file <*>"),
        ("iar 0x00ab1F dear 00a0f3c4, L3 eth0", "iar <*> dear <*>, L3 eth0"),
        ("took -12.5 ms at 10:11:12, core.862", "took <*> ms at <*>, core.<*>"),
        ("id 550e8400-e29b-41d4-a716-446655440000 mac 00:1A:2b:3c:4d:5e", "id <*> mac <*>"),
        ("decade and/or read/write a-5 (-5)", "decade and/or read/write a-<*> (<*>)"),
    ],
)
def test_default_masks(message, masked):
    assert TemplateMiner(DrainSettings()).mask(message) == masked


def test_identical_to_drain3_on_shuffled_repeats(shared_data):
    draw = random.Random(1)
    for name, file in (
        ("hdfs", "hdfs/HDFS_2k.log"),
        ("bgl", "bgl/BGL_2k.log"),
        ("thunderbird", "thunderbird/TB_head.log"),
    ):
        messages = contents(shared_data / file, name)[:1500]
        messages += draw.choices(messages, k=1500)
        for similarity, depth, masks in ((0.4, 4, True), (0.5, 3, False), (0.7, 5, True)):
            settings = DrainSettings(similarity, depth, **({} if masks else {"masks": ()}))
            same_as_drain3(messages, settings)


def test_identical_to_drain3_on_odd_messages():
    draw = random.Random(2)
    words = ["a", "b", "c", "<*>", "1", "x9", "", " ", "\t", "\x1c", "\xa0", "é"]
    messages = [" ".join(draw.choices(words, k=draw.randrange(6))) for _ in range(5000)]
    same_as_drain3(messages, DrainSettings(max_children=4, extra_delimiters=("b",)))


def test_templates_of_hdfs_and_bgl(shared_data):
    messages = contents(shared_data / "hdfs/HDFS_2pct.log", "hdfs")
    miner = TemplateMiner(get_system("hdfs").drain)
    for message in messages:
        miner.add(message)
    assert len(miner.table()["templates"]) == 19  # 19 of the 29 known templates occur in this file
    assert miner.calls < 100
    assert all(miner.match(message) for message in messages)
    bgl = mine_templates(contents(shared_data / "bgl/BGL_thinned.log", "bgl"), get_system("bgl").drain)
    assert 100 < len(bgl["templates"]) < 300


def test_the_table_is_json_and_its_paths_lead_to_the_templates():
    messages = ["", "one", "two words", "two 2words", "two <*>", "a b c", "a b d", "x b c"]
    table = mine_templates(messages, DrainSettings())
    assert json.loads(json.dumps(table)) == table
    assert table["version"] == 1 and table["drain"]["parameter"] == "<*>"
    paths = {row["text"]: row["path"] for row in table["templates"]}
    assert paths[""] == ["0"] and paths["one"] == ["1"] and paths["a b <*>"] == ["3", "a"]
    for row in table["templates"]:
        assert row["key"] == template_key(row["text"]) and row["path"][0] == str(len(row["text"].split()))


def test_long_messages_are_cut():
    table = mine_templates(["x" * (MAX_CHARACTERS + 100)], DrainSettings())
    assert len(table["templates"][0]["text"]) == MAX_CHARACTERS
