"""What a log taught: the same learnt at once, in parts, or read back; and what a fit of it can promise."""

import json
import math
import os
import random

import pytest

from logllm.errors import LogllmError
from logllm.fitting.baseline import fit_baseline, in_words, threshold_of
from logllm.hf_datasets.events import EventLog, TemplateKeys
from logllm.signals.baseline import FILE_NAME, Baseline, Top

NOW = 1_700_000_000.0


def events(count, seed=0, begin=NOW):
    rng = random.Random(seed)
    for at in range(count):
        yield (
            rng.choice((0, 0, 0, 1, 2)),
            rng.choice((0, 0, 0, 2)),
            begin + 2.0 * at,
            at % 3,
            [float(rng.randrange(1, 50))],
        )


def learnt(rows, keys=None):
    found = Baseline(TemplateKeys() if keys is None else keys, True, 10.0)
    for row in rows:
        found.learn(*row)
    return found.finish()


def test_the_largest_values_are_kept_as_they_are_and_quantiles_nearly():
    top = Top()
    for value in range(1000, 0, -1):
        top.add(float(value))
    assert top.largest[-1] == 1000.0 and len(top.largest) == 32 and top.count == 1000
    assert 400 < top.quantile(0.5) < 600 and 800 < top.quantile(0.9) < 1030


def test_what_is_read_back_is_what_was_written_and_learns_on():
    rows = list(events(400))
    whole, half = learnt(rows), learnt(rows[:200])
    again = Baseline.from_json(json.loads(json.dumps(half.to_json())))
    assert again.to_json() == half.to_json()
    for row in rows[200:]:
        again.learn(*row)
    again.finish()
    for code, kind in whole.kinds.items():
        other = again.kinds[code]
        assert (kind.count, kind.places, kind.pauses.count) == (other.count, other.places, other.pauses.count)


def test_two_baselines_merge_to_their_sum_and_others_are_refused():
    keys = TemplateKeys()
    first, second = learnt(events(300), keys), learnt(events(300, 1, NOW + 5000), keys)
    counts = {code: kind.count for code, kind in second.kinds.items()}
    before = {code: kind.count for code, kind in first.kinds.items()}
    first.merge(second)
    assert first.events == 600
    assert all(first.kinds[code].count == before.get(code, 0) + counts.get(code, 0) for code in first.kinds)
    with pytest.raises(LogllmError, match="must share"):
        first.merge(learnt(events(10)))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 99}', '{"version": 1, "keys": 3}'])
def test_a_file_that_is_no_baseline_is_one_sentence(tmp_path, text):
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(LogllmError, match="must be"):
        Baseline.load(tmp_path)


def test_a_baseline_has_the_mode_of_the_umask(tmp_path):
    held = os.umask(0o027)
    try:
        path = learnt(events(50)).save(tmp_path / "new")
    finally:
        os.umask(held)
    assert path.stat().st_mode & 0o777 == 0o640
    assert Baseline.load(tmp_path / "new").events == 50
    assert Baseline.load(tmp_path) is None


def log_of(path, lines, seed=0):
    rng = random.Random(seed)
    words = ("order {} accepted", "payment {} booked in {} ms", "cache holds {} entries", "user {} logged in")
    rows = []
    for at in range(lines):
        time = f"2026-01-{1 + at // 8640:02d} {at // 360 % 24:02d}:{at // 6 % 60:02d}:{at % 6 * 10:02d}"
        rows.append(f"{time} INFO {rng.choice(words).format(rng.randrange(9999), rng.randrange(99))}")
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize(
    ("lines", "words"), [(30, "too few to know"), (150, "too few to hold some back"), (1500, "threshold")]
)
def test_small_logs_are_fitted_and_say_what_they_can_promise(tmp_path, lines, words):
    found = fit_baseline(EventLog([log_of(tmp_path / "app.log", lines)]))
    assert found.events == lines and math.isfinite(found.threshold)
    assert words in in_words(found)


def test_the_budget_sets_the_threshold_and_no_budget_hides_a_new_error(tmp_path):
    found = fit_baseline(EventLog([log_of(tmp_path / "app.log", 1500)]))
    scores = [0.01 * at for at in range(200)]
    few, _ = threshold_of(found, scores, 86_400.0, 700, 10)
    many, told = threshold_of(found, scores, 86_400.0, 700, 100)
    assert sum(score > few for score in scores) == pytest.approx(10, abs=1)
    assert sum(score > many for score in scores) == pytest.approx(100, abs=2) and told["expected"] == pytest.approx(
        100, abs=2
    )
    rare, _ = threshold_of(found, [*scores, 50.0], 86_400.0, 700, 1e-6)
    assert rare < 7


def test_a_log_without_events_is_refused(tmp_path):
    (tmp_path / "empty.log").write_text("")
    with pytest.raises(ValueError, match=r"at least one line|must hold events"):
        fit_baseline(EventLog([tmp_path / "empty.log"]))


def test_a_log_whose_lines_are_not_in_order_of_time_is_judged_by_lines(tmp_path):
    lines = log_of(tmp_path / "sorted.log", 2000).read_text("utf-8").splitlines()
    assert fit_baseline(EventLog([str(tmp_path / "sorted.log")])).timed
    random.Random(1).shuffle(lines)
    jumbled = tmp_path / "jumbled.log"
    jumbled.write_text("\n".join(lines) + "\n", "utf-8")
    baseline = fit_baseline(EventLog([str(jumbled)]))
    assert not baseline.timed
