"""Whole logs as events: columns and whole events agree, files in order of time, encodings, packing, fetching again."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import math
import os
import random
import sys

import numpy as np
import pytest

from logllm.hf_datasets import LogEvent, LogInputError, get_system, read_events
from logllm.hf_datasets.events import ERROR, INFO, EventLog, LiveEvents, TemplateKeys, names
from logllm.hf_datasets.events.inputs import BLOCK_BYTES
from logllm.hf_datasets.events.masks import numbers_of, shape_of_message

ISO = "2024-05-01 08:{minute:02}:{second:02} [{level}] {message}"


def made(count, seed=0):
    random_ = random.Random(seed)
    for at in range(count):
        level = random_.choice(["INFO"] * 9 + ["ERROR"])
        message = random_.choice(
            [
                f"order {random_.randrange(10**5)} took {random_.randrange(900)}ms",
                f"payment {random_.randrange(1 << 32):08x} sent to 10.0.{random_.randrange(256)}.7",
                f"GET /api/{random_.randrange(99)} {random_.choice((200, 502))} {random_.random():.3f}s",
            ]
        )
        yield ISO.format(minute=at // 60 % 60, second=at % 60, level=level, message=message)
        if random_.random() < 0.05:
            yield "java.io.IOException: broken"
            yield f"\tat com.example.Shop.send(Shop.java:{at})"


def write(path, lines, ending="\n"):
    path.write_bytes("".join(line + ending for line in lines).encode())
    return path


def columns(log):
    batches = list(log.batches())
    return {
        name: np.concatenate([getattr(batch, name) for batch in batches])
        for name in ("number", "line_count", "timestamp", "severity", "template", "sequence", "parsed", "numbers")
    }


@pytest.mark.parametrize("block", [BLOCK_BYTES, 4096, 700])
def test_columns_and_whole_events_agree(tmp_path, monkeypatch, block):
    monkeypatch.setattr("logllm.hf_datasets.events.inputs.LogInput.blocks.__defaults__", (block,))
    path = write(tmp_path / "a.log", made(800))
    log = EventLog([path])
    found = columns(log)
    events = list(read_events([path]))
    assert found["number"].tolist() == [event.number for event in events]
    assert found["line_count"].tolist() == [len(event.lines) for event in events]
    assert found["severity"].tolist() == [event.severity or 0 for event in events]
    assert np.array_equal(found["timestamp"], [event.timestamp for event in events])
    assert sum(len(event.lines) for event in events) == log.files[0].lines
    wanted = [one for event in events for one in numbers_of(event.message, shape_of_message(event.message))]
    assert np.allclose(found["numbers"], wanted)
    keys = TemplateKeys()
    traces = [" at ".join(filter(None, (e.attributes.get("exception"), e.attributes.get("frame")))) for e in events]
    positions = [keys.add(event.message, trace) for event, trace in zip(events, traces)]
    assert found["template"].tolist() == positions
    assert log.templates == keys.texts()


def test_events_and_context_again(tmp_path):
    path = write(tmp_path / "a.log", made(3000))
    packed = tmp_path / "b.log.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for one in (path, packed):
        log = EventLog([one])
        numbers = columns(log)["number"].tolist()
        wanted = [numbers[at] for at in (0, 5, 2500, len(numbers) - 1)]
        whole = {event.number: event for event in EventLog([one]).read(0)}
        assert log.events([(0, number) for number in wanted]) == [whole[number] for number in wanted]
        lines = path.read_text().split("\n")
        number = wanted[2]
        event = whole[number]
        end = number + len(event.lines)
        context = [(at, lines[at - 1]) for at in (number - 2, number - 1, end)]
        assert log.context(0, number, before=2, after=1) == context
        with pytest.raises(LogInputError):
            log.events([(0, 10**9)])


def test_files_go_in_order_of_time_and_keep_their_position(tmp_path):
    lines = list(made(90))
    write(tmp_path / "app.log", lines[60:])
    write(tmp_path / "app.log.1", lines[30:60])
    (tmp_path / "app.log.2.gz").write_bytes(gzip.compress("\n".join(lines[:30]).encode() + b"\n"))
    paths = [tmp_path / name for name in ("app.log", "app.log.1", "app.log.2.gz")]
    log = EventLog(paths)
    assert log.order() == [2, 1, 0]
    assert [batch.source for batch in log.batches()][:1] == [2]
    assert [event.source for event in read_events(paths)] == sorted(
        (event.source for event in read_events(paths)), reverse=True
    )
    for path in paths[:2]:
        path.write_text("".join(f"no time here {at}\n" for at in range(3)))
    assert EventLog(paths[:2]).order() == [1, 0]  # the older one of rotated siblings first


@pytest.mark.parametrize(
    ("name", "data", "encoding", "message"),
    [
        ("bom", b"\xef\xbb\xbf2024-05-01 08:00:00 [INFO] gr\xc3\xbc\xc3\x9fe\r\n", "utf-8 with byte order mark", "grüße"),
        ("utf-16", "\ufeff2024-05-01 08:00:00 [INFO] grüße\r\n".encode("utf-16-le"), "UTF-16", "grüße"),
        ("utf-16 big", b"\xfe\xff" + "2024-05-01 08:00:00 [INFO] grüße\n".encode("utf-16-be"), "UTF-16", "grüße"),
        ("utf-16 bare", "2024-05-01 08:00:00 [INFO] all well now\r\n".encode("utf-16-le"), "UTF-16-LE", "all well now"),
        ("latin-1", b"2024-05-01 08:00:00 [INFO] gr\xfc\xdfe\n", "utf-8", "grüße"),
        ("colours", b"\x1b[32m2024-05-01 08:00:00\x1b[0m [\x1b[1;31mINFO\x1b[0m] gr\xc3\xbc\xc3\x9fe\x1b[K\n", "utf-8", "grüße"),
        ("links", b"2024-05-01 08:00:00 [INFO] \x1b]8;;http://x\x07gr\xc3\xbc\xc3\x9fe\x1b]8;;\x07\n", "utf-8", "grüße"),
    ],
)  # fmt: skip
def test_encodings(tmp_path, name, data, encoding, message):
    path = tmp_path / "x.log"
    path.write_bytes(data)
    log = EventLog([path])
    (event,) = log.read(0)
    assert (event.message, event.severity, log.files[0].encoding) == (message, INFO, encoding)
    assert event.timestamp == 1714550400.0
    assert any("Latin-1" in note for note in log.files[0].notes) == (name == "latin-1")
    assert log.events([(0, 1)]) == [event]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed(tmp_path, pack):
    path = tmp_path / "x.log.packed"
    path.write_bytes(pack("\n".join(made(50)).encode()))
    assert len(list(read_events([path]))) == 50


def test_zstandard(tmp_path):
    import pyarrow as pa

    path = tmp_path / "x.log.zst"
    with pa.CompressedOutputStream(pa.OSFile(str(path), "wb"), "zstd") as out:
        out.write("\n".join(made(50)).encode())
    assert len(list(read_events([path]))) == 50
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(LogInputError, match="whole"):
        list(read_events([path]))


def test_standard_input(monkeypatch):
    class Input:
        buffer = io.BytesIO("\n".join(made(500)).encode())

    monkeypatch.setattr(sys, "stdin", Input())
    log = EventLog(["-"])
    numbers = columns(log)["number"]
    assert log.events([(0, int(numbers[300]))])[0].number == numbers[300]
    assert log.context(0, int(numbers[1]), before=1)[0][0] == 1


def test_every_file_has_its_own_format(tmp_path):
    write(tmp_path / "a.log", made(20))
    write(tmp_path / "b.log", ['{"level":"error","msg":"x","time":"2024-05-01T09:00:00Z"}'] * 5)
    write(tmp_path / "c.log", ["Checking zlib... yes", "done"])
    log = EventLog([tmp_path / name for name in ("a.log", "b.log", "c.log")])
    list(log.batches())
    assert [(one.format, one.parsed_share) for one in log.files] == [("generic", 1.0), ("json", 1.0), ("plain", 1.0)]


def test_two_formats_by_turns(tmp_path):
    lines = []
    for at in range(40):
        lines.append(
            f'10.0.0.1 - - [01/May/2024:08:00:{at:02} +0000] "GET /a HTTP/1.1" {500 if at == 30 else 200} 12 "-" "x"'
        )
        lines.append(f"2024/05/01 08:00:{at:02} [error] 17#17: *{at} upstream timed out")
    log = EventLog([write(tmp_path / "x.log", lines)])
    found = columns(log)
    assert found["parsed"].all()
    assert not np.isnan(found["timestamp"]).any()
    assert (found["severity"] == ERROR).sum() == 41
    assert "access-log" in log.files[0].notes[0] or "nginx-error" in log.files[0].notes[0]


def test_years(tmp_path):
    path = write(
        tmp_path / "x.log", ["Dec 30 23:00:00 h a[1]: x", "Dec 31 23:59:59 h a[1]: x", "Jan  1 00:00:01 h a[1]: x"]
    )
    os.utime(path, (1_704_153_600, 1_704_153_600))  # 2 January 2024
    years = [event.timestamp for event in read_events([path])]
    assert [round(one) for one in years] == [1703977200, 1704067199, 1704067201]
    path = write(tmp_path / "y.log", ["Feb 29 00:00:00 h a[1]: x", "Mar  1 00:00:00 h a[1]: x"])
    os.utime(path, (1_704_153_600, 1_704_153_600))
    first, second = [event.timestamp for event in read_events([path])]
    assert second - first == 86_400
    assert first == 1582934400  # 2020, the last leap year before


def test_zone_of_a_neighbour(tmp_path):
    record = {
        "log": "2024-05-01 11:07:41,123 ERROR shop - stopped\n",
        "stream": "stderr",
        "time": "2024-05-01T09:07:41.2Z",
    }
    (event,) = read_events([write(tmp_path / "x.log", [json.dumps(record)])])
    assert event.timestamp == pytest.approx(1714554461.123)


def test_sequences(tmp_path):
    lines = [f"2024-05-01 08:00:{at % 60:02},123 INFO [worker-{at % 3}] shop.x - step {at % 5}" for at in range(60)]
    log = EventLog([write(tmp_path / "x.log", lines)])
    sequence = columns(log)["sequence"]
    assert [log.sequences[at] for at in sequence[:4]] == ["worker-0", "worker-1", "worker-2", "worker-0"]
    hdfs = [
        f"081109 20361{at % 9} 14{at} INFO dfs.DataNode: Receiving block blk_-{at % 4} src: /10.0.0.{at}"
        for at in range(20)
    ]
    log = EventLog([write(tmp_path / "h.log", hdfs)])
    assert [log.sequences[at] for at in columns(log)["sequence"][:5]] == [
        "blk_-0",
        "blk_-1",
        "blk_-2",
        "blk_-3",
        "blk_-0",
    ]


def test_a_log_system_in_place_of_the_guess(tmp_path):
    line = "- 1117838570 2005.06.03 R02 2005-06-03-15.42.50.675872 R02 RAS KERNEL INFO instruction cache parity error corrected"
    (event,) = read_events([write(tmp_path / "x.log", [line])], system=get_system("bgl"))
    assert (event.message, event.severity, event.timestamp) == (
        "instruction cache parity error corrected",
        INFO,
        1117838570.0,
    )
    (event,) = read_events([tmp_path / "x.log"], system="bgl")
    assert event.attributes["label"] == "-"


def test_keys_of_an_earlier_reading_go_on(tmp_path):
    path = write(tmp_path / "a.log", made(200))
    first = EventLog([path])
    before = columns(first)["template"]
    keys = TemplateKeys.from_json(json.loads(json.dumps(first.keys.to_json())))
    again = EventLog([path], keys=keys)
    assert columns(again)["template"].tolist() == before.tolist()
    assert again.templates == first.templates


def test_otlp_gives_an_event_for_each_record(tmp_path):
    records = [
        {"timeUnixNano": str(1_700_000_000 * 10**9 + at), "severityNumber": 17, "body": {"stringValue": f"x {at}"}}
        for at in range(3)
    ]
    line = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})
    log = EventLog([write(tmp_path / "x.log", [line, line])])
    found = columns(log)
    assert found["number"].tolist() == [1, 1, 1, 2, 2, 2]
    assert set(found["severity"].tolist()) == {ERROR}
    assert log.files[0].lines == 2


def test_events_are_log_events(tmp_path):
    (event,) = read_events([write(tmp_path / "x.log", ["2024-05-01 08:00:00 [INFO] x"])])
    assert isinstance(event, LogEvent)
    assert event.lines == ("2024-05-01 08:00:00 [INFO] x",)


def test_missing_and_empty(tmp_path):
    with pytest.raises(LogInputError, match="must be a file that exists"):
        EventLog([tmp_path / "none.log"])
    with pytest.raises(LogInputError, match="folder"):
        EventLog([tmp_path])
    (tmp_path / "empty.log").write_bytes(b"")
    with pytest.raises(LogInputError, match="at least one line"):
        list(EventLog([tmp_path / "empty.log"]).batches())
    with pytest.raises(LogInputError, match="known names"):
        EventLog([tmp_path / "empty.log"], format="nonsense")


def whole(batches):
    return [event for batch in batches for event in batch.events(batch.columns.number.tolist()).values()]


def test_a_stream_of_a_container(tmp_path):
    stream = LiveEvents(TemplateKeys(), format="cri")
    lines = [
        "2024-06-03T11:20:01.1Z stdout P one ",
        "2024-06-03T11:20:01.2Z stderr F other",
        "2024-06-03T11:20:01.3Z stdout F two",
    ]
    got = []
    for at, line in enumerate(lines):
        got += whole(stream.feed([line], 1000.0 + at))
    got += whole(stream.flush(math.inf))
    assert sorted(event.message for event in got) == ["one two", "other"]


def test_reading_a_file_again_leaves_its_report(tmp_path):
    file = tmp_path / "app.log"
    file.write_text("".join(f"2024-05-01 09:00:{second:02d} INFO step {second} done\n" for second in range(60)))
    log = EventLog([file])
    assert sum(map(len, log.batches())) == 60
    assert len(list(log.read(0))) == 60
    assert (log.files[0].events, log.files[0].lines, log.files[0].parsed_share) == (60, 60, 1.0)


def test_names_keep_their_places_when_they_are_many(monkeypatch):
    monkeypatch.setattr(names, "_RECENT", 50)
    monkeypatch.setattr(names, "MOST_NAMES", 1000)
    table = names.NameTable()
    texts = [f"blk_{number}" for number in range(1000)]
    assert [table.place(text.encode()) for text in texts] == list(range(1000))
    assert [table.place(text.encode()) for text in reversed(texts)] == list(reversed(range(1000)))
    assert list(table) == texts
    assert table.place(b"one more") == -1
    table.clear()
    assert not len(table) and table.place(b"blk_7") == 0
