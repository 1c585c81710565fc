"""Numbers whose course is unusual: they climb and stay there, stand still, repeat, or are none; and ordinary logs without."""

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
