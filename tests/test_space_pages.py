"""The Space's drawings: a line's walk has the detector's own values, result files of any kind become tables."""

import json
import math
import re
import shutil

import fragments as space_pages
import pytest
from recipe import EXAMPLES
from results_tab import load_results
from scan_log import SpaceModels, lines_of_text
from space_server import HOSTILE, SPACE
from walk import masked_spans, walk

from logllm.errors import LogllmError
from logllm.modeling_logllm import mask_message

RESULTS = SPACE.parent / "benchmarks" / "results"


@pytest.fixture(scope="module")
def models():
    return SpaceModels(SPACE / "checkpoints")


def example(name):
    return lines_of_text((SPACE / "examples" / f"{name}.log").read_text("ascii"))


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("family", ["logllama", "logllm"])
def test_the_last_station_is_the_verdict(models, name, family):
    lines, number = example(name), EXAMPLES[name].odd_line
    taken = walk(models, lines, number, family, EXAMPLES[name].format)
    verdict = next(v for v in models.judge(lines, family).verdicts if number in v.line_numbers)
    assert taken.score == pytest.approx(verdict.score, abs=1e-4) and taken.is_anomalous == verdict.is_anomalous
    assert lines[number - 1].endswith(taken.content) and taken.window_id == verdict.window_id
    page = space_pages.render_walk(taken)
    assert page.count('class="station"') == 6 and f"{taken.score:.2f}" in page


def test_the_stations_of_logllama(models):
    taken = walk(models, example("hdfs"), 8, "logllama", "hdfs")
    values = taken.values
    assert values["template"] == taken.masked_text == "Receiving block <*> src: <*> dest: <*>"
    assert values["nll"] == pytest.approx(-math.log(values["probability"]), abs=1e-4)
    ranked = [one["probability"] for one in values["candidates"]]
    assert ranked == sorted(ranked, reverse=True) and sum(ranked) <= 1.0001
    assert ranked[values["rank"] - 1] == pytest.approx(values["probability"], abs=1e-4)
    assert [one["true"] for one in values["candidates"]].index(True) == values["rank"] - 1


def test_the_stations_of_logllm(models):
    lines = example("hdfs")
    taken = walk(models, lines, 6, "logllm", "hdfs")
    values = taken.values
    assert len(values["soft"]) == 128 and len(set(values["soft"])) > 100
    assert sum(answer["probability"] for answer in values["answers"]) == pytest.approx(1)
    odds = values["answers"][1]["probability"] / values["answers"][0]["probability"]
    assert math.log(odds) == pytest.approx(taken.score, abs=1e-4)
    verdict = models.judge(lines, "logllm")
    evidence = next(item for item in verdict.shown()[0].evidence if item.line_number == 6)
    assert values["change"] == pytest.approx(evidence.score, abs=1e-3)


@pytest.mark.parametrize(
    "message",
    ["a b", "Got 17 of 3,000 from /10.0.0.1:80", "x@y z... true", "Mon Jan 3 ", "", "é 12:30:00 0xff /a/b/c"],
)
def test_masked_pieces_are_what_the_model_masks(message):
    pieces = masked_spans(message)
    assert "".join("<*>" if rule else text for text, rule in pieces) == mask_message(message)


def test_what_cannot_be_walked_is_said(models):
    with pytest.raises(LogllmError, match="one of 1 to 120; found 121"):
        walk(models, example("hdfs"), 121, "logllama", "hdfs")
    with pytest.raises(LogllmError, match="found none"):
        walk(models, ["a"], 1, "logllama", "plain")


def test_a_walk_shows_log_text_as_text(models):
    page = space_pages.render_walk(walk(models, [HOSTILE] * 3, 2, "logllm", "plain"))
    assert "&lt;img src=x" in page and not re.search(r"<(img|script)\b", page)


def test_the_scores_are_drawn_over_time(models):
    judged = models.judge(example("syslog"), "logllama")
    page = space_pages.render_timeline(judged, chosen=2)
    assert "line 1, 12:00:0" in page and "line 120, 12:02:" in page and page.count('role="button"') == 6
    heights = [float(height) for height in re.findall(r'class="bar"[^>]*height="([\d.]+)"', page)]
    scores = [verdict.score for verdict in judged.verdicts]
    assert sorted(range(6), key=heights.__getitem__) == sorted(range(6), key=scores.__getitem__)
    assert page.count("column flagged") == judged.flagged == 1 and page.count("chosen") == 1
    long = models.judge(example("syslog") * 40, "logllama")
    assert space_pages.render_timeline(long).count('role="button"') == space_pages.COLUMNS < len(long.verdicts)


# -- results --------------------------------------------------------------------------------------------------------------


def test_the_figures_are_those_of_the_file():
    table = next(table for table in load_results(RESULTS) if table.source == "hdfs_first_60.json")
    data = json.loads((RESULTS / "hdfs_first_60.json").read_text())
    rows = {row.name: row for row in table.rows}
    runs = [run["metrics"]["f1"] for run in data["runs"] if run["family"] == "logllm"]
    assert rows["LogLLM"].values["f1"][0] == pytest.approx(sum(runs) / len(runs)) and rows["LogLLM"].runs == len(runs)
    baseline = data["baselines"]["new template"]
    assert rows["baseline · new template"].values["precision"] == (baseline["precision"], 0.0)
    assert data["made"]["commit"][:10] in table.made


def test_any_subset_will_do(tmp_path):
    assert load_results(tmp_path) == [] and load_results(tmp_path / "nothing") == []
    assert "No result file is here yet" in space_pages.render_results([])
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "odd.json").write_text(json.dumps({"deep": [{"name": "<b>x</b>", "more": {"f1": 0.5}}], "f1": None}))
    shares = [{"f1": 0.1 * n, "share": 0.05 * (n % 2), "seed": n} for n in range(4)]
    (tmp_path / "shares.json").write_text(json.dumps({"runs": [{"row": "tree", "figures": shares}]}))
    shutil.copy(RESULTS / "logllama_speed.json", tmp_path)
    tables = {table.source: table for table in load_results(tmp_path)}
    assert set(tables) == {"broken.json", "odd.json", "logllama_speed.json", "shares.json"}
    found = {row.name: (row.runs, row.values["f1"][0]) for row in tables["shares.json"].rows}
    assert found == {"tree · share 0": (2, pytest.approx(0.1)), "tree · share 0.05": (2, pytest.approx(0.2))}
    assert "could not be read" in tables["broken.json"].notes[0]
    assert [(row.name, row.values["f1"]) for row in tables["odd.json"].rows] == [
        ("deep · <b>x</b> · more", (0.5, 0.0))
    ]
    page = space_pages.render_results(list(tables.values()))
    assert "&lt;b&gt;x" in page and "<b>x" not in page and "× 29.7" in page


def test_every_result_file_of_the_repository_is_drawn():
    tables = load_results(RESULTS)
    pictures = sorted(RESULTS.glob("*.png"))
    assert space_pages.render_results(tables, pictures).count("<details") == len(tables) + len(pictures)
    assert tables and ">nan" not in space_pages.render_results(tables)
