"""A user's own formats: YAML rows and lnav's JSON format files, with untrusted patterns."""

from __future__ import annotations

import json

import pytest

from logllm.hf_datasets import LogInputError, get_system, read_events
from logllm.hf_datasets.events import ERROR, INFO, WARN, EventLog
from logllm.hf_datasets.events.user_formats import row_from_file, row_from_lnav, row_from_system
from logllm.hf_datasets.systems.systems import SYSTEMS

# The shape of lnav's format files, for a format made up here.
LNAV = {
    "$schema": "https://lnav.org/schemas/format-v1.schema.json",
    "shop_log": {
        "title": "Shop",
        "description": "made up",
        "regex": {
            "std": {"pattern": r"^(?<timestamp>\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d)~(?<lvl>[A-Z]+)~(?<op>\w+)~(?<text>.*)$"},
            "short": {"pattern": r"^(?<lvl>[A-Z]+)!(?<text>[^!]*)$"},
        },
        "level-field": "lvl",
        "body-field": "text",
        "opid-field": "op",
        "level": {"error": "BAD|WORSE", "warning": "^HM$", "info": "FINE"},
        "sample": [{"line": "2024.05.01 09:07:41~BAD~a1~stopped"}],
    },
}  # fmt: skip
LINES = ["2024.05.01 09:07:41~BAD~a1~stopped", "2024.05.01 09:07:42~HM~a2~slow", "FINE!all well", "  and more"]


def test_lnav(tmp_path):
    path = tmp_path / "shop.json"
    path.write_text(json.dumps(LNAV))
    log = tmp_path / "x.log"
    log.write_text("\n".join(LINES))
    events = list(read_events([log], format=str(path)))
    assert [(event.severity, event.message) for event in events] == [
        (ERROR, "stopped"),
        (WARN, "slow"),
        (INFO, "all well"),
    ]
    assert events[0].timestamp == 1714554461.0
    assert events[0].attributes["op"] == "a1"
    assert len(events[2].lines) == 2
    found = EventLog([log], format=str(path))
    assert found.plan(0).row.title == "Shop"


def test_lnav_json(tmp_path):
    values = {
        "shop_json": {
            "json": True, "timestamp-field": "at", "level-field": "sev", "body-field": "what/text", "opid-field": "op",
            "level": {"error": "5", "info": "1"}, "line-format": ["x"],
        }
    }  # fmt: skip
    path = tmp_path / "shop.json"
    path.write_text(json.dumps(values))
    log = tmp_path / "x.log"
    log.write_text('{"at": "2024-05-01T09:07:41Z", "sev": 5, "what": {"text": "stopped"}, "op": "a1"}\n')
    (event,) = read_events([log], format=str(path))
    assert (event.severity, event.message, event.timestamp) == (ERROR, "stopped", 1714554461.0)


def test_yaml(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        'name: mine\nformat: "<Date> <Time> <Level> <Component>: <Content>"\ntimestamp: {fields: [Date, Time], layout: "%Y-%m-%d %H:%M:%S"}\nsession: "req-[0-9a-f]+"\n'
    )
    log = tmp_path / "x.log"
    log.write_text(
        "2024-05-01 09:07:41 ERROR shop: req-ab12 stopped\n2024-05-01 09:07:42 INFO shop: req-ab12 started\n"
    )
    events = list(read_events([log], format=str(path)))
    assert [(event.severity, event.message, event.timestamp) for event in events] == [
        (ERROR, "req-ab12 stopped", 1714554461.0),
        (INFO, "req-ab12 started", 1714554462.0),
    ]
    found = EventLog([log], format=str(path))
    assert [at for batch in found.batches() for at in batch.sequence.tolist()] == [0, 0]
    assert found.sequences == ["req-ab12"]


@pytest.mark.parametrize("name", SYSTEMS)
def test_published_systems_become_rows(name):
    row = row_from_system(get_system(name))
    assert "(?P<message>" in row.pattern
    assert "(?P<time>" in row.pattern


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must be JSON"),
        ("[]", "must hold a format"),
        ('{"a": {"title": "x"}}', "must hold `regex`"),
        ('{"a": {"regex": {"x": {}}}}', "must hold a pattern"),
        ('{"a": {"regex": {"x": {"pattern": "("}}}}', "regular expression"),
    ],
)
def test_bad_files(tmp_path, text, message):
    path = tmp_path / "bad.json"
    path.write_text(text)
    log = tmp_path / "x.log"
    log.write_text("x\n")
    with pytest.raises(LogInputError, match=message):
        list(read_events([log], format=str(path)))


def test_missing_file():
    with pytest.raises(LogInputError, match="must be readable"):
        row_from_file("none/of.json")


def test_pcre_names():
    row = row_from_lnav("x", {"regex": {"a": {"pattern": r"^(?<timestamp>\S+)\h(?<my-field>\S+) (?<body>.*)$"}}})
    assert "(?P<time>" in row.pattern
    assert "(?P<my_field>" in row.pattern
