"""LogLLaMA's tables: the page is what the files say, no file mixes threshold rules, and the chosen rules are the package's."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.experiments import logllama, logllama_render, logllama_threshold
from logllm.decision import threshold as package_rules
from logllm.training import logllama as package


def test_the_page_is_what_would_be_rendered():
    logllama_render.main(check=True)


def test_a_changed_result_would_be_noticed(monkeypatch):
    load = logllama_render.load

    def changed(name):
        result = load(name)
        if name == "logllama_bgl":
            result["rows"][0]["detectors"]["likelihood"]["f1"] -= 0.5
        return result

    monkeypatch.setattr(logllama_render, "load", changed)
    with pytest.raises(SystemExit, match=r"logllama.md differs from what the results say"):
        logllama_render.main(check=True)


@pytest.mark.parametrize(
    "where, name, value",
    [(package, "TAIL_MARGIN", 2), (package, "BOUNDED_RATE", 2), (package_rules, "TAIL_RATE", 2)]
    + [(package_rules, "ENOUGH", 100.0), (package_rules, "UNSEEN_IN_NORMAL", 0.5)],
)
def test_another_rule_is_another_mark(monkeypatch, where, name, value):
    before = logllama.threshold_rules()
    monkeypatch.setattr(where, name, value)
    assert logllama.threshold_rules() != before


def test_rows_of_another_threshold_rule_are_measured_again(monkeypatch, tmp_path):
    measured = []

    def job(seed):
        measured.append(seed)
        if broken and seed == 1:
            raise KeyboardInterrupt
        return {"detectors": {}}

    split = SimpleNamespace(facts=lambda: {"test": 1})
    jobs = [("likelihood", seed, lambda seed=seed: job(seed)) for seed in (0, 1)]
    monkeypatch.setattr(logllama, "jobs_of", lambda *_: iter([("main", split, jobs)]))
    monkeypatch.setattr(logllama, "baselines", lambda _: {})
    monkeypatch.setattr(logllama, "data_folder", lambda: tmp_path)
    monkeypatch.setattr(logllama, "RESULTS", tmp_path)
    recipe, file = {"name": "some"}, tmp_path / "some.json"
    broken = True
    with pytest.raises(KeyboardInterrupt):
        logllama.run(recipe, tmp_path)
    broken = False
    logllama.run(recipe, tmp_path)
    assert measured == [0, 1, 1]  # a run that was stopped goes on where it was
    monkeypatch.setattr(package, "BOUNDED_RATE", 2)
    logllama.run(recipe, tmp_path)
    assert measured == [0, 1, 1, 0, 1]
    result = json.loads(file.read_text("utf-8"))
    assert [row["seed"] for row in result["rows"]] == [0, 1] and result["rules"] == logllama.threshold_rules()
    del result["rules"]  # a file of before the rules were recorded
    file.write_text(json.dumps(result), "utf-8")
    logllama.run(recipe, tmp_path)
    assert measured[5:] == [0, 1]


def test_the_page_says_where_rules_may_differ():
    one, two = ({"made": {"commit": commit}} for commit in "ab")
    assert not logllama_render.one_rule({"rows": [one, one]})
    assert "Threshold rules not recorded" in logllama_render.one_rule({"rows": [one, two]})
    assert not logllama_render.one_rule({"rows": [one, two], "rules": logllama.threshold_rules()})
    assert "earlier threshold rules" in logllama_render.one_rule({"rows": [one], "rules": "K 1"})


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("unseen", [0, 6, 100])
@pytest.mark.parametrize("rate", [0.001, 0.05])
def test_the_chosen_rules_are_the_packages(seed, unseen, rate):
    from logllm.modeling_logllm import LogLLaMAConfig
    from logllm.modeling_logllm.modeling_logllama import UNK_ID
    from logllm.training.logllm import _calibrate_logllm

    count, most = 300, 11.0
    rng = np.random.default_rng(seed)
    worst, far = np.minimum(rng.exponential(1.0, count), most), rng.exponential(0.02, count)
    worst[:unseen], far[:unseen] = most, far[:unseen] + 0.5
    config = LogLLaMAConfig(vocab_size=24)

    def detectors(windows):
        new = [UNK_ID in window for window in windows]
        nll = [most if x else float(worst[window[0] - 10]) for window, x in zip(windows, new)]
        counts = [float(far[window[0] - 10]) + 0.3 * x for window, x in zip(windows, new)]
        return {"likelihood": nll, "likelihood+counts": [a + 40 * b for a, b in zip(nll, counts)]}

    model, normal = SimpleNamespace(config=config, detectors=detectors), [[10 + i] for i in range(count)]
    thresholds, reach = package.calibrate_all(model, normal, rate), package.reach_of_unseen(model, normal)
    for detector, name in (("likelihood", "likelihood"), ("likelihood + counts", "likelihood+counts")):
        aimed, margin = logllama_threshold.aimed_at(detector, rate)
        rule = logllama_threshold.rules(reach[name], aimed, margin)[logllama_threshold.CHOSEN[detector]]
        assert rule(np.asarray(detectors(normal)[name])) == pytest.approx(thresholds[name], rel=1e-12)
    judge = SimpleNamespace(config=SimpleNamespace(threshold=None))
    _calibrate_logllm(judge, worst.tolist(), [0] * count, 0.0, logllama_threshold.RATE)
    rule = logllama_threshold.rules(0.0, logllama_threshold.RATE, 1)[logllama_threshold.CHOSEN["log-odds"]]
    assert rule(worst) == judge.config.threshold


def test_the_result_names_the_rules_that_the_package_has():
    result = json.loads(logllama_threshold.RESULT.read_text("utf-8"))
    assert result["chosen"] == logllama_threshold.CHOSEN
