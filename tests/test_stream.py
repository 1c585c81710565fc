"""Events judged one by one: each question answered once, and a finding told once, again with its count, and at its end."""

import json
import random

import pytest

from logllm.hf_datasets.events import TemplateKeys
from logllm.signals.baseline import Baseline
from logllm.signals.stream import StreamJudge

BEGIN = 1_700_000_000.0
ORDER, PAID, SENT, BEAT, SLOW = range(5)
TEXTS = (
    "order <*> accepted",
    "order <*> was paid",
    "parcel sent for <*>",
    "heartbeat of the scheduler",
    "query took <*> ms",
)


def usual(hours=6, seed=0, begin=BEGIN):
    """Orders in three steps at random moments, a query now and then, and a heartbeat every thirty seconds."""
    rng = random.Random(seed)
    rows = [(begin + 30.0 * at, BEAT, None, []) for at in range(hours * 120)]
    for number in range(hours * 90):
        at = begin + rng.uniform(0, hours * 3600 - 60)
        rows += [(at + step, kind, number, []) for step, kind in ((0, ORDER), (1.5, PAID), (3.0, SENT))]
        if number % 3 == 0:
            rows.append((at, SLOW, None, [rng.uniform(20, 200)]))
    return sorted(rows, key=lambda row: row[0])


@pytest.fixture(scope="module")
def baseline():
    keys = TemplateKeys()
    for text in TEXTS:
        keys.add(text.replace("<*>", "17"))
    found = Baseline(keys, True, 60.0)
    for time, template, sequence, numbers in usual():
        found.learn(template, 0, time, sequence, numbers)
    return found.finish()


def judge(baseline, rows, **settings):
    found = StreamJudge(Baseline.from_json(baseline.to_json()), 1.5, **settings)
    told = []
    for time, template, sequence, numbers, *grade in rows:
        told += found.observe(template, grade[0] if grade else 0, time, sequence, numbers)
    return found, told


def kinds(told):
    return [(one.status, one.kind) for one in told]


def test_a_normal_log_says_nothing(baseline):
    _, told = judge(baseline, usual(seed=1, begin=BEGIN + 50_000))
    assert told == []


def test_a_heartbeat_that_stops_is_told_without_any_line_and_ends_when_it_is_back(baseline):
    rows = usual(2, 2, BEGIN + 50_000)
    cut = BEGIN + 53_000
    found, told = judge(baseline, [row for row in rows if row[0] < cut])
    assert told == []
    last = found.clock
    told = [one for seconds in range(1, 600) for one in found.pass_time(last + seconds)]
    assert ("open", "silence") in kinds(told)
    assert "where one comes every 30" in told[0].reason and told[0].key == TEXTS[BEAT]
    back = found.observe(BEAT, 0, last + 700, None)
    back += found.observe(ORDER, 0, last + 701, 9999)
    assert "ended" in [one.status for one in back]


def test_one_heartbeat_away_among_other_lines_names_it(baseline):
    rows = [row for row in usual(2, 3, BEGIN + 50_000) if row[1] != BEAT or row[0] < BEGIN + 52_000]
    _, told = judge(baseline, rows)
    assert kinds(told)[0] == ("open", "silence") and told[0].key == TEXTS[BEAT]


def test_a_burst_is_one_finding_that_is_updated(baseline):
    rows = usual(2, 4, BEGIN + 50_000)
    burst = [(BEGIN + 53_000 + 0.1 * at, ORDER, 90_000 + at, []) for at in range(600)]
    found, told = judge(baseline, sorted([*rows, *burst], key=lambda row: row[0]))
    told += found.finish()
    opened = [one for one in told if one.status == "open"]
    assert [one.kind for one in opened] == ["burst"] and opened[0].key == TEXTS[ORDER]
    assert len(told) < 10
    assert max(one.count for one in told) >= 500


@pytest.mark.parametrize(
    ("row", "question", "words"),
    [
        ((SLOW, None, [30_000.0]), "value", "30,000"),
        ((ORDER, None, [], 2), "new", "ERROR"),
        ((SENT, 77_777, []), "unexpected", "begins with"),
    ],
)
def test_one_event_out_of_line_is_told_with_its_reason(baseline, row, question, words):
    rows = usual(2, 5, BEGIN + 50_000)
    rows.append((BEGIN + 53_000.0, *row))
    _, told = judge(baseline, sorted(rows, key=lambda one: one[0]))
    assert question in [one.kind for one in told]
    assert words in next(one for one in told if one.kind == question).reason


def test_a_message_never_seen_is_new_once(baseline):
    found, _ = judge(baseline, usual(1, 6, BEGIN + 50_000))
    position = found.keys.add("kernel panic: unable to mount root")
    told = [one for second in range(20) for one in found.observe(position, 3, found.clock + 1, None)]
    assert kinds(told)[0] == ("open", "new") and len(told) <= 2
    assert "FATAL" in told[0].reason and "never seen among" in told[0].reason


def test_what_was_called_fine_is_not_told(baseline):
    fine = lambda key, message, line: key == TEXTS[ORDER]  # noqa: E731
    rows = sorted(
        [*usual(2, 4, BEGIN + 50_000), *((BEGIN + 53_000 + 0.1 * at, ORDER, 90_000 + at, []) for at in range(600))],
        key=lambda row: row[0],
    )
    found, told = judge(baseline, rows, is_fine=fine)
    assert told == [] and found.suppressed > 0


def test_a_judge_that_goes_on_from_its_state_tells_the_same(baseline):
    rows = usual(2, 7, BEGIN + 50_000)
    rows += [(BEGIN + 55_000 + 0.1 * at, ORDER, 90_000 + at, []) for at in range(300)]
    rows.append((BEGIN + 53_000.0, SLOW, None, [50_000.0]))
    rows.sort(key=lambda row: row[0])
    _, whole = judge(baseline, rows)
    for cut in (10, len(rows) // 2, len(rows) - 100):
        first, told = judge(baseline, rows[:cut])
        state = json.loads(json.dumps(first.state()))
        second = StreamJudge(Baseline.from_json(baseline.to_json()), 1.5)
        second.resume(state)
        for time, template, sequence, numbers in rows[cut:]:
            told += second.observe(template, 0, time, sequence, numbers)
        assert [one.to_json() for one in told] == [one.to_json() for one in whole]


def test_one_line_from_the_future_stops_nothing_and_a_clock_that_begins_anew_is_believed(baseline):
    rows = usual(1, 8, BEGIN + 50_000)
    rows.insert(100, (BEGIN + 3e9, ORDER, None, []))
    rows += usual(1, 9, BEGIN)
    found, told = judge(baseline, rows)
    assert not [one for one in told if one.kind == "silence"]
    assert found.clock < BEGIN + 4000


def test_a_log_without_times_is_judged_by_its_lines(tmp_path):
    keys = TemplateKeys()
    for text in TEXTS:
        keys.add(text.replace("<*>", "17"))
    found = Baseline(keys, False, 32.0)
    rng = random.Random(0)
    rows = [BEAT if at % 10 == 0 else rng.choice((ORDER, PAID, SENT)) for at in range(4000)]
    for template in rows:
        found.learn(template, 0, float("nan"), None)
    told_to = StreamJudge(found.finish(), 1.5)
    told = [one for template in rows[:1500] for one in told_to.observe(template, 0, None)]
    assert told == []
    told = [one for at in range(900) for one in told_to.observe(rng.choice((ORDER, PAID, SENT)), 0, None)]
    assert kinds(told)[0] == ("open", "silence") and "lines" in told[0].reason
