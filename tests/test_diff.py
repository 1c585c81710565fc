"""`logllm diff`: what is new, gone, more, less, out of order or of another value, and what is noise."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from logllm.cli.app import app
from logllm.diff.command import DiffOptions, run_diff
from logllm.diff.compare import Comparison, Finding

SHARED = Path(os.environ.get("LOGLLM_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"

STEPS = [
    "##[group]Run actions/checkout", "Syncing repository: x/y", "##[endgroup]",
    "##[group]Run make build", "==> Checking format", "gcc -c src/a.c", "gcc -c src/b.c", "gcc -c src/c.c", "##[endgroup]",
    "##[group]Run make test", "test alpha ok", "test beta ok", "test gamma ok", "12 passed", "##[endgroup]",
    "##[group]Run upload", "Uploading artifact", "Post job cleanup.",
]  # fmt: skip
ERROR = ["src/b.c:12:5: error: 'x' undeclared (first use in this function)", "   12 |     x = 1;", "      |     ^", "make: *** [Makefile:3: b.o] Error 1",
         "##[error]Process completed with exit code 2."]  # fmt: skip


def stamped(lines: list[str], second: int = 0) -> list[str]:
    return [
        f"2026-03-0{1 + second % 9}T10:{at // 60:02d}:{at % 60:02d}.{second:07d}Z {line}"
        for at, line in enumerate(lines)
    ]


def service(runs: int = 1, extra: dict[int, str] | None = None, slow: int | None = None, seed: int = 0) -> list[str]:
    """A service's log: requests, a heartbeat, now and then a cache line."""
    draw = random.Random(seed)
    lines = []
    for at in range(200 * runs):
        if extra and at in extra:
            lines.append(f"2026-03-01 10:{at // 60 % 60:02d}:{at % 60:02d} {extra[at]}")
        took = slow if slow is not None and at == 150 else draw.randint(20, 60)
        lines.append(
            f"2026-03-01 10:{at // 60 % 60:02d}:{at % 60:02d} INFO request {draw.randint(1000, 9999)} served in {took} ms status=200"
        )
        if at % 20 == 0:
            lines.append(f"2026-03-01 10:{at // 60 % 60:02d}:{at % 60:02d} INFO heartbeat {at}")
    return lines


def write(path: Path, lines: list[str], end: str = "\n") -> str:
    path.write_text(end.join(lines) + end, "utf-8")
    return str(path)


def compared(*logs: str, **options) -> Comparison:
    result, _ = run_diff(logs, DiffOptions(**options))
    assert result is not None
    return result


def flagged_lines(result: Comparison) -> list[int]:
    return [line.number for finding in result.flagged for line in finding.lines if finding.side == "bad"]


def of_kind(result: Comparison, kind: str) -> list[Finding]:
    return [finding for finding in result.findings if finding.kind == kind]


@pytest.fixture
def good(tmp_path: Path) -> str:
    return write(tmp_path / "good.log", stamped(STEPS))


def failed(tmp_path: Path, name: str = "bad.log") -> str:
    return write(tmp_path / name, stamped(STEPS[:7] + ERROR, 5))


# What is new


def test_a_compile_error_is_shown_with_its_step_and_the_nearest_good_line(tmp_path: Path, good: str):
    result = compared(good, failed(tmp_path))
    lead = result.flagged[0]
    assert lead.kind == "new" and lead.lines[0].number == 8
    assert {8, 11} <= set(flagged_lines(result))
    assert lead.step == "Run make build / Checking format"
    assert not set(flagged_lines(result)) & set(range(1, 8))
    assert lead.context and lead.context[-1][0] == 7


def test_the_json_has_a_head_and_one_object_a_finding(tmp_path: Path, good: str):
    _, text = run_diff([good, failed(tmp_path)], DiffOptions(as_json=True))
    head, *rows = [json.loads(row) for row in text.splitlines()]
    assert {"files", "lines", "signals", "findings", "flagged", "notes", "seconds"} <= set(head["head"])
    assert head["head"]["findings"] == len(rows)
    for rank, row in enumerate(rows, 1):
        assert row["rank"] == rank and row["kind"] in ("new", "gone", "more", "less", "order", "value")
        assert row["first_line"] == row["lines"][0]["number"] and row["last_line"] == row["lines"][-1]["number"]
        assert set(row["lines"][0]) == {"number", "text", "score", "reason"}
        assert {"score", "file", "reason", "count", "first", "last", "is_anomalous", "key", "side"} <= set(row)
    flags = [row["is_anomalous"] for row in rows]
    assert flags == sorted(flags, reverse=True) and flags[0]


def test_a_line_like_a_good_one_but_for_a_failure_shows_the_good_one(tmp_path: Path):
    good = write(
        tmp_path / "g.log", ["##[group]Run tests", "Tests run: 12, Failures: 0, Errors: 0", "[INFO] BUILD SUCCESS"]
    )
    bad = write(
        tmp_path / "b.log", ["##[group]Run tests", "Tests run: 12, Failures: 2, Errors: 0", "[INFO] BUILD FAILURE"]
    )
    result = compared(good, bad)
    lead = next(finding for finding in result.flagged if any(line.number == 2 for line in finding.lines))
    assert lead.nearest is not None and "Failures: 0" in lead.nearest.text and lead.nearest.good_line == 2


def test_the_status_of_an_answer_is_a_word_not_a_parameter(tmp_path: Path):
    good = write(tmp_path / "g.log", [f'10.0.0.{at} "GET /a HTTP/1.1" 200 {at * 7}' for at in range(60)])
    bad = write(
        tmp_path / "b.log", [f'10.0.0.{at} "GET /a HTTP/1.1" {503 if at == 30 else 200} {at * 7}' for at in range(60)]
    )
    assert flagged_lines(compared(good, bad)) == [31]


# What is noise


NOISE = [
    ("times and ids", "built in 12.3 s, id 3f2a9bc41d", "built in 99.1 s, id 9c0d1e2f3a"),
    ("sizes", "wrote 12.5 MiB to out.bin", "wrote 1.2 GiB to out.bin"),
    ("uuid", "job 123e4567-e89b-12d3-a456-426614174000 started", "job 00000000-e89b-12d3-a456-426614174fff started"),
    ("temporary paths", "using /tmp/build.x81Ks/out", "using /tmp/build.Qq02/out"),
    ("addresses", "listening on 10.1.2.3:8080", "listening on 192.168.7.8:9090"),
    ("colours", "\x1b[32mdone\x1b[0m", "\x1b[1;36mdone\x1b[0m"),
    ("percent", "Receiving objects:  12% (3/25)", "Receiving objects:  88% (22/25), 1.2 MiB | 3.4 MiB/s"),
    ("durations", "took 3m 12s", "took 1h 2m 5s"),
]


@pytest.mark.parametrize(("what", "before", "after"), NOISE, ids=[row[0] for row in NOISE])
def test_noise_is_not_news(tmp_path: Path, what: str, before: str, after: str):
    good = write(tmp_path / "g.log", stamped([*STEPS, before], 1))
    bad = write(tmp_path / "b.log", stamped([*STEPS, after], 7))
    assert not compared(good, bad).flagged


def test_versions_download_lists_and_the_order_of_parallel_steps_are_not_news(tmp_path: Path):
    names = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
    good = [
        *STEPS[:4],
        *(f"go: downloading example.org/{name} v1.2.{at}" for at, name in enumerate(names)),
        *(f"compiled {name}" for name in names),
    ]
    bad = [*STEPS[:4], *(f"go: downloading example.org/{name} v1.3.{at + 4}" for at, name in enumerate([*names, "iota", "kappa"])),
           *(f"compiled {name}" for name in reversed(names))]  # fmt: skip
    assert not compared(write(tmp_path / "g.log", stamped(good)), write(tmp_path / "b.log", stamped(bad))).flagged


def test_a_progress_bar_of_carriage_returns_is_no_news_and_counts_as_lines(tmp_path: Path, good: str):
    bar = "\r".join(f"Downloading {at} %" for at in range(0, 100, 5))
    bad = write(tmp_path / "b.log", stamped([*STEPS[:7], bar, *ERROR], 3))
    lines = re.split("\r\n|\n|\r", Path(bad).read_bytes().decode())
    shown = flagged_lines(compared(good, bad))
    assert shown and all("Downloading" not in lines[number - 1] for number in shown)
    assert any("error:" in lines[number - 1] for number in shown)


# Gone, more, less, order, value


def test_a_step_that_was_skipped_is_found_on_the_good_side(tmp_path: Path, good: str):
    bad = write(tmp_path / "b.log", stamped([*STEPS[:9], *STEPS[15:]], 4))
    found = [finding for finding in compared(good, bad).flagged if finding.kind == "gone"]
    assert found and found[0].side == "good" and found[0].lines[0].number == 10 and "Run make test" in found[0].step


def test_steps_that_a_failure_prevented_are_told_but_not_flagged(tmp_path: Path, good: str):
    gone = of_kind(compared(good, failed(tmp_path)), "gone")
    assert any("did not follow" in finding.reason for finding in gone)
    assert not any(finding.is_anomalous for finding in gone)


def test_a_log_that_is_cut_off_says_where_it_ends(tmp_path: Path, good: str):
    bad = tmp_path / "b.log"
    bad.write_text("\n".join(stamped(STEPS[:11], 4))[:-8], "utf-8")
    found = [finding for finding in compared(good, str(bad)).flagged if finding.kind == "gone"]
    assert found and "nothing in the bad log says why it ends" in found[0].reason


def test_a_burst_and_a_heartbeat_that_thins_out(tmp_path: Path):
    runs = [write(tmp_path / f"g{seed}.log", service(seed=seed)) for seed in range(3)]
    lines = [line for line in service(seed=9) if "heartbeat" not in line or line.endswith("heartbeat 0")]
    burst = [*lines, *["2026-03-01 10:03:20 WARN retry of request 1"] * 90]
    runs[0] = write(tmp_path / "g0.log", [*service(seed=0), "2026-03-01 10:03:20 WARN retry of request 7"])
    result = compared(*runs, write(tmp_path / "b.log", burst))
    more = [finding for finding in result.flagged if finding.kind == "more"]
    assert more and "retry" in more[0].lines[0].text and more[0].count == 90
    assert any("heartbeat" in finding.lines[0].text for finding in of_kind(result, "less"))


def test_a_line_in_another_place_is_out_of_order(tmp_path: Path):
    words = [f"stage {name} of the service ready" for name in "abcdefghijklmnopqrstuvwxyz"]
    runs = [write(tmp_path / f"g{at}.log", words) for at in range(2)]
    moved = [*words[1:20], words[0], *words[20:]]
    found = [
        finding for finding in compared(*runs, write(tmp_path / "b.log", moved)).flagged if finding.kind == "order"
    ]
    assert [finding.lines[0].number for finding in found] == [20]


def test_a_duration_far_beyond_the_good_ones_is_another_value(tmp_path: Path):
    good = write(tmp_path / "g.log", service(seed=1))
    bad = write(tmp_path / "b.log", service(seed=2, slow=30_000))
    values = [finding for finding in compared(good, bad).flagged if finding.kind == "value"]
    assert len(values) == 1 and "30000 ms" in values[0].lines[0].text


def test_a_new_error_of_a_service_is_shown_and_a_usual_new_id_is_not(tmp_path: Path):
    good = write(tmp_path / "g.log", service(seed=1))
    bad = write(tmp_path / "b.log", service(seed=2, extra={120: "ERROR cannot connect to db: connection refused"}))
    shown = flagged_lines(compared(good, bad))
    texts = Path(bad).read_text("utf-8").split("\n")
    assert [texts[number - 1].split(" ", 2)[2] for number in shown] == [
        "ERROR cannot connect to db: connection refused"
    ]


# Output


def test_at_most_so_many_lines_and_tokens(tmp_path: Path, good: str):
    bad = failed(tmp_path)
    _, text = run_diff([good, bad], DiffOptions(as_json=True, max_lines=2))
    rows = [json.loads(row) for row in text.splitlines()[1:]]
    assert sum(len(row["lines"]) for row in rows if row["side"] == "bad") == 2
    _, markdown = run_diff([good, bad], DiffOptions(markdown=True, max_lines=8))
    assert len(markdown.splitlines()) <= 8
    _, markdown = run_diff([good, bad], DiffOptions(markdown=True, max_tokens=100))
    assert len(markdown) <= 400


def test_the_page_shows_both_runs_and_escapes_log_text(tmp_path: Path, good: str):
    evil = "<script>alert(1)</script> error: \x1b]0;title\x07 failed"
    bad = write(tmp_path / "b.log", stamped([*STEPS[:7], evil, *ERROR], 5))
    page = tmp_path / "page.html"
    run_diff([good, bad], DiffOptions(html=page))
    text = page.read_text("utf-8")
    assert "<script" not in text and "&lt;script&gt;" in text and "\x1b" not in text
    assert "good run" in text and "bad run" in text and "gcc -c src/b.c" in text


def test_markdown_cannot_be_left_by_log_text(tmp_path: Path, good: str):
    bad = write(tmp_path / "b.log", stamped([*STEPS[:7], "error: ```` @everyone ![x](http://x)", *ERROR], 5))
    _, text = run_diff([good, bad], DiffOptions(markdown=True))
    fences = re.findall(r"^\s*(`{3,})", text, re.M)
    assert fences and all(len(fence) > 4 for fence in fences)


def test_timeline_is_in_the_order_of_lines_and_text_has_no_escape(tmp_path: Path, good: str):
    bad = write(tmp_path / "b.log", stamped([*STEPS[:5], "warning: something odd happened", *STEPS[5:7], *ERROR], 5))
    _, text = run_diff([good, bad], DiffOptions(timeline=True))
    places = [int(found) for found in re.findall(r"^ *\d+\. new  line (\d+)", text, re.M)]
    assert places == sorted(places) and "\x1b" not in text


def test_exit_codes(tmp_path: Path, good: str):
    bad = failed(tmp_path)
    runner = CliRunner()
    assert runner.invoke(app, ["diff", good, bad]).exit_code == 0
    assert runner.invoke(app, ["diff", good, bad, "--fail-on-difference"]).exit_code == 1
    assert runner.invoke(app, ["diff", good, good, "--fail-on-difference"]).exit_code == 0


# Several good runs, saved ones, archives


def test_what_was_saved_judges_as_the_logs_do(tmp_path: Path, good: str):
    other = write(tmp_path / "other.log", stamped(STEPS, 2))
    bad = failed(tmp_path)
    run_diff([good, other], DiffOptions(save=tmp_path / "model"))
    one, two = compared(good, other, bad), compared(bad, model=tmp_path / "model")
    assert [(f.kind, f.score, [line.number for line in f.lines]) for f in one.findings] == [
        (f.kind, f.score, [line.number for line in f.lines]) for f in two.findings
    ]


def test_folders_patterns_archives_and_siblings_are_good_logs(tmp_path: Path):
    folder = tmp_path / "runs"
    folder.mkdir()
    for run in range(3):
        write(folder / f"build-{run}.log", stamped(STEPS, run))
    with gzip.open(folder / "build-3.log.gz", "wt") as file:
        file.write("\n".join(stamped(STEPS, 3)))
    with tarfile.open(tmp_path / "run.tar.gz", "w:gz") as archive:
        archive.add(folder / "build-0.log", "build-0.log")
    bad = failed(folder, "build-9.log")
    expected = flagged_lines(compared(str(folder / "build-0.log"), bad))
    (tmp_path / "good").mkdir()
    for name in ("build-0.log", "build-1.log"):
        (tmp_path / "good" / name).write_bytes((folder / name).read_bytes())
    assert flagged_lines(compared(str(tmp_path / "good"), bad)) == expected
    assert flagged_lines(compared(str(tmp_path / "good" / "*.log"), bad)) == expected
    assert flagged_lines(compared(str(tmp_path / "run.tar.gz"), bad)) == expected
    siblings = compared(bad, good_from=folder)
    assert len(siblings.good) == 4 and flagged_lines(siblings) == expected


# Bad input


def test_identical_logs_have_no_difference(good: str):
    result = compared(good, good)
    assert not result.findings and any(note.startswith("no difference") for note in result.notes)


def test_swapped_logs_are_told(tmp_path: Path, good: str):
    assert any("swapped" in note for note in compared(failed(tmp_path), good).notes)


def test_a_good_log_that_failed_is_told(tmp_path: Path, good: str):
    assert any(
        "ends in failure itself" in note for note in compared(good, failed(tmp_path, "g.log"), failed(tmp_path)).notes
    )


def test_logs_of_other_programs_are_told(tmp_path: Path):
    one = write(tmp_path / "a.log", [f"alpha beta {word} gamma" for word in "abcdefghijklmnopqrstuvwxyz"])
    two = write(
        tmp_path / "b.log",
        [json.dumps({"level": "info", "msg": f"delta {word}"}) for word in "abcdefghijklmnopqrstuvwxyz"],
    )
    assert any("different programs or formats" in note for note in compared(one, two).notes)


def test_an_empty_good_log_and_an_empty_bad_log(tmp_path: Path, good: str):
    empty = tmp_path / "empty.log"
    empty.write_text("", "utf-8")
    bad = failed(tmp_path)
    assert any("hold no text" in note for note in compared(str(empty), bad).notes)
    assert 8 in flagged_lines(compared(str(empty), bad))
    both = compared(str(empty), good, bad)
    assert any("left out" in note for note in both.notes) and 8 in flagged_lines(both)
    assert any("the bad log is empty" in note for note in compared(good, str(empty)).notes)


def test_five_hundred_good_logs(tmp_path: Path):
    folder = tmp_path / "runs"
    folder.mkdir()
    for run in range(500):
        write(folder / f"run-{run}.log", stamped(STEPS, run))
    result = compared(str(folder), failed(tmp_path))
    assert len(result.good) >= 400 and 8 in flagged_lines(result)


@pytest.mark.parametrize(
    ("logs", "options", "sentence"),
    [
        (["missing.log", "b.log"], {}, "found nothing at"),
        (["b.log"], {}, "must name a good log"),
        (["*.nothing", "b.log"], {}, "found no file for"),
        (["g.log", "."], {}, "must be one file"),
        (["g.log", "b.log"], {"model": Path("m")}, "--model must stand with the bad log alone"),
        (["b.log"], {"model": Path("m")}, "must be a folder that"),
        (["g.log", "binary"], {}, "must be text"),
        (["g.log", "cut.gz"], {}, "must be whole"),
        (["b.log"], {"good_from": Path("none")}, "must be a folder with logs"),
    ],
)
def test_each_wrong_input_is_one_sentence(tmp_path: Path, monkeypatch, logs, options, sentence):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "g.log", stamped(STEPS))
    failed(tmp_path, "b.log")
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(os.urandom(20_000))[:9_000])
    with pytest.raises(ValueError, match=re.escape(sentence)) as found:
        run_diff(logs, DiffOptions(**options))
    assert "\n" not in str(found.value)


def test_what_logllm_ok_named_is_not_flagged(tmp_path: Path, good: str):
    bad = failed(tmp_path)
    lead = compared(good, bad).flagged[0]
    quiet = tmp_path / "fine"
    from logllm.suppressions import Suppressions

    Suppressions(quiet).add(lead.key, note="known")
    again = compared(good, bad, suppressions=quiet)
    assert lead.key not in {finding.key for finding in again.flagged} and any(
        "suppressed" in note for note in again.notes
    )


def test_diff_imports_no_torch(tmp_path: Path, good: str):
    code = (
        "import sys; from logllm.diff.command import run_diff, DiffOptions;"
        f"run_diff([{good!r}, {failed(tmp_path)!r}], DiffOptions(as_json=True));"
        "print([name for name in ('torch', 'transformers', 'datasets', 'sklearn', 'trl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_shared_pair_shows_its_labelled_lines():
    folder = SHARED / "cidiff" / "pairs" / "quickchecks_run118"
    if not folder.is_dir():
        pytest.skip("the shared pairs are not here: set LOGLLM_SHARED")
    shown = flagged_lines(compared(str(folder / "pass.log.gz"), str(folder / "fail.log.gz")))
    assert set(range(639, 645)) <= set(shown) and len(shown) <= 12
