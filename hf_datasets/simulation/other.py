"""Short logs in three everyday formats (syslog, nginx access, Python application), each with one planted fault.

Notes: The fault is a story of a few messages, mixed into the usual traffic about seven tenths of the way through, and
its first lines look harmless. These are for trying a detector on a format that no table knows; they claim no realism
beyond format and rhythm. Left out: several faults, users, hosts that behave differently.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator

NORMAL = "-"
FAULT_SHARE = 0.03
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # `%b` would follow the machine's language
START = datetime.datetime(2026, 3, 1, 12)

Usual = tuple[tuple[int, str, tuple[int, ...]], ...]  # weight, wording, limits
Story = tuple[tuple[str, tuple[int, ...]], ...]

# system -> (fault, time stamp, usual lines, the fault's lines in order). "{0}" .. are drawn from 1 to the limits given;
# the time stamp comes first unless a wording has a place for it.
TABLES: dict[str, tuple[str, str, Usual, Story]] = {
    "syslog": (
        "disk-failure",
        "{month} {day:>2} %H:%M:%S web-01 ",
        (
            (9, "sshd[{0}]: Accepted publickey for deploy from 10.0.3.{1} port {2} ssh2", (9000, 40, 30000)),
            (9, "sshd[{0}]: pam_unix(sshd:session): session opened for user deploy by (uid=0)", (9000,)),
            (9, "sshd[{0}]: pam_unix(sshd:session): session closed for user deploy", (9000,)),
            (8, "CRON[{0}]: (root) CMD (test -x /usr/local/bin/rotate && rotate --keep {1})", (9000, 14)),
            (6, "systemd[1]: Started Session {0} of user deploy.", (4000,)),
            (4, "systemd[1]: logrotate.service: Succeeded.", ()),
            (4, "kernel: eth0: link is up, {0}000 Mbps, full duplex", (2,)),
            (2, "kernel: sd 0:0:0:0: [sda] retrying command, {0} left", (4,)),
            (1, "sshd[{0}]: Failed password for invalid user admin from 203.0.113.{1} port {2} ssh2", (9000, 250, 30000)),
        ),
        (
            ("kernel: sd 0:0:0:0: [sda] retrying command, {0} left", (4,)),
            ("kernel: ata1.00: device error while reading, status 0x{0}", (60,)),
            ("kernel: I/O error on device sda, sector {0}", (9000000,)),
            ("kernel: EXT4 journal on sda{0} aborted", (3,)),
            ("kernel: filesystem on sda{0} mounted again, read-only", (3,)),
            ("CRON[{0}]: (root) MAIL failed: cannot write to spool, read-only file system", (9000,)),
        ),
    ),
    "nginx": (
        "upstream-down",
        "%d/{month}/%Y:%H:%M:%S +0000",
        (
            (30, '10.1.{0}.{1} - - [{{stamp}}] "GET /products/{2} HTTP/1.1" 200 {3} "-" "Mozilla/5.0"', (8, 250, 900, 40000)),
            (20, '10.1.{0}.{1} - - [{{stamp}}] "GET /static/app.{2}.js HTTP/1.1" 304 0 "-" "Mozilla/5.0"', (8, 250, 9)),
            (12, '10.1.{0}.{1} - - [{{stamp}}] "POST /api/cart HTTP/1.1" 201 {2} "-" "Mozilla/5.0"', (8, 250, 900)),
            (8, '10.1.{0}.{1} - - [{{stamp}}] "POST /api/checkout HTTP/1.1" 200 {2} "-" "Mozilla/5.0"', (8, 250, 900)),
            (4, '10.1.{0}.{1} - - [{{stamp}}] "GET /favicon.ico HTTP/1.1" 404 153 "-" "Mozilla/5.0"', (8, 250)),
            (1, '10.1.{0}.{1} - - [{{stamp}}] "GET /products/{2} HTTP/1.1" 502 157 "-" "Mozilla/5.0"', (8, 250, 900)),
        ),
        (
            ('10.1.{0}.{1} - - [{{stamp}}] "POST /api/checkout HTTP/1.1" 499 0 "-" "Mozilla/5.0"', (8, 250)),
            ('10.1.{0}.{1} - - [{{stamp}}] "POST /api/checkout HTTP/1.1" 504 167 "-" "Mozilla/5.0"', (8, 250)),
            ('10.1.{0}.{1} - - [{{stamp}}] "POST /api/checkout HTTP/1.1" 502 157 "-" "Mozilla/5.0"', (8, 250)),
        ),
    ),
    "app": (
        "pool-exhausted",
        "%Y-%m-%d %H:%M:%S,{millisecond:03d} ",
        (
            (20, "INFO orders.api: order {0} accepted for customer {1}, {2} items", (90000, 5000, 12)),
            (16, "INFO orders.db: connection taken from pool, {0} of 20 in use", (9,)),
            (16, "INFO orders.db: connection returned after {0} ms", (400,)),
            (10, "INFO payments.client: charge {0} confirmed in {1} ms", (90000, 900)),
            (8, "DEBUG orders.cache: hit for product {0}, age {1} s", (900, 300)),
            (3, "INFO mail.queue: receipt for order {0} queued", (90000,)),
            (2, "WARNING payments.client: charge {0} is retried, attempt {1}", (90000, 2)),
            (1, "WARNING orders.db: waiting {0} ms for a connection", (60,)),
        ),
        (
            ("WARNING orders.db: waiting {0} ms for a connection", (60,)),
            ("WARNING orders.db: pool is empty, 20 of 20 in use, {0} requests waiting", (80,)),
            ("ERROR orders.db: no connection within 5000 ms for request {0}", (90000,)),
            ("ERROR orders.api: order {0} refused for customer {1}: database not reachable", (90000, 5000)),
            ("CRITICAL payments.client: circuit opened after {0} failures", (9,)),
        ),
    ),
}  # fmt: skip


def other_lines(system: str, lines: int, seed: int, anomaly_share: float | None = None) -> Iterator[tuple[str, str]]:
    """Yield (line, "-" or the name of the fault), exactly `lines` of them, for a `system` in `TABLES`.

    `anomaly_share` is the share of lines that belong to the fault (default 0.03, and one line at least unless it is 0).
    """
    rng = random.Random(seed)
    fault, stamp_format, usual, story = TABLES[system]
    share = FAULT_SHARE if anomaly_share is None else anomaly_share
    planted = min(lines, max(int(share * lines), 1)) if share else 0
    first = int((lines - planted) * (0.65 + 0.1 * rng.random()))
    last = min(lines, first + 2 * planted)  # half of the lines there are traffic, where there are lines left for it
    choices = [row for row in usual for _ in range(row[0])]
    told, clock = 0, START
    for number in range(lines):
        clock += datetime.timedelta(milliseconds=int(rng.random() * rng.random() * 4000))
        left = last - number
        if first <= number and told < planted and rng.random() * left < planted - told:
            wording, limits = story[min(len(story) * told // planted, len(story) - 1)]
            told, label = told + 1, fault
        else:
            _, wording, limits = choices[int(rng.random() * len(choices))]
            label = NORMAL
        text = wording.format(*(1 + int(rng.random() * limit) for limit in limits))
        stamp = clock.strftime(stamp_format).format(
            month=MONTHS[clock.month - 1], day=clock.day, millisecond=clock.microsecond // 1000
        )
        yield text.replace("{stamp}", stamp) if "{stamp}" in text else stamp + text, label
