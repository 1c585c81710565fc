"""Cases for the fuzz targets: seeds that look like what each target reads, and mutations of them, drawn from one seed.

Notes: Half of a case's mutations are about structure (lines, brackets, fields repeated or cut), because bytes
flipped at random are told for no log by the first check that sees them.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from .targets import ROWS, TARGETS

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
MOST_BYTES = 20_000
LOG = [
    "081109 203615 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_38865049064139660 terminating",
    "- 1117838570 2005.06.03 R02-M1-N0-C:J12-U11 2005-06-03-15.42.50.675872 R02-M1-N0-C:J12-U11 RAS KERNEL INFO cache 3",
    "- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond(pam_unix)[2915]: session closed for user root",
    "nova-api.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25746 INFO nova.osapi [req-38101a0b 113d3a99] 10.11.10.1 ok",
    "2015-10-18 18:01:47,978 INFO [main] org.apache.hadoop.mapreduce.v2.app.MRAppMaster: Created MRAppMaster for 1",
    "<34>1 2003-10-11T22:14:15.003Z my.example.com su - ID47 [a@1 b=\"c\"] 'su root' failed on /dev/pts/8",
    "<13>Feb  5 17:32:18 10.0.0.99 app[12]: Use the BFG!",
    '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326',
    "2024/05/01 10:00:00 [error] 7#7: *1 open() failed", "[Sun Dec 04 04:47:44 2005] [error] mod_jk child in state 6",
    "2024-05-01T10:00:00.123Z stdout F message of a pod", "2024-05-01 10:00:00,123 - a.b - ERROR - python's own",
    "WARNING:root:no time", "2024-05-01 10:00:00.123  INFO [main] c.e.App : started", "plain text, 0x7fff and a1b2c3d4e5",
    '{"time":"2024-05-01T10:00:00Z","msg":"one","level":"info","n":{"a":[1,2]}}',
    '{"MESSAGE":[104,105],"__REALTIME_TIMESTAMP":"1700000000000000"}',
    '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1700000000000000000","body":{"stringValue":"x"}}]}]}]}',
]  # fmt: skip
PIECES = [
    b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\x1b[31m", b"\x1c", b"\x85", b" ", b"\t", b"  ",
    b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u0000", b"null", b"NaN", b"1e999", b"-1", b"9" * 25, b"<*>", b"%", b":", b"blk_-1",
    b"True", b"@", b"/", b"aa:", b"0x", "\u0660\u0661".encode(), "\U0001d7d8".encode(), "\u212a".encode(), b"\xed\xa0\x80",
]  # fmt: skip
SYSTEMS = [
    "name: mine\nformat: '<Date> <Time> <Level> <Component>: <Content>'\ntimestamp: {fields: [Date, Time], layout: '%Y-%m-%d %H:%M:%S'}\n",
    "pattern: '^(?P<label>\\S+) (?P<content>.*)$'\nsession: 'req-[0-9]+'\nwindow: {kind: fixed, size: 50}\nlabels: line\n",
    "format: '<Content>'\ndrain: {similarity: 0.5, depth: 4, masks: [['\\d+', '<*>']]}\nwindow: {kind: sliding, size: 10, step: 5}\n",
    "pattern: '(?P<content>(a+)+b)'\nencoding: latin-1\n",
    json.dumps(ROWS[0].to_dict()),
]
TIMES = ["2024-05-01 10:00:00,123", "1117838570", "1700000000000000000", "081109 203615", "Nov 9 12:01:01",
         "Sun Dec 04 04:47:44.5 2005", "10:00:00", "2024-05-01T10:00:00+25:00", "1e400", "-1", "99999999999999999999"]  # fmt: skip


def seeds(target: str) -> list[bytes]:
    """Bytes that the target would read in ordinary life, and those of the corpus that once were a finding."""
    found = [file.read_bytes() for file in sorted(CORPUS.glob(f"{target}-*"))]
    log = "\n".join(LOG).encode()
    if target == "times":
        found += [bytes([at]) + one.encode() for one in TIMES for at in range(8)]
    elif target == "systems":
        found += [one.encode() for one in SYSTEMS]
    elif target == "labels":
        found += [b"BlockId,Label\nblk_1,Normal\nblk_2,Anomaly\n", b'blk_1,Normal\n"blk,2",1\n']
    elif target == "otlp":
        found += [
            b'{"stringValue":"x"}',
            b"[1,2,3]",
            b'"text"',
            b"17",
            b'[{"key":"log.record.template","value":{"stringValue":"a"}}]',
        ]
    elif target == "files":
        found += [log, *_packed(log)]
    elif target in ("masking", "guess", "processors", "templates"):
        found += [log, *(one.encode() for one in LOG)]
    else:
        found += [
            bytes([at]) + b"\x01" * (target == "windows") + one.encode() + b"\n" + one.encode()
            for at, one in enumerate(LOG)
        ]
        found += [bytes([at, at]) + log for at in range(8)]
    return found


def _packed(data: bytes) -> list[bytes]:
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app.log", data)
    with tarfile.open(fileobj=tarred, mode="w") as packed:
        member = tarfile.TarInfo("app.log")
        member.size = len(data)
        packed.addfile(member, io.BytesIO(data))
    tar = tarred.getvalue()
    return [gzip.compress(data), zipped.getvalue(), tar, gzip.compress(tar), pa.compress(data, "zstd", asbytes=True)]


def mutated(data: bytes, draw: random.Random, others: list[bytes]) -> bytes:
    """One to six changes."""
    for _ in range(draw.choice((1, 1, 2, 3, 6))):
        at, end = sorted((draw.randrange(len(data) + 1), draw.randrange(len(data) + 1)))
        match draw.randrange(9):
            case 0:
                data = data[:at] + draw.randbytes(draw.randrange(1, 9)) + data[at:]
            case 1:
                data = data[:at] + data[min(end, at + draw.choice((1, 8, 64, 4096))) :]
            case 2:
                data = data[:at] + draw.choice(PIECES) + data[at:]
            case 3:
                data = data[:at] + data[at : at + draw.choice((1, 3, 20))] * draw.choice((2, 10, 300)) + data[at:]
            case 4:
                other = draw.choice(others)
                data = data[:at] + other[draw.randrange(len(other) + 1) :]
            case 5:
                rows = data.split(b"\n")
                draw.shuffle(rows)
                data = b"\n".join(rows[: draw.randrange(1, len(rows) + 1)])
            case 6:
                flipped = bytearray(data or b"\0")
                flipped[min(at, len(flipped) - 1)] ^= 1 << draw.randrange(8)
                data = bytes(flipped)
            case 7:
                data = data[:at] + draw.choice(PIECES) * draw.choice((5, 100, 3000)) + data[at:]
            case 8:
                data = data[:at]
    return data[:MOST_BYTES]


def cases(target: str, count: int, seed: int) -> Iterator[bytes]:
    """The seeds, then `count` less them of mutations; the same seed gives the same cases."""
    draw = random.Random(f"{seed} {target} {list(TARGETS).index(target)}")
    known = seeds(target)
    for at in range(count):
        yield known[at] if at < len(known) else mutated(draw.choice(known), draw, known)
