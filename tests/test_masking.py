"""LogLLM's masking against the published preparation, and the identity that makes it fast."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logllm.modeling_logllm.masking import ELLIPSIS, PATTERN, RULES, _mask_folded, fold_digits, mask_message


def test_every_golden_pair(shared_data):
    lines = (shared_data / "golden" / "logllm_masks.jsonl").read_text("utf-8").splitlines()
    pairs = [json.loads(line) for line in lines]
    assert len(pairs) == 1464
    wrong = [(p["message"], p["masked"], mask_message(p["message"])) for p in pairs if mask_message(p["message"]) != p["masked"]]
    assert not wrong, wrong[:5]


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("PacketResponder 1 for block blk_-12 terminating", "PacketResponder <*> for block <*> terminating"),
        ("10.251.73.220:50010:Transmitted", "<*>:Transmitted"),
        ("open /var/log/a.log: failed", "open <*> failed"),
        ("Jun 12 kernel", "<*>kernel"),
        ("It is True that two files", "It is <*> that <*> files"),
        ("wait.....done", "wait.. done"),
        ("root@node1-x logged in", "<*> logged in"),
        ("deadbeef and cafebabe12", "<*> and <*>"),
        ("nothing to see", "nothing to see"),
        ("", ""),
    ],
)
def test_examples(message, masked):
    assert mask_message(message) == masked


@given(st.text(alphabet=st.sampled_from("ab19.:-_/ @TrueFalse0twJn[]\\\t"), max_size=60))
def test_digits_may_be_folded_first(text):
    """No pattern tells one digit from another, so folding changes nothing: checked against the unfolded patterns."""
    import re

    plain = re.sub(PATTERN, "<*>", re.sub(ELLIPSIS, ".. ", text))
    assert mask_message(text) == plain == _mask_folded(fold_digits(text))


def test_rules_are_data():
    assert all(name and pattern for name, pattern in RULES)
