"""A memory by folded digits answers as the function that it remembers, for exact masks and for others."""

from hypothesis import given
from hypothesis import strategies as st

from logllm.hf_datasets.digit_folding import DigitFolding, fold, fold_bytes
from logllm.hf_datasets.drain import TemplateMiner
from logllm.hf_datasets.systems.rules import DrainSettings

MESSAGES = st.text(st.sampled_from("ab 0179-./é_"), max_size=20)


@given(st.lists(MESSAGES, max_size=12))
def test_the_answers_are_those_of_the_function(messages):
    for settings in (DrainSettings(), DrainSettings(masks=((r"[1-4]+", "<*>"),)), DrainSettings(masks=())):
        miner = TemplateMiner(settings)
        remembered = DigitFolding(miner.mask, settings.masks, size=4)
        assert [remembered(one) for one in messages] == [miner.mask(one) for one in messages]


def test_messages_that_differ_in_digits_are_asked_about_once():
    asked = []
    remembered = DigitFolding(lambda text: asked.append(text), ((r"\d+", "<*>"),))
    for number in range(100, 200):
        remembered(f"took {number} ms")
    assert asked == ["took 000 ms"]


def test_folding():
    assert fold("blk_17") == b"blk_00" and fold("é1") == "é0" and fold_bytes(b"a19\xff") == b"a00\xff"
