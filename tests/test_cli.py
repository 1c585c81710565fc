"""The command line: results on standard output, one sentence and exit code 2 for bad input, never a traceback."""

import gzip
import json
import resource
import shutil
import subprocess
import sys

import pytest

from logllm.__main__ import main


@pytest.fixture
def logllm(monkeypatch, capsys):
    """Run the command in this process: (exit code, standard output, standard error)."""

    def run(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["logllm", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="module")
def log(small_dataset):
    return small_dataset / "hdfs.log"


def test_help_is_quick():
    """Processor seconds of the whole command: the machine may be busy with the other tests."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "logllm", "--help"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.8  # 0.25 on a free machine


def test_version(logllm):
    import logllm as package

    assert logllm("--version") == (0, f"logllm {package.__version__}\n", "")


def test_remarks_of_every_command_are_without_secrets(capsys):
    from logllm.cli.common import remark

    remark("published to https://me:pass@host/x with hf_abcdefghijklmnopqrstuvwx")
    assert capsys.readouterr().err == "published to https://***@host/x with ***\n"


def test_simulate_build_train_evaluate(logllm, tmp_path):
    """From a simulated log to figures by commands alone."""
    code, out, _ = logllm("simulate", "bgl", "--lines", 4000, "--seed", 1, "--out", tmp_path, "-q")
    assert code == 0
    assert json.loads(out)["lines"] == 4000
    code, out, _ = logllm("build", "bgl", "--raw", tmp_path / "bgl.log", "--out", tmp_path / "d", "-q")
    assert code == 0
    assert json.loads(out)["splits"]["test"]["windows"] == 8
    code, out, _ = logllm(
        "train", "logllama", "--dataset", tmp_path / "d", "--config", "bgl", "--out", tmp_path / "m", "-q"
    )
    assert code == 0 and "learnt from" in out and "on 8 test windows: precision" in out and "simple rule" in out
    assert (tmp_path / "m" / "README.md").is_file()
    wanted = {
        "precision",
        "recall",
        "f1",
        "tp",
        "fp",
        "fn",
        "tn",
        "auroc",
        "pr_auc",
        "threshold",
        "windows",
        "seconds",
    }
    for source in (
        ("--dataset", tmp_path / "d", "--config", "bgl", "--split", "test"),
        ("--system", "bgl", "--raw", tmp_path / "bgl.log"),
    ):
        code, out, _ = logllm("evaluate", "--model", tmp_path / "m", *source, "--json")
        assert code == 0
        assert wanted <= json.loads(out).keys()


@pytest.mark.parametrize("family", ["logllm", "logllama"])
def test_scan_with_a_checkpoint(logllm, tiny_checkpoints, small_dataset, log, family):
    labels = small_dataset / "anomaly_label.csv"
    code, out, err = logllm(
        "scan", log, "--model", tiny_checkpoints / family, "--labels", labels, "--json", "--top", 5
    )
    assert code == 0
    head, *rows = [json.loads(line) for line in out.splitlines()]
    assert head["head"]["model"] and len(rows) == 5
    assert {"rank", "kind", "score", "file", "first_line", "lines", "reason", "is_anomalous", "key"} <= rows[0].keys()
    assert {"number", "text", "score", "reason"} <= rows[0]["lines"][0].keys()
    assert rows[0]["is_anomalous"] and any(row["kind"] == "unexpected" for row in rows)
    raw = log.read_text("utf-8").splitlines()
    assert all(raw[line["number"] - 1] == line["text"] for row in rows for line in row["lines"])
    assert "precision" in err and "recall" in err and "f1" in err


def test_scan_for_people_and_as_a_report(logllm, tiny_checkpoints, log, tmp_path):
    report = tmp_path / "report.html"
    code, out, _ = logllm("scan", log, "--model", tiny_checkpoints / "logllama", "--html", report, "--fail-on-anomaly")
    assert code == 1  # something was flagged
    assert "6,000 lines, HDFS" in " ".join(out.split())
    assert "blk_" in report.read_text("utf-8")


@pytest.mark.parametrize("system", ["hdfs", "app"])
def test_scan_without_a_checkpoint(logllm, tmp_path, system):
    logllm("simulate", system, "--lines", 4000, "--seed", 3, "--out", tmp_path, "-q")
    code, out, err = logllm("scan", tmp_path / f"{system}.log", "--json", "--top", 3, "-q")
    assert code == 0, err
    head, *rows = [json.loads(line) for line in out.splitlines()]
    assert head["head"]["events"] == 4000 and head["head"]["model"] is None and len(rows) <= 3


def test_the_packing_and_the_line_ends_change_nothing(logllm, tiny_checkpoints, log, tmp_path):
    data = log.read_bytes()
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(data))
    (tmp_path / "b.log").write_bytes(data.replace(b"\n", b"\r\n"))
    model = ("--model", tiny_checkpoints / "logllama", "--json", "--top", 3)
    results = []
    for path in (log, tmp_path / "a.log.gz", tmp_path / "b.log"):
        head, *found = map(json.loads, logllm("scan", path, *model)[1].splitlines())
        told = {**head["head"], "files": [{**one, "file": ""} for one in head["head"]["files"]], "seconds": 0}
        results.append((told, [{**row, "file": ""} for row in found]))
    assert results[0] == results[1] == results[2]
    assert len(results[0][1]) == 3


@pytest.mark.parametrize(
    ("name", "content"), [("missing.log", None), ("nothing/at/all.log", None)],
)  # fmt: skip
def test_logs_that_cannot_be_scanned(logllm, tmp_path, name, content):
    code, out, err = logllm("scan", tmp_path / name, "-q")
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and "found nothing at" in err and len(err.strip().splitlines()) == 1


def test_odd_lines_are_kept_and_counted(logllm, tiny_checkpoints, log, tmp_path):
    """Invalid UTF-8, NUL bytes, a line of 10 MB, a line that does not fit: counted, judged, and nothing is lost."""
    odd = [b"\xff\xfe not utf-8", b"NUL \0 inside", b"x" * 10_000_000, b"no header at all"]
    (tmp_path / "odd.log").write_bytes(log.read_bytes() + b"\n".join(odd) + b"\n")
    code, out, _ = logllm("scan", tmp_path / "odd.log", "--model", tiny_checkpoints / "logllama", "--top", 1)
    assert code == 0
    assert "6,004 lines" in out
    assert len(out) < 20_000  # the long line is not poured over the terminal


def test_labels_need_a_model(logllm, tmp_path, log):
    (tmp_path / "labels.csv").write_text("BlockId,Label\nblk_1,Normal\n")
    code, _, err = logllm("scan", log, "--labels", tmp_path / "labels.csv", "-q")
    assert code == 2
    assert "--labels must come with --model" in err


def broken(tiny_checkpoints, tmp_path, change):
    folder = tmp_path / "broken"
    shutil.copytree(tiny_checkpoints / "logllama", folder)
    (folder / "checksums.json").unlink()  # with it every change is told alike: tests/test_corruption.py
    change(folder)
    return folder


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: (f / "config.json").unlink(), "must hold config.json"),
        (lambda f: (f / "model.safetensors").unlink(), "must be whole"),
        (lambda f: (f / "processor_config.json").unlink(), "must hold its processor"),
        (
            lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:2000]),
            "must be whole",
        ),
        (lambda f: (f / "config.json").write_text('{"model_type": "bert"}'), "must be of type logllm or logllama"),
        (lambda f: (f / "config.json").write_text("{"), "must be whole"),
    ],
)
def test_checkpoints_that_cannot_be_used(logllm, tiny_checkpoints, tmp_path, log, change, sentence):
    folder = broken(tiny_checkpoints, tmp_path, change)
    code, out, err = logllm("scan", log, "--model", folder)
    assert (code, out) == (2, "")
    assert sentence in err


def test_a_processor_of_the_other_family(logllm, tiny_checkpoints, tmp_path, log):
    def swap(folder):
        for name in ("processor_config.json", "tokenizer.json", "tokenizer_config.json"):
            shutil.copy(tiny_checkpoints / "logllm" / name, folder / name)

    code, _, err = logllm("scan", log, "--model", broken(tiny_checkpoints, tmp_path, swap))
    assert code == 2
    assert "error: the processor must be the model's own" in err


def test_a_supervised_model_needs_both_classes(logllm, tmp_path):
    logllm("simulate", "hdfs", "--lines", 2000, "--out", tmp_path, "-q")
    assert logllm("build", "hdfs", "--raw", tmp_path / "hdfs.log", "--out", tmp_path / "d", "-q")[0] == 0
    code, _, err = logllm(
        "train", "logllm", "--dataset", tmp_path / "d", "--config", "hdfs", "--out", tmp_path / "m", "-q"
    )
    assert code == 2
    assert "train LogLLaMA" in err


def test_names_that_do_not_exist(logllm, tmp_path, log):
    assert "did you mean hdfs" in logllm("scan", log, "--system", "hfds")[2]
    code, _, err = logllm("train", "logllm", "--dataset", tmp_path, "--config", "x", "--out", tmp_path / "m")
    assert code == 2 and "must hold the configuration 'x'" in err
    code, _, err = logllm("evaluate", "--model", tmp_path)
    assert code == 2 and "either --dataset" in err


def test_build_of_a_log_of_ones_own(logllm, tmp_path):
    """By guess and by a YAML row; with masked messages; a range of lines; a few MB."""
    logllm("simulate", "app", "--lines", 3000, "--out", tmp_path, "-q")
    log, out = tmp_path / "app.log", tmp_path / "d"
    code, told, err = logllm("build", "guess", "--raw", log, "--out", out, "--masked", "-q")
    assert code == 0, err
    name = json.loads(told)["name"]
    assert f"({name})" in err
    from logllm import load_windows

    row = load_windows(out, name)["train"][0]
    assert row["masked"] != row["lines"] and len(row["masked"]) == len(row["lines"])
    (tmp_path / "mine.yaml").write_text('name: mine\nformat: "<Date> <Time> <Level> <Component>: <Content>"\n')
    code, told, err = logllm(
        "build", tmp_path / "mine.yaml", "--raw", log, "--out", out, "--lines", "0:1000", "--mini", "-q"
    )
    assert code == 0, err
    assert json.loads(told)["name"] == "mine-mini"
    assert json.loads(told)["lines"]["read"] == 1000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--raw", "LOG", "--lines", "5"), "--lines must be FIRST:LAST"),
        (("--raw", "LOG", "--download"), "either --raw LOG or --download"),
        ((), "either --raw LOG or --download"),
        (("--raw", "LOG", "--lines", "900000:900010"), "lines"),
    ],
)
def test_builds_that_cannot_be(logllm, tmp_path, log, arguments, sentence):
    arguments = [log if one == "LOG" else one for one in arguments]
    code, out, err = logllm("build", "hdfs", "--out", tmp_path / "d", "-q", *arguments)
    assert (code, out) == (2, "")
    assert sentence in err and "Traceback" not in err
    assert not (tmp_path / "d" / "hdfs").exists()


def test_no_validation_share(logllm, small_dataset, tmp_path):
    built, model = tmp_path / "built", tmp_path / "model"
    raw = ["--raw", small_dataset / "hdfs.log", "--labels", small_dataset / "anomaly_label.csv"]
    assert logllm("build", "hdfs", *raw, "--out", built, "--validation-share", 0, "--quiet")[0] == 0
    short = tmp_path / "short.yaml"
    short.write_text("max_samples: 16\nlast_epochs: 1\n")
    given = ["--dataset", built, "--config", "hdfs", "--quiet", "--out"]
    code, _, err = logllm("train", "logllm", *given, model, "--recipe", short)
    assert code == 0, err
    record = json.loads((model / "training.json").read_text())
    assert record["validation_windows"] == 0 and "log-odds above 0" in record["calibration"]
    assert not any("best validation checkpoint" in text for text in record["filled_in"])
    assert json.loads((model / "config.json").read_text())["threshold"] == 0.0
    code, _, err = logllm("train", "logllama", *given, tmp_path / "other")  # it has a threshold to set
    assert code == 2 and "must have a validation split, found it empty" in err
