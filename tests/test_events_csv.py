"""Tables with a header: columns are known by name, the header is no event, and rows may have several lines."""

from __future__ import annotations

import gzip
import math
from datetime import UTC, datetime

import pytest

from logllm.hf_datasets.events import ERROR, FATAL, INFO, WARN, EventLog
from logllm.hf_datasets.events import inputs as event_inputs
from logllm.hf_datasets.events.live import LiveEvents
from logllm.hf_datasets.events.seek import TimeIndex
from logllm.hf_datasets.events.templates import TemplateKeys


def read(tmp_path, text, name="table.log"):
    """(the log, its events) of a file with some text or bytes."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    log = EventLog([path])
    return log, list(log.read(0))


def moment(event):
    """The time of an event as text, without a zone."""
    return None if event.timestamp is None else datetime.fromtimestamp(event.timestamp, UTC).isoformat()[:-6]


# (name, text of the log, time, severity and message of the first event)
TABLES = [
    ("metrics", "time,host,cpu_pct,errors\n2024-05-01 09:07:41,db1,26.4,0\n2024-05-01 09:08:41,db2,24.0,0", "2024-05-01T09:07:41", None, "host=db1 cpu_pct=26.4 errors=0"),
    ("runs", "run_id,job,started,rows,status\n5001,load,2024-05-01 02:01:42,48415,FAILED\n5002,load,2024-05-01 02:02:14,0,OK", "2024-05-01T02:01:42", ERROR, "run_id=5001 job=load rows=48415 status=FAILED"),
    ("semicolons", "timestamp;meter;reading\n2024-05-01T06:05:00Z;WM-17;418215\n2024-05-01T06:10:00Z;WM-17;418245", "2024-05-01T06:05:00", None, "meter=WM-17 reading=418215"),
    ("date and time", "Date,Time,Sensor,Value\n01.05.2024,09:07:41,boiler,71.5\n31.05.2024,09:08:41,boiler,71.6", "2024-05-01T09:07:41", None, "Sensor=boiler Value=71.5"),
    ("American dates", "Id,When,Bytes\n1000000001,5/31/2024 9:07:41 AM,12\n1000000002,5/31/2024 9:08:41 PM,13", "2024-05-31T09:07:41", None, "Id=1000000001 Bytes=12"),
    ("dates alone", "Date,Orders,Returns\n31.05.2024,12,1\n01.06.2024,13,1", "2024-05-31T00:00:00", None, "Orders=12 Returns=1"),
    ("dates and times of digits", "LineId,Date,Time,Level,Content\n1,081109,203518,INFO,Receiving block\n2,081109,203519,INFO,Receiving block", "2008-11-09T20:35:18", INFO, "Receiving block"),
    ("epoch and tabs", "ts\tservice\tlatency_ms\n1714554461\tshop\t12\n1714554462\tshop\t11", "2024-05-01T09:07:41", None, "service=shop latency_ms=12"),
    ("milliseconds", "@timestamp,level,message\n1714554461123,WARN,low memory\n1714554462123,INFO,ok", "2024-05-01T09:07:41.123000", WARN, "low memory"),
    ("kibana", '"@timestamp",host,message\n"May 1, 2024 @ 09:07:41.123","web1","posting stopped"\n"May 1, 2024 @ 09:08:41.123","web1","posting started"', "2024-05-01T09:07:41.123000", None, "posting stopped"),
    ("two columns", "timestamp,message\n1714554461123,ERROR posting stopped\n1714554462123,posting started", "2024-05-01T09:07:41.123000", ERROR, "ERROR posting stopped"),
    ("spaces", "Time, Severity, Message\n2024-05-01 09:07:41, critical, posting stopped\n2024-05-01 09:08:41, info, ok", "2024-05-01T09:07:41", FATAL, "posting stopped"),
    ("bars and units", "Time (UTC)|CPU Usage (%)|Free [MB]\n2024-05-01 09:07:41|26.4|17\n2024-05-01 09:08:41|27.4|17", "2024-05-01T09:07:41", None, "CPU_Usage=26.4 Free_MB=17"),
    ("quotes", 'time,user,path\n2024-05-01 09:07:41,bob,"a, b"\n2024-05-01 09:08:41,ann,c', "2024-05-01T09:07:41", None, 'user=bob path="a, b"'),
    ("status of HTTP", "time,path,status\n2024-05-01 09:07:41,/a,502\n2024-05-01 09:08:41,/b,200", "2024-05-01T09:07:41", ERROR, "path=/a status=502"),
    ("a level that is a height", "time,level,flow\n2024-05-01 09:07:41,3,1.5\n2024-05-01 09:08:41,4,1.4", "2024-05-01T09:07:41", None, "level=3 flow=1.5"),
    ("no time", "id,level,message\n1,error,posting stopped\n2,info,ok", None, ERROR, "posting stopped"),
    ("comments above", "# made by a meter\nsep=,\ntime,a,b\n2024-05-01 09:07:41,1,2\n2024-05-01 09:08:41,1,2", "2024-05-01T09:07:41", None, "a=1 b=2"),
    ("an empty message", "time,code,message\n2024-05-01 09:07:41,17,\n2024-05-01 09:08:41,18,stopped\n2024-05-01 09:08:42,18,stopped", "2024-05-01T09:07:41", None, "code=17"),
    ("separators in the last column", "time,level,message\n2024-05-01 09:07:41,ERROR,a, b, c\n2024-05-01 09:08:41,INFO,ok", "2024-05-01T09:07:41", ERROR, "a, b, c"),
    ("log lines in a column", "timestamp,source,message\n2024-05-01T09:07:42Z,web1,2024-05-01 09:07:41 [ERROR] shop: posting stopped\n2024-05-01T09:08:42Z,web1,2024-05-01 09:08:41 [INFO] shop: ok", "2024-05-01T09:07:41", ERROR, "posting stopped"),
    ("a time in a message", "timestamp,source,message\n2024-05-01T09:07:42Z,web1,started at 2023-01-01 10:00:00\n2024-05-01T09:08:42Z,web1,ok", "2024-05-01T09:07:42", None, "started at 2023-01-01 10:00:00"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "time", "severity", "message"), [one[1:] for one in TABLES], ids=[one[0] for one in TABLES])  # fmt: skip
def test_columns_by_name(tmp_path, text, time, severity, message):
    log, events = read(tmp_path, text + "\n")
    assert log.files[0].format == "csv"
    assert (moment(events[0]), events[0].severity, events[0].message) == (time, severity, message)
    lines = text.split("\n")
    header = next(at for at, line in enumerate(lines) if line[0] != "#" and not line.startswith("sep="))
    assert [event.number for event in events] == list(range(header + 2, len(lines) + 1))
    assert all(event.parsed for event in events)


def test_fields_and_numbers_have_names(tmp_path):
    log, events = read(
        tmp_path, "time,host,cpu\n" + "".join(f"2024-05-01 09:07:{at:02},db{at % 2},{at}.5\n" for at in range(60))
    )
    assert events[3].attributes == {"host": "db1", "cpu": "3.5"}
    batch = next(log.batches())
    assert len(batch) == 60
    assert batch.numbers[batch.numbers_start[3] : batch.numbers_start[4]].tolist()[-1] == 3.5
    assert "cpu=<*>" in log.templates[int(batch.template[3])]


@pytest.mark.parametrize(
    "text",
    [
        "starting, loading, running\nall is well, more or less, I think\n",  # neither a time nor a level
        "2024-05-01 09:07:41,ERROR,stopped\n2024-05-01 09:08:41,INFO,ok\n",  # no header
        "time,host,cpu\n2024-05-01 09:07:41 INFO started\n2024-05-01 09:08:41 INFO done\n",  # no rows
        "time,time,cpu\n2024-05-01 09:07:41,b,3\n",  # the same name twice
        "time,17,cpu\n2024-05-01 09:07:41,b,3\n",  # a number
        '{"a",b,c\n2024-05-01 09:07:41,b,3\n',
        "time,host,cpu\n",
    ],
)
def test_what_is_no_table(tmp_path, text):
    log, events = read(tmp_path, text)
    assert log.files[0].format != "csv"
    assert len(events) == text.count("\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("windows-event-csv", 'Level,Date and Time,Source,Event ID,Task Category\nError,5/1/2024 9:07:41 AM,Service Control Manager,7031,None,"The service stopped."\n'),
        ("w3c-fields", "#Version: 1.0\n#Fields: date time x-edge-location sc-status\n2024-05-01\t09:07:41\tFRA2\t502\n"),
    ],
)  # fmt: skip
def test_tables_of_known_programs_keep_their_rows(tmp_path, name, text):
    assert read(tmp_path, text)[0].files[0].format == name


def _long_table(rows):
    lines, begins = ["time,level,message"], []
    for at in range(rows):
        begins.append(len(lines) + 1)
        clock = f"2024-05-01 {at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}"
        if at % 7 == 3:
            lines += [f'{clock},ERROR,"stopped, row {at}:', "", '  said ""no""', '  at shop.py:17"']
        else:
            lines.append(f"{clock},INFO,row {at} is fine")
    return lines, begins


def test_rows_of_several_lines_across_blocks(tmp_path, monkeypatch):
    lines, begins = _long_table(900)
    path = tmp_path / "long.log"
    path.write_text("\n".join(lines) + "\n")
    small = event_inputs.LogInput.blocks
    monkeypatch.setattr(
        event_inputs.LogInput, "blocks", lambda self, size=1000, **more: small(self, size=1000, **more)
    )
    log = EventLog([path])
    events = list(log.read(0))
    assert [event.number for event in events] == begins
    assert [len(event.lines) for event in events[:5]] == [1, 1, 1, 4, 1]
    assert events[3].message == 'stopped, row 3:\n\n  said "no"\n  at shop.py:17'
    assert events[3].lines == tuple(lines[4:8])
    batches = list(log.batches())
    assert sum(len(batch) for batch in batches) == 900
    again = log.events([(0, begins[700]), (0, begins[3])])
    assert [one.message for one in again] == [events[700].message, events[3].message]
    assert log.context(0, begins[4], before=2, after=1) == [(7, lines[6]), (8, lines[7]), (10, lines[9])]


def test_times_are_found_from_the_middle(tmp_path):
    lines, _ = _long_table(40_000)
    path = tmp_path / "long.log"
    path.write_text("\n".join(lines) + "\n")
    log = EventLog([path])
    low = datetime(2024, 5, 1, 5, 0, 0, tzinfo=UTC).timestamp()
    index = TimeIndex(log.reader(0))
    log.spans[0] = index.span(low, low + 100)
    times = [event.timestamp for event in log.read(0)]
    assert times[0] == low
    assert times[-1] == low + 100


@pytest.mark.parametrize(
    "change", [lambda raw: b"\xef\xbb\xbf" + raw, lambda raw: raw.replace(b"\n", b"\r\n"), gzip.compress],
    ids=["mark", "CRLF", "gzip"],
)  # fmt: skip
def test_marks_and_line_ends(tmp_path, change):
    lines, begins = _long_table(50)
    raw = ("\n".join(lines) + "\n").encode()
    name = "table.csv.gz" if change is gzip.compress else "table.csv"
    _, events = read(tmp_path, change(raw), name)
    assert [event.number for event in events] == begins
    assert events[0].message == "row 0 is fine"
    assert events[3].message.startswith("stopped, row 3:")


def test_rotated_files_have_a_header_each(tmp_path):
    for name, hour in (("t.csv.1", 8), ("t.csv", 9)):
        (tmp_path / name).write_text(
            "time,host,cpu\n" + "".join(f"2024-05-01 {hour:02}:00:{at:02},db1,{at}\n" for at in range(30))
        )
    log = EventLog([tmp_path / "t.csv", tmp_path / "t.csv.1"])
    batches = list(log.batches())
    assert [(batch.source, len(batch)) for batch in batches] == [(1, 30), (0, 30)]
    assert len(log.templates) == 1


def test_a_header_that_comes_again_and_odd_rows(tmp_path):
    text = (
        "time,host,cpu\n"
        + "2024-05-01 09:07:41,db1,3\n" * 40
        + "time,host,cpu\n2024-05-01 09:07:42,db1,4\n\n2024-05-01 09:07:43,db1\n"
    )
    _, events = read(tmp_path, text)
    assert [event.number for event in events] == [*range(2, 42), 43, 45]
    assert (len(events[-2].lines), events[-1].parsed, events[-1].message) == (2, False, "2024-05-01 09:07:43,db1")


def test_a_quote_that_never_ends_takes_nothing_with_it(tmp_path):
    text = "time,host,cpu\n" + '2024-05-01 09:07:41,"db1,3\n' + "2024-05-01 09:07:42,db2,4\n" * 1200
    _, events = read(tmp_path, text)
    assert (len(events), events[0].parsed, events[1].attributes["host"]) == (1201, False, "db2")


def test_a_table_that_grows():
    live = LiveEvents(TemplateKeys())
    rows = [f"2024-05-01 09:07:{at:02},db1,{at}" for at in range(60)]
    first = [one for batch in live.feed(["time,host,cpu", *rows[:30]], 1.0) for one in batch.columns.number.tolist()]
    assert first == list(range(2, 32))
    kept = live.state()
    live = LiveEvents(live.keys)
    live.resume(kept)
    found = []
    for line in [rows[30], "time,host,cpu", '2024-05-01 09:08:00,"db', '2",7']:
        for batch in live.feed([line], 2.0):
            found += list(batch.events(batch.columns.number.tolist()).values())
    found += [one for batch in live.flush(math.inf) for one in batch.events(batch.columns.number.tolist()).values()]
    assert [(event.number, event.message) for event in found] == [(32, "host=db1 cpu=30"), (34, 'host="db 2" cpu=7')]


def test_levels(tmp_path):
    _, events = read(
        tmp_path, "time,EntryType,text\n2024-05-01 09:07:41,Information,a b\n2024-05-01 09:07:42,Warning,c d\n"
    )
    assert [event.severity for event in events] == [INFO, WARN]
