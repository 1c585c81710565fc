"""`logllm ok` and `logllm update`: what is meant is looked up, and what an update changes is said."""

import json

import pytest
from typer.testing import CliRunner

from logllm.cli.app import app
from logllm.decision.template_names import name_template
from logllm.errors import LogllmError
from logllm.fitting.own_log import fit_own_log
from logllm.fitting.update_own_log import update_own_log
from logllm.fitting.versions import go_back
from logllm.hf_datasets import template_key
from logllm.signals.baseline import Baseline
from logllm.suppressions import FILE_NAME, Suppressions

KNOWN = "payment of customer <*> booked"


def write(path, extra=(), count=600, day=1):
    rows = []
    for at in range(count):
        time = f"2026-01-{day:02d}T{at // 60:02d}:{at % 60:02d}:00Z"
        rows.append(f"{time} INFO {'payment of customer ' + str(at) + ' booked' if at % 2 else 'cache is warm'}")
        rows += [f"{time} {line}" for line in extra if at in (100, 300, 500)]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def model(tmp_path):
    fit_own_log([write(tmp_path / "good.log")], tmp_path / "model", progress=False, alarms_per_day=2)
    return tmp_path / "model"


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.mark.parametrize("name", [KNOWN, template_key(KNOWN), "payment of customer 4711 booked"])
def test_a_key_a_text_and_a_message_mean_the_same_template(model, name):
    assert name_template(name, model).key == template_key(KNOWN)
    answer = run("ok", name, "--model", model)
    assert answer.exit_code == 0 and KNOWN in answer.stdout
    assert Suppressions(model / FILE_NAME).is_fine(KNOWN)


@pytest.mark.parametrize("name", ["123", "TEMPLATE_KEY", "abcdefabcdef", "paiment of customer booked"])
def test_what_the_model_does_not_know_is_refused_and_the_nearest_are_offered(model, name):
    with pytest.raises(LogllmError, match="must be one that"):
        name_template(name, model)
    assert not (model / FILE_NAME).exists()


def test_a_near_text_is_offered(model):
    with pytest.raises(LogllmError, match=template_key(KNOWN)):
        name_template("payments of customers are booked", model)


def test_a_model_that_is_none_is_refused(tmp_path):
    with pytest.raises(LogllmError, match="found none"):
        name_template("123", tmp_path / "nomodel")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LogllmError, match="no templates"):
        name_template("123", tmp_path / "empty")


def test_without_a_model_the_shape_is_looked_at_and_the_list_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LogllmError, match="12 hex digits"):
        name_template("TEMPLATE_KEY")
    answer = run("ok", "disk 7 is slow")
    assert answer.exit_code == 0 and "started in this folder" in answer.stderr
    assert Suppressions(FILE_NAME).is_fine("WARN disk <*> is slow", "disk 9 is slow")


def test_an_alert_is_named_by_its_id_its_finding_or_its_key(tmp_path):
    row = {"id": "a" * 16, "finding": "b" * 16, "template_key": "c" * 12, "key": "ERROR disk <*> gone", "lines": []}
    file = tmp_path / "alerts.jsonl"
    file.write_text("torn\n" + json.dumps(row) + "\n")
    for name in ("aaaa", "b" * 16, "c" * 12):
        found = name_template(name, None, file)
        assert (found.key, found.text) == ("c" * 12, "ERROR disk <*> gone")
        assert template_key("disk <*> gone") in found.also
    with pytest.raises(LogllmError, match="found no dddd"):
        name_template("dddd", None, file)
    with pytest.raises(LogllmError, match="must be readable"):
        name_template("dddd", None, tmp_path / "none")


def test_an_entry_of_the_first_version_is_read(tmp_path):
    path = tmp_path / FILE_NAME
    path.write_text(json.dumps({"key": template_key(KNOWN), "template": KNOWN, "added": 0.0, "by": "ann"}) + "\n")
    assert Suppressions(path).is_fine(KNOWN) and not Suppressions(path).is_fine("another one")


def test_an_update_learns_new_messages_and_leaves_out_what_it_would_have_flagged(model, tmp_path):
    newer = write(tmp_path / "newer.log", ["INFO index was rebuilt", "ERROR disk is full"], day=2)
    result = update_own_log(model, [newer], progress=False)
    texts = {Baseline.load(model).keys.text(code // 4): code % 4 for code in Baseline.load(model).kinds}
    assert "index was rebuilt" in texts and "disk is full" not in texts
    assert 3 <= result.left_out <= 6 and result.new == ["index was rebuilt"]
    assert "--learn-flagged" in result.in_words() and "threshold" in result.in_words()
    told = update_own_log(model, [newer], learn_flagged=True, progress=False)
    assert told.left_out == 0
    assert "disk is full" in {Baseline.load(model).keys.text(code // 4) for code in Baseline.load(model).kinds}
    assert go_back(model) == model.with_name("model.undone")
    assert Baseline.load(model).version == 2


def test_an_update_says_what_it_does_to_the_threshold(model, tmp_path):
    before = Baseline.load(model).threshold
    result = update_own_log(model, [write(tmp_path / "newer.log", day=3)], alarms_per_day=50, progress=False)
    assert result.threshold[0] == before and result.threshold[1] == Baseline.load(model).threshold
    assert ("lowered" in result.in_words()) == (result.threshold[1] < before - 0.005)


def test_fit_says_what_it_left_out_and_json_has_the_fields_of_before(tmp_path):
    log = write(tmp_path / "app.log", count=120)
    answer = run("fit", log, "--out", tmp_path / "m", "--json", "-q")
    values = json.loads(answer.stdout)
    assert answer.exit_code == 0 and values["model"] is False and "fewer than" in values["why_no_model"]
    assert {"format", "threshold", "events"} <= set(values)
    words = run("fit", log, "--out", tmp_path / "m", "-q").stdout
    assert "too few to hold some back" in words
    with pytest.raises(LogllmError, match="positive number"):
        fit_own_log([log], tmp_path / "m", alarms_per_day=0)


def test_scan_watch_and_ok_agree_by_a_baseline(model, tmp_path):
    log = write(tmp_path / "bad.log", ["ERROR disk is full"], day=4)
    rows = [json.loads(row) for row in run("scan", log, "--model", model, "--json", "-q").stdout.splitlines()]
    flagged = [row for row in rows[1:] if row["is_anomalous"]]
    assert "good runs" in rows[0]["head"]["model"] and len(flagged) == 1
    assert (
        flagged[0]["severity"] == "ERROR"
        and flagged[0]["count"] == 3
        and "disk is full" in flagged[0]["lines"][0]["text"]
    )
    watched = run("watch", log, "--model", model, "--until-end", "--alerts", tmp_path / "alerts")
    assert watched.exit_code == 0, watched.output
    alerts = [json.loads(row) for row in (tmp_path / "alerts").read_text().splitlines()]
    assert {alert["template_key"] for alert in alerts} == {flagged[0]["key"]}
    assert run("ok", alerts[0]["id"], "--model", model, "--alerts", tmp_path / "alerts").exit_code == 0
    again = [json.loads(row) for row in run("scan", log, "--model", model, "--json", "-q").stdout.splitlines()]
    assert not any(row["is_anomalous"] for row in again[1:]) and again[1]["suppressed"]
    run("watch", log, "--model", model, "--until-end", "--alerts", tmp_path / "later")
    assert not (tmp_path / "later").exists() or (tmp_path / "later").read_text() == ""
