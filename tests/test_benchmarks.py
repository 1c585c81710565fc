"""The runner of the benchmarks: recipes and measurements by name, and a refusal that says where the names are."""

import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as runner


def test_every_recipe_is_of_a_kind_that_runs():
    known = runner.recipes()
    assert len(known) > 10
    assert {
        name for name, one in known.items() if "runner" not in one and not {"families", "rows"} & one.keys()
    } == set()


def test_names_that_are_refused(capsys):
    assert runner.main(["no_such_recipe"]) == 2
    assert "found 'no_such_recipe': see `python -m benchmarks`" in capsys.readouterr().out


def test_the_list_holds_recipes_and_measurements(capsys):
    assert runner.main([]) == 0
    out = capsys.readouterr().out
    assert "  logllama_hdfs\n" in out and "  performance.build " in out and "  comparison.run " in out


def test_a_measurement_gets_the_rest_of_the_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmarks"])
    with pytest.raises(SystemExit) as end:
        runner.main(["performance.watch", "--help"])
    assert end.value.code == 0 and "throughput" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "called"),
    [("logllama_hdfs", "logllama.run"), ("hdfs_first_60", "run.run"), ("logllm_paper_bgl", "reproduce")],
)
def test_a_recipe_goes_to_what_runs_its_kind(name, called, monkeypatch, tmp_path):
    import benchmarks.experiments.logllama
    import benchmarks.experiments.run
    import logllm.training.reproduce

    seen = []
    for module, label in (
        (benchmarks.experiments.logllama, "logllama.run"),
        (benchmarks.experiments.run, "run.run"),
    ):
        monkeypatch.setattr(module, "run", lambda *_, label=label: seen.append(label))
    monkeypatch.setattr(logllm.training.reproduce, "reproduce", lambda *_, **__: seen.append("reproduce"))
    runner.run_recipe(name, runner.recipes()[name], Path(tmp_path))
    assert seen == [called]


def test_the_page_of_the_scan_s_results_is_what_would_be_written():
    from benchmarks.scan.render import PAGE, page

    assert PAGE.read_text("utf-8") == page(), "python -m benchmarks scan.render"
