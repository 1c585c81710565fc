"""Learning from an unlabelled log: what is odd is not learnt, what is shown first is ten different things."""

import json
import re
from pathlib import Path

import pytest
from fitted import fitted_folder
from typer.testing import CliRunner

from logllm.cli.app import app
from logllm.detector import LogAnomalyDetector
from logllm.errors import LogllmError
from logllm.fitting.fit import fit, in_time_order
from logllm.fitting.outliers import without_outliers
from logllm.fitting.update import update_model
from logllm.fitting.versions import go_back
from logllm.hf_datasets import get_system
from logllm.report.findings import group_findings
from logllm.report.scan import scan_with, write_scan_report
from logllm.suppressions import Suppressions
from logllm.verdict import how_often, without_counts


@pytest.fixture(scope="module")
def detector():
    return LogAnomalyDetector.from_pretrained(fitted_folder() / "model")


@pytest.fixture(scope="module")
def lines():
    return (fitted_folder() / "hdfs.log").read_text("latin-1").splitlines()


def test_windows_unlike_all_others_are_not_learnt_as_normal():
    normal = [["a", "b", "b", "c"]] * 150 + [["a", "b", "c", "c"]] * 145
    odd = [["a", "x"]] * 2 + [["a", "b", "y", "y", "y"]]
    kept = without_outliers([*normal, *odd])
    assert all(kept[: len(normal)]) and not any(kept[len(normal) :])
    assert without_outliers([["a"]] * 5) == [True] * 5


def test_a_line_never_seen_outranks_any_that_was_and_severity_orders_them(detector):
    scorer = detector.scorer
    assert scorer.key("nobody ever wrote this") is None
    unseen = detector.model.config.unseen_score
    bounded = scorer.bounded([99.0, 3.0, unseen], [1, 5, 6, scorer.unseen])
    assert bounded == pytest.approx([unseen - 0.6931, 3.0, unseen], abs=1e-3)
    calm, severe = scorer.score([["odd"], ["odd"]], [[0.0], [4.0]])
    assert severe - calm == pytest.approx(4.0)


def test_keys_by_folded_digits_are_the_matcher_s_own(detector, lines):
    from logllm.hf_datasets import parse_lines

    contents = [line.content for line in parse_lines(lines[:3000], detector.system)]
    assert [detector.scorer.key(c) for c in contents] == [detector.processor.matcher.key(c) for c in contents]


def test_findings_group_windows_of_one_reason(detector, lines):
    flagged = [v for v in detector.scan(lines, explain="none") if v.is_anomalous]
    found = group_findings(flagged, detector.explain, detector.system)
    assert sum(one.windows for one in found) == len(flagged) > len(found)
    assert len({without_counts(f"occurs {how_often(count)} in") for count in (0, 1, 2, 3, 1204)}) == 1
    assert [one.rank for one in found] == sorted((one.rank for one in found), reverse=True)


def test_a_session_that_goes_on_after_a_pause_is_two_windows_in_the_report(detector, tmp_path):
    found = scan_with(detector, [fitted_folder() / "hdfs.log"])
    ids = [verdict.window_id for verdict in found.verdicts]
    worst = {verdict.window_id for verdict in found.worst(10)}
    assert any(ids.count(name) > 1 for name in worst)
    write_scan_report(found, tmp_path / "report.html", "hdfs.log")
    page = " ".join(re.sub(r"<[^>]*>", "", (tmp_path / "report.html").read_text("utf-8")).split())
    assert f"{found.counts.flagged} of {len(ids):,} windows flagged" in page


def test_suppressing_a_finding_takes_its_flag(detector, lines, tmp_path):
    verdicts = [v for v in detector.scan(lines) if v.is_anomalous]
    worst = group_findings(verdicts, detector.explain, detector.system)[0]
    listed = Suppressions(tmp_path / "list", detector.system)
    from logllm.suppressions import key_of

    for item in worst.verdict.evidence:
        if item.reason:
            listed.add(key_of(item, detector.system))
    assert listed.covers(worst.verdict)


def test_rotated_files_are_put_in_time_order(tmp_path, lines):
    early, late = tmp_path / "app.log.1", tmp_path / "app.log"
    early.write_text("\n".join(lines[:100]))
    late.write_text("\n".join(lines[4000:4100]))
    assert in_time_order([late, early], get_system("hdfs")) == [early, late]


def test_an_update_learns_new_templates_moves_no_key_and_can_be_undone(tmp_path):
    import shutil

    model = tmp_path / "model"
    shutil.copytree(fitted_folder() / "model", model)
    before = LogAnomalyDetector.from_pretrained(model)
    rows = (fitted_folder() / "hdfs.log").read_text("latin-1").splitlines()[:4000]
    new = "dfs.Balancer: Moving {} bytes calmly from rack to rack"
    log = tmp_path / "new.log"
    head = rows[0].split(" dfs.")[0]
    log.write_text(
        "\n".join(r for i, row in enumerate(rows) for r in (row, *([f"{head} {new.format(i)}"] if i % 4 == 0 else [])))
    )
    result = update_model(model, [log], max_steps=30, progress=False)
    assert any("Balancer" in text or "calmly" in text for text in result["new_templates"])
    after = LogAnomalyDetector.from_pretrained(model)
    assert after.calibration.lineage == before.calibration.lineage and after.calibration.version == 2
    words = before.processor.tokenizer.get_vocab()
    assert all(after.processor.tokenizer.get_vocab()[word] == place for word, place in words.items())
    line = "Moving 7 bytes calmly from rack to rack"
    assert before.scorer.key(line) is None and after.scorer.key(line) is not None
    assert after.scorer.score([[line] * 3])[0] < before.scorer.score([[line] * 3])[0]
    go_back(model)
    assert LogAnomalyDetector.from_pretrained(model).scorer.key(line) is None
    with pytest.raises(LogllmError, match="go back"):
        go_back(model)


def test_a_log_too_short_to_learn_from_is_said(tmp_path):
    log = tmp_path / "short.log"
    log.write_text("one\ntwo\n")
    with pytest.raises(LogllmError, match="at least 10 windows"):
        fit([log], None, progress=False)


def test_the_commands(tmp_path):
    run = CliRunner().invoke
    model, log = fitted_folder() / "model", fitted_folder() / "hdfs.log"
    report = tmp_path / "report.html"
    shown = ["--json", "--top", "3", "--html", str(report), "--fail-on-anomaly"]
    result = run(app, ["scan", str(log), "--model", str(model), *shown])
    head, *rows = [json.loads(row) for row in result.stdout.splitlines() if row.startswith("{")]
    assert (
        result.exit_code == 1 and len(rows) == 3 and {"key", "kind", "lines"} <= set(rows[0]) and head["head"]["model"]
    )
    page = report.read_text()
    assert "What stands out" in page and "<table>" in page and "http://" not in page.replace("http://www.w3.org", "")
    listed = str(tmp_path / "list.jsonl")
    assert run(app, ["ok", rows[0]["key"], "--suppressions", listed, "--for", "7d", "--by", "ann"]).exit_code == 0
    assert "ann" in run(app, ["ok", "--list", "--suppressions", listed]).stdout
    assert run(app, ["ok", rows[0]["key"], "--remove", "--suppressions", listed]).exit_code == 0
    assert "nothing is suppressed" in run(app, ["ok", "--list", "--suppressions", listed]).stdout


def test_coloured_logs_have_the_templates_of_plain_ones(detector, lines):
    coloured = [line.replace("INFO", "\x1b[32mINFO\x1b[0m") for line in lines[:2000]]
    plain = [v.score for v in detector.scan(lines[:2000], explain="none")]
    assert [v.score for v in detector.scan(coloured, explain="none")] == plain
    assert Path(fitted_folder() / "model" / "calibration.json").is_file()
