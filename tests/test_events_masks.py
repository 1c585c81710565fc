"""Masks of events and their templates: parameters, units, what stays a word, and positions that keep their meaning."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest

from logllm.hf_datasets.drain import TemplateMiner
from logllm.hf_datasets.events import TemplateKeys
from logllm.hf_datasets.events.analysis import message_of, without_hashes
from logllm.hf_datasets.events.masks import _FOLD, mask_message, numbers_of, shape_of_message
from logllm.hf_datasets.events.templates import SETTINGS

CASES = [
    ("upgrade libc6:amd64 2.36-9+deb12u9 2.36-9+deb12u10", "upgrade <*> <*> <*>", []),
    ("Unpacking gpg (2.2.40-1.1+deb12u2) over (1:1.2.13.dfsg-1)", "Unpacking gpg (<*>) over (<*>)", []),
    ("rows 10-20 within 1.5-2.5 s", "rows <*>-<*> within <*>-<*>", [10.0, 20.0, 1.5, 2.5]),
    ("P=6.3bar;T=59.2°C;V=234mm/s", "P=<*>;T=<*>;V=<*>", [6.3, 59.2, 234.0]),
    ("GET /api/items/17 200 20ms from 10.0.0.1:80 (1.5GiB)", "GET <*> 200 <*> from <*> (<*>)", [0.02, 1.5 * 1024**3]),
    ("closed after 8079 ms", "closed after <*>", [8.079]),
    ("took 1,234.5 KB in 1m30.5s at 87%", "took <*> in <*> at <*>", [1234.5 * 1024, 90.5, 87.0]),
    ("up 3h2m, 2 days", "up <*>, <*> days", [10920.0, 2.0]),
    ("PT1.5S passed", "<*> passed", []),
    ("exit code 137", "exit code 137", []),
    ("exited with status 1", "exited with status 1", []),
    ("HTTP/1.1 503 Service Unavailable", "HTTP/<*> 503 Service Unavailable", [1.1]),
    ("status=503 took 5s", "status=503 took <*>", [5.0]),
    ("error 1045 (28000): denied", "error 1045 (<*>): denied", [28000.0]),
    ("error: 5 retries", "error: <*> retries", [5.0]),
    ("5 errors, 0 failed", "<*> errors, <*> failed", [5.0, 0.0]),
    ("ORA-00600 and TS2304 and MY-010914", "ORA-00600 and TS2304 and MY-010914", []),
    ("user u97598 on eth0", "user u<*> on eth0", [97598.0]),
    ("id 3e7c9b1a-1111-2222-3333-444455556666 gone", "id <*> gone", []),
    ("commit 023f8a7f30d9 by bob@example.org", "commit <*> by <*>", []),
    ("at 0x7ffc016a2eb0", "at <*>", []),
    ("from fe80::1:2:3 to 2001:db8::ff00:42:8329", "from <*> to <*>", []),
    ("link 24:5a:4c:a2:b1:0b up", "link <*> up", []),
    ("wrote /var/lib/shop/data-17.db", "wrote <*>", []),
    ("open C:\\Users\\bob\\x.txt", "open <*>", []),
    ("see https://example.org/a?b=1 now", "see <*> now", []),
    ("since 2024-05-01 09:07:41,123 and May  1 09:07:41", "since <*> and <*>", []),
    ("temperature -3.5 and 1e-5", "temperature <*> and <*>", [-3.5, 1e-5]),
    ("version v1.2.3-beta", "version <*>", []),
    ("task 4e2755 of 7e12 took 2.5e-3 and 1e+3", "task <*> of <*> took <*> and <*>", [2.5e-3, 1e3]),
    ("blk_-5815145248455404269 of size 67108864", "<*> of size <*>", [67108864.0]),
    ("payment 901d169d", "payment <*>", []),
    ("no parameters here", "no parameters here", []),
    ("größe 12 KB ✓ 3", "größe <*> ✓ <*>", [12 * 1024.0, 3.0]),
    ("", "", []),
]  # fmt: skip


@pytest.mark.parametrize(("message", "masked", "numbers"), CASES)
def test_masks(message, masked, numbers):
    assert mask_message(message) == masked
    assert numbers_of(message, shape_of_message(message)) == pytest.approx(numbers)


@pytest.mark.parametrize("message", ["1.0e9999", "9" * 400 + " PB", "-3e+5000 TB", "1e400", "0.1e-99999"])
def test_a_value_beyond_all_bounds_is_no_value(message):
    assert not any(math.isinf(value) for value in numbers_of(message, shape_of_message(message)))


@pytest.mark.parametrize("message", [one[0] for one in CASES])
def test_digits_do_not_matter_for_the_shape(message):
    other = "".join(random.Random(len(message)).choice("0123456789") if one.isdigit() else one for one in message)
    assert shape_of_message(other) == shape_of_message(message)


@pytest.mark.parametrize("message", [one[0] for one in CASES])
def test_hashes_do_not_matter_either(message):
    folded = message.translate(_FOLD).encode()
    assert message_of(without_hashes(folded)).shape == message_of(folded).shape


def test_masks_are_quick_on_long_lines():
    for text in (
        "a" * 200_000,
        "1" * 200_000,
        "/" * 200_000,
        "a.b@" * 50_000,
        "1:" * 80_000,
        "0x" * 90_000,
        "ab12" * 40_000,
        "- " * 90_000,
    ):
        assert isinstance(mask_message(text), str)


def test_a_line_that_is_mostly_parameters_is_one_template():
    keys = TemplateKeys()
    assert len({keys.add(f"{at} {at * 7} 10.0.0.{at} {at}ms ACCEPT") for at in range(50)}) == 1
    assert keys.add("1 7 10.0.0.1 2ms REJECT") == 1


def test_codes_and_outcomes_stay_apart():
    keys = TemplateKeys()
    messages = [
        "connection to db is now established",
        "connection to db is now refused",
        "call of /a/b gave status 200 in 3ms",
        "call of /a/b gave status 503 in 9ms",
    ]
    assert len({keys.add(one) for one in messages}) == 4
    assert keys.match("call of /x/y gave status 503 in 1s") == 3
    assert keys.match("call of /x/y gave status 504 in 1s") is None


def test_a_code_that_never_repeats_is_a_parameter():
    keys = TemplateKeys()
    positions = [keys.add(f"event id {at} was seen at the door") for at in range(500)]
    assert len(set(positions)) < 80
    assert positions[-1] == positions[-2]


def test_clusters_are_those_of_drain3():
    random_ = random.Random(1)
    words = ["job", "task", "done", "begun", "in", "queue", "of", "host", "alpha", "beta", "gamma"]
    messages = [
        " ".join(random_.choices(words, k=random_.randrange(2, 6))) + f" {random_.randrange(99)}" for _ in range(1500)
    ]
    keys, plain = TemplateKeys(), TemplateMiner(SETTINGS)
    for message in messages:
        keys.add(message)
        plain.add_masked(mask_message(message))
    ours = {tuple(one) for one, _ in keys.to_json()["clusters"]}
    theirs = {tuple(one["text"].split()) for one in plain.table()["templates"]}
    assert ours == theirs


def test_positions_keep_their_meaning():
    keys = TemplateKeys()
    random_ = random.Random(2)
    messages = [
        f"{random_.choice('abcdef')} {random_.choice(('ok', 'failed'))} {random_.randrange(9)} {random_.choice('xyz')}"
        for _ in range(400)
    ]
    before = [keys.add(one) for one in messages]
    again = TemplateKeys.from_json(json.loads(json.dumps(keys.to_json())))
    assert again.texts() == keys.texts()
    assert [again.match(one) for one in messages] == [keys.match(one) for one in messages]
    assert [again.add(one) for one in messages][-50:] == [keys.add(one) for one in messages][-50:]
    assert max(before) < len(keys)


def test_many_at_once_are_the_same_as_one_by_one():
    messages = [f"order {at % 7} {('took', 'cost')[at % 2]} {at}ms" for at in range(300)]
    one, many = TemplateKeys(), TemplateKeys()
    marked = [shape_of_message(text).marked(text) for text in messages]
    table = sorted(set(marked))
    codes = np.array([table.index(text) for text in marked], np.int32)
    assert many.add_marked(codes, table, [""] * len(table)).tolist() == [one.add(text) for text in messages]


def test_similarity_is_that_of_drain3():
    from drain3.drain import Drain

    from logllm.hf_datasets.events.templates import _ExactDrain

    random_ = random.Random(3)
    ours, theirs = _ExactDrain(), Drain()
    for _ in range(3000):
        count = random_.randrange(0, 7)
        one = tuple(random_.choices(["a", "b", "<*>", "c"], k=count))
        two = random_.choices(["a", "b", "<*>", "c"], k=count)
        for include in (False, True):
            assert ours.get_seq_distance(one, two, include) == theirs.get_seq_distance(one, two, include)
