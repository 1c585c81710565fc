"""Verdicts are plain values: they go to strict JSON and back to the same numbers."""

import json
from dataclasses import FrozenInstanceError

import pytest

from logllm.verdict import Evidence, Verdict


def make_verdict(**changes):
    values = {
        "window_id": "blk_-7",
        "score": 4.5,
        "threshold": 3.0,
        "is_anomalous": True,
        "lines": ("first", "second", "third"),
        "line_numbers": (3, 8, 9),
        "evidence": (
            Evidence(3, "first", 0.5),
            Evidence(9, "third", 4.5, "never here", "third", 7, 0.01, ("second", "end"), 0),
        ),
    }
    return Verdict(**(values | changes))


def test_to_dict_holds_every_line_in_order():
    found = make_verdict(label=1, first_timestamp=10.0, last_timestamp=12.5).to_dict()
    assert {name: found[name] for name in ("window_id", "score", "threshold", "is_anomalous", "label")} == {
        "window_id": "blk_-7",
        "score": 4.5,
        "threshold": 3.0,
        "is_anomalous": True,
        "label": 1,
    }
    assert [line["number"] for line in found["lines"]] == [3, 8, 9]
    assert found["lines"][1] == {"number": 8, "text": "second", "score": None, "reason": ""}
    assert found["lines"][2] == {
        "number": 9,
        "text": "third",
        "score": 4.5,
        "reason": "never here",
        "template": "third",
        "rank": 7,
        "probability": 0.01,
        "expected": ["second", "end"],
        "seen_in_training": 0,
    }


def test_a_line_with_two_pieces_of_evidence_appears_twice():
    found = make_verdict(evidence=(Evidence(9, "third", 1.0), Evidence(9, "third", 6.0, "ends too early")))
    assert [(line["number"], line["score"]) for line in found.to_dict()["lines"]] == [
        (3, None),
        (8, None),
        (9, 1.0),
        (9, 6.0),
    ]


@pytest.mark.parametrize("odd", [float("inf"), float("-inf"), float("nan")])
def test_to_dict_is_strict_json(odd):
    verdict = make_verdict(threshold=odd, evidence=(Evidence(3, "first", odd),))
    text = json.dumps(verdict.to_dict(), allow_nan=False)
    assert json.loads(text)["threshold"] is None
    assert json.loads(text)["lines"][0]["score"] is None


def test_worst_orders_by_score_then_line():
    evidence = tuple(Evidence(number, "x", score) for number, score in [(3, 1.0), (8, 5.0), (9, 5.0)])
    verdict = make_verdict(evidence=evidence)
    assert [item.line_number for item in verdict.worst(2)] == [8, 9]
    assert [item.line_number for item in verdict.worst()] == [8, 9, 3]
    assert make_verdict(evidence=()).worst() == ()


def test_verdicts_are_frozen():
    with pytest.raises(FrozenInstanceError):
        make_verdict().score = 0.0


def test_lines_and_numbers_must_agree():
    with pytest.raises(ValueError, match="one line number a line"):
        make_verdict(line_numbers=(3, 8))
    with pytest.raises(ValueError, match="must name lines of its window"):
        make_verdict(evidence=(Evidence(4, "elsewhere", 1.0),))
