"""Bad input: each gives a result or one sentence, in bounded time and memory, and nothing is dropped in silence."""

from __future__ import annotations

import json
import random
import time

import pytest

from logllm.hf_datasets import LogInputError, read_events
from logllm.hf_datasets.events import EventLog, LiveEvents, TemplateKeys
from logllm.hf_datasets.events.traces import MOST_LINES
from logllm.hf_datasets.systems import patterns

HEAD = b"2024-05-01 08:00:00 [INFO] started"


def read(tmp_path, data, **options):
    path = tmp_path / "bad.log"
    path.write_bytes(data)
    log = EventLog([path], **options)
    events = list(log.read(0))
    list(log.batches())
    assert (
        sum(len(event.lines) for event in events)
        == log.files[0].lines
        == data.count(b"\n") + (not data.endswith(b"\n"))
    )
    assert log.files[0].events == len(events)
    return log, events


def test_half_an_event_at_the_end(tmp_path):
    _, events = read(
        tmp_path, HEAD + b"\n2024-05-01 08:00:01 [ERROR] x\njava.io.IOException: y\n\tat a.B.c(B.java:1)\n\tat a.B"
    )
    assert [len(event.lines) for event in events] == [1, 4]


def test_a_trace_of_a_million_lines(tmp_path):
    frames = b"".join(b"\tat com.example.Shop.send(Shop.java:%d)\n" % at for at in range(1_000_000))
    path = tmp_path / "long.log"
    path.write_bytes(HEAD.replace(b"INFO", b"ERROR") + b"\njava.io.IOException: x\n" + frames + HEAD + b"\n")
    log = EventLog([path])
    counts = [count for batch in log.batches() for count in batch.line_count.tolist()]
    assert sum(counts) == 1_000_003
    assert max(counts) <= MOST_LINES
    assert log.files[0].parsed < log.files[0].events  # what was cut off is told


def test_a_line_of_fifty_megabytes(tmp_path):
    started = time.process_time()
    log, events = read(tmp_path, HEAD + b" " + b"x" * 50_000_000 + b"\n" + HEAD + b"\n")
    assert len(events) == 2
    assert len(events[0].message) == 50_000_008
    assert "8,192 bytes" in log.files[0].notes[0]
    assert time.process_time() - started < 20


def test_nul_bytes(tmp_path):
    _, events = read(tmp_path, b"\0" * 5000 + HEAD + b"\n" + HEAD.replace(b"st", b"s\0t") + b"\n")
    assert [event.message for event in events] == ["started", "started"]


def test_a_json_line_cut_in_the_middle(tmp_path):
    line = b'{"level":"error","msg":"x","time":"2024-05-01T08:00:00Z"}'
    _, events = read(tmp_path, (line + b"\n") * 3 + line[:25] + b"\n" + line + b"\n" + line[:30])
    assert [event.parsed for event in events] == [True, True, True, False, True, False]
    assert events[3].message == line[:25].decode()


def test_mixed_encodings(tmp_path):
    lines = [HEAD, HEAD + " grüße".encode(), HEAD + " grüße".encode("latin-1"), HEAD + b" \xff\xfe\x80"]
    log, events = read(tmp_path, b"\n".join(lines) + b"\n")
    assert [event.message for event in events] == ["started", "started grüße", "started grüße", "started ÿþ\x80"]
    assert log.files[0].notes == ["2 lines are not valid UTF-8 and were read as Latin-1."]


def test_times_that_go_backwards(tmp_path):
    lines = [f"2024-05-01 08:{at:02}:00 [INFO] x" for at in range(59, 0, -1)]
    _, events = read(tmp_path, "\n".join(lines).encode())
    times = [event.timestamp for event in events]
    assert times == sorted(times, reverse=True)
    lines = [f"May  1 08:{at:02}:00 h a[1]: x" for at in (5, 3, 9, 1)]
    _, events = read(tmp_path, "\n".join(lines).encode())
    assert [event.timestamp - events[0].timestamp for event in events] == [0, -120, 240, -240]


def test_a_csv_whose_quotes_never_close(tmp_path):
    head = 'Error,05/01/2024 09:07:41 AM,Svc,7031,None,"The service stopped.'
    text = head + "\n" + "more and more text\n" * 30_000 + head + '"\n'
    _, events = read(tmp_path, text.encode())
    assert max(len(event.lines) for event in events) <= MOST_LINES
    assert events[0].attributes["code"] == events[-1].attributes["code"] == "7031"


def test_an_xml_bomb(tmp_path):
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %s "&%s;&%s;&%s;&%s;&%s;&%s;&%s;&%s;">' % (b, a, a, a, a, a, a, a, a)
        for a, b in zip([b"a", b"b", b"c", b"d", b"e", b"f"], [b"b", b"c", b"d", b"e", b"f", b"g"])
    )
    bomb += (
        b"]>\n<Event xmlns='x'><System><Level>2</Level></System><EventData><Data>&g;&g;</Data></EventData></Event>\n"
    )
    _, events = read(tmp_path, bomb)
    assert events[-1].message == "&g;&g;"


def test_deep_json(tmp_path):
    deep = b'{"level":"error","msg":"x","a":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}"
    _, events = read(tmp_path, deep + b"\n" + b'{"level":"info","msg":"y"}\n')
    assert events[-1].message == "y"


def test_odd_json(tmp_path):
    records = [
        {"level": True, "msg": None, "time": []}, {"level": {}, "msg": {"a": 1}}, {"msg": 3, "level": 1e300, "time": -1e300}, {"msg": "\ud800", "level": "error"},
        {"time": "9" * 500, "msg": "x", "level": "7" * 400}, {"msg": [1, 2], "time": {"$date": None}}, {},
    ]  # fmt: skip
    _, events = read(tmp_path, "\n".join(map(json.dumps, records)).encode())
    assert len(events) == len(records)


def test_a_catastrophic_pattern(tmp_path, monkeypatch):
    monkeypatch.setattr(patterns, "SECONDS", 0.2)
    path = tmp_path / "mine.yaml"
    path.write_text('name: mine\nformat: "<A>:<B>:<C>:<D>:<E>: <Content>"\n')
    started = time.monotonic()
    with pytest.raises(LogInputError, match="A pattern must decide"):
        read(tmp_path, b":" * 3000 + b"\n", format=str(path))
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("size", [0, 30])
def test_a_file_that_shrinks_while_it_is_read(tmp_path, monkeypatch, size):
    monkeypatch.setattr("logllm.hf_datasets.events.inputs.LogInput.blocks.__defaults__", (2000,))
    path = tmp_path / "x.log"
    path.write_bytes((HEAD + b"\n") * 1000)
    log = EventLog([path])
    found = 0
    for at, batch in enumerate(log.batches()):
        found += len(batch)
        if at == 2:
            path.write_bytes(b"x" * size)
    assert 0 < found <= 1000
    with pytest.raises(LogInputError):
        log.events([(0, 500)])


def test_a_file_that_grows_while_it_is_read(tmp_path):
    path = tmp_path / "x.log"
    path.write_bytes((HEAD + b"\n") * 100)
    log = EventLog([path])
    log.plan(0)
    with path.open("ab") as out:
        out.write(HEAD + b"\n" + HEAD[:10])
    assert sum(len(batch) for batch in log.batches()) >= 101


def test_binary_files(tmp_path):
    path = tmp_path / "x.log"
    path.write_bytes(random.Random(0).randbytes(50_000))
    with pytest.raises(LogInputError, match="must be text"):
        list(read_events([path]))
    path.write_bytes(b"ElfFile\x00" + bytes(500))
    with pytest.raises(LogInputError, match="evtx"):
        list(read_events([path]))


def test_a_broken_archive(tmp_path):
    import gzip

    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress((HEAD + b"\n") * 10_000)[:-20])
    with pytest.raises(LogInputError, match="must be whole"):
        list(read_events([path]))


def test_messages_that_never_repeat(tmp_path):
    random_ = random.Random(0)
    words = ["".join(random_.choices("abcdefghijklmnop", k=7)) for _ in range(40_000)]
    lines = [f"2024-05-01 08:00:00 [INFO] {' '.join(random_.choices(words, k=8))}" for _ in range(6000)]
    log, _ = read(tmp_path, "\n".join(lines).encode())
    assert len(log.templates) < 4000
    assert "too many kinds" in log.files[0].notes[-1]


def test_templates_of_a_stranger_are_checked():
    good = TemplateKeys()
    good.add("a b 3")
    state = good.to_json()
    for bad in ({}, {**state, "version": 9}, {**state, "templates": [[7, [], ""]]}, {**state, "clusters": 3}):
        with pytest.raises(LogInputError):
            TemplateKeys.from_json(bad)


def whole(batches):
    return [event for batch in batches for event in batch.events(batch.columns.number.tolist()).values()]


def test_a_stream_bounds_what_it_holds():
    stream = LiveEvents(TemplateKeys(), format="generic", seconds=5.0)
    got = whole(stream.feed(["2024-05-01 08:00:00 [ERROR] x"], 0.0))
    for at in range(0, 3 * MOST_LINES, 100):
        got += whole(stream.feed(["\tat a.B.c(B.java:1)"] * 100, 1.0 + at / 1000))
    assert got
    got += whole(stream.flush(1e9))
    assert sum(len(event.lines) for event in got) == 3 * MOST_LINES + 1
    assert max(len(event.lines) for event in got) <= MOST_LINES


@pytest.mark.parametrize("data", [b"\n\n\n", b"   \n\t\n" + HEAD, b"\r\n\r\n" + HEAD + b"\r\n", b"\x1b[", b"a\n" * 3])
def test_little(tmp_path, data):
    path = tmp_path / "x.log"
    path.write_bytes(data)
    log = EventLog([path])
    if b"\x1b" not in data and data.strip():
        assert len(list(log.read(0))) >= 1
    else:
        with pytest.raises(LogInputError, match="at least one line"):
            list(log.read(0))
