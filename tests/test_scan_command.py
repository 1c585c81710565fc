"""`logllm scan`: its JSON, its text, its options, and inputs that are bad."""

import json
import os
import random
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from logllm.cli.app import app
from logllm.errors import LogllmError
from logllm.hf_datasets import LogInputError
from logllm.report.finding_text import as_markdown, as_text, visible
from logllm.signals import scan
from logllm.signals.command import ScanOptions, run_scan
from logllm.signals.inputs import log_files, moment_of, seconds_of

HEAD = {"files", "formats", "lines", "events", "judged_events", "signals", "model", "threshold", "findings", "seconds"}
FINDING = {
    "rank",
    "kind",
    "score",
    "file",
    "first_line",
    "last_line",
    "lines",
    "reason",
    "count",
    "first",
    "last",
    "is_anomalous",
    "key",
}


def usual(n, seed=0):
    rng = random.Random(seed)
    words = ["order {} accepted", "stock reserved for order {}", "health check ok", "cache of {} entries refreshed"]
    return [
        f"2024-05-01 {8 + i // 1200:02d}:{i // 20 % 60:02d}:{i * 3 % 60:02d} [INFO] {rng.choice(words).format(rng.randrange(9999))}"
        for i in range(n)
    ]


@pytest.fixture
def fault(tmp_path):
    lines = usual(800)
    lines[500:500] = [
        lines[500][:19] + " [ERROR] ledger closed",
        "Traceback (most recent call last):",
        '  File "a.py", line 3, in close',
        "BalanceError: total is -3",
    ]
    path = tmp_path / "app.log"
    path.write_text("\n".join(lines) + "\n")
    return path


def objects(path, *options):
    result = CliRunner().invoke(app, ["scan", str(path), "--json", *options])
    return result.exit_code, [json.loads(row) for row in result.stdout.splitlines()]


def test_json_has_the_names_that_others_rely_on(fault):
    code, (head, *rows) = objects(fault)
    assert code == 0 and HEAD <= head["head"].keys() and len(rows) == head["head"]["findings"]
    first = rows[0]
    assert FINDING <= first.keys() and first["rank"] == 1 and first["kind"] == "new" and first["is_anomalous"]
    assert (first["first_line"], first["last_line"], first["file"]) == (501, 504, str(fault))
    assert [line["number"] for line in first["lines"]] == [501, 502, 503, 504]
    assert first["lines"][0].keys() >= {"number", "text", "score", "reason"} and first["lines"][0]["reason"]
    assert [row["is_anomalous"] for row in rows] == sorted((row["is_anomalous"] for row in rows), reverse=True)
    assert len(first["key"]) == 12


def test_the_times_of_a_finding_are_those_of_its_lines(fault):
    _, (_, first, *_) = objects(fault)
    assert (first["first_line"], first["first"], first["last"]) == (
        501,
        "2024-05-01T08:25:00Z",
        "2024-05-01T08:25:00Z",
    )


def test_a_log_in_which_few_lines_bear_an_id_is_judged_in_its_order(tmp_path):
    lines = [
        f"[Jun 12 06:{i // 30 % 60:02d}:{i * 2 % 60:02d}] VERBOSE[{1000 + i}][C-{i * 7:08x}]"
        + (" res_pjsip/x.c: " if i % 10 == 0 else " app_dial.c: ")  # a folder: read otherwise
        + text[27:]
        for i, text in enumerate(usual(1200, seed=2))
    ]
    path = tmp_path / "asterisk.log"
    path.write_text("\n".join(lines) + "\n")
    exit_code, (head, *_) = objects(path)
    assert exit_code == 0 and head["head"]["judged_events"] == 1200


def test_options_of_the_command(fault, tmp_path):
    assert CliRunner().invoke(app, ["scan", str(fault), "--fail-on-anomaly"]).exit_code == 1
    _, (head, *rows) = objects(fault, "--until", "2024-05-01 08:10")
    assert not any(row["is_anomalous"] for row in rows) and head["head"]["judged_events"] < 300
    _, (head, *_) = objects(fault, "--last", "10m")
    assert head["head"]["judged_events"] < 250
    listed = tmp_path / "list.jsonl"
    key = objects(fault)[1][1]["key"]
    CliRunner().invoke(app, ["ok", key, "--suppressions", str(listed)])
    _, (head, *rows) = objects(fault, "--suppressions", str(listed))
    assert head["head"]["flagged"] == 0 and "suppressed" in " ".join(head["head"]["notes"])
    markdown = CliRunner().invoke(app, ["scan", str(fault), "--markdown", "--max-lines", "12"]).stdout
    assert "**1 finding**" in markdown and "ledger closed" in markdown and len(markdown.splitlines()) <= 12
    assert CliRunner().invoke(app, ["scan", str(fault), "--html", str(tmp_path / "x.html")]).exit_code in (0, 1)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_text_names_file_line_reason_and_fits_the_terminal(fault, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    _, text = run_scan([str(fault)], ScanOptions())
    assert (
        "app.log:501" in text
        and "[ERROR] ledger closed" in text
        and "BalanceError" in text
        and "800 lines" not in text
    )
    assert all(len(row) <= width for row in text.splitlines())
    assert "\x1b" not in text


def test_timeline_is_in_order_of_time(tmp_path):
    lines = usual(900)
    lines.insert(200, lines[200][:19] + " [ERROR] first thing")
    lines.insert(700, lines[700][:19] + " [FATAL] second thing")
    (tmp_path / "a.log").write_text("\n".join(lines))
    by_rank = run_scan([str(tmp_path / "a.log")], ScanOptions(as_json=True))[1].splitlines()
    by_time = run_scan([str(tmp_path / "a.log")], ScanOptions(as_json=True, timeline=True))[1].splitlines()
    assert [json.loads(row)["first_line"] for row in by_rank[1:3]] == [702, 201] or [
        json.loads(row)["first_line"] for row in by_rank[1:3]
    ] == [701, 201]
    assert [json.loads(row)["rank"] for row in by_time[1:3]] == [2, 1]


def test_a_scan_imports_no_torch(fault):
    code = "import sys; sys.argv = ['logllm', 'scan', sys.argv[1], '-q']\nfrom logllm.__main__ import main\ntry:\n    main()\nexcept SystemExit: pass\nprint([m for m in ('torch', 'transformers', 'datasets', 'trl', 'sklearn') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code, str(fault)], capture_output=True, text=True, check=True).stdout
    assert out.strip().endswith("[]")


def test_standard_input_and_colours(fault):
    env = {**os.environ, "NO_COLOR": "1"}
    out = subprocess.run(
        [sys.executable, "-m", "logllm", "scan", "-"],
        input=fault.read_bytes(),
        capture_output=True,
        env=env,
        check=True,
    ).stdout
    assert b"standard input:501" in out and b"\x1b" not in out


# --- Bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("one line", b"2024-05-01 08:00:00 [INFO] hello\n"),
        ("no line end", b"hello"),
        ("one line again and again", b"2024-05-01 08:00:00 [INFO] tick\n" * 50_000),
        ("only traces", b"".join(b'Traceback (most recent call last):\n  File "a.py", line %d, in f\nValueError: %d\n' % (i % 7, i) for i in range(100))),
        ("only keys that change", b"".join(b'{"k%d": %d, "q%d": "v"}\n' % (i, i, i * 7) for i in range(300))),
        ("times that jump by years", b"".join(b"%d-05-01 08:00:%02d [INFO] tick %d\n" % (1990 + i * 7 % 40, i % 60, i) for i in range(400))),
        ("control characters", b"\x1b]0;title\x07\x9b31m\x07" * 20 + b"\n" * 50),
    ],
)  # fmt: skip
def test_each_bad_input_is_a_result(tmp_path, name, content):
    path = tmp_path / "x.log"
    path.write_bytes(content)
    result, text = run_scan([str(path)], ScanOptions())
    assert not any(finding.kind not in ("new", "grave", "unexpected") for finding in result.flagged)
    assert len(result.flagged) <= 2 and all(character >= " " or character == "\n" for character in text)


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, bytes(range(256)) * 50])
def test_what_holds_no_line_is_one_sentence(tmp_path, content):
    path = tmp_path / "x.log"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="must") as caught:
        run_scan([str(path)], ScanOptions())
    assert len(str(caught.value).splitlines()) == 1


def test_a_log_that_was_just_rotated_is_empty(tmp_path):
    (tmp_path / "app.log").write_bytes(b"")
    (tmp_path / "app.log.1").write_text("\n".join(usual(100)))
    result, _ = run_scan([str(tmp_path / "app.log"), str(tmp_path / "app.log.1")], ScanOptions())
    assert len(result.table) == 100


def test_a_clean_line_repeated_is_no_finding(tmp_path):
    (tmp_path / "x.log").write_bytes(b"2024-05-01 08:00:00 [INFO] tick\n" * 3000)
    assert run_scan([str(tmp_path / "x.log")], ScanOptions())[0].flagged == []


def test_a_folder_gives_its_logs_and_says_what_it_leaves_out(tmp_path):
    lines = usual(60)
    for i in range(40):
        (tmp_path / f"host{i}.log").write_text("\n".join(lines))
    (tmp_path / "notes.md").write_text("# no log")
    (tmp_path / "core.log").write_bytes(b"\x7fELF\0\0\0")
    (tmp_path / "none.log").write_bytes(b"")
    files, left_out = log_files([str(tmp_path)])
    assert len(files) == 40 and {one.split(" (")[1] for one in left_out} == {"name of no log)", "binary)", "empty)"}
    result, text = run_scan([str(tmp_path)], ScanOptions())
    assert result.flagged == [] and len(result.log.files) == 40 and "left out: " in text


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda tmp: log_files([str(tmp / "none.log")]), "found nothing at"),
        (lambda tmp: log_files([str(tmp)]), "must hold a log"),
        (lambda tmp: seconds_of("soon"), "must be like 90s"),
        (lambda tmp: moment_of("noon"), "must be like 2024-05-01"),
    ],
)
def test_what_a_user_can_put_right_is_one_sentence(tmp_path, ask, sentence):
    with pytest.raises(LogllmError, match=sentence):
        ask(tmp_path)


def test_a_file_that_vanishes_is_one_sentence(tmp_path, monkeypatch):
    path = tmp_path / "gone.log"
    path.write_text("\n".join(usual(50)))
    monkeypatch.setattr("logllm.signals.command.log_files", lambda names: ([path.unlink() or str(path)], []))
    with pytest.raises((OSError, ValueError)) as caught:
        run_scan([str(path)], ScanOptions())
    assert str(path) in str(caught.value)


def test_a_file_that_is_emptied_while_it_is_read_is_one_sentence(tmp_path, monkeypatch):
    path = tmp_path / "app.log"
    lines = usual(600)
    lines.insert(300, lines[300][:19] + " [FATAL] ledger closed")
    path.write_text("\n".join(lines))
    judged = scan.judge_table

    def empty(*args):
        path.write_text("")
        return judged(*args)

    monkeypatch.setattr(scan, "judge_table", empty)
    with pytest.raises(LogInputError, match="stay as it is while it is read"):
        run_scan([str(path)], ScanOptions())


def test_interrupted_shows_what_was_read(tmp_path, monkeypatch):
    lines = usual(600)
    lines.insert(300, lines[300][:19] + " [FATAL] ledger closed")
    (tmp_path / "a.log").write_text("\n".join(lines))

    def interrupt(self, batch):
        raise KeyboardInterrupt

    monkeypatch.setattr("logllm.signals.command.Progress.seen", interrupt)
    result = CliRunner().invoke(app, ["scan", str(tmp_path / "a.log")])
    assert result.exit_code == 130 and "interrupted" in result.stdout


def test_hostile_text_is_drawn(tmp_path):
    assert visible("a\x1b[31mb\x00\u202e") == "a^[[31mb^@<U+202E>"
    line = {"number": 1, "text": "```\n# big", "score": 1.0, "reason": "x"}
    row = {"rank": 1, "kind": "new", "score": 1.0, "file": "a.log", "first_line": 1, "last_line": 1, "lines": [line], "reason": "`x` <b>", "count": 1,
           "first": None, "last": None, "is_anomalous": True, "key": "k", "severity": ""}  # fmt: skip
    head = {
        "files": [],
        "notes": [],
        "flagged": 1,
        "judged_events": 1,
        "seconds": 0.1,
        "standing": [],
        "left_out": [],
        "complete": True,
    }
    markdown = as_markdown(head, [row])
    assert "<b>" not in markdown.replace("\\<b\\>", "") and markdown.count("```") == 2
    assert "a.log:1" in as_text(head, [row])
