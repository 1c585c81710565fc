"""The watcher on events: no model, one alert a finding, the same alerts whatever happens to it on the way."""

import json
import multiprocessing
import os
import random
import subprocess
import sys
import time

import pytest

from logllm.errors import LogllmError
from logllm.fitting.own_log import fit_own_log
from logllm.hf_datasets.reading.collectors import Unwrapper
from logllm.suppressions import Suppressions
from logllm.watch.collected import Collector
from logllm.watch.start import start_watcher
from logllm.watch.watcher import Watcher

TRACE = """java.lang.IllegalStateException: no connection
\tat com.shop.db.Pool.get(Pool.java:81)
\tat com.shop.Order.save(Order.java:12)"""


def stamp(second):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_767_225_600 + second))


def usual(count, seed=0, begin=0):
    """Lines of a shop, one every two seconds, with a heartbeat every thirty seconds."""
    rng = random.Random(seed)
    words = ("order {} accepted for customer {}", "payment {} authorised in {} ms", "parcel {} handed to carrier {}")
    for at in range(count):
        second = begin + 2 * at
        if at % 15 == 0:
            yield f"{stamp(second)} INFO [scheduler] heartbeat"
        else:
            yield f"{stamp(second)} INFO [shop] {rng.choice(words).format(rng.randrange(9999), rng.randrange(99))}"


def faulty(count=1500, begin=100_000):
    """The same, with a burst, a trace and a fatal line."""
    rows = list(usual(count, 1, begin))
    rows[400:400] = [f"{stamp(begin + 800)} INFO [shop] order {at} accepted for customer 7" for at in range(300)]
    rows.insert(900, f"{stamp(begin + 1200)} ERROR [shop] order 17 failed\n{TRACE}")
    rows.insert(1600, f"{stamp(begin + 2600)} FATAL [shop] ledger is out of balance, shutting down")
    return "\n".join(rows) + "\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    (folder / "good.log").write_text("\n".join(usual(900)) + "\n")
    found = fit_own_log([folder / "good.log"], folder / "model", progress=False)
    assert found.model is None and "fewer than" in found.in_words()
    return folder / "model"


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "app.log"
    path.write_text(faulty())
    return path


def alerts_of(path):
    return [json.loads(row) for row in path.read_text().splitlines()] if path.exists() else []


def watched(log, model, folder, **settings):
    watcher = start_watcher(str(log), model, alerts=str(folder / "alerts"), **settings)
    assert watcher.run(until_end=True) == 0
    return watcher, alerts_of(folder / "alerts")


@pytest.fixture(scope="module")
def undisturbed(log, model, tmp_path_factory):
    return watched(log, model, tmp_path_factory.mktemp("undisturbed"))[1]


def test_each_fault_is_one_finding_with_its_lines_and_reason(undisturbed, log):
    raw = log.read_text().splitlines()
    opened = [alert for alert in undisturbed if alert["status"] == "open"]
    assert [alert["kind"] for alert in opened] == ["burst", "new", "new"]
    burst, trace, fatal = opened
    assert trace["line_count"] == 4 and "IllegalStateException" in json.dumps(trace["lines"])
    assert fatal["severity"] == "FATAL" and raw[fatal["line"] - 1].endswith("shutting down")
    for alert in opened:
        assert alert["schema"] == "logllm.alert/2" and alert["score"] >= alert["threshold"]
        assert all(line["text"] == raw[line["number"] - 1] for line in alert["lines"])
    updates = [alert for alert in undisturbed if alert["finding"] == burst["finding"]]
    assert len(updates) < 8 and updates[-1]["count"] >= 250
    assert len({alert["id"] for alert in undisturbed}) == len(undisturbed)


def test_watching_without_a_model_loads_no_model_library(model, log, tmp_path):
    code = (
        "import sys, logllm.watch.start as s\n"
        f"s.start_watcher({str(log)!r}, s.Path({str(model)!r}), alerts={str(tmp_path / 'a')!r}).run(until_end=True)\n"
        "print([name for name in ('torch', 'transformers', 'datasets', 'trl') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def life(log, model, state, alerts):
    start_watcher(log, model, state=state, alerts=alerts).run()


def test_killed_at_random_moments_nothing_is_lost(undisturbed, model, tmp_path):
    rng = random.Random(1)
    source = faulty().splitlines(keepends=True)
    live, state, alerts = tmp_path / "app.log", tmp_path / "state", tmp_path / "alerts"
    live.touch()
    at = 0
    for number in range(4):
        child = multiprocessing.get_context("fork").Process(target=life, args=(str(live), model, state, str(alerts)))
        child.start()
        before = state.stat().st_ino if state.exists() else 0
        while not state.exists() or state.stat().st_ino == before:
            time.sleep(0.02)
        end = time.monotonic() + rng.uniform(0.3, 1.2)
        last = len(source) * (number + 1) // 5
        while time.monotonic() < end and at < last:
            rows = source[at : at + rng.randrange(1, 60)]
            at += len(rows)
            with live.open("a") as stream:
                stream.write("".join(rows))
            if rng.random() < 0.1:
                live.rename(tmp_path / f"app.log.{time.time_ns()}")
                live.touch()
            time.sleep(0.02)
        child.kill()
        child.join()
    with live.open("a") as stream:
        stream.write("".join(source[at:]))
    watcher = start_watcher(str(live), model, state=state, alerts=str(alerts), silence=1e9)
    watcher.run(until_end=True)
    assert watcher.number == len(source)
    found = {alert["finding"]: alert for alert in alerts_of(alerts) if alert["status"] == "open"}
    wanted = {alert["finding"]: alert for alert in undisturbed if alert["status"] == "open"}
    assert set(found) == set(wanted)
    for name, alert in found.items():
        assert (alert["line"], alert["key"]) == (wanted[name]["line"], wanted[name]["key"])


def test_a_heartbeat_that_stops_is_an_alert_without_any_line(model, tmp_path):
    live, alerts = tmp_path / "app.log", tmp_path / "alerts"
    live.write_text("\n".join(usual(600, 2, 50_000)) + "\n")
    now = time.time()
    watcher = start_watcher(str(live), model, alerts=str(alerts))
    watcher._take(watcher.source.read())
    for seconds in range(0, 200, 5):
        moment = now + seconds
        if watcher.events.is_due(moment):
            watcher._finish([], [], now=moment)
            watcher._deliver()
    rows = alerts_of(alerts)
    assert [alert["kind"] for alert in rows] == ["silence"]
    assert "30" in rows[0]["reason"] or rows[0]["key"] == "silence"


def test_suppressed_findings_raise_no_alert(undisturbed, log, model, tmp_path):
    listed = Suppressions(tmp_path / "list")
    for alert in undisturbed:
        listed.add(alert["template_key"])
    watcher, found = watched(log, model, tmp_path, suppressions=listed.path, metrics_port=None)
    assert found == [] and watcher.events.judge.suppressed > 0


def packed(kind, lines):
    for line in lines:
        if kind == "docker":
            for piece in (line[:30], line[30:]) if len(line) > 60 else (line,):
                end = "\n" if line.endswith(piece) else ""
                yield json.dumps({"log": piece + end, "stream": "stdout", "time": "2026-01-01T00:00:00.5Z"})
        elif kind == "cri":
            yield f"2026-01-01T00:00:00.5Z stdout P {line[:25]}"
            yield f"2026-01-01T00:00:00.6Z stdout F {line[25:]}"
        elif kind == "journald":
            yield json.dumps({"MESSAGE": line, "PRIORITY": "6", "__REALTIME_TIMESTAMP": "1767225600000000"})
        elif kind == "fluent bit":
            yield json.dumps({"date": 1767225600.5, "log": line})
        elif kind == "vector":
            yield json.dumps({"message": line, "timestamp": "2026-01-01T00:00:00Z", "source_type": "file"})
        else:
            record = {"timeUnixNano": "1767225600000000000", "body": {"stringValue": line}}
            yield json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})


@pytest.mark.parametrize("kind", ["docker", "cri", "journald", "fluent bit", "vector", "otlp"])
def test_what_a_collector_packs_is_the_same_log(kind, undisturbed, model, tmp_path):
    log = tmp_path / "packed.log"
    log.write_text("\n".join(packed(kind, faulty().splitlines())) + "\n")
    _, found = watched(log, model, tmp_path)
    wanted = [(alert["kind"], alert["key"], alert["line"]) for alert in undisturbed if alert["status"] == "open"]
    assert [(alert["kind"], alert["key"], alert["line"]) for alert in found if alert["status"] == "open"] == wanted


def test_pieces_and_records_of_several_lines_come_out_whole():
    collector = Collector(Unwrapper())
    rows = ['{"log": "first half, ", "stream": "stderr"}', '{"log": "second half\\n", "stream": "stderr"}']
    assert [line.text for row in rows for line in collector.lines(row)] == ["first half, second half"]
    many = collector.lines(json.dumps({"message": "Traceback:\n  at a\n  at b", "timestamp": "2026-01-01T00:00:00Z"}))
    assert [line.text for line in many] == ["Traceback:", "  at a", "  at b"] and many[2].time == 1_767_225_600
    assert collector.plain(["a", "b"]) == ["a", "b"] and collector.plain(['{"log": "a"}']) is None
    whole = Collector(Unwrapper(), json_log=True)
    assert whole.lines('{"log": "a"}')[0].text == '{"log": "a"}'


def test_a_state_of_version_two_is_taken_up_and_one_of_another_fit_is_refused(model, log, tmp_path):
    state = tmp_path / "state"
    watcher = start_watcher(str(log), model, state=state, alerts=str(tmp_path / "a"))
    watcher.run(until_end=True)
    row = json.loads(state.read_text().splitlines()[0].rpartition("\t")[0])
    row["version"] = 2
    del row["events"]
    state.write_text(json.dumps(row) + "\n")
    again = start_watcher(str(log), model, state=state, alerts=str(tmp_path / "b"))
    assert isinstance(again, Watcher) and again.source.position.offset == log.stat().st_size
    again.close()
    row["lineage"] = "f" * 16
    state.write_text(json.dumps(row) + "\n")
    with pytest.raises(LogllmError, match="another model"):
        start_watcher(str(log), model, state=state, alerts=str(tmp_path / "b"))


def test_figures_of_findings(model, log, tmp_path):
    pytest.importorskip("prometheus_client", reason="needs prometheus_client: pip install logllm[watch]")
    watcher, found = watched(log, model, tmp_path, metrics_port=0)
    samples = {s.name + str(s.labels): s.value for m in watcher.metrics.registry.collect() for s in m.samples}
    assert samples["logllm_log_lines_processed_total{}"] == watcher.number == len(log.read_text().splitlines())
    opened = sum(alert["status"] == "open" for alert in found)
    assert sum(value for name, value in samples.items() if name.startswith("logllm_findings_total")) == opened


@pytest.mark.skipif(os.geteuid() == 0 and not hasattr(os, "setegid"), reason="needs a user that can lose its rights")
def test_a_baseline_that_this_user_may_not_read_is_told_as_that(model, tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.read_bytes", lambda self: (_ for _ in ()).throw(PermissionError(13, "no")))
    with pytest.raises(LogllmError, match="chmod"):
        start_watcher("-", model, alerts=str(tmp_path / "a"))


def test_python_watches_events_as_the_command_does(log, tmp_path):
    from logllm.detector import LogAnomalyDetector
    from logllm.fitting.own_log import fit_own_log

    folder = tmp_path / "both"
    train = tmp_path / "train.log"
    train.write_text(log.read_text("utf-8"), "utf-8")
    fit_own_log([train], folder, alarms_per_day=50, progress=False, max_steps=2)
    detector = LogAnomalyDetector.from_pretrained(folder)
    assert detector.baseline is not None
    alerts = tmp_path / "alerts"
    start_watcher(str(log), folder, alerts=str(alerts)).run(until_end=True)
    wanted = [json.loads(row)["id"] for row in alerts.read_text().splitlines()]
    found = [alert["id"] for alert in detector.watch(log.read_text("utf-8").splitlines())]
    assert sorted(found) == sorted(wanted)
    detector.save_pretrained(tmp_path / "saved")
    assert LogAnomalyDetector.from_pretrained(tmp_path / "saved").baseline.events == detector.baseline.events
