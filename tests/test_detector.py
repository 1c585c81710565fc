"""The straight path in Python: raw lines in, verdicts with evidence out."""

import pytest

from logllm import LogAnomalyDetector
from logllm.errors import CheckpointError
from logllm.hf_datasets import read_session_labels
from logllm.trainers import detection_metrics


@pytest.fixture(scope="module", params=["logllm", "logllama"])
def detector(request, tiny_checkpoints):
    return LogAnomalyDetector.from_pretrained(tiny_checkpoints / request.param)


@pytest.fixture(scope="module")
def lines(small_dataset):
    return (small_dataset / "hdfs.log").read_text("utf-8").splitlines()


def test_one_verdict_a_window_and_every_line_in_one(detector, lines):
    verdicts = list(detector(lines[:3000]))
    assert {n for v in verdicts for n in v.line_numbers} == set(range(1, 3001))
    assert all(lines[n - 1] == text for v in verdicts for n, text in zip(v.line_numbers, v.lines))
    assert all(v.is_anomalous == (v.score > detector.threshold) for v in verdicts)
    assert all(bool(v.evidence) == v.is_anomalous for v in verdicts)
    assert detector.counts.lines == 3000
    assert detector.counts.flagged == sum(v.is_anomalous for v in verdicts)


def test_it_has_learnt_something(detector, lines, small_dataset):
    labels = read_session_labels(small_dataset / "anomaly_label.csv")
    verdicts = list(detector.scan(lines, explain="none", session_labels=labels))
    found = detection_metrics([v.score for v in verdicts], [v.label for v in verdicts], detector.threshold)
    assert found["auroc"] > 0.8


def test_a_planted_line_is_named(tiny_checkpoints, lines):
    """LogLLaMA points at the message that it never saw."""
    detector = LogAnomalyDetector.from_pretrained(tiny_checkpoints / "logllama")
    block = next(v for v in detector.scan(lines, explain="none") if not v.is_anomalous and len(v.lines) > 8)
    odd = f"081109 203600 99 FATAL dfs.DataNode: disk controller melted under {block.window_id}"
    mixed = [*block.lines[:5], odd, *block.lines[5:]]
    (verdict,) = [v for v in detector(mixed) if v.window_id == block.window_id]
    assert verdict.is_anomalous
    worst = verdict.worst(1)[0]
    assert (worst.line_number, worst.text) == (6, odd)
    assert "never saw" in worst.reason
    assert worst.seen_in_training == 0


def test_evidence_of_logllama_tells_rank_probability_and_what_was_expected(tiny_checkpoints, lines):
    detector = LogAnomalyDetector.from_pretrained(tiny_checkpoints / "logllama")
    flagged = next(v for v in detector(lines) if v.is_anomalous)
    assert len(flagged.evidence) == len(flagged.lines)
    assert any(item.reason for item in flagged.evidence)
    for item in flagged.evidence:
        assert item.rank is None or 1 <= item.rank <= detector.model.config.vocab_size + 1
        assert 0 <= item.probability <= 1
        assert len(item.expected) <= 3


def test_the_end_of_a_session_is_seen(tiny_checkpoints, lines):
    """A session that stops early scores higher than the whole one, and the reason says so."""
    detector = LogAnomalyDetector.from_pretrained(tiny_checkpoints / "logllama")
    whole = next(v for v in detector.scan(lines, explain="none") if not v.is_anomalous and len(v.lines) > 8)
    (cut,) = [v for v in detector.scan(whole.lines[:4], explain="all") if v.window_id == whole.window_id]
    assert cut.score > whole.score
    assert "nothing follows it" in cut.evidence[-1].reason or "missing" in cut.evidence[-1].reason


def test_evidence_of_logllm_is_the_fall_of_the_score(tiny_checkpoints, lines):
    detector = LogAnomalyDetector.from_pretrained(tiny_checkpoints / "logllm")
    window = [
        "Receiving block blk_1 src: /10.0.0.1:5 dest: /10.0.0.2:5",
        "Served block blk_1 to /10.0.0.9",
        "odd words here",
    ]
    whole, *without = detector.scores([window, *([m for j, m in enumerate(window) if j != i] for i in range(3))])
    changes = detector.model.explain(window, detector.processor)
    assert changes == pytest.approx([whole - score for score in without], abs=1e-5)


def test_explain_later_gives_the_same(detector, lines):
    with_evidence = next(v for v in detector.scan(lines, explain="all"))
    without = next(v for v in detector.scan(lines, explain="none"))
    assert not without.evidence
    again = detector.explain(without)
    assert [e.reason for e in again.evidence] == [e.reason for e in with_evidence.evidence]


def test_saved_and_loaded_again(detector, lines, tmp_path):
    detector.save_pretrained(tmp_path)
    again = LogAnomalyDetector.from_pretrained(tmp_path)
    assert again.threshold == detector.threshold
    assert again.system == detector.system
    assert [v.score for v in again(lines[:500])] == pytest.approx([v.score for v in detector(lines[:500])], abs=1e-6)


def test_the_threshold_can_be_overruled(tiny_checkpoints, lines):
    detector = LogAnomalyDetector.from_pretrained(tiny_checkpoints / "logllama", threshold=1e9)
    assert not any(v.is_anomalous for v in detector(lines))


def test_bad_arguments(detector, tmp_path):
    with pytest.raises(ValueError, match="'flagged', 'all' or 'none'"):
        list(detector.scan([], explain="some"))
    with pytest.raises(CheckpointError, match="must hold config"):
        LogAnomalyDetector.from_pretrained(tmp_path)
