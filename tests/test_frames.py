"""Frames in and out, and the detector's own methods."""

import pandas
import polars
import pytest
from fitted import fitted_folder

from logllm import LogAnomalyDetector
from logllm.errors import LogllmError
from logllm.frames import ADDED, lines_of


@pytest.fixture(scope="module")
def detector():
    return LogAnomalyDetector.from_pretrained(fitted_folder() / "model")


@pytest.fixture(scope="module")
def lines():
    return (fitted_folder() / "hdfs.log").read_text("latin-1").splitlines()[:3000]


@pytest.mark.parametrize("library", [pandas, polars])
def test_a_frame_comes_back_with_a_verdict_for_each_line(detector, lines, library):
    frame = library.DataFrame({"other": list(range(len(lines))), "line": lines})
    found = detector.predict(frame)
    assert type(found) is type(frame)
    assert [*found.columns] == ["other", "line", *ADDED] and len(found) == len(lines)
    plain = detector.predict(lines)
    flagged = {number for verdict in plain if verdict.is_anomalous for number in verdict.line_numbers}
    marked = {i + 1 for i, mark in enumerate(found["is_anomalous"].to_list()) if mark}
    assert marked <= flagged and (marked or not flagged)
    assert all(name is not None for name in found["window_id"].to_list())


def test_lines_of_many_shapes():
    assert lines_of(pandas.DataFrame({"message": ["a", None]})) == ["a", ""]
    assert lines_of(polars.Series(["a", "b"])) == lines_of(iter(["a", "b"])) == ["a", "b"]
    assert lines_of(pandas.DataFrame({"x": ["a"]}), "x") == ["a"]
    with pytest.raises(LogllmError, match="column="):
        lines_of(polars.DataFrame({"x": ["a"]}))


def test_fit_and_watch(lines):
    detector = LogAnomalyDetector.fit(lines, alarms_per_day=50_000, max_steps=5)
    assert detector.system.name == "hdfs" and detector.calibration.idle_seconds
    alerts = list(detector.watch(iter(lines)))
    flagged = [v for v in detector.predict(lines) if v.is_anomalous]
    assert sorted(a["window_id"] for a in alerts) == sorted(v.window_id for v in flagged)
