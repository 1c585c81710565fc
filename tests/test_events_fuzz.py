"""Lines of all formats, mixed and broken: every line ends up in one event, and columns and whole events agree."""

from __future__ import annotations

import math
import random

import pytest

from logllm.hf_datasets.events import EventLog
from logllm.hf_datasets.events.formats import ALL_ROWS

LINES = [line.encode() for row in ALL_ROWS for example in row.examples for line in example.line.split("\n")]
TRACE = [
    b"java.io.IOException: x",
    b"\tat a.B.c(B.java:1)",
    b"Traceback (most recent call last):",
    b'  File "a.py", line 1, in x',
    b"ValueError: y",
    b"",
    b"goroutine 1 [running]:",
    b"panic: x",
]


def broken(line, random_):
    """The line, or what is left of it."""
    kind = random_.randrange(8)
    if kind == 0:
        return line[: random_.randrange(len(line) + 1)]
    if kind == 1:
        at = random_.randrange(len(line) + 1)
        return line[:at] + random_.randbytes(random_.randrange(4)).replace(b"\n", b"") + line[at:]
    if kind == 2:
        return line.replace(b"0", b"9").replace(b"1", b"7")
    if kind == 3:
        return line + b"\r"
    return line


def check(path):
    log = EventLog([path])
    batches = list(log.batches())
    events = list(log.read(0))
    assert [number for batch in batches for number in batch.number.tolist()] == [event.number for event in events]
    severities = [severity for batch in batches for severity in batch.severity.tolist()]
    assert severities == [event.severity or 0 for event in events]
    times = [time for batch in batches for time in batch.timestamp.tolist()]
    assert all((math.isnan(one) and two.timestamp is None) or one == two.timestamp for one, two in zip(times, events))
    for batch in batches:
        assert len(batch.numbers) == batch.numbers_start[-1]
        assert batch.template.min(initial=0) >= 0
        assert batch.template.max(initial=0) < len(log.templates)
        assert batch.sequence.max(initial=-1) < len(log.sequences)
    return log, events


@pytest.mark.parametrize("seed", range(60))
def test_mixed_and_broken_lines(tmp_path, seed):
    random_ = random.Random(seed)
    few = random_.sample(LINES, random_.choice((1, 2, 5, 30)))
    lines = []
    for _ in range(random_.choice((3, 40, 200))):
        line = random_.choice(few)
        lines.append(broken(line, random_) if random_.random() < 0.3 else line)
        if random_.random() < 0.1:
            lines += random_.sample(TRACE, random_.randrange(len(TRACE)))
    path = tmp_path / "x.log"
    data = b"\n".join(lines).replace(b"\0", b"") + b"\n"
    if not data.strip() or data[:1] == b"\xff":
        return
    path.write_bytes(data)
    log, events = check(path)
    if not any(b"resourceLogs" in line for line in lines):
        assert sum(len(event.lines) for event in events) == log.files[0].lines == data.count(b"\n")
