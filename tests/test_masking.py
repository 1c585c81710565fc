import json
import time

import pytest

from logllm.modeling_logllm.masking import fold_digits, mask_message

TABLE = [
    ("PacketResponder 1 for block blk_38 terminating", "PacketResponder <*> for block <*> terminating"),
    ("10.250.19.102:54106 Served block", "<*> Served block"),
    ("wait........done", "wait.. done"),
    ("True and seven on Monday", "<*> and <*> on <*>"),
    ("root@ln3-pub ok, me@host.org ok", "<*> ok, <*> ok"),
    ("open /var/log/messages failed", "open <*> failed"),
    ("core deadbeef dumped", "core <*> dumped"),
    ("", ""),
]


@pytest.mark.parametrize("message, masked", TABLE)
def test_examples(message, masked):
    assert mask_message(message) == masked
    assert mask_message(fold_digits(message)) == masked


def test_the_published_masking_is_met_on_every_message(shared_data):
    rows = [json.loads(line) for line in (shared_data / "golden" / "logllm_masks.jsonl").open(encoding="utf-8")]
    assert len(rows) > 1400
    wrong = [row for row in rows if mask_message(row["message"]) != row["masked"]]
    assert not wrong


@pytest.mark.parametrize("unit", ["x", "1.", "/a", "a.", "a@", "-", "_", "\\", "f:", "ff:", ". "])
def test_no_message_of_the_greatest_length_takes_long(unit):
    message = (unit * 4096)[:4096]
    started = time.perf_counter()
    mask_message(message)
    assert time.perf_counter() - started < 2
