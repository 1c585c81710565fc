import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logllm.hf_datasets import SYSTEMS
from logllm.hf_datasets.systems.formats import FORMATS
from logllm.hf_datasets.systems.regex_properties import all_digit_blind, digit_blind, to_rust
from logllm.hf_datasets.systems.rules import DEFAULT_MASKS
from logllm.modeling_logllm import masking

FOLD = str.maketrans("123456789", "000000000")


@pytest.mark.parametrize(
    ("pattern", "blind"),
    [
        (r"\d+", True),
        (r"[0-9a-f]{8}", True),
        (r"[^0-9]+|\D", True),
        (r"\b\w+\W(?=\d)(?!x)(?<=y)(?>a)b*+", True),
        (r"[^/\\\s]", True),
        (r"blk_-?\d+", True),
        (r"0x[0-9a-f]+", False),
        (r"[0-8]", False),
        (r"[^5]", False),
        (r"[^7x]", False),
        (r"(\w)\1", False),
        (r"(a)?(?(1)b|c)", False),
        (r"(?:a|(?:b(?:c2)?))", False),
        (r"(?i:x1)", False),
    ],
)
def test_digit_blind(pattern, blind):
    assert digit_blind(pattern) == blind


def test_everything_of_ours_is_digit_blind():
    assert all_digit_blind(pattern for pattern, _ in DEFAULT_MASKS)
    assert all_digit_blind([masking.PATTERN, masking.ELLIPSIS])
    for row in (*SYSTEMS.values(), *FORMATS):
        assert digit_blind(row.line_pattern) and digit_blind(row.session_pattern or "")


OURS = [masking.PATTERN, masking.ELLIPSIS, *(pattern for pattern, _ in DEFAULT_MASKS)]
WORDS = [
    "blk_-1",
    "10.0.0.1:80",
    "/usr/lib",
    "0x1f",
    "...",
    "five",
    "True",
    "Mon",
    "Jun 1 x",
    "a@b-c",
    "deadbeef",
    "-5",
    "x9",
]
TEXTS = st.lists(st.sampled_from([*WORDS, *map(chr, range(32, 127)), "\t"]), max_size=20).map("".join)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_folding_before_or_after_a_mask_is_the_same(text):
    for pattern in OURS:
        assert re.sub(pattern, "<*>", text).translate(FOLD) == re.sub(pattern, "<*>", text.translate(FOLD))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_rust_matches_what_python_matches(text):
    column = pl.Series([text])
    for pattern in OURS:
        rust = to_rust(pattern)
        assert rust is not None
        assert column.str.replace_all(rust, "<*>")[0] == re.sub(pattern, "<*>", text)


@pytest.mark.parametrize(
    "pattern", [r"(?<!\w)a", r"a(?!b)", r"(a)\1", r"(?>a|ab)c", r"a*+a", r"\w*+\d", r"(?i)a", r"(?s).", r"é", r"x*+"]
)
def test_what_is_not_certain_is_not_given_to_rust(pattern):
    assert to_rust(pattern) is None
