"""LogLLaMA: from windows to a calibrated checkpoint with its curves, thresholds and evidence."""

import json

import pytest
from datasets import Dataset, concatenate_datasets
from tiny_logllama import CLOSE, FAIL, MESSAGES, OPEN, READ, SMALL, WRITE, table

from logllm.errors import LogllmError
from logllm.hf_datasets import get_system
from logllm.trainers.logllama_config import PRESETS
from logllm.training.logllama import draw_curves, filled_in
from logllm.training.train import train_detector

TEXT = dict(zip((OPEN, READ, WRITE, CLOSE, FAIL), MESSAGES))


def rows(normal=60, anomalous=0):
    keys = [[OPEN, *([READ] * (i % 3)), WRITE, CLOSE] for i in range(normal)] + [[OPEN, FAIL]] * anomalous
    return Dataset.from_dict(
        {
            "keys": keys,
            "lines": [[TEXT[key] for key in window] for window in keys],
            "label": [0] * normal + [1] * anomalous,
        }
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "small", SMALL)
        detector = train_detector(
            "logllama", rows(60, 5), rows(20), table(), get_system("hdfs"), "small", out, progress=False
        )
    return detector, out


def test_a_checkpoint_tells_how_it_was_made(trained):
    detector, folder = trained
    record = json.loads((folder / "training.json").read_text())
    assert set(record["thresholds"]) == {"rank", "likelihood", "counts", "likelihood+counts", "likelihood+rank"}
    assert record["thresholds"]["rank"] == detector.model.config.candidates - 1
    assert detector.threshold == record["thresholds"]["likelihood+counts"]
    assert [stage["stage"] for stage in record["stages"]] == ["likelihood", "reinforce"]
    assert not (folder / ".stages").exists()
    curves = json.loads((folder / "curves.json").read_text())
    assert {"likelihood", "reinforce"} == set(curves)
    card = (folder / "README.md").read_text()
    assert "not run" not in card and "entropy bonus" in card
    if record.get("curves"):
        assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG") and "curves.png" in card


def test_anomalous_windows_are_not_learnt_from(trained):
    detector, _ = trained
    vocabulary = detector.processor.tokenizer.get_vocab()
    assert FAIL not in vocabulary and {OPEN, WRITE, CLOSE} <= set(vocabulary)  # it stands in the table, and is unseen
    assert detector.processor.template(FAIL) is not None
    assert detector.model.config.candidates == round(
        0.5 * (len(vocabulary) - 4)
    )  # the paper's K: half of the normal keys
    assert not detector.model.normal_counts[:, detector.processor.tokenizer.unk_token_id].any()
    normal, odd = detector.scores([[TEXT[k] for k in (OPEN, WRITE, CLOSE)], [TEXT[OPEN], TEXT[FAIL]]])
    assert odd > detector.threshold >= normal


def test_counts_of_normal_validation_windows_are_remembered(monkeypatch, tmp_path):
    monkeypatch.setitem(PRESETS, "small", SMALL)
    odd = Dataset.from_dict({"keys": [[OPEN, WRITE, WRITE, CLOSE]], "lines": [[""] * 4], "label": [0]})
    held_back = concatenate_datasets([rows(20), odd])
    detector = train_detector(
        "logllama", rows(60), held_back, table(), get_system("hdfs"), "small", None, progress=False
    )
    ids = detector.processor.ids_of_keys([OPEN, WRITE, WRITE, CLOSE])
    assert detector.model.count_distances([ids])[0] == 0


def test_no_normal_windows_are_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, "small", SMALL)
    for train, validation, said in ((rows(0, 4), rows(3), "to learn from"), (rows(4), rows(0, 4), "threshold")):
        with pytest.raises(LogllmError, match=said):
            train_detector("logllama", train, validation, table(), get_system("hdfs"), "small", progress=False)


def test_curves_are_drawn_where_there_are_any(tmp_path):
    pytest.importorskip("matplotlib")
    history = {"reinforce": [{"step": s, "reward": s / 9, "kl": 0.1 * s} for s in range(9)]}
    assert draw_curves(history, tmp_path / "c.png") and (tmp_path / "c.png").stat().st_size > 1000
    assert not draw_curves({"likelihood": []}, tmp_path / "none.png") and not (tmp_path / "none.png").exists()


def test_what_the_paper_leaves_open_is_named():
    settings = {"reinforce": True, "reinforce_settings": {"objective": "hit"}}
    assert any("'hit'" in text for text in filled_in(True, settings))
    assert any("not run" in text for text in filled_in(False, {"reinforce": False}))


def test_evidence_says_what_was_expected_and_what_is_new(trained):
    from logllm.decision.explain import explain_logllama
    from logllm.hf_datasets import DrainSettings, mine_templates

    detector, _ = trained
    model, processor = detector.model, detector.processor
    new = "a wholly different message of its own kind"
    model.update(processor, mine_templates([new], DrainSettings(masks=()))["templates"])
    lines = [TEXT[OPEN], new, "never heard of", TEXT[CLOSE]]
    found = explain_logllama(model, processor, lines, lines, [1, 2, 3, 4])
    assert [item.line_number for item in found] == [1, 2, 3, 4]
    assert "in no window that the model learnt from" in found[1].reason and found[1].template == new
    assert "training never saw" in found[2].reason and found[2].seen_in_training == 0 and found[2].rank is None
    assert found[0].seen_in_training and found[0].rank == 1 and len(found[0].expected) == 3
    assert found[0].probability == pytest.approx(1, abs=0.9)
