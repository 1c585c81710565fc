"""Scans of a span of time: the part of the file that is read, against reading all and filtering."""

import gzip
import random
import time
from pathlib import Path

import pytest

from logllm.hf_datasets.events.seek import TimeIndex
from logllm.signals import scan, scan_logs
from logllm.signals.command import rows_of

BEGIN = 1714521600  # 2024-05-01 00:00 UTC
STEP = 2


def line(number, at, form="%Y-%m-%d %H:%M:%S"):
    texts = (
        "order {} accepted",
        "stock reserved for order {}",
        "cache refresh finished, {} entries",
        "health check ok",
    )
    level = "ERROR disk volume {} is gone" if number % 4999 == 4000 else "INFO " + texts[number % 7 % 4]
    return f"{time.strftime(form, time.gmtime(at))} {level.format(number * 7919 % 1000)}"


def write(path, n=6_000, disorder=0, form="%Y-%m-%d %H:%M:%S"):
    rng = random.Random(0)
    moments = [BEGIN + STEP * at for at in range(n)]
    if disorder:
        moments = [moment - rng.randrange(disorder) for moment in moments]
    rows = [line(number, moment, form) for number, moment in enumerate(moments)]
    for at in range(500, n, 1000):  # lines without a time, and traces below a line
        rows[at] += "\n  at com.acme.Shop.buy(Shop.java:11)\n  at com.acme.Main.main(Main.java:5)"
    path.write_text("\n".join(rows) + "\n")
    return path


def described(result):
    rows = rows_of(result, result.findings)
    return [
        {name: row[name] for name in ("kind", "first_line", "lines", "first", "last", "count", "key")} for row in rows
    ]


@pytest.fixture
def whole(monkeypatch):
    """Switches the search off."""

    def off():
        def refuse(self, reader):
            raise ValueError("a test asked for it")

        monkeypatch.setattr(TimeIndex, "__init__", refuse)

    return off


SPANS = {
    "middle": {"since": BEGIN + 4000.0, "until": BEGIN + 9000.0},
    "on a line": {"since": BEGIN + 8000.0, "until": BEGIN + 8000.0},
    "begin": {"until": BEGIN + 3000.0},
    "end": {"last": 1800.0},
    "end and until": {"last": 9000.0, "until": BEGIN + 10_000.0},
    "before": {"until": BEGIN - 5.0},
    "after": {"since": BEGIN + 1e6},
    "all": {"since": BEGIN - 1.0, "until": BEGIN + 1e6},
}


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("disorder", [0, 40])
def test_the_part_gives_what_the_filter_gives(tmp_path, whole, span, disorder):
    path = write(tmp_path / "app.log", disorder=disorder)
    found = scan_logs([path], **SPANS[span])
    assert "bisection" in " ".join(found.notes)
    whole()
    wanted = scan_logs([path], **SPANS[span])
    assert "read whole" in " ".join(wanted.notes)
    assert found.table.number.tolist() == wanted.table.number.tolist()
    assert found.table.timestamp.tolist() == wanted.table.timestamp.tolist()
    assert described(found) == described(wanted)


def test_a_large_file_is_not_read_whole(tmp_path):
    path = write(tmp_path / "app.log", 300_000)
    size = path.stat().st_size
    assert size > 10_000_000

    def read(**span):
        before = _bytes_read()
        result = scan_logs([path], **span)
        return len(result.table), _bytes_read() - before

    scan_logs([path], until=BEGIN + 10.0)  # imports are read as well
    events, amount = read(since=BEGIN + 100.0, until=BEGIN + 4000.0)
    assert events == 1951 and amount < size / 3
    events, amount = read(since=BEGIN + 1e9)  # nothing found, so that no line before it need be counted
    assert events == 0 and amount < size / 3


def _bytes_read():
    rows = dict(row.split(": ") for row in Path("/proc/self/io").read_text().splitlines())
    return int(rows["rchar"])


def test_lines_before_the_part_are_counted_for_a_finding(tmp_path):
    path = write(tmp_path / "app.log")
    result = scan_logs([path], since=BEGIN + 2 * 3000.0)
    row = next(row for row in described(result) if "disk" in row["lines"][0]["text"])
    assert path.read_text().splitlines()[row["first_line"] - 1] == row["lines"][0]["text"]
    assert row["first_line"] > 3000


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rows: rows[3000:] + rows[:3000], "not in order of time"),
        (lambda rows: [row.partition(" INFO")[2] or row for row in rows], "no time"),
        (lambda rows: [row[11:] for row in rows], "no date"),
        (lambda rows: rows[:2400] + rows[4700:4720] + rows[2400:4700] + rows[4720:], "not in order of time"),
    ],
    ids=["turned", "without times", "without dates", "a few lines that no probe sees"],
)
def test_where_times_are_missing_or_out_of_order_all_is_read(tmp_path, change, why):
    path = write(tmp_path / "app.log")
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    result = scan_logs([path], since=BEGIN + 4750.0, until=BEGIN + 9500.0)
    note = " ".join(result.notes)
    assert "read whole" in note and why in note


def test_an_archive_is_read_whole_and_the_file_beside_it_is_not(tmp_path):
    rows = write(tmp_path / "app.log").read_text().splitlines(keepends=True)
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress("".join(rows[:3000]).encode()))
    (tmp_path / "app.log").write_text("".join(rows[3000:]))
    paths = [tmp_path / "app.log", tmp_path / "app.log.1.gz"]
    span = {"since": BEGIN + 5_000.0, "until": BEGIN + 7_000.0}
    result = scan_logs(paths, **span)
    assert len(result.table) == 1001
    assert "app.log.1.gz was read whole" in " ".join(result.notes) and "bisection" in " ".join(result.notes)
    assert len(scan_logs(paths, last=100.0).table) == 51


def test_times_without_a_year_are_looked_for_as_well(tmp_path, whole):
    path = write(tmp_path / "app.log", form="%b %d %H:%M:%S web1 app[7]:")
    year = time.gmtime(path.stat().st_mtime).tm_year
    begin = scan.scan_logs([path]).table.timestamp[0]
    assert time.gmtime(begin).tm_year in (year, year - 1)
    found = scan_logs([path], since=begin + 7000, until=begin + 9000)
    assert "bisection" in " ".join(found.notes)
    whole()
    assert described(found) == described(scan_logs([path], since=begin + 7000, until=begin + 9000))
