"""Numbers and return codes that a fitted baseline finds unusual: named as the message names them, not each event of the kind."""

import random
import time

import pytest

from logllm.fitting.baseline import fit_baseline
from logllm.hf_datasets.events import EventLog
from logllm.signals.baseline import Baseline
from logllm.signals.by_baseline import scan_by_baseline

UNUSUAL = {
    "oven: zone 2 temp=431.7 C": "temp 431.7, usual 21",
    "oven: zone 2 temp=3.1 C": "temp 3.1, usual 21",
    "batch: imported 0 rows from feed": "imported 0 rows, usual 2,",
    "job: nightly-sync finished with exit code 137": "exit code 137, where ",
    "hook: cleanup done rc=1 in 3 steps": "rc 1, where ",
    "api: GET /orders took 60012 ms": "took 60,012 ms, usual ",
}


def lines_of(seed, planted=(), count=3000):
    rng = random.Random(seed)
    clock, lines, planted = 1_760_000_000, [], list(planted)
    for at in range(count):
        clock += rng.choice((1, 2, 3, 5))
        texts = [
            rng.choice((
                f"oven: zone {rng.randint(1, 3)} temp={rng.gauss(215, 2):.1f} C",
                f"api: GET /orders took {int(rng.lognormvariate(3, 0.6))} ms",
                f"batch: imported {rng.randint(1800, 2400)} rows from feed",
                "job: nightly-sync finished with exit code 0",
                f"hook: cleanup done rc=0 in {rng.randint(1, 9)} steps",
                f"auth: session {rng.randint(10_000, 99_999)} opened for user u{rng.randint(1, 40)}",
            ))
        ]  # fmt: skip
        if planted and at % 400 == 399:
            texts.append(planted.pop(0))
        lines += [f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(clock))} INFO {text}" for text in texts]
    assert not planted
    return lines


def written(path, lines):
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted")
    baseline = fit_baseline(EventLog([str(written(folder / "good.log", lines_of(1)))]), alarms_per_day=20)
    baseline.save(folder)
    return folder


def test_each_is_found_once_in_the_words_of_its_message(fitted, tmp_path):
    bad = written(tmp_path / "bad.log", lines_of(2, UNUSUAL))
    result = scan_by_baseline([bad], Baseline.load(fitted), "good.log")
    found = {finding.first: finding for finding in result.flagged}
    lines = bad.read_text("utf-8").splitlines()
    of_one_message = found[next(at for at, line in enumerate(lines) if line.endswith("431.7 C"))]
    assert "; temp 3.1, usual 21" in of_one_message.reason and of_one_message.count < 5
    for text, reason in UNUSUAL.items():
        if "temp=3.1" in text:
            continue
        row = next(at for at, line in enumerate(lines) if line.endswith(text))
        assert reason in found[row].reason and found[row].lead.count < 5, (text, found.get(row))
    assert len(found) == len(UNUSUAL) - 1


def test_another_good_log_says_nothing(fitted, tmp_path):
    good = written(tmp_path / "good.log", lines_of(3))
    assert scan_by_baseline([good], Baseline.load(fitted), "good.log").flagged == []


def test_what_an_earlier_version_wrote_knows_the_largest_values_only(fitted, tmp_path):
    values = Baseline.load(fitted).to_json()
    for kind in values["kinds"]:
        kind[9] = [slot[:4] for slot in kind[9]]
    bad = written(tmp_path / "bad.log", lines_of(2, UNUSUAL))
    flagged = scan_by_baseline([bad], Baseline.from_json(values), "good.log").flagged
    assert any("60" in finding.reason for finding in flagged)
    assert not any("temp" in finding.reason for finding in flagged)
