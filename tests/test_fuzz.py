"""Every fuzz target on what hypothesis makes up, on a few hundred seeded mutations, and on whatever once was a finding."""

import pytest
from fuzz import run as fuzzing
from fuzz.cases import CORPUS, LOG, PIECES, cases
from fuzz.targets import TARGETS, run_case
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Lines put together from what logs are made of; bytes of any kind; JSON of any shape.
PARTS = st.sampled_from([*[part.encode() for line in LOG for part in line.split(" ")], *PIECES])
LINES = st.lists(st.lists(PARTS, max_size=8).map(b" ".join), max_size=8).map(b"\n".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["body", "stringValue", "key", "value", "attributes"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
JSON = VALUES.map(lambda value: __import__("json").dumps(value).encode())


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(start=st.binary(min_size=2, max_size=2), data=LINES | st.binary(max_size=300) | JSON)
def test_whatever_the_bytes_are(name, start, data):
    run_case(name, data if name in ("otlp", "systems", "labels", "files") else start + data)


@pytest.mark.parametrize("name", TARGETS)
def test_seeded_mutations(name):
    found = fuzzing.fuzz(120, seed=7, keep=False, only=name)
    assert not found["findings"] and found["cases"] >= 100


@pytest.mark.parametrize("file", sorted(CORPUS.glob("*")), ids=lambda file: file.name)
def test_what_once_was_a_finding(file):
    run_case(file.name.split("-")[0], file.read_bytes())


def test_the_same_seed_gives_the_same_cases():
    assert list(cases("lines", 60, 3)) == list(cases("lines", 60, 3)) != list(cases("lines", 60, 4))


def test_a_crash_and_a_hang_would_be_found(monkeypatch, tmp_path):
    monkeypatch.setattr(fuzzing, "HANG_SECONDS", 0.0)
    monkeypatch.setattr(fuzzing, "CORPUS", tmp_path / "corpus")
    monkeypatch.setitem(TARGETS, "lines", lambda data: 1 / 0)
    found = fuzzing.fuzz(3, seed=0, only="lines", keep=False)
    assert found["crashes"] == found["hangs"] == 3 and "ZeroDivisionError" in found["findings"][0]["what"]
