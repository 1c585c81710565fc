"""`logllm reproduce`: a recipe in, a result file and the paper's row beside it out."""

import json
import math

import fresh_process
import pytest
import yaml

from logllm.errors import LogllmError
from logllm.training.logllm import _calibrate_logllm, normal_weight, prior_shift, threshold_doubts
from logllm.training.recipe import read_recipe
from logllm.training.reproduce import built_windows, dry_run, load_built, preprocessed, reproduce, run_folder
from logllm.training.result_file import as_in, locked_result
from logllm.training.result_table import f1_interval, report

SHORT = {"preset": "tiny", "max_samples": 32, "last_epochs": 1, "patience": 0}


@pytest.fixture
def recipe(small_dataset, tmp_path):
    """A recipe file of two short rows, and its content."""
    content = {
        "name": "small",
        "title": "HDFS, simulated",
        "data": {
            "system": "hdfs",
            "raw": "hdfs.log",
            "labels": "anomaly_label.csv",
            "split": "paper",
            "validation_share": 0.2,
        },
        "seeds": [0, 1],
        "rows": {"masked": dict(SHORT), "templates": {**SHORT, "preprocessing": "template"}},
        "paper": {"masked": {"f1": 0.997}},
        "note": "a\nsimulator",
    }
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(content))
    return file, content


@pytest.mark.timeout(900)
def test_it_runs_what_is_lacking_and_says_it_beside_the_paper(recipe, small_dataset, tmp_path):
    file, content = recipe
    target = tmp_path / "results" / "small.json"
    first = reproduce(file, small_dataset, target, seeds=[0], work=tmp_path / "work", progress=False)
    assert [(run["row"], run["seed"]) for run in first["runs"]] == [("masked", 0), ("templates", 0)]
    assert {"flag everything", "new template", "nearest labelled count vector"} < set(first["baselines"])
    assert {"log_odds_0", "natural_prior"} == set(first["runs"][0]["decisions"])
    assert first["runs"][0]["encoder_kind"] == "text"
    marked = json.loads(target.read_text())
    marked["runs"][0]["metrics"]["tp"] += 1000  # a run that stands there is not made again
    target.write_text(json.dumps(marked))
    again = reproduce(file, small_dataset, target, work=tmp_path / "work", seeds=[0], progress=False)
    assert len(again["runs"]) == 2 and again["runs"][0]["metrics"]["tp"] >= 1000
    text = report(first)
    assert "| masked |" in text and "| 0.997 |" in text and "Why the two may differ: a simulator" in text
    # a row of other settings is run again, one that is gone is forgotten, another title changes nothing
    content["title"] = "another title"
    content["rows"].pop("templates")
    file.write_text(yaml.safe_dump(content))
    other = reproduce(file, small_dataset, target, work=tmp_path / "work", seeds=[1], progress=False)
    assert [(run["row"], run["seed"]) for run in other["runs"]] == [("masked", 0), ("masked", 1)]
    assert all(run["made"]["commit"] and run["made"]["time"] for run in other["runs"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": [1]}, "found 'seed': did you mean seeds"),
        ({"title": None}, "must have title, found none"),
        (
            {"rows": {"a": {"preset": "tiny", "epoch": 3}}},
            "row 'a' of small.yaml: a recipe's key must be one of its settings",
        ),
        ({"rows": {"a": {"preprocessing": "none"}}}, "preprocessing must be one of regular expressions, raw"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(recipe, change, said):
    file, content = recipe
    content |= change
    file.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))
    with pytest.raises(LogllmError) as refused:
        read_recipe(file)
    assert said in str(refused.value)


def test_a_log_that_is_not_there_is_named(recipe, tmp_path):
    with pytest.raises(LogllmError, match=r"found no hdfs\.log in .*: give --data DIR"):
        reproduce(recipe[0], tmp_path, tmp_path / "r.json", progress=False)
    with pytest.raises(LogllmError, match="a recipe must be a YAML file or the name of one, found none"):
        read_recipe(tmp_path / "nothing.yaml")


def test_the_interval_of_an_f1_is_that_of_drawing_windows_again():
    low, high = f1_interval([{"tp": 28, "fp": 1, "fn": 1, "tn": 19970}])  # LogLLM's Thunderbird row: F1 .966
    assert 0.89 < low < 0.93 and high == 1.0
    wide = f1_interval([{"tp": 28, "fp": 1, "fn": 1, "tn": 900}, {"tp": 14, "fp": 15, "fn": 15, "tn": 900}])
    assert wide[0] < 0.5 and wide[1] > 0.95  # seeds that differ widen it


def test_messages_become_templates_or_their_numbers(small_dataset):
    from logllm.hf_datasets import load_templates, load_windows

    rows = load_windows(small_dataset / "built", "hdfs")["validation"].select(range(3))
    table = load_templates(small_dataset / "built", "hdfs")
    texts = {row["key"]: row["text"] for row in table["templates"]}
    changed = preprocessed(rows, "template", table)
    assert [[texts.get(k, m) for k, m in zip(r["keys"], r["lines"])] for r in rows] == changed["lines"][:]
    numbered = preprocessed(rows, "template id", table)["lines"][:]
    assert all(
        message.startswith("event") and message.split() == [message] for window in numbered for message in window
    )
    assert preprocessed(rows, "raw", table) is rows


def test_oversampling_moves_where_the_model_is_undecided():
    assert prior_shift(0.3, [1] * 30 + [0] * 70) == 0.0
    assert prior_shift(0.3, [1] * 3 + [0] * 97) == pytest.approx(2.63, abs=0.01)
    assert prior_shift(0.7, [1] * 90 + [0] * 10) == pytest.approx(
        -1.35, abs=0.01
    )  # the normal class was the rarer one
    assert prior_shift(1.0, [1, 0]) == prior_shift(0.3, [0]) == 0.0


def test_a_result_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "result.json"
    with locked_result(file, {"recipe": 1}) as result:
        result["runs"].append("a")
    with pytest.raises(RuntimeError), locked_result(file, {"recipe": 1}) as result:
        result["runs"].append("b")
        raise RuntimeError
    assert json.loads(file.read_text())["runs"] == ["a"]
    with locked_result(file, {"recipe": 2}) as result:
        assert result["runs"] == []


def test_a_run_stays_as_long_as_its_rows_settings_are_the_same(tmp_path):
    file, recipe = tmp_path / "result.json", {"name": "a", "title": "A", "rows": {"x": {"preset": "tiny"}, "y": {}}}
    with locked_result(file, {"recipe": recipe}) as result:
        result["runs"] = [{"row": "x", "seed": 0}, {"row": "y", "seed": 0}]
    changed = {**recipe, "title": "B", "rows": {"x": {"preset": "laptop"}, "y": {}, "z": {}}}
    with locked_result(file, {"recipe": changed}) as result:
        assert [run["row"] for run in result["runs"]] == ["y"] and result["recipe"]["title"] == "B"


def test_few_anomalies_and_another_share_of_them_are_handled_and_said():
    from types import SimpleNamespace

    model = SimpleNamespace(config=SimpleNamespace(threshold=0.0))
    training = [1] * 20 + [0] * 380
    # Thunderbird's tail may hold no anomaly: the threshold is where the model is undecided at the natural share.
    said = _calibrate_logllm(model, [-3.0] * 98 + [4.0] * 2, [0] * 98 + [1] * 2, 2.6, None)
    assert model.config.threshold == 2.6 and "too few anomalous validation windows" in said
    assert threshold_doubts(training, [0] * 98 + [1] * 2) == ["only 2 of 100 validation windows are anomalous"]
    # Anomalies far more frequent in the tail: a normal window weighs more, and the threshold goes up.
    scores = [-4.0] * 44 + [0.5] * 2 + [0.4] * 4 + [1.5] * 50
    labels = [0] * 46 + [1] * 54
    weight = normal_weight(training, labels)
    assert weight > 10 and normal_weight(training, training) == 1.0
    _calibrate_logllm(model, scores, labels, -9.0, None)
    alike = model.config.threshold
    said = _calibrate_logllm(model, scores, labels, -9.0, None, weight)
    assert alike < 0.4 < 0.5 < model.config.threshold < 1.5 and "anomalies are rarer in training" in said
    assert "so the share in later windows is not known" in threshold_doubts(training, labels)[0]


def test_the_cost_is_counted_from_the_labels():
    from logllm.training.cost import in_words, planned, steps_of

    labels = [1] * 837 + [0] * 79_160  # Thunderbird's training part
    stages = {one.stage: one for one in steps_of({"preset": "paper"}, labels)}
    # Equation 1: the anomalies are drawn until they are 30 %; two epochs of batches of 16.
    drawn = round(0.3 * (1 - 837 / 79_997) / 0.7 * 79_997)
    assert stages["answer template"].steps == math.ceil(1000 / 16)
    assert stages["all"].samples == 79_160 + drawn and stages["all"].steps == math.ceil((79_160 + drawn) / 16) * 2
    text = in_words([planned("paper", {"preset": "paper"}, labels, 20_000)], 5, 1)
    assert "| paper | 79,997 |" in text and "not measured" in text and "5 runs would be" in text


def test_a_folder_of_another_recipe_or_a_stopped_training_is_refused(recipe, small_dataset, tmp_path):
    file, content = recipe
    target, work = tmp_path / "r.json", tmp_path / "work"
    built_windows(content["data"], small_dataset, work)
    folder = run_folder(work, "masked", 0)
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"row": "masked", "settings": {}, "seed": 0, "split": "x"}))
    with pytest.raises(LogllmError, match=r"must be of this recipe, found another settings, split in its run\.json"):
        reproduce(file, small_dataset, target, rows=["masked"], seeds=[0], work=work, progress=False)
    split = load_built(work)[0]["checksum"]
    known = {"row": "masked", "settings": content["rows"]["masked"], "seed": 0, "split": split}
    (folder / "run.json").write_text(json.dumps(known))
    with pytest.raises(LogllmError, match=r"found one of row .masked., seed 0, that was stopped in .*--resume"):
        reproduce(file, small_dataset, target, rows=["masked"], seeds=[0], work=work, progress=False)
    content["data"]["train_share"] = 0.5
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(LogllmError, match="the work folder must be of this recipe"):
        reproduce(file, small_dataset, target, work=work, progress=False)


@pytest.mark.parametrize(
    ("system", "windows", "steps"),
    [
        ("hdfs", "460,048", "159,547"),
        ("bgl", "37,708", "12,099"),
        ("liberty", "40,000", "12,259"),
        ("thunderbird", "79,997", "28,335"),
    ],
)
def test_a_dry_run_of_the_papers_tables_says_cost_and_what_is_missing(system, windows, steps, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    said = dry_run(f"logllm_paper_{system}", tmp_path, rows=["paper"], seeds=[0])
    assert f"| LogLLM, as the paper says | {windows} | {steps} |" in said  # Table I, equation 1, batches of 16
    assert "held back" not in said and "the log must be in the folder" in said and "Meta-Llama-3-8B" in said
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_disk_that_fills_up_ends_in_a_sentence_and_resume_gives_the_unbroken_figures(
    recipe, small_dataset, tmp_path
):
    file, _ = recipe
    work, target = tmp_path / "work", tmp_path / "r.json"
    wanted = {"rows": ["masked"], "work": work, "progress": False}
    reproduce(file, small_dataset, target, seeds=[0], **wanted)
    script = f"""
import resource
from logllm.training.reproduce import reproduce
from logllm.trainers.logllm_trainer import LogLLMTrainer
real, steps = LogLLMTrainer.training_step, []
def step(self, *args, **kwargs):
    steps.append(1)
    if len(steps) == 4:  # from here on no file may be larger than 20 kB
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    return real(self, *args, **kwargs)
LogLLMTrainer.training_step = step
try:
    reproduce({str(file)!r}, {str(small_dataset)!r}, {str(target)!r}, rows=["masked"], work={str(work)!r}, progress=False)
except ValueError as error:
    print("stopped:", error)
"""
    done = fresh_process.run(script)
    assert "stopped: the disk must have" in done.stdout and "--resume" in done.stdout, done.stderr[-2000:]
    assert [run["seed"] for run in json.loads(target.read_text())["runs"]] == [0]  # what was finished stands
    resumed = reproduce(file, small_dataset, target, resume=True, **wanted)
    whole = reproduce(
        file, small_dataset, tmp_path / "w.json", rows=["masked"], seeds=[1], work=tmp_path / "w", progress=False
    )

    def figures(result):
        return {key: value for key, value in result["runs"][-1]["metrics"].items() if key != "seconds"}

    assert [run["seed"] for run in resumed["runs"]] == [0, 1] and figures(resumed) == figures(whole)


def test_without_hold_out_all_training_windows_are_learnt_from(small_dataset, tmp_path):
    from logllm.hf_datasets import load_statistics, load_templates, load_windows
    from logllm.training.reproduce import train_row

    place = small_dataset / "built"
    splits, table = load_windows(place, "hdfs"), load_templates(place, "hdfs")
    built = {**load_statistics(place, "hdfs"), "checksum": "x"}
    row = {**SHORT, "max_samples": 16, "repeats": 1.0}
    whole = len(splits["train"]) + len(splits["validation"])
    for name, settings, learnt in (("all", {"hold_out": False}, whole), ("held", {}, len(splits["train"]))):
        train_row({**row, **settings}, splits, table, built, 0, tmp_path / name, False, False)
        record = json.loads((tmp_path / name / "training.json").read_text())
        assert record["training_windows"] == learnt and {stage["windows"] for stage in record["stages"]} == {learnt}
        assert record["validation_windows"] == whole - learnt
        assert record["calibration"].startswith("none: no validation windows") == (name == "all")


def one_run(row="a", f1=0.9, at_0=None, **more):
    metrics = {"precision": f1, "recall": f1, "f1": f1, "auroc": 1.0, "pr_auc": 1.0, "threshold": 0.5}
    metrics |= {"tp": 90, "fp": 10, "fn": 10, "tn": 890}
    decisions = {} if at_0 is None else {"decisions": {"log_odds_0": {**metrics, "f1": at_0}}}
    return {"row": row, "seed": 0, "metrics": metrics, **decisions, **more}


def result_of(runs, anomalous=100, published=True):
    recipe = {
        "name": "n",
        "title": "T",
        "data": {"published": published},
        "rows": {"a": {}},
        "paper": {"a": {"f1": 0.9}},
    }
    return {"recipe": recipe, "splits": {"test": {"windows": 1000, "anomalous": anomalous}}, "runs": runs}


def test_the_papers_decision_is_a_column_blank_where_it_was_not_recorded():
    def cell(*runs):
        return report(result_of(list(runs))).splitlines()[4].split("|")[9].strip()

    assert report(result_of([])).splitlines()[2].split("|")[9].strip() == "F1 at log-odds 0"
    assert cell(one_run(at_0=0.7)) == "0.700" and cell(one_run()) == ""
    assert cell(one_run(at_0=0.7), one_run()) == "0.700 (1 of 2 seeds)"


def test_whether_the_papers_f1_lies_in_the_interval_is_said_of_the_papers_windows_alone():
    assert "| 0.900 (inside) |" in report(result_of([one_run()]))
    for other in (result_of([one_run()], anomalous=99), result_of([one_run()], published=False)):
        assert "| 0.900 |" in report(other) and "nside" not in report(other)
    differs = {**result_of([one_run()]), "differs_from_the_paper": ["test_sequences 1, the paper's 2"]}
    assert "inside" not in report(differs)


def test_runs_of_other_settings_than_the_recipes_are_left_out_and_named():
    rows = {"a": {"preset": "tiny"}, "ids": {"preprocessing": "template id"}}
    timed = {"made": {"machine": "m", "commit": "c", "time": "2026-01-01T00:00:00Z"}}
    result = result_of([one_run(**timed), one_run("ids", **timed)])
    result["recipe"]["rows"] = rows
    now = {**result["recipe"], "title": "Now", "rows": {**rows, "a": {"preset": "laptop"}}}
    kept = as_in(result, now)
    assert [run["row"] for run in kept["runs"]] == ["ids"] and kept["left_out"] == ["a"]
    assert "have now: a." in report(kept) and "**Now**" in report(kept)
    assert [run["row"] for run in as_in(result, result["recipe"])["runs"]] == ["a", "ids"]
    # template IDs that were read as text, before a run recorded when it was made
    for made in ({}, {"made": {"machine": "m", "commit": "c", "of": "the file"}}, {**timed, "encoder_kind": "text"}):
        result["runs"][1] = one_run("ids", **made)
        assert as_in(result, result["recipe"])["left_out"] == ["ids"]
    result["runs"][1] = one_run("ids", encoder_kind="embedding")
    assert as_in(result, result["recipe"])["left_out"] == []
    other_log = {**result["recipe"], "data": {"published": False}}
    assert as_in(result, other_log)["runs"] == []
