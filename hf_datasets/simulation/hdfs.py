"""HDFS-format logs from a grammar of block life cycles.

Notes: A session is first a *script*, a list of (event, replica), and a fault is a function from script to script,
so that the kind of every anomaly is known and no fault is a matter of wording. Scripts are planned whole when a block
opens and their lines wait in one list per tick of a tenth of a second: memory follows the blocks that are open, not the
length of the log, and no block is ever cut by the end of the log. Only `random()` and `getrandbits()` are drawn from,
which give the same numbers on every machine and Python version.
Left out: name node restarts, balancing, clock skew between machines.
"""

from __future__ import annotations

import datetime
import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

_T = TypeVar("_T")
Step = tuple[str, int]  # (event, replica); ("pause", ticks) and ("wait", ticks) are silences, the second one scaled
Script = list[Step]

NORMAL = "-"
ANOMALY_SHARE = 0.03
TICKS = 10  # a second
SHORTEST = 9  # lines of the shortest complete session: one allocation and four lines for each of two replicas
WAIT = 18_000  # ticks; the longest silence between the stages of a life
LONG_LOG = 300_000  # lines; a shorter log shrinks its silences, or it would be mostly deletions after one busy second

TOGETHER = 20  # the replica number of a request to delete several blocks

# Wordings of Apache Hadoop 0.18 (Apache-2.0).
_NAME, _XCEIVER = "%(name)d INFO dfs.FSNamesystem: BLOCK* ", "%(xceiver)d INFO dfs.DataNode$DataXceiver: "
EVENTS = {
    "allocate": _NAME + "NameSystem.allocateBlock: %(path)s. %(block)s",
    "receiving": _XCEIVER + "Receiving block %(block)s src: /%(source)s:%(port)d dest: /%(host)s:50010",
    "received": "%(responder)d INFO dfs.DataNode$PacketResponder: Received block %(block)s of size %(size)d from /%(source)s",
    "responder": "%(responder)d INFO dfs.DataNode$PacketResponder: PacketResponder %(rank)d for block %(block)s terminating",
    "stored": _NAME
    + "NameSystem.addStoredBlock: blockMap updated: %(host)s:50010 is added to %(block)s size %(size)d",
    "verified": "13 INFO dfs.DataBlockScanner: Verification succeeded for %(block)s",
    "served": _XCEIVER + "%(host)s:50010 Served block %(block)s to /%(client)s",
    "serve_exception": "%(xceiver)d WARN dfs.DataNode$DataXceiver: %(host)s:50010:Got exception while serving %(block)s to /%(client)s:",
    "ask_replicate": "19 INFO dfs.FSNamesystem: BLOCK* ask %(source)s:50010 to replicate %(block)s to datanode(s) %(host)s:50010",
    "start_transfer": "18 INFO dfs.DataNode: %(source)s:50010 Starting thread to transfer block %(block)s to %(host)s:50010",
    "received_copy": _XCEIVER
    + "Received block %(block)s src: /%(source)s:%(port)d dest: /%(host)s:50010 of size %(size)d",
    "transmitted": "%(xceiver)d INFO dfs.DataNode$DataTransfer: %(source)s:50010:Transmitted block %(block)s to /%(host)s:50010",
    "invalidated": _NAME + "NameSystem.delete: %(block)s is added to invalidSet of %(host)s:50010",
    "ask_delete": "19 INFO dfs.FSNamesystem: BLOCK* ask %(host)s:50010 to delete  %(blocks)s",
    "deleting": "%(remover)d INFO dfs.FSDataset: Deleting block %(block)s file /mnt/hadoop/dfs/data/current/%(folder)s%(block)s",
    # From here on: seen in faults, and the first six now and then in sessions that end well.
    "empty_packet": "%(responder)d INFO dfs.DataNode$BlockReceiver: Receiving empty packet for block %(block)s",
    "write_exception": _XCEIVER + "writeBlock %(block)s received exception %(cause)s",
    "redundant": "%(name)d WARN dfs.FSNamesystem: BLOCK* NameSystem.addStoredBlock: Redundant addStoredBlock request received for %(block)s on %(host)s:50010 size %(size)d",
    "delete_error": "%(remover)d WARN dfs.FSDataset: Unexpected error trying to delete block %(block)s. BlockInfo not found in volumeMap.",
    "ownerless": _NAME
    + "NameSystem.addStoredBlock: addStoredBlock request received for %(block)s on %(host)s:50010 size %(size)d But it does not belong to any file.",
    "pending_timeout": "25 WARN dfs.PendingReplicationBlocks$PendingReplicationMonitor: PendingReplicationMonitor timed out block %(block)s",
    "receive_exception": "%(responder)d INFO dfs.DataNode$BlockReceiver: Exception in receiveBlock for block %(block)s %(cause)s",
    "interrupted": "%(responder)d INFO dfs.DataNode$PacketResponder: PacketResponder %(rank)d for block %(block)s Interrupted.",
    "responder_exception": "%(responder)d WARN dfs.DataNode$PacketResponder: PacketResponder %(block)s %(rank)d Exception %(cause)s",
    "mirror_exception": "%(xceiver)d WARN dfs.DataNode$DataXceiver: %(source)s:50010:Exception writing block %(block)s to mirror %(host)s:50010",
    "transfer_failed": "%(xceiver)d WARN dfs.DataNode$DataTransfer: %(source)s:50010:Failed to transfer %(block)s to %(host)s:50010 got %(cause)s",
    "changing_offset": "%(responder)d INFO dfs.DataNode$BlockReceiver: Changing block file offset of block %(block)s from %(size)d to 0 meta file offset to 7",
    "reopen": "%(responder)d WARN dfs.FSDataset: Reopen Block %(block)s",
    "existing": "13 WARN dfs.DataBlockScanner: Adding an already existing block %(block)s",
    "not_needed": _NAME + "Removing block %(block)s from neededReplications as it does not belong to any file.",
}
CAUSES = (
    "java.io.IOException: Could not read from stream",
    "java.io.IOException: Connection reset by peer",
    "java.io.IOException: Broken pipe",
    "java.io.EOFException",
)
# Orders as the machines' clocks and queues give them, with the share of sessions up to and including each. A letter's
# k-th turn is the k-th replica: a allocate, v receiving, p responder, r received, s stored.
OPENINGS = ((0.34, "vvva"), (0.60, "avvv"), (0.81, "vavv"), (1.0, "vvav"))
CLOSINGS = (
    (0.62, "prprprsss"),
    (0.76, "sssprprpr"),
    (0.84, "prprssprs"),
    (0.89, "prsprprss"),
    (0.92, "prprsprss"),
    (0.95, "ssprprprs"),
    (0.98, "pprrprsss"),
    (1.0, "rprprpsss"),
)
LETTERS = {"a": "allocate", "v": "receiving", "p": "responder", "r": "received", "s": "stored"}

REQUIRED = ("allocate", "responder", "received", "stored", "invalidated", "deleting")
# (cause, effect): in a normal session no effect comes before the first of its causes.
ORDERS = (
    ("receiving", "responder"),
    ("receiving", "received"),
    ("receiving", "stored"),
    ("invalidated", "deleting"),
    ("stored", "invalidated"),
    ("ask_replicate", "transmitted"),
)
# (after the last of, first seen at this share of the log, messages); the first three also end well in normal sessions.
NOVELTIES: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("stored", 0.0, ("delete_error", "delete_error")),
    ("stored", 0.0, ("ownerless", "ownerless", "redundant")),
    ("receiving", 0.0, ("write_exception", "empty_packet")),
    ("receiving", 0.0, ("receive_exception", "write_exception")),
    ("receiving", 0.0, ("receive_exception", "interrupted")),
    ("received", 0.1, ("responder_exception",)),
    ("receiving", 0.2, ("mirror_exception", "receive_exception")),
    ("stored", 0.3, ("ask_replicate", "start_transfer", "transfer_failed")),
    ("receiving", 0.4, ("changing_offset",)),
    ("received", 0.5, ("reopen", "changing_offset")),
    ("stored", 0.6, ("existing",)),
    ("stored", 0.7, ("pending_timeout", "not_needed")),
)


def _orders(rng: random.Random, table: tuple[tuple[float, str], ...], replicas: int) -> Script:
    """One order out of a table of shares, without the turns of replicas that are not there."""
    draw = rng.random()
    turns = next(order for share, order in table if draw < share)
    seen: dict[str, int] = {}
    script = []
    for letter in turns:
        replica = seen[letter] = seen.get(letter, -1) + 1
        if replica < replicas:
            script.append((LETTERS[letter], replica))
    return script


def write_script(rng: random.Random, replicas: int) -> Script:
    """The writing of one block: 1 + 4 * replicas lines."""
    return [*_orders(rng, OPENINGS, replicas), ("pause", 350), *_orders(rng, CLOSINGS, replicas)]


def _reads(rng: random.Random, count: int) -> Script:
    return [("served" if rng.random() < 0.5 else "serve_exception", 10 + turn) for turn in range(count)]


def _copy(replica: int) -> Script:
    names = "ask_replicate", "start_transfer", "receiving", "received_copy", "transmitted", "stored"
    return [(name, replica) for name in names]


def normal_script(rng: random.Random) -> Script:
    """A complete life; about one in fifty holds a warning or an exception that was got over."""
    replicas = 2 if rng.random() < 0.04 else 3
    script = write_script(rng, replicas)
    oddity = rng.getrandbits(10)
    if oddity < 4:  # a retry that succeeds
        at = _last(script, "receiving") + 1
        script[at:at] = [("write_exception", 100 + rng.getrandbits(2)), ("pause", 50), ("receiving", 0)]
    elif oddity < 9:
        script.insert(_last(script, "receiving") + 1, ("empty_packet", 0))
    elif oddity < 12:
        script.append(("redundant", 0))
    if rng.random() < 0.12:
        script += [("wait", WAIT // 4), *_copy(3)] if rng.getrandbits(3) == 0 else []
        script += [("wait", WAIT // 4), *(("verified", 0) for _ in range(1 + int(rng.random() ** 2 * 3)))]
    if rng.random() < 0.22:
        script += [("wait", WAIT // 2), *_reads(rng, 1 + int(rng.random() * rng.random() * 16))]
    elif oddity > 1012:  # a lost replica is made good
        script += [("wait", WAIT // 2), ("pending_timeout", 3)] if oddity > 1020 else []
        script += _copy(3)
    if rng.random() < 0.8:
        held = range(replicas + sum(event == "transmitted" for event, _ in script))
        script += [("wait", WAIT), *(("invalidated", replica) for replica in held), ("pause", 60)]
        script += [("ownerless", 0)] if 12 <= oddity < 15 else []
        script += [("deleting", replica) for replica in held]
        script += [("delete_error", 0)] if 15 <= oddity < 20 else []
    return script


def exact_script(rng: random.Random, lines: int) -> tuple[Script, str]:
    """A normal session of so many lines, to end the log on; below `SHORTEST` none exists, so that one is truncated."""
    replicas = 2 if lines < 13 else 3
    script = write_script(rng, replicas)
    if lines < SHORTEST:
        return _first_lines(script, lines), "truncated"
    reads = lines - 1 - 4 * replicas
    return [*script, ("wait", WAIT // 2), *_reads(rng, reads)], NORMAL


def line_count(script: Script) -> int:
    """Lines that a script writes: silences are none."""
    return sum(event not in ("pause", "wait") for event, _ in script)


def _first(script: Script, name: str) -> int:
    return next((at for at, (event, _) in enumerate(script) if event == name), -1)


def _last(script: Script, name: str) -> int:
    return next((at for at in range(len(script) - 1, -1, -1) if script[at][0] == name), -1)


def _first_lines(script: Script, count: int) -> Script:
    for at, (event, _) in enumerate(script):
        count -= event not in ("pause", "wait")
        if not count:
            return script[: at + 1]
    return script


def _pick(rng: random.Random, items: Sequence[_T]) -> _T:
    return items[int(rng.random() * len(items))]


def missing_step(rng: random.Random, script: Script, position: float) -> Script:
    """Leave out one line that every life of this shape has."""
    name = _pick(rng, [name for name in REQUIRED if _first(script, name) >= 0])
    gone = _pick(rng, [at for at, (event, _) in enumerate(script) if event == name])
    return script[:gone] + script[gone + 1 :]


def wrong_order(rng: random.Random, script: Script, position: float) -> Script:
    """Let an effect come before its cause; no line is added or lost."""
    pairs = [(_first(script, cause), _last(script, effect)) for cause, effect in ORDERS]
    cause, effect = _pick(rng, [pair for pair in pairs if min(pair) >= 0])
    return [*script[:cause], script[effect], *script[cause:effect], *script[effect + 1 :]]


def new_message(rng: random.Random, script: Script, position: float) -> Script:
    """Exceptions in the middle of a life; which ones there are grows with the position in the log (0 to 1)."""
    anchor, _, names = _pick(rng, [row for row in NOVELTIES if row[1] <= position])
    at = _last(script, anchor) + 1
    cause = int(rng.random() * len(CAUSES))  # rides on the replica: see _fields
    return [*script[:at], *((name, 100 + cause) for name in names), *script[at:]]


def repeated_retry(rng: random.Random, script: Script, position: float) -> Script:
    """The same attempt three to eight times more than any normal session makes it."""
    times = 3 + int(rng.random() * 6)
    attempts: tuple[tuple[str, Script], ...] = (
        ("receiving", [("receiving", 0)]),
        ("receiving", [("write_exception", 100 + rng.getrandbits(2)), ("receiving", 0)]),
        ("stored", [("redundant", 1)]),
        ("stored", [("ask_replicate", 3), ("start_transfer", 3)]),
        ("stored", [("stored", 2)]),
    )
    name, attempt = _pick(rng, attempts)
    at = _last(script, name) + 1
    return [*script[:at], *((*attempt, ("pause", 30)) * times), *script[at:]]


def truncated(rng: random.Random, script: Script, position: float) -> Script:
    """Stop while the block is written (four in five) or deleted."""
    start, end = _last(script, "invalidated"), _last(script, "deleting")
    if end > 0 and rng.random() < 0.2:
        return script[: start + int(rng.random() * (end - start))]
    written = next(at for at, (event, _) in enumerate(script) if event == "pause") + 1
    return _first_lines(script, 2 + int(rng.random() * (2 * written - 4)))


FAULTS: dict[str, Callable[[random.Random, Script, float], Script]] = {
    "missing_step": missing_step,
    "wrong_order": wrong_order,
    "new_message": new_message,
    "repeated_retry": repeated_retry,
    "truncated": truncated,
}

EPOCH = datetime.datetime(2008, 11, 9, 20, 35)
JOBS = ("rand", "rand", "randtxt", "randtxt", "sortrand", "wcnt")


def _cluster(rng: random.Random, size: int = 203) -> list[str]:
    hosts: dict[str, None] = {}
    while len(hosts) < size:
        third, fourth = 5 + int(rng.random() * 215), 5 + int(rng.random() * 250)
        hosts[f"10.{250 + rng.getrandbits(1)}.{third}.{fourth}"] = None
    return list(hosts)


def _fields(rng: random.Random, shared: dict[str, Any], hosts: list[str], tick: int, replica: int) -> dict[str, Any]:
    """The variable parts of one replica's lines. Replicas: 0 to 2 written, 3 copied, 10 on reads, 100 on exceptions."""
    bits = rng.getrandbits(48)
    chain = shared["chain"]
    host = chain[replica if replica < 4 else bits % 3]
    source = chain[replica - 1 if 0 < replica < 3 else 0]
    xceiver = 140 + tick // 90 + (bits >> 2 & 127)
    return {
        **shared,
        "host": host,
        "source": source,
        "client": host if bits & 16384 else hosts[(bits >> 32) % len(hosts)],
        "port": 32768 + (bits >> 9 & 32767),
        "rank": (2 - replica) % 3,
        "xceiver": xceiver,
        "responder": xceiver + (bits >> 24 & 3),
        "name": 26 + (bits >> 40) % 10,
        "remover": 18 + (bits >> 30 & 1),
        "folder": f"subdir{bits >> 42}/" if bits & 3 else "",
        "cause": CAUSES[(replica - 100) % len(CAUSES)],
    }


def hdfs_lines(
    lines: int, seed: int, anomaly_share: float | None = None, opened: Callable[[str, str], None] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield (line, fault of its block), in the order of time; exactly `lines` of them, every block complete.

    `anomaly_share` is the share of blocks with a fault (default 0.03); `opened(block id, fault)` is called once for each
    block, before its first line. The fault is "-" or a name from `FAULTS`. A line that names several blocks ("ask ... to
    delete") names normal ones only.
    """
    rng = random.Random(seed)
    draw, bits = rng.random, rng.getrandbits
    share = ANOMALY_SHARE if anomaly_share is None else anomaly_share
    hosts, faults = _cluster(rng), list(FAULTS.items())
    scale = min(1.0, lines / LONG_LOG)
    pending: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    deleted: deque[tuple[str, int]] = deque(maxlen=40)  # (normal block, tick of its last line)
    job, task, planned, tick, rate, second, stamp = 0, 0, 0, 0, 0.42, -1, ""
    job_path = ""

    while planned < lines or pending:
        while planned < lines and draw() < rate:
            script, fault = normal_script(rng), NORMAL
            if draw() < share:
                fault, spoil = _pick(rng, faults)
                script = spoil(rng, script, planned / lines)
            elif script[-1][0] == "deleting" and draw() < 0.003:
                script.append(("ask_delete", TOGETHER))
            count, left = line_count(script), lines - planned
            if count != left and left - count < SHORTEST:
                script, fault = exact_script(rng, left)
                count = left
            planned += count

            if not task:
                job, task, rate = job + 1, 60 + bits(9), 0.2 + 0.3 * draw()
                job_path = f"/user/root/{_pick(rng, JOBS)}{job if bits(1) else ''}/_temporary/_task_20081109{bits(2) + 20}30_{job:04d}_{'mr'[bits(1)]}_"
            task -= 1
            block = f"blk_{bits(64) - (1 << 63)}"
            chain_start, chain_step = int(draw() * len(hosts)), 1 + int(draw() * (len(hosts) // 4))
            shared = {
                "block": block,
                "blocks": block,
                "size": 67108864 if draw() < 0.95 else 1_000_000 + bits(25),
                "path": f"{job_path}{task:06d}_{int(draw() * 1.05)}/part-{task:05d}",
                "chain": [hosts[(chain_start + chain_step * link) % len(hosts)] for link in range(4)],
            }
            if opened is not None:
                opened(block, fault)
            fields: dict[int, dict[str, Any]] = {}
            at = tick
            for event, replica in script:
                if event == "pause":
                    at += replica // 4 + int(draw() * draw() * replica)
                elif event == "wait":
                    at += int(draw() * draw() * replica * scale)
                else:
                    values = fields.get(replica)
                    if values is None:
                        if replica == TOGETHER:
                            gone = [name for name, end in deleted if end <= at]
                            shared["blocks"] = " ".join([block, *gone[: bits(2)]])
                        values = fields[replica] = _fields(rng, shared, hosts, at, replica)
                    pending[at].append((EVENTS[event] % values, fault))
                    at += int(draw() * draw() * 6)
            if fault == NORMAL and script[-1][0] == "deleting":
                deleted.append((block, at))
        for text, fault in pending.pop(tick, ()):
            if tick // TICKS != second:
                second = tick // TICKS
                stamp = (EPOCH + datetime.timedelta(seconds=second)).strftime("%y%m%d %H%M%S ")
            yield stamp + text, fault
        tick += 1
