"""Numbers whose course is unusual: they climb and stay there, stand still, repeat, or are none; and ordinary logs without."""

import json
import math
import random
import time

import pytest

from logllm.signals import scan_logs


def log_of(path, texts, step=7):
    lines = [
        f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(1_760_000_000 + step * at))} INFO {text}"
        for at, text in enumerate(texts)
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def flagged(path):
    return [(finding.first, finding.count, finding.reason) for finding in scan_logs([path]).flagged]


DURATIONS = (
    ("Completed 200 OK in {ms:.0f}ms", "in", " ms"),
    ("SELECT on orders took {s:.3f} s", "took", " s"),
    ("GET /orders 200 rt={s:.3f}", "rt", ""),
    ("handled request latency_ms={ms:.1f}", "latency_ms", ""),
    ("be/web1 0/0/1/{ms:.0f}/{more:.0f} 200", "timer", " ms"),
)


@pytest.mark.parametrize(("text", "name", "unit"), DURATIONS)
def test_a_duration_that_climbs_is_told_once_with_its_beginning(tmp_path, text, name, unit):
    rng = random.Random(name)
    values = [rng.lognormvariate(3.3, 0.5) * (1 if at < 900 else min(1.03 ** (at - 900), 60)) for at in range(1100)]
    texts = [text.format(ms=ms, s=ms / 1000, more=ms + 2) for ms in values]
    ((first, count, reason),) = flagged(log_of(tmp_path / "slow.log", texts))
    assert 900 <= first <= 980 and 100 <= count <= 200
    assert f"{name} about " in reason or "the value about " in reason
    assert "usual " in reason and "99 % of the others at most" in reason


@pytest.mark.parametrize(("text", "name", "unit"), DURATIONS)
def test_durations_with_a_long_tail_and_a_daily_rhythm_say_nothing(tmp_path, text, name, unit):
    rng = random.Random(name)
    values = [rng.lognormvariate(3.3, 0.8) * (1.3 + math.sin(at / 240)) for at in range(3000)]
    texts = [text.format(ms=ms, s=ms / 1000, more=ms + 2) for ms in values]
    assert flagged(log_of(tmp_path / "usual.log", texts, 40)) == []


def test_loads_and_sizes_that_are_large_for_some_hours_say_nothing(tmp_path):
    rng = random.Random(4)
    texts = [
        f"host db1 cpu={rng.gauss(20 + 60 * (1000 < at < 1800), 4):.1f} sent {int(rng.lognormvariate(8 + 3 * (2000 < at < 2100), 0.5))} bytes"
        for at in range(3000)
    ]
    assert flagged(log_of(tmp_path / "load.log", texts)) == []


def test_a_meter_that_stands_still(tmp_path):
    rng, reading, texts = random.Random(1), 440_000, []
    for at in range(1200):
        reading += rng.randint(1, 60) * (at < 1000)
        texts.append(f"meter reading={reading} flow={rng.uniform(1, 9):.1f}")
    ((first, count, reason),) = flagged(log_of(tmp_path / "meter.log", texts))
    assert 998 <= first <= 1001 and count >= 199
    assert f"reading stays at {reading:,} in " in reason


def test_a_value_that_often_stays_the_same_may_stay_longer(tmp_path):
    rng, users, texts = random.Random(2), 10, []
    for at in range(1500):
        users = max(users + rng.choice((0, 0, 0, 1, -1)), 0) if not 700 < at < 760 else users
        texts.append(f"pool active={users} free={50 - users}")
    assert flagged(log_of(tmp_path / "pool.log", texts)) == []


def test_numbers_that_come_a_second_time(tmp_path):
    numbers = [*range(7000, 7500), *range(7460, 7475), *range(7500, 7900)]
    texts = [f"sent invoice {number} to customer {random.Random(number).randint(1000, 60000)}" for number in numbers]
    ((first, count, reason),) = flagged(log_of(tmp_path / "invoices.log", texts))
    assert (first, count) == (500, 15)
    assert "invoice 7460 to 7474 once more" in reason


def test_a_counter_that_begins_anew_says_nothing(tmp_path):
    numbers = [*range(1, 800), *range(1, 500)]
    assert flagged(log_of(tmp_path / "counter.log", [f"frame {number} written" for number in numbers])) == []


@pytest.mark.parametrize(
    "text", ["step {n} loss {x} lr 0.001", "step={n} loss={x} dt=31ms", "[{n}] loss: {x}, norm: {x}"]
)
def test_a_loss_that_is_no_number_any_more(tmp_path, text):
    rng = random.Random(3)
    texts = [text.format(n=at, x=f"{rng.uniform(2, 3):.4f}" if at < 300 else "nan") for at in range(400)]
    found = flagged(log_of(tmp_path / "train.log", texts))
    assert found[0][0] == 300 and "is nan, where 300 such messages have a number" in found[0][2]
    assert len(found) == 1


def test_an_infinite_norm_now_and_then_is_how_losses_are_scaled(tmp_path):
    rng = random.Random(5)
    texts = [
        f"step {at} loss {rng.uniform(2, 3):.3f} norm {'inf' if at % 90 == 80 else f'{rng.uniform(0, 1):.3f}'}"
        for at in range(900)
    ]
    assert flagged(log_of(tmp_path / "scaled.log", texts)) == []


def records_of(path, records, step=10):
    lines = [
        json.dumps(
            {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_760_000_000 + step * at)),
                "level": "info",
                **one,
            }
        )
        for at, one in enumerate(records)
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_one_endpoint_of_several_becomes_slow(tmp_path):
    rng = random.Random(6)
    records = []
    for at in range(2400):
        path, slow = rng.choice(("/cart", "/login", "/search", "/pay")), at > 1900
        records.append(
            {
                "msg": "request",
                "path": path,
                "duration_ms": round(rng.lognormvariate(3.5, 0.5) * (30 if slow and path == "/pay" else 1), 1),
            }
        )
    ((first, _, reason),) = flagged(records_of(tmp_path / "api.log", records))
    assert 1880 < first < 1940 and reason.startswith("duration_ms of /pay about ")
    assert flagged(records_of(tmp_path / "usual.log", records[:1900])) == []


def test_the_offset_of_one_partition_stands_still(tmp_path):
    rng, offsets, records = random.Random(7), [1000, 5000, 9000], []
    for at in range(1500):
        part = at % 3
        offsets[part] += rng.randint(5, 60) * (part != 1 or at < 1200)
        records.append({"msg": "progress", "partition": part, "offset": offsets[part], "lag": rng.randint(0, 20)})
    ((first, count, reason),) = flagged(records_of(tmp_path / "consumer.log", records))
    assert 1195 <= first <= 1202 and 95 <= count <= 105 and reason.startswith("offset of 1 stays at ")


@pytest.mark.parametrize("bad", [True, False])
def test_a_step_that_takes_longer_than_ever(tmp_path, bad):
    rng, events, clock = random.Random(8), [], 1_760_000_000.0
    for number in range(400):
        clock += rng.expovariate(1 / 8)
        steps = (0.0, rng.uniform(0.1, 0.4), 75.0 if bad and number == 250 else rng.uniform(2, 6))
        at = clock
        for seconds, text in zip(steps, ("received", "reserving stock", "stock reserved")):
            at += seconds
            events.append((at, f"[order-{random.Random(number).getrandbits(32):08x}] {text}"))
    lines = [
        f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(at))}.{int(at % 1 * 1000):03d} INFO {text}"
        for at, text in sorted(events)
    ]
    path = tmp_path / "orders.log"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    found = flagged(path)
    if bad:
        assert len(found) == 1 and found[0][2].startswith("75 s after ") and "reserving stock" in found[0][2]
    else:
        assert found == []


def test_the_ordinary_end_of_a_run_is_no_news(tmp_path):
    texts = [f"worker {at % 7} handled job {at}" for at in range(900)] + [
        "shutting down gracefully",
        "all jobs finished: 900 ok",
    ]
    assert flagged(log_of(tmp_path / "run.log", texts)) == []


@pytest.mark.parametrize(
    "lines",
    [
        ["terminate called after throwing an instance of 'std::bad_alloc'", "  what():  std::bad_alloc"],
        ["run.sh: line 14:  4711 Aborted                 (core dumped) ./solver -i case.xml"],
        ["Segmentation fault (core dumped)"],
    ],
)
def test_what_a_dying_process_writes_last_is_found(tmp_path, lines):
    path = log_of(tmp_path / "solver.log", [f"solver: iter {at} residual {at * 1e-3:.3f}" for at in range(600)])
    path.write_text(path.read_text("utf-8") + "\n".join(lines) + "\n", "utf-8")
    assert [first for first, _, _ in flagged(path)] == [600]


def test_a_job_that_goes_through_a_list_is_no_burst(tmp_path):
    rng = random.Random(9)
    words = [
        "amber",
        "birch",
        "cedar",
        "delta",
        "ember",
        "fjord",
        "grove",
        "heath",
        "islet",
        "knoll",
        "larch",
        "maple",
    ]
    texts = [f"heartbeat {at} load {rng.uniform(0, 1):.2f}" for at in range(1200)]
    texts[700:700] = [f"unpacking {one}-{other}" for one, other in zip(words, reversed(words))]
    assert flagged(log_of(tmp_path / "packages.log", texts)) == []
    texts[700:712] = ["unpacking maple-birch again"] * 12
    assert len(flagged(log_of(tmp_path / "again.log", texts))) == 1
