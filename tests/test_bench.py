"""The bench: jobs that fail are recorded, other windows refused, a stopped run goes on, what is rendered is what was measured."""

import argparse
import json
import os
import signal
from pathlib import Path

import pytest

from benchmarks.comparison import render as bench_render
from benchmarks.comparison import run as bench
from benchmarks.comparison import tables as bench_tables
from benchmarks.comparison.job import judge
from benchmarks.comparison.methods import BY_NAME, METHODS
from benchmarks.comparison.systems import Part, Recipe, Split

ROOT = Path(__file__).resolve().parent.parent

NORMAL = [["open file", "read file", "close file"], ["open file", "read file", "read file", "close file"]]
BAD = [["open file", "read file"], ["open file", "disk error", "close file"]]


def part(normal, bad, line_labels=False):
    windows = [NORMAL[i % 2] for i in range(normal)] + [BAD[i % 2] for i in range(bad)]
    keys = [[line.split()[0] for line in window] for window in windows]
    labels = [0] * normal + [1] * bad
    lines = [[int(line == "disk error") for line in window] for window in windows] if line_labels else None
    return Part(windows, keys, windows, labels, lines)


@pytest.fixture
def split():
    parts = {"train": part(40, 8), "validation": part(20, 4), "test": part(30, 6, line_labels=True)}
    sizes = {"windows": 1, "anomalous": 1, "messages": 1, "lines_without_template": 0, "sha256": "ab"}
    facts = {"splits": dict.fromkeys(parts, sizes), "templates": 4, "windows_per_day": 100.0, "title": "a log"}
    sums = {name: name * 3 for name in parts}
    return Split({"name": "a"}, {}, {"templates": []}, sums, facts, parts)


SIMPLE = [m for m in METHODS if m.kind == "simple" and "nearest template" not in m.name]


@pytest.mark.parametrize("method", SIMPLE, ids=lambda m: m.name)
def test_simple_methods_have_one_shape(method, split):
    found = judge(method, split, 0)
    again = judge(method, split, 0)
    assert found["metrics"]["f1"] == again["metrics"]["f1"]
    assert found["metrics"]["windows"] == 36
    if method.learns == "labels":
        only_lines = method.name == "table of masked lines"  # a session that breaks off has no odd line
        assert found["metrics"]["f1"] == pytest.approx(2 / 3 if only_lines else 1.0)
        assert found["threshold_from"] == "best F1 on validation windows"
    if method.name in ("2-gram of keys never seen", "a count vector never seen", "nearest normal count vector, idf"):
        assert found["metrics"]["f1"] == 1.0
    if method.name == "flag everything":
        assert found["metrics"]["precision"] == pytest.approx(6 / 36)
    if method.name == "new template":  # names the line, misses the session that breaks off
        assert found["metrics"]["recall"] == 0.5 and found["metrics"]["hit_at_1"] == 1.0
        assert (found["metrics"]["delay"]["episodes"], found["metrics"]["delay"]["missed"]) == (3, 0)


def small(kind, **settings):
    """A method of the papers with a tenth of its steps."""
    from importlib import import_module

    return getattr(import_module(f"benchmarks.baselines.{kind[0]}"), kind[1])(seed=0, **settings)


@pytest.mark.parametrize(
    ("name", "kind", "settings"),
    [
        ("DeepLog, end of session as a key", ("deeplog", "DeepLog"), {"end": True, "steps": 60}),
        ("LogBERT", ("logbert", "LogBERT"), {"steps": 40}),
        ("FastLogAD", ("fastlogad", "FastLogAD"), {"steps": 40}),
        ("CNN", ("cnn", "CNN"), {}),
    ],
)
def test_networks_on_keys_learn_a_small_log(name, kind, settings, split):
    method = BY_NAME[name]
    model = small(kind, **settings)
    if name == "CNN":
        model.settings["steps"] = 60
    windows = split.train if method.learns == "labels" else split.train.normal()
    model.fit(windows.keys, *([windows.labels] if method.learns == "labels" else []))
    scores = model.score(split.test.keys)
    bad = [score for score, label in zip(scores, split.test.labels) if label]
    good = [score for score, label in zip(scores, split.test.labels) if not label]
    assert max(bad) > max(good), name
    if name.startswith("DeepLog") or name == "CNN":
        assert min(bad) > max(good), name
    assert len(model.score([["never seen"], []])) == 2  # unknown keys and an empty window are scored


def test_normal_only_methods_are_given_no_anomalous_window(split):
    from benchmarks.comparison.job import fit

    class Spy:
        def fit(self, windows, labels=None):
            self.seen, self.labels = windows, labels

    for name in ("new template", "DeepLog", "PLELog", "decision tree on counts"):
        spy = Spy()
        fit(BY_NAME[name], spy, split)
        if BY_NAME[name].learns == "normal":
            assert spy.labels is None and len(spy.seen) == 40
        elif name == "PLELog":
            assert set(spy.labels) == {0, -1}  # what is anomalous is not said
        else:
            assert sum(spy.labels) == 8


def test_the_rule_that_knows_validation_windows_calls_none_of_them_new(split):
    rules = [BY_NAME[name] for name in ("a count vector never seen", "a count vector never seen, nor in validation")]
    windows = split.validation.normal().keys
    models = [rule.make(split, 0).fit(split.train.normal().keys[:1]) for rule in rules]
    assert [any(model.score(windows)) for model in models] == [True, False]


def test_a_job_that_runs_out_of_memory_is_recorded():
    found = bench.in_a_process(lambda: {"x": len(bytearray(8 * 2**30))}, 60, 4)
    assert found["status"] == "out of memory" and found["peak_memory_mb"] > 0
    killed = bench.in_a_process(lambda: os.kill(os.getpid(), signal.SIGKILL) or {}, 60, None)
    assert killed == {"status": "out of memory", "error": "the process ended with exit code -9"}


def test_a_job_that_fails_or_takes_too_long_is_recorded():
    failed = bench.in_a_process(lambda: {"x": 1 / 0}, 60, None)
    assert (failed["status"], failed["error"]) == ("failed", "ZeroDivisionError: division by zero")

    def forever():
        signal.pause()
        return {}

    assert bench.in_a_process(forever, 0.3, None) == {"status": "out of time", "error": "stopped after 0.3 s"}
    assert bench.in_a_process(lambda: {"x": float("nan")}, 60, None)["x"] is None


def test_a_result_of_other_windows_is_refused(split, tmp_path):
    file = tmp_path / "bench_a.json"
    result = bench.result_of(split, file)
    bench.save(result, file)
    assert bench.result_of(split, file)["split_checksums"] == split.checksums
    split.checksums["test"] = "other"
    with pytest.raises(
        bench.OtherWindows, match=r"bench_a\.json must be measured on the windows at hand \(test other\)"
    ):
        bench.result_of(split, file)


def test_what_was_stopped_goes_on(split, tmp_path, monkeypatch):
    """Two runs of one system: the second makes only what the first lacks; a method that fails does not stop the rest."""
    calls = []

    def judged(method, held, seed):
        calls.append(method.name)
        if method.name == "PCA":
            raise ValueError("no components")
        return {"metrics": {"f1": 1.0}}

    from benchmarks.comparison import job as bench_judging

    monkeypatch.setattr(bench_judging, "judge", judged)
    monkeypatch.setattr(bench, "in_a_process", lambda job, *rest: in_this_process(job))
    monkeypatch.setattr(bench, "raw_files", lambda *_: [ROOT])
    monkeypatch.setattr(bench, "split_file", lambda *_: ROOT)
    monkeypatch.setattr(bench, "load_split", lambda _: split)
    monkeypatch.setattr(bench, "provenance", lambda packages: {"commit": "c"})
    arguments = argparse.Namespace(
        work=tmp_path, results=tmp_path, methods=["PCA", "new template"], kinds=bench.KINDS, seeds=None, again=None,
        retry=False, most_seconds=1.0, memory_gb=None,
    )  # fmt: skip
    recipe = Recipe("a", "a log", "hdfs", ("x",))
    bench.run_system(recipe, arguments)
    runs = json.loads((tmp_path / "bench_a.json").read_text())["runs"]
    assert {run["method"]: run["status"] for run in runs} == {"PCA": "failed", "new template": "ok"}
    arguments.methods = ["PCA", "new template", "session length"]
    bench.run_system(recipe, arguments)
    assert calls.count("PCA") == 1 and calls.count("new template") == 1 and calls.count("session length") == 1
    arguments.retry = True
    bench.run_system(recipe, arguments)
    assert calls.count("PCA") == 2 and calls.count("new template") == 1


def in_this_process(job):
    try:
        return {"status": "ok", **job()}
    except ValueError as error:
        return {"status": "failed", "error": str(error)}


RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture
def measured(split, tmp_path):
    """A result file of two methods, one with two seeds and one that failed."""
    certificate = {"commit": "abc1234567890", "machine": "m", "load": 1.0}
    result = bench.result_of(split, tmp_path / "bench_hdfs_random.json")
    for name in ("decision tree on counts", "new template"):
        for seed in BY_NAME[name].seeds[:2]:
            found = bench.clean(judge(BY_NAME[name], split, seed))
            result["runs"].append({"method": name, "seed": seed, "status": "ok", **found, "made": certificate})
    result["runs"].append({"method": "PCA", "seed": 0, "status": "out of memory", "error": "e", "made": certificate})
    bench.save(result, tmp_path / "bench_hdfs_random.json")
    return tmp_path


def test_the_page_says_what_the_file_says_and_the_check_can_fail(measured):
    bench_render.main(measured)
    page = (measured / "bench.md").read_text("utf-8")
    result = json.loads((measured / "bench_hdfs_random.json").read_text("utf-8"))
    row = next(line for line in page.splitlines() if line.startswith("| new template |"))
    metrics = next(run["metrics"] for run in result["runs"] if run["method"] == "new template")
    assert [cell.strip() for cell in row.split("|")][2:4] == [f"{metrics[m]:.3f}" for m in ("precision", "recall")]
    assert f"{metrics['tp']}/{metrics['fp']}/{metrics['fn']}" in row
    assert "| PCA | out of memory |" in page and "PCA, seed 0: out of memory (e)" in page
    assert "1.000 ± 0.000" in page
    for name in ("bench_pr.png", "bench_cost.png"):
        assert (measured / name).stat().st_size > 5000
    bench_render.main(measured, check=True)
    result["runs"][0]["metrics"]["recall"] = 0.123
    bench.save(result, measured / "bench_hdfs_random.json")
    with pytest.raises(SystemExit, match=r"bench\.md differ from what the result files say"):
        bench_render.main(measured, check=True)


def test_the_readme_table_has_a_cell_a_system(measured):
    table = bench_tables.readme_table(bench_tables.load_results(measured))
    row = next(line for line in table.splitlines() if line.startswith("| decision tree on counts |"))
    assert [cell.strip() for cell in row.split("|")[2:4]] == ["labelled windows", "1.000 ± 0.000"]
    assert "PCA" not in table and "abc1234567" in table


def test_the_simple_methods_that_lead_are_shown():
    def result(**f1):
        return {
            "runs": [
                {"method": name, "status": "ok", "metrics": {"f1": value, "pr_auc": area}}
                for name, (value, area) in f1.items()
            ]
        }

    results = {
        "hdfs_random": result(**{"PCA": (0.5, 0.9), "new template": (0.5, 0.4), "isolation forest": (0.1, 1.0)}),
        "bgl": result(
            **{"PCA": (0.0, 0.0), "new template": (0.0, 0.0), "isolation forest": (0.2, 0.1), "CNN": (1.0, 1.0)}
        ),
    }
    assert [method.name for method in bench_tables.strongest(results, "normal")] == ["isolation forest", "PCA"]
    assert bench_tables.strongest(results, "labels") == []


def test_counts_alone_and_the_papers_own_decisions_stand_beside_the_models():
    def run(seed, **others):
        return {"method": "LogLLaMA, tiny", "seed": seed, "status": "ok", "made": {"commit": "c"},
                "metrics": {"f1": 0.9, "tp": 1, "fp": 0, "fn": 1, "others": {name: {"f1": f1, "tp": 1, "fp": 0, "fn": 1} for name, f1 in others.items()}}}  # fmt: skip

    counts = {bench_tables.COUNTS: 0.9, "top K (paper)": 0.4}
    result = {"runs": [run(0, **counts), run(1)], "facts": {"splits": {"test": {"windows": 1, "anomalous": 1}}}}
    result["runs"].append(
        {"method": "PCA", "seed": 0, "status": "ok", "made": {"commit": "c"}, "metrics": {"f1": 0.1}}
    )
    assert bench_tables.kinds_beaten(result) == [
        "LogLLaMA, tiny (0.900) does **not** beat every simple baseline of its kind: its own counts alone (0.900) are as "
        "good or better."
    ]
    result["runs"][1]["metrics"]["f1"] = 0.99
    assert "beats every simple baseline of its kind, the best of them 0.900" in bench_tables.kinds_beaten(result)[0]
    table = bench_tables.readme_table({"hdfs_random": result})
    assert "| LogLLaMA, tiny: top K (paper) | normal windows | 0.400 |" in table
    rows = bench_tables.detection_rows(result, BY_NAME["LogLLaMA, tiny"], None)
    assert any(row.startswith("| LogLLaMA, tiny: top K (paper) (1 of 2 seeds) |") for row in rows)


def test_reduced_methods_say_so_in_the_tables_of_robustness_too():
    row = {
        "table": "windows",
        "method": "DeepLog",
        "seed": 0,
        "status": "ok",
        "settings": {"x": {"f1": 1, "pr_auc": 1}},
    }
    assert any(line.startswith("| DeepLog (reduced) |") for line in bench_tables.robustness_tables({"rows": [row]}))


@pytest.mark.skipif(not (RESULTS / "bench.md").exists(), reason="the bench has not been rendered")
def test_the_page_in_the_repository_is_what_would_be_rendered():
    bench_render.main(RESULTS, check=True)


def test_contamination_keeps_the_number_of_normal_windows():
    from benchmarks.comparison import robustness as bench_robustness

    parts = {"train": part(400, 40), "validation": part(100, 10), "test": part(4, 2)}
    clean = Split({}, {}, {}, {}, {}, parts)
    dirty = bench_robustness.contaminated(clean, 0.05)
    assert len(dirty.train) == 421 and set(dirty.train.labels) == {0}
    assert sum(window in BAD for window in dirty.train.lines) == 21
    assert dirty.test is clean.test
    with pytest.raises(ValueError, match="train must hold 267 anomalous windows for a share of 40%, found 40"):
        bench_robustness.contaminated(clean, 0.4)


def test_label_noise_finds_twins_of_the_other_label():
    from benchmarks.comparison.robustness import label_noise_of

    found = label_noise_of([0, 1, 1, 0], {"keys": [["a"], ["a"], ["b"], ["c"]]})["views"]["keys"]
    assert (found["with_both_labels"], found["windows_with_both"], found["anomalous_among_them"]) == (1, 2, 1)
    assert found["best_f1"] == pytest.approx(0.8)  # flag a and b: 2 true, 1 false alarm


def test_what_reproduce_measured_on_the_same_windows_is_taken_over(measured):
    """Only on the same windows, only where the bench has no run of its own, and the page says where it is from."""
    sums = json.loads((measured / "bench_hdfs_random.json").read_text())["split_checksums"]
    figures = {"f1": 0.8125, "precision": 0.7, "recall": 0.9, "tp": 5, "fp": 1, "fn": 1}
    runs = [{"row": name, "seed": 7, "metrics": figures} for name in ("LogLLM, tiny", "no row of the bench")]
    other = {"recipe": {"rows": {}}, "split_checksums": sums, "runs": runs, "made": {"commit": "c", "machine": "m"}}
    (measured / "logllm_x.json").write_text(json.dumps(other))
    (measured / "logllm_y.json").write_text(json.dumps({**other, "split_checksums": {"test": "another"}}))
    results = bench_tables.load_results(measured)
    taken = [run for run in results["hdfs_random"]["runs"] if "from" in run]
    assert [(run["method"], run["from"]) for run in taken] == [("LogLLM, tiny", "logllm_x.json")]
    table = bench_tables.readme_table(results)
    assert "| **LogLLM, tiny** | labelled windows | 0.812 |" in table and "`logllm_x.json`" in table
    bench_render.main(measured)  # a run without intervals or delay is rendered with dashes


def test_reworded_rows_stand_beside_the_others():
    mine = {"splits": {"unstable: hdfs_random": "s"}, "rows": [
        {"table": "unstable", "method": "CNN", "seed": 0, "status": "ok", "settings": {"5%": {"f1": 0.5, "pr_auc": 0.25}}}
    ]}  # fmt: skip
    runs = [{"row": "a row", "seed": 0, "figures": [
        {"share": 0.05, "f1": 1.0, "pr_auc": 1.0}, {"share": 0.05, "f1": 0.5, "pr_auc": 0.0}, {"share": 0.0, "f1": 1.0, "pr_auc": 1.0}
    ]}]  # fmt: skip
    both = bench_tables.with_reworded(mine, {"split_checksums": {"test": "s"}, "runs": runs})
    lines = bench_tables.robustness_tables(both)
    assert "| F1 / PR-AUC | 0% | 5% |" in lines and "| a row | 1.00 / 1.00 | 0.75 / 0.50 |" in lines
    assert bench_tables.with_reworded(mine, {"split_checksums": {"test": "t"}, "runs": runs}) is mine
