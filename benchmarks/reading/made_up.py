"""Made-up logs for measuring how fast logs are read: a service with ISO times, the same as JSON, and all lines distinct."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

_START = 1_714_550_400.0
_LEVELS = ("INFO",) * 40 + ("DEBUG",) * 8 + ("WARN",) * 2 + ("ERROR",)
_THREADS = tuple(f"worker-{at}" for at in range(12))
_COMPONENTS = ("shop.orders", "shop.ledger", "shop.cart", "shop.mail")


def messages(random_: random.Random) -> Iterator[str]:
    """Messages of some twenty kinds with numbers, durations, addresses and paths in them; every fifth with a hash."""
    number = random_.randrange
    while True:
        kinds = (
            lambda: f"order {number(100_000)} accepted for customer {number(60_000)}",
            lambda: f"GET /api/items/{number(99_999)} 200 {number(900)}ms",
            lambda: f"connection from 10.{number(256)}.{number(256)}.{number(256)} closed after {number(90_000)} ms",
            lambda: f"stock reserved for order {number(99_999)} in warehouse {number(9)}",
            lambda: f"cache refresh finished, {number(30_000)} entries in {number(4000)} ms",
            lambda: "health check ok",
            lambda: f"payment {number(1 << 32):08x} authorised amount={number(900)}.{number(100):02} EUR",
            lambda: f"wrote /var/lib/shop/data-{number(400)}.db, {number(9000)} KiB in {number(30)}.{number(10)}s",
            lambda: f"queue depth {number(400)}, {number(100)}% of capacity",
            lambda: f"POST /api/cart {random_.choice((200, 200, 200, 404, 502))} {number(400)}ms",
        )
        yield random_.choice(kinds)()


def write_iso(path: Path, lines: int, seed: int = 0) -> None:
    """`2024-05-01 08:00:00,123 INFO [worker-3] shop.orders - message`."""
    random_ = random.Random(seed)
    made = messages(random_)
    with path.open("w") as out:
        for at in range(lines):
            moment = datetime.fromtimestamp(_START + at * 0.07, UTC)
            out.write(
                f"{moment:%Y-%m-%d %H:%M:%S},{at % 1000:03} {random_.choice(_LEVELS)} [{random_.choice(_THREADS)}] "
                f"{random_.choice(_COMPONENTS)} - {next(made)}\n"
            )


def write_json(path: Path, lines: int, seed: int = 0) -> None:
    """The same as JSON, with a request id in some lines."""
    random_ = random.Random(seed)
    made = messages(random_)
    with path.open("w") as out:
        for at in range(lines):
            record = {
                "level": random_.choice(_LEVELS).lower(),
                "ts": round(_START + at * 0.07, 3),
                "logger": random_.choice(_COMPONENTS),
                "msg": next(made),
                "request": f"{random_.randrange(1 << 40):010x}",
            }
            out.write(json.dumps(record) + "\n")
