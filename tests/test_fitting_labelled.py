"""`logllm fit --with logllm --labels F`: a labelled log becomes a LogLLM whose threshold keeps an alarm budget."""

import json

import pytest

from logllm.detector import LogAnomalyDetector
from logllm.errors import LogllmError
from logllm.fitting.labelled import fit_labelled
from logllm.hf_datasets.simulation.simulate import simulate
from logllm.watch.start import start_watcher

LINES = 2000


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    simulate("hdfs", LINES, 2, folder, anomaly_share=0.15, progress=False)
    found = fit_labelled(
        [folder / "hdfs.log"],
        folder / "anomaly_label.csv",
        folder / "model",
        alarms_per_day=20_000,
        progress=False,
        recipe={"max_samples": 16, "last_epochs": 1},
    )
    return folder, found


def test_a_labelled_log_gives_a_calibrated_detector_that_watches(fitted):
    folder, found = fitted
    assert found.system.name == "hdfs" and found.guessed and found.lines == LINES
    assert "expect" in found.in_words() and "held-back windows" in found.in_words()
    detector = LogAnomalyDetector.from_pretrained(folder / "model")
    assert detector.family == "logllm" and detector.threshold == pytest.approx(found.budget.threshold)
    calibration = detector.calibration
    assert calibration.held_windows == found.budget.windows > 5 and calibration.severity_weight == 0
    above = sum(score > detector.threshold for score in calibration.scores) / len(calibration.scores)
    assert above * found.budget.windows_per_period == pytest.approx(found.budget.expected, rel=0.5, abs=20_000)
    assert (folder / "model.dataset").is_dir()
    alerts = folder / "alerts"
    watcher = start_watcher(str(folder / "hdfs.log"), detector, state=folder / "state", alerts=str(alerts))
    watcher.judge.detector.threshold = min(calibration.scores)  # whatever so small a model has learnt
    assert watcher.run(until_end=True) == 0 and watcher.number == LINES
    rows = [json.loads(row) for row in alerts.read_text().splitlines()]
    assert rows and all(row["reason"] and row["id"] for row in rows if row["event"] == "anomaly")


def test_labels_must_be_there(tmp_path):
    simulate("hdfs", 100, 1, tmp_path, progress=False)
    with pytest.raises(LogllmError, match="give --labels"):
        fit_labelled([tmp_path / "hdfs.log"], None, tmp_path / "model", progress=False)
