"""The watcher from end to end on a fitted tiny model: the same alerts whatever happens to it on the way."""

import json
import random
import time
import urllib.request

import pytest
from fitted import fitted_folder, life, processes

pytest.importorskip("prometheus_client", reason="needs prometheus_client: pip install logllm[watch]")

from logllm.errors import LogllmError
from logllm.suppressions import Suppressions
from logllm.watch.start import start_watcher
from logllm.watch.state import StateFile


@pytest.fixture(scope="module")
def log():
    return fitted_folder() / "hdfs.log"


@pytest.fixture(scope="module")
def model():
    return fitted_folder() / "model"


def alerts_of(path):
    """Anomalies only: the log is a minute long and begins with all of its sessions new, which is a drift."""
    rows = [json.loads(row) for row in path.read_text().splitlines()] if path.exists() else []
    return [row for row in rows if row["event"] == "anomaly"]


@pytest.fixture(scope="module")
def undisturbed(log, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    watcher = start_watcher(str(log), model, alerts=str(folder / "alerts"))
    assert watcher.run(until_end=True) == 0
    found = {alert["id"]: alert for alert in alerts_of(folder / "alerts")}
    assert len(found) > 3
    return found


def test_an_alert_says_what_where_and_why(undisturbed, log):
    raw = log.read_text("latin-1").splitlines()
    for alert in undisturbed.values():
        assert {"id", "window_id", "score", "threshold", "anomaly.score", "anomaly.threshold", "reason"} <= set(alert)
        assert alert["score"] > alert["threshold"]
        assert alert["first_line_number"] <= alert["line"] <= alert["last_line_number"]
        assert all(line["text"] == raw[line["number"] - 1] for line in alert["lines"])
        assert len(alert["lines"]) == alert["line_count"]


def test_batch_and_live_find_the_same(undisturbed, log, model):
    from logllm.detector import LogAnomalyDetector

    detector = LogAnomalyDetector.from_pretrained(model)
    verdicts = detector.scan(log.read_text("latin-1").splitlines(), explain="none")
    batch = {(v.window_id, v.line_numbers[0]): round(v.score, 2) for v in verdicts if v.is_anomalous}
    live = {(a["window_id"], a["first_line_number"]): round(a["score"], 2) for a in undisturbed.values()}
    assert batch == pytest.approx(live, abs=0.02)


def test_killed_at_random_moments_nothing_is_lost(undisturbed, log, model, tmp_path):
    rng = random.Random(1)
    source = log.read_text("latin-1").splitlines(keepends=True)
    live, state, alerts = tmp_path / "app.log", tmp_path / "state", tmp_path / "alerts"
    live.touch()
    at = 0
    for _ in range(5):
        child = processes().Process(target=life, args=(str(live), str(model), str(state), str(alerts)))
        child.start()
        while not state.exists():  # what was rotated away before anybody watched is nobody's loss
            time.sleep(0.02)
        end = time.monotonic() + rng.uniform(1, 3)
        while time.monotonic() < end:
            rows = source[at : at + rng.randrange(60)]
            at += len(rows)
            with live.open("a", encoding="latin-1") as stream:
                stream.write("".join(rows))
            if rng.random() < 0.1:
                live.rename(tmp_path / f"app.log.{time.time_ns()}")
                live.touch()
            time.sleep(0.02)
        child.kill()
        child.join()
    with live.open("a", encoding="latin-1") as stream:
        stream.write("".join(source[at:]))
    watcher = start_watcher(str(live), model, state=state, alerts=str(alerts), silence=1e9)
    watcher.run(until_end=True)
    assert watcher.number == len(source)
    found = alerts_of(alerts)
    assert {alert["id"] for alert in found} == set(undisturbed)
    for alert in found:
        assert alert["lines"] == undisturbed[alert["id"]]["lines"]


def test_alerts_not_noted_as_sent_are_sent_again_under_the_same_id(undisturbed, log, model, tmp_path):
    state, alerts = tmp_path / "state", tmp_path / "alerts"
    arguments = (str(log), str(model), str(state), str(alerts), True, True)
    child = processes().Process(target=life, args=arguments)
    child.start()
    child.join()
    assert child.exitcode == -9
    before = [alert["id"] for alert in alerts_of(alerts)]
    start_watcher(str(log), model, state=state, alerts=str(alerts)).run(until_end=True)
    after = alerts_of(alerts)[len(before) :]
    again = [alert["id"] for alert in after if alert.get("redelivered")]
    assert before and again == before
    assert {alert["id"] for alert in after} == set(undisturbed)


def test_an_unreachable_webhook_keeps_alerts_in_the_state_and_stops_the_reading(log, model, tmp_path, monkeypatch):
    monkeypatch.setattr("logllm.watch.watcher.MOST_PENDING", 3)
    state = tmp_path / "state"
    watcher = start_watcher(str(log), model, state=state, alerts="http://127.0.0.1:9/")
    for _ in range(400):
        if len(watcher.outbox) >= 3:
            break
        watcher._take(watcher.source.read())
        watcher._deliver()
    assert watcher.healthy()[0] is False
    number = watcher.number
    watcher._deliver()
    waiting = [alert["id"] for alert in watcher.outbox]
    watcher.close()
    again = start_watcher(str(log), model, state=state, alerts=str(tmp_path / "alerts"))
    assert [alert["id"] for alert in again.outbox] == waiting and again.number == number
    assert again.run(until_end=True) == 0


def test_suppressed_templates_raise_no_alert(undisturbed, log, model, tmp_path):
    listed = Suppressions(tmp_path / "list")
    for alert in undisturbed.values():
        for line in alert["lines"]:
            if "template_key" in line:
                listed.add(line["template_key"])
        listed.add(alert["template_key"])
    watcher = start_watcher(str(log), model, alerts=str(tmp_path / "alerts"), suppressions=listed.path)
    watcher.run(until_end=True)
    assert alerts_of(tmp_path / "alerts") == []


def test_metrics_and_health_over_http(log, model, tmp_path):
    said = []
    watcher = start_watcher(str(log), model, alerts=str(tmp_path / "a"), metrics_port=0, say=said.append)
    address = said[0].split()[-1]
    watcher.run(until_end=True)
    with urllib.request.urlopen(address, timeout=5) as answer:
        text = answer.read().decode()
    figures = dict(row.rsplit(" ", 1) for row in text.splitlines() if not row.startswith("#"))
    assert float(figures["logllm_log_lines_processed_total"]) == watcher.number == 8000
    assert float(figures["logllm_anomaly_count_total"]) == len(alerts_of(tmp_path / "a"))
    assert float(figures["logllm_anomaly_score_count"]) == float(figures["logllm_windows_scored_total"])
    with urllib.request.urlopen(address.replace("metrics", "healthz"), timeout=5) as answer:
        assert answer.read() == b"ok\n"


def test_hostile_lines_are_judged_and_come_out_harmless(model, tmp_path):
    log = tmp_path / "app.log"
    hostile = ["\x1b[2J\x1b]0;owned\x07 rm -rf /", "<script>alert(1)</script>", "y" * 300_000, "\x00" * 50, "{" * 2000]
    log.write_bytes("".join(line + "\n" for line in hostile * 20).encode() + b"\xff\xfe\n")
    watcher = start_watcher(str(log), model, alerts=str(tmp_path / "alerts"))
    watcher.run(until_end=True)
    text = (tmp_path / "alerts").read_text()
    assert alerts_of(tmp_path / "alerts") and text.isascii() and "\x1b" not in text
    assert watcher.number == 101 and watcher.source.cut_lines == 20


def test_a_state_of_another_model_is_refused(log, model, tmp_path):
    watcher = start_watcher(str(log), model, state=tmp_path / "state", alerts=str(tmp_path / "a"))
    watcher.close()
    path = tmp_path / "state"
    other = StateFile(path, "f" * 16)
    other.snapshot({})
    other.close()
    with pytest.raises(LogllmError, match="another model"):
        start_watcher(str(log), model, state=path)


def test_a_format_that_changes_midway_and_a_clock_that_runs_backwards_lose_no_line(log, model, tmp_path):
    rows = log.read_text("latin-1").splitlines()[:1500]
    changed = [f"2026-01-02T03:04:05Z|info|step {i} of {row[:6]}" for i, row in enumerate(rows[500:1000])]
    mixed = tmp_path / "mixed.log"
    mixed.write_text("\n".join([*rows[1000:], *rows[:500], *changed]) + "\n", "latin-1")
    watcher = start_watcher(str(mixed), model, alerts=str(tmp_path / "alerts"), metrics_port=0)
    watcher.run(until_end=True)
    figures = {m.name: m.samples[0].value for m in watcher.metrics.registry.collect() if m.type == "counter"}
    assert watcher.number == figures["logllm_log_lines_processed"] == 1500
    assert figures["logllm_log_lines_unparsed"] == 500
    assert not watcher.windows.open
