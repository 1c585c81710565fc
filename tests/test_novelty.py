"""`logllm fit --with both`: LogLLM's log-odds and LogLLaMA's novelty in one checkpoint."""

import json

import pytest

from logllm.checkpoint import CHECKSUMS
from logllm.decision.novelty import NOVELTY_FOLDER, SETTINGS, Novelty, NoveltySettings, text_digest
from logllm.detector import LogAnomalyDetector
from logllm.errors import CheckpointError
from logllm.fitting.labelled import fit_labelled
from logllm.fitting.novelty import set_thresholds
from logllm.hf_datasets import read_lines, read_session_labels
from logllm.hf_datasets.simulation.simulate import simulate
from logllm.watch.start import start_watcher

LINES = 2000
NEW = "kernel panic: the disk controller has caught fire"


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("both")
    simulate("hdfs", LINES, 2, folder, anomaly_share=0.15, progress=False)
    fit_labelled(
        [folder / "hdfs.log"], folder / "anomaly_label.csv", folder / "model", alarms_per_day=20_000, progress=False,
        novelty=True, recipe={"max_samples": 16, "last_epochs": 1},
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def detector(fitted):
    return LogAnomalyDetector.from_pretrained(fitted / "model")


def verdicts(detector, folder, lines=None):
    lines = list(read_lines(folder / "hdfs.log")) if lines is None else lines
    return list(detector.scan(lines, "none", read_session_labels(folder / "anomaly_label.csv")))


def test_one_folder_holds_both_and_scores_as_it_did(fitted, detector):
    assert detector.family == "logllm" and detector.novelty.model.config.model_type == "logllama"
    detector.save_pretrained(fitted / "again")
    again = LogAnomalyDetector.from_pretrained(fitted / "again")
    assert again.novelty.settings == detector.novelty.settings
    assert [v.score for v in verdicts(again, fitted)] == pytest.approx([v.score for v in verdicts(detector, fitted)])
    listed = json.loads((fitted / "model" / CHECKSUMS).read_text())
    assert f"{NOVELTY_FOLDER}/{SETTINGS}" in listed and f"{NOVELTY_FOLDER}/model.safetensors" in listed


def test_the_score_is_that_of_the_detector_further_above_its_own_threshold():
    novelty = Novelty.__new__(Novelty)
    novelty.settings = NoveltySettings(threshold=12.0, supervised_threshold=1.0)
    assert novelty.joined([3.0, -4.0, 0.0], [5.0, 15.0, 12.5]) == [2.0, 3.0, 0.5]


def test_a_message_of_no_known_kind_is_for_novelty_and_not_for_logllm(fitted, detector):
    lines = list(read_lines(fitted / "hdfs.log"))
    contents = [line.split(": ", 1)[1] for line in lines[:5]]
    assert detector.novelty.known([*contents, NEW]) == [True] * 5 + [False]
    assert detector.novelty.readable([*contents, NEW]) == contents and detector.novelty.readable([NEW]) == [NEW]
    usual, odd = detector.scores([contents, [*contents, NEW]], [lines[:5], [*lines[:5], f"FATAL {NEW}"]])
    unseen = detector.novelty.model.config.unseen_score
    # Never seen, and it says FATAL in its header and panic in its text.
    assert odd >= unseen + 4 - detector.novelty.settings.threshold and odd > usual
    assert detector.novelty.new([*contents, NEW])[-1]


def test_kinds_by_text_are_finer_than_templates(detector):
    model, processor = detector.novelty.model, detector.novelty.processor
    lines = [
        "Receiving block blk_1 src: /10.0.0.1:1 dest: /10.0.0.2:2",
        "Receiving block blk_2 src: /10.0.0.1:1 dest: nowhere",
    ]
    by_text = Novelty(model, processor, NoveltySettings(kinds="text", order=False), {text_digest(lines[0])})
    assert by_text.new([lines[0].replace("blk_1", "blk_7"), lines[1], NEW]) == [False, True, True]
    assert by_text.known([*lines, NEW]) == [True, False, False]
    unseen = model.config.unseen_score
    found = by_text.scores([[lines[0]], lines, [*lines, NEW]], [[""], ["", ""], ["", "", ""]], detector.system)
    assert found == [0.0, unseen, unseen + 4.0]  # of known messages alone nothing is new; "panic" is fatal
    by_template = Novelty(model, processor, NoveltySettings(kinds="template", order=False))
    assert by_template.new([lines[0], NEW]) == [False, True]


@pytest.mark.parametrize("order", [True, False])
@pytest.mark.parametrize("kinds", ["template", "text"])
def test_what_was_accepted_is_not_new(fitted, detector, kinds, order):
    known = [line.split(": ", 1)[1] for line in list(read_lines(fitted / "hdfs.log"))[:3]]
    settings = NoveltySettings(kinds=kinds, order=order)
    novelty = Novelty(detector.novelty.model, detector.novelty.processor, settings, map(text_digest, known))
    windows, raw = [[*known, NEW], known, [NEW]], [[""] * 4, [""] * 3, [""]]
    before = novelty.scores(windows, raw, detector.system)
    assert before[0] > before[1] and novelty.new(windows[0]) == [False] * 3 + [True]
    novelty.accept([[NEW]])
    after = novelty.scores(windows, raw, detector.system)
    assert after[0] == pytest.approx(before[1]) == after[1] and after[2] < before[2]
    assert not any(novelty.new(windows[0]))


def test_keys_that_no_normal_window_had_are_new_to_novelty(fitted, detector):
    truth = read_session_labels(fitted / "anomaly_label.csv")
    assert any(truth.values())
    alias = detector.novelty.model.key_alias.tolist()
    trained = [i for i in range(4, len(alias)) if alias[i] == i]
    assert trained and all(alias[i] in (i, 3) for i in range(4, len(alias)))


def test_evidence_says_which_of_the_two_speaks(fitted, detector):
    lines = [line for line in read_lines(fitted / "hdfs.log") if "blk_" in line][:40]
    block = next(word for word in lines[0].split() if word.startswith("blk_"))
    own = [line for line in lines if block in line]
    new = lines[0].split(": ", 1)[0].replace("INFO", "FATAL") + f": {NEW} {block}"
    found = next(v for v in detector.scan([*own, new], "all") if v.window_id == block)
    last = found.evidence[-1]
    assert (
        last.reason.startswith("novelty: a message that no normal training window had")
        and "speaks of a fatal fault" in last.reason
    )
    assert found.score == pytest.approx(
        detector.scores([[line.split(": ", 1)[1] for line in [*own, new]]], [[*own, new]])[0]
    )
    assert len(found.evidence) == len(own) + 1


def test_a_watcher_takes_both(fitted, detector, tmp_path):
    watcher = start_watcher(
        str(fitted / "hdfs.log"), detector, state=tmp_path / "state", alerts=str(tmp_path / "alerts")
    )
    assert watcher.run(until_end=True) == 0 and watcher.number == LINES


def test_thresholds_come_from_labels_or_from_a_rate(fitted, detector):
    model, processor = detector.novelty.model, detector.novelty.processor
    fresh = Novelty(model, processor, NoveltySettings())
    lines = [line.split(": ", 1)[1] for line in list(read_lines(fitted / "hdfs.log"))[:4]]
    windows, raw = [lines] * 6 + [[*lines, NEW]] * 3, [lines] * 6 + [[*lines, NEW]] * 3
    asked = []

    def log_odds(some):
        asked.extend(some)
        return [-1.0] * len(some)

    how = set_thresholds(fresh, windows, raw, [0] * 6 + [1] * 3, log_odds, detector.system, 2.5)
    assert asked == [lines] * 9  # LogLLM does not read the new message
    low, high = sorted(set(fresh.scores(windows, raw, detector.system)))
    assert how.startswith("best F1") and low < fresh.settings.threshold < high
    assert fresh.settings.supervised_threshold == 2.5
    how = set_thresholds(fresh, windows[:7], raw[:7], [0] * 6 + [1], log_odds, detector.system, 2.5)
    assert how.startswith("false-alarm rate 0.01") and fresh.settings.threshold == pytest.approx(low)


def test_a_novelty_part_that_is_not_whole_is_refused(fitted, tmp_path, detector):
    detector.save_pretrained(tmp_path / "cut")
    (tmp_path / "cut" / CHECKSUMS).unlink()
    (tmp_path / "cut" / NOVELTY_FOLDER / SETTINGS).write_text("{}")
    with pytest.raises(CheckpointError, match=r"novelty.json must be what `logllm fit --with both` wrote, found"):
        LogAnomalyDetector.from_pretrained(tmp_path / "cut")
