"""BGL-format logs: episodes of a machine with 128 midplanes, woven with background chatter.

Notes: The wordings are our own (some 130 message forms in the style of a RAS log, none copied from BGL), and the
wording of nearly every alert is also written, with the label `-`, by service actions and diagnostics: only the
neighbouring lines tell which is which. Variable parts come from small pools that are renewed line by line, because real
logs repeat themselves: that is what sets the share of distinct contents.
Left out: the 0.7 % of real lines with no content, and clock jitter (time never runs backwards here).
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

NORMAL = "-"
ALERT_SHARE = 0.085  # of the lines; 7.3 % of real BGL's
RENEWAL = 0.055  # chance that a drawn content is a new one; with the pools below 3 to 5 % of 1,000,000 contents differ
HEX_RENEWAL = 0.016  # hexadecimal parts survive digit folding, so this sets the number of distinct folded lines
POOL, HEX_POOL = 60, 12

KERNEL, FATAL, APP, APP_FATAL = "KERNEL INFO", "KERNEL FATAL", "APP INFO", "APP FATAL"
MMCS, MMCS_ERROR, LINK, LINK_FATAL = "MMCS INFO", "MMCS ERROR", "LINKCARD INFO", "LINKCARD FATAL"
MONITOR, HARDWARE, HARDWARE_SEVERE, DISCOVERY = (
    "MONITOR FAILURE",
    "HARDWARE WARNING",
    "HARDWARE SEVERE",
    "DISCOVERY INFO",
)

SLOTS: dict[str, Callable[[random.Random], str]] = {
    "hex": lambda rng: f"{rng.getrandbits(32):08x}",
    "byte": lambda rng: f"{rng.getrandbits(8):02x}",
    "bit": lambda rng: str(rng.getrandbits(3)),
    "few": lambda rng: str(1 + int(rng.random() * rng.random() * 90)),
    "many": lambda rng: str(100 + int(rng.random() * rng.random() * 250_000)),
    "core": lambda rng: str(1 + int(rng.random() * 60_000)),
    "io": lambda rng: f"172.16.96.{rng.getrandbits(7)}:{33_000 + rng.getrandbits(10)}",
    "axis": lambda rng: "xyz"[rng.getrandbits(4) % 3] + "+-"[rng.getrandbits(1)],
    "user": lambda rng: ("amber", "birch", "cedar", "dahlia", "elm", "fern")[rng.getrandbits(8) % 6],
    "program": lambda rng: ("lattice", "plasma", "ocean", "qmc", "shock", "turb")[rng.getrandbits(8) % 6],
    "volts": lambda rng: f"{1 + rng.getrandbits(1)}.{rng.getrandbits(3)}",
}

# (weight, repeats, level, wording): one line, or a run of it from one node or from many nodes of one midplane.
CHATTER: tuple[tuple[int, int, str, str], ...] = (
    (190, 120, KERNEL, "writing lightweight core image core.{core}"),
    (120, 40, KERNEL, "{many} unaligned double-unit accesses were fixed up"),
    (90, 40, KERNEL, "{many} unaligned floating-point accesses were fixed up"),
    (80, 25, KERNEL, "corrected memory error: symbol {few}, address 0x{hex}, mask 0x{byte}"),
    (60, 60, KERNEL, "parity error in the instruction cache was repaired"),
    (30, 8, KERNEL, "{few} memory error(s) corrected on rank {bit}, symbol {few}, bit {bit}"),
    (26, 6, KERNEL, "sum of {few} memory error(s) corrected"),
    (22, 6, KERNEL, "sum of {few} memory error(s) corrected within {many} seconds"),
    (20, 12, KERNEL, "fault context: iar {hex} dear {hex}"),
    (14, 6, KERNEL, "{few} error(s) in the level 3 buffer (register 0x0{bit}{byte}) corrected"),
    (12, 5, KERNEL, "torus receiver {axis}: {few} input error(s) (register 0x0{bit}{byte}) corrected"),
    (10, 5, KERNEL, "torus sender {axis}: {few} packet(s) sent again (register 0x0{bit}{byte})"),
    (10, 4, KERNEL, "tree receiver {bit}: {few} resynchronisation event(s) (register 0x0{bit}{byte})"),
    (9, 3, KERNEL, "tree arbiter {bit}: {few} header check event(s) corrected"),
    (8, 4, KERNEL, "{many} microseconds in the single-step handler during {few} calls"),
    (8, 3, KERNEL, "{many} interrupts in total, {few} of them on the critical input"),
    (7, 3, KERNEL, "data cache lookup parity error, trying to correct"),
    (6, 8, KERNEL, "kernel fixed {few} integer accesses at iar {hex}"),
    (6, 2, KERNEL, "critical input interrupt (unit {bit}, bit {few}): wire {axis} of the torus is noisy"),
    (5, 2, KERNEL, "no further messages of this sort from this node"),
    (5, 2, APP, "iod: control stream to {io} is open"),
    (5, 2, APP, "iod: {few} files are open for {user}, limit {many}"),
    (5, 2, APP_FATAL, "iod: chdir to /home/{user}/{program}/run{few} failed: no such directory"),
    (4, 3, APP_FATAL, "iod: cannot load /home/{user}/bin/{program}: image is missing or damaged"),
    (4, 2, APP_FATAL, "iod: cannot load /home/{user}/bin/{program}: not permitted"),
    (4, 2, APP_FATAL, "iod: line {few} of node map /home/{user}/{program}.map lacks fields"),
    (4, 2, APP_FATAL, "iod: coordinate {few} is outside the partition in line {few} of /home/{user}/{program}.map"),
    (3, 2, APP_FATAL, "iod: image of {many} bytes is too large for {user}"),
    (3, 2, MMCS_ERROR, "control proxy: send buffer was full {few} times, source line {many}"),
    (3, 2, MMCS, "console of block R{few} attached by {user}"),
    (3, 2, DISCOVERY, "control chip reports status {few} at 10.0.{few}.{few}"),
    (3, 2, DISCOVERY, "new control chip entered: 10.0.{few}.{few} version {bit}"),
    (2, 2, DISCOVERY, "node card in slot {few} reports no alerts, clock mode low, rail {volts} within limits"),
    (2, 2, HARDWARE, "temperature of node card {few} is {few} degrees, limit {few}"),
    (2, 2, HARDWARE, "fan {bit} turns at {many} per minute"),
    (3, 2, KERNEL, "barrier network left idle for {many} microseconds"),
    (3, 2, KERNEL, "scratch part of the level 3 buffer is {few} megabytes"),
    (3, 2, KERNEL, "clock skew of {few} microseconds against midplane {bit} was removed"),
    (3, 2, APP, "iod: {few} late replies from the file server on io{few}"),
    (3, 2, APP_FATAL, "iod: {program} of {user} received signal {few}, code {bit}, address 0x{hex}"),
    (2, 2, APP, "iod: debugger of {user} detached from rank {many}"),
    (2, 2, MMCS, "database cleaned, {many} events older than {few} days removed"),
    (2, 2, MMCS_ERROR, "control proxy: {few} replies of chip {bit} came out of order"),
    (2, 2, LINK_FATAL, "link card {bit}: port {few} has no partner, was it unplugged?"),
    (2, 2, DISCOVERY, "processor card in slot {few} has {many} hours of service"),
    (2, 2, LINK, "link card {bit}: port {few} retrained in {many} microseconds"),
)
# A healthy job, in order; the starred line comes several times.
JOB = (
    (MMCS, "block for {user} is booting, {many} nodes"),
    (KERNEL, "kernel image loaded, entry 0x0{bit}{byte}, {few} megabytes"),
    (KERNEL, "torus and tree trained, {few} retries"),
    (APP, "iod: job {many} of {user} starts {program}"),
    (APP, "iod: {many} ranks mapped from /home/{user}/{program}.map"),
    (APP, "*iod: checkpoint {few} of {program} written in {many} milliseconds"),
    (APP, "iod: standard output of job {many} closed"),
    (APP, "iod: job {many} ended with status 0"),
    (MMCS, "block for {user} is free after {many} seconds"),
)
# What one processor writes when it dumps its state, in order.
DUMP = (
    (KERNEL, "state of processor {bit} follows"),
    (KERNEL, "program stopped at instruction 0x{hex}"),
    (KERNEL, "data address 0x{hex}"),
    (KERNEL, "machine state 0x000{bit}{byte}00"),
    (KERNEL, "syndrome 0x00{byte}0000"),
    *((KERNEL, f"{flag:.<36}" + "{bit}") for flag in (
        "machine check enabled", "critical input enabled", "external input enabled", "debug wait enabled",
        "debug interrupt enabled", "instruction space", "data space", "supervisor or user", "floating point available",
        "floating exception mode 0", "floating exception mode 1", "wait state", "store gathering disabled",
        "forced alignment", "byte order fault", "touch of instruction block", "touch of data block",
        "prefetch depth", "prefetch threshold", "floating operation", "auxiliary operation", "store caused the fault",
        "icbi caused the fault", "dcbf caused the fault", "illegal instruction", "privileged instruction",
        "trap instruction", "unimplemented operation", "imprecise exception", "condition field", "condition update",
        "fraction rounded", "fraction inexact", "exponent overflow", "negative zero",
    )),
    (KERNEL, "link 0x{hex} condition 0x{hex} count 0x{hex}"),
    (KERNEL, "*general registers from {few} on hold 0x{hex} 0x{hex}"),
    (KERNEL, "special registers end here"),
)  # fmt: skip
SERVICE = (
    (MMCS, "service action {few} begins on node card {bit}, serial {many}"),
    (HARDWARE, "node card {bit} is being powered down for service action {few}"),
    (DISCOVERY, "node card {bit} no longer answers, as announced"),
    ("ALERT", ""),
    (DISCOVERY, "node card {bit} answers again, product data matches slot {few}"),
    (MMCS, "service action {few} is complete"),
)
DIAGNOSTICS = (
    (MMCS, "diagnostics started by {user}, test set {few}"),
    (KERNEL, "memory pattern {byte} written to {few} megabytes"),
    ("ALERT", ""),
    (KERNEL, "memory pattern {byte} read back, {few} differences expected"),
    (MMCS, "diagnostics ended, {few} of {few} tests as expected"),
)


class Alert(NamedTuple):
    """One category of alerts: how often, how long, since when (share of the log), in which words, with which others."""

    category: str
    weight: int
    lines: int  # on average
    first_seen: float
    wordings: tuple[tuple[str, str], ...]
    company: tuple[tuple[str, str], ...]


ALERTS = tuple(Alert(*row) for row in (
    ("KERNDTLB", 22, 170, 0.0, ((FATAL, "translation buffer miss for data could not be served"),),
     ((FATAL, "core image suppressed, {few} already written"),)),
    ("KERNSTOR", 12, 130, 0.0, ((FATAL, "data storage fault"),), ((KERNEL, "data address 0x{hex}"),)),
    ("KERNTERM", 8, 90, 0.0, ((FATAL, "kernel stopped for reason {many}"),
                              (FATAL, "kernel stopped for reason {few}: bad packet header, cpu {bit}")), ()),
    ("KERNMNTF", 8, 100, 0.0, ((FATAL, "parallel file system could not be mounted on io{few}, point /p/g{bit}"),),
     ((KERNEL, "mount on io{few} is tried again after {few} seconds"),)),
    ("APPREAD", 9, 90, 0.0, ((APP_FATAL, "iod: cannot read the message prefix on the control stream to {io}"),), ()),
    ("APPSEV", 9, 110, 0.0, ((APP_FATAL, "iod: stream to {io} was cut while a program was loading"),
                             (APP_FATAL, "iod: stream to {io} timed out")), ()),
    ("KERNREC", 5, 60, 0.0, ((FATAL, "tree packet of type {few} received where type {few} was expected"),), ()),
    ("KERNRTSP", 5, 70, 0.1, ((FATAL, "run time system panic, execution stops"),),
     ((KERNEL, "run time system: internal state {few}"),)),
    ("KERNMC", 5, 40, 0.2, ((FATAL, "machine check: instruction fetch {bit}"),
                            (FATAL, "machine check: register read timed out (iar 0x{hex})")), ()),
    ("APPUNAV", 4, 50, 0.3, ((APP_FATAL, "iod: cannot make node map from /home/{user}/{program}.map: device is busy"),), ()),
    ("KERNPOW", 4, 30, 0.4, ((FATAL, "power of the midplane switched off, rail {volts} failed"),),
     ((MONITOR, "supply {bit}: current {few} amperes is outside its limits"),)),
    ("LINKIAP", 4, 40, 0.5, ((LINK_FATAL, "link card {bit} was not reached over its access port, try {few}"),), ()),
    ("KERNSOCK", 4, 60, 0.6, ((FATAL, "mailbox to io{few} reset, socket {few} closed"),), ()),
    ("MONTEMP", 4, 30, 0.65, ((HARDWARE_SEVERE, "node card {bit} passed its temperature limit of {few} degrees"),),
     ((HARDWARE, "fan {bit} turns at {many} per minute"),)),
    ("KERNBIT", 4, 60, 0.75, ((FATAL, "memory error beyond repair on rank {bit}, symbol {few}"),), ()),
))  # fmt: skip
REHEARSED = 11  # the first categories of the table: their wordings also come in service actions and diagnostics


class _Message:
    """One wording with its pool of filled-in contents; `draw` gives "LEVEL content"."""

    __slots__ = ("fills", "level", "pool", "renewal", "size", "text")

    def __init__(self, level: str, wording: str):
        parts = wording.split("{")
        names = [part.split("}")[0] for part in parts[1:]]
        self.level, self.text = level, parts[0] + "".join("%s" + part.split("}")[1] for part in parts[1:])
        self.fills = [SLOTS[name] for name in names]
        is_hex = any(name in ("hex", "byte") for name in names)
        self.renewal, self.size = (HEX_RENEWAL, HEX_POOL) if is_hex else (RENEWAL, POOL)
        self.pool: list[str] = [] if names else [f"{level} {wording}"]

    def draw(self, rng: random.Random) -> str:
        if not self.fills:
            return self.pool[0]
        at = int(rng.random() * self.size)
        if at >= len(self.pool) or rng.random() < self.renewal:
            content = f"{self.level} {self.text % tuple(fill(rng) for fill in self.fills)}"
            if at >= len(self.pool):
                self.pool.append(content)
            else:
                self.pool[at] = content
            return content
        return self.pool[at]


Row = tuple[str, str, str]  # (label, node, "LEVEL content")
COMPUTE = tuple(
    f"-N{card:X}-C:J{slot:02d}-U{unit}" for card in range(16) for slot in range(2, 18) for unit in ("01", "11")
)
IO_NODES = ("-N0-I:J18-U01", "-N0-I:J18-U11", "-NC-I:J18-U01", "-NC-I:J18-U11")
CARDS = tuple(f"-N{card:X}" for card in range(16))


class _Machine:
    """Draws episodes: lists of rows in the order in which they happen."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.messages: dict[tuple[str, str], _Message] = {}
        self.chatter = [row for row in CHATTER for _ in range(row[0])]

    def row(self, place: str, level: str, wording: str, label: str = NORMAL, node: str = "") -> Row:
        """One line from somewhere in the midplane `place`, or from `node`."""
        message = self.messages.get((level, wording))
        if message is None:
            message = self.messages[level, wording] = _Message(level, wording)
        if not node:
            bits = self.rng.getrandbits(9)
            if level.startswith("KERNEL"):
                node = place + COMPUTE[bits]
            else:
                node = place + (IO_NODES[bits & 3] if level.startswith("APP") else CARDS[bits & 15])
        return label, node, message.draw(self.rng)

    def place(self) -> str:
        bits = self.rng.getrandbits(7)
        return f"R{bits >> 4}{bits >> 1 & 7}-M{bits & 1}"

    def background(self, most: int) -> list[Row]:
        """A run of one kind of chatter, of `most` lines at most."""
        rng, place = self.rng, self.place()
        _, repeats, level, wording = self.chatter[int(rng.random() * len(self.chatter))]
        count = 1 + int(rng.random() * rng.random() * min(repeats, most))
        node = self.row(place, level, wording)[1] if rng.random() < 0.5 else ""
        return [self.row(place, level, wording, node=node) for _ in range(count)]

    def ordered(self, script: tuple[tuple[str, str], ...]) -> list[Row]:
        """One of the ordered stories: a job, a dump, a service action, diagnostics."""
        rng, place, rows = self.rng, self.place(), []
        node = place + COMPUTE[rng.getrandbits(9)] if script is DUMP else ""
        for level, wording in script:
            if level == "ALERT":
                alert = ALERTS[int(rng.random() * REHEARSED)]
                rows += self.run(place, NORMAL, alert, 2 + int(rng.random() * rng.random() * alert.lines / 2))
            elif wording.startswith("*"):
                rows += [self.row(place, level, wording[1:], node=node) for _ in range(2 + rng.getrandbits(3))]
            else:
                rows.append(self.row(place, level, wording, node=node))
        return rows

    def run(self, place: str, label: str, alert: Alert, count: int) -> list[Row]:
        """`count` lines of `alert` under `label`, now and then a line of its company."""
        rng, rows = self.rng, []
        for _ in range(count):
            if alert.company and rng.random() < 0.15:
                rows.append(self.row(place, *alert.company[0]))
            level, wording = alert.wordings[int(rng.random() * rng.random() * len(alert.wordings))]
            rows.append(self.row(place, level, wording, label))
        return rows

    def alert(self, position: float) -> list[Row]:
        """A burst of one category; which ones there are grows with the position in the log (0 to 1)."""
        rng = self.rng
        known = [alert for alert in ALERTS if alert.first_seen <= position for _ in range(alert.weight)]
        alert = known[int(rng.random() * len(known))]
        count = 2 + int(rng.random() * alert.lines * 2) if rng.random() < 0.9 else 1 + rng.getrandbits(2)
        return self.run(self.place(), alert.category, alert, count)

    def episode(self) -> list[Row]:
        """A normal episode."""
        draw = self.rng.random()
        if draw < 0.10:
            return self.ordered(JOB)
        if draw < 0.13:
            return self.ordered(DUMP)
        if draw < 0.142:
            return self.ordered(SERVICE)
        return self.ordered(DIAGNOSTICS) if draw < 0.154 else self.background(200)


def _weave(rng: random.Random, first: list[Row], second: list[Row]) -> Iterator[Row]:
    """Both in their own order, mixed by chance in proportion to their lengths."""
    rest, extra = len(first), len(second)
    while rest or extra:
        if rng.random() * (rest + extra) < rest:
            yield first[-rest]
            rest -= 1
        else:
            yield second[-extra]
            extra -= 1


def bgl_lines(lines: int, seed: int, anomaly_share: float | None = None) -> Iterator[tuple[str, str]]:
    """Yield (line, label) in the order of time: exactly `lines` of them; the label is also the line's first field.

    `anomaly_share` is the share of alert lines (default 0.085, in bursts, so that about one window of 100 in six holds
    one). When the bursts come follows the share closely; one near 1 is not reached, for alerts have company.
    """
    rng = random.Random(seed)
    draw, bits, machine = rng.random, rng.getrandbits, _Machine(rng)
    share = ALERT_SHARE if anomaly_share is None else anomaly_share
    clock = 1_117_838_570 * 1_000_000  # microseconds since 1970; the log is written at UTC-7
    written = alerts = 0
    due, second = 20 * draw(), -1
    stamp = epoch = ""
    while True:
        if share and share * written - alerts >= due:
            episode, due = machine.alert(written / lines), 160 * draw() - 40
            alerts += sum(row[0] != NORMAL for row in episode)
        else:
            episode = machine.episode()
        other = machine.background(1 + len(episode) // 3)
        for label, node, content in _weave(rng, episode, other):
            clock += bits(18)
            if clock // 1_000_000 != second:
                second = clock // 1_000_000
                when = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=second - 7 * 3600)
                epoch, stamp = f"{second} {when:%Y.%m.%d} ", f" {when:%Y-%m-%d-%H.%M.%S}."
            yield f"{label} {epoch}{node}{stamp}{clock % 1_000_000:06d} {node} RAS {content}", label
            written += 1
            if written == lines:
                return
        clock += int(draw() * draw() * 240_000_000)
