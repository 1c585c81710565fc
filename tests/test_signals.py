"""The five questions as functions of numbers, and findings of whole logs."""

import random

import numpy as np
import pytest

from logllm.signals import scan_logs, table, tails
from logllm.signals.words import fault_class

START = "2024-05-01 {:02d}:{:02d}:{:02d}"


def stamp(second):
    return START.format(8 + second // 3600, second // 60 % 60, second % 60)


def usual_lines(n=1200, seed=0, step=3):
    rng = random.Random(seed)
    texts = [
        "order {} accepted",
        "stock reserved for order {}",
        "connection from 10.0.0.{} opened",
        "cache refresh finished, {} entries",
        "health check ok",
    ]
    return [f"{stamp(step * i)} [INFO] {rng.choice(texts).format(rng.randrange(250))}" for i in range(n)]


def scan(tmp_path, lines, name="app.log", **options):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return scan_logs([path], **options)


def flagged(result):
    return [(one.kind, int(result.table.number[one.lead.lead])) for one in result.flagged]


@pytest.mark.parametrize(
    ("other_new", "rare", "expected"),
    [(0, 0, 0.034), (1, 0, 0.376), (0, 3, 1.058), (10, 10, 6.862)],
)
def test_new_templates_that_are_to_be_expected(other_new, rare, expected):
    assert tails.expected_new(other_new, rare) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("found", "usual", "nats"), [(10, 1, 14.03), (2, 2, 0.0), (1, 5, 0.0), (70, 7, 98.2)])
def test_too_many(found, usual, nats):
    assert float(tails.too_many(found, usual)) == pytest.approx(nats, abs=0.1)


@pytest.mark.parametrize(
    ("value", "others", "least", "most"),
    [
        (100.0, np.ones(50), 16, 17),  # the scale is the least that is believed
        (30.0, np.arange(30.0), 0, 1),  # the next of a row
        (1e4, np.array([1.0] * 20 + [9e3] * 3), 0, 4),  # three such were there before
        (5.0, np.ones(5), 0, 0),  # too few to say
    ],
)
def test_beyond(value, others, least, most):
    assert least <= tails.beyond(value, others, 5.0) <= most


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("write failed", 2), ("0 errors, 0 failed", 0), ("no error found", 0), ("exception support... done", 0), ("errors: 0", 0),
        ("3 errors", 2), ("kernel panic - not syncing", 3), ("java.lang.IllegalStateException: closed", 2), ("all well", 0),
        ("Segmentation fault (core dumped)", 3), ("Verbindung fehlgeschlagen", 2), ("link ok, error counter 0", 0),
        ("failover test ok", 0), ("<*> errors, <*> failed", 0), ("ошибка записи", 2), ("磁盘错误", 2),
    ],
)  # fmt: skip
def test_words_that_name_a_fault(text, grade):
    assert fault_class(text) == grade


# --- Whole logs -----------------------------------------------------------------------------------------------------


def test_a_clean_log_gives_nothing(tmp_path):
    assert [scan(tmp_path, usual_lines(n, seed)).flagged for n in (20, 60, 100, 700) for seed in range(3)] == [[]] * 12


@pytest.mark.parametrize("share", [0.05, 0.3, 0.7, 0.99])
def test_a_fault_is_found_wherever_it_stands(tmp_path, share):
    lines = usual_lines()
    at = int(share * len(lines))
    lines.insert(at, f"{stamp(3 * at)} [FATAL] ledger balance negative")
    assert flagged(scan(tmp_path, lines)) == [("new", at + 1)]


def test_a_burst_of_a_usual_line(tmp_path):
    lines = usual_lines()
    lines[500:500] = [f"{stamp(1500)} [INFO] cache refresh finished, {i} entries" for i in range(70)]
    result = scan(tmp_path, lines)
    assert (
        flagged(result)[0] == ("burst", 501) and "where" in result.flagged[0].reason and result.flagged[0].count >= 70
    )


def test_a_pause_of_the_whole_log(tmp_path):
    lines = usual_lines()
    shifted = [line.replace("2024-05-01", "2024-05-02") for line in lines[700:]]
    result = scan(tmp_path, lines[:700] + shifted)
    assert flagged(result) == [("silence", 700)] and "no line for" in result.flagged[0].reason


def test_a_heartbeat_that_stops(tmp_path):
    lines = []
    for i, line in enumerate(usual_lines(1500)):
        lines.append(line)
        if i % 20 == 0 and i < 900:
            lines.append(f"{stamp(3 * i)} [INFO] heartbeat sent")
    result = scan(tmp_path, lines)
    assert flagged(result)[0][0] == "silence" and "does not come back" in result.flagged[0].reason


def test_a_step_that_is_missing_in_interleaved_sessions(tmp_path):
    rng, lines, running, planted = random.Random(5), [], [], None
    steps = ["received", "checked", "priced", "stored", "answered"]
    while len(lines) < 1500:
        if len(running) < 4:
            running.append([f"{rng.getrandbits(32):08x}", 0])
        one = rng.choice(running)
        if len(lines) > 800 and one[1] == 2 and planted is None:
            planted, one[1] = one[0], 3
        lines.append(f"{stamp(len(lines))} [INFO] request {one[0]} {steps[one[1]]}")
        one[1] += 1
        if one[1] == len(steps):
            running.remove(one)
    result = scan(tmp_path, lines)
    assert [one.kind for one in result.flagged] == ["missing"]
    assert planted in lines[int(result.table.number[result.flagged[0].lead.lead]) - 1]
    assert "is missing" in result.flagged[0].reason


def test_an_error_that_runs_through_the_log_is_standing(tmp_path):
    lines = [
        line
        for i, line in enumerate(usual_lines())
        for line in ([line, line.split("[")[0] + "[ERROR] no route to printer"] if i % 12 == 0 else [line])
    ]
    result = scan(tmp_path, lines)
    assert result.flagged == [] and [one.count for one in result.standing] == [100]


def test_the_order_of_the_lines_does_not_matter(tmp_path):
    lines = usual_lines()
    lines.insert(400, f"{stamp(1200)} [FATAL] ledger balance negative")
    shuffled = lines[:]
    random.Random(1).shuffle(shuffled)
    for name, given in (("newest.log", lines[::-1]), ("mixed.log", shuffled)):
        result = scan(tmp_path, given, name)
        assert "ledger" in given[flagged(result)[0][1] - 1]


def test_many_new_messages_are_no_news(tmp_path):
    rng = random.Random(3)
    lines = usual_lines()
    for at in range(20, len(lines), 40):
        lines[at] = f"{stamp(3 * at)} [INFO] " + " ".join(
            "".join(rng.choices("abcdefghij", k=6)) for _ in range(rng.randrange(3, 9))
        )
    assert scan(tmp_path, lines).flagged == []


def test_nothing_repeats(tmp_path):
    rng = random.Random(3)
    lines = [
        f"{stamp(i)} [INFO] " + " ".join("".join(rng.choices("abcdefghij", k=6)) for _ in range(rng.randrange(3, 9)))
        for i in range(300)
    ]
    result = scan(tmp_path, lines)
    assert result.flagged == [] and any("no structure" in note for note in result.notes)


def test_an_unusual_value(tmp_path):
    rng = random.Random(4)
    lines = [f"{stamp(i)} [INFO] query of table orders took {rng.randrange(80, 300)} ms" for i in range(600)]
    lines[400] = lines[400].rsplit("took", 1)[0] + "took 98000 ms"
    result = scan(tmp_path, lines)
    assert flagged(result) == [("value", 401)] and "took 98,000 ms, usual 183 ms" in result.flagged[0].reason


def test_equal_scores_keep_the_order_of_time(tmp_path):
    lines = usual_lines()
    for at in (300, 900):
        lines.insert(at, f"{stamp(3 * at)} [FATAL] fuse {'blown' if at == 300 else 'gone'}")
    result = scan(tmp_path, lines)
    assert [number for _, number in flagged(result)] == [301, 901]
    assert result.findings[0].score == result.findings[1].score


@pytest.mark.parametrize("values", [1, 7, 5000])
def test_rows_are_sorted_in_parts_as_at_once(monkeypatch, values):
    code = np.random.default_rng(0).integers(0, values, 3000).astype(np.int32)
    monkeypatch.setattr(table, "SORTED", 256)
    assert np.array_equal(table.sorted_rows(code, values), np.argsort(code, kind="stable"))
    assert np.array_equal(table.counts_of(code, values), np.bincount(code, minlength=values))
