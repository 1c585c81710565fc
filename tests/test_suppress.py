"""Suppressions: a journal of who and when; a window is quiet only when all its marked lines are."""

import json
import random
import time
from pathlib import Path

import pytest

from logllm.decision.template_names import name_template
from logllm.diff.command import DiffOptions, run_diff
from logllm.errors import LogllmError
from logllm.fitting.baseline import fit_baseline
from logllm.hf_datasets import template_key
from logllm.hf_datasets.events import EventLog
from logllm.signals.command import ScanOptions, run_scan
from logllm.suppressions import Suppressions, list_as_text, lists, parse_duration
from logllm.verdict import Evidence, Verdict
from logllm.watch.start import start_watcher

FINE, BAD = "disk <*> is slow", "disk <*> is gone"


def verdict(*templates):
    lines = tuple(f"line {i}" for i in range(len(templates)))
    evidence = tuple(Evidence(i, line, 9.0, "odd", template=t) for i, (line, t) in enumerate(zip(lines, templates)))
    return Verdict("w", 9.0, 1.0, True, lines, tuple(range(len(templates))), evidence)


def test_text_and_key_name_the_same_template_and_one_never_hides_another(tmp_path):
    found = Suppressions(tmp_path / "list.jsonl")
    assert not found.covers(verdict(FINE))
    entry = found.add(FINE, by="ann", note="known")
    assert entry.key == template_key(FINE) and entry.by == "ann"
    assert found.covers(verdict(FINE)) and found.covers(verdict(FINE, FINE))
    assert not found.covers(verdict(FINE, BAD))
    found.add(template_key(BAD))
    assert found.covers(verdict(FINE, BAD))


def test_an_entry_ends_by_itself_or_is_removed_and_a_second_reader_sees_it(tmp_path):
    path = tmp_path / "list.jsonl"
    writer, reader = Suppressions(path), Suppressions(path)
    writer.add(FINE, seconds=60)
    assert reader.holds(template_key(FINE))
    assert not reader.holds(template_key(FINE), now=time.time() + 61)
    writer.remove(FINE)
    assert not reader.holds(template_key(FINE))
    assert len(path.read_text().splitlines()) == 2  # nothing is rewritten
    with pytest.raises(LogllmError, match="found no"):
        writer.remove(FINE)


def test_a_torn_line_does_not_hurt_and_is_not_written_onto(tmp_path):
    path = tmp_path / "list.jsonl"
    path.write_text('{"key": "torn')
    found = Suppressions(path)
    found.add(FINE)
    assert [entry.template for entry in found.entries()] == [FINE]
    assert FINE in list_as_text(found)


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "0d", "7 parsecs"])
def test_durations_that_are_none(text):
    with pytest.raises(LogllmError, match="duration"):
        parse_duration(text)


FAULT = "ERROR disk 7 of node db3 is gone"


def service(path, fault=""):
    rng = random.Random(0)
    texts = (
        "order {} accepted",
        "stock reserved for order {}",
        "cache refresh finished, {} entries",
        "health check ok",
    )
    rows = [
        f"2024-05-01 {8 + at // 1200:02d}:{at // 20 % 60:02d}:{at % 20 * 3:02d} INFO {rng.choice(texts).format(rng.randrange(900))}"
        for at in range(2400)
    ]
    if fault:
        rows.insert(1500, rows[1500][:20] + fault)
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def of_scan(bad, good, model):
    _, text = run_scan([bad], ScanOptions(as_json=True))
    return {row["key"] for row in map(json.loads, text.splitlines()[1:]) if row["is_anomalous"]}


def of_diff(bad, good, model):
    return {finding.key for finding in run_diff([good, bad], DiffOptions(as_json=True))[0].flagged}


def of_watch(bad, good, model):
    alerts = Path("alerts")
    alerts.unlink(missing_ok=True)
    start_watcher(bad, model, alerts=str(alerts), suppressions=lists(None, model)).run(until_end=True)
    rows = map(json.loads, alerts.read_text().splitlines()) if alerts.exists() else ()
    return {row["template_key"] for row in rows if FAULT in str(row["lines"])}


COMMANDS = {"scan": of_scan, "diff": of_diff, "watch": of_watch}


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    good, bad = service(folder / "good.log"), service(folder / "bad.log", FAULT)
    model = folder / "model"
    fit_baseline(EventLog([good]), 5.0).save(model)
    return bad, good, model


@pytest.mark.parametrize("place", ["here", "beside the model"])
@pytest.mark.parametrize("named_by", [*COMMANDS, "text"])
def test_what_is_fine_for_one_command_is_fine_for_the_others(logs, tmp_path, monkeypatch, named_by, place):
    monkeypatch.chdir(tmp_path)
    if named_by == "text":
        keys = {FAULT.partition(" ")[2]}
    else:
        keys = COMMANDS[named_by](*logs)
    assert keys
    for name, command in COMMANDS.items():
        assert command(*logs), name
    path = Path("suppressions.jsonl") if place == "here" else logs[2] / "suppressions.jsonl"
    try:
        for key in keys:
            named = name_template(key)
            Suppressions(path).add(named.key, text=named.text, also=named.also)
        commands = COMMANDS if place == "here" else {"watch": of_watch}
        assert not {name: found for name, command in commands.items() if (found := command(*logs))}
    finally:
        path.unlink()
